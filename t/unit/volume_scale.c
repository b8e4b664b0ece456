#include "lib/volume_scale.c"
#include "t/unit/check.h"

#include <math.h>

static expo_volume_t
sample(uint32_t nx, uint32_t ny, uint32_t nz)
{
    static const double affine[12] = {0.5, 0.1, 0, -30, 0, 0.7,
                                      0,   -20, 0, 0.2, 2, 5};
    expo_volume_t v;

    memset(&v, 0, sizeof(v));
    v.dims[0] = nx;
    v.dims[1] = ny;
    v.dims[2] = nz;
    v.scale = 1;
    memcpy(v.affine, affine, sizeof(affine));

    return v;
}

/* By definition: the mean of what is inside. */
static uint16_t
mean(const uint16_t *voxels, const expo_volume_t *v, uint32_t k, uint32_t x,
     uint32_t y, uint32_t z)
{
    uint64_t sum = 0, n = 0;
    uint32_t i, j, l;

    for (l = z * k; l < (z + 1) * k && l < v->dims[2]; l++) {
        for (j = y * k; j < (y + 1) * k && j < v->dims[1]; j++) {
            for (i = x * k; i < (x + 1) * k && i < v->dims[0]; i++) {
                sum += voxels[((size_t) l * v->dims[1] + j) * v->dims[0] + i];
                n++;
            }
        }
    }

    return (uint16_t) ((sum + n / 2) / n);
}

/* Fed in portions of `portion` bytes, in place. */
static int
is_scaled(const expo_volume_t *v, uint32_t factor, size_t portion)
{
    size_t n = (size_t) expo_volume_voxels(v), i, at = 0, bytes;
    uint16_t *full = malloc(2 * n), *work = malloc(2 * n);
    expo_volume_t scaled = *v;
    expo_volume_scale_t s;
    uint32_t x, y, z;
    int wrong = 0;

    for (i = 0; i < n; i++) {
        full[i] = work[i] = (uint16_t) (i * 40503u);
    }

    expo_volume_scale_shape(&scaled, factor);
    wrong += expo_volume_scale_open(&s, v, factor, work) != EXPO_OK;

    for (i = 0; i < 2 * n; i += portion) {
        bytes = 2 * n - i < portion ? 2 * n - i : portion;
        expo_volume_scale_feed(&s, (const uint8_t *) work + i, bytes);
    }

    wrong += expo_volume_scale_close(&s) != EXPO_OK;

    for (z = 0; z < scaled.dims[2]; z++) {
        for (y = 0; y < scaled.dims[1]; y++) {
            for (x = 0; x < scaled.dims[0]; x++) {
                wrong += work[at++] != mean(full, v, factor, x, y, z);
            }
        }
    }

    free(full);
    free(work);

    return wrong == 0;
}

static void
each_voxel_is_the_mean_of_its_block(void)
{
    expo_volume_t even = sample(8, 6, 4), odd = sample(7, 5, 3);
    expo_volume_t thin = sample(1, 9, 1);
    uint32_t factor;
    size_t portion;

    for (factor = 1; factor <= 4; factor++) {
        check(is_scaled(&even, factor, 1 << 20));
        check(is_scaled(&odd, factor, 1 << 20));
        check(is_scaled(&thin, factor, 1 << 20));
    }

    for (portion = 1; portion < 9; portion++) {
        check(is_scaled(&odd, 2, portion));
    }
}

/* Of the brightest voxels, the sum does not run over. */
static void
the_largest_factor_keeps_the_brightest(void)
{
    expo_volume_t v = sample(40, 40, 40);
    uint16_t *voxels = malloc(40 * 40 * 40 * 2);
    expo_volume_scale_t s;

    memset(voxels, 0xff, 40 * 40 * 40 * 2);
    check(expo_volume_scale_open(&s, &v, 40, voxels) == EXPO_OK);
    expo_volume_scale_feed(&s, (uint8_t *) voxels, 40 * 40 * 40 * 2);
    check(expo_volume_scale_close(&s) == EXPO_OK);
    check(voxels[0] == 65535);
    free(voxels);
}

static void
blocks_lie_where_their_voxels_lay(void)
{
    expo_volume_t v = sample(8, 6, 4), scaled = v;
    double before[3], after[3], before_scaled[3], after_scaled[3];
    double worst = 0;
    int i;

    expo_volume_scale_shape(&scaled, 2);
    check(scaled.dims[0] == 4 && scaled.dims[1] == 3 && scaled.dims[2] == 2);

    /* The middle of the first block in both. */
    for (i = 0; i < 3; i++) {
        before[i] =
            v.affine[4 * i + 3] +
            0.5 * (v.affine[4 * i] + v.affine[4 * i + 1] + v.affine[4 * i + 2]);
        after[i] = scaled.affine[4 * i + 3];
    }

    check(before[0] == after[0] && before[1] == after[1] &&
          before[2] == after[2]);
    expo_volume_bounds(&v, before, after);
    expo_volume_bounds(&scaled, before_scaled, after_scaled);
    for (i = 0; i < 3; i++) {
        worst = fmax(worst, fabs(before[i] - before_scaled[i]));
        worst = fmax(worst, fabs(after[i] - after_scaled[i]));
    }
    check(worst < 1e-9);
    check(expo_volume_spacing(&scaled, 2) == 2 * expo_volume_spacing(&v, 2));
}

static void
the_smallest_factor_that_fits_is_found(void)
{
    expo_volume_t v = sample(100, 100, 100);

    check(expo_volume_scale_factor(&v, 1000000) == 1);
    check(expo_volume_scale_factor(&v, 999999) == 2);
    check(expo_volume_scale_factor(&v, 125000) == 2);
    check(expo_volume_scale_factor(&v, 124999) == 3);
    check(expo_volume_scale_factor(&v, 27) == 34);
    check(expo_volume_scale_factor(&v, 0) == 0);
}

static void
missing_voxels_are_noticed(void)
{
    expo_volume_t v = sample(4, 4, 4);
    uint16_t voxels[64] = {0};
    expo_volume_scale_t s;

    check(expo_volume_scale_open(&s, &v, 2, voxels) == EXPO_OK);
    expo_volume_scale_feed(&s, (uint8_t *) voxels, 127);
    check(expo_volume_scale_close(&s) == EXPO_CORRUPT);

    check(expo_volume_scale_open(&s, &v, 2, voxels) == EXPO_OK);
    expo_volume_scale_feed(&s, (uint8_t *) voxels, 128);
    expo_volume_scale_feed(&s, (uint8_t *) voxels, 2);
    check(expo_volume_scale_close(&s) == EXPO_OK);
}

int
main(void)
{
    each_voxel_is_the_mean_of_its_block();
    the_largest_factor_keeps_the_brightest();
    blocks_lie_where_their_voxels_lay();
    the_smallest_factor_that_fits_is_found();
    missing_voxels_are_noticed();

    return done();
}
