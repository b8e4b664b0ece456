/*
 * Group 12 of the renderer's tests: after any change no sample of the old
 * settings remains. The picture is, bit for bit, that of a view which never
 * knew them. Only where light is the same before and after may what is shown
 * look back (pt_reproject.h); the mean never does.
 */

#include <math.h>

#include "t/render/scene.h"
#include "t/unit/check.h"

#define SIDE 24
#define PIXELS (SIDE * SIDE)
#define SAMPLES 4

static tracer_t *tracer;
static expo_volume_t volume;
static uint16_t *voxels;

typedef struct {
    float rgb[3 * PIXELS], filtered[3 * PIXELS];
    uint8_t shown[4 * PIXELS];
} picture_t;

static expo_settings_t
lit(void)
{
    expo_settings_t s = test_settings();

    s.environment.intensity = 0.5f;
    s.shading.mode = EXPO_SHADING_HYBRID;
    s.shading.max_bounces = 1;
    s.transfer.n_points = 3;
    s.transfer.points[2] = s.transfer.points[1];
    s.transfer.points[1].value = 400;
    s.transfer.points[1].opacity = 0.3f;
    s.transfer.points[1].specular[1] = 0.2f;
    s.transfer.points[1].roughness = 0.5f;
    s.lights[0] = test_light(100, 30);
    s.n_lights = 1;
    s.clip.n_planes = 1;
    s.clip.planes[0].normal[1] = 1;
    s.clip.planes[0].offset_mm = -4;
    s.film.exposure = 0.7f;

    return s;
}

/* One kind of setting after the other; 0 when there are no more. */
static int
change(expo_settings_t *s, int i)
{
    switch (i) {
    case 0: s->camera.position[0] = 40; break;
    case 1: s->camera.target[2] = 3; break;
    case 2: s->camera.up[0] = 0.5; break;
    case 3: s->camera.fov_deg = 9; break;
    case 4: s->camera.orthographic = false; break;
    case 5: s->camera.aperture_mm = 20; s->camera.focus_mm = 70; break;
    case 6: s->clip.box_max[0] = 2; break;
    case 7: s->clip.planes[0].enabled = true; break;
    case 8: s->transfer.points[1].opacity = 0; break;
    case 9: s->transfer.points[1].value = 500; break;
    case 10: s->transfer.points[1].color[0] = 0.2f; break;
    case 11: s->transfer.points[1].specular[1] = 0.9f; break;
    case 12: s->transfer.points[1].roughness = 0.1f; break;
    case 13: s->transfer.points[1].emission[2] = 1; break;
    case 14: s->transfer.n_points = 2; break;
    case 15: s->transfer.smooth = true; break;
    case 16: s->transfer.density_scale = 4; break;
    case 17: s->shading.mode = EXPO_SHADING_PHASE; break;
    case 18: s->shading.mode = EXPO_SHADING_BRDF; break;
    case 19: s->shading.g = 0.5f; break;
    case 20: s->shading.gradient_factor = 1; break;
    case 21: s->shading.max_bounces = 5; break;
    case 22: s->lights[0].intensity = 2; break;
    case 23: s->lights[0].longitude_deg = 70; break;
    case 24: s->lights[0].width_mm = 60; break;
    case 25: s->lights[0].color[1] = 0.5f; break;
    case 26: s->n_lights = 0; break;
    case 27: s->lights[1] = s->lights[0];
             s->lights[1].latitude_deg = 40;
             s->n_lights = 2; break;
    case 28: s->environment.top[0] = 0; break;
    case 29: s->environment.intensity = 1; break;
    case 30: s->background.mode = EXPO_BACKGROUND_ENVIRONMENT; break;
    case 31: s->background.color[1] = 0.6f; break;
    case 32: s->film.exposure = 2; break;
    case 33: s->film.gamma = 2; break;
    case 34: s->film.tone_map = EXPO_TONE_ACES; break;
    default: return 0;
    }

    return 1;
}

/* Changes of what is seen and how it is shown, not of what shines. */
static int
light_stays(int i)
{
    return i < 5 || (i >= 32 && i < 35);
}

static int
same(const picture_t *a, const picture_t *b, int look_back)
{
    return look_back ? memcmp(a->rgb, b->rgb, sizeof(a->rgb)) == 0
                     : memcmp(a, b, sizeof(*a)) == 0;
}

static void
take(tracer_view_t *view, picture_t *out)
{
    tracer_pass(view, SAMPLES);
    tracer_read(view, out->rgb);
    tracer_read_filtered(view, out->filtered);
    tracer_read_display(view, SIDE, SIDE, out->shown);
}

