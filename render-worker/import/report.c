#include "render-worker/import/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "render-worker/import/assemble.h"

enum { REPORT_LINES = 64 };

typedef struct {
    struct {
        uint64_t series;
        reason_t reason;
        const import_file_t *first;
        size_t count;
    } line[REPORT_LINES];
    size_t count;
} report_lines_t;

typedef struct {
    const char *code;
    const char *failure; /* why there is no picture */
} report_text_t;

static const report_text_t report_texts[REASON_COUNT] = {
    [REASON_TRUNCATED] =
        {"truncated", "The pictures are incomplete: the files end in the "
                      "middle. Please copy "
                      "them from the disc once more and upload them again."},
    [REASON_UNSUPPORTED] =
        {"unsupported_syntax",
         "The pictures are stored in a form that cannot be read here yet"},
    [REASON_MULTIFRAME] =
        {"multiframe",
         "The pictures are stored many in one file (enhanced or multi-frame "
         "DICOM), which cannot be read here yet."},
    [REASON_DAMAGED] =
        {"damaged",
         "The files are damaged and cannot be read. Please copy them from the "
         "disc once more and upload them again."},
    [REASON_COLOUR] = {"colour",
                       "These are colour pictures. A scan that can be shown in "
                       "three dimensions is a stack of grey pictures."},
    [REASON_MOSAIC] = {"mosaic",
                       "Each file holds a mosaic of many small pictures, which "
                       "cannot be read here yet."},
    [REASON_MODALITY_LUT] =
        {"modality_lut", "The pictures use a table of values that cannot be "
                         "read here yet."},
    [REASON_TOO_LARGE] = {"too_large",
                          "The scan is larger than this service can take."},
    [REASON_NO_PIXELS] = {"no_pixels", "The files hold no pictures."},
    [REASON_NOT_IMAGE] =
        {"not_image", "The files hold reports or other data, and no CT or MR "
                      "pictures."},
    [REASON_ONE_SLICE] =
        {"one_slice", "There is only one slice. A scan that can be shown in "
                      "three dimensions needs a whole stack of them."},
    [REASON_LOCALIZER] =
        {"localizer", "There are only overview pictures, which are taken to "
                      "plan a scan. The scan itself is missing."},
    [REASON_NO_GEOMETRY] =
        {"no_geometry", "The files do not say where in the body each picture "
                        "lies, so they cannot be stacked."},
    [REASON_SCATTERED] = {"scattered",
                          "The pictures do not form a stack: they lie too far "
                          "apart, or at an angle."},
    [REASON_FEWER] = {"fewer_slices", "Another series has more slices."},
    [REASON_NO_DICOM] =
        {"no_dicom", "None of the files is a DICOM picture. Please choose the "
                     "folder of the disc that you got from the hospital."},
    [REASON_EMPTY] = {"empty", "The upload holds no files."},
    [REASON_UNKNOWN] =
        {"unknown_file",
         "This is neither a scan (DICOM, NIfTI, NRRD or MetaImage) nor an "
         "archive (zip or tar) of one."},
    [REASON_ARCHIVE] =
        {"damaged_archive",
         "The archive is damaged. Please pack the files once more, or upload "
         "them as they are."},
    [REASON_ARCHIVE_CUT] =
        {"truncated_archive",
         "The archive ends in the middle. Please copy it once more and upload "
         "it again."},
    [REASON_ARCHIVE_FORM] =
        {"unsupported_archive",
         "The zip is split into several files, or packed in a way that cannot "
         "be read here. Please pack the files as an ordinary zip."},
    [REASON_ENCRYPTED] =
        {"encrypted", "The zip is locked with a password. Please unpack it and "
                      "upload the files."},
    [REASON_BOMB] = {"archive_bomb",
                     "The archive would unpack to a hundred times its size "
                     "and more, which no scan does. It was not unpacked."},
    [REASON_CRASHED] =
        {"damaged", "The files could not be read: one of them is damaged in a "
                    "way that stopped the import."},
    [REASON_STUCK] = {"damaged",
                      "One of the files takes too long to read; it is probably "
                      "damaged."}};

static void report_line(report_lines_t *lines, const import_file_t *f,
                        reason_t reason);
static json_t *report_series(const import_files_t *files);
static json_t *report_group(const import_files_t *files, const expo_group_t *g,
                            size_t index);
