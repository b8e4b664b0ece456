/*
 * WebSocket execute: a place in the queue, a session, its end. The table in
 * shared memory says what is so; a timer and the render-worker's messages make
 * each nginx worker look at it and tell its own clients.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_socket.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "lib/base64.h"


#define NGX_EXPOSURE_SESSION_TICK_MS   200
#define NGX_EXPOSURE_SESSION_SWEEP     5     /* ticks */


typedef enum {
    NGX_EXPOSURE_ASKING = 0,     /* is the scan this user's? */
    NGX_EXPOSURE_WAITING,
    NGX_EXPOSURE_OPENING,
    NGX_EXPOSURE_TAKING,         /* taken over while another opens it */
    NGX_EXPOSURE_LIVE,
    NGX_EXPOSURE_OVER            /* told so; the socket closes */
} ngx_exposure_execute_e;


/* Of one execute socket; outlives it while a pool thread is at it. */
typedef struct {
    ngx_queue_t              link;
    ngx_exposure_socket_t   *socket;     /* NULL: gone */
    ngx_exposure_execute_e   state;
    ngx_uint_t               busy;       /* a scan is being opened */
    uint64_t                 number;     /* in the table; 0: none */
    uint32_t                 position;   /* told last */
    ngx_uint_t               worker;
    expo_role_t              role;
    expo_id_t                scan;
    expo_id_t                session;
    expo_claims_t            claims;
    u_char                   tag[EXPO_TAG];
    u_char                   user[EXPO_QUEUE_USER];
} ngx_exposure_execute_t;


static void ngx_exposure_session_authenticate(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_session_gone(ngx_exposure_socket_t *s);
static void ngx_exposure_session_free(ngx_exposure_execute_t *x);
static void ngx_exposure_session_open(ngx_exposure_execute_t *x);
static void ngx_exposure_session_scan(void *data, expo_status_t st,
    ngx_exposure_scan_open_t *open);
static void ngx_exposure_session_enter(ngx_exposure_execute_t *x);
static void ngx_exposure_session_send_open(ngx_exposure_execute_t *x,
    ngx_exposure_scan_open_t *open);

static void ngx_exposure_session_tick(ngx_event_t *ev);
static void ngx_exposure_session_sweep(ngx_uint_t processes);
static void ngx_exposure_session_poll(void);
static void ngx_exposure_session_look(ngx_exposure_execute_t *x);
static void ngx_exposure_session_wait(ngx_exposure_execute_t *x);
static void ngx_exposure_session_queued(ngx_exposure_execute_t *x,
    uint32_t position, uint32_t ahead, uint32_t estimate_s);
static void ngx_exposure_session_live(ngx_exposure_execute_t *x,
    expo_session_t *session);
static ngx_int_t ngx_exposure_session_ticket(ngx_exposure_execute_t *x,
    uint64_t expiry, char text[EXPO_TICKET_TEXT]);
static void ngx_exposure_session_adopt(expo_session_t *session);
static void ngx_exposure_session_missing(ngx_exposure_execute_t *x);
static ngx_uint_t ngx_exposure_session_has(ngx_exposure_execute_t *x);
static void ngx_exposure_session_end(ngx_exposure_execute_t *x,
    const char *reason, const char *detail);
static void ngx_exposure_session_over(expo_id_t *id, const char *reason,
    const char *detail);
static void ngx_exposure_session_release(ngx_exposure_execute_t *x);


static const ngx_exposure_message_t  ngx_exposure_session_messages[] = {
    { NULL, NULL, NULL }
};

static const ngx_exposure_socket_class_t  ngx_exposure_session_class = {
    .name = "execute",
    .authenticate = ngx_exposure_session_authenticate,
    .messages = ngx_exposure_session_messages,
    .gone = ngx_exposure_session_gone
};


static ngx_queue_t  ngx_exposure_executes;
static ngx_event_t  ngx_exposure_session_timer;

/* nginx's debug log takes a timer's data for a connection */
static ngx_connection_t  ngx_exposure_session_connection;


void
ngx_exposure_session_start(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_exposure_executes);

    ngx_exposure_session_connection.fd = (ngx_socket_t) -1;

    ngx_exposure_session_timer.handler = ngx_exposure_session_tick;
    ngx_exposure_session_timer.data = &ngx_exposure_session_connection;
    ngx_exposure_session_timer.log = cycle->log;
    ngx_exposure_session_timer.cancelable = 1;

    ngx_add_timer(&ngx_exposure_session_timer, NGX_EXPOSURE_SESSION_TICK_MS);
}


