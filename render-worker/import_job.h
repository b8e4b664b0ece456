/*
 * Imports: a sealed original becomes a sealed volume and a sealed thumbnail.
 * Each runs on a thread of its own beside one sandboxed exposure-import; two at
 * a time, the others wait in the order they came.
 */

#ifndef IMPORT_JOB_H
#define IMPORT_JOB_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "render-worker/worker.h"

#define IMPORT_RUNNING 2
#define IMPORT_WAITING 64

/*
 * Handler of `import`: three descriptors (closed when the job is over) and
 * three keys of 32 bytes: original, volume, thumbnail. And of `index`: the
 * original with its key, and a descriptor that takes the index.
 */
void import_job_add(worker_t *w, uint64_t peer, const json_t *message,
                    const uint8_t *keys, size_t key_bytes, const int *fds,
                    size_t n_fds);

/* A connection was lost: nobody waits for what its jobs make. */
void import_job_peer_gone(worker_t *w, uint64_t peer);
void import_job_end_all(worker_t *w);

#endif
