#include "render-worker/render/cuda/memory.h"

#include <string.h>


cudaError_t
memory_resize(memory_t *m, size_t bytes)
{
    cudaError_t e;

    if (bytes <= m->room) {
        m->bytes = bytes;
        return cudaSuccess;
    }

    memory_free(m);

    e = cudaMalloc(&m->at, bytes);
    if (e != cudaSuccess) {
        m->at = NULL;
        return e;
    }

    m->bytes = m->room = bytes;

    return cudaSuccess;
}


void
memory_free(memory_t *m)
{
    if (m->at != NULL) {
        cudaMemset(m->at, 0, m->room);
        cudaFree(m->at);
        *m = (memory_t){NULL, 0, 0};
    }
}


cudaError_t
memory_write(memory_t *m, const void *from, size_t bytes, cudaStream_t stream)
{
    cudaError_t e = memory_resize(m, bytes);

    return e == cudaSuccess ? cudaMemcpyAsync(m->at, from, bytes,
                                              cudaMemcpyHostToDevice, stream)
                            : e;
}


cudaError_t
memory_resize_host(memory_t *m, size_t bytes)
{
    cudaError_t e;

    if (bytes <= m->room) {
        m->bytes = bytes;
        return cudaSuccess;
    }

    memory_free_host(m);

    e = cudaMallocHost(&m->at, bytes);
    if (e != cudaSuccess) {
        m->at = NULL;
        return e;
    }

    m->bytes = m->room = bytes;

    return cudaSuccess;
}


void
memory_free_host(memory_t *m)
{
    if (m->at != NULL) {
        explicit_bzero(m->at, m->room);
        cudaFreeHost(m->at);
        *m = (memory_t){NULL, 0, 0};
    }
}
