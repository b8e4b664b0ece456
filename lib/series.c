#include "lib/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/volume.h"

#define SERIES_MM_MAX 1e6         /* farther is no patient */
#define SERIES_PARALLEL 1e-4      /* 1 - cosine of what counts as one direction */
#define SERIES_UNIT 1e-2          /* how far from orthonormal a header may be */
#define SERIES_TOLERANCE 0.01     /* of the distance between pictures */
#define SERIES_TOLERANCE_MM 0.01  /* whatever the distance */
#define SERIES_OFF_GRID 0.1       /* of a step: a header's rounding, no gap */
#define SERIES_TILT_PIXELS 0.5    /* shift over the stack that matters */
#define SERIES_TILT_MAX_DEG 45.0
#define SERIES_STRETCH 3          /* layers per picture before it is no stack */

typedef struct {
    uint64_t series, frame;
    size_t index;
} series_frame_t;

typedef struct {
    size_t index;
    double s; /* along the normal, mm */
    double time[EXPO_SERIES_TIMES];
    uint64_t instance;
    int32_t number;
} series_item_t;

static int series_ignore_torn_frames(expo_slice_t *slices, size_t n);
static int series_add(expo_plan_t *plan, const expo_slice_t *slices, size_t i);
static int series_belongs(const expo_slice_t *a, const expo_slice_t *b);
static expo_status_t series_arrange(expo_group_t *g,
                                    const expo_slice_t *slices);
static expo_status_t series_space(expo_group_t *g, const expo_slice_t *slices,
                                  const series_item_t *items);
static int series_usable(expo_slice_t *first);
static size_t series_one_each(expo_group_t *g, series_item_t *items,
                              size_t n, double near_mm);
static double series_median_step(const series_item_t *items, size_t n);
static size_t series_fill(expo_group_t *g, const series_item_t *items,
                          double step);
static int series_even(const series_item_t *items, size_t n);
static void series_place(expo_group_t *g, const expo_slice_t *slices,
                         const expo_slice_t *first,
                         const series_item_t *items);
static void series_choose(expo_plan_t *plan, const expo_slice_t *slices);
static int series_by_place(const void *a, const void *b);
static int series_by_time(const void *a, const void *b);
static int series_by_instance(const void *a, const void *b);
static int series_by_frame(const void *a, const void *b);
static double dot(const double a[3], const double b[3]);
static void cross(double out[3], const double a[3], const double b[3]);
static int finite3(const double v[3]);
static int unit(double v[3]);


expo_status_t
expo_series_plan(const expo_slice_t *given, size_t n, expo_plan_t **out)
{
    expo_plan_t *plan = NULL;
    expo_slice_t *slices;
    expo_status_t st = EXPO_OK;

    if (n > EXPO_SERIES_SLICES_MAX) {
        return EXPO_TOO_LARGE;
    }

    slices = calloc(n + 1, sizeof *slices);
    plan = calloc(1, sizeof *plan);

    if (slices == NULL || plan == NULL) {
        st = EXPO_NO_MEMORY;
        goto done;
    }

    memcpy(slices, given, n * sizeof *slices);

    if (!series_ignore_torn_frames(slices, n)) {
        st = EXPO_NO_MEMORY;
        goto done;
    }

    for (size_t i = 0; i < n && st == EXPO_OK; i++) {
        st = series_add(plan, slices, i) ? EXPO_OK : EXPO_NO_MEMORY;
    }

    for (size_t i = 0; i < plan->count && st == EXPO_OK; i++) {
        st = series_arrange(&plan->groups[i], slices);
    }

    if (st == EXPO_OK) {
        series_choose(plan, slices);
        *out = plan;
    }

done:

    free(slices);

    if (st != EXPO_OK) {
        expo_plan_free(plan);
    }

    return st;
}


void
expo_plan_free(expo_plan_t *plan)
{
    if (plan == NULL) {
        return;
    }

    for (size_t i = 0; i < plan->count; i++) {
        free(plan->groups[i].members);
        free(plan->groups[i].layers);
    }

    free(plan->groups);
    free(plan);
}


