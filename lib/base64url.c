#include "lib/base64url.h"

static const char base64url_alphabet[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int base64url_value(char c);


void
expo_base64url_print(char *dst, const uint8_t *src, size_t len)
{
    uint32_t bits = 0;
    unsigned have = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | src[i];
        have += 8;

        while (have >= 6) {
            have -= 6;
            *dst++ = base64url_alphabet[bits >> have & 63];
        }
    }

    if (have > 0) {
        *dst++ = base64url_alphabet[bits << (6 - have) & 63];
    }

    *dst = '\0';
}


expo_status_t
expo_base64url_parse(uint8_t *dst, size_t *bytes, const char *text, size_t len)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;

    if (len % 4 == 1) {
        return EXPO_INVALID;
    }

    for (size_t i = 0; i < len; i++) {
        int v = base64url_value(text[i]);

        if (v < 0) {
            return EXPO_INVALID;
        }

        bits = bits << 6 | (uint32_t) v;
        have += 6;

        if (have >= 8) {
            have -= 8;
            dst[n++] = (uint8_t) (bits >> have);
        }
    }

    if (bits & ((1u << have) - 1)) {
        return EXPO_INVALID;
    }

    *bytes = n;

    return EXPO_OK;
}


static int
base64url_value(char c)
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

    return c == '-' ? 62 : c == '_' ? 63 : -1;
}
