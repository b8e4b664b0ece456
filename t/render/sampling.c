/*
 * Group 5 of the renderer's tests: every way of choosing at random. Samples
 * follow their density by chi square, free paths theirs by Kolmogorov and
 * Smirnov, each with a chance above 1e-4 after Bonferroni over all of them;
 * densities integrate to one; value over density is the weight.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "t/render/medium.h"
#include "t/unit/check.h"

#define SIDE 16
#define BINS (SIDE * 2 * SIDE) /* cos theta by phi, over the whole sphere */
#define DRAWS 200000

static uint32_t draws_count;

/* Chances of all tests by chi square or Kolmogorov and Smirnov so far. */
static double chances[200];
static int n_chances;

static void
chance(double p)
{
    chances[n_chances++] = p;
}

static void
draw(float *u, float *v)
{
    pt_random_t r = pt_random(3, 17, draws_count++);

    pt_random_two(&r, u, v);
    *u = *u < 1.0f ? *u : 0.99999994f;
}

static int
bin_of(pt_v3 d)
{
    float phi = atan2f(d.y, d.x) / (2 * PT_PI) + 0.5f;
    int a = (int) ((d.z + 1) * 0.5f * SIDE), b = (int) (phi * 2 * SIDE);

    a = a < SIDE ? (a > 0 ? a : 0) : SIDE - 1;
    b = b < 2 * SIDE ? b : 2 * SIDE - 1;

    return a * 2 * SIDE + b;
}

/* Middle of sub-cell (i, j) of k x k of a bin, as a direction. */
static pt_v3
direction_in(int bin, int i, int j, int k)
{
    float z =
        -1 + 2 * ((float) (bin / (2 * SIDE)) + ((float) i + 0.5f) / (float) k) /
                 SIDE;
    float phi = 2 * PT_PI *
                (((float) (bin % (2 * SIDE)) + ((float) j + 0.5f) / (float) k) /
                     (2 * SIDE) -
                 0.5f);
    float s = sqrtf(fmaxf(1 - z * z, 0));

    return pt_vec(s * cosf(phi), s * sinf(phi), z);
}

typedef struct {
    float (*density)(pt_v3 d);
    pt_v3 (*sample)(void);
} sampler_t;

/*
 * The chance of what samples do to bins that expect 10 or more; all others make
 * one bin. *lost: samples of no direction, below a surface. Returns the
 * integral of the density.
 */
static double
chi_square(sampler_t s, int *lost)
{
    static double expected[BINS], seen[BINS];
    const int k = 24;
    double chi = 0, cell = 4 * M_PI / BINS / (k * k), rest[2] = {0, 0};
    double integral = 0, share;
    int b, i, j, bins = 0;
    pt_v3 d;

    memset(expected, 0, sizeof(expected));
    memset(seen, 0, sizeof(seen));
    *lost = 0;

    for (b = 0; b < BINS; b++) {
        for (i = 0; i < k; i++) {
            for (j = 0; j < k; j++) {
                expected[b] += s.density(direction_in(b, i, j, k)) * cell;
            }
        }

        integral += expected[b];
    }

    for (i = 0; i < DRAWS; i++) {
        d = s.sample();

        if (pt_dot(d, d) > 0) {
            seen[bin_of(d)] += 1;

        } else {
            (*lost)++;
        }
    }

    share = (DRAWS - *lost) / integral;

    for (b = 0; b < BINS; b++) {
        if (expected[b] * share >= 10) {
            chi += pow(seen[b] - expected[b] * share, 2) /
                   (expected[b] * share);
            bins++;

        } else {
            rest[0] += expected[b] * share;
            rest[1] += seen[b];
        }
    }

    if (rest[0] >= 10) {
        chi += pow(rest[1] - rest[0], 2) / rest[0];
        bins++;
    }

    chance(test_chi_square_p(chi, bins - 1));

    return integral;
}

static float hg_g;
static pt_v3 hg_d;

static float
hg_density(pt_v3 d)
{
    return pt_hg(pt_dot(hg_d, d), hg_g);
}

static pt_v3
hg_sample(void)
{
    float u, v;

    draw(&u, &v);

    return pt_hg_sample(hg_d, hg_g, u, v);
}

