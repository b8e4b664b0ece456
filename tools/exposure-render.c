/* One picture of one scan, without a server. */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/settings.h"
#include "render-worker/encode/still.h"
#include "render-worker/render/tracer.h"
#include "tools/exposure-render.h"

#define OUTS_MAX 16
#define CHECKPOINTS_MAX 64

static const char usage[] =
    "usage: exposure-render --volume FILE|DICOM-DIR --out PICTURE.pfm|.png\n"
    "  --settings FILE     settings, or a part of them, as JSON\n"
    "  --preset ID         a look of api/presets.json, such as ct-bones\n"
    "  --size WxH          pixels (512x512)\n"
    "  --samples N         paths a pixel (64), or\n"
    "  --seconds S         as many as fit\n"
    "  --seed N            random numbers to use (1)\n"
    "  --device NAME       cpu, cuda, cuda:N, or auto (cpu)\n"
    "  --mode MODE         production, or unbiased: noisier, a reference;\n"
    "                      woodcock, er2012: older ways, to compare with\n"
    "  --stride PART       er2012's steps, of what they were then (1)\n"
    "  --threads N         0 is one a core (0)\n"
    "  --checkpoints N,... also writes PICTURE_N.pfm after N samples\n"
    "  --filter            .pfm as the picture is shown: young ones filtered\n"
    "  --out may be given several times; .pfm is linear radiance.\n"
    "  --volume takes NRRD, our own volumes, and folders of DICOM files.\n"
    "Prints one line of JSON. Exit: 0 done, 2 wrong use, 3 unusable input,\n"
    "4 cannot write.\n";

typedef struct {
    const char *volume, *settings, *preset, *device;
    const char *outs[OUTS_MAX];
    unsigned n_outs, threads;
    uint32_t width, height, samples;
    uint32_t checkpoints[CHECKPOINTS_MAX]; /* rising */
    unsigned n_checkpoints;
    double seconds, stride;
    uint64_t seed;
    int filter;
    tracer_mode_t mode;
} options_t;

/* What paths took; writing checkpoints is not counted. */
typedef struct {
    double seconds, cpu_seconds;              /* cpu: of all cores */
    double checkpoint_cpu_s[CHECKPOINTS_MAX]; /* until each */
    unsigned n_checkpoints;                   /* reached */
} spent_t;

static void options_read(options_t *o, int argc, char **argv);
static tracer_mode_t mode_read(const char *text);
static void checkpoints_read(options_t *o, const char *text);
static unsigned long long whole(const char *text, const char *what,
                                unsigned long long low,
                                unsigned long long high);
static void settings_read(expo_settings_t *s, const options_t *o,
                          const scan_t *scan);
static expo_status_t trace(tracer_view_t *view, const options_t *o,
                           spent_t *spent);
static void report(const tracer_t *tracer, const tracer_view_t *view,
                   const options_t *o, const spent_t *spent);
static double filter_cost(const tracer_view_t *view, const options_t *o);
static void checkpoint_write(const tracer_view_t *view, const options_t *o,
                             uint32_t n);
static void out_write(const tracer_view_t *view, const options_t *o,
                      const char *path);
static void pfm_write(const tracer_view_t *view, const options_t *o,
                      const char *path);
static void png_write(const tracer_view_t *view, const options_t *o,
                      const char *path);
static int ends_with(const char *text, const char *end);
static void progress(double fraction);
static double now(clockid_t clock);


int
main(int argc, char **argv)
{
    options_t o;
    expo_settings_t settings;
    tracer_view_t *view;
    expo_status_t st;
    tracer_t *tracer;
    spent_t spent;
    unsigned i;
    scan_t scan;

    signal(SIGPIPE, SIG_IGN);
    options_read(&o, argc, argv);

    tracer = device_create(o.device, o.threads);
    scan_read(&scan, o.volume, argv[0]);
    settings_read(&settings, &o, &scan);

    if (tracer_open(tracer, &scan.volume, scan.voxels, &view) != EXPO_OK ||
        tracer_set(view, &settings) != EXPO_OK ||
        tracer_film(view, o.width, o.height, o.seed) != EXPO_OK) {
        fail(EXIT_INPUT, "not enough memory for this scan and size");
    }

    tracer_mode(view, o.mode);
    tracer_stride(view, (float) o.stride);
    st = trace(view, &o, &spent);

    if (st == EXPO_IO) {
        device_failed(tracer, argv);
    }

    if (st != EXPO_OK) {
        fail(EXIT_INPUT, "rendering failed: %s", expo_status_name(st));
    }

    for (i = 0; i < o.n_outs; i++) {
        out_write(view, &o, o.outs[i]);
    }

    report(tracer, view, &o, &spent);

    tracer_close(view);
    tracer_destroy(tracer);
    free(scan.voxels);

    return 0;
}


