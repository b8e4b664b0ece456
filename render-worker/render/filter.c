#include "render-worker/render/filter.h"

#include <stdlib.h>
#include <string.h>

#include "render-worker/render/planes.h"
#include "render-worker/render/sparse.h"
#include "render-worker/render/wipe.h"

#define BAND 16  /* rows a piece of work */
#define CHUNK 64 /* pixels of a row that are worked on at once */

struct filter_s {
    bool v3;
    uint32_t width, height; /* that there are planes for */
    float *memory;
    planes_t planes;

    pt_past_t past;
    float *past_memory;
    size_t past_pixels;
    bool has_past;
};

typedef struct {
    filter_t *filter;
    const film_t *film;
    pt_glows_t from, to;
    int32_t step;
    float *shaded;
} job_t;

/* A neighbour of every pixel of a chunk that has it: `by` pixels further in
 * memory, from pixel `first` of the chunk to `end`. */
typedef struct {
    int64_t by;
    int32_t first, end;
    float kernel;
} tap_t;

typedef void chunk_fn(const job_t *job, int32_t x, int32_t y, int32_t n);

static void planes_free(filter_t *t);
static void past_free(filter_t *t);
static expo_status_t ready(filter_t *t, const film_t *f);
static pt_glows_t gather(filter_t *t, const film_t *f, pool_t *pool);
static void gather_band(void *ctx, uint32_t band);
static void keep_band(void *ctx, uint32_t band);
static void recall_band(void *ctx, uint32_t band);
static void recall(const job_t *job, int32_t x, int32_t y);
static void calm_band(void *ctx, uint32_t band);
static chunk_fn calm_chunk;
static void level_band(void *ctx, uint32_t band);
static chunk_fn level_chunk;
static void chunks(const job_t *job, uint32_t band, chunk_fn *work);
static tap_t tap_of(const film_t *f, int32_t x, int32_t y, int32_t n,
                    int32_t dx, int32_t dy, int32_t step);
static void doubt_band(void *ctx, uint32_t band);
static void shade_band(void *ctx, uint32_t band);
static pt_shade_t shade(const job_t *job, int32_t x, int32_t y);
static void around(const film_t *f, const float *plane, int32_t y, float *row);
static uint32_t bands(const film_t *f);
static int32_t rows(const film_t *f, uint32_t band, int32_t *end);


#ifndef FILTER_V3

expo_status_t
filter_open(bool v3, filter_t **out)
{
    *out = calloc(1, sizeof(**out));

    if (*out == NULL) {
        return EXPO_NO_MEMORY;
    }

    (*out)->v3 = v3;

    return EXPO_OK;
}


void
filter_close(filter_t *t)
{
    if (t != NULL) {
        planes_free(t);
        past_free(t);
        free(t);
    }
}


void
filter_forget(filter_t *t)
{
    t->has_past = false;
}

#endif


expo_status_t
filter_run(filter_t *t, const film_t *f, pool_t *pool, float *shaded)
{
    job_t job = {.filter = t, .film = f, .shaded = shaded};
    pt_glows_t swap;
    expo_status_t st;

#ifndef FILTER_V3
    if (t->v3) {
        return filter_run_v3(t, f, pool, shaded);
    }
#endif

    st = ready(t, f);
    if (st != EXPO_OK) {
        return st;
    }

    job.from = gather(t, f, pool);
    job.to = job.from.r == t->planes.glows[0].r ? t->planes.glows[1]
                                                : t->planes.glows[0];
    pool_run(pool, bands(f), calm_band, &job);

    for (job.step = 1; job.step < 1 << PT_FILTER_LEVELS; job.step *= 2) {
        swap = job.from;
        job.from = job.to;
        job.to = swap;
        pool_run(pool, bands(f), level_band, &job);
    }

    job.from = job.to;

    if (f->samples >= PT_FILTER_SURE) {
        pool_run(pool, bands(f), doubt_band, &job);
    }

    pool_run(pool, bands(f), shade_band, &job);

    return EXPO_OK;
}


