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

#include "lib/queue.c"
#include "lib/queue_import.c"
#include "lib/queue_worker.c"
#include "t/unit/check.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW 1000000ull

static expo_queue_t *q;
static const expo_owner_t first = {101, 1}, second = {102, 2};


static void
fresh(void)
{
    memset(q, 0, sizeof(*q));
    expo_queue_init(q);
    expo_queue_enter(q);
}


static expo_id_t
id(unsigned n)
{
    expo_id_t i = {{0}};

    memcpy(i.b, &n, sizeof(n));
    return i;
}


static const uint8_t *
user(unsigned n)
{
    static uint8_t u[8][EXPO_QUEUE_USER];
    static unsigned turn;

    turn = (turn + 1) % 8;
    memset(u[turn], 0, sizeof(u[turn]));
    memcpy(u[turn], &n, sizeof(n));
    return u[turn];
}


static expo_status_t
join(const expo_owner_t *owner, unsigned who, unsigned scan, uint64_t *number)
{
    expo_session_t s;
    expo_id_t i = id(scan);

    return expo_queue_join(q, owner, user(who), &i, NOW, number, &s);
}


static expo_status_t
assign(uint64_t number, unsigned session, uint64_t now)
{
    expo_session_t s;
    expo_id_t i = id(session);

    return expo_queue_assign(q, number, 1, &i, 1, now, &s);
}


static void
status(uint32_t worker, uint32_t slots, uint64_t now)
{
    expo_queue_worker(q, worker, slots, NULL, 0, now);
}


static expo_status_t
opened(unsigned session, uint64_t now)
{
    expo_id_t i = id(session);

    return expo_queue_opened(q, &i, now);
}


static uint32_t
state(unsigned session)
{
    expo_id_t i = id(session);
    const expo_session_t *s = expo_queue_session(q, &i);

    return s ? s->state : EXPO_SESSION_NONE;
}


static void
who_comes_first_is_served_first(void)
{
    uint64_t a, b, c;
    uint32_t position, ahead, estimate;

    fresh();
    status(0, 1, NOW);
    check(join(&first, 1, 1, &a) == EXPO_OK);
    check(join(&second, 2, 2, &b) == EXPO_OK);
    check(join(&first, 3, 1, &c) == EXPO_OK);

    check(expo_queue_place(q, c, NOW, &position, &ahead, &estimate) ==
              EXPO_OK &&
          position == 3 && ahead == 2 && estimate == 900);
    check(assign(b, 1, NOW) == EXPO_AGAIN);
    check(assign(a, 1, NOW) == EXPO_OK);
    check(state(1) == EXPO_SESSION_OPENING);
    check(assign(a, 2, NOW) == EXPO_NOT_FOUND);
    check(assign(b, 2, NOW) == EXPO_AGAIN); /* the slot is taken */

    check(expo_queue_place(q, c, NOW, &position, &ahead, &estimate) ==
              EXPO_OK &&
          position == 2 && ahead == 1);
    check(opened(1, NOW) == EXPO_OK && state(1) == EXPO_SESSION_LIVE);

    expo_queue_leave(q, a, NOW, 0);
    check(state(1) == EXPO_SESSION_GRACE);
    check(assign(b, 2, NOW) == EXPO_AGAIN); /* still taken in grace */
    {
        expo_session_t s;

        check(expo_queue_expire(q, NOW, &s) && s.id.b[0] == 1);
        check(!expo_queue_expire(q, NOW, &s));
    }
    check(assign(b, 2, NOW) == EXPO_OK);

    expo_queue_leave(q, c, NOW, 0);
    check(expo_queue_place(q, c, NOW, &position, &ahead, &estimate) ==
          EXPO_NOT_FOUND);
}


static void
coming_back_within_grace_finds_the_same_session(void)
{
    uint64_t a, b;
    expo_session_t s;
    expo_id_t scan = id(1);

    fresh();
    status(0, 1, NOW);
    join(&first, 1, 1, &a);
    assign(a, 7, NOW);
    opened(7, NOW);
    expo_queue_leave(q, a, NOW, 5000);
    check(!expo_queue_expire(q, NOW + 4999, &s));

    check(join(&second, 2, 1, &b) == EXPO_OK); /* another user waits */
    expo_queue_leave(q, b, NOW, 0);

    check(expo_queue_join(q, &second, user(1), &scan, NOW + 4999, &b, &s) ==
          EXPO_CONFLICT);
    check(s.state == EXPO_SESSION_LIVE && s.id.b[0] == 7 && s.number == b);
    check(!expo_queue_expire(q, NOW + 999999, &s));
    check(expo_queue_session_of(q, a) == NULL);

    expo_queue_leave(q, a, NOW, 0); /* the older tab closes late */
    check(state(7) == EXPO_SESSION_LIVE);
    expo_queue_leave(q, b, NOW, 5000);
    check(expo_queue_expire(q, NOW + 5000, &s) && state(7) == 0);
}


