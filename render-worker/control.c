#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <fcntl.h>
#include <unistd.h>

#include "render-worker/control.h"
#include "render-worker/log.h"

#define CONTROL_BACKLOG 16

typedef struct control_peer_s control_peer_t;
typedef struct control_out_s control_out_t;

struct control_out_s {
    control_out_t *next;
    char doorbell[32]; /* the session whose newest frame this tells; else "" */
    int fd;            /* owned; -1: none */
    size_t len;
    uint8_t bytes[];
};

struct control_peer_s {
    loop_source_t source;
    control_t *control;
    control_peer_t *next;
    uint64_t number;
    bool greeted;
    bool broken; /* shut down; its end is yet to be read */
    control_out_t *first;
    size_t queued, queued_bytes;
};

struct control_s {
    loop_t *loop;
    loop_source_t listener;
    control_events_t events;
    char path[sizeof(((struct sockaddr_un *) 0)->sun_path)];
    control_peer_t *peers;
    size_t count;
    uint64_t last_number;
    uint8_t in[EXPO_CONTROL_BYTES];
    uint8_t out[EXPO_CONTROL_BYTES];
};

static int control_listen(const char *path);
static bool control_is_alive(const struct sockaddr_un *address);
static void control_accept(void *owner, uint32_t events);
static bool control_is_ours(int fd);
static void control_ready(void *owner, uint32_t events);
static bool control_receive(control_peer_t *p);
static void control_close_fds(const int *fds, size_t n);
static void control_drop(control_peer_t *p);
static void control_out(control_peer_t *p, const uint8_t *bytes, size_t len,
                        int fd, const char *doorbell);
static void control_unring(control_peer_t *p, const char *doorbell);
static void control_flush(control_peer_t *p);
static void control_unqueue(control_peer_t *p, control_out_t **at);
static void control_break(control_peer_t *p, const char *why);
static size_t control_print(control_t *c, json_t *message, char doorbell[32]);


expo_status_t
control_open(loop_t *loop, const char *path, const control_events_t *events,
             control_t **out)
{
    control_t *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        return EXPO_NO_MEMORY;
    }

    if (strlen(path) >= sizeof(c->path)) {
        free(c);
        return EXPO_TOO_LARGE;
    }

    strcpy(c->path, path);
    c->loop = loop;
    c->events = *events;
    c->listener = (loop_source_t){control_accept, c, control_listen(path)};

    if (c->listener.fd < 0) {
        free(c);
        return errno == EADDRINUSE ? EXPO_CONFLICT : EXPO_IO;
    }

    if (loop_watch(loop, &c->listener, EPOLLIN) != EXPO_OK) {
        close(c->listener.fd);
        free(c);
        return EXPO_IO;
    }

    *out = c;
    return EXPO_OK;
}


void
control_close(control_t *c)
{
    c->events.gone = NULL;

    while (c->peers != NULL) {
        control_drop(c->peers);
    }

    loop_forget(c->loop, &c->listener);
    close(c->listener.fd);
    unlink(c->path);
    free(c);
}


void
control_send(control_t *c, uint64_t peer, json_t *message, int fd)
{
    control_peer_t *p;
    char doorbell[32];
    size_t len = control_print(c, message, doorbell);

    for (p = c->peers; p != NULL && len > 0; p = p->next) {
        if (p->number == peer) {
            control_out(p, c->out, len, fd, doorbell);
            return;
        }
    }
}


void
control_broadcast(control_t *c, json_t *message)
{
    control_peer_t *p;
    char doorbell[32];
    size_t len = control_print(c, message, doorbell);

    for (p = c->peers; p != NULL && len > 0; p = p->next) {
        if (p->greeted) {
            control_out(p, c->out, len, -1, doorbell);
        }
    }
}


void
control_greet(control_t *c, uint64_t peer)
{
    control_peer_t *p;

    for (p = c->peers; p != NULL; p = p->next) {
        p->greeted |= p->number == peer;
    }
}


/* Prints into c->out; 0 when it does not fit. */
static size_t
control_print(control_t *c, json_t *message, char doorbell[32])
{
    const char *type = json_string_value(json_object_get(message, "type"));
    const char *session =
        json_string_value(json_object_get(message, "session"));
    size_t len = 0;

    doorbell[0] = '\0';

    if (type != NULL && session != NULL && strcmp(type, "frame") == 0 &&
        strlen(session) < 32) {
        strcpy(doorbell, session);
    }

    if (expo_control_write(c->out, sizeof(c->out), &len, message, NULL, 0) !=
        EXPO_OK) {
        log_line("control: a message of type %s cannot be sent",
                 type ? type : "?");
        len = 0;
    }

    json_decref(message);
    return len;
}


static int
control_listen(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t mask;
    int fd, rc;

    strcpy(address.sun_path, path);

    if (control_is_alive(&address)) {
        errno = EADDRINUSE;
        return -1;
    }

    unlink(path);

    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }

    /* Never wider than 0660, not even between bind and a chmod. */
    mask = umask(0117);
    rc = bind(fd, (struct sockaddr *) &address, sizeof(address));
    umask(mask);

    if (rc < 0 || listen(fd, CONTROL_BACKLOG) < 0) {
        close(fd);
        return -1;
    }

    return fd;
}


static bool
control_is_alive(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    bool alive;

    if (fd < 0) {
        return false;
    }

    alive =
        connect(fd, (const struct sockaddr *) address, sizeof(*address)) == 0;
    close(fd);

    return alive;
}


