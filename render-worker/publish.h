/* A session's ring: sealed shared memory that nginx workers map to read. */

#ifndef PUBLISH_H
#define PUBLISH_H

#include <stddef.h>
#include <stdint.h>

#include "lib/frame.h"
#include "lib/ring.h"
#include "lib/status.h"

#define PUBLISH_SLOTS 16
#define PUBLISH_SLOT_BYTES (1u << 20)
/* Largest payload of a record. */
#define PUBLISH_PAYLOAD (PUBLISH_SLOT_BYTES - EXPO_FRAME_HEADER)

typedef struct {
    expo_ring_t ring;
    int fd; /* to be sent to readers; -1 when closed */
} publish_t;

/* EXPO_NO_MEMORY, EXPO_IO: nothing is open, fd is -1. */
expo_status_t publish_open(publish_t *p);
void publish_close(publish_t *p);

/*
 * Lays header and payload into the next slot and publishes them.
 * frame->sequence is set here. EXPO_TOO_LARGE: frame->bytes over
 * PUBLISH_PAYLOAD.
 */
expo_status_t publish_frame(publish_t *p, expo_frame_t *frame,
                            const uint8_t *payload);

#endif
