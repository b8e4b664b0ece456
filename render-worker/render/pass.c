#include "render-worker/render/pass.h"

#ifndef PASS_V3

uint32_t
pass_tiles(const pt_scene_t *scene)
{
    uint32_t w = (uint32_t) scene->width, h = (uint32_t) scene->height;

    return ((w + PASS_TILE - 1) / PASS_TILE) *
           ((h + PASS_TILE - 1) / PASS_TILE);
}

#endif


void
pass_tile(void *pass, uint32_t tile)
{
    const pass_t *p = pass;
    int32_t across = (p->scene->width + PASS_TILE - 1) / PASS_TILE;
    int32_t x, y, x0, y0, x1, y1;
    int64_t at;

    x0 = (int32_t) tile % across * PASS_TILE;
    y0 = (int32_t) tile / across * PASS_TILE;
    x1 = x0 + PASS_TILE < p->scene->width ? x0 + PASS_TILE : p->scene->width;
    y1 = y0 + PASS_TILE < p->scene->height ? y0 + PASS_TILE : p->scene->height;

    for (y = y0; y < y1; y++) {
        for (x = x0; x < x1; x++) {
            at = (int64_t) y * p->scene->width + x;

            if (p->first == 0) {
                p->look[at] = pt_pixel_look(p->scene, x, y);
            }

            pt_pixel_trace(p->scene, p->film + at, x, y, p->first, p->count);
        }
    }
}
