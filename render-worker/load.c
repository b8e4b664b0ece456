#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "render-worker/blob_io.h"
#include "render-worker/load.h"
#include "render-worker/render/tracer.h"

/* Grid, film and encoder come on top of the voxels. */
#define LOAD_HEADROOM (128ull << 20)

/* Voxels are used as they lie in the file. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian");

static void *load_thread(void *data);
static void load_done(void *data);
static expo_status_t load_read(load_t *l);
static expo_status_t load_chunks(load_t *l, blob_reader_t *r);
static void load_explain(load_t *l, expo_status_t st);


expo_status_t
load_start(load_t *l)
{
    l->ring.fd = -1;

    if (pthread_create(&l->thread, NULL, load_thread, l) != 0) {
        return EXPO_NO_MEMORY;
    }

    return EXPO_OK;
}


void
load_release(load_t *l)
{
    memory_release(&l->memory);

    if (l->ring.fd >= 0) {
        publish_close(&l->ring);
    }
}


static void *
load_thread(void *data)
{
    load_t *l = data;
    expo_status_t st = load_read(l);

    if (st == EXPO_OK) {
        tracer_statistics(&l->volume, l->voxels, l->histogram, l->percentiles);
        st = publish_open(&l->ring);
    }

    if (st != EXPO_OK) {
        load_explain(l, st);
        memory_release(&l->memory);
    }

    explicit_bzero(&l->blob, sizeof(l->blob));
    close(l->fd);
    loop_post(l->loop, load_done, l);

    return NULL;
}


/* A thread's libraries clean up after it: the process may not end before. */
static void
load_done(void *data)
{
    load_t *l = data;

    pthread_join(l->thread, NULL);
    l->done(l->owner);
}


static expo_status_t
load_read(load_t *l)
{
    blob_reader_t r;
    expo_status_t st = blob_reader_open(&r, &l->blob, l->fd);

    if (st != EXPO_OK) {
        return st;
    }

    if (r.plain < EXPO_VOLUME_HEADER) {
        st = EXPO_CORRUPT;

    } else if (r.plain + LOAD_HEADROOM > memory_available() ||
               memory_map(&l->memory, r.plain) < 0) {
        st = EXPO_NO_MEMORY;

    } else {
        st = load_chunks(l, &r);
    }

    blob_reader_close(&r);

    if (st != EXPO_OK) {
        return st;
    }

    l->voxels =
        (const uint16_t *) (const void *) (l->memory.base + EXPO_VOLUME_HEADER);

    return expo_volume_read(&l->volume, l->memory.base, l->memory.used);
}


static expo_status_t
load_chunks(load_t *l, blob_reader_t *r)
{
    expo_status_t st;
    size_t n;

    do {
        if (atomic_load(&l->cancel)) {
            return EXPO_EXPIRED;
        }

        st = blob_read(r, l->memory.base + l->memory.used, &n);
        l->memory.used += n;

    } while (st == EXPO_OK && n > 0);

    return st;
}


static void
load_explain(load_t *l, expo_status_t st)
{
    switch (st) {

    case EXPO_EXPIRED:
        l->code = "closed";
        l->detail = "The session was closed while its scan was loading.";
        break;

    case EXPO_NO_MEMORY:
        l->code = "out_of_memory";
        l->detail = "This scan is too large for the memory that is free now.";
        break;

    case EXPO_IO:
        l->code = "io";
        l->detail = "The stored scan could not be read.";
        break;

    default:
        l->code = "damaged";
        l->detail = "The stored scan is damaged and cannot be shown.";
    }
}
