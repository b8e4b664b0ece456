/*
 * From an upload in memory (unpack.h) to a volume: what exposure-import does
 * inside its sandbox. pool_start and dicom_start come first.
 */

#ifndef EXPO_IMPORT_H
#define EXPO_IMPORT_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

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
 * series: index in the report's list, IMPORT_CHOOSE or IMPORT_INDEX.
 * *report: owned by the caller; always an object, whatever comes back.
 * IMPORT_MALFORMED may mean that a thread hangs in a file: end the process.
 */
import_result_t import_run(const import_sink_t *sink, const uint8_t *body,
                           uint64_t len, size_t series, json_t **report);

/*
 * The same as a process: enters the sandbox, reads `0` to its end, writes the
 * volume to `1` and JSON lines to `3`. Returns the exit code.
 */
int import_pipe(size_t series);

#endif
