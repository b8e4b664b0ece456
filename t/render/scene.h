/* Small volumes and settings for tests whose answer is known. */

#ifndef T_RENDER_SCENE_H
#define T_RENDER_SCENE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/render/tracer.h"

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

static inline uint16_t *
test_voxels(const expo_volume_t *v, uint16_t value)
{
    size_t i, n = (size_t) expo_volume_voxels(v);
    uint16_t *voxels = malloc(n * sizeof(*voxels));

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
    s.denoise = true;

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

/* One pass of (1 2 1) / 4 along an axis whose voxels are `step` apart. */
static inline void
test_blur(uint16_t *voxels, size_t n, size_t step, uint32_t dim)
{
    uint16_t *old = malloc(n * sizeof(*old));
    size_t i, at;

    memcpy(old, voxels, n * sizeof(*old));

    for (i = 0; i < n; i++) {
        at = i / step % dim;
        voxels[i] = (uint16_t) ((old[at > 0 ? i - step : i] + 2u * old[i] +
                                 old[at + 1 < dim ? i + step : i] + 2) /
                                4);
    }

    free(old);
}

/*
 * Like a head, in thousandths of the range of a CT scan: air, skin, fat, skull
 * with marrow, brain, two orbits, a nose; blurred as scanners do.
 */
static inline uint16_t *
test_head(const expo_volume_t *v)
{
    uint16_t *voxels = test_voxels(v, 0);
    size_t n = (size_t) expo_volume_voxels(v), i, step = 1;
    double x, y, z, r, value;
    int axis;

    for (i = 0; i < n; i++) {
        x = 2 * (double) (i % v->dims[0]) / v->dims[0] - 1;
        y = 2 * (double) (i / v->dims[0] % v->dims[1]) / v->dims[1] - 1;
        z = 2 * (double) (i / v->dims[0] / v->dims[1]) / v->dims[2] - 1;
        r = sqrt(x * x / 0.49 + y * y / 0.74 + z * z / 0.81) +
            0.012 * sin(9 * x + 3 * z) * cos(7 * y - 4 * z);
        value = r > 1 ? 6 : r > 0.965 ? 260 : r > 0.9 ? 228 : 258;
        value = r < 0.9 && r > 0.8 ? 568 : value;
        value = r < 0.87 && r > 0.83 ? 409 : value;
        value = hypot(hypot(fabs(x) - 0.28, y + 0.72), z) < 0.15 ? 255 : value;
        value = hypot(hypot(x / 0.1, (y + 0.72) / 0.18), (z + 0.3) / 0.22) < 1
                    ? 18
                    : value;
        voxels[i] = (uint16_t) value;
    }

    for (axis = 0; axis < 3; step *= v->dims[axis++]) {
        test_blur(voxels, n, step, v->dims[axis]);
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

/*
 * For a head of 64 voxels, the peers' benchmark in small: translucent skin over bone, isotropic, one
 * lamp and a sky, a single scattering.
 */
static inline expo_settings_t
test_benchmark(void)
{
    static const struct {
        double value;
        float opacity, color[3];
    } points[] = {{190, 0, {0.91f, 0.77f, 0.70f}},
                  {235, 0.02f, {0.93f, 0.80f, 0.74f}},
                  {290, 0.03f, {0.91f, 0.63f, 0.58f}},
                  {330, 0.3f, {0.96f, 0.93f, 0.88f}},
                  {400, 1, {0.98f, 0.96f, 0.95f}}};
    expo_settings_t s = test_settings();
    int i;

    s.camera.orthographic = false;
    s.camera.position[0] = 48;
    s.camera.position[1] = -112;
    s.camera.position[2] = 22;
    s.camera.fov_deg = 28;
    s.environment.intensity = 0.9f;
    s.background.mode = EXPO_BACKGROUND_ENVIRONMENT;
    s.transfer.density_scale = 6;
    s.transfer.n_points = 5;

    for (i = 0; i < 5; i++) {
        s.transfer.points[i] = s.transfer.points[0];
        s.transfer.points[i].value = points[i].value;
        s.transfer.points[i].opacity = points[i].opacity;
        memcpy(s.transfer.points[i].color, points[i].color, 12);
    }

    s.lights[0] = test_light(128, 38);
    s.lights[0].longitude_deg = -40;
    s.lights[0].latitude_deg = 45;
    s.lights[0].intensity = 60;
    s.lights[0].visible = true;
    s.n_lights = 1;

    return s;
}

/* On EXPO_DEVICE, else the CPU; a test without one is over. */
static inline tracer_t *
test_tracer(void)
{
    const char *device = getenv("EXPO_DEVICE");
    char error[200];
    tracer_t *t;

    if (tracer_create(device != NULL ? device : "cpu", 0, &t, error,
                      sizeof(error)) != EXPO_OK) {
        printf("Bail out! %s\n", error);
        exit(1);
    }

    return t;
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

/* One picture of side x side pixels from a fresh view; channel 0's mean. */
static inline double
test_render_mode(tracer_t *t, const expo_volume_t *v, const uint16_t *voxels,
                 const expo_settings_t *s, tracer_mode_t mode, uint32_t side,
                 uint32_t samples, float *rgb, double *error)
{
    tracer_view_t *view;
    double mean;

    if (tracer_open(t, v, voxels, &view) != EXPO_OK) {
        *error = NAN;
        return NAN;
    }

    tracer_mode(view, mode);
    tracer_set(view, s);
    tracer_film(view, side, side, 7);
    tracer_pass(view, samples);
    tracer_read(view, rgb);
    mean = test_mean(rgb, (size_t) side * side, error);
    tracer_close(view);

    return mean;
}

static inline double
test_render(tracer_t *t, const expo_volume_t *v, const uint16_t *voxels,
            const expo_settings_t *s, uint32_t side, uint32_t samples,
            float *rgb, double *error)
{
    return test_render_mode(t, v, voxels, s, TRACER_PRODUCTION, side, samples,
                            rgb, error);
}

#endif
