/*
 * What is seen along a ray without its light: a fixed-step march, so free of
 * noise. It guides the filter of young pictures and finds picked points; the
 * light itself never depends on it.
 */

#ifndef PT_LOOK_H
#define PT_LOOK_H

#include "render-worker/render/kernel/pt_path.h"

typedef struct {
    float cover;  /* 1 - transmittance */
    float depth;  /* mm from the ray's start to where half of cover is met */
    pt_v3 color;  /* mean surface colour of what is seen */
    pt_v3 normal; /* at depth */
} pt_look_t;

/* Most that a march gathers before it stops. */
#define PT_LOOK_ENOUGH 0.985f

/* 1 - exp(-x), x >= 0, to 1 %. */
PT_FN float
pt_absorbed(float x)
{
    return 1.0f - 1.0f / (1.0f + x * (1.0f + x * (0.5f + x * 0.16666667f)));
}

/* Marches; step in mm. Gathers color when it is not NULL. */
PT_FN float
pt_march(const pt_scene_t *s, pt_ray_t r, float limit, float step, pt_v3 *color,
         float enough, float *depth)
{
    float t0 = 0.0f, t1 = limit, t = 0.0f, end, bound, clear = 1.0f, w, at;
    float value, dt;
    pt_walk_t walk;
    int32_t i, n, k, place;

    *depth = PT_FAR;

    if (!pt_interval(s, r, &t0, &t1)) {
        return 0.0f;
    }

    walk = pt_walk(s, r, t0);
    t1 -= t0;

    for (i = 0; i < PT_STEPS && t < t1; i++) {
        bound = pt_bound(s, &walk, t, &end);
        end = pt_min(end, t1);
        n = bound > 0.0f ? 1 + (int32_t) ((end - t) / step) : 0;
        dt = n > 0 ? (end - t) / (float) n : 0.0f;

        for (k = 0; k < n; k++) {
            at = t + ((float) k + 0.5f) * dt;
            value = pt_value_at(s, &walk, at);
            w = clear * pt_absorbed(dt * pt_extinction(s, value));
            clear -= w;

            if (color != NULL) {
                place = pt_place(s, value, &value);
                *color = pt_along(*color, s->material[place].color, w);
            }

            if (clear <= 1.0f - enough) {
                *depth = t0 + at;
                return 1.0f - clear;
            }
        }

        t = end;
    }

    return 1.0f - clear;
}

PT_FN pt_look_t
pt_look(const pt_scene_t *s, pt_ray_t r, float limit)
{
    float step = 0.9f * s->voxel_mm, half;
    pt_look_t look;
    pt_v3 p;

    look.color = pt_vec(0.0f, 0.0f, 0.0f);
    look.normal = pt_scale(r.d, -1.0f);
    look.cover = pt_march(s, r, limit, step, &look.color, PT_LOOK_ENOUGH,
                          &look.depth);

    if (look.cover < 1e-3f) {
        look.cover = 0.0f;
        look.depth = PT_FAR;
        return look;
    }

    look.color = pt_scale(look.color, 1.0f / look.cover);
    pt_march(s, r, limit, step, NULL, 0.5f * look.cover, &half);
    look.depth = half;
    p = pt_along(r.o, r.d, half);
    pt_normal(s, p, pt_scale(r.d, -1.0f), &look.normal);

    return look;
}

#endif
