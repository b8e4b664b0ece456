#include "render-worker/import/import.h"

#include <stdlib.h>
#include <string.h>

#include "render-worker/import/assemble.h"
#include "render-worker/import/foreign.h"
#include "render-worker/import/index.h"
#include "render-worker/import/pool.h"
#include "render-worker/import/read.h"
#include "render-worker/import/report.h"
#include "render-worker/import/unpack.h"

#define IMPORT_PROBES_MAX 32

typedef struct {
    const import_sink_t *sink;
    import_files_t files;
    uint64_t body_bytes;
    expo_deidentify_t *allowed;
    size_t *todo; /* files to decode */
    size_t todo_count;
    const char *stage;
} import_t;

static reason_t import_open(import_t *im, const import_input_t *in, size_t n);
static reason_t import_dicom(import_t *im, size_t series);
static size_t import_foreign(const import_t *im, size_t series);
static import_result_t import_finish(import_t *im, json_t *report);
static int import_is_cut(const import_files_t *files, const expo_group_t *g);
static void import_read(void *data, size_t i);
static reason_t import_pictures(import_t *im);
static reason_t import_plan(import_t *im);
static void import_want(import_t *im, size_t series);
static void import_choose(import_t *im, size_t series);
static reason_t import_decode_all(import_t *im);
static reason_t import_decode_todo(import_t *im);
static reason_t import_probe(import_t *im);
static int import_room(const import_t *im, const expo_group_t *g);
static void import_decode(void *data, size_t i);
static void import_step(void *data, size_t done);
static import_result_t import_stuck(json_t **report);
static void import_release(import_t *im);


import_result_t
import_run(const import_sink_t *sink, const import_input_t *in, size_t n,
           size_t series, json_t **report)
{
    import_t im = {.sink = sink};
    import_result_t result;
    reason_t why;

    im.files.chosen = SIZE_MAX;

    why = import_open(&im, in, n);
    result = why == REASON_UNKNOWN || why == REASON_ARCHIVE ||
                     why == REASON_ARCHIVE_CUT
                 ? IMPORT_MALFORMED
                 : IMPORT_NOTHING;

    if (why == REASON_NONE && series == IMPORT_INDEX) {
        *report = report_new(&im.files);
        result = index_write(sink, &im.files) ? IMPORT_DONE : IMPORT_MALFORMED;
        import_release(&im);
        return result;
    }

    if (why == REASON_NONE) {
        why = import_dicom(&im, series);
    }

    if (why == REASON_NONE && im.files.chosen == SIZE_MAX) {
        why = foreign_read(&im.files, import_foreign(&im, series));
    }

    if (why == REASON_STUCK) {
        return import_stuck(report);
    }

    *report = report_new(&im.files);

    if (why == REASON_NONE) {
        result = import_finish(&im, *report);
    } else {
        report_failed(*report, &im.files, why);
    }

    import_release(&im);
    return result;
}


/* --- in order --- */

/* Up to the plan: which pictures belong together. */
static reason_t
import_open(import_t *im, const import_input_t *in, size_t n)
{
    reason_t why;

    for (size_t i = 0; i < n; i++) {
        im->body_bytes += in[i].bytes;
    }

    if (im->body_bytes > IMPORT_BYTES_MAX ||
        expo_deidentify_open(&im->allowed) != EXPO_OK) {
        return REASON_TOO_LARGE;
    }

    why = unpack_list(&im->files, in, n, IMPORT_BYTES_MAX - im->body_bytes);
    if (why != REASON_NONE) {
        return why;
    }

    im->stage = "reading";
    if (!pool_each(im->files.count, import_read, im, import_step)) {
        return REASON_STUCK;
    }

    why = import_pictures(im);
    return why == REASON_NONE ? import_plan(im) : why;
}


/* Up to a group whose pictures are all decoded, if there is one. */
static reason_t
import_dicom(import_t *im, size_t series)
{
    reason_t why = REASON_NONE;

    import_want(im, series);
    import_choose(im, series);

    while (im->files.chosen != SIZE_MAX) {
        why = import_decode_all(im);
        if (why != REASON_NONE || im->todo_count == 0) {
            return why;
        }

        /* Some did not decode: what is left may lie differently. */
        why = import_plan(im);
        if (why != REASON_NONE) {
            return why;
        }
        import_choose(im, series);
    }

    return import_probe(im);
}


