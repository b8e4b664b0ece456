/* What the parts of the CUDA device share. */

#ifndef DEVICE_CUDA_H
#define DEVICE_CUDA_H

#include <stdbool.h>

#include "render-worker/render/cuda/kernels.h"
#include "render-worker/render/cuda/memory.h"
#include "render-worker/render/device.h"

/* A launch cannot be stopped, and others may want the card: it is made to last
 * about so long. */
#define LAUNCH_MS 4.0f
#define LAUNCH_FIRST                                                           \
    2048.0f /* blocks times samples, while nothing is known                    \
             */
#define LAUNCH_MOST 1e8f
#define LAUNCHES 2 /* under way: one runs, one waits behind it */

/* Left free by a volume: for films, and what the driver takes. */
#define MEMORY_SPARE ((size_t) 512 << 20)

typedef struct {
    device_t device;
    int number;
    char name[64], trouble[128];
} cuda_t;

typedef struct {
    device_view_t view;
    cudaStream_t stream;
    cudaEvent_t mark[LAUNCHES + 1]; /* between launches */
    float launch;                   /* blocks times samples in LAUNCH_MS */

    memory_t voxels, cell, detail, sigma, material;
    uint32_t voxels_made; /* the scene's numbers: what is here */
    uint32_t tables_made, bounds_made; /* 0: none is */
    uint32_t width, height;
    memory_t film, look; /* [height][width] */

    memory_t planes, past; /* what filter points to */
    kernels_filter_t filter;
    bool has_past;
    memory_t shaded, shown, rgba; /* of a display */
    memory_t out;                 /* the host's: a picture on its way */
} cuda_view_t;

/* The current device is a thread's own: every function of the table begins
 * with this. */
cudaError_t cuda_use(const device_view_t *view);

/* EXPO_NO_MEMORY, or EXPO_IO and the device's trouble is told. */
expo_status_t cuda_status(const device_view_t *view, cudaError_t e);

/* device_cuda_pass.c */
expo_status_t cuda_pass(device_view_t *view, const pt_scene_t *s,
                        device_pass_t *pass, bool (*over)(void *ctx),
                        void *ctx);

/* device_cuda_film.c */
expo_status_t cuda_film(device_view_t *view, uint32_t width, uint32_t height);
expo_status_t cuda_clear(device_view_t *view);
expo_status_t cuda_keep(device_view_t *view, const film_t *f);
void cuda_forget(device_view_t *view);
double cuda_noise(device_view_t *view, const film_t *f);
uint64_t cuda_bad_paths(const device_view_t *view);
expo_status_t cuda_read(device_view_t *view, const film_t *f, float *rgb);
expo_status_t cuda_read_filtered(device_view_t *view, const film_t *f,
                                 float *rgb);
expo_status_t cuda_display(device_view_t *view, const film_t *f, uint32_t width,
                           uint32_t height, uint8_t *rgba);
void cuda_film_free(cuda_view_t *v);

#endif
