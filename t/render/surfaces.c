/*
 * Isosurfaces of ramps, soft balls and noise on straight, turned, sheared and
 * stretched grids: where they lie, how they are lit, what is seen first.
 */

#include "render-worker/render/kernel/pt_render.h"
#include "t/render/grids.h"

static void
a_cubic_turns_and_reaches_where_its_values_say(void)
{
    float v[4], best, u, value, turn[4];
    int i, k, n, wrong = 0;
    pt_cubic_t f;

    for (i = 0; i < 20000; i++) {
        for (k = 0; k < 4; k++) {
            /* Often even, straight or square. */
            v[k] = i % 5 == 0   ? 500.0f
                   : i % 5 == 1 ? (float) (100 * k)
                   : i % 5 == 2 ? (float) (100 * k * k)
                                : (float) (1000 * grid_uniform());
        }

        f = pt_cubic(v[0], v[1], v[2], v[3]);
        n = pt_cubic_turns(&f, turn);
        wrong += n < 0 || n > 2 || (n == 2 && turn[0] > turn[1]);
        best = -1.0f;
        u = 2.0f;

        for (k = 0; k <= 300; k++) {
            value = pt_cubic_at(&f, (float) k / 300.0f);
            wrong += k % 100 == 0 && fabsf(value - v[k / 100]) > 0.01f;
            best = pt_max(best, value);
            u = u > 1.0f && value >= 600.0f ? (float) k / 300.0f : u;
        }

        pt_cubic_extreme(&f, 1.0f, &value);
        wrong += value < best - 0.01f || value > best + 1.0f;
        value = pt_cubic_reach(&f, 600.0f);
        wrong += u <= 1.0f && !(value <= u + 1e-5f);
        wrong += value <= 1.0f && pt_cubic_at(&f, value) < 599.9f;
    }

    check(wrong == 0);
}

static void
the_first_solid_is_found_exactly(void)
{
    expo_settings_t s = grid_settings(EXPO_ISOSURFACE);
    int ray, i, wrong = 0, met = 0, cut = 0;
    float at, t0, t1, t;
    pt_hit_t hit;
    pt_walk_t w;
    pt_ray_t r;

    for (ray = 0; ray < 3000; ray++) {
        if (ray % 300 == 0) {
            s.technique.isovalue = 30000 + 100 * (double) ray / 9;
            noise_body(&s);
        }

        r = noise_ray();
        t0 = 0.0f;
        t1 = PT_FAR;
        hit = pt_solid(&scene.pt, r, PT_FAR, &at);

        /* All of the noise, not only where cells have some of it. */
        if (!pt_interval(&scene.pt, r, &t0, &t1)) {
            wrong += hit != PT_MISS;
            continue;
        }

        w = pt_walk(&scene.pt, r, t0);

        for (i = 0; i < 4000; i++) {
            t = (t1 - t0) * ((float) i + 0.5f) / 4000.0f;

            if (pt_value_at(&scene.pt, &w, t) >= scene.pt.level) {
                break;
            }
        }

        if (hit == PT_MISS) {
            wrong += i < 4000;
            continue;
        }

        met++;
        cut += hit == PT_CUT;
        /* Steps may pass over a tip, never find one that is not there. */
        wrong += i < 4000 && at > t0 + t + w.nudge;
        wrong += hit == PT_SKIN && fabsf(pt_value_at(&scene.pt, &w, at - t0) -
                                         scene.pt.level) > 200.0f;
        wrong += hit == PT_CUT && fabsf(at - t0) > 1e-4f;
    }

    printf("# %d met, %d of them at a cut\n", met, cut);
    check(met > 500 && cut > 20);
    check(wrong == 0);
}

