/*
 * Fields on straight, turned, sheared and stretched grids, and settings that
 * show them without light: what changes evenly has a known answer on each.
 * Noise, too, for kernels' own functions.
 */

#ifndef T_RENDER_GRIDS_H
#define T_RENDER_GRIDS_H

#include "t/render/medium.h"
#include "t/unit/check.h"

#define SIDE 32
#define REACH 9.0 /* mm around the origin that every grid covers */
#define GRIDS 4

static tracer_t *tracer;
static float rgb[3 * SIDE * SIDE];

static inline double
grid_uniform(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return (double) (state >> 11) * 0x1p-53;
}

/* Straight; stretched; turned and stretched; sheared and stretched. */
static inline expo_volume_t
grid_volume(int kind)
{
    static const double steps[GRIDS][9] = {
        {1, 0, 0, 0, 1, 0, 0, 0, 1},
        {0.7, 0, 0, 0, 0.9, 0, 0, 0, 1.8},
        {0.64, -0.48, 0.6, 0.48, 0.81, 0.45, -0.48, 0, 1.1},
        {0.8, 0, 0.2, 0, 0.8, 0.9, 0, 0, 1.6}};
    expo_volume_t v = test_volume(2, 2, 2);
    double inverse[9], reach;
    int i, k;

    for (i = 0; i < 3; i++) {
        for (k = 0; k < 3; k++) {
            v.affine[4 * i + k] = steps[kind][3 * i + k];
        }
    }

    invert(inverse, v.affine);

    for (i = 0; i < 3; i++) {
        reach = 0;

        for (k = 0; k < 3; k++) {
            reach += fabs(inverse[3 * i + k]) * REACH;
        }

        v.dims[i] = 2 * (uint32_t) ceil(reach) + 3;
    }

    for (i = 0; i < 3; i++) {
        v.affine[4 * i + 3] = 0;

        for (k = 0; k < 3; k++) {
            v.affine[4 * i + 3] -=
                v.affine[4 * i + k] * 0.5 * (v.dims[k] - 1.0);
        }
    }

    return v;
}

static inline uint16_t *
grid_voxels(const expo_volume_t *v, double (*field)(const double p[3]))
{
    uint16_t *voxels = test_voxels(v, 0);
    uint32_t x, y, z;
    size_t at = 0;
    double p[3];
    int i;

    for (z = 0; z < v->dims[2]; z++) {
        for (y = 0; y < v->dims[1]; y++) {
            for (x = 0; x < v->dims[0]; x++) {
                for (i = 0; i < 3; i++) {
                    p[i] = v->affine[4 * i] * x + v->affine[4 * i + 1] * y +
                           v->affine[4 * i + 2] * z + v->affine[4 * i + 3];
                }

                voxels[at++] = (uint16_t) lround(field(p));
            }
        }
    }

    return voxels;
}

static inline double
grid_ramp(const double p[3])
{
    return 30000 + 300 * p[0] - 500 * p[1] + 400 * p[2];
}

/* Three soft balls. */
static inline double
grid_balls(const double p[3])
{
    static const double at[3][4] = {
        {-3, -2, 2, 6}, {3, 1, -1, 7}, {0, 3, 4, 5}};
    double sum = 1000, d;
    int i, k;

    for (i = 0; i < 3; i++) {
        d = 0;

        for (k = 0; k < 3; k++) {
            d += (p[k] - at[i][k]) * (p[k] - at[i][k]);
        }

        sum += 30000 * exp(-d / (at[i][3] * at[i][3]));
    }

    return sum;
}

/* Only +-6 mm are there, so that all grids end at the same place; the window
 * shows the ramp's values. */
static inline expo_settings_t
grid_settings(expo_technique_t mode)
{
    expo_settings_t s = test_settings();
    int i;

    for (i = 0; i < 3; i++) {
        s.clip.box_min[i] = -6;
        s.clip.box_max[i] = 6;
    }

    s.technique.mode = mode;
    s.technique.isovalue = 30000;
    s.technique.window_center = 30000;
    s.technique.window_width = 20000;
    s.technique.slice.normal[1] = -1;
    s.technique.slice.up[2] = 1;
    s.technique.slice.width_mm = 10;

    return s;
}

static inline void
grid_picture(const expo_volume_t *v, const uint16_t *voxels,
             const expo_settings_t *s, uint32_t samples)
{
    double error;

    test_render(tracer, v, voxels, s, SIDE, samples, rgb, &error);
}

/* A small lamp far away, straight over the middle of the picture. */
static inline void
grid_lamp(expo_settings_t *s, float longitude, float latitude)
{
    expo_light_t *l = &s->lights[s->n_lights++];

    memset(l, 0, sizeof(*l));
    l->longitude_deg = longitude;
    l->latitude_deg = latitude;
    l->distance_mm = 400;
    l->width_mm = l->height_mm = 4;
    l->color[0] = l->color[1] = l->color[2] = 1;
    l->intensity = 10000;
}

