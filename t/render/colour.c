/*
 * Group 10 of the renderer's tests: what is shown of a radiance. Tone curves,
 * the sRGB transfer and their round trip; a lamp seen directly; irradiance by a
 * lamp's area and distance.
 */

#include "render-worker/render/kernel/pt_tone.h"
#include "t/render/scene.h"
#include "t/unit/check.h"

#define SIDE 32

static tracer_t *tracer;

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

/* Every grey of a screen, made a radiance, is shown as that grey again: as
 * light of tissue and as background. */
static void
all_greys_come_back_as_they_were(void)
{
    expo_volume_t v = test_volume(60, 6, 60);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 1000);
    uint8_t rgba[4 * SIDE * SIDE];
    tracer_view_t *view;
    int grey, i, k, wrong = 0;

    s.transfer.density_scale = 100;
    tracer_open(tracer, &v, voxels, &view);
    tracer_film(view, SIDE, SIDE, 3);

    for (grey = 0; grey < 256; grey++) {
        for (i = 0; i < 6; i++) {
            s.transfer.points[i / 3].color[i % 3] = 0;
            s.transfer.points[i / 3].emission[i % 3] =
                pt_linear((float) grey / 255);
            s.background.color[i % 3] = (float) grey / 255;
        }

        for (i = 0; i < 2; i++) {
            s.transfer.points[1].opacity = i ? 0 : 1;
            tracer_set(view, &s);
            tracer_pass(view, 1);
            tracer_read_display(view, SIDE, SIDE, rgba);

            for (k = 0; k < 4 * SIDE * SIDE; k++) {
                wrong += rgba[k] != (k % 4 == 3 ? 255 : grey);
            }
        }
    }

    check(wrong == 0);
    tracer_close(view);
    free(voxels);
}

/* Tissue that shines with radiance x, in every tone map and exposure. */
static void
pictures_follow_the_curves(void)
{
    static const expo_tone_t tones[] = {EXPO_TONE_ACES, EXPO_TONE_EXPONENTIAL,
                                        EXPO_TONE_LINEAR};
    static const pt_tone_map_t maps[] = {PT_ACES, PT_EXPONENTIAL, PT_LINEAR};
    expo_volume_t v = test_volume(60, 6, 60);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 1000);
    uint8_t rgba[4 * SIDE * SIDE];
    tracer_view_t *view;
    double expected;
    float radiance;
    int i, k, wrong = 0;

    s.transfer.density_scale = 100;
    tracer_open(tracer, &v, voxels, &view);
    tracer_film(view, SIDE, SIDE, 3);

    for (i = 0; i < 3 * 40; i++) {
        radiance = 1e-3f * powf(1e5f, (float) (i / 3) / 39);
        s.film.tone_map = tones[i % 3];
        s.film.exposure = i % 2 ? 0.5f : 3;

        for (k = 0; k < 6; k++) {
            s.transfer.points[k / 3].color[k % 3] = 0;
            s.transfer.points[k / 3].emission[k % 3] = radiance;
        }

        tracer_set(view, &s);
        tracer_pass(view, 1);
        tracer_read_display(view, SIDE, SIDE, rgba);
        expected = 255 * (double) pt_srgb(pt_tone(s.film.exposure * radiance,
                                                  maps[i % 3]));
        /* Rounding to 8 bits, and the curve's table. */
        wrong += fabs(rgba[2 * SIDE * (SIDE + 1)] - expected) > 0.55;
    }

    check(wrong == 0);
    tracer_close(view);
    free(voxels);
}

static void
tone_and_srgb_are_their_curves(void)
{
    double worst = 0;
    float last = -1, x;
    int i, rising = 1;

    for (i = 0; i < 256; i++) {
        x = (float) i / 255;
        worst = fmax(worst, fabs(pt_srgb(pt_linear(x)) - x));
    }

    check(worst < 1e-5);
    check(fabsf(pt_srgb(0.5f) - 0.735357f) < 1e-5f);
    check(pt_tone(0.3f, PT_LINEAR) == 0.3f && pt_tone(7, PT_LINEAR) == 1);
    check(fabsf(pt_tone(0.7f, PT_EXPONENTIAL) - 0.503415f) < 1e-5f);
    check(fabsf(pt_tone(0.18f, PT_ACES) - 0.266903f) < 1e-4f);
    check(pt_tone(NAN, PT_ACES) == 0 && pt_tone(INFINITY, PT_ACES) == 1);

    for (i = 0; i < 2000; i++) {
        x = pt_tone((float) i * 0.01f, PT_ACES);
        rising &= x >= last;
        last = x;
    }

    check(rising);
}

int
main(void)
{
    tracer = test_tracer();
    tone_and_srgb_are_their_curves();
    pictures_follow_the_curves();
    exposure_tone_and_gamma_are_applied_in_this_order();
    all_greys_come_back_as_they_were();
    the_background_is_the_colour_asked_for();
    a_lamp_seen_directly_has_its_radiance();
    light_falls_off_with_area_and_distance();
    tracer_destroy(tracer);

    return done();
}
