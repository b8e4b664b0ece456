/*
 * Projections, isosurfaces and slices, on straight, turned, sheared and
 * stretched grids: fields that change evenly have a known answer on each.
 */

#include "render-worker/render/scene.c"
#include "render-worker/render/body.c"
#include "render-worker/render/grid.c"
#include "render-worker/render/kernel/pt_render.h"
#include "t/render/scene.h"
#include "t/unit/check.h"

#define SIDE 32
#define REACH 9.0 /* mm around the origin that every grid covers */
#define GRIDS 4

static tracer_t *tracer;
static float rgb[3 * SIDE * SIDE];

static double
uniform(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return (double) (state >> 11) * 0x1p-53;
}

/* Straight; stretched; turned and stretched; sheared and stretched. */
static expo_volume_t
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

static uint16_t *
sampled(const expo_volume_t *v, double (*field)(const double p[3]))
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

static double
ramp(const double p[3])
{
    return 30000 + 300 * p[0] - 500 * p[1] + 400 * p[2];
}

/* Three soft balls. */
static double
balls(const double p[3])
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
static expo_settings_t
settings(expo_technique_t mode)
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

/* What the window makes of a value, in linear light. */
static double
windowed(const expo_settings_t *s, double value)
{
    double g =
        (value - s->technique.window_center) / s->technique.window_width + 0.5;

    return (double) pt_linear((float) fmin(fmax(g, 0), 1));
}

static int
picture(const expo_volume_t *v, const uint16_t *voxels,
        const expo_settings_t *s, uint32_t samples)
{
    double error;

    return isfinite(
        test_render(tracer, v, voxels, s, SIDE, samples, rgb, &error));
}

/* Largest difference from `want`, a function of mm across and up the picture
 * of `width` mm. */
static double
worst(const expo_settings_t *s, double width,
      double (*want)(const expo_settings_t *s, double across, double up))
{
    double most = 0, a, b;
    int x, y;

    for (y = 0; y < SIDE; y++) {
        for (x = 0; x < SIDE; x++) {
            a = ((x + 0.5) / SIDE - 0.5) * width;
            b = (0.5 - (y + 0.5) / SIDE) * width;
            most = fmax(most,
                        fabs((double) rgb[3 * (y * SIDE + x)] - want(s, a, b)));
        }
    }

    return most;
}

/* Seen along +y, the ramp is largest at y = -6 and evenly less behind. */
static double
ramp_front(const expo_settings_t *s, double x, double z)
{
    const double p[3] = {x, -6, z};

    return windowed(s, ramp(p));
}

static double
ramp_middle(const expo_settings_t *s, double x, double z)
{
    const double p[3] = {x, 0, z};

    return windowed(s, ramp(p));
}

static double
ramp_back(const expo_settings_t *s, double x, double z)
{
    const double p[3] = {x, 1.5, z};

    return windowed(s, ramp(p));
}

static double
ramp_near(const expo_settings_t *s, double x, double z)
{
    const double p[3] = {x, -1.5, z};

    return windowed(s, ramp(p));
}

static void
a_ramp_has_known_projections_on_every_grid(void)
{
    static const struct {
        expo_technique_t mode;
        double thickness;
        expo_slab_t slab;
        double (*want)(const expo_settings_t *s, double x, double z);
    } cases[] = {{EXPO_MIP, 0, 0, ramp_front},
                 {EXPO_AVERAGE, 0, 0, ramp_middle},
                 {EXPO_SLICE, 0, 0, ramp_middle},
                 {EXPO_SLICE, 3, EXPO_SLAB_MAXIMUM, ramp_near},
                 {EXPO_SLICE, 3, EXPO_SLAB_MEAN, ramp_middle},
                 {EXPO_SLICE, 3, EXPO_SLAB_MINIMUM, ramp_back}};
    double most = 0, error;
    expo_volume_t v;
    expo_settings_t s;
    uint16_t *voxels;
    size_t i;
    int kind;

    for (kind = 0; kind < GRIDS; kind++) {
        v = grid_volume(kind);
        voxels = sampled(&v, ramp);

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            s = settings(cases[i].mode);
            s.camera.fov_deg = (float) (2 * atan(0.05) * 180 / M_PI);
            s.technique.slice.thickness_mm = cases[i].thickness;
            s.technique.slice.slab = cases[i].slab;
            picture(&v, voxels, &s, 16);
            error = worst(&s, 10, cases[i].want);
            most = fmax(most, error);
            check(error < 1e-3);
        }

        free(voxels);
    }

    printf("# worst difference %.1e of white\n", most);
}

