/* exposure-demo: DICOM series to try things with: a real head CT, a phantom. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

#include <zlib.h>

#include "lib/series.h"
#include "lib/tar.h"
#include "render-worker/import/dicom_shim.h"
#include "render-worker/import/phantom.h"

enum { DEMO_USAGE = 64, DEMO_SLICES_MAX = 4096, DEMO_GAP = 3 };
#define DEMO_INV3_MAX (1u << 30)

static const char usage[] =
    "usage: exposure-demo ct --inv3 Cranium.inv3 --out DIR [--syntax S]\n"
    "       exposure-demo phantom --out DIR [--kind head|spheres] "
    "[--size 128]\n"
    "           [--slices 64] [--seed N] [--tilt DEG] [--gap] "
    "[--modality CT|MR]\n"
    "           [--patient NAME] [--syntax S]\n"
    "S: explicit implicit deflated big rle jpeg-lossless jpeg-ls\n"
    "The same arguments write the same series. --gap leaves out three "
    "slices,\n--patient plants a name where names are found in files.\n";

typedef struct {
    const char *inv3, *out, *patient, *modality, *syntax;
    phantom_kind_t kind;
    uint32_t size, slices;
    uint64_t seed;
    double tilt_deg;
    int gap, phantom;
} options_t;

typedef struct {
    uint32_t cols, rows, slices;
    double spacing_mm[3];
    double along_column[3];
    double first[3],
        step[3]; /* position of slice 0, and from one to the next */
} grid_t;

static int demo_options(options_t *o, int argc, char **argv);
static const char *demo_syntax(const char *name);
static int demo_ct(const options_t *o);
static int demo_phantom(const options_t *o);
static uint8_t *demo_gunzip(const char *path, size_t *len);
static int demo_numbers(const char *text, const char *key, double v[3]);
static void demo_fill(dicom_picture_t *p, const options_t *o, const grid_t *g);
static int demo_slice(dicom_picture_t *p, const options_t *o, const grid_t *g,
                      uint32_t k);
static void demo_uid(char dst[DICOM_UID], const options_t *o, const char *what,
                     uint32_t k);


int
main(int argc, char **argv)
{
    options_t o = {.size = 128,
                   .slices = 64,
                   .seed = 1,
                   .modality = "CT",
                   .syntax = "1.2.840.10008.1.2.1"};
    int ok;

    if (!demo_options(&o, argc, argv)) {
        fputs(usage, stderr);
        return DEMO_USAGE;
    }

    if (mkdir(o.out, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "exposure-demo: %s: %s\n", o.out, strerror(errno));
        return 1;
    }

    if (!dicom_start()) {
        fputs("exposure-demo: no DICOM dictionary\n", stderr);
        return 1;
    }

    ok = o.phantom ? demo_phantom(&o) : demo_ct(&o);
    return !ok;
}


static int
demo_options(options_t *o, int argc, char **argv)
{
    const char *key, *value;

    if (argc < 2) {
        return 0;
    }

    o->phantom = strcmp(argv[1], "phantom") == 0;
    if (!o->phantom && strcmp(argv[1], "ct") != 0) {
        return 0;
    }

    for (int i = 2; i < argc; i++) {
        key = argv[i];

        if (strcmp(key, "--gap") == 0) {
            o->gap = 1;
            continue;
        }

        if (i + 1 == argc) {
            return 0;
        }
        value = argv[++i];

        if (strcmp(key, "--inv3") == 0) {
            o->inv3 = value;
        } else if (strcmp(key, "--out") == 0) {
            o->out = value;
        } else if (strcmp(key, "--patient") == 0) {
            o->patient = value;
        } else if (strcmp(key, "--modality") == 0) {
            o->modality = strcmp(value, "MR") == 0 ? "MR" : "CT";
        } else if (strcmp(key, "--size") == 0) {
            o->size = (uint32_t) strtoul(value, NULL, 10);
        } else if (strcmp(key, "--slices") == 0) {
            o->slices = (uint32_t) strtoul(value, NULL, 10);
        } else if (strcmp(key, "--seed") == 0) {
            o->seed = strtoull(value, NULL, 10);
        } else if (strcmp(key, "--tilt") == 0) {
            o->tilt_deg = strtod(value, NULL);
        } else if (strcmp(key, "--syntax") == 0) {
            o->syntax = demo_syntax(value);
        } else if (strcmp(key, "--kind") == 0) {
            o->kind =
                strcmp(value, "spheres") == 0 ? PHANTOM_SPHERES : PHANTOM_HEAD;
        } else {
            return 0;
        }
    }

    return o->out != NULL && o->syntax != NULL &&
           (o->phantom || o->inv3 != NULL) && o->size >= 8 &&
           o->size <= DICOM_EDGE_MAX && o->slices >= 1 &&
           o->slices <= DEMO_SLICES_MAX && fabs(o->tilt_deg) < 45;
}


