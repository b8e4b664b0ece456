#include "lib/volume.c"
#include "t/unit/check.h"

static expo_volume_t
sample(void)
{
    /* 0.5 x 0.7 x 2 mm, turned about z by 30 degrees. */
    static const double affine[12] = {0.4330127, -0.35, 0, -30, 0.25, 0.6062178,
                                      0,         -20,   0, 0,   2,    5};
    expo_volume_t v;

    memset(&v, 0, sizeof(v));
    v.dims[0] = 3;
    v.dims[1] = 4;
    v.dims[2] = 5;
    memcpy(v.affine, affine, sizeof(affine));
    v.scale = 0.25;
    v.offset = -1024;
    v.voxel_min = 3;
    v.voxel_max = 60000;
    memcpy(v.unit, "HU", 2);
    memcpy(v.modality, "CT", 2);

    return v;
}

static const uint64_t total = EXPO_VOLUME_HEADER + 2 * 60;

static void
what_is_written_is_read(void)
{
    uint8_t h[EXPO_VOLUME_HEADER];
    expo_volume_t a = sample(), b;

    expo_volume_write(h, &a);
    check(expo_volume_read(&b, h, total) == EXPO_OK);
    check(memcmp(&a, &b, sizeof(a)) == 0);
}

/* Other programs and older blobs rely on these places. */
static void
the_layout_is_fixed(void)
{
    uint8_t h[EXPO_VOLUME_HEADER];
    expo_volume_t v = sample();

    expo_volume_write(h, &v);
    check(memcmp(h, "EXPOVOL\0\1\0\0\0\3\0\0\0\4\0\0\0\5\0\0\0", 24) == 0);
    check(h[136] == 3 && h[137] == 0 && h[138] == 0x60 && h[139] == 0xea);
    check(memcmp(h + 144, "HU", 3) == 0 && memcmp(h + 160, "CT", 3) == 0);
    /* scale 0.25 is 0x3fd0... */
    check(h[120 + 7] == 0x3f && h[120 + 6] == 0xd0 && h[120] == 0);
}

static expo_status_t
read_changed(void (*change)(expo_volume_t *v))
{
    uint8_t h[EXPO_VOLUME_HEADER];
    expo_volume_t v = sample(), out;

    change(&v);
    expo_volume_write(h, &v);

    return expo_volume_read(&out, h,
                            EXPO_VOLUME_HEADER + 2 * expo_volume_voxels(&v));
}

static void
no_slices(expo_volume_t *v)
{
    v->dims[2] = 0;
}

static void
long_edge(expo_volume_t *v)
{
    v->dims[1] = EXPO_VOLUME_EDGE_MAX + 1;
}

static void
many_voxels(expo_volume_t *v)
{
    v->dims[0] = v->dims[1] = 4096;
    v->dims[2] = 129;
}

static void
flat(expo_volume_t *v)
{
    v->affine[10] = 0;
}

static void
parallel(expo_volume_t *v)
{
    v->affine[1] = v->affine[0];
    v->affine[5] = v->affine[4];
}

static void
not_a_place(expo_volume_t *v)
{
    v->affine[3] = NAN;
}

static void
endless_step(expo_volume_t *v)
{
    v->affine[0] = INFINITY;
}

static void
no_scale(expo_volume_t *v)
{
    v->scale = 0;
}

static void
nan_offset(expo_volume_t *v)
{
    v->offset = NAN;
}

static void
upside_down(expo_volume_t *v)
{
    v->voxel_min = 9;
    v->voxel_max = 8;
}

static void
strange_text(expo_volume_t *v)
{
    v->unit[1] = 7;
}

static void
endless_text(expo_volume_t *v)
{
    memset(v->modality, 'A', 16);
}

static void
text_after_text(expo_volume_t *v)
{
    v->unit[5] = 'x';
}

static void
left_handed(expo_volume_t *v)
{
    v->affine[10] = -2;
}

static void
what_cannot_be_rendered_is_refused(void)
{
    check(read_changed(no_slices) == EXPO_INVALID);
    check(read_changed(long_edge) == EXPO_TOO_LARGE);
    check(read_changed(many_voxels) == EXPO_TOO_LARGE);
    check(read_changed(flat) == EXPO_INVALID);
    check(read_changed(parallel) == EXPO_INVALID);
    check(read_changed(not_a_place) == EXPO_INVALID);
    check(read_changed(endless_step) == EXPO_INVALID);
    check(read_changed(no_scale) == EXPO_INVALID);
    check(read_changed(nan_offset) == EXPO_INVALID);
    check(read_changed(upside_down) == EXPO_INVALID);
    check(read_changed(strange_text) == EXPO_INVALID);
    check(read_changed(endless_text) == EXPO_INVALID);
    check(read_changed(text_after_text) == EXPO_INVALID);
    check(read_changed(left_handed) == EXPO_OK);
}

static void
every_other_byte_and_length_is_refused(void)
{
    uint8_t h[EXPO_VOLUME_HEADER];
    expo_volume_t v = sample(), out;
    int i, taken = 0;

    expo_volume_write(h, &v);
    check(expo_volume_read(&out, h, total - 1) == EXPO_CORRUPT);
    check(expo_volume_read(&out, h, total + 1) == EXPO_CORRUPT);
    check(expo_volume_read(&out, h, 0) == EXPO_CORRUPT);

    for (i = 0; i < EXPO_VOLUME_HEADER; i++) {
        if (i >= 12 && i < 140) {
            continue; /* numbers, where any change may be a volume too */
        }

        h[i] ^= 0x80;
        taken += expo_volume_read(&out, h, total) == EXPO_OK;
        h[i] ^= 0x80;
    }

    check(taken == 0);
}

static void
spacing_and_bounds_follow_the_affine(void)
{
    double low[3], high[3];
    expo_volume_t v = sample();

    check(fabs(expo_volume_spacing(&v, 0) - 0.5) < 1e-6);
    check(fabs(expo_volume_spacing(&v, 1) - 0.7) < 1e-6);
    check(expo_volume_spacing(&v, 2) == 2);
    check(expo_volume_voxels(&v) == 60);

    expo_volume_bounds(&v, low, high);
    /* z: centres 5 .. 13, and half a step on either side. */
    check(low[2] == 4 && high[2] == 14);
    /* x: smallest at i = -0.5, j = 3.5. */
    check(fabs(low[0] - (-30 - 0.5 * 0.4330127 - 3.5 * 0.35)) < 1e-9);
    check(fabs(high[1] - (-20 + 2.5 * 0.25 + 3.5 * 0.6062178)) < 1e-9);
}

int
main(void)
{
    what_is_written_is_read();
    the_layout_is_fixed();
    what_cannot_be_rendered_is_refused();
    every_other_byte_and_length_is_refused();
    spacing_and_bounds_follow_the_affine();

    return done();
}
