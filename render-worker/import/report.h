/*
 * The import report: every series found, kept or left out and why, and the
 * sentences a patient reads. Nothing of a file's text comes into it but the
 * modality: no names, no descriptions, no UIDs.
 */

#ifndef EXPO_IMPORT_REPORT_H
#define EXPO_IMPORT_REPORT_H

#include <jansson.h>

#include "lib/volume.h"
#include "render-worker/import/files.h"

/* Everything but the outcome; call once decoding has ended. */
json_t *report_new(const import_files_t *files);

/* The chosen series became v; notes as in assemble.h. */
void report_done(json_t *report, const import_files_t *files,
                 const expo_volume_t *v, uint32_t notes);

/* A volume of another format did. */
void report_done_foreign(json_t *report, const import_files_t *files,
                         const import_foreign_t *f);

/* No volume; REASON_NONE: finds out why. */
void report_failed(json_t *report, const import_files_t *files, reason_t why);

/* A report that knows nothing but why it is one. */
json_t *report_bare(reason_t why);

#endif
