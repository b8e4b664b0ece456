#include "render-worker/render/grid.h"

#include <stdlib.h>
#include <string.h>

#include "render-worker/render/wipe.h"

#define LEVELS 11 /* 2^10 is the whole table */
#define CHUNK 128 /* cells that are bounded at once */

#define BLOCK_LEVELS 4 /* blocks of 2, 4, 8 and 16 cells */
_Static_assert(1 << BLOCK_LEVELS == PT_SKIP, "blocks");

/* Steps a voxel of a march: by how much optical depth over a voxel differs
 * within a cell. */
#define DETAIL 100.0f
#define DETAIL_MIN 0.125f
#define DETAIL_MAX 1.0f

/* Of extinction, 1/mm. */
typedef struct {
    float least, most;
} span_t;

/* of[k][i]: of entries i .. i + 2^k - 1 */
typedef struct {
    span_t of[LEVELS][PT_TABLE];
} range_t;

/* Blocks of cells, or cells: the edge of the largest empty block that lies
 * around each, in cells; 0 when it is not empty. */
typedef struct {
    uint8_t *edge; /* [n[2]][n[1]][n[0]] */
    int32_t n[3];
} blocks_t;

static void cell_range(const uint16_t *voxels, const int32_t n[3],
                       const int32_t at[3], uint16_t *low, uint16_t *high);
static void range_make(range_t *r, const pt_sigma_t *sigma);
static void cells_span(const grid_t *g, const range_t *r, float first,
                       float scale, size_t i, size_t n, span_t *span);
static span_t range_of(const range_t *r, int32_t i, int32_t j);
static void table_places(const uint16_t *voxels, float nudge, float first,
                         float scale, size_t n, int32_t *place);
static size_t cells_of(const grid_t *g);
static void empty(grid_t *g);
static void content(grid_t *g);
static void skips(grid_t *g);
static blocks_t blocks_of(const grid_t *g);
static blocks_t blocks_above(blocks_t below);
static blocks_t blocks_doubled(blocks_t b);
static size_t blocks_count(blocks_t b);
static void blocks_judge(blocks_t b, blocks_t below, uint8_t edge);
static void blocks_tell(blocks_t b, blocks_t below);
static size_t blocks_room(const grid_t *g);


expo_status_t
grid_open(grid_t *g, const uint16_t *voxels, const int32_t n[3])
{
    size_t cells = 1;
    int32_t axis;

    memset(g, 0, sizeof(*g));

    for (axis = 0; axis < 3; axis++) {
        g->cells[axis] = (n[axis] + PT_CELL - 1) / PT_CELL;
        cells *= (size_t) g->cells[axis];
    }

    g->low = malloc(cells * sizeof(*g->low));
    g->high = malloc(cells * sizeof(*g->high));
    g->cell = calloc(cells, sizeof(*g->cell));
    g->detail = calloc(cells, sizeof(*g->detail));
    g->empty = malloc(blocks_room(g));

    if (!g->low || !g->high || !g->cell || !g->detail || !g->empty) {
        grid_close(g);
        return EXPO_NO_MEMORY;
    }

    grid_measure(g, voxels, n);

    return EXPO_OK;
}


void
grid_close(grid_t *g)
{
    size_t cells = cells_of(g);

    wipe_free(g->low, cells * sizeof(*g->low));
    wipe_free(g->high, cells * sizeof(*g->high));
    wipe_free(g->cell, cells * sizeof(*g->cell));
    wipe_free(g->detail, cells * sizeof(*g->detail));
    wipe_free(g->empty, blocks_room(g));
    memset(g, 0, sizeof(*g));
}


void
grid_measure(grid_t *g, const uint16_t *voxels, const int32_t n[3])
{
    int32_t at[3];
    size_t i = 0;

    for (at[2] = 0; at[2] < g->cells[2]; at[2]++) {
        for (at[1] = 0; at[1] < g->cells[1]; at[1]++) {
            for (at[0] = 0; at[0] < g->cells[0]; at[0]++, i++) {
                cell_range(voxels, n, at, &g->low[i], &g->high[i]);
            }
        }
    }
}