static void report_refused(json_t *list, const import_files_t *files);
static void report_file_warnings(json_t *warnings, const import_files_t *files);
static json_t *report_group_warnings(const expo_group_t *g);
static void report_warn(json_t *warnings, const char *code, const char *format,
                        ...) __attribute__((format(printf, 3, 4)));
static json_t *report_numbers(const double *v, size_t n);
static const char *report_encoding(const import_files_t *files);


json_t *
report_new(const import_files_t *files)
{
    json_t *warnings = json_array();
    size_t dicom = 0, used = 0;

    for (size_t i = 0; i < files->count; i++) {
        dicom += files->file[i].dicom != 0;
        used += files->file[i].dicom && files->file[i].reason == REASON_NONE;
    }

    report_file_warnings(warnings, files);

    if (files->cut) {
        report_warn(warnings, "truncated_archive",
                    "The archive ends in the middle; files may be missing.");
    }

    return json_pack("{s:i, s:{s:I, s:I, s:I, s:I}, s:o, s:o}", "version", 1,
                     "files", "total", (json_int_t) files->count, "dicom",
                     (json_int_t) dicom, "not_dicom",
                     (json_int_t) (files->count - dicom), "skipped",
                     (json_int_t) (dicom - used), "series",
                     report_series(files), "warnings", warnings);
}


void
report_done(json_t *report, const import_files_t *files, const expo_volume_t *v,
            uint32_t notes)
{
    json_t *all = json_object_get(report, "warnings");
    json_t *series =
        json_array_get(json_object_get(report, "series"), files->chosen);
    json_t *own = json_object_get(series, "warnings");

    if (notes & ASSEMBLE_INVERTED) {
        report_warn(own, "inverted",
                    "The pictures were stored black for "
                    "white and have been turned over.");
    }

    if (notes & ASSEMBLE_ROUNDED) {
        report_warn(own, "rounded",
                    "Values were rounded to steps of %.3g to fit.", v->scale);
    }

    json_object_set_new(series, "kept", json_true());
    json_object_del(series, "reason");
    json_object_del(series, "detail");
    json_object_set_new(series, "unit", json_string(v->unit));
    json_object_set_new(series, "range",
                        json_pack("[f, f]", v->offset + v->scale * v->voxel_min,
                                  v->offset + v->scale * v->voxel_max));
    json_array_extend(all, own);
}


void
report_failed(json_t *report, const import_files_t *files, reason_t why)
{
    size_t tally[REASON_COUNT] = {0}, most = 0;
    const expo_plan_t *plan = files->plan;

    for (size_t i = 0; i < files->count && why == REASON_NONE; i++) {
        tally[files->file[i].reason] += files->file[i].dicom != 0;
    }

    for (size_t i = 0; i < files->pictures && why == REASON_NONE; i++) {
        tally[files->picture[i].reason]++;
    }

    for (size_t i = 0; plan != NULL && i < plan->count; i++) {
        tally[report_reason(plan->groups[i].drop)] += plan->groups[i].count;
    }

    for (int r = REASON_NONE + 1; r < REASON_COUNT && why == REASON_NONE; r++) {
        most = tally[r] > most ? tally[r] : most;
    }

    for (int r = REASON_NONE + 1; r < REASON_COUNT && why == REASON_NONE; r++) {
        if (most > 0 && tally[r] == most) {
            why = (reason_t) r;
        }
    }

    if (why == REASON_NONE) {
        why = files->count > 0 ? REASON_NO_DICOM : REASON_EMPTY;
    }

    json_object_set_new(report, "failure",
                        report_sentence(why, report_encoding(files)));
}


json_t *
report_bare(reason_t why)
{
    return json_pack("{s:i, s:[], s:[], s:o}", "version", 1, "series",
                     "warnings", "failure", report_sentence(why, NULL));
}


json_t *
report_sentence(reason_t why, const char *what)
{
    char text[300];

    if (why == REASON_UNSUPPORTED) {
        snprintf(text, sizeof text, "%s (%s).", report_texts[why].failure,
                 what ? what : "an unknown encoding");
        return json_pack("{s:s, s:s}", "code", report_texts[why].code, "detail",
                         text);
    }

    return json_pack("{s:s, s:s}", "code", report_texts[why].code, "detail",
                     report_texts[why].failure);
}


