/*
 * Sessions that this nginx worker has joined. The first viewer of a session
 * here joins it over the control connection, the last one leaves it; all
 * share what comes.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_socket.h"


static ngx_uint_t ngx_exposure_room_is_over(ngx_exposure_room_t *room);
static void ngx_exposure_room_end(ngx_exposure_room_t *room);
static void ngx_exposure_room_joined(ngx_exposure_room_t *room,
    json_t *message, int *fds, ngx_uint_t nfds);
static void ngx_exposure_room_settings(ngx_exposure_room_t *room,
    json_t *message);
static void ngx_exposure_room_refused(ngx_exposure_room_t *room,
    json_t *message);
static void ngx_exposure_room_picked(ngx_exposure_room_t *room,
    json_t *message);
static void ngx_exposure_room_one(ngx_exposure_room_t *room, const char *by,
    json_t *message);
static void ngx_exposure_room_stats(ngx_exposure_room_t *room,
    json_t *message);
static void ngx_exposure_room_all(ngx_exposure_room_t *room,
    json_t *message);
static void ngx_exposure_room_close(ngx_exposure_room_t *room,
    ngx_uint_t code, const char *reason);


static ngx_queue_t  ngx_exposure_rooms = {
    &ngx_exposure_rooms, &ngx_exposure_rooms
};


ngx_exposure_room_t *
ngx_exposure_room_find(expo_id_t *id)
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


ngx_exposure_room_t *
ngx_exposure_room_join(expo_id_t *id, ngx_uint_t worker)
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


void
ngx_exposure_room_leave(ngx_exposure_room_t *room)
{
    if (!room->over) {
        (void) ngx_exposure_control_tell(room->worker, "leave", &room->id);
        ngx_queue_remove(&room->link);
    }

    ngx_exposure_fanout_unmap(room);
    json_decref(room->joined);
    ngx_free(room);
}


void
ngx_exposure_room_count(ngx_exposure_room_t *room)
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


void
ngx_exposure_room_event(ngx_uint_t worker, const char *type,
    expo_id_t *session, json_t *message, int *fds, ngx_uint_t nfds)
{
    ngx_exposure_room_t  *room;

    room = ngx_exposure_room_find(session);

    if (room == NULL || room->worker != worker) {
        return;
    }

    if (ngx_strcmp(type, "frame") == 0) {
        ngx_exposure_fanout_frame(room,
            (uint32_t) json_integer_value(json_object_get(message,
                                                          "sequence")));

    } else if (ngx_strcmp(type, "joined") == 0) {
        ngx_exposure_room_joined(room, message, fds, nfds);

    } else if (ngx_strcmp(type, "settings") == 0) {
        ngx_exposure_room_settings(room, message);

    } else if (ngx_strcmp(type, "refused") == 0) {
        ngx_exposure_room_refused(room, message);

    } else if (ngx_strcmp(type, "picked") == 0) {
        ngx_exposure_room_picked(room, message);

    } else if (ngx_strcmp(type, "stats") == 0) {
        ngx_exposure_room_stats(room, message);

    } else if (ngx_strcmp(type, "stream") == 0 && room->joined) {

        /* for the welcome of those who come later */

        (void) json_object_set(room->joined, "stream",
                               json_object_get(message, "stream"));

    } else if (ngx_strcmp(type, "ended") == 0
               || ngx_strcmp(type, "failed") == 0)
    {
        if (ngx_exposure_room_is_over(room)) {
            ngx_exposure_room_end(room);

        } else {
            ngx_exposure_room_close(room, NGX_EXPOSURE_CLOSE_NOT_FOUND, "");
        }
    }
}


void
ngx_exposure_room_lost(ngx_uint_t worker)
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
            ngx_exposure_room_close(room, NGX_EXPOSURE_CLOSE_NO_WORKER, "");
        }
    }
}


void
ngx_exposure_room_look(void)
{
    ngx_queue_t          *q, *next;
    ngx_exposure_room_t  *room;

    for (q = ngx_queue_head(&ngx_exposure_rooms);
         q != ngx_queue_sentinel(&ngx_exposure_rooms);
         q = next)
    {
        next = ngx_queue_next(q);
        room = ngx_queue_data(q, ngx_exposure_room_t, link);

        if (ngx_exposure_room_is_over(room)) {
            (void) ngx_exposure_control_tell(room->worker, "leave",
                                             &room->id);
            ngx_exposure_room_end(room);
        }
    }
}


