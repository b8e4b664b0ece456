/*
 * Pictures to a stream, one encoder a session: one picture in, one record out,
 * nothing held back. A codec is one file that fills an encode_codec_t.
 */

#ifndef ENCODE_H
#define ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define ENCODE_EDGE_MIN 16
#define ENCODE_EDGE_MAX 4095 /* MPEG-1 has 12 bits for it */
#define ENCODE_FINEST 1
#define ENCODE_COARSEST 31

typedef struct encode_s encode_t;

/* What one picture should become. */
typedef struct {
    bool key;              /* must decode without any earlier picture */
    uint32_t target_bytes; /* aimed at, not promised */
    uint32_t finest;       /* quantiser that is good enough, 1..31 */
} encode_wish_t;

typedef struct {
    const uint8_t *data; /* borrowed until the next call */
    size_t bytes;
    bool key;
    uint32_t quantiser; /* 1 (finest) .. 31 */
} encode_record_t;

typedef struct {
    const char *name; /* as in messages.schema.json, "mpeg1" */
    uint8_t number;   /* expo_codec_t */
    expo_status_t (*open)(uint32_t width, uint32_t height, size_t most,
                          void **state);
    expo_status_t (*picture)(void *state, const uint8_t *rgba,
                             const encode_wish_t *wish, encode_record_t *out);
    void (*close)(void *state);
} encode_codec_t;

/* The codecs there are; NULL past the last. */
const encode_codec_t *encode_codec(size_t index);

/*
 * width, height: even, 16..4094. most: largest record in bytes.
 * EXPO_UNSUPPORTED: no codec of this name.
 */
expo_status_t encode_open(const char *name, uint32_t width, uint32_t height,
                          size_t most, encode_t **out);
void encode_close(encode_t *e);
uint8_t encode_number(const encode_t *e);

/*
 * rgba: [height][width][4], top row first; alpha is not looked at.
 * The record holds exactly this picture. A picture that came out longer than
 * `most` is coded again, coarser and as a keyframe; EXPO_TOO_LARGE when even
 * the coarsest does not fit, and then the next picture is a keyframe by itself.
 */
expo_status_t encode_picture(encode_t *e, const uint8_t *rgba,
                             const encode_wish_t *wish, encode_record_t *out);

#endif
