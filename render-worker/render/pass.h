/* Paths through one tile of the film, on the CPU. */

#ifndef RENDER_PASS_H
#define RENDER_PASS_H

#include <stdint.h>

#include "render-worker/render/kernel/pt_pixel.h"

#define PASS_TILE 16 /* pixels along a tile's edge */

typedef struct {
    const pt_scene_t *scene;
    pt_pixel_t *film;      /* [height][width] */
    pt_look_t *look;       /* [height][width], written with sample 0 */
    uint32_t first, count; /* samples */
} pass_t;

uint32_t pass_tiles(const pt_scene_t *scene);

/* pass: a pass_t. For pool_run; two builds, the second for CPUs that have the
 * instructions of x86-64-v3. */
void pass_tile(void *pass, uint32_t tile);
void pass_tile_v3(void *pass, uint32_t tile);

#endif
