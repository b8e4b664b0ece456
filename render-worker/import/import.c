#include "render-worker/import/import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/import/assemble.h"
#include "render-worker/import/dicom_file.h"
#include "render-worker/import/pool.h"
#include "render-worker/import/report.h"
#include "render-worker/import/unpack.h"

/* Upload, what it unpacks to and decoded pictures together, within
 * SANDBOX_ADDRESS_SPACE. */
#define IMPORT_BYTES_MAX (3ull << 30)
#define IMPORT_PROBES_MAX 32

typedef struct {
    const import_sink_t *sink;
    import_files_t files;
    uint64_t body_bytes;
    size_t *todo; /* files to decode */
    size_t todo_count;
    const char *stage;
} import_t;

static void import_read(void *data, size_t i);
static reason_t import_judge(const dicom_header_t *h);
static void import_clean(dicom_header_t *h);
static reason_t import_plan(import_t *im);
static void import_want(import_t *im, size_t series);
static void import_choose(import_t *im, size_t series);
static reason_t import_decode_all(import_t *im);
static reason_t import_decode_todo(import_t *im);
static reason_t import_probe(import_t *im);
static int import_room(const import_t *im, const expo_group_t *g);
static void import_decode(void *data, size_t i);
static void import_step(void *data, size_t done);
static reason_t import_reason(dicom_status_t st);
static size_t import_stored_bytes(const dicom_header_t *h);
static import_result_t import_stuck(json_t **report);
static void import_release(import_t *im);


import_result_t
import_run(const import_sink_t *sink, const uint8_t *body, uint64_t len,
           size_t series, json_t **report)
{
    import_t im = {.sink = sink, .body_bytes = len};
    import_result_t result = IMPORT_DONE;
    expo_volume_t volume;
    uint32_t notes;
    reason_t why;

    im.files.chosen = SIZE_MAX;

    why = len > IMPORT_BYTES_MAX
              ? REASON_TOO_LARGE
              : unpack_list(&im.files, body, len, IMPORT_BYTES_MAX - len);
    if (why == REASON_UNKNOWN || why == REASON_ARCHIVE ||
        why == REASON_ARCHIVE_CUT) {
        result = IMPORT_MALFORMED;
    }

    if (why == REASON_NONE) {
        im.stage = "reading";
        if (!pool_each(im.files.count, import_read, &im, import_step)) {
            return import_stuck(report);
        }

        why = import_plan(&im);
        import_want(&im, series);
        import_choose(&im, series);
    }

    while (why == REASON_NONE && im.files.chosen != SIZE_MAX) {
        why = import_decode_all(&im);
        if (why == REASON_STUCK) {
            return import_stuck(report);
        }

        if (why != REASON_NONE || im.todo_count == 0) {
            break;
        }

        /* Some did not decode: what is left may lie differently. */
        why = import_plan(&im);
        import_choose(&im, series);
    }

    if (why == REASON_NONE && im.files.chosen == SIZE_MAX) {
        why = import_probe(&im);
        if (why == REASON_STUCK) {
            return import_stuck(report);
        }
    }

    *report = report_new(&im.files);

    if (why != REASON_NONE || im.files.chosen == SIZE_MAX) {
        report_failed(*report, &im.files, why);
        import_release(&im);
        return result == IMPORT_DONE ? IMPORT_NOTHING : result;
    }

    assemble_header(&volume, &notes, &im.files,
                    &im.files.plan->groups[im.files.chosen]);
    report_done(*report, &im.files, &volume, notes);

    if (!assemble_write(sink, &volume, &im.files,
                        &im.files.plan->groups[im.files.chosen])) {
        report_failed(*report, &im.files, REASON_CRASHED);
        result = IMPORT_MALFORMED;
    }

    import_release(&im);
    return result;
}


/* --- the files --- */