ngx_int_t
ngx_exposure_session_execute(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_int_t                rc;
    ngx_exposure_execute_t  *x;

    x = ngx_calloc(sizeof(ngx_exposure_execute_t), r->connection->log);
    if (x == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    x->scan = ctx->id;
    ngx_queue_insert_tail(&ngx_exposure_executes, &x->link);

    rc = ngx_exposure_socket_accept(r, &ngx_exposure_session_class, x);
    if (rc != NGX_DONE) {
        ngx_exposure_session_free(x);
    }

    return rc;
}


void
ngx_exposure_session_user(u_char user[EXPO_QUEUE_USER], u_char tag[EXPO_TAG])
{
    u_char  digest[32];

    ngx_memzero(digest, sizeof(digest));

    (void) EVP_Digest(tag, EXPO_TAG, digest, NULL, EVP_sha256(), NULL);

    ngx_memcpy(user, digest, EXPO_QUEUE_USER);
}


void
ngx_exposure_session_event(ngx_uint_t worker, json_t *message, int *fds,
    ngx_uint_t nfds)
{
    expo_id_t             id;
    const char           *type, *text, *detail;
    ngx_exposure_zone_t  *zone;

    type = json_string_value(json_object_get(message, "type"));
    text = json_string_value(json_object_get(message, "session"));

    if (text == NULL) {

        /* the status of a worker: slots may be free */

        ngx_exposure_session_poll();
        return;
    }

    if (expo_id_parse(&id, text, ngx_strlen(text)) != EXPO_OK) {
        return;
    }

    if (ngx_strcmp(type, "opened") == 0) {
        zone = ngx_exposure_zone();

        ngx_exposure_zone_lock(zone);
        (void) expo_queue_opened(ngx_exposure_zone_queue(zone), &id,
                                 ngx_current_msec);
        ngx_exposure_zone_unlock(zone);

        ngx_exposure_session_poll();
        return;
    }

    detail = json_string_value(json_object_get(message, "detail"));

    if (ngx_strcmp(type, "ended") == 0) {
        ngx_exposure_session_over(&id,
                        json_string_value(json_object_get(message, "reason")),
                        detail);

    } else if (ngx_strcmp(type, "failed") == 0) {
        ngx_exposure_session_over(&id, "failed", detail);
    }

    ngx_exposure_viewer_event(worker, type, &id, message, fds, nfds);
}


void
ngx_exposure_session_lost(ngx_uint_t worker)
{
    ngx_queue_t             *q, *next;
    ngx_exposure_zone_t     *zone;
    ngx_exposure_execute_t  *x;

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    expo_queue_worker_lost(ngx_exposure_zone_queue(zone), (uint32_t) worker,
                           ngx_exposure_zone_owner(), ngx_current_msec);
    ngx_exposure_zone_unlock(zone);

    for (q = ngx_queue_head(&ngx_exposure_executes);
         q != ngx_queue_sentinel(&ngx_exposure_executes);
         q = next)
    {
        next = ngx_queue_next(q);
        x = ngx_queue_data(q, ngx_exposure_execute_t, link);

        if (x->worker == worker && ngx_exposure_session_has(x)) {
            ngx_exposure_session_end(x, "worker_lost", NULL);
        }
    }

    ngx_exposure_viewer_lost(worker);
}


void
ngx_exposure_session_delete(expo_id_t *scan)
{
    expo_session_t        session;
    ngx_uint_t            more;
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();

    do {
        ngx_exposure_zone_lock(zone);
        more = expo_queue_delete(ngx_exposure_zone_queue(zone), scan,
                                 ngx_current_msec, &session);
        ngx_exposure_zone_unlock(zone);

        if (more) {
            (void) ngx_exposure_control_tell(session.worker, "close",
                                             &session.id);
        }
    } while (more);

    ngx_exposure_session_poll();
}


/* --- one client --- */

static void
ngx_exposure_session_authenticate(ngx_exposure_socket_t *s, json_t *message)
{
    json_t                  *token;
    ngx_exposure_execute_t  *x;

    x = s->data;
    x->socket = s;

    token = json_object_get(message, "token");

    if (token == NULL
        || ngx_exposure_auth_token((u_char *) json_string_value(token),
                                   json_string_length(token), &x->claims,
                                   x->tag)
           != NGX_OK)
    {
        x->state = NGX_EXPOSURE_OVER;
        ngx_exposure_socket_close(s, NGX_EXPOSURE_CLOSE_UNKNOWN);
        return;
    }

    ngx_exposure_session_user(x->user, x->tag);
    ngx_exposure_session_open(x);
}


static void
ngx_exposure_session_gone(ngx_exposure_socket_t *s)
{
    ngx_exposure_execute_t  *x;

    x = s->data;
    x->socket = NULL;

    ngx_exposure_session_release(x);

    if (!x->busy) {
        ngx_exposure_session_free(x);
    }
}


static void
ngx_exposure_session_free(ngx_exposure_execute_t *x)
{
    ngx_queue_remove(&x->link);
    ngx_explicit_memzero(x, sizeof(ngx_exposure_execute_t));
    ngx_free(x);
}


/* First to know whether the user may; later, assigned, for the worker. */

static void
ngx_exposure_session_open(ngx_exposure_execute_t *x)
{
    x->busy = 1;

    if (ngx_exposure_scan_open(&x->claims, x->tag, &x->scan,
                               ngx_exposure_session_scan, x)
        != NGX_OK)
    {
        x->busy = 0;
        ngx_exposure_session_release(x);
        x->state = NGX_EXPOSURE_OVER;
        ngx_exposure_socket_close(x->socket, NGX_EXPOSURE_CLOSE_NO_WORKER);
    }
}


static void
ngx_exposure_session_scan(void *data, expo_status_t st,
    ngx_exposure_scan_open_t *open)
{
    ngx_exposure_execute_t *x = data;

    x->busy = 0;

    if (x->socket == NULL) {
        ngx_exposure_session_free(x);

    } else if (x->state == NGX_EXPOSURE_OVER) {

        /* told already, while the thread was at it */

    } else if (st == EXPO_OK) {
        x->role = open->role;

        if (x->state == NGX_EXPOSURE_ASKING) {
            ngx_exposure_session_enter(x);
        }

        if (x->state == NGX_EXPOSURE_OPENING && !x->busy) {
            ngx_exposure_session_send_open(x, open);
        }

    } else if (x->state == NGX_EXPOSURE_ASKING) {
        x->state = NGX_EXPOSURE_OVER;
        ngx_exposure_socket_close(x->socket, st == EXPO_NOT_FOUND
                                             || st == EXPO_DENIED
                                             ? NGX_EXPOSURE_CLOSE_NOT_FOUND
                                             : NGX_EXPOSURE_CLOSE_INTERNAL);

    } else {
        ngx_exposure_session_end(x, st == EXPO_NOT_FOUND ? "deleted"
                                                         : "failed", NULL);
    }

    if (open) {
        (void) close(open->fd);
        ngx_explicit_memzero(&open->blob, sizeof(expo_blob_t));
    }
}


/* Into the queue; or back into the session that there is. */

static void
ngx_exposure_session_enter(ngx_exposure_execute_t *x)
{
    expo_status_t         st;
    expo_session_t        session;
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    st = expo_queue_join(ngx_exposure_zone_queue(zone),
                         ngx_exposure_zone_owner(), x->user, &x->scan,
                         ngx_current_msec, &x->number, &session);
    ngx_exposure_zone_unlock(zone);

    switch (st) {

    case EXPO_OK:
        x->state = NGX_EXPOSURE_WAITING;
        ngx_exposure_session_wait(x);
        break;

    case EXPO_CONFLICT:
        x->session = session.id;
        x->worker = session.worker;

        if (session.state == EXPO_SESSION_LIVE) {
            ngx_exposure_session_adopt(&session);
            ngx_exposure_session_live(x, &session);
            break;
        }

        x->state = NGX_EXPOSURE_TAKING;
        break;

    default:
        x->state = NGX_EXPOSURE_OVER;
        ngx_exposure_socket_close(x->socket, NGX_EXPOSURE_CLOSE_NO_WORKER);
        return;
    }

    /* an older tab of the same user hears of it at once */

    ngx_exposure_session_poll();
}


static void
ngx_exposure_session_send_open(ngx_exposure_execute_t *x,
    ngx_exposure_scan_open_t *open)
{
    char        session[EXPO_ID_TEXT + 1], scan[EXPO_ID_TEXT + 1];
    char        header[EXPO_BASE64_TEXT(EXPO_BLOB_HEADER)];
    json_t     *message;
    ngx_int_t   rc;

    expo_id_print(session, &x->session);
    expo_id_print(scan, &x->scan);
    expo_base64_print(header, open->blob.header, EXPO_BLOB_HEADER);

    rc = NGX_DECLINED;
    message = json_pack("{s:s, s:s, s:s, s:s}", "type", "open",
                        "session", session, "scan", scan, "header", header);
    if (message) {
        rc = ngx_exposure_control_send(x->worker, message, open->blob.key,
                                       sizeof(open->blob.key), &open->fd, 1);
        json_decref(message);
    }

    if (rc != NGX_OK) {
        ngx_exposure_session_end(x, "worker_lost", NULL);
    }
}


/* --- looking at the table --- */

static void
ngx_exposure_session_tick(ngx_event_t *ev)
{
    static ngx_uint_t  turn;

    ngx_exposure_session_sweep(turn++ % NGX_EXPOSURE_SESSION_SWEEP == 0);
    ngx_exposure_session_poll();

    ngx_add_timer(ev, NGX_EXPOSURE_SESSION_TICK_MS);
}


/* Whose time is up; and, more rarely, whose process is dead. */

static void
ngx_exposure_session_sweep(ngx_uint_t processes)
{
    expo_queue_t         *queue;
    ngx_uint_t            more;
    expo_session_t        session;
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();
    queue = ngx_exposure_zone_queue(zone);

    do {
        ngx_exposure_zone_lock(zone);

        if (processes) {
            expo_queue_sweep(queue, ngx_exposure_zone_alive, ngx_current_msec,
                             ngx_exposure_main_conf()->grace);
            processes = 0;
        }

        more = expo_queue_expire(queue, ngx_current_msec, &session);

        ngx_exposure_zone_unlock(zone);

        if (more) {
            (void) ngx_exposure_control_tell(session.worker, "close",
                                             &session.id);
        }
    } while (more);
}


static void
ngx_exposure_session_poll(void)
{
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(&ngx_exposure_executes);
         q != ngx_queue_sentinel(&ngx_exposure_executes);
         q = next)
    {
        next = ngx_queue_next(q);
        ngx_exposure_session_look(ngx_queue_data(q, ngx_exposure_execute_t,
                                                 link));
    }
}


