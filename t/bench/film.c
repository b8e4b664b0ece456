/*
 * What a moving picture looks like, costs and takes, in one process and without
 * a server: one line of JSON.
 *
 * usage: film [--volume FILE --settings FILE] WHAT...
 *
 * orbit: PSNR of a camera that turns 2 degrees a frame at 2 samples, filtered,
 * against some views converged and unfiltered; looking back at the pictures
 * before, and not. What two runs with other random numbers have in common is
 * blur, and what else is wrong without noise.
 *
 * bits: of the same sequence, filtered over unfiltered, at the PSNR against the
 * converged views that the unfiltered one has.
 *
 * first: ms from a volume in memory to its first picture, encoded.
 *
 * edit: CPU ms from a transfer function to the bounds of all macrocells.
 *
 * latency: ms from a new camera to its picture, encoded; median and 99 %.
 *
 * memory: bytes of a view beside the voxels, and of its film.
 *
 * Without --volume: a phantom head of 256^3.
 */

#include <malloc.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "render-worker/import/phantom.h"
#include "render-worker/loop.h"
#include "render-worker/picture.h"
#include "render-worker/render/scene.h"
#include "t/lib/mpeg1_reader.h"
#include "tools/exposure-render.h"

#define EDGE 512 /* of a picture */
#define FILM 256 /* while it moves */
#define FRAMES 24
#define STEP_DEG 2
#define YOUNG 2 /* samples */
#define OLD 48  /* samples of a converged view, and of one that is judged by */
#define TRUE 256
#define ORBIT 4 /* frames of an orbit that are judged */
#define EVERY 8 /* frames from one that is compared to the next */
#define PLAIN 3 /* quantiser of the unfiltered sequence */
#define RUNS 21
#define INPUTS 200

typedef struct {
    scan_t scan;
    expo_settings_t settings;
    tracer_t *tracer;
    size_t bytes; /* of a picture */
    uint8_t *shown, *truth;
} bench_t;

static void settings_of(bench_t *b, const char *path);
static void phantom(scan_t *s);
static void turn(expo_settings_t *s, double degrees);
static tracer_view_t *open_view(bench_t *b);
static void show(tracer_view_t *v, const expo_settings_t *s, uint32_t samples,
                 uint64_t seed, uint8_t *to);
static double wrong(const bench_t *b, const uint8_t *one, const uint8_t *other);
static double decibel(double wrong);
static void orbit(bench_t *b);
static void bits(bench_t *b);
static double sequence(uint8_t *const frames[], uint8_t *const truths[],
                       uint32_t quantiser, size_t *bytes);
static void first(bench_t *b);
static void edit(bench_t *b);
static void latency(bench_t *b);
static void memory(bench_t *b);
static size_t held(void);
static picture_wish_t wish_of(const bench_t *b);
static bool never(void *ctx);
static double now_ms(clockid_t clock);
static int rising(const void *a, const void *b);

static const struct {
    const char *name;
    void (*run)(bench_t *b);
} benches[] = {{"orbit", orbit}, {"bits", bits},       {"first", first},
               {"edit", edit},   {"latency", latency}, {"memory", memory}};


int
main(int argc, char **argv)
{
    const char *settings = NULL;
    char error[256];
    bench_t b;
    size_t k;
    int i;

    memset(&b, 0, sizeof(b));

    for (i = 1; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (strcmp(argv[i], "--volume") == 0) {
            scan_read(&b.scan, argv[i + 1], argv[0], UINT64_MAX);

        } else if (strcmp(argv[i], "--settings") == 0) {
            settings = argv[i + 1];
        }
    }

    if (b.scan.voxels == NULL) {
        phantom(&b.scan);
    }

    settings_of(&b, settings);
    b.bytes = (size_t) EDGE * EDGE * 4;
    b.shown = need(malloc(b.bytes));
    b.truth = need(malloc(b.bytes));

    if (tracer_create("cpu", 0, &b.tracer, error, sizeof(error)) != EXPO_OK) {
        fail(EXIT_USAGE, "%s", error);
    }

    printf("{\"device\": \"%s\"", tracer_device(b.tracer));

    for (; i < argc; i++) {
        for (k = 0; k < sizeof(benches) / sizeof(benches[0]); k++) {
            if (strcmp(argv[i], benches[k].name) == 0) {
                benches[k].run(&b);
                fflush(stdout);
            }
        }
    }

    printf("}\n");
    tracer_destroy(b.tracer);
    free(b.scan.voxels);
    free(b.shown);
    free(b.truth);

    return 0;
}