expo_status_t
filter_keep(filter_t *t, const film_t *f, pool_t *pool)
{
    size_t pixels = (size_t) f->width * f->height;
    job_t job = {.filter = t, .film = f};
    float *memory;
    expo_status_t st;

#ifndef FILTER_V3
    if (t->v3) {
        return filter_keep_v3(t, f, pool);
    }
#endif

    st = ready(t, f);
    if (st != EXPO_OK) {
        return st;
    }

    job.from = gather(t, f, pool);

    if (t->past_pixels != pixels) {
        memory = malloc(PLANES_PAST * pixels * sizeof(*memory));
        if (memory == NULL) {
            return EXPO_NO_MEMORY;
        }

        past_free(t);
        t->past_memory = memory;
        t->past_pixels = pixels;
    }

    t->past = planes_past(t->past_memory, f->width, f->height, f->camera);
    t->has_past = true;
    pool_run(pool, bands(f), keep_band, &job);

    return EXPO_OK;
}


static void
planes_free(filter_t *t)
{
    wipe_free(t->memory,
              PLANES * (size_t) t->width * t->height * sizeof(*t->memory));
}


static void
past_free(filter_t *t)
{
    wipe_free(t->past_memory,
              PLANES_PAST * t->past_pixels * sizeof(*t->past_memory));
}


static expo_status_t
ready(filter_t *t, const film_t *f)
{
    size_t pixels = (size_t) f->width * f->height;
    float *memory;

    if (t->memory != NULL && t->width == f->width && t->height == f->height) {
        return EXPO_OK;
    }

    memory = malloc(PLANES * pixels * sizeof(*memory));
    if (memory == NULL) {
        return EXPO_NO_MEMORY;
    }

    planes_free(t);
    t->memory = memory;
    t->width = f->width;
    t->height = f->height;
    t->planes = planes_in(memory, pixels);

    return EXPO_OK;
}


/* The film's light, with what the past knows of it; where it lies. */
static pt_glows_t
gather(filter_t *t, const film_t *f, pool_t *pool)
{
    job_t job = {.filter = t, .film = f, .to = t->planes.glows[0]};

    pool_run(pool, bands(f), gather_band, &job);

    if (!t->has_past || f->samples >= PT_FORGET) {
        return job.to;
    }

    job.from = t->planes.glows[0];
    job.to = t->planes.glows[1];
    pool_run(pool, bands(f), recall_band, &job);

    return job.to;
}


static void
gather_band(void *ctx, uint32_t band)
{
    const job_t *job = ctx;
    const film_t *f = job->film;
    int32_t w = (int32_t) f->width, x, y, end;
    pt_pixel_t p;
    int64_t i;

    for (y = rows(f, band, &end); y < end; y++) {
        for (x = 0; x < w; x++) {
            i = (int64_t) y * w + x;
            p = sparse_pixel(f, x, y);
            pt_guide_put(&job->filter->planes.guides, i,
                         pt_guide(f->look + i, f->voxel_mm));
            pt_glow_put(&job->to, i, pt_glow(&p, f->look + i, f->samples));
            job->filter->planes.samples[i] = sparse_worth(f, x, y);
        }
    }
}


static void
keep_band(void *ctx, uint32_t band)
{
    const job_t *job = ctx;
    const film_t *f = job->film;
    int32_t end;
    int64_t i = (int64_t) rows(f, band, &end) * f->width;

    for (; i < (int64_t) end * f->width; i++) {
        pt_past_put(&job->filter->past, i, f->look + i,
                    pt_glow_at(&job->from, i), job->filter->planes.samples[i],
                    f->voxel_mm);
    }
}


static void
recall_band(void *ctx, uint32_t band)
{
    const job_t *job = ctx;
    int32_t x, y, end;

    for (y = rows(job->film, band, &end); y < end; y++) {
        for (x = 0; x < (int32_t) job->film->width; x++) {
            recall(job, x, y);
        }
    }
}


static void
recall(const job_t *job, int32_t x, int32_t y)
{
    const film_t *f = job->film;
    int32_t w = (int32_t) f->width, h = (int32_t) f->height;
    int64_t i = (int64_t) y * w + x;
    pt_guide_t guide = pt_past_guide(f->look + i, f->voxel_mm);
    pt_glow_t own = pt_glow_at(&job->from, i), past;
    float n = sparse_worth(f, x, y), worth = 0.0f;
    pt_ray_t r;

    if (guide.depth < PT_FAR) {
        r = pt_camera_ray(&f->camera, w, h, (float) x + 0.5f, (float) y + 0.5f,
                          0.5f, 0.5f);
        worth = pt_past_at(&job->filter->past, guide,
                           pt_along(r.o, r.d, guide.depth), f->pixel_mm, &past);
        worth = pt_past_worth(worth, f->past, f->samples);
    }

    if (worth > 0.0f) {
        past = pt_past_fit(past, own, f->look + i);
        own = pt_past_mix(own, n, past, worth);
    }

    pt_glow_put(&job->to, i, own);
    job->filter->planes.samples[i] = n + worth;
}