uint64_t
expo_series_hash(const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t h = 0xcbf29ce484222325ull;

    for (size_t i = 0; i < len; i++) {
        h = (h ^ p[i]) * 0x100000001b3ull;
    }

    return h ? h : 1;
}


/* --- which belong together --- */

/*
 * Some anonymisers give every picture a frame of reference of its own (seen in
 * LIDC-IDRI). Where most pictures of a series stand alone it says nothing.
 */
static int
series_ignore_torn_frames(expo_slice_t *slices, size_t n)
{
    series_frame_t *f = calloc(n + 1, sizeof *f);
    size_t end, frames;

    if (f == NULL) {
        return 0;
    }

    for (size_t i = 0; i < n; i++) {
        f[i] = (series_frame_t) {slices[i].series, slices[i].frame, i};
    }

    qsort(f, n, sizeof *f, series_by_frame);

    for (size_t i = 0; i < n; i = end) {
        frames = 1;
        for (end = i + 1; end < n && f[end].series == f[i].series; end++) {
            frames += f[end].frame != f[end - 1].frame;
        }

        for (size_t k = i; k < end && 2 * frames > end - i; k++) {
            slices[f[k].index].frame = 0;
        }
    }

    free(f);
    return 1;
}


static int
series_add(expo_plan_t *plan, const expo_slice_t *slices, size_t i)
{
    expo_group_t *g = NULL;
    void *grown;

    for (size_t k = 0; k < plan->count && g == NULL; k++) {
        if (series_belongs(&slices[plan->groups[k].members[0]], &slices[i])) {
            g = &plan->groups[k];
        }
    }

    if (g == NULL) {
        /* Doubling: the count is a power of two exactly when it is full. */
        if ((plan->count & (plan->count - 1)) == 0) {
            grown = realloc(plan->groups, (plan->count ? plan->count * 2 : 1)
                                              * sizeof *plan->groups);
            if (grown == NULL) {
                return 0;
            }
            plan->groups = grown;
        }
        g = &plan->groups[plan->count++];
        memset(g, 0, sizeof *g);
    }

    if ((g->count & (g->count - 1)) == 0) {
        grown = realloc(g->members,
                        (g->count ? g->count * 2 : 1) * sizeof *g->members);
        if (grown == NULL) {
            return 0;
        }
        g->members = grown;
    }

    g->members[g->count++] = i;
    return 1;
}


static int
series_belongs(const expo_slice_t *a, const expo_slice_t *b)
{
    if (a->series != b->series || a->frame != b->frame || a->kind != b->kind
        || a->rows != b->rows || a->cols != b->cols || a->flags != b->flags) {
        return 0;
    }

    if (a->flags & EXPO_SLICE_SPACING) {
        for (int i = 0; i < 2; i++) {
            if (!(fabs(a->spacing_mm[i] - b->spacing_mm[i])
                  <= 1e-3 * fabs(a->spacing_mm[i]))) {
                return 0;
            }
        }
    }

    if (a->flags & EXPO_SLICE_ORIENTATION) {
        return dot(a->along_row, b->along_row) > 1.0 - SERIES_PARALLEL
               && dot(a->along_column, b->along_column)
                      > 1.0 - SERIES_PARALLEL;
    }

    return 1;
}


/* --- in which order --- */

