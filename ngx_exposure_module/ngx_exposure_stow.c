/*
 * STOW-RS: POST /dicomweb/studies. The parts of the body become a sealed tar.
 * What is in it only exposure-import may look at: a render-worker is asked for
 * an index, and the request is answered, instance by instance, when it is
 * there. Each usable series becomes a scan.
 * Source: DICOM PS3.18, section 10.5.
 */

#include "ngx_exposure_stow.h"

#include <sys/mman.h>

#include "lib/base64.h"


#define NGX_EXPOSURE_STOW_WAIT     200      /* ms between two looks */
#define NGX_EXPOSURE_STOW_ASK      60000    /* ms for a worker to have time */
#define NGX_EXPOSURE_STOW_SILENCE  330000   /* ms for it to answer */


static ngx_uint_t ngx_exposure_stow_accepts(ngx_http_request_t *r);
static ngx_uint_t ngx_exposure_stow_is_dicom(ngx_http_request_t *r);
static void ngx_exposure_stow_begin(void *data);
static ngx_int_t ngx_exposure_stow_answer(ngx_exposure_upload_t *u);
static void ngx_exposure_stow_ended(ngx_exposure_upload_t *u);
static void ngx_exposure_stow_release(ngx_exposure_upload_t *u);
static ngx_int_t ngx_exposure_stow_ask(ngx_exposure_stow_t *t);
static ngx_int_t ngx_exposure_stow_send(ngx_exposure_stow_t *t);
static ngx_int_t ngx_exposure_stow_again(ngx_exposure_stow_t *t);
static void ngx_exposure_stow_timer(ngx_event_t *ev);
static void ngx_exposure_stow_split(ngx_exposure_stow_t *t);
static void ngx_exposure_stow_split_done(void *data);
static ngx_int_t ngx_exposure_stow_reply(ngx_exposure_stow_t *t);
static ngx_exposure_stow_t *ngx_exposure_stow_find(ngx_uint_t worker,
    json_t *message);


static const ngx_exposure_upload_kind_t  ngx_exposure_stow_kind = {
    ngx_exposure_stow_begin,
    ngx_exposure_upload_scan_begun,
    NULL,
    ngx_exposure_stow_end_work,
    ngx_exposure_stow_ended,
    ngx_exposure_stow_answer,
    ngx_exposure_stow_release,
    "The study is empty."
};

static ngx_queue_t  ngx_exposure_stows;


ngx_int_t
ngx_exposure_stow(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_int_t             rc;
    expo_status_t         st;
    ngx_exposure_stow_t  *t;

    if (!ngx_exposure_stow_accepts(r)) {
        return ngx_exposure_reply_problem(r, 406,
                                          "not_acceptable",
                                          "The answer is "
                                          "application/dicom+json.");
    }

    if (!ngx_exposure_stow_is_dicom(r)) {
        return ngx_exposure_reply_error(r, EXPO_UNSUPPORTED,
                                        "The body must be multipart/related "
                                        "of application/dicom.");
    }

    if (!ngx_exposure_control_ready()) {
        return ngx_exposure_reply_busy(r, 1);
    }

    t = ngx_exposure_upload_create(r, ctx, sizeof(ngx_exposure_stow_t),
                                   &ngx_exposure_stow_kind, &rc);
    if (t == NULL) {
        return rc;
    }

    if (ngx_exposure_stows.next == NULL) {
        ngx_queue_init(&ngx_exposure_stows);
    }

    ngx_queue_insert_tail(&ngx_exposure_stows, &t->queue);

    t->index_fd = -1;
    t->timer.handler = ngx_exposure_stow_timer;
    t->timer.data = r->connection;
    t->timer.log = ngx_cycle->log;

    st = ngx_exposure_parts_open(&t->upload, "related");

    if (st != EXPO_OK) {
        ngx_exposure_upload_drop(&t->upload);
        return ngx_exposure_reply_error(r, st, "The Content-Type needs a "
                                        "boundary.");
    }

    t->upload.parts->members_only = 1;

    return ngx_exposure_upload_run(&t->upload);
}


void
ngx_exposure_stow_event(ngx_uint_t worker, json_t *message)
{
    ngx_int_t             rc;
    const char           *type, *code;
    ngx_exposure_stow_t  *t;

    t = ngx_exposure_stow_find(worker, message);
    type = json_string_value(json_object_get(message, "type"));

    if (t == NULL || ngx_strcmp(type, "progress") == 0) {
        return;
    }

    t->waiting = 0;

    if (ngx_strcmp(type, "indexed") == 0) {
        t->index_bytes = json_integer_value(json_object_get(message,
                                                            "bytes"));
        ngx_exposure_stow_split(t);
        return;
    }

    code = json_string_value(json_object_get(message, "code"));

    if (code && ngx_strcmp(code, "busy") == 0) {
        rc = ngx_exposure_stow_again(t);

    } else {
        rc = ngx_exposure_reply_problem(t->upload.r, NGX_HTTP_CONFLICT,
                 "unusable",
                 json_string_value(json_object_get(message, "detail")));
    }

    if (rc != NGX_DONE) {
        ngx_exposure_upload_go_on(&t->upload, rc);
    }
}


