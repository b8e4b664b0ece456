/* A body and a scene for tests that call the kernels' own functions. */

#ifndef T_RENDER_MEDIUM_H
#define T_RENDER_MEDIUM_H

#include "render-worker/render/scene.c"
#include "render-worker/render/body.c"
#include "render-worker/render/grid.c"
#include "render-worker/render/kernel/pt_path.h"
#include "t/render/exact.h"
#include "t/render/scene.h"
#include "t/render/statistics.h"

static body_t body;
static scene_t scene;

static inline void
medium_open(const expo_volume_t *v, const uint16_t *voxels,
            const expo_settings_t *s)
{
    body_open(&body, v, voxels);
    scene_set(&scene, &body, s);
}

static inline void
medium_close(void)
{
    body_close(&body);
}

static inline pt_ray_t
medium_ray(double ox, double oy, double oz, double dx, double dy, double dz)
{
    pt_ray_t r;

    r.o = pt_vec((float) ox, (float) oy, (float) oz);
    r.d = pt_unit(pt_vec((float) dx, (float) dy, (float) dz));

    return r;
}

/* What delta tracking lets through, off exp(-depth) in parts of what chance
 * allows: above 1 is wrong. */
static inline double
tracking_error(pt_ray_t r, double depth, uint32_t paths)
{
    double clear = 0, expected = exp(-depth);
    float t, value;
    pt_random_t random;
    uint32_t i;

    for (i = 0; i < paths; i++) {
        random = pt_random(11, i, 0);
        clear += !pt_track(&scene.pt, r, PT_FAR, &random, &t, &value);
    }

    return fabs(clear / paths - expected) / test_bound(expected, paths);
}

/* The same of ratio tracking, whose estimates lie in 0..1 too. */
static inline double
ratio_error(pt_ray_t r, double depth, uint32_t paths)
{
    double sum = 0, expected = exp(-depth), x, most = 0;
    pt_random_t random;
    uint32_t i;

    for (i = 0; i < paths; i++) {
        random = pt_random(12, i, 0);
        x = (double) pt_transmittance(&scene.pt, r, PT_FAR, &random);
        sum += x;
        most = fmax(most, x);
    }

    return most > 1
               ? INFINITY
               : fabs(sum / paths - expected) / test_bound(expected, paths);
}

static inline float
march_depth(pt_ray_t r)
{
    return pt_depth(&scene.pt, r, PT_FAR, PT_FAR, PT_FAR, NULL, NULL, NULL)
        .depth;
}

static inline double
march_error(pt_ray_t r, double depth)
{
    return fabs(exp((double) -march_depth(r)) - exp(-depth));
}

#endif