static void
ngx_exposure_session_look(ngx_exposure_execute_t *x)
{
    expo_session_t         session;
    ngx_exposure_zone_t   *zone;
    const expo_session_t  *found;

    if (x->socket == NULL || x->number == 0) {
        return;
    }

    if (x->state == NGX_EXPOSURE_WAITING) {
        ngx_exposure_session_wait(x);
        return;
    }

    zone = ngx_exposure_zone();
    ngx_memzero(&session, sizeof(expo_session_t));

    ngx_exposure_zone_lock(zone);

    found = expo_queue_session_of(ngx_exposure_zone_queue(zone), x->number);
    if (found) {
        session = *found;
    }

    ngx_exposure_zone_unlock(zone);

    switch (session.state) {

    case EXPO_SESSION_NONE:
        ngx_exposure_session_missing(x);
        break;

    case EXPO_SESSION_ENDING:
        ngx_exposure_session_end(x, "deleted", NULL);
        break;

    case EXPO_SESSION_LIVE:
        if (x->state == NGX_EXPOSURE_TAKING) {
            ngx_exposure_session_adopt(&session);
        }

        if (x->state != NGX_EXPOSURE_LIVE) {
            ngx_exposure_session_live(x, &session);
        }
        break;

    default:
        break;
    }
}


