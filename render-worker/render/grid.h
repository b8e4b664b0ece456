/*
 * Macrocells: the smallest and largest voxel that a trilinear lookup inside a
 * cell can touch, and from them the largest extinction under a transfer table.
 */

#ifndef RENDER_GRID_H
#define RENDER_GRID_H

#include <stdint.h>

#include "lib/status.h"
#include "render-worker/render/kernel/pt_scene.h"

typedef struct {
    int32_t cells[3];
    uint16_t *low, *high;     /* [z][y][x], per cell */
    float *cell, *detail;     /* as pt_scene_t's */
    uint8_t *empty;           /* per cell, and per block of 2, 4, 8, 16 */
    int32_t first[3], end[3]; /* cells that are not empty lie within */
} grid_t;

/* voxels: [n[2]][n[1]][n[0]]; not kept. */
expo_status_t grid_open(grid_t *g, const uint16_t *voxels, const int32_t n[3]);
void grid_close(grid_t *g);

/* Of the same voxels with other values: low and high anew, bounds stay as they
 * were. */
void grid_measure(grid_t *g, const uint16_t *voxels, const int32_t n[3]);

/* sigma: [PT_TABLE]; place of a voxel: (v - first) * scale, clamped. */
void grid_bound(grid_t *g, const pt_sigma_t *sigma, float first, float scale,
                float voxel_mm);

/* In place of bounds: 1 where a cell has `level` or more, else empty. */
void grid_solid(grid_t *g, float level);

/* In place of bounds: what no value of a cell is above; none is empty. */
void grid_highest(grid_t *g);

#endif
