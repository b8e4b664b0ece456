/* How what a filter works on lies in memory: planes of floats, [height][width]
 * each. The same on every device. */

#ifndef RENDER_PLANES_H
#define RENDER_PLANES_H

#include "render-worker/render/kernel/pt_reproject.h"

/* Planes of guides, of glows, of all that a filter needs, and of a past. */
#define PLANES_GUIDES 6
#define PLANES_GLOWS 6
#define PLANES (PLANES_GUIDES + 2 * PLANES_GLOWS + 3)
#define PLANES_PAST (PLANES_GUIDES + PLANES_GLOWS + 1)

typedef struct {
    pt_guides_t guides;
    pt_glows_t glows[2];
    float *samples; /* what each pixel's light is worth */
    float *error, *variance;
} planes_t;

static inline pt_guides_t
planes_guides(float *at, size_t pixels)
{
    pt_guides_t g = {at,
                     at + pixels,
                     at + 2 * pixels,
                     at + 3 * pixels,
                     at + 4 * pixels,
                     at + 5 * pixels};

    return g;
}

static inline pt_glows_t
planes_glows(float *at, size_t pixels)
{
    pt_glows_t g = {at,
                    at + pixels,
                    at + 2 * pixels,
                    at + 3 * pixels,
                    at + 4 * pixels,
                    at + 5 * pixels};

    return g;
}

/* at: room for PLANES of so many pixels. */
static inline planes_t
planes_in(float *at, size_t pixels)
{
    planes_t p;

    p.guides = planes_guides(at, pixels);
    at += PLANES_GUIDES * pixels;
    p.glows[0] = planes_glows(at, pixels);
    at += PLANES_GLOWS * pixels;
    p.glows[1] = planes_glows(at, pixels);
    at += PLANES_GLOWS * pixels;
    p.samples = at;
    p.error = at + pixels;
    p.variance = at + 2 * pixels;

    return p;
}

/* at: room for PLANES_PAST of width x height pixels. */
static inline pt_past_t
planes_past(float *at, uint32_t width, uint32_t height, pt_camera_t camera)
{
    size_t pixels = (size_t) width * height;
    pt_past_t p;

    p.camera = camera;
    p.width = (int32_t) width;
    p.height = (int32_t) height;
    p.guides = planes_guides(at, pixels);
    p.glows = planes_glows(at + PLANES_GUIDES * pixels, pixels);
    p.samples = at + (PLANES_GUIDES + PLANES_GLOWS) * pixels;

    return p;
}

#endif
