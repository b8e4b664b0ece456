/*
 * Tracks many rays together, for CPUs with AVX2, as pt_track and
 * pt_transmittance do one by one. Rays are short, so lanes are not refilled:
 * they move between two lists, of which eight at a time are taken a step.
 * What a ray finds depends on no other ray, and is what it would find alone but
 * for rounding.
 */

#ifndef RENDER_LANES_TRACK_H
#define RENDER_LANES_TRACK_H

#include "render-worker/render/lanes.h"

#define TRACK_MAX 256 /* rays together */

#define LANES_NUMBER ((lanes_i){0, 1, 2, 3, 4, 5, 6, 7})

enum {
    TRACK_FIELDS = 17,
    TRACK_WALKS = TRACK_FIELDS - 2 /* that a walk to the next cell needs */
};

/* Eight rays. */
typedef union {
    struct {
        lanes_walk_t w;
        lanes_f depth; /* left until the next collision, which may be none */
        lanes_f through;
        lanes_i which;

        /* Of rays at a collision: of their cell. */
        lanes_f bound, end;
    };
    lanes_f field[TRACK_FIELDS];
} track_rays_t;

_Static_assert(sizeof(track_rays_t) == TRACK_FIELDS * sizeof(lanes_f),
               "every field moves with its ray");

/* Eight of them at a collision, and which of them are there. */
typedef struct {
    track_rays_t r;
    lanes_place_t place;
    lanes_i some;
} track_aimed_t;

/* Rays, closed up. */
typedef struct {
    float field[TRACK_FIELDS][TRACK_MAX + LANES];
    int32_t n;
} track_list_t;

typedef struct {
    track_list_t walk, meet;
    pt_random_t random[TRACK_MAX + 1]; /* the last is nobody's */
    float t0[TRACK_MAX];
    uint64_t order[1 << LANES]; /* a byte each: which lanes a mask has */
} track_t;

static inline void
track_open(track_t *t)
{
    uint32_t bits, rest, k;

    memset(t, 0, sizeof(*t));

    for (bits = 0; bits < 1 << LANES; bits++) {
        for (rest = bits, k = 0; rest; rest &= rest - 1, k += 8) {
            t->order[bits] |= (uint64_t) __builtin_ctz(rest) << k;
        }
    }
}

/* The eight from number i of n on. Returns which of them are there. */
static inline lanes_i
track_take(const track_list_t *l, int32_t i, int32_t n, int fields,
           track_rays_t *out)
{
    int k;

    for (k = 0; k < fields; k++) {
        out->field[k] = (lanes_f) _mm256_loadu_ps(&l->field[k][i]);
    }

    return LANES_NUMBER < n - i;
}

/* Adds those of the mask. */
static inline void
track_put(const track_t *t, track_list_t *l, const track_rays_t *rays,
          lanes_i mask, int fields)
{
    unsigned bits = lanes_bits(mask);
    __m256i order =
        _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long) t->order[bits]));
    int k;

    for (k = 0; k < fields; k++) {
        _mm256_storeu_ps(
            &l->field[k][l->n],
            _mm256_permutevar8x32_ps((__m256) rays->field[k], order));
    }

    l->n += __builtin_popcount(bits);
}

/* pt_random_two for the rays of the mask. */
static inline lanes_f
track_random(track_t *t, lanes_i which, lanes_i mask, lanes_f *v)
{
    float a[LANES], b[LANES];
    int k;

    which = (which & mask) | (TRACK_MAX & ~mask);

    for (k = 0; k < LANES; k++) {
        pt_random_two(&t->random[which[k]], &a[k], &b[k]);
    }

    *v = (lanes_f) _mm256_loadu_ps(b);

    return (lanes_f) _mm256_loadu_ps(a);
}

/* pt_minus_log. */
static inline lanes_f
lanes_minus_log(lanes_f u)
{
    lanes_i e = ((lanes_i) u - 0x3f3504f3) >> 23;
    lanes_f m = (lanes_f) ((lanes_i) u - (e << 23));
    lanes_f s = (m - 1.0f) / (m + 1.0f), s2 = s * s;

    return -0.69314718f * lanes_float(e) -
           2.0f * s *
               (1.0f +
                s2 * (0.33333333f +
                      s2 * (0.2f + s2 * (0.14285714f + s2 * 0.11111111f))));
}

