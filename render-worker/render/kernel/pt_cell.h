/*
 * The value along a ray, exactly: within a voxel cell a trilinear field is a
 * cubic of the way.
 */

#ifndef PT_CELL_H
#define PT_CELL_H

#include "render-worker/render/kernel/pt_grid.h"

/* More voxel cells than a macrocell lets a ray through. */
#define PT_CELL_STEPS (4 * PT_CELL)

/* ((a u + b) u + c) u + d, u in [0, 1]. */
typedef struct {
    float a, b, c, d;
} pt_cubic_t;

/* Through these values at 0, 1/3, 2/3 and 1. */
PT_FN pt_cubic_t
pt_cubic(float v0, float v1, float v2, float v3)
{
    pt_cubic_t f;

    v1 -= v0;
    v2 -= v0;
    v3 -= v0;
    f.a = 13.5f * (v1 - v2) + 4.5f * v3;
    f.b = 18.0f * v2 - 22.5f * v1 - 4.5f * v3;
    f.c = 9.0f * v1 - 4.5f * v2 + v3;
    f.d = v0;

    return f;
}

PT_FN float
pt_cubic_at(const pt_cubic_t *f, float u)
{
    return ((f->a * u + f->b) * u + f->c) * u + f->d;
}

/* Where in (0, 1) it turns, rising. Returns how often, at most twice. */
PT_FN int32_t
pt_cubic_turns(const pt_cubic_t *f, float turn[2])
{
    float a = 3.0f * f->a, root = f->b * f->b - a * f->c, q, u, v;
    int32_t n = 0;

    if (!(root > 0.0f)) {
        return 0;
    }

    root = sqrtf(root);
    q = -(f->b + (f->b < 0.0f ? -root : root));
    u = q / a;
    v = f->c / q;

    /* A division by 0 is outside, too. */
    if (u > 0.0f && u < 1.0f) {
        turn[n++] = u;
    }

    if (v > 0.0f && v < 1.0f) {
        turn[n++] = v;
    }

    if (n == 2 && turn[0] > turn[1]) {
        turn[0] = v;
        turn[1] = u;
    }

    return n;
}

/* The first place in [0, 1] of this or a higher value; 2 when there is none. */
PT_FN float
pt_cubic_reach(const pt_cubic_t *f, float level)
{
    float turn[3], low = 0.0f, high, u;
    int32_t i, k, n;

    if (f->d >= level) {
        return 0.0f;
    }

    n = pt_cubic_turns(f, turn);
    turn[n] = 1.0f;

    for (i = 0; i <= n; i++, low = high) {
        high = turn[i];

        if (!(pt_cubic_at(f, high) >= level)) {
            continue;
        }

        for (k = 0; k < 20; k++) {
            u = 0.5f * (low + high);

            if (pt_cubic_at(f, u) >= level) {
                high = u;

            } else {
                low = u;
            }
        }

        return high;
    }

    return 2.0f;
}

/* Where the walk leaves the voxel cell that it is in at t; the next one begins
 * its nudge later. */
PT_FN float
pt_cell_end(const pt_walk_t *w, float t)
{
    const float k = 1.0f / PT_CELL;
    pt_v3 p = pt_along(w->o, w->d, t);
    int32_t x = pt_floor(p.x), y = pt_floor(p.y), z = pt_floor(p.z);
    float end =
        pt_min(pt_exit(x, 1, w->o.x, w->cd.x, w->inverse.x * k),
               pt_min(pt_exit(y, 1, w->o.y, w->cd.y, w->inverse.y * k),
                      pt_exit(z, 1, w->o.z, w->cd.z, w->inverse.z * k)));

    return pt_max(end, t);
}

/* From t to end, both in one voxel cell. */
PT_FN pt_cubic_t
pt_cell_cubic(const pt_scene_t *s, const pt_walk_t *w, float t, float end)
{
    float third = (end - t) * (1.0f / 3.0f);

    return pt_cubic(pt_value_at(s, w, t), pt_value_at(s, w, t + third),
                    pt_value_at(s, w, end - third), pt_value_at(s, w, end));
}

#endif