reason_t
report_reason(expo_drop_t drop)
{
    static const reason_t reasons[] = {
        [EXPO_DROP_NONE] = REASON_NONE,
        [EXPO_DROP_ONE_SLICE] = REASON_ONE_SLICE,
        [EXPO_DROP_LOCALIZER] = REASON_LOCALIZER,
        [EXPO_DROP_NO_GEOMETRY] = REASON_NO_GEOMETRY,
        [EXPO_DROP_SCATTERED] = REASON_SCATTERED,
        [EXPO_DROP_TOO_LARGE] = REASON_TOO_LARGE};

    return reasons[drop];
}


/* --- series --- */

/* Groups first, so that an index into the list is one into the plan. */
static json_t *
report_series(const import_files_t *files)
{
    json_t *list = json_array();

    for (size_t i = 0; files->plan != NULL && i < files->plan->count; i++) {
        json_array_append_new(list,
                              report_group(files, &files->plan->groups[i], i));
    }

    report_refused(list, files);
    return list;
}


static json_t *
report_group(const import_files_t *files, const expo_group_t *g, size_t index)
{
    const import_file_t *f = files->picture[files->of[g->members[0]]].file;
    reason_t reason = report_reason(g->drop);
    const double *a = g->affine;
    double direction[9];
    json_t *o, *sentence, *filled;

    if (reason == REASON_NONE) {
        reason = REASON_FEWER;
    }

    sentence = report_sentence(reason, NULL);
    o = json_pack("{s:I, s:b, s:O, s:O, s:I, s:s, s:s, s:[I, I, I], s:o}",
                  "index", (json_int_t) index, "kept", 0, "reason",
                  json_object_get(sentence, "code"), "detail",
                  json_object_get(sentence, "detail"), "files",
                  (json_int_t) g->count, "modality", f->header.modality,
                  "encoding", f->encoding, "dims", (json_int_t) g->dims[0],
                  (json_int_t) g->dims[1], (json_int_t) g->dims[2], "warnings",
                  report_group_warnings(g));
    json_decref(sentence);

    if (g->drop != EXPO_DROP_NONE) {
        return o;
    }

    for (int i = 0; i < 9; i++) {
        direction[i] = a[4 * (i % 3) + i / 3] / g->spacing_mm[i / 3];
    }

    json_object_set_new(o, "positions",
                        json_integer((json_int_t) g->positions));
    json_object_set_new(o, "spacing_mm", report_numbers(g->spacing_mm, 3));
    json_object_set_new(o, "direction", report_numbers(direction, 9));
    json_object_set_new(o, "affine", report_numbers(a, 12));
    json_object_set_new(o, "tilt_deg", json_real(g->tilt_deg));

    filled = json_array();
    for (size_t k = 0; k < g->dims[2]; k++) {
        if (g->layers[k].part > 0) {
            json_array_append_new(filled, json_integer((json_int_t) k));
        }
    }
    json_object_set_new(o, "filled", filled);

    return o;
}


/* Files and pictures left out one by one, as lines of a series and a reason.
 */
static void
report_refused(json_t *list, const import_files_t *files)
{
    report_lines_t lines = {0};
    const import_file_t *f;
    json_t *sentence;

    for (size_t i = 0; i < files->count; i++) {
        if (files->file[i].dicom) {
            report_line(&lines, &files->file[i], files->file[i].reason);
        }
    }

    for (size_t i = 0; i < files->pictures; i++) {
        report_line(&lines, files->picture[i].file, files->picture[i].reason);
    }

    for (size_t k = 0; k < lines.count; k++) {
        f = lines.line[k].first;
        sentence = report_sentence(lines.line[k].reason, f->encoding);
        json_array_append_new(
            list,
            json_pack("{s:b, s:O, s:O, s:I, s:s, s:s, s:[]}", "kept", 0,
                      "reason", json_object_get(sentence, "code"), "detail",
                      json_object_get(sentence, "detail"), "files",
                      (json_int_t) lines.line[k].count, "modality",
                      f->header.modality, "encoding", f->encoding, "warnings"));
        json_decref(sentence);
    }
}