/* Its user may no more. Of a session that is gone: by what was known last. */

static ngx_uint_t
ngx_exposure_room_is_over(ngx_exposure_room_t *room)
{
    ngx_exposure_zone_t   *zone;
    const expo_session_t  *session;

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);

    session = expo_queue_session(ngx_exposure_zone_queue(zone), &room->id);
    if (session) {
        room->token_ms = session->token_ms;
        room->why = session->state == EXPO_SESSION_ENDING ? session->why : 0;
    }

    ngx_exposure_zone_unlock(zone);

    return room->why
           || (room->token_ms && ngx_current_msec >= room->token_ms);
}


/* With the code that fits what is_over has found. */

static void
ngx_exposure_room_end(ngx_exposure_room_t *room)
{
    if (room->why && room->why != EXPO_END_DELETED) {
        ngx_exposure_room_close(room, NGX_EXPOSURE_CLOSE_REVOKED,
                                ngx_exposure_session_why(room->why));

    } else if (room->why) {
        ngx_exposure_room_close(room, NGX_EXPOSURE_CLOSE_NOT_FOUND, "");

    } else {
        ngx_exposure_room_close(room, NGX_EXPOSURE_CLOSE_UNKNOWN, "");
    }
}


/* --- what the render-worker says --- */

static void
ngx_exposure_room_joined(ngx_exposure_room_t *room, json_t *message,
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
        (void) ngx_exposure_control_tell(room->worker, "leave", &room->id);
        ngx_exposure_room_close(room, NGX_EXPOSURE_CLOSE_INTERNAL, "");
        return;
    }

    room->joined = json_incref(message);

    ngx_exposure_room_count(room);

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
ngx_exposure_room_settings(ngx_exposure_room_t *room, json_t *message)
{
    if (room->joined) {
        (void) json_object_set(room->joined, "settings",
                               json_object_get(message, "settings"));
        (void) json_object_set(room->joined, "revision",
                               json_object_get(message, "revision"));
    }

    (void) json_object_del(message, "session");
    ngx_exposure_room_all(room, message);
}


static void
ngx_exposure_room_refused(ngx_exposure_room_t *room, json_t *message)
{
    ngx_exposure_room_one(room,
                          json_string_value(json_object_get(message, "by")),
                          json_pack("{s:s, s:O, s:O, s:O}", "type", "error",
                              "code", json_object_get(message, "code"),
                              "detail", json_object_get(message, "detail"),
                              "request", json_object_get(message,
                                                         "request")));
}


static void
ngx_exposure_room_picked(ngx_exposure_room_t *room, json_t *message)
{
    ngx_exposure_room_one(room,
                          json_string_value(json_object_get(message, "by")),
                          json_pack("{s:s, s:O, s:O*}", "type", "picked",
                              "request", json_object_get(message, "request"),
                              "point_mm", json_object_get(message,
                                                          "point_mm")));
}


/* To the viewer of this id, if it is still there; the reference is taken. */

static void
ngx_exposure_room_one(ngx_exposure_room_t *room, const char *by,
    json_t *message)
{
    ngx_queue_t            *q;
    ngx_exposure_viewer_t  *v;

    for (q = ngx_queue_head(&room->connects);
         message && q != ngx_queue_sentinel(&room->connects);
         q = ngx_queue_next(q))
    {
        v = ngx_queue_data(q, ngx_exposure_viewer_t, link);

        if (ngx_strcmp(v->id, by) == 0) {
            ngx_exposure_socket_send(v->socket, json_incref(message));
        }
    }

    json_decref(message);
}


static void
ngx_exposure_room_stats(ngx_exposure_room_t *room, json_t *message)
{
    json_t  *stats;

    stats = json_object_get(message, "stats");

    (void) json_object_set_new(stats, "type", json_string("stats"));
    ngx_exposure_room_all(room, stats);
}


static void
ngx_exposure_room_all(ngx_exposure_room_t *room, json_t *message)
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
ngx_exposure_room_close(ngx_exposure_room_t *room, ngx_uint_t code,
    const char *reason)
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
        ngx_exposure_socket_close_as(v->socket, code, reason);
    }

    for (q = ngx_queue_head(&room->streams);
         q != ngx_queue_sentinel(&room->streams);
         q = ngx_queue_next(q))
    {
        v = ngx_queue_data(q, ngx_exposure_viewer_t, link);
        ngx_exposure_socket_close_as(v->socket, code, reason);
    }
}
