/*
 * A WebSocket in nginx: handshake, reading through lib/ws, sending, pings,
 * closing. After the 101 the connection's events are ours: nothing passes the
 * output filters, and nothing is taken from the request's pool for a message.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_socket.h"


#define NGX_EXPOSURE_CLOSE_MS    2000      /* for the peer's own Close */
#define NGX_EXPOSURE_SPREAD_MS   500       /* of goodbyes at a restart */
#define NGX_EXPOSURE_TLS_WRITE   16384     /* one record */


struct ngx_exposure_small_s {
    ngx_exposure_small_t  *next;
    size_t                 len;
    size_t                 sent;
    u_char                 data[];
};


static ngx_int_t ngx_exposure_socket_handshake(ngx_http_request_t *r,
    ngx_uint_t any_origin, char accept[EXPO_WS_ACCEPT_TEXT + 1]);
static ngx_uint_t ngx_exposure_socket_has(ngx_str_t *value,
    const char *token);
static ngx_str_t *ngx_exposure_socket_header(ngx_http_request_t *r,
    const char *name);
static ngx_uint_t ngx_exposure_socket_origin(ngx_http_request_t *r);
static ngx_int_t ngx_exposure_socket_switch(ngx_http_request_t *r,
    const char *accept);

static void ngx_exposure_socket_readable(ngx_event_t *rev);
static void ngx_exposure_socket_feed(ngx_exposure_socket_t *s, u_char *data,
    size_t len);
static void ngx_exposure_socket_data(ngx_exposure_socket_t *s);
static void ngx_exposure_socket_message(ngx_exposure_socket_t *s);
static void ngx_exposure_socket_dispatch(ngx_exposure_socket_t *s,
    json_t *message);
static ngx_uint_t ngx_exposure_socket_too_fast(ngx_exposure_socket_t *s);

static void ngx_exposure_socket_writable(ngx_event_t *wev);
static ngx_exposure_socket_t *ngx_exposure_socket_of(ngx_connection_t *c);
static ngx_int_t ngx_exposure_socket_write(ngx_exposure_socket_t *s,
    const u_char *data, size_t len, size_t *sent);
static void ngx_exposure_socket_timer(ngx_event_t *ev);
static void ngx_exposure_socket_abort(ngx_exposure_socket_t *s);
static void ngx_exposure_socket_end(ngx_event_t *ev);


/* Bytes on their way through, of one socket at a time. */
static u_char  ngx_exposure_socket_buf[NGX_EXPOSURE_SCRATCH];


ngx_int_t
ngx_exposure_socket_accept(ngx_http_request_t *r,
    const ngx_exposure_socket_class_t *class, void *data)
{
    char                    accept[EXPO_WS_ACCEPT_TEXT + 1];
    size_t                  len;
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_exposure_socket_t  *s;

    c = r->connection;

    accept[0] = '\0';

    rc = ngx_exposure_socket_handshake(r, class->raw != NULL, accept);
    if (accept[0] == '\0') {
        return rc;
    }

    s = ngx_calloc(sizeof(ngx_exposure_socket_t), c->log);
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_exposure_socket_switch(r, accept);
    if (rc != NGX_OK) {
        ngx_free(s);
        return rc;
    }

    s->connection = c;
    s->request = r;
    s->class = class;
    s->data = data;
    s->last = &s->first;
    s->window = ngx_current_msec;
    s->heard = class->raw != NULL;
    expo_ws_init(&s->ws, class->limit ? class->limit
                                      : NGX_EXPOSURE_MESSAGE_MAX);

    s->timer.handler = ngx_exposure_socket_timer;
    s->timer.data = s;
    s->timer.log = c->log;
    s->timer.cancelable = 1;

    s->end.handler = ngx_exposure_socket_end;
    s->end.data = s;
    s->end.log = c->log;

    /* idle: when this nginx worker leaves, our read handler is called */

    ngx_http_set_ctx(r, s, ngx_exposure_module);

    c->idle = 1;
    c->read->handler = ngx_exposure_socket_readable;
    c->write->handler = ngx_exposure_socket_writable;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    (void) ngx_tcp_nodelay(c);

    ngx_add_timer(&s->timer, s->heard ? NGX_EXPOSURE_PING_MS
                                      : NGX_EXPOSURE_FIRST_MS);

    r->main->count++;

    /* frames that came in one piece with the handshake */

    len = r->header_in->last - r->header_in->pos;
    ngx_exposure_socket_feed(s, r->header_in->pos, len);
    r->header_in->pos = r->header_in->last;

    c->read->ready = 1;
    ngx_post_event(c->read, &ngx_posted_events);

    return NGX_DONE;
}


