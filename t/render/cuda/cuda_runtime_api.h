/*
 * What the CUDA back end uses of CUDA's runtime, for a machine that has none:
 * runtime.cc runs kernels on the CPU, late, as a stream does. Names and meaning
 * are those of CUDA 13.
 */

#ifndef T_CUDA_RUNTIME_API_H
#define T_CUDA_RUNTIME_API_H

#include <stddef.h>

#define CUDART_VERSION 13000

typedef enum {
    cudaSuccess = 0,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInsufficientDriver = 35,
    cudaErrorInvalidDeviceFunction = 98,
    cudaErrorNoDevice = 100,
    cudaErrorNoKernelImageForDevice = 209,
    cudaErrorUnsupportedPtxVersion = 222,
    cudaErrorIllegalAddress = 700
} cudaError_t;

enum cudaMemcpyKind {
    cudaMemcpyHostToDevice = 1,
    cudaMemcpyDeviceToHost = 2,
    cudaMemcpyDeviceToDevice = 3
};

struct cudaDeviceProp {
    char name[256];
    int major, minor;
};

#define cudaStreamNonBlocking 1
#define cudaEventBlockingSync 1

typedef struct fake_stream *cudaStream_t;
typedef struct fake_event *cudaEvent_t;

#ifdef __cplusplus
extern "C" {
#endif

cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *about, int device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *all_bytes);
cudaError_t cudaMalloc(void **at, size_t bytes);
cudaError_t cudaFree(void *at);
cudaError_t cudaMallocHost(void **at, size_t bytes);
cudaError_t cudaFreeHost(void *at);
cudaError_t cudaMemset(void *at, int value, size_t bytes);
cudaError_t cudaMemsetAsync(void *at, int value, size_t bytes,
                            cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes,
                            enum cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to);
cudaError_t cudaEventDestroy(cudaEvent_t event);
const char *cudaGetErrorString(cudaError_t e);

/* What the test sets and reads. */
typedef struct {
    int devices;
    int driver;           /* version; 0: none */
    int no_kernels;       /* none for this card */
    size_t memory;        /* bytes free */
    int calls, fail_at;   /* the fail_at-th call fails; 0: none */
    int dead;             /* after that call every other fails too */
    cudaError_t fail_with;
    int alive;            /* pieces of memory, streams, events */
    float block_ms;       /* what a block of threads takes */
    float longest_ms;     /* the longest launch */
    int launches;
    int uploads;          /* copies to the card */
} fake_t;

extern fake_t fake;

#ifdef __cplusplus
}
#endif

#endif
