/*
 * Brings one sealed volume into memory, on a thread of its own: chunk by chunk
 * straight to where the voxels stay. One that does not fit is scaled down as it
 * comes; what others that are under way have yet to take counts as taken.
 */

#ifndef LOAD_H
#define LOAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "lib/table.h"
#include "lib/vault.h"
#include "lib/volume.h"
#include "render-worker/loop.h"
#include "render-worker/memory.h"
#include "render-worker/publish.h"

typedef struct {
    /* Set before load_start. */
    expo_blob_t blob;    /* wiped when the thread is done with it */
    int fd;              /* closed then */
    uint64_t most_bytes; /* for the volume; 0: what is free */
    loop_t *loop;
    void (*done)(void *owner); /* on the main thread */
    void *owner;

    /* May be set at any time: the thread gives up. */
    atomic_bool cancel;

    pthread_t thread; /* load.c's own, as is */
    uint64_t claimed; /* memory that it will take and has not taken yet */

    /* Valid in done, and only when code is NULL. */
    memory_t memory;
    expo_volume_t volume;
    uint32_t factor;    /* of lib/volume_scale.h; 1: every voxel is there */
    uint16_t *voxels;   /* inside memory */
    expo_table_t table; /* hidden in them; voxels 0: there is none */
    uint32_t histogram[256];
    double percentiles[4];
    publish_t ring;

    /* Why it did not work: a word, and a sentence for a person. */
    const char *code;
    const char *detail;
} load_t;

/* EXPO_NO_MEMORY: no thread; done is not called. */
expo_status_t load_start(load_t *l);

/* Wipes and frees what a successful load holds; harmless after a failed one. */
void load_release(load_t *l);

#endif
