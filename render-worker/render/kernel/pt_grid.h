/*
 * Walking a ray through the macrocells: each step gives an upper bound of the
 * extinction that holds until the step's end.
 */

#ifndef PT_GRID_H
#define PT_GRID_H

#include "render-worker/render/kernel/pt_random.h"
#include "render-worker/render/kernel/pt_volume.h"

/* More steps than the longest diagonal can take; a broken ray ends here. */
#define PT_STEPS 16384

typedef struct {
    pt_v3 o, d;    /* index space, from the ray's entry */
    pt_v3 co, cd;  /* the same in macrocells */
    pt_v3 inverse; /* 1 / cd */
    float nudge;   /* mm that carry a step safely over a cell's border */
} pt_walk_t;

/*
 * The part of the ray inside every half-space, within [*t0, *t1].
 * Returns 0 when there is none.
 */
PT_FN int
pt_interval(const pt_scene_t *s, pt_ray_t r, float *t0, float *t1)
{
    float a, b, t;
    int32_t i;

    for (i = 0; i < s->n_planes; i++) {
        a = pt_dot(s->planes[i].normal, r.o) - s->planes[i].offset;
        b = pt_dot(s->planes[i].normal, r.d);

        if (b == 0.0f) {
            if (a < 0.0f) {
                return 0;
            }

            continue;
        }

        t = -a / b;

        if (b > 0.0f) {
            *t0 = pt_max(*t0, t);

        } else {
            *t1 = pt_min(*t1, t);
        }
    }

    return *t0 < *t1;
}

PT_FN float
pt_nonzero(float d)
{
    return fabsf(d) > 1e-12f ? d : (d < 0.0f ? -1e-12f : 1e-12f);
}

/* Distances along the walk count from t0 on the ray. */
PT_FN pt_walk_t
pt_walk(const pt_scene_t *s, pt_ray_t r, float t0)
{
    const float k = 1.0f / PT_CELL;
    pt_walk_t w;

    w.o = pt_to_index(s, pt_along(r.o, r.d, t0));
    w.d = pt_to_index_direction(s, r.d);
    w.co = pt_scale(w.o, k);
    w.cd = pt_vec(pt_nonzero(w.d.x * k), pt_nonzero(w.d.y * k),
                  pt_nonzero(w.d.z * k));
    w.inverse = pt_vec(1.0f / w.cd.x, 1.0f / w.cd.y, 1.0f / w.cd.z);
    w.nudge =
        5e-4f / pt_max(fabsf(w.cd.x), pt_max(fabsf(w.cd.y), fabsf(w.cd.z)));

    return w;
}

/* Rounding down; a coordinate here is never below -1. */
PT_FN int32_t
pt_floor(float p)
{
    return (int32_t) (p + 1.0f) - 1;
}

PT_FN int32_t
pt_clamp(int32_t i, int32_t n)
{
    i = i < 0 ? 0 : i;

    return i < n ? i : n - 1;
}

PT_FN float
pt_exit(int32_t low, int32_t size, float o, float d, float inverse)
{
    return ((float) (d > 0.0f ? low + size : low) - o) * inverse;
}

/* Upper bound, 1/mm, from t to *end; *cell: which, of cell and detail. */
PT_FN float
pt_bound(const pt_scene_t *s, const pt_walk_t *w, float t, float *end,
         int32_t *cell)
{
    pt_v3 p = pt_along(w->co, w->cd, t);
    int32_t x = pt_floor(p.x), y = pt_floor(p.y), z = pt_floor(p.z);
    int32_t cx = pt_clamp(x, s->cells[0]), cy = pt_clamp(y, s->cells[1]);
    int32_t cz = pt_clamp(z, s->cells[2]), size = 1;
    float bound;

    *cell = (cz * s->cells[1] + cy) * s->cells[0] + cx;
    bound = s->cell[*cell];

    if (bound < 0.0f) {
        size = (int32_t) -bound;
        x &= -size;
        y &= -size;
        z &= -size;
        bound = 0.0f;
    }

    *end = pt_min(pt_exit(x, size, w->co.x, w->cd.x, w->inverse.x),
                  pt_min(pt_exit(y, size, w->co.y, w->cd.y, w->inverse.y),
                         pt_exit(z, size, w->co.z, w->cd.z, w->inverse.z)));
    *end = pt_max(*end, t) + w->nudge;

    return bound;
}

PT_FN float
pt_value_at(const pt_scene_t *s, const pt_walk_t *w, float t)
{
    return pt_value(s, pt_along(w->o, w->d, t));
}

/*
 * Delta tracking: the first real collision within [0, limit] mm of the ray.
 * Returns 0 when the ray leaves; else *t_hit and the voxel value there.
 */
PT_FN int
pt_track(const pt_scene_t *s, pt_ray_t r, float limit, pt_random_t *random,
         float *t_hit, float *value)
{
    float t0 = 0.0f, t1 = limit, t = 0.0f, end, bound, depth, u, v;
    pt_walk_t w;
    int32_t i, cell;

    if (!pt_interval(s, r, &t0, &t1)) {
        return 0;
    }

    w = pt_walk(s, r, t0);
    t1 -= t0;
    pt_random_two(random, &u, &v);
    depth = pt_minus_log(u);

    for (i = 0; i < PT_STEPS && t < t1; i++) {
        bound = pt_bound(s, &w, t, &end, &cell);
        end = pt_min(end, t1);

        while (depth < (end - t) * bound) {
            t += depth / bound;
            *value = pt_value_at(s, &w, t);
            pt_random_two(random, &u, &v);

            if (v * bound < pt_extinction(s, *value)) {
                *t_hit = t0 + t;
                return 1;
            }

            depth = pt_minus_log(u);
        }

        depth -= (end - t) * bound;
        t = end;
    }

    return 0;
}

/*
 * Ratio tracking: an unbiased estimate of the transmittance over [0, limit] mm.
 * Low estimates are rounded to 0 or up by chance, which ends them early.
 */
PT_FN float
pt_transmittance(const pt_scene_t *s, pt_ray_t r, float limit,
                 pt_random_t *random)
{
    const float low = 0.25f;
    float t0 = 0.0f, t1 = limit, t = 0.0f, end, bound, depth, u, v, sigma;
    float through = 1.0f;
    pt_walk_t w;
    int32_t i, cell;

    if (!pt_interval(s, r, &t0, &t1)) {
        return 1.0f;
    }

    w = pt_walk(s, r, t0);
    t1 -= t0;
    pt_random_two(random, &u, &v);
    depth = pt_minus_log(u);

    for (i = 0; i < PT_STEPS && t < t1; i++) {
        bound = pt_bound(s, &w, t, &end, &cell);
        end = pt_min(end, t1);

        while (depth < (end - t) * bound) {
            t += depth / bound;
            sigma = pt_extinction(s, pt_value_at(s, &w, t));
            through *= pt_max(1.0f - sigma / bound, 0.0f);
            pt_random_two(random, &u, &v);
            depth = pt_minus_log(u);

            if (through < low) {
                if (v * low >= through) {
                    return 0.0f;
                }

                through = low;
            }
        }

        depth -= (end - t) * bound;
        t = end;
    }

    return through;
}

#endif
