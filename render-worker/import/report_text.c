#include "render-worker/import/report_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "render-worker/import/assemble.h"

enum { REPORT_PEOPLE = 16 };

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
         "There are many pictures in one file, and it does not say where in "
         "the body each lies, so they cannot be stacked."},
    [REASON_DAMAGED] =
        {"damaged",
         "The files are damaged and cannot be read. Please copy them from the "
         "disc once more and upload them again."},
    [REASON_COLOUR] =
        {"colour", "The pictures are stored in colours of a kind that cannot "
                   "be read here."},
    [REASON_BITS] = {"unsupported_bits",
                     "The pixels are packed in a way that cannot be read "
                     "here (1, 12 or 64 bits each)."},
    [REASON_MOSAIC] = {"mosaic",
                       "Each file holds a mosaic of many small pictures, which "
                       "cannot be read here yet."},
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
    [REASON_FOREIGN] = {"unsupported_volume",
                        "The volume is of a kind that cannot be read here"},
    [REASON_FEWER] = {"fewer_slices", "Another series has more slices."},
    [REASON_OTHER_TIME] = {"other_time",
                           "Another time point of the same series is shown."},
    [REASON_BESIDE_DICOM] =
        {"beside_dicom",
         "The DICOM pictures that came with it were taken instead."},
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


static void report_people(json_t *warnings, const import_files_t *files);


json_t *
report_sentence(reason_t why, const char *what)
{
    char text[400];

    if (why == REASON_UNSUPPORTED || why == REASON_FOREIGN) {
        snprintf(text, sizeof text, "%s (%s).", report_texts[why].failure,
                 what && what[0] ? what : "an unknown encoding");
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


/* --- warnings --- */

void
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
        foreign += !files->file[i].dicom && !files->file[i].volume &&
                   !files->file[i].voxels;
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

    report_people(warnings, files);

    if (files->cut) {
        report_warn(warnings, "truncated_archive",
                    "The archive ends in the middle; files may be missing.");
    }

    if (burned > 0) {
        report_warn(warnings, "burned_in",
                    "%zu pictures may carry writing, "
                    "such as a name, in the picture itself.",
                    burned);
    }
}


/* Where every picture has a person of its own, none is meant. */
static void
report_people(json_t *warnings, const import_files_t *files)
{
    uint64_t person[REPORT_PEOPLE];
    size_t people = 0, k;

    for (size_t i = 0; i < files->pictures; i++) {
        const header_t *h = &files->picture[i].file->header;

        for (k = 0; k < people && person[k] != h->person; k++) {
        }

        if (h->person != 0 && k == people && people < REPORT_PEOPLE) {
            person[people++] = h->person;
        }
    }

    if (people > 1 && 2 * people <= files->pictures) {
        report_warn(warnings, "several_people",
                    "The files name %zu%s different people. One scan never "
                    "mixes pictures of two; check whose was taken.",
                    people, people == REPORT_PEOPLE ? " or more" : "");
    }
}


json_t *
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
                    "The series holds %zu time points; this is number %zu.",
                    g->times, g->time + 1);
    }

    if (g->warnings & EXPO_WARN_COLLIDING) {
        report_warn(w, "colliding_ids",
                    "Several pictures carry the same identifier; they were "
                    "told apart by where they lie.");
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


void
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


void
report_note_warnings(json_t *warnings, const expo_volume_t *v, uint32_t notes)
{
    static const struct {
        uint32_t note;
        const char *code, *detail;
    } said[] = {
        {ASSEMBLE_INVERTED, "inverted",
         "The pictures were stored black for white and have been turned over."},
        {ASSEMBLE_COLOUR, "colour",
         "The pictures are in colour; how bright the colours are is shown."},
        {ASSEMBLE_TABLE, "modality_lut",
         "Values were looked up in a table that the files bring along."},
        {ASSEMBLE_PADDING, "padding",
         "Pixels marked as lying outside of the picture count as the smallest "
         "value."},
        {ASSEMBLE_CLAMPED, "clamped",
         "Values beyond -1024 and 32767 HU were held at these ends."},
        {ASSEMBLE_LOSSY, "lossy",
         "The pictures were once compressed with loss; fine detail may not be "
         "real."}};

    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        if (notes & said[i].note) {
            report_warn(warnings, said[i].code, "%s", said[i].detail);
        }
    }

    if (notes & ASSEMBLE_ROUNDED) {
        report_warn(warnings, "rounded",
                    "Values were rounded to steps of %.3g to fit.", v->scale);
    }
}
