/*
 * Small JSON bodies: read whole, never into a file, parsed strictly. A limit
 * is one number, checked by Content-Length at once and by bytes while they
 * arrive.
 */

#include "ngx_exposure_rest.h"


/* nginx's own timeout is between two reads: a byte a minute would do */
#define NGX_EXPOSURE_BODY_PATIENCE  30000   /* ms */


typedef struct {
    size_t                 max;
    size_t                 len;
    u_char                *data;
    ngx_msec_t             started;
    ngx_exposure_body_pt   handler;
} ngx_exposure_body_t;


static void ngx_exposure_body_event(ngx_http_request_t *r);
static ngx_int_t ngx_exposure_body_take(ngx_http_request_t *r);
static ngx_int_t ngx_exposure_body_parse(ngx_http_request_t *r);


ngx_int_t
ngx_exposure_body_read(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    size_t max, ngx_exposure_body_pt handler)
{
    ngx_int_t             rc;
    ngx_exposure_body_t  *body;

    if (!ngx_exposure_body_is(r, "application/json")
        && !ngx_exposure_body_is(r, "application/merge-patch+json"))
    {
        return ngx_exposure_reply_error(r, EXPO_UNSUPPORTED,
                                        "The body must be application/json.");
    }

    if (r->headers_in.content_length_n > (off_t) max) {
        return ngx_exposure_reply_error(r, EXPO_TOO_LARGE, NULL);
    }

    body = ngx_pcalloc(r->pool, sizeof(ngx_exposure_body_t));
    if (body == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->headers_in.content_length_n >= 0) {
        max = (size_t) r->headers_in.content_length_n;
    }

    body->data = ngx_pnalloc(r->pool, max + 1);
    if (body->data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body->max = max;
    body->started = ngx_current_msec;
    body->handler = handler;
    ctx->data = body;

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_exposure_body_event);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


ngx_str_t *
ngx_exposure_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_strncmp(h[i].lowcase_key, name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}


ngx_uint_t
ngx_exposure_body_is(ngx_http_request_t *r, const char *type)
{
    size_t      len;
    ngx_str_t  *value;

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    value = &r->headers_in.content_type->value;
    len = ngx_strlen(type);

    return value->len >= len
           && ngx_strncasecmp(value->data, (u_char *) type, len) == 0
           && (value->len == len || value->data[len] == ';'
               || value->data[len] == ' ');
}


const char *
ngx_exposure_body_text(json_t *body, const char *member)
{
    size_t       n;
    json_t      *value;
    const char  *p;

    value = json_object_get(body, member);

    if (!json_is_string(value)) {
        return NULL;
    }

    n = 0;

    for (p = json_string_value(value); *p; p++) {

        if ((u_char) *p < 0x20 || *p == 0x7f) {
            return NULL;
        }

        /* the parser has checked UTF-8: characters are their first bytes */
        n += ((u_char) *p & 0xc0) != 0x80;
    }

    return (n >= 1 && n <= NGX_EXPOSURE_TEXT_MAX) ? json_string_value(value)
                                                  : NULL;
}


ngx_int_t
ngx_exposure_body_broken(ngx_http_request_t *r, ngx_int_t rc)
{
    if (r->connection->error) {
        return rc;
    }

    if (rc == NGX_HTTP_REQUEST_TIME_OUT) {
        return ngx_exposure_reply_problem(r, rc, "slow",
                                          "The request came too slowly.");
    }

    if (rc == NGX_HTTP_BAD_REQUEST) {
        return ngx_exposure_reply_error(r, EXPO_INVALID, NULL);
    }

    return rc;
}


static void
ngx_exposure_body_event(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_exposure_ctx_t   *ctx;
    ngx_exposure_body_t  *body;

    ctx = ngx_http_get_module_ctx(r, ngx_exposure_module);
    body = ctx->data;

    r->read_event_handler = ngx_exposure_body_event;

    rc = ngx_exposure_body_take(r);

    while (rc == NGX_OK && r->reading_body) {

        rc = ngx_http_read_unbuffered_request_body(r);

        if (ngx_current_msec - body->started > NGX_EXPOSURE_BODY_PATIENCE) {
            rc = NGX_HTTP_REQUEST_TIME_OUT;
        }

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_finalize_request(r, ngx_exposure_body_broken(r, rc));
            return;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            return;
        }

        rc = ngx_exposure_body_take(r);
    }

    r->read_event_handler = ngx_http_block_reading;

    if (rc == NGX_OK) {
        rc = ngx_exposure_body_parse(r);

    } else {
        rc = ngx_exposure_reply_error(r, EXPO_TOO_LARGE, NULL);
    }

    ngx_http_finalize_request(r, rc);
}


/* Copies what has arrived; NGX_DECLINED: over the limit. */

static ngx_int_t
ngx_exposure_body_take(ngx_http_request_t *r)
{
    size_t                n;
    ngx_buf_t            *b;
    ngx_chain_t          *cl;
    ngx_exposure_ctx_t   *ctx;
    ngx_exposure_body_t  *body;

    ctx = ngx_http_get_module_ctx(r, ngx_exposure_module);
    body = ctx->data;

    while (r->request_body->bufs) {
        cl = r->request_body->bufs;
        b = cl->buf;
        n = b->last - b->pos;

        if (n > body->max - body->len) {
            return NGX_DECLINED;
        }

        if (n) {
            ngx_memcpy(body->data + body->len, b->pos, n);
        }

        body->len += n;
        b->pos = b->last;

        r->request_body->bufs = cl->next;
        ngx_free_chain(r->pool, cl);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_exposure_body_parse(ngx_http_request_t *r)
{
    json_t               *json;
    ngx_exposure_ctx_t   *ctx;
    ngx_exposure_body_t  *body;

    ctx = ngx_http_get_module_ctx(r, ngx_exposure_module);
    body = ctx->data;

    json = json_loadb((char *) body->data, body->len, JSON_REJECT_DUPLICATES,
                      NULL);

    /* a password or a person's title: not left to the next request's pool */
    ngx_explicit_memzero(body->data, body->len);

    if (!json_is_object(json)) {
        json_decref(json);
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                                        "The body must be one JSON object.");
    }

    return body->handler(r, ctx, json);
}