static void
a_newer_tab_takes_the_older_ones_place(void)
{
    uint64_t a, b, newer;
    uint32_t position, ahead, estimate;
    expo_id_t scan = id(1);

    fresh();
    join(&first, 1, 1, &a);
    join(&first, 2, 1, &b);
    check(!expo_queue_is_replaced(q, user(9), &scan));
    check(join(&second, 1, 1, &newer) == EXPO_OK && newer != a);
    check(expo_queue_place(q, newer, NOW, &position, &ahead, &estimate) ==
              EXPO_OK &&
          position == 1);
    check(expo_queue_place(q, a, NOW, &position, &ahead, &estimate) ==
          EXPO_NOT_FOUND);
    check(expo_queue_is_replaced(q, user(1), &scan));
    expo_queue_leave(q, a, NOW, 0);
    check(expo_queue_place(q, newer, NOW, &position, &ahead, &estimate) ==
          EXPO_OK);
}


static void
one_user_may_have_two_scans_and_two_users_one(void)
{
    uint64_t n;

    fresh();
    check(join(&first, 1, 1, &n) == EXPO_OK);
    check(join(&first, 1, 2, &n) == EXPO_OK);
    check(join(&first, 2, 1, &n) == EXPO_OK);
    check(expo_queue_delete(q, &(expo_id_t){{1}}, NOW, &(expo_session_t){0}) ==
          false);
    check(join(&first, 3, 3, &n) == EXPO_OK);
    {
        uint32_t position, ahead, estimate;

        check(expo_queue_place(q, n, NOW, &position, &ahead, &estimate) ==
                  EXPO_OK &&
              ahead == 1); /* only (1, 2) was left */
    }
}


static void
slots_are_what_workers_say_and_nobody_else_has(void)
{
    uint64_t a, b;
    expo_id_t unknown = id(77);
    expo_session_t s;
    expo_id_t i = id(5);

    fresh();
    join(&first, 1, 1, &a);
    check(assign(a, 5, NOW) == EXPO_AGAIN); /* no worker */
    status(0, 0, NOW);
    check(assign(a, 5, NOW) == EXPO_AGAIN);
    expo_queue_worker(q, 0, 1, &unknown, 1, NOW);
    check(assign(a, 5, NOW) == EXPO_AGAIN); /* it serves one of another life */
    status(0, 1, NOW);
    check(assign(a, 5, NOW + EXPO_QUEUE_SEEN_MS + 1) == EXPO_AGAIN);
    check(expo_queue_assign(q, a, 2, &i, 1, NOW, &s) == EXPO_AGAIN);

    status(1, 3, NOW);
    check(expo_queue_assign(q, a, 3, &i, 1, NOW, &s) == EXPO_OK &&
          s.worker == 1);
    join(&first, 2, 1, &b);
    i = id(6);
    check(expo_queue_assign(q, b, 1, &i, 1, NOW, &s) == EXPO_OK &&
          s.worker == 0);
    status(99, 1, NOW); /* no such place: nothing happens */
}


static void
a_session_that_its_worker_forgot_is_over(void)
{
    uint64_t a;
    expo_id_t i = id(5);

    fresh();
    status(0, 1, NOW);
    join(&first, 1, 1, &a);
    assign(a, 5, NOW);
    status(0, 1, NOW + 10000);
    check(state(5) == EXPO_SESSION_OPENING); /* it still loads */
    opened(5, NOW + 10000);
    status(0, 1, NOW + 10001);
    check(state(5) == EXPO_SESSION_LIVE); /* that status may be older */
    expo_queue_worker(q, 0, 1, &i, 1, NOW + 20000);
    check(state(5) == EXPO_SESSION_LIVE);
    status(0, 1, NOW + 21000);
    check(state(5) == EXPO_SESSION_NONE);
    check(!expo_queue_is_replaced(q, user(1), &(expo_id_t){{1}}));
}


static void
a_lost_worker_takes_our_sessions_and_those_in_grace(void)
{
    uint64_t n[4];
    unsigned i;

    fresh();
    status(0, 3, NOW);
    status(1, 1, NOW);
    for (i = 0; i < 4; i++) {
        join(i == 1 ? &second : &first, i, 1, &n[i]);
    }
    for (i = 0; i < 4; i++) {
        expo_session_t s;
        expo_id_t session = id(i + 1);

        expo_queue_assign(q, n[i], i < 3 ? 1 : 2, &session, 1, NOW, &s);
        opened(i + 1, NOW);
    }
    expo_queue_leave(q, n[2], NOW, 5000);

    expo_queue_worker_lost(q, 0, &first, NOW);
    check(state(1) == EXPO_SESSION_NONE);
    check(state(2) == EXPO_SESSION_LIVE); /* its own process says so itself */
    check(state(3) == EXPO_SESSION_NONE);
    check(state(4) == EXPO_SESSION_LIVE);
    expo_queue_worker_lost(q, 0, &second, NOW);
    check(state(2) == EXPO_SESSION_NONE);
}


