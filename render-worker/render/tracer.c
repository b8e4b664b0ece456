#include "render-worker/render/tracer.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/render/film.h"
#include "render-worker/render/pool.h"
#include "render-worker/render/scene.h"

struct tracer_s {
    pool_t *pool;
    void (*tile)(void *pass, uint32_t tile);
};

struct tracer_view_s {
    tracer_t *tracer;
    body_t body;
    scene_t scene;
    pass_pixel_t *film;
    pt_look_t *look;
    tracer_mode_t mode;
    uint32_t samples;
    atomic_bool interrupted;
    int set; /* settings have been given */
    float exposure, gamma;
    pt_tone_map_t tone_map;
};

/* One pass, and whose it is. */
typedef struct {
    tracer_view_t *view;
    pass_t pass;
} task_t;

static void task_tile(void *task, uint32_t tile);
static void restart(tracer_view_t *v);
static film_t film_of(const tracer_view_t *v);
static int has_v3(void);


expo_status_t
tracer_create(const char *device, unsigned threads, tracer_t **out, char *error,
              size_t error_bytes)
{
    expo_status_t st;
    tracer_t *t;

    if (strcmp(device, "cpu") != 0) {
        snprintf(error, error_bytes,
                 "this build renders on \"cpu\" only, not on \"%s\"", device);
        return EXPO_UNSUPPORTED;
    }

    t = calloc(1, sizeof(*t));
    if (t == NULL) {
        snprintf(error, error_bytes, "not enough memory for a renderer");
        return EXPO_NO_MEMORY;
    }

    st = pool_open(threads, &t->pool);
    if (st != EXPO_OK) {
        snprintf(error, error_bytes, "cannot start the renderer's threads");
        free(t);
        return st;
    }

    t->tile = has_v3() ? pass_tile_v3 : pass_tile;
    *out = t;

    return EXPO_OK;
}


void
tracer_destroy(tracer_t *t)
{
    if (t != NULL) {
        pool_close(t->pool);
        free(t);
    }
}


const char *
tracer_device(const tracer_t *t)
{
    return t->tile == pass_tile_v3 ? "cpu (x86-64-v3)" : "cpu";
}


expo_status_t
tracer_open(tracer_t *t, const expo_volume_t *volume, const uint16_t *voxels,
            tracer_view_t **out)
{
    expo_status_t st;
    tracer_view_t *v;

    v = calloc(1, sizeof(*v));
    if (v == NULL) {
        return EXPO_NO_MEMORY;
    }

    v->tracer = t;
    st = body_open(&v->body, volume, voxels);

    if (st != EXPO_OK) {
        free(v);
        return st;
    }

    *out = v;

    return EXPO_OK;
}


void
tracer_close(tracer_view_t *v)
{
    if (v != NULL) {
        body_close(&v->body);
        free(v->film);
        free(v->look);
        free(v);
    }
}


expo_status_t
tracer_set(tracer_view_t *v, const expo_settings_t *s)
{
    int32_t width = v->scene.pt.width, height = v->scene.pt.height;
    uint64_t seed = v->scene.pt.seed;

    scene_set(&v->scene, &v->body, s);
    v->scene.pt.width = width;
    v->scene.pt.height = height;
    v->scene.pt.seed = seed;
    v->scene.pt.marched = v->mode == TRACER_PRODUCTION;
    v->set = 1;

    v->exposure = s->film.exposure;
    v->gamma = s->film.gamma;
    v->tone_map = s->film.tone_map == EXPO_TONE_ACES          ? PT_ACES
                  : s->film.tone_map == EXPO_TONE_EXPONENTIAL ? PT_EXPONENTIAL
                                                              : PT_LINEAR;
    restart(v);

    return EXPO_OK;
}


void
tracer_mode(tracer_view_t *v, tracer_mode_t mode)
{
    v->mode = mode;
    v->scene.pt.marched = mode == TRACER_PRODUCTION;
    restart(v);
}


expo_status_t
tracer_film(tracer_view_t *v, uint32_t width, uint32_t height, uint64_t seed)
{
    size_t pixels = (size_t) width * height;
    pass_pixel_t *film;
    pt_look_t *look;

    if (width < TRACER_EDGE_MIN || width > TRACER_EDGE_MAX ||
        height < TRACER_EDGE_MIN || height > TRACER_EDGE_MAX) {
        return EXPO_INVALID;
    }

    film = malloc(pixels * sizeof(*film));
    look = calloc(pixels, sizeof(*look));

    if (film == NULL || look == NULL) {
        free(film);
        free(look);
        return EXPO_NO_MEMORY;
    }

    free(v->film);
    free(v->look);
    v->film = film;
    v->look = look;
    v->scene.pt.width = (int32_t) width;
    v->scene.pt.height = (int32_t) height;
    v->scene.pt.seed = seed;
    restart(v);

    return EXPO_OK;
}


