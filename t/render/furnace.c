/*
 * Group 4 of the renderer's tests: no light is lost and none is made. White
 * tissue under a sky of 1 is not to be seen; nor is grey tissue that glows with
 * what it swallows; a half-space of albedo a is as bright as Chandrasekhar's H
 * function says (Radiative Transfer, 1960).
 */

#include "render-worker/render/kernel/pt_tone.h"
#include "t/render/scene.h"
#include "t/render/statistics.h"
#include "t/unit/check.h"

#define SIDE 32
#define PIXELS (SIDE * SIDE)
#define BLOCK 8

static tracer_t *tracer;

/* The 2012 mode is left out: that it fails here is what it is kept for. */
static const tracer_mode_t modes[] = {TRACER_PRODUCTION, TRACER_UNBIASED,
                                      TRACER_WOODCOCK};

#define MODES (int) (sizeof(modes) / sizeof(modes[0]))

/* How light turns: every shading, and phase forward and back. */
static const struct {
    expo_shading_t mode;
    float g;
} turns[] = {{EXPO_SHADING_PHASE, 0},
             {EXPO_SHADING_PHASE, 0.8f},
             {EXPO_SHADING_PHASE, -0.8f},
             {EXPO_SHADING_BRDF, 0},
             {EXPO_SHADING_HYBRID, 0.8f}};

#define TURNS (int) (sizeof(turns) / sizeof(turns[0]))

static expo_settings_t
furnace(int turn)
{
    expo_settings_t s = test_settings();

    s.environment.intensity = 1;
    s.background.mode = EXPO_BACKGROUND_ENVIRONMENT;
    s.shading.mode = turns[turn].mode;
    s.shading.g = turns[turn].g;
    s.shading.max_bounces = 1000;

    return s;
}

/* Albedo a, in each channel, and emission of what is missing to 1. */
static void
glow(expo_settings_t *s, float r, float g, float b)
{
    float a[3] = {r, g, b};
    int i, k;

    for (i = 0; i < 2; i++) {
        for (k = 0; k < 3; k++) {
            s->transfer.points[i].color[k] = pt_srgb(a[k]);
            s->transfer.points[i].emission[k] = 1 - a[k];
        }
    }
}

/* Largest distance from 1 of a block's mean over all channels, less 4.5 of its
 * standard errors: with 16 blocks and some 50 pictures, one in 200 runs would
 * otherwise be off by chance alone. */
static double
worst_block(const float *rgb)
{
    double worst = 0;
    test_mean_t m;
    int x, y, i, k;

    for (i = 0; i < PIXELS / (BLOCK * BLOCK) * 3; i++) {
        memset(&m, 0, sizeof(m));

        for (k = 0; k < BLOCK * BLOCK; k++) {
            x = i / 3 % (SIDE / BLOCK) * BLOCK + k % BLOCK;
            y = i / 3 / (SIDE / BLOCK) * BLOCK + k / BLOCK;
            test_add(&m, (double) rgb[3 * (y * SIDE + x) + i % 3]);
        }

        worst = fmax(worst, fabs(test_mean_of(&m) - 1) -
                                4.5 * test_error_of(&m));
    }

    return worst;
}

/*
 * A tracked path brings exactly 1, whatever it meets, so each pixel is 1. Other
 * paths count what is let through, and only the mean of many is 1.
 */
static void
white_tissue_is_not_to_be_seen(void)
{
    static const uint32_t samples[] = {256, 8, 32};
    expo_volume_t v = test_volume(28, 30, 26);
    uint16_t *voxels = test_ball(&v, 9);
    float rgb[3 * PIXELS];
    double mean, error, worst = 0, block = 0, wide = 0, pixel = 0;
    expo_settings_t s;
    int i, k, turn, mode;

    for (i = 0; i < MODES * TURNS; i++) {
        turn = i / MODES;
        mode = i % MODES;
        s = furnace(turn);

        /* A cut face, too. */
        if (turn > 2) {
            s.clip.box_min[1] = -2;
        }

        mean = test_render_mode(tracer, &v, voxels, &s, modes[mode], SIDE,
                                test_count(samples[mode]), rgb, &error);

        if (modes[mode] == TRACER_UNBIASED) {
            for (k = 0; k < 3 * PIXELS; k++) {
                pixel = fmax(pixel, fabs((double) rgb[k] - 1));
            }
        }

        if (modes[mode] == TRACER_PRODUCTION) {
            printf("# white, turn %d: off by %.5f, error %.5f\n", turn,
                   mean - 1, error);
            wide = fmax(wide, error);
        }

        worst = fmax(worst, fabs(mean - 1) - 4 * error);
        block = fmax(block, worst_block(rgb));
    }

    check(pixel < 1e-3);
    check(worst < 1e-3);
    check(block < 1e-3);
    check(test_shortened() || wide < 1e-3);
    free(voxels);
}

