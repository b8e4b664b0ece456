#include "lib/fanout.h"

#include <stdlib.h>
#include <string.h>

static expo_fanout_frame_t **fanout_at(expo_fanout_queue_t *q, uint32_t i);
static bool fanout_is_full(expo_fanout_queue_t *q,
                           const expo_fanout_frame_t *f);
static void fanout_skip(expo_fanout_queue_t *q);


expo_fanout_frame_t *
expo_fanout_frame_create(size_t bytes, uint8_t **record)
{
    expo_fanout_frame_t *f;

    f = malloc(sizeof(*f) + EXPO_WS_HEADER_MAX + bytes);
    if (f == NULL) {
        return NULL;
    }

    f->refs = 1;
    f->start = f->end = EXPO_WS_HEADER_MAX;
    *record = f->data + EXPO_WS_HEADER_MAX;

    return f;
}


expo_status_t
expo_fanout_frame_finish(expo_fanout_frame_t *f, size_t bytes)
{
    uint8_t header[EXPO_WS_HEADER_MAX], *record;
    expo_frame_t frame;
    size_t n;

    record = f->data + EXPO_WS_HEADER_MAX;

    if (expo_frame_read(&frame, record, bytes) != EXPO_OK ||
        frame.sequence == 0) {
        return EXPO_INVALID;
    }

    f->sequence = frame.sequence;
    f->time_us = frame.time_us;
    f->key = frame.flags & EXPO_FRAME_KEY;

    n = expo_ws_header(header, EXPO_WS_BINARY, bytes);
    memcpy(record - n, header, n);

    f->start = EXPO_WS_HEADER_MAX - n;
    f->end = EXPO_WS_HEADER_MAX + bytes;

    return EXPO_OK;
}


void
expo_fanout_frame_release(expo_fanout_frame_t *f)
{
    if (--f->refs == 0) {
        free(f);
    }
}


expo_status_t
expo_fanout_link(expo_fanout_queue_t *q, expo_fanout_frame_t *f)
{
    uint32_t next = q->sequence == UINT32_MAX ? 1 : q->sequence + 1;

    if (!f->key && (q->sequence == 0 || f->sequence != next)) {
        q->sequence = 0;
        q->skipped++;
        return EXPO_AGAIN;
    }

    if (fanout_is_full(q, f)) {
        fanout_skip(q);

        /* A keyframe needs nothing of what was thrown away. */
        if (!f->key || fanout_is_full(q, f)) {
            q->sequence = 0;
            q->skipped++;
            return EXPO_AGAIN;
        }
    }

    f->refs++;
    *fanout_at(q, q->count++) = f;
    q->bytes += f->end - f->start;
    q->sequence = f->sequence;

    return EXPO_OK;
}


const uint8_t *
expo_fanout_next(expo_fanout_queue_t *q, size_t *len)
{
    const expo_fanout_frame_t *f;

    if (q->count == 0) {
        return NULL;
    }

    f = q->frames[q->first];
    q->begun = true;
    *len = f->end - f->start - q->sent;

    return f->data + f->start + q->sent;
}


void
expo_fanout_sent(expo_fanout_queue_t *q, size_t len)
{
    expo_fanout_frame_t *f = q->frames[q->first];

    q->sent += len;
    if (q->sent < f->end - f->start) {
        return;
    }

    q->first = (q->first + 1) % (EXPO_FANOUT_FRAMES + 1);
    q->count--;
    q->bytes -= f->end - f->start;
    q->begun = false;
    q->sent = 0;

    expo_fanout_frame_release(f);
}


bool
expo_fanout_is_inside(const expo_fanout_queue_t *q)
{
    return q->begun;
}


void
expo_fanout_clear(expo_fanout_queue_t *q)
{
    q->begun = false;
    q->sent = 0;
    fanout_skip(q);
    q->sequence = 0;
}


bool
expo_fanout_may_ask(uint64_t *asked_ms, uint64_t now_ms)
{
    if (*asked_ms != 0 && now_ms - *asked_ms < EXPO_FANOUT_KEYFRAME_MS) {
        return false;
    }

    *asked_ms = now_ms ? now_ms : 1;
    return true;
}


static expo_fanout_frame_t **
fanout_at(expo_fanout_queue_t *q, uint32_t i)
{
    return &q->frames[(q->first + i) % (EXPO_FANOUT_FRAMES + 1)];
}


/* Would f be more than may wait? The frame under way does not count. */
static bool
fanout_is_full(expo_fanout_queue_t *q, const expo_fanout_frame_t *f)
{
    uint32_t begun = q->begun, waiting = q->count - begun;
    size_t bytes = q->bytes;

    if (waiting == 0) {
        return false;
    }

    if (begun) {
        bytes -= (*fanout_at(q, 0))->end - (*fanout_at(q, 0))->start;
    }

    return waiting >= EXPO_FANOUT_FRAMES ||
           bytes + (f->end - f->start) > EXPO_FANOUT_BYTES ||
           f->time_us - (*fanout_at(q, begun))->time_us > EXPO_FANOUT_SPAN_US;
}


/* Drops all that is not begun: what is must end, or the stream is broken. */
static void
fanout_skip(expo_fanout_queue_t *q)
{
    while (q->count > q->begun) {
        expo_fanout_frame_t *f = *fanout_at(q, --q->count);

        q->bytes -= f->end - f->start;
        q->skipped++;
        expo_fanout_frame_release(f);
    }
}
