/* Between series.c, which groups, and series_stack.c, which stacks a group. */

#ifndef EXPO_SERIES_PRIVATE_H
#define EXPO_SERIES_PRIVATE_H

#include "lib/series.h"

/* Fills all of a group but its members. Only EXPO_NO_MEMORY besides EXPO_OK. */
expo_status_t series_arrange(expo_group_t *g, const expo_slice_t *slices);

static inline double
series_dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

#endif