/* Turned any way, a slice shows what is there, its up on top; nothing of what
 * is cut off or outside. */
static void
an_oblique_slice_shows_what_lies_in_its_plane(void)
{
    expo_settings_t s = settings(EXPO_SLICE);
    double most = 0, right[3], p[3], *n, *up, a, b, g, inside;
    uint16_t *voxels;
    expo_volume_t v;
    int i, x, y, kind, outside = 0;

    s.background.color[0] = s.background.color[1] = s.background.color[2] = 1;
    s.technique.slice.width_mm = 24;
    s.technique.slice.point[0] = 1;
    s.technique.slice.point[2] = -2;
    n = s.technique.slice.normal;
    up = s.technique.slice.up;
    n[0] = 0.48;
    n[1] = -0.6;
    n[2] = 0.64;
    up[0] = -0.4;
    up[1] = 0.5;
    up[2] = 0.76875; /* square to n: */
    a = sqrt(up[0] * up[0] + up[1] * up[1] + up[2] * up[2]);

    for (i = 0; i < 3; i++) {
        up[i] /= a;
    }

    right[0] = up[1] * n[2] - up[2] * n[1];
    right[1] = up[2] * n[0] - up[0] * n[2];
    right[2] = up[0] * n[1] - up[1] * n[0];

    for (kind = 0; kind < GRIDS; kind++) {
        v = grid_volume(kind);
        voxels = sampled(&v, ramp);
        picture(&v, voxels, &s, 16);

        for (y = 0; y < SIDE; y++) {
            for (x = 0; x < SIDE; x++) {
                a = ((x + 0.5) / SIDE - 0.5) * 24;
                b = (0.5 - (y + 0.5) / SIDE) * 24;
                inside = 6;

                for (i = 0; i < 3; i++) {
                    p[i] =
                        s.technique.slice.point[i] + a * right[i] + b * up[i];
                    inside = fmin(inside, 6 - fabs(p[i]));
                }

                g = (double) rgb[3 * (y * SIDE + x)];

                if (inside > 0.8) {
                    most = fmax(most, fabs(g - windowed(&s, ramp(p))));

                } else if (inside < -0.8) {
                    outside += fabs(g - 1) > 1e-6;
                }
            }
        }

        free(voxels);
    }

    printf("# worst difference %.1e of white\n", most);
    check(most < 2e-3);
    check(outside == 0);
}

/* The same body on four grids is four times the same picture. */
static void
every_grid_shows_the_same_body(void)
{
    static const expo_technique_t modes[] = {EXPO_MIP, EXPO_AVERAGE,
                                             EXPO_ISOSURFACE, EXPO_SLICE};
    static float first[3 * SIDE * SIDE];
    double d, mean;
    expo_settings_t s;
    uint16_t *voxels;
    expo_volume_t v;
    int i, kind, m;

    for (m = 0; m < 4; m++) {
        s = settings(modes[m]);
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
            voxels = sampled(&v, balls);
            picture(&v, voxels, &s, 64);
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

            printf("# technique %d, grid %d: %.4f\n", (int) modes[m], kind,
                   mean);
            check(mean < 0.004);
        }
    }
}

/* Random voxels, random rays: as close steps find it. */
static body_t body;
static scene_t scene;

static void
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
        voxels[i] = (uint16_t) (uniform() * 65535);
    }

    body_close(&body);
    body_open(&body, &v, voxels);
    scene_set(&scene, &body, s);
}

