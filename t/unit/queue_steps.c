/*
 * The queue after random steps, and after a process has died in the middle of
 * one: what must hold whatever happened.
 */

#include <setjmp.h>
#include <stdatomic.h>

/* Every fence of the queue is a place to die at: the n-th from now, 0 never. */
static unsigned dies_at;
static jmp_buf death;

static inline void
pass(void)
{
    if (dies_at > 0 && --dies_at == 0) {
        longjmp(death, 1);
    }
}

#undef atomic_signal_fence
#define atomic_signal_fence(order) pass()

#include "t/unit/queue.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>


static const char *
broken(void)
{
    unsigned taken[EXPO_QUEUE_WORKERS] = {0}, i;
    const expo_session_t *s, *s2;
    const expo_queue_ticket_t *t, *t2;

    for (EACH(s, q->sessions)) {
        if (s->state == EXPO_SESSION_NONE) {
            continue;
        }

        if (s->state > EXPO_SESSION_ENDING ||
            (s->worker >= EXPO_QUEUE_WORKERS &&
             (s->worker != EXPO_QUEUE_NOWHERE ||
              s->state != EXPO_SESSION_ENDING)) ||
            (s->state == EXPO_SESSION_ENDING) > (s->why != 0) ||
            s->order == 0 || s->order > q->next || s->number > q->next) {
            return "a session is half an entry";
        }

        if ((s->number == 0) != (s->state == EXPO_SESSION_GRACE) &&
            s->state != EXPO_SESSION_ENDING) {
            return "nobody asks, and it is not in grace";
        }

        if (s->worker != EXPO_QUEUE_NOWHERE) {
            taken[s->worker]++;
        }

        for (s2 = s + 1; s2 < q->sessions + EXPO_QUEUE_SESSIONS; s2++) {
            if (s2->state != EXPO_SESSION_NONE &&
                (queue_same_id(&s->id, &s2->id) || s->order == s2->order ||
                 (s->state != EXPO_SESSION_ENDING &&
                  s2->state != EXPO_SESSION_ENDING &&
                  queue_same_wish(s->user, &s->scan, s2->user, &s2->scan)))) {
                return "two sessions of one";
            }
        }
    }

    for (EACH(t, q->tickets)) {
        if (!t->waiting) {
            continue;
        }

        if (t->waiting != 1 || t->order == 0 || t->order > q->next ||
            t->number < t->order || t->number > q->next) {
            return "a ticket is half an entry";
        }

        for (EACH(s, q->sessions)) {
            if (s->state != EXPO_SESSION_NONE &&
                (s->order == t->order ||
                 (s->state != EXPO_SESSION_ENDING &&
                  queue_same_wish(s->user, &s->scan, t->user, &t->scan)))) {
                return "waits for what it has";
            }
        }

        for (t2 = t + 1; t2 < q->tickets + EXPO_QUEUE_TICKETS; t2++) {
            if (t2->waiting &&
                (t->order == t2->order || t->number == t2->number ||
                 queue_same_wish(t->user, &t->scan, t2->user, &t2->scan))) {
                return "two tickets of one";
            }
        }
    }

    for (i = 0; i < EXPO_QUEUE_WORKERS; i++) {
        if (taken[i] > 3) {
            return "more sessions than slots";
        }
    }

    return NULL;
}


static unsigned
pick(unsigned n)
{
    return (unsigned) rand() % n;
}


/* A number that exists, or one that does not (any more). */
static uint64_t
some_number(void)
{
    const expo_queue_ticket_t *t = &q->tickets[pick(16)];
    const expo_session_t *s = &q->sessions[pick(8)];

    switch (pick(3)) {

    case 0:
        return t->number;

    case 1:
        return s->number;

    default:
        return pick((unsigned) q->next + 2);
    }
}


