/*
 * The CUDA device. Host code is C and calls the runtime's C interface; what
 * runs on the card is kernels.h. A view's work goes through its own stream and
 * has ended when a function here returns.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/render/cuda/kernels.h"
#include "render-worker/render/cuda/memory.h"
#include "render-worker/render/device.h"
#include "render-worker/render/filter.h"

/* A launch cannot be stopped, and others may want the card: it is made to last
 * about so long. */
#define LAUNCH_MS 4.0f
#define LAUNCH_FIRST                                                           \
    2048.0f /* blocks times samples, while nothing is known                    \
             */
#define LAUNCH_MOST 1e8f
#define UNDER_WAY 2 /* launches: one runs, one waits behind it */

/* Left free by a volume: for films, and what the driver takes. */
#define MEMORY_SPARE ((size_t) 512 << 20)

typedef struct {
    device_t device;
    int number;
    pool_t *pool;
    char name[64], trouble[128];
} cuda_t;

typedef struct {
    device_view_t view;
    cudaStream_t stream;
    cudaEvent_t mark[UNDER_WAY + 1]; /* between launches */
    memory_t voxels, cell, detail, sigma, material;
    uint32_t width, height;
    memory_t film, look; /* [height][width] */
    filter_t *filter;
    float launch; /* blocks times samples that take LAUNCH_MS */
} cuda_view_t;

/* What of a pass has been put on the stream. */
typedef struct {
    kernels_share_t next;
    uint32_t end;          /* sample */
    uint32_t blocks;       /* of the film */
    uint32_t started;      /* launches */
    float size[UNDER_WAY]; /* blocks times samples */
} progress_t;

static expo_status_t choose(cuda_t *cuda, char *error, size_t error_bytes);
static void cuda_destroy(device_t *d);
static expo_status_t cuda_open(device_t *d, const body_t *b,
                               device_view_t **out);
static cudaError_t view_start(cuda_view_t *v, const body_t *b);
static void cuda_close(device_view_t *view);
static expo_status_t cuda_set(device_view_t *view, const scene_t *s);
static expo_status_t cuda_film(device_view_t *view, uint32_t width,
                               uint32_t height);
static expo_status_t cuda_clear(device_view_t *view);
static expo_status_t cuda_pass(device_view_t *view, const pt_scene_t *s,
                               uint32_t first, uint32_t count,
                               const atomic_bool *stop);
static pt_scene_t scene_on_card(const cuda_view_t *v, const pt_scene_t *s);
static cudaError_t launch(cuda_view_t *v, const pt_scene_t *s, progress_t *p);
static cudaError_t launch_ended(cuda_view_t *v, const progress_t *p,
                                uint32_t which);
static uint64_t cuda_bad_paths(const device_view_t *view);
static expo_status_t cuda_read(device_view_t *view, const film_t *f,
                               float *rgb);
static expo_status_t cuda_read_filtered(device_view_t *view, const film_t *f,
                                        float *rgb);
static expo_status_t cuda_display(device_view_t *view, const film_t *f,
                                  uint32_t width, uint32_t height,
                                  uint8_t *rgba);
static expo_status_t film_to_host(const cuda_view_t *v, film_t *f);
static void film_free(film_t *f);
static cudaError_t use(const device_view_t *view);
static expo_status_t status(const device_view_t *view, cudaError_t e);

static const device_table_t cuda_table = {
    cuda_destroy, cuda_open,          cuda_close,  cuda_set,
    cuda_film,    cuda_clear,         cuda_pass,   cuda_bad_paths,
    cuda_read,    cuda_read_filtered, cuda_display};


expo_status_t
device_cuda_create(unsigned number, device_t **out, char *error,
                   size_t error_bytes)
{
    cuda_t *cuda = calloc(1, sizeof(*cuda));
    expo_status_t st;

    if (cuda == NULL) {
        snprintf(error, error_bytes, "not enough memory for a renderer");
        return EXPO_NO_MEMORY;
    }

    cuda->number = (int) number;
    cuda->device.does = &cuda_table;
    cuda->device.name = cuda->name;
    cuda->device.trouble = cuda->trouble;

    st = choose(cuda, error, error_bytes);
    if (st == EXPO_OK) {
        st = pool_open(0, &cuda->pool);
    }

    if (st != EXPO_OK) {
        free(cuda);
        return st;
    }

    *out = &cuda->device;

    return EXPO_OK;
}