static void
phase_samples_follow_henyey_and_greenstein(void)
{
    static const float gs[] = {0, 0.0005f, 0.4f, -0.6f, 0.85f, -0.85f};
    sampler_t s = {hg_density, hg_sample};
    double mean = 0, worst = 0;
    size_t i;
    int k, lost;

    hg_d = pt_unit(pt_vec(0.3f, -0.8f, 0.4f));

    for (i = 0; i < sizeof(gs) / sizeof(gs[0]); i++) {
        hg_g = gs[i];
        worst = fmax(worst, fabs(chi_square(s, &lost) - 1));
    }

    check(worst < 2e-3);

    hg_g = 0.4f;
    for (k = 0; k < DRAWS; k++) {
        mean += pt_dot(hg_d, hg_sample());
    }
    /* The mean cosine is g; its deviation is below 0.6. */
    check(fabs(mean / DRAWS - 0.4) < 4 * 0.6 / sqrt(DRAWS));
}

static pt_material_t brdf_m;
static pt_v3 brdf_n, brdf_wo;

static float
brdf_density(pt_v3 d)
{
    float pdf;

    pt_brdf(&brdf_m, brdf_n, brdf_wo, d, &pdf);

    return pdf;
}

static pt_v3
brdf_sample(void)
{
    float u, v, w, x;

    draw(&u, &v);
    draw(&w, &x);

    return pt_brdf_sample(&brdf_m, brdf_n, brdf_wo, w, u, v);
}

static pt_v3
brdf_sample_above(void)
{
    pt_v3 d = brdf_sample();

    return pt_dot(d, brdf_n) > 0 ? d : pt_vec(0, 0, 0);
}

static void
material(float color, float specular, float roughness)
{
    brdf_m.color = pt_vec(color, color, color);
    brdf_m.specular = pt_vec(specular, specular, specular);
    brdf_m.emission = pt_vec(0, 0, 0);
    brdf_m.roughness = roughness;
}

/* Where a sample lies below the surface it has no density: what is missing to
 * an integral of 1. */
static void
surface_samples_follow_their_density(void)
{
    static const float roughness[] = {0.4f, 0.7f, 1.0f};
    sampler_t s = {brdf_density, brdf_sample_above};
    double worst = 0, integral, part;
    int i, k, lost;

    brdf_n = pt_unit(pt_vec(0.2f, 0.5f, 0.8f));

    for (i = 0; i < 3; i++) {
        for (k = 0; k < 3; k++) {
            material(0.6f, k ? 0.3f : 0.0f, roughness[i]);
            brdf_wo = pt_unit(k == 2 ? pt_vec(0.9f, 0.2f, 0.1f)
                                     : pt_vec(0.1f, 0.6f, 0.7f));

            integral = chi_square(s, &lost);
            part = (double) lost / DRAWS;
            /* Bins at the horizon are cut by it: the rule's error. */
            worst = fmax(worst, fabs(integral + part - 1) -
                                    4 * sqrt(part / DRAWS));
        }
    }

    check(worst < 4e-3);
}

/* Light over everything is 1, so what leaves is the albedo: by weights of
 * samples and by summing over the sphere it must be the same, and at most 1. */
static void
surfaces_return_no_more_than_they_get(void)
{
    static const float grazing[] = {1.0f, 0.6f, 0.25f, 0.1f};
    double sum, square, error, integral, most = 0, worst = 0;
    float pdf, cosine;
    int i, k, b, n = 40000;
    pt_v3 d, f;

    brdf_n = pt_vec(0, 0, 1);

    for (i = 0; i < 4; i++) {
        for (k = 0; k < 4; k++) {
            material(1.0f, k * 0.33f, 0.3f + 0.2f * (float) k);
            brdf_wo = pt_vec(sqrtf(1 - grazing[i] * grazing[i]), 0, grazing[i]);
            sum = square = integral = 0;

            for (b = 0; b < n; b++) {
                d = brdf_sample();
                f = pt_brdf(&brdf_m, brdf_n, brdf_wo, d, &pdf);
                cosine = fmaxf(pt_dot(d, brdf_n), 0);
                f.x = pdf > 0 ? f.x * cosine / pdf : 0;
                sum += f.x;
                square += f.x * f.x;
            }

            for (b = 0; b < BINS * 24 * 24; b++) {
                d = direction_in(b / 576, b / 24 % 24, b % 24, 24);
                f = pt_brdf(&brdf_m, brdf_n, brdf_wo, d, &pdf);
                integral += f.x * fmaxf(d.z, 0) * 4 * M_PI / BINS / 576;
            }

            sum /= n;
            error = sqrt(fmax(square / n - sum * sum, 0) / n);
            most = fmax(most, sum - 4 * error);
            worst = fmax(worst, fabs(sum - integral) / (4 * error + 4e-3));
        }
    }

    check(most <= 1.0);
    check(worst < 1);

    /* Without a specular layer nothing is lost either. */
    material(1.0f, 0.0f, 0.5f);
    d = brdf_sample();
    f = pt_brdf(&brdf_m, brdf_n, brdf_wo, d, &pdf);
    check(fabsf(f.x * pt_dot(d, brdf_n) / pdf - 1) < 1e-5f);
}

