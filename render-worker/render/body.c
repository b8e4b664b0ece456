#include "render-worker/render/scene.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/render/wipe.h"

static expo_status_t pad(body_t *b, const uint16_t *voxels);
static void invert(double dst[9], const double a[12]);
static expo_status_t usual_range(body_t *b);


expo_status_t
body_open(body_t *b, const expo_volume_t *volume, const uint16_t *voxels)
{
    const double *a = volume->affine;
    expo_status_t st;
    int axis, row;

    memset(b, 0, sizeof(*b));
    b->volume = *volume;

    for (row = 0; row < 3; row++) {
        b->center[row] = a[4 * row + 3];

        for (axis = 0; axis < 3; axis++) {
            b->center[row] +=
                a[4 * row + axis] * 0.5 * (volume->dims[axis] - 1.0);
        }
    }

    invert(b->to_index, a);

    st = pad(b, voxels);
    if (st != EXPO_OK) {
        return st;
    }

    st = usual_range(b);
    if (st == EXPO_OK) {
        st = grid_open(&b->grid, b->voxels, b->n);
    }

    if (st != EXPO_OK) {
        body_close(b);
    }

    return st;
}


void
body_close(body_t *b)
{
    grid_close(&b->grid);
    wipe_free(b->padded, (size_t) b->n[0] * (size_t) b->n[1] *
                             (size_t) b->n[2] * sizeof(*b->padded));
    memset(b, 0, sizeof(*b));
}


void
body_changed(body_t *b)
{
    grid_measure(&b->grid, b->voxels, b->n);
    b->unbounded = true;
    b->changes++;
}


/* Lookups read two voxels along each axis, so a single one is repeated. */
static expo_status_t
pad(body_t *b, const uint16_t *voxels)
{
    const uint32_t *d = b->volume.dims;
    size_t x, y, z, at = 0;
    int axis;

    for (axis = 0; axis < 3; axis++) {
        b->n[axis] = d[axis] > 1 ? (int32_t) d[axis] : 2;
    }

    b->voxels = voxels;

    if (d[0] > 1 && d[1] > 1 && d[2] > 1) {
        return EXPO_OK;
    }

    b->padded = malloc((size_t) b->n[0] * (size_t) b->n[1] * (size_t) b->n[2] *
                       sizeof(*b->padded));
    if (b->padded == NULL) {
        return EXPO_NO_MEMORY;
    }

    for (z = 0; z < (size_t) b->n[2]; z++) {
        for (y = 0; y < (size_t) b->n[1]; y++) {
            for (x = 0; x < (size_t) b->n[0]; x++) {
                b->padded[at++] =
                    voxels[((z % d[2]) * d[1] + y % d[1]) * d[0] + x % d[0]];
            }
        }
    }

    b->voxels = b->padded;

    return EXPO_OK;
}


static void
invert(double dst[9], const double a[12])
{
    double det = a[0] * (a[5] * a[10] - a[6] * a[9]) -
                 a[1] * (a[4] * a[10] - a[6] * a[8]) +
                 a[2] * (a[4] * a[9] - a[5] * a[8]);
    int i;

    dst[0] = a[5] * a[10] - a[6] * a[9];
    dst[1] = a[2] * a[9] - a[1] * a[10];
    dst[2] = a[1] * a[6] - a[2] * a[5];
    dst[3] = a[6] * a[8] - a[4] * a[10];
    dst[4] = a[0] * a[10] - a[2] * a[8];
    dst[5] = a[2] * a[4] - a[0] * a[6];
    dst[6] = a[4] * a[9] - a[5] * a[8];
    dst[7] = a[1] * a[8] - a[0] * a[9];
    dst[8] = a[0] * a[5] - a[1] * a[4];

    for (i = 0; i < 9; i++) {
        dst[i] /= det;
    }
}


/* Gradients are judged against what is usual: one metal clip, thirty times as
 * dense as bone, must not make every other surface look soft. */
static expo_status_t
usual_range(body_t *b)
{
    uint64_t i, n = expo_volume_voxels(&b->volume), seen = 0, tail, *count;
    size_t v = 0;
    double first;

    count = calloc(65536, sizeof(*count));
    if (count == NULL) {
        return EXPO_NO_MEMORY;
    }

    /* Of a padded volume this reads the first copy of each voxel or fewer; an
     * estimate is all that is needed. */
    for (i = 0; i < n; i++) {
        count[b->voxels[i]]++;
    }

    tail = n / 1000;

    while (v < 65535 && seen + count[v] <= tail) {
        seen += count[v++];
    }

    first = (double) v;

    while (v < 65535 && seen + count[v] < n - tail) {
        seen += count[v++];
    }

    b->range = fmax((double) v - first, 1.0);
    free(count);

    return EXPO_OK;
}
