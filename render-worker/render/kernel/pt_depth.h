/*
 * Optical depth along a ray, by marching: few and equal steps in each
 * macrocell, as many as its extinction varies. No noise; a bias that
 * docs/renderer.md has figures of.
 */

#ifndef PT_DEPTH_H
#define PT_DEPTH_H

#include "render-worker/render/kernel/pt_tap.h"

/* From here on nothing more is seen: exp(-9.25) is below 1e-4. */
#define PT_OPAQUE 9.25f

/* Deeper marches for transmittance go on by chance. */
#define PT_DEEP 3.0f

#define PT_NEAR 2.0f   /* steps a voxel where a march begins */
#define PT_GLANCE 0.7f /* and where only a look is taken */
#define PT_MARKS 16    /* places that a march remembers */

/* Rays that meet less than this are let off by chance. */
#define PT_FAINT 0.25f

typedef struct {
    float depth; /* to the end of the march */
    int met;     /* `target` was reached, there: */
    float t;     /* mm along the ray */
    float value; /* voxel value */
} pt_depth_t;

/* Where a march passed, to be gone on from. */
typedef struct {
    float t[PT_MARKS], depth[PT_MARKS]; /* rising */
    int32_t n;
} pt_marks_t;

/* What is seen along a march, weighted by what each step shows. */
typedef struct {
    float clear;        /* transmittance so far */
    float mean, square; /* of distance, mm */
    float at[4]; /* distance where cover first passed 1/16, 1/8, 1/4, 1/2 */
    pt_v3 color;
} pt_seen_t;

PT_FN pt_seen_t
pt_seen(void)
{
    pt_seen_t m = {
        1.0f, 0.0f, 0.0f, {PT_FAR, PT_FAR, PT_FAR, PT_FAR}, {0.0f, 0.0f, 0.0f}};

    return m;
}

/* 1 - exp(-x), x >= 0, to 1 %. */
PT_FN float
pt_absorbed(float x)
{
    return 1.0f - 1.0f / (1.0f + x * (1.0f + x * (0.5f + x * 0.16666667f)));
}

/* One step: around t mm, of this depth, at this place in the table. */
PT_FN void
pt_seen_step(const pt_scene_t *s, pt_seen_t *m, float t, float depth, float x)
{
    float w = m->clear * pt_absorbed(depth), mark;
    float cover = 1.0f - m->clear + w;
    int32_t i;

    if (w <= 0.0f) {
        return;
    }

    for (i = 0, mark = 0.0625f; i < 4; i++, mark *= 2.0f) {
        if (cover >= mark && m->at[i] >= PT_FAR) {
            m->at[i] = t;
        }
    }

    x = pt_min(pt_max(x, 0.0f), (float) (PT_TABLE - 1));
    m->clear -= w;
    m->mean += w * t;
    m->square += w * t * t;
    m->color = pt_along(m->color, s->material[(int32_t) x].color, w);
}

/* Part of a step, 0..1, at whose end the depth is `part` of the step's. */
PT_FN float
pt_depth_part(const pt_scene_t *s, float x0, float x1, float part)
{
    float low = 0.0f, high = 1.0f, f = part, d = x1 - x0, rest;
    pt_tap_t a, b;
    int32_t i;

    if (fabsf(d) < PT_TAP_NEAR) {
        return part;
    }

    a = pt_tap(s, x0, 0.0f);
    b = pt_tap(s, x1, 0.0f);
    part *= b.sum - a.sum;

    for (i = 0; i < 6; i++) {
        b = pt_tap(s, x0 + f * d, 0.0f);
        rest = (b.sum - a.sum - part) / d;

        if (rest > 0.0f) {
            high = f;

        } else {
            low = f;
        }

        f -= rest / pt_max(b.sigma, 1e-9f);

        if (!(f > low && f < high)) {
            f = 0.5f * (low + high);
        }
    }

    return f;
}

/* Part of the step of dt mm from a to b at whose end `depth` is reached, and
 * the table's place there. */
PT_FN float
pt_depth_find(const pt_scene_t *s, pt_tap_t a, pt_tap_t b, float dt,
              float depth, float *x)
{
    float part, before = 0.0f, here, f;
    pt_tap_t m = pt_tap_between(s, a, b, dt, &part);

    here = part * dt * pt_tap_mean(a, m);

    if (depth > here) {
        depth -= here;
        before = part;
        part = 1.0f - part;
        a = m;
        m = b;
        here = part * dt * pt_tap_mean(a, m);
    }

    f = pt_min(depth / pt_max(here, 1e-20f), 1.0f);
    f = pt_depth_part(s, a.x, m.x, f);
    *x = a.x + f * (m.x - a.x);

    return before + f * part;
}

/* Into how many steps [t, end] mm is cut; per: voxels a mm. */
PT_FN int32_t
pt_depth_steps(float detail, float t, float end, float per)
{
    float most = pt_max(detail, PT_NEAR - t * per);

    return 1 + (int32_t) ((end - t) * per * most - 0.05f);
}

