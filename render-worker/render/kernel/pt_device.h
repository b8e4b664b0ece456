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

/* Two neighbours along x. x86 loads both at once from any address. */
PT_FN void
pt_load_pair(const uint16_t *p, float *a, float *b)
{
#ifdef __CUDACC__
    *a = (float) p[0];
    *b = (float) p[1];
#else
    uint32_t both;

    memcpy(&both, p, 4);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    *a = (float) (int32_t) (both & 0xffff);
    *b = (float) (int32_t) (both >> 16);
#else
    *a = (float) (int32_t) (both >> 16);
    *b = (float) (int32_t) (both & 0xffff);
#endif
#endif
}

#endif