/* Whatever it is that is missing, said in one sentence. */
static expo_status_t
choose(cuda_t *cuda, char *error, size_t error_bytes)
{
    struct cudaDeviceProp about;
    int devices = 0, driver = 0;
    cudaError_t e = cudaGetDeviceCount(&devices);

    if (e == cudaErrorInsufficientDriver) {
        cudaDriverGetVersion(&driver);

        if (driver != 0) {
            snprintf(error, error_bytes,
                     "the NVIDIA driver is for CUDA up to %d.%d, and this "
                     "program needs %d.%d",
                     driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000,
                     CUDART_VERSION % 1000 / 10);
        } else {
            snprintf(error, error_bytes, "there is no NVIDIA driver here");
        }

        return EXPO_UNSUPPORTED;
    }

    if (e == cudaErrorNoDevice || (e == cudaSuccess && devices == 0)) {
        snprintf(error, error_bytes, "there is no CUDA device here");
        return EXPO_UNSUPPORTED;
    }

    if (e == cudaSuccess && cuda->number >= devices) {
        snprintf(error, error_bytes, "there is no cuda:%d, the last is cuda:%d",
                 cuda->number, devices - 1);
        return EXPO_UNSUPPORTED;
    }

    if (e == cudaSuccess) {
        e = cudaGetDeviceProperties(&about, cuda->number);
    }

    if (e == cudaSuccess) {
        e = cudaSetDevice(cuda->number);
    }

    if (e == cudaSuccess) {
        snprintf(cuda->name, sizeof(cuda->name), "cuda:%d (%.40s)",
                 cuda->number, about.name);
        e = kernels_ready();
    }

    if (e == cudaErrorNoKernelImageForDevice ||
        e == cudaErrorInvalidDeviceFunction ||
        e == cudaErrorUnsupportedPtxVersion) {
        snprintf(error, error_bytes,
                 "%s has compute capability %d.%d, and this build nothing that "
                 "runs on it",
                 cuda->name, about.major, about.minor);
        return EXPO_UNSUPPORTED;
    }

    if (e != cudaSuccess) {
        snprintf(error, error_bytes, "cuda:%d cannot be used: %s", cuda->number,
                 cudaGetErrorString(e));
        return EXPO_UNSUPPORTED;
    }

    return EXPO_OK;
}


static void
cuda_destroy(device_t *d)
{
    cuda_t *cuda = (cuda_t *) d;

    pool_close(cuda->pool);
    free(cuda);
}


static expo_status_t
cuda_open(device_t *d, const body_t *b, device_view_t **out)
{
    cuda_view_t *v = calloc(1, sizeof(*v));
    expo_status_t st;

    if (v == NULL || filter_open(&v->filter) != EXPO_OK) {
        free(v);
        return EXPO_NO_MEMORY;
    }

    v->view.device = d;
    v->launch = LAUNCH_FIRST;

    st = status(&v->view, view_start(v, b));
    if (st != EXPO_OK) {
        cuda_close(&v->view);
        return st;
    }

    *out = &v->view;

    return EXPO_OK;
}


static cudaError_t
view_start(cuda_view_t *v, const body_t *b)
{
    size_t voxels = (size_t) b->n[0] * (size_t) b->n[1] * (size_t) b->n[2] *
                    sizeof(*b->voxels);
    size_t cells = (size_t) b->grid.cells[0] * (size_t) b->grid.cells[1] *
                   (size_t) b->grid.cells[2] * sizeof(float);
    size_t free_bytes, all_bytes;
    cudaError_t e = use(&v->view);
    int i;

    if (e == cudaSuccess) {
        e = cudaMemGetInfo(&free_bytes, &all_bytes);
    }

    if (e == cudaSuccess && free_bytes < voxels + 2 * cells + MEMORY_SPARE) {
        e = cudaErrorMemoryAllocation;
    }

    if (e == cudaSuccess) {
        e = cudaStreamCreateWithFlags(&v->stream, cudaStreamNonBlocking);
    }

    for (i = 0; i <= UNDER_WAY && e == cudaSuccess; i++) {
        e = cudaEventCreateWithFlags(&v->mark[i], cudaEventBlockingSync);
    }

    if (e == cudaSuccess) {
        e = memory_write(&v->voxels, b->voxels, voxels, v->stream);
    }

    return e == cudaSuccess ? cudaStreamSynchronize(v->stream) : e;
}


