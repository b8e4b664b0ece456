/*
 * WebSockets connect and stream: the viewers of a session. The first viewer
 * of a session in this nginx worker joins it over the control connection, the
 * last one leaves it; all others share what comes.
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
    expo_id_t *id, u_char user[EXPO_QUEUE_USER]);
static ngx_uint_t ngx_exposure_viewer_ticket(json_t *ticket, expo_id_t *id,
    u_char tag[EXPO_TAG]);
static ngx_int_t ngx_exposure_viewer_find(expo_id_t *id,
    u_char user[EXPO_QUEUE_USER], ngx_uint_t *worker);
static ngx_uint_t ngx_exposure_viewer_is_stream(ngx_exposure_socket_t *s);
static void ngx_exposure_viewer_buffers(ngx_exposure_socket_t *s);

static void ngx_exposure_viewer_patch(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_viewer_keyframe(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_viewer_wish(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_viewer_ping(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_viewer_tell(ngx_exposure_socket_t *s,
    json_t *message);

static ngx_exposure_room_t *ngx_exposure_viewer_room(expo_id_t *id);
static ngx_exposure_room_t *ngx_exposure_viewer_join(expo_id_t *id,
    ngx_uint_t worker);
static void ngx_exposure_viewer_leave(ngx_exposure_room_t *room);
static void ngx_exposure_viewer_count(ngx_exposure_room_t *room);
static void ngx_exposure_viewer_ready(ngx_exposure_viewer_t *v);

static void ngx_exposure_viewer_joined(ngx_exposure_room_t *room,
    json_t *message, int *fds, ngx_uint_t nfds);
static void ngx_exposure_viewer_settings(ngx_exposure_room_t *room,
    json_t *message);
static void ngx_exposure_viewer_refused(ngx_exposure_room_t *room,
    json_t *message);
static void ngx_exposure_viewer_stats(ngx_exposure_room_t *room,
    json_t *message);
static void ngx_exposure_viewer_all(ngx_exposure_room_t *room,
    json_t *message);
static void ngx_exposure_viewer_close_all(ngx_exposure_room_t *room,
    ngx_uint_t code);


static const ngx_exposure_message_t  ngx_exposure_viewer_messages[] = {
    { "settings", "client_settings", ngx_exposure_viewer_patch },
    { "keyframe", "client_keyframe", ngx_exposure_viewer_keyframe },
    { "stream", "client_stream", ngx_exposure_viewer_wish },
    { "ping", "client_ping", ngx_exposure_viewer_ping },
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
    .messages = &ngx_exposure_viewer_messages[4],
    .gone = ngx_exposure_viewer_gone
};


static ngx_queue_t  ngx_exposure_rooms = {
    &ngx_exposure_rooms, &ngx_exposure_rooms
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


void
ngx_exposure_viewer_event(ngx_uint_t worker, const char *type,
    expo_id_t *session, json_t *message, int *fds, ngx_uint_t nfds)
{
    ngx_exposure_room_t  *room;

    room = ngx_exposure_viewer_room(session);

    if (room == NULL || room->worker != worker) {
        return;
    }

    if (ngx_strcmp(type, "frame") == 0) {
        ngx_exposure_fanout_frame(room,
            (uint32_t) json_integer_value(json_object_get(message,
                                                          "sequence")));

    } else if (ngx_strcmp(type, "joined") == 0) {
        ngx_exposure_viewer_joined(room, message, fds, nfds);

    } else if (ngx_strcmp(type, "settings") == 0) {
        ngx_exposure_viewer_settings(room, message);

    } else if (ngx_strcmp(type, "refused") == 0) {
        ngx_exposure_viewer_refused(room, message);

    } else if (ngx_strcmp(type, "stats") == 0) {
        ngx_exposure_viewer_stats(room, message);

    } else if (ngx_strcmp(type, "stream") == 0 && room->joined) {

        /* for the welcome of those who come later */

        (void) json_object_set(room->joined, "stream",
                               json_object_get(message, "stream"));

    } else if (ngx_strcmp(type, "ended") == 0
               || ngx_strcmp(type, "failed") == 0)
    {
        ngx_exposure_viewer_close_all(room, NGX_EXPOSURE_CLOSE_NOT_FOUND);
    }
}