static const char *
demo_syntax(const char *name)
{
    static const char *const known[][2] = {
        {"explicit", "1.2.840.10008.1.2.1"},
        {"implicit", "1.2.840.10008.1.2"},
        {"deflated", "1.2.840.10008.1.2.1.99"},
        {"big", "1.2.840.10008.1.2.2"},
        {"rle", "1.2.840.10008.1.2.5"},
        {"jpeg-lossless", "1.2.840.10008.1.2.4.70"},
        {"jpeg-ls", "1.2.840.10008.1.2.4.80"}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i][0]) == 0) {
            return known[i][1];
        }
    }

    return NULL;
}


/* --- the head CT of Debian's invesalius-examples --- */

/*
 * An InVesalius project is a gzipped tar: main.plist gives shape and spacing,
 * matrix.dat the values: int16 little-endian HU, [z][y][x], rows from the back
 * of the head to the front, slices from the neck up.
 */
static int
demo_ct(const options_t *o)
{
    grid_t g = {.along_column = {0, 1, 0}};
    double shape[3] = {0, 0, 0}, spacing[3] = {0, 0, 0};
    expo_tar_entry_t e;
    const uint8_t *matrix = NULL;
    uint8_t *tar;
    uint16_t *pixels = NULL;
    uint64_t at = 0;
    size_t len;
    char *text;
    dicom_picture_t p;
    int ok = 0, value;

    tar = demo_gunzip(o->inv3, &len);
    if (tar == NULL) {
        fputs("exposure-demo: the project file cannot be read\n", stderr);
        return 0;
    }

    while (expo_tar_next(tar, len, &at, &e) == EXPO_OK) {
        text = strndup((const char *) e.data, e.bytes < 65536 ? e.bytes : 0);
        if (text != NULL && strstr(text, "<key>matrix</key>") != NULL) {
            demo_numbers(text, "<key>shape</key>", shape);
            demo_numbers(text, "<key>spacing</key>", spacing);
        }
        free(text);
    }

    g.slices = (uint32_t) shape[0];
    g.rows = (uint32_t) shape[1];
    g.cols = (uint32_t) shape[2];

    for (at = 0; expo_tar_next(tar, len, &at, &e) == EXPO_OK;) {
        if (e.bytes > 0 && !e.cut &&
            e.bytes == 2ull * g.slices * g.rows * g.cols) {
            matrix = e.data;
        }
    }

    for (int i = 0; i < 3; i++) {
        g.spacing_mm[i] = spacing[i];
    }
    g.step[2] = spacing[2];
    g.first[0] = -spacing[0] * (g.cols - 1) / 2;
    g.first[1] = -spacing[1] * (g.rows - 1) / 2;

    if (matrix != NULL && g.slices <= DEMO_SLICES_MAX) {
        pixels = malloc(2ull * g.rows * g.cols);
    }

    demo_fill(&p, o, &g);
    p.pixels = pixels;
    p.description = "Head";
    ok = pixels != NULL;

    for (uint32_t k = 0; ok && k < g.slices; k++) {
        for (uint32_t y = 0; y < g.rows; y++) {
            const uint8_t *row =
                matrix + 2 * ((size_t) k * g.rows + (g.rows - 1 - y)) * g.cols;

            for (uint32_t x = 0; x < g.cols; x++) {
                value = (int16_t) (row[2 * x] | row[2 * x + 1] << 8);
                pixels[(size_t) y * g.cols + x] =
                    (uint16_t) (value < -1024 ? 0 : value + 1024);
            }
        }
        ok = demo_slice(&p, o, &g, k);
    }

    if (!ok) {
        fputs("exposure-demo: not the project file that was expected, or the "
              "folder cannot be written\n",
              stderr);
    }

    free(pixels);
    free(tar);
    return ok;
}


static uint8_t *
demo_gunzip(const char *path, size_t *len)
{
    uint8_t *bytes = NULL, *grown;
    size_t room = 0, at = 0;
    gzFile f = gzopen(path, "rb");
    int n = 1;

    while (f != NULL && n > 0) {
        if (at == room) {
            room = room ? room * 2 : 1u << 24;
            grown = room > DEMO_INV3_MAX ? NULL : realloc(bytes, room);
            if (grown == NULL) {
                n = -1;
                break;
            }
            bytes = grown;
        }

        n = gzread(f, bytes + at, (unsigned) (room - at));
        at += n > 0 ? (size_t) n : 0;
    }

    if (f != NULL) {
        gzclose(f);
    }

    if (f == NULL || n < 0) {
        free(bytes);
        return NULL;
    }

    *len = at;
    return bytes;
}


