/*
 * Answers: JSON, problem+json (RFC 9457), bytes. The one place where a status
 * becomes an HTTP answer. What differs from one refusal to the next, the trace
 * id, is a header: the bodies of equal refusals are equal bytes.
 */

#include "ngx_exposure_rest.h"


typedef struct {
    ngx_uint_t    http;
    const char   *code;
    const char   *detail;
} ngx_exposure_problem_t;


static const ngx_exposure_problem_t *ngx_exposure_reply_status(
    expo_status_t st);
static const char *ngx_exposure_reply_title(ngx_uint_t status);
static ngx_int_t ngx_exposure_reply_trace(ngx_http_request_t *r,
    ngx_uint_t status, const char *code);


ngx_int_t
ngx_exposure_reply_json(ngx_http_request_t *r, ngx_uint_t status, json_t *body)
{
    return ngx_exposure_reply_dump(r, status, "application/json", body);
}


ngx_int_t
ngx_exposure_reply_error(ngx_http_request_t *r, expo_status_t st,
    const char *detail)
{
    const ngx_exposure_problem_t  *p;

    p = ngx_exposure_reply_status(st);

    if (p->http == NGX_HTTP_SERVICE_UNAVAILABLE) {
        return ngx_exposure_reply_busy(r, 1);
    }

    return ngx_exposure_reply_problem(r, p->http, p->code,
                                      detail && *detail ? detail : p->detail);
}


ngx_int_t
ngx_exposure_reply_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, const char *detail)
{
    json_t  *body;

    if (ngx_exposure_reply_trace(r, status, code) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body = json_pack("{s:s, s:s, s:i, s:s, s:s}",
                     "type", "about:blank",
                     "title", ngx_exposure_reply_title(status),
                     "status", (int) status,
                     "code", code,
                     "detail", detail);

    return ngx_exposure_reply_dump(r, status, "application/problem+json",
                                   body);
}


ngx_int_t
ngx_exposure_reply_busy(ngx_http_request_t *r, ngx_uint_t retry_s)
{
    u_char  text[NGX_INT_T_LEN], *p;

    p = ngx_sprintf(text, "%ui", retry_s);

    if (ngx_exposure_reply_header(r, "Retry-After", text, p - text) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_reply_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE, "busy",
                                      "The service is busy. Try again soon.");
}


ngx_int_t
ngx_exposure_reply_empty(ngx_http_request_t *r, ngx_uint_t status)
{
    return ngx_exposure_reply_bytes(r, status, NULL, NULL, 0, 0);
}


ngx_int_t
ngx_exposure_reply_header(ngx_http_request_t *r, const char *name,
    u_char *value, size_t len)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    p = ngx_pnalloc(r->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, value, len);

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value.data = p;
    h->value.len = len;

    return NGX_OK;
}


ngx_int_t
ngx_exposure_reply_bytes(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, u_char *data, size_t len, ngx_uint_t cached)
{
    ngx_int_t         rc;
    ngx_buf_t        *b;
    ngx_chain_t       out;
    static ngx_str_t  no_store = ngx_string("no-store");
    static ngx_str_t  minutes = ngx_string("max-age=300");
    ngx_str_t        *cache;

    cache = cached ? &minutes : &no_store;

    if (r->request_body == NULL && !r->discard_body
        && (r->headers_in.content_length_n > 0 || r->headers_in.chunked))
    {
        /* nobody reads this body: what follows is no next request */
        r->keepalive = 0;
        r->lingering_close = 1;

#if (NGX_HTTP_V2)
        if (r->stream) {
            r->stream->skip_data = 1;
        }
#endif
    }

    if (ngx_exposure_reply_header(r, "Cache-Control", cache->data, cache->len)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* If-Match is about what a request found, not about what it made */
    r->disable_not_modified = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = len;

    if (type) {
        r->headers_out.content_type.data = (u_char *) type;
        r->headers_out.content_type.len = ngx_strlen(type);
        r->headers_out.content_type_len = r->headers_out.content_type.len;
    }

    if (len == 0) {
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->start = data;
    b->pos = data;
    b->last = data + len;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static const ngx_exposure_problem_t *
ngx_exposure_reply_status(expo_status_t st)
{
    static const ngx_exposure_problem_t  problems[] = {
        [EXPO_AGAIN] = { 503, "busy",
                         "A part of the service does not answer. Try again "
                         "in a moment." },
        [EXPO_INVALID] = { 400, "invalid", "The request is not valid." },
        [EXPO_TOO_LARGE] = { 413, "too_large", "This is over the limit." },
        [EXPO_FULL] = { 409, "full", "There is no place for another one." },
        [EXPO_NOT_FOUND] = { 404, "not_found", "There is no such thing." },
        [EXPO_DENIED] = { 403, "not_permitted", "This is not permitted." },
        [EXPO_EXPIRED] = { 403, "expired", "This is no longer valid." },
        [EXPO_CONFLICT] = { 409, "conflict",
                            "It was changed by somebody else meanwhile." },
        [EXPO_CORRUPT] = { 500, "damaged",
                           "What is stored is damaged and cannot be opened." },
        [EXPO_UNSUPPORTED] = { 415, "unsupported",
                               "This kind of content is not supported." },
        [EXPO_NO_SPACE] = { 507, "no_space",
                            "There is no space left for this." },
        [EXPO_NO_MEMORY] = { 503, "busy", "" },
        [EXPO_IO] = { 503, "storage", "The storage did not answer." },
    };

    static const ngx_exposure_problem_t  unknown = {
        500, "internal", "Something went wrong."
    };

    if (st == EXPO_OK
        || (size_t) st >= sizeof(problems) / sizeof(problems[0]))
    {
        return &unknown;
    }

    return &problems[st];
}


static const char *
ngx_exposure_reply_title(ngx_uint_t status)
{
    static const struct {
        ngx_uint_t   status;
        const char  *title;
    } *t, titles[] = {
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 406, "Not Acceptable" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 415, "Unsupported Media Type" },
        { 423, "Locked" },
        { 426, "Upgrade Required" },
        { 429, "Too Many Requests" },
        { 460, "Checksum Mismatch" },
        { 503, "Service Unavailable" },
        { 507, "Insufficient Storage" },
        { 0, "Internal Server Error" }
    };

    for (t = titles; t->status && t->status != status; t++) { /* void */ }

    return t->title;
}


static ngx_int_t
ngx_exposure_reply_trace(ngx_http_request_t *r, ngx_uint_t status,
    const char *code)
{
    u_char      id[8], text[16];
    ngx_uint_t  level;

    level = status >= 500 ? NGX_LOG_ERR : NGX_LOG_INFO;

    ngx_exposure_random(id, sizeof(id));
    ngx_hex_dump(text, id, sizeof(id));

    ngx_log_error(level, r->connection->log, 0, "exposure: trace %*s: %ui %s",
                  sizeof(text), text, status, code);

    return ngx_exposure_reply_header(r, "Trace-Id", text, sizeof(text));
}


ngx_int_t
ngx_exposure_reply_dump(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, json_t *body)
{
    size_t   len;
    u_char  *text;

    if (body == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text = NULL;
    len = json_dumpb(body, NULL, 0, JSON_COMPACT);

    if (len) {
        text = ngx_pnalloc(r->pool, len);
    }

    if (text) {
        len = json_dumpb(body, (char *) text, len, JSON_COMPACT);
    }

    json_decref(body);

    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_reply_bytes(r, status, type, text, len, 0);
}
