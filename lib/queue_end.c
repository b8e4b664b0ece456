/* What ends because somebody may no more, and how everybody hears why. */

#include "lib/queue_private.h"

#include <string.h>

static bool end_is_of(const expo_id_t *scan, const uint8_t *user,
                      const expo_id_t *its_scan, const uint8_t *its_user);
static void end_session(expo_session_t *s, expo_end_t why, uint64_t now_ms);
static void end_ticket(expo_queue_t *q, expo_queue_ticket_t *t, expo_end_t why,
                       uint64_t now_ms);
static uint32_t *end_changes(expo_queue_t *q, const expo_id_t *scan);


bool
expo_queue_end(expo_queue_t *q, const expo_id_t *scan, const uint8_t *user,
               expo_end_t why, uint64_t now_ms, expo_session_t *session)
{
    expo_queue_ticket_t *t;
    expo_session_t *s;

    ++*end_changes(q, scan);

    for (EACH(t, q->tickets)) {
        if (t->waiting && end_is_of(scan, user, &t->scan, t->user)) {
            end_ticket(q, t, why, now_ms);
        }
    }

    for (EACH(s, q->sessions)) {
        if (s->state != EXPO_SESSION_NONE && s->state != EXPO_SESSION_ENDING &&
            end_is_of(scan, user, &s->scan, s->user)) {
            end_session(s, why, now_ms);
            *session = *s;
            return true;
        }
    }

    return false;
}


bool
expo_queue_lapse(expo_queue_t *q, uint64_t now_s, uint64_t now_ms,
                 expo_session_t *session)
{
    expo_session_t *s;

    for (EACH(s, q->sessions)) {
        if (s->state != EXPO_SESSION_NONE && s->state != EXPO_SESSION_ENDING &&
            s->access_s != 0 && s->access_s <= now_s) {
            end_session(s, EXPO_END_EXPIRED, now_ms);
            *session = *s;
            return true;
        }
    }

    return false;
}


void
expo_queue_admit(expo_queue_t *q, const expo_id_t *id, uint64_t access_s)
{
    expo_session_t *s = queue_session(q, id);

    if (s != NULL) {
        s->access_s = access_s;
    }
}


void
expo_queue_permit(expo_queue_t *q, const expo_id_t *scan,
                  const uint8_t user[EXPO_QUEUE_USER], uint64_t access_s)
{
    expo_session_t *s;

    ++*end_changes(q, scan);

    for (EACH(s, q->sessions)) {
        if (s->state != EXPO_SESSION_NONE &&
            end_is_of(scan, user, &s->scan, s->user)) {
            s->access_s = access_s;
        }
    }
}


size_t
expo_queue_asked(const expo_queue_t *q, const expo_owner_t *owner,
                 expo_session_t sessions[EXPO_QUEUE_SESSIONS])
{
    const expo_session_t *s;
    size_t n = 0;

    for (EACH(s, q->sessions)) {
        if (s->state != EXPO_SESSION_NONE && s->state != EXPO_SESSION_ENDING &&
            s->owner.pid == owner->pid && s->owner.started == owner->started) {
            sessions[n++] = *s;
        }
    }

    return n;
}


uint32_t
expo_queue_changes(const expo_queue_t *q, const expo_id_t *scan)
{
    return *end_changes((expo_queue_t *) q, scan);
}


static bool
end_is_of(const expo_id_t *scan, const uint8_t *user, const expo_id_t *its_scan,
          const uint8_t *its_user)
{
    return queue_same_id(scan, its_scan) &&
           (user == NULL || memcmp(user, its_user, EXPO_QUEUE_USER) == 0);
}


static void
end_session(expo_session_t *s, expo_end_t why, uint64_t now_ms)
{
    s->why = why;
    s->expires_ms = now_ms + EXPO_QUEUE_END_MS;
    queue_set(&s->state, EXPO_SESSION_ENDING);
}


/*
 * Who waits finds out like who looks: by a session that ends. Without a place
 * for one it finds nothing, and that something was deleted is all it hears.
 */
static void
end_ticket(expo_queue_t *q, expo_queue_ticket_t *t, expo_end_t why,
           uint64_t now_ms)
{
    expo_session_t *s = queue_place(q);

    if (s != NULL) {
        memset(s, 0, sizeof(*s));
        s->worker = EXPO_QUEUE_NOWHERE;
        memset(&s->id, 0xff, sizeof(s->id)); /* and no other's */
        memcpy(s->id.b, &t->number, sizeof(t->number));
        s->scan = t->scan;
        memcpy(s->user, t->user, EXPO_QUEUE_USER);
        s->owner = t->owner;
        s->number = t->number;
        s->order = t->order;
        s->since_ms = now_ms;
        end_session(s, why, now_ms);
    }

    queue_set(&t->waiting, 0);
}


/* Ids are random, so nobody can choose to share a counter with another's. */
static uint32_t *
end_changes(expo_queue_t *q, const expo_id_t *scan)
{
    return &q->changes[(scan->b[0] | scan->b[1] << 8) % EXPO_QUEUE_CHANGES];
}
