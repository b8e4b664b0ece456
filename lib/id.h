/*
 * Identifiers: 128 random bits, written as 26 characters of base32
 * (RFC 4648 section 6, lower case, no padding). Reading is strict: one id has
 * exactly one spelling.
 */

#ifndef EXPO_ID_H
#define EXPO_ID_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define EXPO_ID_TEXT 26

typedef struct {
    uint8_t b[16];
} expo_id_t;

/* Writes 26 characters and a NUL. */
void expo_id_print(char dst[EXPO_ID_TEXT + 1], const expo_id_t *id);

/* len must be 26; EXPO_INVALID for any other spelling than id_print's. */
expo_status_t expo_id_parse(expo_id_t *id, const char *text, size_t len);

#endif
