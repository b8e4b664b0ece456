#include "lib/tus.h"

#include <string.h>

#include "lib/base64.h"

typedef struct {
    const char *key, *value;
    size_t key_len, value_len;
} tus_pair_t;

static int tus_pair(tus_pair_t *p, const char *text, size_t len, size_t *at);
static int tus_is(const tus_pair_t *p, const char *key, size_t len);


expo_status_t
expo_tus_number(uint64_t *out, const char *text, size_t len)
{
    uint64_t n = 0, digit;

    if (len == 0) {
        return EXPO_INVALID;
    }

    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return EXPO_INVALID;
        }

        digit = (uint64_t) (text[i] - '0');
        if (n > ((uint64_t) INT64_MAX - digit) / 10) {
            return EXPO_INVALID;
        }

        n = n * 10 + digit;
    }

    *out = n;

    return EXPO_OK;
}


expo_status_t
expo_tus_metadata_check(const char *text, size_t len)
{
    uint8_t value[EXPO_TUS_METADATA_MAX];
    size_t at = 0, before, n;
    tus_pair_t p, other;

    if (len > EXPO_TUS_METADATA_MAX) {
        return EXPO_TOO_LARGE;
    }

    while (at < len) {
        if (!tus_pair(&p, text, len, &at) ||
            expo_base64_parse(value, sizeof(value), &n, p.value, p.value_len) !=
                EXPO_OK) {
            return EXPO_INVALID;
        }

        for (before = 0;
             tus_pair(&other, text, len, &before) && other.key != p.key;) {
            if (tus_is(&other, p.key, p.key_len)) {
                return EXPO_INVALID;
            }
        }
    }

    /* A comma at the end promises one more. */
    return len > 0 && text[len - 1] == ',' ? EXPO_INVALID : EXPO_OK;
}


expo_status_t
expo_tus_metadata_get(uint8_t *dst, size_t cap, size_t *bytes, const char *key,
                      const char *text, size_t len)
{
    size_t at = 0;
    tus_pair_t p;

    while (at < len && tus_pair(&p, text, len, &at)) {
        if (tus_is(&p, key, strlen(key))) {
            return expo_base64_parse(dst, cap, bytes, p.value, p.value_len);
        }
    }

    return EXPO_NOT_FOUND;
}


expo_status_t
expo_tus_checksum(expo_tus_checksum_t *out, const char *text, size_t len)
{
    static const struct {
        const char *name;
        size_t bytes;
    } algorithms[] = {
        [EXPO_TUS_SHA1] = {"sha1", 20}, [EXPO_TUS_SHA256] = {"sha256", 32}};
    const char *blank = memchr(text, ' ', len);
    size_t n = blank != NULL ? (size_t) (blank - text) : len;

    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (n != strlen(algorithms[i].name) ||
            memcmp(text, algorithms[i].name, n) != 0) {
            continue;
        }

        if (blank == NULL ||
            expo_base64_parse(out->digest, sizeof(out->digest), &out->bytes,
                              blank + 1, len - n - 1) != EXPO_OK ||
            out->bytes != algorithms[i].bytes) {
            return EXPO_INVALID;
        }

        out->algorithm = (expo_tus_algorithm_t) i;

        return EXPO_OK;
    }

    return EXPO_UNSUPPORTED;
}


/* The pair at *at, which moves behind its comma; 0: there is none. */
static int
tus_pair(tus_pair_t *p, const char *text, size_t len, size_t *at)
{
    size_t i = *at, end;

    while (i < len && text[i] == ' ') {
        i++;
    }

    p->key = text + i;
    while (i < len && text[i] > ' ' && text[i] < 0x7f && text[i] != ',') {
        i++;
    }
    p->key_len = (size_t) (text + i - p->key);

    while (i < len && text[i] == ' ') {
        i++;
    }

    p->value = text + i;
    while (i < len && text[i] != ',' && text[i] != ' ') {
        i++;
    }
    p->value_len = (size_t) (text + i - p->value);

    for (end = i; end < len && text[end] == ' ';) {
        end++;
    }

    if (p->key_len == 0 || (end < len && text[end] != ',')) {
        return 0;
    }

    *at = end + (end < len);

    return 1;
}


static int
tus_is(const tus_pair_t *p, const char *key, size_t len)
{
    return p->key_len == len && memcmp(p->key, key, len) == 0;
}
