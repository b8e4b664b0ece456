/* Paths, put on the card in launches that are short. */

#include <math.h>

#include "render-worker/render/cuda/device_cuda.h"

/* What of a pass has been put on the stream; pieces are blocks. */
typedef struct {
    kernels_share_t next;
    uint32_t end;         /* sample */
    uint32_t blocks;      /* of the film */
    uint32_t started;     /* launches */
    float size[LAUNCHES]; /* blocks times samples */
} progress_t;

static pt_scene_t scene_on_card(const cuda_view_t *v, const pt_scene_t *s);
static cudaError_t launch(cuda_view_t *v, const pt_scene_t *s, progress_t *p);
static cudaError_t launch_ended(cuda_view_t *v, const progress_t *p,
                                uint32_t which);


expo_status_t
cuda_pass(device_view_t *view, const pt_scene_t *s, device_pass_t *pass,
          bool (*over)(void *ctx), void *ctx)
{
    cuda_view_t *v = (cuda_view_t *) view;
    pt_scene_t scene = scene_on_card(v, s);
    progress_t p = {
        .next = {.first = pass->first + pass->samples, .block = pass->pieces},
        .end = pass->first + pass->count,
        .blocks = kernels_blocks(s->width, s->height)};
    cudaError_t e = cuda_use(view), ended;

    if (e == cudaSuccess) {
        e = cudaEventRecord(v->mark[0], v->stream);
    }

    while (e == cudaSuccess && p.next.first < p.end &&
           (p.started == 0 || !over(ctx))) {
        if (p.started >= LAUNCHES) {
            e = launch_ended(v, &p, p.started - LAUNCHES);
        }

        if (e == cudaSuccess) {
            e = launch(v, &scene, &p);
        }
    }

    ended = cudaStreamSynchronize(v->stream);
    e = e == cudaSuccess ? ended : e;

    if (e == cudaSuccess && p.started > 0) {
        e = launch_ended(v, &p, p.started - 1);
    }

    if (e != cudaSuccess) {
        return cuda_status(view, e);
    }

    pass->samples = p.next.first - pass->first;
    pass->pieces = p.next.block;

    return p.next.first < p.end ? EXPO_AGAIN : EXPO_OK;
}


/* The scene as the card sees it: with its own copies of volume and tables. */
static pt_scene_t
scene_on_card(const cuda_view_t *v, const pt_scene_t *s)
{
    pt_scene_t scene = *s;

    scene.voxels = v->voxels.at;
    scene.cell = v->cell.at;
    scene.detail = v->detail.at;
    scene.sigma = v->sigma.at;
    scene.material = v->material.at;

    return scene;
}


/* Whole films of as many samples as fit a launch; or parts of one sample's. */
static cudaError_t
launch(cuda_view_t *v, const pt_scene_t *s, progress_t *p)
{
    uint32_t most = (uint32_t) v->launch, left = p->end - p->next.first;
    kernels_share_t *next = &p->next;
    cudaError_t e;

    next->count = 1;
    next->blocks = p->blocks - next->block;

    if (next->block == 0 && most >= p->blocks) {
        next->count = most / p->blocks < left ? most / p->blocks : left;

    } else if (most < next->blocks) {
        next->blocks = most;
    }

    e = kernels_pass(s, v->film.at, v->look.at, *next, v->stream);
    if (e != cudaSuccess) {
        return e;
    }

    p->size[p->started % LAUNCHES] = (float) next->blocks * (float) next->count;
    p->started++;
    next->block += next->blocks;

    if (next->block == p->blocks) {
        next->block = 0;
        next->first += next->count;
    }

    return cudaEventRecord(v->mark[p->started % (LAUNCHES + 1)], v->stream);
}


/* Waits for a launch and takes its measure for the next ones. */
static cudaError_t
launch_ended(cuda_view_t *v, const progress_t *p, uint32_t which)
{
    cudaEvent_t before = v->mark[which % (LAUNCHES + 1)];
    cudaEvent_t after = v->mark[(which + 1) % (LAUNCHES + 1)];
    float size = p->size[which % LAUNCHES], ms = 0.0f, fit;
    cudaError_t e = cudaEventSynchronize(after);

    if (e == cudaSuccess) {
        e = cudaEventElapsedTime(&ms, before, after);
    }

    if (e != cudaSuccess) {
        return e;
    }

    /* A small launch says of large ones only that they may be larger. */
    fit = size * LAUNCH_MS / fmaxf(ms, 0.25f * LAUNCH_MS);
    fit = ms < 0.25f * LAUNCH_MS ? fmaxf(fit, v->launch) : fit;
    v->launch = fminf(fmaxf(fit, 1.0f), LAUNCH_MOST);

    return cudaSuccess;
}
