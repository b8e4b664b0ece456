#include "lib/series_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/volume.h"

#define SERIES_MM_MAX 1e6        /* farther is no patient */
#define SERIES_UNIT 1e-2         /* how far from orthonormal a header may be */
#define SERIES_TOLERANCE 0.01    /* of the distance between pictures */
#define SERIES_TOLERANCE_MM 0.01 /* whatever the distance */
#define SERIES_OFF_GRID 0.1      /* of a step: a header's rounding, no gap */
#define SERIES_TILT_PIXELS 0.5   /* shift over the stack that matters */
#define SERIES_TILT_MAX_DEG 45.0
#define SERIES_STRETCH 3 /* layers per picture before it is no stack */

static expo_status_t series_space(expo_group_t *g, const expo_slice_t *slices,
                                  const series_item_t *items);
static size_t series_one_each(expo_group_t *g, series_item_t *items, size_t n,
                              double near_mm);
static double series_median_step(const series_item_t *items, size_t n);
static size_t series_fill(expo_group_t *g, const series_item_t *items,
                          double step);
static int series_even(const series_item_t *items, size_t n);
static void series_place(expo_group_t *g, const expo_slice_t *slices,
                         const expo_slice_t *first, const series_item_t *items);
static int finite3(const double v[3]);
static int unit(double v[3]);


expo_status_t
series_arrange(expo_group_t *g, const expo_slice_t *slices)
{
    expo_slice_t first = slices[g->members[0]];
    series_item_t *items;
    expo_status_t st;

    g->dims[0] = first.cols;
    g->dims[1] = first.rows;

    if (!series_usable(&first)) {
        g->drop = EXPO_DROP_NO_GEOMETRY;
        return EXPO_OK;
    }

    items = calloc(g->count, sizeof *items);
    if (items == NULL) {
        return EXPO_NO_MEMORY;
    }

    if (!series_items(items, g, slices, &first)) {
        g->drop = EXPO_DROP_NO_GEOMETRY;
        free(items);
        return EXPO_OK;
    }

    if (!(first.flags & EXPO_SLICE_POSITION)) {
        g->warnings |= EXPO_WARN_NO_POSITION;
    }

    g->positions = series_one_each(g, items, g->count, series_near_mm(&first));
    st = series_space(g, slices, items);

    if (st == EXPO_OK && g->drop == EXPO_DROP_NONE) {
        series_place(g, slices, &first, items);
    }

    free(items);
    return st;
}


int
series_items(series_item_t *items, const expo_group_t *g,
             const expo_slice_t *slices, const expo_slice_t *first)
{
    const expo_slice_t *slice;
    double normal[3];

    series_cross(normal, first->along_row, first->along_column);

    for (size_t i = 0; i < g->count; i++) {
        slice = &slices[g->members[i]];
        items[i].index = g->members[i];
        items[i].number = slice->number;
        items[i].instance = slice->instance;
        memcpy(items[i].time, slice->time, sizeof slice->time);
        items[i].s = first->flags & EXPO_SLICE_POSITION
                         ? series_dot(slice->position, normal)
                         : slice->number * first->step_mm;

        if ((first->flags & EXPO_SLICE_POSITION) && !finite3(slice->position)) {
            return 0;
        }
    }

    return 1;
}


double
series_near_mm(const expo_slice_t *first)
{
    return fmin(SERIES_TOLERANCE_MM,
                SERIES_TOLERANCE *
                    fmin(first->spacing_mm[0], first->spacing_mm[1]));
}


int
series_usable(expo_slice_t *first)
{
    if (!(first->flags & EXPO_SLICE_SPACING) || first->rows == 0 ||
        first->cols == 0 || !(first->spacing_mm[0] > 0) ||
        !(first->spacing_mm[1] > 0) || first->spacing_mm[0] > 1e4 ||
        first->spacing_mm[1] > 1e4) {
        return 0;
    }

    if (!(first->flags & EXPO_SLICE_ORIENTATION)) {
        if (first->flags & EXPO_SLICE_POSITION) {
            return 0;
        }
        memcpy(first->along_row, (double[3]){1, 0, 0}, sizeof(double[3]));
        memcpy(first->along_column, (double[3]){0, 1, 0}, sizeof(double[3]));
    }

    if (!unit(first->along_row) || !unit(first->along_column) ||
        !(fabs(series_dot(first->along_row, first->along_column)) <
          SERIES_UNIT)) {
        return 0;
    }

    return (first->flags & EXPO_SLICE_POSITION) ||
           (first->step_mm > 0 && first->step_mm < 1e4);
}


/*
 * Sorts by place and keeps one picture for each: the earliest. Returns how many
 * are left at the front of items.
 */
