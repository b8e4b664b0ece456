/* From linear radiance to what a screen shows. */

#ifndef PT_TONE_H
#define PT_TONE_H

#include "render-worker/render/kernel/pt_math.h"

typedef enum { PT_ACES, PT_EXPONENTIAL, PT_LINEAR } pt_tone_map_t;

/*
 * Radiance after exposure to linear 0..1. aces: a rational fit of the film-like
 * curve, its foot and shoulder; source: Narkowicz, 2016.
 */
PT_FN float
pt_tone(float x, pt_tone_map_t map)
{
    if (!(x > 0.0f)) {
        return 0.0f;
    }

    if (map == PT_EXPONENTIAL) {
        return 1.0f - expf(-x);
    }

    if (map == PT_ACES) {
        x = pt_min(x, 1e4f);
        x = x * (2.51f * x + 0.03f) / (x * (2.43f * x + 0.59f) + 0.14f);
    }

    return pt_min(x, 1.0f);
}

/* Bytes of a pixel whose colours, 0..255, are times its alpha; in bytes they
 * are not, as PNG and browsers have it. */
PT_FN void
pt_bytes(const float shown[4], uint8_t rgba[4])
{
    float k = shown[3] > 0.0f ? 255.0f / shown[3] : 0.0f;
    int32_t c;

    for (c = 0; c < 3; c++) {
        rgba[c] = (uint8_t) pt_min(k * shown[c] + 0.5f, 255.0f);
    }

    rgba[3] = (uint8_t) (shown[3] + 0.5f);
}

/* Source: IEC 61966-2-1. */
PT_FN float
pt_srgb(float x)
{
    return x <= 0.0031308f ? 12.92f * x
                           : 1.055f * powf(x, 1.0f / 2.4f) - 0.055f;
}

PT_FN float
pt_linear(float x)
{
    return x <= 0.04045f ? x / 12.92f : powf((x + 0.055f) / 1.055f, 2.4f);
}

#endif
