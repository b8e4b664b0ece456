/* One lossless picture. */

#ifndef ENCODE_STILL_H
#define ENCODE_STILL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

/*
 * rgba: [h][w][4], top row first; alpha is kept where any is below 255.
 * *png is malloc'd.
 * EXPO_INVALID: an edge of 0 or over 16384. EXPO_UNSUPPORTED: this libavcodec
 * has no PNG encoder.
 */
expo_status_t still_png(const uint8_t *rgba, uint32_t w, uint32_t h,
                        uint8_t **png, size_t *bytes);

#endif
