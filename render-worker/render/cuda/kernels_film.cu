/* From sums to a picture, a thread a pixel: what filter.c and film.c do on the
 * CPU, with the same functions of kernel/. */

#include "render-worker/render/cuda/kernels.h"

#include <cuda_runtime.h>

#define BLOCK_THREADS 256

typedef struct {
    int32_t x, y;
    int64_t i;
} place_t;

/* Returns false past the picture's end. */
static __device__ bool
place_of(uint32_t width, uint32_t height, place_t *p)
{
    p->i = (int64_t) blockIdx.x * BLOCK_THREADS + threadIdx.x;
    p->x = (int32_t) (p->i % width);
    p->y = (int32_t) (p->i / width);

    return p->y < (int32_t) height;
}

/* How much neighbour (dx, dy), `step` pixels further each, counts for p; 0
 * when there is none. *q: where it lies. */
static __device__ float
neighbour(const film_t &f, place_t p, int32_t dx, int32_t dy, int32_t step,
          int64_t *q)
{
    int32_t x = p.x + dx * step, y = p.y + dy * step;

    if (x < 0 || y < 0 || x >= (int32_t) f.width || y >= (int32_t) f.height) {
        return 0.0f;
    }

    *q = (int64_t) y * f.width + x;

    return (dx == 0 ? 1.0f : 0.5f) * (dy == 0 ? 1.0f : 0.5f);
}

/* --- the filter ------------------------------------------------------------ */

static __global__ void
gather_kernel(const __grid_constant__ film_t f,
              const __grid_constant__ kernels_filter_t t)
{
    place_t p;

    if (place_of(f.width, f.height, &p)) {
        pt_guide_put(&t.planes.guides, p.i, pt_guide(f.look + p.i, f.voxel_mm));
        pt_glow_put(&t.planes.glows[0], p.i,
                    pt_glow(f.pixel + p.i, f.look + p.i, f.samples));
        t.planes.samples[p.i] = (float) f.samples;
    }
}

static __global__ void
keep_kernel(const __grid_constant__ film_t f,
            const __grid_constant__ kernels_filter_t t,
            const __grid_constant__ pt_glows_t from)
{
    place_t p;

    if (place_of(f.width, f.height, &p)) {
        pt_past_put(&t.past, p.i, f.look + p.i, pt_glow_at(&from, p.i),
                    t.planes.samples[p.i], f.voxel_mm);
    }
}

static __global__ void
recall_kernel(const __grid_constant__ film_t f,
              const __grid_constant__ kernels_filter_t t)
{
    int32_t w = (int32_t) f.width, h = (int32_t) f.height;
    float n = (float) f.samples, worth = 0.0f;
    pt_glow_t own, past;
    pt_guide_t guide;
    pt_ray_t r;
    place_t p;

    if (!place_of(f.width, f.height, &p)) {
        return;
    }

    guide = pt_past_guide(f.look + p.i, f.voxel_mm);
    own = pt_glow_at(&t.planes.glows[0], p.i);

    if (guide.depth < PT_FAR) {
        r = pt_camera_ray(&f.camera, w, h, (float) p.x + 0.5f,
                          (float) p.y + 0.5f, 0.5f, 0.5f);
        worth = pt_past_at(&t.past, guide, pt_along(r.o, r.d, guide.depth),
                           f.pixel_mm, &past);
        worth = pt_past_worth(worth, f.past, f.samples);
    }

    if (worth > 0.0f) {
        past = pt_past_fit(past, own, f.look + p.i);
        own = pt_past_mix(own, n, past, worth);
    }

    pt_glow_put(&t.planes.glows[1], p.i, own);
    t.planes.samples[p.i] = n + worth;
}

static __global__ void
calm_kernel(const __grid_constant__ film_t f,
            const __grid_constant__ kernels_filter_t t,
            const __grid_constant__ pt_glows_t from,
            const __grid_constant__ pt_glows_t to)
{
    float light = 0.0f, cover = 0.0f, tone = 0.0f, square = 0.0f;
    float variance = 0.0f, total = 0.0f, k, mean;
    pt_guide_t guide;
    pt_glow_t g;
    place_t p;
    int64_t q;
    int32_t i;

    if (!place_of(f.width, f.height, &p)) {
        return;
    }

    guide = pt_guide_at(&t.planes.guides, p.i);

    for (i = 0; i < 9; i++) {
        if (neighbour(f, p, i % 3 - 1, i / 3 - 1, 1, &q) == 0.0f) {
            continue;
        }

        g = pt_glow_at(&from, q);
        k = pt_alike(guide, pt_guide_at(&t.planes.guides, q), f.pixel_mm);
        light += k * pt_luminance(g.light);
        cover += k * g.cover;
        tone += k * g.tone;
        square += k * g.tone * g.tone;
        variance += k * g.variance * t.planes.samples[q];
        total += k;
    }

    g = pt_glow_at(&from, p.i);
    k = 1.0f / total;
    mean = tone * k;
    g.tone = light / pt_max(cover, 0.05f * total);
    g.variance =
        f.samples > 1
            ? pt_glow_variance(variance * k, t.planes.samples[p.i], f.samples)
            : pt_max(square * k - mean * mean, 0.0f);
    pt_glow_put(&to, p.i, g);
}

