/*
 * Smooths the light of young pictures along surfaces: an edge-avoiding wavelet
 * filter (Dammertz et al., 2010) on light divided by surface colour. Guided by
 * what the camera sees (depth, normal, colour: free of noise) and by how sure
 * each pixel is (Schied et al., 2017).
 *
 * A pixel at a time; the caller goes over pixels, neighbours and levels.
 */

#ifndef PT_FILTER_H
#define PT_FILTER_H

#include "render-worker/render/kernel/pt_pixel.h"

#define PT_FILTER_LEVELS 5 /* neighbours 1, 2, 4, 8, 16 pixels away */
#define PT_FILTER_FADE 3   /* pixels on each side by which error is judged */

/* Samples from which on variances are good enough to judge the filter by. */
#define PT_FILTER_SURE 8

/* Samples at which half is left of what the filter would do: so little noise
 * is left by then that what is not known of it counts. */
#define PT_FILTER_HALF 64

/* What tells which neighbours are like a pixel. */
typedef struct {
    float depth; /* mm; PT_FAR: no tissue */
    float slack; /* mm by which it may differ */
    float firm;  /* 0..1: how much of a surface it is */
    pt_v3 normal;
} pt_guide_t;

/* Light freed of the surface's colour, times cover; cover; their quotient's
 * luminance, and the variance of that. */
typedef struct {
    pt_v3 light;
    float cover, tone, variance;
} pt_glow_t;

/* [height][width] each. */
typedef struct {
    float *depth, *slack, *firm, *x, *y, *z;
} pt_guides_t;

typedef struct {
    float *r, *g, *b, *cover, *tone, *variance;
} pt_glows_t;

PT_FN pt_guide_t
pt_guide_at(const pt_guides_t *p, int64_t i)
{
    pt_guide_t g;

    g.depth = p->depth[i];
    g.slack = p->slack[i];
    g.firm = p->firm[i];
    g.normal = pt_vec(p->x[i], p->y[i], p->z[i]);

    return g;
}

PT_FN void
pt_guide_put(const pt_guides_t *p, int64_t i, pt_guide_t g)
{
    p->depth[i] = g.depth;
    p->slack[i] = g.slack;
    p->firm[i] = g.firm;
    p->x[i] = g.normal.x;
    p->y[i] = g.normal.y;
    p->z[i] = g.normal.z;
}

PT_FN pt_glow_t
pt_glow_at(const pt_glows_t *p, int64_t i)
{
    pt_glow_t g;

    g.light = pt_vec(p->r[i], p->g[i], p->b[i]);
    g.cover = p->cover[i];
    g.tone = p->tone[i];
    g.variance = p->variance[i];

    return g;
}

PT_FN void
pt_glow_put(const pt_glows_t *p, int64_t i, pt_glow_t g)
{
    p->r[i] = g.light.x;
    p->g[i] = g.light.y;
    p->b[i] = g.light.z;
    p->cover[i] = g.cover;
    p->tone[i] = g.tone;
    p->variance[i] = g.variance;
}

PT_FN pt_v3
pt_filter_color(const pt_look_t *l)
{
    return pt_vec(pt_max(l->color.x, 0.02f), pt_max(l->color.y, 0.02f),
                  pt_max(l->color.z, 0.02f));
}

PT_FN pt_guide_t
pt_guide(const pt_look_t *l, float voxel_mm)
{
    float thick = l->spread / voxel_mm;
    pt_guide_t g;

    g.depth = l->depth;
    g.slack = 3.0f * voxel_mm + 2.25f * l->spread;
    g.normal = l->normal;

    /* Thin layers are lit as surfaces are, whatever they are shaded as. */
    g.firm = pt_max(l->firm, 1.0f / (1.0f + thick * thick));

    return g;
}

/* How alike two pixels are, 0..1; reach: mm between them. */
PT_FN float
pt_alike(pt_guide_t a, pt_guide_t b, float reach)
{
    float d = (a.depth - b.depth) / (a.slack + b.slack + 3.0f * reach);
    float k = pt_max(pt_dot(a.normal, b.normal), 0.0f);

    k *= k;
    k = 1.0f - pt_min(a.firm, b.firm) * (1.0f - k * k);

    return k * pt_max(1.0f - d * d, 0.0f);
}

PT_FN float
pt_glow_tone(pt_v3 light, float cover)
{
    return pt_luminance(light) / pt_max(cover, 0.05f);
}

