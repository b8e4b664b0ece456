#include "lib/base64.h"

static int base64_value(char c);

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";


void
expo_base64_print(char *dst, const uint8_t *src, size_t len)
{
    size_t i;

    for (i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t) src[i] << 16;

        v |= i + 1 < len ? (uint32_t) src[i + 1] << 8 : 0;
        v |= i + 2 < len ? src[i + 2] : 0;

        *dst++ = base64_alphabet[v >> 18];
        *dst++ = base64_alphabet[v >> 12 & 63];
        *dst++ = i + 1 < len ? base64_alphabet[v >> 6 & 63] : '=';
        *dst++ = i + 2 < len ? base64_alphabet[v & 63] : '=';
    }

    *dst = '\0';
}


expo_status_t
expo_base64_parse(uint8_t *dst, size_t cap, size_t *bytes, const char *text,
                  size_t len)
{
    size_t i, n, pad, out = 0;

    if (len % 4 != 0) {
        return EXPO_INVALID;
    }

    pad = len > 0 && text[len - 1] == '=';
    pad += pad && text[len - 2] == '=';

    if (len / 4 * 3 - pad > cap) {
        return EXPO_TOO_LARGE;
    }

    for (i = 0; i < len; i += 4) {
        uint32_t v = 0;

        for (n = 0; n < 4; n++) {
            int d = i + n < len - pad ? base64_value(text[i + n]) : 0;

            if (d < 0) {
                return EXPO_INVALID;
            }

            v = v << 6 | (uint32_t) d;
        }

        n = i + 4 == len ? 3 - pad : 3;

        /* Bits that no byte holds are 0, or a value had two spellings. */
        if (n < 3 && (v & ((1u << (8 * pad)) - 1)) != 0) {
            return EXPO_INVALID;
        }

        dst[out++] = (uint8_t) (v >> 16);
        if (n > 1) {
            dst[out++] = (uint8_t) (v >> 8);
        }
        if (n > 2) {
            dst[out++] = (uint8_t) v;
        }
    }

    *bytes = out;
    return EXPO_OK;
}


static int
base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return c == '+' ? 62 : c == '/' ? 63 : -1;
}