/* As many bounces as the settings allow: what is cut off is known to be less,
 * since from a ball of two mean free paths a third leaves at each. */
static void
thin_tissue_needs_no_more_than_32_bounces(void)
{
    expo_volume_t v = test_volume(28, 30, 26);
    uint16_t *voxels = test_ball(&v, 9);
    expo_settings_t s = furnace(0);
    float rgb[3 * PIXELS];
    double mean, error, lost = pow(0.67, 33);

    s.shading.max_bounces = 32;
    s.transfer.density_scale = 0.2f;
    mean = test_render_mode(tracer, &v, voxels, &s, TRACER_UNBIASED, SIDE,
                            test_count(16), rgb, &error);
    check(fabs(mean - 1) < 1e-3);
    check(mean > 1 - lost - test_bound(lost, test_count(16) * PIXELS));
    free(voxels);
}

/* Grey, coloured and black tissue in balance; dim paths end by chance, so the
 * mean of many is 1. */
static void
tissue_in_balance_is_not_to_be_seen(void)
{
    static const float albedos[][3] = {
        {0, 0, 0}, {0.5f, 0.5f, 0.5f}, {0.9f, 0.6f, 0.2f}};
    expo_volume_t v = test_volume(28, 30, 26);
    uint16_t *voxels = test_ball(&v, 9);
    float rgb[3 * PIXELS];
    double error, block = 0, wide = 0;
    expo_settings_t s;
    int i, k;

    for (i = 0; i < MODES * TURNS; i++) {
        for (k = 0; k < 3; k++) {
            s = furnace(i / MODES);
            s.transfer.density_scale = k == 1 ? 20 : 1;
            glow(&s, albedos[k][0], albedos[k][1], albedos[k][2]);
            test_render_mode(tracer, &v, voxels, &s, modes[i % MODES], SIDE,
                             test_count(24), rgb, &error);
            block = fmax(block, worst_block(rgb));
            wide = fmax(wide, error);
        }
    }

    /* 64 pixels of one path each are not normal yet. */
    check(test_shortened() || block < 1e-3);
    check(test_shortened() || wide < 7e-3);
    free(voxels);
}

/* A specular layer may lose light between its facets, never make any. */
static void
glossy_tissue_returns_no_more_than_it_gets(void)
{
    static const float roughness[] = {0.05f, 0.3f, 0.6f, 1};
    expo_volume_t v = test_volume(28, 30, 26);
    uint16_t *voxels = test_ball(&v, 9);
    float rgb[3 * PIXELS];
    double mean, error, most = 0, least = 1;
    expo_settings_t s;
    int i, k;

    for (i = 0; i < 4 * MODES; i++) {
        s = furnace(3);

        for (k = 0; k < 6; k++) {
            s.transfer.points[k / 3].specular[k % 3] = 0.3f;
            s.transfer.points[k / 3].roughness = roughness[i / MODES];
        }

        mean = test_render_mode(tracer, &v, voxels, &s, modes[i % MODES], SIDE,
                                test_count(16), rgb, &error);
        most = fmax(most, mean - 4 * error);
        least = fmin(least, mean);
    }

    check(most <= 1);
    check(least > 0.3);
    free(voxels);
}

#define NODES 64

/* Gauss and Legendre's places and weights over 0..1. */
static void
quadrature(double x[NODES], double w[NODES])
{
    double z, step, p, q, r, slope;
    int i, k;

    for (i = 0; i < NODES; i++) {
        z = cos(M_PI * (i + 0.75) / (NODES + 0.5));

        do {
            for (k = 0, p = 1, q = 0; k < NODES; k++) {
                r = q;
                q = p;
                p = ((2 * k + 1) * z * q - k * r) / (k + 1);
            }

            slope = NODES * (z * p - q) / (z * z - 1);
            step = p / slope;
            z -= step;
        } while (fabs(step) > 1e-15);

        x[i] = 0.5 * (1 - z);
        w[i] = 1 / ((1 - z * z) * slope * slope);
    }
}

/* 1/H(m) = sqrt(1 - a) + a/2 int m' H(m') / (m + m') dm', to its fixed point. */
static double
chandrasekhar(double a, double mu)
{
    double x[NODES], w[NODES], h[NODES], next[NODES], sum = 0;
    int i, k, round;

    quadrature(x, w);

    for (i = 0; i < NODES; i++) {
        h[i] = 1;
    }

    for (round = 0; round < 100; round++) {
        for (i = 0; i < NODES; i++) {
            for (k = 0, sum = sqrt(1 - a); k < NODES; k++) {
                sum += 0.5 * a * w[k] * x[k] * h[k] / (x[i] + x[k]);
            }

            next[i] = 0.5 * (h[i] + 1 / sum);
        }

        memcpy(h, next, sizeof(h));
    }

    for (k = 0, sum = sqrt(1 - a); k < NODES; k++) {
        sum += 0.5 * a * w[k] * x[k] * h[k] / (mu + x[k]);
    }

    return 1 / sum;
}

