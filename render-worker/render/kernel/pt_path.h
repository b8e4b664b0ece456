/*
 * The radiance along one path.
 *
 * At each collision every lamp is asked once (one point of its face) and the
 * sky by a direction that the surface or phase function chose. Where a surface
 * is glossy that direction looks for lamps too, and both ways of finding one
 * share by the power heuristic (Veach, 1997).
 *
 * A marched path finds the first collision and the shadows there by optical
 * depth, which is free of noise; further ones are tracked, which is cheaper
 * where light is smooth anyway. A tracked path is free of bias.
 */

#ifndef PT_PATH_H
#define PT_PATH_H

#include "render-worker/render/kernel/pt_brdf.h"
#include "render-worker/render/kernel/pt_camera.h"
#include "render-worker/render/kernel/pt_depth.h"
#include "render-worker/render/kernel/pt_event.h"
#include "render-worker/render/kernel/pt_light.h"
#include "render-worker/render/kernel/pt_phase.h"
#include "render-worker/render/kernel/pt_solid.h"

/* Dimensions of pt_random_pair: a path's, then each bounce's. */
enum { PT_DIM_PIXEL, PT_DIM_LENS, PT_DIM_REACH, PT_DIM_BOUNCE };
enum { PT_DIM_LOBE, PT_DIM_DIRECTION, PT_DIM_LAMP, PT_DIMS_A_BOUNCE = 40 };

/* Rays that meet less than this are let off by chance. */
#define PT_FAINT 0.25f

typedef struct {
    pt_v3 radiance;
    float cover;  /* of all but the background's colour: tissue, sky, lamps */
    float tissue; /* of tissue alone */
} pt_sample_t;

/* Light turned from wi to wo, cosine included; *pdf as pt_turn_sample's. */
PT_FN pt_v3
pt_turn(const pt_scene_t *s, const pt_event_t *e, pt_v3 wi, float *pdf)
{
    pt_v3 f;

    if (!e->surface) {
        *pdf = pt_hg(-pt_dot(e->wo, wi), s->g);

        return pt_scale(e->m.color, *pdf);
    }

    f = pt_brdf(&e->m, e->n, e->wo, wi, pdf);

    return pt_scale(f, pt_max(pt_dot(e->n, wi), 0.0f));
}

/* A direction, and pt_turn over its density in *weight. Returns the density. */
PT_FN float
pt_turn_sample(const pt_scene_t *s, const pt_event_t *e,
               const pt_random_t *random, uint32_t dim, float choose, pt_v3 *wi,
               pt_v3 *weight)
{
    float u, v, pdf;
    pt_v3 f;

    pt_random_pair(random, dim + PT_DIM_DIRECTION, &u, &v);

    if (!e->surface) {
        *wi = pt_hg_sample(pt_scale(e->wo, -1.0f), s->g, u, v);
        *weight = e->m.color;

        return pt_hg(-pt_dot(e->wo, *wi), s->g);
    }

    *wi = pt_brdf_sample(&e->m, e->n, e->wo, choose, u, v);
    f = pt_turn(s, e, *wi, &pdf);
    *weight = pdf > 0.0f ? pt_scale(f, 1.0f / pdf) : pt_vec(0.0f, 0.0f, 0.0f);

    return pdf;
}

PT_FN float
pt_power(float a, float b)
{
    return a * a / (a * a + b * b);
}

/* Transmittance over [0, limit] mm of a ray from a collision. */
PT_FN float
pt_shadow(const pt_scene_t *s, const pt_event_t *e, pt_ray_t r, float limit,
          pt_random_t *random)
{
    float t;

    if (s->technique == PT_SURFACE) {
        return pt_solid(s, r, limit, &t) == PT_MISS ? 1.0f : 0.0f;
    }

    return e->marched ? pt_clear(s, r, limit)
                      : pt_transmittance(s, r, limit, random);
}

/* What one point of one lamp sends through the collision to wo. */
PT_BIG pt_v3
pt_lit_by(const pt_scene_t *s, const pt_event_t *e, const pt_lamp_t *l,
          uint32_t dim, pt_random_t *random)
{
    pt_v3 zero = pt_vec(0.0f, 0.0f, 0.0f), to, f;
    float u, v, distance, density, pdf;
    pt_ray_t r;

    pt_random_pair(random, dim, &u, &v);
    to = pt_sub(pt_lamp_sample(l, u, v), e->p);
    distance = pt_length(to);

    if (!(distance > 1e-3f)) {
        return zero;
    }

    r.o = e->p;
    r.d = pt_scale(to, 1.0f / distance);
    density = pt_lamp_density(l, r.d, distance);

    if (density <= 0.0f) {
        return zero;
    }

    f = pt_scale(pt_turn(s, e, r.d, &pdf), 1.0f / density);

    if (e->glossy) {
        f = pt_scale(f, pt_power(density, pdf));
    }

    if (!(pt_max3(f) > 0.0f)) {
        return zero;
    }

    return pt_scale(pt_mul(f, l->radiance),
                    pt_shadow(s, e, r, distance, random));
}