/*
 * Marches [0, limit] mm of the ray until its depth is `enough`. The march
 * begins at the last of `from`, leaves its own marks in `to` and what it sees
 * in `seen`; each may be NULL. One that only sees takes longer steps.
 */
PT_FN pt_depth_t
pt_depth(const pt_scene_t *s, pt_ray_t r, float limit, float target,
         float enough, const pt_marks_t *from, pt_marks_t *to, pt_seen_t *seen)
{
    float t0 = 0.0f, t1 = limit, t = 0.0f, end, dt, more, per, x, detail;
    pt_depth_t out = {0.0f, 0, 0.0f, 0.0f};
    pt_tap_t tap = {0.0f, 0.0f, 0.0f, 0.0f}, next;
    pt_walk_t w;
    int32_t i, n, cell, follows = 0;

    if (!pt_interval(s, r, &t0, &t1)) {
        return out;
    }

    w = pt_walk(s, r, t0);
    per = pt_length(w.d);
    t1 -= t0;

    if (from != NULL && from->n > 0) {
        t = from->t[from->n - 1];
        out.depth = from->depth[from->n - 1];
    }

    for (i = 0; i < PT_STEPS && t < t1 && out.depth < enough; i++) {
        more = pt_bound(s, &w, t, &end, &cell);
        end = pt_min(end, t1);

        if (more <= 0.0f) {
            follows = 0;
            t = end;
            continue;
        }

        if (!follows) {
            tap = pt_tap_at(s, &w, t);
            follows = 1;
        }

        if (to != NULL && to->n < PT_MARKS) {
            to->t[to->n] = t;
            to->depth[to->n++] = out.depth;
        }

        detail = s->detail[cell];
        detail = seen != NULL ? pt_min(detail, PT_GLANCE) : detail;

        /* Straight through a cell, steps end at voxels, where values bend. */
        for (n = 2;
             n > 1 && out.depth<enough; t = n> 1 ? t + dt : end, tap = next) {
            n = pt_depth_steps(detail, t, end, per);
            dt = (end - t) / (float) n;
            next = pt_tap_at(s, &w, t + dt);
            more = pt_tap_depth(s, tap, next, dt);

            if (!out.met && out.depth + more >= target) {
                out.met = 1;
                out.t = t0 + t +
                        dt * pt_depth_find(s, tap, next, dt, target - out.depth,
                                           &x);
                out.value = s->table_first + x / s->table_scale;
            }

            out.depth += more;

            if (seen != NULL) {
                pt_seen_step(s, seen, t0 + t + 0.5f * dt, more, next.x);
            }
        }
    }

    return out;
}

/*
 * The depth at which u in [0, 1) ends a march for transmittance: where nearly
 * nothing is left anyway, chance decides whether it goes on.
 */
PT_FN float
pt_depth_enough(float u)
{
    return PT_DEEP + pt_minus_log(1.0f - u);
}

/* Transmittance after a march of this depth that might have ended at `enough`:
 * right on average over u. */
PT_FN float
pt_depth_clear(float depth, float enough)
{
    return depth < enough ? expf(-pt_min(depth, PT_DEEP)) : 0.0f;
}

/* Transmittance over [0, limit] mm. */
PT_BIG float
pt_clear(const pt_scene_t *s, pt_ray_t r, float limit, float u)
{
    float enough = pt_depth_enough(u);

    return pt_depth_clear(
        pt_depth(s, r, limit, PT_FAR, enough, NULL, NULL, NULL).depth, enough);
}

/*
 * The depth at which u in [0, 1) lets a ray collide that has `cover` of it do
 * so. A forced one collides wherever it can and counts as much as it would have
 * been likely to; where that is little, most are let off. Returns what the
 * collision counts; 0: there is none.
 */
PT_FN float
pt_depth_choose(float cover, float u, int forced, float *depth)
{
    float keep = forced ? pt_min(cover * (1.0f / PT_FAINT), 1.0f) : cover;

    if (!(u < keep)) {
        return 0.0f;
    }

    *depth = pt_min(pt_minus_log(1.0f - u / keep * cover), 0.999f * PT_OPAQUE);

    return cover / keep;
}

/* The march to the depth that u picks; *clear: transmittance. */
PT_BIG pt_depth_t
pt_depth_pick(const pt_scene_t *s, pt_ray_t r, float limit, float u, int forced,
              float *clear, float *weight)
{
    pt_depth_t d;
    pt_marks_t marks;
    float target = 0.0f;

    marks.n = 0;
    d = pt_depth(s, r, limit, PT_FAR, PT_OPAQUE, NULL, &marks, NULL);
    *clear = d.depth < PT_OPAQUE ? expf(-d.depth) : 0.0f;
    *weight = pt_depth_choose(1.0f - *clear, u, forced, &target);

    if (!(*weight > 0.0f)) {
        return d;
    }

    /* Again, only as far as needed, from the mark before. */
    while (marks.n > 1 && marks.depth[marks.n - 1] > target) {
        marks.n--;
    }

    return pt_depth(s, r, limit, target, target, &marks, NULL, NULL);
}

#endif
