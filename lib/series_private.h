/*
 * Between series.c, which groups, series_times.c, which takes groups apart
 * again by time, and series_stack.c, which stacks a group.
 */

#ifndef EXPO_SERIES_PRIVATE_H
#define EXPO_SERIES_PRIVATE_H

#include "lib/series.h"

/* A picture of a group, as far as its order is concerned. */
typedef struct {
    size_t index; /* into the slices */
    double s;     /* along the normal, mm */
    double time[EXPO_SERIES_TIMES];
    uint64_t instance;
    int32_t number;
    int copy;          /* of another at its place; series_times.c's */
    size_t time_point; /* series_times.c's */
} series_item_t;

/* Makes a group for each time point where a group holds several: *plan's
 * groups have members and nothing else. Only EXPO_NO_MEMORY besides EXPO_OK. */
expo_status_t series_split_times(expo_plan_t *plan, const expo_slice_t *slices);

/* Fills all of a group but its members, times and time. Only EXPO_NO_MEMORY
 * besides EXPO_OK. */
expo_status_t series_arrange(expo_group_t *g, const expo_slice_t *slices);

/*
 * Whether the header says enough; fills in what may be assumed: without
 * positions the claimed distance, and without directions an axial stack.
 */
int series_usable(expo_slice_t *first);

/* items[g->count] of a group whose first slice is usable; 0: one lies at no
 * place. */
int series_items(series_item_t *items, const expo_group_t *g,
                 const expo_slice_t *slices, const expo_slice_t *first);

/* Closer than this is the same place. */
double series_near_mm(const expo_slice_t *first);

/* How many of n > 0 items, sorted by place, lie where the first does. */
size_t series_run(const series_item_t *items, size_t n, double near_mm);

/* For qsort. Times: dearest first, then the number. Instances: copies lie
 * together, the first given in front. */
int series_by_place(const void *a, const void *b);
int series_by_time(const void *a, const void *b);
int series_by_instance(const void *a, const void *b);

static inline double
series_dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static inline void
series_cross(double out[3], const double a[3], const double b[3])
{
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

#endif