/* pt_interval from [0, *t1]; both ends are moved. */
static inline lanes_i
lanes_interval(const pt_scene_t *s, const lanes_f o[3], const lanes_f d[3],
               lanes_f *t0, lanes_f *t1)
{
    lanes_i inside = *t1 == *t1;
    const pt_plane_t *p;
    lanes_f a, b, t;
    int32_t i;

    *t0 = lanes_all(0.0f);

    for (i = 0; i < s->n_planes; i++) {
        p = &s->planes[i];
        a = p->normal.x * o[0] + p->normal.y * o[1] + p->normal.z * o[2] -
            p->offset;
        b = p->normal.x * d[0] + p->normal.y * d[1] + p->normal.z * d[2];
        t = -a / b;
        inside &= (b != 0.0f) | (a >= 0.0f);
        *t0 = lanes_pick(b > 0.0f, lanes_max(t, *t0), *t0);
        *t1 = lanes_pick(b < 0.0f, lanes_min(t, *t1), *t1);
    }

    return inside & (*t0 < *t1);
}

/* pt_walk. */
static inline void
lanes_walk(const pt_scene_t *s, const lanes_f o[3], const lanes_f d[3],
           lanes_f t0, lanes_f t1, lanes_walk_t *w)
{
    lanes_f most = lanes_all(0.0f), p[3], c, small;
    const float *m = s->to_index;
    int k;

    for (k = 0; k < 3; k++) {
        p[k] = o[k] + t0 * d[k];
    }

    for (k = 0; k < 3; k++, m += 4) {
        w->o[k] = m[0] * p[0] + m[1] * p[1] + m[2] * p[2] + m[3];
        w->d[k] = m[0] * d[0] + m[1] * d[1] + m[2] * d[2];
        c = w->d[k] * (1.0f / PT_CELL);
        small = lanes_pick(c < 0.0f, lanes_all(-1e-12f), lanes_all(1e-12f));
        c = lanes_pick(lanes_max(c, -c) > 1e-12f, c, small);
        w->inverse[k] = 1.0f / c;
        most = lanes_max(most, lanes_max(c, -c));
    }

    w->nudge = 5e-4f / most;
    w->t = lanes_all(0.0f);
    w->t1 = t1 - t0;
}

/* Begins with rays number first.. of n. */
static inline void
track_begin(const pt_scene_t *s, track_t *t, pt_path_t *const *path,
            int32_t first, int32_t n, pt_found_t *found)
{
    static const pt_found_t nothing = {1.0f, 0.0f, 0.0f, 0.0f};
    lanes_i some = LANES_NUMBER < n - first, meets;
    __m128 a[LANES], b[LANES];
    lanes_f row[8], t0, v;
    const pt_path_t *p;
    track_rays_t rays;
    int32_t k, i;

    for (k = 0; k < LANES; k++) {
        p = path[first + k < n ? first + k : first];
        a[k] = _mm_setr_ps(p->r.o.x, p->r.o.y, p->r.o.z, p->limit);
        b[k] = _mm_setr_ps(p->r.d.x, p->r.d.y, p->r.d.z, 0.0f);
    }

    lanes_turn(a, row);
    lanes_turn(b, row + 4);
    meets = some & lanes_interval(s, row, row + 4, &t0, &row[3]);
    lanes_walk(s, row, row + 4, t0, row[3], &rays.w);

    for (k = 0; k < LANES && first + k < n; k++) {
        i = first + k;
        t->random[i] = path[i]->random;
        t->t0[i] = t0[k];
        found[i] = nothing;
    }

    rays.which = LANES_NUMBER + first;
    rays.through = lanes_all(1.0f);
    rays.depth = lanes_minus_log(track_random(t, rays.which, meets, &v));
    track_put(t, &t->walk, &rays, meets, TRACK_WALKS);
}

/* Rays that leave. */
static inline void
track_end(const track_rays_t *r, lanes_i mask, pt_found_t *found)
{
    unsigned bits = lanes_bits(mask);
    int k;

    for (; bits; bits &= bits - 1) {
        k = __builtin_ctz(bits);
        found[r->which[k]].clear = r->through[k];
    }
}

/* Rays that end at a collision. */
static inline void
track_hit(const track_t *t, const track_rays_t *r, lanes_f value, lanes_i mask,
          int ratio, pt_found_t *found)
{
    unsigned bits = lanes_bits(mask);
    pt_found_t *f;
    int32_t i;
    int k;

    for (; bits; bits &= bits - 1) {
        k = __builtin_ctz(bits);
        i = r->which[k];
        f = &found[i];
        f->clear = 0.0f;
        f->weight = ratio ? 0.0f : 1.0f;
        f->t = t->t0[i] + r->w.t[k];
        f->value = value[k];
    }
}

