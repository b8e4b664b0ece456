/* What the command line of exposure-render asks for. */

#include "tools/exposure-render.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/settings.h"
#include "render-worker/encode/film.h"

static const char usage[] =
    "usage: exposure-render --volume FILE|DICOM-DIR --out PICTURE.pfm|.png\n"
    "       exposure-render --volume … --turntable N --out FILM.mp4|.mpg\n"
    "       exposure-render --self-test [--device NAME]\n"
    "  --settings FILE     settings, or a part of them, as JSON\n"
    "  --preset ID         a look of api/presets.json, such as ct-bones\n"
    "  --preset-xml FILE   an appearance, lighting or camera of Exposure "
    "Render\n"
    "                      1.1; may be given for each\n"
    "  --preset-name NAME  which of its presets (the volume's, or the first)\n"
    "  --modality CT|MR|.. for files that do not say it\n"
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
    "  --turntable N       N pictures once around the head-foot axis, a film\n"
    "  --fps N             of so many a second (25)\n"
    "  --max-memory BYTES  for the scan, 2G too; a larger one is scaled down\n"
    "                      (what is free)\n"
    "  --filter            .pfm as the picture is shown: young ones filtered\n"
    "  --out may be given several times; .pfm is linear radiance.\n"
    "  --volume takes NRRD, MetaImage, NIfTI, our own volumes, and DICOM as a\n"
    "  file or a folder.\n"
    "  --self-test renders what is known, and says how fast; exit 1: wrong.\n"
    "Prints one line of JSON. Exit: 0 done, 2 wrong use, 3 unusable input,\n"
    "4 cannot write, 130 interrupted; then nothing is written.\n";

static const struct option names[] = {
    {"volume", 1, NULL, 'v'},
    {"settings", 1, NULL, 's'},
    {"preset", 1, NULL, 'p'},
    {"preset-xml", 1, NULL, 'x'},
    {"preset-name", 1, NULL, 'N'},
    {"modality", 1, NULL, 'M'},
    {"size", 1, NULL, 'z'},
    {"samples", 1, NULL, 'n'},
    {"seconds", 1, NULL, 't'},
    {"seed", 1, NULL, 'r'},
    {"device", 1, NULL, 'd'},
    {"mode", 1, NULL, 'm'},
    {"stride", 1, NULL, 'i'},
    {"threads", 1, NULL, 'j'},
    {"out", 1, NULL, 'o'},
    {"checkpoints", 1, NULL, 'c'},
    {"turntable", 1, NULL, 'T'},
    {"fps", 1, NULL, 'F'},
    {"max-memory", 1, NULL, 'X'},
    {"filter", 0, NULL, 'f'},
    {"self-test", 0, NULL, 'S'},
    {"help", 0, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

const char *const mode_names[] = {
    [TRACER_PRODUCTION] = "production",
    [TRACER_UNBIASED] = "unbiased",
    [TRACER_WOODCOCK] = "woodcock",
    [TRACER_ER2012] = "er2012",
};

static void option_read(options_t *o, int name, const char *value);
static void options_check(options_t *o);
static void size_read(options_t *o, const char *text);
static double seconds_read(const char *text);
static double stride_read(const char *text);
static uint64_t bytes_read(const char *text);
static void modality_read(options_t *o, const char *text);
static tracer_mode_t mode_read(const char *text);
static void out_add(options_t *o, const char *path);
static void preset_xml_add(options_t *o, const char *path);
static void checkpoints_read(options_t *o, const char *text);
static unsigned long long whole(const char *text, const char *what,
                                unsigned long long low,
                                unsigned long long high);


void
options_read(options_t *o, int argc, char **argv)
{
    int name;

    memset(o, 0, sizeof(*o));
    o->device = "cpu";
    o->fps = 25;
    o->seed = 1;
    o->stride = 1;

    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        option_read(o, name, optarg);
    }

    if (o->self_test && optind == argc) {
        return;
    }

    if (optind < argc || o->volume == NULL || o->n_outs == 0) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }

    options_check(o);
}


