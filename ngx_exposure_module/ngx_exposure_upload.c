/*
 * A body is sealed chunk by chunk as it arrives. Plaintext is in two buffers of
 * one chunk, one that fills and one that a pool thread seals (and a third that
 * is held back of a body of parts); while both are taken nothing is read, and
 * TCP slows the sender.
 */

#include "ngx_exposure_upload.h"


/* a sender slower than this after half a minute holds a place for nothing */
#define NGX_EXPOSURE_UPLOAD_PATIENCE    30000   /* ms */
#define NGX_EXPOSURE_UPLOAD_RATE        16384   /* bytes/s */
#define NGX_EXPOSURE_UPLOAD_RETRY       100     /* ms */

/* each takes two chunks of memory: of one user, in one nginx worker */
#define NGX_EXPOSURE_UPLOAD_MAX         8


static void ngx_exposure_upload_begin_done(void *data);
static void ngx_exposure_upload_event(ngx_http_request_t *r);
static ngx_int_t ngx_exposure_upload_read(ngx_exposure_upload_t *u);
static ngx_int_t ngx_exposure_upload_take(ngx_exposure_upload_t *u);
static ngx_int_t ngx_exposure_upload_full(ngx_exposure_upload_t *u);
static ngx_int_t ngx_exposure_upload_held(ngx_exposure_upload_t *u);
static ngx_int_t ngx_exposure_upload_last(ngx_exposure_upload_t *u);
static ngx_int_t ngx_exposure_upload_post(ngx_exposure_upload_t *u,
    ngx_uint_t last);
static ngx_int_t ngx_exposure_upload_give(ngx_exposure_upload_t *u,
    u_char **chunk, size_t len, uint64_t index, ngx_uint_t last);
static void ngx_exposure_upload_seal_work(void *data);
static void ngx_exposure_upload_retry(ngx_event_t *ev);
static void ngx_exposure_upload_pause(ngx_exposure_upload_t *u);
static ngx_uint_t ngx_exposure_upload_slow(ngx_exposure_upload_t *u);
static ngx_int_t ngx_exposure_upload_over(ngx_exposure_upload_t *u);
static void ngx_exposure_upload_work_done(void *data);
static void ngx_exposure_upload_finish(ngx_exposure_upload_t *u,
    ngx_int_t rc);
static void ngx_exposure_upload_gone(void *data);
static void ngx_exposure_upload_free(ngx_exposure_upload_t *u);


void *
ngx_exposure_upload_create(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    size_t size, const ngx_exposure_upload_kind_t *kind, ngx_int_t *rc)
{
    ngx_uint_t              n;
    ngx_http_cleanup_t     *cln;
    ngx_exposure_upload_t  *u;

    *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    u = ngx_calloc(size, r->connection->log);
    if (u == NULL) {
        return NULL;
    }

    u->kind = kind;
    u->file.fd = -1;
    u->r = r;
    u->conf = ngx_http_get_module_main_conf(r, ngx_exposure_module);
    u->limit = u->conf->max_upload;
    u->rule = ctx->rule;
    ngx_memcpy(u->tag, ctx->tag, EXPO_TAG);

    u->retry.handler = ngx_exposure_upload_retry;
    u->retry.data = r->connection;
    u->retry.log = ngx_cycle->log;

    ngx_exposure_upload_enlist(u);
    (void) ngx_exposure_upload_others(u, &n);

    if (n >= NGX_EXPOSURE_UPLOAD_MAX) {
        ngx_exposure_upload_free(u);
        *rc = ngx_exposure_reply_busy(r, 1);

        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);

    if (cln == NULL || ngx_exposure_who_copy(&u->who, &ctx->who) != NGX_OK) {
        ngx_exposure_upload_free(u);
        return NULL;
    }

    cln->handler = ngx_exposure_upload_gone;
    cln->data = u;
    u->cleanup = cln;

    u->filling = malloc(NGX_EXPOSURE_UPLOAD_CHUNK + EXPO_BLOB_TAG);
    u->sealing = malloc(NGX_EXPOSURE_UPLOAD_CHUNK + EXPO_BLOB_TAG);

    if (u->filling == NULL || u->sealing == NULL) {
        ngx_exposure_upload_drop(u);
        return NULL;
    }

    ctx->data = u;

    return u;
}


