#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "lib/volume_scale.h"
#include "render-worker/blob_io.h"
#include "render-worker/load.h"
#include "render-worker/render/tracer.h"

/* Film and encoder come on top of the voxels, */
#define LOAD_HEADROOM (128ull << 20)
/* and a grid of so many times less. */
#define LOAD_GRID 8

/* Voxels are used as they lie in the file. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian");

static void *load_thread(void *data);
static void load_done(void *data);
static expo_status_t load_read(load_t *l);
static uint64_t load_claim(load_t *l, uint64_t bytes);
static void load_took(load_t *l, uint64_t bytes);
static expo_status_t load_whole(load_t *l, blob_reader_t *r);
static expo_status_t load_scaled(load_t *l, blob_reader_t *r, uint64_t room);
static expo_status_t load_feed(load_t *l, blob_reader_t *r, memory_t *chunk,
                               expo_volume_scale_t *scale);
static void load_table(load_t *l);
static void load_explain(load_t *l, expo_status_t st);

static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t load_claimed; /* by all that are under way */


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
    expo_table_close(&l->table);
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
        load_table(l);
        tracer_statistics(&l->volume, l->voxels, l->histogram, l->percentiles);
        st = publish_open(&l->ring);
    }

    if (st != EXPO_OK) {
        load_explain(l, st);
        expo_table_close(&l->table);
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
    uint64_t room;

    if (st != EXPO_OK) {
        return st;
    }

    room = load_claim(l, r.plain);

    if (r.plain < EXPO_VOLUME_HEADER) {
        st = EXPO_CORRUPT;

    } else if (r.plain <= room) {
        l->factor = 1;
        st = load_whole(l, &r);

    } else {
        st = load_scaled(l, &r, room);
    }

    load_took(l, l->claimed);
    blob_reader_close(&r);

    if (st != EXPO_OK) {
        return st;
    }

    l->voxels = (uint16_t *) (void *) (l->memory.base + EXPO_VOLUME_HEADER);

    return expo_volume_read(&l->volume, l->memory.base, l->memory.used);
}


/* Claims what there is of as many bytes for a volume; returns that. */
static uint64_t
load_claim(load_t *l, uint64_t bytes)
{
    uint64_t room, taken;

    pthread_mutex_lock(&load_lock);

    room = memory_available();
    taken = load_claimed + LOAD_HEADROOM;
    room = room > taken ? room - taken : 0;
    room -= room / LOAD_GRID;

    if (l->most_bytes > 0 && l->most_bytes < room) {
        room = l->most_bytes;
    }

    l->claimed = bytes < room ? bytes : room;
    load_claimed += l->claimed;

    pthread_mutex_unlock(&load_lock);

    return l->claimed;
}


/* So much of its claim lies in memory now, or is not needed. */
static void
load_took(load_t *l, uint64_t bytes)
{
    pthread_mutex_lock(&load_lock);
    l->claimed -= bytes;
    load_claimed -= bytes;
    pthread_mutex_unlock(&load_lock);
}


static expo_status_t
load_whole(load_t *l, blob_reader_t *r)
{
    expo_status_t st;
    size_t n;

    if (memory_map(&l->memory, r->plain) < 0) {
        return EXPO_NO_MEMORY;
    }

    do {
        if (atomic_load(&l->cancel)) {
            return EXPO_EXPIRED;
        }

        st = blob_read(r, l->memory.base + l->memory.used, &n);
        l->memory.used += n;
        load_took(l, n);

    } while (st == EXPO_OK && n > 0);

    return st;
}


/* The first chunk says how large the volume is; each passes through one buffer,
 * and only what is left of it stays. */
static expo_status_t
load_scaled(load_t *l, blob_reader_t *r, uint64_t room)
{
    uint64_t most = room > EXPO_VOLUME_HEADER ? room - EXPO_VOLUME_HEADER : 0;
    expo_volume_t full, scaled;
    expo_volume_scale_t scale;
    memory_t chunk;
    expo_status_t st, end;

    if (memory_map(&chunk, r->chunk) < 0) {
        return EXPO_NO_MEMORY;
    }

    st = blob_read(r, chunk.base, &chunk.used);

    if (st == EXPO_OK) {
        st = chunk.used < EXPO_VOLUME_HEADER
                 ? EXPO_CORRUPT
                 : expo_volume_read(&full, chunk.base, r->plain);
    }

    if (st != EXPO_OK) {
        goto done;
    }

    l->factor = expo_volume_scale_factor(&full, most / 2);
    scaled = full;
    st = EXPO_NO_MEMORY;

    if (l->factor == 0) {
        goto done;
    }

    expo_volume_scale_shape(&scaled, l->factor);

    if (memory_map(&l->memory, EXPO_VOLUME_HEADER +
                                   2 * (size_t) expo_volume_voxels(&scaled)) <
        0) {
        goto done;
    }

    load_took(l,
              l->claimed > l->memory.bytes ? l->claimed - l->memory.bytes : 0);
    expo_volume_write(l->memory.base, &scaled);
    l->memory.used = l->memory.bytes;
    st = expo_volume_scale_open(
        &scale, &full, l->factor,
        (uint16_t *) (void *) (l->memory.base + EXPO_VOLUME_HEADER));

    if (st == EXPO_OK) {
        st = load_feed(l, r, &chunk, &scale);
        end = expo_volume_scale_close(&scale);
        st = st == EXPO_OK ? end : st;
    }

done:

    memory_release(&chunk);

    return st;
}


/* chunk: the first, with the header. */
static expo_status_t
load_feed(load_t *l, blob_reader_t *r, memory_t *chunk,
          expo_volume_scale_t *scale)
{
    size_t n = chunk->used, skip = EXPO_VOLUME_HEADER;
    expo_status_t st = EXPO_OK;

    while (st == EXPO_OK && n > 0) {
        if (atomic_load(&l->cancel)) {
            return EXPO_EXPIRED;
        }

        expo_volume_scale_feed(scale, chunk->base + skip, n - skip);
        skip = 0;
        st = blob_read(r, chunk->base, &n);
        chunk->used = n > chunk->used ? n : chunk->used;
    }

    return st;
}


/* Hidden from the start: what is usual in a scan is without it. For want of
 * memory it stays. */
static void
load_table(load_t *l)
{
    if (expo_table_find(&l->table, &l->volume, l->voxels) == EXPO_OK) {
        expo_table_hide(&l->table, l->voxels, 1);
    }
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
        l->detail = "This scan is too large for the memory that is free now, "
                    "even with fewer voxels.";
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
