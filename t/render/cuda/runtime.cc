/*
 * A CUDA device that is not there. Its memory can be touched by kernels and
 * copies only, and not a byte past a piece's end; what is put on a stream is
 * done when somebody waits for it, not before.
 */

#include "cuda_runtime.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <map>
#include <vector>

struct fake_stream {
    std::vector<std::function<void()>> work;
};

struct fake_event {
    float ms;
};

struct piece {
    char *pages;
    size_t bytes; /* of the pages between the two guards */
};

fake_t fake;
thread_local dim3 blockIdx, blockDim, threadIdx;

static std::map<void *, piece> memory;
static float clock_ms;

static cudaError_t
call()
{
    fake.calls++;

    return fake.fail_at > 0 && (fake.calls == fake.fail_at ||
                                (fake.dead && fake.calls > fake.fail_at))
               ? fake.fail_with
               : cudaSuccess;
}

static void
reach(int how)
{
    for (auto &m : memory) {
        mprotect(m.second.pages, m.second.bytes, how);
    }
}

static void
work_off(cudaStream_t s)
{
    reach(PROT_READ | PROT_WRITE);

    for (auto &w : s->work) {
        w();
    }

    s->work.clear();
    reach(PROT_NONE);
}

cudaError_t
cudaGetDeviceCount(int *count)
{
    *count = 0;

    if (fake.driver < CUDART_VERSION) {
        return cudaErrorInsufficientDriver;
    }

    *count = fake.devices;

    return fake.devices == 0 ? cudaErrorNoDevice : call();
}

cudaError_t
cudaDriverGetVersion(int *version)
{
    *version = fake.driver;

    return cudaSuccess;
}

cudaError_t
cudaGetDeviceProperties(cudaDeviceProp *about, int)
{
    memset(about, 0, sizeof(*about));
    strcpy(about->name, "Imagined");
    about->major = 9;

    return call();
}

cudaError_t
cudaSetDevice(int)
{
    return call();
}

cudaError_t
cudaMemGetInfo(size_t *free_bytes, size_t *all_bytes)
{
    *free_bytes = *all_bytes = fake.memory;

    return call();
}

cudaError_t
cudaMalloc(void **at, size_t bytes)
{
    size_t page = (size_t) sysconf(_SC_PAGESIZE), pages;
    cudaError_t e = call();
    piece p;

    if (e != cudaSuccess) {
        return e;
    }

    if (bytes == 0 || bytes > fake.memory) {
        return cudaErrorMemoryAllocation;
    }

    pages = (bytes + page - 1) / page * page;
    p.pages = (char *) mmap(NULL, pages + 2 * page, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) +
              page;
    p.bytes = pages;
    /* To the end, but for the alignment that a copy of CUDA's has. */
    *at = p.pages + (pages - bytes) / 16 * 16;
    memory[*at] = p;
    fake.alive++;

    return cudaSuccess;
}

cudaError_t
cudaFree(void *at)
{
    piece p = memory.at(at);

    /* Nothing lies there ever again: who still looks is caught. */
    mmap(p.pages, p.bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
         -1, 0);
    memory.erase(at);
    fake.alive--;

    return call();
}

cudaError_t
cudaMallocHost(void **at, size_t bytes)
{
    cudaError_t e = call();

    if (e == cudaSuccess) {
        *at = malloc(bytes);
        fake.alive++;
    }

    return e;
}

cudaError_t
cudaFreeHost(void *at)
{
    free(at);
    fake.alive--;

    return call();
}

cudaError_t
cudaMemset(void *at, int value, size_t bytes)
{
    reach(PROT_READ | PROT_WRITE);
    memset(at, value, bytes);
    reach(PROT_NONE);

    return call();
}

cudaError_t
cudaMemsetAsync(void *at, int value, size_t bytes, cudaStream_t stream)
{
    stream->work.push_back([=] { memset(at, value, bytes); });

    return call();
}

cudaError_t
cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                cudaStream_t stream)
{
    cudaError_t e = call();

    if (e != cudaSuccess) {
        return e;
    }

    if (kind == cudaMemcpyHostToDevice) {
        fake.uploads++;
        /* Pageable memory is taken away before the call returns. */
        std::vector<char> copy((const char *) from, (const char *) from + bytes);
        stream->work.push_back([=] { memcpy(to, copy.data(), bytes); });

    } else {
        stream->work.push_back([=] { memcpy(to, from, bytes); });
    }

    return cudaSuccess;
}

cudaError_t
cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned)
{
    cudaError_t e = call();

    if (e == cudaSuccess) {
        *stream = new fake_stream();
        fake.alive++;
    }

    return e;
}

cudaError_t
cudaStreamSynchronize(cudaStream_t stream)
{
    work_off(stream);

    return call();
}

cudaError_t
cudaStreamDestroy(cudaStream_t stream)
{
    delete stream;
    fake.alive--;

    return call();
}

cudaError_t
cudaEventCreateWithFlags(cudaEvent_t *event, unsigned)
{
    cudaError_t e = call();

    if (e == cudaSuccess) {
        *event = new fake_event();
        fake.alive++;
    }

    return e;
}

static cudaStream_t last_stream;

cudaError_t
cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    last_stream = stream;
    stream->work.push_back([=] { event->ms = clock_ms; });

    return call();
}

/* Whatever was put on the stream: more than the event, never less. */
cudaError_t
cudaEventSynchronize(cudaEvent_t)
{
    work_off(last_stream);

    return call();
}

cudaError_t
cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
    *ms = to->ms - from->ms;

    return call();
}

cudaError_t
cudaEventDestroy(cudaEvent_t event)
{
    delete event;
    fake.alive--;

    return call();
}

const char *
cudaGetErrorString(cudaError_t e)
{
    return e == cudaErrorIllegalAddress ? "an illegal memory access"
                                        : "some error";
}

cudaError_t
fake_launch(const cudaLaunchConfig_t *how, std::function<void()> thread)
{
    unsigned blocks = how->gridDim.x, threads = how->blockDim.x;
    float ms = fake.block_ms * (float) blocks;
    cudaError_t e = call();

    if (e != cudaSuccess) {
        return e;
    }

    if (blocks == 0 || threads == 0 || threads > 1024) {
        abort();
    }

    fake.launches++;
    fake.longest_ms = ms > fake.longest_ms ? ms : fake.longest_ms;

    how->stream->work.push_back([=] {
        blockDim.x = threads;
        clock_ms += ms;

        /* Later blocks first: nothing says which go before which. */
        for (unsigned b = blocks; b-- > 0;) {
            for (unsigned i = 0; i < threads; i++) {
                blockIdx.x = b;
                threadIdx.x = i;
                thread();
            }
        }
    });

    return cudaSuccess;
}

cudaError_t
fake_attributes()
{
    return fake.no_kernels ? cudaErrorNoKernelImageForDevice : call();
}