/* Before any light is compared: how bright and how sure a pixel is, judged by
 * those around it too. */
static void
calm_band(void *ctx, uint32_t band)
{
    chunks(ctx, band, calm_chunk);
}


static void
calm_chunk(const job_t *job, int32_t x, int32_t y, int32_t n)
{
    const film_t *f = job->film;
    const pt_guides_t guides = job->filter->planes.guides;
    const pt_glows_t from = job->from;
    int64_t at = (int64_t) y * f->width + x;
    const float *samples = job->filter->planes.samples;
    float light[CHUNK], cover[CHUNK], tone[CHUNK], square[CHUNK];
    float variance[CHUNK], total[CHUNK], sure[CHUNK], k, mean;
    pt_glow_t p;
    int32_t i, t;
    tap_t tap;

    memset(light, 0, sizeof(light));
    memset(cover, 0, sizeof(cover));
    memset(tone, 0, sizeof(tone));
    memset(square, 0, sizeof(square));
    memset(variance, 0, sizeof(variance));
    memset(total, 0, sizeof(total));
    memset(sure, 0, sizeof(sure));

    for (t = 0; t < 9; t++) {
        tap = tap_of(f, x, y, n, t % 3 - 1, t / 3 - 1, 1);

        for (i = tap.first; i < tap.end; i++) {
            p = pt_glow_at(&from, at + i + tap.by);
            k = pt_alike(pt_guide_at(&guides, at + i),
                         pt_guide_at(&guides, at + i + tap.by), f->pixel_mm);
            light[i] += k * pt_luminance(p.light);
            cover[i] += k * p.cover;
            total[i] += k;
            /* What was filled in is smooth already: it tells of no noise. */
            k *= (float) sparse_traced(f, x + i + t % 3 - 1, y + t / 3 - 1);
            tone[i] += k * p.tone;
            square[i] += k * p.tone * p.tone;
            variance[i] += k * p.variance * samples[at + i + tap.by];
            sure[i] += k;
        }
    }

    for (i = 0; i < n; i++) {
        p = pt_glow_at(&from, at + i);
        k = sure[i] > 0.0f ? 1.0f / sure[i] : 0.0f;
        mean = tone[i] * k;
        p.tone = light[i] / pt_max(cover[i], 0.05f * total[i]);
        p.variance =
            f->samples > 1
                ? pt_glow_variance(variance[i] * k, samples[at + i], f->samples)
                : sparse_variance(f, mean, square[i] * k);
        pt_glow_put(&job->to, at + i, p);
    }
}


static void
level_band(void *ctx, uint32_t band)
{
    chunks(ctx, band, level_chunk);
}


static void
level_chunk(const job_t *job, int32_t x, int32_t y, int32_t n)
{
    const film_t *f = job->film;
    const pt_guides_t guides = job->filter->planes.guides;
    const pt_glows_t from = job->from, to = job->to;
    const float reach = (float) job->step * f->pixel_mm;
    int64_t at = (int64_t) y * f->width + x;
    float planes[PLANES_GLOWS][CHUNK], total[CHUNK], k;
    const pt_glows_t sums = {planes[0], planes[1], planes[2],
                             planes[3], planes[4], planes[5]};
    pt_glow_t p, q;
    int32_t i, t;
    tap_t tap;

    for (i = 0; i < n; i++) {
        pt_glow_put(&sums, i, pt_glow_at(&from, at + i));
        total[i] = 1.0f;
    }

    for (t = 0; t < 9; t++) {
        if (t == 4) {
            continue;
        }

        tap = tap_of(f, x, y, n, t % 3 - 1, t / 3 - 1, job->step);

        for (i = tap.first; i < tap.end; i++) {
            p = pt_glow_at(&from, at + i);
            q = pt_glow_at(&from, at + i + tap.by);
            k = tap.kernel * pt_agree(p.tone, q.tone, p.variance + q.variance);
            k *= pt_alike(pt_guide_at(&guides, at + i),
                          pt_guide_at(&guides, at + i + tap.by), reach);
            pt_glow_put(&sums, i, pt_glow_sum(pt_glow_at(&sums, i), q, k));
            total[i] += k;
        }
    }

    for (i = 0; i < n; i++) {
        pt_glow_put(&to, at + i, pt_glow_mean(pt_glow_at(&sums, i), total[i]));
    }
}


