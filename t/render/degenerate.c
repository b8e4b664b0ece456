/*
 * Group 11 of the renderer's tests: degenerate input gives the right picture,
 * never NaN on the film, never a hang.
 *
 * The right picture of any scene is known when tissue of albedo 1/2 glows with
 * 1/2 under a sky of 1: all is in balance, and every pixel is 1.
 */

#include <unistd.h>

#include "t/render/medium.h"
#include "t/unit/check.h"

#define SIDE 16
#define HANG_S 300 /* the whole program takes a hundredth of it */

static tracer_t *tracer;

static const tracer_mode_t modes[] = {TRACER_PRODUCTION, TRACER_UNBIASED,
                                      TRACER_WOODCOCK};
static const expo_shading_t shadings[] = {
    EXPO_SHADING_PHASE, EXPO_SHADING_BRDF, EXPO_SHADING_HYBRID};

static expo_settings_t
balanced(void)
{
    expo_settings_t s = test_settings();
    int i, k;

    s.environment.intensity = 1;
    s.background.mode = EXPO_BACKGROUND_ENVIRONMENT;
    s.shading.max_bounces = 64;

    for (i = 0; i < 2; i++) {
        for (k = 0; k < 3; k++) {
            s.transfer.points[i].color[k] = pt_srgb(0.5f);
            s.transfer.points[i].emission[k] = 0.5f;
        }
    }

    return s;
}

/* Whether all is a number, and none below 0. */
static int
all_numbers(const float *rgb, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (!isfinite(rgb[i]) || rgb[i] < -1e-6f) {
            return 0;
        }
    }

    return 1;
}

/* Faults over all modes and shadings; balance: every pixel should be 1. */
static int
faults(const char *name, const expo_volume_t *v, const uint16_t *voxels,
       expo_settings_t s, int balance)
{
    float rgb[3 * SIDE * SIDE];
    double mean, error;
    tracer_view_t *view;
    int i, bad = 0, off;

    for (i = 0; i < 9; i++) {
        s.shading.mode = shadings[i / 3];

        if (tracer_open(tracer, v, voxels, &view) != EXPO_OK) {
            return 1000;
        }

        tracer_mode(view, modes[i % 3]);
        tracer_set(view, &s);
        tracer_film(view, SIDE, SIDE, (uint64_t) i);
        tracer_pass(view, 8);
        tracer_read(view, rgb);
        mean = test_mean(rgb, SIDE * SIDE, &error);
        off = tracer_bad_paths(view) > 0 || !all_numbers(rgb, 3 * SIDE * SIDE);
        /* A mean of few paths: 5 errors, and what a march may be off. */
        off |= balance && fabs(mean - 1) > 5 * error + 2e-3;

        if (off) {
            printf("# %s, shading %d, mode %d: mean %.5f, error %.5f, %llu "
                   "bad paths\n",
                   name, i / 3, i % 3, mean, error,
                   (unsigned long long) tracer_bad_paths(view));
        }

        bad += off;
        tracer_close(view);
    }

    return bad;
}

static void
place(expo_settings_t *s, double x, double y, double z, double tx, double ty,
      double tz)
{
    s->camera.position[0] = x;
    s->camera.position[1] = y;
    s->camera.position[2] = z;
    s->camera.target[0] = tx;
    s->camera.target[1] = ty;
    s->camera.target[2] = tz;
}

static void
cameras_may_be_anywhere(void)
{
    expo_volume_t v = test_volume(30, 28, 26);
    expo_settings_t s;
    uint16_t *voxels = test_ball(&v, 10);
    int i;

    for (i = 0; i < 2; i++) {
        s = balanced();
        s.camera.orthographic = i;
        s.camera.fov_deg = 40;

        /* In soft tissue, in bone, on a voxel's corner along an axis. */
        place(&s, 11, 0.3, 0.2, 0, 0, 0);
        check(faults("camera inside", &v, voxels, s, 1) == 0);
        s.transfer.density_scale = 100;
        place(&s, 1, 0.3, 0.2, 0, 0, 0);
        check(faults("camera in bone", &v, voxels, s, 1) == 0);
        place(&s, 0.5, -4, 0.5, 0.5, 10, 0.5);
        check(faults("camera on a corner", &v, voxels, s, 1) == 0);

        s.transfer.density_scale = 1;
        s.camera.up[1] = 1;
        s.camera.up[2] = 0;
        place(&s, 0, 0, 80, 0, 0, 0);
        check(faults("camera above", &v, voxels, s, 1) == 0);
        place(&s, 0, 0, -60, 0, 0, 40000);
        check(faults("target far behind", &v, voxels, s, 1) == 0);

        s = balanced();
        s.camera.orthographic = i;
        s.camera.fov_deg = 0.02f; /* 35 mm */
        place(&s, 0, -99999, 0, 0, 0, 0);
        check(faults("camera far away", &v, voxels, s, 1) == 0);
        place(&s, 57000, -57000, 57000, 0, 0, 0);
        check(faults("camera far askew", &v, voxels, s, 1) == 0);
        place(&s, 0, -40, 0, 0, 0, 0);
        s.camera.fov_deg = 150;
        check(faults("widest", &v, voxels, s, 1) == 0);
        s.camera.fov_deg = 35;
        s.camera.aperture_mm = 100;
        s.camera.focus_mm = 1e-3f;
        check(faults("focus on the lens", &v, voxels, s, 1) == 0);
    }

    free(voxels);
}

