/*
 * One running import, shared by its two halves: ngx_exposure_import.c in the
 * event loop, ngx_exposure_import_work.c in pool threads. Only one of them has
 * it at a time.
 */

#ifndef NGX_EXPOSURE_IMPORT_H
#define NGX_EXPOSURE_IMPORT_H

#include "ngx_exposure_rest.h"


typedef enum {
    NGX_EXPOSURE_IMPORT_PREPARE = 0,  /* waits for a render-worker */
    NGX_EXPOSURE_IMPORT_READY,        /* files are open, to be sent */
    NGX_EXPOSURE_IMPORT_RUNNING,
    NGX_EXPOSURE_IMPORT_FINISH        /* to be posted, or in the pool */
} ngx_exposure_import_state_e;


typedef struct {
    ngx_queue_t                   queue;
    ngx_event_t                   timer;
    ngx_exposure_import_state_e   state;
    ngx_exposure_main_conf_t     *conf;
    u_char                        tag[EXPO_TAG];
    expo_id_t                     scan;
    expo_lease_t                  lease;

    ngx_uint_t                    worker;     /* while it runs */
    uint32_t                      attempts;

    int                           original_fd;
    expo_blob_t                   original;
    expo_blob_file_t              volume_file;
    expo_blob_t                   volume;
    expo_blob_file_t              thumbnail_file;
    expo_blob_t                   thumbnail;

    expo_status_t                 st;
    json_t                       *imported;   /* the worker's message */
    json_t                       *failure;    /* {code, detail} */
} ngx_exposure_import_t;


/* Opens the original and two unnamed files for what will be made of it. */
void ngx_exposure_import_prepare_work(void *data);

/* Keeps what the render-worker made, or writes down why there is nothing. */
void ngx_exposure_import_finish_work(void *data);

#endif