static pt_ray_t
random_ray(void)
{
    pt_ray_t r;
    pt_v3 to =
        pt_vec((float) (10 * uniform() - 5), (float) (10 * uniform() - 5),
               (float) (10 * uniform() - 5));

    r.o = pt_vec((float) (80 * uniform() - 40), (float) (80 * uniform() - 40),
                 (float) (80 * uniform() - 40));
    r.d = pt_unit(pt_sub(to, r.o));

    /* Along an axis, too. */
    if (uniform() < 0.2) {
        r.d = pt_vec(0.0f, r.o.y > 0.0f ? -1.0f : 1.0f, 0.0f);
        r.o = pt_vec(to.x, r.o.y, to.z);
    }

    return r;
}

static void
the_largest_value_is_found_exactly(void)
{
    expo_settings_t s = settings(EXPO_MIP);
    float value, low, at, t0, t1, found, most, least;
    int ray, i, wrong = 0, seen = 0;
    double sum, mean = 0, u;
    pt_walk_t w;
    pt_ray_t r;

    noise_body(&s);

    for (ray = 0; ray < 2000; ray++) {
        r = random_ray();
        t0 = 0.0f;
        t1 = PT_FAR;

        if (!pt_interval(&scene.pt, r, &t0, &t1)) {
            wrong += pt_extreme(&scene.pt, r, PT_FAR, 1.0f, &at, &value) != 0;
            continue;
        }

        seen++;
        w = pt_walk(&scene.pt, r, t0);
        most = 0.0f;
        least = PT_FAR;
        sum = 0;

        for (i = 0; i < 3000; i++) {
            found = pt_value_at(&scene.pt, &w,
                                (t1 - t0) * ((float) i + 0.5f) / 3000.0f);
            most = pt_max(most, found);
            least = pt_min(least, found);
            sum += (double) found / 3000;
        }

        pt_extreme(&scene.pt, r, PT_FAR, -1.0f, &at, &low);
        wrong += low > least + 10.0f;
        pt_extreme(&scene.pt, r, PT_FAR, 1.0f, &at, &value);
        wrong += value < most - 10.0f;
        wrong += fabsf(pt_value_at(&scene.pt, &w, at - t0) - value) > 10.0f;

        /* 64 stratified looks are the mean but for their own noise. */
        for (i = 0, u = 0; i < 64; i++) {
            pt_mean(&scene.pt, r, PT_FAR, ((float) i + 0.5f) / 64.0f, &found);
            u += (double) found / 64;
        }

        mean = fmax(mean, fabs(u - sum));
    }

    printf("# %d rays; means within %.2f of 65535\n", seen, mean);
    check(seen > 500);
    check(wrong == 0);
    check(mean < 60);
}

static void
the_first_solid_is_found_exactly(void)
{
    expo_settings_t s = settings(EXPO_ISOSURFACE);
    int ray, i, wrong = 0, met = 0, cut = 0;
    float at, t0, t1, t;
    pt_hit_t hit;
    pt_walk_t w;
    pt_ray_t r;

    for (ray = 0; ray < 3000; ray++) {
        if (ray % 300 == 0) {
            s.technique.isovalue = 30000 + 100 * (double) ray / 9;
            noise_body(&s);
        }

        r = random_ray();
        t0 = 0.0f;
        t1 = PT_FAR;
        hit = pt_solid(&scene.pt, r, PT_FAR, &at);

        /* All of the noise, not only where cells have some of it. */
        if (!pt_interval(&scene.pt, r, &t0, &t1)) {
            wrong += hit != PT_MISS;
            continue;
        }

        w = pt_walk(&scene.pt, r, t0);

        for (i = 0; i < 4000; i++) {
            t = (t1 - t0) * ((float) i + 0.5f) / 4000.0f;

            if (pt_value_at(&scene.pt, &w, t) >= scene.pt.level) {
                break;
            }
        }

        if (hit == PT_MISS) {
            wrong += i < 4000;
            continue;
        }

        met++;
        cut += hit == PT_CUT;
        /* Steps may pass over a tip, never find one that is not there. */
        wrong += i < 4000 && at > t0 + t + w.nudge;
        wrong += hit == PT_SKIN && fabsf(pt_value_at(&scene.pt, &w, at - t0) -
                                         scene.pt.level) > 200.0f;
        wrong += hit == PT_CUT && fabsf(at - t0) > 1e-4f;
    }

    printf("# %d met, %d of them at a cut\n", met, cut);
    check(met > 500 && cut > 20);
    check(wrong == 0);
}

