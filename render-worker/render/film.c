#include "render-worker/render/film.h"
#include "render-worker/render/filter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/render/sparse.h"
#include "render-worker/render/wipe.h"

#define CURVE 2048
#define NOISE_PIXELS 65536 /* about so many are asked */
#define BAND 8             /* rows a piece of work */

typedef struct {
    const film_t *film;
    const float *shaded; /* [height][width][4]: tissue's radiance, cover */
    float *shown;        /* [height][width][4], 0..255; colours times alpha */
    float curve[CURVE + 1]; /* of sqrt(linear) */
    uint32_t width, height; /* of rgba */
    uint8_t *rgba;
} display_t;

typedef struct {
    const film_t *film;
    float *shaded;
} mean_t;

static size_t shaded_bytes(const film_t *f);
static expo_status_t shade(const film_t *f, filter_t *filter, pool_t *pool,
                           float **shaded);
static double shown_error(const film_t *f, const pt_pixel_t *p);
static void curve_make(display_t *d);
static float curve_at(const display_t *d, float linear);
static void show_band(void *ctx, uint32_t band);
static void scale_band(void *ctx, uint32_t band);
static void mean_band(void *ctx, uint32_t band);
static uint32_t bands(uint32_t rows);


void
film_read(const film_t *f, float *rgb)
{
    double n = f->samples > 0 ? f->samples : 1, clear;
    int32_t w = (int32_t) f->width, h = (int32_t) f->height, x, y;
    pt_pixel_t p;
    int c;

    for (y = 0; y < h; y++) {
        for (x = 0; x < w; x++, rgb += 3) {
            p = sparse_pixel(f, x, y);
            clear = 1 - p.cover / n;

            for (c = 0; c < 3; c++) {
                rgb[c] = (float) (p.radiance[c] / n +
                                  clear * (double) f->background[c]);
            }
        }
    }
}


expo_status_t
film_read_filtered(const film_t *f, filter_t *filter, pool_t *pool, float *rgb)
{
    float *shaded;
    expo_status_t st = shade(f, filter, pool, &shaded);

    if (st == EXPO_OK) {
        film_over(f, shaded, rgb);
        wipe_free(shaded, shaded_bytes(f));
    }

    return st;
}


void
film_over(const film_t *f, const float *shaded, float *rgb)
{
    size_t i, pixels = (size_t) f->width * f->height;
    float cover;
    int c;

    for (i = 0; i < pixels; i++) {
        cover = shaded[4 * i + 3];

        for (c = 0; c < 3; c++) {
            rgb[3 * i + (size_t) c] =
                f->background[c] +
                cover * (shaded[4 * i + (size_t) c] - f->background[c]);
        }
    }
}


double
film_noise(const film_t *f)
{
    size_t i, pixels = (size_t) f->width * f->height;
    size_t step = 1 + pixels / NOISE_PIXELS;
    double sum = 0, error;
    uint64_t n = 0;

    for (i = 0; i < pixels; i += step) {
        if (f->pixel[i].cover > 0) {
            error = shown_error(f, f->pixel + i);
            sum += error * error;
            n++;
        }
    }

    return n > 0 ? sqrt(sum / (double) n) : 0;
}


/* About the standard deviation of a pixel's grey on the screen, 0..255. */
static double
shown_error(const film_t *f, const pt_pixel_t *p)
{
    double n = f->samples, light = pt_pixel_luminance(p) / n;
    double error = sqrt(pt_pixel_variance(p, f->samples));
    float cover = (float) (p->cover / n), at[2];
    int k;

    for (k = 0; k < 2; k++) {
        at[k] = (float) (k ? light + error : light - error) / cover;
        at[k] = cover * pt_tone(at[k] * f->exposure, f->tone_map) +
                (1.0f - cover) *
                    pt_luminance(pt_vec(f->background[0], f->background[1],
                                        f->background[2]));
        at[k] = powf(pt_srgb(at[k]), 1.0f / f->gamma);
    }

    return 127.5 * (double) (at[1] - at[0]);
}


expo_status_t
film_display(const film_t *f, filter_t *filter, pool_t *pool, uint32_t width,
             uint32_t height, uint8_t *rgba)
{
    float *shaded = NULL;
    expo_status_t st;
    display_t *d;

    d = malloc(sizeof(*d));
    if (d == NULL) {
        return EXPO_NO_MEMORY;
    }

    d->film = f;
    d->width = width;
    d->height = height;
    d->rgba = rgba;
    d->shown = malloc(shaded_bytes(f));
    st = d->shown == NULL ? EXPO_NO_MEMORY : shade(f, filter, pool, &shaded);

    if (st == EXPO_OK) {
        d->shaded = shaded;
        curve_make(d);
        pool_run(pool, bands(f->height), show_band, d);
        pool_run(pool, bands(height), scale_band, d);
    }

    wipe_free(shaded, shaded_bytes(f));
    wipe_free(d->shown, shaded_bytes(f));
    free(d);

    return st;
}


