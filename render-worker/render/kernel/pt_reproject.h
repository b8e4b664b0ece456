/*
 * The light of an older picture of the same scene, seen by another camera,
 * where a new picture sees the same tissue.
 */

#ifndef PT_REPROJECT_H
#define PT_REPROJECT_H

#include "render-worker/render/kernel/pt_filter.h"

#define PT_FORGET 64 /* own samples from which on it does not count */

/* An older picture. */
typedef struct {
    pt_camera_t camera;
    int32_t width, height;
    pt_guides_t guides;
    pt_glows_t glows; /* tones are not kept */
    float *samples;   /* [height][width], what each pixel's light is worth */
} pt_past_t;

/* Where p lies in a picture, in pixels from its top left, and how far from the
 * start of its ray, mm; 0 when it is behind the camera. */
PT_FN int
pt_camera_find(const pt_camera_t *c, int32_t width, int32_t height, pt_v3 p,
               float *x, float *y, float *depth)
{
    float edge = (float) (width < height ? width : height), scale, along;
    pt_v3 to = pt_sub(p, c->position);

    along = pt_dot(to, c->forward);
    scale = c->parallel > 0.0f ? c->parallel : along;
    *depth = c->parallel > 0.0f ? along : pt_length(to);

    if (!(scale > 1e-3f) || !(along > 0.0f)) {
        return 0;
    }

    scale = 0.5f * edge / scale;
    *x = 0.5f * (float) width +
         scale * pt_dot(to, c->right) / pt_dot(c->right, c->right);
    *y = 0.5f * (float) height -
         scale * pt_dot(to, c->up) / pt_dot(c->up, c->up);

    return 1;
}

/*
 * What the past knows of the tissue that a new pixel sees at p, blended of the
 * four old pixels around it that show the same; returns the samples that it is
 * worth, 0 when there is none.
 *
 * g: the new pixel's guide; pixel_mm: width of a new pixel.
 */
PT_FN float
pt_past_at(const pt_past_t *past, pt_guide_t g, pt_v3 p, float pixel_mm,
           pt_glow_t *out)
{
    float x, y, fx, fy, k, total = 0.0f, samples = 0.0f;
    float noise = 0.0f;
    pt_glow_t sum = {{0.0f, 0.0f, 0.0f}, 0.0f, 0.0f, 0.0f};
    int32_t x0, y0, qx, qy, i;
    int64_t q;

    if (!pt_camera_find(&past->camera, past->width, past->height, p, &x, &y,
                        &g.depth)) {
        return 0.0f;
    }

    x -= 0.5f;
    y -= 0.5f;

    if (!(x > -1.0f && y > -1.0f && x < (float) past->width &&
          y < (float) past->height)) {
        return 0.0f;
    }

    x0 = (int32_t) floorf(x);
    y0 = (int32_t) floorf(y);
    fx = x - (float) x0;
    fy = y - (float) y0;

    for (i = 0; i < 4; i++) {
        qx = x0 + (i & 1);
        qy = y0 + (i >> 1);

        if (qx < 0 || qy < 0 || qx >= past->width || qy >= past->height) {
            continue;
        }

        q = (int64_t) qy * past->width + qx;
        k = (i & 1 ? fx : 1.0f - fx) * (i >> 1 ? fy : 1.0f - fy);
        k *= pt_alike(g, pt_guide_at(&past->guides, q), pixel_mm);
        sum = pt_glow_sum(sum, pt_glow_at(&past->glows, q), k);
        noise += k * past->glows.variance[q];
        samples += k * past->samples[q];
        total += k;
    }

    if (!(total > 0.05f)) {
        return 0.0f;
    }

    *out = pt_glow_mean(sum, total);

    /* As little noise as its pixels have: errors of those that were blended
     * before are alike. */
    out->variance = noise / total;

    return samples;
}

/*
 * The past's light, no further from what the pixels around (x, y) show by
 * themselves than their mean and standard deviation allow.
 */
PT_FN pt_glow_t
pt_past_clamp(pt_glow_t past, const pt_glows_t *own, int32_t width,
              int32_t height, int32_t x, int32_t y)
{
    float sum = 0.0f, square = 0.0f, n = 0.0f, mean, tone, reach;
    int32_t qx, qy;
    int64_t q;

    for (qy = y - 2; qy <= y + 2; qy++) {
        for (qx = x - 2; qx <= x + 2; qx++) {
            q = (int64_t) qy * width + qx;

            if (qx < 0 || qy < 0 || qx >= width || qy >= height ||
                own->cover[q] <= 0.0f) {
                continue;
            }

            sum += own->tone[q];
            square += own->tone[q] * own->tone[q];
            n += 1.0f;
        }
    }

    if (n < 2.0f || past.tone <= 0.0f) {
        return past;
    }

    mean = sum / n;
    reach = 2.0f * sqrtf(pt_max(square / n - mean * mean, 0.0f));
    tone = pt_min(pt_max(past.tone, mean - reach), mean + reach);
    past.light = pt_scale(past.light, tone / past.tone);
    past.tone = tone;

    return past;
}

/* What the past is worth to a pixel that has samples of its own; most: that it
 * may ever be. */
PT_FN float
pt_past_worth(float worth, float most, uint32_t samples)
{
    float left = 1.0f - (float) samples * (1.0f / (float) PT_FORGET);

    return pt_min(worth, most) * pt_max(left, 0.0f);
}

/* Own light and the past's, each by its samples. */
PT_FN pt_glow_t
pt_past_mix(pt_glow_t own, float samples, pt_glow_t past, float worth)
{
    pt_glow_t sum = {{0.0f, 0.0f, 0.0f}, 0.0f, 0.0f, 0.0f};

    sum = pt_glow_sum(sum, own, samples);
    sum = pt_glow_sum(sum, past, worth);

    return pt_glow_mean(sum, samples + worth);
}

#endif
