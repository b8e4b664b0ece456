/*
 * A person's own data on their way out: GET /scans/{id}/export, one volume as
 * NIfTI or NRRD; GET /users/current/export, a tar of all of it. A pool thread
 * makes a piece, nginx sends it, and only then is the next one made: what a
 * slow reader costs is one piece of memory, and no file.
 */

#include "ngx_exposure_rest.h"

#include "lib/outgoing.h"


#define NGX_EXPOSURE_EXPORTS  4            /* at once in an nginx worker */
#define NGX_EXPOSURE_EXPORT_RETRY  200     /* ms, when the pool is full */


/* The first piece of work: what is asked for is found and opened. */
typedef struct {
    ngx_exposure_job_t         job;
    expo_export_format_t       format;
    ngx_uint_t                 gzip;
    expo_outgoing_t            outgoing;
    ngx_uint_t                 opened;     /* outgoing is to be closed */
} ngx_exposure_export_open_t;


/* On the heap: the client may leave while a pool thread is at it. */
typedef struct {
    ngx_http_request_t        *r;          /* NULL: nobody reads any more */
    ngx_uint_t                 busy;       /* a pool thread is at it */
    expo_outgoing_t            outgoing;
    expo_status_t              st;
    u_char                    *piece;
    size_t                     len;
    ngx_buf_t                 *buf;
    ngx_event_t                retry;
} ngx_exposure_export_t;


static ngx_int_t ngx_exposure_export_begin(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, expo_export_format_t format, ngx_uint_t gzip,
    ngx_exposure_work_pt work);
static ngx_int_t ngx_exposure_export_args(ngx_http_request_t *r,
    expo_export_format_t *format, ngx_uint_t *gzip);
static void ngx_exposure_export_scan_work(ngx_exposure_job_t *job);
static void ngx_exposure_export_user_work(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_export_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);
static void ngx_exposure_export_release(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_export_header(ngx_http_request_t *r,
    ngx_exposure_export_open_t *o);
static ngx_exposure_export_t *ngx_exposure_export_create(ngx_http_request_t *r);
static void ngx_exposure_export_make(ngx_exposure_export_t *x);
static void ngx_exposure_export_work(void *data);
static void ngx_exposure_export_made(void *data);
static void ngx_exposure_export_again(ngx_event_t *ev);
static void ngx_exposure_export_write(ngx_http_request_t *r);
static void ngx_exposure_export_sent(ngx_exposure_export_t *x, ngx_int_t rc);
static void ngx_exposure_export_gone(void *data);
static void ngx_exposure_export_free(ngx_exposure_export_t *x);


static ngx_uint_t  ngx_exposure_exports;


ngx_int_t
ngx_exposure_export_scan(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_uint_t            gzip;
    expo_export_format_t  format;

    if (ngx_exposure_export_args(r, &format, &gzip) != NGX_OK) {
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                            "format is nifti or nrrd, gzip is true or false.");
    }

    return ngx_exposure_export_begin(r, ctx, format, gzip,
                                     ngx_exposure_export_scan_work);
}


ngx_int_t
ngx_exposure_export_user(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_export_begin(r, ctx, EXPO_EXPORT_NIFTI, 0,
                                     ngx_exposure_export_user_work);
}


static ngx_int_t
ngx_exposure_export_begin(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    expo_export_format_t format, ngx_uint_t gzip, ngx_exposure_work_pt work)
{
    ngx_exposure_export_open_t  *o;

    if (ngx_exposure_exports >= NGX_EXPOSURE_EXPORTS) {
        return ngx_exposure_reply_busy(r, 5);
    }

    o = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_export_open_t),
                                work, ngx_exposure_export_answer);
    if (o == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    o->format = format;
    o->gzip = gzip;
    o->job.release = ngx_exposure_export_release;

    ngx_exposure_exports++;

    return ngx_exposure_job_run(r, &o->job);
}