static expo_status_t
series_arrange(expo_group_t *g, const expo_slice_t *slices)
{
    expo_slice_t first = slices[g->members[0]];
    const expo_slice_t *slice;
    series_item_t *items;
    double normal[3], near_mm;
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

    cross(normal, first.along_row, first.along_column);

    for (size_t i = 0; i < g->count; i++) {
        slice = &slices[g->members[i]];
        items[i].index = g->members[i];
        items[i].number = slice->number;
        items[i].instance = slice->instance;
        memcpy(items[i].time, slice->time, sizeof slice->time);

        if (first.flags & EXPO_SLICE_POSITION) {
            items[i].s = dot(slice->position, normal);

            if (!finite3(slice->position)) {
                g->drop = EXPO_DROP_NO_GEOMETRY;
                free(items);
                return EXPO_OK;
            }

        } else {
            items[i].s = slice->number * first.step_mm;
            g->warnings |= EXPO_WARN_NO_POSITION;
        }
    }

    near_mm = fmin(SERIES_TOLERANCE_MM,
                   SERIES_TOLERANCE
                       * fmin(first.spacing_mm[0], first.spacing_mm[1]));

    g->positions = series_one_each(g, items, g->count, near_mm);
    st = series_space(g, slices, items);

    if (st == EXPO_OK && g->drop == EXPO_DROP_NONE) {
        series_place(g, slices, &first, items);
    }

    free(items);
    return st;
}


/*
 * Whether the header says enough; fills in what may be assumed: without
 * positions the claimed distance, and without directions an axial stack.
 */
static int
series_usable(expo_slice_t *first)
{
    if (!(first->flags & EXPO_SLICE_SPACING) || first->rows == 0
        || first->cols == 0 || !(first->spacing_mm[0] > 0)
        || !(first->spacing_mm[1] > 0) || first->spacing_mm[0] > 1e4
        || first->spacing_mm[1] > 1e4) {
        return 0;
    }

    if (!(first->flags & EXPO_SLICE_ORIENTATION)) {
        if (first->flags & EXPO_SLICE_POSITION) {
            return 0;
        }
        memcpy(first->along_row, (double[3]) {1, 0, 0}, sizeof(double[3]));
        memcpy(first->along_column, (double[3]) {0, 1, 0}, sizeof(double[3]));
    }

    if (!unit(first->along_row) || !unit(first->along_column)
        || !(fabs(dot(first->along_row, first->along_column)) < SERIES_UNIT)) {
        return 0;
    }

    return (first->flags & EXPO_SLICE_POSITION)
           || (first->step_mm > 0 && first->step_mm < 1e4);
}


/*
 * Sorts by place and keeps one picture for each: the earliest. Returns how many
 * are left at the front of items.
 */
