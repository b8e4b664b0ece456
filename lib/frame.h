/*
 * The header in front of every streamed picture: 32 bytes, little-endian.
 * Mirrored by portal/src/core/frame.ts; both are tested against
 * t/vectors/frame.json.
 *
 *  0 u8  version = 1          16 u64 capture time, us, worker's monotonic clock
 *  1 u8  codec                24 u16 width,  26 u16 height, pixels
 *  2 u8  flags                28 u32 payload bytes
 *  3 u8  reserved, 0
 *  4 u32 sequence, +1 per frame, first is 1
 *  8 u32 settings revision that this picture shows
 * 12 u32 samples per pixel accumulated
 */

#ifndef EXPO_FRAME_H
#define EXPO_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define EXPO_FRAME_HEADER 32
#define EXPO_FRAME_VERSION 1

typedef enum {
    EXPO_CODEC_MPEG1TS = 1, /* MPEG-1 video in an MPEG transport stream */
    EXPO_CODEC_H264 = 2,    /* Annex B */
    EXPO_CODEC_VP9 = 3,
    EXPO_CODEC_AV1 = 4,
    EXPO_CODEC_JPEG = 5,
    EXPO_CODEC_STILL = 6    /* lossless still: WebP or PNG by its magic */
} expo_codec_t;

enum {
    EXPO_FRAME_KEY = 1,           /* decodable without any earlier frame */
    EXPO_FRAME_STILL = 2,
    EXPO_FRAME_CONVERGED = 4,     /* no further frame until something changes */
    EXPO_FRAME_CONFIGURATION = 8  /* codec, width or height changed */
};

typedef struct {
    uint8_t codec; /* expo_codec_t */
    uint8_t flags; /* EXPO_FRAME_* */
    uint32_t sequence;
    uint32_t revision;
    uint32_t samples;
    uint64_t time_us;
    uint16_t width;
    uint16_t height;
    uint32_t bytes; /* of payload, header not counted */
} expo_frame_t;

void expo_frame_write(uint8_t dst[EXPO_FRAME_HEADER], const expo_frame_t *f);

/*
 * len: header and payload together.
 * EXPO_INVALID: short, unknown version or codec, unknown flag, reserved byte
 * set, or payload bytes that are not len - 32.
 */
expo_status_t expo_frame_read(expo_frame_t *f, const uint8_t *src, size_t len);

#endif
