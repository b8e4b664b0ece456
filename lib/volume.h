/*
 * A volume as it leaves import and lies in the vault: 512 bytes of header,
 * then nx*ny*nz voxels, u16 little-endian, [nz][ny][nx], x fastest.
 *
 * value = offset + scale * voxel, in `unit` (HU for CT).
 * patient = affine * (i, j, k, 1): mm, LPS; i, j, k count voxel centres from 0.
 * affine is row-major 3x4: columns are the steps in x, y, z and the origin.
 * The linear part must be invertible; left-handed is allowed.
 */

#ifndef EXPO_VOLUME_H
#define EXPO_VOLUME_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define EXPO_VOLUME_HEADER 512
#define EXPO_VOLUME_EDGE_MAX 4096
#define EXPO_VOLUME_VOXELS_MAX (1ull << 31)
#define EXPO_VOLUME_UNTOLD UINT64_MAX

typedef struct {
    uint32_t dims[3];   /* nx, ny, nz; each 1..4096, product <= 2^31 */
    double affine[12];  /* voxel index to patient mm, row-major 3x4 */
    double scale;       /* value per voxel step, > 0 */
    double offset;      /* value of voxel 0 */
    uint16_t voxel_min; /* smallest and largest voxel that occur */
    uint16_t voxel_max;
    char unit[16];      /* "HU", "" when the modality has none; NUL-padded */
    char modality[16];  /* "CT", "MR", ... NUL-padded */
} expo_volume_t;

void expo_volume_write(uint8_t dst[EXPO_VOLUME_HEADER], const expo_volume_t *v);

/*
 * total: header and voxels together, as declared by whoever sends them, or
 * EXPO_VOLUME_UNTOLD.
 * EXPO_INVALID: magic, version, a dimension, a non-finite or singular affine,
 * scale <= 0, text that is not printable ASCII, min > max.
 * EXPO_TOO_LARGE: over the limits above. EXPO_CORRUPT: total does not fit dims.
 */
expo_status_t expo_volume_read(expo_volume_t *v,
                               const uint8_t src[EXPO_VOLUME_HEADER],
                               uint64_t total);

/* Everything that expo_volume_read asks of the numbers: EXPO_OK, EXPO_INVALID
 * or EXPO_TOO_LARGE. */
expo_status_t expo_volume_check(const expo_volume_t *v);

uint64_t expo_volume_voxels(const expo_volume_t *v);

/* Length of the step along axis 0, 1, 2 in mm. */
double expo_volume_spacing(const expo_volume_t *v, int axis);

/* Axis-aligned box around all voxels' outer edges, patient mm. */
void expo_volume_bounds(const expo_volume_t *v, double min[3], double max[3]);

#endif
