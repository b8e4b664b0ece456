/*
 * Whether a device renders what it should: media whose light is known in closed
 * form, the CPU's pictures, the same bits twice; and how fast it is. Needs no
 * file. Tolerances are four standard errors, and what marching may be off.
 */

#include "tools/exposure-render.h"
#include "tools/exposure-render-known.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIDE 48 /* pixels */
#define PIXELS (SIDE * SIDE)
#define WIDE 60   /* voxels of a slab across and up: it fills the picture */
#define BALL 28   /* voxels of the ball's volume along each edge */
#define BENCH 128 /* the same, to measure with */
#define BENCH_S 1.0

typedef struct {
    tracer_t *device, *cpu;
    unsigned passed, failed;
} run_t;

typedef struct {
    expo_volume_t volume;
    uint16_t *voxels;
} body_t;

static void judge(run_t *r, int good, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static body_t slab(const uint16_t *values, uint32_t n);
static body_t ball(uint32_t edge);
static expo_settings_t look(void);
static void black(expo_settings_t *s);
static expo_status_t picture(tracer_t *t, const body_t *b,
                             const expo_settings_t *s, tracer_mode_t mode,
                             uint32_t samples, float *rgb, uint8_t *rgba);
static void media(run_t *r);
static void medium(run_t *r, const char *name, const uint16_t *values,
                   uint32_t n, float density, double depth);
static void furnace(run_t *r);
static void pictures(run_t *r);
static void same_bits(run_t *r, const body_t *b, const expo_settings_t *s);
static double paths_a_second(tracer_t *t, uint32_t edge);
static double now(void);


int
self_test(const char *device, unsigned threads)
{
    double paths, cpu_paths;
    char error[256];
    run_t r = {0};

    if (tracer_create(device, threads, &r.device, error, sizeof(error)) !=
        EXPO_OK) {
        fail(1, "%s", error);
    }

    if (tracer_create("cpu", threads, &r.cpu, error, sizeof(error)) !=
        EXPO_OK) {
        fail(1, "%s", error);
    }

    media(&r);
    furnace(&r);
    pictures(&r);

    cpu_paths = paths_a_second(r.cpu, 256);
    paths = strncmp(tracer_device(r.device), "cpu", 3) == 0
                ? cpu_paths
                : paths_a_second(r.device, 1024);
    judge(&r, paths > 0, "bench", "%.3g paths/s, %.3g on the CPU", paths,
          cpu_paths);

    if (tracer_trouble(r.device)[0] != '\0') {
        printf("%s\n", tracer_trouble(r.device));
    }

    printf("{\"device\": \"%s\", \"passed\": %u, \"failed\": %u, "
           "\"paths_per_second\": %.0f, \"cpu_paths_per_second\": %.0f, "
           "\"ratio\": %.2f}\n",
           tracer_device(r.device), r.passed, r.failed, paths, cpu_paths,
           cpu_paths > 0 ? paths / cpu_paths : 0);

    tracer_destroy(r.device);
    tracer_destroy(r.cpu);

    return r.failed > 0;
}


static void
judge(run_t *r, int good, const char *name, const char *format, ...)
{
    va_list args;

    printf("%s %s: ", good ? "ok" : "not ok", name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);

    r->passed += good != 0;
    r->failed += good == 0;
}


/* values[n] along the line of sight. */
static body_t
slab(const uint16_t *values, uint32_t n)
{
    body_t b = {.volume = test_volume(WIDE, n, WIDE)};
    size_t i, all = (size_t) WIDE * n * WIDE;

    b.voxels = test_voxels(&b.volume, 0);

    for (i = 0; i < all; i++) {
        b.voxels[i] = values[i / WIDE % n];
    }

    return b;
}


static body_t
ball(uint32_t edge)
{
    body_t b = {.volume = test_volume(edge, edge, edge)};

    b.voxels = test_ball(&b.volume, 0.3 * edge);

    return b;
}


/* White tissue under a white sky that is seen. */
static expo_settings_t
look(void)
{
    expo_settings_t s = test_settings();

    s.environment.intensity = 1;
    s.background.mode = EXPO_BACKGROUND_ENVIRONMENT;
    s.film.tone_map = EXPO_TONE_ACES;

    return s;
}


/* Tissue that gives no light back: what is seen is what it lets through. */
static void
black(expo_settings_t *s)
{
    memset(s->transfer.points[0].color, 0, sizeof(s->transfer.points[0].color));
    memset(s->transfer.points[1].color, 0, sizeof(s->transfer.points[1].color));
}


/* rgb or rgba may be NULL. */
static expo_status_t
picture(tracer_t *t, const body_t *b, const expo_settings_t *s,
        tracer_mode_t mode, uint32_t samples, float *rgb, uint8_t *rgba)
{
    tracer_view_t *view;
    expo_status_t st = tracer_open(t, &b->volume, b->voxels, &view);

    if (st != EXPO_OK) {
        return st;
    }

    st = tracer_mode(view, mode);

    if (st == EXPO_OK) {
        st = tracer_set(view, s);
    }

    if (st == EXPO_OK) {
        st = tracer_film(view, SIDE, SIDE, 7);
    }

    if (st == EXPO_OK) {
        st = tracer_pass(view, samples);
    }

    if (st == EXPO_OK && rgb != NULL) {
        st = tracer_read(view, rgb);
    }

    if (st == EXPO_OK && rgba != NULL) {
        st = tracer_read_display(view, SIDE, SIDE, rgba);
    }

    tracer_close(view);

    return st;
}


static void
media(run_t *r)
{
    uint16_t even[10], ramp[10], step[10], sheet[11] = {0};
    double sum = 0;
    int i;

    for (i = 0; i < 10; i++) {
        even[i] = 1000;
        ramp[i] = (uint16_t) (100 * i);
        step[i] = i < 5 ? 0 : 1000;
        sum += ramp[i] / 1000.0;
    }

    sheet[5] = 1000;
    medium(r, "slab of depth 0.5", even, 10, 0.05f, 0.5);
    medium(r, "slab of depth 2", even, 10, 0.2f, 2);
    medium(r, "slab of depth 6", even, 10, 0.6f, 6);
    medium(r, "ramp", ramp, 10, 0.3f, 0.3 * sum);
    medium(r, "step", step, 10, 0.3f, 0.3 * 5);
    medium(r, "sheet of one voxel", sheet, 11, 1.5f, 1.5);
}


static void
medium(run_t *r, const char *name, const uint16_t *values, uint32_t n,
       float density, double depth)
{
    body_t b = slab(values, n);
    expo_settings_t s = look();
    static float rgb[3 * PIXELS];
    double m = 0, error = 0, wrong;
    expo_status_t st;
    char title[64];
    int mode;

    black(&s);
    s.transfer.density_scale = density;

    for (mode = TRACER_PRODUCTION; mode <= TRACER_UNBIASED; mode++) {
        st = picture(r->device, &b, &s, (tracer_mode_t) mode,
                     mode == TRACER_PRODUCTION ? 4 : 32, rgb, NULL);
        m = test_mean(rgb, PIXELS, &error);
        wrong = fabs(m - exp(-depth));
        snprintf(title, sizeof(title), "%s, %s", name, mode_names[mode]);
        judge(r,
              st == EXPO_OK &&
                  wrong < (mode == TRACER_PRODUCTION ? 5e-4 : 4 * error),
              title, "%.6f, should be %.6f", m, exp(-depth));
    }

    free(b.voxels);
}


static void
furnace(run_t *r)
{
    static const expo_shading_t shadings[] = {
        EXPO_SHADING_PHASE, EXPO_SHADING_BRDF, EXPO_SHADING_HYBRID};
    static const char *const names[] = {"phase", "brdf", "hybrid"};
    static float rgb[3 * PIXELS];
    expo_settings_t s = look();
    body_t b = ball(BALL);
    double m, error;
    expo_status_t st;
    char title[64];
    int i, mode;

    s.shading.max_bounces = 256;

    for (i = 0; i < 6; i++) {
        s.shading.mode = shadings[i % 3];
        mode = i < 3 ? TRACER_PRODUCTION : TRACER_UNBIASED;
        st = picture(r->device, &b, &s, (tracer_mode_t) mode, 64, rgb, NULL);
        m = test_mean(rgb, PIXELS, &error);
        snprintf(title, sizeof(title), "white furnace, %s, %s", names[i % 3],
                 mode_names[mode]);
        judge(r, st == EXPO_OK && fabs(m - 1) < 1e-3 + 4 * error, title,
              "%.5f +- %.5f", m, error);
    }

    free(b.voxels);
}


/* The same paths on both; only rounding may turn one now and then. */
static void
pictures(run_t *r)
{
    static float rgb[2][3 * PIXELS];
    static uint8_t shown[2][4 * PIXELS];
    expo_settings_t s = look();
    body_t b = ball(BALL);
    double sum, square, d, error, apart;
    expo_status_t st[2];
    char title[64];
    int mode, i;

    s.shading.mode = EXPO_SHADING_HYBRID;
    s.shading.max_bounces = 3;
    s.transfer.points[1].specular[0] = 0.2f;
    s.transfer.points[1].roughness = 0.3f;
    s.n_lights = 1;
    s.lights[0] = test_light(100, 40);
    s.lights[0].longitude_deg = 50;

    for (mode = TRACER_PRODUCTION; mode <= TRACER_ER2012; mode++) {
        st[0] = picture(r->device, &b, &s, (tracer_mode_t) mode, 16, rgb[0],
                        shown[0]);
        st[1] =
            picture(r->cpu, &b, &s, (tracer_mode_t) mode, 16, rgb[1], shown[1]);

        for (i = 0, sum = square = apart = 0; i < PIXELS; i++) {
            d = (double) rgb[0][3 * i] - (double) rgb[1][3 * i];
            sum += d;
            square += d * d;
            apart += abs(shown[0][4 * i] - shown[1][4 * i]);
        }

        error = sqrt(square) / PIXELS;
        snprintf(title, sizeof(title), "the CPU's picture, %s",
                 mode_names[mode]);
        judge(r,
              st[0] == EXPO_OK && st[1] == EXPO_OK &&
                  fabs(sum) / PIXELS <= 4 * error + 1e-6 && apart < PIXELS,
              title, "%.2g apart +- %.2g; shown %.3f of 255", sum / PIXELS,
              error, apart / PIXELS);
    }

    same_bits(r, &b, &s);
    free(b.voxels);
}


static void
same_bits(run_t *r, const body_t *b, const expo_settings_t *s)
{
    static float rgb[2][3 * PIXELS];
    static uint8_t shown[2][4 * PIXELS];
    int i, good = 1;

    for (i = 0; i < 2; i++) {
        good &= picture(r->device, b, s, TRACER_PRODUCTION, 16, rgb[i],
                        shown[i]) == EXPO_OK;
    }

    judge(r,
          good && memcmp(rgb[0], rgb[1], sizeof(rgb[0])) == 0 &&
              memcmp(shown[0], shown[1], sizeof(shown[0])) == 0,
          "the same bits twice", "16 samples, %d pixels", PIXELS);
}


static double
paths_a_second(tracer_t *t, uint32_t edge)
{
    expo_settings_t s = look();
    body_t b = ball(BENCH);
    tracer_view_t *view;
    double start, seconds = 0, paths = 0;
    expo_status_t st;

    s.camera.position[1] = -200;
    s.camera.fov_deg = 35;
    s.camera.orthographic = false;
    s.shading.mode = EXPO_SHADING_HYBRID;
    s.background.mode = EXPO_BACKGROUND_COLOR;
    s.n_lights = 1;
    s.lights[0] = test_light(200, 60);
    s.lights[0].longitude_deg = 50;
    st = tracer_open(t, &b.volume, b.voxels, &view);

    if (st != EXPO_OK) {
        free(b.voxels);
        return 0;
    }

    st = tracer_set(view, &s);

    if (st == EXPO_OK) {
        st = tracer_film(view, edge, edge, 1);
    }

    /* The first samples warm up, and are traced twice. */
    if (st == EXPO_OK) {
        st = tracer_pass(view, 4);
    }

    start = now();

    while (st == EXPO_OK && seconds < BENCH_S) {
        st = tracer_pass(view, 1);
        seconds = now() - start;
        paths += (double) edge * edge;
    }

    tracer_close(view);
    free(b.voxels);

    return st == EXPO_OK ? paths / seconds : 0;
}


static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}
