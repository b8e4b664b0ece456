/*
 * Extinction between two points of a ray, from values and rises at both: the
 * value is taken to run in two straight lines over a point between them, the
 * transfer curve along each is integrated exactly.
 * Source: Engel et al., Pre-integrated volume rendering, 2001.
 */

#ifndef PT_TAP_H
#define PT_TAP_H

#include "render-worker/render/kernel/pt_grid.h"

/* Nearer places than this, in entries, are averaged: the difference of two
 * sums would be lost in rounding. */
#define PT_TAP_NEAR 1.0f

/*
 * How far from the chord the two lines go, of the way to where the rises at
 * both ends would meet: that is exact where values bend once, as from voxel to
 * voxel, and too far where they curve; this leaves the least error.
 */
#define PT_TAP_BEND 0.9f

typedef struct {
    float x;     /* place in the table; beyond its ends too */
    float rise;  /* of x, per mm */
    float sigma; /* 1/mm */
    float sum;   /* integral of sigma from the first entry, in entries */
} pt_tap_t;

PT_FN pt_tap_t
pt_tap(const pt_scene_t *s, float x, float rise)
{
    float inside = pt_min(pt_max(x, 0.0f), (float) (PT_TABLE - 1)), f;
    int32_t i = (int32_t) inside;
    pt_sigma_t e = s->sigma[i];
    pt_tap_t tap;

    f = inside - (float) i;
    tap.x = x;
    tap.rise = rise;
    tap.sigma = e.at + f * e.step;
    tap.sum = e.sum + f * (e.at + 0.5f * f * e.step) + (x - inside) * tap.sigma;

    return tap;
}

PT_FN pt_tap_t
pt_tap_at(const pt_scene_t *s, const pt_walk_t *w, float t)
{
    float rise, value = pt_value_rise(s, pt_along(w->o, w->d, t), w->d, &rise);

    return pt_tap(s, (value - s->table_first) * s->table_scale,
                  rise * s->table_scale);
}

/* Mean extinction, 1/mm, along a straight line. */
PT_FN float
pt_tap_mean(pt_tap_t a, pt_tap_t b)
{
    float d = b.x - a.x;

    return fabsf(d) < PT_TAP_NEAR ? 0.5f * (a.sigma + b.sigma)
                                  : (b.sum - a.sum) / d;
}

/* The point between the two lines; *part: how far into a step of dt mm. */
PT_FN pt_tap_t
pt_tap_between(const pt_scene_t *s, pt_tap_t a, pt_tap_t b, float dt,
               float *part)
{
    float bend = (a.rise - b.rise) * dt, gap = b.x - a.x, f = 0.5f, x;

    if (fabsf(bend) > 1e-3f) {
        f = pt_min(pt_max((gap - b.rise * dt) / bend, 0.0f), 1.0f);
    }

    *part = f;
    x = a.x + f * gap;

    return pt_tap(
        s,
        x + PT_TAP_BEND *
                (0.5f * (a.x + b.x + dt * (f * a.rise - (1.0f - f) * b.rise)) -
                 x),
        0.0f);
}

/* Optical depth of a step of dt mm. */
PT_FN float
pt_tap_depth(const pt_scene_t *s, pt_tap_t a, pt_tap_t b, float dt)
{
    float f;
    pt_tap_t m = pt_tap_between(s, a, b, dt, &f);

    return dt * (f * pt_tap_mean(a, m) + (1.0f - f) * pt_tap_mean(m, b));
}

#endif