ngx_int_t
ngx_exposure_upload_run(ngx_exposure_upload_t *u)
{
    ngx_http_request_t  *r;

    r = u->r;

    if (r->headers_in.content_length_n > u->limit) {
        ngx_exposure_upload_drop(u);

        return ngx_exposure_reply_error(r, EXPO_TOO_LARGE,
                                  "The upload is larger than this service "
                                  "takes.");
    }

    if (ngx_exposure_task_post(u->kind->begin, ngx_exposure_upload_begin_done,
                               u)
        != NGX_OK)
    {
        ngx_exposure_upload_drop(u);

        return ngx_exposure_reply_busy(r, 1);
    }

    u->busy = 1;
    r->main->count++;

    return NGX_DONE;
}


void
ngx_exposure_upload_drop(ngx_exposure_upload_t *u)
{
    u->cleanup->handler = NULL;
    ngx_exposure_upload_free(u);
}


ngx_uint_t
ngx_exposure_upload_has_body(ngx_http_request_t *r)
{
    if (r->headers_in.content_length_n >= 0) {
        return r->headers_in.content_length_n > 0;
    }

#if (NGX_HTTP_V2)
    if (r->stream) {
        return !r->stream->in_closed;
    }
#endif

    return r->headers_in.chunked;
}


/* What read has returned, where it was not nginx that called. */

void
ngx_exposure_upload_go_on(ngx_exposure_upload_t *u, ngx_int_t rc)
{
    ngx_connection_t  *c;

    c = u->r->connection;

    if (rc != NGX_DONE) {
        ngx_exposure_upload_finish(u, rc);
    }

    ngx_http_run_posted_requests(c);
}


/* Without its client. What can be gone on with is ended in good order. */

void
ngx_exposure_upload_leave(ngx_exposure_upload_t *u)
{
    if (u->resumable && u->reading && !u->last && u->st == EXPO_OK) {

        (void) ngx_exposure_upload_post(u, 1);
        return;
    }

    ngx_exposure_upload_free(u);
}


static void
ngx_exposure_upload_begin_done(void *data)
{
    ngx_exposure_upload_t *u = data;

    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    u->busy = 0;
    r = u->r;

    if (r == NULL) {
        ngx_exposure_upload_free(u);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    rc = u->kind->begun(u);

    if (rc != NGX_DECLINED) {
        ngx_exposure_upload_go_on(u, rc);
        return;
    }

    u->started = ngx_current_msec;
    u->reading = 1;
    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_exposure_upload_event);

    /* u may be gone by now; the body has a count of its own */

    ngx_http_finalize_request(r, rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc
                                                                 : NGX_DONE);
    ngx_http_run_posted_requests(c);
}


/* The body's first and every later event. */

static void
ngx_exposure_upload_event(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_exposure_ctx_t     *ctx;
    ngx_exposure_upload_t  *u;

    ctx = ngx_http_get_module_ctx(r, ngx_exposure_module);
    u = ctx->data;

    rc = ngx_exposure_upload_read(u);

    if (rc != NGX_DONE) {
        ngx_exposure_upload_finish(u, rc);
    }
}


/* NGX_DONE: goes on later. Anything else is the request's end. */

static ngx_int_t
ngx_exposure_upload_read(ngx_exposure_upload_t *u)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = u->r;

    for ( ;; ) {

        rc = u->parts ? ngx_exposure_parts_take(u)
                      : ngx_exposure_upload_take(u);

        if (u->received + u->padded > u->limit
            || u->received + u->padded + ngx_exposure_upload_others(u, NULL)
               > u->left)
        {
            return ngx_exposure_upload_over(u);
        }

        if (rc == NGX_ERROR) {
            return ngx_exposure_reply_error(r, u->st, u->detail);
        }

        if (rc != NGX_OK) {

            if ((rc == NGX_BUSY ? ngx_exposure_upload_held(u)
                                : ngx_exposure_upload_full(u))
                != NGX_OK)
            {
                ngx_exposure_upload_pause(u);
                return NGX_DONE;
            }

            continue;
        }

        if (u->broken) {
            return ngx_exposure_body_broken(r, u->broken);
        }

        if (!r->reading_body) {
            return ngx_exposure_upload_last(u);
        }

        if (ngx_exposure_upload_slow(u)) {
            return ngx_exposure_reply_problem(r, NGX_HTTP_REQUEST_TIME_OUT,
                                      "slow", "The upload is too slow.");
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {

            /* what came just before the connection broke is there as well */

            u->broken = rc;
            continue;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            r->read_event_handler = ngx_exposure_upload_event;
            return NGX_DONE;
        }
    }
}


