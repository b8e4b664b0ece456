/* What tracer.h promises besides light: picking, refusals, statistics. */

#include "render-worker/render/pool.h"
#include "render-worker/render/tracer.h"
#include "t/render/scene.h"
#include "t/render/statistics.h"
#include "t/unit/check.h"

#define SIDE 32

static size_t wiped;

/* In libc's place, which knows it by this name where sizes are checked. */
void __explicit_bzero_chk(void *at, size_t bytes, size_t most);

void
__explicit_bzero_chk(void *at, size_t bytes, size_t most)
{
    memset(at, bytes <= most ? 0 : 1, bytes);
    wiped += bytes;
}

static tracer_t *tracer;

static void
picking_finds_the_surface(void)
{
    expo_volume_t v = test_volume(40, 40, 40);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 1000);
    tracer_view_t *view;
    double p[3];

    v.affine[3] += 100;
    s.camera.position[0] = s.camera.target[0] = 100;
    s.transfer.density_scale = 10;
    s.clip.box_min[1] = -7;
    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);
    tracer_film(view, SIDE, SIDE, 3);
    check(tracer_pick(view, 0.75f, 0.25f, p) == EXPO_OK);
    /* 10 mm from middle to edge of the picture. */
    check(fabs(p[0] - 105) < 0.1 && fabs(p[2] - 5) < 0.1);
    check(fabs(p[1] + 7) < 1);

    s.transfer.points[1].opacity = 0;
    tracer_set(view, &s);
    check(tracer_pick(view, 0.75f, 0.25f, p) == EXPO_NOT_FOUND);
    tracer_close(view);
    free(voxels);
}

static void
what_cannot_be_done_is_refused(void)
{
    expo_volume_t v = test_volume(8, 8, 8);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 0);
    tracer_view_t *view;
    char error[100] = "";
    tracer_t *t;

    check(tracer_create("cuda:999", 1, &t, error, sizeof(error)) ==
          EXPO_UNSUPPORTED);
    check(error[0] != 0);
    check(tracer_create("gpu", 1, &t, error, sizeof(error)) == EXPO_INVALID);

    tracer_open(tracer, &v, voxels, &view);
    check(tracer_pass(view, 1) == EXPO_INVALID);
    tracer_set(view, &s);
    check(tracer_pass(view, 1) == EXPO_INVALID);
    check(tracer_film(view, 15, 100, 1) == EXPO_INVALID);
    check(tracer_film(view, 100, 4097, 1) == EXPO_INVALID);
    check(tracer_film(view, 16, 16, 1) == EXPO_OK);
    check(tracer_pass(view, 1) == EXPO_OK);
    tracer_close(view);
    free(voxels);
}

/* Film, what the filter keeps of it, and the grid: 212 bytes a pixel at least
 * while it is shown, and 4 a macrocell. */
static void
what_shows_of_a_scan_is_wiped(void)
{
    expo_volume_t v = test_volume(40, 40, 40);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 1000);
    static uint8_t rgba[SIDE * SIDE * 4];
    tracer_view_t *view;

    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);
    tracer_film(view, 2 * SIDE, 2 * SIDE, 3);
    wiped = 0;
    tracer_film(view, SIDE, SIDE, 3);
    check(wiped >= 4 * SIDE * SIDE * (72 + 52));
    wiped = 0;
    tracer_pass(view, 1);
    tracer_read_display(view, SIDE, SIDE, rgba);
    check(wiped >= SIDE * SIDE * 32);
    wiped = 0;
    tracer_close(view);
    check(wiped >= SIDE * SIDE * (72 + 52 + 4 * 22) + 1000 * 12);
    free(voxels);
}

static void
statistics_count_every_voxel(void)
{
    expo_volume_t v = test_volume(10, 10, 10);
    uint16_t voxels[1000];
    uint32_t histogram[256], sum = 0;
    double percentiles[4];
    int i;

    for (i = 0; i < 1000; i++) {
        voxels[i] = (uint16_t) i;
    }

    v.voxel_max = 999;
    v.scale = 2;
    v.offset = -500;
    tracer_statistics(&v, voxels, histogram, percentiles);

    for (i = 0; i < 256; i++) {
        sum += histogram[i];
    }

    check(sum == 1000);
    check(fabs(percentiles[0] - (-500 + 2 * 10)) <= 2.5);
    check(fabs(percentiles[1] - (-500 + 2 * 500)) <= 2.5);
    check(fabs(percentiles[2] - (-500 + 2 * 900)) <= 2.5);
    check(fabs(percentiles[3] - (-500 + 2 * 990)) <= 2.5);
}

/* Fewer directions a path, and the same light; more paths take them all. */
static void
a_film_of_few_paths_has_the_same_light(void)
{
    static const uint32_t expected[] = {0, TRACER_FEW + 1, TRACER_FEW};
    static float rgb[3][3 * SIDE * SIDE];
    double sum[3] = {0}, square = 0, mean[2], error;
    expo_volume_t v = test_volume(64, 64, 64);
    uint16_t *voxels = test_head(&v);
    expo_settings_t s = test_benchmark();
    const uint32_t films = test_count(256);
    tracer_view_t *view;
    uint32_t seed, k, i;

    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);

    for (seed = 1; seed <= films; seed++) {
        for (k = seed == 1 ? 0 : 1; k < 3; k++) {
            tracer_expect(view, expected[k]);
            tracer_film(view, SIDE, SIDE, seed);
            tracer_pass(view, TRACER_FEW);
            tracer_read(view, rgb[k]);

            for (mean[k % 2] = 0, i = 0; i < 3 * SIDE * SIDE; i++) {
                mean[k % 2] += (double) rgb[k][i] / (3 * SIDE * SIDE);
            }

            sum[k] += mean[k % 2];
        }

        if (seed == 1) {
            check(memcmp(rgb[0], rgb[1], sizeof(rgb[0])) == 0);
            check(memcmp(rgb[0], rgb[2], sizeof(rgb[0])) != 0);
        }

        square += pow(mean[1] - mean[0], 2);
    }

    error = 4 * sqrt(square) / films + 1e-9;
    printf("# light %.6f and %.6f, 4 standard errors are %.6f\n",
           sum[1] / films, sum[2] / films, error);
    check(fabs(sum[1] - sum[2]) / films < error);
    tracer_close(view);
    free(voxels);
}

int
main(void)
{
    char error[100];

    if (tracer_create("cpu", 0, &tracer, error, sizeof(error)) != EXPO_OK) {
        printf("Bail out! %s\n", error);
        return 1;
    }

    picking_finds_the_surface();
    a_film_of_few_paths_has_the_same_light();
    what_cannot_be_done_is_refused();
    what_shows_of_a_scan_is_wiped();
    statistics_count_every_voxel();
    tracer_destroy(tracer);

    return done();
}
