#include "render-worker/render/grid.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS 11 /* 2^10 is the whole table */

/* Steps a voxel of a march: by how much optical depth over a voxel differs
 * within a cell. */
#define DETAIL 100.0f
#define DETAIL_MIN 0.125f
#define DETAIL_MAX 1.0f

/* [k][i]: of i .. i + 2^k - 1 */
typedef struct {
    float most[LEVELS][PT_TABLE], least[LEVELS][PT_TABLE];
} range_t;

static void cell_range(const uint16_t *voxels, const int32_t n[3],
                       const int32_t at[3], uint16_t *low, uint16_t *high);
static void range_make(range_t *r, const pt_sigma_t *sigma);
static float range_of(const range_t *r, int32_t i, int32_t j, float *least);
static int32_t table_place(float voxel, float first, float scale);
static void content(grid_t *g);
static void skips(grid_t *g);
static int block_empty(const grid_t *g, int32_t x, int32_t y, int32_t z,
                       int32_t half, uint8_t level);
static void block_mark(const grid_t *g, int32_t x, int32_t y, int32_t z,
                       int32_t size, uint8_t level);


expo_status_t
grid_open(grid_t *g, const uint16_t *voxels, const int32_t n[3])
{
    size_t cells = 1, i = 0;
    int32_t at[3], axis;

    memset(g, 0, sizeof(*g));

    for (axis = 0; axis < 3; axis++) {
        g->cells[axis] = (n[axis] + PT_CELL - 1) / PT_CELL;
        cells *= (size_t) g->cells[axis];
    }

    g->low = malloc(cells * sizeof(*g->low));
    g->high = malloc(cells * sizeof(*g->high));
    g->cell = calloc(cells, sizeof(*g->cell));
    g->detail = calloc(cells, sizeof(*g->detail));
    g->empty = malloc(cells);

    if (!g->low || !g->high || !g->cell || !g->detail || !g->empty) {
        grid_close(g);
        return EXPO_NO_MEMORY;
    }

    for (at[2] = 0; at[2] < g->cells[2]; at[2]++) {
        for (at[1] = 0; at[1] < g->cells[1]; at[1]++) {
            for (at[0] = 0; at[0] < g->cells[0]; at[0]++, i++) {
                cell_range(voxels, n, at, &g->low[i], &g->high[i]);
            }
        }
    }

    return EXPO_OK;
}


void
grid_close(grid_t *g)
{
    free(g->low);
    free(g->high);
    free(g->cell);
    free(g->detail);
    free(g->empty);
    memset(g, 0, sizeof(*g));
}


void
grid_bound(grid_t *g, const pt_sigma_t *sigma, float first, float scale,
           float voxel_mm)
{
    /* Interpolation may round one step up; the bound must still hold. */
    const float margin = 1.00001f;
    size_t i, cells;
    float most, least, detail;
    int32_t low, high;
    range_t range;

    range_make(&range, sigma);
    cells = (size_t) g->cells[0] * (size_t) g->cells[1] * (size_t) g->cells[2];

    for (i = 0; i < cells; i++) {
        low = table_place((float) g->low[i] - 0.01f, first, scale);
        high = table_place((float) g->high[i] + 0.01f, first, scale) + 1;
        high = high < PT_TABLE ? high : PT_TABLE - 1;
        most = range_of(&range, low, high, &least);
        detail = DETAIL * voxel_mm * (most - least);
        detail = detail > DETAIL_MIN ? detail : DETAIL_MIN;
        g->cell[i] = margin * most;
        g->detail[i] = detail < DETAIL_MAX ? detail : DETAIL_MAX;
    }

    content(g);
    skips(g);
}


void
grid_solid(grid_t *g, float level)
{
    size_t i, cells = (size_t) g->cells[0] * (size_t) g->cells[1] *
                      (size_t) g->cells[2];

    for (i = 0; i < cells; i++) {
        g->cell[i] = (float) g->high[i] + 0.01f >= level ? 1.0f : 0.0f;
    }

    content(g);
    skips(g);
}


void
grid_highest(grid_t *g)
{
    size_t i, cells = (size_t) g->cells[0] * (size_t) g->cells[1] *
                      (size_t) g->cells[2];

    for (i = 0; i < cells; i++) {
        /* Interpolation may round up. */
        g->cell[i] = (float) g->high[i] + 0.01f;
    }

    content(g);
}


/* A lookup between voxels 4c and 4c + 4 touches both ends. */
static void
cell_range(const uint16_t *voxels, const int32_t n[3], const int32_t at[3],
           uint16_t *low, uint16_t *high)
{
    int32_t x, y, z, end[3], axis;
    uint16_t a = UINT16_MAX, b = 0, v;
    const uint16_t *row;

    for (axis = 0; axis < 3; axis++) {
        end[axis] = (at[axis] + 1) * PT_CELL;
        end[axis] = end[axis] < n[axis] ? end[axis] : n[axis] - 1;
    }

    for (z = at[2] * PT_CELL; z <= end[2]; z++) {
        for (y = at[1] * PT_CELL; y <= end[1]; y++) {
            row = voxels +
                  ((size_t) z * (size_t) n[1] + (size_t) y) * (size_t) n[0];

            for (x = at[0] * PT_CELL; x <= end[0]; x++) {
                v = row[x];
                a = v < a ? v : a;
                b = v > b ? v : b;
            }
        }
    }

    *low = a;
    *high = b;
}


