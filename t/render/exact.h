/*
 * Optical depth along a ray, in double precision and from the settings
 * themselves: no table, no cells, no step of the renderer's. For linear
 * transfer functions.
 */

#ifndef T_RENDER_EXACT_H
#define T_RENDER_EXACT_H

#include <math.h>

#include "t/render/scene.h"

/* At an index position; the outer half voxel repeats its neighbour. */
static inline double
exact_value(const expo_volume_t *v, const uint16_t *voxels, const double at[3])
{
    double f[3], sum = 0, weight;
    size_t i[3], near[3];
    int corner, axis;

    for (axis = 0; axis < 3; axis++) {
        f[axis] = fmin(fmax(at[axis], 0), v->dims[axis] - 1.0);
        i[axis] = (size_t) f[axis];
        f[axis] -= (double) i[axis];
    }

    for (corner = 0; corner < 8; corner++) {
        for (axis = 0, weight = 1; axis < 3; axis++) {
            near[axis] = i[axis] + (size_t) (corner >> axis & 1);
            near[axis] -= near[axis] == v->dims[axis];
            weight *= corner >> axis & 1 ? f[axis] : 1 - f[axis];
        }

        sum += weight *
               voxels[(near[2] * v->dims[1] + near[1]) * v->dims[0] + near[0]];
    }

    return v->offset + v->scale * sum;
}

static inline double
exact_extinction(const expo_settings_t *s, double value)
{
    const expo_point_t *p = s->transfer.points;
    uint32_t i, n = s->transfer.n_points;
    double f;

    if (value <= p[0].value) {
        return (double) p[0].opacity * (double) s->transfer.density_scale;
    }

    for (i = 1; i < n && value > p[i].value; i++) {
    }

    if (i == n) {
        return (double) p[n - 1].opacity * (double) s->transfer.density_scale;
    }

    f = (value - p[i - 1].value) / (p[i].value - p[i - 1].value);

    return (double) s->transfer.density_scale *
           (p[i - 1].opacity + f * (p[i].opacity - p[i - 1].opacity));
}

/*
 * Along a ray from o, patient mm, in unit direction d, through voxels of 1 mm
 * as test_volume's; n steps a voxel by Simpson's rule, whose error is that of
 * the kinks, some 1 / n^2.
 */
static inline double
exact_depth(const expo_volume_t *v, const uint16_t *voxels,
            const expo_settings_t *s, const double o[3], const double d[3],
            int n)
{
    double near = 0, far = 1e9, t, at[3], from, edge, sum = 0;
    int axis, i, k, steps;

    for (axis = 0; axis < 3; axis++) {
        from = o[axis] - v->affine[4 * axis + 3];
        edge = v->dims[axis] - 0.5;

        if (d[axis] != 0) {
            near = fmax(near, fmin((-0.5 - from) / d[axis],
                                   (edge - from) / d[axis]));
            far = fmin(far, fmax((-0.5 - from) / d[axis],
                                 (edge - from) / d[axis]));

        } else if (from < -0.5 || from > edge) {
            return 0;
        }
    }

    if (near >= far) {
        return 0;
    }

    steps = 2 * (int) ceil(0.5 * (far - near) * n);

    for (i = 0; i <= steps; i++) {
        t = near + (far - near) * i / steps;

        for (axis = 0; axis < 3; axis++) {
            at[axis] = o[axis] + t * d[axis] - v->affine[4 * axis + 3];
        }

        k = i == 0 || i == steps ? 1 : 2 + 2 * (i & 1);
        sum += k * exact_extinction(s, exact_value(v, voxels, at));
    }

    return sum / (3.0 * steps) * (far - near);
}

#endif