/* Lamps that a glossy direction runs into before `limit`. */
PT_BIG pt_v3
pt_lamps_met(const pt_scene_t *s, const pt_event_t *e, pt_ray_t r, float limit,
             float pdf, int shadowed, pt_random_t *random)
{
    pt_v3 sum = pt_vec(0.0f, 0.0f, 0.0f);
    float t, w;
    int32_t i;

    for (i = 0; i < s->n_lamps; i++) {
        t = pt_lamp_hit(&s->lamps[i], r);

        if (t >= limit) {
            continue;
        }

        w = pt_power(pdf, pt_lamp_density(&s->lamps[i], r.d, t));

        if (shadowed) {
            w *= pt_shadow(s, e, r, t, random);
        }

        sum = pt_along(sum, s->lamps[i].radiance, w);
    }

    return sum;
}

/* What a camera ray shows behind all tissue; lamp: before that, -1: none. */
PT_FN pt_sample_t
pt_background(const pt_scene_t *s, pt_v3 d, int32_t lamp)
{
    pt_sample_t out = {{0.0f, 0.0f, 0.0f}, 0.0f, 0.0f};

    if (lamp >= 0) {
        out.radiance = s->lamps[lamp].radiance;
        out.cover = 1.0f;

    } else if (s->background_sky) {
        out.radiance = pt_sky(s, d);
        out.cover = 1.0f;
    }

    return out;
}

PT_FN pt_ray_t
pt_primary(const pt_scene_t *s, int32_t x, int32_t y, const pt_random_t *random)
{
    float u, v, lu = 0.0f, lv = 0.0f;

    pt_random_pair(random, PT_DIM_PIXEL, &u, &v);

    if (s->camera.lens > 0.0f) {
        pt_random_pair(random, PT_DIM_LENS, &lu, &lv);
    }

    return pt_camera_ray(&s->camera, s->width, s->height, (float) x + u,
                         (float) y + v, lu, lv);
}

PT_FN float
pt_visible_lamp(const pt_scene_t *s, pt_ray_t r, int32_t *lamp)
{
    float t, nearest = PT_FAR;
    int32_t i;

    *lamp = -1;

    for (i = 0; i < s->n_lamps; i++) {
        if (!s->lamps[i].visible) {
            continue;
        }

        t = pt_lamp_hit(&s->lamps[i], r);

        if (t < nearest) {
            nearest = t;
            *lamp = i;
        }
    }

    return nearest;
}

/* Chance decides whether a dim path goes on; those that do carry its weight. */
PT_FN int
pt_survives(pt_v3 *through, uint32_t bounce, pt_random_t *random)
{
    float q = pt_min(pt_max3(*through), 1.0f), u, v;

    if (!(q > 0.0f)) {
        return 0;
    }

    if (bounce < 3) {
        return 1;
    }

    pt_random_two(random, &u, &v);

    if (v >= q) {
        return 0;
    }

    *through = pt_scale(*through, 1.0f / q);

    return 1;
}

/* Emission and lamps at a collision. */
PT_FN pt_v3
pt_lit(const pt_scene_t *s, const pt_event_t *e, uint32_t dim,
       pt_random_t *random)
{
    pt_v3 light = e->m.emission;
    int32_t i;

    for (i = 0; i < s->n_lamps; i++) {
        light =
            pt_add(light, pt_lit_by(s, e, &s->lamps[i],
                                    dim + PT_DIM_LAMP + (uint32_t) i, random));
    }

    return light;
}

/* What the ray of a path's last bounce brings: the sky, and lamps if glossy. */
PT_FN pt_v3
pt_last(const pt_scene_t *s, const pt_event_t *e, pt_ray_t r, float pdf,
        pt_random_t *random)
{
    pt_v3 light = pt_scale(pt_sky(s, r.d), pt_shadow(s, e, r, PT_FAR, random));

    if (e->glossy) {
        light = pt_add(light, pt_lamps_met(s, e, r, PT_FAR, pdf, 1, random));
    }

    return light;
}

