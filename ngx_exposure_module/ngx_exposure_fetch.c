/*
 * A request to this nginx itself: what a location says, proxied or not, with all
 * that nginx does for it (TLS, resolver, cache, limits). nginx gets one end of a
 * socket pair as if a client had connected; the other end is read here, with no
 * more rights than any client but that internal locations answer.
 */

#include "ngx_exposure_oidc.h"


#define NGX_EXPOSURE_FETCH_HEADER  8192

#define NGX_EXPOSURE_FETCH_OK      "HTTP/1.1 200 "


typedef struct {
    ngx_connection_t       *connection;
    ngx_exposure_fetch_pt   done;
    void                   *data;
    size_t                  max;           /* of the body */
    size_t                  len;
    size_t                  size;
    u_char                 *buf;
} ngx_exposure_fetch_t;


static ngx_int_t ngx_exposure_fetch_connect(ngx_exposure_fetch_t *f, int fd,
    ngx_str_t *uri);
static ngx_int_t ngx_exposure_fetch_accept(int fd);
static void ngx_exposure_fetch_read(ngx_event_t *rev);
static void ngx_exposure_fetch_over(ngx_exposure_fetch_t *f, const char *why);
static u_char *ngx_exposure_fetch_body(ngx_exposure_fetch_t *f,
    const char **why);
static void ngx_exposure_fetch_free(ngx_exposure_fetch_t *f);
static void ngx_exposure_fetch_write(ngx_event_t *wev);
static ngx_int_t ngx_exposure_fetch_internal(ngx_http_request_t *r);


/* What nginx believes to listen on, in this process only. */
static ngx_listening_t      ngx_exposure_fetch_listening;
static ngx_http_port_t      ngx_exposure_fetch_port;
static ngx_http_in_addr_t   ngx_exposure_fetch_addr;
static struct sockaddr      ngx_exposure_fetch_sockaddr;


ngx_int_t
ngx_exposure_fetch(ngx_str_t *uri, size_t max, ngx_exposure_fetch_pt done,
    void *data)
{
    int                    fds[2];
    ngx_exposure_fetch_t  *f;

    f = ngx_calloc(sizeof(ngx_exposure_fetch_t), ngx_cycle->log);
    if (f == NULL) {
        return NGX_ERROR;
    }

    f->max = max;
    f->size = max + NGX_EXPOSURE_FETCH_HEADER;
    f->buf = ngx_alloc(f->size, ngx_cycle->log);

    if (f->buf == NULL
        || socketpair(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0, fds)
           == -1)
    {
        ngx_exposure_fetch_free(f);
        return NGX_ERROR;
    }

    if (ngx_exposure_fetch_connect(f, fds[0], uri) != NGX_OK) {
        (void) close(fds[1]);
        ngx_exposure_fetch_free(f);
        return NGX_ERROR;
    }

    if (ngx_exposure_fetch_accept(fds[1]) != NGX_OK) {
        ngx_exposure_fetch_free(f);
        return NGX_ERROR;
    }

    f->done = done;
    f->data = data;

    return NGX_OK;
}


/* Our end: sends the request, which fits, and waits. Takes fd over. */

static ngx_int_t
ngx_exposure_fetch_connect(ngx_exposure_fetch_t *f, int fd, ngx_str_t *uri)
{
    size_t             len;
    u_char             head[NGX_EXPOSURE_FETCH_HEADER];
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, ngx_cycle->log);
    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    f->connection = c;

    c->data = f;
    c->log = ngx_cycle->log;
    c->recv = ngx_recv;
    c->read->log = c->log;
    c->read->handler = ngx_exposure_fetch_read;
    c->write->log = c->log;
    c->write->handler = ngx_exposure_fetch_write;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    /* in HTTP/1.0 an answer has no chunks, and ends with the connection */

    len = ngx_snprintf(head, sizeof(head), "GET %V HTTP/1.0" CRLF
                       "Host: localhost" CRLF CRLF, uri)
          - head;

    if (send(fd, head, len, MSG_NOSIGNAL) != (ssize_t) len
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_add_timer(c->read, EXPO_REFRESH_FETCH_MS);

    return NGX_OK;
}


/* nginx's end, as ngx_event_accept() would have made it. Takes fd over. */

