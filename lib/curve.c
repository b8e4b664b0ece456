#include "lib/curve.h"

#include <math.h>
#include <string.h>

static void slopes(expo_curve_t *c);
static double end_slope(double h0, double h1, double d0, double d1);


void
expo_curve_make(expo_curve_t *c, const double *x, const double *y, size_t n,
                bool smooth)
{
    c->n = n;
    c->smooth = smooth;
    memcpy(c->x, x, n * sizeof(*x));
    memcpy(c->y, y, n * sizeof(*y));

    slopes(c);
}


double
expo_curve_at(const expo_curve_t *c, double x)
{
    size_t i, low = 0, high = c->n - 1;
    double h, s, t;

    if (!(x > c->x[0])) {
        return c->y[0];
    }

    if (x >= c->x[high]) {
        return c->y[high];
    }

    while (high - low > 1) {
        i = (low + high) / 2;

        if (c->x[i] <= x) {
            low = i;

        } else {
            high = i;
        }
    }

    h = c->x[high] - c->x[low];
    t = (x - c->x[low]) / h;

    if (!c->smooth) {
        return c->y[low] + t * (c->y[high] - c->y[low]);
    }

    s = 1 - t;

    return s * s * (1 + 2 * t) * c->y[low] + t * t * (1 + 2 * s) * c->y[high] +
           h * s * t * (s * c->slope[low] - t * c->slope[high]);
}


void
expo_curve_table(const expo_curve_t *c, float table[EXPO_CURVE_TABLE])
{
    double first = c->x[0], span = c->x[c->n - 1] - first;
    size_t i;

    for (i = 0; i < EXPO_CURVE_TABLE; i++) {
        table[i] = (float) expo_curve_at(c, first + span * (double) i /
                                                        (EXPO_CURVE_TABLE - 1));
    }
}


/* The weighted harmonic mean of neighbouring secants keeps pieces monotone. */
static void
slopes(expo_curve_t *c)
{
    double h[EXPO_CURVE_POINTS_MAX], d[EXPO_CURVE_POINTS_MAX], w0, w1;
    size_t i, n = c->n;

    memset(c->slope, 0, sizeof(c->slope));

    if (n < 2) {
        return;
    }

    for (i = 0; i + 1 < n; i++) {
        h[i] = c->x[i + 1] - c->x[i];
        d[i] = (c->y[i + 1] - c->y[i]) / h[i];
    }

    if (n == 2) {
        c->slope[0] = c->slope[1] = d[0];
        return;
    }

    for (i = 1; i + 1 < n; i++) {
        if (d[i - 1] * d[i] <= 0) {
            continue;
        }

        w0 = 2 * h[i] + h[i - 1];
        w1 = h[i] + 2 * h[i - 1];
        c->slope[i] = (w0 + w1) / (w0 / d[i - 1] + w1 / d[i]);
    }

    c->slope[0] = end_slope(h[0], h[1], d[0], d[1]);
    c->slope[n - 1] = end_slope(h[n - 2], h[n - 3], d[n - 2], d[n - 3]);
}


static double
end_slope(double h0, double h1, double d0, double d1)
{
    double s = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1);

    if (s * d0 <= 0) {
        return 0;
    }

    if (d0 * d1 <= 0 && fabs(s) > 3 * fabs(d0)) {
        return 3 * d0;
    }

    return s;
}
