/*
 * From an upload in memory (unpack.h) to a volume: what exposure-import does
 * inside its sandbox. pool_start and dicom_start come first.
 */

#ifndef EXPO_IMPORT_H
#define EXPO_IMPORT_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "render-worker/import/input.h"

/* Upload, what it unpacks to and decoded pictures together, within
 * SANDBOX_ADDRESS_SPACE. */
#define IMPORT_BYTES_MAX (3ull << 30)
#define IMPORT_CHOOSE SIZE_MAX      /* the series with most slices */
#define IMPORT_INDEX (SIZE_MAX - 1) /* none: an index.h instead of a volume */

typedef enum {
    IMPORT_DONE = 0,
    IMPORT_NOTHING = 2,  /* nothing usable */
    IMPORT_MALFORMED = 3 /* no archive or file that we know, or damaged */
} import_result_t;       /* also exit codes */

typedef struct {
    void *data;
    /* The volume in pieces, header first; 0: stop. */
    int (*volume)(void *data, const void *bytes, size_t n);
    /* stage: "reading", "decoding", "assembling". */
    void (*progress)(void *data, const char *stage, double fraction);
} import_sink_t;

/*
 * in: one archive or file, or n files that belong together.
 * series: index in the report's list, IMPORT_CHOOSE or IMPORT_INDEX.
 * *report: owned by the caller; always an object, whatever comes back.
 * IMPORT_MALFORMED may mean that a thread hangs in a file: end the process.
 */
import_result_t import_run(const import_sink_t *sink, const import_input_t *in,
                           size_t n, size_t series, json_t **report);

/*
 * The same as a process: enters the sandbox, writes the volume to `1` and JSON
 * lines to `3`. import_pipe looks at the file that is open as `0`, import_files
 * at those whose paths it is given. Return the exit code.
 */
int import_pipe(size_t series);
int import_files(char *const *paths, size_t count, size_t series);

#endif