static void
surfaces_look_the_same_both_ways(void)
{
    pt_v3 a = pt_unit(pt_vec(0.3f, 0.2f, 0.9f));
    pt_v3 b = pt_unit(pt_vec(-0.7f, 0.4f, 0.3f)), f, g;
    float pdf;

    material(0.6f, 0.4f, 0.5f);
    brdf_n = pt_vec(0, 0, 1);
    f = pt_brdf(&brdf_m, brdf_n, a, b, &pdf);
    g = pt_brdf(&brdf_m, brdf_n, b, a, &pdf);
    check(f.x > 0 && fabsf(f.x - g.x) < 1e-5f * f.x);
}

static pt_lamp_t
lamp(float distance, float width, float height)
{
    pt_lamp_t l;

    memset(&l, 0, sizeof(l));
    l.center = pt_vec(0, 0, distance);
    l.normal = pt_vec(0, 0, -1);
    l.u = pt_vec(0.5f * width, 0, 0);
    l.v = pt_vec(0, 0.5f * height, 0);
    l.area = width * height;
    l.radiance = pt_vec(1, 1, 1);

    return l;
}

/* Solid angle of a centred rectangle: 4 asin(ab / sqrt((a^2+d^2)(b^2+d^2))). */
static void
lamp_samples_cover_its_solid_angle(void)
{
    pt_lamp_t l = lamp(100, 60, 150);
    double a = 30, b = 75, d = 100, sum = 0, square = 0, x, wanted, error;
    pt_ray_t r;
    float u, v, t;
    int i, missed = 0;

    wanted = 4 * asin(a * b / sqrt((a * a + d * d) * (b * b + d * d)));
    r.o = pt_vec(0, 0, 0);

    for (i = 0; i < DRAWS; i++) {
        draw(&u, &v);
        r.d = pt_lamp_sample(&l, u, v);
        t = pt_length(r.d);
        r.d = pt_unit(r.d);
        missed += fabsf(pt_lamp_hit(&l, r) - t) > 1e-2f;
        x = 1 / pt_lamp_density(&l, r.d, t);
        sum += x;
        square += x * x;
    }

    sum /= DRAWS;
    error = sqrt((square / DRAWS - sum * sum) / DRAWS);
    check(missed < DRAWS / 1000); /* samples on the very edge */
    check(fabs(sum - wanted) < 4 * error);

    r.o = pt_vec(0, 0, 200);
    r.d = pt_vec(0, 0, -1);
    check(pt_lamp_hit(&l, r) == PT_FAR);
    check(pt_lamp_density(&l, r.d, 100) == 0);
}

static void
lens_points_fill_the_disk_evenly(void)
{
    double rings[8] = {0}, slices[8] = {0}, chi = 0, r2;
    float u, v, x, y;
    int i, outside = 0;

    for (i = 0; i < DRAWS; i++) {
        draw(&u, &v);
        pt_disk(u, v, &x, &y);
        r2 = (double) x * x + (double) y * y;
        outside += r2 > 1.000001;
        rings[(int) fmin(r2 * 8, 7)] += 1;
        slices[(int) fmin((atan2(y, x) / (2 * M_PI) + 0.5) * 8, 7)] += 1;
    }

    for (i = 0; i < 8; i++) {
        chi += pow(rings[i] - DRAWS / 8.0, 2) / (DRAWS / 8.0);
        chi += pow(slices[i] - DRAWS / 8.0, 2) / (DRAWS / 8.0);
    }

    check(outside == 0);
    chance(test_chi_square_p(chi, 14));
}

