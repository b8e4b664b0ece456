/*
 * base64url without padding (RFC 4648 section 5; RFC 7515 section 2). Reading
 * is strict: alphabet only, no padding, no white space, unused bits zero. So
 * bytes have exactly one spelling.
 */

#ifndef EXPO_BASE64URL_H
#define EXPO_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

/* Characters of `bytes` bytes, without NUL; and most bytes of `chars`. */
#define EXPO_BASE64URL_CHARS(bytes) (((bytes) *4 + 2) / 3)
#define EXPO_BASE64URL_BYTES(chars) ((chars) *3 / 4)

/* dst: EXPO_BASE64URL_CHARS(len) characters and a NUL. */
void expo_base64url_print(char *dst, const uint8_t *src, size_t len);

/* dst: room for EXPO_BASE64URL_BYTES(len). EXPO_INVALID: any other spelling. */
expo_status_t expo_base64url_parse(uint8_t *dst, size_t *bytes,
                                   const char *text, size_t len);

#endif
