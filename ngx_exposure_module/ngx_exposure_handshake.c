/*
 * The opening handshake of a WebSocket (RFC 6455, section 4.2): who may, and
 * the 101.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_socket.h"


static ngx_uint_t ngx_exposure_handshake_has(ngx_str_t *value,
    const char *token);
static ngx_str_t *ngx_exposure_handshake_header(ngx_http_request_t *r,
    const char *name);
static ngx_uint_t ngx_exposure_handshake_origin(ngx_http_request_t *r);


/* accept stays empty when it was refused, and answered so. */

ngx_int_t
ngx_exposure_handshake_check(ngx_http_request_t *r, ngx_uint_t any_origin,
    char accept[EXPO_WS_ACCEPT_TEXT + 1])
{
    ngx_str_t  *key, *version, *connection;

    version = ngx_exposure_handshake_header(r, "sec-websocket-version");

    if (r->headers_in.upgrade == NULL
        || !ngx_exposure_handshake_has(&r->headers_in.upgrade->value,
                                       "websocket")
        || r->stream || r->http_version != NGX_HTTP_VERSION_11
        || version == NULL || version->len != 2
        || ngx_strncmp(version->data, "13", 2) != 0)
    {
        if (ngx_exposure_reply_header(r, "Sec-WebSocket-Version",
                                      (u_char *) "13", 2) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_exposure_reply_problem(r, 426, "upgrade_required",
                         "This address speaks WebSocket, version 13, over "
                         "HTTP/1.1.");
    }

    if (!any_origin && !ngx_exposure_handshake_origin(r)) {
        return ngx_exposure_reply_problem(r, NGX_HTTP_FORBIDDEN, "origin",
                         "Pages of this origin may not connect here.");
    }

    key = ngx_exposure_handshake_header(r, "sec-websocket-key");
    connection = ngx_exposure_handshake_header(r, "connection");

    if (r->method != NGX_HTTP_GET
        || connection == NULL
        || !ngx_exposure_handshake_has(connection, "upgrade")
        || r->headers_in.content_length_n > 0 || r->headers_in.chunked
        || key == NULL
        || expo_ws_accept(accept, (char *) key->data, key->len) != EXPO_OK)
    {
        return ngx_exposure_reply_problem(r, NGX_HTTP_BAD_REQUEST,
                         "bad_handshake",
                         "This is not a whole WebSocket handshake.");
    }

    return NGX_OK;
}


ngx_int_t
ngx_exposure_handshake_switch(ngx_http_request_t *r, const char *accept)
{
    ngx_int_t  rc;

    if (ngx_exposure_reply_header(r, "Upgrade", (u_char *) "websocket", 9)
            != NGX_OK
        || ngx_exposure_reply_header(r, "Sec-WebSocket-Accept",
                                     (u_char *) accept, EXPO_WS_ACCEPT_TEXT)
            != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* for 101 nginx itself writes Connection: upgrade */

    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    r->keepalive = 0;

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_send_special(r, NGX_HTTP_FLUSH);

    return rc == NGX_AGAIN ? NGX_OK : rc;
}


/* Is the token one of a comma-separated list? */

static ngx_uint_t
ngx_exposure_handshake_has(ngx_str_t *value, const char *token)
{
    u_char  *p, *last, *end;
    size_t   len;

    len = ngx_strlen(token);
    p = value->data;
    last = p + value->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        for (end = p; end < last && *end != ','; end++) { /* void */ }

        if ((size_t) (end - p) >= len
            && ngx_strncasecmp(p, (u_char *) token, len) == 0
            && strspn((char *) p + len, " \t") >= (size_t) (end - p) - len)
        {
            return 1;
        }

        p = end;
    }

    return 0;
}


/* NULL also when the header comes twice. */

static ngx_str_t *
ngx_exposure_handshake_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_str_t        *value;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);
    value = NULL;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != len
                || ngx_strncmp(h[i].lowcase_key, name, len) != 0)
            {
                continue;
            }

            if (value) {
                return NULL;
            }

            value = &h[i].value;
        }
    }

    return value;
}


static ngx_uint_t
ngx_exposure_handshake_origin(ngx_http_request_t *r)
{
    ngx_str_t                 *origin, *allowed;
    ngx_uint_t                 i;
    ngx_exposure_main_conf_t  *mcf;

    origin = ngx_exposure_handshake_header(r, "origin");
    if (origin == NULL || r->headers_in.host == NULL) {
        return 0;
    }

    mcf = ngx_exposure_main_conf();
    allowed = mcf->origins->elts;

    for (i = 0; i < mcf->origins->nelts; i++) {
        if (allowed[i].len == origin->len
            && ngx_strncasecmp(allowed[i].data, origin->data, origin->len)
               == 0)
        {
            return 1;
        }
    }

    return expo_ws_same_origin((char *) origin->data, origin->len,
#if (NGX_HTTP_SSL)
                               r->connection->ssl != NULL,
#else
                               0,
#endif
                               (char *) r->headers_in.host->value.data,
                               r->headers_in.host->value.len);
}