/* Tries for a slot; says where it stands if that changed. */

static void
ngx_exposure_session_wait(ngx_exposure_execute_t *x)
{
    char                  text[EXPO_ID_TEXT + 1];
    uint32_t              position, ahead, estimate_s;
    expo_id_t             id;
    expo_queue_t         *queue;
    expo_status_t         st;
    expo_session_t        session;
    ngx_exposure_zone_t  *zone;

    if (RAND_bytes(id.b, sizeof(id.b)) != 1) {
        return;
    }

    zone = ngx_exposure_zone();
    queue = ngx_exposure_zone_queue(zone);

    ngx_exposure_zone_lock(zone);

    st = expo_queue_assign(queue, x->number, ngx_exposure_control_reachable(),
                           &id, x->role, ngx_current_msec, &session);

    if (st != EXPO_OK) {
        st = expo_queue_place(queue, x->number, ngx_current_msec, &position,
                              &ahead, &estimate_s);
        if (st == EXPO_OK) {
            st = EXPO_AGAIN;
        }
    }

    ngx_exposure_zone_unlock(zone);

    switch (st) {

    case EXPO_OK:
        x->state = NGX_EXPOSURE_OPENING;
        x->session = session.id;
        x->worker = session.worker;

        expo_id_print(text, &session.id);
        ngx_log_error(NGX_LOG_INFO, x->socket->connection->log, 0,
                      "session %*s: worker %ui, opening", (size_t) 4, text,
                      x->worker);

        /* in the middle of the first opening: its caller goes on */

        if (x->position) {
            ngx_exposure_session_open(x);
        }
        break;

    case EXPO_AGAIN:
        ngx_exposure_session_queued(x, position, ahead, estimate_s);
        break;

    default:
        ngx_exposure_session_missing(x);
    }
}


