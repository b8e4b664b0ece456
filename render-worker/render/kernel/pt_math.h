/* Vectors and the few functions that a path needs. */

#ifndef PT_MATH_H
#define PT_MATH_H

#include "render-worker/render/kernel/pt_device.h"

#define PT_PI 3.14159265358979f
#define PT_INV_PI 0.318309886183791f
#define PT_INV_4PI 0.0795774715459477f
#define PT_FAR 1e30f

typedef struct {
    float x, y, z;
} pt_v3;

/* fminf and fmaxf are calls, for the sake of NaN; these are one instruction. */
PT_FN float
pt_min(float a, float b)
{
    return a < b ? a : b;
}

PT_FN float
pt_max(float a, float b)
{
    return a > b ? a : b;
}

PT_FN pt_v3
pt_vec(float x, float y, float z)
{
    pt_v3 v;

    v.x = x;
    v.y = y;
    v.z = z;

    return v;
}

PT_FN pt_v3
pt_add(pt_v3 a, pt_v3 b)
{
    return pt_vec(a.x + b.x, a.y + b.y, a.z + b.z);
}

PT_FN pt_v3
pt_sub(pt_v3 a, pt_v3 b)
{
    return pt_vec(a.x - b.x, a.y - b.y, a.z - b.z);
}

PT_FN pt_v3
pt_mul(pt_v3 a, pt_v3 b)
{
    return pt_vec(a.x * b.x, a.y * b.y, a.z * b.z);
}

PT_FN pt_v3
pt_scale(pt_v3 a, float s)
{
    return pt_vec(a.x * s, a.y * s, a.z * s);
}

/* a + b s */
PT_FN pt_v3
pt_along(pt_v3 a, pt_v3 b, float s)
{
    return pt_vec(a.x + b.x * s, a.y + b.y * s, a.z + b.z * s);
}

PT_FN pt_v3
pt_mix(pt_v3 a, pt_v3 b, float t)
{
    return pt_along(a, pt_sub(b, a), t);
}

PT_FN float
pt_dot(pt_v3 a, pt_v3 b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

PT_FN pt_v3
pt_cross(pt_v3 a, pt_v3 b)
{
    return pt_vec(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z,
                  a.x * b.y - a.y * b.x);
}

PT_FN float
pt_length(pt_v3 a)
{
    return sqrtf(pt_dot(a, a));
}

PT_FN pt_v3
pt_unit(pt_v3 a)
{
    return pt_scale(a, 1.0f / pt_length(a));
}

PT_FN float
pt_max3(pt_v3 a)
{
    return pt_max(a.x, pt_max(a.y, a.z));
}

PT_FN float
pt_luminance(pt_v3 a)
{
    return 0.2126f * a.x + 0.7152f * a.y + 0.0722f * a.z;
}

/*
 * -ln(u), u in (0, 1]; relative error below 1e-6.
 *
 * u = 2^e m with m around 1, ln m = 2 atanh((m - 1) / (m + 1)).
 */
PT_FN float
pt_minus_log(float u)
{
    uint32_t bits;
    int32_t e;
    float m, s, s2;

    memcpy(&bits, &u, 4);
    e = (int32_t) (bits - 0x3f3504f3u) >> 23;
    bits -= (uint32_t) e << 23;
    memcpy(&m, &bits, 4);

    s = (m - 1.0f) / (m + 1.0f);
    s2 = s * s;

    return -0.69314718f * (float) e -
           2.0f * s *
               (1.0f +
                s2 * (0.33333333f +
                      s2 * (0.2f + s2 * (0.14285714f + s2 * 0.11111111f))));
}

/*
 * Two unit vectors that make a right-handed frame with n.
 * Source: Duff et al., Building an orthonormal basis, revisited, 2017.
 */
PT_FN void
pt_frame(pt_v3 n, pt_v3 *a, pt_v3 *b)
{
    float sign = n.z >= 0.0f ? 1.0f : -1.0f;
    float p = -1.0f / (sign + n.z);
    float q = n.x * n.y * p;

    *a = pt_vec(1.0f + sign * n.x * n.x * p, sign * q, -sign * n.x);
    *b = pt_vec(q, sign + n.y * n.y * p, -n.y);
}

/* v, given in a frame around n, in the frame that n is given in. */
PT_FN pt_v3
pt_from_frame(pt_v3 n, pt_v3 v)
{
    pt_v3 a, b;

    pt_frame(n, &a, &b);

    return pt_along(pt_along(pt_scale(a, v.x), b, v.y), n, v.z);
}

/* Point of the unit disk, area-preserving. Source: Shirley and Chiu, 1997. */
PT_FN void
pt_disk(float u, float v, float *x, float *y)
{
    float a = 2.0f * u - 1.0f, b = 2.0f * v - 1.0f, r, phi;

    if (a == 0.0f && b == 0.0f) {
        *x = *y = 0.0f;
        return;
    }

    if (fabsf(a) > fabsf(b)) {
        r = a;
        phi = (PT_PI / 4.0f) * (b / a);

    } else {
        r = b;
        phi = PT_PI / 2.0f - (PT_PI / 4.0f) * (a / b);
    }

    *x = r * cosf(phi);
    *y = r * sinf(phi);
}

#endif