void
grid_bound(grid_t *g, const pt_sigma_t *sigma, float first, float scale,
           float voxel_mm)
{
    /* Interpolation may round one step up; the bound must still hold. */
    const float margin = 1.00001f, steps = DETAIL * voxel_mm;
    size_t i, k, n, cells = cells_of(g);
    span_t span[CHUNK];
    range_t range;
    float detail;

    range_make(&range, sigma);

    for (i = 0; i < cells; i += CHUNK) {
        n = cells - i < CHUNK ? cells - i : CHUNK;
        cells_span(g, &range, first, scale, i, n, span);

        for (k = 0; k < n; k++) {
            detail = steps * (span[k].most - span[k].least);
            detail = detail > DETAIL_MIN ? detail : DETAIL_MIN;
            g->cell[i + k] = margin * span[k].most;
            g->detail[i + k] = detail < DETAIL_MAX ? detail : DETAIL_MAX;
        }
    }

    empty(g);
    content(g);
    skips(g);
}


void
grid_solid(grid_t *g, float level)
{
    size_t i, cells = cells_of(g);

    for (i = 0; i < cells; i++) {
        g->cell[i] = (float) g->high[i] + 0.01f >= level ? 1.0f : 0.0f;
    }

    empty(g);
    content(g);
    skips(g);
}


void
grid_highest(grid_t *g)
{
    size_t i, cells = cells_of(g);

    for (i = 0; i < cells; i++) {
        /* Interpolation may round up. */
        g->cell[i] = (float) g->high[i] + 0.01f;
    }

    empty(g);
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
    span_t a, b;

    for (i = 0; i < PT_TABLE; i++) {
        r->of[0][i].least = r->of[0][i].most = sigma[i].at;
    }

    for (k = 1; k < LEVELS; k++) {
        half = 1 << (k - 1);

        for (i = 0; i + 2 * half <= PT_TABLE; i++) {
            a = r->of[k - 1][i];
            b = r->of[k - 1][i + half];
            r->of[k][i].least = a.least < b.least ? a.least : b.least;
            r->of[k][i].most = a.most > b.most ? a.most : b.most;
        }
    }
}


/* The least and the largest of entries i .. j. */
static span_t
range_of(const range_t *r, int32_t i, int32_t j)
{
    int32_t k = 31 - __builtin_clz((unsigned) (j - i + 1));
    span_t a = r->of[k][i], b = r->of[k][j + 1 - (1 << k)];

    a.least = a.least < b.least ? a.least : b.least;
    a.most = a.most > b.most ? a.most : b.most;

    return a;
}


/* Extinction in n <= CHUNK cells from cell i on. */
static void
cells_span(const grid_t *g, const range_t *r, float first, float scale,
           size_t i, size_t n, span_t *span)
{
    int32_t low[CHUNK], high[CHUNK];
    size_t k;

    table_places(g->low + i, -0.01f, first, scale, n, low);
    table_places(g->high + i, 0.01f, first, scale, n, high);

    for (k = 0; k < n; k++) {
        span[k] =
            range_of(r, low[k], high[k] < PT_TABLE - 1 ? high[k] + 1 : high[k]);
    }
}


static void
table_places(const uint16_t *voxels, float nudge, float first, float scale,
             size_t n, int32_t *place)
{
    size_t i;
    float x;

    for (i = 0; i < n; i++) {
        x = ((float) voxels[i] + nudge - first) * scale;
        x = x > 0.0f ? x : 0.0f;
        x = x < PT_TABLE - 1 ? x : PT_TABLE - 1;
        place[i] = (int32_t) x;
    }
}


static size_t
cells_of(const grid_t *g)
{
    return (size_t) g->cells[0] * (size_t) g->cells[1] * (size_t) g->cells[2];
}


static void
empty(grid_t *g)
{
    size_t i, cells = cells_of(g);

    for (i = 0; i < cells; i++) {
        g->empty[i] = g->cell[i] <= 0.0f;
    }
}


static void
content(grid_t *g)
{
    int32_t y, z, axis, x0, x1, nx = g->cells[0];
    const uint8_t *row = g->empty, *found;

    for (axis = 0; axis < 3; axis++) {
        g->first[axis] = g->cells[axis];
        g->end[axis] = 0;
    }

    for (z = 0; z < g->cells[2]; z++) {
        for (y = 0; y < g->cells[1]; y++, row += nx) {
            found = memchr(row, 0, (size_t) nx);

            if (found == NULL) {
                continue;
            }

            x0 = (int32_t) (found - row);
            found = memrchr(row, 0, (size_t) nx);
            x1 = (int32_t) (found - row) + 1;
            g->first[0] = x0 < g->first[0] ? x0 : g->first[0];
            g->first[1] = y < g->first[1] ? y : g->first[1];
            g->first[2] = z < g->first[2] ? z : g->first[2];
            g->end[0] = x1 > g->end[0] ? x1 : g->end[0];
            g->end[1] = y + 1 > g->end[1] ? y + 1 : g->end[1];
            g->end[2] = z + 1;
        }
    }
}