void
ngx_exposure_socket_send(ngx_exposure_socket_t *s, json_t *message)
{
    char  *text;

    text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    json_decref(message);

    if (text == NULL) {
        ngx_exposure_socket_abort(s);
        return;
    }

    ngx_exposure_socket_send_bytes(s, EXPO_WS_TEXT, text, ngx_strlen(text));
    free(text);
}


void
ngx_exposure_socket_send_bytes(ngx_exposure_socket_t *s, expo_ws_op_t op,
    const void *data, size_t len)
{
    size_t                 n, limit;
    u_char                 header[EXPO_WS_HEADER_MAX];
    ngx_exposure_small_t  *m;

    if (s->closing || s->ending) {
        return;
    }

    limit = ngx_max(NGX_EXPOSURE_BACKLOG_MAX, 2 * s->class->limit);

    if (s->backlog + len > limit) {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                      "%s: it does not read, cut off", s->class->name);
        ngx_exposure_socket_abort(s);
        return;
    }

    n = expo_ws_header(header, op, len);

    m = ngx_alloc(sizeof(ngx_exposure_small_t) + n + len, s->connection->log);
    if (m == NULL) {
        ngx_exposure_socket_abort(s);
        return;
    }

    m->next = NULL;
    m->len = n + len;
    m->sent = 0;
    ngx_memcpy(m->data, header, n);
    ngx_memcpy(m->data + n, data, len);

    *s->last = m;
    s->last = &m->next;
    s->backlog += m->len;

    ngx_exposure_socket_flush(s);
}


/*
 * A frame under way ends before anything else is sent; otherwise small
 * messages go before frames.
 */

void
ngx_exposure_socket_flush(ngx_exposure_socket_t *s)
{
    size_t                 len, sent;
    ngx_int_t              rc;
    ngx_uint_t             inside;
    const uint8_t         *p;
    ngx_exposure_small_t  *m;

    if (s->connection->buffered) {

        /* the 101 itself is still to go */

        if (ngx_http_output_filter(s->request, NULL) == NGX_ERROR) {
            ngx_exposure_socket_abort(s);
            return;
        }
    }

    while (!s->ending && !s->connection->buffered) {

        p = NULL;
        m = s->first;
        inside = s->frames && expo_fanout_is_inside(s->frames);

        if (inside || (m == NULL && s->frames && !s->closing)) {
            p = expo_fanout_next(s->frames, &len);
        }

        if (p) {
            rc = ngx_exposure_socket_write(s, p, len, &sent);
            expo_fanout_sent(s->frames, sent);

        } else if (m) {
            rc = ngx_exposure_socket_write(s, m->data + m->sent,
                                           m->len - m->sent, &sent);
            m->sent += sent;

            if (m->sent == m->len) {
                s->first = m->next;
                s->last = s->first ? s->last : &s->first;
                s->backlog -= m->len;
                ngx_free(m);
            }

        } else {
            break;
        }

        if (rc != NGX_OK) {
            break;
        }
    }

    if (s->answered && s->first == NULL) {
        ngx_exposure_socket_abort(s);
    }

    if (!s->ending
        && ngx_handle_write_event(s->connection->write, 0) != NGX_OK)
    {
        ngx_exposure_socket_abort(s);
    }
}


