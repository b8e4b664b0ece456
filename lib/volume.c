#include "lib/volume.h"

#include <math.h>
#include <string.h>

/*
 * 0 magic, 8 version, 12 dims, 24 affine, 120 scale, 128 offset,
 * 136 voxel_min, 138 voxel_max, 144 unit, 160 modality; all else is zero.
 */
static const uint8_t volume_magic[8] = {'E', 'X', 'P', 'O', 'V', 'O', 'L', 0};

#define VOLUME_VERSION 1

static void put_u16(uint8_t *p, uint16_t v);
static void put_u32(uint8_t *p, uint32_t v);
static void put_f64(uint8_t *p, double v);
static uint16_t get_u16(const uint8_t *p);
static uint32_t get_u32(const uint8_t *p);
static double get_f64(const uint8_t *p);
static expo_status_t text_read(char dst[16], const uint8_t *src);
static int all_zero(const uint8_t *p, size_t len);


void
expo_volume_write(uint8_t dst[EXPO_VOLUME_HEADER], const expo_volume_t *v)
{
    int i;

    memset(dst, 0, EXPO_VOLUME_HEADER);
    memcpy(dst, volume_magic, sizeof(volume_magic));
    put_u32(dst + 8, VOLUME_VERSION);

    for (i = 0; i < 3; i++) {
        put_u32(dst + 12 + 4 * i, v->dims[i]);
    }

    for (i = 0; i < 12; i++) {
        put_f64(dst + 24 + 8 * i, v->affine[i]);
    }

    put_f64(dst + 120, v->scale);
    put_f64(dst + 128, v->offset);
    put_u16(dst + 136, v->voxel_min);
    put_u16(dst + 138, v->voxel_max);
    memcpy(dst + 144, v->unit, 16);
    memcpy(dst + 160, v->modality, 16);
}


expo_status_t
expo_volume_read(expo_volume_t *v, const uint8_t src[EXPO_VOLUME_HEADER],
                 uint64_t total)
{
    expo_status_t st;
    int i;

    memset(v, 0, sizeof(*v));

    if (memcmp(src, volume_magic, sizeof(volume_magic)) != 0 ||
        get_u32(src + 8) != VOLUME_VERSION || !all_zero(src + 140, 4) ||
        !all_zero(src + 176, EXPO_VOLUME_HEADER - 176)) {
        return EXPO_INVALID;
    }

    for (i = 0; i < 3; i++) {
        v->dims[i] = get_u32(src + 12 + 4 * i);
    }

    for (i = 0; i < 12; i++) {
        v->affine[i] = get_f64(src + 24 + 8 * i);
    }

    v->scale = get_f64(src + 120);
    v->offset = get_f64(src + 128);
    v->voxel_min = get_u16(src + 136);
    v->voxel_max = get_u16(src + 138);

    if (text_read(v->unit, src + 144) != EXPO_OK ||
        text_read(v->modality, src + 160) != EXPO_OK) {
        return EXPO_INVALID;
    }

    st = expo_volume_check(v);
    if (st != EXPO_OK) {
        return st;
    }

    if (total != EXPO_VOLUME_UNTOLD &&
        total != EXPO_VOLUME_HEADER + 2 * expo_volume_voxels(v)) {
        return EXPO_CORRUPT;
    }

    return EXPO_OK;
}


expo_status_t
expo_volume_check(const expo_volume_t *v)
{
    const double *a = v->affine;
    double det, scale = 1;
    int i;

    for (i = 0; i < 3; i++) {
        if (v->dims[i] == 0) {
            return EXPO_INVALID;
        }

        if (v->dims[i] > EXPO_VOLUME_EDGE_MAX) {
            return EXPO_TOO_LARGE;
        }
    }

    if (expo_volume_voxels(v) > EXPO_VOLUME_VOXELS_MAX) {
        return EXPO_TOO_LARGE;
    }

    for (i = 0; i < 12; i++) {
        if (!isfinite(a[i])) {
            return EXPO_INVALID;
        }
    }

    for (i = 0; i < 3; i++) {
        scale *= expo_volume_spacing(v, i);
    }

    det = a[0] * (a[5] * a[10] - a[6] * a[9]) -
          a[1] * (a[4] * a[10] - a[6] * a[8]) +
          a[2] * (a[4] * a[9] - a[5] * a[8]);

    /* The comparison is negated so that a NaN or a zero step fails it. */
    if (!(fabs(det) > 1e-6 * scale) || !isfinite(det)) {
        return EXPO_INVALID;
    }

    if (!isfinite(v->scale) || !(v->scale > 0) || !isfinite(v->offset) ||
        v->voxel_min > v->voxel_max) {
        return EXPO_INVALID;
    }

    return EXPO_OK;
}


uint64_t
expo_volume_voxels(const expo_volume_t *v)
{
    return (uint64_t) v->dims[0] * v->dims[1] * v->dims[2];
}


double
expo_volume_spacing(const expo_volume_t *v, int axis)
{
    const double *a = v->affine + axis;

    return sqrt(a[0] * a[0] + a[4] * a[4] + a[8] * a[8]);
}


void
expo_volume_bounds(const expo_volume_t *v, double min[3], double max[3])
{
    int corner, row, axis;
    double p, index;

    for (row = 0; row < 3; row++) {
        min[row] = INFINITY;
        max[row] = -INFINITY;

        for (corner = 0; corner < 8; corner++) {
            p = v->affine[4 * row + 3];

            for (axis = 0; axis < 3; axis++) {
                index = (corner >> axis & 1) ? v->dims[axis] - 0.5 : -0.5;
                p += v->affine[4 * row + axis] * index;
            }

            min[row] = fmin(min[row], p);
            max[row] = fmax(max[row], p);
        }
    }
}


static expo_status_t
text_read(char dst[16], const uint8_t *src)
{
    size_t len = 0;

    while (len < 16 && src[len] != 0) {
        if (src[len] < 0x20 || src[len] > 0x7e) {
            return EXPO_INVALID;
        }

        len++;
    }

    if (len == 16 || !all_zero(src + len, 16 - len)) {
        return EXPO_INVALID;
    }

    memcpy(dst, src, 16);

    return EXPO_OK;
}


static int
all_zero(const uint8_t *p, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (p[i] != 0) {
            return 0;
        }
    }

    return 1;
}


static void
put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t) v;
    p[1] = (uint8_t) (v >> 8);
}


static void
put_u32(uint8_t *p, uint32_t v)
{
    put_u16(p, (uint16_t) v);
    put_u16(p + 2, (uint16_t) (v >> 16));
}


static void
put_f64(uint8_t *p, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, 8);
    put_u32(p, (uint32_t) bits);
    put_u32(p + 4, (uint32_t) (bits >> 32));
}


static uint16_t
get_u16(const uint8_t *p)
{
    return (uint16_t) (p[0] | p[1] << 8);
}


static uint32_t
get_u32(const uint8_t *p)
{
    return get_u16(p) | (uint32_t) get_u16(p + 2) << 16;
}


static double
get_f64(const uint8_t *p)
{
    uint64_t bits = get_u32(p) | (uint64_t) get_u32(p + 4) << 32;
    double v;

    memcpy(&v, &bits, 8);

    return v;
}
