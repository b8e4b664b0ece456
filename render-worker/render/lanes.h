/*
 * Marches eight rays at once, for CPUs with AVX2; a lane whose ray has ended
 * takes the next. What a ray finds depends on no other ray, and is what
 * pt_depth finds but for rounding.
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

/* What a lane's march had come to: t mm and its tap there. */
typedef struct {
    lanes_f t, depth, x, rise;
} lanes_row_t;

/* Eight pt_walk_t, each at t of t1 mm. */
typedef struct {
    lanes_f o[3], d[3], inverse[3], nudge, t, t1;
} lanes_walk_t;

typedef struct {
    lanes_walk_t w;
    lanes_f per, depth;
    lanes_tap_t tap;
    lanes_i follows; /* -1: tap is at t */
    lanes_i live;    /* -1: a ray is in the lane */

    /* Of the last PT_STEPS steps, if they are recorded: to find collisions. */
    float t0[LANES];
    int32_t which[LANES];
    int recorded;
    uint32_t rows, first[LANES];
    lanes_row_t row[PT_STEPS];
} lanes_t;

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

/* pt_tap_mean. */
static inline lanes_f
lanes_mean(lanes_tap_t a, lanes_tap_t b)
{
    lanes_f gap = b.x - a.x;
    lanes_i near = lanes_max(gap, -gap) < PT_TAP_NEAR;

    return lanes_pick(near, 0.5f * (a.sigma + b.sigma), (b.sum - a.sum) / gap);
}

