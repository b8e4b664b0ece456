/*
 * One connection from this nginx worker to each render-worker: connecting,
 * hello, heartbeat, and handing on what arrives. A render-worker that is
 * silent for three seconds or does not read what we send is lost; then
 * everybody here is told, and we connect again.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_socket.h"

#include <sys/socket.h>


#define NGX_EXPOSURE_CONTROL_SILENT_MS  3000
#define NGX_EXPOSURE_CONTROL_RETRY_MS   250
#define NGX_EXPOSURE_CONTROL_RETRY_MAX  1000
#define NGX_EXPOSURE_CONTROL_TICK_MS    500


typedef struct {
    ngx_uint_t               number;
    ngx_addr_t              *addr;
    ngx_connection_t        *connection;   /* NULL: not connected */
    ngx_event_t              timer;        /* connects, or watches */
    ngx_event_t              lost;         /* posted */
    ngx_msec_t               seen;
    ngx_msec_t               delay;        /* until the next attempt */
    unsigned                 ready:1;      /* hello came */
} ngx_exposure_control_t;


static void ngx_exposure_control_timer(ngx_event_t *ev);
static ngx_int_t ngx_exposure_control_connect(ngx_exposure_control_t *ctl);
static ngx_int_t ngx_exposure_control_write(ngx_exposure_control_t *ctl,
    json_t *message, u_char *secret, size_t secret_len, int *fds,
    ngx_uint_t nfds);
static void ngx_exposure_control_readable(ngx_event_t *rev);
static void ngx_exposure_control_ignore(ngx_event_t *wev);
static void ngx_exposure_control_message(ngx_exposure_control_t *ctl,
    json_t *message, int *fds, ngx_uint_t nfds);
static void ngx_exposure_control_status(ngx_exposure_control_t *ctl,
    json_t *message);
static void ngx_exposure_control_drop(ngx_exposure_control_t *ctl,
    const char *why);
static void ngx_exposure_control_lost(ngx_event_t *ev);


static ngx_exposure_control_t  *ngx_exposure_controls;
static ngx_uint_t               ngx_exposure_ncontrols;
static u_char                   ngx_exposure_control_buf[EXPO_CONTROL_BYTES];


ngx_int_t
ngx_exposure_control_start(ngx_cycle_t *cycle)
{
    ngx_uint_t                 i;
    ngx_addr_t                *addrs;
    ngx_exposure_control_t    *ctl;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_exposure_main_conf();
    addrs = mcf->workers->elts;

    ngx_exposure_ncontrols = ngx_min(mcf->workers->nelts, EXPO_QUEUE_WORKERS);
    ngx_exposure_controls = ngx_pcalloc(cycle->pool, ngx_exposure_ncontrols
                                          * sizeof(ngx_exposure_control_t));
    if (ngx_exposure_controls == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < ngx_exposure_ncontrols; i++) {
        ctl = &ngx_exposure_controls[i];

        ctl->number = i;
        ctl->addr = &addrs[i];
        ctl->delay = NGX_EXPOSURE_CONTROL_RETRY_MS;

        ctl->timer.handler = ngx_exposure_control_timer;
        ctl->timer.data = ctl;
        ctl->timer.log = cycle->log;
        ctl->timer.cancelable = 1;

        ctl->lost.handler = ngx_exposure_control_lost;
        ctl->lost.data = ctl;
        ctl->lost.log = cycle->log;

        ngx_add_timer(&ctl->timer, 1);
    }

    ngx_exposure_session_start(cycle);

    return NGX_OK;
}


ngx_int_t
ngx_exposure_control_send(ngx_uint_t worker, json_t *message, u_char *secret,
    size_t secret_len, int *fds, ngx_uint_t nfds)
{
    if (worker >= ngx_exposure_ncontrols
        || !ngx_exposure_controls[worker].ready)
    {
        return NGX_DECLINED;
    }

    return ngx_exposure_control_write(&ngx_exposure_controls[worker], message,
                                      secret, secret_len, fds, nfds);
}


