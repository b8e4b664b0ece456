/* What the parts of exposure-render share. */

#ifndef EXPOSURE_RENDER_H
#define EXPOSURE_RENDER_H

#include <stddef.h>
#include <stdint.h>

#include <limits.h>

#include "lib/settings.h"
#include "lib/volume.h"
#include "render-worker/render/tracer.h"

#define OUTS_MAX 16
#define CHECKPOINTS_MAX 64
#define PRESET_XML_MAX 3 /* one of each kind */

enum { EXIT_USAGE = 2, EXIT_INPUT = 3, EXIT_OUTPUT = 4 };

typedef struct {
    const char *volume, *modality, *settings, *preset, *preset_name, *device;
    const char *preset_xml[PRESET_XML_MAX];
    const char *outs[OUTS_MAX];
    unsigned n_preset_xml, n_outs, threads, fps;
    uint32_t width, height; /* 0: not said */
    uint32_t samples;       /* 0: as many as fit into seconds */
    uint32_t turntable;     /* pictures; 0: one picture, no film */
    uint32_t checkpoints[CHECKPOINTS_MAX]; /* rising */
    unsigned n_checkpoints;
    double seconds, stride;
    uint64_t seed, max_memory; /* 0: not said */
    int filter, self_test;
    tracer_mode_t mode;
} options_t;

/* What paths took; writing pictures is not counted. */
typedef struct {
    double seconds, cpu_seconds;              /* cpu: of all cores */
    double checkpoint_cpu_s[CHECKPOINTS_MAX]; /* until each */
    unsigned n_checkpoints;                   /* reached */
} spent_t;

/* A file that is being made. */
typedef struct output_s {
    const char *path;
    char temp[PATH_MAX];
    struct output_s *next;
} output_t;

typedef struct {
    expo_volume_t volume;
    uint16_t *voxels;   /* malloc'd */
    expo_table_t table; /* hidden in them; voxels 0: there is none */
    uint32_t factor;  /* of lib/volume_scale.h; 1: every voxel is there */
} scan_t;

/* What --mode takes and the self-test says, by tracer_mode_t. */
extern const char *const mode_names[];

/* The CPU, and a line that says why, where there is no such device. */
tracer_t *device_create(const char *name, unsigned threads);

/* Prints a line a check and one of JSON; returns 1 when a check failed. */
int self_test(const char *device, unsigned threads);

/* After EXPO_IO, or where a card has no room: says why and starts this program again, on the CPU. */
_Noreturn void device_failed(const tracer_t *t, char **argv);

/* Ends the program, with a sentence, when they make no sense. */
void options_read(options_t *o, int argc, char **argv);

/*
 * path: NRRD, MetaImage, NIfTI, our own volume, or DICOM: a file or a folder.
 * self: argv[0], beside which exposure-import lies. max_bytes: what voxels and
 * what is built over them may take; a larger scan is scaled down, which is
 * said. Fails with a sentence.
 */
void scan_read(scan_t *s, const char *path, const char *self,
               uint64_t max_bytes);

/* Also sets the film's size where the command line did not. */
void settings_read(expo_settings_t *s, options_t *o, const scan_t *scan);

/* From now on SIGINT, SIGTERM and SIGHUP end the program through fail(). */
void trace_stops_on_signals(void);

/* Adds what options ask for to view's film, and what it took to spent. picture:
 * which of how many, for the progress. The status is tracer_pass's. */
expo_status_t trace(tracer_view_t *view, const options_t *o, spent_t *spent,
                    uint32_t picture, uint32_t pictures);

/* The line of JSON. */
void report(const tracer_t *tracer, const tracer_view_t *view,
            const options_t *o, const scan_t *scan, const spent_t *spent);

void picture_write(const tracer_view_t *view, const options_t *o,
                   const char *path);
void checkpoint_write(const tracer_view_t *view, const options_t *o,
                      uint32_t n);

/* The whole film of a turntable; the status is tracer_pass's. */
expo_status_t film_make(tracer_view_t *view, const options_t *o,
                        const expo_settings_t *settings, spent_t *spent);

/* Fails now if path could not be written later. */
void output_check(const char *path);

/* A descriptor of out->temp, beside path; it becomes path in output_end, and
 * goes when the program fails before. */
int output_begin(output_t *out, const char *path);
void output_end(output_t *out);
void output_abandon(void);

int ends_with(const char *text, const char *end);

/* memory, or an end with a sentence when it is NULL. */
void *need(void *memory);

/* Says something and goes on. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says why and exits with code. */
_Noreturn void fail(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
