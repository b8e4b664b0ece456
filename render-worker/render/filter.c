#include "render-worker/render/filter.h"

#include <stdlib.h>

#define LEVELS 4 /* steps of 1, 2, 4, 8 pixels */
#define BAND 8   /* rows a piece of work */
#define SURE 4   /* samples from which a pixel's own variance is of use */

/* Light over colour times cover, cover, and the variance of their mean. */
typedef struct {
    float light[3];
    float cover;
    float variance; /* of the luminance; negative: not known */
} tap_t;

typedef struct {
    const film_t *film;
    const tap_t *from;
    tap_t *to;
    float *shaded;
    int32_t step;
} job_t;

static void divide_band(void *ctx, uint32_t band);
static void spread_band(void *ctx, uint32_t band);
static void level_band(void *ctx, uint32_t band);
static void shade_band(void *ctx, uint32_t band);
static tap_t divide(const film_t *f, size_t i);
static tap_t smooth(const job_t *job, int32_t x, int32_t y);
static float likeness(const job_t *job, size_t p, size_t q, float light_p);
static float luminance(const tap_t *t);
static size_t rows(const film_t *f, uint32_t band, size_t *end);


expo_status_t
filter_run(const film_t *f, pool_t *pool, float *shaded)
{
    size_t pixels = (size_t) f->width * f->height;
    uint32_t bands = (f->height + BAND - 1) / BAND;
    tap_t *a, *b;
    job_t job = {f, NULL, NULL, shaded, 0};
    int level;

    a = malloc(2 * pixels * sizeof(*a));
    if (a == NULL) {
        return EXPO_NO_MEMORY;
    }

    b = a + pixels;
    job.to = b;
    pool_run(pool, bands, divide_band, &job);
    job.from = b;
    job.to = a;
    pool_run(pool, bands, spread_band, &job);

    for (level = 0; level < LEVELS; level++) {
        job.step = 1 << level;
        job.from = level % 2 ? b : a;
        job.to = level % 2 ? a : b;
        pool_run(pool, bands, level_band, &job);
    }

    job.from = job.to;
    pool_run(pool, bands, shade_band, &job);
    free(a);

    return EXPO_OK;
}


static void
divide_band(void *ctx, uint32_t band)
{
    job_t *job = ctx;
    size_t i, end;

    for (i = rows(job->film, band, &end); i < end; i++) {
        job->to[i] = divide(job->film, i);
    }
}


static tap_t
divide(const film_t *f, size_t i)
{
    const pt_pixel_t *p = f->pixel + i;
    const pt_look_t *look = f->look + i;
    float n = (float) f->samples, mean, square;
    pt_v3 c = look->color;
    tap_t t = {{0}, 0, -1};

    if (look->depth >= PT_FAR) {
        return t;
    }

    t.light[0] = (float) p->radiance[0] / (n * pt_max(c.x, 0.02f));
    t.light[1] = (float) p->radiance[1] / (n * pt_max(c.y, 0.02f));
    t.light[2] = (float) p->radiance[2] / (n * pt_max(c.z, 0.02f));
    t.cover = (float) p->cover / n;

    if (f->samples >= SURE) {
        mean = (float) (0.2126 * p->radiance[0] + 0.7152 * p->radiance[1] +
                        0.0722 * p->radiance[2]) /
               n;
        square = (float) p->square / n;
        t.variance = pt_max(square - mean * mean, 0.0f) / (n - 1.0f);
        mean = pt_max(pt_luminance(c), 0.02f) * pt_max(t.cover, 0.1f);
        t.variance /= mean * mean;
    }

    return t;
}


/* A variance from few samples is itself noise: neighbours' are averaged. */
static void
spread_band(void *ctx, uint32_t band)
{
    job_t *job = ctx;
    int32_t w = (int32_t) job->film->width, h = (int32_t) job->film->height;
    int32_t x, y, dx, dy;
    size_t i, end;
    const tap_t *q;
    float sum, n;

    for (i = rows(job->film, band, &end); i < end; i++) {
        job->to[i] = job->from[i];

        if (job->from[i].variance < 0.0f) {
            continue;
        }

        x = (int32_t) (i % (size_t) w);
        y = (int32_t) (i / (size_t) w);
        sum = n = 0.0f;

        for (dy = -1; dy <= 1; dy++) {
            for (dx = -1; dx <= 1; dx++) {
                if (x + dx < 0 || x + dx >= w || y + dy < 0 || y + dy >= h) {
                    continue;
                }

                q = job->from + (y + dy) * (int64_t) w + x + dx;

                if (q->variance >= 0.0f) {
                    sum += q->variance;
                    n += 1.0f;
                }
            }
        }

        job->to[i].variance = sum / n;
    }
}


static void
level_band(void *ctx, uint32_t band)
{
    job_t *job = ctx;
    size_t i, end, w = job->film->width;

    for (i = rows(job->film, band, &end); i < end; i++) {
        job->to[i] = job->film->look[i].depth < PT_FAR
                         ? smooth(job, (int32_t) (i % w), (int32_t) (i / w))
                         : job->from[i];
    }
}


