/*
 * Group 2 of the renderer's tests: media that change along a ray let through
 * what their closed form says. A ramp, a step inside a cell, a sheet of one
 * voxel, a checker whose fields are macrocells, cuts; straight and slanted,
 * tracked and marched.
 */

#include "t/render/medium.h"
#include "t/unit/check.h"

#define DEEP 23 /* voxels along y */
#define WIDE 63 /* along x and z: wider than any ray through the middle */

/* Two straight through the planes y = const, then others. */
static const double directions[][3] = {
    {0, 1, 0},       {0, -1, 0},       {0.3, 1, -0.2},
    {0.7, 1, 0.4},   {-1, -1.1, 0.9},  {0.05, 1, 0.02},
    {-0.4, -1, 0.4}, {0.9, 1.3, -0.1}, {1, 1, 0},
};

#define STRAIGHT 2
#define DIRECTIONS (sizeof(directions) / sizeof(directions[0]))

/* Errors of the three ways; of the march: relative, of transmittance. */
typedef struct {
    double tracking, ratio, march;
} errors_t;

typedef double (*layer_t)(int y);

static uint16_t *
layers(layer_t value, expo_volume_t *v)
{
    uint16_t *voxels;
    uint32_t x, y, z;

    *v = test_volume(WIDE, DEEP, WIDE);
    voxels = test_voxels(v, 0);

    for (z = 0; z < WIDE; z++) {
        for (y = 0; y < DEEP; y++) {
            for (x = 0; x < WIDE; x++) {
                voxels[(z * DEEP + y) * WIDE + x] = (uint16_t) value((int) y);
            }
        }
    }

    return voxels;
}

static void
judge(errors_t *e, pt_ray_t r, double depth, uint32_t paths)
{
    e->tracking = fmax(e->tracking, tracking_error(r, depth, paths));
    e->ratio = fmax(e->ratio, ratio_error(r, depth, paths));
    e->march = fmax(e->march, march_error(r, depth) / exp(-depth));
}

/* depth: straight across, for a density of 1; optical depths of 0.01 to 2.4 of
 * the first n directions. */
