/*
 * Pictures to a film file: MP4 with H.264 (High, 4:2:0, BT.709), playable
 * while it loads; or MPEG-1 (BT.601) in a program stream. The stream to
 * browsers is encode.h's.
 */

#ifndef ENCODE_FILM_H
#define ENCODE_FILM_H

#include <stdint.h>

#include "lib/status.h"

typedef struct film_s film_t;

/* The muxer for a name that ends in .mp4 or .mpg; NULL for any other. */
const char *film_format(const char *name);

/*
 * path: where it is written, whatever it is called. format: film_format's.
 * width, height: even. EXPO_UNSUPPORTED: no encoder for this, or not for this
 * size and fps. EXPO_IO: the file cannot be opened.
 */
expo_status_t film_open(const char *path, const char *format, uint32_t width,
                        uint32_t height, unsigned fps, film_t **out);

/* The encoder's name: "libx264", or "mpeg4" where there is no H.264. */
const char *film_codec(const film_t *f);

/* rgba: [height][width][4], top row first; alpha is not looked at. */
expo_status_t film_picture(film_t *f, const uint8_t *rgba);

/* Writes what is held back and the index. EXPO_IO: the file is no film. */
expo_status_t film_close(film_t *f);

#endif