/* The same body on four grids is four times the same picture. */
static inline void
every_grid_shows_the_same_body(expo_technique_t mode)
{
    static float first[3 * SIDE * SIDE];
    double d, mean;
    expo_settings_t s;
    uint16_t *voxels;
    expo_volume_t v;
    int i, kind;

    s = grid_settings(mode);
    s.camera.position[0] = 60;
    s.camera.position[2] = 40;
    s.technique.isovalue = 15000;
    s.technique.window_center = 15000;
    s.technique.window_width = 30000;
    s.technique.slice.thickness_mm = 4;
    s.environment.intensity = 1;
    s.environment.top[0] = 0.2f;

    for (kind = 0; kind < GRIDS; kind++) {
        v = grid_volume(kind);
        voxels = grid_voxels(&v, grid_balls);
        grid_picture(&v, voxels, &s, 64);
        free(voxels);

        if (kind == 0) {
            memcpy(first, rgb, sizeof(first));
            continue;
        }

        mean = 0;

        for (i = 0; i < SIDE * SIDE; i++) {
            d = (double) rgb[3 * i] - (double) first[3 * i];
            mean += fabs(d) / (SIDE * SIDE);
        }

        printf("# technique %d, grid %d: %.4f\n", (int) mode, kind, mean);
        check(mean < 0.004);
    }
}

/* One voxel along some axis, one value throughout, the camera in the middle. */
static inline void
degenerate_volumes_are_shown_too(expo_technique_t mode)
{
    uint32_t n[3];
    expo_settings_t s;
    expo_volume_t v;
    uint16_t *voxels;
    tracer_view_t *view;
    int i, k, m, wrong = 0;

    for (i = 0; i < 8; i++) {
        for (k = 0; k < 3; k++) {
            n[k] = i >> k & 1 ? 1 : 9;
        }

        v = test_volume(n[0], n[1], n[2]);
        voxels = test_voxels(&v, 30000);

        for (m = 0; m < 2; m++) {
            s = grid_settings(mode);
            s.camera.position[1] = m == 0 ? -100 : 0;
            s.camera.target[1] = m == 0 ? 0 : 1;
            s.camera.fov_deg = 0.2f;
            s.camera.orthographic = m == 0;
            s.technique.slice.width_mm = 1;
            s.technique.slice.thickness_mm = i & 2;
            s.environment.intensity = 1;
            grid_lamp(&s, 0, 0);
            s.lights[0].distance_mm = 1;
            tracer_open(tracer, &v, voxels, &view);
            tracer_set(view, &s);
            tracer_film(view, SIDE, SIDE, 1);
            tracer_pass(view, 4);
            tracer_read(view, rgb);
            wrong += tracer_bad_paths(view) != 0;
            wrong += !isfinite((double) rgb[3 * 528]);
            tracer_close(view);

            /* Half of the window. */
            if (mode != EXPO_ISOSURFACE) {
                wrong += fabs((double) rgb[3 * 528] - 0.214) > 0.001;
            }
        }

        free(voxels);
    }

    check(wrong == 0);
}

/* Random voxels, for random rays. */
static inline void
noise_body(const expo_settings_t *s)
{
    static expo_volume_t v;
    static uint16_t *voxels;
    size_t i;

    free(voxels);
    v = test_volume(13, 17, 11);
    v.affine[1] = 0.3;
    v.affine[6] = -0.4;
    v.affine[10] = 1.7;
    voxels = test_voxels(&v, 0);

    for (i = 0; i < (size_t) expo_volume_voxels(&v); i++) {
        voxels[i] = (uint16_t) (grid_uniform() * 65535);
    }

    body_close(&body);
    body_open(&body, &v, voxels);
    scene_set(&scene, &body, s);
}

static inline pt_ray_t
noise_ray(void)
{
    pt_ray_t r;
    pt_v3 to = pt_vec((float) (10 * grid_uniform() - 5),
                      (float) (10 * grid_uniform() - 5),
                      (float) (10 * grid_uniform() - 5));

    r.o = pt_vec((float) (80 * grid_uniform() - 40),
                 (float) (80 * grid_uniform() - 40),
                 (float) (80 * grid_uniform() - 40));
    r.d = pt_unit(pt_sub(to, r.o));

    /* Along an axis, too. */
    if (grid_uniform() < 0.2) {
        r.d = pt_vec(0.0f, r.o.y > 0.0f ? -1.0f : 1.0f, 0.0f);
        r.o = pt_vec(to.x, r.o.y, to.z);
    }

    return r;
}

#endif
