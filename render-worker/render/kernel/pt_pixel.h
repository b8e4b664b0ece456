/* A pixel's samples and their sums, added up in the order of their numbers. */

#ifndef PT_PIXEL_H
#define PT_PIXEL_H

#include "render-worker/render/kernel/pt_render.h"

/* The sample before which the first is traced again. */
#define PT_AGAIN 2

typedef struct {
    double radiance[3];
    double cover, tissue;
    double square;  /* of the luminance */
    double mark[2]; /* luminance's sum at the two last powers of two */
    uint64_t bad;   /* paths left out: no number came of them */
} pt_pixel_t;

PT_FN double
pt_pixel_luminance(const pt_pixel_t *f)
{
    return 0.2126 * f->radiance[0] + 0.7152 * f->radiance[1] +
           0.0722 * f->radiance[2];
}

PT_FN void
pt_pixel_add(pt_pixel_t *f, pt_sample_t s, double times)
{
    double light = (double) pt_luminance(s.radiance);

    /* One bad path must not blacken a pixel for good. */
    if (!(fabs(light) + (double) s.cover < (double) PT_FAR)) {
        f->bad += times > 0;
        return;
    }

    f->radiance[0] += times * (double) s.radiance.x;
    f->radiance[1] += times * (double) s.radiance.y;
    f->radiance[2] += times * (double) s.radiance.z;
    f->cover += times * (double) s.cover;
    f->tissue += times * (double) s.tissue;
    f->square += times * light * light;
}

/*
 * Variance of the mean luminance of at least two samples: from what two parts
 * of them differ by, as Sobol samples are surer than their spread says. The
 * first part ends at the last power of two that leaves as many.
 */
PT_FN double
pt_pixel_variance(const pt_pixel_t *f, uint32_t samples)
{
    int power = (samples & (samples - 1)) == 0;
    double n = samples, part = 1, rest, sum, d;

    while (4 * part <= n) {
        part *= 2;
    }

    rest = n - part;
    sum = f->mark[power];
    d = sum / part - (pt_pixel_luminance(f) - sum) / rest;

    return d * d * part * rest / (n * n);
}

/* Adds sample number i; samples come in order. */
PT_FN void
pt_pixel_take(pt_pixel_t *f, uint32_t i, pt_sample_t s)
{
    if (i > 0 && (i & (i - 1)) == 0) {
        f->mark[0] = f->mark[1];
        f->mark[1] = pt_pixel_luminance(f);
    }

    pt_pixel_add(f, s, 1);
}

/* The first sample, once looked around for, as if it had always been wholly.
 */
PT_FN void
pt_pixel_again(pt_pixel_t *f, pt_sample_t once, pt_sample_t wholly)
{
    double before = pt_pixel_luminance(f);

    pt_pixel_add(f, once, -1);
    pt_pixel_add(f, wholly, 1);
    f->mark[1] += pt_pixel_luminance(f) - before;
}

/*
 * Whether a pass of the first sample alone leaves this pixel out, where it may:
 * its neighbours on all four sides have theirs. It comes with the second.
 */
PT_FN int
pt_pixel_skipped(int32_t x, int32_t y)
{
    return (x ^ y) & 1;
}

/*
 * Adds samples first .. first + count - 1. One direction is there sooner than
 * all, so the first picture does with it; once there are others, it is traced
 * again. wholly: it has been traced with all, as nothing is shown before.
 */
PT_FN void
pt_pixel_trace(const pt_scene_t *s, pt_pixel_t *f, int32_t x, int32_t y,
               uint32_t first, uint32_t count, int wholly)
{
    int once = !wholly && pt_render_paths(s) && s->mode == PT_PRODUCTION;
    uint32_t i;

    if (s->sparse && pt_pixel_skipped(x, y)) {
        if (first == 0 && count == 1) {
            return;
        }

        if (first == 1) {
            pt_pixel_take(f, 0, pt_path(s, x, y, 0, 1));
        }
    }

    for (i = first; i < first + count; i++) {
        if (once && i == PT_AGAIN) {
            pt_pixel_again(f, pt_path(s, x, y, 0, 1),
                           pt_path(s, x, y, 0, s->around));
        }

        pt_pixel_take(f, i,
                      once && i == 0 ? pt_path(s, x, y, 0, 1)
                                     : pt_render(s, x, y, i));
    }
}

PT_FN pt_ray_t
pt_pixel_middle(const pt_scene_t *s, int32_t x, int32_t y)
{
    return pt_camera_ray(&s->camera, s->width, s->height, (float) x + 0.5f,
                         (float) y + 0.5f, 0.5f, 0.5f);
}

/* What the pixel's middle shows. */
PT_FN pt_look_t
pt_pixel_look(const pt_scene_t *s, int32_t x, int32_t y)
{
    return pt_render_look(s, pt_pixel_middle(s, x, y));
}

#endif
