/* What leaves comes back through our own readers as it was. */

#include "lib/export.c"
#include "lib/nifti_write.c"
#include "t/unit/volume_files.h"

#define NX 37
#define NY 29
#define NZ 41
#define VOXELS (NX * NY * NZ)

static uint8_t stored[EXPO_VOLUME_HEADER + 2 * VOXELS];
static uint8_t made[1 << 20];

/* Oblique, left-handed, each axis with a spacing of its own. */
static expo_volume_t
oblique(double scale, double offset)
{
    static const double affine[12] = {0.48, -0.21,  0.9,  -31.25,
                                      0.36, 0.28,   -1.2, 17.5,
                                      0.0,  -0.125, -2.0, 1234.5625};
    expo_volume_t v = {.dims = {NX, NY, NZ},
                       .scale = scale,
                       .offset = offset,
                       .voxel_max = 4095,
                       .unit = "HU",
                       .modality = "CT"};
    uint8_t *p = stored + EXPO_VOLUME_HEADER;

    memcpy(v.affine, affine, sizeof(affine));
    expo_volume_write(stored, &v);

    for (uint32_t i = 0; i < VOXELS; i++) {
        uint32_t x = i < 2 ? i * 4095 : i * 2654435761u >> 20;

        p[2 * i] = (uint8_t) x;
        p[2 * i + 1] = (uint8_t) (x >> 8);
    }

    return v;
}

/* All of it, in portions of so many bytes; its length. */
static size_t export(expo_export_format_t format, int gzip, size_t portion)
{
    static uint8_t room[1 << 20];
    size_t at = 0, len, n, bytes = 2 * VOXELS;
    expo_export_t e;

    check(expo_export_open(&e, stored, sizeof(stored), format, gzip) ==
          EXPO_OK);
    check(expo_export_room(&e, portion) <= sizeof(room));

    for (size_t i = 0; i < bytes; i += n) {
        n = bytes - i < portion ? bytes - i : portion;
        if (expo_export_feed(&e, stored + EXPO_VOLUME_HEADER + i, n, room,
                             &len) != EXPO_OK ||
            len > expo_export_room(&e, n) || at + len > sizeof(made)) {
            check(!"a portion comes out");
            break;
        }
        memcpy(made + at, room, len);
        at += len;
    }

    check(gzip ? expo_export_bytes(&e) == 0 : expo_export_bytes(&e) == at);
    check(expo_export_feed(&e, stored, 2, room, &len) == EXPO_INVALID);
    check(expo_export_close(&e) == EXPO_OK);

    return at;
}

static int
comes_back(const expo_volume_t *v, const char *name, size_t len, double within)
{
    expo_volume_file_t in = {made, len, name, NULL, NULL, 0, NULL};
    const uint8_t *p = stored + EXPO_VOLUME_HEADER;
    uint16_t *voxels = NULL;
    expo_volume_t got;
    double worst = 0;
    int same;

    if (expo_volume_file_read(&got, &voxels, &in, note, sizeof(note)) !=
        EXPO_OK) {
        printf("# %s: %s\n", name, note);
        return 0;
    }

    same = memcmp(got.dims, v->dims, sizeof(got.dims)) == 0;
    for (int i = 0; i < 12; i++) {
        same &= fabs(got.affine[i] - v->affine[i]) <
                1e-6 * fmax(1, fabs(v->affine[i]));
    }
    for (uint32_t i = 0; i < VOXELS; i++) {
        worst =
            fmax(worst,
                 fabs(got.offset + got.scale * voxels[i] -
                      (v->offset + v->scale * (p[2 * i] | p[2 * i + 1] << 8))));
    }
    free(voxels);
    if (worst > within) {
        printf("# %s: a value is off by %g\n", name, worst);
    }

    return same && worst <= within;
}

static void
whole_numbers_come_back_exactly(void)
{
    static const size_t portions[] = {2, 1000, 65536, 100000, 2 * VOXELS};
    expo_volume_t v = oblique(1, -1024);

    for (int i = 0; i < 5; i++) {
        check(comes_back(&v, "x.nii", export(EXPO_EXPORT_NIFTI, 0, portions[i]),
                         0));
        check(comes_back(&v, "x.nii.gz",
                         export(EXPO_EXPORT_NIFTI, 1, portions[i]), 0));
        check(comes_back(&v, "x.nrrd", export(EXPO_EXPORT_NRRD, 0, portions[i]),
                         0));
        check(comes_back(&v, "x.nrrd", export(EXPO_EXPORT_NRRD, 1, portions[i]),
                         0));
    }
}

static void
others_come_back_to_half_a_step(void)
{
    expo_volume_t v = oblique(0.0625, 0.3);

    for (int gzip = 0; gzip < 2; gzip++) {
        check(comes_back(&v, "x.nii", export(EXPO_EXPORT_NIFTI, gzip, 65536),
                         0.5 * 256 / 65535 + 1e-4));
        check(comes_back(&v, "x.nrrd", export(EXPO_EXPORT_NRRD, gzip, 65536),
                         0.5 * 256 / 65535 + 1e-4));
    }
}

/* nifti1.h's own offsets, for readers that are not ours. */
static void
a_nifti_header_is_that_of_nifti1_h(void)
{
    uint8_t h[EXPO_NIFTI_HEADER];
    expo_volume_t v = oblique(1, 0);
    float f;

    expo_nifti_header(h, &v, EXPO_NRRD_INT16);
    check(h[0] == 0x5c && h[1] == 1 && h[2] == 0 && h[3] == 0);
    check(h[40] == 3 && h[42] == NX && h[44] == NY && h[46] == NZ &&
          h[48] == 1);
    check(h[70] == 4 && h[72] == 16 && h[123] == 2 && h[252] == 0 &&
          h[254] == 1);
    memcpy(&f, h + 80, 4);
    check(fabs(f - 0.6) < 1e-6);
    memcpy(&f, h + 108, 4);
    check(f == 352);
    memcpy(&f, h + 280 + 12, 4);
    check(f == 31.25f); /* x of LPS is -x of RAS */
    memcpy(&f, h + 312 + 12, 4);
    check(f == 1234.5625f);
    check(memcmp(h + 344, "n+1\0\0\0\0\0", 8) == 0);
}

static void
what_is_no_volume_or_ends_early_is_refused(void)
{
    uint8_t dst[EXPO_NRRD_HEADER_MAX + 8];
    expo_export_t e;
    size_t len;

    oblique(1, 0);
    check(expo_export_open(&e, stored, sizeof(stored) - 2, EXPO_EXPORT_NIFTI,
                           0) == EXPO_CORRUPT);
    stored[0] ^= 1;
    check(expo_export_open(&e, stored, sizeof(stored), EXPO_EXPORT_NIFTI, 1) ==
          EXPO_INVALID);
    stored[0] ^= 1;

    check(expo_export_open(&e, stored, sizeof(stored), EXPO_EXPORT_NIFTI, 0) ==
          EXPO_OK);
    check(expo_export_feed(&e, stored, 3, dst, &len) == EXPO_INVALID);
    check(expo_export_feed(&e, stored, 4, dst, &len) == EXPO_OK &&
          len == EXPO_NIFTI_HEADER + 4);
    check(expo_export_close(&e) == EXPO_CORRUPT);
}

int
main(void)
{
    whole_numbers_come_back_exactly();
    others_come_back_to_half_a_step();
    a_nifti_header_is_that_of_nifti1_h();
    what_is_no_volume_or_ends_early_is_refused();

    return done();
}