/* White, under an even sky of 1: no shape, no cut and no bounce shows. */
static void
a_white_surface_under_an_even_sky_is_as_bright(void)
{
    expo_settings_t s = grid_settings(EXPO_ISOSURFACE);
    double most = 0;
    uint16_t *voxels;
    expo_volume_t v;
    int kind, i;

    s.environment.intensity = 1;
    s.shading.max_bounces = 32;
    s.background.color[0] = 1;
    s.technique.isovalue = 12000;
    s.clip.planes[0].normal[0] = 0.6f;
    s.clip.planes[0].normal[1] = 0.8f;
    s.clip.planes[0].enabled = true;
    s.clip.n_planes = 1;

    for (kind = 0; kind < GRIDS; kind++) {
        v = grid_volume(kind);
        voxels = grid_voxels(&v, grid_balls);
        grid_picture(&v, voxels, &s, 16);
        free(voxels);

        for (i = 0; i < SIDE * SIDE; i++) {
            most = fmax(most, fabs((double) rgb[3 * i] - 1));
        }
    }

    printf("# furnace within %.1e\n", most);
    check(most < 1e-3);
}

/* Irradiance of that lamp over pi, at a cosine, so much nearer to it than the
 * origin is. */
static double
lambert(double cosine, double nearer)
{
    return 10000 * 16 / ((400 - nearer) * (400 - nearer)) * cosine / M_PI;
}

/* The ramp's surface and a cut through the solid have the light that their
 * normals and no other say; picking finds them. */
static void
a_lamp_shows_the_normals_of_surface_and_cut(void)
{
    expo_settings_t s = grid_settings(EXPO_ISOSURFACE);
    const double length = sqrt(300.0 * 300 + 500.0 * 500 + 400.0 * 400);
    double p[3], far = 0, plane = 0, error, dark;
    tracer_view_t *view;
    uint16_t *voxels;
    expo_volume_t v;
    int kind;

    for (kind = 0; kind < GRIDS; kind++) {
        v = grid_volume(kind);
        voxels = grid_voxels(&v, grid_ramp);
        s = grid_settings(EXPO_ISOSURFACE);
        s.camera.fov_deg = (float) (2 * atan(0.01) * 180 / M_PI);
        grid_lamp(&s, 0, 0);

        /* From the back the ramp rises: what one meets is its surface. */
        s.camera.position[1] = 100;
        s.lights[0].longitude_deg = 180;
        grid_picture(&v, voxels, &s, 32);
        error = fabs(
            test_mean(rgb, SIDE * SIDE, &dark) / lambert(500 / length, 0) - 1);
        far = fmax(far, error);

        tracer_open(tracer, &v, voxels, &view);
        tracer_set(view, &s);
        tracer_film(view, SIDE, SIDE, 1);
        check(tracer_pick(view, 0.3f, 0.6f, p) == EXPO_OK);
        plane = fmax(plane, fabs(grid_ramp(p) - 30000) / length);

        /* From the front one looks at the cut through the solid. */
        s.camera.position[1] = -100;
        s.lights[0].longitude_deg = 0;
        tracer_set(view, &s);
        check(tracer_pick(view, 0.3f, 0.6f, p) == EXPO_OK);
        check(fabs(p[1] + 6) < 1e-3);
        tracer_close(view);
        grid_picture(&v, voxels, &s, 32);
        far = fmax(
            far, fabs(test_mean(rgb, SIDE * SIDE, &dark) / lambert(1, 6) - 1));
        free(voxels);
    }

    printf("# light within %.2f %%, surface within %.4f mm\n", 100 * far,
           plane);
    check(far < 0.01);
    check(plane < 0.003);
}

static double
ball_over_floor(const double p[3])
{
    double d = sqrt(p[0] * p[0] + p[2] * p[2] + (p[1] + 3) * (p[1] + 3));

    return 30000 + 3000 * fmax(fmin(fmax(2 - d, p[1] - 3), 3), -3);
}

