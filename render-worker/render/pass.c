#include "render-worker/render/pass.h"

static void pixel(const pass_t *p, int32_t x, int32_t y);
static void look(const pass_t *p, int32_t x, int32_t y);

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

    x0 = (int32_t) tile % across * PASS_TILE;
    y0 = (int32_t) tile / across * PASS_TILE;
    x1 = x0 + PASS_TILE < p->scene->width ? x0 + PASS_TILE : p->scene->width;
    y1 = y0 + PASS_TILE < p->scene->height ? y0 + PASS_TILE : p->scene->height;

    for (y = y0; y < y1; y++) {
        for (x = x0; x < x1; x++) {
            if (p->first == 0) {
                look(p, x, y);
            }

            pixel(p, x, y);
        }
    }
}


static void
pixel(const pass_t *p, int32_t x, int32_t y)
{
    pass_pixel_t *f = p->film + (int64_t) y * p->scene->width + x;
    pt_sample_t s;
    double light;
    uint32_t i;

    for (i = p->first; i < p->first + p->count; i++) {
        s = pt_path(p->scene, x, y, i);

        /* One bad path must not blacken a pixel for good. */
        if (!(pt_max3(s.radiance) < PT_FAR)) {
            continue;
        }

        f->radiance[0] += (double) s.radiance.x;
        f->radiance[1] += (double) s.radiance.y;
        f->radiance[2] += (double) s.radiance.z;
        f->cover += (double) s.cover;
        light = (double) pt_luminance(s.radiance);
        f->square += light * light;
    }
}


static void
look(const pass_t *p, int32_t x, int32_t y)
{
    pt_ray_t r =
        pt_camera_ray(&p->scene->camera, p->scene->width, p->scene->height,
                      (float) x + 0.5f, (float) y + 0.5f, 0.5f, 0.5f);

    p->look[(int64_t) y * p->scene->width + x] = pt_look(p->scene, r);
}
