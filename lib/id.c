#include "lib/id.h"

#include <string.h>

static const char id_alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";


void
expo_id_print(char dst[EXPO_ID_TEXT + 1], const expo_id_t *id)
{
    uint32_t bits = 0;
    unsigned n = 0;
    size_t i;

    for (i = 0; i < sizeof(id->b); i++) {
        bits = bits << 8 | id->b[i];

        for (n += 8; n >= 5; n -= 5) {
            *dst++ = id_alphabet[bits >> (n - 5) & 31];
        }
    }

    /* 128 = 25 * 5 + 3: two zero bits fill the last character. */
    *dst++ = id_alphabet[bits << (5 - n) & 31];
    *dst = '\0';
}


expo_status_t
expo_id_parse(expo_id_t *id, const char *text, size_t len)
{
    expo_id_t out = {{0}};
    uint32_t bits = 0;
    unsigned n = 0;
    size_t i, byte = 0;

    if (len != EXPO_ID_TEXT) {
        return EXPO_INVALID;
    }

    for (i = 0; i < len; i++) {
        const char *c = text[i] ? strchr(id_alphabet, text[i]) : NULL;

        if (c == NULL) {
            return EXPO_INVALID;
        }

        bits = bits << 5 | (uint32_t) (c - id_alphabet);
        n += 5;

        if (n >= 8) {
            n -= 8;
            out.b[byte++] = (uint8_t) (bits >> n);
        }
    }

    if ((bits & 3) != 0) {
        return EXPO_INVALID;
    }

    *id = out;
    return EXPO_OK;
}
