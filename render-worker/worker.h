/*
 * The process: what it holds, and what each control message does. All of this
 * is the main thread's.
 */

#ifndef WORKER_H
#define WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/id.h"
#include "lib/schema.h"
#include "render-worker/control.h"
#include "render-worker/loop.h"
#include "render-worker/serve.h"

#define WORKER_SLOTS_MAX 64

typedef struct session_s session_t;
typedef struct import_job_s import_job_t;

typedef struct {
    const char *socket;
    const char *device;
    unsigned threads;     /* 0: one a core */
    uint32_t slots;       /* sessions at a time, 1..64 */
    uint32_t grace_s;     /* that a session outlives its opener's connection */
    uint32_t scan_mib;    /* that a scan may take; 0: what is free */
    const char *importer; /* path of exposure-import */
} worker_options_t;

typedef struct {
    worker_options_t options;
    loop_t *loop;
    control_t *control;
    serve_t *serve;
    expo_schema_t *messages;
    expo_schema_t *settings;
    session_t *sessions;
    import_job_t *jobs; /* first come first; the first two run */
    bool stopping;
} worker_t;

/* error: one sentence when the status is not EXPO_OK. */
expo_status_t worker_open(worker_t *w, loop_t *loop,
                          const worker_options_t *options, char *error,
                          size_t error_bytes);
void worker_close(worker_t *w);

/* Once a second: heartbeat, statistics, grace. */
void worker_tick(worker_t *w);

/* Ends everything in order; the loop stops when the last has gone. */
void worker_stop(worker_t *w);
void worker_stop_if_empty(worker_t *w);

/* Who has which slot, to everybody. */
void worker_tell_status(worker_t *w);

/* «failed» to one peer; session and scan may be NULL, report is consumed. */
void worker_fail(worker_t *w, uint64_t peer, const char *session,
                 const char *scan, const char *code, const char *detail,
                 json_t *report);

json_t *worker_codecs(void);

#endif