ngx_int_t
ngx_exposure_control_tell(ngx_uint_t worker, const char *type,
    const expo_id_t *session)
{
    char       id[EXPO_ID_TEXT + 1];
    json_t    *message;
    ngx_int_t  rc;

    expo_id_print(id, session);

    message = json_pack("{s:s, s:s}", "type", type, "session", id);
    if (message == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_exposure_control_send(worker, message, NULL, 0, NULL, 0);
    json_decref(message);

    return rc;
}


ngx_int_t
ngx_exposure_control_any(void)
{
    static ngx_uint_t  turn;

    ngx_uint_t  i, n;

    for (i = 0; i < ngx_exposure_ncontrols; i++) {
        n = (turn + i) % ngx_exposure_ncontrols;

        if (ngx_exposure_controls[n].ready) {
            turn = n + 1;
            return (ngx_int_t) n;
        }
    }

    return NGX_ERROR;
}


ngx_uint_t
ngx_exposure_control_ready(void)
{
    return ngx_exposure_control_reachable() != 0;
}


uint32_t
ngx_exposure_control_reachable(void)
{
    uint32_t    mask;
    ngx_uint_t  i;

    mask = 0;

    for (i = 0; i < ngx_exposure_ncontrols; i++) {
        mask |= (uint32_t) ngx_exposure_controls[i].ready << i;
    }

    return mask;
}


static void
ngx_exposure_control_timer(ngx_event_t *ev)
{
    ngx_exposure_control_t *ctl = ev->data;

    if (ctl->connection) {

        if (ngx_current_msec - ctl->seen > NGX_EXPOSURE_CONTROL_SILENT_MS) {
            ngx_exposure_control_drop(ctl, "silent");
            return;
        }

        ngx_add_timer(ev, NGX_EXPOSURE_CONTROL_TICK_MS);
        return;
    }

    if (ngx_exiting) {
        return;
    }

    if (ngx_exposure_control_connect(ctl) == NGX_OK) {
        ngx_add_timer(ev, NGX_EXPOSURE_CONTROL_TICK_MS);
        return;
    }

    ngx_add_timer(ev, ctl->delay);
    ctl->delay = ngx_min(ctl->delay * 2, NGX_EXPOSURE_CONTROL_RETRY_MAX);
}


static ngx_int_t
ngx_exposure_control_connect(ngx_exposure_control_t *ctl)
{
    int                fd;
    json_t            *hello;
    ngx_int_t          rc;
    ngx_connection_t  *c;

    fd = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
    if (fd == -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_socket_errno,
                      "control: socket() failed");
        return NGX_ERROR;
    }

    if (connect(fd, ctl->addr->sockaddr, ctl->addr->socklen) == -1) {

        if (ctl->delay == NGX_EXPOSURE_CONTROL_RETRY_MS) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, ngx_socket_errno,
                          "control: render-worker %ui is not there",
                          ctl->number);
        }

        (void) close(fd);
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, ngx_cycle->log);
    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    c->data = ctl;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_exposure_control_readable;
    c->write->handler = ngx_exposure_control_ignore;

    /* a connection that nginx need not wait for, nor warn of, on its way out */
    c->read->channel = 1;

    if (ngx_add_event(c->read, NGX_READ_EVENT, 0) != NGX_OK) {
        ngx_close_connection(c);
        return NGX_ERROR;
    }

    ctl->connection = c;
    ctl->seen = ngx_current_msec;

    rc = NGX_ERROR;
    hello = json_pack("{s:s, s:i, s:i}", "type", "hello", "version", 1,
                      "pid", (int) ngx_pid);
    if (hello) {
        rc = ngx_exposure_control_write(ctl, hello, NULL, 0, NULL, 0);
        json_decref(hello);
    }

    if (rc != NGX_OK) {
        ctl->connection = NULL;
        ngx_close_connection(c);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_exposure_control_write(ngx_exposure_control_t *ctl, json_t *message,
    u_char *secret, size_t secret_len, int *fds, ngx_uint_t nfds)
{
    size_t         len;
    expo_status_t  st;

    st = expo_control_write(ngx_exposure_control_buf,
                            sizeof(ngx_exposure_control_buf), &len, message,
                            secret, secret_len);
    if (st != EXPO_OK) {
        return NGX_DECLINED;
    }

    st = expo_control_send(ctl->connection->fd, ngx_exposure_control_buf, len,
                           fds, nfds);

    if (secret_len) {
        ngx_explicit_memzero(ngx_exposure_control_buf, len);
    }

    if (st == EXPO_OK) {
        return NGX_OK;
    }

    /* not now: whoever sends is in the middle of something */

    ngx_post_event(&ctl->lost, &ngx_posted_events);

    return NGX_DECLINED;
}


static void
ngx_exposure_control_readable(ngx_event_t *rev)
{
    int                      fds[EXPO_CONTROL_FDS];
    size_t                   len, nfds;
    expo_status_t            st;
    expo_control_t           m;
    ngx_connection_t        *c;
    ngx_exposure_control_t  *ctl;

    c = rev->data;
    ctl = c->data;

    while (ctl->connection == c) {

        st = expo_control_recv(c->fd, ngx_exposure_control_buf,
                               sizeof(ngx_exposure_control_buf), &len, fds,
                               &nfds);
        if (st == EXPO_AGAIN) {
            return;
        }

        if (st != EXPO_OK || len == 0) {
            ngx_exposure_control_drop(ctl, st == EXPO_OK ? "closed"
                                                   : expo_status_name(st));
            return;
        }

        if (expo_control_read(&m, ngx_exposure_control_buf, len) == EXPO_OK) {
            ngx_exposure_control_message(ctl, m.json, fds, nfds);
            expo_control_release(&m);
        }

        while (nfds) {
            (void) close(fds[--nfds]);
        }
    }
}


static void
ngx_exposure_control_ignore(ngx_event_t *wev)
{
    /* never registered: a message is sent at once or the worker is lost */
}


static void
ngx_exposure_control_message(ngx_exposure_control_t *ctl, json_t *message,
    int *fds, ngx_uint_t nfds)
{
    char                       def[64], error[256];
    const char                *type;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_exposure_main_conf();
    type = json_string_value(json_object_get(message, "type"));

    (void) snprintf(def, sizeof(def), "control_%s", type);

    if (expo_schema_check(mcf->messages_schema, def, message, error,
                          sizeof(error))
        != EXPO_OK)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "control: render-worker %ui: %s", ctl->number, error);
        return;
    }

    ctl->seen = ngx_current_msec;

    if (ngx_strcmp(type, "hello") == 0) {
        ctl->ready = 1;
        ctl->delay = NGX_EXPOSURE_CONTROL_RETRY_MS;
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "control: render-worker %ui connected", ctl->number);
        return;
    }

    if (!ctl->ready) {
        return;
    }

    if (ngx_strcmp(type, "status") == 0) {
        ngx_exposure_control_status(ctl, message);
    }

    if (json_object_get(message, "scan")) {
        ngx_exposure_import_event(ctl->number, message);
        ngx_exposure_stow_event(ctl->number, message);

    } else {
        ngx_exposure_session_event(ctl->number, message, fds, nfds);
    }
}