/* The report lists volumes of other formats behind the groups. */
static size_t
import_foreign(const import_t *im, size_t series)
{
    return series != IMPORT_CHOOSE && series >= im->files.plan->count
               ? series - im->files.plan->count
               : IMPORT_CHOOSE;
}


static import_result_t
import_finish(import_t *im, json_t *report)
{
    const import_files_t *files = &im->files;
    const import_foreign_t *foreign = NULL;
    const expo_group_t *g;
    expo_volume_t volume;
    uint32_t notes;
    int written;

    for (size_t i = 0; i < files->foreigns; i++) {
        foreign = files->foreign[i].voxels ? &files->foreign[i] : foreign;
    }

    if (files->chosen != SIZE_MAX) {
        g = &files->plan->groups[files->chosen];
        assemble_header(&volume, &notes, files, g);
        report_done(report, files, &volume, notes);
        written = assemble_write(im->sink, &volume, files, g) &&
                  !import_is_cut(files, g);

    } else if (foreign != NULL) {
        report_done_foreign(report, files, foreign);
        written = foreign_write(im->sink, foreign);

    } else {
        report_failed(report, files, REASON_NONE);
        return IMPORT_NOTHING;
    }

    if (!written) {
        report_failed(report, files, REASON_CRASHED);
        return IMPORT_MALFORMED;
    }

    return IMPORT_DONE;
}


/* What was lost after its picture had been measured. */
static int
import_is_cut(const import_files_t *files, const expo_group_t *g)
{
    int cut = 0;

    for (size_t i = 0; i < g->count; i++) {
        cut |= file_is_cut(files->picture[files->of[g->members[i]]].file);
    }

    return cut;
}


/* --- the files --- */

/* One file, in any thread. */
static void
import_read(void *data, size_t i)
{
    import_t *im = data;

    read_file(&im->files.file[i], im->allowed);
}


/* Each frame of a usable file is a picture of its own from here on. */
static reason_t
import_pictures(import_t *im)
{
    import_files_t *files = &im->files;
    import_file_t *f;
    size_t n = 0;

    for (size_t i = 0; i < files->count; i++) {
        f = &files->file[i];
        if (f->dicom && f->reason == REASON_NONE) {
            n += f->header.frames;
            files->unpacked_bytes += f->open.inflated ? f->open.bytes : 0;
        }
    }

    files->picture = calloc(n + 1, sizeof *files->picture);
    files->slices = calloc(n + 1, sizeof *files->slices);
    files->of = calloc(n + 1, sizeof *files->of);
    im->todo = calloc(n + 1, sizeof *im->todo);

    if (n > EXPO_SERIES_SLICES_MAX || files->picture == NULL ||
        files->slices == NULL || files->of == NULL || im->todo == NULL) {
        return REASON_TOO_LARGE;
    }

    for (size_t i = 0; i < files->count; i++) {
        f = &files->file[i];

        for (uint32_t k = 0;
             f->dicom && f->reason == REASON_NONE && k < f->header.frames;
             k++) {
            files->picture[files->pictures].file = f;
            files->picture[files->pictures++].frame = k;
        }
    }

    return REASON_NONE;
}


/* --- the series --- */

static reason_t
import_plan(import_t *im)
{
    import_files_t *files = &im->files;
    const import_picture_t *p;
    expo_status_t st;

    expo_plan_free(files->plan);
    files->plan = NULL;
    files->chosen = SIZE_MAX;

    files->usable = 0;
    for (size_t i = 0; i < files->pictures; i++) {
        p = &files->picture[i];

        if (p->reason == REASON_NONE) {
            files->of[files->usable] = i;
            files->slices[files->usable++] =
                p->file->header.frame[p->frame].slice;
        }
    }

    st = expo_series_plan(files->slices, files->usable, &files->plan);
    return st == EXPO_OK ? REASON_NONE : REASON_TOO_LARGE;
}


/* Marks the pictures of the series asked for: indexes change, pictures stay. */
static void
import_want(import_t *im, size_t series)
{
    const expo_group_t *g;

    if (im->files.plan == NULL || series >= im->files.plan->count) {
        return;
    }

    g = &im->files.plan->groups[series];
    for (size_t i = 0; i < g->count; i++) {
        im->files.picture[im->files.of[g->members[i]]].wanted = 1;
    }
}


