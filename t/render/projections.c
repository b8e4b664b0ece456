/*
 * Slices and projections of ramps, soft balls and noise: known in closed form
 * or searched closely, on straight, turned, sheared and stretched grids.
 */

#include "render-worker/render/kernel/pt_render.h"
#include "t/render/grids.h"

/* What the window makes of a value, in linear light. */
static double
windowed(const expo_settings_t *s, double value)
{
    double g =
        (value - s->technique.window_center) / s->technique.window_width + 0.5;

    return (double) pt_linear((float) fmin(fmax(g, 0), 1));
}

/* Largest difference from `want`, a function of mm across and up the picture
 * of `width` mm. */
static double
worst(const expo_settings_t *s, double width,
      double (*want)(const expo_settings_t *s, double across, double up))
{
    double most = 0, a, b;
    int x, y;

    for (y = 0; y < SIDE; y++) {
        for (x = 0; x < SIDE; x++) {
            a = ((x + 0.5) / SIDE - 0.5) * width;
            b = (0.5 - (y + 0.5) / SIDE) * width;
            most = fmax(most,
                        fabs((double) rgb[3 * (y * SIDE + x)] - want(s, a, b)));
        }
    }

    return most;
}

/* Seen along +y, the ramp is largest at y = -6 and evenly less behind. */
static double
ramp_front(const expo_settings_t *s, double x, double z)
{
    const double p[3] = {x, -6, z};

    return windowed(s, grid_ramp(p));
}

static double
ramp_middle(const expo_settings_t *s, double x, double z)
{
    const double p[3] = {x, 0, z};

    return windowed(s, grid_ramp(p));
}

static double
ramp_back(const expo_settings_t *s, double x, double z)
{
    const double p[3] = {x, 1.5, z};

    return windowed(s, grid_ramp(p));
}

static double
ramp_near(const expo_settings_t *s, double x, double z)
{
    const double p[3] = {x, -1.5, z};

    return windowed(s, grid_ramp(p));
}

static void
a_ramp_has_known_projections_on_every_grid(void)
{
    static const struct {
        expo_technique_t mode;
        double thickness;
        expo_slab_t slab;
        double (*want)(const expo_settings_t *s, double x, double z);
    } cases[] = {{EXPO_MIP, 0, 0, ramp_front},
                 {EXPO_AVERAGE, 0, 0, ramp_middle},
                 {EXPO_SLICE, 0, 0, ramp_middle},
                 {EXPO_SLICE, 3, EXPO_SLAB_MAXIMUM, ramp_near},
                 {EXPO_SLICE, 3, EXPO_SLAB_MEAN, ramp_middle},
                 {EXPO_SLICE, 3, EXPO_SLAB_MINIMUM, ramp_back}};
    double most = 0, error;
    expo_volume_t v;
    expo_settings_t s;
    uint16_t *voxels;
    size_t i;
    int kind;

    for (kind = 0; kind < GRIDS; kind++) {
        v = grid_volume(kind);
        voxels = grid_voxels(&v, grid_ramp);

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            s = grid_settings(cases[i].mode);
            s.camera.fov_deg = (float) (2 * atan(0.05) * 180 / M_PI);
            s.technique.slice.thickness_mm = cases[i].thickness;
            s.technique.slice.slab = cases[i].slab;
            grid_picture(&v, voxels, &s, 16);
            error = worst(&s, 10, cases[i].want);
            most = fmax(most, error);
            check(error < 1e-3);
        }

        free(voxels);
    }

    printf("# worst difference %.1e of white\n", most);
}

/* Turned any way, a slice shows what is there, its up on top; nothing of what
 * is cut off or outside. */
