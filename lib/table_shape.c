#include "lib/table_shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Samples apart, at most. */
#define SHAPE_PLANE_MM 1.6
#define SHAPE_ALONG_MM 4.0

/* Half a metre square and two metres long have fewer. */
#define SHAPE_SAMPLES_MAX (1u << 26)

/* The inside of a finger has more than the one, of a rail less than the other.
 */
#define SHAPE_CORE_MM3 500.0
#define SHAPE_BULK_MM3 50000.0

static expo_status_t shape_lay(table_shape_t *s, const expo_volume_t *v);
static size_t shape_sample(table_shape_t *s, const expo_volume_t *v,
                           const uint16_t *voxels, uint16_t dense);
static void shape_core(table_shape_t *s);
static void shape_distance(const table_shape_t *s, uint32_t z, int of,
                           float *distance);
static void shape_from_row(float *d, const float *row, int w, float straight,
                           float diagonal);
static void shape_sort(table_shape_t *s);


expo_status_t
table_shape_open(table_shape_t *s, const expo_volume_t *v,
                 const uint16_t *voxels, uint16_t dense)
{
    size_t slice, dense_samples;
    expo_status_t st;

    memset(s, 0, sizeof(*s));

    st = shape_lay(s, v);
    if (st != EXPO_OK) {
        return st;
    }

    slice = (size_t) s->n[0] * s->n[1];
    s->cell = malloc(slice * s->n[2]);

    if (s->cell == NULL) {
        return EXPO_NO_MEMORY;
    }

    /* A list of dense samples, or the distances in a slice. */
    dense_samples = shape_sample(s, v, voxels, dense);
    s->stack = malloc((dense_samples > slice ? dense_samples : slice) *
                      sizeof(*s->stack));

    if (s->stack == NULL) {
        table_shape_close(s);
        return EXPO_NO_MEMORY;
    }

    shape_core(s);

    return EXPO_OK;
}


void
table_shape_close(table_shape_t *s)
{
    free(s->cell);
    free(s->stack);
    memset(s, 0, sizeof(*s));
}


size_t
table_shape_flood(table_shape_t *s, uint32_t start, int mask, int value)
{
    const uint32_t n0 = s->n[0], slice = n0 * s->n[1];
    size_t done = 0, found = 0;
    uint32_t at, x, y, z, next[6];
    int i, n;

    s->stack[found++] = start;
    s->cell[start] |= TABLE_SEEN;

    while (done < found) {
        at = s->stack[done++];
        x = at % n0;
        y = at / n0 % s->n[1];
        z = at / slice;
        n = 0;

        next[n] = at - 1;
        n += x > 0;
        next[n] = at + 1;
        n += x + 1 < n0;
        next[n] = at - n0;
        n += y > 0;
        next[n] = at + n0;
        n += y + 1 < s->n[1];
        next[n] = at - slice;
        n += z > 0;
        next[n] = at + slice;
        n += z + 1 < s->n[2];

        for (i = 0; i < n; i++) {
            if ((s->cell[next[i]] & mask) == value) {
                s->cell[next[i]] |= TABLE_SEEN;
                s->stack[found++] = next[i];
            }
        }
    }

    return found;
}


/* The table lies along the axis that goes most from head to feet. */
static expo_status_t
shape_lay(table_shape_t *s, const expo_volume_t *v)
{
    int i, k = 0, along = 0;
    double most = 0, part, mm, step;

    for (i = 0; i < 3; i++) {
        part = fabs(v->affine[8 + i]) / expo_volume_spacing(v, i);

        if (part > most) {
            most = part;
            along = i;
        }
    }

    for (i = 0; i < 3; i++) {
        if (i != along) {
            s->axis[k++] = i;
        }
    }

    s->axis[2] = along;

    for (i = 0; i < 3; i++) {
        mm = expo_volume_spacing(v, s->axis[i]);
        step = floor((i < 2 ? SHAPE_PLANE_MM : SHAPE_ALONG_MM) / mm);
        s->step[i] = (uint32_t) fmax(1, fmin(step, v->dims[s->axis[i]]));
        s->mm[i] = mm * s->step[i];
        s->n[i] = (v->dims[s->axis[i]] + s->step[i] - 1) / s->step[i];
    }

    return (uint64_t) s->n[0] * s->n[1] * s->n[2] > SHAPE_SAMPLES_MAX ||
                   s->mm[2] * s->n[2] < TABLE_LONG_MM ||
                   s->mm[0] * s->n[0] < TABLE_WIDE_MM ||
                   s->mm[1] * s->n[1] < TABLE_WIDE_MM ||
                   s->mm[0] > TABLE_SHELL_MM || s->mm[1] > TABLE_SHELL_MM
               ? EXPO_NOT_FOUND
               : EXPO_OK;
}