static void
a_cubic_turns_and_reaches_where_its_values_say(void)
{
    float v[4], best, u, value, turn[4];
    int i, k, n, wrong = 0;
    pt_cubic_t f;

    for (i = 0; i < 20000; i++) {
        for (k = 0; k < 4; k++) {
            /* Often even, straight or square. */
            v[k] = i % 5 == 0   ? 500.0f
                   : i % 5 == 1 ? (float) (100 * k)
                   : i % 5 == 2 ? (float) (100 * k * k)
                                : (float) (1000 * uniform());
        }

        f = pt_cubic(v[0], v[1], v[2], v[3]);
        n = pt_cubic_turns(&f, turn);
        wrong += n < 0 || n > 2 || (n == 2 && turn[0] > turn[1]);
        best = -1.0f;
        u = 2.0f;

        for (k = 0; k <= 300; k++) {
            value = pt_cubic_at(&f, (float) k / 300.0f);
            wrong += k % 100 == 0 && fabsf(value - v[k / 100]) > 0.01f;
            best = pt_max(best, value);
            u = u > 1.0f && value >= 600.0f ? (float) k / 300.0f : u;
        }

        pt_cubic_extreme(&f, 1.0f, &value);
        wrong += value < best - 0.01f || value > best + 1.0f;
        value = pt_cubic_reach(&f, 600.0f);
        wrong += u <= 1.0f && !(value <= u + 1e-5f);
        wrong += value <= 1.0f && pt_cubic_at(&f, value) < 599.9f;
    }

    check(wrong == 0);
}

/* White, under an even sky of 1: no shape, no cut and no bounce shows. */
static void
a_white_surface_under_an_even_sky_is_as_bright(void)
{
    expo_settings_t s = settings(EXPO_ISOSURFACE);
    double most = 0;
    uint16_t *voxels;
    expo_volume_t v;
    int kind, i;

    s.environment.intensity = 1;
    s.shading.max_bounces = 32;
    s.background.color[0] = 1;
    s.technique.isovalue = 12000;
    s.clip.planes[0].normal[0] = 0.6f;
    s.clip.planes[0].normal[1] = 0.8f;
    s.clip.planes[0].enabled = true;
    s.clip.n_planes = 1;

    for (kind = 0; kind < GRIDS; kind++) {
        v = grid_volume(kind);
        voxels = sampled(&v, balls);
        picture(&v, voxels, &s, 16);
        free(voxels);

        for (i = 0; i < SIDE * SIDE; i++) {
            most = fmax(most, fabs((double) rgb[3 * i] - 1));
        }
    }

    printf("# furnace within %.1e\n", most);
    check(most < 1e-3);
}

/* A small lamp far away, straight over the middle of the picture. */
static void
add_lamp(expo_settings_t *s, float longitude, float latitude)
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

/* Irradiance of that lamp over pi, at a cosine, so much nearer to it than the
 * origin is. */
static double
lambert(double cosine, double nearer)
{
    return 10000 * 16 / ((400 - nearer) * (400 - nearer)) * cosine / M_PI;
}

/* The ramp's surface and a cut through the solid have the light that their
 * normals and no other say; picking finds them. */
