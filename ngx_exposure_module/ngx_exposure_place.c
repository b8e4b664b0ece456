/*
 * Where a client stands, as the table in shared memory says: in the queue, in
 * a session, or neither any more, and why.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_session.h"

#include <openssl/rand.h>


#define NGX_EXPOSURE_PLACE_MISSED_MS  1000


static ngx_uint_t ngx_exposure_place_is_expired(ngx_exposure_execute_t *x);
static void ngx_exposure_place_missing(ngx_exposure_execute_t *x);


void
ngx_exposure_place_look(ngx_exposure_execute_t *x)
{
    expo_session_t         session;
    ngx_exposure_zone_t   *zone;
    const expo_session_t  *found;

    if (x->socket == NULL || x->number == 0) {
        return;
    }

    if (x->state == NGX_EXPOSURE_WAITING) {

        if (!ngx_exposure_place_is_expired(x)) {
            ngx_exposure_place_wait(x);
        }

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

    /* a connect viewer may have shown a newer one */

    x->who.token_ms = ngx_max(x->who.token_ms, session.token_ms);

    if (session.state != EXPO_SESSION_NONE
        && ngx_exposure_place_is_expired(x))
    {
        return;
    }

    switch (session.state) {

    case EXPO_SESSION_NONE:
        ngx_exposure_place_missing(x);
        break;

    case EXPO_SESSION_ENDING:
        ngx_exposure_execute_revoke(x, session.why);
        break;

    case EXPO_SESSION_LIVE:
        if (x->state == NGX_EXPOSURE_TAKING) {
            ngx_exposure_tell_adopted(&session);
        }

        if (x->state != NGX_EXPOSURE_LIVE) {
            ngx_exposure_place_live(x, &session);
        }
        break;

    default:
        break;
    }
}


/* Then it is told, and has given back what it had. */

static ngx_uint_t
ngx_exposure_place_is_expired(ngx_exposure_execute_t *x)
{
    if (ngx_current_msec < x->who.token_ms) {
        return 0;
    }

    ngx_exposure_execute_release(x);
    x->state = NGX_EXPOSURE_OVER;
    ngx_exposure_socket_close(x->socket, NGX_EXPOSURE_CLOSE_UNKNOWN);

    return 1;
}


/* Tries for a slot; says where it stands if that changed. */

void
ngx_exposure_place_wait(ngx_exposure_execute_t *x)
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

    if (st == EXPO_OK) {
        expo_queue_vouch(queue, &session.id, x->who.token_ms);
        expo_queue_admit(queue, &session.id, x->access_s);

    } else {
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
        x->opening = 1;
        x->session = session.id;
        x->worker = session.worker;

        expo_id_print(text, &session.id);
        ngx_log_error(NGX_LOG_INFO, x->socket->connection->log, 0,
                      "session %*s: worker %ui, opening", (size_t) 4, text,
                      x->worker);

        /* in the middle of the first opening: its caller goes on */

        if (x->position) {
            ngx_exposure_execute_open(x);
        }
        break;

    case EXPO_AGAIN:
        ngx_exposure_tell_queued(x, position, ahead, estimate_s);
        break;

    default:
        ngx_exposure_place_missing(x);
    }
}


void
ngx_exposure_place_live(ngx_exposure_execute_t *x, expo_session_t *session)
{
    x->state = NGX_EXPOSURE_LIVE;
    x->role = session->role;

    if (ngx_exposure_tell_assigned(x) != NGX_OK) {
        ngx_exposure_execute_end(x, "failed", NULL);
    }
}


/* Its number is not in the table any more. */

static void
ngx_exposure_place_missing(ngx_exposure_execute_t *x)
{
    expo_end_t             why;
    ngx_uint_t             replaced;
    ngx_exposure_zone_t   *zone;
    const expo_session_t  *session;

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);

    session = expo_queue_session_of(ngx_exposure_zone_queue(zone), x->number);
    why = session && session->state == EXPO_SESSION_ENDING ? session->why : 0;
    replaced = expo_queue_is_replaced(ngx_exposure_zone_queue(zone), x->user.b,
                                      &x->scan);
    ngx_exposure_zone_unlock(zone);

    if (why) {
        ngx_exposure_execute_revoke(x, why);
        return;
    }

    if (replaced) {
        x->number = 0;
        x->state = NGX_EXPOSURE_OVER;
        ngx_exposure_socket_close(x->socket, NGX_EXPOSURE_CLOSE_REPLACED);
        return;
    }

    if (!ngx_exposure_execute_has(x)) {
        ngx_exposure_execute_end(x, "deleted", NULL);
        return;
    }

    /*
     * Another nginx worker was first to hear why and released the session; the
     * same message is on its way to this one.
     */

    if (x->missed == 0) {
        x->missed = ngx_max(ngx_current_msec, 1);

    } else if (ngx_current_msec - x->missed >= NGX_EXPOSURE_PLACE_MISSED_MS) {
        ngx_exposure_execute_end(x, "worker_lost", NULL);
    }
}
