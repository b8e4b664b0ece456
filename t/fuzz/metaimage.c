/* Whatever the file, a volume comes out whole and sane, or a sentence. */

#include "lib/metaimage_read.c"

#include "t/fuzz/volume_file.h"

int
LLVMFuzzerTestOneInput(const uint8_t *src, size_t len)
{
    return reads(expo_metaimage_read, src, len);
}
