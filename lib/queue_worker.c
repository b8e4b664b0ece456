/* What render-workers and nginx workers take along when they are gone. */

#include "lib/queue_private.h"

#include <string.h>

static bool queue_is_reported(const expo_queue_worker_t *w,
                              const expo_id_t *id);


void
expo_queue_worker(expo_queue_t *q, uint32_t n, uint32_t slots,
                  const expo_id_t *ids, uint32_t count, uint64_t now_ms)
{
    expo_queue_worker_t *w;
    expo_session_t *s;

    if (n >= EXPO_QUEUE_WORKERS) {
        return;
    }

    w = &q->workers[n];
    count = count < EXPO_QUEUE_SLOTS ? count : EXPO_QUEUE_SLOTS;

    w->seen_ms = 0;
    atomic_signal_fence(memory_order_seq_cst);
    w->slots = slots < EXPO_QUEUE_SLOTS ? slots : EXPO_QUEUE_SLOTS;
    w->reported = count;
    if (count > 0) {
        memcpy(w->ids, ids, count * sizeof(*ids));
    }
    atomic_signal_fence(memory_order_seq_cst);
    w->seen_ms = now_ms ? now_ms : 1;

    for (EACH(s, q->sessions)) {
        if (s->state != EXPO_SESSION_NONE && s->worker == n &&
            s->opened_ms != 0 && now_ms - s->opened_ms > EXPO_QUEUE_SEEN_MS &&
            !queue_is_reported(w, &s->id)) {
            queue_gone(q, s, now_ms);
        }
    }
}


void
expo_queue_worker_lost(expo_queue_t *q, uint32_t n, const expo_owner_t *owner,
                       uint64_t now_ms)
{
    expo_session_t *s;

    for (EACH(s, q->sessions)) {
        if (s->state != EXPO_SESSION_NONE && s->worker == n &&
            (s->number == 0 || (s->owner.pid == owner->pid &&
                                s->owner.started == owner->started))) {
            queue_gone(q, s, now_ms);
        }
    }
}


void
expo_queue_sweep(expo_queue_t *q, bool (*alive)(const expo_owner_t *owner),
                 uint64_t now_ms, uint64_t grace_ms)
{
    expo_queue_ticket_t *t;
    expo_queue_import_t *i;
    expo_session_t *s;

    for (EACH(t, q->tickets)) {
        if (t->waiting && !alive(&t->owner)) {
            queue_set(&t->waiting, 0);
        }
    }

    for (EACH(i, q->imports)) {
        if (i->running && !alive(&i->owner)) {
            queue_set(&i->running, 0);
        }
    }

    for (EACH(s, q->sessions)) {
        if (s->state == EXPO_SESSION_NONE || s->number == 0 ||
            s->state == EXPO_SESSION_ENDING || alive(&s->owner)) {
            continue;
        }

        if (s->opened_ms == 0) {
            queue_forget(q, s, now_ms); /* nobody would hear of it */

        } else {
            queue_to_grace(s, now_ms + grace_ms);
        }
    }
}


uint32_t
queue_free_slots(expo_queue_t *q, uint32_t n, uint64_t now_ms)
{
    const expo_queue_worker_t *w = &q->workers[n];
    const expo_session_t *s;
    uint32_t i, taken = 0;

    if (w->seen_ms == 0 || now_ms - w->seen_ms > EXPO_QUEUE_SEEN_MS) {
        return 0;
    }

    for (EACH(s, q->sessions)) {
        taken += s->state != EXPO_SESSION_NONE && s->worker == n;
    }

    for (i = 0; i < w->reported; i++) {
        s = queue_session(q, &w->ids[i]);
        taken += s == NULL || s->worker != n;
    }

    return taken < w->slots ? w->slots - taken : 0;
}


static bool
queue_is_reported(const expo_queue_worker_t *w, const expo_id_t *id)
{
    uint32_t i;

    for (i = 0; i < w->reported; i++) {
        if (queue_same_id(&w->ids[i], id)) {
            return true;
        }
    }

    return false;
}
