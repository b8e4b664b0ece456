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
    pt_glows_t glows; /* as seen, in its colours: those along one ray a pixel
                         are jagged, and light freed of them is, too */
    float *samples;   /* [height][width], what each pixel's light is worth */
} pt_past_t;

/* By what tissue is known again: where it lies in the mean, as the depth that
 * shows most may jump from one layer to the next. */
PT_FN pt_guide_t
pt_past_guide(const pt_look_t *l, float voxel_mm)
{
    pt_guide_t g = pt_guide(l, voxel_mm);

    g.depth = l->depth < PT_FAR ? l->mean : PT_FAR;
    g.slack *= 0.25f;

    return g;
}

/* g: the light of a pixel, worth so many samples. */
PT_FN void
pt_past_put(const pt_past_t *past, int64_t i, const pt_look_t *l, pt_glow_t g,
            float samples, float voxel_mm)
{
    g.light = pt_mul(g.light, pt_filter_color(l));
    pt_guide_put(&past->guides, i, pt_past_guide(l, voxel_mm));
    pt_glow_put(&past->glows, i, g);
    past->samples[i] = samples;
}

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

/* The past's light as it would be in the new pixel: of its colours, and of its
 * cover, which is known better than the past can tell. */
PT_FN pt_glow_t
pt_past_fit(pt_glow_t past, pt_glow_t own, const pt_look_t *l)
{
    float k = past.cover > 0.0f ? own.cover / past.cover : 0.0f;
    pt_v3 c = pt_filter_color(l);

    past.light = pt_vec(k * past.light.x / c.x, k * past.light.y / c.y,
                        k * past.light.z / c.z);
    past.cover = own.cover;
    past.tone = pt_glow_tone(past.light, past.cover);

    return past;
}

/*
 * What the past knows of the tissue that a new pixel sees at p, blended of the
 * four old pixels around it that show the same; returns the samples that it is
 * worth, 0 when there is none.
 *
 * g: the new pixel's, of pt_past_guide; pixel_mm: width of a new pixel.
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
