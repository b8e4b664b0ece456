/* One picture of one scan, without a server. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/nrrd_read.h"
#include "lib/settings.h"
#include "lib/tar.h"
#include "render-worker/encode/still.h"
#include "render-worker/render/tracer.h"

#define OUTS_MAX 16
#define CHECKPOINTS_MAX 64

enum { EXIT_USAGE = 2, EXIT_INPUT = 3, EXIT_OUTPUT = 4 };

static const char usage[] =
    "usage: exposure-render --volume FILE|DICOM-DIR --out PICTURE.pfm|.png\n"
    "  --settings FILE     settings, or a part of them, as JSON\n"
    "  --preset ID         a look of api/presets.json, such as ct-bones\n"
    "  --size WxH          pixels (512x512)\n"
    "  --samples N         paths a pixel (64), or\n"
    "  --seconds S         as many as fit\n"
    "  --seed N            random numbers to use (1)\n"
    "  --device cpu        where to render\n"
    "  --threads N         0 is one a core (0)\n"
    "  --checkpoints N,... also writes PICTURE_N.pfm after N samples\n"
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
    double seconds;
    uint64_t seed;
} options_t;

typedef struct {
    expo_volume_t volume;
    uint16_t *voxels;
} scan_t;

static void options_read(options_t *o, int argc, char **argv);
static void checkpoints_read(options_t *o, const char *text);
static unsigned long long whole(const char *text, const char *what,
                                unsigned long long low,
                                unsigned long long high);
static void scan_read(scan_t *s, const options_t *o, const char *self);
static void scan_take(scan_t *s, const uint8_t *data, size_t bytes,
                      const char *path);
static uint8_t *file_read(int fd, size_t *bytes);
static uint8_t *import(const char *folder, const char *self, size_t *bytes);
static pid_t keep(int events[2], int report);
static pid_t feed(const char *folder, int out);
static void feed_folder(const char *folder, int out, unsigned depth,
                        uint64_t *number);
static void feed_file(const char *path, int out, uint64_t number);
static int write_all(int fd, const void *data, size_t bytes);
static void import_failed(int report, const char *folder);
static void settings_read(expo_settings_t *s, const options_t *o,
                          const scan_t *scan);
static double trace(tracer_view_t *view, const options_t *o);
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
static double now(void);
static void *need(void *memory);
static _Noreturn void fail(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));


int
main(int argc, char **argv)
{
    options_t o;
    expo_settings_t settings;
    tracer_view_t *view;
    tracer_t *tracer;
    char error[256];
    double seconds;
    unsigned i;
    scan_t scan;

    signal(SIGPIPE, SIG_IGN);
    options_read(&o, argc, argv);

    if (tracer_create(o.device, o.threads, &tracer, error, sizeof(error)) !=
        EXPO_OK) {
        fail(EXIT_USAGE, "%s", error);
    }

    scan_read(&scan, &o, argv[0]);
    settings_read(&settings, &o, &scan);

    if (tracer_open(tracer, &scan.volume, scan.voxels, &view) != EXPO_OK ||
        tracer_set(view, &settings) != EXPO_OK ||
        tracer_film(view, o.width, o.height, o.seed) != EXPO_OK) {
        fail(EXIT_INPUT, "not enough memory for this scan and size");
    }

    seconds = trace(view, &o);

    for (i = 0; i < o.n_outs; i++) {
        out_write(view, &o, o.outs[i]);
    }

    printf("{\"seconds\": %.4f, \"samples\": %u, \"width\": %u, "
           "\"height\": %u, \"device\": \"%s\", \"paths_per_second\": %.0f}\n",
           seconds, tracer_samples(view), o.width, o.height,
           tracer_device(tracer),
           (double) tracer_samples(view) * o.width * o.height / seconds);

    tracer_close(view);
    tracer_destroy(tracer);
    free(scan.voxels);

    return 0;
}


static void
options_read(options_t *o, int argc, char **argv)
{
    static const struct option names[] = {{"volume", 1, NULL, 'v'},
                                          {"settings", 1, NULL, 's'},
                                          {"preset", 1, NULL, 'p'},
                                          {"size", 1, NULL, 'z'},
                                          {"samples", 1, NULL, 'n'},
                                          {"seconds", 1, NULL, 't'},
                                          {"seed", 1, NULL, 'r'},
                                          {"device", 1, NULL, 'd'},
                                          {"threads", 1, NULL, 'j'},
                                          {"out", 1, NULL, 'o'},
                                          {"checkpoints", 1, NULL, 'c'},
                                          {"help", 0, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    char *end;
    int c;

    memset(o, 0, sizeof(*o));
    o->device = "cpu";
    o->width = o->height = 512;
    o->seed = 1;

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
scan_read(scan_t *s, const options_t *o, const char *self)
{
    uint8_t *data;
    struct stat st;
    size_t bytes;
    int fd;

    fd = open(o->volume, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0) {
        fail(EXIT_INPUT, "cannot open %s: %s", o->volume, strerror(errno));
    }

    data = S_ISDIR(st.st_mode) ? import(o->volume, self, &bytes)
                               : file_read(fd, &bytes);
    close(fd);

    if (data == NULL) {
        fail(EXIT_INPUT, "cannot read %s: %s", o->volume, strerror(errno));
    }

    scan_take(s, data, bytes, o->volume);
    free(data);
}


static void
scan_take(scan_t *s, const uint8_t *data, size_t bytes, const char *path)
{
    char error[256];
    size_t i, n;

    if (bytes < EXPO_VOLUME_HEADER ||
        expo_volume_read(&s->volume, data, bytes) != EXPO_OK) {
        if (expo_nrrd_read(&s->volume, &s->voxels, data, bytes, error,
                           sizeof(error)) != EXPO_OK) {
            fail(EXIT_INPUT, "%s: %s", path, error);
        }

        return;
    }

    n = (size_t) expo_volume_voxels(&s->volume);
    s->voxels = need(malloc(n * sizeof(*s->voxels)));
    data += EXPO_VOLUME_HEADER;

    for (i = 0; i < n; i++) {
        s->voxels[i] = (uint16_t) (data[2 * i] | data[2 * i + 1] << 8);
    }
}


static uint8_t *
file_read(int fd, size_t *bytes)
{
    size_t room = 1 << 20, used = 0;
    uint8_t *data = need(malloc(room));
    ssize_t n;

    for (;;) {
        n = read(fd, data + used, room - used);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n < 0) {
            free(data);
            return NULL;
        }

        if (n == 0) {
            break;
        }

        used += (size_t) n;

        if (used == room) {
            room *= 2;
            data = need(realloc(data, room));
        }
    }

    *bytes = used;

    return data;
}


/* exposure-import, beside this program, turns a tar of DICOM into a volume. */
static uint8_t *
import(const char *folder, const char *self, size_t *bytes)
{
    char path[PATH_MAX], copy[PATH_MAX];
    int in[2], out[2], events[2], report, status;
    pid_t feeder, keeper, importer;
    uint8_t *data;

    snprintf(copy, sizeof(copy), "%s", self);
    snprintf(path, sizeof(path), "%s",
             strchr(self, '/') ? dirname(copy) : "exposure-import");

    if (strchr(self, '/')) {
        strncat(path, "/exposure-import", sizeof(path) - strlen(path) - 1);
    }

    report = memfd_create("report", MFD_CLOEXEC);

    if (report < 0 || pipe2(events, O_CLOEXEC) != 0) {
        fail(EXIT_INPUT, "cannot make a pipe: %s", strerror(errno));
    }

    /* Before the other pipes are: it must not hold their ends open. */
    keeper = keep(events, report);

    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
        fail(EXIT_INPUT, "cannot make a pipe: %s", strerror(errno));
    }

    feeder = feed(folder, in[1]);
    importer = fork();

    if (importer == 0) {
        /* First out of the way of the numbers that exposure-import expects. */
        events[1] = fcntl(events[1], F_DUPFD_CLOEXEC, 10);
        in[0] = fcntl(in[0], F_DUPFD_CLOEXEC, 10);
        out[1] = fcntl(out[1], F_DUPFD_CLOEXEC, 10);
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(events[1], 3);
        execlp(path, path, "--pipe", (char *) NULL);
        _exit(127);
    }

    close(in[0]);
    close(in[1]);
    close(out[1]);
    close(events[0]);
    close(events[1]);
    data = file_read(out[0], bytes);
    close(out[0]);
    waitpid(feeder, NULL, 0);
    waitpid(keeper, NULL, 0);

    if (waitpid(importer, &status, 0) != importer || !WIFEXITED(status)) {
        fail(EXIT_INPUT, "exposure-import broke off");
    }

    if (WEXITSTATUS(status) == 127) {
        fail(EXIT_INPUT, "cannot run %s, which reads DICOM folders", path);
    }

    if (WEXITSTATUS(status) != 0) {
        import_failed(report, folder);
    }

    close(report);

    return data;
}