static void
options_read(options_t *o, int argc, char **argv)
{
    static const struct option names[] = {
        {"volume", 1, NULL, 'v'},  {"settings", 1, NULL, 's'},
        {"preset", 1, NULL, 'p'},  {"size", 1, NULL, 'z'},
        {"samples", 1, NULL, 'n'}, {"seconds", 1, NULL, 't'},
        {"seed", 1, NULL, 'r'},    {"device", 1, NULL, 'd'},
        {"mode", 1, NULL, 'm'},    {"threads", 1, NULL, 'j'},
        {"out", 1, NULL, 'o'},     {"checkpoints", 1, NULL, 'c'},
        {"filter", 0, NULL, 'f'},  {"stride", 1, NULL, 'i'},
        {"help", 0, NULL, 'h'},    {NULL, 0, NULL, 0}};
    char *end;
    int c;

    memset(o, 0, sizeof(*o));
    o->device = "cpu";
    o->width = o->height = 512;
    o->seed = 1;
    o->stride = 1;

    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 'v':
            o->volume = optarg;
            break;
        case 's':
            o->settings = optarg;
            break;
        case 'p':
            o->preset = optarg;
            break;
        case 'z':
            o->width = (uint32_t) strtoul(optarg, &end, 10);
            o->height = *end == 'x' ? (uint32_t) strtoul(end + 1, &end, 10) : 0;

            if (*end != '\0' || o->width < TRACER_EDGE_MIN ||
                o->width > TRACER_EDGE_MAX || o->height < TRACER_EDGE_MIN ||
                o->height > TRACER_EDGE_MAX) {
                fail(EXIT_USAGE, "--size takes WxH, each %d to %d",
                     TRACER_EDGE_MIN, TRACER_EDGE_MAX);
            }

            break;
        case 'n':
            o->samples = (uint32_t) whole(optarg, "--samples", 1, 1u << 24);
            break;
        case 't':
            o->seconds = strtod(optarg, &end);

            if (*end != '\0' || !(o->seconds > 0) || o->seconds > 1e6) {
                fail(EXIT_USAGE, "--seconds takes a number above 0");
            }

            break;
        case 'r':
            o->seed = whole(optarg, "--seed", 0, ULLONG_MAX);
            break;
        case 'd':
            o->device = optarg;
            break;
        case 'm':
            o->mode = mode_read(optarg);
            break;
        case 'i':
            o->stride = strtod(optarg, &end);

            if (*end != '\0' || !(o->stride >= 1e-3 && o->stride <= 1e3)) {
                fail(EXIT_USAGE, "--stride takes a number, 0.001 to 1000");
            }

            break;
        case 'j':
            o->threads = (unsigned) whole(optarg, "--threads", 0, 256);
            break;
        case 'o':
            if (o->n_outs == OUTS_MAX) {
                fail(EXIT_USAGE, "at most %d --out", OUTS_MAX);
            }

            if (!ends_with(optarg, ".pfm") && !ends_with(optarg, ".png")) {
                fail(EXIT_USAGE,
                     "--out takes a name that ends in .pfm or .png");
            }

            o->outs[o->n_outs++] = optarg;
            break;
        case 'c':
            checkpoints_read(o, optarg);
            break;
        case 'f':
            o->filter = 1;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            fputs(usage, stderr);
            exit(EXIT_USAGE);
        }
    }

    if (optind < argc || o->volume == NULL || o->n_outs == 0) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }

    if (o->samples && o->seconds > 0) {
        fail(EXIT_USAGE, "--samples and --seconds exclude each other");
    }

    if (!o->samples && !(o->seconds > 0)) {
        o->samples = 64;
    }
}


static tracer_mode_t
mode_read(const char *text)
{
    static const char *const names[] = {
        [TRACER_PRODUCTION] = "production",
        [TRACER_UNBIASED] = "unbiased",
        [TRACER_WOODCOCK] = "woodcock",
        [TRACER_ER2012] = "er2012",
    };
    unsigned i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            return (tracer_mode_t) i;
        }
    }

    fail(EXIT_USAGE, "--mode takes production, unbiased, woodcock or er2012");
}


