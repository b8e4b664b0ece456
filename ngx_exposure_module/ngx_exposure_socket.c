/*
 * A WebSocket in nginx: its life, sending, pings, closing. After the 101 the
 * connection's events are ours: nothing passes the output filters, and nothing
 * is taken from the request's pool for a message.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_socket.h"


#define NGX_EXPOSURE_CLOSE_MS    2000      /* for the peer's own Close */
#define NGX_EXPOSURE_TLS_WRITE   16384     /* one record */


struct ngx_exposure_small_s {
    ngx_exposure_small_t  *next;
    size_t                 len;
    size_t                 sent;
    u_char                 data[];
};


static void ngx_exposure_socket_writable(ngx_event_t *wev);
static ngx_int_t ngx_exposure_socket_write(ngx_exposure_socket_t *s,
    const u_char *data, size_t len, size_t *sent);
static void ngx_exposure_socket_timer(ngx_event_t *ev);
static void ngx_exposure_socket_end(ngx_event_t *ev);


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

    rc = ngx_exposure_handshake_check(r, class->raw != NULL, accept);
    if (accept[0] == '\0') {
        return rc;
    }

    s = ngx_calloc(sizeof(ngx_exposure_socket_t), c->log);
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_exposure_handshake_switch(r, accept);
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
    c->read->handler = ngx_exposure_reading_handler;
    c->write->handler = ngx_exposure_socket_writable;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    (void) ngx_tcp_nodelay(c);

    if (ngx_exiting) {

        /* too late to be told with the others */

        s->timer.cancelable = 0;
        ngx_add_timer(&s->timer, 1);

    } else {
        ngx_add_timer(&s->timer, s->heard ? NGX_EXPOSURE_PING_MS
                                          : NGX_EXPOSURE_FIRST_MS);
    }

    r->main->count++;

    /* frames that came in one piece with the handshake */

    len = r->header_in->last - r->header_in->pos;
    ngx_exposure_reading_feed(s, r->header_in->pos, len);
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


ngx_uint_t
ngx_exposure_socket_refusal(ngx_int_t rc)
{
    return rc == NGX_AGAIN ? NGX_EXPOSURE_CLOSE_RESTART
                           : NGX_EXPOSURE_CLOSE_UNKNOWN;
}


void
ngx_exposure_socket_close(ngx_exposure_socket_t *s, ngx_uint_t code)
{
    ngx_exposure_socket_close_as(s, code, "");
}


void
ngx_exposure_socket_close_as(ngx_exposure_socket_t *s, ngx_uint_t code,
    const char *reason)
{
    u_char  payload[EXPO_WS_CONTROL_MAX], *p;

    if (s->closing || s->ending) {
        return;
    }

    payload[0] = (u_char) (code >> 8);
    payload[1] = (u_char) code;
    p = ngx_cpystrn(payload + 2, (u_char *) reason, sizeof(payload) - 2);

    /* no Close may come into the middle of a frame; what waits is dropped */

    if (s->frames && !expo_fanout_is_inside(s->frames)) {
        expo_fanout_clear(s->frames);
    }

    ngx_exposure_socket_send_bytes(s, EXPO_WS_CLOSE, payload, p - payload);

    if (!s->ending) {
        s->closing = 1;
        s->timer.cancelable = 0;
        ngx_add_timer(&s->timer, NGX_EXPOSURE_CLOSE_MS);
    }
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

ngx_exposure_socket_t *
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

void
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