static errors_t
errors(layer_t value, expo_settings_t *s, double depth, size_t n)
{
    errors_t e = {0, 0, 0};
    double density;
    expo_volume_t v;
    uint16_t *voxels = layers(value, &v);
    pt_ray_t r;
    size_t i;

    for (density = 0.01; density < 4; density *= 3) {
        s->transfer.density_scale = (float) (density / depth);
        medium_open(&v, voxels, s);

        for (i = 0; i < n; i++) {
            r = medium_ray(0, 0, 0, directions[i][0], directions[i][1],
                           directions[i][2]);
            r.o = pt_along(pt_vec(0.37f, 0, -0.21f), r.d, -90);
            judge(&e, r, density / fabs((double) r.d.y), test_count(4000));
        }

        medium_close();
    }

    free(voxels);

    return e;
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

/* 0 to 0.88 over 22 mm, and half a voxel of each at the ends. */
static void
a_ramp_lets_through_its_integral(void)
{
    expo_settings_t s = test_settings();
    errors_t e = errors(rising, &s, 0.44 * 22 + 0.5 * 0.88, DIRECTIONS);

    check(e.tracking < 1);
    check(e.ratio < 1);
    check(e.march < 1e-3);
}

/* Opacity 0 below a value and 1 above: 330..331 lies inside a voxel. */
static void
a_jump_of_the_curve_inside_a_cell_is_found(void)
{
    expo_settings_t s = test_settings();
    errors_t e;

    s.transfer.n_points = 4;
    s.transfer.points[3] = s.transfer.points[1];
    s.transfer.points[2] = s.transfer.points[1];
    s.transfer.points[1].value = 330;
    s.transfer.points[1].opacity = 0;
    s.transfer.points[2].value = 331;
    e = errors(rising, &s, (880 - 330.5) / 40 + 0.5, DIRECTIONS);

    check(e.tracking < 1);
    check(e.ratio < 1);
    check(e.march < 1e-3);
}

static void
an_edge_lets_through_its_integral(void)
{
    expo_settings_t s = test_settings();
    errors_t e = errors(edge, &s, 13.5 + 0.5, DIRECTIONS);

    check(e.tracking < 1);
    check(e.ratio < 1);
    check(e.march < 5e-3);
}

/* Opaque from 490 to 510 only, which an edge runs through in 0.02 mm. */
static void
a_skin_thinner_than_any_step_is_found(void)
{
    expo_settings_t s = test_settings();
    errors_t e;

    s.transfer.n_points = 3;
    s.transfer.points[2] = s.transfer.points[0];
    s.transfer.points[0].value = 490;
    s.transfer.points[1].value = 500;
    s.transfer.points[2].value = 510;
    e = errors(edge, &s, 0.5 * 20 / 1000, DIRECTIONS);

    check(e.tracking < 1);
    check(e.ratio < 1);
    check(e.march < 5e-3);
}

/*
 * The sheet is a tent two voxels wide of depth 1. A straight march stops at
 * its corners; a slanted one passes between, and the chord misses or adds some:
 * at a quarter voxel a step 1/8 of a step's square on either side, at most 3 %
 * of the sheet's own depth, which is up to 2.43 x 1.8.
 */
static void
a_sheet_of_one_voxel_lets_through_its_integral(void)
{
    expo_settings_t s = test_settings();
    errors_t e = errors(sheet, &s, 1, STRAIGHT);

    check(e.march < 1e-3);

    e = errors(sheet, &s, 1, DIRECTIONS);
    check(e.tracking < 1);
    check(e.ratio < 1);
    check(e.march < 0.03 * 2.43 * 1.8);
}

/* Wherever the steps fall, the sheet's depth is right in the mean. */
static void
slanted_rays_miss_none_of_a_sheet_on_average(void)
{
    expo_settings_t s = test_settings();
    test_mean_t m = {0, 0, 0};
    double depth, found, worst = 0;
    expo_volume_t v;
    uint16_t *voxels = layers(sheet, &v);
    pt_ray_t r;
    int i;

    srand48(21);
    medium_open(&v, voxels, &s);

    for (i = 0; i < 4000; i++) {
        r = medium_ray(0, 0, 0, drand48() - 0.5, i % 2 ? 1 : -1,
                       drand48() - 0.5);
        r.o = pt_along(pt_vec((float) drand48(), 0, (float) drand48()), r.d,
                       -60 - 4 * (float) drand48());
        depth = 1 / fabs((double) r.d.y);
        found = (double) march_depth(r);
        test_add(&m, found / depth - 1);
        worst = fmax(worst, fabs(found / depth - 1));
    }

    printf("# slanted sheet: depth off by %.2f %% on average, %.2f %% at "
           "worst\n",
           100 * test_mean_of(&m), 100 * worst);
    check(fabs(test_mean_of(&m)) < 2e-3 + 4 * test_error_of(&m));
    check(worst < 0.03);
    medium_close();
    free(voxels);
}

/* Fields of 4^3 voxels, 0 and 1000: the curve jumps at every cell's border. */
static void
a_checker_at_cell_borders_lets_through_its_integral(void)
{
    expo_volume_t v = test_volume(40, 40, 40);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 0);
    errors_t straight = {0, 0, 0}, slanted = {0, 0, 0};
    double o[3], d[3], depth;
    uint32_t x, y, z;
    pt_ray_t r;
    int i, k;

    for (z = 0; z < 40; z++) {
        for (y = 0; y < 40; y++) {
            for (x = 0; x < 40; x++) {
                voxels[(z * 40 + y) * 40 + x] =
                    (x / 4 + y / 4 + z / 4) % 2 ? 1000 : 0;
            }
        }
    }

    s.transfer.density_scale = 0.1f;
    medium_open(&v, voxels, &s);

    /* Through the middle of fields: each dark one counts 4 voxels. */
    for (i = 0; i < 6; i++) {
        memset(o, 0, sizeof(o));
        memset(d, 0, sizeof(d));
        o[(i + 1) % 3] = o[(i + 2) % 3] = 2;
        o[i % 3] = i < 3 ? 50 : -50;
        d[i % 3] = i < 3 ? -1 : 1;
        r = medium_ray(o[0], o[1], o[2], d[0], d[1], d[2]);
        judge(&straight, r, 0.1 * 20, test_count(20000));
    }

    check(straight.tracking < 1);
    check(straight.ratio < 1);
    check(straight.march < 1e-3);

    srand48(22);

    for (i = 0; i < 60; i++) {
        for (k = 0; k < 3; k++) {
            d[k] = drand48() - 0.5;
            o[k] = 10 * (drand48() - 0.5);
        }

        r = medium_ray(o[0], o[1], o[2], d[0], d[1], d[2]);
        r.o = pt_along(r.o, r.d, -60);

        for (k = 0; k < 3; k++) {
            o[k] = (double) (&r.o.x)[k];
            d[k] = (double) (&r.d.x)[k];
        }

        depth = exact_depth(&v, voxels, &s, o, d, 256);
        judge(&slanted, r, depth, test_count(4000));
    }

    printf("# checker: transmittance off by %.2f %% at worst\n",
           100 * slanted.march);
    check(slanted.tracking < 1);
    check(slanted.ratio < 1);
    check(slanted.march < 0.04);
    medium_close();
    free(voxels);
}