static void
ngx_exposure_session_queued(ngx_exposure_execute_t *x, uint32_t position,
    uint32_t ahead, uint32_t estimate_s)
{
    if (position == x->position) {
        return;
    }

    x->position = position;

    ngx_exposure_socket_send(x->socket,
        json_pack("{s:s, s:I, s:I, s:I}", "type", "queued",
                  "position", (json_int_t) position,
                  "ahead", (json_int_t) ahead,
                  "estimate_s", (json_int_t) estimate_s));
}


static void
ngx_exposure_session_live(ngx_exposure_execute_t *x, expo_session_t *session)
{
    char      id[EXPO_ID_TEXT + 1];
    char      connect[EXPO_TICKET_TEXT], stream[EXPO_TICKET_TEXT];
    uint64_t  expiry;

    x->state = NGX_EXPOSURE_LIVE;
    x->role = session->role;

    expiry = (uint64_t) ngx_time() + NGX_EXPOSURE_TICKET_S;

    if (ngx_exposure_session_ticket(x, expiry, connect) != NGX_OK
        || ngx_exposure_session_ticket(x, expiry, stream) != NGX_OK)
    {
        ngx_exposure_session_end(x, "failed", NULL);
        return;
    }

    expo_id_print(id, &x->session);

    ngx_exposure_socket_send(x->socket,
        json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:I}",
                  "type", "assigned", "session", id,
                  "connect_url", "/api/v1/connect",
                  "stream_url", "/api/v1/stream",
                  "tickets", "connect", connect, "stream", stream,
                  "expires", (json_int_t) expiry));
}


