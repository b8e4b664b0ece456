/*
 * One upload, shared by its parts: ngx_exposure_upload.c and _others.c in the
 * event loop, ngx_exposure_upload_work.c in pool threads. While busy is set, the
 * pool has sealing, sealed, index, last, file and st; the loop has the rest.
 */

#ifndef NGX_EXPOSURE_UPLOAD_H
#define NGX_EXPOSURE_UPLOAD_H

#include "ngx_exposure_rest.h"


#define NGX_EXPOSURE_UPLOAD_CHUNK_LOG2  20
#define NGX_EXPOSURE_UPLOAD_CHUNK       (1u << NGX_EXPOSURE_UPLOAD_CHUNK_LOG2)


typedef struct {
    ngx_queue_t                queue;   /* of all in this nginx worker */
    ngx_http_request_t        *r;       /* NULL once the client is gone */
    ngx_http_cleanup_t        *cleanup;
    ngx_exposure_main_conf_t  *conf;
    expo_claims_t              claims;
    u_char                     tag[EXPO_TAG];

    expo_user_t                user;
    expo_scan_t                scan;
    u_char                     dek[32];
    expo_blob_t                blob;
    expo_blob_file_t           file;

    u_char                    *filling; /* each one chunk */
    u_char                    *sealing;
    u_char                    *sealed;  /* one chunk and its tag */
    size_t                     filled;
    size_t                     seal_len;
    uint64_t                   index;   /* of the chunk being sealed */
    off_t                      received;
    off_t                      left;    /* of the quota, when it began */
    ngx_msec_t                 started;
    ngx_event_t                retry;

    ngx_uint_t                 busy;    /* a task is in the pool */
    ngx_uint_t                 last;    /* it seals the last chunk */

    expo_status_t              st;
    json_t                    *json;
} ngx_exposure_upload_t;


/* Into the list of all; u->queue leaves it again. */
void ngx_exposure_upload_enlist(ngx_exposure_upload_t *u);

/* Bytes that the same user's other uploads hold; count, or NULL: how many. */
off_t ngx_exposure_upload_others(ngx_exposure_upload_t *u, ngx_uint_t *count);

/* What has come is the store's now: the others began before that counted. */
void ngx_exposure_upload_kept(ngx_exposure_upload_t *u);

/* Finds the user, makes keys and the unnamed file, writes its header. */
void ngx_exposure_upload_begin_work(void *data);

/* Seals and writes one chunk; after the last one the scan is in the store. */
void ngx_exposure_upload_seal_work(void *data);

#endif