static void
settings_of(bench_t *b, const char *path)
{
    json_t *settings, *patch, *merged;
    expo_schema_t *schema;
    uint32_t histogram[256];
    double percentiles[4];
    char error[256];

    tracer_statistics(&b->scan.volume, b->scan.voxels, histogram, percentiles);
    patch = path != NULL ? json_load_file(path, 0, NULL) : json_object();

    if (expo_settings_default(&b->scan.volume, percentiles, &settings) !=
            EXPO_OK ||
        expo_schema_open("settings", &schema) != EXPO_OK || patch == NULL ||
        expo_settings_merge(schema, settings, patch, &merged, error,
                            sizeof(error)) != EXPO_OK ||
        expo_settings_parse(schema, merged, &b->settings, error,
                            sizeof(error)) != EXPO_OK) {
        fail(EXIT_INPUT, "cannot use these settings");
    }

    json_decref(merged);
    json_decref(patch);
    json_decref(settings);
    expo_schema_close(schema);
}


static void
phantom(scan_t *s)
{
    const uint32_t n = 256;
    double at[3], hu;
    uint32_t x, y, z;
    uint16_t *to;
    int i;

    memset(&s->volume, 0, sizeof(s->volume));
    s->volume.scale = 1;
    s->volume.offset = -1024;
    s->volume.voxel_max = 4095;
    strcpy(s->volume.unit, "HU");
    strcpy(s->volume.modality, "CT");

    for (i = 0; i < 3; i++) {
        s->volume.dims[i] = n;
        s->volume.affine[5 * i] = 1;
        s->volume.affine[4 * i + 3] = -0.5 * (n - 1.0);
    }

    to = s->voxels = need(malloc((size_t) n * n * n * sizeof(*to)));

    for (z = 0; z < n; z++) {
        for (y = 0; y < n; y++) {
            for (x = 0; x < n; x++) {
                at[0] = x - 0.5 * (n - 1.0);
                at[1] = y - 0.5 * (n - 1.0);
                at[2] = z - 0.5 * (n - 1.0);
                hu = phantom_hu(PHANTOM_HEAD, at, 1) +
                     phantom_noise(1, z, y * n + x);
                *to++ = (uint16_t) fmin(fmax(hu + 1024, 0), 4095);
            }
        }
    }
}


/* The camera, around its target and the head's axis. */
static void
turn(expo_settings_t *s, double degrees)
{
    double a = degrees * M_PI / 180, *p = s->camera.position;
    const double *t = s->camera.target;
    double x = p[0] - t[0], y = p[1] - t[1];

    p[0] = t[0] + x * cos(a) - y * sin(a);
    p[1] = t[1] + x * sin(a) + y * cos(a);
}


static tracer_view_t *
open_view(bench_t *b)
{
    tracer_view_t *v;

    if (tracer_open(b->tracer, &b->scan.volume, b->scan.voxels, &v) !=
        EXPO_OK) {
        fail(EXIT_INPUT, "not enough memory for this scan");
    }

    return v;
}


static void
show(tracer_view_t *v, const expo_settings_t *s, uint32_t samples,
     uint64_t seed, uint8_t *to)
{
    if (tracer_set(v, s) != EXPO_OK ||
        tracer_film(v, FILM, FILM, seed) != EXPO_OK ||
        tracer_pass(v, samples) != EXPO_OK ||
        tracer_read_display(v, EDGE, EDGE, to) != EXPO_OK) {
        fail(EXIT_INPUT, "rendering failed");
    }
}