static void
checkpoints_read(options_t *o, const char *text)
{
    unsigned long n;
    char *end;

    do {
        n = strtoul(text, &end, 10);

        if (end == text || n == 0 || n > (1u << 24) ||
            (*end != ',' && *end != '\0') ||
            o->n_checkpoints == CHECKPOINTS_MAX ||
            (o->n_checkpoints && n <= o->checkpoints[o->n_checkpoints - 1])) {
            fail(EXIT_USAGE, "--checkpoints takes rising numbers: 1,2,4");
        }

        o->checkpoints[o->n_checkpoints++] = (uint32_t) n;
        text = end + 1;
    } while (*end == ',');
}


static unsigned long long
whole(const char *text, const char *what, unsigned long long low,
      unsigned long long high)
{
    unsigned long long n;
    char *end;

    errno = 0;
    n = strtoull(text, &end, 10);

    if (errno != 0 || end == text || *end != '\0' || *text == '-' || n < low ||
        n > high) {
        fail(EXIT_USAGE, "%s takes a whole number from %llu to %llu", what, low,
             high);
    }

    return n;
}


static void
settings_read(expo_settings_t *s, const options_t *o, const scan_t *scan)
{
    json_t *settings, *patch, *merged;
    expo_schema_t *schema;
    uint32_t histogram[256];
    double percentiles[4];
    json_error_t where;
    char error[256];
    expo_status_t st;

    tracer_statistics(&scan->volume, scan->voxels, histogram, percentiles);
    st = expo_settings_preset(&scan->volume, percentiles, o->preset, &settings);

    if (st == EXPO_NOT_FOUND && o->preset != NULL) {
        fail(EXIT_USAGE, "there is no preset \"%s\"", o->preset);
    }

    if (st != EXPO_OK || expo_schema_open("settings", &schema) != EXPO_OK) {
        fail(EXIT_INPUT, "cannot make settings: %s", expo_status_name(st));
    }

    patch = o->settings
                ? json_load_file(o->settings, JSON_REJECT_DUPLICATES, &where)
                : json_object();

    if (patch == NULL) {
        fail(EXIT_INPUT, "%s, line %d: %s", o->settings, where.line,
             where.text);
    }

    if (expo_settings_merge(schema, settings, patch, &merged, error,
                            sizeof(error)) != EXPO_OK ||
        expo_settings_parse(schema, merged, s, error, sizeof(error)) !=
            EXPO_OK) {
        fail(EXIT_INPUT, "%s: %s", o->settings ? o->settings : "settings",
             error);
    }

    json_decref(merged);
    json_decref(patch);
    json_decref(settings);
    expo_schema_close(schema);
}


static expo_status_t
trace(tracer_view_t *view, const options_t *o, spent_t *spent)
{
    uint32_t done = 0, next;
    double start, start_cpu;
    unsigned mark = 0;
    expo_status_t st;

    memset(spent, 0, sizeof(*spent));

    for (;;) {
        next = done < 8 ? 1 : 8;

        if (o->samples && done + next > o->samples) {
            next = o->samples - done;
        }

        if (mark < o->n_checkpoints && done + next > o->checkpoints[mark]) {
            next = o->checkpoints[mark] - done;
        }

        start = now(CLOCK_MONOTONIC);
        start_cpu = now(CLOCK_PROCESS_CPUTIME_ID);

        st = tracer_pass(view, next);
        if (st != EXPO_OK) {
            return st;
        }

        spent->seconds += now(CLOCK_MONOTONIC) - start;
        spent->cpu_seconds += now(CLOCK_PROCESS_CPUTIME_ID) - start_cpu;
        done += next;
        progress(o->samples ? (double) done / o->samples
                            : spent->seconds / o->seconds);

        if (mark < o->n_checkpoints && done == o->checkpoints[mark]) {
            checkpoint_write(view, o, o->checkpoints[mark]);
            spent->checkpoint_cpu_s[mark++] = spent->cpu_seconds;
            spent->n_checkpoints = mark;
        }

        if (o->samples ? done >= o->samples : spent->seconds >= o->seconds) {
            progress(-1);
            return EXPO_OK;
        }
    }
}


/* The line of JSON. */
static void
report(const tracer_t *tracer, const tracer_view_t *view, const options_t *o,
       const spent_t *spent)
{
    unsigned i;

    printf("{");

    if (o->filter) {
        printf("\"filter_cpu_seconds\": %.4f, ", filter_cost(view, o));
    }

    printf("\"seconds\": %.4f, \"cpu_seconds\": %.4f, \"samples\": %u, "
           "\"width\": %u, \"height\": %u, \"device\": \"%s\", "
           "\"paths_per_second\": %.0f, \"checkpoints\": [",
           spent->seconds, spent->cpu_seconds, tracer_samples(view), o->width,
           o->height, tracer_device(tracer),
           (double) tracer_samples(view) * o->width * o->height /
               spent->seconds);

    for (i = 0; i < spent->n_checkpoints; i++) {
        printf("%s{\"samples\": %u, \"cpu_seconds\": %.4f}", i ? ", " : "",
               o->checkpoints[i], spent->checkpoint_cpu_s[i]);
    }

    printf("]}\n");
}