static __global__ void
level_kernel(const __grid_constant__ film_t f,
             const __grid_constant__ kernels_filter_t t,
             const __grid_constant__ pt_glows_t from,
             const __grid_constant__ pt_glows_t to, int32_t step)
{
    float total = 1.0f, k, reach = (float) step * f.pixel_mm;
    pt_glow_t own, sum, g;
    pt_guide_t guide;
    place_t p;
    int64_t q;
    int32_t i;

    if (!place_of(f.width, f.height, &p)) {
        return;
    }

    guide = pt_guide_at(&t.planes.guides, p.i);
    own = pt_glow_at(&from, p.i);
    sum = own;

    for (i = 0; i < 9; i++) {
        k = i == 4 ? 0.0f : neighbour(f, p, i % 3 - 1, i / 3 - 1, step, &q);

        if (k == 0.0f) {
            continue;
        }

        g = pt_glow_at(&from, q);
        k *= pt_agree(own.tone, g.tone, own.variance + g.variance);
        k *= pt_alike(guide, pt_guide_at(&t.planes.guides, q), reach);
        sum = pt_glow_sum(sum, g, k);
        total += k;
    }

    pt_glow_put(&to, p.i, pt_glow_mean(sum, total));
}

static __global__ void
doubt_kernel(const __grid_constant__ film_t f,
             const __grid_constant__ kernels_filter_t t,
             const __grid_constant__ pt_glows_t from)
{
    pt_shade_t s;
    place_t p;
    float d;

    if (place_of(f.width, f.height, &p)) {
        s = pt_shade(f.pixel + p.i, f.look + p.i, pt_glow_at(&from, p.i),
                     f.samples, f.marched);
        d = pt_luminance(pt_sub(s.plain, s.smooth));
        t.planes.error[p.i] = d * d;
        t.planes.variance[p.i] = s.variance;
    }
}

/* Sum of a plane over the square around p, column by column. */
static __device__ float
around(const film_t &f, const float *plane, place_t p)
{
    int32_t w = (int32_t) f.width, h = (int32_t) f.height, x, y;
    float sum = 0.0f, column;

    for (x = p.x - PT_FILTER_FADE; x <= p.x + PT_FILTER_FADE; x++) {
        column = 0.0f;

        for (y = p.y - PT_FILTER_FADE; y <= p.y + PT_FILTER_FADE; y++) {
            if (x >= 0 && y >= 0 && x < w && y < h) {
                column += plane[(int64_t) y * w + x];
            }
        }

        sum += column;
    }

    return sum;
}

static __global__ void
shade_kernel(const __grid_constant__ film_t f,
             const __grid_constant__ kernels_filter_t t,
             const __grid_constant__ pt_glows_t from, float *shaded)
{
    pt_shade_t s;
    place_t p;
    float k;

    if (!place_of(f.width, f.height, &p)) {
        return;
    }

    s = pt_shade(f.pixel + p.i, f.look + p.i, pt_glow_at(&from, p.i), f.samples,
                 f.marched);

    if (f.samples >= PT_FILTER_SURE) {
        s = pt_shade_mix(s, around(f, t.planes.error, p), around(f, t.planes.variance, p),
                         f.samples);
    }

    k = s.smooth_cover > 0.0f ? 1.0f / s.smooth_cover : 0.0f;
    shaded += 4 * p.i;
    shaded[0] = s.smooth.x * k;
    shaded[1] = s.smooth.y * k;
    shaded[2] = s.smooth.z * k;
    shaded[3] = s.smooth_cover;
}

/* --- the picture ------------------------------------------------------------ */

static __global__ void
mean_kernel(const __grid_constant__ film_t f, float *shaded)
{
    const pt_pixel_t *pixel;
    double k;
    place_t p;

    if (!place_of(f.width, f.height, &p)) {
        return;
    }

    pixel = f.pixel + p.i;
    k = pixel->cover > 0 ? 1 / pixel->cover : 0;
    shaded += 4 * p.i;
    shaded[0] = (float) (pixel->radiance[0] * k);
    shaded[1] = (float) (pixel->radiance[1] * k);
    shaded[2] = (float) (pixel->radiance[2] * k);
    shaded[3] = f.samples > 0 ? (float) (pixel->cover / f.samples) : 0.0f;
}

