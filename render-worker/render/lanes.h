/*
 * Eight rays at once, for CPUs with AVX2: where they are among the cells, the
 * values and the extinction there.
 */

#ifndef RENDER_LANES_H
#define RENDER_LANES_H

#include <immintrin.h>

#include "render-worker/render/kernel/pt_path.h"

#define LANES 8

typedef float lanes_f __attribute__((vector_size(32)));
typedef int32_t lanes_i __attribute__((vector_size(32)));

/* Eight pt_tap_t. */
typedef struct {
    lanes_f x, rise, sigma, sum;
} lanes_tap_t;

/* Eight pt_walk_t, each at t of t1 mm. */
typedef struct {
    lanes_f o[3], d[3], inverse[3], nudge, t, t1;
} lanes_walk_t;

/* Where eight lookups read. */
typedef struct {
    lanes_i at;   /* the voxel below */
    lanes_f f[3]; /* from there to the next, 0..1 */
    lanes_f d[3]; /* the direction, 0 along an axis where voxels have ended */
} lanes_place_t;

static inline lanes_f
lanes_all(float x)
{
    return (lanes_f) _mm256_set1_ps(x);
}

static inline lanes_f
lanes_min(lanes_f a, lanes_f b)
{
    return (lanes_f) _mm256_min_ps((__m256) a, (__m256) b);
}

/* b where a is no number. */
static inline lanes_f
lanes_max(lanes_f a, lanes_f b)
{
    return (lanes_f) _mm256_max_ps((__m256) a, (__m256) b);
}

/* a where the mask is -1, else b. */
static inline lanes_f
lanes_pick(lanes_i mask, lanes_f a, lanes_f b)
{
    return (lanes_f) _mm256_blendv_ps((__m256) b, (__m256) a, (__m256) mask);
}

static inline lanes_i
lanes_whole(lanes_f x)
{
    return (lanes_i) _mm256_cvttps_epi32((__m256) x);
}

static inline lanes_f
lanes_float(lanes_i x)
{
    return (lanes_f) _mm256_cvtepi32_ps((__m256i) x);
}

static inline lanes_i
lanes_clamp(lanes_i i, int32_t n)
{
    __m256i low = _mm256_max_epi32((__m256i) i, _mm256_setzero_si256());

    return (lanes_i) _mm256_min_epi32(low, _mm256_set1_epi32(n - 1));
}

static inline unsigned
lanes_bits(lanes_i mask)
{
    return (unsigned) _mm256_movemask_ps((__m256) mask);
}

/* Eight rows of four, as four of eight. */
static inline void
lanes_turn(const __m128 row[LANES], lanes_f out[4])
{
    __m256 a = _mm256_set_m128(row[4], row[0]);
    __m256 b = _mm256_set_m128(row[5], row[1]);
    __m256 c = _mm256_set_m128(row[6], row[2]);
    __m256 d = _mm256_set_m128(row[7], row[3]);
    __m256 ab = _mm256_unpacklo_ps(a, b), cd = _mm256_unpacklo_ps(c, d);

    out[0] = (lanes_f) _mm256_shuffle_ps(ab, cd, 0x44);
    out[1] = (lanes_f) _mm256_shuffle_ps(ab, cd, 0xee);
    ab = _mm256_unpackhi_ps(a, b);
    cd = _mm256_unpackhi_ps(c, d);
    out[2] = (lanes_f) _mm256_shuffle_ps(ab, cd, 0x44);
    out[3] = (lanes_f) _mm256_shuffle_ps(ab, cd, 0xee);
}

/* pt_tap. Loads of whole entries are faster than gathers of their fields. */
static inline lanes_tap_t
lanes_tap(const pt_scene_t *s, lanes_f x, lanes_f rise)
{
    lanes_f inside, f, entry[4];
    __m128 row[LANES];
    lanes_tap_t tap;
    lanes_i i;
    int k;

    inside = lanes_min(lanes_max(x, lanes_all(0.0f)),
                       lanes_all((float) (PT_TABLE - 1)));
    i = lanes_whole(inside);
    f = inside - lanes_float(i);

    for (k = 0; k < LANES; k++) {
        row[k] = _mm_loadu_ps(&s->sigma[i[k]].at);
    }

    lanes_turn(row, entry);
    tap.x = x;
    tap.rise = rise;
    tap.sigma = entry[0] + f * entry[1];
    tap.sum = entry[2] + f * (entry[0] + 0.5f * f * entry[1]) +
              (x - inside) * tap.sigma;

    return tap;
}