/* The light of one pixel; none where there is no tissue. */
PT_FN pt_glow_t
pt_glow(const pt_pixel_t *p, const pt_look_t *l, uint32_t samples)
{
    double k = 1.0 / samples, clear = 1.0 - p->tissue * k;
    pt_glow_t g = {{0.0f, 0.0f, 0.0f}, 0.0f, 0.0f, 0.0f};
    pt_v3 c = pt_filter_color(l);
    float scale;

    if (l->depth >= PT_FAR) {
        return g;
    }

    g.light.x = (float) (p->radiance[0] * k - clear * (double) l->behind.x);
    g.light.y = (float) (p->radiance[1] * k - clear * (double) l->behind.y);
    g.light.z = (float) (p->radiance[2] * k - clear * (double) l->behind.z);
    g.light = pt_vec(g.light.x / c.x, g.light.y / c.y, g.light.z / c.z);
    g.cover = (float) (p->tissue * k);
    g.tone = pt_glow_tone(g.light, g.cover);

    if (samples > 1) {
        scale = pt_luminance(c) * pt_max(g.cover, 0.1f);
        g.variance = (float) pt_pixel_variance(p, samples) / (scale * scale);
    }

    return g;
}

/* Adds k times q to the sum; its variance k squared times. */
PT_FN pt_glow_t
pt_glow_sum(pt_glow_t sum, pt_glow_t q, float k)
{
    sum.light = pt_along(sum.light, q.light, k);
    sum.cover += k * q.cover;
    sum.variance += k * k * q.variance;

    return sum;
}

PT_FN pt_glow_t
pt_glow_mean(pt_glow_t sum, float total)
{
    float k = 1.0f / total;

    sum.light = pt_scale(sum.light, k);
    sum.cover *= k;
    sum.variance *= k * k;
    sum.tone = pt_glow_tone(sum.light, sum.cover);

    return sum;
}

/*
 * Variance of light that is worth more samples than the film has; once: that of
 * one. What the past knows needs no blur, and what blur would take from its
 * noise is less than it costs in detail: the gain counts twice.
 */
PT_FN float
pt_glow_variance(float once, float worth, uint32_t samples)
{
    return once / worth * ((float) samples / worth);
}

/* How well two tones agree, 0..1; variance: of their difference. */
PT_FN float
pt_agree(float a, float b, float variance)
{
    float d = a - b;
    float k = pt_max(1.0f - d * d / (16.0f * variance + 1e-8f), 0.0f);

    return k * k;
}

/* What a pixel shows, by its samples alone and filtered. */
typedef struct {
    pt_v3 plain, smooth; /* radiance over black */
    float plain_cover, smooth_cover;
    float variance; /* of plain's luminance; 0 of one sample */
} pt_shade_t;

/* g: filtered. marched: cover is, and so has no noise but jags. */
PT_FN pt_shade_t
pt_shade(const pt_pixel_t *p, const pt_look_t *l, pt_glow_t g, uint32_t samples,
         int marched)
{
    float n = (float) samples, k = 1.0f / n, tissue, clear, behind;
    pt_shade_t s;

    s.plain = pt_scale(pt_vec((float) p->radiance[0], (float) p->radiance[1],
                              (float) p->radiance[2]),
                       k);
    s.plain_cover = (float) p->cover * k;
    s.smooth = s.plain;
    s.smooth_cover = s.plain_cover;
    s.variance = samples > 1 ? (float) pt_pixel_variance(p, samples) : 0.0f;

    if (l->depth >= PT_FAR || g.cover <= 0.0f) {
        return s;
    }

    clear = 1.0f - (float) p->tissue * k;
    behind = clear > 0.0f ? 1.0f - (1.0f - s.plain_cover) / clear : 0.0f;

    /* The march through its middle is as good as one marched sample, but what
     * it is off stays while samples make up for each other. */
    n = marched ? n * n / (n * n + 1.0f) : n / (n + 8.0f);
    tissue = l->cover + n * ((float) p->tissue * k - l->cover);

    s.smooth = pt_scale(pt_mul(g.light, pt_filter_color(l)), tissue / g.cover);
    s.smooth = pt_along(s.smooth, l->behind, 1.0f - tissue);
    s.smooth_cover = tissue + (1.0f - tissue) * behind;

    return s;
}

/*
 * What is shown: radiance of what covers, and how much of the pixel it does.
 * What the two ways differ by beyond noise is the filter's error, so the less
 * noise there is the more counts the plain one (James and Stein, 1961). Both
 * are estimates: of few samples, a little more than the noise is taken for
 * noise.
 *
 * error, variance: means around the pixel, of the squared difference in
 * luminance and of the plain one's variance.
 */
PT_FN pt_shade_t
pt_shade_mix(pt_shade_t s, float error, float variance, uint32_t samples)
{
    float slack = 1.0f + 0.4f * (float) PT_FILTER_SURE / (float) samples;
    float wrong = pt_max(error - slack * variance, 0.0f);
    float k = variance > 0.0f ? wrong / (wrong + variance) : 1.0f;
    float n = (float) samples * (1.0f / (float) PT_FILTER_HALF);

    k = 1.0f - (1.0f - k) / (1.0f + n * n);
    s.smooth = pt_along(s.smooth, pt_sub(s.plain, s.smooth), k);
    s.smooth_cover += k * (s.plain_cover - s.smooth_cover);

    return s;
}

#endif
