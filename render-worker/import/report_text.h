/* The sentences of the report, each with its code: what a patient reads. */

#ifndef EXPO_IMPORT_REPORT_TEXT_H
#define EXPO_IMPORT_REPORT_TEXT_H

#include <jansson.h>

#include "lib/volume.h"
#include "render-worker/import/files.h"

/* {"code", "detail"}; what: the encoding for REASON_UNSUPPORTED, the reader's
 * note for REASON_FOREIGN, else not looked at. */
json_t *report_sentence(reason_t why, const char *what);

reason_t report_reason(expo_drop_t drop);

/* Appends {"code", "detail"} to a list. */
void report_warn(json_t *warnings, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Of the whole upload; of one group, a new list; of what it took to make v
 * (notes: ASSEMBLE_). */
void report_file_warnings(json_t *warnings, const import_files_t *files);
json_t *report_group_warnings(const expo_group_t *g);
void report_note_warnings(json_t *warnings, const expo_volume_t *v,
                          uint32_t notes);

#endif
