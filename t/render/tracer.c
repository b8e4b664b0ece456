/* What tracer.h promises besides light: picking, refusals, statistics. */

#include "render-worker/render/pool.h"
#include "render-worker/render/tracer.h"
#include "t/render/scene.h"
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

int
main(void)
{
    char error[100];

    if (tracer_create("cpu", 0, &tracer, error, sizeof(error)) != EXPO_OK) {
        printf("Bail out! %s\n", error);
        return 1;
    }

    picking_finds_the_surface();
    what_cannot_be_done_is_refused();
    what_shows_of_a_scan_is_wiped();
    statistics_count_every_voxel();
    tracer_destroy(tracer);

    return done();
}