void
ngx_exposure_viewer_lost(ngx_uint_t worker)
{
    ngx_queue_t          *q, *next;
    ngx_exposure_room_t  *room;

    for (q = ngx_queue_head(&ngx_exposure_rooms);
         q != ngx_queue_sentinel(&ngx_exposure_rooms);
         q = next)
    {
        next = ngx_queue_next(q);
        room = ngx_queue_data(q, ngx_exposure_room_t, link);

        if (room->worker == worker) {
            ngx_exposure_viewer_close_all(room, NGX_EXPOSURE_CLOSE_NO_WORKER);
        }
    }
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
    u_char                  user[EXPO_QUEUE_USER];
    expo_id_t               id, own;
    ngx_uint_t              code, worker;
    ngx_exposure_room_t    *room;
    ngx_exposure_viewer_t  *v;

    v = s->data;

    code = ngx_exposure_viewer_check(message, &id, user);
    if (code) {
        ngx_exposure_socket_close(s, code);
        return;
    }

    if (ngx_exposure_viewer_find(&id, user, &worker) != NGX_OK) {
        ngx_exposure_socket_close(s, NGX_EXPOSURE_CLOSE_NOT_FOUND);
        return;
    }

    room = ngx_exposure_viewer_room(&id);
    if (room == NULL) {
        room = ngx_exposure_viewer_join(&id, worker);
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
        ngx_exposure_viewer_count(room);
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
            ngx_exposure_viewer_leave(room);

        } else if (room->joined && !room->over) {
            ngx_exposure_viewer_count(room);
        }
    }

    expo_fanout_clear(&v->frames);
    ngx_free(v);
}


/* Which session, and who asks; 0 or the code to close with. */

