/* From sums of samples to a picture. */

#ifndef RENDER_FILM_H
#define RENDER_FILM_H

#include <stdint.h>

#include "lib/settings.h"
#include "render-worker/render/pass.h"
#include "render-worker/render/kernel/pt_tone.h"
#include "render-worker/render/pool.h"

/* Buffers of the filter and the past of one view; filter.h. */
typedef struct filter_s filter_t;

typedef struct {
    const pt_pixel_t *pixel; /* [height][width] sums */
    const pt_look_t *look;   /* [height][width] */
    uint32_t width, height, samples;
    int marched;  /* cover is, and so has no noise but jags */
    int filtered; /* is shown so while it is young */
    int sparse;   /* every other pixel has no sample yet: sparse.h */
    float past;   /* samples a pixel that the past counts at most */
    pt_camera_t camera;
    int transparent;          /* background has alpha 0; then it is black */
    float background[3];      /* linear */
    float voxel_mm, pixel_mm; /* a pixel's width at the target */
    float exposure, gamma;
    pt_tone_map_t tone_map;
} film_t;

/* Mean radiance over the background; [height][width][3]. */
void film_read(const film_t *f, float *rgb);

/* As tracer_read_filtered. EXPO_NO_MEMORY. */
expo_status_t film_read_filtered(const film_t *f, filter_t *filter,
                                 pool_t *pool, float *rgb);

/* shaded, [height][width][4], over the background. */
void film_over(const film_t *f, const float *shaded, float *rgb);

/* As tracer_noise; at least two samples. */
double film_noise(const film_t *f);

/* As tracer_read_display. EXPO_NO_MEMORY. */
expo_status_t film_display(const film_t *f, filter_t *filter, pool_t *pool,
                           uint32_t width, uint32_t height, uint8_t *rgba);

#endif