static void
a_lamp_shows_the_normals_of_surface_and_cut(void)
{
    expo_settings_t s = settings(EXPO_ISOSURFACE);
    const double length = sqrt(300.0 * 300 + 500.0 * 500 + 400.0 * 400);
    double p[3], far = 0, plane = 0, error, dark;
    tracer_view_t *view;
    uint16_t *voxels;
    expo_volume_t v;
    int kind;

    for (kind = 0; kind < GRIDS; kind++) {
        v = grid_volume(kind);
        voxels = sampled(&v, ramp);
        s = settings(EXPO_ISOSURFACE);
        s.camera.fov_deg = (float) (2 * atan(0.01) * 180 / M_PI);
        add_lamp(&s, 0, 0);

        /* From the back the ramp rises: what one meets is its surface. */
        s.camera.position[1] = 100;
        s.lights[0].longitude_deg = 180;
        picture(&v, voxels, &s, 32);
        error = fabs(
            test_mean(rgb, SIDE * SIDE, &dark) / lambert(500 / length, 0) - 1);
        far = fmax(far, error);

        tracer_open(tracer, &v, voxels, &view);
        tracer_set(view, &s);
        tracer_film(view, SIDE, SIDE, 1);
        check(tracer_pick(view, 0.3f, 0.6f, p) == EXPO_OK);
        plane = fmax(plane, fabs(ramp(p) - 30000) / length);

        /* From the front one looks at the cut through the solid. */
        s.camera.position[1] = -100;
        s.lights[0].longitude_deg = 0;
        tracer_set(view, &s);
        check(tracer_pick(view, 0.3f, 0.6f, p) == EXPO_OK);
        check(fabs(p[1] + 6) < 1e-3);
        tracer_close(view);
        picture(&v, voxels, &s, 32);
        far = fmax(
            far, fabs(test_mean(rgb, SIDE * SIDE, &dark) / lambert(1, 6) - 1));
        free(voxels);
    }

    printf("# light within %.2f %%, surface within %.4f mm\n", 100 * far,
           plane);
    check(far < 0.01);
    check(plane < 0.003);
}

static double
ball_over_floor(const double p[3])
{
    double d = sqrt(p[0] * p[0] + p[2] * p[2] + (p[1] + 3) * (p[1] + 3));

    return 30000 + 3000 * fmax(fmin(fmax(2 - d, p[1] - 3), 3), -3);
}

/* The camera looks past the ball at its shadow. */
static void
a_solid_casts_a_hard_shadow(void)
{
    expo_settings_t s = settings(EXPO_ISOSURFACE);
    expo_volume_t v = test_volume(80, 80, 80);
    double p[3];
    float inside, beside;
    tracer_view_t *view;
    uint16_t *voxels;
    int i;

    for (i = 0; i < 3; i++) {
        v.affine[5 * i] = 0.25;
        v.affine[4 * i + 3] = -0.125 * 79;
    }

    voxels = sampled(&v, ball_over_floor);
    add_lamp(&s, 0, 0);
    s.camera.position[0] = -100;
    s.camera.position[1] = -100;
    s.camera.target[1] = 3;
    s.camera.fov_deg = (float) (2 * atan(0.045) * 180 / M_PI);
    picture(&v, voxels, &s, 16);

    /* Left of the picture's middle is the side the camera is on: between
     * ball and floor there is a way to the shadow's edge. */
    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);
    tracer_film(view, SIDE, SIDE, 1);
    check(tracer_pick(view, 15.5f / SIDE, 16.5f / SIDE, p) == EXPO_OK);
    printf("# in the shadow: %.2f %.2f %.2f\n", p[0], p[1], p[2]);
    check(fabs(p[1] - 3) < 0.05 && fabs(p[0]) < 1.5);
    inside = rgb[3 * (16 * SIDE + 15)];
    check(tracer_pick(view, 9.5f / SIDE, 16.5f / SIDE, p) == EXPO_OK);
    check(fabs(p[1] - 3) < 0.05 && fabs(p[0]) > 2.5);
    beside = rgb[3 * (16 * SIDE + 9)];
    tracer_close(view);

    check(inside == 0);
    check(fabs((double) beside / lambert(1, 0) - 1) < 0.01);
    free(voxels);
}

/* White is 255 whatever exposure, gamma and tone map are, and colours are those
 * of the transfer function. */
