/*
 * Numbers of any type, as files hold them, into the 16-bit voxels of
 * lib/volume.h. The one place that knows how: readers only say where the
 * numbers lie.
 */

#ifndef EXPO_VOXELS_H
#define EXPO_VOXELS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"
#include "lib/volume.h"

typedef enum {
    EXPO_NUMBER_NONE,
    EXPO_INT8,
    EXPO_UINT8,
    EXPO_INT16,
    EXPO_UINT16,
    EXPO_INT32,
    EXPO_UINT32,
    EXPO_INT64,
    EXPO_UINT64,
    EXPO_FLOAT,
    EXPO_DOUBLE
} expo_number_t;

typedef struct {
    const uint8_t *data;
    size_t len;
    int deflated;  /* data is zlib's or gzip's */
    uint64_t skip; /* bytes (after inflating) before the first number */
    expo_number_t type;
    int big_endian;
    double slope; /* value = intercept + slope * number; not 0 */
    double intercept;
    uint32_t factor; /* of lib/volume_scale.h; 0, 1: every voxel is kept */
} expo_numbers_t;

size_t expo_number_bytes(expo_number_t type);

/*
 * Takes dims[0]*dims[1]*dims[2] numbers, x fastest. Sets scale, offset,
 * voxel_min and voxel_max of v, and with a factor its sizes and place; *voxels
 * is malloc'd, [nz][ny][nx]. Nothing larger than them is allocated.
 *
 * Whole numbers that span no more than 65535 are kept exactly, whatever their
 * type, as far as a double holds them (2^53); others have their range spread
 * over 0..65535. What is not finite becomes the smallest value.
 *
 * EXPO_CORRUPT: the data end early, do not inflate or fail their checksum.
 * EXPO_NO_MEMORY.
 */
expo_status_t expo_voxels_take(expo_volume_t *v, uint16_t **voxels,
                               const expo_numbers_t *n);

#endif
