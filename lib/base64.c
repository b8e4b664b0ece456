#include "lib/base64.h"

static char *base64_print(char *dst, const uint8_t *src, size_t len,
                          const char *alphabet);
static expo_status_t base64_parse(uint8_t *dst, size_t *bytes, const char *text,
                                  size_t len, const char *last_two);
static int base64_value(char c, const char *last_two);

#define ALPHABET                                                               \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


void
expo_base64_print(char *dst, const uint8_t *src, size_t len)
{
    char *end = base64_print(dst, src, len, ALPHABET "+/");

    while ((end - dst) % 4 != 0) {
        *end++ = '=';
    }

    *end = '\0';
}


expo_status_t
expo_base64_parse(uint8_t *dst, size_t cap, size_t *bytes, const char *text,
                  size_t len)
{
    size_t pad;

    if (len % 4 != 0) {
        return EXPO_INVALID;
    }

    pad = len > 0 && text[len - 1] == '=';
    pad += pad && text[len - 2] == '=';

    if (len / 4 * 3 - pad > cap) {
        return EXPO_TOO_LARGE;
    }

    return base64_parse(dst, bytes, text, len - pad, "+/");
}


void
expo_base64url_print(char *dst, const uint8_t *src, size_t len)
{
    *base64_print(dst, src, len, ALPHABET "-_") = '\0';
}


expo_status_t
expo_base64url_parse(uint8_t *dst, size_t *bytes, const char *text, size_t len)
{
    return base64_parse(dst, bytes, text, len, "-_");
}


/* Neither padding nor NUL; returns where they belong. */
static char *
base64_print(char *dst, const uint8_t *src, size_t len, const char *alphabet)
{
    uint32_t bits = 0;
    unsigned have = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | src[i];
        have += 8;

        while (have >= 6) {
            have -= 6;
            *dst++ = alphabet[bits >> have & 63];
        }
    }

    if (have > 0) {
        *dst++ = alphabet[bits << (6 - have) & 63];
    }

    return dst;
}


/* text: without padding. */
static expo_status_t
base64_parse(uint8_t *dst, size_t *bytes, const char *text, size_t len,
             const char *last_two)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;

    if (len % 4 == 1) {
        return EXPO_INVALID;
    }

    for (size_t i = 0; i < len; i++) {
        int v = base64_value(text[i], last_two);

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

    /* Bits that no byte holds are 0, or a value had two spellings. */
    if (bits & ((1u << have) - 1)) {
        return EXPO_INVALID;
    }

    *bytes = n;

    return EXPO_OK;
}


static int
base64_value(char c, const char *last_two)
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

    return c == last_two[0] ? 62 : c == last_two[1] ? 63 : -1;
}
