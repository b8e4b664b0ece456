#include "render-worker/import/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t todo;     /* round has changed */
    pthread_cond_t finished; /* a thread has nothing left to do */
    unsigned round;
    int busy; /* threads still in this round */
    int threads;
    int ready; /* threads that have made their starting system calls */
    void (*work)(void *, size_t);
    void *data;
    size_t n;
    atomic_size_t next, done;
} pool_t;

static pool_t pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
                      .todo = PTHREAD_COND_INITIALIZER,
                      .finished = PTHREAD_COND_INITIALIZER};

static void *pool_thread(void *unused);


int
pool_start(void)
{
    cpu_set_t allowed;
    int cores = 1;
    pthread_attr_t attr;
    pthread_t id;

    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        cores = CPU_COUNT(&allowed);
    }

    if (cores > POOL_MAX) {
        cores = POOL_MAX;
    }

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, POOL_STACK);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);

    do {
        if (pthread_create(&id, &attr, pool_thread, NULL) != 0) {
            break;
        }
        pool.threads++;
    } while (pool.threads < cores);

    pthread_attr_destroy(&attr);

    pthread_mutex_lock(&pool.lock);
    while (pool.ready < pool.threads) {
        pthread_cond_wait(&pool.finished, &pool.lock);
    }
    pthread_mutex_unlock(&pool.lock);

    return pool.threads > 0;
}


int
pool_each(size_t n, void (*work)(void *, size_t), void *data,
          void (*step)(void *, size_t))
{
    struct timespec wake, since;
    size_t done, before = 0;
    int stuck = 0;

    pthread_mutex_lock(&pool.lock);

    pool.work = work;
    pool.data = data;
    pool.n = n;
    atomic_store(&pool.next, 0);
    atomic_store(&pool.done, 0);
    pool.busy = pool.threads;
    pool.round++;
    pthread_cond_broadcast(&pool.todo);
    clock_gettime(CLOCK_MONOTONIC, &since);

    while (pool.busy > 0 && !stuck) {
        clock_gettime(CLOCK_MONOTONIC, &wake);
        stuck = wake.tv_sec - since.tv_sec > POOL_PATIENCE_S;

        wake.tv_nsec += 100000000;
        wake.tv_sec += wake.tv_nsec / 1000000000;
        wake.tv_nsec %= 1000000000;
        pthread_cond_clockwait(&pool.finished, &pool.lock, CLOCK_MONOTONIC,
                               &wake);

        done = atomic_load(&pool.done);
        if (done != before) {
            before = done;
            since = wake;
        }

        if (step != NULL) {
            step(data, done);
        }
    }

    pthread_mutex_unlock(&pool.lock);
    return !stuck;
}


static void *
pool_thread(void *unused)
{
    unsigned seen = 0;
    size_t i;

    (void) unused;
    pthread_mutex_lock(&pool.lock);
    pool.ready++;
    pthread_cond_signal(&pool.finished);

    for (;;) {
        while (pool.round == seen) {
            pthread_cond_wait(&pool.todo, &pool.lock);
        }
        seen = pool.round;
        pthread_mutex_unlock(&pool.lock);

        while ((i = atomic_fetch_add(&pool.next, 1)) < pool.n) {
            pool.work(pool.data, i);
            atomic_fetch_add(&pool.done, 1);
        }

        pthread_mutex_lock(&pool.lock);
        if (--pool.busy == 0) {
            pthread_cond_signal(&pool.finished);
        }
    }

    return NULL;
}
