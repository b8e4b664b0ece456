/*
 * One run of exposure-import --pipe: the decrypted upload goes in as a sealed
 * file in memory, voxels, progress and a report come out. The child has
 * descriptors 0, 1, 3 and /dev/null as 2, an empty environment, and no way to
 * anything else of ours.
 */

#ifndef IMPORT_CHILD_H
#define IMPORT_CHILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/status.h"
#include "lib/volume.h"
#include "render-worker/blob_io.h"
#include "render-worker/memory.h"

#define IMPORT_VOLUME_MAX (4ull << 30) /* bytes that are taken from a child */
#define IMPORT_SECONDS 300
#define IMPORT_LINE 262144

typedef enum {
    IMPORT_CHILD_OK,
    IMPORT_CHILD_REFUSED, /* exit 2 or 3: the report says why */
    IMPORT_CHILD_CRASHED, /* a signal, or an answer that is none */
    IMPORT_CHILD_KILLED,  /* from outside: its files need not be at fault */
    IMPORT_CHILD_SLOW,    /* its time was over */
    IMPORT_CHILD_DAMAGED, /* the sealed original does not verify */
    IMPORT_CHILD_MEMORY,
    IMPORT_CHILD_CANCELLED
} import_child_end_t;

typedef struct {
    const char *program;
    const expo_blob_t *original;
    int fd; /* of the original; borrowed */
    const atomic_bool *cancel;
    uint32_t seconds; /* that it may take */
    uint64_t most;    /* bytes of volume that are taken */
    bool index;       /* an index in JSON comes in place of a volume */
    /* stage: one of control_progress's */
    void (*progress)(void *owner, const char *stage, double fraction);
    void *owner;
} import_child_t;

typedef struct {
    memory_t memory; /* header and voxels, or the index; caller releases it */
    expo_volume_t volume;
    json_t *report; /* owned; NULL when there was none */
} import_child_result_t;

import_child_end_t import_child_run(const import_child_t *in,
                                    import_child_result_t *out);

#endif
