/*
 * A machine that renders, as tracer.c sees it. What is said to one has been
 * checked; sums, features and tables of a view lie in the machine's own memory.
 */

#ifndef RENDER_DEVICE_H
#define RENDER_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "render-worker/render/film.h"
#include "render-worker/render/scene.h"

typedef struct device_s device_t;
typedef struct device_view_s device_view_t;

/* Samples first .. first + count - 1 of every pixel, and how far they have
 * come: the machine's own count of samples and pieces, 0 to begin with. */
typedef struct {
    uint32_t first, count;
    uint32_t samples, pieces;
} device_pass_t;

/* EXPO_NO_MEMORY: not enough of the machine's. EXPO_IO: the machine failed and
 * is of no more use; views on it can only be closed. */
typedef struct {
    void (*destroy)(device_t *d);

    /* Voxels and grid are b's, borrowed until close. */
    expo_status_t (*open)(device_t *d, const body_t *b, device_view_t **out);
    void (*close)(device_view_t *v);

    /* Tables and bounds, new when their numbers are; they lie where s->pt
     * points, until the next. */
    expo_status_t (*set)(device_view_t *v, const scene_t *s);

    /* A film of width x height pixels, its sums zero. */
    expo_status_t (*film)(device_view_t *v, uint32_t width, uint32_t height);
    expo_status_t (*clear)(device_view_t *v);

    /*
     * Goes on with p, by one piece at least; with sample 0 come the features.
     * EXPO_AGAIN: over(ctx), which any thread may ask, ended this part of it.
     */
    expo_status_t (*pass)(device_view_t *v, const pt_scene_t *s,
                          device_pass_t *p, bool (*over)(void *ctx), void *ctx);

    /* The film becomes the past that young films of another camera look back
     * to (filter.h); forget: there is none. */
    expo_status_t (*keep)(device_view_t *v, const film_t *f);
    void (*forget)(device_view_t *v);

    /* As film_noise; negative when the machine failed. */
    double (*noise)(device_view_t *v, const film_t *f);

    /* The sum of all pixels' bad; UINT64_MAX when the machine failed. */
    uint64_t (*bad_paths)(const device_view_t *v);

    /* As film.h's; f's pixel and look are the view's. */
    expo_status_t (*read)(device_view_t *v, const film_t *f, float *rgb);
    expo_status_t (*read_filtered)(device_view_t *v, const film_t *f,
                                   float *rgb);
    expo_status_t (*display)(device_view_t *v, const film_t *f, uint32_t width,
                             uint32_t height, uint8_t *rgba);
} device_table_t;

/* Every machine's and every view's first member. */
struct device_s {
    const device_table_t *does;
    const char *name;
    bool is_card;        /* its memory is not the host's */
    const char *trouble; /* one sentence, once it failed; else "" */
};

struct device_view_s {
    device_t *device;
};

/* As tracer_create says. */
expo_status_t device_choose(const char *name, unsigned threads, device_t **out,
                            char *error, size_t error_bytes);

/* threads: 0 means one a core. */
expo_status_t device_cpu_create(unsigned threads, device_t **out);

/* EXPO_UNSUPPORTED: there is no such device, or no driver, or this program was
 * built without CUDA; error is one sentence that says which. */
expo_status_t device_cuda_create(unsigned number, device_t **out, char *error,
                                 size_t error_bytes);

#endif
