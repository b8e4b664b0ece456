/* The build for every CPU and the one for x86-64-v3 make the same picture. */

#include "render-worker/render/scene.c"
#include "render-worker/render/body.c"
#include "render-worker/render/grid.c"
#include "render-worker/render/pass.h"
#include "t/render/scene.h"
#include "t/unit/check.h"

#define SIDE 48

static body_t body;
static scene_t scene;

static double
mean_by(void (*tile)(void *pass, uint32_t tile), double *cover)
{
    static pt_pixel_t film[SIDE * SIDE];
    static pt_look_t look[SIDE * SIDE];
    pass_t p = {&scene.pt, film, look, 0, 8};
    double sum = 0;
    uint32_t i;

    memset(film, 0, sizeof(film));
    *cover = 0;

    for (i = 0; i < pass_tiles(&scene.pt); i++) {
        tile(&p, i);
    }

    for (i = 0; i < SIDE * SIDE; i++) {
        sum += film[i].radiance[1];
        *cover += film[i].cover + (double) look[i].cover;
    }

    return sum;
}

int
main(void)
{
    expo_volume_t v = test_volume(20, 24, 18);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 0);
    double plain, cover[2];
    int32_t marched;
    size_t i;

    for (i = 0; i < (size_t) expo_volume_voxels(&v); i++) {
        voxels[i] = (uint16_t) (i * 2654435761u >> 22);
    }

    s.shading.mode = EXPO_SHADING_HYBRID;
    s.shading.max_bounces = 2;
    s.environment.intensity = 1;
    body_open(&body, &v, voxels);
    scene_set(&scene, &body, &s);
    scene.pt.width = scene.pt.height = SIDE;

    for (marched = 0; marched < 2; marched++) {
        scene.pt.mode = marched ? PT_PRODUCTION : PT_UNBIASED;
        plain = mean_by(pass_tile, &cover[0]);
        check(plain > 0);

#ifdef __x86_64__
        if (__builtin_cpu_supports("x86-64-v3")) {
            double fast = mean_by(pass_tile_v3, &cover[1]);

            /* Rounding turns a path now and then; all others are the same. */
            check(fabs(fast - plain) < 0.01 * plain);
            check(fabs(cover[1] - cover[0]) < 0.01 * cover[0]);
        }
#endif
    }

    body_close(&body);
    free(voxels);

    return done();
}