static void
option_read(options_t *o, int name, const char *value)
{
    switch (name) {
    case 'v':
        o->volume = value;
        break;
    case 's':
        o->settings = value;
        break;
    case 'p':
        o->preset = value;
        break;
    case 'x':
        preset_xml_add(o, value);
        break;
    case 'N':
        o->preset_name = value;
        break;
    case 'M':
        modality_read(o, value);
        break;
    case 'z':
        size_read(o, value);
        break;
    case 'n':
        o->samples = (uint32_t) whole(value, "--samples", 1, 1u << 24);
        break;
    case 't':
        o->seconds = seconds_read(value);
        break;
    case 'r':
        o->seed = whole(value, "--seed", 0, ULLONG_MAX);
        break;
    case 'd':
        o->device = value;
        break;
    case 'S':
        o->self_test = 1;
        break;
    case 'm':
        o->mode = mode_read(value);
        break;
    case 'i':
        o->stride = stride_read(value);
        break;
    case 'j':
        o->threads = (unsigned) whole(value, "--threads", 0, 256);
        break;
    case 'o':
        out_add(o, value);
        break;
    case 'c':
        checkpoints_read(o, value);
        break;
    case 'T':
        o->turntable = (uint32_t) whole(value, "--turntable", 2, 100000);
        break;
    case 'F':
        o->fps = (unsigned) whole(value, "--fps", 1, 240);
        break;
    case 'X':
        o->max_memory = bytes_read(value);
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


/* What options ask for together. */
static void
options_check(options_t *o)
{
    unsigned i;

    for (i = 0; i < o->n_outs; i++) {
        if (o->turntable != 0 && !film_format(o->outs[i])) {
            fail(EXIT_USAGE, "--turntable takes an --out that ends in .mp4 or "
                             ".mpg");
        }

        if (o->turntable == 0 && !ends_with(o->outs[i], ".pfm") &&
            !ends_with(o->outs[i], ".png")) {
            fail(EXIT_USAGE, "--out takes a name that ends in .pfm or .png%s",
                 film_format(o->outs[i]) ? "; a film needs --turntable" : "");
        }

        output_check(o->outs[i]);
    }

    if (o->turntable != 0 && o->n_checkpoints > 0) {
        fail(EXIT_USAGE, "--turntable and --checkpoints exclude each other");
    }

    if (o->samples && o->seconds > 0) {
        fail(EXIT_USAGE, "--samples and --seconds exclude each other");
    }

    if (!o->samples && !(o->seconds > 0)) {
        o->samples = 64;
    }
}


static void
size_read(options_t *o, const char *text)
{
    unsigned long width, height;
    char *end;

    width = strtoul(text, &end, 10);
    height = *end == 'x' ? strtoul(end + 1, &end, 10) : 0;

    if (*end != '\0' || width < TRACER_EDGE_MIN || width > TRACER_EDGE_MAX ||
        height < TRACER_EDGE_MIN || height > TRACER_EDGE_MAX) {
        fail(EXIT_USAGE, "--size takes WxH, each %d to %d", TRACER_EDGE_MIN,
             TRACER_EDGE_MAX);
    }

    o->width = (uint32_t) width;
    o->height = (uint32_t) height;
}


static double
seconds_read(const char *text)
{
    char *end;
    double seconds = strtod(text, &end);

    if (*end != '\0' || !(seconds > 0) || seconds > 1e6) {
        fail(EXIT_USAGE, "--seconds takes a number above 0");
    }

    return seconds;
}


static double
stride_read(const char *text)
{
    char *end;
    double stride = strtod(text, &end);

    if (*end != '\0' || !(stride >= 1e-3 && stride <= 1e3)) {
        fail(EXIT_USAGE, "--stride takes a number, 0.001 to 1000");
    }

    return stride;
}


static uint64_t
bytes_read(const char *text)
{
    unsigned shift = 0;
    uint64_t n;
    char *end;

    n = strtoull(text, &end, 10);
    shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;

    if (end == text || *text == '-' || n == 0 || n >> (63 - shift) != 0 ||
        end[shift > 0] != '\0') {
        fail(EXIT_USAGE, "--max-memory takes bytes: 2000000000, 1900M or 2G");
    }

    return n << shift;
}


/* As DICOM has it: letters and digits. */
static void
modality_read(options_t *o, const char *text)
{
    if (text[0] == '\0' || strlen(text) > 15 ||
        text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] != '\0') {
        fail(EXIT_USAGE, "--modality takes a word such as CT or MR");
    }

    o->modality = text;
}


static tracer_mode_t
mode_read(const char *text)
{
    int i;

    for (i = TRACER_PRODUCTION; i <= TRACER_ER2012; i++) {
        if (strcmp(text, mode_names[i]) == 0) {
            return (tracer_mode_t) i;
        }
    }

    fail(EXIT_USAGE, "--mode takes production, unbiased, woodcock or er2012");
}


static void
out_add(options_t *o, const char *path)
{
    if (o->n_outs == OUTS_MAX) {
        fail(EXIT_USAGE, "at most %d --out", OUTS_MAX);
    }

    o->outs[o->n_outs++] = path;
}


static void
preset_xml_add(options_t *o, const char *path)
{
    if (o->n_preset_xml == PRESET_XML_MAX) {
        fail(EXIT_USAGE, "at most %d --preset-xml", PRESET_XML_MAX);
    }

    o->preset_xml[o->n_preset_xml++] = path;
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
