/*
 * The main thread: descriptors that became ready, and calls that other threads
 * ask it to make. Everything but rendering, loading and importing happens here,
 * so none of that needs a lock.
 */

#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"

typedef struct loop_s loop_t;

/* One descriptor; lives as long as it is watched, in its owner's memory. */
typedef struct {
    void (*ready)(void *owner, uint32_t events); /* EPOLL* */
    void *owner;
    int fd;
} loop_source_t;

expo_status_t loop_create(loop_t **out);
void loop_destroy(loop_t *l);

expo_status_t loop_watch(loop_t *l, loop_source_t *s, uint32_t events);
void loop_change(loop_t *l, loop_source_t *s, uint32_t events);
/* To be called before s->fd is closed. */
void loop_forget(loop_t *l, loop_source_t *s);

/*
 * From any thread: has the main thread call `call(data)`, in the order of
 * posting. Aborts when there is no memory for 32 bytes.
 */
void loop_post(loop_t *l, void (*call)(void *), void *data);

/* Runs until loop_stop, which any handler may call. */
void loop_run(loop_t *l);
void loop_stop(loop_t *l);

/* Makes the posted calls that are waiting; for the end, after loop_run. */
void loop_flush(loop_t *l);

uint64_t loop_now_us(void); /* monotonic */

#endif