void
ngx_exposure_socket_close(ngx_exposure_socket_t *s, ngx_uint_t code)
{
    u_char  payload[2];

    if (s->closing || s->ending) {
        return;
    }

    payload[0] = (u_char) (code >> 8);
    payload[1] = (u_char) code;

    /* no Close may come into the middle of a frame; what waits is dropped */

    if (s->frames && !expo_fanout_is_inside(s->frames)) {
        expo_fanout_clear(s->frames);
    }

    ngx_exposure_socket_send_bytes(s, EXPO_WS_CLOSE, payload, 2);

    if (!s->ending) {
        s->closing = 1;
        s->timer.cancelable = 0;
        ngx_add_timer(&s->timer, NGX_EXPOSURE_CLOSE_MS);
    }
}


/* --- handshake --- */

/* accept stays empty when it was refused, and answered so. */

static ngx_int_t
ngx_exposure_socket_handshake(ngx_http_request_t *r, ngx_uint_t any_origin,
    char accept[EXPO_WS_ACCEPT_TEXT + 1])
{
    ngx_str_t  *key, *version, *connection;

    version = ngx_exposure_socket_header(r, "sec-websocket-version");

    if (r->headers_in.upgrade == NULL
        || !ngx_exposure_socket_has(&r->headers_in.upgrade->value, "websocket")
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

    if (!any_origin && !ngx_exposure_socket_origin(r)) {
        return ngx_exposure_reply_problem(r, NGX_HTTP_FORBIDDEN, "origin",
                         "Pages of this origin may not connect here.");
    }

    key = ngx_exposure_socket_header(r, "sec-websocket-key");
    connection = ngx_exposure_socket_header(r, "connection");

    if (r->method != NGX_HTTP_GET
        || connection == NULL
        || !ngx_exposure_socket_has(connection, "upgrade")
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


/* Is the token one of a comma-separated list? */

static ngx_uint_t
ngx_exposure_socket_has(ngx_str_t *value, const char *token)
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
ngx_exposure_socket_header(ngx_http_request_t *r, const char *name)
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
ngx_exposure_socket_origin(ngx_http_request_t *r)
{
    ngx_str_t                 *origin, *allowed;
    ngx_uint_t                 i;
    ngx_exposure_main_conf_t  *mcf;

    origin = ngx_exposure_socket_header(r, "origin");
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


static ngx_int_t
ngx_exposure_socket_switch(ngx_http_request_t *r, const char *accept)
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


/* --- reading --- */

static void
ngx_exposure_socket_readable(ngx_event_t *rev)
{
    ssize_t                 n;
    ngx_connection_t       *c;
    ngx_exposure_socket_t  *s;

    c = rev->data;
    s = ngx_exposure_socket_of(c);

    if (s == NULL || s->ending) {
        return;
    }

    if (c->close) {
        c->close = 0;

        if (c->error) {
            ngx_exposure_socket_abort(s);   /* worker_shutdown_timeout */
            return;
        }

        /*
         * This nginx worker leaves. Not all at once: who is told connects to
         * the new ones at once.
         */

        s->heard = 1;
        s->timer.cancelable = 0;
        ngx_add_timer(&s->timer, (ngx_msec_t) ngx_random()
                                 % NGX_EXPOSURE_SPREAD_MS + 1);
    }

    while (rev->ready && !s->ending) {

        n = c->recv(c, ngx_exposure_socket_buf,
                    sizeof(ngx_exposure_socket_buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_exposure_socket_abort(s);
            return;
        }

        ngx_exposure_socket_feed(s, ngx_exposure_socket_buf, n);
        ngx_explicit_memzero(ngx_exposure_socket_buf, n);
    }

    if (!s->ending && ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_exposure_socket_abort(s);
    }
}


static void
ngx_exposure_socket_feed(ngx_exposure_socket_t *s, u_char *data, size_t len)
{
    size_t           used;
    expo_ws_event_t  event;

    s->silent = 0;

    while (!s->ending) {

        event = expo_ws_read(&s->ws, data, len, &used);
        data += used;
        len -= used;

        if (!s->closing && ngx_exposure_socket_too_fast(s)) {
            ngx_exposure_socket_close(s, NGX_EXPOSURE_CLOSE_TOO_FAST);
        }

        switch (event) {

        case EXPO_WS_NEED_MORE:
            return;

        case EXPO_WS_GOT_DATA:
            ngx_exposure_socket_data(s);
            break;

        case EXPO_WS_GOT_PING:
            ngx_exposure_socket_send_bytes(s, EXPO_WS_PONG, s->ws.data,
                                           s->ws.bytes);
            break;

        case EXPO_WS_GOT_PONG:
            break;

        case EXPO_WS_GOT_CLOSE:
            if (s->closing) {
                ngx_exposure_socket_abort(s);
                return;
            }

            /* 1005 says that there was no code, and is no code itself */

            ngx_exposure_socket_close(s, s->ws.code == 1005
                                         ? NGX_EXPOSURE_CLOSE_OK
                                         : s->ws.code);
            s->answered = 1;
            ngx_exposure_socket_flush(s);
            break;

        case EXPO_WS_GOT_VIOLATION:
            ngx_exposure_socket_close(s, s->ws.code);
            break;
        }
    }
}


/* A piece of a message: most come in one, and are not copied. */

static void
ngx_exposure_socket_data(ngx_exposure_socket_t *s)
{
    size_t   size;
    u_char  *p;

    if (s->closing) {
        return;
    }

    if (s->text_len + s->ws.bytes > s->text_size) {

        size = ngx_max(2 * s->text_size, s->text_len + s->ws.bytes);

        p = realloc(s->text, size);
        if (p == NULL) {
            ngx_exposure_socket_abort(s);
            return;
        }

        s->text = p;
        s->text_size = size;
    }

    if (s->ws.bytes) {
        ngx_memcpy(s->text + s->text_len, s->ws.data, s->ws.bytes);
        s->text_len += s->ws.bytes;
    }

    if (s->ws.end) {
        ngx_exposure_socket_message(s);

        /* it may have held a token */

        if (s->text_len) {
            ngx_explicit_memzero(s->text, s->text_len);
        }

        free(s->text);
        s->text = NULL;
        s->text_len = 0;
        s->text_size = 0;
    }
}


static void
ngx_exposure_socket_message(ngx_exposure_socket_t *s)
{
    json_t  *message;

    if (s->class->raw) {
        s->class->raw(s, s->ws.op, s->text, s->text_len);
        return;
    }

    message = NULL;

    if (s->ws.op == EXPO_WS_TEXT) {
        message = json_loadb((char *) s->text, s->text_len,
                             JSON_REJECT_DUPLICATES, NULL);
    }

    ngx_exposure_socket_dispatch(s, message);
    json_decref(message);
}


static void
ngx_exposure_socket_dispatch(ngx_exposure_socket_t *s, json_t *message)
{
    char                           error[256];
    const char                    *type;
    expo_schema_t                 *schema;
    const ngx_exposure_message_t  *m;

    static const ngx_exposure_message_t  first[] = {
        { "authenticate", "authenticate", NULL },
        { NULL, NULL, NULL }
    };

    schema = ngx_exposure_main_conf()->messages_schema;
    type = json_string_value(json_object_get(message, "type"));

    for (m = s->heard ? s->class->messages : first; type && m->type; m++) {

        if (ngx_strcmp(m->type, type) != 0) {
            continue;
        }

        if (expo_schema_check(schema, m->def, message, error, sizeof(error))
            != EXPO_OK)
        {
            break;
        }

        if (s->heard) {
            m->handler(s, message);
            return;
        }

        s->heard = 1;
        ngx_add_timer(&s->timer, NGX_EXPOSURE_PING_MS);
        s->class->authenticate(s, message);
        return;
    }

    ngx_exposure_socket_close(s, NGX_EXPOSURE_CLOSE_BAD);
}


static ngx_uint_t
ngx_exposure_socket_too_fast(ngx_exposure_socket_t *s)
{
    if (s->class->raw) {
        return 0;
    }

    if (ngx_current_msec - s->window >= 1000) {
        s->window = ngx_current_msec;
        s->window_frames = s->ws.frames;
    }

    return s->ws.frames - s->window_frames > NGX_EXPOSURE_MESSAGES_S;
}


/* --- writing --- */

static void
ngx_exposure_socket_writable(ngx_event_t *wev)
{
    ngx_exposure_socket_t  *s;

    s = ngx_exposure_socket_of(wev->data);

    if (s) {
        ngx_exposure_socket_flush(s);
    }
}


/* NULL when it has ended, and nginx is still closing the connection. */

static ngx_exposure_socket_t *
ngx_exposure_socket_of(ngx_connection_t *c)
{
    ngx_http_request_t  *r;

    r = c->data;

    return ngx_http_get_module_ctx(r, ngx_exposure_module);
}


/* NGX_OK: go on; NGX_AGAIN: full. *sent is what went, also then. */

static ngx_int_t
ngx_exposure_socket_write(ngx_exposure_socket_t *s, const u_char *data,
    size_t len, size_t *sent)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = s->connection;
    *sent = 0;

    if (!c->write->ready) {
        return NGX_AGAIN;
    }

#if (NGX_HTTP_SSL)
    if (c->ssl) {

        /* no more than a record: what OpenSSL holds back is offered again */

        len = ngx_min(len, NGX_EXPOSURE_TLS_WRITE);
    }
#endif

    n = c->send(c, (u_char *) data, len);

    if (n == NGX_ERROR) {
        ngx_exposure_socket_abort(s);
        return NGX_ERROR;
    }

    if (n == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    *sent = n;

    return NGX_OK;
}


/* --- time --- */

static void
ngx_exposure_socket_timer(ngx_event_t *ev)
{
    ngx_exposure_socket_t *s = ev->data;

    if (s->closing) {
        ngx_exposure_socket_abort(s);
        return;
    }

    if (ngx_exiting) {
        ngx_exposure_socket_close(s, NGX_EXPOSURE_CLOSE_RESTART);
        return;
    }

    if (!s->heard) {
        ngx_exposure_socket_close(s, NGX_EXPOSURE_CLOSE_TIMEOUT);
        return;
    }

    if (s->silent++ == 2) {
        ngx_exposure_socket_abort(s);
        return;
    }

    ngx_add_timer(ev, NGX_EXPOSURE_PING_MS);
    ngx_exposure_socket_send_bytes(s, EXPO_WS_PING, "", 0);
}


/* --- ending --- */

/* From anywhere: the socket is destroyed when the callers are through. */

static void
ngx_exposure_socket_abort(ngx_exposure_socket_t *s)
{
    if (s->ending) {
        return;
    }

    s->ending = 1;
    ngx_post_event(&s->end, &ngx_posted_events);
}


static void
ngx_exposure_socket_end(ngx_event_t *ev)
{
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_exposure_small_t   *m;
    ngx_exposure_socket_t  *s;

    s = ev->data;
    c = s->connection;
    r = s->request;

    if (s->data) {
        s->class->gone(s);
    }

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    while (s->first) {
        m = s->first;
        s->first = m->next;
        ngx_free(m);
    }

    if (s->text) {
        ngx_explicit_memzero(s->text, s->text_len);
        free(s->text);
    }

    ngx_free(s);

    c->idle = 0;
    ngx_http_set_ctx(r, NULL, ngx_exposure_module);

    ngx_http_finalize_request(r, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}


#ifdef EXPOSURE_ECHO

static void
ngx_exposure_socket_echo_raw(ngx_exposure_socket_t *s, expo_ws_op_t op,
    u_char *data, size_t len)
{
    ngx_exposure_socket_send_bytes(s, op, data, len);
}


ngx_int_t
ngx_exposure_socket_echo(ngx_http_request_t *r)
{
    static const ngx_exposure_socket_class_t  echo = {
        .name = "echo",
        .raw = ngx_exposure_socket_echo_raw,
        .limit = 32 * 1024 * 1024
    };

    return ngx_exposure_socket_accept(r, &echo, NULL);
}

#endif