static void
a_clip_box_and_a_plane_cut_exactly(void)
{
    expo_volume_t v = test_volume(40, 40, 40);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 1000);
    pt_ray_t along = medium_ray(0.3, -90, 0.1, 0, 1, 0);
    uint32_t paths = test_count(40000);
    errors_t e = {0, 0, 0};
    pt_v3 n;

    s.transfer.density_scale = 0.1f;
    s.clip.box_min[1] = -3.3;
    s.clip.box_max[1] = 8.1;
    medium_open(&v, voxels, &s);
    judge(&e, along, 0.1 * 11.4, paths);

    /* Beside the box's x range there is nothing. */
    s.clip.box_min[0] = 1;
    scene_set(&scene, &body, &s);
    check(march_depth(along) == 0.0f);

    s = test_settings();
    s.transfer.density_scale = 0.1f;
    s.clip.n_planes = 1;
    s.clip.planes[0].enabled = true;
    s.clip.planes[0].normal[0] = (float) M_SQRT1_2;
    s.clip.planes[0].normal[1] = (float) M_SQRT1_2;
    s.clip.planes[0].offset_mm = 2;
    scene_set(&scene, &body, &s);

    /* x + y >= 2 sqrt 2, x = 0.3: y from 2.528 to 20. */
    judge(&e, along, 0.1 * (20 - (2 * M_SQRT2 - 0.3)), paths);

    /* Just below the cut, seen from outside it, the plane is the surface. */
    check(pt_normal(&scene.pt, pt_vec(0.3f, 2.6f, 0.1f), pt_vec(0, -1, 0),
                    &n) == 1.0f);
    check(fabsf(n.x + (float) M_SQRT1_2) < 1e-5f &&
          fabsf(n.y + (float) M_SQRT1_2) < 1e-5f);

    s.clip.planes[0].enabled = false;
    scene_set(&scene, &body, &s);
    judge(&e, along, 0.1 * 40, paths);

    check(e.tracking < 1);
    check(e.ratio < 1);
    check(e.march < 1e-4);
    medium_close();
    free(voxels);
}

/* sigma is k y along y: u is reached where k y^2 / 2 is -ln(1 - u). */
static void
what_u_picks_lies_at_its_depth(void)
{
    expo_settings_t s = test_settings();
    double k = 0.04 * 0.5, u, y, most = 0, clear_error;
    int i, wrong = 0, outside = 0;
    expo_volume_t v;
    uint16_t *voxels = layers(rising, &v);
    pt_depth_t d;
    float clear, weight;
    pt_ray_t r = medium_ray(0.37, -90, -0.21, 0, 1, 0);

    s.transfer.density_scale = 0.5f;
    medium_open(&v, voxels, &s);

    for (i = 0; i < 1000; i++) {
        u = (i + 0.5) / 1000;
        d = pt_depth_pick(&scene.pt, r, PT_FAR, (float) u, 0, &clear, &weight);
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
    medium_close();
    free(voxels);
}

int
main(void)
{
    a_ramp_lets_through_its_integral();
    a_jump_of_the_curve_inside_a_cell_is_found();
    an_edge_lets_through_its_integral();
    a_skin_thinner_than_any_step_is_found();
    a_sheet_of_one_voxel_lets_through_its_integral();
    slanted_rays_miss_none_of_a_sheet_on_average();
    a_checker_at_cell_borders_lets_through_its_integral();
    a_clip_box_and_a_plane_cut_exactly();
    what_u_picks_lies_at_its_depth();

    return done();
}