/* Points of a lamp's face, in 12 x 8 fields. */
static void
lamp_points_fill_the_face_evenly(void)
{
    pt_lamp_t l = lamp(100, 60, 150);
    double seen[96] = {0}, chi = 0;
    int i, a, b, outside = 0;
    float u, v;
    pt_v3 p;

    for (i = 0; i < DRAWS; i++) {
        draw(&u, &v);
        p = pt_lamp_sample(&l, u, v);
        a = (int) floorf((p.x + 30) / 60 * 12);
        b = (int) floorf((p.y + 75) / 150 * 8);
        outside += a < 0 || a > 12 || b < 0 || b > 8 || p.z != 100;
        seen[(a < 11 ? a : 11) * 8 + (b < 7 ? b : 7)] += 1;
    }

    for (i = 0; i < 96; i++) {
        chi += pow(seen[i] - DRAWS / 96.0, 2) / (DRAWS / 96.0);
    }

    check(outside == 0);
    chance(test_chi_square_p(chi, 95));
}

/* What u of all free paths is shorter: even over 0..1 if their lengths follow
 * 1 - exp(-depth). Those that leave are left out, and u counts up to them. */
static void
free_path(pt_ray_t r, double (*depth)(double mm), double through)
{
    static double u[DRAWS];
    uint32_t i, n = 0;
    pt_random_t random;
    float t, value;

    for (i = 0; i < DRAWS / 4; i++) {
        random = pt_random(17, i, 0);

        if (pt_track(&scene.pt, r, PT_FAR, &random, &t, &value)) {
            u[n++] = (1 - exp(-depth((double) t))) / (1 - exp(-through));
        }
    }

    chance(test_kolmogorov_p(u, n));
}

/* Rays begin 10 mm before the voxels. */
static double
even_depth(double mm)
{
    return 0.1 * (mm - 10);
}

/* 0 to 0.4 over 20 mm, and half a voxel of each at the ends. */
static double
ramp_depth(double mm)
{
    double y = fmin(fmax(mm - 10.5, 0), 20);

    return 0.01 * y * y + 0.4 * fmax(mm - 30.5, 0);
}

static void
free_paths_are_as_long_as_their_depth_says(void)
{
    expo_volume_t v = test_volume(21, 21, 21);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 500);
    uint32_t x, y, z;

    s.transfer.density_scale = 0.2f;
    medium_open(&v, voxels, &s);
    free_path(medium_ray(0, -20.5, 0, 0, 1, 0), even_depth, 2.1);
    medium_close();

    /* One voxel of 1000 beside the ray: null collisions. */
    voxels[(8 * 21 + 8) * 21 + 8] = 1000;
    medium_open(&v, voxels, &s);
    free_path(medium_ray(0, -20.5, 0, 0, 1, 0), even_depth, 2.1);
    medium_close();

    for (z = 0; z < 21; z++) {
        for (y = 0; y < 21; y++) {
            for (x = 0; x < 21; x++) {
                voxels[(z * 21 + y) * 21 + x] = (uint16_t) (50 * y);
            }
        }
    }

    s.transfer.density_scale = 0.4f;
    medium_open(&v, voxels, &s);
    free_path(medium_ray(0.3, -20.5, 0.2, 0, 1, 0), ramp_depth, 4.2);
    medium_close();
    free(voxels);
}

/* Each is one of many: the smallest may be as small as all together allow. */
static void
no_chance_is_too_small(void)
{
    double least = 1;
    int i;

    for (i = 0; i < n_chances; i++) {
        least = fmin(least, chances[i]);
    }

    printf("# %d tests, the least chance is %.1e\n", n_chances, least);
    check(n_chances > 18);
    check(least * n_chances > 1e-4);
}

