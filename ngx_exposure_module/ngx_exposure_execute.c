/*
 * WebSocket execute: one client's place in the queue, its session, its end.
 * The table in shared memory says what is so; it is looked at again whenever
 * it may have changed.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_session.h"


static void ngx_exposure_execute_authenticate(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_execute_renew(ngx_exposure_socket_t *s,
    json_t *message);
static void ngx_exposure_execute_gone(ngx_exposure_socket_t *s);
static void ngx_exposure_execute_free(ngx_exposure_execute_t *x);
static void ngx_exposure_execute_scan(void *data, expo_status_t st,
    ngx_exposure_scan_open_t *open);
static ngx_uint_t ngx_exposure_execute_refusal(expo_status_t st);
static void ngx_exposure_execute_opened(ngx_exposure_execute_t *x,
    expo_status_t st, ngx_exposure_scan_open_t *open);
static void ngx_exposure_execute_forget(ngx_exposure_execute_t *x);
static void ngx_exposure_execute_enter(ngx_exposure_execute_t *x);


static const char  ngx_exposure_execute_damaged[] =
    "The stored scan is damaged and cannot be shown.";

static const ngx_exposure_message_t  ngx_exposure_execute_messages[] = {
    { "authenticate", "authenticate", ngx_exposure_execute_renew },
    { NULL, NULL, NULL }
};

static const ngx_exposure_socket_class_t  ngx_exposure_execute_class = {
    .name = "execute",
    .authenticate = ngx_exposure_execute_authenticate,
    .messages = ngx_exposure_execute_messages,
    .gone = ngx_exposure_execute_gone
};


ngx_int_t
ngx_exposure_execute_accept(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_int_t                rc;
    ngx_exposure_execute_t  *x;

    x = ngx_calloc(sizeof(ngx_exposure_execute_t), r->connection->log);
    if (x == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    x->rule = ctx->rule;
    x->verb = ctx->verb;
    x->scan = ctx->id;
    ngx_queue_insert_tail(&ngx_exposure_executes, &x->link);

    rc = ngx_exposure_socket_accept(r, &ngx_exposure_execute_class, x);
    if (rc != NGX_DONE) {
        ngx_exposure_execute_free(x);
    }

    return rc;
}


static void
ngx_exposure_execute_authenticate(ngx_exposure_socket_t *s, json_t *message)
{
    json_t                  *token;
    ngx_int_t                rc;
    ngx_exposure_who_t       who;
    ngx_exposure_execute_t  *x;

    x = s->data;
    x->socket = s;

    token = json_object_get(message, "token");

    rc = ngx_exposure_auth_token((u_char *) json_string_value(token),
                                 json_string_length(token), &who, x->tag);

    if (rc == NGX_OK) {
        rc = ngx_exposure_who_copy(&x->who, &who);
    }

    if (rc != NGX_OK) {
        x->state = NGX_EXPOSURE_OVER;
        ngx_exposure_socket_close(s, ngx_exposure_socket_refusal(rc));
        return;
    }

    ngx_exposure_user_id(x->tag, &x->user);
    ngx_exposure_execute_open(x);
}


/* A newer token of the same user; the session lasts as long as the latest. */

static void
ngx_exposure_execute_renew(ngx_exposure_socket_t *s, json_t *message)
{
    u_char                   tag[EXPO_TAG];
    json_t                  *token;
    ngx_int_t                rc;
    ngx_exposure_who_t       who;
    ngx_exposure_zone_t     *zone;
    ngx_exposure_execute_t  *x;

    x = s->data;
    token = json_object_get(message, "token");

    rc = ngx_exposure_auth_token((u_char *) json_string_value(token),
                                 json_string_length(token), &who, tag);

    if (rc != NGX_OK || ngx_memcmp(tag, x->tag, EXPO_TAG) != 0) {
        ngx_exposure_socket_close(s, ngx_exposure_socket_refusal(rc));
        return;
    }

    if (who.token_ms > x->who.token_ms
        && ngx_exposure_who_copy(&x->who, &who) != NGX_OK)
    {
        ngx_exposure_socket_close(s, NGX_EXPOSURE_CLOSE_INTERNAL);
        return;
    }

    if (ngx_exposure_execute_has(x)) {
        zone = ngx_exposure_zone();

        ngx_exposure_zone_lock(zone);
        expo_queue_vouch(ngx_exposure_zone_queue(zone), &x->session,
                         x->who.token_ms);
        ngx_exposure_zone_unlock(zone);
    }
}