static void
report_line(report_lines_t *lines, const import_file_t *f, reason_t reason)
{
    size_t k = 0;

    if (reason == REASON_NONE) {
        return;
    }

    while (k < lines->count && (lines->line[k].series != f->header.series ||
                                lines->line[k].reason != reason)) {
        k++;
    }

    if (k == REPORT_LINES) {
        return;
    }

    if (k == lines->count) {
        lines->count++;
        lines->line[k].series = f->header.series;
        lines->line[k].reason = reason;
        lines->line[k].first = f;
    }

    lines->line[k].count++;
}


/* --- warnings --- */

static void
report_file_warnings(json_t *warnings, const import_files_t *files)
{
    static const struct {
        reason_t reason;
        const char *what;
    } skipped[] = {{REASON_TRUNCATED, "end in the middle"},
                   {REASON_DAMAGED, "are damaged"},
                   {REASON_TOO_LARGE, "are too large"}};
    size_t n[REASON_COUNT] = {0}, foreign = 0, burned = 0;
    size_t all = files->pictures;
    char code[40];

    for (size_t i = 0; i < files->count; i++) {
        foreign += !files->file[i].dicom;
        n[files->file[i].reason] += files->file[i].dicom != 0;
        all += files->file[i].dicom && files->file[i].reason != REASON_NONE;
        burned += files->file[i].dicom && files->file[i].header.burned_in;
    }

    for (size_t i = 0; i < files->pictures; i++) {
        n[files->picture[i].reason]++;
    }

    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++) {
        if (n[skipped[i].reason] > 0) {
            snprintf(code, sizeof code, "skipped_%s",
                     report_texts[skipped[i].reason].code);
            report_warn(warnings, code,
                        "%zu of %zu pictures %s and were left "
                        "out.",
                        n[skipped[i].reason], all, skipped[i].what);
        }
    }

    if (foreign > 0) {
        report_warn(warnings, "not_dicom",
                    "%zu of %zu files are not DICOM and were ignored.", foreign,
                    files->count);
    }

    if (burned > 0) {
        report_warn(warnings, "burned_in",
                    "%zu pictures may carry writing, "
                    "such as a name, in the picture itself.",
                    burned);
    }
}


static json_t *
report_group_warnings(const expo_group_t *g)
{
    json_t *w = json_array();

    if (g->warnings & EXPO_WARN_MISSING) {
        report_warn(w, "missing_slices",
                    "%zu of %u slices are missing and "
                    "were filled in from their neighbours.",
                    g->filled, g->dims[2]);
    }

    if (g->warnings & EXPO_WARN_IRREGULAR) {
        report_warn(w, "irregular_spacing",
                    "The slices lie at uneven "
                    "distances; %zu of %u were calculated.",
                    g->filled, g->dims[2]);
    }

    if (g->warnings & EXPO_WARN_TILT) {
        report_warn(w, "gantry_tilt",
                    "The scanner was tilted by %.1f "
                    "degrees; the picture is shown upright.",
                    g->tilt_deg);
    }

    if (g->warnings & EXPO_WARN_DUPLICATES) {
        report_warn(w, "duplicates",
                    "%zu pictures lie where another lies "
                    "and were left out.",
                    g->duplicates);
    }

    if (g->warnings & EXPO_WARN_TIMES) {
        report_warn(w, "time_points",
                    "There are %zu pictures at each place; "
                    "the first of them are shown.",
                    g->times);
    }

    if (g->warnings & EXPO_WARN_NO_POSITION) {
        report_warn(w, "no_position",
                    "The files do not say where the slices "
                    "lie; they were stacked by number, so left and right or "
                    "the size may be wrong.");
    }

    if (g->warnings & EXPO_WARN_SHIFTED) {
        report_warn(w, "shifted_slices",
                    "Some slices are shifted sideways "
                    "against the others.");
    }

    return w;
}


static void
report_warn(json_t *warnings, const char *code, const char *format, ...)
{
    char text[300];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);

    json_array_append_new(
        warnings, json_pack("{s:s, s:s}", "code", code, "detail", text));
}


static json_t *
report_numbers(const double *v, size_t n)
{
    json_t *a = json_array();

    for (size_t i = 0; i < n; i++) {
        json_array_append_new(a, json_real(v[i]));
    }

    return a;
}


static const char *
report_encoding(const import_files_t *files)
{
    for (size_t i = 0; i < files->count; i++) {
        if (files->file[i].reason == REASON_UNSUPPORTED) {
            return files->file[i].encoding;
        }
    }

    return NULL;
}