void
ngx_exposure_stow_lost(ngx_uint_t worker)
{
    ngx_int_t             rc;
    ngx_queue_t          *q, *next;
    ngx_exposure_stow_t  *t;

    if (ngx_exposure_stows.next == NULL) {
        return;
    }

    for (q = ngx_queue_head(&ngx_exposure_stows);
         q != ngx_queue_sentinel(&ngx_exposure_stows);
         q = next)
    {
        next = ngx_queue_next(q);
        t = ngx_queue_data(q, ngx_exposure_stow_t, queue);

        if (!t->waiting || t->worker != worker) {
            continue;
        }

        t->waiting = 0;
        rc = ngx_exposure_stow_again(t);

        if (rc != NGX_DONE) {
            ngx_exposure_upload_go_on(&t->upload, rc);
        }
    }
}


static ngx_uint_t
ngx_exposure_stow_accepts(ngx_http_request_t *r)
{
    ngx_str_t   *accept;
    ngx_uint_t   i;

    static ngx_str_t  types[] = {
        ngx_string("application/dicom+json"),
        ngx_string("application/json"),
        ngx_string("application/*"),
        ngx_string("*/*"),
    };

    accept = ngx_exposure_header(r, "accept");

    if (accept == NULL) {
        return 1;
    }

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (ngx_strlcasestrn(accept->data, accept->data + accept->len,
                             types[i].data, types[i].len - 1))
        {
            return 1;
        }
    }

    return 0;
}


/* A study of something else would be told by type; none is DICOM. */

static ngx_uint_t
ngx_exposure_stow_is_dicom(ngx_http_request_t *r)
{
    char        type[64];
    size_t      n;
    ngx_str_t  *value;

    static ngx_str_t  dicom = ngx_string("application/dicom");

    if (!ngx_exposure_body_is(r, "multipart/related")) {
        return 0;
    }

    value = &r->headers_in.content_type->value;

    switch (expo_multipart_parameter(type, sizeof(type), &n, "type",
                                     (char *) value->data, value->len))
    {
    case EXPO_NOT_FOUND:
        return 1;

    case EXPO_OK:
        return n == dicom.len
               && ngx_strncasecmp((u_char *) type, dicom.data, n) == 0;

    default:
        return 0;
    }
}


static void
ngx_exposure_stow_begin(void *data)
{
    ngx_exposure_upload_t *u = data;

    u->st = ngx_exposure_upload_user(u);

    if (u->st == EXPO_OK) {
        u->st = ngx_exposure_upload_new(u);
    }
}


static void
ngx_exposure_stow_ended(ngx_exposure_upload_t *u)
{
    /* nothing is stored before its client has waited for the index */
}


static ngx_int_t
ngx_exposure_stow_answer(ngx_exposure_upload_t *u)
{
    ngx_exposure_stow_t *t = (ngx_exposure_stow_t *) u;

    if (u->st != EXPO_OK) {
        return ngx_exposure_reply_error(u->r, u->st, NULL);
    }

    t->asked = ngx_current_msec;

    return ngx_exposure_stow_ask(t);
}


static void
ngx_exposure_stow_release(ngx_exposure_upload_t *u)
{
    ngx_exposure_stow_t *t = (ngx_exposure_stow_t *) u;

    /* created, but not yet a member */

    if (t->queue.next == NULL) {
        return;
    }

    ngx_queue_remove(&t->queue);

    if (t->timer.timer_set) {
        ngx_del_timer(&t->timer);
    }

    if (t->index_fd != -1) {
        close(t->index_fd);
    }
}


/* NGX_DONE: it is asked, or will be in a moment. */

static ngx_int_t
ngx_exposure_stow_ask(ngx_exposure_stow_t *t)
{
    if (ngx_exposure_stow_send(t) != NGX_OK) {
        return ngx_exposure_stow_again(t);
    }

    t->waiting = 1;
    ngx_add_timer(&t->timer, NGX_EXPOSURE_STOW_SILENCE);

    return NGX_DONE;
}


