/* Paths. A warp is 8 x 4 pixels, so that its rays stay together. */

#include "render-worker/render/cuda/kernels.h"

#include <cuda_runtime.h>

#define WARP_WIDTH 8
#define WARP_HEIGHT 4
#define WARPS_ACROSS 2
#define WARPS_DOWN 2
#define BLOCK_WIDTH (WARP_WIDTH * WARPS_ACROSS)
#define BLOCK_HEIGHT (WARP_HEIGHT * WARPS_DOWN)
#define BLOCK_THREADS (BLOCK_WIDTH * BLOCK_HEIGHT)

/* Blocks at a time on a multiprocessor: its registers are shared among so
 * many. */
#define RESIDENT 4

static __device__ bool
pixel_of(const pt_scene_t *s, uint32_t first_block, int32_t *x, int32_t *y)
{
    int32_t across = (s->width + BLOCK_WIDTH - 1) / BLOCK_WIDTH;
    int32_t block = (int32_t) (first_block + blockIdx.x);
    int32_t warp = (int32_t) threadIdx.x / 32, lane = (int32_t) threadIdx.x % 32;

    *x = block % across * BLOCK_WIDTH + warp % WARPS_ACROSS * WARP_WIDTH +
         lane % WARP_WIDTH;
    *y = block / across * BLOCK_HEIGHT + warp / WARPS_ACROSS * WARP_HEIGHT +
         lane / WARP_WIDTH;

    return *x < s->width && *y < s->height;
}

static __global__ void
__launch_bounds__(BLOCK_THREADS, RESIDENT)
look_kernel(const __grid_constant__ pt_scene_t s, pt_look_t *look,
            uint32_t block)
{
    int32_t x, y;

    if (pixel_of(&s, block, &x, &y)) {
        look[(int64_t) y * s.width + x] = pt_pixel_look(&s, x, y);
    }
}

static __global__ void
__launch_bounds__(BLOCK_THREADS, RESIDENT)
pass_kernel(const __grid_constant__ pt_scene_t s, pt_pixel_t *film,
            kernels_share_t share)
{
    int32_t x, y;

    if (pixel_of(&s, share.block, &x, &y)) {
        pt_pixel_trace(&s, film + (int64_t) y * s.width + x, x, y, share.first,
                       share.count, 0);
    }
}

extern "C" cudaError_t
kernels_ready(void)
{
    cudaFuncAttributes about;

    return cudaFuncGetAttributes(&about, pass_kernel);
}

extern "C" uint32_t
kernels_blocks(int32_t width, int32_t height)
{
    return (uint32_t) ((width + BLOCK_WIDTH - 1) / BLOCK_WIDTH) *
           (uint32_t) ((height + BLOCK_HEIGHT - 1) / BLOCK_HEIGHT);
}

extern "C" cudaError_t
kernels_pass(const pt_scene_t *s, pt_pixel_t *film, pt_look_t *look,
             kernels_share_t share, cudaStream_t stream)
{
    cudaLaunchConfig_t how = {};
    cudaError_t e = cudaSuccess;

    how.gridDim.x = share.blocks;
    how.blockDim.x = BLOCK_THREADS;
    how.stream = stream;

    if (share.first == 0) {
        e = cudaLaunchKernelEx(&how, look_kernel, *s, look, share.block);
    }

    if (e == cudaSuccess) {
        e = cudaLaunchKernelEx(&how, pass_kernel, *s, film, share);
    }

    return e;
}
