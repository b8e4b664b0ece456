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

/*
 * Trilinear blend of the 2 x 2 x 2 voxels at v; row and slice in voxels,
 * fractions in [0, 1]; rise: what a step of one voxel along each axis adds.
 * The four pairs along x are loaded and blended at once where the compiler has
 * vectors and any address may be read.
 */
PT_FN float
pt_blend(const uint16_t *v, int64_t row, int64_t slice, float fx, float fy,
         float fz, float rise[3])
{
    float a, b, c, d, da, db, dc, dd, low, high;
#if defined(__x86_64__) && !defined(__CUDACC__)
    typedef int32_t pt_i4 __attribute__((vector_size(16)));
    typedef float pt_f4 __attribute__((vector_size(16)));
    int32_t i[4];
    pt_i4 pair;
    pt_f4 left, right;

    memcpy(&i[0], v, 4);
    memcpy(&i[1], v + row, 4);
    memcpy(&i[2], v + slice, 4);
    memcpy(&i[3], v + slice + row, 4);
    pair = (pt_i4){i[0], i[1], i[2], i[3]};
    left = __builtin_convertvector(pair & 0xffff, pt_f4);
    right = __builtin_convertvector((pair >> 16) & 0xffff, pt_f4) - left;
    left += fx * right;
    a = left[0];
    b = left[1];
    c = left[2];
    d = left[3];
    da = right[0];
    db = right[1];
    dc = right[2];
    dd = right[3];
#else
    da = (float) v[1] - (float) v[0];
    a = (float) v[0] + fx * da;
    db = (float) v[row + 1] - (float) v[row];
    b = (float) v[row] + fx * db;
    v += slice;
    dc = (float) v[1] - (float) v[0];
    c = (float) v[0] + fx * dc;
    dd = (float) v[row + 1] - (float) v[row];
    d = (float) v[row] + fx * dd;
#endif

    low = a + fy * (b - a);
    high = c + fy * (d - c);
    da += fy * (db - da);
    dc += fy * (dd - dc);
    rise[0] = da + fz * (dc - da);
    rise[1] = b - a + fz * (d - c - (b - a));
    rise[2] = high - low;

    return low + fz * rise[2];
}

#endif