static size_t
series_one_each(expo_group_t *g, series_item_t *items, size_t n, double near_mm)
{
    size_t kept = 0, run;

    /* One identifier at two places: whoever wrote it cannot be believed. */
    qsort(items, n, sizeof *items, series_by_instance);
    for (size_t i = 0; i + 1 < n; i++) {
        if (items[i].instance != 0 &&
            items[i].instance == items[i + 1].instance &&
            fabs(items[i].s - items[i + 1].s) > near_mm) {
            g->warnings |= EXPO_WARN_COLLIDING;
        }
    }

    qsort(items, n, sizeof *items, series_by_place);

    for (size_t i = 0; i < n; i += run) {
        run = series_run(items + i, n - i, near_mm);
        qsort(items + i, run, sizeof *items, series_by_time);
        items[kept++] = items[i];
    }

    if (kept < n) {
        g->warnings |= EXPO_WARN_DUPLICATES;
        g->duplicates = n - kept;
    }

    return kept;
}


size_t
series_run(const series_item_t *items, size_t n, double near_mm)
{
    size_t run = 1;

    while (run < n && items[run].s - items[0].s <= near_mm) {
        run++;
    }

    return run;
}


/* --- how far apart --- */

static expo_status_t
series_space(expo_group_t *g, const expo_slice_t *slices,
             const series_item_t *items)
{
    double extent, step;
    size_t n = g->positions, most;

    if (n < 2) {
        g->drop = slices[items[0].index].flags & EXPO_SLICE_LOCALIZER
                      ? EXPO_DROP_LOCALIZER
                      : EXPO_DROP_ONE_SLICE;
        return EXPO_OK;
    }

    step = series_median_step(items, n);
    extent = items[n - 1].s - items[0].s;

    if (!(extent / step < (double) (SERIES_STRETCH * n + 1))) {
        g->drop = EXPO_DROP_SCATTERED;
        return EXPO_OK;
    }

    most = SERIES_STRETCH * n + 2;
    g->layers = calloc(most, sizeof *g->layers);
    if (g->layers == NULL) {
        return EXPO_NO_MEMORY;
    }

    g->dims[2] = (uint32_t) series_fill(g, items, step);

    if (g->dims[0] > EXPO_VOLUME_EDGE_MAX ||
        g->dims[1] > EXPO_VOLUME_EDGE_MAX ||
        g->dims[2] > EXPO_VOLUME_EDGE_MAX ||
        (uint64_t) g->dims[0] * g->dims[1] * g->dims[2] >
            EXPO_VOLUME_VOXELS_MAX) {
        g->drop = EXPO_DROP_TOO_LARGE;
    }

    return EXPO_OK;
}


static double
series_median_step(const series_item_t *items, size_t n)
{
    series_item_t *steps;
    double median;

    steps = calloc(n - 1, sizeof *steps);
    if (steps == NULL) {
        return (items[n - 1].s - items[0].s) / (double) (n - 1);
    }

    for (size_t i = 0; i + 1 < n; i++) {
        steps[i].s = items[i + 1].s - items[i].s;
    }

    qsort(steps, n - 1, sizeof *steps, series_by_place);
    median = steps[(n - 2) / 2].s;
    free(steps);

    return median;
}


/*
 * Lays out the layers: a picture each, gaps of whole steps filled, or else
 * everything resampled. Returns their number; the room is SERIES_STRETCH * n
 * + 2.
 */
static size_t
series_fill(expo_group_t *g, const series_item_t *items, double step)
{
    size_t n = g->positions, count, below = 0;
    double gap, steps, s;
    int whole = 1;

    for (size_t i = 0; i + 1 < n; i++) {
        gap = items[i + 1].s - items[i].s;
        steps = fmax(1.0, round(gap / step));
        whole = whole && fabs(gap - steps * step) <=
                             fmax(SERIES_TOLERANCE * gap, SERIES_TOLERANCE_MM);
    }

    whole = whole || series_even(items, n);
    if (!whole) {
        g->warnings |= EXPO_WARN_IRREGULAR;
    }

    count = (size_t) round((items[n - 1].s - items[0].s) / step) + 1;
    if (count < 2 || series_even(items, n)) {
        count = n;
    }
    step = (items[n - 1].s - items[0].s) / (double) (count - 1);

    for (size_t k = 0; k < count; k++) {
        s = items[0].s + (double) k * step;
        while (below + 2 < n && items[below + 1].s <= s) {
            below++;
        }

        gap = items[below + 1].s - items[below].s;
        g->layers[k].below = items[below].index;
        g->layers[k].above = items[below + 1].index;
        g->layers[k].part = fmin(1.0, fmax(0.0, (s - items[below].s) / gap));

        /* Rounding in a header must not blur a picture that lies right. */
        if (fabs(s - items[below].s) <=
            fmax(SERIES_TOLERANCE * step, SERIES_TOLERANCE_MM)) {
            g->layers[k].above = g->layers[k].below;
            g->layers[k].part = 0;

        } else if (fabs(s - items[below + 1].s) <=
                   fmax(SERIES_TOLERANCE * step, SERIES_TOLERANCE_MM)) {
            g->layers[k].below = g->layers[k].above;
            g->layers[k].part = 0;

        } else {
            g->filled++;
        }
    }

    if (whole && count == n) {
        for (size_t k = 0; k < n; k++) {
            g->layers[k] = (expo_layer_t){items[k].index, items[k].index, 0};
        }
        g->filled = 0;

    } else if (whole) {
        g->warnings |= EXPO_WARN_MISSING;
    }

    return count;
}