/* shown: 0..255, colours times alpha. */
static __global__ void
show_kernel(const __grid_constant__ film_t f, const float *shaded, float *shown)
{
    float light;
    place_t p;
    int32_t c;

    if (!place_of(f.width, f.height, &p)) {
        return;
    }

    shaded += 4 * p.i;
    shown += 4 * p.i;
    shown[3] = f.transparent ? 255.0f * shaded[3] : 255.0f;

    for (c = 0; c < 3; c++) {
        light = pt_tone(shaded[c] * f.exposure, f.tone_map);

        if (!f.transparent) {
            light = shaded[3] * light + (1.0f - shaded[3]) * f.background[c];
        }

        light = pt_srgb(pt_min(pt_max(light, 0.0f), 1.0f));
        shown[c] = shown[3] * powf(light, 1.0f / f.gamma);
    }
}

static __device__ float
scaled(const float *row, int32_t x0, int32_t x1, float fx, int32_t c)
{
    float a = row[4 * x0 + c];

    return a + fx * (row[4 * x1 + c] - a);
}

static __global__ void
scale_kernel(const __grid_constant__ film_t f, const float *shown,
             uint32_t width, uint32_t height, uint8_t *rgba)
{
    int32_t w = (int32_t) f.width, h = (int32_t) f.height, x0, x1, y0, y1, c;
    float sx, sy, a, b, mixed[4];
    place_t p;

    if (!place_of(width, height, &p)) {
        return;
    }

    sx = ((float) p.x + 0.5f) * ((float) w / (float) width) - 0.5f;
    sy = ((float) p.y + 0.5f) * ((float) h / (float) height) - 0.5f;
    sx = pt_min(pt_max(sx, 0.0f), (float) (w - 1));
    sy = pt_min(pt_max(sy, 0.0f), (float) (h - 1));
    x0 = (int32_t) sx;
    y0 = (int32_t) sy;
    x1 = x0 + 1 < w ? x0 + 1 : x0;
    y1 = y0 + 1 < h ? y0 + 1 : y0;

    for (c = 0; c < 4; c++) {
        a = scaled(shown + 4 * (int64_t) y0 * w, x0, x1, sx - (float) x0, c);
        b = scaled(shown + 4 * (int64_t) y1 * w, x0, x1, sx - (float) x0, c);
        mixed[c] = a + (sy - (float) y0) * (b - a);
    }

    pt_bytes(mixed, rgba + 4 * p.i);
}

/* --- from C ------------------------------------------------------------------ */

template <typename... Expected, typename... Actual>
static cudaError_t
launch(uint32_t width, uint32_t height, cudaStream_t stream,
       void (*kernel)(Expected...), Actual... actual)
{
    cudaLaunchConfig_t how = {};

    how.gridDim.x = (width * height + BLOCK_THREADS - 1) / BLOCK_THREADS;
    how.blockDim.x = BLOCK_THREADS;
    how.stream = stream;

    return cudaLaunchKernelEx(&how, kernel, actual...);
}

extern "C" cudaError_t
kernels_gather(const film_t *f, const kernels_filter_t *t, int recall,
               cudaStream_t stream)
{
    cudaError_t e = launch(f->width, f->height, stream, gather_kernel, *f, *t);

    if (e == cudaSuccess && recall) {
        e = launch(f->width, f->height, stream, recall_kernel, *f, *t);
    }

    return e;
}

extern "C" cudaError_t
kernels_keep(const film_t *f, const kernels_filter_t *t, int recalled,
             cudaStream_t stream)
{
    return launch(f->width, f->height, stream, keep_kernel, *f, *t,
                  t->planes.glows[recalled]);
}

extern "C" cudaError_t
kernels_filter(const film_t *f, const kernels_filter_t *t, int recalled,
               float *shaded, cudaStream_t stream)
{
    pt_glows_t from = t->planes.glows[recalled], to = t->planes.glows[!recalled];
    pt_glows_t swap;
    uint32_t w = f->width, h = f->height;
    cudaError_t e = launch(w, h, stream, calm_kernel, *f, *t, from, to);
    int32_t step;

    for (step = 1; step < 1 << PT_FILTER_LEVELS && e == cudaSuccess; step *= 2) {
        swap = from;
        from = to;
        to = swap;
        e = launch(w, h, stream, level_kernel, *f, *t, from, to, step);
    }

    if (e == cudaSuccess) {
        e = launch(w, h, stream, doubt_kernel, *f, *t, to);
    }

    return e == cudaSuccess
               ? launch(w, h, stream, shade_kernel, *f, *t, to, shaded)
               : e;
}

extern "C" cudaError_t
kernels_mean(const film_t *f, float *shaded, cudaStream_t stream)
{
    return launch(f->width, f->height, stream, mean_kernel, *f, shaded);
}

extern "C" cudaError_t
kernels_display(const film_t *f, const float *shaded, float *shown,
                uint32_t width, uint32_t height, uint8_t *rgba,
                cudaStream_t stream)
{
    cudaError_t e =
        launch(f->width, f->height, stream, show_kernel, *f, shaded, shown);

    return e == cudaSuccess ? launch(width, height, stream, scale_kernel, *f,
                                     (const float *) shown, width, height, rgba)
                            : e;
}
