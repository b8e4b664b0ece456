/*
 * Whatever a DICOM file says of its pixels: what is found lies in the file, and
 * frames follow each other. How deep it nests is told of the same bytes.
 * The first byte chooses byte order, types and the number of frames.
 */

#include <stdlib.h>

#include "render-worker/import/dicom_nesting.c"
#include "render-worker/import/pixel_data.c"

int LLVMFuzzerTestOneInput(const uint8_t *src, size_t len);
static void judge(int ok);


int
LLVMFuzzerTestOneInput(const uint8_t *src, size_t len)
{
    pixel_data_t p;
    uint32_t frames;

    if (len == 0) {
        return 0;
    }

    frames = src[0] >> 2;
    judge(dicom_nesting(src + 1, len - 1, src[0] & 1, src[0] >> 1 & 1) >= 0);

    if (pixel_data_open(&p, src + 1, len - 1, 0, src[0] & 1, src[0] >> 1 & 1,
                        frames) == DICOM_OK) {
        if (!p.encapsulated) {
            judge(p.value > src && p.bytes <= (size_t) (src + len - p.value));
        }

        for (size_t i = 0; i < p.pieces; i++) {
            judge(p.piece[i].data > src &&
                  p.piece[i].bytes <= (size_t) (src + len - p.piece[i].data));
        }

        for (uint32_t k = 0; p.encapsulated && k < frames; k++) {
            judge(p.start[k] <= p.start[k + 1] && p.start[k + 1] <= p.pieces);
        }
    }

    pixel_data_close(&p);

    return 0;
}


static void
judge(int ok)
{
    if (!ok) {
        abort();
    }
}