/* The importer tells by a pipe, never by a file: what it says is kept here. */
static pid_t
keep(int events[2], int report)
{
    uint8_t *data;
    size_t bytes;
    pid_t pid = fork();

    if (pid < 0) {
        fail(EXIT_INPUT, "cannot start a process: %s", strerror(errno));
    }

    if (pid > 0) {
        return pid;
    }

    close(events[1]);
    data = file_read(events[0], &bytes);

    if (data != NULL) {
        write_all(report, data, bytes);
    }

    _exit(0);
}


static pid_t
feed(const char *folder, int out)
{
    uint64_t number = 0;
    uint8_t zero[2 * EXPO_TAR_BLOCK] = {0};
    pid_t pid = fork();

    if (pid < 0) {
        fail(EXIT_INPUT, "cannot start a process: %s", strerror(errno));
    }

    if (pid > 0) {
        return pid;
    }

    feed_folder(folder, out, 0, &number);
    write_all(out, zero, sizeof(zero));
    _exit(0);
}


static void
feed_folder(const char *folder, int out, unsigned depth, uint64_t *number)
{
    char path[PATH_MAX];
    struct dirent *e;
    struct stat st;
    DIR *d;

    d = depth < 16 ? opendir(folder) : NULL;

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.' ||
            snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) >=
                (int) sizeof(path) ||
            lstat(path, &st) != 0) {
            continue;
        }

        if (S_ISDIR(st.st_mode)) {
            feed_folder(path, out, depth + 1, number);

        } else if (S_ISREG(st.st_mode)) {
            feed_file(path, out, (*number)++);
        }
    }

    if (d != NULL) {
        closedir(d);
    }
}


