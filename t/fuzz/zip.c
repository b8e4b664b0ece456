/*
 * Whatever the archive, its members lie inside it and apart from each other,
 * and each unpacks to no more than it said.
 */

#include "lib/zip.c"

int LLVMFuzzerTestOneInput(const uint8_t *src, size_t len);


int
LLVMFuzzerTestOneInput(const uint8_t *src, size_t len)
{
    static const expo_zip_limits_t limits = {100, 1 << 20};
    uint64_t packed = 0, bytes = 0;
    expo_zip_entry_t *e;
    uint8_t *dst;
    expo_zip_t z;
    size_t i;

    if (expo_zip_open(&z, src, len, &limits) != EXPO_OK) {
        return 0;
    }

    for (i = 0; i < z.count; i++) {
        e = &z.entries[i];

        if (e->data < src || e->packed > len - (uint64_t) (e->data - src)) {
            abort();
        }

        packed += e->packed;
        bytes += e->bytes;
        dst = malloc(e->bytes + !e->bytes);

        if (expo_zip_read(e, dst) == EXPO_OK &&
            crc32_z(0, dst, e->bytes) != e->crc) {
            abort();
        }

        free(dst);
    }

    if (packed > len || bytes != z.bytes || bytes > limits.bytes) {
        abort();
    }

    expo_zip_close(&z);

    return 0;
}
