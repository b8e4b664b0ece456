/*
 * Group 7 of the renderer's tests: what production marches and what unbiased
 * paths and paths without macrocells find by chance is the same light, on six
 * scenes, as a whole and in each block of a picture.
 */

#include "t/render/scene.h"
#include "t/render/statistics.h"
#include "t/unit/check.h"

#define SIDE 48
#define PIXELS (SIDE * SIDE)
#define BLOCK 8
#define BLOCKS (SIDE / BLOCK)

/* Stated: 0.03 % for translucent tissue, 0.15 % of the whole for thin steep
 * layers; where a block holds little else, more. */
#define BIAS 0.0015
#define BLOCK_BIAS 0.006

/* One in 10^4 over all blocks of all scenes, by Student's t of 63 degrees. */
#define BLOCK_ERRORS 6.0

static tracer_t *tracer;

typedef struct {
    const char *name;
    uint16_t *(*voxels)(const expo_volume_t *v);
    void (*edit)(expo_volume_t *v, expo_settings_t *s);
} scene_t;

static void
skin_over_bone(expo_volume_t *v, expo_settings_t *s)
{
    (void) v;
    s->shading.max_bounces = 2;
}

static uint16_t *
tubes(const expo_volume_t *v)
{
    uint16_t *voxels = test_voxels(v, 0);
    size_t i, n = (size_t) expo_volume_voxels(v);
    double x, y, z, d;

    for (i = 0; i < n; i++) {
        x = (double) (i % v->dims[0]) - 32;
        y = (double) (i / v->dims[0] % v->dims[1]) - 32;
        z = (double) (i / v->dims[0] / v->dims[1]) - 32;
        d = fmin(hypot(x - 8 * sin(z / 6), y - 5 * cos(z / 9)),
                 hypot(z - 6 * sin(x / 5), y + 4 * cos(x / 4)));
        voxels[i] = (uint16_t) fmax(450 - 180 * d, 0);
    }

    return voxels;
}

static void
vessels(expo_volume_t *v, expo_settings_t *s)
{
    (void) v;
    s->shading.mode = EXPO_SHADING_BRDF;
    s->transfer.points[4].specular[0] = 0.2f;
    s->transfer.points[4].roughness = 0.25f;
}

static uint16_t *
noise(const expo_volume_t *v)
{
    uint16_t *voxels = test_voxels(v, 0);
    size_t i, n = (size_t) expo_volume_voxels(v);

    for (i = 0; i < n; i++) {
        voxels[i] = (uint16_t) (i * 2654435761u >> 22 & 511);
    }

    return voxels;
}

static void
speckle(expo_volume_t *v, expo_settings_t *s)
{
    (void) v;
    s->transfer.density_scale = 0.15f;
    s->shading.g = 0.5f;
    s->shading.max_bounces = 3;
}

static uint16_t *
onion(const expo_volume_t *v)
{
    uint16_t *voxels = test_voxels(v, 0);
    size_t i, n = (size_t) expo_volume_voxels(v);
    double x, y, z, r;

    for (i = 0; i < n; i++) {
        x = (double) (i % v->dims[0]) - 31.5;
        y = (double) (i / v->dims[0] % v->dims[1]) - 31.5;
        z = (double) (i / v->dims[0] / v->dims[1]) - 31.5;
        r = sqrt(x * x + y * y + z * z);
        voxels[i] = r < 28 ? (uint16_t) (200 + 150 * (1 + sin(1.6 * r))) : 0;
    }

    return voxels;
}

static void
thin_shells(expo_volume_t *v, expo_settings_t *s)
{
    (void) v;
    s->shading.mode = EXPO_SHADING_HYBRID;
    s->transfer.density_scale = 0.8f;
    s->shading.max_bounces = 1;
}

