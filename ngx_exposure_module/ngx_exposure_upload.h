/*
 * One body that is sealed as it arrives, whatever it becomes. The kinds of it
 * (POST /scans, tus, STOW-RS) give functions for its beginning and end; what is
 * between is ngx_exposure_upload.c in the event loop and _work.c in pool
 * threads. While busy is set the pool has sealing, seal_len, seal_index, file,
 * st and what the kind's begin and end touch; the loop has the rest.
 */

#ifndef NGX_EXPOSURE_UPLOAD_H
#define NGX_EXPOSURE_UPLOAD_H

#include "ngx_exposure_rest.h"

#include <openssl/evp.h>

#include "ngx_exposure_parts.h"


#define NGX_EXPOSURE_UPLOAD_CHUNK_LOG2  18
#define NGX_EXPOSURE_UPLOAD_CHUNK       (1u << NGX_EXPOSURE_UPLOAD_CHUNK_LOG2)


typedef struct ngx_exposure_upload_s  ngx_exposure_upload_t;


typedef struct {
    /* in a pool thread: user, keys, file; what is there already fills */
    void                     (*begin)(void *u);

    /* in the loop, after it: NGX_DECLINED to read on, or its answer */
    ngx_int_t                (*begun)(ngx_exposure_upload_t *u);

    /* in a pool thread, after each chunk but the last; may be NULL */
    void                     (*sealed)(ngx_exposure_upload_t *u);

    /* in a pool thread: all has come, or all that will; the rest is sealing */
    void                     (*end)(void *u);

    /* in the loop, after it, whether the client is there or not */
    void                     (*ended)(ngx_exposure_upload_t *u);

    /* in the loop, if it is: the answer, or NGX_DONE: it comes later */
    ngx_int_t                (*answer)(ngx_exposure_upload_t *u);

    /* the loop's last look; may be NULL */
    void                     (*release)(ngx_exposure_upload_t *u);

    const char                *empty;      /* a sentence; NULL: it may be */
} ngx_exposure_upload_kind_t;


struct ngx_exposure_upload_s {
    ngx_queue_t                        queue;   /* of all in this process */
    ngx_http_request_t                *r;       /* NULL: the client is gone */
    ngx_http_cleanup_t                *cleanup;
    ngx_exposure_main_conf_t          *conf;
    const ngx_exposure_upload_kind_t  *kind;
    ngx_exposure_who_t                 who;
    u_char                             tag[EXPO_TAG];

    ngx_exposure_rule_e                rule;
    ngx_exposure_found_t               found;   /* once it has begun */
    expo_scan_t                        scan;
    expo_lease_t                       lease;
    expo_blob_t                        blob;
    expo_blob_file_t                   file;

    u_char                            *filling; /* each a chunk and its tag */
    u_char                            *sealing;
    size_t                             filled;
    size_t                             seal_len;
    uint64_t                           index;       /* of what fills */
    uint64_t                           seal_index;

    EVP_MD_CTX                        *digest;  /* of what is sealed, or NULL */

    ngx_exposure_parts_t              *parts;   /* NULL: one piece */

    off_t                              received;
    off_t                              padded;  /* beside it, of a tar */
    off_t                              limit;   /* 413 above it */
    off_t                              left;    /* of the quota: 507 */
    ngx_msec_t                         started;
    ngx_event_t                        retry;
    ngx_int_t                          broken;  /* how the body ended, or 0 */

    unsigned                           busy:1;     /* a task is in the pool */
    unsigned                           last:1;     /* it is the end */
    unsigned                           reading:1;  /* the body has begun */
    unsigned                           reserved:1; /* the store counts it */
    unsigned                           resumable:1; /* if cut, it ends too */

    expo_status_t                      st;
    const char                        *detail;  /* of st, or NULL */
    json_t                            *json;
};


/*
 * A zeroed upload of `size` bytes, its first member, of this request. NULL: no
 * memory, or what is refused at once has been answered in *rc.
 */
void *ngx_exposure_upload_create(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, size_t size,
    const ngx_exposure_upload_kind_t *kind, ngx_int_t *rc);

/* Begins it; takes it over. A content handler's return. */
ngx_int_t ngx_exposure_upload_run(ngx_exposure_upload_t *u);

/* Answers with what rc says, later than its answer was asked for. */
void ngx_exposure_upload_go_on(ngx_exposure_upload_t *u, ngx_int_t rc);

/* Its client has gone while a task of its kind was in the pool. */
void ngx_exposure_upload_leave(ngx_exposure_upload_t *u);

/* Instead of running it. */
void ngx_exposure_upload_drop(ngx_exposure_upload_t *u);

/* Does this request announce a body? */
ngx_uint_t ngx_exposure_upload_has_body(ngx_http_request_t *r);


/* --- parts: ngx_exposure_parts.h --- */

/*
 * The body is to be multipart/subtype. EXPO_UNSUPPORTED: it is not.
 * EXPO_INVALID: it has no boundary.
 */
expo_status_t ngx_exposure_parts_open(ngx_exposure_upload_t *u,
    const char *subtype);
void ngx_exposure_parts_free(ngx_exposure_parts_t *p);

/*
 * NGX_OK: all that has come is in chunks. NGX_AGAIN: a chunk is full and there
 * is more. NGX_BUSY: the one that is held is to be sealed first. NGX_ERROR: st
 * and detail say why.
 */
ngx_int_t ngx_exposure_parts_take(ngx_exposure_upload_t *u);

/* Instead of sealing what fills: 1, if it is held back. */
ngx_uint_t ngx_exposure_parts_hold(ngx_exposure_upload_t *u);


/* --- others: the same user's other uploads in this nginx worker --- */

/* Into the list of all; u->queue leaves it again. */
void ngx_exposure_upload_enlist(ngx_exposure_upload_t *u);

/* Bytes that they hold and no row counts; count, or NULL: how many they are. */
off_t ngx_exposure_upload_others(ngx_exposure_upload_t *u, ngx_uint_t *count);

/* What has come is the store's now: the others began before that counted. */
void ngx_exposure_upload_kept(ngx_exposure_upload_t *u);


/* --- POST /scans --- */

/* Is there room for what is to come? */
ngx_int_t ngx_exposure_upload_scan_begun(ngx_exposure_upload_t *u);


/* --- work, in pool threads --- */

/* What the route's rule finds. */
expo_status_t ngx_exposure_upload_user(ngx_exposure_upload_t *u);

/* A new scan's id and key, and an unnamed file that begins with its header. */
expo_status_t ngx_exposure_upload_new(ngx_exposure_upload_t *u);

/* Seals what is in sealing and writes it to its place. */
expo_status_t ngx_exposure_upload_seal(ngx_exposure_upload_t *u,
    ngx_uint_t last);

/*
 * Fills u->scan for a new one of this title, NULL being the usual one, and
 * writes into the audit that it is added.
 */
expo_status_t ngx_exposure_upload_scan(ngx_exposure_upload_t *u,
    const char *title);

expo_status_t ngx_exposure_upload_write(int fd, u_char *p, size_t len,
    off_t offset);

#endif
