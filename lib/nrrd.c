#include "lib/nrrd.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian");

static void nrrd_whole(uint8_t *dst, const uint8_t *voxels, size_t n,
                       uint32_t scale, uint32_t offset);


expo_nrrd_type_t
expo_nrrd_type(const expo_volume_t *v)
{
    double low = v->offset + v->scale * v->voxel_min;
    double high = v->offset + v->scale * v->voxel_max;

    if (v->scale == floor(v->scale) && v->offset == floor(v->offset) &&
        low >= INT16_MIN && high <= INT16_MAX) {
        return EXPO_NRRD_INT16;
    }

    return EXPO_NRRD_FLOAT;
}


size_t
expo_nrrd_bytes(expo_nrrd_type_t type)
{
    return type == EXPO_NRRD_INT16 ? 2 : 4;
}


expo_status_t
expo_nrrd_header(char *dst, size_t cap, size_t *len, const expo_volume_t *v,
                 expo_nrrd_type_t type, int gzip)
{
    const double *a = v->affine;
    int n;

    n = snprintf(dst, cap,
                 "NRRD0005\n"
                 "type: %s\n"
                 "dimension: 3\n"
                 "space: left-posterior-superior\n"
                 "sizes: %u %u %u\n"
                 "space directions: (%.17g,%.17g,%.17g) (%.17g,%.17g,%.17g) "
                 "(%.17g,%.17g,%.17g)\n"
                 "kinds: domain domain domain\n"
                 "endian: little\n"
                 "encoding: %s\n"
                 "space origin: (%.17g,%.17g,%.17g)\n"
                 "modality:=%s\n"
                 "unit:=%s\n"
                 "\n",
                 type == EXPO_NRRD_INT16 ? "short" : "float", v->dims[0],
                 v->dims[1], v->dims[2], a[0], a[4], a[8], a[1], a[5], a[9],
                 a[2], a[6], a[10], gzip ? "gzip" : "raw", a[3], a[7], a[11],
                 v->modality, v->unit);

    if (n < 0 || (size_t) n >= cap) {
        return EXPO_TOO_LARGE;
    }

    *len = (size_t) n;
    return EXPO_OK;
}


void
expo_nrrd_values(uint8_t *dst, const uint8_t *voxels, size_t n,
                 const expo_volume_t *v, expo_nrrd_type_t type)
{
    uint32_t bits;
    float real;

    if (type == EXPO_NRRD_INT16) {
        /* A larger step than 65535 leaves room for voxels of 0 only. */
        nrrd_whole(dst, voxels, n, (uint32_t) fmin(v->scale, UINT16_MAX),
                   (uint32_t) (int32_t) v->offset);
        return;
    }

    for (size_t i = 0; i < n; i++) {
        real = (float) (v->offset +
                        v->scale * (voxels[2 * i] | voxels[2 * i + 1] << 8));
        memcpy(&bits, &real, sizeof bits);
        for (int b = 0; b < 4; b++) {
            dst[4 * i + (size_t) b] = (uint8_t) (bits >> (8 * b));
        }
    }
}


/* Words lie as the machine has them; sums wrap around as 16 bits do. */
static void
nrrd_whole(uint8_t *dst, const uint8_t *voxels, size_t n, uint32_t scale,
           uint32_t offset)
{
    uint16_t word;

    for (size_t i = 0; i < n; i++) {
        memcpy(&word, voxels + 2 * i, sizeof word);
        word = (uint16_t) (word * scale + offset);
        memcpy(dst + 2 * i, &word, sizeof word);
    }
}