/* Mean product of what two pictures are off, over white's square. */
static double
wrong(const bench_t *b, const uint8_t *one, const uint8_t *other)
{
    double sum = 0;
    size_t i;

    for (i = 0; i < b->bytes; i++) {
        sum += ((double) one[i] - (double) b->truth[i]) *
               ((double) other[i] - (double) b->truth[i]);
    }

    return sum / (255.0 * 255 * 0.75 * (double) b->bytes);
}


static double
decibel(double wrong)
{
    return -10 * log10(wrong);
}


static void
orbit(bench_t *b)
{
    static const int judged[ORBIT] = {2, 4, 6, 12};
    expo_settings_t s = b->settings, plain;
    tracer_view_t *truth = open_view(b), *view[2][2];
    uint8_t *shown[2] = {b->shown, need(malloc(b->bytes))};
    double error[2][ORBIT], common[2] = {0, 0}, all[2] = {0, 0};
    int frame, k, run, n = 0;

    for (k = 0; k < 4; k++) {
        view[k / 2][k % 2] = open_view(b);
    }

    for (frame = 1; n < ORBIT; frame++) {
        turn(&s, STEP_DEG);
        plain = s;
        plain.denoise = false;

        if (frame == judged[n]) {
            show(truth, &plain, TRUE, 1000, b->truth);
        }

        for (k = 0; k < 2; k++) {
            for (run = 0; run < 2; run++) {
                if (k == 1) {
                    tracer_mode(view[k][run], TRACER_PRODUCTION); /* forgets */
                }

                show(view[k][run], &s, YOUNG, (uint64_t) (frame + 100 * run),
                     shown[run]);
            }

            if (frame == judged[n]) {
                error[k][n] = (wrong(b, shown[0], shown[0]) +
                               wrong(b, shown[1], shown[1])) /
                              2;
                all[k] += error[k][n] / ORBIT;
                common[k] += wrong(b, shown[0], shown[1]) / ORBIT;
            }
        }

        n += frame == judged[n];
    }

    printf(", \"orbit\": {\"psnr_db\": %.2f, \"alone_db\": %.2f, "
           "\"gain_db\": %.2f, \"blur_db\": %.2f, \"alone_blur_db\": %.2f, "
           "\"frames\": [",
           decibel(all[0]), decibel(all[1]), decibel(all[0]) - decibel(all[1]),
           decibel(common[0]), decibel(common[1]));

    for (n = 0; n < ORBIT; n++) {
        printf("%s[%d, %.2f, %.2f]", n > 0 ? ", " : "", judged[n],
               decibel(error[0][n]), decibel(error[1][n]));
    }

    printf("]}");

    for (k = 0; k < 4; k++) {
        tracer_close(view[k / 2][k % 2]);
    }

    tracer_close(truth);
    free(shown[1]);
}


/* As bytes at the quantiser that comes nearest from above. */
static void
bits(bench_t *b)
{
    uint8_t *frames[2][FRAMES], *truths[FRAMES];
    expo_settings_t s = b->settings;
    tracer_view_t *view[3] = {open_view(b), open_view(b), open_view(b)};
    size_t plain_bytes, bytes;
    double plain_psnr, found;
    uint32_t quantiser = ENCODE_COARSEST;
    int frame, k;

    for (frame = 0; frame < FRAMES; frame++) {
        turn(&s, STEP_DEG);
        truths[frame] = NULL;

        for (k = 0; k < 2; k++) {
            s.denoise = k == 1;
            frames[k][frame] = need(malloc(b->bytes));
            show(view[k], &s, YOUNG, (uint64_t) frame + 1, frames[k][frame]);
        }

        if (frame % EVERY == EVERY - 1) {
            truths[frame] = need(malloc(b->bytes));
            show(view[2], &s, OLD, 1000, truths[frame]);
        }
    }

    plain_psnr = sequence(frames[0], truths, PLAIN, &plain_bytes);

    do {
        found = sequence(frames[1], truths, quantiser, &bytes);
    } while (found < plain_psnr && --quantiser > ENCODE_FINEST);

    printf(", \"bits\": {\"filtered\": %zu, \"unfiltered\": %zu, "
           "\"ratio\": %.4f, \"filtered_db\": %.2f, \"unfiltered_db\": %.2f, "
           "\"quantisers\": [%u, %d]}",
           8 * bytes, 8 * plain_bytes, (double) bytes / (double) plain_bytes,
           found, plain_psnr, quantiser, PLAIN);

    for (frame = 0; frame < FRAMES; frame++) {
        free(frames[0][frame]);
        free(frames[1][frame]);
        free(truths[frame]);
    }

    for (k = 0; k < 3; k++) {
        tracer_close(view[k]);
    }
}