/* Voxels that are longer and slanted, a lens, a cut, an open box. */
static void
cut_and_slanted(expo_volume_t *v, expo_settings_t *s)
{
    v->affine[6] = 0.3;
    v->affine[10] = 1.2;
    s->shading.mode = EXPO_SHADING_HYBRID;
    s->shading.gradient_factor = 5;
    s->camera.aperture_mm = 6;
    s->clip.box_max[2] = 18;
    s->clip.n_planes = 1;
    s->clip.planes[0].enabled = true;
    s->clip.planes[0].normal[0] = -(float) M_SQRT1_2;
    s->clip.planes[0].normal[1] = (float) M_SQRT1_2;
    s->clip.planes[0].offset_mm = -14;
}

static uint16_t *
soft_ball(const expo_volume_t *v)
{
    return test_ball(v, 24);
}

static void
haze(expo_volume_t *v, expo_settings_t *s)
{
    (void) v;
    s->transfer.density_scale = 0.03f;
    s->shading.max_bounces = 8;
    s->shading.g = -0.4f;
    s->lights[0].longitude_deg = 120;
}

static const scene_t scenes[] = {
    {"skin over bone", test_head, skin_over_bone},
    {"vessels", tubes, vessels},
    {"speckle", noise, speckle},
    {"thin shells", onion, thin_shells},
    {"cut and slanted", test_head, cut_and_slanted},
    {"haze", soft_ball, haze},
};

#define SCENES (int) (sizeof(scenes) / sizeof(scenes[0]))

/* Most standard errors that a block of a is off b's, less what may be bias. */
static double
worst_block(const float *a, const float *b)
{
    double worst = 0, mean, off;
    test_mean_t m;
    int block, k, at;

    for (block = 0; block < BLOCKS * BLOCKS; block++) {
        memset(&m, 0, sizeof(m));
        mean = 0;

        for (k = 0; k < BLOCK * BLOCK; k++) {
            at = (block / BLOCKS * BLOCK + k / BLOCK) * SIDE +
                 block % BLOCKS * BLOCK + k % BLOCK;
            test_add(&m, (double) (a[3 * at] - b[3 * at]));
            mean += (double) b[3 * at] / (BLOCK * BLOCK);
        }

        off = fabs(test_mean_of(&m)) - BLOCK_BIAS * mean;
        worst = fmax(worst, off > 0 ? off / test_error_of(&m) : 0);
    }

    return worst;
}

static void
all_ways_give_the_same_light(void)
{
    static const tracer_mode_t others[] = {TRACER_UNBIASED, TRACER_WOODCOCK};
    static float marched[3 * PIXELS], tracked[3 * PIXELS];
    double mean, error, block;
    expo_settings_t s;
    expo_volume_t v;
    uint16_t *voxels;
    test_mean_t d;
    int i, k, mode;

    for (i = 0; i < SCENES; i++) {
        v = test_volume(64, 64, 64);
        voxels = scenes[i].voxels(&v);
        s = test_benchmark();
        scenes[i].edit(&v, &s);
        test_render(tracer, &v, voxels, &s, SIDE, test_count(48), marched,
                    &error);

        for (mode = 0; mode < 2; mode++) {
            mean = test_render_mode(tracer, &v, voxels, &s, others[mode], SIDE,
                                    test_count(mode ? 24 : 96), tracked,
                                    &error);
            memset(&d, 0, sizeof(d));

            for (k = 0; k < PIXELS; k++) {
                test_add(&d, (double) (marched[3 * k] - tracked[3 * k]));
            }

            block = worst_block(marched, tracked);
            printf("# %s, %s: %+.3f %% off, error %.3f %%; a block %.1f "
                   "errors\n",
                   scenes[i].name, mode ? "no macrocells" : "unbiased",
                   100 * test_mean_of(&d) / mean,
                   100 * test_error_of(&d) / mean, block);
            check(fabs(test_mean_of(&d)) < 4 * test_error_of(&d) + BIAS * mean);
            check(test_shortened() || mode == 1 ||
                  test_error_of(&d) < 0.005 * mean);
            check(block < BLOCK_ERRORS);
        }

        free(voxels);
    }
}

int
main(void)
{
    tracer = test_tracer();
    all_ways_give_the_same_light();
    tracer_destroy(tracer);

    return done();
}