static void
volumes_may_be_of_one_voxel_along_an_axis(void)
{
    static const uint32_t dims[][3] = {{1, 1, 1},   {1, 9, 5}, {5, 1, 9},
                                       {9, 5, 1},   {1, 1, 9}, {9, 1, 1},
                                       {1, 300, 1}, {2, 2, 2}};
    expo_settings_t s;
    expo_volume_t v;
    uint16_t *voxels;
    size_t i;

    for (i = 0; i < sizeof(dims) / sizeof(dims[0]); i++) {
        v = test_volume(dims[i][0], dims[i][1], dims[i][2]);
        voxels = test_voxels(&v, 700);
        s = balanced();
        check(faults("thin volume", &v, voxels, s, 1) == 0);
        place(&s, -40, -30, 35, 0, 0, 0);
        s.camera.orthographic = false;
        s.camera.fov_deg = 15;
        check(faults("thin volume askew", &v, voxels, s, 1) == 0);
        free(voxels);
    }
}

/* In mm; the picture keeps its size in voxels. */
static void
voxels_may_be_of_any_size_and_slant(void)
{
    static const double mm[][3] = {
        {0.01, 0.01, 0.01}, {50, 50, 50}, {0.1, 50, 5}, {-1, 1, 1}};
    expo_volume_t v;
    expo_settings_t s;
    uint16_t *voxels;
    size_t i;
    int k;

    for (i = 0; i < 4; i++) {
        v = test_volume(30, 28, 26);
        voxels = test_ball(&v, 10);

        for (k = 0; k < 3; k++) {
            v.affine[5 * k] *= mm[i][k];
            v.affine[4 * k + 3] *= mm[i][k];
        }

        s = balanced();
        s.transfer.density_scale = (float) fmin(100, 1 / fabs(mm[i][1]));
        s.camera.position[1] = -100 * mm[i][1];

        for (k = 0; k < 3; k++) {
            s.clip.box_min[k] = -1e4;
            s.clip.box_max[k] = 1e4;
        }

        check(faults("voxel size", &v, voxels, s, 1) == 0);

        /* Sheared by half, as a tilted gantry does. */
        v.affine[2] = 0.5 * v.affine[10];
        v.affine[6] = -0.3 * v.affine[10];
        check(faults("sheared", &v, voxels, s, 1) == 0);
        free(voxels);
    }
}

static void
tissue_may_be_all_or_nothing(void)
{
    static const uint16_t values[] = {0, 1, 500, 65535};
    expo_volume_t v = test_volume(20, 18, 22);
    expo_settings_t s;
    uint16_t *voxels;
    int i, k;

    for (i = 0; i < 4; i++) {
        voxels = test_voxels(&v, values[i]);

        for (k = 0; k < 3; k++) {
            s = balanced();
            s.transfer.density_scale = k == 0 ? 0.001f : k == 1 ? 1 : 100;
            check(faults("constant", &v, voxels, s, 1) == 0);
        }

        s.transfer.points[1].opacity = 0;
        check(faults("no opacity", &v, voxels, s, 1) == 0);
        s = balanced();
        s.transfer.points[0].value = 499.9999;
        s.transfer.points[1].value = 500.0001;
        check(faults("a jump", &v, voxels, s, 1) == 0);
        s.transfer.points[0].value = 999999;
        s.transfer.points[1].value = 1000000;
        check(faults("above all values", &v, voxels, s, 1) == 0);
        s = balanced();
        s.clip.box_min[1] = s.clip.box_max[1] = 3;
        check(faults("box of no size", &v, voxels, s, 1) == 0);
        free(voxels);
    }
}

static void
lamps_may_be_inside(void)
{
    expo_volume_t v = test_volume(30, 28, 26);
    expo_settings_t s;
    uint16_t *voxels = test_ball(&v, 10);
    int i;

    for (i = 0; i < 4; i++) {
        s = balanced();
        s.shading.max_bounces = 4;
        s.lights[0] = test_light(i < 2 ? 1 : 8, i % 2 ? 300 : 1);
        s.lights[0].visible = i % 2;
        s.n_lights = 1;
        s.transfer.points[1].specular[0] = 1;
        s.transfer.points[1].roughness = 0;
        check(faults("lamp inside", &v, voxels, s, 0) == 0);
        place(&s, 0, -8.5, 0, 0, 0, 0);
        check(faults("lamp at the camera", &v, voxels, s, 0) == 0);
    }

    free(voxels);
}

