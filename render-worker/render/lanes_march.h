/*
 * Marches many rays, eight at once and such eights in turn, so that voxels of
 * some come while others are seen to; a lane whose ray has ended takes the
 * next. What a ray finds depends on no other ray, and is what pt_depth finds
 * but for rounding.
 */

#ifndef RENDER_LANES_MARCH_H
#define RENDER_LANES_MARCH_H

#include "render-worker/render/kernel/pt_look.h"
#include "render-worker/render/lanes.h"

/* Eights of rays in turn: loads from far caches take about as long as what the
 * others do meanwhile. */
#define LANES_TURNS 2

/* Eight pt_seen_t. */
typedef struct {
    lanes_f clear, mean, square, at[4], color[3];
} lanes_seen_t;

enum { LANES_SEEN = sizeof(pt_seen_t) / sizeof(float) };
_Static_assert(sizeof(lanes_seen_t) == LANES * sizeof(pt_seen_t),
               "lanes_seen_t has pt_seen_t's fields in its order");

/* What a lane's march had come to: t mm and its tap there. */
typedef struct {
    lanes_f t, depth, x, rise;
} lanes_row_t;

typedef struct {
    lanes_walk_t w;
    lanes_f per, depth, enough;
    lanes_tap_t tap;
    lanes_i follows; /* -1: tap is at t */
    lanes_i live;    /* -1: a ray is in the lane */

    /* The step under way. */
    int steps;           /* there is one */
    lanes_i go;          /* -1: for this lane */
    lanes_f dt;          /* mm */
    lanes_place_t place; /* at its end, which is w.t */

    lanes_seen_t seen; /* in looks */

    /* Where the ray came in, mm, and which it is. */
    lanes_f t0;
    int32_t which[LANES];

    /* Of the last PT_STEPS steps, if they are recorded: to find collisions. */
    uint32_t rows, first[LANES];
    lanes_row_t row[PT_STEPS];
} lanes_t;

/* Rays to march, and what for. */
typedef struct {
    pt_path_t *const *path; /* whose rays they are */
    int32_t n, next;
    pt_found_t *found; /* [n] what the paths ask for, all of one kind, or */
    pt_look_t *const *look; /* [n] what is to be seen along the rays */
    int recorded;           /* collisions are asked for */
    float most;             /* steps a voxel */
} lanes_job_t;

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

/* pt_tap_at. */
static inline lanes_tap_t
lanes_tap_at(const pt_scene_t *s, const lanes_place_t *p)
{
    lanes_f rise, value = lanes_value(s, p, &rise);

    return lanes_tap(s, (value - s->table_first) * s->table_scale,
                     rise * s->table_scale);
}

/* pt_seen_step in the lanes of the mask. */
static inline void
lanes_see(const pt_scene_t *s, lanes_seen_t *m, lanes_f t, lanes_f depth,
          lanes_f x, lanes_i go)
{
    const float *material = &s->material[0].color.x;
    const int stride = sizeof(s->material[0]) / sizeof(*material);
    lanes_f w, cover, mark = lanes_all(0.0625f), last;
    lanes_i at;
    int i;

    w = 1.0f + depth * (1.0f + depth * (0.5f + depth * 0.16666667f));
    w = (lanes_f) ((lanes_i) (m->clear * (1.0f - 1.0f / w)) & go);
    m->clear -= w;
    cover = 1.0f - m->clear;
    m->mean += w * t;
    m->square += w * t * t;

    for (i = 0; i < 4; i++, mark *= 2.0f) {
        m->at[i] = lanes_pick(
            (cover >= mark) & (m->at[i] >= PT_FAR) & (w > 0.0f), t, m->at[i]);
    }

    last = lanes_all((float) (PT_TABLE - 1));
    x = lanes_min(lanes_max(x, lanes_all(0.0f)), last);
    at = lanes_whole(x) * stride;

    for (i = 0; i < 3; i++) {
        m->color[i] +=
            w * (lanes_f) _mm256_i32gather_ps(material + i, (__m256i) at, 4);
    }
}

/* To the end of each lane's next step, or its first tap. */
static inline void
lanes_aim(const pt_scene_t *s, const lanes_job_t *job, lanes_t *l)
{
    lanes_f detail, end, left, most, at;
    lanes_i empty, go, n;

    detail = lanes_cell(s, &l->w, s->detail, &end);
    empty = detail <= 0.0f;
    go = l->live & ~empty;
    left = end - l->w.t;
    l->w.t = lanes_pick(empty, end, l->w.t);
    l->follows &= go;

    /* Where most lanes only pass empty blocks, the others wait for them. */
    l->steps = 2 * __builtin_popcount(lanes_bits(go)) >=
               __builtin_popcount(lanes_bits(l->live));

    if (!l->steps) {
        return;
    }

    most = lanes_min(detail, lanes_all(job->most));
    most = lanes_max(most, PT_NEAR - l->w.t * l->per);
    n = lanes_whole(left * l->per * most - 0.05f) + 1;
    l->dt = (lanes_f) ((lanes_i) (left / lanes_float(n)) & l->follows);
    l->go = go;
    at = l->w.t + l->dt;
    l->place = lanes_place(s, &l->w, at);
    lanes_fetch(s, &l->place);
    at = lanes_pick((n == 1) & l->follows, end, at);
    l->w.t = lanes_pick(go, at, l->w.t);
}

