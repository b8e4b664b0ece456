/* Group 1 of the renderer's tests: a homogeneous slab lets through
 * exp(-depth), whichever way it is found, up to 20 optical depths. */

#include "t/render/medium.h"
#include "t/unit/check.h"

#define SIDE 32
#define DEPTHS 23
#define TALL 20 /* voxels of 1 mm through the slab */

/* 0.05, 0.2 and 0.5, where little is lost, then 1, 2 .. 20. */
static double
depth_of(int i)
{
    static const double thin[] = {0.05, 0.2, 0.5};

    return i < 3 ? thin[i] : i - 2;
}

static void
slab_of(double depth, expo_settings_t *s)
{
    *s = test_settings();
    s->transfer.density_scale = (float) (depth / (0.5 * TALL));
}

/*
 * around: of the voxels beside the ray's, which never count but raise the
 * bound of the cells: null collisions.
 */
static void
three_ways_through(uint16_t around, uint32_t paths)
{
    expo_volume_t v = test_volume(13, TALL, 13);
    uint16_t *voxels = test_voxels(&v, 500);
    double tracking = 0, ratio = 0, march = 0;
    expo_settings_t s;
    pt_ray_t r;
    uint32_t x, y, z;
    int i;

    for (z = 0; z < 13; z++) {
        for (y = 0; y < TALL; y++) {
            for (x = 0; x < 13; x++) {
                if (abs((int) x - 6) > 1 || abs((int) z - 6) > 1) {
                    voxels[(z * TALL + y) * 13 + x] = around;
                }
            }
        }
    }

    /* To and fro, both along an axis and a little off it. */
    for (i = 0; i < 2 * DEPTHS; i++) {
        slab_of(depth_of(i / 2), &s);
        medium_open(&v, voxels, &s);
        r = medium_ray(0, i % 2 ? 40 : -40, 0, 0, i % 2 ? -1 : 1, 0);
        tracking = fmax(tracking, tracking_error(r, depth_of(i / 2), paths));
        ratio = fmax(ratio, ratio_error(r, depth_of(i / 2), paths));
        march = fmax(march, march_error(r, depth_of(i / 2)));
        medium_close();
    }

    check(tracking < 1);
    check(ratio < 1);
    check(march < 1e-4);
    free(voxels);
}

static void
tight_bounds_let_through_what_beer_and_lambert_say(void)
{
    three_ways_through(500, test_count(40000));
}

static void
loose_bounds_let_through_the_same(void)
{
    three_ways_through(1000, test_count(40000));
}

static void
empty_neighbours_let_through_the_same(void)
{
    three_ways_through(0, test_count(40000));
}

/* A slanted way is longer by the cosine. */
static void
slant_counts_as_length(void)
{
    expo_volume_t v = test_volume(60, TALL, 60);
    uint16_t *voxels = test_voxels(&v, 500);
    expo_settings_t s;
    double march = 0, tracking = 0, depth, cosine;
    pt_ray_t r;
    int i;

    for (i = 0; i < 12; i++) {
        slab_of(1, &s);
        medium_open(&v, voxels, &s);
        r = medium_ray(0, 0, 0, 0.1 * i, i % 2 ? 1 : -1, 0.05 * i);
        cosine = fabs((double) r.d.y);
        r.o = pt_along(r.o, r.d, -90);
        depth = 1 / cosine;
        march = fmax(march, march_error(r, depth));
        tracking = fmax(tracking, tracking_error(r, depth, test_count(10000)));
        medium_close();
    }

    check(march < 1e-4);
    check(tracking < 1);
    free(voxels);
}

/*
 * Black tissue before a sky of 1, as a picture: a pixel is what is let through.
 * Tracked pictures are counts of paths; marched ones have no noise.
 */
static void
pictures_show_the_sky_through_it(void)
{
    expo_volume_t v = test_volume(40, TALL, 40);
    uint16_t *voxels = test_voxels(&v, 500);
    float rgb[3 * SIDE * SIDE];
    uint32_t samples = 8, paths = samples * SIDE * SIDE;
    tracer_t *tracer = test_tracer();
    expo_settings_t s;
    double mean, error, worst = 0, most = 0;
    int i, k;

    for (i = 0; i < DEPTHS; i++) {
        slab_of(depth_of(i), &s);
        s.environment.intensity = 1;
        s.background.mode = EXPO_BACKGROUND_ENVIRONMENT;

        for (k = 0; k < 3; k++) {
            s.transfer.points[0].color[k] = s.transfer.points[1].color[k] = 0;
        }

        mean = test_render_mode(tracer, &v, voxels, &s, TRACER_UNBIASED, SIDE,
                                samples, rgb, &error);
        worst = fmax(worst, fabs(mean - exp(-depth_of(i))) /
                                test_bound(exp(-depth_of(i)), paths));

        test_render(tracer, &v, voxels, &s, SIDE, samples, rgb, &error);

        for (k = 0; k < SIDE * SIDE; k++) {
            most = fmax(most, fabs(rgb[3 * k] - exp(-depth_of(i))));
        }
    }

    check(worst < 1);
    check(most < 1e-4);
    tracer_destroy(tracer);
    free(voxels);
}

/* A march for transmittance ends by chance where little is left; over all u it
 * is right, and none counts more than it should. */
static void
marches_that_end_early_are_right_on_average(void)
{
    const int n = 4096;
    expo_volume_t v = test_volume(13, TALL, 13);
    uint16_t *voxels = test_voxels(&v, 500);
    double sum, clear, worst = 0, most = 0;
    expo_settings_t s;
    int i, k;

    for (i = 0; i < DEPTHS; i++) {
        slab_of(depth_of(i), &s);
        medium_open(&v, voxels, &s);

        for (sum = 0, k = 0; k < n; k++) {
            clear = (double) pt_clear(&scene.pt, medium_ray(0, -40, 0, 0, 1, 0),
                                      PT_FAR, ((float) k + 0.5f) / (float) n);
            sum += clear;
            most =
                fmax(most, clear - exp(-fmin(depth_of(i), (double) PT_DEEP)));
        }

        worst = fmax(worst, fabs(sum / n - exp(-depth_of(i))));
        medium_close();
    }

    check(worst < 1e-4);
    check(most < 1e-4);
    free(voxels);
}

int
main(void)
{
    tight_bounds_let_through_what_beer_and_lambert_say();
    loose_bounds_let_through_the_same();
    empty_neighbours_let_through_the_same();
    slant_counts_as_length();
    marches_that_end_early_are_right_on_average();
    pictures_show_the_sky_through_it();

    return done();
}