/* How many are dense. */
static size_t
shape_sample(table_shape_t *s, const expo_volume_t *v, const uint16_t *voxels,
             uint16_t dense)
{
    const uint32_t *d = v->dims;
    const size_t stride[3] = {1, d[0], (size_t) d[0] * d[1]};
    size_t step[3], x, y, z, i = 0, found = 0;
    const uint16_t *row;
    int k;

    for (k = 0; k < 3; k++) {
        step[k] = stride[s->axis[k]] * s->step[k];
    }

    for (z = 0; z < s->n[2]; z++) {
        for (y = 0; y < s->n[1]; y++) {
            row = voxels + z * step[2] + y * step[1];

            for (x = 0; x < s->n[0]; x++) {
                s->cell[i] = row[x * step[0]] >= dense ? TABLE_DENSE : 0;
                found += s->cell[i++];
            }
        }
    }

    return found;
}


/* Of all that is dense, what is thick is the body, with what is close to it.
 */
static void
shape_core(table_shape_t *s)
{
    const float shell = (float) TABLE_SHELL_MM;
    const float skin =
        (float) (TABLE_SHELL_MM + 1.5 * fmax(s->mm[0], s->mm[1]));
    size_t slice = (size_t) s->n[0] * s->n[1], i;
    float *distance = (float *) (void *) s->stack;
    uint8_t *cell = s->cell;
    uint32_t z;

    for (z = 0; z < s->n[2]; z++, cell += slice) {
        shape_distance(s, z, 0, distance);

        for (i = 0; i < slice; i++) {
            cell[i] |= distance[i] > shell ? TABLE_CORE : 0;
        }
    }

    shape_sort(s);

    for (z = 0, cell = s->cell; z < s->n[2]; z++, cell += slice) {
        shape_distance(s, z, TABLE_CORE, distance);

        for (i = 0; i < slice; i++) {
            if (cell[i] & TABLE_DENSE && distance[i] <= skin) {
                cell[i] |= TABLE_BODY;
            }
        }
    }
}


/*
 * From each cell of slice z to the nearest that has the bit `of`, or for 0 to
 * the nearest that is not dense, mm, in two passes of chamfer steps. The edge
 * of the picture is neither.
 * Source: Borgefors, Distance transformations in digital images, 1986.
 */
static void
shape_distance(const table_shape_t *s, uint32_t z, int of, float *distance)
{
    const uint8_t *cell = s->cell + (size_t) z * s->n[0] * s->n[1];
    const float sx = (float) s->mm[0], sy = (float) s->mm[1];
    const float sd = sqrtf(sx * sx + sy * sy), far = 1e6f;
    int w = (int) s->n[0], h = (int) s->n[1], x, y, k;
    float *d, near;

    for (y = 0; y < h; y++) {
        d = distance + (size_t) y * (size_t) w;

        for (x = 0; x < w; x++, cell++) {
            d[x] = (of ? *cell & of : !(*cell & TABLE_DENSE)) ? 0 : far;
        }
    }

    /* Down, then up; within a row to the right, then to the left. */
    for (k = 0; k < 2; k++) {
        for (y = 0; y < h; y++) {
            d = distance + (size_t) (k ? h - 1 - y : y) * (size_t) w;

            if (y > 0) {
                shape_from_row(d, k ? d + w : d - w, w, sy, sd);
            }

            for (x = 1; x < w; x++) {
                near = d[x - 1] + sx;
                d[x] = d[x] < near ? d[x] : near;
            }

            for (x = w - 2; x >= 0; x--) {
                near = d[x + 1] + sx;
                d[x] = d[x] < near ? d[x] : near;
            }
        }
    }
}


/* One row of distances by way of its neighbour. */
static void
shape_from_row(float *d, const float *row, int w, float straight,
               float diagonal)
{
    float near;
    int x;

    for (x = 0; x < w; x++) {
        near = row[x] + straight;
        d[x] = d[x] < near ? d[x] : near;
    }

    for (x = 1; x < w; x++) {
        near = row[x - 1] + diagonal;
        d[x] = d[x] < near ? d[x] : near;
        near = row[x] + diagonal;
        d[x - 1] = d[x - 1] < near ? d[x - 1] : near;
    }
}


static void
shape_sort(table_shape_t *s)
{
    size_t cells = (size_t) s->n[0] * s->n[1] * s->n[2], i, k, found;
    double each = s->mm[0] * s->mm[1] * s->mm[2];

    for (i = 0; i < cells; i++) {
        if ((s->cell[i] & (TABLE_CORE | TABLE_SEEN)) != TABLE_CORE) {
            continue;
        }

        found = table_shape_flood(s, (uint32_t) i, TABLE_CORE | TABLE_SEEN,
                                  TABLE_CORE);

        for (k = 0; k < found && (double) found * each < SHAPE_CORE_MM3; k++) {
            s->cell[s->stack[k]] &= (uint8_t) ~TABLE_CORE;
        }

        for (k = 0; k < found && (double) found * each >= SHAPE_BULK_MM3; k++) {
            s->cell[s->stack[k]] |= TABLE_BULK;
        }
    }
}