/* The camera looks past the ball at its shadow. */
static void
a_solid_casts_a_hard_shadow(void)
{
    expo_settings_t s = grid_settings(EXPO_ISOSURFACE);
    expo_volume_t v = test_volume(80, 80, 80);
    double p[3];
    float inside, beside;
    tracer_view_t *view;
    uint16_t *voxels;
    int i;

    for (i = 0; i < 3; i++) {
        v.affine[5 * i] = 0.25;
        v.affine[4 * i + 3] = -0.125 * 79;
    }

    voxels = grid_voxels(&v, ball_over_floor);
    grid_lamp(&s, 0, 0);
    s.camera.position[0] = -100;
    s.camera.position[1] = -100;
    s.camera.target[1] = 3;
    s.camera.fov_deg = (float) (2 * atan(0.045) * 180 / M_PI);
    grid_picture(&v, voxels, &s, 16);

    /* Left of the picture's middle is the side the camera is on: between
     * ball and floor there is a way to the shadow's edge. */
    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);
    tracer_film(view, SIDE, SIDE, 1);
    check(tracer_pick(view, 15.5f / SIDE, 16.5f / SIDE, p) == EXPO_OK);
    printf("# in the shadow: %.2f %.2f %.2f\n", p[0], p[1], p[2]);
    check(fabs(p[1] - 3) < 0.05 && fabs(p[0]) < 1.5);
    inside = rgb[3 * (16 * SIDE + 15)];
    check(tracer_pick(view, 9.5f / SIDE, 16.5f / SIDE, p) == EXPO_OK);
    check(fabs(p[1] - 3) < 0.05 && fabs(p[0]) > 2.5);
    beside = rgb[3 * (16 * SIDE + 9)];
    tracer_close(view);

    check(inside == 0);
    check(fabs((double) beside / lambert(1, 0) - 1) < 0.01);
    free(voxels);
}

/* On what is seen first at the middle; of nothing, as focus_mm says. */
static void
autofocus_finds_the_middle(void)
{
    expo_settings_t s = grid_settings(EXPO_PATH);
    expo_volume_t v = test_volume(40, 40, 40);
    uint16_t *voxels = test_voxels(&v, 1000);
    static float by_hand[3 * SIDE * SIDE];
    tracer_view_t *view;
    double p[3], error;

    s.camera.orthographic = false;
    s.camera.fov_deg = 10;
    s.camera.aperture_mm = 20;
    s.camera.autofocus = true;
    s.camera.focus_mm = 50;
    s.environment.intensity = 1;
    s.transfer.density_scale = 10;
    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);
    tracer_film(view, SIDE, SIDE, 1);
    check(tracer_pick(view, 0.5f, 0.5f, p) == EXPO_OK);
    tracer_close(view);
    grid_picture(&v, voxels, &s, 8);
    memcpy(by_hand, rgb, sizeof(rgb));

    s.camera.autofocus = false;
    s.camera.focus_mm = (float) (p[1] + 100);
    check(fabsf(s.camera.focus_mm - 94) < 1);
    grid_picture(&v, voxels, &s, 8);
    check(fabs(test_mean(rgb, SIDE * SIDE, &error) -
               test_mean(by_hand, SIDE * SIDE, &error)) < 1e-4);

    s.transfer.points[1].opacity = 0;
    s.camera.focus_mm = 50;
    s.background.mode = EXPO_BACKGROUND_ENVIRONMENT;
    grid_picture(&v, voxels, &s, 4);
    memcpy(by_hand, rgb, sizeof(rgb));
    s.camera.autofocus = true;
    grid_picture(&v, voxels, &s, 4);
    check(memcmp(by_hand, rgb, sizeof(rgb)) == 0);
    free(voxels);
}

int
main(void)
{
    tracer = test_tracer();
    a_cubic_turns_and_reaches_where_its_values_say();
    the_first_solid_is_found_exactly();
    every_grid_shows_the_same_body(EXPO_ISOSURFACE);
    a_white_surface_under_an_even_sky_is_as_bright();
    a_lamp_shows_the_normals_of_surface_and_cut();
    a_solid_casts_a_hard_shadow();
    autofocus_finds_the_middle();
    degenerate_volumes_are_shown_too(EXPO_ISOSURFACE);
    body_close(&body);
    tracer_destroy(tracer);

    return done();
}