static void
chunks(const job_t *job, uint32_t band, chunk_fn *work)
{
    int32_t w = (int32_t) job->film->width, x, y, end;

    for (y = rows(job->film, band, &end); y < end; y++) {
        for (x = 0; x < w; x += CHUNK) {
            work(job, x, y, x + CHUNK < w ? CHUNK : w - x);
        }
    }
}


static tap_t
tap_of(const film_t *f, int32_t x, int32_t y, int32_t n, int32_t dx, int32_t dy,
       int32_t step)
{
    int32_t w = (int32_t) f->width;
    tap_t t;

    t.by = (int64_t) step * dy * w + step * dx;
    t.kernel = (dx == 0 ? 1.0f : 0.5f) * (dy == 0 ? 1.0f : 0.5f);
    t.first = x + step * dx < 0 ? -x - step * dx : 0;
    t.end = x + n + step * dx > w ? w - x - step * dx : n;

    if (y + step * dy < 0 || y + step * dy >= (int32_t) f->height) {
        t.end = t.first;
    }

    return t;
}


static void
doubt_band(void *ctx, uint32_t band)
{
    const job_t *job = ctx;
    const film_t *f = job->film;
    int32_t w = (int32_t) f->width, x, y, end;
    pt_shade_t s;
    int64_t i;
    float d;

    for (y = rows(f, band, &end); y < end; y++) {
        for (x = 0; x < w; x++) {
            i = (int64_t) y * w + x;
            s = shade(job, x, y);
            d = pt_luminance(pt_sub(s.plain, s.smooth));
            job->filter->planes.error[i] = d * d;
            job->filter->planes.variance[i] = s.variance;
        }
    }
}


static void
shade_band(void *ctx, uint32_t band)
{
    const job_t *job = ctx;
    const film_t *f = job->film;
    float error[FILM_EDGE_MAX], variance[FILM_EDGE_MAX], k, *dst;
    int32_t x, y, end;
    pt_shade_t s;
    int64_t i;

    for (y = rows(f, band, &end); y < end; y++) {
        if (f->samples >= PT_FILTER_SURE) {
            around(f, job->filter->planes.error, y, error);
            around(f, job->filter->planes.variance, y, variance);
        }

        for (x = 0; x < (int32_t) f->width; x++) {
            i = (int64_t) y * f->width + x;
            s = shade(job, x, y);

            if (f->samples >= PT_FILTER_SURE) {
                s = pt_shade_mix(s, error[x], variance[x], f->samples);
            }

            k = s.smooth_cover > 0.0f ? 1.0f / s.smooth_cover : 0.0f;
            dst = job->shaded + 4 * i;
            dst[0] = s.smooth.x * k;
            dst[1] = s.smooth.y * k;
            dst[2] = s.smooth.z * k;
            dst[3] = s.smooth_cover;
        }
    }
}


static pt_shade_t
shade(const job_t *job, int32_t x, int32_t y)
{
    const film_t *f = job->film;
    int64_t i = (int64_t) y * f->width + x;
    pt_pixel_t p = sparse_pixel(f, x, y);

    return pt_shade(&p, f->look + i, pt_glow_at(&job->from, i), f->samples,
                    f->marched);
}


/* Sums of a plane over the square around each pixel of row y. */
static void
around(const film_t *f, const float *plane, int32_t y, float *row)
{
    int32_t w = (int32_t) f->width, h = (int32_t) f->height, x, q, d;
    float column[FILM_EDGE_MAX + 2 * PT_FILTER_FADE];

    memset(column, 0, sizeof(column));

    for (d = -PT_FILTER_FADE; d <= PT_FILTER_FADE; d++) {
        q = y + d;

        for (x = 0; q >= 0 && q < h && x < w; x++) {
            column[PT_FILTER_FADE + x] += plane[(int64_t) q * w + x];
        }
    }

    for (x = 0; x < w; x++) {
        row[x] = 0.0f;

        for (d = 0; d <= 2 * PT_FILTER_FADE; d++) {
            row[x] += column[x + d];
        }
    }
}


static uint32_t
bands(const film_t *f)
{
    return (f->height + BAND - 1) / BAND;
}


static int32_t
rows(const film_t *f, uint32_t band, int32_t *end)
{
    int32_t h = (int32_t) f->height, y = (int32_t) band * BAND;

    *end = y + BAND < h ? y + BAND : h;

    return y;
}