/* Moves what has arrived; NGX_AGAIN: a chunk is full and there is more. */

static ngx_int_t
ngx_exposure_upload_take(ngx_exposure_upload_t *u)
{
    size_t        n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    while (u->r->request_body->bufs) {
        cl = u->r->request_body->bufs;
        b = cl->buf;

        n = ngx_min((size_t) (b->last - b->pos),
                    NGX_EXPOSURE_UPLOAD_CHUNK - u->filled);

        if (n) {
            ngx_memcpy(u->filling + u->filled, b->pos, n);
        }

        b->pos += n;
        u->filled += n;
        u->received += n;

        if (b->pos < b->last) {
            return NGX_AGAIN;
        }

        u->r->request_body->bufs = cl->next;
        ngx_free_chain(u->r->pool, cl);
    }

    return NGX_OK;
}


/* NGX_BUSY: it has to wait for the one before, or for the pool. */

static ngx_int_t
ngx_exposure_upload_full(ngx_exposure_upload_t *u)
{
    if (ngx_exposure_parts_hold(u)) {
        return NGX_OK;
    }

    return u->busy ? NGX_BUSY : ngx_exposure_upload_post(u, 0);
}


static ngx_int_t
ngx_exposure_upload_held(ngx_exposure_upload_t *u)
{
    ngx_int_t  rc;

    if (u->busy) {
        return NGX_BUSY;
    }

    rc = ngx_exposure_upload_give(u, &u->parts->held,
                                  NGX_EXPOSURE_UPLOAD_CHUNK,
                                  u->parts->held_index, 0);
    if (rc == NGX_OK) {
        u->parts->release = 0;
    }

    return rc;
}


/* The body has ended: is it whole, and is there anything in it? */

static ngx_int_t
ngx_exposure_upload_last(ngx_exposure_upload_t *u)
{
    if (u->busy) {
        ngx_exposure_upload_pause(u);
        return NGX_DONE;
    }

    if (u->received == 0 && u->kind->empty) {
        return ngx_exposure_reply_error(u->r, EXPO_INVALID, u->kind->empty);
    }

    if (u->parts && !expo_multipart_whole(&u->parts->multipart)) {
        return ngx_exposure_reply_error(u->r, EXPO_INVALID,
                                        "The body ends before its last "
                                        "part does.");
    }

    if (u->parts && u->parts->number == 0) {
        return ngx_exposure_reply_error(u->r, EXPO_INVALID,
                                        "There is no file in the body.");
    }

    (void) ngx_exposure_upload_post(u, 1);
    ngx_exposure_upload_pause(u);

    return NGX_DONE;
}


/* Gives what fills to the pool, to be sealed, or to end with. */