static void
ngx_exposure_execute_gone(ngx_exposure_socket_t *s)
{
    ngx_exposure_execute_t  *x;

    x = s->data;
    x->socket = NULL;

    ngx_exposure_execute_release(x);

    if (!x->busy) {
        ngx_exposure_execute_free(x);
    }
}


static void
ngx_exposure_execute_free(ngx_exposure_execute_t *x)
{
    ngx_queue_remove(&x->link);
    ngx_exposure_who_wipe(&x->who);
    ngx_explicit_memzero(x, sizeof(ngx_exposure_execute_t));
    ngx_free(x);
}


/* First to know whether the user may; later, assigned, for the worker. */

void
ngx_exposure_execute_open(ngx_exposure_execute_t *x)
{
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    x->changes = expo_queue_changes(ngx_exposure_zone_queue(zone), &x->scan);
    ngx_exposure_zone_unlock(zone);

    x->busy = 1;

    if (ngx_exposure_scan_open(x->rule,
                               x->opening ? EXPO_AUDIT_NONE : x->verb,
                               &x->who, x->tag, &x->scan,
                               ngx_exposure_execute_scan, x)
        != NGX_OK)
    {
        x->busy = 0;

        if (x->opening) {
            x->opening = 0;
            ngx_exposure_execute_forget(x);
        }

        ngx_exposure_execute_release(x);
        x->state = NGX_EXPOSURE_OVER;

        if (x->socket) {
            ngx_exposure_socket_close(x->socket,
                                      NGX_EXPOSURE_CLOSE_NO_WORKER);
        }
    }
}


static void
ngx_exposure_execute_scan(void *data, expo_status_t st,
    ngx_exposure_scan_open_t *open)
{
    ngx_exposure_execute_t *x = data;

    x->busy = 0;

    if (x->socket && x->state == NGX_EXPOSURE_ASKING) {

        if (st == EXPO_OK) {
            x->role = open->role;
            x->access_s = open->access_s;
            ngx_exposure_execute_enter(x);

        } else if (st == EXPO_CORRUPT) {
            x->state = NGX_EXPOSURE_OVER;
            ngx_exposure_session_damaged(&x->scan);
            ngx_exposure_tell_ended(x, "failed", ngx_exposure_execute_damaged);
            ngx_exposure_socket_close(x->socket, NGX_EXPOSURE_CLOSE_OK);

        } else {
            x->state = NGX_EXPOSURE_OVER;
            ngx_exposure_socket_close(x->socket,
                                      ngx_exposure_execute_refusal(st));
        }
    }

    /* also for one that is gone: another may have taken the session over */

    if (x->opening && !x->busy) {
        x->opening = 0;
        ngx_exposure_execute_opened(x, st, open);
    }

    if (x->socket == NULL && !x->busy) {
        ngx_exposure_execute_free(x);
    }

    if (open) {
        (void) close(open->fd);
        ngx_explicit_memzero(&open->blob, sizeof(expo_blob_t));
    }
}


static ngx_uint_t
ngx_exposure_execute_refusal(expo_status_t st)
{
    switch (st) {

    case EXPO_NOT_FOUND:
    case EXPO_DENIED:
        return NGX_EXPOSURE_CLOSE_NOT_FOUND;

    case EXPO_EXPIRED:
        return NGX_EXPOSURE_CLOSE_UNKNOWN;

    case EXPO_AGAIN:
        /* the vault is away: worth another try */
        return NGX_EXPOSURE_CLOSE_RESTART;

    default:
        return NGX_EXPOSURE_CLOSE_INTERNAL;
    }
}


/* What the session waited for is there, or never will be. */

