/* What a young film takes over from the one before. */

#include "render-worker/render/filter.h"
#include "render-worker/render/planes.h"
#include "t/render/scene.h"
#include "t/unit/check.h"

#define SIDE 48

static tracer_t *tracer;

static void
a_place_is_found_where_its_ray_was_sent(void)
{
    pt_camera_t c = {.position = {10, -200, 30}};
    float x, y, depth, worst = 0, far;
    pt_ray_t r;
    int i;

    c.forward = pt_unit(pt_vec(-0.1f, 1, -0.2f));
    c.right = pt_scale(pt_unit(pt_cross(c.forward, pt_vec(0, 0, 1))), 0.3f);
    c.up = pt_scale(pt_unit(pt_cross(c.right, c.forward)), 0.3f);

    for (i = 0; i < 200; i++) {
        c.parallel = i % 2 ? 180 : 0;
        far = 50 + (float) (i % 37) * 5;
        r = pt_camera_ray(&c, 80, 60, (float) (i % 80), (float) (i % 60), 0.5f,
                          0.5f);

        if (!pt_camera_find(&c, 80, 60, pt_along(r.o, r.d, far), &x, &y,
                            &depth)) {
            worst = PT_FAR;
            break;
        }

        worst = fmaxf(worst, fabsf(x - (float) (i % 80)));
        worst = fmaxf(worst, fabsf(y - (float) (i % 60)));
        worst = fmaxf(worst, fabsf(depth - far) / far);
    }

    check(worst < 1e-2f);
    c.parallel = 0;
    check(!pt_camera_find(&c, 80, 60, pt_vec(10, -250, 30), &x, &y, &depth));
}

/* What is carried is what was seen; colours and cover are the new pixel's. */
static void
light_is_carried_as_it_was_seen(void)
{
    float memory[PLANES_PAST * 16], worth;
    pt_camera_t c = {.position = {0, -100, 0},
                     .forward = {0, 1, 0},
                     .right = {0.1f, 0, 0},
                     .up = {0, 0, 0.1f}};
    pt_past_t past = planes_past(memory, 4, 4, c);
    pt_look_t old = {.cover = 0.5f,
                     .depth = 90,
                     .mean = 100,
                     .firm = 1,
                     .color = {0.5f, 0.4f, 0.2f},
                     .normal = {0, -1, 0}};
    pt_glow_t g = {{2, 2, 2}, 0.5f, 4, 0.25f}, own = {{1, 1, 1}, 0.25f, 4, 1};
    pt_look_t now = old;
    pt_guide_t guide;
    int i;

    now.color = pt_vec(0.25f, 0.8f, 0.2f);
    guide = pt_past_guide(&now, 1);

    for (i = 0; i < 16; i++) {
        pt_past_put(&past, i, &old, g, 3, 1);
    }

    worth = pt_past_at(&past, guide, pt_vec(1, 0, 1), 1, &g);
    check(fabsf(worth - 3) < 1e-2f && fabsf(g.variance - 0.25f) < 1e-6f);

    g = pt_past_fit(g, own, &now);
    check(fabsf(g.cover - 0.25f) < 1e-6f && fabsf(g.tone - 4) > 1e-3f);
    check(fabsf(g.light.x - 2) < 1e-5f && fabsf(g.light.y - 0.5f) < 1e-5f &&
          fabsf(g.light.z - 1) < 1e-5f);

    /* Known again by where it lies in the mean. */
    check(pt_past_at(&past, guide, pt_vec(1, 6, 1), 1, &g) == 0);
}

static expo_settings_t
lit(void)
{
    expo_settings_t s = test_settings();

    s.environment.intensity = 0.5f;
    s.n_lights = 1;
    s.lights[0] = test_light(100, 30);

    return s;
}

static double
apart(const float *a, const float *b)
{
    double sum = 0;
    int i;

    for (i = 0; i < 3 * SIDE * SIDE; i++) {
        sum += pow((double) a[i] - (double) b[i], 2);
    }

    return sum / (3 * SIDE * SIDE);
}

/* Films of 2 samples, one after the other; error of the last. */
static double
films(const expo_volume_t *v, const uint16_t *voxels, expo_settings_t *s,
      int count, float step_mm, const float *truth)
{
    static float rgb[3 * SIDE * SIDE];
    tracer_view_t *view;
    int i;

    tracer_open(tracer, v, voxels, &view);

    for (i = 0; i < count; i++) {
        s->camera.position[0] = (i + 1 - count) * step_mm;
        tracer_set(view, s);
        tracer_film(view, SIDE, SIDE, (uint64_t) i + 1);
        tracer_pass(view, 2);
    }

    tracer_read_filtered(view, rgb);
    tracer_close(view);

    return apart(rgb, truth);
}

static void
a_film_that_looks_back_is_nearer_to_the_truth(void)
{
    static float truth[3 * SIDE * SIDE];
    expo_volume_t v = test_volume(28, 30, 26);
    expo_settings_t s = lit();
    uint16_t *voxels = test_ball(&v, 9);
    double error, alone, still, moving;

    test_render(tracer, &v, voxels, &s, SIDE, 512, truth, &error);

    /* The last film has the same number: only what it looks back to differs. */
    alone = films(&v, voxels, &s, 1, 0, truth);
    still = films(&v, voxels, &s, 6, 0, truth);
    moving = films(&v, voxels, &s, 6, 1, truth);
    printf("# squared error: alone %.2e, still %.2e, moving %.2e\n", alone,
           still, moving);
    check(still < 0.7 * alone);
    check(moving < 0.7 * alone);
    free(voxels);
}

static void
enough_samples_of_its_own_forget_the_past(void)
{
    static float fresh[3 * SIDE * SIDE], rgb[3 * SIDE * SIDE];
    expo_volume_t v = test_volume(28, 30, 26);
    expo_settings_t a = lit(), b;
    uint16_t *voxels = test_ball(&v, 9);
    tracer_view_t *view[2];
    int i;

    b = a;
    b.camera.position[0] = 15;

    for (i = 0; i < 2; i++) {
        tracer_open(tracer, &v, voxels, &view[i]);

        if (i == 1) {
            tracer_set(view[i], &a);
            tracer_film(view[i], SIDE, SIDE, 1);
            tracer_pass(view[i], 4);
        }

        tracer_set(view[i], &b);
        tracer_film(view[i], SIDE, SIDE, 2);
        tracer_pass(view[i], 4);
        tracer_read_filtered(view[i], i ? rgb : fresh);
    }

    check(apart(fresh, rgb) > 1e-7);

    for (i = 0; i < 2; i++) {
        tracer_pass(view[i], PT_FORGET - 4);
        tracer_read_filtered(view[i], i ? rgb : fresh);
        tracer_close(view[i]);
    }

    check(memcmp(fresh, rgb, sizeof(rgb)) == 0);
    free(voxels);
}

int
main(void)
{
    tracer = test_tracer();
    a_place_is_found_where_its_ray_was_sent();
    light_is_carried_as_it_was_seen();
    a_film_that_looks_back_is_nearer_to_the_truth();
    enough_samples_of_its_own_forget_the_past();
    tracer_destroy(tracer);

    return done();
}
