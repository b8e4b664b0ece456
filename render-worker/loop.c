#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "render-worker/loop.h"

typedef struct loop_call_s loop_call_t;

struct loop_call_s {
    loop_call_t *next;
    void (*call)(void *);
    void *data;
};

struct loop_s {
    int epoll;
    bool stop;
    loop_source_t posted;
    pthread_mutex_t lock;
    loop_call_t *first;
    loop_call_t **last;
};

static void loop_posted(void *owner, uint32_t events);


expo_status_t
loop_create(loop_t **out)
{
    loop_t *l = calloc(1, sizeof(*l));

    if (l == NULL) {
        return EXPO_NO_MEMORY;
    }

    pthread_mutex_init(&l->lock, NULL);
    l->last = &l->first;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->posted =
        (loop_source_t){loop_posted, l, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

    if (l->epoll < 0 || l->posted.fd < 0 ||
        loop_watch(l, &l->posted, EPOLLIN) != EXPO_OK) {
        loop_destroy(l);
        return EXPO_IO;
    }

    *out = l;
    return EXPO_OK;
}


void
loop_destroy(loop_t *l)
{
    loop_flush(l);
    close(l->posted.fd);
    close(l->epoll);
    pthread_mutex_destroy(&l->lock);
    free(l);
}


expo_status_t
loop_watch(loop_t *l, loop_source_t *s, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = s};

    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->fd, &e) < 0 ? EXPO_IO
                                                             : EXPO_OK;
}


void
loop_change(loop_t *l, loop_source_t *s, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = s};

    epoll_ctl(l->epoll, EPOLL_CTL_MOD, s->fd, &e);
}


void
loop_forget(loop_t *l, loop_source_t *s)
{
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, s->fd, NULL);
}


void
loop_post(loop_t *l, void (*call)(void *), void *data)
{
    static const uint64_t one = 1;
    loop_call_t *c = malloc(sizeof(*c));

    if (c == NULL) {
        /* A lost message would leave a session or a job behind for ever. */
        abort();
    }

    *c = (loop_call_t){NULL, call, data};

    pthread_mutex_lock(&l->lock);
    *l->last = c;
    l->last = &c->next;
    pthread_mutex_unlock(&l->lock);

    /* Fails only when the counter is full, and then it is readable. */
    if (write(l->posted.fd, &one, sizeof(one)) < 0) {
        return;
    }
}


void
loop_run(loop_t *l)
{
    struct epoll_event e;
    loop_source_t *s;

    while (!l->stop) {
        /* One at a time: a handler may free any other source. */
        if (epoll_wait(l->epoll, &e, 1, -1) == 1) {
            s = e.data.ptr;
            s->ready(s->owner, e.events);
        }
    }
}


void
loop_stop(loop_t *l)
{
    l->stop = true;
}


void
loop_flush(loop_t *l)
{
    loop_call_t *c, *next;

    pthread_mutex_lock(&l->lock);
    c = l->first;
    l->first = NULL;
    l->last = &l->first;
    pthread_mutex_unlock(&l->lock);

    for (; c != NULL; c = next) {
        next = c->next;
        c->call(c->data);
        free(c);
    }
}


uint64_t
loop_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000u + (uint64_t) t.tv_nsec / 1000u;
}


static void
loop_posted(void *owner, uint32_t events)
{
    loop_t *l = owner;
    uint64_t count;

    (void) events;

    if (read(l->posted.fd, &count, sizeof(count)) < 0 && errno != EAGAIN) {
        return;
    }

    loop_flush(l);
}
