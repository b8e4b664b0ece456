#include "lib/series_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A group's pictures by place, each with the time point that it is of. */
typedef struct {
    series_item_t *items;
    size_t count;
    size_t places;
    size_t least, most; /* different pictures at one place */
    size_t times;       /* 1: no series of times */
} times_t;

static expo_status_t times_find(times_t *t, const expo_group_t *g,
                                const expo_slice_t *slices);
static void times_rank(times_t *t, double near_mm);
static size_t times_set_copies_aside(series_item_t *items, size_t n);
static size_t times_by_label(times_t *t);
static expo_status_t times_part(expo_group_t *part, const times_t *t,
                                size_t time);
static int times_by_first_key(const void *a, const void *b);


expo_status_t
series_split_times(expo_plan_t *plan, const expo_slice_t *slices)
{
    expo_group_t *groups = NULL, *grown;
    expo_status_t st = EXPO_OK;
    size_t count = 0;
    times_t t;

    for (size_t i = 0; i < plan->count && st == EXPO_OK; i++) {
        st = times_find(&t, &plan->groups[i], slices);
        grown = st == EXPO_OK
                    ? realloc(groups, (count + t.times) * sizeof *groups)
                    : NULL;

        if (grown == NULL) {
            free(t.items);
            st = EXPO_NO_MEMORY;
            break;
        }

        groups = grown;

        for (size_t k = 0; t.times > 1 && k < t.times && st == EXPO_OK; k++) {
            st = times_part(&groups[count++], &t, k);
        }

        if (t.times == 1) {
            groups[count++] = plan->groups[i];
            plan->groups[i].members = NULL;
        }

        free(t.items);
    }

    /* What was not moved is here, and freed with the old list. */
    for (size_t i = 0; i < plan->count; i++) {
        free(plan->groups[i].members);
    }

    free(plan->groups);
    plan->groups = groups;
    plan->count = count;

    return st;
}


static expo_status_t
times_find(times_t *t, const expo_group_t *g, const expo_slice_t *slices)
{
    expo_slice_t first = slices[g->members[0]];

    *t = (times_t){.count = g->count, .times = 1};

    if (g->count < 4 || !(first.flags & EXPO_SLICE_POSITION) ||
        !series_usable(&first)) {
        return EXPO_OK;
    }

    t->items = calloc(g->count, sizeof *t->items);
    if (t->items == NULL) {
        return EXPO_NO_MEMORY;
    }

    if (series_items(t->items, g, slices, &first)) {
        times_rank(t, series_near_mm(&first));

        if (t->places > 1 && t->most > 1) {
            t->times = t->least == t->most ? t->most : times_by_label(t);
        }
    }

    return EXPO_OK;
}


/* Numbers the pictures of each place by time; copies go with the first. */
static void
times_rank(times_t *t, double near_mm)
{
    size_t run, n;

    qsort(t->items, t->count, sizeof *t->items, series_by_place);
    t->least = SIZE_MAX;

    for (size_t i = 0; i < t->count; i += run) {
        run = series_run(t->items + i, t->count - i, near_mm);
        n = times_set_copies_aside(t->items + i, run);
        qsort(t->items + i, n, sizeof *t->items, series_by_time);

        for (size_t k = 0; k < n; k++) {
            t->items[i + k].time_point = k;
        }

        t->least = n < t->least ? n : t->least;
        t->most = n > t->most ? n : t->most;
        t->places++;
    }
}


/* The same picture twice is no time point. Returns how many are left in front.
 */
static size_t
times_set_copies_aside(series_item_t *items, size_t n)
{
    series_item_t copy;
    size_t kept = 0;

    qsort(items, n, sizeof *items, series_by_instance);

    for (size_t i = 0; i < n; i++) {
        items[i].copy = kept > 0 && items[i].instance != 0 &&
                        items[i].instance == items[kept - 1].instance;

        if (!items[i].copy) {
            copy = items[kept];
            items[kept++] = items[i];
            items[i] = copy;
        }
    }

    return kept;
}


/*
 * Where some pictures of some times are missing, only a label (the temporal
 * position) can say which: one that names as many times as the fullest place
 * has pictures. Returns how many, 1 if there is no such label.
 */
static size_t
times_by_label(times_t *t)
{
    double last = NAN;
    size_t times = 0;

    qsort(t->items, t->count, sizeof *t->items, times_by_first_key);

    for (size_t i = 0; i < t->count; i++) {
        if (isnan(t->items[i].time[0])) {
            return 1;
        }

        times += t->items[i].time[0] != last;
        last = t->items[i].time[0];
        t->items[i].time_point = times - 1;
    }

    return times == t->most ? times : 1;
}


static expo_status_t
times_part(expo_group_t *part, const times_t *t, size_t time)
{
    memset(part, 0, sizeof *part);

    part->members = calloc(t->count, sizeof *part->members);
    if (part->members == NULL) {
        return EXPO_NO_MEMORY;
    }

    for (size_t i = 0; i < t->count; i++) {
        if (t->items[i].time_point == time) {
            part->members[part->count++] = t->items[i].index;
        }
    }

    part->warnings = EXPO_WARN_TIMES;
    part->times = t->times;
    part->time = time;

    return EXPO_OK;
}


static int
times_by_first_key(const void *a, const void *b)
{
    const series_item_t *x = a, *y = b;

    return (x->time[0] > y->time[0]) - (x->time[0] < y->time[0]);
}
