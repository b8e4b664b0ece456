/*
 * The other end of import_files, for commands: starts the sandboxed process and
 * hands on what comes back.
 */

#ifndef EXPO_IMPORT_CHILD_H
#define EXPO_IMPORT_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "render-worker/import/import.h"

/*
 * Before this process has threads.
 * files: paths of regular files; one that cannot be opened is left out.
 * series: as in import_run.
 * take: gets the volume as it comes, first the header alone, then whole voxels;
 * 0: it wants no more. NULL: nobody wants it. Only IMPORT_DONE makes what was
 * taken a volume: as many voxels as its header says.
 * *report: always an object; when the process died it says so.
 */
import_result_t import_child(char *const *files, size_t count, size_t series,
                             int (*take)(void *data, const uint8_t *bytes,
                                         size_t n),
                             void *data, json_t **report);

#endif
