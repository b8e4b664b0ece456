/*
 * The CUDA device. Host code is C and calls the runtime's C interface; what
 * runs on the card is kernels.h. A view's work goes through its own stream and
 * has ended when a function of the table returns.
 */

#include <stdio.h>
#include <stdlib.h>

#include "render-worker/render/cuda/device_cuda.h"

static expo_status_t choose(cuda_t *cuda, char *error, size_t error_bytes);
static void cuda_destroy(device_t *d);
static expo_status_t cuda_open(device_t *d, const body_t *b,
                               device_view_t **out);
static cudaError_t view_start(cuda_view_t *v, const body_t *b);
static void cuda_close(device_view_t *view);
static expo_status_t cuda_set(device_view_t *view, const scene_t *s);
static cudaError_t write_voxels(cuda_view_t *v, const uint16_t *voxels,
                                const int32_t n[3]);
static cudaError_t write_tables(cuda_view_t *v, const scene_t *s);
static cudaError_t write_bounds(cuda_view_t *v, const scene_t *s);

static const device_table_t cuda_table = {
    .destroy = cuda_destroy,
    .open = cuda_open,
    .close = cuda_close,
    .set = cuda_set,
    .film = cuda_film,
    .clear = cuda_clear,
    .pass = cuda_pass,
    .keep = cuda_keep,
    .forget = cuda_forget,
    .noise = cuda_noise,
    .bad_paths = cuda_bad_paths,
    .read = cuda_read,
    .read_filtered = cuda_read_filtered,
    .display = cuda_display,
};


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
    cuda->device.is_card = true;
    cuda->device.trouble = cuda->trouble;

    st = choose(cuda, error, error_bytes);
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
    free(d);
}


static expo_status_t
cuda_open(device_t *d, const body_t *b, device_view_t **out)
{
    cuda_view_t *v = calloc(1, sizeof(*v));
    expo_status_t st;

    if (v == NULL) {
        return EXPO_NO_MEMORY;
    }

    v->view.device = d;
    v->launch = LAUNCH_FIRST;

    st = cuda_status(&v->view, view_start(v, b));
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
    cudaError_t e = cuda_use(&v->view);
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

    for (i = 0; i <= LAUNCHES && e == cudaSuccess; i++) {
        e = cudaEventCreateWithFlags(&v->mark[i], cudaEventBlockingSync);
    }

    return e == cudaSuccess ? write_voxels(v, b->voxels, b->n) : e;
}


static cudaError_t
write_voxels(cuda_view_t *v, const uint16_t *voxels, const int32_t n[3])
{
    cudaError_t e = memory_write(
        &v->voxels, voxels,
        (size_t) n[0] * (size_t) n[1] * (size_t) n[2] * sizeof(*voxels),
        v->stream);

    return e == cudaSuccess ? cudaStreamSynchronize(v->stream) : e;
}


static void
cuda_close(device_view_t *view)
{
    cuda_view_t *v = (cuda_view_t *) view;
    int i;

    cuda_use(view);

    /* After a failure work may be under way still, and write what is wiped. */
    if (v->stream != NULL) {
        cudaStreamSynchronize(v->stream);
    }

    memory_free(&v->voxels);
    memory_free(&v->cell);
    memory_free(&v->detail);
    memory_free(&v->sigma);
    memory_free(&v->material);
    cuda_film_free(v);

    for (i = 0; i <= LAUNCHES; i++) {
        if (v->mark[i] != NULL) {
            cudaEventDestroy(v->mark[i]);
        }
    }

    if (v->stream != NULL) {
        cudaStreamDestroy(v->stream);
    }

    free(v);
}


/* What is on the card already stays there. */
static expo_status_t
cuda_set(device_view_t *view, const scene_t *s)
{
    cuda_view_t *v = (cuda_view_t *) view;
    cudaError_t e = cuda_use(view);

    if (e == cudaSuccess && v->voxels_made != s->voxels) {
        e = write_voxels(v, s->pt.voxels, s->pt.n);
        v->voxels_made = s->voxels;
    }

    if (e == cudaSuccess && v->tables_made != s->tables) {
        e = write_tables(v, s);
    }

    if (e == cudaSuccess && v->bounds_made != s->bounds) {
        e = write_bounds(v, s);
    }

    return cuda_status(view, e);
}


static cudaError_t
write_tables(cuda_view_t *v, const scene_t *s)
{
    cudaError_t e;

    v->tables_made = 0;
    e = memory_write(&v->sigma, s->sigma, sizeof(s->sigma), v->stream);

    if (e == cudaSuccess) {
        e = memory_write(&v->material, s->material, sizeof(s->material),
                         v->stream);
    }

    if (e == cudaSuccess) {
        e = cudaStreamSynchronize(v->stream);
    }

    if (e == cudaSuccess) {
        v->tables_made = s->tables;
    }

    return e;
}


static cudaError_t
write_bounds(cuda_view_t *v, const scene_t *s)
{
    size_t cells = (size_t) s->pt.cells[0] * (size_t) s->pt.cells[1] *
                   (size_t) s->pt.cells[2];
    cudaError_t e;

    v->bounds_made = 0;
    e = memory_write(&v->cell, s->pt.cell, cells * sizeof(*s->pt.cell),
                     v->stream);

    if (e == cudaSuccess) {
        e = memory_write(&v->detail, s->pt.detail,
                         cells * sizeof(*s->pt.detail), v->stream);
    }

    if (e == cudaSuccess) {
        e = cudaStreamSynchronize(v->stream);
    }

    if (e == cudaSuccess) {
        v->bounds_made = s->bounds;
    }

    return e;
}


cudaError_t
cuda_use(const device_view_t *view)
{
    return cudaSetDevice(((const cuda_t *) view->device)->number);
}


expo_status_t
cuda_status(const device_view_t *view, cudaError_t e)
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
