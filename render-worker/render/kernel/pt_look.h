/*
 * What is seen along a ray without its light: a fixed-step march, so free of
 * noise. It guides the filter of young pictures and finds picked points; the
 * light itself never depends on it.
 */

#ifndef PT_LOOK_H
#define PT_LOOK_H

#include "render-worker/render/kernel/pt_path.h"

typedef struct {
    float cover; /* 1 - transmittance */
    float depth; /* mm from the ray's start to about half of cover; or PT_FAR */
    float spread; /* mm, standard deviation of what is met */
    float firm;   /* 0..1: how much of a surface it is at depth */
    pt_v3 color;  /* mean surface colour of what is seen */
    pt_v3 normal; /* at depth */
} pt_look_t;

/* 1 - exp(-x), x >= 0, to 1 %. */
PT_FN float
pt_absorbed(float x)
{
    return 1.0f - 1.0f / (1.0f + x * (1.0f + x * (0.5f + x * 0.16666667f)));
}

/* Sums of a march, weighted by what each step shows. */
typedef struct {
    float clear;        /* transmittance so far */
    float mean, square; /* of distance, mm */
    float at[4]; /* distance where cover first passed 1/16, 1/8, 1/4, 1/2 */
    pt_v3 color;
} pt_march_t;

PT_FN void
pt_march_step(const pt_scene_t *s, pt_march_t *m, float t, float dt,
              float value)
{
    float w = m->clear * pt_absorbed(dt * pt_extinction(s, value)), mark;
    float cover = 1.0f - m->clear + w, fraction;
    int32_t i;

    if (w <= 0.0f) {
        return;
    }

    for (i = 0, mark = 0.0625f; i < 4; i++, mark *= 2.0f) {
        if (cover >= mark && m->at[i] >= PT_FAR) {
            m->at[i] = t;
        }
    }

    m->clear -= w;
    m->mean += w * t;
    m->square += w * t * t;
    m->color =
        pt_along(m->color, s->material[pt_place(s, value, &fraction)].color, w);
}

/* Steps of about `step` mm inside cells that are not empty. */
PT_FN pt_march_t
pt_march(const pt_scene_t *s, pt_ray_t r, float step)
{
    const float enough = 0.05f; /* what is left is taken for the same */
    float t0 = 0.0f, t1 = PT_FAR, t = 0.0f, end, bound, dt, w;
    pt_march_t m;
    pt_walk_t walk;
    int32_t i, n, k, cell;

    m.clear = 1.0f;
    m.mean = m.square = 0.0f;
    m.at[0] = m.at[1] = m.at[2] = m.at[3] = PT_FAR;
    m.color = pt_vec(0.0f, 0.0f, 0.0f);

    if (!pt_interval(s, r, &t0, &t1)) {
        return m;
    }

    walk = pt_walk(s, r, t0);
    t1 -= t0;

    for (i = 0; i < PT_STEPS && t < t1; i++) {
        bound = pt_bound(s, &walk, t, &end, &cell);
        end = pt_min(end, t1);
        n = bound > 0.0f ? 1 + (int32_t) ((end - t) / step) : 0;
        dt = n > 0 ? (end - t) / (float) n : 0.0f;

        for (k = 0; k < n && m.clear > enough; k++) {
            pt_march_step(s, &m, t0 + t + ((float) k + 0.5f) * dt, dt,
                          pt_value_at(s, &walk, t + ((float) k + 0.5f) * dt));
        }

        if (m.clear <= enough) {
            w = 1.0f / (1.0f - m.clear);
            m.mean *= w;
            m.square *= w;
            m.color = pt_scale(m.color, w);
            m.clear = 0.0f;
            break;
        }

        t = end;
    }

    return m;
}

PT_FN pt_look_t
pt_look(const pt_scene_t *s, pt_ray_t r)
{
    pt_march_t m = pt_march(s, r, 1.4f * s->voxel_mm);
    pt_look_t look;
    float mark = 0.5f;
    int32_t i = 3;

    look.cover = 1.0f - m.clear;
    look.depth = PT_FAR;
    look.spread = look.firm = 0.0f;
    look.color = m.color;
    look.normal = pt_scale(r.d, -1.0f);

    /* Less than 1/16 is a haze: without a place, but seen. */
    if (look.cover < 0.0625f) {
        return look;
    }

    while (i > 0 && mark > 0.6f * look.cover) {
        mark *= 0.5f;
        i--;
    }

    look.depth = m.at[i];
    look.color = pt_scale(m.color, 1.0f / look.cover);
    m.mean /= look.cover;
    look.spread = sqrtf(pt_max(m.square / look.cover - m.mean * m.mean, 0.0f));
    look.firm = pt_normal(s, pt_along(r.o, r.d, look.depth),
                          pt_scale(r.d, -1.0f), &look.normal);

    return look;
}

#endif