/* One file's header, in any thread. */
static void
import_read(void *data, size_t i)
{
    import_t *im = data;
    import_file_t *f = &im->files.file[i];
    dicom_file_t file;
    dicom_file_status_t st;
    dicom_status_t header;

    f->reason = unpack_file(f);
    if (f->reason != REASON_NONE) {
        return;
    }

    st = dicom_file_open(&file, f->entry.data, f->entry.bytes);
    f->dicom = st != DICOM_FILE_FOREIGN && st != DICOM_FILE_DIRECTORY;

    if (st == DICOM_FILE_OK || st == DICOM_FILE_UNSUPPORTED) {
        f->encoding = file.encoding;
        header = dicom_header(file.data, file.bytes, file.syntax, &f->header);
        import_clean(&f->header);

        f->reason = import_reason(header);
        if (header == DICOM_OK ||
            (header == DICOM_NO_PIXELS &&
             import_judge(&f->header) == REASON_NOT_IMAGE)) {
            f->reason = import_judge(&f->header);
        }

        if (st == DICOM_FILE_UNSUPPORTED && header == DICOM_OK) {
            f->reason = REASON_UNSUPPORTED;
        }

    } else if (f->dicom) {
        f->reason = st == DICOM_FILE_CUT         ? REASON_TRUNCATED
                    : st == DICOM_FILE_TOO_LARGE ? REASON_TOO_LARGE
                                                 : REASON_DAMAGED;
    }

    if (f->dicom && f->entry.cut) {
        f->reason = REASON_TRUNCATED;
    }

    if (f->dicom && f->damaged) {
        f->reason = REASON_DAMAGED;
    }

    dicom_file_close(&file);
}


/* Source: DICOM PS3.4, B.5: storage classes by their UID. */
static reason_t
import_judge(const dicom_header_t *h)
{
    static const char prefix[] = "1.2.840.10008.5.1.4.1.1.";
    static const char *const single[] = {"2", "4", "128", "7", "1.1", "12.1"};
    static const char *const many[] = {"2.1", "2.2", "4.1",   "4.3",
                                       "4.4", "20",  "128.1", "130"};
    const char *class = h->sop_class;
    int image = class[0] == '\0';

    if (strncmp(class, prefix, sizeof prefix - 1) == 0) {
        class += sizeof prefix - 1;

        for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
            if (strcmp(class, many[i]) == 0) {
                return REASON_MULTIFRAME;
            }
        }

        for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
            image = image || strcmp(class, single[i]) == 0;
        }
    }

    if (!image) {
        return REASON_NOT_IMAGE;
    }

    if (h->frames > 1) {
        return REASON_MULTIFRAME;
    }

    if (h->samples != 1 || h->palette) {
        return REASON_COLOUR;
    }

    if (h->mosaic) {
        return REASON_MOSAIC;
    }

    if (h->modality_lut) {
        return REASON_MODALITY_LUT;
    }

    if (h->slice.rows > DICOM_EDGE_MAX || h->slice.cols > DICOM_EDGE_MAX) {
        return REASON_TOO_LARGE;
    }

    if (h->slice.rows == 0 || h->slice.cols == 0 ||
        (h->bits_allocated != 8 && h->bits_allocated != 16 &&
         h->bits_allocated != 32) ||
        h->bits_stored == 0 || h->bits_stored > h->bits_allocated ||
        h->high_bit >= h->bits_allocated || h->high_bit + 1 < h->bits_stored ||
        !(fabs(h->slope) < 1e12) || !(fabs(h->intercept) < 1e12)) {
        return REASON_DAMAGED;
    }

    return REASON_NONE;
}


/*
 * The one text of a file that a volume keeps: whatever is not the name of a
 * machine that makes pictures could be a person's. PS3.3, C.7.3.1.1.1.
 */
static void
import_clean(dicom_header_t *h)
{
    static const char known[] = " BMD CR CT DX ES IO IVUS MG MR NM OCT OPT OT"
                                " PT PX RF RG ST US XA XC ";
    char word[sizeof h->modality + 2];

    snprintf(word, sizeof word, " %s ", h->modality);
    if (strchr(h->modality, ' ') != NULL || strstr(known, word) == NULL) {
        memset(h->modality, 0, sizeof h->modality);
    }

    if (h->slope == 0) {
        h->slope = 1;
    }
}


