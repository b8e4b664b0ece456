/*
 * Steps of a march, eight at once, for CPUs with AVX2. The same numbers as
 * pt_steps_each's but for rounding.
 */

#ifndef PT_STEPS8_H
#define PT_STEPS8_H

#include "render-worker/render/kernel/pt_tap.h"

#define PT_FEW 2

typedef float pt_f8 __attribute__((vector_size(32)));
typedef int32_t pt_i8 __attribute__((vector_size(32)));

PT_FN pt_f8
pt_f8_all(float x)
{
    return (pt_f8){x, x, x, x, x, x, x, x};
}

PT_FN pt_f8
pt_f8_within(pt_f8 x, float low, float high)
{
    return (pt_f8) _mm256_min_ps(
        _mm256_max_ps((__m256) x, (__m256) pt_f8_all(low)),
        (__m256) pt_f8_all(high));
}

PT_FN pt_i8
pt_f8_whole(pt_f8 x)
{
    return (pt_i8) _mm256_cvttps_epi32((__m256) x);
}

PT_FN pt_f8
pt_i8_float(pt_i8 x)
{
    return (pt_f8) _mm256_cvtepi32_ps((__m256i) x);
}

/* pt_split for eight. */
PT_FN pt_i8
pt_f8_split(pt_f8 p, int32_t n, pt_f8 *fraction)
{
    pt_i8 i;

    p = pt_f8_within(p, 0.0f, (float) (n - 1));
    i = (pt_i8) _mm256_min_epi32((__m256i) pt_f8_whole(p),
                                 _mm256_set1_epi32(n - 2));
    *fraction = p - pt_i8_float(i);

    return i;
}

/* One load fetches both neighbours along x. */
PT_FN pt_f8
pt_f8_row(const uint16_t *v, pt_i8 at, pt_f8 fx)
{
    pt_i8 pair =
        (pt_i8) _mm256_i32gather_epi32((const int *) v, (__m256i) at, 2);
    pt_f8 left = pt_i8_float(pair & 0xffff);
    pt_f8 right = pt_i8_float((pt_i8) _mm256_srli_epi32((__m256i) pair, 16));

    return left + fx * (right - left);
}

PT_FN pt_f8
pt_f8_value(const pt_scene_t *s, const pt_walk_t *w, pt_f8 t)
{
    int64_t row = s->n[0], slice = row * s->n[1];
    pt_f8 fx, fy, fz, low, high;
    pt_i8 x, y, z, at;
    const uint16_t *v;

    x = pt_f8_split(w->o.x + t * w->d.x, s->n[0], &fx);
    y = pt_f8_split(w->o.y + t * w->d.y, s->n[1], &fy);
    z = pt_f8_split(w->o.z + t * w->d.z, s->n[2], &fz);

    /* Steps of one cell: what lies between them fits 32 bits. */
    v = s->voxels + z[0] * slice + y[0] * row + x[0];
    at = (z - z[0]) * (int32_t) slice + (y - y[0]) * (int32_t) row + x - x[0];

    low = pt_f8_row(v, at, fx);
    low += fy * (pt_f8_row(v + row, at, fx) - low);
    high = pt_f8_row(v + slice, at, fx);
    high += fy * (pt_f8_row(v + slice + row, at, fx) - high);

    return low + fz * (high - low);
}

/* Eight entries' field number `field`. */
PT_FN pt_f8
pt_f8_entry(const pt_scene_t *s, pt_i8 at, int field)
{
    return (pt_f8) _mm256_i32gather_ps((const float *) s->sigma + field,
                                       (__m256i) at, 4);
}

/* a before the first seven of b. */
PT_FN pt_f8
pt_f8_before(float a, pt_f8 b)
{
    b = __builtin_shuffle(b, (pt_i8){0, 0, 1, 2, 3, 4, 5, 6});
    b[0] = a;

    return b;
}

/* As pt_steps_each, which is faster for few. */
PT_FN float
pt_steps(const pt_scene_t *s, const pt_walk_t *w, float t, float dt, int32_t n,
         pt_tap_t *tap, pt_taps_t *out)
{
    pt_f8 k = {1, 2, 3, 4, 5, 6, 7, 8}, x, inside, f, at, step, sigma, sum;
    pt_f8 gap, mean, even, depth;
    pt_i8 i, keep, near;
    __m128 half;

    if (n <= PT_FEW) {
        return pt_steps_each(s, w, t, dt, n, tap, out);
    }

    /* Lanes past the last step stand where it ends. */
    k = pt_f8_within(k, 0.0f, (float) n);
    x = (pt_f8_value(s, w, t + k * dt) - s->table_first) * s->table_scale;
    inside = pt_f8_within(x, 0.0f, (float) (PT_TABLE - 1));
    i = pt_f8_whole(inside);
    f = inside - pt_i8_float(i);
    i *= (int32_t) (sizeof(pt_sigma_t) / sizeof(float));
    at = pt_f8_entry(s, i, 0);
    step = pt_f8_entry(s, i, 1);
    sigma = at + f * step;
    sum = pt_f8_entry(s, i, 2) + f * (at + 0.5f * f * step) +
          (x - inside) * sigma;

    gap = x - pt_f8_before(tap->x, x);
    near = (pt_i8) _mm256_cmp_ps(
        _mm256_andnot_ps(_mm256_set1_ps(-0.0f), (__m256) gap),
        _mm256_set1_ps(PT_TAP_NEAR), _CMP_LT_OQ);
    even = 0.5f * (pt_f8_before(tap->sigma, sigma) + sigma);
    mean = (sum - pt_f8_before(tap->sum, sum)) / gap;
    mean =
        (pt_f8) _mm256_blendv_ps((__m256) mean, (__m256) even, (__m256) near);
    keep = (pt_i8){0, 1, 2, 3, 4, 5, 6, 7} < n;
    depth = (pt_f8) ((pt_i8) (dt * mean) & keep);

    _mm256_storeu_ps(out->depth, (__m256) depth);
    _mm256_storeu_ps(out->x, (__m256) x);
    tap->x = x[7];
    tap->sigma = sigma[7];
    tap->sum = sum[7];

    half = _mm_add_ps(_mm256_castps256_ps128((__m256) depth),
                      _mm256_extractf128_ps((__m256) depth, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));

    return half[0] + half[1];
}

#endif
