#include "render-worker/render/pass.h"

#ifdef __AVX2__
#include "render-worker/render/lanes_march.h"
#include "render-worker/render/lanes_track.h"
#endif

/* Some pixels of one tile. */
typedef struct {
    int32_t x0, y0, x1, y1;
} part_t;

static void looks(const pass_t *p, part_t part);
static void trace(const pass_t *p, part_t part);
static void together(const pass_t *p, part_t part);
static int wholly(const pass_t *p);

#ifndef PASS_V3

uint32_t
pass_tiles(const pt_scene_t *scene)
{
    uint32_t w = (uint32_t) scene->width, h = (uint32_t) scene->height;

    return ((w + PASS_TILE - 1) / PASS_TILE) *
           ((h + PASS_TILE - 1) / PASS_TILE);
}

#endif


void
pass_tile(void *pass, uint32_t tile)
{
    const pass_t *p = pass;
    int32_t across = (p->scene->width + PASS_TILE - 1) / PASS_TILE;
    part_t part;

    part.x0 = (int32_t) tile % across * PASS_TILE;
    part.y0 = (int32_t) tile / across * PASS_TILE;
    part.x1 = part.x0 + PASS_TILE;
    part.y1 = part.y0 + PASS_TILE;
    part.x1 = part.x1 < p->scene->width ? part.x1 : p->scene->width;
    part.y1 = part.y1 < p->scene->height ? part.y1 : p->scene->height;

    if (pt_render_paths(p->scene)) {
        together(p, part);

    } else {
        looks(p, part);
        trace(p, part);
    }
}


static void
looks(const pass_t *p, part_t part)
{
    int32_t x, y;

    for (y = part.y0; p->first == 0 && y < part.y1; y++) {
        for (x = part.x0; x < part.x1; x++) {
            p->look[(int64_t) y * p->scene->width + x] =
                pt_pixel_look(p->scene, x, y);
        }
    }
}


static void
trace(const pass_t *p, part_t part)
{
    int32_t x, y;

    for (y = part.y0; y < part.y1; y++) {
        for (x = part.x0; x < part.x1; x++) {
            pt_pixel_trace(p->scene,
                           p->film + (int64_t) y * p->scene->width + x, x, y,
                           p->first, p->count, wholly(p));
        }
    }
}


#ifdef __AVX2__

/* A pixel of a tile. */
typedef struct {
    int32_t x, y;
    pt_pixel_t *sums;
} spot_t;

/* Which of a tile's pixels. */
typedef enum { SPOTS_ALL, SPOTS_TRACED, SPOTS_SKIPPED } spots_t;

/* Paths that are under way together, and rays that they ask for. */
typedef struct {
    spot_t spot[PASS_TILE * PASS_TILE];
    pt_path_t path[PASS_TILE * PASS_TILE];
    pt_path_t *asks[PASS_TILE * PASS_TILE];
    pt_found_t found[PASS_TILE * PASS_TILE];
    pt_look_t *look[PASS_TILE * PASS_TILE];
    lanes_t lanes[LANES_TURNS];
    track_t track;
} wave_t;

_Static_assert(TRACK_MAX >= PASS_TILE * PASS_TILE,
               "a wave's rays are tracked together");


/* The same looks as looks, all of a tile at a time. */
static void
wave_look(const pass_t *p, wave_t *w, part_t part)
{
    const pt_scene_t *s = p->scene;
    int32_t x, y, n = 0;
    pt_path_t *path;

    for (y = part.y0; y < part.y1; y++) {
        for (x = part.x0; x < part.x1; x++, n++) {
            path = w->asks[n] = &w->path[n];
            path->r = pt_pixel_middle(s, x, y);
            path->limit = pt_visible_lamp(s, path->r, &path->lamp);
            w->look[n] = p->look + (int64_t) y * s->width + x;
        }
    }

    lanes_look(s, w->lanes, w->asks, n, w->look);
}


