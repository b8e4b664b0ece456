#include "render-worker/render/tracer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/render/device.h"
#include "render-worker/render/film2012.h"
#include "render-worker/render/kernel/pt_render.h"
#include "render-worker/render/wipe.h"

_Static_assert(TRACER_AGAIN == PT_AGAIN, "one rule");

/* Samples a pixel that the films before count at most: what they are off, as
 * tissue is found again, adds up from film to film. */
#define PAST 2

struct tracer_s {
    device_t *device;
};

struct tracer_view_s {
    device_t *device;
    device_view_t *on; /* the device's part of the view */
    body_t body;
    expo_table_t *table; /* NULL: none; borrowed, as are its voxels */
    uint16_t *voxels;
    scene_t scene;
    tracer_mode_t mode;
    float stride; /* of what it was in 2012 */
    uint32_t samples;
    uint32_t expected;  /* samples of a film; 0 is not known */
    device_pass_t pass; /* under way, if its count is not 0 */
    bool spoiled;       /* a pass failed: the film is no picture */
    expo_settings_t settings;
    bool set;      /* settings have been given */
    bool film;     /* there is one */
    bool filtered; /* young pictures are shown so */
    bool transparent;
    float exposure, gamma;
    pt_tone_map_t tone_map;
};

static expo_status_t show_2012(const tracer_view_t *v, uint32_t width,
                               uint32_t height, uint8_t *rgba);
static expo_status_t look_back(tracer_view_t *v, const expo_settings_t *next);
static bool same_light(const expo_settings_t *a, const expo_settings_t *b);
static expo_status_t restart(tracer_view_t *v);
static void set_tone(tracer_view_t *v, const expo_settings_t *s);
static void focus(pt_scene_t *s);
static expo_status_t readable(const tracer_view_t *v);
static int32_t sparse(const tracer_view_t *v);
static bool few(const tracer_view_t *v);
static bool never(void *ctx);
static film_t film_of(const tracer_view_t *v);


expo_status_t
tracer_create(const char *device, unsigned threads, tracer_t **out, char *error,
              size_t error_bytes)
{
    expo_status_t st;
    tracer_t *t;

    t = calloc(1, sizeof(*t));
    if (t == NULL) {
        snprintf(error, error_bytes, "not enough memory for a renderer");
        return EXPO_NO_MEMORY;
    }

    st = device_choose(device, threads, &t->device, error, error_bytes);
    if (st != EXPO_OK) {
        free(t);
        return st;
    }

    *out = t;

    return EXPO_OK;
}


void
tracer_destroy(tracer_t *t)
{
    if (t != NULL) {
        t->device->does->destroy(t->device);
        free(t);
    }
}


const char *
tracer_device(const tracer_t *t)
{
    return t->device->name;
}


bool
tracer_is_card(const tracer_t *t)
{
    return t->device->is_card;
}


const char *
tracer_trouble(const tracer_t *t)
{
    return t->device->trouble;
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

    v->device = t->device;
    v->stride = 1.0f;
    st = body_open(&v->body, volume, voxels);

    if (st == EXPO_OK) {
        st = v->device->does->open(v->device, &v->body, &v->on);
    }

    if (st != EXPO_OK) {
        body_close(&v->body);
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
        v->device->does->close(v->on);
        body_close(&v->body);
        free(v);
    }
}


void
tracer_table(tracer_view_t *v, expo_table_t *table, uint16_t *voxels)
{
    v->table = table;
    v->voxels = voxels;
}


expo_status_t
tracer_set(tracer_view_t *v, const expo_settings_t *s)
{
    int32_t width = v->scene.pt.width, height = v->scene.pt.height;
    uint64_t seed = v->scene.pt.seed;
    expo_status_t st;

    st = look_back(v, s);
    if (st != EXPO_OK) {
        return st;
    }

    if (v->table != NULL &&
        expo_table_hide(v->table, v->voxels, s->clip.hide_table)) {
        body_changed(&v->body);
    }

    v->settings = *s;
    v->set = false;
    scene_set(&v->scene, &v->body, s);
    v->scene.pt.width = width;
    v->scene.pt.height = height;
    v->scene.pt.seed = seed;
    v->scene.pt.mode = (pt_mode_t) v->mode;
    v->scene.pt.stride_mm *= v->stride;
    v->transparent = s->background.mode == EXPO_BACKGROUND_TRANSPARENT;
    set_tone(v, s);

    if (s->camera.autofocus) {
        focus(&v->scene.pt);
    }

    st = v->device->does->set(v->on, &v->scene);
    if (st == EXPO_OK) {
        st = restart(v);
    }

    v->set = st == EXPO_OK;

    return st;
}


expo_status_t
tracer_mode(tracer_view_t *v, tracer_mode_t mode)
{
    v->mode = mode;
    v->scene.pt.mode = (pt_mode_t) mode;
    v->device->does->forget(v->on);

    return restart(v);
}


