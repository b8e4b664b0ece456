/*
 * What the queue's files share: steps that leave the tables right wherever
 * they stop.
 */

#ifndef EXPO_QUEUE_PRIVATE_H
#define EXPO_QUEUE_PRIVATE_H

#include <stdatomic.h>

#include "lib/queue.h"

/* Every entry of a table; the tables are members of *q. */
#define EACH(entry, table)                                                     \
    (entry) = (table);                                                         \
    (entry) < (table) + sizeof(table) / sizeof((table)[0]);                    \
    (entry)++

/* The one store by which an entry appears, changes its state or goes. */
void queue_set(uint32_t *state, uint32_t value);

/* NULL: none. */
expo_session_t *queue_session(expo_queue_t *q, const expo_id_t *id);
void queue_to_grace(expo_session_t *s, uint64_t expires_ms);
void queue_forget(expo_queue_t *q, expo_session_t *s, uint64_t now_ms);
/* Its worker does not have it (any more). */
void queue_gone(expo_queue_t *q, expo_session_t *s, uint64_t now_ms);

/*
 * Slots of worker n that no session has: neither one of ours, nor one that the
 * worker reports and we do not know (yet, or any more).
 */
uint32_t queue_free_slots(expo_queue_t *q, uint32_t n, uint64_t now_ms);

/* NULL: the table is full. */
expo_session_t *queue_place(expo_queue_t *q);

bool queue_same_id(const expo_id_t *a, const expo_id_t *b);

#endif