static void
an_oblique_slice_shows_what_lies_in_its_plane(void)
{
    expo_settings_t s = grid_settings(EXPO_SLICE);
    double most = 0, right[3], p[3], *n, *up, a, b, g, inside;
    uint16_t *voxels;
    expo_volume_t v;
    int i, x, y, kind, outside = 0;

    s.background.color[0] = s.background.color[1] = s.background.color[2] = 1;
    s.technique.slice.width_mm = 24;
    s.technique.slice.point[0] = 1;
    s.technique.slice.point[2] = -2;
    n = s.technique.slice.normal;
    up = s.technique.slice.up;
    n[0] = 0.48;
    n[1] = -0.6;
    n[2] = 0.64;
    up[0] = -0.4;
    up[1] = 0.5;
    up[2] = 0.76875; /* square to n: */
    a = sqrt(up[0] * up[0] + up[1] * up[1] + up[2] * up[2]);

    for (i = 0; i < 3; i++) {
        up[i] /= a;
    }

    right[0] = up[1] * n[2] - up[2] * n[1];
    right[1] = up[2] * n[0] - up[0] * n[2];
    right[2] = up[0] * n[1] - up[1] * n[0];

    for (kind = 0; kind < GRIDS; kind++) {
        v = grid_volume(kind);
        voxels = grid_voxels(&v, grid_ramp);
        grid_picture(&v, voxels, &s, 16);

        for (y = 0; y < SIDE; y++) {
            for (x = 0; x < SIDE; x++) {
                a = ((x + 0.5) / SIDE - 0.5) * 24;
                b = (0.5 - (y + 0.5) / SIDE) * 24;
                inside = 6;

                for (i = 0; i < 3; i++) {
                    p[i] =
                        s.technique.slice.point[i] + a * right[i] + b * up[i];
                    inside = fmin(inside, 6 - fabs(p[i]));
                }

                g = (double) rgb[3 * (y * SIDE + x)];

                if (inside > 0.8) {
                    most = fmax(most, fabs(g - windowed(&s, grid_ramp(p))));

                } else if (inside < -0.8) {
                    outside += fabs(g - 1) > 1e-6;
                }
            }
        }

        free(voxels);
    }

    printf("# worst difference %.1e of white\n", most);
    check(most < 2e-3);
    check(outside == 0);
}

static void
the_largest_value_is_found_exactly(void)
{
    expo_settings_t s = grid_settings(EXPO_MIP);
    float value, low, at, t0, t1, found, most, least;
    int ray, i, wrong = 0, seen = 0;
    double sum, mean = 0, u;
    pt_walk_t w;
    pt_ray_t r;

    noise_body(&s);

    for (ray = 0; ray < 2000; ray++) {
        r = noise_ray();
        t0 = 0.0f;
        t1 = PT_FAR;

        if (!pt_interval(&scene.pt, r, &t0, &t1)) {
            wrong += pt_extreme(&scene.pt, r, PT_FAR, 1.0f, &at, &value) != 0;
            continue;
        }

        seen++;
        w = pt_walk(&scene.pt, r, t0);
        most = 0.0f;
        least = PT_FAR;
        sum = 0;

        for (i = 0; i < 3000; i++) {
            found = pt_value_at(&scene.pt, &w,
                                (t1 - t0) * ((float) i + 0.5f) / 3000.0f);
            most = pt_max(most, found);
            least = pt_min(least, found);
            sum += (double) found / 3000;
        }

        pt_extreme(&scene.pt, r, PT_FAR, -1.0f, &at, &low);
        wrong += low > least + 10.0f;
        pt_extreme(&scene.pt, r, PT_FAR, 1.0f, &at, &value);
        wrong += value < most - 10.0f;
        wrong += fabsf(pt_value_at(&scene.pt, &w, at - t0) - value) > 10.0f;

        /* 64 stratified looks are the mean but for their own noise. */
        for (i = 0, u = 0; i < 64; i++) {
            pt_mean(&scene.pt, r, PT_FAR, ((float) i + 0.5f) / 64.0f, &found);
            u += (double) found / 64;
        }

        mean = fmax(mean, fabs(u - sum));
    }

    printf("# %d rays; means within %.2f of 65535\n", seen, mean);
    check(seen > 500);
    check(wrong == 0);
    check(mean < 60);
}

/* White is 255 whatever exposure, gamma and tone map are, and colours are those
 * of the transfer function. */
static void
a_window_is_shown_as_it_is(void)
{
    expo_settings_t s = grid_settings(EXPO_SLICE);
    expo_volume_t v = test_volume(20, 20, 20);
    uint16_t *voxels = test_voxels(&v, 25000);
    uint8_t rgba[4 * SIDE * SIDE];
    tracer_view_t *view;
    int i, wrong = 0;

    s.film.exposure = 0.2f;
    s.film.gamma = 2;
    s.film.tone_map = EXPO_TONE_ACES;
    tracer_open(tracer, &v, voxels, &view);

    for (i = 0; i < 4; i++) {
        s.technique.mode = i < 2 ? EXPO_SLICE : EXPO_MIP;
        s.technique.colored = i & 1;
        s.transfer.points[0].color[2] = s.transfer.points[1].color[2] = 0.5f;
        tracer_set(view, &s);
        tracer_film(view, SIDE, SIDE, 1);
        tracer_pass(view, 1);
        tracer_read_display(view, SIDE, SIDE, rgba);
        /* A quarter of the window; half of that, in linear light, as blue. */
        wrong += abs(rgba[4 * 528] - 64) > 1 || abs(rgba[4 * 528 + 1] - 64) > 1;
        wrong += s.technique.colored ? rgba[4 * 528 + 2] >= 40
                                     : rgba[4 * 528 + 2] != rgba[4 * 528];
    }

    check(wrong == 0);
    tracer_close(view);
    free(voxels);
}

