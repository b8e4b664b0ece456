/*
 * The radiance along one path.
 *
 * At each collision every lamp is asked once (one point of its face) and the
 * sky by directions that the surface or phase function chose. Where a surface
 * is glossy a direction looks for lamps too, and both ways of finding one
 * share by the power heuristic (Veach, 1997).
 *
 * A marched path finds the first collision and the shadows there by optical
 * depth, which is free of noise; further ones are tracked, which is cheaper
 * where light is smooth anyway. In each of the directions from the first the
 * path goes on, as a branch. A tracked path is free of bias.
 *
 * A path asks for one ray after the other and goes on with what it brought: so
 * rays of many paths can be followed at once.
 */

#ifndef PT_PATH_H
#define PT_PATH_H

#include "render-worker/render/kernel/pt_brdf.h"
#include "render-worker/render/kernel/pt_camera.h"
#include "render-worker/render/kernel/pt_depth.h"
#include "render-worker/render/kernel/pt_event.h"
#include "render-worker/render/kernel/pt_light.h"
#include "render-worker/render/kernel/pt_phase.h"

/* Dimensions of pt_random_pair: a path's, then each bounce's. */
enum { PT_DIM_PIXEL, PT_DIM_LENS, PT_DIM_REACH, PT_DIM_BOUNCE };
enum {
    PT_DIM_KIND,
    PT_DIM_LOBE,
    PT_DIM_DIRECTION,
    PT_DIM_LAMP,
    PT_DIMS_A_BOUNCE = 40
};

/* Directions in which a marched collision looks for the sky: most of a
 * picture's noise is whether it is seen. A path may do with fewer, and where
 * there will be few paths more of them are worth more than more directions. */
#define PT_AROUND 4
#define PT_AROUND_FEW 2

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

/*
 * What a point of the lamp sends through the collision to wo if nothing is in
 * the way, which is *limit mm of *r; 0 when it needs no asking.
 */
PT_BIG pt_v3
pt_lamp_light(const pt_scene_t *s, const pt_event_t *e, const pt_lamp_t *l,
              uint32_t dim, const pt_random_t *random, pt_ray_t *r,
              float *limit)
{
    pt_v3 zero = pt_vec(0.0f, 0.0f, 0.0f), to, f;
    float u, v, density, pdf;

    pt_random_pair(random, dim, &u, &v);
    to = pt_sub(pt_lamp_sample(l, u, v), e->p);
    *limit = pt_length(to);

    if (!(*limit > 1e-3f)) {
        return zero;
    }

    r->o = e->p;
    r->d = pt_scale(to, 1.0f / *limit);
    density = pt_lamp_density(l, r->d, *limit);

    if (density <= 0.0f) {
        return zero;
    }

    f = pt_scale(pt_turn(s, e, r->d, &pdf), 1.0f / density);

    if (e->glossy) {
        f = pt_scale(f, pt_power(density, pdf));
    }

    return pt_mul(f, l->radiance);
}

