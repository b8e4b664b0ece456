/*
 * WebSockets connect and stream: the viewers of a session, who they are and
 * what they say.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_socket.h"

#include <netinet/tcp.h>
#include <openssl/rand.h>


#define NGX_EXPOSURE_UNSENT_MAX  (64 * 1024)     /* in the kernel */
#define NGX_EXPOSURE_SNDBUF      (128 * 1024)


static ngx_int_t ngx_exposure_viewer_accept(ngx_http_request_t *r,
    const ngx_exposure_socket_class_t *class);
static void ngx_exposure_viewer_enter(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_viewer_gone(ngx_exposure_socket_t *s);
static ngx_uint_t ngx_exposure_viewer_check(json_t *message,
    expo_id_t *id, expo_id_t *user, uint64_t *token_ms);
static ngx_uint_t ngx_exposure_viewer_ticket(json_t *ticket, expo_id_t *id,
    u_char tag[EXPO_TAG]);
static ngx_uint_t ngx_exposure_viewer_token(json_t *token,
    u_char tag[EXPO_TAG], uint64_t *token_ms);
static ngx_int_t ngx_exposure_viewer_find(expo_id_t *id,
    expo_id_t *user, uint64_t token_ms, ngx_uint_t *worker);
static ngx_uint_t ngx_exposure_viewer_is_stream(ngx_exposure_socket_t *s);
static void ngx_exposure_viewer_buffers(ngx_exposure_socket_t *s);

static void ngx_exposure_viewer_patch(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_viewer_pick(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_viewer_keyframe(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_viewer_wish(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_viewer_ping(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_viewer_renew(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_viewer_tell(ngx_exposure_socket_t *s,
    json_t *message);


static const ngx_exposure_message_t  ngx_exposure_viewer_messages[] = {
    { "settings", "client_settings", ngx_exposure_viewer_patch },
    { "pick", "client_pick", ngx_exposure_viewer_pick },
    { "keyframe", "client_keyframe", ngx_exposure_viewer_keyframe },
    { "stream", "client_stream", ngx_exposure_viewer_wish },
    { "ping", "client_ping", ngx_exposure_viewer_ping },
    { "authenticate", "authenticate", ngx_exposure_viewer_renew },
    { NULL, NULL, NULL }
};

static const ngx_exposure_socket_class_t  ngx_exposure_viewer_connect_class = {
    .name = "connect",
    .authenticate = ngx_exposure_viewer_enter,
    .messages = ngx_exposure_viewer_messages,
    .gone = ngx_exposure_viewer_gone
};

/* A stream viewer says nothing after its first message. */

static const ngx_exposure_socket_class_t  ngx_exposure_viewer_stream_class = {
    .name = "stream",
    .authenticate = ngx_exposure_viewer_enter,
    .messages = &ngx_exposure_viewer_messages[6],
    .gone = ngx_exposure_viewer_gone
};


ngx_int_t
ngx_exposure_viewer_connect(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_viewer_accept(r, &ngx_exposure_viewer_connect_class);
}


ngx_int_t
ngx_exposure_viewer_stream(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_viewer_accept(r, &ngx_exposure_viewer_stream_class);
}


/* --- coming and going --- */

static ngx_int_t
ngx_exposure_viewer_accept(ngx_http_request_t *r,
    const ngx_exposure_socket_class_t *class)
{
    ngx_int_t               rc;
    ngx_exposure_viewer_t  *v;

    v = ngx_calloc(sizeof(ngx_exposure_viewer_t), r->connection->log);
    if (v == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_exposure_socket_accept(r, class, v);
    if (rc != NGX_DONE) {
        ngx_free(v);
    }

    return rc;
}


static void
ngx_exposure_viewer_enter(ngx_exposure_socket_t *s, json_t *message)
{
    uint64_t                token_ms;
    expo_id_t               id, own, user;
    ngx_uint_t              code, worker;
    ngx_exposure_room_t    *room;
    ngx_exposure_viewer_t  *v;

    v = s->data;

    code = ngx_exposure_viewer_check(message, &id, &user, &token_ms);
    if (code) {
        ngx_exposure_socket_close(s, code);
        return;
    }

    if (ngx_exposure_viewer_find(&id, &user, token_ms, &worker) != NGX_OK) {
        ngx_exposure_socket_close(s, NGX_EXPOSURE_CLOSE_NOT_FOUND);
        return;
    }

    room = ngx_exposure_room_find(&id);
    if (room == NULL) {
        room = ngx_exposure_room_join(&id, worker);
    }

    if (room == NULL || RAND_bytes(own.b, sizeof(own.b)) != 1) {
        ngx_exposure_socket_close(s, NGX_EXPOSURE_CLOSE_NO_WORKER);
        return;
    }

    expo_id_print(v->id, &own);
    v->socket = s;
    v->room = room;

    if (ngx_exposure_viewer_is_stream(s)) {
        ngx_exposure_viewer_buffers(s);
        s->frames = &v->frames;
        ngx_queue_insert_tail(&room->streams, &v->link);

    } else {
        ngx_queue_insert_tail(&room->connects, &v->link);
    }

    if (room->joined) {
        ngx_exposure_room_count(room);
        ngx_exposure_viewer_ready(v);
    }
}


static void
ngx_exposure_viewer_gone(ngx_exposure_socket_t *s)
{
    ngx_exposure_room_t    *room;
    ngx_exposure_viewer_t  *v;

    v = s->data;
    room = v->room;

    if (room) {
        ngx_queue_remove(&v->link);

        if (ngx_queue_empty(&room->connects)
            && ngx_queue_empty(&room->streams))
        {
            ngx_exposure_room_leave(room);

        } else if (room->joined && !room->over) {
            ngx_exposure_room_count(room);
        }
    }

    expo_fanout_clear(&v->frames);
    ngx_free(v);
}


/*
 * Which session, who asks, and until when a token says so (0: none was shown);
 * 0 or the code to close with.
 */

static ngx_uint_t
ngx_exposure_viewer_check(json_t *message, expo_id_t *id,
    expo_id_t *user, uint64_t *token_ms)
{
    u_char       tag[EXPO_TAG];
    json_t      *session, *ticket, *token;
    expo_id_t    named;
    ngx_uint_t   code;

    *token_ms = 0;
    session = json_object_get(message, "session");
    ticket = json_object_get(message, "ticket");
    token = json_object_get(message, "token");

    if (session && expo_id_parse(&named, json_string_value(session),
                                 json_string_length(session)) != EXPO_OK)
    {
        return NGX_EXPOSURE_CLOSE_BAD;
    }

    if (ticket) {
        code = ngx_exposure_viewer_ticket(ticket, id, tag);

        if (code == 0 && session
            && ngx_memcmp(id, &named, sizeof(expo_id_t)) != 0)
        {
            code = NGX_EXPOSURE_CLOSE_UNKNOWN;
        }

    } else if (token && session) {
        code = ngx_exposure_viewer_token(token, tag, token_ms);
        *id = named;

    } else {
        return NGX_EXPOSURE_CLOSE_UNKNOWN;
    }

    if (code == 0) {
        ngx_exposure_user_id(tag, user);
    }

    ngx_explicit_memzero(tag, sizeof(tag));

    return code;
}


static ngx_uint_t
ngx_exposure_viewer_ticket(json_t *ticket, expo_id_t *id, u_char tag[EXPO_TAG])
{
    expo_status_t         st;
    expo_ticket_t         t;
    ngx_exposure_zone_t  *zone;

    if (ngx_exposure_main_conf()->names == NULL) {
        return NGX_EXPOSURE_CLOSE_RESTART;
    }

    st = expo_vault_ticket_read(&t, ngx_exposure_main_conf()->names,
                                json_string_value(ticket),
                                json_string_length(ticket),
                                (uint64_t) ngx_time());
    if (st != EXPO_OK) {
        return NGX_EXPOSURE_CLOSE_UNKNOWN;
    }

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    st = expo_queue_redeem(ngx_exposure_zone_queue(zone), t.nonce, t.expiry,
                           (uint64_t) ngx_time());
    ngx_exposure_zone_unlock(zone);

    *id = t.session;
    ngx_memcpy(tag, t.tag, EXPO_TAG);
    ngx_explicit_memzero(&t, sizeof(expo_ticket_t));

    switch (st) {

    case EXPO_OK:
        return 0;

    case EXPO_FULL:
        return NGX_EXPOSURE_CLOSE_NO_WORKER;

    default:
        return NGX_EXPOSURE_CLOSE_UNKNOWN;
    }
}


static ngx_uint_t
ngx_exposure_viewer_token(json_t *token, u_char tag[EXPO_TAG],
    uint64_t *token_ms)
{
    ngx_int_t           rc;
    ngx_exposure_who_t  who;

    rc = ngx_exposure_auth_token((u_char *) json_string_value(token),
                                 json_string_length(token), &who, tag);
    if (rc != NGX_OK) {
        return ngx_exposure_socket_refusal(rc);
    }

    *token_ms = who.token_ms;
    ngx_explicit_memzero(&who, sizeof(ngx_exposure_who_t));

    return 0;
}


/*
 * The session's render-worker; token_ms, if not 0, prolongs the session.
 * Somebody else's session is as good as none.
 */

static ngx_int_t
ngx_exposure_viewer_find(expo_id_t *id, expo_id_t *user,
    uint64_t token_ms, ngx_uint_t *worker)
{
    ngx_int_t              rc;
    ngx_exposure_zone_t   *zone;
    const expo_session_t  *session;

    rc = NGX_DECLINED;
    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);

    session = expo_queue_session(ngx_exposure_zone_queue(zone), id);

    if (session && session->state != EXPO_SESSION_ENDING
        && ngx_memcmp(session->user, user->b, EXPO_QUEUE_USER) == 0)
    {
        expo_queue_vouch(ngx_exposure_zone_queue(zone), id, token_ms);
        *worker = session->worker;
        rc = NGX_OK;
    }

    ngx_exposure_zone_unlock(zone);

    return rc;
}


static ngx_uint_t
ngx_exposure_viewer_is_stream(ngx_exposure_socket_t *s)
{
    return s->class == &ngx_exposure_viewer_stream_class;
}


/* A short way to the peer: what lies in the kernel cannot be skipped. */

static void
ngx_exposure_viewer_buffers(ngx_exposure_socket_t *s)
{
    int  fd, unsent, sndbuf;

    fd = s->connection->fd;
    unsent = NGX_EXPOSURE_UNSENT_MAX;
    sndbuf = NGX_EXPOSURE_SNDBUF;

    if (setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent,
                   sizeof(int)) == -1
        || setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(int)) == -1)
    {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, ngx_socket_errno,
                      "stream: socket buffers stay as they are");
    }
}


/* --- what a viewer says --- */

static void
ngx_exposure_viewer_patch(ngx_exposure_socket_t *s, json_t *message)
{
    ngx_exposure_viewer_t  *v;

    v = s->data;

    ngx_exposure_viewer_tell(s, json_pack("{s:s, s:s, s:O, s:O}",
                             "type", "patch", "by", v->id,
                             "request", json_object_get(message, "revision"),
                             "patch", json_object_get(message, "patch")));
}


static void
ngx_exposure_viewer_pick(ngx_exposure_socket_t *s, json_t *message)
{
    ngx_exposure_viewer_t  *v;

    v = s->data;

    ngx_exposure_viewer_tell(s, json_pack("{s:s, s:s, s:O, s:O, s:O}",
                             "type", "pick", "by", v->id,
                             "request", json_object_get(message, "request"),
                             "x", json_object_get(message, "x"),
                             "y", json_object_get(message, "y")));
}


static void
ngx_exposure_viewer_keyframe(ngx_exposure_socket_t *s, json_t *message)
{
    ngx_exposure_viewer_t  *v;

    v = s->data;

    if (v->room) {
        ngx_exposure_fanout_keyframe(v->room);
    }
}


static void
ngx_exposure_viewer_wish(ngx_exposure_socket_t *s, json_t *message)
{
    json_t  *stream;

    stream = json_copy(message);
    (void) json_object_del(stream, "type");

    ngx_exposure_viewer_tell(s, json_pack("{s:s, s:o}", "type", "stream",
                                          "stream", stream));
}


static void
ngx_exposure_viewer_ping(ngx_exposure_socket_t *s, json_t *message)
{
    ngx_exposure_socket_send(s, json_pack("{s:s, s:O}", "type", "pong",
                             "time", json_object_get(message, "time")));
}


/* A newer token of the session's user; the session lasts as long as that. */

static void
ngx_exposure_viewer_renew(ngx_exposure_socket_t *s, json_t *message)
{
    u_char                  tag[EXPO_TAG];
    json_t                 *token;
    uint64_t                token_ms;
    expo_id_t               user;
    ngx_uint_t              worker;
    ngx_exposure_viewer_t  *v;

    v = s->data;
    token = json_object_get(message, "token");

    if (v->room && token
        && ngx_exposure_viewer_token(token, tag, &token_ms) == 0)
    {
        ngx_exposure_user_id(tag, &user);
        ngx_explicit_memzero(tag, sizeof(tag));

        if (ngx_exposure_viewer_find(&v->room->id, &user, token_ms, &worker)
            == NGX_OK)
        {
            return;
        }
    }

    ngx_exposure_socket_close(s, NGX_EXPOSURE_CLOSE_UNKNOWN);
}


/* To the session's render-worker; the reference is taken over. */

static void
ngx_exposure_viewer_tell(ngx_exposure_socket_t *s, json_t *message)
{
    char                    id[EXPO_ID_TEXT + 1];
    ngx_int_t               rc;
    ngx_exposure_viewer_t  *v;

    v = s->data;
    rc = NGX_DECLINED;

    if (message && v->room) {
        expo_id_print(id, &v->room->id);
        (void) json_object_set_new(message, "session", json_string(id));

        rc = ngx_exposure_control_send(v->room->worker, message, NULL, 0,
                                       NULL, 0);
    }

    json_decref(message);

    if (rc != NGX_OK) {
        ngx_exposure_socket_close(s, NGX_EXPOSURE_CLOSE_NO_WORKER);
    }
}


/* Joined: a connect viewer is welcomed, a stream viewer needs a keyframe. */

void
ngx_exposure_viewer_ready(ngx_exposure_viewer_t *v)
{
    json_t       *welcome;
    const char  **member;

    static const char  *members[] = {
        "revision", "settings", "codecs", "histogram", "volume", "stream", NULL
    };

    if (ngx_exposure_viewer_is_stream(v->socket)) {
        ngx_exposure_fanout_keyframe(v->room);
        return;
    }

    welcome = json_pack("{s:s, s:s}", "type", "welcome", "viewer", v->id);

    for (member = members; welcome && *member; member++) {
        (void) json_object_set(welcome, *member,
                               json_object_get(v->room->joined, *member));
    }

    ngx_exposure_socket_send(v->socket, welcome);
}