/* pt_tap_depth. */
static inline lanes_f
lanes_depth(const pt_scene_t *s, lanes_tap_t a, lanes_tap_t b, lanes_f dt)
{
    lanes_f bend = (a.rise - b.rise) * dt, gap = b.x - a.x, f, x;
    lanes_tap_t m;

    f = lanes_max((gap - b.rise * dt) / bend, lanes_all(0.0f));
    f = lanes_min(f, lanes_all(1.0f));
    f = lanes_pick(lanes_max(bend, -bend) > 1e-3f, f, lanes_all(0.5f));
    x = a.x + f * gap;
    x += PT_TAP_BEND *
         (0.5f * (a.x + b.x + dt * (f * a.rise - (1.0f - f) * b.rise)) - x);
    m = lanes_tap(s, x, b.rise);

    return dt * (f * lanes_mean(a, m) + (1.0f - f) * lanes_mean(m, b));
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

/* pt_value_rise at t. One load fetches both neighbours along x. */
static inline lanes_f
lanes_value_at(const pt_scene_t *s, const lanes_walk_t *w, lanes_f t,
               lanes_f *rise)
{
    int64_t line = s->n[0], slice = line * s->n[1];
    lanes_f fx, fy, fz, a[4], b[4], pair[4];
    lanes_f dx = w->d[0], dy = w->d[1], dz = w->d[2];
    lanes_i x = lanes_split(w->o[0] + t * dx, s->n[0], &fx, &dx);
    lanes_i y = lanes_split(w->o[1] + t * dy, s->n[1], &fy, &dy);
    lanes_i z = lanes_split(w->o[2] + t * dz, s->n[2], &fz, &dz);
    lanes_i at = (z * s->n[1] + y) * s->n[0] + x;
    __m128 row[LANES];
    const uint16_t *v;
    int k;

    for (k = 0; k < LANES; k++) {
        v = s->voxels + (uint32_t) at[k];
        row[k] = _mm_castsi128_ps(
            _mm_set_epi32(lanes_pair(v + slice + line), lanes_pair(v + slice),
                          lanes_pair(v + line), lanes_pair(v)));
    }

    lanes_turn(row, pair);

    for (k = 0; k < 4; k++) {
        at = (lanes_i) pair[k];
        a[k] = lanes_float(at & 0xffff);
        b[k] =
            lanes_float((lanes_i) _mm256_srli_epi32((__m256i) at, 16)) - a[k];
        a[k] += fx * b[k];
    }

    b[0] += fy * (b[1] - b[0]);
    b[2] += fy * (b[3] - b[2]);
    *rise = (b[0] + fz * (b[2] - b[0])) * dx;
    a[1] -= a[0];
    a[3] -= a[2];
    *rise += (a[1] + fz * (a[3] - a[1])) * dy;
    a[0] += fy * a[1];
    a[2] += fy * a[3];
    *rise += (a[2] - a[0]) * dz;

    return a[0] + fz * (a[2] - a[0]);
}

/* pt_tap_at. */
static inline lanes_tap_t
lanes_tap_at(const pt_scene_t *s, const lanes_walk_t *w, lanes_f t)
{
    lanes_f rise, value = lanes_value_at(s, w, t, &rise);

    return lanes_tap(s, (value - s->table_first) * s->table_scale,
                     rise * s->table_scale);
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

/* One step of the lanes that are not empty, or their first tap. */
static inline void
lanes_step(const pt_scene_t *s, lanes_t *l, lanes_f detail, lanes_f end,
           lanes_i go)
{
    lanes_row_t *row = l->row + l->rows % PT_STEPS;
    lanes_f most, left = end - l->w.t, dt, at;
    lanes_tap_t next;
    lanes_i n;

    most = lanes_max(detail, PT_NEAR - l->w.t * l->per);
    n = lanes_whole(left * l->per * most - 0.05f) + 1;
    dt = (lanes_f) ((lanes_i) (left / lanes_float(n)) & l->follows);
    at = l->w.t + dt;
    next = lanes_tap_at(s, &l->w, at);
    dt = lanes_depth(s, l->tap, next, dt);
    l->depth += (lanes_f) ((lanes_i) dt & go & l->follows);
    at = lanes_pick((n == 1) & l->follows, end, at);
    l->w.t = lanes_pick(go, at, l->w.t);
    l->tap = next;
    l->follows = go;

    if (l->recorded) {
        row->t = l->w.t;
        row->depth = l->depth;
        row->x = next.x;
        row->rise = next.rise;
        l->rows++;
    }
}

/* The collision of a lane's ray at this depth. */
static inline void
lanes_find(const pt_scene_t *s, const lanes_t *l, int k, float depth,
           pt_found_t *f)
{
    uint32_t low = l->first[k], high = l->rows, middle;
    const lanes_row_t *a, *b;
    float dt, x;

    /* The first row at or past it. */
    while (low < high) {
        middle = low + (high - low) / 2;

        if (l->row[middle % PT_STEPS].depth[k] >= depth) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    if (low == l->rows || low == l->first[k]) {
        f->weight = 0.0f;
        return;
    }

    a = l->row + (low - 1) % PT_STEPS;
    b = l->row + low % PT_STEPS;
    dt = b->t[k] - a->t[k];
    f->t = l->t0[k] + a->t[k] +
           dt * pt_depth_find(s, pt_tap(s, a->x[k], a->rise[k]),
                              pt_tap(s, b->x[k], b->rise[k]), dt,
                              depth - a->depth[k], &x);
    f->value = s->table_first + x / s->table_scale;
}

/* Takes a lane's ray out. */
static inline void
lanes_end(const pt_scene_t *s, lanes_t *l, int k, const pt_path_t *p,
          pt_found_t *f)
{
    float depth = l->depth[k], target;

    f->clear = depth < PT_OPAQUE ? expf(-depth) : 0.0f;
    f->weight = 0.0f;
    l->live[k] = 0;

    if (p->ask != PT_CLEAR) {
        f->weight =
            pt_depth_choose(1.0f - f->clear, p->u, p->ask == PT_FORCE, &target);

        if (f->weight > 0.0f) {
            lanes_find(s, l, k, target, f);
        }
    }
}

/* Puts a ray into a lane. Returns 0 when it meets nothing at all. */
static inline int
lanes_begin(const pt_scene_t *s, lanes_t *l, int k, const pt_path_t *p)
{
    float t0 = 0.0f, t1 = p->limit;
    const float *o, *d, *inverse;
    pt_walk_t w;
    int axis;

    if (!pt_interval(s, p->r, &t0, &t1)) {
        return 0;
    }

    w = pt_walk(s, p->r, t0);
    o = &w.o.x;
    d = &w.d.x;
    inverse = &w.inverse.x;

    for (axis = 0; axis < 3; axis++) {
        l->w.o[axis][k] = o[axis];
        l->w.d[axis][k] = d[axis];
        l->w.inverse[axis][k] = inverse[axis];
    }

    l->per[k] = pt_length(w.d);
    l->w.nudge[k] = w.nudge;
    l->t0[k] = t0;
    l->w.t1[k] = t1 - t0;
    l->w.t[k] = l->depth[k] = 0.0f;
    l->follows[k] = 0;
    l->live[k] = -1;
    l->first[k] = l->rows;

    return 1;
}

/* What the marches that n paths ask for, all of one kind, find. */
static inline void
lanes_march(const pt_scene_t *s, lanes_t *l, pt_path_t *const *path, int32_t n,
            pt_found_t *found)
{
    static const pt_found_t nothing = {1.0f, 0.0f, 0.0f, 0.0f};
    lanes_f detail, end;
    lanes_i empty, go, ended;
    unsigned bits;
    int32_t next = 0;
    int k;

    memset(l, 0, offsetof(lanes_t, row));
    l->recorded = n > 0 && path[0]->ask != PT_CLEAR;

    for (;;) {
        ended = ~l->live;

        for (bits = lanes_bits(ended); bits && next < n;) {
            k = __builtin_ctz(bits);

            if (lanes_begin(s, l, k, path[next])) {
                l->which[k] = next;
                bits &= bits - 1;

            } else {
                found[next] = nothing;
            }

            next++;
        }

        bits = lanes_bits(l->live);
        if (bits == 0) {
            return;
        }

        detail = lanes_cell(s, &l->w, s->detail, &end);
        empty = detail <= 0.0f;
        go = l->live & ~empty;
        l->w.t = lanes_pick(empty, end, l->w.t);
        l->follows &= go;

        /* Where most lanes only pass empty blocks, the others wait for them. */
        if (2 * __builtin_popcount(lanes_bits(go)) >=
            __builtin_popcount(bits)) {
            lanes_step(s, l, detail, end, go);
        }

        ended = l->live & ~((l->w.t < l->w.t1) & (l->depth < PT_OPAQUE));

        for (bits = lanes_bits(ended); bits; bits &= bits - 1) {
            k = __builtin_ctz(bits);
            lanes_end(s, l, k, path[l->which[k]], &found[l->which[k]]);
        }
    }
}

#endif