static void
control_accept(void *owner, uint32_t events)
{
    control_t *c = owner;
    control_peer_t *p;
    int fd = accept4(c->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void) events;

    if (fd < 0) {
        return;
    }

    if (c->count == CONTROL_PEERS || !control_is_ours(fd)) {
        log_line("control: a connection was refused");
        close(fd);
        return;
    }

    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        close(fd);
        return;
    }

    p->source = (loop_source_t){control_ready, p, fd};
    p->control = c;
    p->number = ++c->last_number;

    if (loop_watch(c->loop, &p->source, EPOLLIN) != EXPO_OK) {
        close(fd);
        free(p);
        return;
    }

    p->next = c->peers;
    c->peers = p;
    c->count++;
}


static bool
control_is_ours(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
        return false;
    }

    return peer.uid == 0 || peer.uid == geteuid();
}


static void
control_ready(void *owner, uint32_t events)
{
    control_peer_t *p = owner;

    if (events & EPOLLOUT) {
        control_flush(p);
    }

    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        if (!control_receive(p)) {
            control_drop(p);
        }
    }
}


/* One message; false when the connection has ended. */
static bool
control_receive(control_peer_t *p)
{
    control_t *c = p->control;
    expo_control_t message;
    int fds[EXPO_CONTROL_FDS];
    size_t len, n;
    expo_status_t st;

    st = expo_control_recv(p->source.fd, c->in, sizeof(c->in), &len, fds, &n);

    if (st == EXPO_AGAIN) {
        return true;
    }

    if (st == EXPO_IO || (st == EXPO_OK && len == 0)) {
        return false;
    }

    if (st == EXPO_OK) {
        st = p->broken ? EXPO_EXPIRED : expo_control_read(&message, c->in, len);

        if (st == EXPO_OK) {
            c->events.message(c->events.owner, p->number, &message, fds, n);
            expo_control_release(&message);

        } else {
            control_close_fds(fds, n);
        }
    }

    /* A key may have been in it, also when it was no message. */
    explicit_bzero(c->in, len > 0 ? len : sizeof(c->in));

    if (st == EXPO_INVALID) {
        log_line("control: peer %llu sent what is no message",
                 (unsigned long long) p->number);
    }

    return !p->broken;
}


static void
control_close_fds(const int *fds, size_t n)
{
    while (n-- > 0) {
        close(fds[n]);
    }
}


static void
control_drop(control_peer_t *p)
{
    control_t *c = p->control;
    control_peer_t **at = &c->peers;

    while (*at != p) {
        at = &(*at)->next;
    }

    *at = p->next;
    c->count--;

    loop_forget(c->loop, &p->source);
    close(p->source.fd);

    while (p->first != NULL) {
        control_unqueue(p, &p->first);
    }

    if (c->events.gone != NULL) {
        c->events.gone(c->events.owner, p->number);
    }

    free(p);
}


static void
control_out(control_peer_t *p, const uint8_t *bytes, size_t len, int fd,
            const char *doorbell)
{
    control_out_t **at = &p->first, *out;
    expo_status_t st = EXPO_AGAIN;

    if (p->broken) {
        return;
    }

    if (p->first == NULL) {
        st = expo_control_send(p->source.fd, bytes, len, &fd, fd >= 0);
        if (st == EXPO_OK) {
            return;
        }
    }

    if (st != EXPO_AGAIN) {
        control_break(p, NULL);
        return;
    }

    control_unring(p, doorbell);

    if (p->queued == CONTROL_QUEUE ||
        len > CONTROL_QUEUE_BYTES - p->queued_bytes) {
        control_break(p, "does not read");
        return;
    }

    out = malloc(sizeof(*out) + len);

    if (out == NULL) {
        control_break(p, "cannot be told more: no memory");
        return;
    }

    out->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (fd >= 0 && out->fd < 0) {
        free(out);
        control_break(p, "cannot be told more: no descriptors");
        return;
    }

    out->next = NULL;
    out->len = len;
    memcpy(out->bytes, bytes, len);
    strcpy(out->doorbell, doorbell);

    while (*at != NULL) {
        at = &(*at)->next;
    }

    *at = out;

    p->queued++;
    p->queued_bytes += len;
    loop_change(p->control->loop, &p->source, EPOLLIN | EPOLLOUT);
}


/* Takes back a doorbell that the next one says better. */
static void
control_unring(control_peer_t *p, const char *doorbell)
{
    control_out_t **at;

    if (doorbell[0] == '\0') {
        return;
    }

    for (at = &p->first; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->doorbell, doorbell) == 0) {
            control_unqueue(p, at);
            return;
        }
    }
}


static void
control_flush(control_peer_t *p)
{
    control_out_t *out;
    expo_status_t st;

    while ((out = p->first) != NULL) {
        st = expo_control_send(p->source.fd, out->bytes, out->len, &out->fd,
                               out->fd >= 0);
        if (st == EXPO_AGAIN) {
            return;
        }

        if (st != EXPO_OK) {
            control_break(p, NULL);
            return;
        }

        control_unqueue(p, &p->first);
    }

    loop_change(p->control->loop, &p->source, EPOLLIN);
}


static void
control_unqueue(control_peer_t *p, control_out_t **at)
{
    control_out_t *out = *at;

    *at = out->next;
    p->queued--;
    p->queued_bytes -= out->len;

    if (out->fd >= 0) {
        close(out->fd);
    }

    free(out);
}


/*
 * It is dropped when its end is read, not while others walk the list. why NULL:
 * it has gone by itself, which is no news.
 */
static void
control_break(control_peer_t *p, const char *why)
{
    if (why != NULL) {
        log_line("control: peer %llu %s", (unsigned long long) p->number, why);
    }

    p->broken = true;
    shutdown(p->source.fd, SHUT_RDWR);
}