static bool
only_second_lives(const expo_owner_t *o)
{
    return o->pid == second.pid && o->started == second.started;
}


static void
what_dead_processes_left_is_swept(void)
{
    uint64_t a, b, c, d;
    expo_session_t s;
    expo_owner_t reused = {second.pid, second.started - 1};
    expo_id_t scan = id(9);

    fresh();
    status(0, 2, NOW);
    join(&first, 1, 1, &a);
    join(&first, 2, 1, &b);
    join(&reused, 3, 1, &c);
    join(&second, 4, 1, &d);
    assign(a, 1, NOW);
    assign(b, 2, NOW);
    opened(1, NOW);
    expo_queue_import_begin(q, &first, &scan);

    expo_queue_sweep(q, only_second_lives, NOW, 5000);
    check(state(1) == EXPO_SESSION_GRACE);
    check(state(2) == EXPO_SESSION_NONE); /* nobody would hear it open */
    check(assign(c, 3, NOW) == EXPO_NOT_FOUND);
    check(assign(d, 3, NOW) == EXPO_OK);
    check(expo_queue_import(q, &scan) == NULL);

    expo_queue_sweep(q, only_second_lives, NOW + 9999, 5000);
    check(expo_queue_expire(q, NOW + 5000, &s) && s.id.b[0] == 1);
    check(state(3) == EXPO_SESSION_OPENING);
}


static void
a_deleted_scan_ends_its_sessions_and_waiters(void)
{
    uint64_t a, b, c;
    expo_session_t s;
    expo_id_t scan = id(1);

    fresh();
    status(0, 1, NOW);
    join(&first, 1, 1, &a);
    join(&first, 2, 1, &b);
    join(&first, 3, 2, &c);
    assign(a, 4, NOW);
    opened(4, NOW);

    check(expo_queue_delete(q, &scan, NOW, &s) && s.id.b[0] == 4);
    check(!expo_queue_delete(q, &scan, NOW, &s));
    check(state(4) == EXPO_SESSION_ENDING);
    check(!expo_queue_is_replaced(q, user(1), &scan));
    check(opened(4, NOW) == EXPO_NOT_FOUND);
    check(assign(b, 5, NOW) == EXPO_NOT_FOUND);
    check(assign(c, 5, NOW) == EXPO_AGAIN);
    expo_queue_leave(q, a, NOW, 60000);
    check(state(4) == EXPO_SESSION_ENDING);
    check(expo_queue_expire(q, NOW + EXPO_QUEUE_END_MS, &s));
    check(assign(c, 5, NOW) == EXPO_OK);
}


static void
full_tables_refuse_and_keep_what_they_have(void)
{
    uint64_t n, numbers[EXPO_QUEUE_SESSIONS + 1];
    uint32_t position, ahead, estimate;
    unsigned i;

    fresh();
    for (i = 0; i < EXPO_QUEUE_TICKETS; i++) {
        if (join(&first, i, 1, &n) != EXPO_OK) {
            break;
        }
    }
    check(i == EXPO_QUEUE_TICKETS);
    check(join(&first, i, 1, &n) == EXPO_FULL);
    check(join(&first, 5, 1, &n) == EXPO_OK); /* it has a place already */
    check(expo_queue_place(q, n, NOW, &position, &ahead, &estimate) ==
              EXPO_OK &&
          position == 6);

    fresh();
    for (i = 0; i < 5; i++) {
        status(i, EXPO_QUEUE_SLOTS, NOW);
    }
    for (i = 0; i <= EXPO_QUEUE_SESSIONS; i++) {
        expo_session_t s;
        expo_id_t session = id(i);

        join(&first, i, 1, &numbers[i]);
        if (expo_queue_assign(q, numbers[i], 31, &session, 1, NOW, &s) !=
            EXPO_OK) {
            break;
        }
    }
    check(i == EXPO_QUEUE_SESSIONS);
    check(assign(numbers[i], 999, NOW) == EXPO_FULL);
    check(expo_queue_place(q, numbers[i], NOW, &position, &ahead, &estimate) ==
          EXPO_OK);
}


