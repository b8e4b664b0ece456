/*
 * What runs on a CUDA device: written in *.cu, started from C. Pointers are the
 * device's, but for the scene's own, which is copied. Nothing here waits: work
 * is put on the stream, and cudaSuccess says that it was taken.
 */

#ifndef CUDA_KERNELS_H
#define CUDA_KERNELS_H

#include "render-worker/render/kernel/pt_pixel.h"

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

#ifdef __cplusplus
}
#endif

#endif