expo_status_t
tracer_stride(tracer_view_t *v, float part)
{
    v->scene.pt.stride_mm *= part / v->stride;
    v->stride = part;

    return restart(v);
}


expo_status_t
tracer_film(tracer_view_t *v, uint32_t width, uint32_t height, uint64_t seed)
{
    expo_status_t st;

    if (width < TRACER_EDGE_MIN || width > TRACER_EDGE_MAX ||
        height < TRACER_EDGE_MIN || height > TRACER_EDGE_MAX) {
        return EXPO_INVALID;
    }

    st = look_back(v, &v->settings);
    v->film = false;

    if (st == EXPO_OK) {
        st = v->device->does->film(v->on, width, height);
    }

    if (st != EXPO_OK) {
        return st;
    }

    v->film = true;
    v->scene.pt.width = (int32_t) width;
    v->scene.pt.height = (int32_t) height;
    v->scene.pt.seed = seed;
    v->samples = 0;
    v->pass.count = 0;
    v->spoiled = false;

    return EXPO_OK;
}


void
tracer_expect(tracer_view_t *v, uint32_t samples)
{
    v->expected = samples;
}


expo_status_t
tracer_pass(tracer_view_t *v, uint32_t samples)
{
    return tracer_pass_part(v, samples, never, NULL);
}


expo_status_t
tracer_pass_part(tracer_view_t *v, uint32_t samples, bool (*over)(void *ctx),
                 void *ctx)
{
    expo_status_t st;

    if (!v->set || !v->film || v->spoiled) {
        return EXPO_INVALID;
    }

    if (v->pass.count == 0) {
        v->pass = (device_pass_t){.first = v->samples, .count = samples};
        v->scene.pt.sparse = sparse(v);
    }

    if (v->samples == 0) {
        v->scene.pt.around = few(v) ? PT_AROUND_FEW : PT_AROUND;
    }

    st = v->device->does->pass(v->on, &v->scene.pt, &v->pass, over, ctx);

    if (st == EXPO_OK) {
        v->samples += v->pass.count;
    }

    if (st != EXPO_AGAIN) {
        v->pass.count = 0;
        v->spoiled = st != EXPO_OK;
    }

    return st;
}


uint32_t
tracer_samples(const tracer_view_t *v)
{
    return v->samples;
}


uint64_t
tracer_bad_paths(const tracer_view_t *v)
{
    return v->film ? v->device->does->bad_paths(v->on) : 0;
}


double
tracer_noise(const tracer_view_t *v)
{
    film_t f;

    if (readable(v) != EXPO_OK || v->samples < 2) {
        return -1;
    }

    f = film_of(v);

    return v->device->does->noise(v->on, &f);
}


expo_status_t
tracer_read(const tracer_view_t *v, float *rgb)
{
    expo_status_t st = readable(v);
    film_t f;

    if (st != EXPO_OK) {
        return st;
    }

    f = film_of(v);

    return v->device->does->read(v->on, &f, rgb);
}


expo_status_t
tracer_read_filtered(const tracer_view_t *v, float *rgb)
{
    expo_status_t st = readable(v);
    film_t f;

    if (st != EXPO_OK) {
        return st;
    }

    f = film_of(v);

    if (v->mode == TRACER_ER2012 && v->scene.pt.technique == PT_PATHS) {
        st = v->device->does->read(v->on, &f, rgb);

        return st == EXPO_OK ? film2012_run(f.width, f.height, v->samples,
                                            v->exposure, rgb)
                             : st;
    }

    return v->device->does->read_filtered(v->on, &f, rgb);
}


expo_status_t
tracer_read_display(const tracer_view_t *v, uint32_t width, uint32_t height,
                    uint8_t *rgba)
{
    expo_status_t st = width > 0 && height > 0 ? readable(v) : EXPO_INVALID;
    film_t f;

    if (st != EXPO_OK) {
        return st;
    }

    if (v->mode == TRACER_ER2012 && v->scene.pt.technique == PT_PATHS) {
        return show_2012(v, width, height, rgba);
    }

    f = film_of(v);

    return v->device->does->display(v->on, &f, width, height, rgba);
}


expo_status_t
tracer_pick(const tracer_view_t *v, float x, float y, double point_mm[3])
{
    const pt_scene_t *s = &v->scene.pt;
    float depth;
    pt_ray_t r;
    pt_v3 p;

    if (!v->set || !v->film) {
        return EXPO_INVALID;
    }

    r = pt_camera_ray(&s->camera, s->width, s->height, x * (float) s->width,
                      y * (float) s->height, 0.5f, 0.5f);
    depth = pt_render_depth(s, r);

    if (depth >= PT_FAR) {
        return EXPO_NOT_FOUND;
    }

    p = pt_along(r.o, r.d, depth);
    point_mm[0] = v->body.center[0] + (double) p.x;
    point_mm[1] = v->body.center[1] + (double) p.y;
    point_mm[2] = v->body.center[2] + (double) p.z;

    return EXPO_OK;
}


