#include "lib/frame.h"

#define FRAME_FLAGS                                                            \
    (EXPO_FRAME_KEY | EXPO_FRAME_STILL | EXPO_FRAME_CONVERGED |                \
     EXPO_FRAME_CONFIGURATION)

static void frame_put(uint8_t *dst, uint64_t v, unsigned bytes);
static uint64_t frame_get(const uint8_t *src, unsigned bytes);


void
expo_frame_write(uint8_t dst[EXPO_FRAME_HEADER], const expo_frame_t *f)
{
    dst[0] = EXPO_FRAME_VERSION;
    dst[1] = f->codec;
    dst[2] = f->flags;
    dst[3] = 0;
    frame_put(dst + 4, f->sequence, 4);
    frame_put(dst + 8, f->revision, 4);
    frame_put(dst + 12, f->samples, 4);
    frame_put(dst + 16, f->time_us, 8);
    frame_put(dst + 24, f->width, 2);
    frame_put(dst + 26, f->height, 2);
    frame_put(dst + 28, f->bytes, 4);
}


expo_status_t
expo_frame_read(expo_frame_t *f, const uint8_t *src, size_t len)
{
    if (len < EXPO_FRAME_HEADER || src[0] != EXPO_FRAME_VERSION ||
        src[1] < EXPO_CODEC_MPEG1TS || src[1] > EXPO_CODEC_STILL ||
        (src[2] & ~FRAME_FLAGS) != 0 || src[3] != 0 ||
        frame_get(src + 28, 4) != len - EXPO_FRAME_HEADER) {
        return EXPO_INVALID;
    }

    f->codec = src[1];
    f->flags = src[2];
    f->sequence = (uint32_t) frame_get(src + 4, 4);
    f->revision = (uint32_t) frame_get(src + 8, 4);
    f->samples = (uint32_t) frame_get(src + 12, 4);
    f->time_us = frame_get(src + 16, 8);
    f->width = (uint16_t) frame_get(src + 24, 2);
    f->height = (uint16_t) frame_get(src + 26, 2);
    f->bytes = (uint32_t) (len - EXPO_FRAME_HEADER);

    return EXPO_OK;
}


static void
frame_put(uint8_t *dst, uint64_t v, unsigned bytes)
{
    for (; bytes > 0; bytes--, v >>= 8) {
        *dst++ = (uint8_t) v;
    }
}


static uint64_t
frame_get(const uint8_t *src, unsigned bytes)
{
    uint64_t v = 0;

    while (bytes > 0) {
        v = v << 8 | src[--bytes];
    }

    return v;
}