/* Up, blocks are judged by their eight halves; down, each half learns of the
 * block that it lies in. */
static void
skips(grid_t *g)
{
    size_t i, cells = cells_of(g);
    blocks_t level[BLOCK_LEVELS + 1] = {blocks_of(g)};
    float edge;
    int k;

    for (k = 1; k <= BLOCK_LEVELS; k++) {
        level[k] = blocks_above(level[k - 1]);
        blocks_judge(level[k], level[k - 1], (uint8_t) (1 << k));
    }

    for (k = BLOCK_LEVELS; k > 0; k--) {
        blocks_tell(level[k], level[k - 1]);
    }

    for (i = 0; i < cells; i++) {
        edge = (float) g->empty[i];
        g->cell[i] = edge > 0.0f ? -edge : g->cell[i];
        g->detail[i] = edge > 0.0f ? -edge : g->detail[i];
    }
}


static blocks_t
blocks_of(const grid_t *g)
{
    blocks_t b = {g->empty, {g->cells[0], g->cells[1], g->cells[2]}};

    return b;
}


/* Of twice the edge; they lie behind those that they are made of. */
static blocks_t
blocks_above(blocks_t below)
{
    blocks_t b = blocks_doubled(below);

    b.edge = below.edge + blocks_count(below);

    return b;
}


/* How many there are of twice the edge. */
static blocks_t
blocks_doubled(blocks_t b)
{
    int axis;

    for (axis = 0; axis < 3; axis++) {
        b.n[axis] = (b.n[axis] + 1) / 2;
    }

    return b;
}


static size_t
blocks_count(blocks_t b)
{
    return (size_t) b.n[0] * (size_t) b.n[1] * (size_t) b.n[2];
}


/* What is missing at the volume's end counts as empty. */
static void
blocks_judge(blocks_t b, blocks_t below, uint8_t edge)
{
    int32_t x, y, z, k, x1, y1, z1;
    const uint8_t *row[4];
    uint8_t *to = b.edge, least;

    for (z = 0; z < b.n[2]; z++) {
        for (y = 0; y < b.n[1]; y++) {
            for (k = 0; k < 4; k++) {
                y1 = 2 * y + (k & 1) < below.n[1] ? 2 * y + (k & 1) : 2 * y;
                z1 = 2 * z + (k >> 1) < below.n[2] ? 2 * z + (k >> 1) : 2 * z;
                row[k] = below.edge +
                         ((size_t) z1 * (size_t) below.n[1] + (size_t) y1) *
                             (size_t) below.n[0];
            }

            for (x = 0; x < b.n[0]; x++) {
                x1 = 2 * x + 1 < below.n[0] ? 2 * x + 1 : 2 * x;

                for (k = 0, least = edge; k < 4; k++) {
                    least = row[k][2 * x] < least ? row[k][2 * x] : least;
                    least = row[k][x1] < least ? row[k][x1] : least;
                }

                *to++ = least == edge / 2 ? edge : 0;
            }
        }
    }
}


static void
blocks_tell(blocks_t b, blocks_t below)
{
    int32_t x, y, z;
    uint8_t *to = below.edge;
    const uint8_t *row;

    for (z = 0; z < below.n[2]; z++) {
        for (y = 0; y < below.n[1]; y++) {
            row = b.edge +
                  ((size_t) (z / 2) * (size_t) b.n[1] + (size_t) (y / 2)) *
                      (size_t) b.n[0];

            for (x = 0; x < below.n[0]; x++, to++) {
                *to = row[x / 2] > *to ? row[x / 2] : *to;
            }
        }
    }
}


/* Of cells and all blocks. */
static size_t
blocks_room(const grid_t *g)
{
    blocks_t b = blocks_of(g);
    size_t n = blocks_count(b);
    int k;

    for (k = 0; k < BLOCK_LEVELS; k++) {
        b = blocks_doubled(b);
        n += blocks_count(b);
    }

    return n;
}