static void
a_window_is_shown_as_it_is(void)
{
    expo_settings_t s = settings(EXPO_SLICE);
    expo_volume_t v = test_volume(20, 20, 20);
    uint16_t *voxels = test_voxels(&v, 25000);
    uint8_t rgba[4 * SIDE * SIDE];
    tracer_view_t *view;
    int i, wrong = 0;

    s.film.exposure = 0.2f;
    s.film.gamma = 2;
    s.film.tone_map = EXPO_TONE_ACES;
    tracer_open(tracer, &v, voxels, &view);

    for (i = 0; i < 4; i++) {
        s.technique.mode = i < 2 ? EXPO_SLICE : EXPO_MIP;
        s.technique.colored = i & 1;
        s.transfer.points[0].color[2] = s.transfer.points[1].color[2] = 0.5f;
        tracer_set(view, &s);
        tracer_film(view, SIDE, SIDE, 1);
        tracer_pass(view, 1);
        tracer_read_display(view, SIDE, SIDE, rgba);
        /* A quarter of the window; half of that, in linear light, as blue. */
        wrong += abs(rgba[4 * 528] - 64) > 1 || abs(rgba[4 * 528 + 1] - 64) > 1;
        wrong += s.technique.colored ? rgba[4 * 528 + 2] >= 40
                                     : rgba[4 * 528 + 2] != rgba[4 * 528];
    }

    check(wrong == 0);
    tracer_close(view);
    free(voxels);
}

static void
picking_finds_what_the_picture_shows(void)
{
    expo_settings_t s = settings(EXPO_MIP);
    expo_volume_t v = grid_volume(2);
    uint16_t *voxels = sampled(&v, ramp);
    tracer_view_t *view;
    double p[3];

    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);
    tracer_film(view, SIDE, SIDE, 1);
    check(tracer_pick(view, 0.6f, 0.5f, p) == EXPO_OK);
    check(fabs(p[0] - 2) < 1e-3 && fabs(p[1] + 6) < 0.01 && fabs(p[2]) < 1e-3);

    s.technique.mode = EXPO_AVERAGE;
    tracer_set(view, &s);
    check(tracer_pick(view, 0.6f, 0.5f, p) == EXPO_NOT_FOUND);

    s.technique.mode = EXPO_SLICE;
    s.technique.slice.point[1] = 2;
    tracer_set(view, &s);
    check(tracer_pick(view, 0.6f, 0.25f, p) == EXPO_OK);
    check(fabs(p[0] - 1) < 1e-3 && fabs(p[1] - 2) < 1e-3 &&
          fabs(p[2] - 2.5) < 1e-3);

    s.technique.slice.thickness_mm = 2;
    tracer_set(view, &s);
    check(tracer_pick(view, 0.6f, 0.25f, p) == EXPO_OK);
    check(fabs(p[1] - 1) < 0.01);

    s.technique.slice.point[1] = 20;
    tracer_set(view, &s);
    check(tracer_pick(view, 0.5f, 0.5f, p) == EXPO_NOT_FOUND);
    tracer_close(view);
    free(voxels);
}

/* On what is seen first at the middle; of nothing, as focus_mm says. */
static void
autofocus_finds_the_middle(void)
{
    expo_settings_t s = settings(EXPO_PATH);
    expo_volume_t v = test_volume(40, 40, 40);
    uint16_t *voxels = test_voxels(&v, 1000);
    static float by_hand[3 * SIDE * SIDE];
    tracer_view_t *view;
    double p[3], error;

    s.camera.orthographic = false;
    s.camera.fov_deg = 10;
    s.camera.aperture_mm = 20;
    s.camera.autofocus = true;
    s.camera.focus_mm = 50;
    s.environment.intensity = 1;
    s.transfer.density_scale = 10;
    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);
    tracer_film(view, SIDE, SIDE, 1);
    check(tracer_pick(view, 0.5f, 0.5f, p) == EXPO_OK);
    tracer_close(view);
    picture(&v, voxels, &s, 8);
    memcpy(by_hand, rgb, sizeof(rgb));

    s.camera.autofocus = false;
    s.camera.focus_mm = (float) (p[1] + 100);
    check(fabsf(s.camera.focus_mm - 94) < 1);
    picture(&v, voxels, &s, 8);
    check(fabs(test_mean(rgb, SIDE * SIDE, &error) -
               test_mean(by_hand, SIDE * SIDE, &error)) < 1e-4);

    s.transfer.points[1].opacity = 0;
    s.camera.focus_mm = 50;
    s.background.mode = EXPO_BACKGROUND_ENVIRONMENT;
    picture(&v, voxels, &s, 4);
    memcpy(by_hand, rgb, sizeof(rgb));
    s.camera.autofocus = true;
    picture(&v, voxels, &s, 4);
    check(memcmp(by_hand, rgb, sizeof(rgb)) == 0);
    free(voxels);
}