static void
picking_finds_what_the_picture_shows(void)
{
    expo_settings_t s = grid_settings(EXPO_MIP);
    expo_volume_t v = grid_volume(2);
    uint16_t *voxels = grid_voxels(&v, grid_ramp);
    tracer_view_t *view;
    double p[3];

    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);
    tracer_film(view, SIDE, SIDE, 1);
    check(tracer_pick(view, 0.6f, 0.5f, p) == EXPO_OK);
    check(fabs(p[0] - 2) < 1e-3 && fabs(p[1] + 6) < 0.01 && fabs(p[2]) < 1e-3);

    s.technique.mode = EXPO_AVERAGE;
    tracer_set(view, &s);
    check(tracer_pick(view, 0.6f, 0.5f, p) == EXPO_NOT_FOUND);

    s.technique.mode = EXPO_SLICE;
    s.technique.slice.point[1] = 2;
    tracer_set(view, &s);
    check(tracer_pick(view, 0.6f, 0.25f, p) == EXPO_OK);
    check(fabs(p[0] - 1) < 1e-3 && fabs(p[1] - 2) < 1e-3 &&
          fabs(p[2] - 2.5) < 1e-3);

    s.technique.slice.thickness_mm = 2;
    tracer_set(view, &s);
    check(tracer_pick(view, 0.6f, 0.25f, p) == EXPO_OK);
    check(fabs(p[1] - 1) < 0.01);

    s.technique.slice.point[1] = 20;
    tracer_set(view, &s);
    check(tracer_pick(view, 0.5f, 0.5f, p) == EXPO_NOT_FOUND);
    tracer_close(view);
    free(voxels);
}

/* Alpha is what is covered, also between pixels, and takes nothing from the
 * colours. */
static void
a_transparent_background_lets_through_and_darkens_nothing(void)
{
    expo_settings_t s = grid_settings(EXPO_SLICE);
    expo_volume_t v = test_volume(20, 20, 20);
    uint16_t *voxels = test_voxels(&v, 30000);
    static uint8_t rgba[4 * 3 * SIDE * SIDE];
    tracer_view_t *view;
    int i, half = 0, wrong = 0;

    s.background.mode = EXPO_BACKGROUND_TRANSPARENT;
    s.background.color[0] = 1;
    s.technique.slice.width_mm = 19.3;
    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);
    tracer_film(view, SIDE, SIDE, 1);
    tracer_pass(view, 16);
    tracer_read_display(view, 3 * SIDE, SIDE, rgba);

    for (i = 0; i < 3 * SIDE * SIDE; i++) {
        half += rgba[4 * i + 3] > 0 && rgba[4 * i + 3] < 255;
        wrong += rgba[4 * i + 3] > 8 &&
                 (abs(rgba[4 * i] - 128) > 1 || abs(rgba[4 * i + 2] - 128) > 1);
    }

    check(half > 50 && wrong == 0);
    check(rgba[3] == 0);
    check(rgba[4 * (SIDE / 2 * 3 * SIDE + 48) + 3] == 255);
    tracer_read(view, rgb);
    check(rgb[0] == 0);
    tracer_close(view);
    free(voxels);
}

int
main(void)
{
    tracer = test_tracer();
    the_largest_value_is_found_exactly();
    a_ramp_has_known_projections_on_every_grid();
    an_oblique_slice_shows_what_lies_in_its_plane();
    every_grid_shows_the_same_body(EXPO_MIP);
    every_grid_shows_the_same_body(EXPO_AVERAGE);
    every_grid_shows_the_same_body(EXPO_SLICE);
    a_window_is_shown_as_it_is();
    picking_finds_what_the_picture_shows();
    a_transparent_background_lets_through_and_darkens_nothing();
    degenerate_volumes_are_shown_too(EXPO_MIP);
    degenerate_volumes_are_shown_too(EXPO_AVERAGE);
    degenerate_volumes_are_shown_too(EXPO_SLICE);
    body_close(&body);
    tracer_destroy(tracer);

    return done();
}
