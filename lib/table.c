#include "lib/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/table_shape.h"

#define TABLE_AIR_HU (-1000.0)
/* Above what air and its noise reach; foam and cloth hardly do. */
#define TABLE_FAINT_HU (-900.0)
/* Shells of carbon fibre are denser; foam and lungs are not. */
#define TABLE_DENSE_HU (-500.0)

/* Of the volume's memory, one part in so many at most. */
#define TABLE_SHARE 10

typedef struct {
    const expo_volume_t *v;
    const uint16_t *voxels;
    const table_shape_t *shape;
    size_t stride[3]; /* in shape->cell, of a step along x, y, z */
    uint32_t step[3];
    uint16_t faint;
} table_scan_t;

/* One that is being made, and those before it. */
typedef struct {
    expo_table_t *t;
    size_t count;
    uint32_t passed, taken;
} table_run_t;

static int table_is_hu(const expo_volume_t *v);
static uint16_t table_voxel(const expo_volume_t *v, double hu);
static void table_prepare(table_scan_t *c);
static size_t table_runs(const table_scan_t *c, expo_table_t *t);
static int table_row(const table_scan_t *c, const uint8_t *cell);
static void table_run_add(table_run_t *r, int taken, uint32_t n);


expo_status_t
expo_table_find(expo_table_t *t, const expo_volume_t *v, const uint16_t *voxels)
{
    table_shape_t shape;
    table_scan_t scan = {.v = v, .voxels = voxels, .shape = &shape};
    uint16_t air = table_voxel(v, TABLE_AIR_HU);
    expo_status_t st;
    uint64_t i;

    memset(t, 0, sizeof(*t));

    if (!table_is_hu(v)) {
        return EXPO_NOT_FOUND;
    }

    st = table_shape_open(&shape, v, voxels, table_voxel(v, TABLE_DENSE_HU));
    if (st != EXPO_OK) {
        return st;
    }

    st = table_part_find(&shape);
    if (st != EXPO_OK) {
        goto done;
    }

    scan.faint = table_voxel(v, TABLE_FAINT_HU);
    table_prepare(&scan);

    /* Once to count, once to write. */
    t->count = table_runs(&scan, t);

    if (t->voxels == 0 ||
        t->count * sizeof(*t->runs) + t->voxels * sizeof(*t->values) >
            expo_volume_voxels(v) * sizeof(*voxels) / TABLE_SHARE) {
        st = EXPO_NOT_FOUND;
        goto done;
    }

    t->runs = malloc(t->count * sizeof(*t->runs));
    t->values = malloc(t->voxels * sizeof(*t->values));

    if (t->runs == NULL || t->values == NULL) {
        st = EXPO_NO_MEMORY;
        goto done;
    }

    table_runs(&scan, t);

    for (i = 0; i < t->voxels; i++) {
        t->values[i] = air;
    }

done:

    table_shape_close(&shape);

    if (st != EXPO_OK) {
        expo_table_close(t);
    }

    return st;
}


int
expo_table_hide(expo_table_t *t, uint16_t *voxels, int hidden)
{
    uint16_t *value = t->values, *at = voxels, swap;
    uint32_t k;
    size_t i;

    if (!t->hidden == !hidden) {
        return 0;
    }

    t->hidden = hidden;

    for (i = 0; i < t->count; i++) {
        at += t->runs[i][0];

        for (k = t->runs[i][1]; k > 0; k--) {
            swap = *at;
            *at++ = *value;
            *value++ = swap;
        }
    }

    return t->count > 0;
}


void
expo_table_close(expo_table_t *t)
{
    if (t->values != NULL) {
        explicit_bzero(t->values, t->voxels * sizeof(*t->values));
    }

    free(t->values);
    free(t->runs);
    memset(t, 0, sizeof(*t));
}


/* NIfTI and others name no unit; only HU begin so low. */
static int
table_is_hu(const expo_volume_t *v)
{
    double low = v->offset + v->scale * v->voxel_min;

    return strcmp(v->unit, "HU") == 0 || (v->unit[0] == '\0' && low <= -900);
}


static uint16_t
table_voxel(const expo_volume_t *v, double hu)
{
    double voxel = ceil((hu - v->offset) / v->scale);

    return (uint16_t) fmin(fmax(voxel, v->voxel_min), v->voxel_max);
}


/* Strides of the shape's cells in the volume's own order of axes. */
static void
table_prepare(table_scan_t *c)
{
    const table_shape_t *s = c->shape;
    const size_t stride[3] = {1, s->n[0], (size_t) s->n[0] * s->n[1]};
    int i;

    for (i = 0; i < 3; i++) {
        c->stride[s->axis[i]] = stride[i];
        c->step[s->axis[i]] = s->step[i];
    }
}


/* Counts t->voxels, and writes t->runs where there is room. */
static size_t
table_runs(const table_scan_t *c, expo_table_t *t)
{
    const uint32_t *d = c->v->dims;
    const uint16_t *voxel = c->voxels;
    table_run_t run = {.t = t};
    const uint8_t *cell;
    uint32_t x, y, z, n;

    t->voxels = 0;

    for (z = 0; z < d[2]; z++) {
        for (y = 0; y < d[1]; y++) {
            cell = c->shape->cell + z / c->step[2] * c->stride[2] +
                   y / c->step[1] * c->stride[1];

            if (!table_row(c, cell)) {
                table_run_add(&run, 0, d[0]);
                voxel += d[0];
                continue;
            }

            for (x = 0; x < d[0]; x += n, cell += c->stride[0]) {
                n = d[0] - x < c->step[0] ? d[0] - x : c->step[0];

                if (!(*cell & TABLE_HIDDEN)) {
                    table_run_add(&run, 0, n);
                    voxel += n;
                    continue;
                }

                for (const uint16_t *end = voxel + n; voxel < end; voxel++) {
                    table_run_add(&run, *voxel > c->faint, 1);
                }
            }
        }
    }

    table_run_add(&run, 0, 1);

    return run.count;
}


/* Whether anything of a row of samples along x is hidden. */
static int
table_row(const table_scan_t *c, const uint8_t *cell)
{
    uint32_t x;

    for (x = 0; x < c->v->dims[0]; x += c->step[0], cell += c->stride[0]) {
        if (*cell & TABLE_HIDDEN) {
            return 1;
        }
    }

    return 0;
}


static void
table_run_add(table_run_t *r, int taken, uint32_t n)
{
    if (taken) {
        r->taken += n;
        return;
    }

    if (r->taken > 0) {
        if (r->t->runs != NULL) {
            r->t->runs[r->count][0] = r->passed;
            r->t->runs[r->count][1] = r->taken;
        }

        r->t->voxels += r->taken;
        r->count++;
        r->passed = r->taken = 0;
    }

    r->passed += n;
}
