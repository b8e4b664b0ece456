/* Holds every kernel header to CUDA: `make cuda-check` compiles this and throws
 * the result away. It becomes the CUDA back end's first kernel. */

#include "render-worker/render/kernel/pt_look.h"
#include "render-worker/render/kernel/pt_render.h"
#include "render-worker/render/kernel/pt_tone.h"

__global__ void
pt_pass(const pt_scene_t *s, pt_sample_t *film, pt_look_t *look, float *shown,
        uint32_t sample)
{
    int32_t x = (int32_t) (blockIdx.x * blockDim.x + threadIdx.x);
    int32_t y = (int32_t) (blockIdx.y * blockDim.y + threadIdx.y);
    int32_t i = y * s->width + x;

    if (x >= s->width || y >= s->height) {
        return;
    }

    film[i] = pt_render(s, x, y, sample);
    look[i] = pt_look(s, pt_camera_ray(&s->camera, s->width, s->height,
                                       (float) x + 0.5f, (float) y + 0.5f,
                                       0.5f, 0.5f));
    shown[i] = pt_srgb(pt_tone(film[i].radiance.x, PT_ACES));
}