/* Before settings that may be new: the film is kept for the next to look back
 * to, if all that changes is from where it is seen. */
static expo_status_t
look_back(tracer_view_t *v, const expo_settings_t *next)
{
    expo_status_t st;
    film_t f;

    if (!v->set || !v->filtered || !same_light(&v->settings, next)) {
        v->device->does->forget(v->on);
        return EXPO_OK;
    }

    if (readable(v) != EXPO_OK || v->samples == 0) {
        return EXPO_OK;
    }

    f = film_of(v);
    st = v->device->does->keep(v->on, &f);

    /* Pictures do without a past that there is no room for. */
    if (st == EXPO_NO_MEMORY) {
        v->device->does->forget(v->on);
        return EXPO_OK;
    }

    return st;
}


/* Whether a place in the scan shines the same in both, or nearly so: lamps that
 * follow the camera move with it. Behind a lens one pixel sees many places, so
 * nothing is said of them. */
static bool
same_light(const expo_settings_t *a, const expo_settings_t *b)
{
    expo_settings_t c = *b;

    if (a->camera.aperture_mm > 0 || b->camera.aperture_mm > 0 ||
        a->technique.mode != EXPO_PATH) {
        return false;
    }

    memcpy(&c.camera, &a->camera, sizeof(c.camera));
    memcpy(&c.film, &a->film, sizeof(c.film));
    memcpy(&c.quality, &a->quality, sizeof(c.quality));

    return memcmp(a, &c, sizeof(c)) == 0;
}


static expo_status_t
show_2012(const tracer_view_t *v, uint32_t width, uint32_t height,
          uint8_t *rgba)
{
    film_t f = film_of(v);
    size_t bytes = (size_t) f.width * f.height * 3 * sizeof(float);
    float *rgb = malloc(bytes);
    expo_status_t st;

    if (rgb == NULL) {
        return EXPO_NO_MEMORY;
    }

    st = tracer_read_filtered(v, rgb);

    if (st == EXPO_OK) {
        film2012_show(rgb, f.width, f.height, v->exposure, width, height, rgba);
    }

    wipe_free(rgb, bytes);

    return st;
}


static expo_status_t
restart(tracer_view_t *v)
{
    v->samples = 0;
    v->pass.count = 0;
    v->spoiled = false;

    return v->film ? v->device->does->clear(v->on) : EXPO_OK;
}


/* Values are shown as their window says: no light that a film would have to
 * bring out. */
static void
set_tone(tracer_view_t *v, const expo_settings_t *s)
{
    bool values = v->scene.pt.technique != PT_PATHS &&
                  v->scene.pt.technique != PT_SURFACE;

    v->filtered = s->denoise && !values;
    v->exposure = values ? 1.0f : s->film.exposure;
    v->gamma = values ? 1.0f : s->film.gamma;
    v->tone_map = values || s->film.tone_map == EXPO_TONE_LINEAR ? PT_LINEAR
                  : s->film.tone_map == EXPO_TONE_ACES           ? PT_ACES
                                                       : PT_EXPONENTIAL;
}


/* On what is seen first at the middle of any picture. */
static void
focus(pt_scene_t *s)
{
    float depth = pt_render_depth(
        s, pt_camera_ray(&s->camera, 2, 2, 1.0f, 1.0f, 0.5f, 0.5f));

    if (depth < PT_FAR) {
        s->camera.focus = depth;
    }
}


/* Whether there is a film, and all of its pixels have the same samples. */
static expo_status_t
readable(const tracer_view_t *v)
{
    if (!v->set || !v->film || v->spoiled) {
        return EXPO_INVALID;
    }

    return v->pass.count > 0 ? EXPO_AGAIN : EXPO_OK;
}


/* Pixels are left out only where the filter makes up for them; cards are quick
 * enough without. */
static int32_t
sparse(const tracer_view_t *v)
{
    return v->filtered && v->mode == TRACER_PRODUCTION &&
           v->scene.pt.technique == PT_PATHS && !v->device->is_card;
}


static bool
few(const tracer_view_t *v)
{
    return v->expected > 0 && v->expected <= TRACER_FEW;
}


static bool
never(void *ctx)
{
    (void) ctx;

    return false;
}


static film_t
film_of(const tracer_view_t *v)
{
    film_t f;

    f.pixel = NULL;
    f.look = NULL;
    f.width = (uint32_t) v->scene.pt.width;
    f.height = (uint32_t) v->scene.pt.height;
    f.samples = v->samples;
    f.marched =
        v->mode == TRACER_PRODUCTION && v->scene.pt.technique == PT_PATHS;
    f.filtered = v->filtered;
    f.sparse = v->samples == 1 && sparse(v);
    f.transparent = v->transparent;
    f.past = PAST;
    f.camera = v->scene.pt.camera;
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