/* pt_split; *d becomes 0 where the coordinate lies outside. */
static inline lanes_i
lanes_split(lanes_f p, int32_t n, lanes_f *fraction, lanes_f *d)
{
    lanes_f q =
        lanes_min(lanes_max(p, lanes_all(0.0f)), lanes_all((float) (n - 1)));
    lanes_i i = (lanes_i) _mm256_min_epi32((__m256i) lanes_whole(q),
                                           _mm256_set1_epi32(n - 2));

    *fraction = q - lanes_float(i);
    *d = (lanes_f) ((lanes_i) *d & (p == q));

    return i;
}

static inline int32_t
lanes_pair(const uint16_t *v)
{
    int32_t pair;

    memcpy(&pair, v, sizeof(pair));

    return pair;
}

static inline lanes_place_t
lanes_place(const pt_scene_t *s, const lanes_walk_t *w, lanes_f t)
{
    lanes_place_t p;
    lanes_i i;
    int axis;

    for (axis = 2; axis >= 0; axis--) {
        p.d[axis] = w->d[axis];
        i = lanes_split(w->o[axis] + t * w->d[axis], s->n[axis], &p.f[axis],
                        &p.d[axis]);
        p.at = axis == 2 ? i : p.at * s->n[axis] + i;
    }

    return p;
}

/* Lets the voxels come while other rays are seen to. Inlined, or gcc takes it
 * for a function that does nothing. */
static inline __attribute__((always_inline)) void
lanes_fetch(const pt_scene_t *s, const lanes_place_t *p)
{
    int64_t line = s->n[0], slice = line * s->n[1];
    const uint16_t *v;
    int k;

    for (k = 0; k < LANES; k++) {
        v = s->voxels + (uint32_t) p->at[k];
        __builtin_prefetch(v);
        __builtin_prefetch(v + line);
        __builtin_prefetch(v + slice);
        __builtin_prefetch(v + slice + line);
    }
}

/* pt_value_rise. One load fetches both neighbours along x. */
static inline lanes_f
lanes_value(const pt_scene_t *s, const lanes_place_t *p, lanes_f *rise)
{
    int64_t line = s->n[0], slice = line * s->n[1];
    lanes_f a[4], b[4], pair[4];
    __m128 row[LANES];
    const uint16_t *v;
    lanes_i two;
    int k;

    for (k = 0; k < LANES; k++) {
        v = s->voxels + (uint32_t) p->at[k];
        row[k] = _mm_castsi128_ps(
            _mm_set_epi32(lanes_pair(v + slice + line), lanes_pair(v + slice),
                          lanes_pair(v + line), lanes_pair(v)));
    }

    lanes_turn(row, pair);

    for (k = 0; k < 4; k++) {
        two = (lanes_i) pair[k];
        a[k] = lanes_float(two & 0xffff);
        b[k] =
            lanes_float((lanes_i) _mm256_srli_epi32((__m256i) two, 16)) - a[k];
        a[k] += p->f[0] * b[k];
    }

    b[0] += p->f[1] * (b[1] - b[0]);
    b[2] += p->f[1] * (b[3] - b[2]);
    *rise = (b[0] + p->f[2] * (b[2] - b[0])) * p->d[0];
    a[1] -= a[0];
    a[3] -= a[2];
    *rise += (a[1] + p->f[2] * (a[3] - a[1])) * p->d[1];
    a[0] += p->f[1] * a[1];
    a[2] += p->f[1] * a[3];
    *rise += (a[2] - a[0]) * p->d[2];

    return a[0] + p->f[2] * (a[2] - a[0]);
}

/* pt_bound, but what it returns is what `of` has of the cell: its detail or its
 * bound, at most 0 where it is empty. */
static inline lanes_f
lanes_cell(const pt_scene_t *s, const lanes_walk_t *w, const float *of,
           lanes_f *end)
{
    const float quarter = 1.0f / PT_CELL;
    lanes_i i[3], at = {0, 0, 0, 0, 0, 0, 0, 0}, size, edge;
    lanes_f value, p, out = lanes_all(PT_FAR);
    int axis;

    for (axis = 2; axis >= 0; axis--) {
        p = quarter * (w->o[axis] + w->t * w->d[axis]);
        i[axis] = lanes_whole((lanes_f) _mm256_floor_ps((__m256) p));
        at = at * s->cells[axis] + lanes_clamp(i[axis], s->cells[axis]);
    }

    value = (lanes_f) _mm256_i32gather_ps(of, (__m256i) at, 4);
    size = (lanes_i) _mm256_max_epi32((__m256i) lanes_whole(-value),
                                      _mm256_set1_epi32(1));

    for (axis = 0; axis < 3; axis++) {
        edge = (i[axis] & -size) + (size & (w->inverse[axis] > 0.0f));
        out = lanes_min(out, (lanes_float(edge) - quarter * w->o[axis]) *
                                 w->inverse[axis]);
    }

    *end = lanes_min(lanes_max(out, w->t) + w->nudge, w->t1);

    return value;
}

#endif