static tap_t
smooth(const job_t *job, int32_t x, int32_t y)
{
    static const float weight[3] = {0.5f, 1.0f, 0.5f};
    int32_t w = (int32_t) job->film->width, h = (int32_t) job->film->height;
    int32_t dx, dy, qx, qy, c;
    size_t p = (size_t) y * (size_t) w + (size_t) x, q;
    tap_t sum = job->from[p];
    float light = luminance(&sum), total = 1.0f, k;
    const tap_t *t;

    for (dy = -1; dy <= 1; dy++) {
        for (dx = -1; dx <= 1; dx++) {
            qx = x + dx * job->step;
            qy = y + dy * job->step;

            if ((dx == 0 && dy == 0) || qx < 0 || qx >= w || qy < 0 ||
                qy >= h) {
                continue;
            }

            q = (size_t) qy * (size_t) w + (size_t) qx;
            k = weight[dx + 1] * weight[dy + 1] * likeness(job, p, q, light);

            if (k <= 0.0f) {
                continue;
            }

            t = job->from + q;

            for (c = 0; c < 3; c++) {
                sum.light[c] += k * t->light[c];
            }

            sum.cover += k * t->cover;
            sum.variance += k * k * t->variance;
            total += k;
        }
    }

    for (c = 0; c < 3; c++) {
        sum.light[c] /= total;
    }

    sum.cover /= total;

    if (job->from[p].variance >= 0.0f) {
        sum.variance /= total * total;

    } else {
        sum.variance = -1.0f;
    }

    return sum;
}


/* How much pixel q may say about pixel p, 0..1. */
static float
likeness(const job_t *job, size_t p, size_t q, float light_p)
{
    const film_t *f = job->film;
    const pt_look_t *a = f->look + p, *b = f->look + q;
    float d, k, x;

    if (b->depth >= PT_FAR) {
        return 0.0f;
    }

    d = (a->depth - b->depth) / (2.0f * f->voxel_mm + a->spread + b->spread +
                                 3.0f * (float) job->step * f->pixel_mm);
    k = 1.0f - d * d;

    if (k <= 0.0f) {
        return 0.0f;
    }

    /* A normal says little inside soft tissue. */
    d = pt_max(pt_dot(a->normal, b->normal), 0.0f);
    d *= d;
    d *= d;
    d *= d;
    k *= 1.0f - pt_min(a->firm, b->firm) * (1.0f - d);

    if (job->from[p].variance >= 0.0f) {
        /* Few samples know their own variance badly: it counts for more. */
        x = luminance(&job->from[q]) - light_p;
        x = x * x /
            ((8.0f + 400.0f / (float) f->samples) *
                 (job->from[p].variance + job->from[q].variance) +
             1e-8f);
        k *= pt_max(1.0f - x, 0.0f);
    }

    return k;
}


static void
shade_band(void *ctx, uint32_t band)
{
    job_t *job = ctx;
    const film_t *f = job->film;
    float n = (float) f->samples, cover, own, k;
    const pt_pixel_t *p;
    const tap_t *t;
    size_t i, end;
    float *dst;

    for (i = rows(f, band, &end); i < end; i++) {
        t = job->from + i;
        p = f->pixel + i;
        dst = job->shaded + 4 * i;
        cover = (float) p->cover / n;

        if (f->look[i].depth >= PT_FAR || t->cover <= 0.0f) {
            k = cover > 0.0f ? 1.0f / (n * cover) : 0.0f;
            dst[0] = (float) p->radiance[0] * k;
            dst[1] = (float) p->radiance[1] * k;
            dst[2] = (float) p->radiance[2] * k;

        } else {
            k = 1.0f / t->cover;
            dst[0] = t->light[0] * pt_max(f->look[i].color.x, 0.02f) * k;
            dst[1] = t->light[1] * pt_max(f->look[i].color.y, 0.02f) * k;
            dst[2] = t->light[2] * pt_max(f->look[i].color.z, 0.02f) * k;
        }

        /* One march through the pixel's middle is not noisy but jagged; and
         * where a surface has no light yet, black would be wrong. */
        own = f->marched ? (n - 1.0f) / (n + 1.0f) : n / (n + 8.0f);
        own = f->look[i].depth < PT_FAR && t->cover <= 0.0f ? 1.0f : own;
        dst[3] = f->look[i].cover + own * (cover - f->look[i].cover);
    }
}


static float
luminance(const tap_t *t)
{
    return (0.2126f * t->light[0] + 0.7152f * t->light[1] +
            0.0722f * t->light[2]) /
           pt_max(t->cover, 0.05f);
}


static size_t
rows(const film_t *f, uint32_t band, size_t *end)
{
    size_t w = f->width, all = w * f->height;

    *end = (size_t) (band + 1) * BAND * w;
    *end = *end < all ? *end : all;

    return (size_t) band * BAND * w;
}