/* Alpha is what is covered, also between pixels, and takes nothing from the
 * colours. */
static void
a_transparent_background_lets_through_and_darkens_nothing(void)
{
    expo_settings_t s = settings(EXPO_SLICE);
    expo_volume_t v = test_volume(20, 20, 20);
    uint16_t *voxels = test_voxels(&v, 30000);
    static uint8_t rgba[4 * 3 * SIDE * SIDE];
    tracer_view_t *view;
    int i, half = 0, wrong = 0;

    s.background.mode = EXPO_BACKGROUND_TRANSPARENT;
    s.background.color[0] = 1;
    s.technique.slice.width_mm = 19.3;
    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);
    tracer_film(view, SIDE, SIDE, 1);
    tracer_pass(view, 16);
    tracer_read_display(view, 3 * SIDE, SIDE, rgba);

    for (i = 0; i < 3 * SIDE * SIDE; i++) {
        half += rgba[4 * i + 3] > 0 && rgba[4 * i + 3] < 255;
        wrong += rgba[4 * i + 3] > 8 &&
                 (abs(rgba[4 * i] - 128) > 1 || abs(rgba[4 * i + 2] - 128) > 1);
    }

    check(half > 50 && wrong == 0);
    check(rgba[3] == 0);
    check(rgba[4 * (SIDE / 2 * 3 * SIDE + 48) + 3] == 255);
    tracer_read(view, rgb);
    check(rgb[0] == 0);
    tracer_close(view);
    free(voxels);
}

/* One voxel along some axis, one value throughout, the camera in the middle. */
static void
degenerate_volumes_are_shown_too(void)
{
    static const expo_technique_t modes[] = {EXPO_MIP, EXPO_AVERAGE,
                                             EXPO_ISOSURFACE, EXPO_SLICE};
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

        for (m = 0; m < 8; m++) {
            s = settings(modes[m % 4]);
            s.camera.position[1] = m < 4 ? -100 : 0;
            s.camera.target[1] = m < 4 ? 0 : 1;
            s.camera.fov_deg = 0.2f;
            s.camera.orthographic = m < 4;
            s.technique.slice.width_mm = 1;
            s.technique.slice.thickness_mm = i & 2;
            s.environment.intensity = 1;
            add_lamp(&s, 0, 0);
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
            if (modes[m % 4] != EXPO_ISOSURFACE) {
                wrong += fabs((double) rgb[3 * 528] - 0.214) > 0.001;
            }
        }

        free(voxels);
    }

    check(wrong == 0);
}

int
main(void)
{
    char error[100];

    if (tracer_create("cpu", 2, &tracer, error, sizeof(error)) != EXPO_OK) {
        printf("Bail out! %s\n", error);
        return 1;
    }

    a_cubic_turns_and_reaches_where_its_values_say();
    the_largest_value_is_found_exactly();
    the_first_solid_is_found_exactly();
    a_ramp_has_known_projections_on_every_grid();
    an_oblique_slice_shows_what_lies_in_its_plane();
    every_grid_shows_the_same_body();
    a_white_surface_under_an_even_sky_is_as_bright();
    a_lamp_shows_the_normals_of_surface_and_cut();
    a_solid_casts_a_hard_shadow();
    a_window_is_shown_as_it_is();
    picking_finds_what_the_picture_shows();
    autofocus_finds_the_middle();
    a_transparent_background_lets_through_and_darkens_nothing();
    degenerate_volumes_are_shown_too();
    body_close(&body);
    tracer_destroy(tracer);

    return done();
}
