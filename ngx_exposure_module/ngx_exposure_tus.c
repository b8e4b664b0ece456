/*
 * tus 1.0 at /uploads: an upload that goes on where it was cut off. Core,
 * creation, creation-with-upload, checksum, expiration, termination. What it
 * becomes when it is whole is named by Exposure-Scan.
 * Source: https://tus.io/protocols/resumable-upload, version 1.0.0.
 */

#include "ngx_exposure_tus.h"


#define NGX_EXPOSURE_TUS_VERSION     "1.0.0"
#define NGX_EXPOSURE_TUS_EXTENSIONS                                           \
    "creation,creation-with-upload,checksum,expiration,termination"
#define NGX_EXPOSURE_TUS_CHECKSUMS   "sha1,sha256"
#define NGX_EXPOSURE_TUS_BODY        "application/offset+octet-stream"


typedef struct {
    ngx_exposure_job_t         job;
    u_char                    *metadata;
    size_t                     metadata_len;
} ngx_exposure_tus_look_t;


static ngx_int_t ngx_exposure_tus_version(ngx_http_request_t *r);
static ngx_int_t ngx_exposure_tus_upload(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, uint64_t number, ngx_str_t *metadata);
static ngx_int_t ngx_exposure_tus_checksum(ngx_http_request_t *r,
    ngx_exposure_tus_t *t);
static ngx_int_t ngx_exposure_tus_begun(ngx_exposure_upload_t *u);
static void ngx_exposure_tus_ended(ngx_exposure_upload_t *u);
static ngx_int_t ngx_exposure_tus_answer(ngx_exposure_upload_t *u);
static ngx_int_t ngx_exposure_tus_error(ngx_http_request_t *r,
    expo_status_t st, const char *detail);
static void ngx_exposure_tus_release(ngx_exposure_upload_t *u);
static void ngx_exposure_tus_head_work(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_tus_head_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);
static void ngx_exposure_tus_head_release(ngx_exposure_job_t *job);
static void ngx_exposure_tus_delete_work(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_tus_delete_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_tus_state(ngx_http_request_t *r,
    expo_upload_t *row);
static ngx_int_t ngx_exposure_tus_path(ngx_http_request_t *r,
    const char *name, const char *path, expo_id_t *id);
static ngx_int_t ngx_exposure_tus_say(ngx_http_request_t *r,
    const char *name, const char *value);
static ngx_int_t ngx_exposure_tus_say_number(ngx_http_request_t *r,
    const char *name, uint64_t value);
static ngx_uint_t ngx_exposure_tus_titled(ngx_str_t *metadata);


static const ngx_exposure_upload_kind_t  ngx_exposure_tus_kind = {
    ngx_exposure_tus_begin_work,
    ngx_exposure_tus_begun,
    ngx_exposure_tus_sealed_work,
    ngx_exposure_tus_end_work,
    ngx_exposure_tus_ended,
    ngx_exposure_tus_answer,
    ngx_exposure_tus_release,
    NULL
};


ngx_int_t
ngx_exposure_tus_options(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_exposure_module);

    if (ngx_exposure_tus_say(r, "Tus-Resumable", NGX_EXPOSURE_TUS_VERSION)
           != NGX_OK
        || ngx_exposure_tus_say(r, "Tus-Version", NGX_EXPOSURE_TUS_VERSION)
           != NGX_OK
        || ngx_exposure_tus_say(r, "Tus-Extension",
                                NGX_EXPOSURE_TUS_EXTENSIONS)
           != NGX_OK
        || ngx_exposure_tus_say(r, "Tus-Checksum-Algorithm",
                                NGX_EXPOSURE_TUS_CHECKSUMS)
           != NGX_OK
        || ngx_exposure_tus_say_number(r, "Tus-Max-Size",
                                       (uint64_t) mcf->max_upload)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_reply_empty(r, NGX_HTTP_NO_CONTENT);
}


ngx_int_t
ngx_exposure_tus_create(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    uint64_t    length;
    ngx_int_t   rc;
    ngx_str_t  *value, metadata;

    rc = ngx_exposure_tus_version(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    /* what is not offered is refused rather than misunderstood */

    value = ngx_exposure_header(r, "upload-length");

    if (value == NULL || ngx_exposure_header(r, "upload-concat")
        || ngx_exposure_header(r, "upload-defer-length"))
    {
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                                        "An upload begins with its "
                                        "Upload-Length.");
    }

    if (expo_tus_number(&length, (char *) value->data, value->len) != EXPO_OK)
    {
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                                        "Upload-Length is not a number.");
    }

    if (length == 0) {
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                                        "The upload is empty.");
    }

    ngx_str_set(&metadata, "");

    value = ngx_exposure_header(r, "upload-metadata");

    if (value) {
        metadata = *value;
    }

    if (expo_tus_metadata_check((char *) metadata.data, metadata.len)
            != EXPO_OK
        || !ngx_exposure_tus_titled(&metadata))
    {
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                      "Upload-Metadata is not one, or its title is not of 1 "
                      "to 200 characters.");
    }

    return ngx_exposure_tus_upload(r, ctx, length, &metadata);
}