/* Of [height][width][4]. */
static size_t
shaded_bytes(const film_t *f)
{
    return (size_t) f->width * f->height * 4 * sizeof(float);
}


/* The tissue as it is shown; *shaded is the caller's to wipe and free. */
static expo_status_t
shade(const film_t *f, filter_t *filter, pool_t *pool, float **shaded)
{
    float *to = malloc(shaded_bytes(f));
    mean_t mean = {f, to};
    expo_status_t st = EXPO_OK;

    if (to == NULL) {
        return EXPO_NO_MEMORY;
    }

    if (f->samples > 0 && f->filtered) {
        st = filter_run(filter, f, pool, to);

    } else {
        pool_run(pool, bands(f->height), mean_band, &mean);
    }

    if (st != EXPO_OK) {
        wipe_free(to, shaded_bytes(f));
        to = NULL;
    }

    *shaded = to;

    return st;
}


/* sRGB is almost a square root, so over the root the curve is almost straight
 * and few steps do. */
static void
curve_make(display_t *d)
{
    float root;
    int i;

    for (i = 0; i <= CURVE; i++) {
        root = (float) i / CURVE;
        d->curve[i] =
            255.0f * powf(pt_srgb(root * root), 1.0f / d->film->gamma);
    }
}


static float
curve_at(const display_t *d, float linear)
{
    float x = sqrtf(fminf(fmaxf(linear, 0.0f), 1.0f)) * CURVE;
    int i = (int) x;

    i = i < CURVE ? i : CURVE - 1;

    return d->curve[i] + (x - (float) i) * (d->curve[i + 1] - d->curve[i]);
}


static void
mean_band(void *ctx, uint32_t band)
{
    const mean_t *m = ctx;
    const film_t *f = m->film;
    size_t i = (size_t) band * BAND * f->width, end = i + BAND * f->width;
    size_t all = (size_t) f->width * f->height;
    double k;
    int c;

    for (end = end < all ? end : all; i < end; i++) {
        k = f->pixel[i].cover > 0 ? 1 / f->pixel[i].cover : 0;

        for (c = 0; c < 3; c++) {
            m->shaded[4 * i + (size_t) c] =
                (float) (f->pixel[i].radiance[c] * k);
        }

        m->shaded[4 * i + 3] =
            f->samples > 0 ? (float) (f->pixel[i].cover / f->samples) : 0.0f;
    }
}


/* The tone map sees tissue only; the background stays the colour that was
 * asked for, or lets through what will be behind. */
static void
show_band(void *ctx, uint32_t band)
{
    const display_t *d = ctx;
    const film_t *f = d->film;
    size_t i = (size_t) band * BAND * f->width, end = i + BAND * f->width;
    size_t all = (size_t) f->width * f->height;
    const float *from;
    float light, *to;
    int c;

    for (end = end < all ? end : all; i < end; i++) {
        from = d->shaded + 4 * i;
        to = d->shown + 4 * i;

        for (c = 0; c < 3; c++) {
            light = pt_tone(from[c] * f->exposure, f->tone_map);
            to[c] = f->transparent
                        ? from[3] * curve_at(d, light)
                        : curve_at(d, from[3] * light +
                                          (1.0f - from[3]) * f->background[c]);
        }

        to[3] = f->transparent ? 255.0f * from[3] : 255.0f;
    }
}


static void
scale_band(void *ctx, uint32_t band)
{
    const display_t *d = ctx;
    uint32_t w = d->film->width, h = d->film->height, x, y, x0, x1, y0, y1;
    uint32_t end = (band + 1) * BAND;
    float kx = (float) w / (float) d->width, ky = (float) h / (float) d->height;
    float sx, sy, fx, fy, a, b, mixed[4];
    const float *top, *low;
    int c;

    end = end < d->height ? end : d->height;

    for (y = band * BAND; y < end; y++) {
        sy =
            fminf(fmaxf(((float) y + 0.5f) * ky - 0.5f, 0.0f), (float) (h - 1));
        y0 = (uint32_t) sy;
        y1 = y0 + 1 < h ? y0 + 1 : y0;
        fy = sy - (float) y0;
        top = d->shown + 4 * (size_t) y0 * w;
        low = d->shown + 4 * (size_t) y1 * w;

        for (x = 0; x < d->width; x++) {
            sx = fminf(fmaxf(((float) x + 0.5f) * kx - 0.5f, 0.0f),
                       (float) (w - 1));
            x0 = (uint32_t) sx;
            x1 = x0 + 1 < w ? x0 + 1 : x0;
            fx = sx - (float) x0;

            for (c = 0; c < 4; c++) {
                a = top[4 * x0 + (uint32_t) c];
                a += fx * (top[4 * x1 + (uint32_t) c] - a);
                b = low[4 * x0 + (uint32_t) c];
                b += fx * (low[4 * x1 + (uint32_t) c] - b);
                mixed[c] = a + fy * (b - a);
            }

            pt_bytes(mixed, d->rgba + 4 * ((size_t) y * d->width + x));
        }
    }
}


static uint32_t
bands(uint32_t rows)
{
    return (rows + BAND - 1) / BAND;
}
