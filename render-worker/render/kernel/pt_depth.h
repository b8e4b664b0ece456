/*
 * Optical depth along a ray, by marching: few and equal steps in each
 * macrocell, as many as its extinction varies. No noise; a bias that falls with
 * the square of the step (docs/renderer.md has figures).
 */

#ifndef PT_DEPTH_H
#define PT_DEPTH_H

#include "render-worker/render/kernel/pt_tap.h"
#include PT_STEPS_H

/* From here on nothing more is seen: exp(-9.25) is below 1e-4. */
#define PT_OPAQUE 9.25f

#define PT_GLANCE 0.7f /* steps a voxel where only a look is taken */
#define PT_MARKS 16    /* places that a march remembers */

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

    a = pt_tap(s, x0);
    b = pt_tap(s, x1);
    part *= b.sum - a.sum;

    for (i = 0; i < 6; i++) {
        b = pt_tap(s, x0 + f * d);
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

/* Where, among the steps just taken, `rest` more depth is reached. */
PT_FN void
pt_depth_find(const pt_scene_t *s, const pt_taps_t *taps, int32_t n, float x,
              float t, float dt, float rest, pt_depth_t *out)
{
    int32_t k = 0;
    float f;

    while (k < n - 1 && k < PT_TAPS - 1 && rest > taps->depth[k]) {
        rest -= taps->depth[k];
        x = taps->x[k];
        k++;
    }

    f = pt_min(rest / pt_max(taps->depth[k], 1e-20f), 1.0f);
    f = pt_depth_part(s, x, taps->x[k], f);
    x += f * (taps->x[k] - x);
    out->met = 1;
    out->t = t + ((float) k + f) * dt;
    out->value = s->table_first + x / s->table_scale;
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
    float t0 = 0.0f, t1 = limit, t = 0.0f, end, dt, more, voxel, x, detail;
    pt_depth_t out = {0.0f, 0, 0.0f, 0.0f};
    pt_taps_t taps;
    pt_tap_t tap = {0.0f, 0.0f, 0.0f};
    pt_walk_t w;
    int32_t i, k, n, cell, follows = 0;

    if (!pt_interval(s, r, &t0, &t1)) {
        return out;
    }

    w = pt_walk(s, r, t0);
    voxel = 1.0f / pt_length(w.d);
    t1 -= t0;

    if (from != NULL && from->n > 0) {
        t = from->t[from->n - 1];
        out.depth = from->depth[from->n - 1];
    }

    for (i = 0; i < PT_STEPS && t < t1; i++) {
        more = pt_bound(s, &w, t, &end, &cell);
        end = pt_min(end, t1);

        if (more <= 0.0f) {
            follows = 0;
            t = end;
            continue;
        }

        if (!follows) {
            tap = pt_tap(s, pt_tap_place(s, pt_value_at(s, &w, t)));
            follows = 1;
        }

        if (to != NULL && to->n < PT_MARKS) {
            to->t[to->n] = t;
            to->depth[to->n++] = out.depth;
        }

        /* Most of a march is waiting for voxels: those of the next cell are
         * fetched while this one is worked on. */
        for (k = 0; k < 3; k++) {
            pt_value_soon(
                s, pt_along(w.o, w.d, end + (0.6f + 1.3f * (float) k) * voxel));
        }

        /* Straight through a cell, steps end at voxels, where values bend. */
        detail = s->detail[cell];
        detail = seen != NULL ? pt_min(detail, PT_GLANCE) : detail;
        n = 1 + (int32_t) ((end - t) / voxel * detail - 0.05f);
        dt = (end - t) / (float) n;

        for (; n > 0; n -= PT_TAPS, t += PT_TAPS * dt) {
            x = tap.x;
            more =
                pt_steps(s, &w, t, dt, n < PT_TAPS ? n : PT_TAPS, &tap, &taps);

            if (!out.met && out.depth + more >= target) {
                pt_depth_find(s, &taps, n, x, t0 + t, dt, target - out.depth,
                              &out);
            }

            out.depth += more;

            for (k = 0; seen != NULL && k < n && k < PT_TAPS; k++) {
                pt_seen_step(s, seen, t0 + t + ((float) k + 0.5f) * dt,
                             taps.depth[k], taps.x[k]);
            }
        }

        if (out.depth >= enough) {
            break;
        }

        t = end;
    }

    return out;
}

/* Transmittance over [0, limit] mm. */
PT_BIG float
pt_clear(const pt_scene_t *s, pt_ray_t r, float limit)
{
    float depth =
        pt_depth(s, r, limit, PT_FAR, PT_OPAQUE, NULL, NULL, NULL).depth;

    return depth < PT_OPAQUE ? expf(-depth) : 0.0f;
}

/* The march to the depth that u in [0, 1) picks; *clear: transmittance. */
PT_BIG pt_depth_t
pt_depth_pick(const pt_scene_t *s, pt_ray_t r, float limit, float u,
              pt_marks_t *marks, float *clear)
{
    float target = pt_min(pt_minus_log(1.0f - u), 0.999f * PT_OPAQUE);
    pt_depth_t d = pt_depth(s, r, limit, target, PT_OPAQUE, NULL, marks, NULL);

    *clear = d.depth < PT_OPAQUE ? expf(-d.depth) : 0.0f;

    return d;
}

/* Again, for less: only as far as needed, from the mark before. */
PT_BIG pt_depth_t
pt_depth_repick(const pt_scene_t *s, pt_ray_t r, float limit, float u,
                pt_marks_t *marks)
{
    float target = pt_minus_log(1.0f - u);

    while (marks->n > 1 && marks->depth[marks->n - 1] > target) {
        marks->n--;
    }

    return pt_depth(s, r, limit, target, target, marks, NULL, NULL);
}

#endif
