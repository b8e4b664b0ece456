/*
 * The other end of import_pipe, for commands: starts the sandboxed process,
 * feeds it files as a tar, one alone as it is, keeps what comes back.
 */

#ifndef EXPO_IMPORT_CHILD_H
#define EXPO_IMPORT_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "render-worker/import/import.h"

/*
 * files: paths of regular files; one that cannot be read is left out.
 * series: as in import_run. *volume: malloc'd, *bytes long, NULL unless
 * IMPORT_DONE; its header is checked against its length.
 * *report: always an object; when the process died it says so.
 */
import_result_t import_child(char *const *files, size_t count, size_t series,
                             uint8_t **volume, size_t *bytes, json_t **report);

#endif
