/*
 * Standard base64 with padding (RFC 4648, section 4), as control messages carry
 * blob headers and as the WebSocket handshake uses it. Reading is strict: the
 * only spelling taken is the one that printing gives.
 */

#ifndef EXPO_BASE64_H
#define EXPO_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

/* Characters for n bytes, NUL included. */
#define EXPO_BASE64_TEXT(n) (((n) + 2) / 3 * 4 + 1)

/* dst: room for EXPO_BASE64_TEXT(len). */
void expo_base64_print(char *dst, const uint8_t *src, size_t len);

/* EXPO_INVALID: not base64. EXPO_TOO_LARGE: more than cap bytes. */
expo_status_t expo_base64_parse(uint8_t *dst, size_t cap, size_t *bytes,
                                const char *text, size_t len);

#endif