static void
cuda_close(device_view_t *view)
{
    cuda_view_t *v = (cuda_view_t *) view;
    int i;

    use(view);
    filter_close(v->filter);
    memory_free(&v->voxels);
    memory_free(&v->cell);
    memory_free(&v->detail);
    memory_free(&v->sigma);
    memory_free(&v->material);
    memory_free(&v->film);
    memory_free(&v->look);

    for (i = 0; i <= UNDER_WAY; i++) {
        if (v->mark[i] != NULL) {
            cudaEventDestroy(v->mark[i]);
        }
    }

    if (v->stream != NULL) {
        cudaStreamDestroy(v->stream);
    }

    free(v);
}


static expo_status_t
cuda_set(device_view_t *view, const scene_t *s)
{
    cuda_view_t *v = (cuda_view_t *) view;
    size_t cells = (size_t) s->pt.cells[0] * (size_t) s->pt.cells[1] *
                   (size_t) s->pt.cells[2];
    cudaError_t e = use(view);

    if (e == cudaSuccess) {
        e = memory_write(&v->sigma, s->sigma, sizeof(s->sigma), v->stream);
    }

    if (e == cudaSuccess) {
        e = memory_write(&v->material, s->material, sizeof(s->material),
                         v->stream);
    }

    if (e == cudaSuccess) {
        e = memory_write(&v->cell, s->pt.cell, cells * sizeof(*s->pt.cell),
                         v->stream);
    }

    if (e == cudaSuccess) {
        e = memory_write(&v->detail, s->pt.detail,
                         cells * sizeof(*s->pt.detail), v->stream);
    }

    if (e == cudaSuccess) {
        e = cudaStreamSynchronize(v->stream);
    }

    return status(view, e);
}


static expo_status_t
cuda_film(device_view_t *view, uint32_t width, uint32_t height)
{
    cuda_view_t *v = (cuda_view_t *) view;
    size_t pixels = (size_t) width * height;
    cudaError_t e = use(view);

    v->width = width;
    v->height = height;

    if (e == cudaSuccess) {
        e = memory_resize(&v->film, pixels * sizeof(pt_pixel_t));
    }

    if (e == cudaSuccess) {
        e = memory_resize(&v->look, pixels * sizeof(pt_look_t));
    }

    if (e == cudaSuccess) {
        e = cudaMemsetAsync(v->look.at, 0, v->look.bytes, v->stream);
    }

    return e == cudaSuccess ? cuda_clear(view) : status(view, e);
}


static expo_status_t
cuda_clear(device_view_t *view)
{
    cuda_view_t *v = (cuda_view_t *) view;
    cudaError_t e = use(view);

    if (e == cudaSuccess) {
        e = cudaMemsetAsync(v->film.at, 0, v->film.bytes, v->stream);
    }

    if (e == cudaSuccess) {
        e = cudaStreamSynchronize(v->stream);
    }

    return status(view, e);
}