static ngx_int_t
ngx_exposure_export_args(ngx_http_request_t *r, expo_export_format_t *format,
    ngx_uint_t *gzip)
{
    ngx_str_t  value;

    *format = EXPO_EXPORT_NIFTI;
    *gzip = 0;

    if (ngx_http_arg(r, (u_char *) "format", 6, &value) == NGX_OK) {

        if (value.len == 4 && ngx_strncmp(value.data, "nrrd", 4) == 0) {
            *format = EXPO_EXPORT_NRRD;

        } else if (value.len != 5
                   || ngx_strncmp(value.data, "nifti", 5) != 0)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_arg(r, (u_char *) "gzip", 4, &value) == NGX_OK) {

        if (value.len == 4 && ngx_strncmp(value.data, "true", 4) == 0) {
            *gzip = 1;

        } else if (value.len != 5
                   || ngx_strncmp(value.data, "false", 5) != 0)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_exposure_export_scan_work(ngx_exposure_job_t *job)
{
    ngx_exposure_export_open_t *o = (ngx_exposure_export_open_t *) job;

    expo_takeout_volume_t  volume;

    if (job->found.scan.state != EXPO_SCAN_READY) {
        job->st = EXPO_CONFLICT;
        ngx_cpystrn((u_char *) job->detail,
                    (u_char *) "This scan has no volume yet.",
                    sizeof(job->detail));
        return;
    }

    volume.scan = job->id;
    job->st = ngx_exposure_job_key(job, &volume.lease);

    if (job->st == EXPO_OK) {
        job->st = expo_outgoing_volume(&o->outgoing, job->conf->store,
                                       job->conf->keys, &volume, o->format,
                                       (int) o->gzip);
        o->opened = job->st == EXPO_OK;
    }

    ngx_explicit_memzero(&volume, sizeof(volume));
}


static void
ngx_exposure_export_user_work(ngx_exposure_job_t *job)
{
    ngx_exposure_export_open_t *o = (ngx_exposure_export_open_t *) job;

    size_t                  n;
    json_t                 *json;
    expo_takeout_t          t;
    expo_takeout_volume_t  *volumes;

    t.store = job->conf->store;
    t.keys = job->conf->keys;
    t.names = job->conf->names;
    t.token = (char *) job->who.token.data;
    t.token_bytes = job->who.token.len;
    t.tag = job->tag;
    t.now = (uint64_t) time(NULL);

    job->st = expo_takeout(&t, &json, &volumes, &n);
    if (job->st != EXPO_OK) {
        return;
    }

    job->st = expo_outgoing_archive(&o->outgoing, t.store, t.keys, json,
                                    volumes, n);
    o->opened = job->st == EXPO_OK;

    if (!o->opened) {
        free(volumes);
    }

    json_decref(json);
}


static ngx_int_t
ngx_exposure_export_answer(ngx_http_request_t *r, ngx_exposure_job_t *job)
{
    ngx_exposure_export_open_t *o = (ngx_exposure_export_open_t *) job;

    ngx_int_t               rc;
    ngx_exposure_export_t  *x;

    if (job->st != EXPO_OK) {
        return ngx_exposure_reply_error(r, job->st, job->detail);
    }

    x = ngx_exposure_export_create(r);
    if (x == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* from here on the request's cleanup closes it */

    x->outgoing = o->outgoing;
    o->opened = 0;
    ngx_exposure_exports++;

    rc = ngx_exposure_export_header(r, o);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_exposure_export_write;
    r->main->count++;

    ngx_exposure_export_make(x);

    return NGX_DONE;
}


static void
ngx_exposure_export_release(ngx_exposure_job_t *job)
{
    ngx_exposure_export_open_t *o = (ngx_exposure_export_open_t *) job;

    if (o->opened) {
        expo_outgoing_close(&o->outgoing);
    }

    ngx_exposure_exports--;
}


static ngx_int_t
ngx_exposure_export_header(ngx_http_request_t *r,
    ngx_exposure_export_open_t *o)
{
    char         id[EXPO_ID_TEXT + 1];
    u_char       text[128], *p;
    uint64_t     bytes;

    if (o->outgoing.archive) {
        p = ngx_snprintf(text, sizeof(text),
                         "attachment; filename=\"exposure-render.tar\"");
    } else {
        expo_id_print(id, &o->job.id);
        p = ngx_snprintf(text, sizeof(text), "attachment; filename=\"%s.%s\"",
                         id, expo_export_suffix(o->format, (int) o->gzip));
    }

    if (ngx_exposure_reply_header(r, "Content-Disposition", text, p - text)
        != NGX_OK
        || ngx_exposure_reply_header(r, "Cache-Control", (u_char *) "no-store",
                                     sizeof("no-store") - 1)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    bytes = expo_outgoing_bytes(&o->outgoing);

    r->disable_not_modified = 1;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = bytes ? (off_t) bytes : -1;

    if (o->outgoing.archive) {
        ngx_str_set(&r->headers_out.content_type, "application/x-tar");
    } else {
        ngx_str_set(&r->headers_out.content_type, "application/octet-stream");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return ngx_http_send_header(r);
}


static ngx_exposure_export_t *
ngx_exposure_export_create(ngx_http_request_t *r)
{
    ngx_http_cleanup_t     *cln;
    ngx_exposure_ctx_t     *ctx;
    ngx_exposure_export_t  *x;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    x = ngx_calloc(sizeof(ngx_exposure_export_t), r->connection->log);
    if (x == NULL) {
        return NULL;
    }

    x->buf = ngx_calloc_buf(r->pool);
    if (x->buf == NULL) {
        ngx_free(x);
        return NULL;
    }

    x->r = r;
    x->retry.data = x;
    x->retry.handler = ngx_exposure_export_again;
    x->retry.log = ngx_cycle->log;
    x->retry.cancelable = 1;

    cln->handler = ngx_exposure_export_gone;
    cln->data = x;

    ctx = ngx_http_get_module_ctx(r, ngx_exposure_module);
    ctx->data = x;

    return x;
}


static void
ngx_exposure_export_make(ngx_exposure_export_t *x)
{
    if (ngx_exposure_task_post(ngx_exposure_export_work,
                               ngx_exposure_export_made, x)
        == NGX_OK)
    {
        x->busy = 1;
        return;
    }

    ngx_add_timer(&x->retry, NGX_EXPOSURE_EXPORT_RETRY);
}


static void
ngx_exposure_export_work(void *data)
{
    ngx_exposure_export_t *x = data;

    x->st = expo_outgoing_next(&x->outgoing, &x->piece, &x->len);
}


static void
ngx_exposure_export_made(void *data)
{
    ngx_exposure_export_t *x = data;

    ngx_chain_t          out;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    x->busy = 0;
    r = x->r;

    if (r == NULL) {
        ngx_exposure_export_free(x);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    if (x->st != EXPO_OK && x->st != EXPO_NOT_FOUND) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0, "exposure: an export broke off: "
                      "%s", expo_status_name(x->st));

        /* nothing else tells a client that it has not all of it */

        ngx_http_finalize_request(r, NGX_ERROR);
        ngx_http_run_posted_requests(c);
        return;
    }

    ngx_memzero(x->buf, sizeof(ngx_buf_t));

    if (x->st == EXPO_OK) {
        x->buf->start = x->piece;
        x->buf->pos = x->piece;
        x->buf->last = x->piece + x->len;
        x->buf->end = x->buf->last;
        x->buf->memory = 1;
        x->buf->flush = 1;

    } else {
        x->buf->last_buf = 1;
        x->buf->last_in_chain = 1;
    }

    out.buf = x->buf;
    out.next = NULL;

    /* there are pieces without a byte: a chunk that is still in the gzip */

    if (x->st == EXPO_OK && x->len == 0) {
        ngx_exposure_export_make(x);
        return;
    }

    ngx_exposure_export_sent(x, ngx_http_output_filter(r, &out));
    ngx_http_run_posted_requests(c);
}


static void
ngx_exposure_export_again(ngx_event_t *ev)
{
    ngx_exposure_export_make(ev->data);
}


static void
ngx_exposure_export_write(ngx_http_request_t *r)
{
    ngx_event_t            *wev;
    ngx_exposure_ctx_t     *ctx;
    ngx_exposure_export_t  *x;

    wev = r->connection->write;
    ctx = ngx_http_get_module_ctx(r, ngx_exposure_module);
    x = ctx->data;

    if (wev->timedout) {
        r->connection->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (x->busy || x->retry.timer_set) {
        return;
    }

    ngx_exposure_export_sent(x, ngx_http_output_filter(r, NULL));
}


/* The piece's memory is the next one's, so that all of it has to be gone. */

static void
ngx_exposure_export_sent(ngx_exposure_export_t *x, ngx_int_t rc)
{
    ngx_event_t               *wev;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = x->r;
    wev = r->connection->write;

    if (rc == NGX_ERROR || r->connection->error) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    /* not by the buffer's last_buf, which the chunked filter takes away */

    if (x->st == EXPO_NOT_FOUND) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    if (rc == NGX_OK && x->buf->pos == x->buf->last) {

        if (wev->timer_set) {
            ngx_del_timer(wev);
        }

        ngx_exposure_export_make(x);
        return;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}


static void
ngx_exposure_export_gone(void *data)
{
    ngx_exposure_export_t *x = data;

    x->r = NULL;

    if (!x->busy) {
        ngx_exposure_export_free(x);
    }
}


static void
ngx_exposure_export_free(ngx_exposure_export_t *x)
{
    if (x->retry.timer_set) {
        ngx_del_timer(&x->retry);
    }

    expo_outgoing_close(&x->outgoing);
    ngx_free(x);

    ngx_exposure_exports--;
}