static ngx_int_t
ngx_exposure_upload_post(ngx_exposure_upload_t *u, ngx_uint_t last)
{
    if (ngx_exposure_upload_give(u, &u->filling, u->filled, u->index, last)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    u->filled = 0;
    u->index++;

    return NGX_OK;
}


/* The chunk, in exchange for the one that was sealed last. */

static ngx_int_t
ngx_exposure_upload_give(ngx_exposure_upload_t *u, u_char **chunk, size_t len,
    uint64_t index, ngx_uint_t last)
{
    u_char  *given;

    given = *chunk;
    *chunk = u->sealing;

    u->sealing = given;
    u->seal_len = len;
    u->seal_index = index;
    u->last = last;

    if (ngx_exposure_task_post(last ? u->kind->end
                                    : ngx_exposure_upload_seal_work,
                               ngx_exposure_upload_work_done, u)
        != NGX_OK)
    {
        u->sealing = *chunk;
        *chunk = given;
        u->last = 0;

        ngx_add_timer(&u->retry, NGX_EXPOSURE_UPLOAD_RETRY);

        return NGX_BUSY;
    }

    u->busy = 1;

    return NGX_OK;
}


static void
ngx_exposure_upload_seal_work(void *data)
{
    ngx_exposure_upload_t *u = data;

    u->st = ngx_exposure_upload_seal(u, 0);

    if (u->st == EXPO_OK && u->kind->sealed) {
        u->kind->sealed(u);
    }
}


/* The pool was full: gigabytes that have come are not sent away for that. */

static void
ngx_exposure_upload_retry(ngx_event_t *ev)
{
    ngx_exposure_upload_t  *u;

    u = (ngx_exposure_upload_t *) ((u_char *) ev
                                   - offsetof(ngx_exposure_upload_t, retry));

    if (u->r == NULL) {
        ngx_exposure_upload_leave(u);
        return;
    }

    ngx_http_set_log_request(u->r->connection->log, u->r);
    ngx_exposure_upload_go_on(u, ngx_exposure_upload_read(u));
}


static void
ngx_exposure_upload_pause(ngx_exposure_upload_t *u)
{
    ngx_event_t  *rev;

    u->r->read_event_handler = ngx_http_block_reading;

    /* it is we who are slow now */

    rev = u->r->connection->read;

    if (rev->timer_set) {
        ngx_del_timer(rev);
    }
}


static ngx_uint_t
ngx_exposure_upload_slow(ngx_exposure_upload_t *u)
{
    ngx_msec_t  spent;

    spent = ngx_current_msec - u->started;

    return spent > NGX_EXPOSURE_UPLOAD_PATIENCE
           && u->received / (off_t) (spent / 1000) < NGX_EXPOSURE_UPLOAD_RATE;
}


static ngx_int_t
ngx_exposure_upload_over(ngx_exposure_upload_t *u)
{
    if (u->received > u->limit) {

        /* nothing of what was too much is kept with what was not */
        u->filled = 0;
        u->resumable = 0;

        return ngx_exposure_reply_error(u->r, EXPO_TOO_LARGE, NULL);
    }

    return ngx_exposure_reply_error(u->r, EXPO_NO_SPACE, NULL);
}


static void
ngx_exposure_upload_work_done(void *data)
{
    ngx_exposure_upload_t *u = data;

    ngx_int_t            rc;
    ngx_http_request_t  *r;

    u->busy = 0;
    r = u->r;

    if (u->last) {
        u->kind->ended(u);
    }

    if (r == NULL) {
        ngx_exposure_upload_leave(u);
        return;
    }

    ngx_http_set_log_request(r->connection->log, r);

    if (u->last) {
        rc = u->kind->answer(u);

    } else if (u->st != EXPO_OK) {
        rc = ngx_exposure_reply_error(r, u->st, NULL);

    } else {
        rc = ngx_exposure_upload_read(u);
    }

    ngx_exposure_upload_go_on(u, rc);
}


/* The one way out of a request that still has its upload. */

static void
ngx_exposure_upload_finish(ngx_exposure_upload_t *u, ngx_int_t rc)
{
    ngx_http_request_t  *r;

    r = u->r;
    r->read_event_handler = ngx_http_block_reading;

    /* megabytes do not stay while an answer is sent */

    u->cleanup->handler = NULL;
    ngx_exposure_upload_gone(u);

    ngx_http_finalize_request(r, rc);
}


static void
ngx_exposure_upload_gone(void *data)
{
    ngx_exposure_upload_t *u = data;

    u->r = NULL;

    if (u->retry.timer_set) {
        ngx_del_timer(&u->retry);
    }

    if (!u->busy) {
        ngx_exposure_upload_leave(u);
    }
}


static void
ngx_exposure_upload_free(ngx_exposure_upload_t *u)
{
    ngx_queue_remove(&u->queue);

    if (u->kind->release) {
        u->kind->release(u);
    }

    if (u->file.fd != -1) {
        close(u->file.fd);
    }

    if (u->filling) {
        ngx_explicit_memzero(u->filling, NGX_EXPOSURE_UPLOAD_CHUNK);
    }

    if (u->sealing) {
        ngx_explicit_memzero(u->sealing, NGX_EXPOSURE_UPLOAD_CHUNK);
    }

    if (u->parts) {
        ngx_exposure_parts_free(u->parts);
    }

    EVP_MD_CTX_free(u->digest);
    free(u->filling);
    free(u->sealing);
    free(u->scan.meta);
    json_decref(u->json);
    ngx_exposure_found_free(&u->found);

    ngx_exposure_who_wipe(&u->who);
    ngx_explicit_memzero(u, sizeof(ngx_exposure_upload_t));
    ngx_free(u);
}