/* NULL, or which rule the step broke beside the invariants. */
static const char *
step(uint64_t now, unsigned session)
{
    static const uint64_t half_a_minute = 30000;
    const expo_owner_t *owner = pick(2) ? &first : &second;
    expo_session_t s, *some = &q->sessions[pick(8)];
    const expo_queue_ticket_t *t;
    uint64_t number = some_number(), order = 0;
    expo_id_t scan = id(pick(3)), i = id(session), ids[3];
    uint32_t n = pick(3), a, b, c;

    switch (pick(12)) {

    case 0:
    case 1:
    case 2:
        expo_queue_join(q, owner, user(pick(5)), &scan, now, &number, &s);
        break;

    case 3:
    case 4:
        t = queue_ticket(q, number);
        order = t ? t->order : 0;

        if (expo_queue_assign(q, number, pick(8), &i, 1, now, &s) != EXPO_OK) {
            break;
        }

        for (EACH(t, q->tickets)) {
            if (t->waiting && t->order < order) {
                return "somebody was passed by";
            }
        }
        break;

    case 5:
        expo_queue_opened(q, &some->id, now);
        break;

    case 6:
        expo_queue_leave(q, number, now, pick(2) ? half_a_minute : 0);
        break;

    case 7:
        for (a = 0, c = 0; c < 8; c++) {
            if (q->sessions[c].state && q->sessions[c].worker == n && a < 3) {
                ids[a++] = q->sessions[c].id;
            }
        }
        expo_queue_worker(q, n, 3, ids, pick(4) ? a : 0, now);
        break;

    case 8:
        while (expo_queue_expire(q, now, &s)) {
        }
        break;

    case 9:
        if (pick(8) == 0) {
            const uint8_t *who = pick(2) ? user(pick(5)) : NULL;

            while (expo_queue_end(q, &scan, who, 1 + pick(4), now, &s)) {
            }
        } else {
            expo_queue_permit(q, &scan, user(pick(5)), pick(3));
            while (expo_queue_lapse(q, 1, now, &s)) {
            }
        }
        break;

    case 10:
        if (pick(8) == 0) {
            expo_queue_sweep(q, only_second_lives, now, 1000);
            for (EACH(t, q->tickets)) {
                if (t->waiting && !only_second_lives(&t->owner)) {
                    return "the dead wait";
                }
            }
        } else if (pick(8) == 0) {
            expo_queue_worker_lost(q, n, owner, now);
        } else {
            expo_queue_release(q, &some->id, now);
        }
        break;

    default:
        if (expo_queue_place(q, number, now, &a, &b, &c) == EXPO_OK &&
            a != b + 1) {
            return "position and ahead disagree";
        }
    }

    return NULL;
}


static void
random_steps_break_no_rule(void)
{
    const char *rule = NULL;
    unsigned i, seed;
    uint64_t now;

    for (seed = 1; seed <= 20 && rule == NULL; seed++) {
        srand(seed);
        fresh();
        now = NOW;

        for (i = 1; i <= 3000 && rule == NULL; i++) {
            now += pick(400);
            rule = step(now, i);
            rule = rule ? rule : broken();
        }
    }

    if (rule != NULL) {
        printf("# seed %u step %u: %s\n", seed - 1, i - 1, rule);
    }
    check(rule == NULL);
}


static void
dying_between_any_two_stores_breaks_no_rule(void)
{
    const char *volatile rule = NULL;
    volatile unsigned i, died = 0;
    volatile uint64_t now = NOW;

    srand(1);
    fresh();
    expo_queue_exit(q);

    for (i = 1; i <= 40000 && rule == NULL; i++) {
        now += pick(400);

        if (setjmp(death) == 0) {
            dies_at = pick(3) == 0 ? 1 + pick(8) : 0;
            expo_queue_enter(q);
            step(now, i);
            expo_queue_exit(q);
            dies_at = 0;
            continue;
        }

        died += expo_queue_enter(q);
        rule = broken();
        expo_queue_exit(q);
    }

    if (rule != NULL) {
        printf("# step %u: %s\n", i - 1, rule);
    }
    check(rule == NULL);
    check(died > 1000);
}


/* The same with true processes, killed wherever they happen to be. */
static void
a_killed_process_is_noticed(void)
{
    const char *rule = NULL;
    unsigned round, died = 0;
    int ended;
    pid_t pid;

    fresh();
    expo_queue_exit(q);
    fflush(stdout);

    /* A busy machine may not let a child begin before it is killed. */
    for (round = 1;
         (round <= 100 || (died <= 10 && round <= 20000)) && rule == NULL;
         round++) {
        pid = fork();

        if (pid == 0) {
            unsigned i;

            srand(round);
            for (i = 0;; i++) {
                expo_queue_enter(q);
                step(NOW + round * 1000, round * 1000000 + i);
                expo_queue_exit(q);
            }
        }

        usleep(300 + pick(700));
        kill(pid, SIGKILL);
        waitpid(pid, &ended, 0);

        died += expo_queue_enter(q);
        rule = broken();
        expo_queue_exit(q);
    }

    if (rule != NULL) {
        printf("# round %u: %s\n", round - 1, rule);
    }
    check(rule == NULL);
    check(died > 10); /* or it was not midway often enough to tell */
}


int
main(void)
{
    q = mmap(NULL, sizeof(*q), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON,
             -1, 0);

    random_steps_break_no_rule();
    dying_between_any_two_stores_breaks_no_rule();
    a_killed_process_is_noticed();

    return done();
}
