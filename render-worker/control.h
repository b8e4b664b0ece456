/*
 * The listening socket and its peers, nginx workers. Whole messages in, whole
 * messages out; what a message means is worker.c's.
 *
 * A peer is named by a number that is never used again, so a job that outlives
 * its asker sends into nothing. What a peer does not read is queued, doorbells
 * only the newest of each session; a peer whose queue is full is cut off.
 */

#ifndef CONTROL_H
#define CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/control.h"
#include "render-worker/loop.h"

#define CONTROL_PEERS 128
/* What a peer may leave unread. */
#define CONTROL_QUEUE 256 /* messages */
#define CONTROL_QUEUE_BYTES (4u << 20)

typedef struct control_s control_t;

typedef struct {
    /* fds: n of them, the handler closes them. The key is wiped afterwards. */
    void (*message)(void *owner, uint64_t peer, const expo_control_t *message,
                    const int *fds, size_t n);
    void (*gone)(void *owner, uint64_t peer);
    void *owner;
} control_events_t;

/*
 * Listens on path (mode 0660); a socket file that nobody answers at is
 * replaced. EXPO_CONFLICT: somebody does answer.
 */
expo_status_t control_open(loop_t *loop, const char *path,
                           const control_events_t *events, control_t **out);
/* Cuts every peer off, without telling, and removes the socket file. */
void control_close(control_t *c);

/*
 * Sends to one peer; message is consumed, fd (-1: none) is not. A peer that is
 * gone, or that goes now, is no error.
 */
void control_send(control_t *c, uint64_t peer, json_t *message, int fd);

/* To every peer that was greeted; message is consumed. */
void control_broadcast(control_t *c, json_t *message);
void control_greet(control_t *c, uint64_t peer);

#endif
