/*
 * t/vectors/series: heaps of pictures and what becomes of them. The portal's
 * plan.ts is held to the same answers.
 */

#include "lib/series.c"
#include "lib/series_stack.c"
#include "lib/series_times.c"
#include "t/unit/check.h"

#include <dirent.h>
#include <stdio.h>

#include <jansson.h>

#define FOLDER "t/vectors/series/"

enum { MANY = 64 };

typedef struct {
    uint32_t flag;
    const char *name;
} name_t;

static const char *const drops[] = {[EXPO_DROP_NONE] = NULL,
                                    [EXPO_DROP_ONE_SLICE] = "one_slice",
                                    [EXPO_DROP_LOCALIZER] = "localizer",
                                    [EXPO_DROP_NO_GEOMETRY] = "no_geometry",
                                    [EXPO_DROP_SCATTERED] = "scattered",
                                    [EXPO_DROP_TOO_LARGE] = "too_large"};

/* In the order of the alphabet, as the vectors have them. */
static const name_t warnings[] = {{EXPO_WARN_COLLIDING, "colliding"},
                                  {EXPO_WARN_DUPLICATES, "duplicates"},
                                  {EXPO_WARN_IRREGULAR, "irregular"},
                                  {EXPO_WARN_MISSING, "missing"},
                                  {EXPO_WARN_NO_POSITION, "no_position"},
                                  {EXPO_WARN_SHIFTED, "shifted"},
                                  {EXPO_WARN_TILT, "tilt"}};

static expo_slice_t s[MANY];


static uint64_t
hash(const json_t *text)
{
    return expo_series_hash(json_string_value(text), json_string_length(text));
}


static int
vector(double *dst, size_t n, const json_t *list)
{
    for (size_t i = 0; i < n && json_array_size(list) == n; i++) {
        dst[i] = json_number_value(json_array_get(list, i));
    }

    return json_array_size(list) == n;
}


static void
picture(expo_slice_t *p, const json_t *o)
{
    const json_t *instance = json_object_get(o, "instance");
    const json_t *person = json_object_get(o, "person");
    const json_t *along = json_object_get(o, "along"), *t;

    memset(p, 0, sizeof *p);
    p->series = hash(json_object_get(o, "series"));
    p->frame = hash(json_object_get(o, "frame"));
    p->kind = hash(json_object_get(o, "kind"));
    p->instance = json_string_length(instance) ? hash(instance) : 0;
    p->person = json_string_length(person) ? hash(person) : 0;
    p->rows = (uint32_t) json_integer_value(json_object_get(o, "rows"));
    p->cols = (uint32_t) json_integer_value(json_object_get(o, "columns"));
    p->number = (int32_t) json_integer_value(json_object_get(o, "number"));
    p->step_mm = json_number_value(json_object_get(o, "step_mm"));

    if (vector(p->spacing_mm, 2, json_object_get(o, "spacing_mm"))) {
        p->flags |= EXPO_SLICE_SPACING;
    }

    if (vector(p->position, 3, json_object_get(o, "position"))) {
        p->flags |= EXPO_SLICE_POSITION;
    }

    if (vector(p->along_row, 3, json_array_get(along, 0)) &&
        vector(p->along_column, 3, json_array_get(along, 1))) {
        p->flags |= EXPO_SLICE_ORIENTATION;
    }

    if (json_is_true(json_object_get(o, "localizer"))) {
        p->flags |= EXPO_SLICE_LOCALIZER;
    }

    for (size_t i = 0; i < EXPO_SERIES_TIMES; i++) {
        t = json_array_get(json_object_get(o, "time"), i);
        p->time[i] = json_is_number(t) ? json_number_value(t) : NAN;
    }
}


static json_t *
list(const size_t *n, size_t count)
{
    json_t *out = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(out, json_integer((json_int_t) n[i]));
    }

    return out;
}


static int
by_number(const void *a, const void *b)
{
    const size_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}


/* Every layer is made of pictures that the vector calls picked, in order. */
static int
layers_are_picked(const expo_group_t *g, const json_t *picked)
{
    size_t at = 0, n = json_array_size(picked);

    for (size_t k = 0; k < g->dims[2]; k++) {
        while (at < n && (size_t) json_integer_value(json_array_get(
                             picked, at)) != g->layers[k].below) {
            at++;
        }

        if (at == n || (g->layers[k].above != g->layers[k].below &&
                        (size_t) json_integer_value(json_array_get(
                            picked, at + 1)) != g->layers[k].above)) {
            return 0;
        }
    }

    return 1;
}


