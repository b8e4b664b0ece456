/*
 * Extinction between two points of a ray, from the values at both: the value
 * is taken to change evenly, the transfer curve in between is integrated
 * exactly. Source: Engel et al., Pre-integrated volume rendering, 2001.
 */

#ifndef PT_TAP_H
#define PT_TAP_H

#include "render-worker/render/kernel/pt_grid.h"

#define PT_TAPS 8 /* steps taken at once, at most */

/* Nearer places than this, in entries, are averaged: the difference of two
 * sums would be lost in rounding. */
#define PT_TAP_NEAR 1.0f

typedef struct {
    float x;     /* place in the table; beyond its ends too */
    float sigma; /* 1/mm */
    float sum;   /* integral of sigma from the first entry, in entries */
} pt_tap_t;

/* [k]: of the step that ends at t + (k + 1) dt */
typedef struct {
    float depth[PT_TAPS];
    float x[PT_TAPS];
} pt_taps_t;

PT_FN float
pt_tap_place(const pt_scene_t *s, float value)
{
    return (value - s->table_first) * s->table_scale;
}

PT_FN pt_tap_t
pt_tap(const pt_scene_t *s, float x)
{
    float inside = pt_min(pt_max(x, 0.0f), (float) (PT_TABLE - 1)), f;
    int32_t i = (int32_t) inside;
    pt_sigma_t e = s->sigma[i];
    pt_tap_t tap;

    f = inside - (float) i;
    tap.x = x;
    tap.sigma = e.at + f * e.step;
    tap.sum = e.sum + f * (e.at + 0.5f * f * e.step) + (x - inside) * tap.sigma;

    return tap;
}

/* Mean extinction, 1/mm. */
PT_FN float
pt_tap_mean(pt_tap_t a, pt_tap_t b)
{
    float d = b.x - a.x;

    return fabsf(d) < PT_TAP_NEAR ? 0.5f * (a.sigma + b.sigma)
                                  : (b.sum - a.sum) / d;
}

/*
 * n steps of dt mm, 1..PT_TAPS, from t on; *tap: at t, then at the end.
 * Returns their optical depth.
 */
PT_FN float
pt_steps_each(const pt_scene_t *s, const pt_walk_t *w, float t, float dt,
              int32_t n, pt_tap_t *tap, pt_taps_t *out)
{
    float depth = 0.0f;
    pt_tap_t next;
    int32_t k;

    for (k = 0; k < n; k++) {
        next = pt_tap(
            s, pt_tap_place(s, pt_value_at(s, w, t + (float) (k + 1) * dt)));
        out->depth[k] = dt * pt_tap_mean(*tap, next);
        out->x[k] = next.x;
        depth += out->depth[k];
        *tap = next;
    }

    return depth;
}

#endif
