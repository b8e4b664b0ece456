/* The part of CUDA C++ that the kernels are written in, for a C++ compiler. */

#ifndef T_CUDA_RUNTIME_H
#define T_CUDA_RUNTIME_H

#include <functional>
#include <stdint.h>
#include <tuple>
#include <type_traits>

#include "cuda_runtime_api.h"

#define __global__
#define __device__
#define __grid_constant__
#define __launch_bounds__(...)

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
};

extern thread_local dim3 blockIdx, blockDim, threadIdx;

struct cudaLaunchConfig_t {
    dim3 gridDim, blockDim;
    size_t dynamicSmemBytes;
    cudaStream_t stream;
};

struct cudaFuncAttributes {};

cudaError_t fake_launch(const cudaLaunchConfig_t *how,
                        std::function<void()> thread);
cudaError_t fake_attributes();

template <typename... Expected, typename... Actual>
cudaError_t
cudaLaunchKernelEx(const cudaLaunchConfig_t *how, void (*kernel)(Expected...),
                   Actual &&...actual)
{
    std::tuple<std::decay_t<Expected>...> arguments(actual...);

    return fake_launch(how, [=] { std::apply(kernel, arguments); });
}

template <typename Kernel>
cudaError_t
cudaFuncGetAttributes(cudaFuncAttributes *, Kernel *)
{
    return fake_attributes();
}

#endif
