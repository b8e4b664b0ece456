/*
 * What runs on a CUDA device: written in *.cu, started from C. Pointers are the
 * device's, those in a scene and a film too. Nothing here waits: work is put on
 * the stream, and cudaSuccess says that it was taken.
 */

#ifndef CUDA_KERNELS_H
#define CUDA_KERNELS_H

#include "render-worker/render/film.h"
#include "render-worker/render/planes.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether this program has kernels that the current device can run; loads
 * them. */
cudaError_t kernels_ready(void);

/* Blocks of pixels that a film is shared out in. */
uint32_t kernels_blocks(int32_t width, int32_t height);

/* Samples first .. first + count - 1 of blocks block .. block + blocks - 1;
 * with sample 0 come the features. */
typedef struct {
    uint32_t first, count, block, blocks;
} kernels_share_t;

cudaError_t kernels_pass(const pt_scene_t *s, pt_pixel_t *film, pt_look_t *look,
                         kernels_share_t share, cudaStream_t stream);

/* What the filter works on; the past may be of another size. */
typedef struct {
    planes_t planes;
    pt_past_t past;
} kernels_filter_t;

/* The film's light, to glows[0]; with what the past knows, to glows[1]. */
cudaError_t kernels_gather(const film_t *f, const kernels_filter_t *t,
                           int recall, cudaStream_t stream);

/* glows[recalled] become t's past. */
cudaError_t kernels_keep(const film_t *f, const kernels_filter_t *t,
                         int recalled, cudaStream_t stream);

/* From glows[recalled]; shaded: as filter_run's. */
cudaError_t kernels_filter(const film_t *f, const kernels_filter_t *t,
                           int recalled, float *shaded, cudaStream_t stream);

/* shaded: the same of plain means. */
cudaError_t kernels_mean(const film_t *f, float *shaded, cudaStream_t stream);

/* shown: room for [f->height][f->width][4]; rgba: [height][width][4]. */
cudaError_t kernels_display(const film_t *f, const float *shaded, float *shown,
                            uint32_t width, uint32_t height, uint8_t *rgba,
                            cudaStream_t stream);

#ifdef __cplusplus
}
#endif

#endif
