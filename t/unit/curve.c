#include "lib/curve.c"
#include "t/unit/check.h"

#include <stdlib.h>

static void
the_curve_meets_its_points(void)
{
    double x[] = {-1000, -20, 0, 300, 3000}, y[] = {0, 0.4, 0.1, 0.1, 1};
    expo_curve_t c;
    int i, smooth, off = 0;

    for (smooth = 0; smooth < 2; smooth++) {
        expo_curve_make(&c, x, y, 5, smooth);

        for (i = 0; i < 5; i++) {
            off += fabs(expo_curve_at(&c, x[i]) - y[i]) > 1e-12;
        }

        check(expo_curve_at(&c, -5000) == 0);
        check(expo_curve_at(&c, 5000) == 1);
        check(expo_curve_at(&c, NAN) == 0);
    }

    check(off == 0);
}

static void
a_smooth_curve_never_leaves_its_neighbours_range(void)
{
    double x[EXPO_CURVE_POINTS_MAX], y[EXPO_CURVE_POINTS_MAX], v, last, lo, hi;
    int round, i, k, n, outside = 0, turned = 0;
    expo_curve_t c;

    srand48(3);

    for (round = 0; round < 300; round++) {
        n = 2 + (int) (drand48() * (EXPO_CURVE_POINTS_MAX - 1));
        x[0] = -1000;

        for (i = 0; i < n; i++) {
            x[i] = i ? x[i - 1] + 1e-3 + 100 * drand48() * drand48() : -1000;
            y[i] = drand48() < 0.3 && i ? y[i - 1] : drand48();
        }

        expo_curve_make(&c, x, y, (size_t) n, true);

        for (i = 0; i + 1 < n; i++) {
            lo = fmin(y[i], y[i + 1]) - 1e-12;
            hi = fmax(y[i], y[i + 1]) + 1e-12;
            last = y[i];

            for (k = 1; k <= 40; k++) {
                v = expo_curve_at(&c, x[i] + (x[i + 1] - x[i]) * k / 40);
                outside += v < lo || v > hi;
                turned += (v - last) * (y[i + 1] - y[i]) < -1e-12;
                last = v;
            }
        }
    }

    check(outside == 0);
    check(turned == 0);
}

/* Cubic pieces with matching slopes follow a smooth function closely. */
static void
a_smooth_curve_has_no_corners(void)
{
    double x[9], y[9], a, b, e = 1e-6;
    expo_curve_t c;
    int i, corners = 0;

    for (i = 0; i < 9; i++) {
        x[i] = i;
        y[i] = 1 / (1 + exp(4 - i));
    }

    expo_curve_make(&c, x, y, 9, true);

    for (i = 1; i < 8; i++) {
        a = (expo_curve_at(&c, x[i]) - expo_curve_at(&c, x[i] - e)) / e;
        b = (expo_curve_at(&c, x[i] + e) - expo_curve_at(&c, x[i])) / e;
        corners += fabs(a - b) > 1e-4;
    }

    check(corners == 0);
    check(fabs(expo_curve_at(&c, 4.5) - 1 / (1 + exp(-0.5))) < 2e-3);

    expo_curve_make(&c, x, y, 9, false);
    check(fabs(expo_curve_at(&c, 4.5) - 0.5 * (y[4] + y[5])) < 1e-12);
}

static void
the_table_runs_from_the_first_point_to_the_last(void)
{
    double x[] = {-100, 100}, y[] = {0.25, 0.75};
    float table[EXPO_CURVE_TABLE];
    expo_curve_t c;

    expo_curve_make(&c, x, y, 2, true);
    expo_curve_table(&c, table);
    check(table[0] == 0.25f && table[EXPO_CURVE_TABLE - 1] == 0.75f);
    check(fabsf(table[512] - (0.25f + 0.5f * 512 / 1023)) < 1e-6f);
}

int
main(void)
{
    the_curve_meets_its_points();
    a_smooth_curve_never_leaves_its_neighbours_range();
    a_smooth_curve_has_no_corners();
    the_table_runs_from_the_first_point_to_the_last();

    return done();
}