ngx_int_t
ngx_exposure_tus_patch(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    uint64_t    offset;
    ngx_int_t   rc;
    ngx_str_t  *value;

    rc = ngx_exposure_tus_version(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    value = ngx_exposure_header(r, "upload-offset");

    if (value == NULL
        || expo_tus_number(&offset, (char *) value->data, value->len)
           != EXPO_OK)
    {
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                                        "Upload-Offset is not a number.");
    }

    return ngx_exposure_tus_upload(r, ctx, offset, NULL);
}


ngx_int_t
ngx_exposure_tus_head(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_exposure_job_t  *job;

    rc = ngx_exposure_tus_version(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    job = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_tus_look_t),
                                  ngx_exposure_tus_head_work,
                                  ngx_exposure_tus_head_answer);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->release = ngx_exposure_tus_head_release;

    return ngx_exposure_job_run(r, job);
}


ngx_int_t
ngx_exposure_tus_delete(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_exposure_job_t  *job;

    rc = ngx_exposure_tus_version(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    job = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_job_t),
                                  ngx_exposure_tus_delete_work,
                                  ngx_exposure_tus_delete_answer);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_job_run(r, job);
}


/* NGX_DECLINED: it is ours. Every answer says so. */

static ngx_int_t
ngx_exposure_tus_version(ngx_http_request_t *r)
{
    ngx_str_t  *value;

    if (ngx_exposure_tus_say(r, "Tus-Resumable", NGX_EXPOSURE_TUS_VERSION)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    value = ngx_exposure_header(r, "tus-resumable");

    if (value && value->len == sizeof(NGX_EXPOSURE_TUS_VERSION) - 1
        && ngx_strncmp(value->data, NGX_EXPOSURE_TUS_VERSION, value->len)
           == 0)
    {
        return NGX_DECLINED;
    }

    if (ngx_exposure_tus_say(r, "Tus-Version", NGX_EXPOSURE_TUS_VERSION)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_reply_problem(r, NGX_HTTP_PRECONDITION_FAILED,
                                      "version",
                                      "Tus-Resumable must be 1.0.0.");
}


/* number: the length of a new one, which metadata says it is, or an offset. */

static ngx_int_t
ngx_exposure_tus_upload(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    uint64_t number, ngx_str_t *metadata)
{
    ngx_int_t            rc;
    ngx_exposure_tus_t  *t;

    if ((metadata == NULL || ngx_exposure_upload_has_body(r))
        && !ngx_exposure_body_is(r, NGX_EXPOSURE_TUS_BODY))
    {
        return ngx_exposure_reply_error(r, EXPO_UNSUPPORTED,
                                        "The body must be "
                                        NGX_EXPOSURE_TUS_BODY ".");
    }

    t = ngx_exposure_upload_create(r, ctx, sizeof(ngx_exposure_tus_t),
                                   &ngx_exposure_tus_kind, &rc);
    if (t == NULL) {
        return rc;
    }

    t->target_file.fd = -1;
    t->upload.scan.id = ctx->id;
    t->upload.left = NGX_MAX_OFF_T_VALUE;
    t->upload.reserved = 1;

    if (metadata) {
        t->create = 1;
        t->row.length = number;
        t->metadata_len = metadata->len;
        t->metadata = malloc(metadata->len + 1);

        if (t->metadata == NULL) {
            ngx_exposure_upload_drop(&t->upload);
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memcpy(t->metadata, metadata->data, metadata->len);

    } else {
        t->offset = number;
    }

    rc = ngx_exposure_tus_checksum(r, t);

    if (rc != NGX_DECLINED) {
        ngx_exposure_upload_drop(&t->upload);
        return rc;
    }

    if (t->row.length > (uint64_t) t->upload.limit) {
        ngx_exposure_upload_drop(&t->upload);
        return ngx_exposure_reply_error(r, EXPO_TOO_LARGE,
                                        "The upload is larger than this "
                                        "service takes.");
    }

    return ngx_exposure_upload_run(&t->upload);
}


static ngx_int_t
ngx_exposure_tus_checksum(ngx_http_request_t *r, ngx_exposure_tus_t *t)
{
    ngx_str_t  *value;

    value = ngx_exposure_header(r, "upload-checksum");

    if (value == NULL) {
        return NGX_DECLINED;
    }

    if (expo_tus_checksum(&t->checksum, (char *) value->data, value->len)
        != EXPO_OK)
    {
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                                        "Upload-Checksum is not one of "
                                        NGX_EXPOSURE_TUS_CHECKSUMS ".");
    }

    t->checked = 1;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_exposure_tus_begun(ngx_exposure_upload_t *u)
{
    ngx_exposure_tus_t *t = (ngx_exposure_tus_t *) u;

    ngx_http_request_t  *r;

    r = u->r;

    if (u->st != EXPO_OK) {
        return ngx_exposure_tus_answer(u);
    }

    u->limit = (off_t) (t->row.length - t->row.received);

    if (r->headers_in.content_length_n > u->limit) {
        return ngx_exposure_reply_error(r, EXPO_TOO_LARGE,
                                        "This is more than Upload-Length.");
    }

    if (t->row.whole || (t->create && !ngx_exposure_upload_has_body(r))) {
        return ngx_exposure_tus_answer(u);
    }

    u->resumable = !t->checked;

    return NGX_DECLINED;
}


static void
ngx_exposure_tus_ended(ngx_exposure_upload_t *u)
{
    ngx_exposure_tus_t *t = (ngx_exposure_tus_t *) u;

    if (u->st == EXPO_OK && t->row.whole) {
        (void) ngx_exposure_import_start(u->tag, &u->scan.id, &u->lease);
    }
}


static ngx_int_t
ngx_exposure_tus_answer(ngx_exposure_upload_t *u)
{
    ngx_exposure_tus_t *t = (ngx_exposure_tus_t *) u;

    ngx_http_request_t  *r;

    r = u->r;

    if (t->locked) {
        return ngx_exposure_reply_problem(r, 423, "locked",
                         "Another request sends to this upload just now.");
    }

    if (t->mismatch) {
        return ngx_exposure_reply_problem(r, 460, "checksum",
                         "What came is not what the checksum is of.");
    }

    if (u->st != EXPO_OK) {
        return ngx_exposure_tus_error(r, u->st, u->detail);
    }

    if (t->create
        && ngx_exposure_tus_path(r, "Location", "/api/v1/uploads/",
                                 &t->row.id)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_exposure_tus_state(r, &t->row) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_reply_empty(r, t->create ? NGX_HTTP_CREATED
                                                 : NGX_HTTP_NO_CONTENT);
}


static ngx_int_t
ngx_exposure_tus_error(ngx_http_request_t *r, expo_status_t st,
    const char *detail)
{
    if (st == EXPO_EXPIRED) {
        return ngx_exposure_reply_problem(r, 410, "expired",
                                          "This upload has expired. Begin it "
                                          "anew.");
    }

    return ngx_exposure_reply_error(r, st, st == EXPO_CONFLICT
                                    ? "The upload is not at this offset."
                                    : detail);
}


static void
ngx_exposure_tus_release(ngx_exposure_upload_t *u)
{
    ngx_exposure_tus_t *t = (ngx_exposure_tus_t *) u;

    if (t->target_file.fd != -1 && t->checked) {
        close(t->target_file.fd);
    }

    if (t->metadata) {
        ngx_explicit_memzero(t->metadata, t->metadata_len);
        free(t->metadata);
    }

    expo_store_upload_free(&t->row);
    ngx_explicit_memzero(&t->target, sizeof(t->target));
}


static void
ngx_exposure_tus_head_work(ngx_exposure_job_t *job)
{
    ngx_exposure_tus_look_t *look = (ngx_exposure_tus_look_t *) job;

    job->st = ngx_exposure_tus_look(job, &look->metadata,
                                    &look->metadata_len);
}


static ngx_int_t
ngx_exposure_tus_head_answer(ngx_http_request_t *r, ngx_exposure_job_t *job)
{
    ngx_exposure_tus_look_t *look = (ngx_exposure_tus_look_t *) job;

    if (job->st != EXPO_OK) {
        return ngx_exposure_tus_error(r, job->st, job->detail);
    }

    if (ngx_exposure_tus_state(r, &job->found.upload) != NGX_OK
        || ngx_exposure_tus_say_number(r, "Upload-Length",
                                       job->found.upload.length)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (look->metadata_len
        && ngx_exposure_reply_header(r, "Upload-Metadata", look->metadata,
                                     look->metadata_len)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_reply_empty(r, NGX_HTTP_OK);
}


static void
ngx_exposure_tus_head_release(ngx_exposure_job_t *job)
{
    ngx_exposure_tus_look_t *look = (ngx_exposure_tus_look_t *) job;

    if (look->metadata) {
        ngx_explicit_memzero(look->metadata, look->metadata_len);
        free(look->metadata);
    }
}


static void
ngx_exposure_tus_delete_work(ngx_exposure_job_t *job)
{
    job->st = expo_store_upload_delete(job->conf->store, job->tag, &job->id);
}


static ngx_int_t
ngx_exposure_tus_delete_answer(ngx_http_request_t *r, ngx_exposure_job_t *job)
{
    if (job->st != EXPO_OK) {
        return ngx_exposure_tus_error(r, job->st, job->detail);
    }

    return ngx_exposure_reply_empty(r, NGX_HTTP_NO_CONTENT);
}


/* How far it is, and until when; or what it has become. */

static ngx_int_t
ngx_exposure_tus_state(ngx_http_request_t *r, expo_upload_t *row)
{
    u_char  date[sizeof("Mon, 28 Sep 1970 06:00:00 GMT")], *p;

    p = ngx_http_time(date, (time_t) row->expires);

    if (ngx_exposure_tus_say_number(r, "Upload-Offset", row->received)
           != NGX_OK
        || ngx_exposure_reply_header(r, "Upload-Expires", date, p - date)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return row->whole ? ngx_exposure_tus_path(r, "Exposure-Scan", "",
                                              &row->id)
                      : NGX_OK;
}


static ngx_int_t
ngx_exposure_tus_path(ngx_http_request_t *r, const char *name,
    const char *path, expo_id_t *id)
{
    char    text[EXPO_ID_TEXT + 1];
    u_char  value[64], *p;

    expo_id_print(text, id);
    p = ngx_snprintf(value, sizeof(value), "%s%s", path, text);

    return ngx_exposure_reply_header(r, name, value, p - value);
}


static ngx_int_t
ngx_exposure_tus_say(ngx_http_request_t *r, const char *name,
    const char *value)
{
    return ngx_exposure_reply_header(r, name, (u_char *) value,
                                     ngx_strlen(value));
}


static ngx_int_t
ngx_exposure_tus_say_number(ngx_http_request_t *r, const char *name,
    uint64_t value)
{
    u_char  text[NGX_INT64_LEN + 1], *p;

    p = ngx_sprintf(text, "%uL", value);

    return ngx_exposure_reply_header(r, name, text, p - text);
}


/* Has it no title, or one that a scan may have? */

static ngx_uint_t
ngx_exposure_tus_titled(ngx_str_t *metadata)
{
    u_char       title[NGX_EXPOSURE_TEXT_MAX * 4];
    size_t       n;
    json_t      *text;
    ngx_uint_t   fits;

    switch (expo_tus_metadata_get(title, sizeof(title), &n, "title",
                                  (char *) metadata->data, metadata->len))
    {
    case EXPO_NOT_FOUND:
        return 1;

    case EXPO_OK:
        break;

    default:
        return 0;
    }

    if (ngx_strlchr(title, title + n, '\0')) {
        return 0;
    }

    text = json_pack("{s:o}", "title", json_stringn((char *) title, n));
    fits = ngx_exposure_body_text(text, "title") != NULL;
    json_decref(text);

    return fits;
}
