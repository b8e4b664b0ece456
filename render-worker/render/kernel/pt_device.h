/*
 * What differs between gcc and nvcc; the only kernel header with conditions.
 * All others are C99 that is also C++: no allocation, globals or recursion.
 */

#ifndef PT_DEVICE_H
#define PT_DEVICE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define PT_FN static __device__ __forceinline__
#define PT_BIG static __device__ __noinline__
#else
#define PT_FN static inline __attribute__((unused, always_inline))
#define PT_BIG static __attribute__((unused, noinline))
#endif

/* How the steps of a march are taken. */
#if defined(__AVX2__) && defined(__FMA__) && !defined(__CUDACC__)
#include <immintrin.h>
#define PT_STEPS_H "render-worker/render/kernel/pt_steps8.h"
#else
#define PT_STEPS_H "render-worker/render/kernel/pt_steps1.h"
#endif

/* Asks for memory that will be read soon; any address. */
PT_FN void
pt_prefetch(const void *p)
{
#ifdef __CUDACC__
    (void) p; /* other warps fill the wait */
#else
    __builtin_prefetch(p);
#endif
}

/*
 * Trilinear blend of the 2 x 2 x 2 voxels at v; row and slice in voxels,
 * fractions in [0, 1]. The four pairs along x are loaded and blended at once
 * where the compiler has vectors and any address may be read.
 */
PT_FN float
pt_blend(const uint16_t *v, int64_t row, int64_t slice, float fx, float fy,
         float fz)
{
#if defined(__x86_64__) && !defined(__CUDACC__)
    typedef int32_t pt_i4 __attribute__((vector_size(16)));
    typedef float pt_f4 __attribute__((vector_size(16)));
    int32_t a, b, c, d;
    pt_i4 pair;
    pt_f4 left, right;
    float low, high;

    memcpy(&a, v, 4);
    memcpy(&b, v + row, 4);
    memcpy(&c, v + slice, 4);
    memcpy(&d, v + slice + row, 4);
    pair = (pt_i4){a, b, c, d};
    left = __builtin_convertvector(pair & 0xffff, pt_f4);
    right = __builtin_convertvector((pair >> 16) & 0xffff, pt_f4);
    left += fx * (right - left);
    low = left[0] + fy * (left[1] - left[0]);
    high = left[2] + fy * (left[3] - left[2]);
#else
    float a = (float) v[0] + fx * ((float) v[1] - (float) v[0]);
    float b = (float) v[row] + fx * ((float) v[row + 1] - (float) v[row]);
    float low = a + fy * (b - a), high;

    v += slice;
    a = (float) v[0] + fx * ((float) v[1] - (float) v[0]);
    b = (float) v[row] + fx * ((float) v[row + 1] - (float) v[row]);
    high = a + fy * (b - a);
#endif

    return low + fz * (high - low);
}

#endif