static int
near(const json_t *list, const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!(fabs(json_number_value(json_array_get(list, i)) - v[i]) < 2e-6)) {
            return 0;
        }
    }

    return json_array_size(list) == n;
}


static void
is_as_the_vector_says(const expo_group_t *g, const json_t *told)
{
    const json_t *drop = json_object_get(told, "drop");
    const json_t *tilt = json_object_get(told, "tilt_deg");
    size_t members[MANY];
    const size_t dims[3] = {g->dims[0], g->dims[1], g->dims[2]};
    json_t *mine = json_object(), *codes = json_array(), *same = json_object();
    static const char *const counted[] = {"members",    "warnings", "positions",
                                          "duplicates", "times",    "time",
                                          "filled",     "dims"};

    for (size_t i = 0; i < sizeof warnings / sizeof *warnings; i++) {
        if (g->warnings & warnings[i].flag) {
            json_array_append_new(codes, json_string(warnings[i].name));
        }
    }

    memcpy(members, g->members, g->count * sizeof *members);
    qsort(members, g->count, sizeof *members, by_number);
    json_object_set_new(mine, "members", list(members, g->count));
    json_object_set_new(mine, "warnings", codes);
    json_object_set_new(mine, "positions",
                        json_integer((json_int_t) g->positions));
    json_object_set_new(mine, "duplicates",
                        json_integer((json_int_t) g->duplicates));
    json_object_set_new(mine, "times",
                        json_integer((json_int_t) (g->times ? g->times : 1)));
    json_object_set_new(mine, "time", json_integer((json_int_t) g->time));
    json_object_set_new(mine, "filled", json_integer((json_int_t) g->filled));
    json_object_set_new(mine, "dims", list(dims, 3));

    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        json_object_set(same, counted[i], json_object_get(told, counted[i]));
    }

    check(json_equal(mine, same));
    check(json_is_null(drop) == (drops[g->drop] == NULL));
    if (drops[g->drop] != NULL && json_is_string(drop)) {
        check(strcmp(json_string_value(drop), drops[g->drop]) == 0);
    }
    check(near(json_object_get(told, "spacing_mm"), g->spacing_mm, 3));
    check(fabs(json_number_value(tilt) - g->tilt_deg) < 2e-6);
    check(g->drop != EXPO_DROP_NONE ||
          layers_are_picked(g, json_object_get(told, "picked")));

    json_decref(mine);
    json_decref(same);
}


static void
the_plan_is_as_told(const json_t *base, const json_t *c)
{
    const json_t *pictures = json_object_get(c, "pictures");
    const json_t *groups = json_object_get(c, "groups");
    size_t n = json_array_size(pictures);
    expo_plan_t *plan = NULL;
    json_t *one;

    printf("# %s\n", json_string_value(json_object_get(c, "name")));
    check(n <= MANY);

    for (size_t i = 0; i < n && n <= MANY; i++) {
        one = json_deep_copy(base);
        json_object_update(one, json_object_get(c, "base"));
        json_object_update(one, json_array_get(pictures, i));
        picture(&s[i], one);
        json_decref(one);
    }

    check(expo_series_plan(s, n, &plan) == EXPO_OK);
    check(plan->count == json_array_size(groups));

    for (size_t i = 0; i < plan->count && i < json_array_size(groups); i++) {
        is_as_the_vector_says(&plan->groups[i], json_array_get(groups, i));
    }

    expo_plan_free(plan);
}


int
main(void)
{
    DIR *folder = opendir(FOLDER);
    struct dirent *entry;
    char path[sizeof FOLDER + 256];
    json_t *file, *c;
    size_t i, files = 0;

    check(folder != NULL);

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }

        snprintf(path, sizeof path, FOLDER "%s", entry->d_name);
        file = json_load_file(path, 0, NULL);
        check(json_array_size(json_object_get(file, "cases")) > 0);
        files++;

        json_array_foreach(json_object_get(file, "cases"), i, c)
        {
            the_plan_is_as_told(json_object_get(file, "base"), c);
        }

        json_decref(file);
    }

    check(files == 5);

    if (folder != NULL) {
        closedir(folder);
    }

    return done();
}
