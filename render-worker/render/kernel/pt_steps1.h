/* Steps of a march, one after the other. */

#ifndef PT_STEPS1_H
#define PT_STEPS1_H

#include "render-worker/render/kernel/pt_tap.h"

/*
 * n steps of dt mm, 1..PT_TAPS, from t on; *tap: at t, then at the end.
 * Returns their optical depth.
 */
PT_FN float
pt_steps(const pt_scene_t *s, const pt_walk_t *w, float t, float dt, int32_t n,
         pt_tap_t *tap, pt_taps_t *out)
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