/* CPU seconds of one filtered picture. */
static double
filter_cost(const tracer_view_t *view, const options_t *o)
{
    float *rgb = need(malloc((size_t) o->width * o->height * 3 * sizeof(*rgb)));
    double start = now(CLOCK_PROCESS_CPUTIME_ID);

    if (tracer_read_filtered(view, rgb) != EXPO_OK) {
        fail(EXIT_INPUT, "not enough memory to filter a picture");
    }

    free(rgb);

    return now(CLOCK_PROCESS_CPUTIME_ID) - start;
}


/* out.pfm becomes out_N.pfm; out.png too. */
static void
checkpoint_write(const tracer_view_t *view, const options_t *o, uint32_t n)
{
    char path[PATH_MAX];
    int stem = (int) strlen(o->outs[0]) - 4;

    if (snprintf(path, sizeof(path), "%.*s_%u.pfm", stem, o->outs[0], n) >=
        (int) sizeof(path)) {
        fail(EXIT_OUTPUT, "the name of a checkpoint is too long");
    }

    pfm_write(view, o, path);
}


static void
out_write(const tracer_view_t *view, const options_t *o, const char *path)
{
    if (ends_with(path, ".pfm")) {
        pfm_write(view, o, path);

    } else {
        png_write(view, o, path);
    }
}


/* Portable float map: its rows run from the bottom up; -1.0 is little-endian.
 */
static void
pfm_write(const tracer_view_t *view, const options_t *o, const char *path)
{
    size_t row = (size_t) o->width * 3, y;
    float *rgb = need(malloc(row * o->height * sizeof(*rgb)));
    FILE *f = fopen(path, "wbe");
    expo_status_t st;
    int ok;

    st = o->filter ? tracer_read_filtered(view, rgb) : tracer_read(view, rgb);
    ok = f != NULL && st == EXPO_OK &&
         fprintf(f, "PF\n%u %u\n-1.0\n", o->width, o->height) > 0;

    for (y = o->height; ok && y-- > 0;) {
        ok = fwrite(rgb + y * row, sizeof(*rgb), row, f) == row;
    }

    if (f == NULL || fclose(f) != 0 || !ok) {
        fail(EXIT_OUTPUT, "cannot write %s: %s", path, strerror(errno));
    }

    free(rgb);
}


static void
png_write(const tracer_view_t *view, const options_t *o, const char *path)
{
    uint8_t *rgba = need(malloc((size_t) o->width * o->height * 4)), *png;
    size_t bytes;
    FILE *f;
    int ok;

    if (tracer_read_display(view, o->width, o->height, rgba) != EXPO_OK ||
        still_png(rgba, o->width, o->height, &png, &bytes) != EXPO_OK) {
        fail(EXIT_OUTPUT, "cannot make a PNG of the picture");
    }

    f = fopen(path, "wbe");
    ok = f != NULL && fwrite(png, 1, bytes, f) == bytes;

    if (f == NULL || fclose(f) != 0 || !ok) {
        fail(EXIT_OUTPUT, "cannot write %s: %s", path, strerror(errno));
    }

    free(png);
    free(rgba);
}


static int
ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);

    return a > b && strcmp(text + a - b, end) == 0;
}


/* fraction < 0 ends the bar. */
static void
progress(double fraction)
{
    const int width = 50;
    int full;

    if (!isatty(STDERR_FILENO)) {
        return;
    }

    if (fraction < 0) {
        fputs("\r\033[K", stderr);
        return;
    }

    full = (int) (width * (fraction < 1 ? fraction : 1));
    fprintf(stderr, "\r[%.*s%*s] %3.0f %%", full,
            "##################################################", width - full,
            "", 100 * (fraction < 1 ? fraction : 1));
}


static double
now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);

    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}


void *
need(void *memory)
{
    if (memory == NULL) {
        fail(EXIT_INPUT, "not enough memory");
    }

    return memory;
}


_Noreturn void
fail(int code, const char *format, ...)
{
    va_list args;

    fputs("exposure-render: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);

    exit(code);
}