static ngx_int_t
ngx_exposure_stow_send(ngx_exposure_stow_t *t)
{
    int         fds[2];
    char        id[EXPO_ID_TEXT + 1];
    char        header[EXPO_BASE64_TEXT(EXPO_BLOB_HEADER)];
    json_t     *message;
    ngx_int_t   worker, rc;

    worker = ngx_exposure_control_any();

    if (worker == NGX_ERROR) {
        return NGX_AGAIN;
    }

    /* instances' names are a person's: they are never in a file */

    if (t->index_fd != -1) {
        close(t->index_fd);
    }

    t->index_fd = memfd_create("index", MFD_CLOEXEC);

    if (t->index_fd == -1) {
        return NGX_AGAIN;
    }

    expo_id_print(id, &t->upload.scan.id);
    expo_base64_print(header, t->upload.blob.header, EXPO_BLOB_HEADER);

    message = json_pack("{s:s, s:s, s:s}", "type", "index", "scan", id,
                        "original_header", header);

    fds[0] = t->upload.file.fd;
    fds[1] = t->index_fd;

    rc = ngx_exposure_control_send((ngx_uint_t) worker, message,
                                   t->upload.blob.key, 32, fds, 2);
    json_decref(message);

    t->worker = (ngx_uint_t) worker;

    return rc == NGX_OK ? NGX_OK : NGX_AGAIN;
}


static ngx_int_t
ngx_exposure_stow_again(ngx_exposure_stow_t *t)
{
    if (ngx_current_msec - t->asked > NGX_EXPOSURE_STOW_ASK) {
        return ngx_exposure_reply_busy(t->upload.r, 1);
    }

    ngx_add_timer(&t->timer, NGX_EXPOSURE_STOW_WAIT);

    return NGX_DONE;
}


static void
ngx_exposure_stow_timer(ngx_event_t *ev)
{
    ngx_int_t             rc;
    ngx_exposure_stow_t  *t;

    t = (ngx_exposure_stow_t *) ((u_char *) ev
                                 - offsetof(ngx_exposure_stow_t, timer));

    ngx_http_set_log_request(t->upload.r->connection->log, t->upload.r);

    if (t->index_bytes) {
        ngx_exposure_stow_split(t);
        return;
    }

    if (t->waiting) {
        t->waiting = 0;
        rc = ngx_exposure_reply_busy(t->upload.r, 1);

    } else {
        rc = ngx_exposure_stow_ask(t);
    }

    if (rc != NGX_DONE) {
        ngx_exposure_upload_go_on(&t->upload, rc);
    }
}


static void
ngx_exposure_stow_split(ngx_exposure_stow_t *t)
{
    if (ngx_exposure_task_post(ngx_exposure_stow_split_work,
                               ngx_exposure_stow_split_done, t)
        != NGX_OK)
    {
        ngx_add_timer(&t->timer, NGX_EXPOSURE_STOW_WAIT);
        return;
    }

    if (t->timer.timer_set) {
        ngx_del_timer(&t->timer);
    }

    t->upload.busy = 1;
}


static void
ngx_exposure_stow_split_done(void *data)
{
    ngx_exposure_stow_t *t = data;

    ngx_uint_t              i;
    ngx_exposure_upload_t  *u;

    u = &t->upload;
    u->busy = 0;

    for (i = 0; i < t->nscans; i++) {
        (void) ngx_exposure_import_start(u->tag, &t->scans[i],
                                         &t->leases[i]);
    }

    if (u->r == NULL) {
        ngx_exposure_upload_leave(u);
        return;
    }

    ngx_http_set_log_request(u->r->connection->log, u->r);
    ngx_exposure_upload_go_on(u, ngx_exposure_stow_reply(t));
}


/* 200: every instance is stored; 202: some are; 409: none. */

static ngx_int_t
ngx_exposure_stow_reply(ngx_exposure_stow_t *t)
{
    json_t      *json;
    ngx_uint_t   status;

    if (t->upload.st != EXPO_OK) {
        return ngx_exposure_reply_error(t->upload.r, t->upload.st, NULL);
    }

    json = t->upload.json;
    t->upload.json = NULL;

    status = t->nscans == 0 ? NGX_HTTP_CONFLICT
             : t->refused ? NGX_HTTP_ACCEPTED : NGX_HTTP_OK;

    return ngx_exposure_reply_dump(t->upload.r, status,
                                   "application/dicom+json", json);
}


static ngx_exposure_stow_t *
ngx_exposure_stow_find(ngx_uint_t worker, json_t *message)
{
    expo_id_t             scan;
    const char           *text;
    ngx_queue_t          *q;
    ngx_exposure_stow_t  *t;

    text = json_string_value(json_object_get(message, "scan"));

    if (text == NULL || ngx_exposure_stows.next == NULL
        || expo_id_parse(&scan, text, ngx_strlen(text)) != EXPO_OK)
    {
        return NULL;
    }

    for (q = ngx_queue_head(&ngx_exposure_stows);
         q != ngx_queue_sentinel(&ngx_exposure_stows);
         q = ngx_queue_next(q))
    {
        t = ngx_queue_data(q, ngx_exposure_stow_t, queue);

        if (t->waiting && t->worker == worker
            && ngx_memcmp(t->upload.scan.id.b, scan.b, sizeof(scan.b)) == 0)
        {
            return t;
        }
    }

    return NULL;
}