static tracer_view_t *
opened(const expo_settings_t *s)
{
    tracer_view_t *view = NULL;

    tracer_open(tracer, &volume, voxels, &view);
    tracer_set(view, s);
    tracer_film(view, SIDE, SIDE, 3);

    return view;
}

/* From the settings before to those after, and back. */
static void
a_change_leaves_nothing_of_the_old_picture(void)
{
    static picture_t before, fresh, again;
    expo_settings_t a = lit(), b;
    tracer_view_t *view, *other;
    int i, remains = 0, idle = 0;

    for (i = 0; b = a, change(&b, i); i++) {
        view = opened(&a);
        take(view, &before);
        other = opened(&b);
        take(other, &fresh);
        idle += memcmp(&before.shown, &fresh.shown, sizeof(fresh.shown)) == 0;

        tracer_set(view, &b);
        remains += tracer_samples(view) != 0;
        take(view, &again);

        if (!same(&again, &fresh, light_stays(i))) {
            printf("# something of before change %d remains\n", i);
            remains++;
        }

        tracer_set(view, &a);
        take(view, &again);
        remains += !same(&again, &before, light_stays(i));
        tracer_close(view);
        tracer_close(other);
    }

    check(i == 35);
    check(remains == 0);
    check(idle == 0);
}

static void
a_new_film_or_mode_leaves_nothing_either(void)
{
    static picture_t fresh, again;
    expo_settings_t s = lit();
    tracer_view_t *view = opened(&s);
    tracer_mode_t mode;

    take(view, &fresh);
    tracer_film(view, 48, 20, 9);
    check(tracer_samples(view) == 0);
    tracer_pass(view, 3);
    tracer_film(view, SIDE, SIDE, 3);
    take(view, &again);
    check(same(&fresh, &again, 1));

    for (mode = TRACER_UNBIASED; mode <= TRACER_ER2012; mode++) {
        tracer_mode(view, mode);
        check(tracer_samples(view) == 0);
        tracer_pass(view, 2);
    }

    tracer_mode(view, TRACER_PRODUCTION);
    take(view, &again);
    check(same(&fresh, &again, 0));
    tracer_close(view);
}

static bool
at_once(void *ctx)
{
    return ctx == NULL;
}

/* Whatever part of a pass was done, a change forgets; till then there is
 * nothing to be seen. */
static void
a_part_of_a_pass_leaves_nothing(void)
{
    static picture_t fresh, again;
    expo_settings_t s = lit();
    tracer_view_t *view = opened(&s);
    int i;

    take(view, &fresh);

    for (i = 0; i < 3; i++) {
        tracer_set(view, &s);
        check(tracer_pass(view, 2) == EXPO_OK);
        check(tracer_pass_part(view, 5, at_once, NULL) == EXPO_AGAIN);
        check(tracer_samples(view) == 2);
        check(tracer_noise(view) < 0);
        check(tracer_read(view, again.rgb) == EXPO_AGAIN);
        check(tracer_read_filtered(view, again.rgb) == EXPO_AGAIN);
        check(tracer_read_display(view, SIDE, SIDE, again.shown) == EXPO_AGAIN);

        if (i == 0) {
            tracer_set(view, &s);

        } else if (i == 1) {
            tracer_film(view, SIDE, SIDE, 3);

        } else {
            tracer_mode(view, TRACER_PRODUCTION);
        }

        take(view, &again);
        check(same(&fresh, &again, 1));
    }

    tracer_close(view);
}

/* Two views of one tracer do not see each other's settings. */
static void
views_do_not_mix(void)
{
    static picture_t fresh, again;
    expo_settings_t a = lit(), b = lit();
    tracer_view_t *view = opened(&a), *other;

    take(view, &fresh);
    tracer_close(view);

    change(&b, 16);
    view = opened(&a);
    other = opened(&b);
    tracer_pass(view, 1);
    tracer_pass(other, 2);
    tracer_set(view, &a);
    tracer_pass(other, 1);
    take(view, &again);
    check(same(&fresh, &again, 1));
    tracer_close(view);
    tracer_close(other);
}

int
main(void)
{
    tracer = test_tracer();
    volume = test_volume(28, 30, 26);
    voxels = test_ball(&volume, 9);
    a_change_leaves_nothing_of_the_old_picture();
    a_new_film_or_mode_leaves_nothing_either();
    a_part_of_a_pass_leaves_nothing();
    views_do_not_mix();
    free(voxels);
    tracer_destroy(tracer);

    return done();
}
