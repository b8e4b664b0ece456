/*
 * Henyey-Greenstein phase function, 1/sr.
 *
 * cos_theta: between the directions of travel before and after, [-1, 1].
 * g: mean cosine, (-1, 1); 0 is isotropic, towards 1 is forward.
 * Source: Henyey and Greenstein, 1941.
 */

#ifndef PT_PHASE_H
#define PT_PHASE_H

#include "render-worker/render/kernel/pt_math.h"

/* Value, and also the density that pt_hg_sample has. */
PT_FN float
pt_hg(float cos_theta, float g)
{
    float d = 1.0f + g * g - 2.0f * g * cos_theta;

    return PT_INV_4PI * (1.0f - g * g) / (d * sqrtf(d));
}

/* Direction after scattering of light that travels along d. */
PT_FN pt_v3
pt_hg_sample(pt_v3 d, float g, float u, float v)
{
    float c, k, s, phi = 2.0f * PT_PI * v;

    if (fabsf(g) < 1e-3f) {
        c = 1.0f - 2.0f * u;

    } else {
        k = (1.0f - g * g) / (1.0f - g + 2.0f * g * u);
        c = (1.0f + g * g - k * k) / (2.0f * g);
        c = pt_min(pt_max(c, -1.0f), 1.0f);
    }

    s = sqrtf(pt_max(1.0f - c * c, 0.0f));

    return pt_from_frame(d, pt_vec(s * cosf(phi), s * sinf(phi), c));
}

#endif
