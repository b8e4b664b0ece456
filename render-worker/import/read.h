/*
 * The first look at a file of an upload: is it DICOM, can it be read, what is
 * in it. Its pixels stay where they are.
 */

#ifndef EXPO_IMPORT_READ_H
#define EXPO_IMPORT_READ_H

#include "lib/deidentify.h"
#include "render-worker/import/files.h"

/* In any thread; f->entry is given. Undone by read_release. */
void read_file(import_file_t *f, const expo_deidentify_t *allowed);
void read_release(import_file_t *f);

/* Whether it is the name of a machine that makes pictures, or nothing. */
int read_is_modality(const char *text);

reason_t read_reason(dicom_status_t st);

#endif
