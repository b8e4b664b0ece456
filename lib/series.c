#include "lib/series_private.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SERIES_PARALLEL 1e-4 /* 1 - cosine of what counts as one direction */

typedef struct {
    uint64_t series;
    uint64_t *told; /* in its slice */
} series_told_t;

static int series_ignore_torn(expo_slice_t *slices, size_t n, size_t field);
static int series_add(expo_plan_t *plan, const expo_slice_t *slices, size_t i);
static int series_parallel(const double a[3], const double b[3]);
static int series_belongs(const expo_slice_t *a, const expo_slice_t *b);
static void series_choose(expo_plan_t *plan, const expo_slice_t *slices);
static int series_by_told(const void *a, const void *b);


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

    if (!series_ignore_torn(slices, n, offsetof(expo_slice_t, frame)) ||
        !series_ignore_torn(slices, n, offsetof(expo_slice_t, person))) {
        st = EXPO_NO_MEMORY;
        goto done;
    }

    for (size_t i = 0; i < n && st == EXPO_OK; i++) {
        st = series_add(plan, slices, i) ? EXPO_OK : EXPO_NO_MEMORY;
    }

    if (st == EXPO_OK) {
        st = series_split_times(plan, slices);
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
 * LIDC-IDRI), or a patient. Where most pictures of a series stand alone it says
 * nothing. field: offset of a uint64_t in expo_slice_t.
 */
static int
series_ignore_torn(expo_slice_t *slices, size_t n, size_t field)
{
    series_told_t *t = calloc(n + 1, sizeof *t);
    size_t end, different;

    if (t == NULL) {
        return 0;
    }

    for (size_t i = 0; i < n; i++) {
        t[i].series = slices[i].series;
        t[i].told = (uint64_t *) (void *) ((char *) &slices[i] + field);
    }

    qsort(t, n, sizeof *t, series_by_told);

    for (size_t i = 0; i < n; i = end) {
        different = 1;
        for (end = i + 1; end < n && t[end].series == t[i].series; end++) {
            different += *t[end].told != *t[end - 1].told;
        }

        for (size_t k = i; k < end && 2 * different > end - i; k++) {
            *t[k].told = 0;
        }
    }

    free(t);
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
            grown = realloc(plan->groups, (plan->count ? plan->count * 2 : 1) *
                                              sizeof *plan->groups);
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


/* Headers round directions, so that their length is only near 1. */
static int
series_parallel(const double a[3], const double b[3])
{
    double lengths = sqrt(series_dot(a, a) * series_dot(b, b));

    return series_dot(a, b) > (1.0 - SERIES_PARALLEL) * lengths;
}


static int
series_belongs(const expo_slice_t *a, const expo_slice_t *b)
{
    if (a->series != b->series || a->frame != b->frame ||
        a->person != b->person || a->kind != b->kind || a->rows != b->rows ||
        a->cols != b->cols || a->flags != b->flags) {
        return 0;
    }

    if (a->flags & EXPO_SLICE_SPACING) {
        for (int i = 0; i < 2; i++) {
            if (!(fabs(a->spacing_mm[i] - b->spacing_mm[i]) <=
                  1e-3 * fabs(a->spacing_mm[i]))) {
                return 0;
            }
        }
    }

    if (a->flags & EXPO_SLICE_ORIENTATION) {
        return series_parallel(a->along_row, b->along_row) &&
               series_parallel(a->along_column, b->along_column);
    }

    return 1;
}


/* --- which one --- */

/* ImageType alone is unreliable: it only speaks where another stack is larger.
 */
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
            lead =
                (int64_t) s->rows * s->cols - (int64_t) best->rows * best->cols;
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


static int
series_by_told(const void *a, const void *b)
{
    const series_told_t *x = a, *y = b;
    int c = (x->series > y->series) - (x->series < y->series);

    return c ? c : (*x->told > *y->told) - (*x->told < *y->told);
}
