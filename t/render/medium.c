/* What gets through a medium, against closed forms. */

#include "render-worker/render/scene.c"
#include "render-worker/render/body.c"
#include "render-worker/render/grid.c"
#include "render-worker/render/kernel/pt_path.h"
#include "t/render/scene.h"
#include "t/unit/check.h"

#define PATHS 40000

static body_t body;
static scene_t scene;

static void
prepare(const expo_volume_t *v, const uint16_t *voxels,
        const expo_settings_t *s)
{
    body_open(&body, v, voxels);
    scene_set(&scene, &body, s);
}

static pt_ray_t
ray(float ox, float oy, float oz, float dx, float dy, float dz)
{
    pt_ray_t r;

    r.o = pt_vec(ox, oy, oz);
    r.d = pt_unit(pt_vec(dx, dy, dz));

    return r;
}

/* Standard errors between what tracking lets through and exp(-depth). */
static double
tracking_error(pt_ray_t r, double depth)
{
    double clear = 0, expected = exp(-depth), error;
    float t, value;
    pt_random_t random;
    uint32_t i;

    for (i = 0; i < PATHS; i++) {
        random = pt_random(11, i, 0);
        clear += !pt_track(&scene.pt, r, PT_FAR, &random, &t, &value);
    }

    error = sqrt(fmax(expected * (1 - expected), 1.0 / PATHS) / PATHS);

    return fabs(clear / PATHS - expected) / error;
}

static double
ratio_error(pt_ray_t r, double depth)
{
    double sum = 0, square = 0, x, mean, error;
    pt_random_t random;
    uint32_t i;

    for (i = 0; i < PATHS; i++) {
        random = pt_random(12, i, 0);
        x = pt_transmittance(&scene.pt, r, PT_FAR, &random);
        sum += x;
        square += x * x;
    }

    mean = sum / PATHS;
    error = sqrt(fmax(square / PATHS - mean * mean, 1e-8) / PATHS);

    return fabs(mean - exp(-depth)) / error;
}

static double
march_error(pt_ray_t r, double depth)
{
    return fabs((double) pt_clear(&scene.pt, r, PT_FAR) - exp(-depth));
}

/* value(y) rises by 100 a mm, opacity by 0.001 a unit, so sigma is k y. */
static void
a_ramp_lets_through_its_integral(void)
{
    expo_volume_t v = test_volume(9, 11, 7);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 0);
    double k = 0.3, depth;
    uint32_t x, y, z;

    for (z = 0; z < 7; z++) {
        for (y = 0; y < 11; y++) {
            for (x = 0; x < 9; x++) {
                voxels[(z * 11 + y) * 9 + x] = (uint16_t) (100 * y);
            }
        }
    }

    s.transfer.density_scale = (float) k;
    prepare(&v, voxels, &s);

    /* 10 mm of ramp, and half a voxel of 0 and of 1 at its ends. */
    depth = k * (0.5 * 10 + 0.5);
    check(tracking_error(ray(0.2f, -50, -0.4f, 0, 1, 0), depth) < 4);
    check(ratio_error(ray(0.2f, -50, -0.4f, 0, 1, 0), depth) < 4);
    check(tracking_error(ray(0.2f, 50, -0.4f, 0, -1, 0), depth) < 4);
    check(march_error(ray(0.2f, -50, -0.4f, 0, 1, 0), depth) < 1e-3);

    body_close(&body);
    free(voxels);
}

static void
a_clip_box_and_a_plane_cut_exactly(void)
{
    expo_volume_t v = test_volume(40, 40, 40);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 1000);
    pt_ray_t along = ray(0.3f, -90, 0.1f, 0, 1, 0);
    pt_v3 n;

    s.transfer.density_scale = 0.1f;
    s.clip.box_min[1] = -3.3;
    s.clip.box_max[1] = 8.1;
    prepare(&v, voxels, &s);
    check(tracking_error(along, 0.1 * 11.4) < 4);
    check(ratio_error(along, 0.1 * 11.4) < 4);
    check(march_error(along, 0.1 * 11.4) < 1e-4);

    /* Beside the box's x range there is nothing. */
    s.clip.box_min[0] = 1;
    scene_set(&scene, &body, &s);
    check(pt_clear(&scene.pt, along, PT_FAR) == 1.0f);

    s = test_settings();
    s.transfer.density_scale = 0.1f;
    s.clip.n_planes = 1;
    s.clip.planes[0].enabled = true;
    s.clip.planes[0].normal[0] = (float) M_SQRT1_2;
    s.clip.planes[0].normal[1] = (float) M_SQRT1_2;
    s.clip.planes[0].offset_mm = 2;
    scene_set(&scene, &body, &s);

    /* x + y >= 2 sqrt 2, x = 0.3: y from 2.528 to 20. */
    check(tracking_error(along, 0.1 * (20 - (2 * M_SQRT2 - 0.3))) < 4);

    /* Just below the cut, seen from outside it, the plane is the surface. */
    check(pt_normal(&scene.pt, pt_vec(0.3f, 2.6f, 0.1f), pt_vec(0, -1, 0),
                    &n) == 1.0f);
    check(fabsf(n.x + (float) M_SQRT1_2) < 1e-5f &&
          fabsf(n.y + (float) M_SQRT1_2) < 1e-5f);

    s.clip.planes[0].enabled = false;
    scene_set(&scene, &body, &s);
    check(tracking_error(along, 0.1 * 40) < 4);

    body_close(&body);
    free(voxels);
}