static ngx_int_t
ngx_exposure_session_ticket(ngx_exposure_execute_t *x, uint64_t expiry,
    char text[EXPO_TICKET_TEXT])
{
    expo_ticket_t  ticket;

    ngx_memzero(&ticket, sizeof(expo_ticket_t));

    ticket.session = x->session;
    ngx_memcpy(ticket.tag, x->tag, EXPO_TAG);
    ticket.role = x->role;
    ticket.expiry = expiry;

    if (RAND_bytes(ticket.nonce, sizeof(ticket.nonce)) != 1
        || expo_vault_ticket_print(text, ngx_exposure_main_conf()->master,
                                   &ticket)
           != EXPO_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* The session lives as long as its opener's connection: from now on ours. */

static void
ngx_exposure_session_adopt(expo_session_t *session)
{
    char     id[EXPO_ID_TEXT + 1], scan[EXPO_ID_TEXT + 1];
    json_t  *message;

    expo_id_print(id, &session->id);
    expo_id_print(scan, &session->scan);

    message = json_pack("{s:s, s:s, s:s, s:s}", "type", "open",
                        "session", id, "scan", scan, "header", "");

    if (message) {
        (void) ngx_exposure_control_send(session->worker, message, NULL, 0,
                                         NULL, 0);
        json_decref(message);
    }
}


/* Its number is not in the table any more. */

static void
ngx_exposure_session_missing(ngx_exposure_execute_t *x)
{
    ngx_uint_t            replaced;
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    replaced = expo_queue_is_replaced(ngx_exposure_zone_queue(zone), x->user,
                                      &x->scan);
    ngx_exposure_zone_unlock(zone);

    if (replaced) {
        x->number = 0;
        x->state = NGX_EXPOSURE_OVER;
        ngx_exposure_socket_close(x->socket, NGX_EXPOSURE_CLOSE_REPLACED);
        return;
    }

    ngx_exposure_session_end(x, x->state == NGX_EXPOSURE_WAITING
                                ? "deleted" : "worker_lost", NULL);
}


static ngx_uint_t
ngx_exposure_session_has(ngx_exposure_execute_t *x)
{
    return x->socket && x->number && x->state >= NGX_EXPOSURE_OPENING
           && x->state < NGX_EXPOSURE_OVER;
}


/* Tells the client, and sees to it that nothing of the session is left. */

static void
ngx_exposure_session_end(ngx_exposure_execute_t *x, const char *reason,
    const char *detail)
{
    char                   text[EXPO_ID_TEXT + 1];
    json_t                *message;
    ngx_uint_t             left;
    expo_queue_t          *queue;
    ngx_exposure_zone_t   *zone;
    const expo_session_t  *session;

    expo_id_print(text, &x->session);
    ngx_log_error(NGX_LOG_INFO, x->socket->connection->log, 0,
                  "session %*s: ended, %s", (size_t) 4, text, reason);

    zone = ngx_exposure_zone();
    queue = ngx_exposure_zone_queue(zone);

    ngx_exposure_zone_lock(zone);

    session = expo_queue_session_of(queue, x->number);
    left = session != NULL;

    if (left) {
        expo_queue_release(queue, &session->id, ngx_current_msec);
    }

    ngx_exposure_zone_unlock(zone);

    if (left) {
        (void) ngx_exposure_control_tell(x->worker, "close", &x->session);
    }

    x->number = 0;
    x->state = NGX_EXPOSURE_OVER;

    message = json_pack("{s:s, s:s}", "type", "ended", "reason", reason);

    if (message && detail) {
        (void) json_object_set_new(message, "detail", json_string(detail));
    }

    ngx_exposure_socket_send(x->socket, message);
    ngx_exposure_socket_close(x->socket, NGX_EXPOSURE_CLOSE_OK);
}


/* What a render-worker says is over. */

static void
ngx_exposure_session_over(expo_id_t *id, const char *reason,
    const char *detail)
{
    ngx_uint_t               deleted, i;
    ngx_queue_t             *q, *next;
    ngx_exposure_zone_t     *zone;
    const expo_session_t    *session;
    ngx_exposure_execute_t  *x;

    static const char *const  known[] = { "closed", "idle", "failed" };

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);

    session = expo_queue_session(ngx_exposure_zone_queue(zone), id);
    deleted = session && session->state == EXPO_SESSION_ENDING;
    expo_queue_release(ngx_exposure_zone_queue(zone), id, ngx_current_msec);

    ngx_exposure_zone_unlock(zone);

    for (i = 0; i < 3 && ngx_strcmp(known[i], reason) != 0; i++) { /* void */ }

    if (deleted) {
        reason = "deleted";

    } else if (i == 3) {
        reason = "worker_lost";
    }

    for (q = ngx_queue_head(&ngx_exposure_executes);
         q != ngx_queue_sentinel(&ngx_exposure_executes);
         q = next)
    {
        next = ngx_queue_next(q);
        x = ngx_queue_data(q, ngx_exposure_execute_t, link);

        if (ngx_exposure_session_has(x)
            && ngx_memcmp(&x->session, id, sizeof(expo_id_t)) == 0)
        {
            ngx_exposure_session_end(x, reason, detail);
        }
    }
}


/*
 * Gives its place or its session back: a session waits for a while. One that
 * has ended is not in the table, and nothing happens.
 */

static void
ngx_exposure_session_release(ngx_exposure_execute_t *x)
{
    ngx_msec_t            grace;
    ngx_exposure_zone_t  *zone;

    if (x->number == 0) {
        return;
    }

    grace = ngx_exposure_main_conf()->grace;
    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    expo_queue_leave(ngx_exposure_zone_queue(zone), x->number,
                     ngx_current_msec, grace);
    ngx_exposure_zone_unlock(zone);

    x->number = 0;
}
