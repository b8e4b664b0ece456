/*
 * What a sample of a pixel is, and what is seen first along a ray: the one
 * place that chooses.
 */

#ifndef PT_RENDER_H
#define PT_RENDER_H

#include "render-worker/render/kernel/pt_er2012.h"
#include "render-worker/render/kernel/pt_slice.h"
#include "render-worker/render/kernel/pt_surface.h"

/* Whether pt_render is pt_path: paths may as well be followed together. */
PT_FN int
pt_render_paths(const pt_scene_t *s)
{
    return s->technique == PT_PATHS &&
           (s->mode == PT_PRODUCTION || s->mode == PT_UNBIASED);
}

PT_FN pt_sample_t
pt_render(const pt_scene_t *s, int32_t x, int32_t y, uint32_t sample)
{
    switch (s->technique) {
    case PT_MIP:
        return pt_mip(s, x, y, sample);
    case PT_AVERAGE:
        return pt_average(s, x, y, sample);
    case PT_SURFACE:
        return pt_surface(s, x, y, sample);
    case PT_SLICE:
        return pt_slice(s, x, y, sample);
    case PT_PATHS:
        break;
    }

    if (s->mode == PT_WOODCOCK) {
        return pt_woodcock(s, x, y, sample);
    }

    if (s->mode == PT_ER2012) {
        return pt_er2012(s, x, y, sample);
    }

    return pt_path(s, x, y, sample, s->around);
}

/* What guides the filter; nothing where a technique has no use for it. */
PT_FN pt_look_t
pt_render_look(const pt_scene_t *s, pt_ray_t r)
{
    pt_look_t none;

    if (s->technique == PT_PATHS) {
        return pt_look(s, r);
    }

    if (s->technique == PT_SURFACE) {
        return pt_surface_look(s, r);
    }

    memset(&none, 0, sizeof(none));
    none.depth = PT_FAR;

    return none;
}

/* How far along the ray lies what its pixel shows, mm; PT_FAR: nowhere. */
PT_FN float
pt_render_depth(const pt_scene_t *s, pt_ray_t r)
{
    float t = PT_FAR, value;

    if (s->technique == PT_MIP) {
        return pt_extreme(s, r, PT_FAR, 1.0f, &t, &value) ? t : PT_FAR;
    }

    if (s->technique == PT_SLICE) {
        return pt_slice_value(s, r, 0.5f, &t, &value) ? t : PT_FAR;
    }

    return pt_render_look(s, r).depth;
}

#endif
