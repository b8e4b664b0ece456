/*
 * What a sample of a pixel is: the one place that chooses.
 */

#ifndef PT_RENDER_H
#define PT_RENDER_H

#include "render-worker/render/kernel/pt_er2012.h"

PT_FN pt_sample_t
pt_render(const pt_scene_t *s, int32_t x, int32_t y, uint32_t sample)
{
    if (s->mode == PT_WOODCOCK) {
        return pt_woodcock(s, x, y, sample);
    }

    if (s->mode == PT_ER2012) {
        return pt_er2012(s, x, y, sample);
    }

    return pt_path(s, x, y, sample, s->mode == PT_PRODUCTION);
}

#endif