/* That step, once its voxels are there. */
static inline void
lanes_step(const pt_scene_t *s, const lanes_job_t *job, lanes_t *l)
{
    lanes_row_t *row = l->row + l->rows % PT_STEPS;
    lanes_tap_t next = lanes_tap_at(s, &l->place);
    lanes_f depth = lanes_depth(s, l->tap, next, l->dt);
    lanes_i go = l->go & l->follows;

    depth = (lanes_f) ((lanes_i) depth & go);
    l->depth += depth;
    l->tap = next;
    l->follows = l->go;

    if (job->look != NULL) {
        lanes_see(s, &l->seen, l->t0 + l->w.t - 0.5f * l->dt, depth, next.x,
                  go);
    }

    if (job->recorded) {
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

/* What the path asked for. */
static inline void
lanes_answer(const pt_scene_t *s, const lanes_t *l, int k, const pt_path_t *p,
             pt_found_t *f)
{
    float depth = l->depth[k], target;

    f->weight = 0.0f;

    if (p->ask == PT_CLEAR) {
        f->clear = pt_depth_clear(depth, l->enough[k]);
        return;
    }

    f->clear = depth < PT_OPAQUE ? expf(-depth) : 0.0f;
    f->weight =
        pt_depth_choose(1.0f - f->clear, p->u, p->ask == PT_FORCE, &target);

    if (f->weight > 0.0f) {
        lanes_find(s, l, k, target, f);
    }
}

/* Takes the rays out that have ended. */
static inline void
lanes_end(const pt_scene_t *s, const lanes_job_t *job, lanes_t *l)
{
    lanes_i on = (l->w.t < l->w.t1) & (l->depth < l->enough);
    unsigned bits = lanes_bits(l->live & ~on);
    const pt_path_t *p;
    pt_seen_t seen;
    int32_t i;
    int k, f;

    l->live &= on;

    for (; bits; bits &= bits - 1) {
        k = __builtin_ctz(bits);
        i = l->which[k];
        p = job->path[i];

        if (job->look != NULL) {
            for (f = 0; f < LANES_SEEN; f++) {
                ((float *) &seen)[f] = ((const lanes_f *) &l->seen)[f][k];
            }

            *job->look[i] = pt_look_of(s, p->r, p->lamp, l->depth[k], &seen);

        } else {
            lanes_answer(s, l, k, p, &job->found[i]);
        }
    }
}

/* Puts a ray into a lane. Returns 0 when it meets nothing at all. */
static inline int
lanes_begin(const pt_scene_t *s, lanes_t *l, int k, const pt_path_t *p)
{
    const pt_seen_t seen = pt_seen();
    float t0 = 0.0f, t1 = p->limit;
    const float *o, *d, *inverse;
    pt_walk_t w;
    int axis, f;

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

    for (f = 0; f < LANES_SEEN; f++) {
        ((lanes_f *) &l->seen)[f][k] = ((const float *) &seen)[f];
    }

    return 1;
}

/* The depth at which its march ends. */
static inline float
lanes_enough(const lanes_job_t *job, const pt_path_t *p)
{
    if (job->look != NULL) {
        return PT_LOOK_ENOUGH;
    }

    return p->ask == PT_CLEAR ? pt_depth_enough(p->u) : PT_OPAQUE;
}

/* Rays that still wait go into the free lanes. */
static inline void
lanes_fill(const pt_scene_t *s, lanes_job_t *job, lanes_t *l)
{
    static const pt_found_t nothing = {1.0f, 0.0f, 0.0f, 0.0f};
    unsigned bits = lanes_bits(~l->live);
    const pt_seen_t seen = pt_seen();
    const pt_path_t *p;
    int32_t i;
    int k;

    while (bits && job->next < job->n) {
        k = __builtin_ctz(bits);
        i = job->next++;
        p = job->path[i];

        if (lanes_begin(s, l, k, p)) {
            l->which[k] = i;
            l->enough[k] = lanes_enough(job, p);
            bits &= bits - 1;

        } else if (job->look != NULL) {
            *job->look[i] = pt_look_of(s, p->r, p->lamp, 0.0f, &seen);

        } else {
            job->found[i] = nothing;
        }
    }
}

static inline void
lanes_run(const pt_scene_t *s, lanes_t l[LANES_TURNS], lanes_job_t *job)
{
    unsigned live;
    int i;

    for (i = 0; i < LANES_TURNS; i++) {
        memset(&l[i], 0, offsetof(lanes_t, row));
    }

    do {
        for (live = 0, i = 0; i < LANES_TURNS; i++) {
            if (l[i].steps) {
                lanes_step(s, job, &l[i]);
            }

            lanes_end(s, job, &l[i]);
            lanes_fill(s, job, &l[i]);
            lanes_aim(s, job, &l[i]);
            live |= lanes_bits(l[i].live);
        }
    } while (live);
}

/* What the marches that n paths ask for, all of one kind, find. */
static inline void
lanes_march(const pt_scene_t *s, lanes_t l[LANES_TURNS], pt_path_t *const *path,
            int32_t n, pt_found_t *found)
{
    lanes_job_t job = {path, n, 0, found, NULL, 0, PT_FAR};

    job.recorded = n > 0 && path[0]->ask != PT_CLEAR;
    lanes_run(s, l, &job);
}

/* pt_look along the paths' rays. */
static inline void
lanes_look(const pt_scene_t *s, lanes_t l[LANES_TURNS], pt_path_t *const *path,
           int32_t n, pt_look_t *const *look)
{
    lanes_job_t job = {path, n, 0, NULL, look, 0, PT_GLANCE};

    lanes_run(s, l, &job);
}

#endif