static void
ngx_exposure_control_status(ngx_exposure_control_t *ctl, json_t *message)
{
    size_t                i;
    json_t               *list, *one;
    uint32_t              count;
    expo_id_t             ids[EXPO_QUEUE_SLOTS];
    ngx_exposure_zone_t  *zone;

    list = json_object_get(message, "sessions");
    count = 0;

    json_array_foreach(list, i, one) {
        if (count < EXPO_QUEUE_SLOTS
            && expo_id_parse(&ids[count], json_string_value(one),
                             json_string_length(one)) == EXPO_OK)
        {
            count++;
        }
    }

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    expo_queue_worker(ngx_exposure_zone_queue(zone), (uint32_t) ctl->number,
                      (uint32_t) json_integer_value(
                                         json_object_get(message, "slots")),
                      ids, count, ngx_current_msec);
    ngx_exposure_zone_unlock(zone);
}


static void
ngx_exposure_control_drop(ngx_exposure_control_t *ctl, const char *why)
{
    ngx_uint_t  ready;

    if (ctl->connection == NULL) {
        return;
    }

    ready = ctl->ready;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "control: render-worker %ui is lost: %s", ctl->number, why);

    ngx_close_connection(ctl->connection);
    ctl->connection = NULL;
    ctl->ready = 0;

    if (ctl->lost.posted) {
        ngx_delete_posted_event(&ctl->lost);
    }

    ngx_add_timer(&ctl->timer, ctl->delay);

    if (ready) {
        ngx_exposure_import_lost(ctl->number);
        ngx_exposure_stow_lost(ctl->number);
        ngx_exposure_session_lost(ctl->number);
    }
}


static void
ngx_exposure_control_lost(ngx_event_t *ev)
{
    ngx_exposure_control_drop(ev->data, "it does not read");
}
