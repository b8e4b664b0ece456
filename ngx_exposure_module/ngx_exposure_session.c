/*
 * The table of sessions in shared memory, as this nginx worker looks after it:
 * a timer and the render-worker's messages change it, and make every client
 * here look.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_session.h"


#define NGX_EXPOSURE_SESSION_TICK_MS   200
#define NGX_EXPOSURE_SESSION_SWEEP     5     /* ticks */
#define NGX_EXPOSURE_SESSION_MAY       25


static void ngx_exposure_session_end(expo_id_t *scan, u_char *user,
    expo_end_t why);
static void ngx_exposure_session_tick(ngx_event_t *ev);
static void ngx_exposure_session_sweep(ngx_uint_t processes);
static void ngx_exposure_session_over(expo_id_t *id, const char *reason,
    const char *detail);


ngx_queue_t  ngx_exposure_executes;

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


void
ngx_exposure_session_event(ngx_uint_t worker, json_t *message, int *fds,
    ngx_uint_t nfds)
{
    expo_id_t              id, scan;
    ngx_uint_t             known;
    const char            *type, *text, *code, *detail;
    ngx_exposure_zone_t   *zone;
    const expo_session_t  *session;

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
        code = json_string_value(json_object_get(message, "code"));

        if (code && ngx_strcmp(code, "damaged") == 0) {
            zone = ngx_exposure_zone();

            ngx_exposure_zone_lock(zone);

            session = expo_queue_session(ngx_exposure_zone_queue(zone), &id);
            known = session != NULL;

            if (known) {
                scan = session->scan;
            }

            ngx_exposure_zone_unlock(zone);

            if (known) {
                ngx_exposure_session_damaged(&scan);
            }
        }

        ngx_exposure_session_over(&id, "failed", detail);
    }

    ngx_exposure_room_event(worker, type, &id, message, fds, nfds);
}


void
ngx_exposure_session_damaged(expo_id_t *scan)
{
    char  text[EXPO_ID_TEXT + 1];

    expo_id_print(text, scan);
    ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                  "scan %s: what is stored of it is damaged", text);
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

        if (x->worker == worker && ngx_exposure_execute_has(x)) {
            ngx_exposure_execute_end(x, "worker_lost", NULL);
        }
    }

    ngx_exposure_room_lost(worker);
}


void
ngx_exposure_session_delete(expo_id_t *scan)
{
    ngx_exposure_session_end(scan, NULL, EXPO_END_DELETED);
}


void
ngx_exposure_session_revoke(expo_id_t *scan, expo_id_t *user, expo_end_t why)
{
    ngx_exposure_session_end(scan, user->b, why);
}


void
ngx_exposure_session_permit(expo_id_t *scan, expo_id_t *user,
    uint64_t access_s)
{
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    expo_queue_permit(ngx_exposure_zone_queue(zone), scan, user->b, access_s);
    ngx_exposure_zone_unlock(zone);
}


static void
ngx_exposure_session_end(expo_id_t *scan, u_char *user, expo_end_t why)
{
    expo_session_t        session;
    ngx_uint_t            more;
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();

    do {
        ngx_exposure_zone_lock(zone);
        more = expo_queue_end(ngx_exposure_zone_queue(zone), scan, user, why,
                              ngx_current_msec, &session);
        ngx_exposure_zone_unlock(zone);

        if (more) {
            (void) ngx_exposure_control_tell(session.worker, "close",
                                             &session.id);
        }
    } while (more);

    ngx_exposure_session_poll();
    ngx_exposure_room_look();
}


const char *
ngx_exposure_session_why(expo_end_t why)
{
    static const char *const  names[] = {
        [EXPO_END_DELETED] = "deleted",
        [EXPO_END_REVOKED] = "revoked",
        [EXPO_END_EXPIRED] = "expired",
        [EXPO_END_CHANGED] = "changed"
    };

    return names[why];
}


/* --- time --- */

static void
ngx_exposure_session_tick(ngx_event_t *ev)
{
    static ngx_uint_t  turn;

    turn++;

    ngx_exposure_session_sweep(turn % NGX_EXPOSURE_SESSION_SWEEP == 0);

    if (turn % NGX_EXPOSURE_SESSION_MAY == 0) {
        ngx_exposure_session_ask();
    }

    ngx_exposure_session_poll();
    ngx_exposure_room_look();

    ngx_add_timer(ev, NGX_EXPOSURE_SESSION_TICK_MS);
}


/* Whose time or permission is up; and, rarely, whose process is dead. */

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

        more = expo_queue_expire(queue, ngx_current_msec, &session)
               || expo_queue_lapse(queue, (uint64_t) ngx_time(),
                                   ngx_current_msec, &session);

        ngx_exposure_zone_unlock(zone);

        if (more) {
            (void) ngx_exposure_control_tell(session.worker, "close",
                                             &session.id);
        }
    } while (more);
}


void
ngx_exposure_session_poll(void)
{
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(&ngx_exposure_executes);
         q != ngx_queue_sentinel(&ngx_exposure_executes);
         q = next)
    {
        next = ngx_queue_next(q);
        ngx_exposure_place_look(ngx_queue_data(q, ngx_exposure_execute_t,
                                               link));
    }
}


/* What a render-worker says is over. */

static void
ngx_exposure_session_over(expo_id_t *id, const char *reason,
    const char *detail)
{
    expo_end_t               why;
    ngx_uint_t               i;
    ngx_queue_t             *q, *next;
    ngx_exposure_zone_t     *zone;
    const expo_session_t    *session;
    ngx_exposure_execute_t  *x;

    static const char *const  known[] = { "closed", "idle", "failed" };

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);

    session = expo_queue_session(ngx_exposure_zone_queue(zone), id);
    why = session && session->state == EXPO_SESSION_ENDING ? session->why : 0;
    expo_queue_release(ngx_exposure_zone_queue(zone), id, ngx_current_msec);

    ngx_exposure_zone_unlock(zone);

    for (i = 0; i < 3 && ngx_strcmp(known[i], reason) != 0; i++) { /* void */ }

    if (why) {
        reason = ngx_exposure_session_why(why);

    } else if (i == 3) {
        reason = "worker_lost";
    }

    for (q = ngx_queue_head(&ngx_exposure_executes);
         q != ngx_queue_sentinel(&ngx_exposure_executes);
         q = next)
    {
        next = ngx_queue_next(q);
        x = ngx_queue_data(q, ngx_exposure_execute_t, link);

        if (ngx_exposure_execute_has(x)
            && ngx_memcmp(&x->session, id, sizeof(expo_id_t)) == 0)
        {
            x->why = why;
            ngx_exposure_execute_end(x, reason, detail);
        }
    }
}