static ngx_int_t
ngx_exposure_fetch_accept(int fd)
{
    ngx_log_t                 *log;
    ngx_pool_t                *pool;
    ngx_connection_t          *c;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_exposure_main_conf();

    ngx_exposure_fetch_sockaddr.sa_family = AF_UNIX;

    ngx_exposure_fetch_addr.conf.default_server = mcf->server;

    ngx_exposure_fetch_port.addrs = &ngx_exposure_fetch_addr;
    ngx_exposure_fetch_port.naddrs = 1;

    ngx_exposure_fetch_listening.servers = &ngx_exposure_fetch_port;
    ngx_exposure_fetch_listening.sockaddr = &ngx_exposure_fetch_sockaddr;
    ngx_exposure_fetch_listening.socklen = sizeof(sa_family_t);
    ngx_exposure_fetch_listening.type = SOCK_STREAM;
    ngx_str_set(&ngx_exposure_fetch_listening.addr_text, "unix:");

    c = ngx_get_connection(fd, ngx_cycle->log);
    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    pool = ngx_create_pool(512, ngx_cycle->log);
    log = pool ? ngx_palloc(pool, sizeof(ngx_log_t)) : NULL;

    if (log == NULL) {
        ngx_close_connection(c);

        if (pool) {
            ngx_destroy_pool(pool);
        }

        return NGX_ERROR;
    }

    *log = *ngx_cycle->log;
    log->data = NULL;
    log->handler = NULL;
    pool->log = log;

    c->type = SOCK_STREAM;
    c->pool = pool;
    c->log = log;
    c->recv = ngx_recv;
    c->send = ngx_send;
    c->recv_chain = ngx_recv_chain;
    c->send_chain = ngx_send_chain;
    c->listening = &ngx_exposure_fetch_listening;
    c->sockaddr = &ngx_exposure_fetch_sockaddr;
    c->socklen = sizeof(sa_family_t);
    c->local_sockaddr = &ngx_exposure_fetch_sockaddr;
    c->local_socklen = sizeof(sa_family_t);
    c->addr_text = ngx_exposure_fetch_listening.addr_text;
    c->tcp_nopush = NGX_TCP_NOPUSH_DISABLED;
    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->start_time = ngx_current_msec;

    c->read->log = log;
    c->write->log = log;
    c->write->ready = 1;

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_accepted, 1);
    (void) ngx_atomic_fetch_add(ngx_stat_handled, 1);
    (void) ngx_atomic_fetch_add(ngx_stat_active, 1);
#endif

    ngx_http_init_connection(c);

    return NGX_OK;
}


static void
ngx_exposure_fetch_read(ngx_event_t *rev)
{
    ssize_t                n;
    ngx_connection_t      *c;
    ngx_exposure_fetch_t  *f;

    c = rev->data;
    f = c->data;

    if (rev->timedout) {
        ngx_exposure_fetch_over(f, "no answer in time");
        return;
    }

    while (f->len < f->size) {
        n = c->recv(c, f->buf + f->len, f->size - f->len);

        if (n == NGX_AGAIN) {
            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_exposure_fetch_over(f, "the connection broke");
            }

            return;
        }

        if (n == NGX_ERROR) {
            ngx_exposure_fetch_over(f, "the connection broke");
            return;
        }

        if (n == 0) {
            ngx_exposure_fetch_over(f, NULL);
            return;
        }

        f->len += n;
    }

    ngx_exposure_fetch_over(f, "the answer is too long");
}


/* why NULL: everything has been read. */

static void
ngx_exposure_fetch_over(ngx_exposure_fetch_t *f, const char *why)
{
    u_char                 *body;
    ngx_exposure_fetch_pt   done;

    body = why ? NULL : ngx_exposure_fetch_body(f, &why);
    done = f->done;
    f->done = NULL;

    done(f->data, body, body ? f->buf + f->len - body : 0, why);

    ngx_exposure_fetch_free(f);
}


static u_char *
ngx_exposure_fetch_body(ngx_exposure_fetch_t *f, const char **why)
{
    u_char  *body;

    if (f->len < sizeof(NGX_EXPOSURE_FETCH_OK) - 1
        || ngx_memcmp(f->buf, NGX_EXPOSURE_FETCH_OK,
                      sizeof(NGX_EXPOSURE_FETCH_OK) - 1)
           != 0)
    {
        *why = "the answer is not 200";
        return NULL;
    }

    body = memmem(f->buf, f->len, CRLF CRLF, 4);

    if (body == NULL || (size_t) (f->buf + f->len - body) > f->max + 4) {
        *why = "the answer is too long";
        return NULL;
    }

    return body + 4;
}


static void
ngx_exposure_fetch_free(ngx_exposure_fetch_t *f)
{
    if (f->connection) {
        ngx_close_connection(f->connection);
    }

    if (f->buf) {
        ngx_free(f->buf);
    }

    ngx_free(f);
}


static void
ngx_exposure_fetch_write(ngx_event_t *wev)
{
}


ngx_int_t
ngx_exposure_fetch_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_exposure_fetch_internal;

    return NGX_OK;
}


static ngx_int_t
ngx_exposure_fetch_internal(ngx_http_request_t *r)
{
    if (r->connection->listening == &ngx_exposure_fetch_listening) {
        r->internal = 1;
    }

    return NGX_DECLINED;
}
