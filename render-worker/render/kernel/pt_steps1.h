/* Steps of a march, one after the other. */

#ifndef PT_STEPS1_H
#define PT_STEPS1_H

#include "render-worker/render/kernel/pt_tap.h"

PT_FN float
pt_steps(const pt_scene_t *s, const pt_walk_t *w, float t, float dt, int32_t n,
         pt_tap_t *tap, pt_taps_t *out)
{
    return pt_steps_each(s, w, t, dt, n, tap, out);
}

#endif
