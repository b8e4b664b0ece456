/*
 * What is in an upload, for who has to answer for each of its files (STOW-RS):
 * JSON {"series": n, "files": [{"at", "bytes", "class", "instance", "series",
 * "code"}...]}, in the order of the archive. at and bytes: where the file lies
 * in it. class and instance: DICOM UIDs, "" where they cannot be told. series:
 * 0..n-1 for what belongs to a usable one, else -1. code: why a file cannot be
 * read, else "".
 */

#ifndef EXPO_IMPORT_INDEX_H
#define EXPO_IMPORT_INDEX_H

#include "render-worker/import/files.h"
#include "render-worker/import/import.h"

/* files: read and planned. 0: it could not be written. */
int index_write(const import_sink_t *sink, const import_files_t *files);

#endif
