/*
 * One plane of the volume, or what lies within half its thickness to either
 * side. The camera is the plane's own: its rays begin on it, against its
 * normal (scene.c).
 */

#ifndef PT_SLICE_H
#define PT_SLICE_H

#include "render-worker/render/kernel/pt_mip.h"

/* Whether nothing cuts p off. */
PT_FN int
pt_kept(const pt_scene_t *s, pt_v3 p)
{
    int32_t i;

    for (i = 0; i < s->n_planes; i++) {
        if (pt_dot(s->planes[i].normal, p) < s->planes[i].offset) {
            return 0;
        }
    }

    return 1;
}

/* What the slice shows where r begins; *t: how far along r that lies, mm. */
PT_FN int
pt_slice_value(const pt_scene_t *s, pt_ray_t r, float u, float *t, float *value)
{
    float half = 0.5f * s->thickness;
    int met;

    *t = 0.0f;

    if (half <= 0.0f) {
        *value = pt_value(s, pt_to_index(s, r.o));

        return pt_kept(s, r.o);
    }

    r.o = pt_along(r.o, r.d, -half);

    if (s->slab == PT_SLAB_MEAN) {
        return pt_mean(s, r, s->thickness, u, value);
    }

    met = pt_extreme(s, r, s->thickness,
                     s->slab == PT_SLAB_MINIMUM ? -1.0f : 1.0f, t, value);
    *t -= half;

    return met;
}

PT_FN pt_sample_t
pt_slice(const pt_scene_t *s, int32_t x, int32_t y, uint32_t sample)
{
    pt_random_t random =
        pt_random(s->seed, (uint32_t) (y * s->width + x), sample);
    pt_ray_t r = pt_primary(s, x, y, &random);
    float t, u, v, value = 0.0f;
    int met;

    pt_random_pair(&random, PT_DIM_REACH, &u, &v);
    met = pt_slice_value(s, r, u, &t, &value);

    return pt_shown_or_not(s, r, met, value);
}

#endif