/* --- the series --- */

static reason_t
import_plan(import_t *im)
{
    import_files_t *files = &im->files;
    expo_status_t st;

    expo_plan_free(files->plan);
    files->plan = NULL;
    files->chosen = SIZE_MAX;

    if (files->slices == NULL) {
        files->slices = calloc(files->count + 1, sizeof *files->slices);
        files->of = calloc(files->count + 1, sizeof *files->of);
        im->todo = calloc(files->count + 1, sizeof *im->todo);
    }

    if (files->slices == NULL || files->of == NULL || im->todo == NULL) {
        return REASON_TOO_LARGE;
    }

    files->usable = 0;
    for (size_t i = 0; i < files->count; i++) {
        if (files->file[i].dicom && files->file[i].reason == REASON_NONE) {
            files->of[files->usable] = i;
            files->slices[files->usable++] = files->file[i].header.slice;
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
        im->files.file[im->files.of[g->members[i]]].wanted = 1;
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
            files->file[files->of[g->members[0]]].wanted) {
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

        if (!files->file[i].decoding) {
            files->file[i].decoding = 1;
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
        failed += im->files.file[im->todo[k]].reason != REASON_NONE;
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
    import_file_t *f;

    im->todo_count = 0;
    for (size_t i = 0; i < files->usable && im->todo_count < IMPORT_PROBES_MAX;
         i++) {
        f = &files->file[files->of[i]];

        if (!f->decoding) {
            f->decoding = 1;
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
    uint64_t bytes = 0;

    for (size_t i = 0; i < g->count; i++) {
        bytes +=
            import_stored_bytes(&files->file[files->of[g->members[i]]].header);
    }

    return bytes + im->body_bytes + files->unpacked_bytes <= IMPORT_BYTES_MAX;
}


/* One picture's pixels, in any thread. */
static void
import_decode(void *data, size_t i)
{
    import_t *im = data;
    import_file_t *f = &im->files.file[im->todo[i]];
    size_t n = (size_t) f->header.slice.rows * f->header.slice.cols;
    dicom_status_t st = DICOM_NO_MEMORY;
    dicom_file_t file;

    f->pixels = malloc(import_stored_bytes(&f->header));

    if (dicom_file_open(&file, f->entry.data, f->entry.bytes) ==
            DICOM_FILE_OK &&
        f->pixels != NULL) {
        st = dicom_pixels(file.data, file.bytes, file.syntax, &f->header,
                          f->pixels, n);
    }

    dicom_file_close(&file);

    if (st != DICOM_OK) {
        free(f->pixels);
        f->pixels = NULL;
        f->reason = import_reason(st);
        return;
    }

    assemble_measure(f);
}


static void
import_step(void *data, size_t done)
{
    const import_t *im = data;
    size_t n = im->todo_count ? im->todo_count : im->files.count;

    im->sink->progress(im->sink->data, im->stage,
                       n ? (double) done / (double) n : 1.0);
}


static reason_t
import_reason(dicom_status_t st)
{
    switch (st) {
    case DICOM_OK:
        return REASON_NONE;
    case DICOM_CUT:
        return REASON_TRUNCATED;
    case DICOM_NO_PIXELS:
        return REASON_NO_PIXELS;
    case DICOM_TOO_LARGE:
    case DICOM_NO_MEMORY:
        return REASON_TOO_LARGE;
    case DICOM_DAMAGED:
        break;
    }

    return REASON_DAMAGED;
}


static size_t
import_stored_bytes(const dicom_header_t *h)
{
    return (size_t) h->slice.rows * h->slice.cols *
           (h->bits_stored <= 16 ? 2 : 4);
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
    for (size_t i = 0; i < im->files.count; i++) {
        free(im->files.file[i].pixels);
    }

    expo_plan_free(im->files.plan);
    unpack_release(&im->files);
    free(im->files.slices);
    free(im->files.of);
    free(im->todo);
}
