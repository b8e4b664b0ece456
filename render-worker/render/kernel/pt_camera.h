/* From a place in the picture to a ray. */

#ifndef PT_CAMERA_H
#define PT_CAMERA_H

#include "render-worker/render/kernel/pt_scene.h"

/*
 * x, y: pixels from the top left, fractions included.
 * lens_u, lens_v: point of the lens, in [0, 1)^2.
 */
PT_FN pt_ray_t
pt_camera_ray(const pt_camera_t *c, int32_t width, int32_t height, float x,
              float y, float lens_u, float lens_v)
{
    float edge = (float) (width < height ? width : height);
    float sy = ((float) height - 2.0f * y) / edge;
    float sx = (2.0f * x - (float) width) / edge;
    float lx, ly;
    pt_v3 across = pt_along(pt_scale(c->right, sx), c->up, sy), sharp;
    pt_ray_t r;

    if (c->parallel > 0.0f) {
        r.o = pt_along(c->position, across, c->parallel);
        r.d = c->forward;

    } else {
        r.o = c->position;
        r.d = pt_add(c->forward, across);
    }

    if (c->lens > 0.0f) {
        sharp = pt_along(r.o, r.d, c->focus);
        pt_disk(lens_u, lens_v, &lx, &ly);
        r.o = pt_along(r.o, pt_unit(c->right), lx * c->lens);
        r.o = pt_along(r.o, pt_unit(c->up), ly * c->lens);
        r.d = pt_sub(sharp, r.o);
    }

    r.d = pt_unit(r.d);

    return r;
}

#endif
