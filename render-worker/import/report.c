#include "render-worker/import/report.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "lib/archive.h"
#include "render-worker/import/report_text.h"

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

static void report_line(report_lines_t *lines, const import_file_t *f,
                        reason_t reason);
static void report_kept(json_t *report, json_t *series, const expo_volume_t *v);
static void report_others(json_t *report);
static json_t *report_line_new(reason_t reason, const char *what, size_t files,
                               const char *modality, const char *encoding);
static const char *report_format(const import_file_t *f);
static void report_dims(json_t *series, const uint32_t dims[3]);
static json_t *report_foreign(const import_foreign_t *f, size_t index);
static void report_geometry(json_t *series, const double affine[12]);
static json_t *report_series(const import_files_t *files);
static json_t *report_group(const import_files_t *files, const expo_group_t *g,
                            size_t index);
static void report_refused(json_t *list, const import_files_t *files);
static json_t *report_numbers(const double *v, size_t n);
static const char *report_encoding(const import_files_t *files);


json_t *
report_new(const import_files_t *files)
{
    json_t *warnings = json_array();
    size_t dicom = 0, used = 0, removed = 0, private = 0;
    const import_file_t *f;

    for (size_t i = 0; i < files->count; i++) {
        f = &files->file[i];
        dicom += f->dicom != 0;
        used += f->dicom && f->reason == REASON_NONE;
        removed += f->removed;
        private += f->removed_private;
    }

    report_file_warnings(warnings, files);

    return json_pack("{s:i, s:{s:I, s:I, s:I, s:I}, s:{s:I, s:I}, s:o, s:o}",
                     "version", 1, "files", "total", (json_int_t) files->count,
                     "dicom", (json_int_t) dicom, "not_dicom",
                     (json_int_t) (files->count - dicom), "skipped",
                     (json_int_t) (dicom - used), "removed", "elements",
                     (json_int_t) removed, "private", (json_int_t) private,
                     "series", report_series(files), "warnings", warnings);
}


void
report_done(json_t *report, const import_files_t *files, const expo_volume_t *v,
            uint32_t notes)
{
    json_t *series =
        json_array_get(json_object_get(report, "series"), files->chosen);
    json_t *own = json_object_get(series, "warnings");

    report_note_warnings(own, v, notes);
    report_kept(report, series, v);
}


