/*
 * Projections: the largest, the smallest and the mean value along a ray, and
 * how a value is shown.
 */

#ifndef PT_MIP_H
#define PT_MIP_H

#include "render-worker/render/kernel/pt_cell.h"
#include "render-worker/render/kernel/pt_path.h"
#include "render-worker/render/kernel/pt_tone.h"

/* Through the window, and the transfer function's colours if they are asked
 * for; linear. */
PT_FN pt_v3
pt_shown(const pt_scene_t *s, float value)
{
    float g = (value - s->window_low) * s->window_scale;

    g = pt_linear(pt_min(pt_max(g, 0.0f), 1.0f));

    return s->colored ? pt_scale(pt_material(s, value).color, g)
                      : pt_vec(g, g, g);
}

/* Where in [0, 1] f is largest, or with sign -1 smallest; *best: sign f there.
 */
PT_FN float
pt_cubic_extreme(const pt_cubic_t *f, float sign, float *best)
{
    float place[4], found = 0.0f, value;
    int32_t i, n = pt_cubic_turns(f, place);

    place[n++] = 1.0f;
    *best = sign * f->d;

    for (i = 0; i < n; i++) {
        value = sign * pt_cubic_at(f, place[i]);

        if (value > *best) {
            *best = value;
            found = place[i];
        }
    }

    return found;
}

/*
 * The largest value within [0, limit] mm of the ray, or with sign -1 the
 * smallest; *t_best: where, mm. s->cell bounds the values of each macrocell.
 * Returns 0 when the ray misses the volume.
 */
PT_BIG int
pt_extreme(const pt_scene_t *s, pt_ray_t r, float limit, float sign,
           float *t_best, float *value)
{
    float t0 = 0.0f, t1 = limit, t = 0.0f, end, next, best = -PT_FAR, here, u;
    pt_cubic_t f;
    pt_walk_t w;
    int32_t i, k, n, cell;

    if (!pt_interval(s, r, &t0, &t1)) {
        return 0;
    }

    w = pt_walk(s, r, t0);
    t1 -= t0;

    for (i = 0; i < PT_STEPS && t < t1; i++) {
        here = pt_bound(s, &w, t, &end, &cell);
        end = pt_min(end, t1);
        n = sign > 0.0f && here <= best ? 0 : PT_CELL_STEPS;

        for (k = 0; k < n && t < end; k++) {
            next = pt_min(pt_cell_end(&w, t), end);
            f = pt_cell_cubic(s, &w, t, next);
            u = pt_cubic_extreme(&f, sign, &here);

            if (here > best) {
                best = here;
                *t_best = t0 + t + u * (next - t);
            }

            t = next + w.nudge;
        }

        t = end;
    }

    *value = sign * best;

    return 1;
}

/*
 * The mean value within [0, limit] mm of the ray, from one lookup a voxel's
 * length, each as far into its step as u in [0, 1): free of bias. Returns 0
 * when the ray misses the volume.
 */
PT_BIG int
pt_mean(const pt_scene_t *s, pt_ray_t r, float limit, float u, float *value)
{
    float t0 = 0.0f, t1 = limit, dt, sum = 0.0f;
    pt_walk_t w;
    int32_t i, n;

    if (!pt_interval(s, r, &t0, &t1)) {
        return 0;
    }

    w = pt_walk(s, r, t0);
    n = 1 + (int32_t) ((t1 - t0) * pt_length(w.d));
    n = n < PT_STEPS ? n : PT_STEPS;
    dt = (t1 - t0) / (float) n;

    for (i = 0; i < n; i++) {
        sum += pt_value_at(s, &w, ((float) i + u) * dt);
    }

    *value = sum / (float) n;

    return 1;
}

/* What a pixel shows of a value, or where there is none. */
PT_FN pt_sample_t
pt_shown_or_not(const pt_scene_t *s, pt_ray_t r, int met, float value)
{
    pt_sample_t out = pt_background(s, r.d, -1);

    if (met) {
        out.radiance = pt_shown(s, value);
        out.cover = out.tissue = 1.0f;
    }

    return out;
}

PT_FN pt_sample_t
pt_mip(const pt_scene_t *s, int32_t x, int32_t y, uint32_t sample)
{
    pt_random_t random =
        pt_random(s->seed, (uint32_t) (y * s->width + x), sample);
    pt_ray_t r = pt_primary(s, x, y, &random);
    float t, value = 0.0f;
    int met = pt_extreme(s, r, PT_FAR, 1.0f, &t, &value);

    return pt_shown_or_not(s, r, met, value);
}

PT_FN pt_sample_t
pt_average(const pt_scene_t *s, int32_t x, int32_t y, uint32_t sample)
{
    pt_random_t random =
        pt_random(s->seed, (uint32_t) (y * s->width + x), sample);
    pt_ray_t r = pt_primary(s, x, y, &random);
    float u, v, value = 0.0f;
    int met;

    pt_random_pair(&random, PT_DIM_REACH, &u, &v);
    met = pt_mean(s, r, PT_FAR, u, &value);

    return pt_shown_or_not(s, r, met, value);
}

#endif
