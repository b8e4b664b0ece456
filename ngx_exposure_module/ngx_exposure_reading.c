/*
 * What a WebSocket's peer says: bytes through lib/ws, frames to messages,
 * messages by the table of the socket's class to their handlers.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_socket.h"


#define NGX_EXPOSURE_SPREAD_MS  500     /* of goodbyes at a restart */


static void ngx_exposure_reading_data(ngx_exposure_socket_t *s);
static void ngx_exposure_reading_message(ngx_exposure_socket_t *s);
static void ngx_exposure_reading_dispatch(ngx_exposure_socket_t *s,
    json_t *message);
static ngx_uint_t ngx_exposure_reading_too_fast(ngx_exposure_socket_t *s);


/* Bytes on their way through, of one socket at a time. */
static u_char  ngx_exposure_reading_buf[NGX_EXPOSURE_SCRATCH];


void
ngx_exposure_reading_handler(ngx_event_t *rev)
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

        n = c->recv(c, ngx_exposure_reading_buf,
                    sizeof(ngx_exposure_reading_buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_exposure_socket_abort(s);
            return;
        }

        ngx_exposure_reading_feed(s, ngx_exposure_reading_buf, n);
        ngx_explicit_memzero(ngx_exposure_reading_buf, n);
    }

    if (!s->ending && ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_exposure_socket_abort(s);
    }
}


void
ngx_exposure_reading_feed(ngx_exposure_socket_t *s, u_char *data, size_t len)
{
    size_t           used;
    expo_ws_event_t  event;

    s->silent = 0;

    while (!s->ending) {

        event = expo_ws_read(&s->ws, data, len, &used);
        data += used;
        len -= used;

        if (!s->closing && ngx_exposure_reading_too_fast(s)) {
            ngx_exposure_socket_close(s, NGX_EXPOSURE_CLOSE_TOO_FAST);
        }

        switch (event) {

        case EXPO_WS_NEED_MORE:
            return;

        case EXPO_WS_GOT_DATA:
            ngx_exposure_reading_data(s);
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
ngx_exposure_reading_data(ngx_exposure_socket_t *s)
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
        ngx_exposure_reading_message(s);

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
ngx_exposure_reading_message(ngx_exposure_socket_t *s)
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

    ngx_exposure_reading_dispatch(s, message);
    json_decref(message);
}


static void
ngx_exposure_reading_dispatch(ngx_exposure_socket_t *s, json_t *message)
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
ngx_exposure_reading_too_fast(ngx_exposure_socket_t *s)
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