expo_status_t
tracer_pass(tracer_view_t *v, uint32_t samples)
{
    task_t task = {v, {&v->scene.pt, v->film, v->look, v->samples, samples}};

    if (!v->set || v->film == NULL) {
        return EXPO_INVALID;
    }

    pool_run(v->tracer->pool, pass_tiles(&v->scene.pt), task_tile, &task);

    if (atomic_load(&v->interrupted)) {
        return EXPO_EXPIRED;
    }

    v->samples += samples;

    return EXPO_OK;
}


void
tracer_interrupt(tracer_view_t *v)
{
    atomic_store(&v->interrupted, true);
}


uint32_t
tracer_samples(const tracer_view_t *v)
{
    return v->samples;
}


expo_status_t
tracer_read(const tracer_view_t *v, float *rgb)
{
    film_t f;

    if (!v->set || v->film == NULL) {
        return EXPO_INVALID;
    }

    f = film_of(v);
    film_read(&f, rgb);

    return EXPO_OK;
}


expo_status_t
tracer_read_filtered(const tracer_view_t *v, float *rgb)
{
    film_t f;

    if (!v->set || v->film == NULL) {
        return EXPO_INVALID;
    }

    f = film_of(v);

    return film_read_filtered(&f, v->tracer->pool, rgb);
}


expo_status_t
tracer_read_display(const tracer_view_t *v, uint32_t width, uint32_t height,
                    uint8_t *rgba)
{
    film_t f;

    if (!v->set || v->film == NULL || width == 0 || height == 0) {
        return EXPO_INVALID;
    }

    f = film_of(v);

    return film_display(&f, v->tracer->pool, width, height, rgba);
}


expo_status_t
tracer_pick(const tracer_view_t *v, float x, float y, double point_mm[3])
{
    const pt_scene_t *s = &v->scene.pt;
    pt_look_t look;
    pt_ray_t r;
    pt_v3 p;

    if (!v->set || v->film == NULL) {
        return EXPO_INVALID;
    }

    r = pt_camera_ray(&s->camera, s->width, s->height, x * (float) s->width,
                      y * (float) s->height, 0.5f, 0.5f);
    look = pt_look(s, r);

    if (look.depth >= PT_FAR) {
        return EXPO_NOT_FOUND;
    }

    p = pt_along(r.o, r.d, look.depth);
    point_mm[0] = v->body.center[0] + (double) p.x;
    point_mm[1] = v->body.center[1] + (double) p.y;
    point_mm[2] = v->body.center[2] + (double) p.z;

    return EXPO_OK;
}


static void
task_tile(void *task, uint32_t tile)
{
    task_t *t = task;

    if (!atomic_load(&t->view->interrupted)) {
        t->view->tracer->tile(&t->pass, tile);
    }
}


static void
restart(tracer_view_t *v)
{
    v->samples = 0;
    atomic_store(&v->interrupted, false);

    if (v->film != NULL) {
        memset(v->film, 0,
               (size_t) v->scene.pt.width * (size_t) v->scene.pt.height *
                   sizeof(*v->film));
    }
}


static film_t
film_of(const tracer_view_t *v)
{
    film_t f;

    f.pixel = v->film;
    f.look = v->look;
    f.width = (uint32_t) v->scene.pt.width;
    f.height = (uint32_t) v->scene.pt.height;
    f.samples = v->samples;
    f.marched = v->scene.pt.marched;
    f.background[0] = v->scene.pt.background.x;
    f.background[1] = v->scene.pt.background.y;
    f.background[2] = v->scene.pt.background.z;
    f.voxel_mm = v->scene.pt.voxel_mm;
    f.pixel_mm = 2.0f * pt_length(v->scene.pt.camera.up) *
                 v->scene.pt.camera.focus /
                 (float) (f.width < f.height ? f.width : f.height);
    f.exposure = v->exposure;
    f.gamma = v->gamma;
    f.tone_map = v->tone_map;

    return f;
}


static int
has_v3(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("x86-64-v3");
#else
    return 0;
#endif
}
