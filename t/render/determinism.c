/*
 * Group 8 of the renderer's tests: a seed gives the same bits for any number of
 * threads, any portions of samples, any cuts of a pass into parts and any order
 * of tiles, with the build for
 * every CPU and with the one for x86-64-v3, which differ from each other by
 * rounding only.
 */

#include <stdatomic.h>

#include "render-worker/render/pass.h"
#include "t/render/medium.h"
#include "t/unit/check.h"

#define WIDTH 50 /* no multiple of a tile */
#define HEIGHT 37
#define PIXELS (WIDTH * HEIGHT)
#define SAMPLES 12

typedef struct {
    float rgb[3 * PIXELS], filtered[3 * PIXELS];
    uint8_t shown[4 * PIXELS];
} picture_t;

static expo_settings_t
everything(void)
{
    expo_settings_t s = test_settings();

    s.environment.intensity = 1;
    s.shading.mode = EXPO_SHADING_HYBRID;
    s.shading.max_bounces = 3;
    s.camera.aperture_mm = 4;
    s.camera.orthographic = false;
    s.camera.fov_deg = 15;
    s.transfer.points[1].specular[0] = 0.3f;
    s.transfer.points[1].roughness = 0.2f;
    s.lights[0] = test_light(100, 30);
    s.n_lights = 1;

    return s;
}

/* Ends a part after so many pieces; 0: never. */
typedef struct {
    uint32_t pieces;
    atomic_uint asked;
    unsigned parts;
} cut_t;

static bool
is_over(void *data)
{
    cut_t *cut = data;

    return cut->pieces > 0 && ++cut->asked >= cut->pieces;
}

static cut_t cut;
static int failed;

static void
pass(tracer_view_t *view, uint32_t samples)
{
    expo_status_t st;

    do {
        cut.asked = 0;
        cut.parts++;
        /* Only the first says how many. */
        st = tracer_pass_part(view, samples, is_over, &cut);
        samples = 99;
    } while (st == EXPO_AGAIN);

    failed += st != EXPO_OK;
}

static void
render(unsigned threads, tracer_mode_t mode, uint64_t seed,
       const uint32_t *portions, picture_t *out)
{
    expo_volume_t v = test_volume(28, 30, 26);
    uint16_t *voxels = test_ball(&v, 9);
    expo_settings_t s = everything();
    tracer_view_t *view;
    char error[100];
    tracer_t *t;

    tracer_create("cpu", threads, &t, error, sizeof(error));
    tracer_open(t, &v, voxels, &view);
    tracer_mode(view, mode);
    tracer_set(view, &s);
    tracer_film(view, WIDTH, HEIGHT, seed);

    for (; *portions > 0; portions++) {
        pass(view, *portions);
    }

    tracer_read(view, out->rgb);
    tracer_read_filtered(view, out->filtered);
    tracer_read_display(view, WIDTH, HEIGHT, out->shown);
    tracer_close(view);
    tracer_destroy(t);
    free(voxels);
}

static void
every_number_of_threads_gives_the_same_bits(void)
{
    static const uint32_t portions[] = {3, SAMPLES - 3, 0};
    static picture_t one, other;
    tracer_mode_t mode;
    unsigned threads;
    int apart = 0;

    for (mode = TRACER_PRODUCTION; mode <= TRACER_ER2012; mode++) {
        render(1, mode, 3, portions, &one);

        for (threads = 2; threads <= 8; threads++) {
            render(threads, mode, 3, portions, &other);
            apart += memcmp(&one, &other, sizeof(one)) != 0;
        }
    }

    check(apart == 0);
}

