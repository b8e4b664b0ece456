#include "render-worker/render/pass.h"

/* The sample before which the first is traced again. */
#define AGAIN 2

static void pixel(const pass_t *p, int32_t x, int32_t y);
static pt_sample_t path(const pass_t *p, int32_t x, int32_t y, uint32_t sample,
                        int marched);
static void add(pass_pixel_t *f, pt_sample_t s, double times);
static void again(const pass_t *p, int32_t x, int32_t y);
static double luminance(const pass_pixel_t *f);
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


/* A tracked path is there sooner than a marched one, so it makes the first
 * picture; once there are others, it is traced again without its noise. */
static void
pixel(const pass_t *p, int32_t x, int32_t y)
{
    pass_pixel_t *f = p->film + (int64_t) y * p->scene->width + x;
    int marched = p->scene->mode == PT_PRODUCTION;
    uint32_t i;

    for (i = p->first; i < p->first + p->count; i++) {
        if (marched && i == AGAIN) {
            again(p, x, y);
        }

        if (i > 0 && (i & (i - 1)) == 0) {
            f->mark[0] = f->mark[1];
            f->mark[1] = luminance(f);
        }

        add(f, path(p, x, y, i, marched && i > 0), 1);
    }
}


/* The first sample once more, as if it had always been marched. */
static void
again(const pass_t *p, int32_t x, int32_t y)
{
    pass_pixel_t *f = p->film + (int64_t) y * p->scene->width + x;
    double before = luminance(f);

    add(f, path(p, x, y, 0, 0), -1);
    add(f, path(p, x, y, 0, 1), 1);
    f->mark[1] += luminance(f) - before;
}


/* Not inlined: one copy of all that a path is. */
static __attribute__((noinline)) pt_sample_t
path(const pass_t *p, int32_t x, int32_t y, uint32_t sample, int marched)
{
    return p->scene->mode <= PT_UNBIASED
               ? pt_path(p->scene, x, y, sample, marched)
               : pt_render(p->scene, x, y, sample);
}


static void
add(pass_pixel_t *f, pt_sample_t s, double times)
{
    double light = (double) pt_luminance(s.radiance);

    /* One bad path must not blacken a pixel for good. */
    if (!(fabs(light) + (double) s.cover < (double) PT_FAR)) {
        f->bad += times > 0;
        return;
    }

    f->radiance[0] += times * (double) s.radiance.x;
    f->radiance[1] += times * (double) s.radiance.y;
    f->radiance[2] += times * (double) s.radiance.z;
    f->cover += times * (double) s.cover;
    f->tissue += times * (double) s.tissue;
    f->square += times * light * light;
}


static double
luminance(const pass_pixel_t *f)
{
    return 0.2126 * f->radiance[0] + 0.7152 * f->radiance[1] +
           0.0722 * f->radiance[2];
}


static void
look(const pass_t *p, int32_t x, int32_t y)
{
    pt_ray_t r =
        pt_camera_ray(&p->scene->camera, p->scene->width, p->scene->height,
                      (float) x + 0.5f, (float) y + 0.5f, 0.5f, 0.5f);

    p->look[(int64_t) y * p->scene->width + x] = pt_look(p->scene, r);
}