/* Bytes of a sequence at one quantiser, and the PSNR of what a viewer sees. */
static double
sequence(uint8_t *const frames[], uint8_t *const truths[], uint32_t quantiser,
         size_t *bytes)
{
    encode_wish_t wish = {.finest = quantiser, .target_bytes = PUBLISH_PAYLOAD};
    encode_record_t record;
    double sum = 0;
    encode_t *encode;
    reader_t reader;
    int frame, n = 0;

    if (encode_open("mpeg1", EDGE, EDGE, PUBLISH_PAYLOAD, &encode) != EXPO_OK) {
        fail(EXIT_INPUT, "cannot encode");
    }

    reader_open(&reader);
    *bytes = 0;

    for (frame = 0; frame < FRAMES; frame++) {
        wish.key = frame == 0;

        if (encode_picture(encode, frames[frame], &wish, &record) != EXPO_OK ||
            reader_feed(&reader, &record) != 1) {
            fail(EXIT_INPUT, "cannot encode");
        }

        *bytes += record.bytes;

        if (truths[frame] != NULL) {
            sum +=
                pow(10, -0.1 * reader_psnr(&reader, truths[frame], EDGE, EDGE));
            n++;
        }
    }

    reader_close(&reader);
    encode_close(encode);

    return -10 * log10(sum / n);
}


static void
first(bench_t *b)
{
    picture_wish_t wish = wish_of(b);
    double ms[RUNS], cpu_ms[RUNS], start, start_cpu;
    picture_result_t result;
    picture_t picture;
    publish_t ring;
    int i;

    for (i = 0; i < RUNS; i++) {
        if (publish_open(&ring) != EXPO_OK) {
            fail(EXIT_INPUT, "no memory for a ring");
        }

        start = now_ms(CLOCK_MONOTONIC);
        start_cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID);
        picture_init(&picture, &b->scan.volume, b->scan.voxels, &ring);

        if (picture_make(&picture, b->tracer, &wish, never, NULL, &result) !=
                EXPO_OK ||
            !result.shown) {
            fail(EXIT_INPUT, "no picture came");
        }

        ms[i] = now_ms(CLOCK_MONOTONIC) - start;
        cpu_ms[i] = now_ms(CLOCK_PROCESS_CPUTIME_ID) - start_cpu;
        picture_close(&picture);
        publish_close(&ring);
    }

    qsort(ms, RUNS, sizeof(*ms), rising);
    qsort(cpu_ms, RUNS, sizeof(*cpu_ms), rising);
    printf(", \"first\": {\"median_ms\": %.1f, \"median_cpu_ms\": %.1f, "
           "\"film\": [%u, %u], \"samples\": %u}",
           ms[RUNS / 2], cpu_ms[RUNS / 2], result.film_width,
           result.film_height, result.samples);
}


static void
edit(bench_t *b)
{
    expo_settings_t s = b->settings;
    double ms[RUNS], start;
    scene_t *scene = need(calloc(1, sizeof(*scene)));
    body_t body;
    int i;

    if (body_open(&body, &b->scan.volume, b->scan.voxels) != EXPO_OK) {
        fail(EXIT_INPUT, "not enough memory for this scan");
    }

    for (i = 0; i < RUNS; i++) {
        s.transfer.density_scale *= 1.01f;
        start = now_ms(CLOCK_PROCESS_CPUTIME_ID);
        scene_set(scene, &body, &s);
        ms[i] = now_ms(CLOCK_PROCESS_CPUTIME_ID) - start;
    }

    qsort(ms, RUNS, sizeof(*ms), rising);
    printf(", \"edit\": {\"median_cpu_ms\": %.3f, \"cells\": %d}", ms[RUNS / 2],
           scene->pt.cells[0] * scene->pt.cells[1] * scene->pt.cells[2]);
    body_close(&body);
    free(scene);
}