/* 100 mean free paths deep, 150 to each side of where the camera looks, which
 * is 1 mm of its face, seen at the cosine mu. */
static expo_settings_t
half_space(double a, double mu, expo_volume_t *v)
{
    expo_settings_t s = furnace(0);

    *v = test_volume(60, 20, 60);
    s.transfer.density_scale = 5;
    s.shading.max_bounces = 3000;
    s.camera.fov_deg = (float) (2 * atan(0.005) * 180 / M_PI);
    s.camera.target[1] = -10;
    s.camera.position[0] = -100 * sqrt(1 - mu * mu);
    s.camera.position[1] = -10 - 100 * mu;
    glow(&s, (float) a, (float) a, (float) a);
    memset(s.transfer.points[0].emission, 0, 12);
    memset(s.transfer.points[1].emission, 0, 12);

    return s;
}

static void
a_half_space_is_as_bright_as_chandrasekhar_says(void)
{
    static const double albedos[] = {0.3, 0.8, 0.98}, cosines[] = {1, 0.6, 0.2};
    float rgb[3 * PIXELS];
    double mean, error, expected, a, mu, worst = 0, wide = 0;
    expo_settings_t s;
    expo_volume_t v;
    uint16_t *voxels;
    int i;

    /* Without absorption H(1) is 2.9078, as tables have it. */
    check(fabs(chandrasekhar(1, 1) - 2.9078) < 1e-3);

    for (i = 0; i < 9 * MODES; i++) {
        a = albedos[i % 3];
        mu = cosines[i / 3 % 3];
        s = half_space(a, mu, &v);
        voxels = test_voxels(&v, 1000);
        mean = test_render_mode(tracer, &v, voxels, &s, modes[i / 9], SIDE,
                                test_count(a > 0.9 ? 12 : 32), rgb, &error);
        expected = 1 - sqrt(1 - a) * chandrasekhar(a, mu);
        worst = fmax(worst, (fabs(mean - expected) - 4 * error) / expected);
        wide = fmax(wide, error);
        free(voxels);
    }

    check(worst < 1e-3);
    check(test_shortened() || wide < 0.01);
}

/*
 * Light of one far lamp at the cosine m0: a E / (4 pi) m0 / (m + m0) H(m) H(m0)
 * after all scatterings, without the H after one.
 */
static void
a_lamp_lights_a_half_space_as_chandrasekhar_says(void)
{
    static const double cosines[] = {1, 0.5};
    float rgb[3 * PIXELS];
    double mean, error, expected, a = 0.8, mu, m0 = 0.7, worst = 0, wide = 0, e;
    expo_settings_t s;
    expo_volume_t v;
    uint16_t *voxels;
    int i;

    for (i = 0; i < 4 * MODES; i++) {
        mu = cosines[i % 2];
        s = half_space(a, mu, &v);
        s.environment.intensity = 0;
        s.background.mode = EXPO_BACKGROUND_COLOR;
        s.lights[0] = test_light(5000, 200);
        s.lights[0].longitude_deg = (float) (acos(m0) * 180 / M_PI);
        s.lights[0].intensity = 1000;
        s.n_lights = 1;
        s.shading.max_bounces = i / 2 % 2 ? 3000 : 0;
        voxels = test_voxels(&v, 1000);
        mean = test_render_mode(tracer, &v, voxels, &s, modes[i / 4], SIDE,
                                test_count(64), rgb, &error);
        /* The lamp's own size and nearness are 2e-4 of it. */
        e = 1000 * 200.0 * 200 / (5000.0 * 5000);
        expected = a * e / (4 * M_PI) * m0 / (mu + m0);

        if (s.shading.max_bounces > 0) {
            expected *= chandrasekhar(a, mu) * chandrasekhar(a, m0);
        }

        worst = fmax(worst, (fabs(mean - expected) - 4 * error) / expected);
        wide = fmax(wide, error / expected);
        free(voxels);
    }

    check(worst < 1.2e-3);
    check(test_shortened() || wide < 0.01);
}

int
main(void)
{
    tracer = test_tracer();
    white_tissue_is_not_to_be_seen();
    thin_tissue_needs_no_more_than_32_bounces();
    tissue_in_balance_is_not_to_be_seen();
    glossy_tissue_returns_no_more_than_it_gets();
    a_half_space_is_as_bright_as_chandrasekhar_says();
    a_lamp_lights_a_half_space_as_chandrasekhar_says();
    tracer_destroy(tracer);

    return done();
}