static void
odd_rays_and_volumes_end_well(void)
{
    static const uint32_t dims[][3] = {{1, 1, 1}, {1, 9, 5}, {5, 1, 9},
                                       {9, 5, 1}, {2, 2, 2}, {33, 3, 17}};
    expo_settings_t s = test_settings();
    double depth, worst = 0;
    expo_volume_t v;
    uint16_t *voxels;
    size_t i;
    int axis, lost = 0;
    float d[3], o[3], clear;

    s.transfer.density_scale = 0.2f;

    for (i = 0; i < sizeof(dims) / sizeof(dims[0]); i++) {
        v = test_volume(dims[i][0], dims[i][1], dims[i][2]);
        voxels = test_voxels(&v, 1000);
        prepare(&v, voxels, &s);

        for (axis = 0; axis < 3; axis++) {
            memset(d, 0, sizeof(d));
            memset(o, 0, sizeof(o));
            d[axis] = -1;
            o[axis] = 80;
            depth = 0.2 * dims[i][axis];
            worst = fmax(
                worst,
                tracking_error(ray(o[0], o[1], o[2], d[0], d[1], d[2]), depth));

            /* From the middle, inside. */
            worst = fmax(worst, ratio_error(ray(0, 0, 0, d[0], d[1], d[2]),
                                            0.5 * depth));
        }

        clear = pt_clear(&scene.pt, ray(50, 50, 50, 1, 1, 1), PT_FAR);
        lost += clear != 1.0f;
        clear =
            pt_clear(&scene.pt, ray(-50, -50, 49.99f, 1, 1, -1e-7f), PT_FAR);
        lost += clear != 1.0f;
        body_close(&body);
        free(voxels);
    }

    check(worst < 4.5);
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
    prepare(&v, voxels, &s);
    check(!pt_track(&scene.pt, ray(0, -50, 0, 0, 1, 0), PT_FAR, &random, &t,
                    &value));
    check(pt_transmittance(&scene.pt, ray(0, 0, 0, 0, 1, 0), PT_FAR, &random) ==
          1.0f);
    body_close(&body);
    free(voxels);
}

/* Pushes a random point through what a walk does to find its bound. */
static float
bound_at(pt_v3 index)
{
    pt_walk_t w;
    int32_t cell;
    float end;

    w.co = pt_scale(index, 1.0f / PT_CELL);
    w.cd = w.inverse = pt_vec(1, 1, 1);
    w.nudge = 0;

    return pt_bound(&scene.pt, &w, 0.0f, &end, &cell);
}

static void
no_point_exceeds_the_bound_of_its_cell(void)
{
    static const uint32_t dims[][3] = {{64, 33, 17}, {5, 70, 9}, {1, 40, 40}};
    expo_settings_t s = test_settings();
    int i, j, k, over = 0, empty_wrong = 0, round;
    expo_volume_t v;
    uint16_t *voxels;
    float bound, sigma;
    size_t n;
    pt_v3 p;

    srand48(5);

    for (round = 0; round < 24; round++) {
        v = test_volume(dims[round % 3][0], dims[round % 3][1],
                        dims[round % 3][2]);
        n = (size_t) expo_volume_voxels(&v);
        voxels = test_voxels(&v, 0);

        /* Sparse spikes, so that empty blocks of every size occur. */
        for (j = 0; j < (int) n; j++) {
            if (drand48() < (round % 2 ? 0.5 : 0.002)) {
                voxels[j] = (uint16_t) (drand48() * 65535);
            }
        }

        s.transfer.n_points = 12;
        s.transfer.smooth = round % 4 < 2;

        for (i = 0; i < 12; i++) {
            s.transfer.points[i].value = 1 + 5900 * i + 500 * drand48();
            s.transfer.points[i].opacity =
                i == 0 || drand48() < 0.3 ? 0 : (float) drand48();
        }

        s.transfer.density_scale = (float) (0.01 + 10 * drand48());
        prepare(&v, voxels, &s);

        for (k = 0; k < 100000; k++) {
            p = pt_vec((float) (drand48() * v.dims[0] - 0.5),
                       (float) (drand48() * v.dims[1] - 0.5),
                       (float) (drand48() * v.dims[2] - 0.5));
            sigma = pt_extinction(&scene.pt, pt_value(&scene.pt, p));
            bound = bound_at(p);
            over += sigma > bound;
            empty_wrong += bound == 0.0f && sigma != 0.0f;
        }

        body_close(&body);
        free(voxels);
    }

    check(over == 0);
    check(empty_wrong == 0);
}

int
main(void)
{
    a_ramp_lets_through_its_integral();
    a_clip_box_and_a_plane_cut_exactly();
    odd_rays_and_volumes_end_well();
    nothing_opaque_lets_all_through();
    no_point_exceeds_the_bound_of_its_cell();

    return done();
}
