#include "lib/queue_private.h"

#include <string.h>

#define QUEUE_MEAN_MS (5 * 60 * 1000)
#define QUEUE_MEAN_MAX_MS (4 * 3600 * 1000)
#define QUEUE_ESTIMATE_MAX_S 1000000

static void queue_repair(expo_queue_t *q);
static expo_queue_ticket_t *queue_ticket(expo_queue_t *q, uint64_t number);
static void queue_take_over(uint64_t *number, expo_owner_t *owner,
                            uint64_t new_number, const expo_owner_t *new_owner);
static void queue_resume(expo_session_t *s, uint64_t now_ms);
static bool queue_same_wish(const uint8_t user_a[EXPO_QUEUE_USER],
                            const expo_id_t *scan_a,
                            const uint8_t user_b[EXPO_QUEUE_USER],
                            const expo_id_t *scan_b);


void
expo_queue_init(expo_queue_t *q)
{
    q->mean_ms = QUEUE_MEAN_MS;
}


bool
expo_queue_enter(expo_queue_t *q)
{
    bool died = q->turn & 1;

    if (died) {
        queue_repair(q);

    } else {
        q->turn++;
    }

    atomic_signal_fence(memory_order_seq_cst);
    return died;
}


void
expo_queue_exit(expo_queue_t *q)
{
    atomic_signal_fence(memory_order_seq_cst);
    q->turn++;
}


/* --- asking --- */

expo_status_t
expo_queue_join(expo_queue_t *q, const expo_owner_t *owner,
                const uint8_t user[EXPO_QUEUE_USER], const expo_id_t *scan,
                uint64_t now_ms, uint64_t *number, expo_session_t *session)
{
    expo_queue_ticket_t *t, *place = NULL;
    expo_session_t *s;

    for (EACH(s, q->sessions)) {
        if (s->state != EXPO_SESSION_NONE && s->state != EXPO_SESSION_ENDING &&
            queue_same_wish(s->user, &s->scan, user, scan)) {

            *number = ++q->next;
            queue_take_over(&s->number, &s->owner, *number, owner);
            queue_resume(s, now_ms);
            *session = *s;
            return EXPO_CONFLICT;
        }
    }

    for (EACH(t, q->tickets)) {
        if (!t->waiting) {
            place = place ? place : t;
            continue;
        }

        if (queue_same_wish(t->user, &t->scan, user, scan)) {
            *number = ++q->next;
            queue_take_over(&t->number, &t->owner, *number, owner);
            return EXPO_OK;
        }
    }

    if (place == NULL) {
        return EXPO_FULL;
    }

    *number = ++q->next;
    place->scan = *scan;
    memcpy(place->user, user, EXPO_QUEUE_USER);
    place->owner = *owner;
    place->number = *number;
    place->order = *number;
    queue_set(&place->waiting, 1);

    return EXPO_OK;
}


expo_status_t
expo_queue_place(const expo_queue_t *q, uint64_t number, uint64_t now_ms,
                 uint32_t *position, uint32_t *ahead, uint32_t *estimate_s)
{
    const expo_queue_ticket_t *t, *own;
    const expo_queue_worker_t *w;
    uint64_t slots = 0, estimate;

    own = queue_ticket((expo_queue_t *) q, number);
    if (own == NULL) {
        return EXPO_NOT_FOUND;
    }

    *ahead = 0;
    for (EACH(t, q->tickets)) {
        *ahead += t->waiting && t->order < own->order;
    }

    for (EACH(w, q->workers)) {
        if (w->seen_ms != 0 && now_ms - w->seen_ms <= EXPO_QUEUE_SEEN_MS) {
            slots += w->slots;
        }
    }

    *position = *ahead + 1;
    estimate = *position * q->mean_ms / (slots ? slots : 1) / 1000;
    *estimate_s = estimate < QUEUE_ESTIMATE_MAX_S ? (uint32_t) estimate
                                                  : QUEUE_ESTIMATE_MAX_S;
    return EXPO_OK;
}