static ngx_uint_t
ngx_exposure_viewer_check(json_t *message, expo_id_t *id,
    u_char user[EXPO_QUEUE_USER])
{
    u_char          tag[EXPO_TAG];
    json_t         *session, *ticket, *token;
    expo_id_t       named;
    ngx_uint_t      code;
    expo_claims_t   claims;

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
        code = ngx_exposure_auth_token((u_char *) json_string_value(token),
                                       json_string_length(token), &claims,
                                       tag) == NGX_OK
               ? 0 : NGX_EXPOSURE_CLOSE_UNKNOWN;

        ngx_explicit_memzero(&claims, sizeof(expo_claims_t));
        *id = named;

    } else {
        return NGX_EXPOSURE_CLOSE_UNKNOWN;
    }

    if (code == 0) {
        ngx_exposure_session_user(user, tag);
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

    st = expo_vault_ticket_read(&t, ngx_exposure_main_conf()->master,
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


/* Somebody else's session is as good as none. */

static ngx_int_t
ngx_exposure_viewer_find(expo_id_t *id, u_char user[EXPO_QUEUE_USER],
    ngx_uint_t *worker)
{
    ngx_int_t              rc;
    ngx_exposure_zone_t   *zone;
    const expo_session_t  *session;

    rc = NGX_DECLINED;
    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);

    session = expo_queue_session(ngx_exposure_zone_queue(zone), id);

    if (session && session->state != EXPO_SESSION_ENDING
        && ngx_memcmp(session->user, user, EXPO_QUEUE_USER) == 0)
    {
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


/* --- sessions joined by this nginx worker --- */

static ngx_exposure_room_t *
ngx_exposure_viewer_room(expo_id_t *id)
{
    ngx_queue_t          *q;
    ngx_exposure_room_t  *room;

    for (q = ngx_queue_head(&ngx_exposure_rooms);
         q != ngx_queue_sentinel(&ngx_exposure_rooms);
         q = ngx_queue_next(q))
    {
        room = ngx_queue_data(q, ngx_exposure_room_t, link);

        if (ngx_memcmp(&room->id, id, sizeof(expo_id_t)) == 0) {
            return room;
        }
    }

    return NULL;
}


static ngx_exposure_room_t *
ngx_exposure_viewer_join(expo_id_t *id, ngx_uint_t worker)
{
    ngx_exposure_room_t  *room;

    if (ngx_exposure_control_tell(worker, "join", id) != NGX_OK) {
        return NULL;
    }

    room = ngx_calloc(sizeof(ngx_exposure_room_t), ngx_cycle->log);
    if (room == NULL) {
        (void) ngx_exposure_control_tell(worker, "leave", id);
        return NULL;
    }

    room->worker = worker;
    room->id = *id;
    ngx_queue_init(&room->connects);
    ngx_queue_init(&room->streams);
    ngx_queue_insert_tail(&ngx_exposure_rooms, &room->link);

    return room;
}


static void
ngx_exposure_viewer_leave(ngx_exposure_room_t *room)
{
    if (!room->over) {
        (void) ngx_exposure_control_tell(room->worker, "leave", &room->id);
        ngx_queue_remove(&room->link);
    }

    ngx_exposure_fanout_unmap(room);
    json_decref(room->joined);
    ngx_free(room);
}


static void
ngx_exposure_viewer_count(ngx_exposure_room_t *room)
{
    char          id[EXPO_ID_TEXT + 1];
    json_t       *message;
    ngx_int_t     streams, connects;
    ngx_queue_t  *q;

    streams = 0;
    connects = 0;

    for (q = ngx_queue_head(&room->streams);
         q != ngx_queue_sentinel(&room->streams);
         q = ngx_queue_next(q))
    {
        streams++;
    }

    for (q = ngx_queue_head(&room->connects);
         q != ngx_queue_sentinel(&room->connects);
         q = ngx_queue_next(q))
    {
        connects++;
    }

    expo_id_print(id, &room->id);

    message = json_pack("{s:s, s:s, s:I, s:I}", "type", "viewers",
                        "session", id, "stream", (json_int_t) streams,
                        "connect", (json_int_t) connects);
    if (message) {
        (void) ngx_exposure_control_send(room->worker, message, NULL, 0, NULL,
                                         0);
        json_decref(message);
    }
}


/* Joined: a connect viewer is welcomed, a stream viewer needs a keyframe. */

static void
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


/* --- what the render-worker says --- */

static void
ngx_exposure_viewer_joined(ngx_exposure_room_t *room, json_t *message,
    int *fds, ngx_uint_t nfds)
{
    char          id[EXPO_ID_TEXT + 1];
    ngx_queue_t  *q;

    if (room->joined) {
        return;
    }

    if (nfds != 1 || ngx_exposure_fanout_map(room, fds[0]) != NGX_OK) {
        expo_id_print(id, &room->id);
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "session %*s: its ring is not as it must be", (size_t) 4,
                      id);
        ngx_exposure_viewer_close_all(room, NGX_EXPOSURE_CLOSE_INTERNAL);
        return;
    }

    room->joined = json_incref(message);

    ngx_exposure_viewer_count(room);

    for (q = ngx_queue_head(&room->connects);
         q != ngx_queue_sentinel(&room->connects);
         q = ngx_queue_next(q))
    {
        ngx_exposure_viewer_ready(ngx_queue_data(q, ngx_exposure_viewer_t,
                                                 link));
    }

    if (!ngx_queue_empty(&room->streams)) {
        ngx_exposure_fanout_keyframe(room);
    }
}


static void
ngx_exposure_viewer_settings(ngx_exposure_room_t *room, json_t *message)
{
    if (room->joined) {
        (void) json_object_set(room->joined, "settings",
                               json_object_get(message, "settings"));
        (void) json_object_set(room->joined, "revision",
                               json_object_get(message, "revision"));
    }

    (void) json_object_del(message, "session");
    ngx_exposure_viewer_all(room, message);
}


static void
ngx_exposure_viewer_refused(ngx_exposure_room_t *room, json_t *message)
{
    const char             *by;
    ngx_queue_t            *q;
    ngx_exposure_viewer_t  *v;

    by = json_string_value(json_object_get(message, "by"));

    for (q = ngx_queue_head(&room->connects);
         q != ngx_queue_sentinel(&room->connects);
         q = ngx_queue_next(q))
    {
        v = ngx_queue_data(q, ngx_exposure_viewer_t, link);

        if (ngx_strcmp(v->id, by) == 0) {
            ngx_exposure_socket_send(v->socket,
                json_pack("{s:s, s:O, s:O, s:O}", "type", "error",
                          "code", json_object_get(message, "code"),
                          "detail", json_object_get(message, "detail"),
                          "request", json_object_get(message, "request")));
        }
    }
}


static void
ngx_exposure_viewer_stats(ngx_exposure_room_t *room, json_t *message)
{
    json_t  *stats;

    stats = json_object_get(message, "stats");

    (void) json_object_set_new(stats, "type", json_string("stats"));
    ngx_exposure_viewer_all(room, stats);
}


static void
ngx_exposure_viewer_all(ngx_exposure_room_t *room, json_t *message)
{
    char                   *text;
    ngx_queue_t            *q;
    ngx_exposure_viewer_t  *v;

    text = json_dumps(message, JSON_COMPACT);
    if (text == NULL) {
        return;
    }

    for (q = ngx_queue_head(&room->connects);
         q != ngx_queue_sentinel(&room->connects);
         q = ngx_queue_next(q))
    {
        v = ngx_queue_data(q, ngx_exposure_viewer_t, link);
        ngx_exposure_socket_send_bytes(v->socket, EXPO_WS_TEXT, text,
                                       ngx_strlen(text));
    }

    free(text);
}


/* Nobody finds the room any more; its last viewer takes it along. */

static void
ngx_exposure_viewer_close_all(ngx_exposure_room_t *room, ngx_uint_t code)
{
    ngx_queue_t            *q;
    ngx_exposure_viewer_t  *v;

    room->over = 1;
    ngx_queue_remove(&room->link);

    for (q = ngx_queue_head(&room->connects);
         q != ngx_queue_sentinel(&room->connects);
         q = ngx_queue_next(q))
    {
        v = ngx_queue_data(q, ngx_exposure_viewer_t, link);
        ngx_exposure_socket_close(v->socket, code);
    }

    for (q = ngx_queue_head(&room->streams);
         q != ngx_queue_sentinel(&room->streams);
         q = ngx_queue_next(q))
    {
        v = ngx_queue_data(q, ngx_exposure_viewer_t, link);
        ngx_exposure_socket_close(v->socket, code);
    }
}
