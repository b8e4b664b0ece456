/*
 * Group 9 of the renderer's tests: Sobol stays Sobol. Pairs fill every
 * elementary box once, and through the running mean the squared error of a
 * picture falls faster than random numbers let it.
 */

#include "render-worker/render/kernel/pt_random.h"
#include "t/render/scene.h"
#include "t/unit/check.h"

#define SIDE 96
#define SEEDS 2
#define GROUPS 16
#define SLOPE -1.25 /* plain random numbers: -1 */

static void
sobol_pairs_fill_every_elementary_box_once(void)
{
    int log_n = 6, n = 1 << log_n, a, i, k, wrong = 0, pixel, hit[64];
    pt_random_t r;
    float u, v;

    for (pixel = 0; pixel < 20; pixel++) {
        for (a = 0; a <= log_n; a++) {
            memset(hit, 0, sizeof(hit));

            for (i = 0; i < n; i++) {
                r = pt_random(99, (uint32_t) pixel, (uint32_t) i);
                pt_random_pair(&r, (uint32_t) pixel % 5, &u, &v);
                k = (int) (u * (float) (1 << a)) << (log_n - a) |
                    (int) (v * (float) (1 << (log_n - a)));
                hit[k]++;
            }

            for (i = 0; i < n; i++) {
                wrong += hit[i] != 1;
            }
        }
    }

    check(wrong == 0);
}

static double
slope_of(const double few[GROUPS], const double many[GROUPS], int without)
{
    double a = 0, b = 0;
    int i;

    for (i = 0; i < GROUPS; i++) {
        a += i == without ? 0 : few[i];
        b += i == without ? 0 : many[i];
    }

    return log(b / a) / log(16);
}

/* By what other seeds give: half of the mean squared difference of two. The
 * slope's own error is the jackknife's over groups of rows. */
static void
the_error_falls_faster_than_by_chance(void)
{
    static const uint32_t samples[] = {4, 64};
    static float rgb[SEEDS][3 * SIDE * SIDE];
    expo_volume_t v = test_volume(64, 64, 64);
    expo_settings_t s = test_benchmark();
    uint16_t *voxels = test_head(&v);
    double squares[2][GROUPS] = {{0}}, d, slope, error = 0;
    tracer_t *tracer = test_tracer();
    tracer_view_t *view;
    int i, k, seed;

    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);

    for (i = 0; i < 2; i++) {
        for (seed = 0; seed < SEEDS; seed++) {
            tracer_film(view, SIDE, SIDE, 100 + (uint64_t) seed);
            tracer_pass(view, samples[i]);
            tracer_read(view, rgb[seed]);
        }

        for (k = 0; k < 3 * SIDE * SIDE; k++) {
            d = (double) (rgb[0][k] - rgb[1][k]);
            squares[i][k / (3 * SIDE) % GROUPS] += d * d;
        }
    }

    slope = slope_of(squares[0], squares[1], -1);

    for (k = 0; k < GROUPS; k++) {
        d = slope_of(squares[0], squares[1], k) - slope;
        error += d * d * (GROUPS - 1) / GROUPS;
    }

    error = sqrt(error);
    printf("# slope of the squared error from 4 to 64 samples: %.3f, its own "
           "error %.3f\n",
           slope, error);
    check(slope <= SLOPE + 4 * error);
    check(error < 0.025);
    tracer_close(view);
    tracer_destroy(tracer);
    free(voxels);
}

int
main(void)
{
    sobol_pairs_fill_every_elementary_box_once();
    the_error_falls_faster_than_by_chance();

    return done();
}