static size_t
series_one_each(expo_group_t *g, series_item_t *items, size_t n,
                double near_mm)
{
    size_t kept = 0, run, each = 0, copies = 0;
    int even = 1;

    /* The same picture twice is no time point. */
    qsort(items, n, sizeof *items, series_by_instance);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && items[i].instance != 0
            && items[i].instance == items[kept - 1].instance) {
            copies++;
            continue;
        }
        items[kept++] = items[i];
    }

    n = kept;
    kept = 0;
    qsort(items, n, sizeof *items, series_by_place);

    for (size_t i = 0; i < n; i += run) {
        run = 1;
        while (i + run < n && items[i + run].s - items[i].s <= near_mm) {
            run++;
        }

        qsort(items + i, run, sizeof *items, series_by_time);
        each = each ? each : run;
        even = even && run == each;
        items[kept++] = items[i];
    }

    g->duplicates = copies;
    if (copies > 0) {
        g->warnings |= EXPO_WARN_DUPLICATES;
    }

    if (kept < n && kept > 1 && even) {
        g->warnings |= EXPO_WARN_TIMES;
        g->times = each;

    } else if (kept < n) {
        g->warnings |= EXPO_WARN_DUPLICATES;
        g->duplicates += n - kept;
    }

    return kept;
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

    if (g->dims[0] > EXPO_VOLUME_EDGE_MAX || g->dims[1] > EXPO_VOLUME_EDGE_MAX
        || g->dims[2] > EXPO_VOLUME_EDGE_MAX
        || (uint64_t) g->dims[0] * g->dims[1] * g->dims[2]
               > EXPO_VOLUME_VOXELS_MAX) {
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
 * everything resampled. Returns their number; the room is SERIES_STRETCH * n + 2.
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
        whole = whole
                && fabs(gap - steps * step)
                       <= fmax(SERIES_TOLERANCE * gap, SERIES_TOLERANCE_MM);
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
        if (fabs(s - items[below].s)
            <= fmax(SERIES_TOLERANCE * step, SERIES_TOLERANCE_MM)) {
            g->layers[k].above = g->layers[k].below;
            g->layers[k].part = 0;

        } else if (fabs(s - items[below + 1].s)
                   <= fmax(SERIES_TOLERANCE * step, SERIES_TOLERANCE_MM)) {
            g->layers[k].below = g->layers[k].above;
            g->layers[k].part = 0;

        } else {
            g->filled++;
        }
    }

    if (whole && count == n) {
        for (size_t k = 0; k < n; k++) {
            g->layers[k] = (expo_layer_t) {items[k].index, items[k].index, 0};
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
        if (fabs(items[i].s - items[0].s - (double) i * step)
            > SERIES_OFF_GRID * step) {
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

    cross(normal, first->along_row, first->along_column);

    for (int i = 0; i < 3; i++) {
        step[i] = normal[i] * extent;

        if (first->flags & EXPO_SLICE_POSITION) {
            start[i] = slices[items[0].index].position[i];
            step[i] = slices[items[n - 1].index].position[i] - start[i];
        }
    }

    for (int a = 0; a < 2; a++) {
        side[a] = dot(step, axes[a]);

        if (fabs(side[a]) > SERIES_TILT_PIXELS * first->spacing_mm[a]) {
            g->warnings |= EXPO_WARN_TILT;
        }

        for (size_t i = 1; i + 1 < n && (first->flags & EXPO_SLICE_POSITION);
             i++) {
            p = slices[items[i].index].position;
            off = dot(p, axes[a]) - dot(start, axes[a])
                  - side[a] * (items[i].s - items[0].s) / extent;

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
    g->spacing_mm[2] = sqrt(dot(step, step)) / (g->dims[2] - 1);
}


/* --- which one --- */

/* ImageType alone is unreliable: it only speaks where another stack is larger. */
static void
series_choose(expo_plan_t *plan, const expo_slice_t *slices)
{
    const expo_slice_t *s, *best = NULL;
    expo_group_t *g, *most = NULL;
    int64_t lead;

    plan->chosen = SIZE_MAX;

    for (size_t i = 0; i < plan->count; i++) {
        g = &plan->groups[i];
        s = &slices[g->members[0]];

        if (g->drop != EXPO_DROP_NONE) {
            continue;
        }

        if ((s->flags & EXPO_SLICE_LOCALIZER) && g->positions < 10) {
            g->drop = EXPO_DROP_LOCALIZER;
            continue;
        }

        lead = 1;
        if (most != NULL) {
            lead = (int64_t) g->positions - (int64_t) most->positions;
        }
        if (lead == 0) {
            lead = (int64_t) s->rows * s->cols
                   - (int64_t) best->rows * best->cols;
        }
        if (lead == 0) {
            lead = s->series < best->series;
        }

        if (lead > 0) {
            most = g;
            best = s;
            plan->chosen = i;
        }
    }
}


/* --- order and vectors --- */

static int
series_by_place(const void *a, const void *b)
{
    const series_item_t *x = a, *y = b;

    return (x->s > y->s) - (x->s < y->s);
}


static int
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


/* Copies lie together, the first given in front. */
static int
series_by_instance(const void *a, const void *b)
{
    const series_item_t *x = a, *y = b;
    int c = (x->instance > y->instance) - (x->instance < y->instance);

    return c ? c : (x->index > y->index) - (x->index < y->index);
}


static int
series_by_frame(const void *a, const void *b)
{
    const series_frame_t *x = a, *y = b;
    int c = (x->series > y->series) - (x->series < y->series);

    return c ? c : (x->frame > y->frame) - (x->frame < y->frame);
}


static double
dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}


static void
cross(double out[3], const double a[3], const double b[3])
{
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
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
    double length = sqrt(dot(v, v));

    if (!(fabs(length - 1) < SERIES_UNIT)) {
        return 0;
    }

    for (int i = 0; i < 3; i++) {
        v[i] /= length;
    }

    return 1;
}