static void
ngx_exposure_execute_opened(ngx_exposure_execute_t *x, expo_status_t st,
    ngx_exposure_scan_open_t *open)
{
    ngx_uint_t             wanted, changed;
    const char            *reason, *detail;
    expo_queue_t          *queue;
    ngx_exposure_zone_t   *zone;
    const expo_session_t  *session;

    zone = ngx_exposure_zone();
    queue = ngx_exposure_zone_queue(zone);
    detail = NULL;

    ngx_exposure_zone_lock(zone);

    session = expo_queue_session(queue, &x->session);
    wanted = session && session->state != EXPO_SESSION_ENDING;
    changed = expo_queue_changes(queue, &x->scan) != x->changes;

    if (wanted && !changed && open) {
        expo_queue_admit(queue, &x->session, open->access_s);
    }

    ngx_exposure_zone_unlock(zone);

    if (!wanted) {
        return;
    }

    if (changed) {
        x->opening = 1;
        ngx_exposure_execute_open(x);
        return;
    }

    if (st == EXPO_NOT_FOUND && x->access_s
        && (uint64_t) ngx_time() >= x->access_s)
    {
        reason = ngx_exposure_session_why(EXPO_END_EXPIRED);
        x->why = EXPO_END_EXPIRED;

    } else if (st != EXPO_OK) {
        reason = st == EXPO_NOT_FOUND ? "deleted" : "failed";

        if (st == EXPO_CORRUPT) {
            detail = ngx_exposure_execute_damaged;
            ngx_exposure_session_damaged(&x->scan);
        }

    } else if (ngx_exposure_tell_open(x->worker, &x->session, &x->scan, open)
               != NGX_OK)
    {
        reason = "worker_lost";

    } else {
        return;
    }

    if (ngx_exposure_execute_has(x)) {
        ngx_exposure_execute_end(x, reason, detail);

    } else {
        ngx_exposure_execute_forget(x);
    }
}


/* Its session goes; who has taken it over finds it gone. */

static void
ngx_exposure_execute_forget(ngx_exposure_execute_t *x)
{
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    expo_queue_release(ngx_exposure_zone_queue(zone), &x->session,
                       ngx_current_msec);
    ngx_exposure_zone_unlock(zone);
}


/* Into the queue; or back into the session that there is. */

static void
ngx_exposure_execute_enter(ngx_exposure_execute_t *x)
{
    expo_status_t         st;
    expo_session_t        session;
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);

    if (expo_queue_changes(ngx_exposure_zone_queue(zone), &x->scan)
        != x->changes)
    {
        /* what was found may be so no more */

        ngx_exposure_zone_unlock(zone);
        ngx_exposure_execute_open(x);
        return;
    }

    st = expo_queue_join(ngx_exposure_zone_queue(zone),
                         ngx_exposure_zone_owner(), x->user.b, &x->scan,
                         ngx_current_msec, &x->number, &session);

    if (st == EXPO_CONFLICT) {
        expo_queue_vouch(ngx_exposure_zone_queue(zone), &session.id,
                         x->who.token_ms);
    }

    ngx_exposure_zone_unlock(zone);

    switch (st) {

    case EXPO_OK:
        x->state = NGX_EXPOSURE_WAITING;
        ngx_exposure_place_wait(x);
        break;

    case EXPO_CONFLICT:
        x->session = session.id;
        x->worker = session.worker;

        if (session.state == EXPO_SESSION_LIVE) {
            ngx_exposure_tell_adopted(&session);
            ngx_exposure_place_live(x, &session);
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


ngx_uint_t
ngx_exposure_execute_has(ngx_exposure_execute_t *x)
{
    return x->socket && x->number && x->state >= NGX_EXPOSURE_OPENING
           && x->state < NGX_EXPOSURE_OVER;
}


void
ngx_exposure_execute_revoke(ngx_exposure_execute_t *x, expo_end_t why)
{
    x->why = why;
    ngx_exposure_execute_end(x, ngx_exposure_session_why(why), NULL);
}


/* Tells the client, and sees to it that nothing of the session is left. */

void
ngx_exposure_execute_end(ngx_exposure_execute_t *x, const char *reason,
    const char *detail)
{
    char                   text[EXPO_ID_TEXT + 1];
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

    if (left && ngx_exposure_execute_has(x)) {
        (void) ngx_exposure_control_tell(x->worker, "close", &x->session);
    }

    x->number = 0;
    x->state = NGX_EXPOSURE_OVER;

    ngx_exposure_tell_ended(x, reason, detail);

    if (x->why && x->why != EXPO_END_DELETED) {
        ngx_exposure_socket_close_as(x->socket, NGX_EXPOSURE_CLOSE_REVOKED,
                                     reason);
    } else {
        ngx_exposure_socket_close(x->socket, NGX_EXPOSURE_CLOSE_OK);
    }
}


void
ngx_exposure_execute_release(ngx_exposure_execute_t *x)
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
