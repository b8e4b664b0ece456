/* Every way of choosing at random: density integrates to one, samples follow
 * it, value over density is the weight. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/render/kernel/pt_path.h"
#include "render-worker/render/kernel/pt_tone.h"
#include "t/unit/check.h"

#define SIDE 16
#define BINS (SIDE * 2 * SIDE) /* cos theta by phi, over the whole sphere */
#define DRAWS 200000

static uint32_t draws_count;

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
 * Chi square per degree of freedom over bins that expect 10 or more; about 1,
 * with a standard deviation of sqrt(2 / bins). *integral: of the density.
 */
static double
chi_square(sampler_t s, double *integral, int *bins)
{
    static double expected[BINS], seen[BINS];
    const int k = 24;
    double chi = 0, cell = 4 * M_PI / BINS / (k * k);
    int b, i, j;

    memset(expected, 0, sizeof(expected));
    memset(seen, 0, sizeof(seen));
    *integral = 0;
    *bins = 0;

    for (b = 0; b < BINS; b++) {
        for (i = 0; i < k; i++) {
            for (j = 0; j < k; j++) {
                expected[b] += s.density(direction_in(b, i, j, k)) * cell;
            }
        }

        *integral += expected[b];
    }

    for (i = 0; i < DRAWS; i++) {
        seen[bin_of(s.sample())] += 1;
    }

    for (b = 0; b < BINS; b++) {
        if (expected[b] * DRAWS >= 10) {
            chi += (seen[b] - expected[b] * DRAWS) *
                   (seen[b] - expected[b] * DRAWS) / (expected[b] * DRAWS);
            (*bins)++;
        }
    }

    return chi / *bins;
}

static int
follows(sampler_t s, double integral_wanted, double tolerance)
{
    double integral, chi;
    int bins;

    chi = chi_square(s, &integral, &bins);
    /* 5 standard deviations, and what the mid-point rule gets wrong. */
    return fabs(integral - integral_wanted) < tolerance &&
           chi < 1 + 5 * sqrt(2.0 / bins) + 0.1;
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
    double mean = 0;
    size_t i;
    int ok = 1, k;

    hg_d = pt_unit(pt_vec(0.3f, -0.8f, 0.4f));

    for (i = 0; i < sizeof(gs) / sizeof(gs[0]); i++) {
        hg_g = gs[i];
        ok &= follows(s, 1, 2e-3);
    }

    check(ok);

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

static void
material(float color, float specular, float roughness)
{
    brdf_m.color = pt_vec(color, color, color);
    brdf_m.specular = pt_vec(specular, specular, specular);
    brdf_m.emission = pt_vec(0, 0, 0);
    brdf_m.roughness = roughness;
}

static void
surface_samples_follow_their_density(void)
{
    static const float roughness[] = {0.4f, 0.7f, 1.0f};
    sampler_t s = {brdf_density, brdf_sample};
    double integral, chi;
    int ok = 1, i, k, bins, lost;

    brdf_n = pt_unit(pt_vec(0.2f, 0.5f, 0.8f));

    for (i = 0; i < 3; i++) {
        for (k = 0; k < 3; k++) {
            material(0.6f, k ? 0.3f : 0.0f, roughness[i]);
            brdf_wo = pt_unit(k == 2 ? pt_vec(0.9f, 0.2f, 0.1f)
                                     : pt_vec(0.1f, 0.6f, 0.7f));

            /* Some microfacet samples go below the surface: count them. */
            for (lost = 0, bins = 0; bins < DRAWS; bins++) {
                lost += pt_dot(brdf_sample(), brdf_n) <= 0;
            }

            chi = chi_square(s, &integral, &bins);
            ok &= fabs(integral + (double) lost / DRAWS - 1) < 8e-3;
            ok &= lost > 0 || chi < 1.1 + 5 * sqrt(2.0 / bins);
        }
    }

    check(ok);
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
    check(chi / 14 < 1 + 5 * sqrt(2.0 / 14));
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
    phase_samples_follow_henyey_and_greenstein();
    surface_samples_follow_their_density();
    surfaces_return_no_more_than_they_get();
    surfaces_look_the_same_both_ways();
    lamp_samples_cover_its_solid_angle();
    lens_points_fill_the_disk_evenly();
    rays_meet_in_the_plane_of_focus();
    the_field_of_view_spans_the_shorter_edge();
    logarithms_are_close_enough();

    return done();
}
