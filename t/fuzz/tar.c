/* Whatever the archive, entries lie inside it, in order, and it ends. */

#include "lib/tar.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *src, size_t len);


int
LLVMFuzzerTestOneInput(const uint8_t *src, size_t len)
{
    expo_tar_entry_t e;
    uint64_t at = 0, before = 0;

    while (expo_tar_next(src, len, &at, &e) == EXPO_OK) {
        if (at <= before || at > len || e.data < src + before
            || e.bytes > len - (uint64_t) (e.data - src)
            || (const uint8_t *) e.name < src
            || e.name_len > len - (size_t) ((const uint8_t *) e.name - src)
            || (const uint8_t *) e.folder < src
            || e.folder_len
                   > len - (size_t) ((const uint8_t *) e.folder - src)) {
            abort();
        }

        before = at;
    }

    return 0;
}
