/*
 * What Exposure Render 1.1 did with its frames before it showed them, for
 * pictures of TRACER_ER2012: each is blurred, their mean is tone mapped, and
 * that is blurred again, less and less as frames come in.
 */

#ifndef RENDER_FILM2012_H
#define RENDER_FILM2012_H

#include <stdint.h>

#include "lib/status.h"
#include "render-worker/render/kernel/pt_tone.h"

/*
 * rgb: mean radiance, [height][width][3]; becomes the radiance that is shown.
 * Shown values are not rounded to 8 bits, so that it can be measured; what is
 * as good as white comes back as some 11 times the radiance of exposure 1.
 */
expo_status_t film2012_run(uint32_t width, uint32_t height, uint32_t samples,
                           float exposure, float *rgb);

/* rgb, shown_width x shown_height of it, as RGBA. */
void film2012_show(const float *rgb, uint32_t width, uint32_t height,
                   float exposure, uint32_t shown_width, uint32_t shown_height,
                   uint8_t *rgba);

#endif