static void
import_choose(import_t *im, size_t series)
{
    import_files_t *files = &im->files;
    const expo_group_t *g;

    if (files->plan == NULL) {
        return;
    }

    if (series == IMPORT_CHOOSE) {
        files->chosen = files->plan->chosen;
        return;
    }

    for (size_t i = 0; i < files->plan->count; i++) {
        g = &files->plan->groups[i];
        if (g->drop == EXPO_DROP_NONE &&
            files->picture[files->of[g->members[0]]].wanted) {
            files->chosen = i;
        }
    }
}


/* --- the pictures --- */

/* What the chosen group still needs. */
static reason_t
import_decode_all(import_t *im)
{
    import_files_t *files = &im->files;
    const expo_group_t *g = &files->plan->groups[files->chosen];
    size_t i;

    if (!import_room(im, g)) {
        return REASON_TOO_LARGE;
    }

    im->todo_count = 0;
    for (size_t k = 0; k < 2 * (size_t) g->dims[2]; k++) {
        i = files->of[k % 2 ? g->layers[k / 2].above : g->layers[k / 2].below];

        if (!files->picture[i].decoding) {
            files->picture[i].decoding = 1;
            im->todo[im->todo_count++] = i;
        }
    }

    return import_decode_todo(im);
}


/* Afterwards todo_count says how many failed. */
static reason_t
import_decode_todo(import_t *im)
{
    size_t failed = 0;

    im->stage = "decoding";
    if (!pool_each(im->todo_count, import_decode, im, import_step)) {
        return REASON_STUCK;
    }

    for (size_t k = 0; k < im->todo_count; k++) {
        failed += im->files.picture[im->todo[k]].reason != REASON_NONE;
    }

    im->todo_count = failed;
    return REASON_NONE;
}


/*
 * No volume to be had: a few pictures are decoded all the same, because a
 * picture cut short deserves another sentence than one that stands alone.
 */
static reason_t
import_probe(import_t *im)
{
    import_files_t *files = &im->files;
    import_picture_t *p;

    im->todo_count = 0;
    for (size_t i = 0; i < files->usable && im->todo_count < IMPORT_PROBES_MAX;
         i++) {
        p = &files->picture[files->of[i]];

        if (!p->decoding) {
            p->decoding = 1;
            im->todo[im->todo_count++] = files->of[i];
        }
    }

    if (import_decode_todo(im) != REASON_NONE) {
        return REASON_STUCK;
    }

    return import_plan(im);
}


static int
import_room(const import_t *im, const expo_group_t *g)
{
    const import_files_t *files = &im->files;
    const import_picture_t *p;
    uint64_t bytes = 0;

    for (size_t i = 0; i < g->count; i++) {
        p = &files->picture[files->of[g->members[i]]];
        bytes +=
            pixels_bytes(&p->file->header, &p->file->data, p->file->big_endian);
    }

    return bytes + im->body_bytes + files->unpacked_bytes <= IMPORT_BYTES_MAX;
}


/* One picture's pixels, in any thread. */
static void
import_decode(void *data, size_t i)
{
    import_t *im = data;
    import_picture_t *p = &im->files.picture[im->todo[i]];
    const import_file_t *f = p->file;

    p->reason =
        read_reason(pixels_take(&p->pixels, &f->header, &f->data, p->frame,
                                f->open.syntax, f->big_endian));

    if (p->reason == REASON_NONE) {
        assemble_measure(p);
        p->reason = file_is_cut(f) ? REASON_TRUNCATED : REASON_NONE;
    }
}


static void
import_step(void *data, size_t done)
{
    const import_t *im = data;
    size_t n = im->todo_count ? im->todo_count : im->files.count;

    im->sink->progress(im->sink->data, im->stage,
                       n ? (double) done / (double) n : 1.0);
}


/* Threads still write to everything: nothing is looked at, nothing freed. */
static import_result_t
import_stuck(json_t **report)
{
    *report = report_bare(REASON_STUCK);
    return IMPORT_MALFORMED;
}


static void
import_release(import_t *im)
{
    for (size_t i = 0; i < im->files.pictures; i++) {
        pixels_free(&im->files.picture[i].pixels);
    }

    for (size_t i = 0; i < im->files.count; i++) {
        read_release(&im->files.file[i]);
    }

    expo_plan_free(im->files.plan);
    expo_deidentify_close(im->allowed);
    foreign_release(&im->files);
    unpack_release(&im->files);
    free(im->files.picture);
    free(im->files.slices);
    free(im->files.of);
    free(im->todo);
}