/* Every walking ray goes on to the next cell, or to a collision before. */
static inline void
track_walk(const pt_scene_t *s, track_t *t, pt_found_t *found)
{
    int32_t i, n = t->walk.n;
    lanes_i some, met, on;
    track_rays_t r;
    lanes_f reach;

    t->walk.n = 0;

    for (i = 0; i < n; i += LANES) {
        some = track_take(&t->walk, i, n, TRACK_WALKS, &r);
        r.bound =
            lanes_max(lanes_cell(s, &r.w, s->cell, &r.end), lanes_all(0.0f));
        reach = (r.end - r.w.t) * r.bound;
        met = some & (r.depth < reach);
        r.w.t = lanes_pick(met, r.w.t + r.depth / r.bound, r.end);
        r.depth -= reach;
        on = some & ~met & (r.w.t < r.w.t1);
        track_put(t, &t->meet, &r, met, TRACK_FIELDS);
        track_put(t, &t->walk, &r, on, TRACK_WALKS);
        track_end(&r, some & ~met & ~on, found);
    }
}

/* The eight at a collision from number i of n on, whose voxels may come. */
static inline void
track_aim(const pt_scene_t *s, const track_list_t *l, int32_t i, int32_t n,
          track_aimed_t *out)
{
    out->some = track_take(l, i, n, TRACK_FIELDS, &out->r);
    out->place = lanes_place(s, &out->r.w, out->r.w.t);
    lanes_fetch(s, &out->place);
}

/* What collisions make of rays: real ones end them, or weaken them if ratio. */
static inline void
track_meet(const pt_scene_t *s, track_t *t, int ratio, pt_found_t *found)
{
    const float low = 0.25f; /* as pt_transmittance's */
    lanes_f value, sigma, reach, rise, v;
    track_aimed_t aimed[2], *a;
    lanes_i hit, again, on;
    int32_t i, n = t->meet.n;
    track_rays_t *r;

    t->meet.n = 0;
    track_aim(s, &t->meet, 0, n, &aimed[0]);

    for (i = 0; i < n; i += LANES) {
        a = &aimed[i / LANES % 2];
        r = &a->r;
        track_aim(s, &t->meet, i + LANES, n, &aimed[(i / LANES + 1) % 2]);
        value = lanes_value(s, &a->place, &rise);
        sigma =
            lanes_tap(s, (value - s->table_first) * s->table_scale, rise).sigma;
        r->depth = lanes_minus_log(track_random(t, r->which, a->some, &v));

        if (ratio) {
            r->through *= lanes_max(1.0f - sigma / r->bound, lanes_all(0.0f));
            hit = a->some & (r->through < low) & (v * low >= r->through);
            r->through = lanes_max(r->through, lanes_all(low));

        } else {
            hit = a->some & (v * r->bound < sigma);
        }

        track_hit(t, r, value, hit, ratio, found);
        reach = (r->end - r->w.t) * r->bound;
        again = a->some & ~hit & (r->depth < reach);
        r->w.t = lanes_pick(again, r->w.t + r->depth / r->bound, r->end);
        r->depth = lanes_pick(again, r->depth, r->depth - reach);
        on = a->some & ~hit & ~again & (r->w.t < r->w.t1);
        track_put(t, &t->meet, r, again, TRACK_FIELDS);
        track_put(t, &t->walk, r, on, TRACK_WALKS);
        track_end(r, a->some & ~hit & ~again & ~on, found);
    }
}

/* What the rays that n <= TRACK_MAX paths ask for, all of one kind, find. */
static inline void
lanes_track(const pt_scene_t *s, track_t *t, pt_path_t *const *path, int32_t n,
            pt_found_t *found)
{
    int ratio = n > 0 && path[0]->ask == PT_RATIO;
    int32_t i;

    for (i = 0; i < n; i += LANES) {
        track_begin(s, t, path, i, n, found);
    }

    while (t->walk.n + t->meet.n > 0) {
        track_walk(s, t, found);
        track_meet(s, t, ratio, found);
    }

    for (i = 0; i < n; i++) {
        path[i]->random = t->random[i];
    }
}

#endif