/* Follows the rays of one kind that paths ask for now. */
static void
wave_follow(const pt_scene_t *s, wave_t *w, int32_t n, pt_ask_t ask)
{
    int32_t i, asks = 0;

    for (i = 0; i < n; i++) {
        if (w->path[i].ask == ask) {
            w->asks[asks++] = &w->path[i];
        }
    }

    if (ask == PT_TRACK || ask == PT_RATIO) {
        lanes_track(s, &w->track, w->asks, asks, w->found);

    } else {
        lanes_march(s, w->lanes, w->asks, asks, w->found);
    }

    for (i = 0; i < asks; i++) {
        pt_path_next(s, w->asks[i], w->found[i]);
    }
}


/* Takes up these of a tile's pixels; how many they are. */
static int32_t
wave_spots(const pass_t *p, wave_t *w, part_t part, spots_t which)
{
    int32_t x, y, n = 0;

    for (y = part.y0; y < part.y1; y++) {
        for (x = part.x0; x < part.x1; x++) {
            if (which == SPOTS_ALL ||
                pt_pixel_skipped(x, y) == (which == SPOTS_SKIPPED)) {
                w->spot[n++] =
                    (spot_t){x, y, p->film + (int64_t) y * p->scene->width + x};
            }
        }
    }

    return n;
}


/* Sample number `sample` of the pixels taken up. */
static void
wave_trace(const pt_scene_t *s, wave_t *w, int32_t n, uint32_t sample,
           int32_t around)
{
    int32_t i, left;
    pt_ask_t ask;

    for (i = 0; i < n; i++) {
        pt_path_start(s, &w->path[i], w->spot[i].x, w->spot[i].y, sample,
                      around);
    }

    do {
        for (ask = PT_FORCE; ask <= PT_RATIO; ask++) {
            wave_follow(s, w, n, ask);
        }

        for (left = 0, i = 0; i < n; i++) {
            left += w->path[i].ask != PT_DONE;
        }
    } while (left > 0);
}


static void
wave_take(wave_t *w, int32_t n, uint32_t sample)
{
    int32_t i;

    for (i = 0; i < n; i++) {
        pt_pixel_take(w->spot[i].sums, sample, w->path[i].out);
    }
}


/* The first sample again, with all directions. */
static void
wave_again(const pt_scene_t *s, wave_t *w, int32_t n)
{
    pt_sample_t once[PASS_TILE * PASS_TILE];
    int32_t i;

    wave_trace(s, w, n, 0, 1);

    for (i = 0; i < n; i++) {
        once[i] = w->path[i].out;
    }

    wave_trace(s, w, n, 0, s->around);

    for (i = 0; i < n; i++) {
        pt_pixel_again(w->spot[i].sums, once[i], w->path[i].out);
    }
}


/* The same paths as trace, all of a tile at a time. */
static void
together(const pass_t *p, part_t part)
{
    const pt_scene_t *s = p->scene;
    int alone = s->sparse && p->first == 0 && p->count == 1;
    int whole = wholly(p);
    uint32_t sample;
    int32_t n;
    wave_t w;

    track_open(&w.track);

    if (p->first == 0) {
        wave_look(p, &w, part);
    }

    if (s->sparse && p->first == 1) {
        n = wave_spots(p, &w, part, SPOTS_SKIPPED);
        wave_trace(s, &w, n, 0, 1);
        wave_take(&w, n, 0);
    }

    n = wave_spots(p, &w, part, alone ? SPOTS_TRACED : SPOTS_ALL);

    for (sample = p->first; sample < p->first + p->count; sample++) {
        if (sample == PT_AGAIN && !whole && s->mode == PT_PRODUCTION) {
            wave_again(s, &w, n);
        }

        wave_trace(s, &w, n, sample, sample > 0 || whole ? s->around : 1);
        wave_take(&w, n, sample);
    }
}

#else

static void
together(const pass_t *p, part_t part)
{
    looks(p, part);
    trace(p, part);
}

#endif


/* A pass that goes on past the first picture need not hurry to it. */
static int
wholly(const pass_t *p)
{
    return p->first == 0 && p->count > PT_AGAIN;
}
