/* A head, the peers' benchmark in small, and pictures of such scenes; with
 * those that --self-test has as well. */

#ifndef T_RENDER_SCENE_H
#define T_RENDER_SCENE_H

#include "render-worker/render/tracer.h"
#include "tools/exposure-render-known.h"

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

/*
 * For a head of 64 voxels, the peers' benchmark in small: translucent skin over
 * bone, isotropic, one lamp and a sky, a single scattering.
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

/* One picture of side x side pixels from a fresh view; channel 0's mean. */
static inline double
test_render_mode(tracer_t *t, const expo_volume_t *v, const uint16_t *voxels,
                 const expo_settings_t *s, tracer_mode_t mode, uint32_t side,
                 uint32_t samples, float *rgb, double *error)
{
    expo_settings_t plain = *s; /* every pixel its own samples */
    tracer_view_t *view;
    double mean;

    plain.denoise = false;

    if (tracer_open(t, v, voxels, &view) != EXPO_OK) {
        *error = NAN;
        return NAN;
    }

    tracer_mode(view, mode);
    tracer_set(view, &plain);
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