/*
 * Positions rounded to a tenth of a millimetre make steps of 0.6 and 0.7 out of
 * 0.625: each lies right all the same, and resampling would only blur.
 */
static int
series_even(const series_item_t *items, size_t n)
{
    double step = (items[n - 1].s - items[0].s) / (double) (n - 1);

    for (size_t i = 0; i < n; i++) {
        if (fabs(items[i].s - items[0].s - (double) i * step) >
            SERIES_OFF_GRID * step) {
            return 0;
        }
    }

    return 1;
}


/* --- where --- */

static void
series_place(expo_group_t *g, const expo_slice_t *slices,
             const expo_slice_t *first, const series_item_t *items)
{
    size_t n = g->positions;
    double normal[3], step[3], start[3] = {0, 0, 0}, side[2], off;
    double extent = items[n - 1].s - items[0].s;
    const double *axes[2] = {first->along_row, first->along_column};
    const double *p;

    series_cross(normal, first->along_row, first->along_column);

    for (int i = 0; i < 3; i++) {
        step[i] = normal[i] * extent;

        if (first->flags & EXPO_SLICE_POSITION) {
            start[i] = slices[items[0].index].position[i];
            step[i] = slices[items[n - 1].index].position[i] - start[i];
        }
    }

    for (int a = 0; a < 2; a++) {
        side[a] = series_dot(step, axes[a]);

        if (fabs(side[a]) > SERIES_TILT_PIXELS * first->spacing_mm[a]) {
            g->warnings |= EXPO_WARN_TILT;
        }

        for (size_t i = 1; i + 1 < n && (first->flags & EXPO_SLICE_POSITION);
             i++) {
            p = slices[items[i].index].position;
            off = series_dot(p, axes[a]) - series_dot(start, axes[a]) -
                  side[a] * (items[i].s - items[0].s) / extent;

            if (fabs(off) > SERIES_TILT_PIXELS * first->spacing_mm[a]) {
                g->warnings |= EXPO_WARN_SHIFTED;
            }
        }
    }

    g->tilt_deg = atan2(hypot(side[0], side[1]), extent) * 180.0 / M_PI;
    if (g->tilt_deg > SERIES_TILT_MAX_DEG) {
        g->drop = EXPO_DROP_SCATTERED;
    }

    for (int i = 0; i < 3; i++) {
        g->affine[4 * i] = first->along_row[i] * first->spacing_mm[0];
        g->affine[4 * i + 1] = first->along_column[i] * first->spacing_mm[1];
        g->affine[4 * i + 2] = step[i] / (g->dims[2] - 1);
        g->affine[4 * i + 3] = start[i];
    }

    g->spacing_mm[0] = first->spacing_mm[0];
    g->spacing_mm[1] = first->spacing_mm[1];
    g->spacing_mm[2] = sqrt(series_dot(step, step)) / (g->dims[2] - 1);
}


/* --- order and vectors --- */

int
series_by_place(const void *a, const void *b)
{
    const series_item_t *x = a, *y = b;

    return (x->s > y->s) - (x->s < y->s);
}


int
series_by_time(const void *a, const void *b)
{
    const series_item_t *x = a, *y = b;
    int c;

    for (int i = 0; i < EXPO_SERIES_TIMES; i++) {
        c = (x->time[i] > y->time[i]) - (x->time[i] < y->time[i]);
        if (c != 0) {
            return c;
        }
    }

    return (x->number > y->number) - (x->number < y->number);
}


int
series_by_instance(const void *a, const void *b)
{
    const series_item_t *x = a, *y = b;
    int c = (x->instance > y->instance) - (x->instance < y->instance);

    return c ? c : (x->index > y->index) - (x->index < y->index);
}


static int
finite3(const double v[3])
{
    for (int i = 0; i < 3; i++) {
        if (!(fabs(v[i]) <= SERIES_MM_MAX)) {
            return 0;
        }
    }

    return 1;
}


/* Takes out the rounding of a header; 0 when it is more than rounding. */
static int
unit(double v[3])
{
    double length = sqrt(series_dot(v, v));

    if (!(fabs(length - 1) < SERIES_UNIT)) {
        return 0;
    }

    for (int i = 0; i < 3; i++) {
        v[i] /= length;
    }

    return 1;
}
