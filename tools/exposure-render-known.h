/*
 * Small volumes and settings whose picture is known, for --self-test and for
 * the renderer's tests.
 */

#ifndef EXPOSURE_RENDER_KNOWN_H
#define EXPOSURE_RENDER_KNOWN_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/settings.h"
#include "lib/volume.h"

/* nx*ny*nz voxels of 1 mm around the origin; value = voxel. */
static inline expo_volume_t
test_volume(uint32_t nx, uint32_t ny, uint32_t nz)
{
    expo_volume_t v;
    int i;

    memset(&v, 0, sizeof(v));
    v.dims[0] = nx;
    v.dims[1] = ny;
    v.dims[2] = nz;
    v.scale = 1;
    v.voxel_max = 65535;

    for (i = 0; i < 3; i++) {
        v.affine[5 * i] = 1;
        v.affine[4 * i + 3] = -0.5 * (v.dims[i] - 1.0);
    }

    return v;
}


/* All of one value, malloc'd; without memory for them the program ends. */
static inline uint16_t *
test_voxels(const expo_volume_t *v, uint16_t value)
{
    size_t i, n = (size_t) expo_volume_voxels(v);
    uint16_t *voxels = malloc(n * sizeof(*voxels));

    if (voxels == NULL) {
        fprintf(stderr, "no memory for %zu voxels\n", n);
        exit(1);
    }

    for (i = 0; i < n; i++) {
        voxels[i] = value;
    }

    return voxels;
}


/*
 * Seen from y = -100 mm in parallel rays 20 mm apart at the edges; opacity runs
 * straight from 0 at value 0 to 1 at value 1000, white, matte; no light at all,
 * black behind.
 */
static inline expo_settings_t
test_settings(void)
{
    expo_settings_t s;
    int i;

    memset(&s, 0, sizeof(s));
    s.camera.position[1] = -100;
    s.camera.up[2] = 1;
    s.camera.fov_deg = (float) (2 * atan(0.1) * 180 / M_PI);
    s.camera.orthographic = true;

    for (i = 0; i < 3; i++) {
        s.clip.box_min[i] = -1000;
        s.clip.box_max[i] = 1000;
        s.transfer.points[0].color[i] = 1;
        s.transfer.points[1].color[i] = 1;
        s.environment.top[i] = 1;
        s.environment.middle[i] = 1;
        s.environment.bottom[i] = 1;
    }

    s.transfer.points[1].value = 1000;
    s.transfer.points[1].opacity = 1;
    s.transfer.n_points = 2;
    s.transfer.density_scale = 1;
    s.shading.mode = EXPO_SHADING_PHASE;
    s.shading.gradient_factor = 20;
    s.film.exposure = 1;
    s.film.gamma = 1;
    s.film.tone_map = EXPO_TONE_LINEAR;
    s.denoise = true;
    s.quality.target_fps = 20;
    s.quality.max_samples = 64;

    return s;
}


/* A soft-edged ball with lumps: gradients in all directions. */
static inline uint16_t *
test_ball(const expo_volume_t *v, double radius)
{
    uint16_t *voxels = test_voxels(v, 0);
    double p[3], r, value;
    uint32_t i[3];
    int axis;

    for (i[2] = 0; i[2] < v->dims[2]; i[2]++) {
        for (i[1] = 0; i[1] < v->dims[1]; i[1]++) {
            for (i[0] = 0; i[0] < v->dims[0]; i[0]++) {
                for (axis = 0, r = 0; axis < 3; axis++) {
                    p[axis] = i[axis] - 0.5 * (v->dims[axis] - 1.0);
                    r += p[axis] * p[axis];
                }

                value = 500 + 200 * (radius - sqrt(r)) +
                        80 * sin(p[0]) * cos(p[1] + p[2]);
                value = fmin(fmax(value, 0), 1000);
                voxels[(i[2] * v->dims[1] + i[1]) * v->dims[0] + i[0]] =
                    (uint16_t) value;
            }
        }
    }

    return voxels;
}


/* In front of the target, 5 bright. */
static inline expo_light_t
test_light(float distance, float size)
{
    expo_light_t l;

    memset(&l, 0, sizeof(l));
    l.distance_mm = distance;
    l.width_mm = size;
    l.height_mm = size;
    l.color[0] = l.color[1] = l.color[2] = 1;
    l.intensity = 5;

    return l;
}


/* Mean over all pixels and the standard error of it, of channel 0. */
static inline double
test_mean(const float *rgb, size_t pixels, double *error)
{
    double sum = 0, square = 0, mean;
    size_t i;

    for (i = 0; i < pixels; i++) {
        sum += rgb[3 * i];
        square += (double) rgb[3 * i] * rgb[3 * i];
    }

    mean = sum / pixels;
    *error = sqrt(fmax(square / pixels - mean * mean, 0) / (pixels - 1.0));

    return mean;
}


#endif
