#include "render-worker/render/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#define THREADS_MAX 256

struct pool_s {
    pthread_mutex_t lock;
    pthread_cond_t started, finished;
    unsigned threads; /* the caller included */
    unsigned made;
    pthread_t id[THREADS_MAX];

    uint64_t round; /* counts pool_run calls */
    unsigned busy;
    bool closing;

    void (*work)(void *ctx, uint32_t i);
    bool (*over)(void *ctx);
    void *ctx;
    uint32_t n;
    atomic_uint next;
};

static unsigned cores(void);
static expo_status_t threads_start(pool_t *p);
static void *thread_main(void *arg);
static void pieces(pool_t *p);
static bool never(void *ctx);


expo_status_t
pool_open(unsigned threads, pool_t **out)
{
    expo_status_t st;
    pool_t *p;

    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return EXPO_NO_MEMORY;
    }

    p->threads = threads ? threads : cores();
    p->threads = p->threads < THREADS_MAX ? p->threads : THREADS_MAX;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->started, NULL);
    pthread_cond_init(&p->finished, NULL);

    st = threads_start(p);
    if (st != EXPO_OK) {
        pool_close(p);
        return st;
    }

    *out = p;

    return EXPO_OK;
}


void
pool_close(pool_t *p)
{
    unsigned i;

    if (p == NULL) {
        return;
    }

    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->started);
    pthread_mutex_unlock(&p->lock);

    for (i = 0; i < p->made; i++) {
        pthread_join(p->id[i], NULL);
    }

    pthread_cond_destroy(&p->started);
    pthread_cond_destroy(&p->finished);
    pthread_mutex_destroy(&p->lock);
    free(p);
}


unsigned
pool_threads(const pool_t *p)
{
    return p->threads;
}


void
pool_run(pool_t *p, uint32_t n, void (*work)(void *ctx, uint32_t i), void *ctx)
{
    pool_run_until(p, 0, n, work, never, ctx);
}


uint32_t
pool_run_until(pool_t *p, uint32_t first, uint32_t n,
               void (*work)(void *ctx, uint32_t i), bool (*over)(void *ctx),
               void *ctx)
{
    uint32_t next;

    pthread_mutex_lock(&p->lock);
    p->work = work;
    p->over = over;
    p->ctx = ctx;
    p->n = n;
    p->next = first;
    p->busy = p->made;
    p->round++;
    pthread_cond_broadcast(&p->started);
    pthread_mutex_unlock(&p->lock);

    pieces(p);

    pthread_mutex_lock(&p->lock);

    while (p->busy > 0) {
        pthread_cond_wait(&p->finished, &p->lock);
    }

    next = p->next;
    pthread_mutex_unlock(&p->lock);

    return next < n ? next : n;
}


static unsigned
cores(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) != 0) {
        return 1;
    }

    return (unsigned) CPU_COUNT(&set);
}


static expo_status_t
threads_start(pool_t *p)
{
    sigset_t all, old;
    int failed = 0;

    /* Signals stay with the caller's threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);

    while (p->made + 1 < p->threads && !failed) {
        failed = pthread_create(&p->id[p->made], NULL, thread_main, p);
        p->made += !failed;
    }

    pthread_sigmask(SIG_SETMASK, &old, NULL);

    return failed ? EXPO_IO : EXPO_OK;
}


static void *
thread_main(void *arg)
{
    pool_t *p = arg;
    uint64_t done = 0;

    pthread_mutex_lock(&p->lock);

    for (;;) {
        while (p->round == done && !p->closing) {
            pthread_cond_wait(&p->started, &p->lock);
        }

        if (p->closing) {
            break;
        }

        done = p->round;
        pthread_mutex_unlock(&p->lock);
        pieces(p);
        pthread_mutex_lock(&p->lock);

        if (--p->busy == 0) {
            pthread_cond_signal(&p->finished);
        }
    }

    pthread_mutex_unlock(&p->lock);

    return NULL;
}


static void
pieces(pool_t *p)
{
    uint32_t i;

    do {
        i = atomic_fetch_add(&p->next, 1);

        if (i >= p->n) {
            return;
        }

        p->work(p->ctx, i);
    } while (!p->over(p->ctx));
}


static bool
never(void *ctx)
{
    (void) ctx;

    return false;
}
