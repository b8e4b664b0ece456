/*
 * Films of one sample in which every other pixel has none (pt_pixel_skipped):
 * half the paths for a first picture that is filtered anyway. What they lack
 * is filled in of what is seen there, which each pixel has, and of the light of
 * the four around it, which have theirs.
 */

#ifndef RENDER_SPARSE_H
#define RENDER_SPARSE_H

#include "render-worker/render/film.h"
#include "render-worker/render/kernel/pt_filter.h"

/* How many times the spread of a sparse film's samples is taken for what they
 * may be off: around a pixel there are only four or five of them. */
#define SPARSE_SPREAD 3.0f

/* Of a neighbour that sees something else: better than nothing. */
#define SPARSE_OTHER 1e-3f

/* Whether pixel (x, y) has samples. */
static inline int
sparse_traced(const film_t *f, int32_t x, int32_t y)
{
    return !f->sparse || !pt_pixel_skipped(x, y);
}

/* Samples that its sums are worth. */
static inline float
sparse_worth(const film_t *f, int32_t x, int32_t y)
{
    return sparse_traced(f, x, y) ? (float) f->samples : 0.5f;
}

/* Of tones of one sample each: what such a one is off, as a variance. */
static inline float
sparse_variance(const film_t *f, float mean, float mean_square)
{
    return (f->sparse ? SPARSE_SPREAD : 1.0f) *
           pt_max(mean_square - mean * mean, 0.0f);
}

/* The sums of pixel (x, y), or those that it is filled with. */
pt_pixel_t sparse_pixel(const film_t *f, int32_t x, int32_t y);

#endif