/* The three numbers of the array behind a key of a property list. */
static int
demo_numbers(const char *text, const char *key, double v[3])
{
    const char *at = strstr(text, key);

    for (int i = 0; at != NULL && i < 3; i++) {
        at = strpbrk(at + (i == 0 ? strlen(key) : 1), "0123456789");
        if (at == NULL) {
            return 0;
        }
        v[i] = strtod(at, (char **) (uintptr_t) &at);
        at = strchr(at, '>');
    }

    return at != NULL;
}


/* --- the phantom --- */

static int
demo_phantom(const options_t *o)
{
    const double t = o->tilt_deg * M_PI / 180.0, extent = 240.0;
    uint32_t hole = o->gap ? o->slices / 2 : UINT32_MAX;
    grid_t g = {.cols = o->size, .rows = o->size, .slices = o->slices};
    uint16_t *pixels;
    double at[3], hu;
    dicom_picture_t p;
    int ok;

    g.spacing_mm[0] = g.spacing_mm[1] = extent / o->size;
    g.spacing_mm[2] = extent / o->slices;
    g.along_column[1] = cos(t);
    g.along_column[2] = -sin(t);

    /* The table moves along the body; a tilted gantry stays tilted. */
    g.step[2] = g.spacing_mm[2];
    for (int i = 0; i < 3; i++) {
        g.first[i] = -g.step[i] * (o->slices - 1) / 2 -
                     (i == 0) * g.spacing_mm[0] * (o->size - 1) / 2 -
                     g.along_column[i] * g.spacing_mm[1] * (o->size - 1) / 2;
    }

    demo_fill(&p, o, &g);
    p.description = o->kind == PHANTOM_SPHERES ? "Spheres" : "Phantom head";

    pixels = malloc(2ull * o->size * o->size);
    p.pixels = pixels;
    ok = pixels != NULL;

    for (uint32_t k = 0; ok && k < o->slices; k++) {
        if (k >= hole && k < hole + DEMO_GAP) {
            continue;
        }

        for (uint32_t i = 0; i < o->size * o->size; i++) {
            for (int a = 0; a < 3; a++) {
                at[a] = g.first[a] + k * g.step[a] +
                        (a == 0) * g.spacing_mm[0] * (i % o->size) +
                        g.along_column[a] * g.spacing_mm[1] * (i / o->size);
            }
            hu = phantom_hu(o->kind, at, g.spacing_mm[0]) +
                 phantom_noise(o->seed, k, i);
            pixels[i] = (uint16_t) lround(fmin(4095, fmax(0, hu + 1024)));
        }

        ok = demo_slice(&p, o, &g, k);
    }

    if (!ok) {
        fputs("exposure-demo: the series cannot be written\n", stderr);
    }

    free(pixels);
    return ok;
}


/* --- one picture after the other --- */

static void
demo_fill(dicom_picture_t *p, const options_t *o, const grid_t *g)
{
    memset(p, 0, sizeof *p);

    p->syntax = o->syntax;
    p->modality = o->modality;
    p->patient = o->patient;
    p->image_type = "ORIGINAL\\PRIMARY\\AXIAL";
    p->rows = g->rows;
    p->cols = g->cols;
    p->series_number = 1;
    p->spacing_mm[0] = g->spacing_mm[0];
    p->spacing_mm[1] = g->spacing_mm[1];
    p->along_row[0] = 1;
    memcpy(p->along_column, g->along_column, sizeof p->along_column);
    p->thickness_mm = g->spacing_mm[2];
    p->slope = 1;
    p->intercept = strcmp(o->modality, "CT") == 0 ? -1024 : 0;
}


static int
demo_slice(dicom_picture_t *p, const options_t *o, const grid_t *g, uint32_t k)
{
    char path[4096], study[DICOM_UID], series[DICOM_UID], instance[DICOM_UID],
        frame[DICOM_UID];

    snprintf(path, sizeof path, "%s/IM%04u.dcm", o->out, k + 1);
    demo_uid(study, o, "study", 0);
    demo_uid(series, o, "series", 0);
    demo_uid(frame, o, "frame", 0);
    demo_uid(instance, o, "instance", k);

    p->path = path;
    p->study_uid = study;
    p->series_uid = series;
    p->frame_uid = frame;
    p->instance_uid = instance;
    p->number = (int32_t) k + 1;

    for (int i = 0; i < 3; i++) {
        p->position[i] = g->first[i] + k * g->step[i];
    }

    return dicom_write(p);
}


/* UIDs under 2.25 from everything that makes the series what it is. */
static void
demo_uid(char dst[DICOM_UID], const options_t *o, const char *what, uint32_t k)
{
    char text[256];
    int n;

    n = snprintf(text, sizeof text, "%s %u %d %d %u %u %llu %g %d %s %s", what,
                 k, o->phantom, (int) o->kind, o->size, o->slices,
                 (unsigned long long) o->seed, o->tilt_deg, o->gap, o->modality,
                 o->syntax);

    snprintf(dst, DICOM_UID, "2.25.%llu",
             (unsigned long long) expo_series_hash(text, (size_t) n));
}