/* The tests' own arithmetic, against tables. */
static void
chances_are_those_of_tables(void)
{
    double u[1000];
    int i;

    check(fabs(test_chi_square_p(18.307, 10) - 0.05) < 1e-4);
    check(fabs(test_chi_square_p(149.449, 100) - 0.001) < 1e-5);
    check(fabs(test_chi_square_p(3.94, 10) - 0.95) < 1e-3);

    for (i = 0; i < 1000; i++) {
        u[i] = (i + 0.5) / 1000;
    }

    check(test_kolmogorov_p(u, 1000) > 0.999);

    /* Farthest off by 0.0515, which 1 % of such numbers are. */
    for (i = 0; i < 1000; i++) {
        u[i] = fmin((i + 0.5) / 1000 + 0.0505, 1);
    }

    check(fabs(test_kolmogorov_p(u, 1000) - 0.01) < 2e-3);
}

/* All rays of one picture point meet where the lens is focused. */
static void
rays_meet_in_the_plane_of_focus(void)
{
    pt_camera_t c;
    pt_ray_t r, s;
    float u, v, worst = 0, away = 0;
    pt_v3 p, q;
    int i;

    memset(&c, 0, sizeof(c));
    c.forward = pt_vec(0, 1, 0);
    c.right = pt_vec(0.4f, 0, 0);
    c.up = pt_vec(0, 0, 0.4f);
    c.lens = 12;
    c.focus = 250;
    r = pt_camera_ray(&c, 200, 100, 150.5f, 20.25f, 0.5f, 0.5f);
    p = pt_along(r.o, r.d, 250 / r.d.y);

    for (i = 0; i < 100; i++) {
        draw(&u, &v);
        s = pt_camera_ray(&c, 200, 100, 150.5f, 20.25f, u, v);
        q = pt_along(s.o, s.d, (250 - s.o.y) / s.d.y);
        worst = pt_max(worst, pt_length(pt_sub(p, q)));
        away = pt_max(away, pt_length(s.o));
    }

    check(worst < 0.01f);
    check(away > 10 && away <= 12.001f);
}

/* So a picture upright and one across show the same middle. */
static void
the_field_of_view_spans_the_shorter_edge(void)
{
    static const struct {
        int width, height;
        float x, y, right, up;
    } at[] = {{200, 100, 150, 100, 0.5f, -0.5f},
              {200, 100, 200, 50, 1, 0},
              {100, 200, 100, 50, 0.5f, 0.5f},
              {100, 200, 50, 0, 0, 1}};
    pt_camera_t c;
    pt_ray_t r;
    size_t i;

    memset(&c, 0, sizeof(c));
    c.forward = pt_vec(0, 1, 0);
    c.right = pt_vec(0.5f, 0, 0);
    c.up = pt_vec(0, 0, 0.5f);

    for (i = 0; i < sizeof at / sizeof *at; i++) {
        c.parallel = 0;
        r = pt_camera_ray(&c, at[i].width, at[i].height, at[i].x, at[i].y, 0,
                          0);
        check(fabsf(r.d.x / r.d.y - at[i].right) < 1e-6f);
        check(fabsf(r.d.z / r.d.y - at[i].up) < 1e-6f);

        c.parallel = 10;
        r = pt_camera_ray(&c, at[i].width, at[i].height, at[i].x, at[i].y, 0,
                          0);
        check(fabsf(r.o.x - 10 * at[i].right) < 1e-5f);
        check(fabsf(r.o.z - 10 * at[i].up) < 1e-5f);
    }
}

static void
logarithms_are_close_enough(void)
{
    double worst = 0;
    float u;
    int i;

    for (i = 1; i <= 1 << 20; i++) {
        u = (float) i / (1 << 20);
        worst = fmax(worst, fabs(pt_minus_log(u) + log((double) u)) /
                                fmax(-log((double) u), 1e-6));
    }

    check(worst < 2e-6);
    check(pt_minus_log(1.0f) == 0.0f);
}

int
main(void)
{
    chances_are_those_of_tables();
    phase_samples_follow_henyey_and_greenstein();
    surface_samples_follow_their_density();
    surfaces_return_no_more_than_they_get();
    surfaces_look_the_same_both_ways();
    lamp_samples_cover_its_solid_angle();
    lamp_points_fill_the_face_evenly();
    lens_points_fill_the_disk_evenly();
    free_paths_are_as_long_as_their_depth_says();
    no_chance_is_too_small();
    rays_meet_in_the_plane_of_focus();
    the_field_of_view_spans_the_shorter_edge();
    logarithms_are_close_enough();

    return done();
}