static void
feed_file(const char *path, int out, uint64_t number)
{
    uint8_t header[EXPO_TAR_BLOCK], zero[EXPO_TAR_BLOCK] = {0}, *data;
    size_t bytes;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    data = fd >= 0 ? file_read(fd, &bytes) : NULL;

    if (data != NULL) {
        expo_tar_header(header, number, bytes);

        if (!write_all(out, header, sizeof(header)) ||
            !write_all(out, data, bytes) ||
            !write_all(out, zero, expo_tar_padding(bytes))) {
            _exit(1);
        }
    }

    free(data);

    if (fd >= 0) {
        close(fd);
    }
}


static int
write_all(int fd, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    ssize_t n;

    while (bytes > 0) {
        n = write(fd, p, bytes);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return 0;
        }

        p += n;
        bytes -= (size_t) n;
    }

    return 1;
}


static void
import_failed(int report, const char *folder)
{
    const char *detail = NULL;
    json_t *line;
    FILE *f;

    lseek(report, 0, SEEK_SET);
    f = fdopen(report, "r");

    while (f != NULL && (line = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL))) {
        json_unpack(line, "{s:{s:{s:s}}}", "report", "failure", "detail",
                    &detail);

        if (detail != NULL) {
            break;
        }

        json_decref(line);
    }

    fail(EXIT_INPUT, "%s: %s", folder,
         detail != NULL ? detail : "nothing in it can be rendered");
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


/* Seconds spent on paths; writing checkpoints is not counted. */
static double
trace(tracer_view_t *view, const options_t *o)
{
    uint32_t done = 0, next;
    double spent = 0, start;
    unsigned mark = 0;

    for (;;) {
        next = done < 8 ? 1 : 8;

        if (o->samples && done + next > o->samples) {
            next = o->samples - done;
        }

        if (mark < o->n_checkpoints && done + next > o->checkpoints[mark]) {
            next = o->checkpoints[mark] - done;
        }

        start = now();

        if (tracer_pass(view, next) != EXPO_OK) {
            fail(EXIT_INPUT, "rendering failed");
        }

        spent += now() - start;
        done += next;
        progress(o->samples ? (double) done / o->samples : spent / o->seconds);

        if (mark < o->n_checkpoints && done == o->checkpoints[mark]) {
            checkpoint_write(view, o, o->checkpoints[mark++]);
        }

        if (o->samples ? done >= o->samples : spent >= o->seconds) {
            progress(-1);
            return spent;
        }
    }
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
    int ok;

    ok = f != NULL && tracer_read(view, rgb) == EXPO_OK &&
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
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}


static void *
need(void *memory)
{
    if (memory == NULL) {
        fail(EXIT_INPUT, "not enough memory");
    }

    return memory;
}


static _Noreturn void
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
