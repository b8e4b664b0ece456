/*
 * Frames from one writer (a render-worker's session) to many readers (nginx
 * workers) through one mapping: a memfd sealed against shrinking, growing and
 * later writable mappings. This file knows the layout and the order of loads
 * and stores; mapping and sealing are the callers'.
 *
 * A reader never waits and never blocks the writer: it copies a slot, then
 * checks that the slot still holds the frame it asked for. What does not
 * verify is dropped, so a reader killed midway harms nobody.
 *
 * A record is the 32-byte frame header followed by the payload (lib/frame.h).
 * Sequence numbers start at 1 and lie in slot (sequence % slots).
 */

#ifndef EXPO_RING_H
#define EXPO_RING_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define EXPO_RING_SLOTS_MAX 64
#define EXPO_RING_SLOT_BYTES_MAX (16u << 20)

typedef struct {
    void *base;
    size_t bytes;      /* of the whole mapping */
    uint32_t slots;
    uint32_t slot_bytes; /* largest record */
} expo_ring_t;

/* Bytes to map; 0 when slots (2..64) or slot_bytes (64..16 Mi) is out of range. */
size_t expo_ring_bytes(uint32_t slots, uint32_t slot_bytes);

/* Writer: lays an empty ring out in zeroed memory of expo_ring_bytes(). */
expo_status_t expo_ring_format(expo_ring_t *r, void *base, size_t bytes,
                               uint32_t slots, uint32_t slot_bytes);

/*
 * Reader: takes a mapping made by another process. Every number in it is
 * checked against bytes and remembered here; it is never read again.
 * EXPO_CORRUPT when it is no ring of this size.
 */
expo_status_t expo_ring_attach(expo_ring_t *r, const void *base, size_t bytes);

/*
 * Writer: opens the slot of the next frame; returns where slot_bytes may be
 * written. sequence: what the record will be numbered.
 */
uint8_t *expo_ring_begin(expo_ring_t *r, uint32_t *sequence);

/* Writer: publishes what begin opened. bytes <= slot_bytes. */
void expo_ring_commit(expo_ring_t *r, uint32_t bytes);

/* Newest published sequence number, 0 before the first. */
uint32_t expo_ring_newest(const expo_ring_t *r);

/*
 * Reader: copies record `sequence` into dst (cap bytes).
 *
 * EXPO_AGAIN: not published yet. EXPO_EXPIRED: overwritten before or while it
 * was copied. EXPO_TOO_LARGE: longer than cap; *bytes says how long.
 * EXPO_CORRUPT: a length the ring cannot hold.
 */
expo_status_t expo_ring_copy(const expo_ring_t *r, uint32_t sequence,
                             uint8_t *dst, size_t cap, size_t *bytes);

#endif
