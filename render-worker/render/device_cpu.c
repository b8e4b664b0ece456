#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/render/device.h"
#include "render-worker/render/filter.h"
#include "render-worker/render/pool.h"
#include "render-worker/render/wipe.h"

typedef struct {
    device_t device;
    pool_t *pool;
    void (*tile)(void *pass, uint32_t tile);
} cpu_t;

typedef struct {
    device_view_t view;
    uint32_t width, height;
    pt_pixel_t *film;
    pt_look_t *look;
    filter_t *filter;
} cpu_view_t;

/* Part of a pass, and what ends it. */
typedef struct {
    pass_t pass;
    void (*tile)(void *pass, uint32_t tile);
    bool (*over)(void *ctx);
    void *ctx;
} task_t;

static void cpu_destroy(device_t *d);
static expo_status_t cpu_open(device_t *d, const body_t *b,
                              device_view_t **out);
static void cpu_close(device_view_t *view);
static expo_status_t cpu_set(device_view_t *view, const scene_t *s);
static expo_status_t cpu_film(device_view_t *view, uint32_t width,
                              uint32_t height);
static void cpu_film_free(cpu_view_t *v);
static expo_status_t cpu_clear(device_view_t *view);
static expo_status_t cpu_pass(device_view_t *view, const pt_scene_t *s,
                              device_pass_t *p, bool (*over)(void *ctx),
                              void *ctx);
static void task_tile(void *task, uint32_t tile);
static bool task_over(void *task);
static expo_status_t cpu_keep(device_view_t *view, const film_t *f);
static void cpu_forget(device_view_t *view);
static double cpu_noise(device_view_t *view, const film_t *f);
static uint64_t cpu_bad_paths(const device_view_t *view);
static expo_status_t cpu_read(device_view_t *view, const film_t *f, float *rgb);
static expo_status_t cpu_read_filtered(device_view_t *view, const film_t *f,
                                       float *rgb);
static expo_status_t cpu_display(device_view_t *view, const film_t *f,
                                 uint32_t width, uint32_t height,
                                 uint8_t *rgba);
static film_t cpu_film_of(const device_view_t *view, const film_t *f);
static int has_v3(void);

static const device_table_t cpu_table = {
    cpu_destroy,   cpu_open, cpu_close,         cpu_set,    cpu_film,
    cpu_clear,     cpu_pass, cpu_keep,          cpu_forget, cpu_noise,
    cpu_bad_paths, cpu_read, cpu_read_filtered, cpu_display};


expo_status_t
device_cpu_create(unsigned threads, device_t **out)
{
    expo_status_t st;
    cpu_t *cpu;

    cpu = calloc(1, sizeof(*cpu));
    if (cpu == NULL) {
        return EXPO_NO_MEMORY;
    }

    st = pool_open(threads, &cpu->pool);
    if (st != EXPO_OK) {
        free(cpu);
        return st;
    }

    cpu->device.does = &cpu_table;
    cpu->device.name = has_v3() ? "cpu (x86-64-v3)" : "cpu";
    cpu->device.trouble = "";
    cpu->tile = has_v3() ? pass_tile_v3 : pass_tile;
    *out = &cpu->device;

    return EXPO_OK;
}


static void
cpu_destroy(device_t *d)
{
    cpu_t *cpu = (cpu_t *) d;

    pool_close(cpu->pool);
    free(cpu);
}


static expo_status_t
cpu_open(device_t *d, const body_t *b, device_view_t **out)
{
    cpu_view_t *v = calloc(1, sizeof(*v));

    (void) b;

    if (v == NULL || filter_open(has_v3(), &v->filter) != EXPO_OK) {
        free(v);
        return EXPO_NO_MEMORY;
    }

    v->view.device = d;
    *out = &v->view;

    return EXPO_OK;
}


static void
cpu_close(device_view_t *view)
{
    cpu_view_t *v = (cpu_view_t *) view;

    filter_close(v->filter);
    cpu_film_free(v);
    free(v);
}


/* Paths read the scene where the host made it. */
static expo_status_t
cpu_set(device_view_t *view, const scene_t *s)
{
    (void) view;
    (void) s;

    return EXPO_OK;
}


