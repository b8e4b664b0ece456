/* Whatever the file, the first bytes alone tell its kind. */

#include "lib/archive.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *src, size_t len);


int
LLVMFuzzerTestOneInput(const uint8_t *src, size_t len)
{
    size_t probe = len < EXPO_ARCHIVE_PROBE ? len : EXPO_ARCHIVE_PROBE;
    uint8_t *alone = malloc(probe + !probe);

    memcpy(alone, src, probe);

    if (expo_archive_kind(src, len) != expo_archive_kind(alone, probe)) {
        abort();
    }

    free(alone);

    return 0;
}
