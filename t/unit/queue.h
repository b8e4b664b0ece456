/*
 * What the tests of the queue share: a queue, and its calls with numbers in
 * place of users, scans and sessions.
 */

#ifndef QUEUE_TEST_H
#define QUEUE_TEST_H

#include "lib/queue.c"
#include "lib/queue_end.c"
#include "lib/queue_import.c"
#include "lib/queue_worker.c"
#include "t/unit/check.h"

#define NOW 1000000ull

static expo_queue_t *q;
static const expo_owner_t first = {101, 1}, second = {102, 2};


static inline void
fresh(void)
{
    memset(q, 0, sizeof(*q));
    expo_queue_init(q);
    expo_queue_enter(q);
}


static inline expo_id_t
id(unsigned n)
{
    expo_id_t i = {{0}};

    memcpy(i.b, &n, sizeof(n));
    return i;
}


static inline const uint8_t *
user(unsigned n)
{
    static uint8_t u[8][EXPO_QUEUE_USER];
    static unsigned turn;

    turn = (turn + 1) % 8;
    memset(u[turn], 0, sizeof(u[turn]));
    memcpy(u[turn], &n, sizeof(n));
    return u[turn];
}


static inline expo_status_t
join(const expo_owner_t *owner, unsigned who, unsigned scan, uint64_t *number)
{
    expo_session_t s;
    expo_id_t i = id(scan);

    return expo_queue_join(q, owner, user(who), &i, NOW, number, &s);
}


static inline expo_status_t
assign(uint64_t number, unsigned session, uint64_t now)
{
    expo_session_t s;
    expo_id_t i = id(session);

    return expo_queue_assign(q, number, 1, &i, 1, now, &s);
}


static inline void
status(uint32_t worker, uint32_t slots, uint64_t now)
{
    expo_queue_worker(q, worker, slots, NULL, 0, now);
}


static inline expo_status_t
opened(unsigned session, uint64_t now)
{
    expo_id_t i = id(session);

    return expo_queue_opened(q, &i, now);
}


static inline uint32_t
state(unsigned session)
{
    expo_id_t i = id(session);
    const expo_session_t *s = expo_queue_session(q, &i);

    return s ? s->state : EXPO_SESSION_NONE;
}


static inline bool
only_second_lives(const expo_owner_t *o)
{
    return o->pid == second.pid && o->started == second.started;
}

#endif
