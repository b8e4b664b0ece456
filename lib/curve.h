/*
 * A curve through points, sampled into a table. Monotone cubic: between two
 * points it never leaves their range, so an opacity never overshoots and two
 * equal neighbours give a flat piece.
 * Source: Fritsch and Carlson, 1980; end slopes by the three-point rule.
 */

#ifndef EXPO_CURVE_H
#define EXPO_CURVE_H

#include <stdbool.h>
#include <stddef.h>

#define EXPO_CURVE_POINTS_MAX 64
#define EXPO_CURVE_TABLE 1024

typedef struct {
    size_t n;                        /* 1..64 */
    double x[EXPO_CURVE_POINTS_MAX]; /* strictly rising */
    double y[EXPO_CURVE_POINTS_MAX];
    double slope[EXPO_CURVE_POINTS_MAX]; /* at each point, when smooth */
    bool smooth;                         /* else straight pieces */
} expo_curve_t;

/* Takes n points (1..64, x strictly rising: the caller checked). */
void expo_curve_make(expo_curve_t *c, const double *x, const double *y,
                     size_t n, bool smooth);

/* Value at x; constant beyond the first and last point. */
double expo_curve_at(const expo_curve_t *c, double x);

/* table[i] = value at the i-th of 1024 places evenly from the first point to
 * the last. */
void expo_curve_table(const expo_curve_t *c, float table[EXPO_CURVE_TABLE]);

#endif