static expo_status_t
cuda_pass(device_view_t *view, const pt_scene_t *s, uint32_t first,
          uint32_t count, const atomic_bool *stop)
{
    cuda_view_t *v = (cuda_view_t *) view;
    pt_scene_t scene = scene_on_card(v, s);
    progress_t p = {.next = {.first = first},
                    .end = first + count,
                    .blocks = kernels_blocks(s->width, s->height)};
    cudaError_t e = use(view), ended;

    if (e == cudaSuccess) {
        e = cudaEventRecord(v->mark[0], v->stream);
    }

    while (e == cudaSuccess && p.next.first < p.end && !atomic_load(stop)) {
        if (p.started >= UNDER_WAY) {
            e = launch_ended(v, &p, p.started - UNDER_WAY);
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

    if (e == cudaSuccess && atomic_load(stop)) {
        return EXPO_EXPIRED;
    }

    return status(view, e);
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

    p->size[p->started % UNDER_WAY] =
        (float) next->blocks * (float) next->count;
    p->started++;
    next->block += next->blocks;

    if (next->block == p->blocks) {
        next->block = 0;
        next->first += next->count;
    }

    return cudaEventRecord(v->mark[p->started % (UNDER_WAY + 1)], v->stream);
}


/* Waits for a launch and takes its measure for the next ones. */
static cudaError_t
launch_ended(cuda_view_t *v, const progress_t *p, uint32_t which)
{
    cudaEvent_t before = v->mark[which % (UNDER_WAY + 1)];
    cudaEvent_t after = v->mark[(which + 1) % (UNDER_WAY + 1)];
    float size = p->size[which % UNDER_WAY], ms = 0.0f, fit;
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


static uint64_t
cuda_bad_paths(const device_view_t *view)
{
    const cuda_view_t *v = (const cuda_view_t *) view;
    film_t f = {.width = v->width, .height = v->height};
    size_t i, pixels = (size_t) v->width * v->height;
    uint64_t sum = 0;

    if (film_to_host(v, &f) != EXPO_OK) {
        return 0;
    }

    for (i = 0; i < pixels; i++) {
        sum += f.pixel[i].bad;
    }

    film_free(&f);

    return sum;
}


static expo_status_t
cuda_read(device_view_t *view, const film_t *f, float *rgb)
{
    film_t own = *f;
    expo_status_t st = film_to_host((cuda_view_t *) view, &own);

    if (st == EXPO_OK) {
        film_read(&own, rgb);
        film_free(&own);
    }

    return st;
}


static expo_status_t
cuda_read_filtered(device_view_t *view, const film_t *f, float *rgb)
{
    cuda_t *cuda = (cuda_t *) view->device;
    film_t own = *f;
    expo_status_t st = film_to_host((cuda_view_t *) view, &own);

    if (st == EXPO_OK) {
        st = film_read_filtered(&own, ((cuda_view_t *) view)->filter,
                                cuda->pool, rgb);
        film_free(&own);
    }

    return st;
}


static expo_status_t
cuda_display(device_view_t *view, const film_t *f, uint32_t width,
             uint32_t height, uint8_t *rgba)
{
    cuda_t *cuda = (cuda_t *) view->device;
    film_t own = *f;
    expo_status_t st = film_to_host((cuda_view_t *) view, &own);

    if (st == EXPO_OK) {
        st = film_display(&own, ((cuda_view_t *) view)->filter, cuda->pool,
                          width, height, rgba);
        film_free(&own);
    }

    return st;
}


static expo_status_t
film_to_host(const cuda_view_t *v, film_t *f)
{
    pt_pixel_t *pixel = malloc(v->film.bytes);
    pt_look_t *look = malloc(v->look.bytes);
    cudaError_t e = use(&v->view);

    f->pixel = pixel;
    f->look = look;

    if (pixel == NULL || look == NULL) {
        film_free(f);
        return EXPO_NO_MEMORY;
    }

    if (e == cudaSuccess) {
        e = cudaMemcpyAsync(pixel, v->film.at, v->film.bytes,
                            cudaMemcpyDeviceToHost, v->stream);
    }

    if (e == cudaSuccess) {
        e = cudaMemcpyAsync(look, v->look.at, v->look.bytes,
                            cudaMemcpyDeviceToHost, v->stream);
    }

    if (e == cudaSuccess) {
        e = cudaStreamSynchronize(v->stream);
    }

    if (e != cudaSuccess) {
        film_free(f);
    }

    return status(&v->view, e);
}


static void
film_free(film_t *f)
{
    free((void *) f->pixel);
    free((void *) f->look);
}


/* The current device is a thread's own. */
static cudaError_t
use(const device_view_t *view)
{
    return cudaSetDevice(((const cuda_t *) view->device)->number);
}


static expo_status_t
status(const device_view_t *view, cudaError_t e)
{
    cuda_t *cuda = (cuda_t *) view->device;

    if (e == cudaSuccess) {
        return EXPO_OK;
    }

    if (e == cudaErrorMemoryAllocation) {
        return EXPO_NO_MEMORY;
    }

    snprintf(cuda->trouble, sizeof(cuda->trouble), "%s failed: %s", cuda->name,
             cudaGetErrorString(e));

    return EXPO_IO;
}
