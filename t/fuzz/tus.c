/*
 * Whatever a header says, a number is what its digits say, and metadata that
 * passes the check has values that can be read. Input: any header's value.
 */

#include "lib/tus.c"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *src, size_t len);

static void
number(const char *text, size_t len)
{
    char again[32];
    uint64_t n;

    if (expo_tus_number(&n, text, len) != EXPO_OK) {
        return;
    }

    for (; len > 1 && *text == '0'; len--) {
        text++;
    }

    if ((size_t) snprintf(again, sizeof(again), "%llu",
                          (unsigned long long) n) != len ||
        memcmp(again, text, len) != 0) {
        abort();
    }
}


static void
metadata(const char *text, size_t len)
{
    uint8_t value[EXPO_TUS_METADATA_MAX];
    char key[EXPO_TUS_METADATA_MAX + 1];
    size_t at = 0, n;
    tus_pair_t p;

    if (expo_tus_metadata_check(text, len) != EXPO_OK) {
        return;
    }

    while (at < len) {
        if (!tus_pair(&p, text, len, &at)) {
            abort();
        }

        memcpy(key, p.key, p.key_len);
        key[p.key_len] = '\0';

        if (expo_tus_metadata_get(value, sizeof(value), &n, key, text, len) !=
            EXPO_OK) {
            abort();
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *src, size_t len)
{
    /* Never NULL, as of a header that is there. */
    char *text = malloc(len + 1);
    expo_tus_checksum_t c;

    memcpy(text, src, len);

    number(text, len);
    metadata(text, len);

    if (expo_tus_checksum(&c, text, len) == EXPO_OK &&
        c.bytes != (c.algorithm == EXPO_TUS_SHA1 ? 20 : 32)) {
        abort();
    }

    free(text);

    return 0;
}
