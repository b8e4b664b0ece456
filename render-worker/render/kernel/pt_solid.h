/*
 * An isosurface as something that rays run into: solid is where the value is
 * s->level or more. s->cell is above 0 where a macrocell has any of it.
 */

#ifndef PT_SOLID_H
#define PT_SOLID_H

#include "render-worker/render/kernel/pt_cell.h"

typedef enum {
    PT_MISS,
    PT_SKIN, /* its surface */
    PT_CUT   /* inside of it, at a cut or where the ray begins */
} pt_hit_t;

/* The first of the solid within [0, limit] mm; *t_hit: there, mm. */
PT_BIG pt_hit_t
pt_solid(const pt_scene_t *s, pt_ray_t r, float limit, float *t_hit)
{
    float t0 = 0.0f, t1 = limit, t = 0.0f, end, next, u;
    pt_cubic_t f;
    pt_walk_t w;
    int32_t i, k, cell;

    if (!pt_interval(s, r, &t0, &t1)) {
        return PT_MISS;
    }

    w = pt_walk(s, r, t0);
    t1 -= t0;

    if (pt_value_at(s, &w, 0.0f) >= s->level) {
        *t_hit = t0;
        return PT_CUT;
    }

    for (i = 0; i < PT_STEPS && t < t1; i++) {
        u = pt_bound(s, &w, t, &end, &cell);
        end = pt_min(end, t1);

        for (k = 0; u > 0.0f && k < PT_CELL_STEPS && t < end; k++) {
            next = pt_min(pt_cell_end(&w, t), end);
            f = pt_cell_cubic(s, &w, t, next);
            u = pt_cubic_reach(&f, s->level);

            if (u <= 1.0f) {
                *t_hit = t0 + t + u * (next - t);
                return PT_SKIN;
            }

            t = next + w.nudge;
        }

        t = end;
    }

    return PT_MISS;
}

#endif
