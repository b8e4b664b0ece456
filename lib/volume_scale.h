/*
 * A volume with an integer factor fewer voxels along each axis, for when the
 * whole does not fit into memory: each voxel is the mean of factor^3, those at
 * the far faces of as many as there are.
 */

#ifndef EXPO_VOLUME_SCALE_H
#define EXPO_VOLUME_SCALE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"
#include "lib/volume.h"

/* The smallest factor that leaves at most `most` voxels, 1 when all of them
 * fit; 0: not even one does. */
uint32_t expo_volume_scale_factor(const expo_volume_t *v, uint64_t most);

/* v's sizes and place with that factor; values mean what they did. */
void expo_volume_scale_shape(expo_volume_t *v, uint32_t factor);

/* Voxels on their way: full ones in, in their order, scaled ones out. */
typedef struct {
    uint32_t factor;
    uint32_t from[3], to[3]; /* sizes */
    uint32_t x, y, z;        /* the next voxel that comes in */
    uint32_t *sums;          /* [ny][nx] of the layer that is being made */
    uint16_t *dst;
    int half, first; /* one byte of a voxel has come, and which */
} expo_volume_scale_t;

/*
 * v: the full volume. dst: room for the scaled voxels, borrowed; may be where
 * the full ones lie, as none is overwritten before it was read.
 * EXPO_NO_MEMORY: nothing to close.
 */
expo_status_t expo_volume_scale_open(expo_volume_scale_t *s,
                                     const expo_volume_t *v, uint32_t factor,
                                     uint16_t *dst);

/* The next bytes of the full voxels, u16 little-endian, in portions of any
 * length; what comes after the last voxel is not looked at. */
void expo_volume_scale_feed(expo_volume_scale_t *s, const uint8_t *src,
                            size_t bytes);

/* Scaled voxels that are there so far; whole layers. */
uint64_t expo_volume_scale_made(const expo_volume_scale_t *s);

/* Wipes what it held. EXPO_CORRUPT: voxels are missing. */
expo_status_t expo_volume_scale_close(expo_volume_scale_t *s);

#endif