/* A first sample that is traced again later counts once in all of them. */
static void
every_portion_of_samples_gives_the_same_bits(void)
{
    static const uint32_t portions[][SAMPLES + 1] = {
        {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
        {2, 10},
        {1, 11},
        {3, 9},
        {4, 4, 4},
        {7, 1, 4},
    };
    static const uint32_t all[] = {SAMPLES, 0};
    static picture_t one, other;
    tracer_mode_t mode;
    int i, apart = 0;

    for (mode = TRACER_PRODUCTION; mode <= TRACER_ER2012; mode++) {
        render(0, mode, 3, all, &one);

        for (i = 0; i < 6; i++) {
            render(0, mode, 3, portions[i], &other);
            apart += memcmp(&one, &other, sizeof(one)) != 0;
        }
    }

    check(apart == 0);
}

/* The film is 12 tiles. */
static void
every_cut_of_a_pass_gives_the_same_bits(void)
{
    static const uint32_t portions[] = {2, 1, SAMPLES - 3, 0};
    static picture_t one, other;
    tracer_mode_t mode;
    unsigned threads;
    int apart = 0, miscounted = 0;

    for (mode = TRACER_PRODUCTION; mode <= TRACER_ER2012; mode++) {
        cut.pieces = 0;
        render(1, mode, 3, portions, &one);

        for (threads = 1; threads <= 3; threads++) {
            for (cut.pieces = 1; cut.pieces <= 13; cut.pieces += 3) {
                cut.parts = 0;
                render(threads, mode, 3, portions, &other);
                apart += memcmp(&one, &other, sizeof(one)) != 0;
                miscounted += threads == 1 && cut.pieces == 1 &&
                              cut.parts != 3 * 12;
                miscounted += cut.pieces == 13 && cut.parts != 3;
            }
        }
    }

    cut.pieces = 0;
    check(apart == 0);
    check(miscounted == 0);
    check(failed == 0);
}

static void
another_seed_gives_other_noise(void)
{
    static const uint32_t all[] = {SAMPLES, 0};
    static picture_t one, other;
    tracer_mode_t mode;
    int same = 0;

    for (mode = TRACER_PRODUCTION; mode <= TRACER_ER2012; mode++) {
        render(0, mode, 3, all, &one);
        render(0, mode, 4, all, &other);
        same += memcmp(one.rgb, other.rgb, sizeof(one.rgb)) == 0;
    }

    check(same == 0);
}

/* order: 1 from the first tile to the last, -1 back. */
static void
tiles_by(void (*tile)(void *pass, uint32_t tile), int order,
         pt_pixel_t film[PIXELS], pt_look_t look[PIXELS])
{
    pass_t p = {&scene.pt, film, look, 0, SAMPLES};
    uint32_t i, n = pass_tiles(&scene.pt);

    memset(film, 0, PIXELS * sizeof(*film));
    memset(look, 0, PIXELS * sizeof(*look));

    for (i = 0; i < n; i++) {
        tile(&p, order > 0 ? i : n - 1 - i);
    }
}

static double
sum_of(const pt_pixel_t film[PIXELS], const pt_look_t look[PIXELS],
       double *cover)
{
    double sum = 0;
    int i;

    for (i = 0, *cover = 0; i < PIXELS; i++) {
        sum += film[i].radiance[1];
        *cover += film[i].cover + (double) look[i].cover;
    }

    return sum;
}

static void
both_builds_repeat_themselves_and_agree(void)
{
    static void (*const builds[])(void *pass, uint32_t tile) = {pass_tile,
                                                                pass_tile_v3};
    static pt_pixel_t film[2][PIXELS];
    static pt_look_t look[2][PIXELS];
    expo_volume_t v = test_volume(20, 24, 18);
    expo_settings_t s = everything();
    uint16_t *voxels = test_voxels(&v, 0);
    double sum[2], cover[2];
    size_t i, n = 2;
    int mode;

#ifdef __x86_64__
    n = __builtin_cpu_supports("x86-64-v3") ? 2 : 1;
#endif

    for (i = 0; i < (size_t) expo_volume_voxels(&v); i++) {
        voxels[i] = (uint16_t) (i * 2654435761u >> 22);
    }

    medium_open(&v, voxels, &s);
    scene.pt.width = WIDTH;
    scene.pt.height = HEIGHT;

    for (mode = 0; mode < 2; mode++) {
        scene.pt.mode = mode ? PT_PRODUCTION : PT_UNBIASED;

        for (i = 0; i < n; i++) {
            tiles_by(builds[i], 1, film[0], look[0]);
            tiles_by(builds[i], -1, film[1], look[1]);
            check(memcmp(film[0], film[1], sizeof(film[0])) == 0);
            check(memcmp(look[0], look[1], sizeof(look[0])) == 0);
            sum[i] = sum_of(film[0], look[0], &cover[i]);
        }

        if (n == 2) {
            /* Rounding turns a path now and then; all others are the same. */
            check(fabs(sum[1] - sum[0]) < 0.01 * sum[0]);
            check(fabs(cover[1] - cover[0]) < 0.01 * cover[0]);
        }
    }

    medium_close();
    free(voxels);
}

int
main(void)
{
    every_number_of_threads_gives_the_same_bits();
    every_portion_of_samples_gives_the_same_bits();
    every_cut_of_a_pass_gives_the_same_bits();
    another_seed_gives_other_noise();
    both_builds_repeat_themselves_and_agree();

    return done();
}
