/*
 * base64 with padding (RFC 4648, section 4), as control messages and the
 * WebSocket handshake have it, and base64url without (section 5; RFC 7515,
 * section 2), as tokens do. Reading is strict: the only spelling taken is the
 * one that printing gives.
 */

#ifndef EXPO_BASE64_H
#define EXPO_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

/* Characters for n bytes, NUL included. */
#define EXPO_BASE64_TEXT(n) (((n) + 2) / 3 * 4 + 1)

/* Characters of `bytes` bytes, without NUL; and most bytes of `chars`. */
#define EXPO_BASE64URL_CHARS(bytes) (((bytes) *4 + 2) / 3)
#define EXPO_BASE64URL_BYTES(chars) ((chars) *3 / 4)

/* dst: room for EXPO_BASE64_TEXT(len). */
void expo_base64_print(char *dst, const uint8_t *src, size_t len);

/* EXPO_INVALID: any other spelling. EXPO_TOO_LARGE: more than cap bytes. */
expo_status_t expo_base64_parse(uint8_t *dst, size_t cap, size_t *bytes,
                                const char *text, size_t len);

/* dst: EXPO_BASE64URL_CHARS(len) characters and a NUL. */
void expo_base64url_print(char *dst, const uint8_t *src, size_t len);

/* dst: room for EXPO_BASE64URL_BYTES(len). EXPO_INVALID: any other spelling. */
expo_status_t expo_base64url_parse(uint8_t *dst, size_t *bytes,
                                   const char *text, size_t len);

#endif
