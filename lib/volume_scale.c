#include "lib/volume_scale.h"

#include <stdlib.h>
#include <string.h>

/* A sum of factor^3 voxels fits 32 bits: 40^3 * 65535 < 2^32. */
#define SCALE_FACTOR_MAX 40

static void put(expo_volume_scale_t *s, uint32_t voxel);
static void layer_end(expo_volume_scale_t *s);
static uint32_t inside(uint32_t at, uint32_t factor, uint32_t n);


uint32_t
expo_volume_scale_factor(const expo_volume_t *v, uint64_t most)
{
    expo_volume_t scaled;
    uint32_t factor;

    for (factor = 1; factor <= SCALE_FACTOR_MAX; factor++) {
        scaled = *v;
        expo_volume_scale_shape(&scaled, factor);

        if (expo_volume_voxels(&scaled) <= most) {
            return factor;
        }
    }

    return 0;
}


void
expo_volume_scale_shape(expo_volume_t *v, uint32_t factor)
{
    double *row;
    int i, axis;

    for (i = 0; i < 3; i++) {
        row = v->affine + 4 * i;

        for (axis = 0; axis < 3; axis++) {
            /* The middle of the first block. */
            row[3] += 0.5 * (factor - 1) * row[axis];
            row[axis] *= factor;
        }
    }

    for (i = 0; i < 3; i++) {
        v->dims[i] = (v->dims[i] + factor - 1) / factor;
    }
}


expo_status_t
expo_volume_scale_open(expo_volume_scale_t *s, const expo_volume_t *v,
                       uint32_t factor, uint16_t *dst)
{
    expo_volume_t scaled = *v;

    expo_volume_scale_shape(&scaled, factor);
    memset(s, 0, sizeof(*s));
    memcpy(s->from, v->dims, sizeof(s->from));
    memcpy(s->to, scaled.dims, sizeof(s->to));
    s->factor = factor;
    s->dst = dst;
    s->sums = calloc((size_t) s->to[0] * s->to[1], sizeof(*s->sums));

    return s->sums != NULL ? EXPO_OK : EXPO_NO_MEMORY;
}


void
expo_volume_scale_feed(expo_volume_scale_t *s, const uint8_t *src, size_t bytes)
{
    const uint8_t *end = src + bytes;

    if (s->half && src < end) {
        s->half = 0;
        put(s, (uint32_t) s->first | (uint32_t) *src++ << 8);
    }

    for (; end - src >= 2; src += 2) {
        put(s, (uint32_t) src[0] | (uint32_t) src[1] << 8);
    }

    if (src < end) {
        s->half = 1;
        s->first = *src;
    }
}


uint64_t
expo_volume_scale_made(const expo_volume_scale_t *s)
{
    uint32_t layers = s->z == s->from[2] ? s->to[2] : s->z / s->factor;

    return (uint64_t) layers * s->to[0] * s->to[1];
}


expo_status_t
expo_volume_scale_close(expo_volume_scale_t *s)
{
    int whole = s->z == s->from[2];

    explicit_bzero(s->sums, (size_t) s->to[0] * s->to[1] * sizeof(*s->sums));
    free(s->sums);
    s->sums = NULL;
    s->first = 0;

    return whole ? EXPO_OK : EXPO_CORRUPT;
}


static void
put(expo_volume_scale_t *s, uint32_t voxel)
{
    if (s->z == s->from[2]) {
        return;
    }

    s->sums[(size_t) (s->y / s->factor) * s->to[0] + s->x / s->factor] += voxel;

    if (++s->x < s->from[0]) {
        return;
    }

    s->x = 0;

    if (++s->y < s->from[1]) {
        return;
    }

    s->y = 0;

    if (++s->z == s->from[2] || s->z % s->factor == 0) {
        layer_end(s);
    }
}


static void
layer_end(expo_volume_scale_t *s)
{
    uint32_t layer = (s->z - 1) / s->factor, x, y, n, deep;
    uint16_t *dst = s->dst + (size_t) layer * s->to[0] * s->to[1];
    uint32_t *sum = s->sums;

    deep = inside(layer, s->factor, s->from[2]);

    for (y = 0; y < s->to[1]; y++) {
        for (x = 0; x < s->to[0]; x++, sum++) {
            n = deep * inside(y, s->factor, s->from[1]) *
                inside(x, s->factor, s->from[0]);
            *dst++ = (uint16_t) ((*sum + (uint64_t) n / 2) / n);
            *sum = 0;
        }
    }
}


/* Full voxels along one axis in scaled voxel `at`. */
static uint32_t
inside(uint32_t at, uint32_t factor, uint32_t n)
{
    uint32_t left = n - at * factor;

    return left < factor ? left : factor;
}
