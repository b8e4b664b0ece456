/*
 * Paths as renderers without macrocells trace them: delta tracking with one
 * bound for the whole volume, shadows that are all or nothing, one light at
 * random, numbers that are not stratified. Free of bias, and slow: there only
 * to be compared with. Source: Woodcock et al., 1965.
 */

#ifndef PT_WOODCOCK_H
#define PT_WOODCOCK_H

#include "render-worker/render/kernel/pt_path.h"

/* The first collision within [0, limit] mm, as pt_track. */
PT_BIG int
pt_woodcock_track(const pt_scene_t *s, pt_ray_t r, float limit,
                  pt_random_t *random, float *t_hit, float *value)
{
    float t0 = 0.0f, t1 = limit, u, v;
    pt_walk_t w;

    if (!(s->majorant > 0.0f) || !pt_interval(s, r, &t0, &t1)) {
        return 0;
    }

    w = pt_walk(s, r, t0);
    t1 -= t0;

    for (*t_hit = 0.0f;;) {
        pt_random_two(random, &u, &v);
        *t_hit += pt_minus_log(u) / s->majorant;

        if (!(*t_hit < t1)) {
            return 0;
        }

        *value = pt_value_at(s, &w, *t_hit);

        if (v * s->majorant < pt_extinction(s, *value)) {
            *t_hit += t0;
            return 1;
        }
    }
}

/* 1 or 0: whether light from `limit` mm away arrives. */
PT_FN float
pt_woodcock_clear(const pt_scene_t *s, pt_ray_t r, float limit,
                  pt_random_t *random)
{
    float t, value;

    return pt_woodcock_track(s, r, limit, random, &t, &value) ? 0.0f : 1.0f;
}

/*
 * The way from a collision to a point of a lamp's face. Returns the density,
 * 1/sr, of that point; 0 when it sends no light here.
 */
PT_FN float
pt_to_lamp(const pt_event_t *e, const pt_lamp_t *l, float u, float v,
           pt_ray_t *r, float *distance)
{
    pt_v3 to = pt_sub(pt_lamp_sample(l, u, v), e->p);

    *distance = pt_max(pt_length(to), 1e-3f);
    r->o = e->p;
    r->d = pt_scale(to, 1.0f / *distance);

    return pt_lamp_density(l, r->d, *distance);
}

/* Which of the lamps, 0.., or after them the sky, u in [0, 1) chooses. */
PT_FN int32_t
pt_one_light(const pt_scene_t *s, float u)
{
    int32_t i = (int32_t) (u * (float) (s->n_lamps + 1));

    return i < s->n_lamps ? i : s->n_lamps;
}

/* What one light of all, lamps and sky, sends through a collision to wo; it
 * counts for all of them. */
PT_BIG pt_v3
pt_woodcock_lit(const pt_scene_t *s, const pt_event_t *e, uint32_t dim,
                pt_random_t *random)
{
    pt_v3 light = pt_vec(0.0f, 0.0f, 0.0f);
    float u, v, density, pdf, limit = PT_FAR;
    pt_ray_t r;
    int32_t i;

    pt_random_two(random, &u, &v);
    i = pt_one_light(s, v);

    if (i < s->n_lamps) {
        pt_random_pair(random, dim + PT_DIM_LAMP, &u, &v);
        density = pt_to_lamp(e, &s->lamps[i], u, v, &r, &limit);

        if (density > 0.0f) {
            light = pt_mul(pt_turn(s, e, r.d, &pdf), s->lamps[i].radiance);
            light = pt_scale(light, 1.0f / density);
        }

    } else {
        r.o = e->p;
        pt_turn_sample(s, e, random, dim + PT_DIM_LAMP, u, &r.d, &light);
        light = pt_mul(light, pt_sky(s, r.d));
    }

    if (!(pt_max3(light) > 0.0f)) {
        return pt_vec(0.0f, 0.0f, 0.0f);
    }

    return pt_scale(light, (float) (s->n_lamps + 1) *
                               pt_woodcock_clear(s, r, limit, random));
}

PT_FN pt_sample_t
pt_woodcock(const pt_scene_t *s, int32_t x, int32_t y, uint32_t sample)
{
    pt_random_t random =
        pt_random_plain(s->seed, (uint32_t) (y * s->width + x), sample);
    pt_ray_t r = pt_primary(s, x, y, &random);
    pt_v3 through = pt_vec(1.0f, 1.0f, 1.0f), light, weight;
    float t, value, choose, lobe;
    uint32_t bounce, dim;
    pt_sample_t out;
    pt_event_t e;
    int32_t lamp;

    t = pt_visible_lamp(s, r, &lamp);
    out = pt_background(s, r.d, lamp);

    if (!pt_woodcock_track(s, r, t, &random, &t, &value)) {
        return out;
    }

    out.radiance = pt_vec(0.0f, 0.0f, 0.0f);
    out.cover = out.tissue = 1.0f;

    for (bounce = 0;; bounce++) {
        dim = PT_DIM_BOUNCE + bounce * PT_DIMS_A_BOUNCE;
        pt_random_two(&random, &choose, &lobe);
        e = pt_event(s, r, t, value, choose);
        light = pt_add(e.m.emission, pt_woodcock_lit(s, &e, dim, &random));
        out.radiance = pt_add(out.radiance, pt_mul(through, light));

        if (bounce >= s->max_bounces) {
            return out;
        }

        r.o = e.p;
        pt_turn_sample(s, &e, &random, dim, lobe, &r.d, &weight);
        through = pt_mul(through, weight);

        if (!pt_survives(&through, bounce, &random) ||
            !pt_woodcock_track(s, r, PT_FAR, &random, &t, &value)) {
            return out;
        }
    }
}

#endif
