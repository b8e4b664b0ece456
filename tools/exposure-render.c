/* One picture of one scan, or a film around it, without a server. */

#include "tools/exposure-render.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/memory.h"

/* The program itself, tables and threads. */
#define HEADROOM (64ull << 20)

/* A pixel of the film with what pictures need besides. */
#define BYTES_A_PIXEL 256

static expo_status_t view_open(tracer_t *tracer, scan_t *scan,
                               const expo_settings_t *settings,
                               const options_t *o, tracer_view_t **view);
static bool filtered(const options_t *o);
static uint64_t scan_room(const options_t *o);
static void scan_named(scan_t *scan, const options_t *o);


int
main(int argc, char **argv)
{
    expo_settings_t settings;
    spent_t spent = {0};
    tracer_view_t *view;
    tracer_t *tracer;
    expo_status_t st;
    options_t o;
    scan_t scan;
    unsigned i;

    signal(SIGPIPE, SIG_IGN);
    options_read(&o, argc, argv);

    if (o.self_test) {
        return self_test(o.device, o.threads);
    }

    tracer = device_create(o.device, o.threads);
    scan_read(&scan, o.volume, argv[0], scan_room(&o));
    scan_named(&scan, &o);
    settings_read(&settings, &o, &scan);
    settings.denoise = settings.denoise && filtered(&o);

    st = view_open(tracer, &scan, &settings, &o, &view);

    if (st == EXPO_OK) {
        trace_stops_on_signals();
        st = o.turntable > 0 ? film_make(view, &o, &settings, &spent)
                             : trace(view, &o, &spent, 0, 1);
    }

    if (st == EXPO_IO || (st == EXPO_NO_MEMORY && tracer_is_card(tracer))) {
        device_failed(tracer, argv);
    }

    if (st == EXPO_NO_MEMORY) {
        fail(EXIT_INPUT, "not enough memory for this scan and size");
    }

    if (st != EXPO_OK) {
        fail(EXIT_INPUT, "rendering failed: %s", expo_status_name(st));
    }

    for (i = 0; o.turntable == 0 && i < o.n_outs; i++) {
        picture_write(view, &o, o.outs[i]);
    }

    report(tracer, view, &o, &scan, &spent);

    tracer_close(view);
    tracer_destroy(tracer);
    expo_table_close(&scan.table);
    free(scan.voxels);

    return 0;
}


/* Whether anything that is written is: only then may pixels be left out. */
static bool
filtered(const options_t *o)
{
    unsigned i;

    for (i = 0; i < o->n_outs; i++) {
        if (!ends_with(o->outs[i], ".pfm")) {
            return true;
        }
    }

    return o->filter;
}


static expo_status_t
view_open(tracer_t *tracer, scan_t *scan, const expo_settings_t *settings,
          const options_t *o, tracer_view_t **view)
{
    expo_status_t st = tracer_open(tracer, &scan->volume, scan->voxels, view);

    if (st == EXPO_OK && scan->table.voxels > 0) {
        tracer_table(*view, &scan->table, scan->voxels);
    }

    if (st == EXPO_OK) {
        st = tracer_mode(*view, o->mode);
    }

    if (st == EXPO_OK) {
        st = tracer_stride(*view, (float) o->stride);
    }

    if (st == EXPO_OK) {
        st = tracer_set(*view, settings);
    }

    if (st == EXPO_OK) {
        st = tracer_film(*view, o->width, o->height, o->seed);
    }

    if (st == EXPO_OK) {
        tracer_expect(*view, o->samples);
    }

    return st;
}


/* Bytes that the scan may take. */
static uint64_t
scan_room(const options_t *o)
{
    uint64_t film = (uint64_t) o->width * o->height * BYTES_A_PIXEL;
    uint64_t free_bytes = memory_available();

    if (o->max_memory > 0) {
        return o->max_memory;
    }

    return free_bytes > film + HEADROOM ? free_bytes - film - HEADROOM : 1;
}


/* What the file did not say. */
static void
scan_named(scan_t *scan, const options_t *o)
{
    expo_volume_t *v = &scan->volume;

    if (o->modality == NULL || v->modality[0] != '\0') {
        return;
    }

    memset(v->modality, 0, sizeof(v->modality));
    memcpy(v->modality, o->modality, strlen(o->modality));

    if (v->unit[0] == '\0' && strcmp(o->modality, "CT") == 0) {
        strcpy(v->unit, "HU");
    }
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

    fputs("exposure-render: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}


_Noreturn void
fail(int code, const char *format, ...)
{
    va_list args;

    output_abandon();
    fputs("exposure-render: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);

    exit(code);
}