void
report_done_foreign(json_t *report, const import_files_t *files,
                    const import_foreign_t *f)
{
    size_t at = files->plan->count + (size_t) (f - files->foreign);
    json_t *series = json_array_get(json_object_get(report, "series"), at);

    report_kept(report, series, &f->header);
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

    for (size_t i = 0; i < files->foreigns; i++) {
        tally[files->foreign[i].reason]++;
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

    json_object_set_new(
        report, "failure",
        report_sentence(why, why == REASON_FOREIGN && files->foreigns > 0
                                 ? files->foreign[0].note
                                 : report_encoding(files)));
}


json_t *
report_bare(reason_t why)
{
    return json_pack("{s:i, s:[], s:[], s:o}", "version", 1, "series",
                     "warnings", "failure", report_sentence(why, NULL));
}


/* One of the list became v: it has no reason against it, and what is said of
 * it is said of the scan. */
static void
report_kept(json_t *report, json_t *series, const expo_volume_t *v)
{
    json_t *all = json_object_get(report, "warnings");

    json_object_set_new(series, "kept", json_true());
    json_object_del(series, "reason");
    json_object_del(series, "detail");
    json_object_set_new(series, "unit", json_string(v->unit));
    json_object_set_new(series, "range",
                        json_pack("[f, f]", v->offset + v->scale * v->voxel_min,
                                  v->offset + v->scale * v->voxel_max));
    json_array_extend(all, json_object_get(series, "warnings"));
    report_others(report);
}


/* Those that could have been taken as well. */
static void
report_others(json_t *report)
{
    json_t *list = json_object_get(report, "series"), *entry;
    size_t i, others = 0;
    const char *reason;

    json_array_foreach(list, i, entry)
    {
        reason = json_string_value(json_object_get(entry, "reason"));
        others += reason != NULL && strcmp(reason, "fewer_slices") == 0;
    }

    if (others > 0) {
        report_warn(json_object_get(report, "warnings"), "other_series",
                    others == 1 ? "%zu other series was left out; to see it, "
                                  "upload it alone."
                                : "%zu other series were left out; to see one "
                                  "of them, upload it alone.",
                    others);
    }
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

    for (size_t i = 0; i < files->foreigns; i++) {
        json_array_append_new(
            list, report_foreign(&files->foreign[i], json_array_size(list)));
    }

    report_refused(list, files);
    return list;
}


static json_t *
report_group(const import_files_t *files, const expo_group_t *g, size_t index)
{
    const import_file_t *f = files->picture[files->of[g->members[0]]].file;
    const import_file_t *last = NULL, *next;
    reason_t reason = report_reason(g->drop);
    size_t count = 0;
    json_t *o, *filled;

    if (reason == REASON_NONE) {
        reason = g->times > 1 ? REASON_OTHER_TIME : REASON_FEWER;
    }

    /* A file's pictures follow each other. */
    for (size_t i = 0; i < g->count; i++) {
        next = files->picture[files->of[g->members[i]]].file;
        count += next != last;
        last = next;
    }

    o = report_line_new(reason, NULL, count, f->header.modality, f->encoding);
    json_object_set_new(o, "index", json_integer((json_int_t) index));
    json_object_set_new(o, "pictures", json_integer((json_int_t) g->count));
    json_object_set_new(o, "warnings", report_group_warnings(g));
    report_dims(o, g->dims);

    if (g->drop != EXPO_DROP_NONE) {
        return o;
    }

    if (g->times > 1) {
        json_object_set_new(
            o, "time",
            json_pack("[I, I]", (json_int_t) g->time, (json_int_t) g->times));
    }

    json_object_set_new(o, "positions",
                        json_integer((json_int_t) g->positions));
    report_geometry(o, g->affine);
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


static json_t *
report_foreign(const import_foreign_t *f, size_t index)
{
    const reason_t reason = f->reason == REASON_NONE ? REASON_FEWER : f->reason;
    json_t *o = report_line_new(reason, f->note, 1, f->header.modality,
                                report_format(f->file));
    json_t *warnings = json_object_get(o, "warnings");

    json_object_set_new(o, "index", json_integer((json_int_t) index));

    if (f->reason != REASON_NONE) {
        return o;
    }

    report_dims(o, f->header.dims);
    report_geometry(o, f->header.affine);
    report_warn(warnings, "orientation_unsure",
                "%s files are no record of a scanner: left and right may be "
                "exchanged and sizes wrong. Compare with what you know.",
                report_format(f->file));

    if (f->note[0] != '\0') {
        report_warn(warnings, "reader", "%c%s.", toupper(f->note[0]),
                    f->note + 1);
    }

    return o;
}


/* What every line of the list has; report_kept takes the reason away. */
static json_t *
report_line_new(reason_t reason, const char *what, size_t files,
                const char *modality, const char *encoding)
{
    json_t *sentence = report_sentence(reason, what), *o;

    o = json_pack("{s:b, s:O, s:O, s:I, s:s, s:s, s:[]}", "kept", 0, "reason",
                  json_object_get(sentence, "code"), "detail",
                  json_object_get(sentence, "detail"), "files",
                  (json_int_t) files, "modality", modality, "encoding",
                  encoding, "warnings");
    json_decref(sentence);
    return o;
}


static const char *
report_format(const import_file_t *f)
{
    switch (expo_archive_kind(f->entry.data, f->entry.bytes)) {
    case EXPO_ARCHIVE_NRRD:
        return "NRRD";
    case EXPO_ARCHIVE_METAIMAGE:
        return "MetaImage";
    default:
        return "NIfTI";
    }
}


static void
report_dims(json_t *series, const uint32_t dims[3])
{
    json_object_set_new(series, "dims",
                        json_pack("[I, I, I]", (json_int_t) dims[0],
                                  (json_int_t) dims[1], (json_int_t) dims[2]));
}


static void
report_geometry(json_t *series, const double affine[12])
{
    double spacing[3], direction[9];

    for (int i = 0; i < 3; i++) {
        spacing[i] =
            sqrt(affine[i] * affine[i] + affine[4 + i] * affine[4 + i] +
                 affine[8 + i] * affine[8 + i]);
    }

    for (int i = 0; i < 9; i++) {
        direction[i] = affine[4 * (i % 3) + i / 3] / spacing[i / 3];
    }

    json_object_set_new(series, "spacing_mm", report_numbers(spacing, 3));
    json_object_set_new(series, "direction", report_numbers(direction, 9));
    json_object_set_new(series, "affine", report_numbers(affine, 12));
}


/* Files and pictures left out one by one, as lines of a series and a reason.
 */
static void
report_refused(json_t *list, const import_files_t *files)
{
    report_lines_t lines = {0};
    const import_file_t *f;

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
        json_array_append_new(list,
                              report_line_new(lines.line[k].reason, f->encoding,
                                              lines.line[k].count,
                                              f->header.modality, f->encoding));
    }

    for (size_t i = 0; i < files->count && files->foreign == NULL; i++) {
        if (files->file[i].volume) {
            json_array_append_new(
                list, report_line_new(REASON_BESIDE_DICOM, NULL, 1, "",
                                      report_format(&files->file[i])));
        }
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
