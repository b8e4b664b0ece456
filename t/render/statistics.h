/*
 * How far chance may take a mean, a histogram or a distribution. Every test
 * that draws numbers takes its tolerance from here or from the standard error
 * of what it drew.
 */

#ifndef T_RENDER_STATISTICS_H
#define T_RENDER_STATISTICS_H

#include <math.h>
#include <stdlib.h>

/* Chance of being 4 standard errors or more off, either way. */
#define TEST_CHANCE 6.3e-5

/*
 * EXPO_RENDER_SHARE: the share of paths and points to take where each is slow
 * (sanitizers); tolerances widen with it.
 */
static inline uint32_t
test_count(uint32_t n)
{
    const char *share = getenv("EXPO_RENDER_SHARE");
    double k = share == NULL ? 1 : atof(share);

    return k > 0 && k < 1 ? (uint32_t) fmax(n * k, 1) : n;
}

/* Then errors may also be wider than a test that means something has them. */
static inline int
test_shortened(void)
{
    return test_count(1000) < 1000;
}

/*
 * The mean of n values in 0..1 whose expectation is m is farther off than this
 * with a chance of TEST_CHANCE at most, also where n m is small and four
 * standard errors mean nothing. Source: Bernstein's inequality.
 */
static inline double
test_bound(double m, double n)
{
    double l = log(2 / TEST_CHANCE), a = l / (3 * n);

    return a + sqrt(a * a + 2 * l * m * (1 - m) / n);
}

/* A sum that gives its mean and the standard error of that. */
typedef struct {
    double n, sum, square;
} test_mean_t;

static inline void
test_add(test_mean_t *m, double x)
{
    m->n += 1;
    m->sum += x;
    m->square += x * x;
}

static inline double
test_mean_of(const test_mean_t *m)
{
    return m->sum / m->n;
}

static inline double
test_error_of(const test_mean_t *m)
{
    double mean = m->sum / m->n;

    return sqrt(fmax(m->square / m->n - mean * mean, 0) / (m->n - 1));
}

/*
 * Chance of a chi square this large or larger: the regularised upper incomplete
 * gamma function, by its series or its continued fraction (Lentz).
 */
static inline double
test_chi_square_p(double chi, double degrees)
{
    double a = 0.5 * degrees, x = 0.5 * chi, sum, term, b, c, d, h;
    int i;

    if (x <= 0) {
        return 1;
    }

    term = exp(a * log(x) - x - lgamma(a));

    if (x < a + 1) {
        for (sum = d = 1 / a, i = 1; i < 5000 && d > 1e-14 * sum; i++) {
            d *= x / (a + i);
            sum += d;
        }

        return 1 - term * sum;
    }

    b = x + 1 - a;
    c = 1e300;
    d = 1 / b;
    h = d;

    for (i = 1; i < 5000; i++) {
        b += 2;
        d = 1 / (-i * (i - a) * d + b);
        c = b - i * (i - a) / c;
        h *= c * d;

        if (fabs(c * d - 1) < 1e-14) {
            break;
        }
    }

    return term * h;
}

static inline int
test_rising(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}

/*
 * Chance that n numbers, even over 0..1, lie as badly as these, which are put
 * in order. Source: Kolmogorov, 1933; Stephens' correction for small n, 1970.
 */
static inline double
test_kolmogorov_p(double *u, uint32_t n)
{
    double worst = 0, x, sum = 0, sign = 1;
    uint32_t i;

    qsort(u, n, sizeof(*u), test_rising);

    for (i = 0; i < n; i++) {
        worst = fmax(worst, fmax((i + 1.0) / n - u[i], u[i] - (double) i / n));
    }

    x = (sqrt(n) + 0.12 + 0.11 / sqrt(n)) * worst;

    if (x < 0.2) {
        return 1;
    }

    for (i = 1; i < 100; i++, sign = -sign) {
        sum += 2 * sign * exp(-2.0 * i * i * x * x);
    }

    return fmin(fmax(sum, 0), 1);
}

#endif