static void
a_ticket_is_used_once(void)
{
    uint8_t nonce[16] = {1};
    unsigned i, taken = 0;

    fresh();
    check(expo_queue_redeem(q, nonce, 130, 100) == EXPO_OK);
    check(expo_queue_redeem(q, nonce, 130, 100) == EXPO_CONFLICT);
    check(expo_queue_redeem(q, nonce, 130, 130) == EXPO_CONFLICT);
    nonce[0] = 2;
    check(expo_queue_redeem(q, nonce, 130, 100) == EXPO_OK);

    for (i = 0; i < EXPO_QUEUE_NONCES; i++) {
        memcpy(nonce + 4, &i, sizeof(i));
        nonce[0] = 3;
        taken += expo_queue_redeem(q, nonce, 130, 100) == EXPO_OK;
    }
    check(taken == EXPO_QUEUE_NONCES - 2);
    nonce[0] = 4;
    check(expo_queue_redeem(q, nonce, 130, 130) == EXPO_FULL);
    check(expo_queue_redeem(q, nonce, 160, 131) == EXPO_OK);
}


static void
an_import_runs_once_and_says_how_far_it_is(void)
{
    expo_id_t scan = id(1), other;
    unsigned i;

    fresh();
    check(expo_queue_import(q, &scan) == NULL);
    check(expo_queue_import_begin(q, &first, &scan) == EXPO_OK);
    check(expo_queue_import_begin(q, &second, &scan) == EXPO_CONFLICT);
    expo_queue_import_note(q, &scan, "a stage with too long a name", 0.5f);
    check(expo_queue_import(q, &scan)->fraction == 0.5f);
    check(strcmp(expo_queue_import(q, &scan)->stage, "a stage with to") == 0);
    expo_queue_import_note(q, &scan, "reading", 0.6f);
    check(strcmp(expo_queue_import(q, &scan)->stage, "reading") == 0);

    for (i = 2; i <= EXPO_QUEUE_IMPORTS; i++) {
        other = id(i);
        expo_queue_import_begin(q, &first, &other);
    }
    other = id(i);
    check(expo_queue_import_begin(q, &first, &other) == EXPO_FULL);
    expo_queue_import_end(q, &scan);
    check(expo_queue_import(q, &scan) == NULL);
    check(expo_queue_import_begin(q, &first, &other) == EXPO_OK);
    expo_queue_import_note(q, &scan, "nobody", 1);
    expo_queue_import_end(q, &scan);
}


/* --- what must hold whatever happened --- */

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

        if (s->state > EXPO_SESSION_ENDING || s->worker >= EXPO_QUEUE_WORKERS ||
            s->order == 0 || s->order > q->next || s->number > q->next) {
            return "a session is half an entry";
        }

        if ((s->number == 0) != (s->state == EXPO_SESSION_GRACE) &&
            s->state != EXPO_SESSION_ENDING) {
            return "nobody asks, and it is not in grace";
        }

        taken[s->worker]++;

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
            while (expo_queue_delete(q, &scan, now, &s)) {
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

    for (round = 1; round <= 100 && rule == NULL; round++) {
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


static void
the_latest_token_counts(void)
{
    uint64_t a;
    expo_id_t i = id(1), none = id(2);

    fresh();
    status(0, 1, NOW);
    join(&first, 1, 1, &a);
    check(assign(a, 1, NOW) == EXPO_OK);
    check(expo_queue_session(q, &i)->token_s == 0);

    expo_queue_vouch(q, &i, 500);
    expo_queue_vouch(q, &i, 400);
    expo_queue_vouch(q, &none, 900);
    check(expo_queue_session(q, &i)->token_s == 500);

    expo_queue_release(q, &i, NOW);
    join(&first, 2, 2, &a);
    check(assign(a, 1, NOW) == EXPO_OK);
    check(expo_queue_session(q, &i)->token_s == 0);
}


int
main(void)
{
    q = mmap(NULL, sizeof(*q), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON,
             -1, 0);

    who_comes_first_is_served_first();
    coming_back_within_grace_finds_the_same_session();
    a_newer_tab_takes_the_older_ones_place();
    one_user_may_have_two_scans_and_two_users_one();
    slots_are_what_workers_say_and_nobody_else_has();
    a_session_that_its_worker_forgot_is_over();
    a_lost_worker_takes_our_sessions_and_those_in_grace();
    what_dead_processes_left_is_swept();
    a_deleted_scan_ends_its_sessions_and_waiters();
    full_tables_refuse_and_keep_what_they_have();
    a_ticket_is_used_once();
    the_latest_token_counts();
    an_import_runs_once_and_says_how_far_it_is();
    random_steps_break_no_rule();
    dying_between_any_two_stores_breaks_no_rule();
    a_killed_process_is_noticed();
    return done();
}