/* A ray through a corner, along an edge, within a face, from the middle. */
static void
rays_along_axes_are_like_others(void)
{
    static const uint32_t dims[][3] = {{1, 1, 1}, {1, 9, 5}, {5, 1, 9},
                                       {9, 5, 1}, {2, 2, 2}, {33, 3, 17}};
    expo_settings_t s = test_settings();
    double worst = 0;
    expo_volume_t v;
    uint16_t *voxels;
    size_t i;
    int axis, side, lost = 0;
    double d[3], o[3];

    s.transfer.density_scale = 0.2f;

    for (i = 0; i < sizeof(dims) / sizeof(dims[0]); i++) {
        v = test_volume(dims[i][0], dims[i][1], dims[i][2]);
        voxels = test_voxels(&v, 1000);
        medium_open(&v, voxels, &s);

        for (axis = 0; axis < 6; axis++) {
            side = axis < 3 ? 1 : -1;
            memset(d, 0, sizeof(d));
            memset(o, 0, sizeof(o));
            d[axis % 3] = -side;
            o[axis % 3] = side * 80;
            worst = fmax(worst, tracking_error(
                                    medium_ray(o[0], o[1], o[2], d[0], d[1],
                                               d[2]),
                                    0.2 * dims[i][axis % 3],
                                    test_count(10000)));
            worst = fmax(worst,
                         ratio_error(medium_ray(0, 0, 0, d[0], d[1], d[2]),
                                     0.1 * dims[i][axis % 3],
                                     test_count(10000)));
        }

        lost += march_depth(medium_ray(50, 50, 50, 1, 1, 1)) != 0.0f;
        lost += march_depth(medium_ray(-50, -50, 49.99, 1, 1, -1e-7)) != 0.0f;
        medium_close();
        free(voxels);
    }

    check(worst < 1);
    check(lost == 0);
}

static void
nothing_opaque_lets_all_through(void)
{
    expo_volume_t v = test_volume(20, 20, 20);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 700);
    pt_random_t random = pt_random(1, 2, 3);
    float t, value;

    s.transfer.points[1].opacity = 0;
    medium_open(&v, voxels, &s);
    check(!pt_track(&scene.pt, medium_ray(0, -50, 0, 0, 1, 0), PT_FAR, &random,
                    &t, &value));
    check(pt_transmittance(&scene.pt, medium_ray(0, 0, 0, 0, 1, 0), PT_FAR,
                           &random) == 1.0f);
    check(march_depth(medium_ray(0, 0, 0, 0, 1, 0)) == 0.0f);
    medium_close();
    free(voxels);
}

/* No kernel makes one: it comes in by settings that a parse would refuse, in
 * one colour only. */
static void
what_is_no_number_is_counted_and_left_out(void)
{
    static const float broken[] = {NAN, INFINITY, -INFINITY};
    expo_volume_t v = test_volume(30, 6, 30);
    expo_settings_t s;
    uint16_t *voxels = test_voxels(&v, 1000);
    float rgb[3 * SIDE * SIDE];
    tracer_view_t *view;
    int i, k, wrong = 0;

    for (i = 0; i < 9; i++) {
        s = test_settings();
        s.transfer.density_scale = 100;

        for (k = 0; k < 2; k++) {
            s.transfer.points[k].emission[i % 3] = broken[i / 3];
        }

        tracer_open(tracer, &v, voxels, &view);
        tracer_set(view, &s);
        tracer_film(view, SIDE, SIDE, 1);
        wrong += tracer_bad_paths(view) != 0;
        tracer_pass(view, 2);
        wrong += tracer_bad_paths(view) != 2 * SIDE * SIDE;
        tracer_read(view, rgb);
        wrong += !all_numbers(rgb, 3 * SIDE * SIDE);
        s = test_settings();
        tracer_set(view, &s);
        wrong += tracer_bad_paths(view) != 0;
        tracer_close(view);
    }

    check(wrong == 0);
    free(voxels);
}

int
main(void)
{
    alarm(HANG_S);
    tracer = test_tracer();

    rays_along_axes_are_like_others();
    nothing_opaque_lets_all_through();
    cameras_may_be_anywhere();
    volumes_may_be_of_one_voxel_along_an_axis();
    voxels_may_be_of_any_size_and_slant();
    tissue_may_be_all_or_nothing();
    lamps_may_be_inside();
    what_is_no_number_is_counted_and_left_out();
    tracer_destroy(tracer);

    return done();
}