static expo_status_t
cpu_film(device_view_t *view, uint32_t width, uint32_t height)
{
    cpu_view_t *v = (cpu_view_t *) view;
    size_t pixels = (size_t) width * height;
    pt_pixel_t *film = calloc(pixels, sizeof(*film));
    pt_look_t *look = calloc(pixels, sizeof(*look));

    if (film == NULL || look == NULL) {
        free(film);
        free(look);
        return EXPO_NO_MEMORY;
    }

    cpu_film_free(v);
    v->film = film;
    v->look = look;
    v->width = width;
    v->height = height;

    return EXPO_OK;
}


static void
cpu_film_free(cpu_view_t *v)
{
    size_t pixels = (size_t) v->width * v->height;

    wipe_free(v->film, pixels * sizeof(*v->film));
    wipe_free(v->look, pixels * sizeof(*v->look));
}


static expo_status_t
cpu_clear(device_view_t *view)
{
    cpu_view_t *v = (cpu_view_t *) view;

    memset(v->film, 0, (size_t) v->width * v->height * sizeof(*v->film));

    return EXPO_OK;
}


/* All samples of a tile at once: pieces are tiles. */
static expo_status_t
cpu_pass(device_view_t *view, const pt_scene_t *s, device_pass_t *p,
         bool (*over)(void *ctx), void *ctx)
{
    cpu_view_t *v = (cpu_view_t *) view;
    cpu_t *cpu = (cpu_t *) view->device;
    task_t task = {
        {s, v->film, v->look, p->first, p->count}, cpu->tile, over, ctx};

    p->pieces = pool_run_until(cpu->pool, p->pieces, pass_tiles(s), task_tile,
                               task_over, &task);

    return p->pieces < pass_tiles(s) ? EXPO_AGAIN : EXPO_OK;
}


static void
task_tile(void *task, uint32_t tile)
{
    task_t *t = task;

    t->tile(&t->pass, tile);
}


static bool
task_over(void *task)
{
    const task_t *t = task;

    return t->over(t->ctx);
}


static expo_status_t
cpu_keep(device_view_t *view, const film_t *f)
{
    cpu_view_t *v = (cpu_view_t *) view;
    cpu_t *cpu = (cpu_t *) view->device;
    film_t own = cpu_film_of(view, f);

    return filter_keep(v->filter, &own, cpu->pool);
}


static void
cpu_forget(device_view_t *view)
{
    cpu_view_t *v = (cpu_view_t *) view;

    filter_forget(v->filter);
}


static double
cpu_noise(device_view_t *view, const film_t *f)
{
    film_t own = cpu_film_of(view, f);

    return film_noise(&own);
}


static uint64_t
cpu_bad_paths(const device_view_t *view)
{
    const cpu_view_t *v = (const cpu_view_t *) view;
    size_t i, pixels = (size_t) v->width * v->height;
    uint64_t sum = 0;

    for (i = 0; i < pixels; i++) {
        sum += v->film[i].bad;
    }

    return sum;
}


static expo_status_t
cpu_read(device_view_t *view, const film_t *f, float *rgb)
{
    film_t own = cpu_film_of(view, f);

    film_read(&own, rgb);

    return EXPO_OK;
}


static expo_status_t
cpu_read_filtered(device_view_t *view, const film_t *f, float *rgb)
{
    cpu_view_t *v = (cpu_view_t *) view;
    cpu_t *cpu = (cpu_t *) view->device;
    film_t own = cpu_film_of(view, f);

    return film_read_filtered(&own, v->filter, cpu->pool, rgb);
}


static expo_status_t
cpu_display(device_view_t *view, const film_t *f, uint32_t width,
            uint32_t height, uint8_t *rgba)
{
    cpu_view_t *v = (cpu_view_t *) view;
    cpu_t *cpu = (cpu_t *) view->device;
    film_t own = cpu_film_of(view, f);

    return film_display(&own, v->filter, cpu->pool, width, height, rgba);
}


static film_t
cpu_film_of(const device_view_t *view, const film_t *f)
{
    const cpu_view_t *v = (const cpu_view_t *) view;
    film_t own = *f;

    own.pixel = v->film;
    own.look = v->look;

    return own;
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
