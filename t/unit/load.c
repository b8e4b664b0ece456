/* Loads at a time, on a machine of made-up memory. */

#include <semaphore.h>

#include "render-worker/blob_io.h"
#include "render-worker/memory.h"

static uint64_t machine;
static sem_t chunks; /* that may be read */

static uint64_t
made_up_memory(void)
{
    return machine;
}

static expo_status_t
gated_read(blob_reader_t *r, uint8_t *dst, size_t *len)
{
    sem_wait(&chunks);

    return blob_read(r, dst, len);
}

#define memory_available made_up_memory
#define blob_read gated_read
#include "render-worker/load.c"
#undef memory_available
#undef blob_read

#include "t/lib/worker_client.h"
#include "t/unit/check.h"

#define EDGE 96

static loop_t *loop;
static client_blob_t sealed;
static size_t bytes;

static void
on_done(void *owner)
{
    *(bool *) owner = true;
}

static void
begin(load_t *l, bool *is_done)
{
    *is_done = false;
    memset(l, 0, sizeof(*l));
    l->blob = sealed.blob;
    l->fd = dup(sealed.fd);
    l->loop = loop;
    l->done = on_done;
    l->owner = is_done;
    check(load_start(l) == EXPO_OK);
}

static void
allow(int n)
{
    while (n-- > 0) {
        sem_post(&chunks);
    }
}

static void
until_true(const bool *is_done)
{
    double until = client_now() + 20;

    while (!*is_done && client_now() < until) {
        loop_flush(loop);
        usleep(1000);
    }

    check(*is_done);
}

static uint64_t
claimed(void)
{
    uint64_t n;

    pthread_mutex_lock(&load_lock);
    n = load_claimed;
    pthread_mutex_unlock(&load_lock);

    return n;
}

/* Until as much is claimed, by the threads that load. */
static bool
comes_to(uint64_t least, uint64_t most)
{
    double until = client_now() + 20;
    uint64_t n;

    do {
        n = claimed();
        usleep(1000);
    } while ((n < least || n > most) && client_now() < until);

    return n >= least && n <= most;
}

/* The machine does not see what the first has not written yet. */
static void
two_at_a_time_do_not_take_the_same_memory(void)
{
    load_t a, b;
    bool a_done, b_done;

    machine = LOAD_HEADROOM + bytes * 9 / 7; /* one, with its grid */
    begin(&a, &a_done);
    check(comes_to(bytes, bytes));
    allow(1);
    check(comes_to(1, bytes - 1)); /* a part of it has come */
    begin(&b, &b_done);
    check(comes_to(bytes, 2 * bytes - 1));
    allow(8);
    until_true(&a_done);
    until_true(&b_done);
    check(a.code == NULL && a.factor == 1);
    check(b.code == NULL && b.factor == 2);
    check(claimed() == 0);
    load_release(&a);
    load_release(&b);
}

static void
a_claim_ends_with_its_load(void)
{
    load_t a;
    bool a_done;

    while (sem_trywait(&chunks) == 0) {
    }

    machine = LOAD_HEADROOM + bytes * 9 / 7;
    begin(&a, &a_done);
    check(comes_to(bytes, bytes));
    atomic_store(&a.cancel, true);
    allow(8);
    until_true(&a_done);
    check(a.code != NULL && strcmp(a.code, "closed") == 0);
    check(claimed() == 0);
    begin(&a, &a_done);
    until_true(&a_done);
    check(a.code == NULL && a.factor == 1);
    load_release(&a);

    /* Nor has one that there is no room for any. */
    machine = LOAD_HEADROOM;
    begin(&a, &a_done);
    until_true(&a_done);
    check(a.code != NULL && strcmp(a.code, "out_of_memory") == 0);
    check(claimed() == 0);
}

int
main(void)
{
    char text[EXPO_ID_TEXT + 1];
    uint8_t *plain = client_phantom(EDGE, &bytes);
    expo_id_t scan;

    client_id(&scan, text, 5);
    client_seal(&sealed, &scan, EXPO_BLOB_VOLUME, plain, bytes);
    free(plain);
    sem_init(&chunks, 0, 0);
    check(loop_create(&loop) == EXPO_OK);
    two_at_a_time_do_not_take_the_same_memory();
    a_claim_ends_with_its_load();
    loop_destroy(loop);
    close(sealed.fd);

    return done();
}