/*
 * The first collision of a camera ray, and through *weight what it counts;
 * *cover: the chance of meeting any. Returns 0 when there is none.
 *
 * Marched, the ray collides wherever it can and counts as much as it would
 * have been likely to; where that is little, most are let off.
 */
PT_FN int
pt_first(const pt_scene_t *s, pt_ray_t r, float limit, int marched,
         pt_random_t *random, float *cover, float *weight, float *t,
         float *value)
{
    float u, v, clear, keep;
    pt_marks_t marks;
    pt_depth_t d;

    *weight = 1.0f;

    if (!marched) {
        *cover = pt_track(s, r, limit, random, t, value) ? 1.0f : 0.0f;

        return *cover > 0.0f;
    }

    pt_random_pair(random, PT_DIM_REACH, &u, &v);
    marks.n = 0;
    d = pt_depth_pick(s, r, limit, u, &marks, &clear);
    *cover = 1.0f - clear;

    if (clear > 0.0f) {
        keep = pt_min(*cover * (1.0f / PT_FAINT), 1.0f);

        if (!(u < keep)) {
            return 0;
        }

        *weight = *cover / keep;
        d = pt_depth_repick(s, r, limit, u / keep * *cover, &marks);
    }

    *t = d.t;
    *value = d.value;

    return d.met;
}

/*
 * From a marched collision on: *light is what of the sky, and of lamps if
 * glossy, comes along the ray. Returns whether the path collides again.
 */
PT_FN int
pt_second(const pt_scene_t *s, const pt_event_t *e, pt_ray_t r, float pdf,
          float u, pt_random_t *random, pt_v3 *light, float *t, float *value)
{
    float clear;
    pt_depth_t d = pt_depth_pick(s, r, PT_FAR, u, NULL, &clear);

    *light = pt_scale(pt_sky(s, r.d), clear);
    *t = d.t;
    *value = d.value;

    if (e->glossy) {
        *light = pt_add(*light, pt_lamps_met(s, e, r, PT_FAR, pdf, 1, random));
    }

    return d.met;
}

/* marched: else tracked, free of bias. */
PT_FN pt_sample_t
pt_path(const pt_scene_t *s, int32_t x, int32_t y, uint32_t sample, int marched)
{
    pt_random_t random =
        pt_random(s->seed, (uint32_t) (y * s->width + x), sample);
    pt_ray_t r = pt_primary(s, x, y, &random);
    pt_v3 through, light, weight;
    pt_sample_t out;
    pt_event_t e;
    uint32_t bounce, dim;
    int32_t lamp;
    float t, value = 0.0f, choose, lobe, pdf, cover, worth;
    int met;

    t = pt_visible_lamp(s, r, &lamp);
    out = pt_background(s, r.d, lamp);
    met = pt_first(s, r, t, marched, &random, &cover, &worth, &t, &value);
    out.radiance = pt_scale(out.radiance, 1.0f - cover);
    out.cover = cover + (1.0f - cover) * out.cover;
    out.tissue = cover;
    through = pt_vec(worth, worth, worth);

    for (bounce = 0; met; bounce++) {
        dim = PT_DIM_BOUNCE + bounce * PT_DIMS_A_BOUNCE;
        pt_random_pair(&random, dim + PT_DIM_LOBE, &choose, &lobe);
        e = pt_event(s, r, t, value, choose);
        e.marched = marched && bounce == 0;
        light = pt_lit(s, &e, dim, &random);
        out.radiance = pt_add(out.radiance, pt_mul(through, light));

        r.o = e.p;
        pdf = pt_turn_sample(s, &e, &random, dim, lobe, &r.d, &weight);
        through = pt_mul(through, weight);

        if (!pt_survives(&through, bounce, &random)) {
            break;
        }

        light = pt_vec(0.0f, 0.0f, 0.0f);

        if (bounce >= s->max_bounces) {
            light = pt_last(s, &e, r, pdf, &random);
            met = 0;

        } else if (e.marched) {
            pt_random_two(&random, &choose, &lobe);
            met = pt_second(s, &e, r, pdf, lobe, &random, &light, &t, &value);

        } else {
            met = pt_track(s, r, PT_FAR, &random, &t, &value);

            if (e.glossy) {
                light =
                    pt_lamps_met(s, &e, r, met ? t : PT_FAR, pdf, 0, &random);
            }

            if (!met) {
                light = pt_add(light, pt_sky(s, r.d));
            }
        }

        out.radiance = pt_add(out.radiance, pt_mul(through, light));
    }

    return out;
}

#endif
