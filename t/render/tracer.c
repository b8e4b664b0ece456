/* Whole pictures whose answer is known, and what the contract promises. */

#include "render-worker/render/pool.h"
#include "render-worker/render/tracer.h"
#include "t/render/scene.h"
#include "t/unit/check.h"

#define SIDE 32

static tracer_t *tracer;

static void
marching_and_tracking_give_the_same_light(void)
{
    static const expo_shading_t modes[] = {
        EXPO_SHADING_PHASE, EXPO_SHADING_BRDF, EXPO_SHADING_HYBRID};
    expo_volume_t v = test_volume(28, 30, 26);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_ball(&v, 9);
    float rgb[2][3 * SIDE * SIDE];
    double mean[2], d[SIDE * SIDE], sum, square, error;
    int i, k, apart = 0;

    s.environment.intensity = 1;
    s.lights[0] = test_light(100, 60);
    s.lights[0].longitude_deg = 50;
    s.n_lights = 1;

    for (i = 0; i < 6; i++) {
        s.shading.mode = modes[i % 3];
        s.shading.max_bounces = i < 3 ? 0 : 3;
        s.transfer.density_scale = i % 2 ? 0.05f : 3;

        /* Glossy surfaces look for the lamp in both ways. */
        s.transfer.points[1].specular[0] = i % 3 == 1 ? 0.2f : 0;
        s.transfer.points[1].roughness = 0.3f;

        for (k = 0; k < 2; k++) {
            mean[k] = test_render_mode(tracer, &v, voxels, &s,
                                       k ? TRACER_UNBIASED : TRACER_PRODUCTION,
                                       SIDE, 256, rgb[k], &error);
        }

        for (k = 0, sum = square = 0; k < SIDE * SIDE; k++) {
            d[k] = rgb[0][3 * k] - rgb[1][3 * k];
            sum += d[k];
            square += d[k] * d[k];
        }

        /* Pixels are independent; the march may be 0.2 % off. */
        error = sqrt(square) / (SIDE * SIDE);
        apart += fabs(sum) / (SIDE * SIDE) > 4 * error + 0.002 * mean[1];
        apart += error > 0.004 * mean[1];
    }

    check(apart == 0);
    free(voxels);
}

static void
a_lamp_seen_directly_has_its_radiance(void)
{
    expo_volume_t v = test_volume(8, 8, 8);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 0);
    float rgb[3 * SIDE * SIDE];
    double mean, error;

    /* Behind the volume, facing the camera. */
    s.lights[0] = test_light(60, 500);
    s.lights[0].longitude_deg = 180;
    s.n_lights = 1;
    mean = test_render(tracer, &v, voxels, &s, SIDE, 4, rgb, &error);
    check(mean == 0);

    s.lights[0].visible = true;
    mean = test_render(tracer, &v, voxels, &s, SIDE, 4, rgb, &error);
    check(mean == 5);

    /* In front, it faces away and its dark side is not there. */
    s.lights[0].longitude_deg = 0;
    mean = test_render(tracer, &v, voxels, &s, SIDE, 4, rgb, &error);
    check(mean == 0);

    free(voxels);
}

/*
 * A wall of Lambert tissue, dense enough that nothing shades itself much:
 * radiance = E / pi times the mean of what shadows leave. Twice the lamp's area
 * gives twice that; twice the distance, a quarter.
 */
static void
light_falls_off_with_area_and_distance(void)
{
    expo_volume_t v = test_volume(30, 6, 30);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 1000);
    float rgb[3 * SIDE * SIDE];
    double near, twice, far, error[3];

    s.shading.mode = EXPO_SHADING_BRDF;
    s.transfer.density_scale = 20;
    s.camera.fov_deg = 2;
    s.lights[0] = test_light(1000, 20);
    s.n_lights = 1;
    near = test_render(tracer, &v, voxels, &s, SIDE, 16, rgb, &error[0]);
    s.lights[0].width_mm *= 2;
    twice = test_render(tracer, &v, voxels, &s, SIDE, 16, rgb, &error[1]);
    s.lights[0].width_mm /= 2;
    s.lights[0].distance_mm = 2000;
    far = test_render(tracer, &v, voxels, &s, SIDE, 16, rgb, &error[2]);

    check(fabs(twice / near - 2) < 0.01 + 8 * error[1] / near);
    /* The lamp aims at the middle, 3 mm behind the wall: 0.6 % nearer. */
    check(fabs(far / near - 0.25) < 0.002 + 4 * error[2] / near);
    /* E = L A / d^2; a path that turned back sees half of it on the way: the
     * mean of exp(-2 x) over exp(-x) dx is one half. */
    check(fabs(near * 2 * M_PI / (5 * 400.0 / (997.0 * 997.0)) - 1) <
          0.01 + 8 * error[0] / near);

    free(voxels);
}

static void
the_background_is_the_colour_asked_for(void)
{
    expo_volume_t v = test_volume(8, 8, 8);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 0);
    uint8_t rgba[4 * 40 * 24];
    tracer_view_t *view;
    int i, wrong = 0, mode;

    s.background.color[0] = 20 / 255.0f;
    s.background.color[1] = 130 / 255.0f;
    s.background.color[2] = 1;
    s.film.exposure = 3;

    for (mode = 0; mode < 3; mode++) {
        s.film.tone_map = (expo_tone_t) mode;
        tracer_open(tracer, &v, voxels, &view);
        tracer_set(view, &s);
        tracer_film(view, 20, 16, 3);

        /* Before the first sample too. */
        for (i = 0; i < 2; i++) {
            tracer_read_display(view, 40, 24, rgba);
            wrong += rgba[0] != 20 || rgba[1] != 130 || rgba[2] != 255 ||
                     rgba[3] != 255 || rgba[4 * 959 + 1] != 130;
            tracer_pass(view, 1);
        }

        tracer_close(view);
    }

    check(wrong == 0);
    free(voxels);
}

/* A wall that shines with a known radiance shows the curve of it. */
static void
exposure_tone_and_gamma_are_applied_in_this_order(void)
{
    expo_volume_t v = test_volume(60, 6, 60);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 1000);
    uint8_t rgba[4 * SIDE * SIDE];
    tracer_view_t *view;
    double x;
    int i, k;

    s.transfer.density_scale = 100;
    s.film.exposure = 0.5f;
    s.film.gamma = 2;

    for (i = 0; i < 2; i++) {
        for (k = 0; k < 3; k++) {
            s.transfer.points[i].emission[k] = 0.3f;
            s.transfer.points[i].color[k] = 0;
        }
    }

    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);
    tracer_film(view, SIDE, SIDE, 3);
    tracer_pass(view, 2);
    tracer_read_display(view, SIDE, SIDE, rgba);
    x = 1.055 * pow(0.15, 1 / 2.4) - 0.055;
    x = 255 * sqrt(x);
    check(fabs(rgba[4 * (SIDE * SIDE / 2 + SIDE / 2)] - x) <= 0.6);
    tracer_close(view);
    free(voxels);
}

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

    marching_and_tracking_give_the_same_light();
    a_lamp_seen_directly_has_its_radiance();
    light_falls_off_with_area_and_distance();
    the_background_is_the_colour_asked_for();
    exposure_tone_and_gamma_are_applied_in_this_order();
    picking_finds_the_surface();
    what_cannot_be_done_is_refused();
    statistics_count_every_voxel();
    tracer_destroy(tracer);

    return done();
}