/* Lamps that a glossy direction of this density runs into before `limit`. */
PT_FN pt_v3
pt_lamps_met(const pt_scene_t *s, pt_ray_t r, float limit, float pdf)
{
    pt_v3 sum = pt_vec(0.0f, 0.0f, 0.0f);
    float t, w;
    int32_t i;

    for (i = 0; i < s->n_lamps; i++) {
        t = pt_lamp_hit(&s->lamps[i], r);

        if (t < limit) {
            w = pt_power(pdf, pt_lamp_density(&s->lamps[i], r.d, t));
            sum = pt_along(sum, s->lamps[i].radiance, w);
        }
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

/* What is asked of a ray: a collision at the depth that u picks, by force or
 * not, and transmittance; transmittance; both by tracking. */
typedef enum {
    PT_DONE,
    PT_FORCE,
    PT_PICK,
    PT_CLEAR,
    PT_TRACK,
    PT_RATIO
} pt_ask_t;

/* Whose answer a path waits for. */
typedef enum {
    PT_FROM_CAMERA,
    PT_FROM_LAMP,
    PT_FROM_SKY,
    PT_FROM_MET
} pt_stage_t;

typedef struct {
    float clear;  /* transmittance */
    float weight; /* what the collision counts; 0: there is none */
    float t, value;
} pt_found_t;

/* A collision that a path has yet to arrive at. */
typedef struct {
    pt_ray_t r;
    pt_found_t found;
    pt_v3 through;   /* what its light counts, but for its share */
    float share;     /* one part in as many as there were directions */
    uint32_t bounce; /* how many there were before */
    uint32_t sample; /* of pt_random_t, from here on */
} pt_branch_t;

typedef struct {
    pt_ask_t ask;
    pt_ray_t r;
    float limit;
    float u;

    pt_stage_t stage;
    pt_random_t random;
    pt_sample_t out;
    pt_event_t e;
    pt_branch_t at; /* the collision that e is */
    pt_v3 turned;   /* what light from a direction counts */
    pt_v3 worth;    /* what a shadow ray brings if nothing is in its way */
    float pdf;      /* of the direction */
    int32_t marched, around, direction, lamp;

    pt_branch_t branch[PT_AROUND]; /* the last is the next */
    int32_t branches;
} pt_path_t;

PT_FN uint32_t
pt_path_dim(const pt_path_t *p)
{
    return PT_DIM_BOUNCE + p->at.bounce * PT_DIMS_A_BOUNCE;
}

/* Directions from this collision. */
PT_FN int32_t
pt_path_around(const pt_path_t *p)
{
    return p->e.marched ? p->around : 1;
}

PT_FN void
pt_path_start(const pt_scene_t *s, pt_path_t *p, int32_t x, int32_t y,
              uint32_t sample, int32_t around)
{
    int marched = s->mode == PT_PRODUCTION;
    float v;
    int32_t lamp;

    p->random = pt_random(s->seed, (uint32_t) (y * s->width + x), sample);
    p->r = pt_primary(s, x, y, &p->random);
    p->limit = pt_visible_lamp(s, p->r, &lamp);
    p->out = pt_background(s, p->r.d, lamp);
    p->marched = marched;
    p->around = around;
    p->branches = 0;
    p->stage = PT_FROM_CAMERA;
    p->ask = marched ? PT_FORCE : PT_TRACK;
    pt_random_pair(&p->random, PT_DIM_REACH, &p->u, &v);
}

/* Adds light that counts so much. */
PT_FN void
pt_path_add(pt_path_t *p, pt_v3 through, pt_v3 light)
{
    p->out.radiance =
        pt_along(p->out.radiance, pt_mul(through, light), p->at.share);
}

/* Arrives at the next collision. */
PT_FN void
pt_path_collide(const pt_scene_t *s, pt_path_t *p)
{
    float choose = 0.0f, v;

    p->at = p->branch[--p->branches];
    p->random.sample = p->at.sample;

    if (s->shading == PT_HYBRID) {
        pt_random_pair(&p->random, pt_path_dim(p) + PT_DIM_KIND, &choose, &v);
    }

    p->e = pt_event(s, p->at.r, p->at.found.t, p->at.found.value, choose);
    p->e.marched = p->marched && p->at.bounce == 0;
    pt_path_add(p, p->at.through, p->e.m.emission);
    p->stage = PT_FROM_LAMP;
    p->lamp = -1;
}

/* Asks whether a point of the lamp is seen. Returns 0 when its light would not
 * be turned to the eye anyway. */
PT_FN int
pt_path_to_lamp(const pt_scene_t *s, pt_path_t *p, const pt_lamp_t *l)
{
    uint32_t dim = pt_path_dim(p) + PT_DIM_LAMP + (uint32_t) p->lamp;
    float u;

    p->worth = pt_mul(p->at.through, pt_lamp_light(s, &p->e, l, dim, &p->random,
                                                   &p->r, &p->limit));
    p->ask = p->e.marched ? PT_CLEAR : PT_RATIO;
    pt_random_two(&p->random, &u, &p->u);

    return pt_max3(p->worth) > 0.0f;
}

/* Asks what comes from direction number p->direction. Returns 0 when it does
 * not matter. */
PT_FN int
pt_path_turn(const pt_scene_t *s, pt_path_t *p)
{
    int further = p->at.bounce < s->max_bounces;
    float lobe = 0.0f;
    pt_v3 weight;

    p->random.sample =
        p->at.sample * (uint32_t) pt_path_around(p) + (uint32_t) p->direction;

    if (p->e.surface || p->e.marched) {
        pt_random_pair(&p->random, pt_path_dim(p) + PT_DIM_LOBE, &p->u, &lobe);
    }

    p->r.o = p->e.p;
    p->limit = PT_FAR;
    p->pdf = pt_turn_sample(s, &p->e, &p->random, pt_path_dim(p), lobe, &p->r.d,
                            &weight);
    p->turned = pt_mul(p->at.through, weight);

    if (p->e.marched) {
        p->ask = further ? PT_PICK : PT_CLEAR;

    } else {
        p->ask = further ? PT_TRACK : PT_RATIO;
    }

    return pt_survives(&p->turned, p->at.bounce, &p->random);
}

/* What the sky, and lamps without a shadow ray, send from the direction. */
PT_FN void
pt_path_turned(const pt_scene_t *s, pt_path_t *p, pt_found_t found)
{
    pt_v3 light = pt_scale(pt_sky(s, p->r.d), found.clear);
    float part = 1.0f / (float) pt_path_around(p);
    int met = found.weight > 0.0f;
    pt_branch_t *next;

    p->stage = PT_FROM_MET;
    p->lamp = p->e.glossy ? -1 : s->n_lamps;

    if (p->ask == PT_TRACK && p->e.glossy) {
        light = pt_add(light,
                       pt_lamps_met(s, p->r, met ? found.t : PT_FAR, p->pdf));
        p->lamp = s->n_lamps;
    }

    if (met) {
        next = &p->branch[p->branches++];
        next->r = p->r;
        next->found = found;
        next->through = p->turned;
        next->share = p->at.share * part;
        next->bounce = p->at.bounce + 1;
        next->sample = p->random.sample;
    }

    p->turned = pt_scale(p->turned, part);
    pt_path_add(p, p->turned, light);
}

/* Asks whether the direction sees the lamp, if it runs into it. */
PT_FN int
pt_path_to_met(pt_path_t *p, const pt_lamp_t *l)
{
    p->limit = pt_lamp_hit(l, p->r);

    if (p->limit >= PT_FAR) {
        return 0;
    }

    p->worth = pt_scale(pt_mul(p->turned, l->radiance),
                        pt_power(p->pdf, pt_lamp_density(l, p->r.d, p->limit)));
    p->ask = p->e.marched ? PT_CLEAR : PT_RATIO;

    return 1;
}

/* The next ray that the collision needs. Returns 0 when there is none. */
PT_FN int
pt_path_ask(const pt_scene_t *s, pt_path_t *p)
{
    while (p->stage == PT_FROM_LAMP && ++p->lamp < s->n_lamps) {
        if (pt_path_to_lamp(s, p, &s->lamps[p->lamp])) {
            return 1;
        }
    }

    if (p->stage == PT_FROM_LAMP) {
        p->stage = PT_FROM_MET;
        p->direction = -1;
    }

    for (;;) {
        while (p->direction >= 0 && ++p->lamp < s->n_lamps) {
            if (pt_path_to_met(p, &s->lamps[p->lamp])) {
                return 1;
            }
        }

        if (++p->direction >= pt_path_around(p)) {
            return 0;
        }

        p->lamp = s->n_lamps;

        if (pt_path_turn(s, p)) {
            p->stage = PT_FROM_SKY;
            return 1;
        }
    }
}

/* Goes on from what the ray found to the next one, or PT_DONE. */
PT_BIG void
pt_path_next(const pt_scene_t *s, pt_path_t *p, pt_found_t found)
{
    float cover = 1.0f - found.clear;
    pt_branch_t *first = &p->branch[0];

    switch (p->stage) {
    case PT_FROM_CAMERA:
        p->out.radiance = pt_scale(p->out.radiance, found.clear);
        p->out.cover = cover + found.clear * p->out.cover;
        p->out.tissue = cover;
        p->ask = PT_DONE;

        if (!(found.weight > 0.0f)) {
            return;
        }

        first->r = p->r;
        first->found = found;
        first->through = pt_vec(found.weight, found.weight, found.weight);
        first->share = 1.0f;
        first->bounce = 0;
        first->sample = p->random.sample;
        p->branches = 1;
        pt_path_collide(s, p);
        break;

    case PT_FROM_SKY:
        pt_path_turned(s, p, found);
        break;

    default:
        pt_path_add(p, p->worth, pt_vec(found.clear, found.clear, found.clear));
    }

    while (!pt_path_ask(s, p)) {
        p->ask = PT_DONE;

        if (p->branches == 0) {
            return;
        }

        pt_path_collide(s, p);
    }
}

/* Follows the ray that a path asks for. */
PT_FN pt_found_t
pt_path_follow(const pt_scene_t *s, pt_path_t *p)
{
    pt_found_t f = {0.0f, 0.0f, 0.0f, 0.0f};
    pt_depth_t d;

    switch (p->ask) {
    case PT_FORCE:
    case PT_PICK:
        d = pt_depth_pick(s, p->r, p->limit, p->u, p->ask == PT_FORCE, &f.clear,
                          &f.weight);
        f.weight = d.met ? f.weight : 0.0f;
        f.t = d.t;
        f.value = d.value;
        break;

    case PT_CLEAR:
        f.clear = pt_clear(s, p->r, p->limit, p->u);
        break;

    case PT_TRACK:
        f.weight =
            (float) pt_track(s, p->r, p->limit, &p->random, &f.t, &f.value);
        f.clear = 1.0f - f.weight;
        break;

    default:
        f.clear = pt_transmittance(s, p->r, p->limit, &p->random);
    }

    return f;
}

/* Marched in production, else tracked, which is free of bias. */
PT_BIG pt_sample_t
pt_path(const pt_scene_t *s, int32_t x, int32_t y, uint32_t sample,
        int32_t around)
{
    pt_path_t p;

    pt_path_start(s, &p, x, y, sample, around);

    while (p.ask != PT_DONE) {
        pt_path_next(s, &p, pt_path_follow(s, &p));
    }

    return p.out;
}

#endif
