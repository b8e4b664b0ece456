/*
 * POST /scans: one body, one scan. The file has no name until the last chunk is
 * on disk, so an upload that is cut leaves nothing.
 */

#include "ngx_exposure_upload.h"


static ngx_uint_t ngx_exposure_upload_is_multipart(ngx_http_request_t *r);
static void ngx_exposure_upload_scan_begin(void *data);
static void ngx_exposure_upload_scan_end(void *data);
static void ngx_exposure_upload_scan_ended(ngx_exposure_upload_t *u);
static ngx_int_t ngx_exposure_upload_scan_answer(ngx_exposure_upload_t *u);


static const ngx_exposure_upload_kind_t  ngx_exposure_upload_scan_kind = {
    ngx_exposure_upload_scan_begin,
    ngx_exposure_upload_scan_begun,
    NULL,
    ngx_exposure_upload_scan_end,
    ngx_exposure_upload_scan_ended,
    ngx_exposure_upload_scan_answer,
    NULL,
    "The upload is empty."
};


ngx_int_t
ngx_exposure_upload(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_int_t               rc;
    expo_status_t           st;
    ngx_exposure_upload_t  *u;

    /*
     * What is refused here is not read: the answer goes out at once. What kind
     * of file it is is told by its bytes, when it is imported.
     */

    if (!ngx_exposure_upload_has_body(r)) {
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                                        "The upload is empty.");
    }

    u = ngx_exposure_upload_create(r, ctx, sizeof(ngx_exposure_upload_t),
                                   &ngx_exposure_upload_scan_kind, &rc);
    if (u == NULL) {
        return rc;
    }

    st = ngx_exposure_parts_open(u, "form-data");

    if (st == EXPO_UNSUPPORTED) {
        st = ngx_exposure_parts_open(u, "related");
    }

    if (st == EXPO_UNSUPPORTED && !ngx_exposure_upload_is_multipart(r)) {
        st = EXPO_OK;
    }

    if (st != EXPO_OK) {
        ngx_exposure_upload_drop(u);

        return ngx_exposure_reply_error(r, st, "Parts come as "
                           "multipart/form-data or multipart/related, with a "
                           "boundary.");
    }

    return ngx_exposure_upload_run(u);
}


static ngx_uint_t
ngx_exposure_upload_is_multipart(ngx_http_request_t *r)
{
    ngx_str_t  *type;

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = &r->headers_in.content_type->value;

    return type->len >= 10
           && ngx_strncasecmp(type->data, (u_char *) "multipart/", 10) == 0;
}


static void
ngx_exposure_upload_scan_begin(void *data)
{
    ngx_exposure_upload_t *u = data;

    u->st = ngx_exposure_upload_user(u);

    if (u->st == EXPO_OK) {
        u->st = ngx_exposure_upload_new(u);
    }
}


/* Sets how much may come. The store looks again, when all is there. */

ngx_int_t
ngx_exposure_upload_scan_begun(ngx_exposure_upload_t *u)
{
    uint64_t  left;

    left = 0;

    if (u->found.user.used_bytes < u->found.user.quota_bytes) {
        left = u->found.user.quota_bytes - u->found.user.used_bytes;
    }

    if (u->st == EXPO_OK
        && (left == 0 || u->r->headers_in.content_length_n > (off_t) left))
    {
        u->st = EXPO_NO_SPACE;
    }

    u->left = (off_t) left;

    if (u->st != EXPO_OK) {
        return ngx_exposure_reply_error(u->r, u->st, u->detail);
    }

    return NGX_DECLINED;
}


/* The scan appears, with its owner's key and all its bytes, or not at all. */

static void
ngx_exposure_upload_scan_end(void *data)
{
    ngx_exposure_upload_t *u = data;

    u->st = ngx_exposure_upload_seal(u, 1);

    if (u->st == EXPO_OK) {
        u->st = ngx_exposure_upload_scan(u, NULL);
    }

    if (u->st == EXPO_OK) {
        u->st = expo_store_scan_add(u->conf->store, u->tag, &u->scan,
                                    &u->file);
    }
}


static void
ngx_exposure_upload_scan_ended(ngx_exposure_upload_t *u)
{
    if (u->st != EXPO_OK) {
        return;
    }

    ngx_exposure_upload_kept(u);

    /* also when the client did not wait to hear of it */
    (void) ngx_exposure_import_start(u->tag, &u->scan.id, &u->lease);
}


static ngx_int_t
ngx_exposure_upload_scan_answer(ngx_exposure_upload_t *u)
{
    char     id[EXPO_ID_TEXT + 1];
    u_char   location[64], *p;
    json_t  *json;

    if (u->st != EXPO_OK) {
        return ngx_exposure_reply_error(u->r, u->st, NULL);
    }

    expo_id_print(id, &u->scan.id);
    p = ngx_snprintf(location, sizeof(location), "/api/v1/scans/%s", id);

    if (ngx_exposure_reply_header(u->r, "Location", location, p - location)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    json = u->json;
    u->json = NULL;

    return ngx_exposure_reply_json(u->r, NGX_HTTP_CREATED, json);
}
