#include "lib/nrrd_read.c"
#include "lib/nrrd.h"
#include "t/unit/check.h"

static char error[200];

static expo_volume_t
sample(double scale, double offset)
{
    static const double affine[12] = {0.5, 0,   0.1, -30, 0, 0.7,
                                      0,   -20, 0,   0.2, 2, 5};
    expo_volume_t v;

    memset(&v, 0, sizeof(v));
    v.dims[0] = 3;
    v.dims[1] = 2;
    v.dims[2] = 4;
    memcpy(v.affine, affine, sizeof(affine));
    v.scale = scale;
    v.offset = offset;
    v.voxel_max = 23000;
    strcpy(v.unit, "HU");
    strcpy(v.modality, "CT");

    return v;
}

/* A file as exposure-import writes it; voxels are 0, 1000, 2000, ... */
static size_t
file_of(const expo_volume_t *v, uint8_t *dst, size_t cap)
{
    expo_nrrd_type_t type = expo_nrrd_type(v);
    uint8_t voxels[48];
    size_t len = 0, i;

    for (i = 0; i < 24; i++) {
        voxels[2 * i] = (uint8_t) (1000 * i);
        voxels[2 * i + 1] = (uint8_t) (1000 * i >> 8);
    }

    expo_nrrd_header((char *) dst, cap, &len, v, type);
    expo_nrrd_values(dst + len, voxels, 24, v, type);

    return len + 24 * expo_nrrd_bytes(type);
}

static void
what_import_writes_is_read(double scale, double offset)
{
    expo_volume_t v = sample(scale, offset), out;
    uint8_t file[4096];
    uint16_t *voxels = NULL;
    size_t len = file_of(&v, file, sizeof(file)), i;
    double worst = 0, span = scale * 23000;

    check(expo_nrrd_read(&out, &voxels, file, len, error, sizeof(error)) ==
          EXPO_OK);
    check(memcmp(out.affine, v.affine, sizeof(v.affine)) == 0);
    check(memcmp(out.dims, v.dims, sizeof(v.dims)) == 0);
    check(strcmp(out.unit, "HU") == 0 && strcmp(out.modality, "CT") == 0);

    for (i = 0; i < 24; i++) {
        worst = fmax(worst, fabs(out.offset + out.scale * voxels[i] -
                                 (offset + scale * 1000 * (double) i)));
    }

    check(worst <= 1e-5 * span);
    check(out.voxel_min == 0 && voxels[23] == out.voxel_max);
    free(voxels);
}

static void
every_cut_is_refused(void)
{
    expo_volume_t v = sample(1, -1024), out;
    uint8_t file[4096], *part;
    uint16_t *voxels = NULL;
    size_t len = file_of(&v, file, sizeof(file)), i;
    int taken = 0;

    for (i = 0; i < len; i++) {
        part = malloc(i + 1);
        memcpy(part, file, i);
        taken += expo_nrrd_read(&out, &voxels, part, i, error, sizeof(error)) ==
                 EXPO_OK;
        free(part);
    }

    check(taken == 0);
}

static expo_status_t
read_text(const char *text)
{
    char file[1024];
    uint16_t *voxels = NULL;
    expo_volume_t v;
    expo_status_t st;
    size_t len = strlen(text);

    memset(file, 0, sizeof(file));
    memcpy(file, text, len);
    st = expo_nrrd_read(&v, &voxels, (uint8_t *) file, len + 64, error,
                        sizeof(error));
    free(voxels);

    return st;
}

static void
what_is_not_understood_is_refused(void)
{
#define HEAD "NRRD0004\ntype: short\ndimension: 3\n"
#define TAIL "space directions: (1,0,0) (0,1,0) (0,0,1)\nendian: little\n"
    check(read_text(HEAD "sizes: 2 2 2\nencoding: raw\n" TAIL "\n") == EXPO_OK);
    check(read_text(HEAD "sizes: 2 2 2\nencoding: gzip\n" TAIL "\n") ==
          EXPO_UNSUPPORTED);
    check(read_text(HEAD "sizes: 2 2 2\nencoding: raw\n" TAIL
                         "data file: x.raw\n\n") == EXPO_UNSUPPORTED);
    check(read_text(HEAD "sizes: 0 2 2\nencoding: raw\n" TAIL "\n") ==
          EXPO_INVALID);
    check(read_text(HEAD "sizes: 4000 4000 4000\nencoding: raw\n" TAIL "\n") ==
          EXPO_TOO_LARGE);
    check(read_text(HEAD "sizes: 40 40 40\nencoding: raw\n" TAIL "\n") ==
          EXPO_CORRUPT);
    check(read_text(HEAD "encoding: raw\n" TAIL "\n") == EXPO_UNSUPPORTED);
    check(read_text("P6\n1 1\n") == EXPO_INVALID);
    check(read_text("") == EXPO_INVALID);
}

int
main(void)
{
    what_import_writes_is_read(1, -1024);
    what_import_writes_is_read(0.125, 3.5);
    every_cut_is_refused();
    what_is_not_understood_is_refused();

    return done();
}
