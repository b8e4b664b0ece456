/*
 * One frame to many viewers. A frame is laid out once, WebSocket header and
 * record adjacent, counted by references and linked into each viewer's bounded
 * queue. A viewer that cannot keep up loses what it has not begun to receive,
 * gets nothing until the next keyframe, and nobody else notices.
 */

#ifndef EXPO_FANOUT_H
#define EXPO_FANOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/frame.h"
#include "lib/status.h"
#include "lib/ws.h"

/* What one viewer may have waiting, besides the frame it is in the middle of. */
#define EXPO_FANOUT_FRAMES 15
#define EXPO_FANOUT_BYTES (2u << 20)
#define EXPO_FANOUT_SPAN_US 400000 /* capture time, oldest to newest */

#define EXPO_FANOUT_KEYFRAME_MS 1000 /* between two requests for a keyframe */

/* Heap; one reference belongs to each queue it is linked into and to its maker. */
typedef struct {
    uint32_t refs;
    uint32_t sequence;
    uint64_t time_us;
    bool key;
    size_t start, end; /* the WebSocket frame lies in data[start, end) */
    uint8_t data[];
} expo_fanout_frame_t;

/* Of one viewer. Zeroed is empty and waiting for a keyframe. */
typedef struct {
    expo_fanout_frame_t *frames[EXPO_FANOUT_FRAMES + 1];
    uint32_t first, count;
    bool begun;        /* the first frame is under way: it has to end */
    size_t sent;       /* of it */
    size_t bytes;      /* of all linked frames */
    uint32_t sequence; /* of the frame linked last; 0: wait for a keyframe */
    uint64_t skipped;  /* frames that were not sent */
} expo_fanout_queue_t;

/* Room for a record of `bytes`; *record is where it is to be written. */
expo_fanout_frame_t *expo_fanout_frame_create(size_t bytes, uint8_t **record);

/*
 * The record is there: reads its header and writes the WebSocket header in
 * front. EXPO_INVALID: no frame.
 */
expo_status_t expo_fanout_frame_finish(expo_fanout_frame_t *f, size_t bytes);

void expo_fanout_frame_release(expo_fanout_frame_t *f);

/*
 * EXPO_OK: linked. EXPO_AGAIN: not, and this viewer needs a keyframe (it has
 * just joined, a frame was lost before this one, or its queue is full).
 */
expo_status_t expo_fanout_link(expo_fanout_queue_t *q, expo_fanout_frame_t *f);

/*
 * What to send next, NULL when there is nothing; then how much was sent. What
 * next has given out is under way, sent or not: TLS may hold a record of it
 * that must be offered again.
 */
const uint8_t *expo_fanout_next(expo_fanout_queue_t *q, size_t *len);
void expo_fanout_sent(expo_fanout_queue_t *q, size_t len);

/* True in the middle of a frame: no other message may be sent now. */
bool expo_fanout_is_inside(const expo_fanout_queue_t *q);

/* Releases everything. */
void expo_fanout_clear(expo_fanout_queue_t *q);

/* May a keyframe be asked for now? *asked_ms remembers; 0: never asked. */
bool expo_fanout_may_ask(uint64_t *asked_ms, uint64_t now_ms);

#endif