static void
latency(bench_t *b)
{
    picture_wish_t wish = wish_of(b);
    double ms[INPUTS], cpu_ms[INPUTS], start, start_cpu;
    picture_result_t result;
    picture_t picture;
    publish_t ring;
    int i;

    if (publish_open(&ring) != EXPO_OK) {
        fail(EXIT_INPUT, "no memory for a ring");
    }

    picture_init(&picture, &b->scan.volume, b->scan.voxels, &ring);

    /* The first pictures teach it the machine's pace. */
    for (i = -20; i < INPUTS; i++) {
        turn(&wish.settings, STEP_DEG);
        wish.revision++;
        start = now_ms(CLOCK_MONOTONIC);
        start_cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID);

        if (picture_make(&picture, b->tracer, &wish, never, NULL, &result) !=
            EXPO_OK) {
            fail(EXIT_INPUT, "no picture came");
        }

        if (i >= 0) {
            ms[i] = now_ms(CLOCK_MONOTONIC) - start;
            cpu_ms[i] = now_ms(CLOCK_PROCESS_CPUTIME_ID) - start_cpu;
        }
    }

    qsort(ms, INPUTS, sizeof(*ms), rising);
    qsort(cpu_ms, INPUTS, sizeof(*cpu_ms), rising);
    printf(", \"latency\": {\"median_ms\": %.1f, \"p99_ms\": %.1f, "
           "\"median_cpu_ms\": %.1f, \"p99_cpu_ms\": %.1f, \"film\": [%u, %u], "
           "\"samples\": %u}",
           ms[INPUTS / 2], ms[INPUTS * 99 / 100], cpu_ms[INPUTS / 2],
           cpu_ms[INPUTS * 99 / 100], result.film_width, result.film_height,
           result.samples);
    picture_close(&picture);
    publish_close(&ring);
}


/* Of one view beside the voxels, which it borrows, and of its film. */
static void
memory(bench_t *b)
{
    size_t before = held(), opened;
    tracer_view_t *v = open_view(b);

    if (tracer_set(v, &b->settings) != EXPO_OK) {
        fail(EXIT_INPUT, "rendering failed");
    }

    opened = held();

    if (tracer_film(v, EDGE, EDGE, 1) != EXPO_OK ||
        tracer_pass(v, 1) != EXPO_OK) {
        fail(EXIT_INPUT, "rendering failed");
    }

    printf(", \"memory\": {\"voxels\": %zu, \"beside\": %zu, \"film\": %zu}",
           (size_t) expo_volume_voxels(&b->scan.volume) * sizeof(uint16_t),
           opened - before, held() - opened);
    tracer_close(v);
}


/* Bytes that malloc has given. */
static size_t
held(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}


static picture_wish_t
wish_of(const bench_t *b)
{
    picture_wish_t w = {.settings = b->settings,
                        .revision = 1,
                        .stream = {"mpeg1", EDGE, EDGE, 30, 8000000},
                        .stream_revision = 1,
                        .sharers = 1,
                        .moving = true};

    return w;
}


/* Nobody else wants the device. */
static bool
never(void *ctx)
{
    (void) ctx;

    return false;
}


static double
now_ms(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);

    return 1e3 * (double) t.tv_sec + 1e-6 * (double) t.tv_nsec;
}


static int
rising(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


void *
need(void *memory)
{
    if (memory == NULL) {
        fail(EXIT_INPUT, "not enough memory");
    }

    return memory;
}


void
say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}


_Noreturn void
fail(int code, const char *format, ...)
{
    va_list args;

    fputs("film: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);

    exit(code);
}
