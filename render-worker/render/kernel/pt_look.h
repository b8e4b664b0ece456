/*
 * What is seen along a ray without its light, marched and so free of noise. It
 * guides the filter of young pictures and finds picked points; the
 * light itself never depends on it.
 */

#ifndef PT_LOOK_H
#define PT_LOOK_H

#include "render-worker/render/kernel/pt_path.h"

typedef struct {
    float cover; /* 1 - transmittance */
    float depth; /* mm from the ray's start to about half of cover; or PT_FAR */
    float mean;  /* mm, of what is met, and */
    float spread; /* standard deviation of that */
    float firm;   /* 0..1: how much of a surface it is at depth */
    pt_v3 color;  /* mean surface colour of what is seen */
    pt_v3 normal; /* at depth */
    pt_v3 behind; /* radiance of the sky or a lamp behind all tissue */
} pt_look_t;

/* A march that only looks ends here: what is left is taken for the same. */
#define PT_LOOK_ENOUGH 3.0f

/* lamp: before the ray, or -1. depth: that the march came to. */
PT_FN pt_look_t
pt_look_of(const pt_scene_t *s, pt_ray_t r, int32_t lamp, float depth,
           const pt_seen_t *m)
{
    float mark = 0.5f, seen = 1.0f - m->clear;
    pt_look_t look;
    int32_t i = 3;

    look.cover = depth < PT_LOOK_ENOUGH ? seen : 1.0f;
    look.depth = PT_FAR;
    look.mean = look.spread = look.firm = 0.0f;
    look.color = m->color;
    look.normal = pt_scale(r.d, -1.0f);
    look.behind = pt_background(s, r.d, lamp).radiance;

    /* Less than 1/16 is a haze: without a place, but seen. */
    if (look.cover < 0.0625f) {
        return look;
    }

    while (i > 0 && mark > 0.6f * look.cover) {
        mark *= 0.5f;
        i--;
    }

    look.depth = m->at[i];
    look.color = pt_scale(m->color, 1.0f / seen);
    look.mean = m->mean / seen;
    look.spread = sqrtf(pt_max(m->square / seen - look.mean * look.mean, 0.0f));
    look.firm = pt_normal(s, pt_along(r.o, r.d, look.depth),
                          pt_scale(r.d, -1.0f), &look.normal);

    return look;
}

PT_FN pt_look_t
pt_look(const pt_scene_t *s, pt_ray_t r)
{
    pt_seen_t m = pt_seen();
    float limit, depth;
    int32_t lamp;

    limit = pt_visible_lamp(s, r, &lamp);
    depth = pt_depth(s, r, limit, PT_FAR, PT_LOOK_ENOUGH, NULL, NULL, &m).depth;

    return pt_look_of(s, r, lamp, depth, &m);
}

#endif