expo_status_t
expo_queue_assign(expo_queue_t *q, uint64_t number, uint32_t reachable,
                  const expo_id_t *id, uint32_t role, uint64_t now_ms,
                  expo_session_t *session)
{
    uint32_t n, slots, most = 0, worker = 0;
    expo_queue_ticket_t *t, *own;
    expo_session_t *s;

    own = queue_ticket(q, number);
    if (own == NULL) {
        return EXPO_NOT_FOUND;
    }

    for (EACH(t, q->tickets)) {
        if (t->waiting && t->order < own->order) {
            return EXPO_AGAIN;
        }
    }

    for (n = 0; n < EXPO_QUEUE_WORKERS; n++) {
        slots = reachable >> n & 1 ? queue_free_slots(q, n, now_ms) : 0;
        if (slots > most) {
            most = slots;
            worker = n;
        }
    }

    if (most == 0) {
        return EXPO_AGAIN;
    }

    s = queue_place(q);
    if (s == NULL) {
        return EXPO_FULL;
    }

    s->worker = worker;
    s->role = role;
    s->id = *id;
    s->scan = own->scan;
    memcpy(s->user, own->user, EXPO_QUEUE_USER);
    s->owner = own->owner;
    s->number = own->number;
    s->order = own->order;
    s->since_ms = now_ms;
    s->opened_ms = 0;
    s->expires_ms = now_ms + EXPO_QUEUE_OPEN_MS;
    s->token_ms = 0;
    s->access_s = 0;

    /* Whoever dies between these two leaves both with one order number. */
    queue_set(&s->state, EXPO_SESSION_OPENING);
    queue_set(&own->waiting, 0);

    *session = *s;
    return EXPO_OK;
}


void
expo_queue_leave(expo_queue_t *q, uint64_t number, uint64_t now_ms,
                 uint64_t grace_ms)
{
    expo_queue_ticket_t *t = queue_ticket(q, number);
    expo_session_t *s;

    if (t != NULL) {
        queue_set(&t->waiting, 0);
        return;
    }

    s = (expo_session_t *) expo_queue_session_of(q, number);

    if (s != NULL && s->state != EXPO_SESSION_ENDING) {
        queue_to_grace(s, now_ms + grace_ms);
    }
}


bool
expo_queue_is_replaced(const expo_queue_t *q,
                       const uint8_t user[EXPO_QUEUE_USER],
                       const expo_id_t *scan)
{
    const expo_queue_ticket_t *t;
    const expo_session_t *s;

    for (EACH(t, q->tickets)) {
        if (t->waiting && queue_same_wish(t->user, &t->scan, user, scan)) {
            return true;
        }
    }

    for (EACH(s, q->sessions)) {
        if ((s->state == EXPO_SESSION_OPENING ||
             s->state == EXPO_SESSION_LIVE) &&
            queue_same_wish(s->user, &s->scan, user, scan)) {
            return true;
        }
    }

    return false;
}


/* --- sessions --- */

const expo_session_t *
expo_queue_session(const expo_queue_t *q, const expo_id_t *id)
{
    return queue_session((expo_queue_t *) q, id);
}


const expo_session_t *
expo_queue_session_of(const expo_queue_t *q, uint64_t number)
{
    const expo_session_t *s;

    for (EACH(s, q->sessions)) {
        if (s->state != EXPO_SESSION_NONE && number != 0 &&
            s->number == number) {
            return s;
        }
    }

    return NULL;
}


expo_status_t
expo_queue_opened(expo_queue_t *q, const expo_id_t *id, uint64_t now_ms)
{
    expo_session_t *s = queue_session(q, id);

    if (s == NULL || s->state == EXPO_SESSION_ENDING) {
        return EXPO_NOT_FOUND;
    }

    s->opened_ms = now_ms;

    if (s->state == EXPO_SESSION_OPENING) {
        queue_set(&s->state, EXPO_SESSION_LIVE);
    }

    return EXPO_OK;
}


void
expo_queue_vouch(expo_queue_t *q, const expo_id_t *id, uint64_t token_ms)
{
    expo_session_t *s = queue_session(q, id);

    if (s != NULL && s->token_ms < token_ms) {
        s->token_ms = token_ms;
    }
}


void
expo_queue_release(expo_queue_t *q, const expo_id_t *id, uint64_t now_ms)
{
    expo_session_t *s = queue_session(q, id);

    if (s != NULL) {
        queue_gone(q, s, now_ms);
    }
}


bool
expo_queue_expire(expo_queue_t *q, uint64_t now_ms, expo_session_t *session)
{
    expo_session_t *s;

    for (EACH(s, q->sessions)) {
        if (s->state != EXPO_SESSION_NONE && s->state != EXPO_SESSION_LIVE &&
            s->expires_ms <= now_ms) {
            *session = *s;
            queue_forget(q, s, now_ms);
            return true;
        }
    }

    return false;
}


/* --- tickets of WebSockets --- */

expo_status_t
expo_queue_redeem(expo_queue_t *q, const uint8_t nonce[16], uint64_t expires_s,
                  uint64_t now_s)
{
    expo_queue_nonce_t *n, *place = NULL;

    for (EACH(n, q->nonces)) {
        if (n->expires_s < now_s || n->expires_s == 0) {
            place = place ? place : n;

        } else if (memcmp(n->nonce, nonce, sizeof(n->nonce)) == 0) {
            return EXPO_CONFLICT;
        }
    }

    if (place == NULL) {
        return EXPO_FULL;
    }

    place->expires_s = 0;
    atomic_signal_fence(memory_order_seq_cst);
    memcpy(place->nonce, nonce, sizeof(place->nonce));
    atomic_signal_fence(memory_order_seq_cst);
    place->expires_s = expires_s;

    return EXPO_OK;
}


