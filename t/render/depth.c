/* Marched optical depth, against closed forms. */

#include "render-worker/render/scene.c"
#include "render-worker/render/body.c"
#include "render-worker/render/grid.c"
#include "render-worker/render/kernel/pt_depth.h"
#include "t/render/scene.h"
#include "t/unit/check.h"

static body_t body;
static scene_t scene;

/* Two straight through the planes y = const, then others. */
static const float directions[][3] = {{0, 1, 0},
                                      {0, -1, 0},
                                      {0.3f, 1, -0.2f},
                                      {0.7f, 1, 0.4f},
                                      {-1, -1.1f, 0.9f}};

#define STRAIGHT 2
#define DIRECTIONS (sizeof(directions) / sizeof(directions[0]))

/* value(y) in a block that is wider than any ray through its middle needs. */
static void
layers(double (*value)(int y), const expo_settings_t *s, expo_volume_t *v,
       uint16_t **voxels)
{
    uint32_t x, y, z;

    *v = test_volume(63, 23, 61);
    *voxels = test_voxels(v, 0);

    for (z = 0; z < 61; z++) {
        for (y = 0; y < 23; y++) {
            for (x = 0; x < 63; x++) {
                (*voxels)[(z * 23 + y) * 63 + x] = (uint16_t) value((int) y);
            }
        }
    }

    body_open(&body, v, *voxels);
    scene_set(&scene, &body, s);
}

static pt_ray_t
through(size_t direction, float *cosine)
{
    const float *d = directions[direction];
    pt_ray_t r;

    r.d = pt_unit(pt_vec(d[0], d[1], d[2]));
    r.o = pt_along(pt_vec(0.37f, 0.0f, -0.21f), r.d, -90.0f);
    *cosine = fabsf(r.d.y);

    return r;
}

/* Largest relative error of the transmittance, of the first n directions and
 * all densities; depth: across, for a density of 1. */
static double
worst(double (*value)(int y), expo_settings_t *s, double depth, size_t n)
{
    double most = 0, found, expected, density;
    expo_volume_t v;
    uint16_t *voxels;
    float cosine;
    pt_ray_t r;
    size_t i;

    for (density = 0.01; density < 4; density *= 3) {
        s->transfer.density_scale = (float) (density / depth);
        layers(value, s, &v, &voxels);

        for (i = 0; i < n; i++) {
            r = through(i, &cosine);
            expected = density / (double) cosine;
            found = (double) pt_depth(&scene.pt, r, PT_FAR, PT_FAR, PT_FAR,
                                      NULL, NULL, NULL)
                        .depth;
            most = fmax(most, fabs(exp(expected - found) - 1));
        }

        body_close(&body);
        free(voxels);
    }

    return most;
}

static double
even(int y)
{
    (void) y;

    return 500;
}

static double
rising(int y)
{
    return 40 * y;
}

static double
sheet(int y)
{
    return y == 10 ? 1000 : 0;
}

static double
edge(int y)
{
    return y < 9 ? 0 : 1000;
}

static void
depth_of_layers_is_their_integral(void)
{
    expo_settings_t s = test_settings();

    check(worst(even, &s, 0.5 * 23, DIRECTIONS) < 1e-4);

    /* 0 to 0.88 over 22 mm, and half a voxel of each at the ends. */
    check(worst(rising, &s, 0.44 * 22 + 0.5 * 0.88, DIRECTIONS) < 1e-3);
    check(worst(sheet, &s, 1, STRAIGHT) < 1e-3);
    check(worst(edge, &s, 13.5 + 0.5, STRAIGHT) < 1e-3);
}

/* Where a ray passes a bend between two steps, the chord misses or adds some of
 * it: at most 3 % of a sheet's own depth. */
static void
slanted_rays_miss_little_of_a_sheet(void)
{
    expo_settings_t s = test_settings();

    check(worst(sheet, &s, 1, DIRECTIONS) < 0.03 * 2.43);
    check(worst(edge, &s, 13.5 + 0.5, DIRECTIONS) < 5e-3);
}

/* Opacity 0 below a value and 1 above: 330..331 lies inside a voxel. */
static void
depth_of_a_step_is_what_lies_behind_it(void)
{
    expo_settings_t s = test_settings();

    s.transfer.n_points = 4;
    s.transfer.points[3] = s.transfer.points[1];
    s.transfer.points[2] = s.transfer.points[1];
    s.transfer.points[1].value = 330;
    s.transfer.points[1].opacity = 0;
    s.transfer.points[2].value = 331;

    check(worst(rising, &s, (880 - 330.5) / 40 + 0.5, DIRECTIONS) < 1e-3);
}

/* sigma is k y along y: u is reached where k y^2 / 2 is -ln(1 - u). */
static void
what_u_picks_lies_at_its_depth(void)
{
    expo_settings_t s = test_settings();
    double k = 0.04 * 0.5, u, y, most = 0, clear_error;
    int i, wrong = 0, outside = 0;
    expo_volume_t v;
    uint16_t *voxels;
    pt_depth_t d;
    float clear, cosine;
    pt_ray_t r;

    s.transfer.density_scale = 0.5f;
    layers(rising, &s, &v, &voxels);
    r = through(0, &cosine);

    for (i = 0; i < 1000; i++) {
        u = (i + 0.5) / 1000;
        d = pt_depth_pick(&scene.pt, r, PT_FAR, (float) u, NULL, &clear);
        y = sqrt(-2 * log(1 - u) / k);
        clear_error = fabs((double) clear / exp(-k * (22 * 11 + 11)) - 1);
        wrong += clear_error > 2e-3;

        if (!d.met) {
            outside += y < 22.45;
            continue;
        }

        /* Index 0 lies 11 mm before the middle, 79 mm from the start. */
        if (y < 22) {
            most = fmax(most, fabs((double) d.t - 79 - y));
            wrong += fabs((double) d.value - 40 * y) > 2;
        }
    }

    check(wrong == 0);
    check(outside == 0);
    check(most < 0.02);
    body_close(&body);
    free(voxels);
}

int
main(void)
{
    depth_of_layers_is_their_integral();
    slanted_rays_miss_little_of_a_sheet();
    depth_of_a_step_is_what_lies_behind_it();
    what_u_picks_lies_at_its_depth();

    return done();
}
