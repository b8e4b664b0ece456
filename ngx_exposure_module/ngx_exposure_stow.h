/*
 * One study that is being stored by STOW-RS, shared by ngx_exposure_stow.c in
 * the event loop and _stow_work.c in pool threads.
 */

#ifndef NGX_EXPOSURE_STOW_H
#define NGX_EXPOSURE_STOW_H

#include "ngx_exposure_upload.h"


#define NGX_EXPOSURE_STOW_SERIES  64       /* of one request */


typedef struct {
    ngx_exposure_upload_t      upload;

    ngx_queue_t                queue;      /* of those that wait for an index */
    ngx_event_t                timer;
    ngx_msec_t                 asked;      /* when it was first */
    ngx_uint_t                 waiting;    /* for `worker` to answer */
    ngx_uint_t                 worker;
    int                        index_fd;   /* memory */
    uint64_t                   index_bytes;

    expo_id_t                  scans[NGX_EXPOSURE_STOW_SERIES];
    expo_lease_t               leases[NGX_EXPOSURE_STOW_SERIES];
    ngx_uint_t                 nscans;
    ngx_uint_t                 refused;    /* files that are not stored */
} ngx_exposure_stow_t;


/* Pool threads: seals the end; the body waits, unnamed, for its index. */
void ngx_exposure_stow_end_work(void *data);

/* A scan of each usable series; upload.json is the answer. */
void ngx_exposure_stow_split_work(void *data);

#endif