/* --- inside --- */

/* The one store by which an entry appears, changes its state or goes. */
void
queue_set(uint32_t *state, uint32_t value)
{
    /* What matters is what a killed process had stored, and in which order:
       a fence for the compiler is enough. */
    atomic_signal_fence(memory_order_seq_cst);
    *(volatile uint32_t *) state = value;
    atomic_signal_fence(memory_order_seq_cst);
}


/* What the orders of stores above can leave behind when they stop midway. */
static void
queue_repair(expo_queue_t *q)
{
    expo_queue_ticket_t *t;
    expo_queue_worker_t *w;
    expo_session_t *s;

    for (EACH(s, q->sessions)) {
        if (s->state == EXPO_SESSION_GRACE) {
            s->number = 0; /* into grace, or out of it: the asker is dead */
        }

        /* Assigned, and the ticket was still to go. */
        for (EACH(t, q->tickets)) {
            if (s->state != EXPO_SESSION_NONE && t->order == s->order) {
                queue_set(&t->waiting, 0);
            }
        }
    }

    /* Half a status: the next one comes within a second. */
    for (EACH(w, q->workers)) {
        if (w->seen_ms == 0) {
            w->slots = 0;
            w->reported = 0;
        }
    }
}


static expo_queue_ticket_t *
queue_ticket(expo_queue_t *q, uint64_t number)
{
    expo_queue_ticket_t *t;

    for (EACH(t, q->tickets)) {
        if (t->waiting && t->number == number) {
            return t;
        }
    }

    return NULL;
}


expo_session_t *
queue_session(expo_queue_t *q, const expo_id_t *id)
{
    expo_session_t *s;

    for (EACH(s, q->sessions)) {
        if (s->state != EXPO_SESSION_NONE && queue_same_id(&s->id, id)) {
            return s;
        }
    }

    return NULL;
}


/* The owner first: dying midway leaves the entry to a dead process, which a
   sweep finds, and not to a living one that does not know the number. */
static void
queue_take_over(uint64_t *number, expo_owner_t *owner, uint64_t new_number,
                const expo_owner_t *new_owner)
{
    *owner = *new_owner;
    atomic_signal_fence(memory_order_seq_cst);
    *number = new_number;
}


static void
queue_resume(expo_session_t *s, uint64_t now_ms)
{
    if (s->state != EXPO_SESSION_GRACE) {
        return;
    }

    s->expires_ms = now_ms + EXPO_QUEUE_OPEN_MS;
    queue_set(&s->state,
              s->opened_ms ? EXPO_SESSION_LIVE : EXPO_SESSION_OPENING);
}


void
queue_to_grace(expo_session_t *s, uint64_t expires_ms)
{
    s->expires_ms = expires_ms;
    queue_set(&s->state, EXPO_SESSION_GRACE);
    s->number = 0;
}


void
queue_forget(expo_queue_t *q, expo_session_t *s, uint64_t now_ms)
{
    uint64_t lasted = now_ms - s->since_ms;

    if (s->opened_ms != 0) {
        lasted = lasted < QUEUE_MEAN_MAX_MS ? lasted : QUEUE_MEAN_MAX_MS;
        q->mean_ms = (7 * q->mean_ms + lasted) / 8;
    }

    queue_set(&s->state, EXPO_SESSION_NONE);
    s->number = 0;
}


void
queue_gone(expo_queue_t *q, expo_session_t *s, uint64_t now_ms)
{
    if (s->state == EXPO_SESSION_ENDING) {
        s->worker = EXPO_QUEUE_NOWHERE;

    } else {
        queue_forget(q, s, now_ms);
    }
}


expo_session_t *
queue_place(expo_queue_t *q)
{
    expo_session_t *s;

    for (EACH(s, q->sessions)) {
        if (s->state == EXPO_SESSION_NONE) {
            return s;
        }
    }

    return NULL;
}


bool
queue_same_id(const expo_id_t *a, const expo_id_t *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}


static bool
queue_same_wish(const uint8_t user_a[EXPO_QUEUE_USER], const expo_id_t *scan_a,
                const uint8_t user_b[EXPO_QUEUE_USER], const expo_id_t *scan_b)
{
    return queue_same_id(scan_a, scan_b) &&
           memcmp(user_a, user_b, EXPO_QUEUE_USER) == 0;
}
