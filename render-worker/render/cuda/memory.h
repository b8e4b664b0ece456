/* A CUDA device's memory, by the piece. */

#ifndef CUDA_MEMORY_H
#define CUDA_MEMORY_H

#include <stddef.h>

#include <cuda_runtime_api.h>

/* at: the device's; NULL when there is no room. */
typedef struct {
    void *at;
    size_t bytes, room;
} memory_t;

/* Makes m `bytes` large, 1 or more; what it held is lost. It never gives back
 * room. When that fails it is empty. */
cudaError_t memory_resize(memory_t *m, size_t bytes);

/* Scans are people's: wiped first. */
void memory_free(memory_t *m);

/* From the host's pageable memory, which may change once this returns. */
cudaError_t memory_write(memory_t *m, const void *from, size_t bytes,
                         cudaStream_t stream);

/* The host's own memory that the device can reach without a copy in between. */
cudaError_t memory_resize_host(memory_t *m, size_t bytes);
void memory_free_host(memory_t *m);

#endif