static void
range_make(range_t *r, const pt_sigma_t *sigma)
{
    int32_t i, k, half;
    float a, b;

    for (i = 0; i < PT_TABLE; i++) {
        r->most[0][i] = r->least[0][i] = sigma[i].at;
    }

    for (k = 1; k < LEVELS; k++) {
        half = 1 << (k - 1);

        for (i = 0; i + 2 * half <= PT_TABLE; i++) {
            a = r->most[k - 1][i];
            b = r->most[k - 1][i + half];
            r->most[k][i] = a > b ? a : b;
            a = r->least[k - 1][i];
            b = r->least[k - 1][i + half];
            r->least[k][i] = a < b ? a : b;
        }
    }
}


/* The largest of entries i .. j, and the least. */
static float
range_of(const range_t *r, int32_t i, int32_t j, float *least)
{
    int32_t k = 31 - __builtin_clz((unsigned) (j - i + 1));
    int32_t last = j + 1 - (1 << k);
    float a = r->least[k][i], b = r->least[k][last];

    *least = a < b ? a : b;
    a = r->most[k][i];
    b = r->most[k][last];

    return a > b ? a : b;
}


static int32_t
table_place(float voxel, float first, float scale)
{
    float x = (voxel - first) * scale;

    x = x > 0.0f ? x : 0.0f;
    x = x < PT_TABLE - 1 ? x : PT_TABLE - 1;

    return (int32_t) x;
}


static void
content(grid_t *g)
{
    int32_t at[3], axis;
    size_t i = 0;

    for (axis = 0; axis < 3; axis++) {
        g->first[axis] = g->cells[axis];
        g->end[axis] = 0;
    }

    for (at[2] = 0; at[2] < g->cells[2]; at[2]++) {
        for (at[1] = 0; at[1] < g->cells[1]; at[1]++) {
            for (at[0] = 0; at[0] < g->cells[0]; at[0]++) {
                if (g->cell[i++] <= 0.0f) {
                    continue;
                }

                for (axis = 0; axis < 3; axis++) {
                    g->first[axis] =
                        at[axis] < g->first[axis] ? at[axis] : g->first[axis];
                    g->end[axis] =
                        at[axis] >= g->end[axis] ? at[axis] + 1 : g->end[axis];
                }
            }
        }
    }
}


/* Blocks are judged from their eight halves, so each level reads the one
 * below: 1, 2, 4, ... cells. */
static void
skips(grid_t *g)
{
    int32_t x, y, z, size;
    size_t i, cells;
    uint8_t level = 1;

    cells = (size_t) g->cells[0] * (size_t) g->cells[1] * (size_t) g->cells[2];

    for (i = 0; i < cells; i++) {
        g->empty[i] = g->cell[i] <= 0.0f;
    }

    for (size = 2; size <= PT_SKIP; size *= 2, level++) {
        for (z = 0; z < g->cells[2]; z += size) {
            for (y = 0; y < g->cells[1]; y += size) {
                for (x = 0; x < g->cells[0]; x += size) {
                    if (block_empty(g, x, y, z, size / 2, level)) {
                        block_mark(g, x, y, z, size, level + 1);
                    }
                }
            }
        }
    }

    for (i = 0; i < cells; i++) {
        if (g->empty[i] > 0) {
            g->cell[i] = g->detail[i] = -(float) (1 << (g->empty[i] - 1));
        }
    }
}


static int
block_empty(const grid_t *g, int32_t x, int32_t y, int32_t z, int32_t half,
            uint8_t level)
{
    int32_t i, cx, cy, cz;

    for (i = 0; i < 8; i++) {
        cx = x + (i & 1) * half;
        cy = y + (i >> 1 & 1) * half;
        cz = z + (i >> 2) * half;

        if (cx < g->cells[0] && cy < g->cells[1] && cz < g->cells[2] &&
            g->empty[((size_t) cz * (size_t) g->cells[1] + (size_t) cy) *
                         (size_t) g->cells[0] +
                     (size_t) cx] < level) {
            return 0;
        }
    }

    return 1;
}


static void
block_mark(const grid_t *g, int32_t x, int32_t y, int32_t z, int32_t size,
           uint8_t level)
{
    int32_t x1 = x + size < g->cells[0] ? x + size : g->cells[0];
    int32_t y1 = y + size < g->cells[1] ? y + size : g->cells[1];
    int32_t z1 = z + size < g->cells[2] ? z + size : g->cells[2];
    int32_t cy, cz;

    for (cz = z; cz < z1; cz++) {
        for (cy = y; cy < y1; cy++) {
            memset(g->empty +
                       ((size_t) cz * (size_t) g->cells[1] + (size_t) cy) *
                           (size_t) g->cells[0] +
                       x,
                   level, (size_t) (x1 - x));
        }
    }
}
