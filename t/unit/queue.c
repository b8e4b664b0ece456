/* The queue: who is served, and when. */

#include "t/unit/queue.h"


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
    check(!expo_queue_end(q, &(expo_id_t){{1}}, NULL, EXPO_END_DELETED, NOW,
                          &(expo_session_t){0}));
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


static bool
end_all(unsigned scan, const uint8_t *who, expo_end_t why, expo_session_t *s)
{
    expo_id_t i = id(scan);

    return expo_queue_end(q, &i, who, why, NOW, s);
}


/* 0: its number has no session that is ending. */
static expo_end_t
why(uint64_t number)
{
    const expo_session_t *s = expo_queue_session_of(q, number);

    return s != NULL && s->state == EXPO_SESSION_ENDING ? s->why : 0;
}


static void
a_deleted_scan_ends_its_sessions_and_waiters(void)
{
    uint64_t a, b, c;
    expo_session_t s;

    fresh();
    status(0, 1, NOW);
    join(&first, 1, 1, &a);
    join(&first, 2, 1, &b);
    join(&first, 3, 2, &c);
    assign(a, 4, NOW);
    opened(4, NOW);

    check(end_all(1, NULL, EXPO_END_DELETED, &s) && s.id.b[0] == 4);
    check(!end_all(1, NULL, EXPO_END_DELETED, &s));
    check(state(4) == EXPO_SESSION_ENDING);
    check(why(a) == EXPO_END_DELETED && why(b) == EXPO_END_DELETED);
    check(why(c) == 0);
    check(!expo_queue_is_replaced(q, user(1), &(expo_id_t){{1}}));
    check(opened(4, NOW) == EXPO_NOT_FOUND);
    check(assign(b, 5, NOW) == EXPO_NOT_FOUND);
    check(assign(c, 5, NOW) == EXPO_AGAIN);
    expo_queue_leave(q, a, NOW, 60000);
    check(state(4) == EXPO_SESSION_ENDING);
    check(expo_queue_expire(q, NOW + EXPO_QUEUE_END_MS, &s));
    check(assign(c, 5, NOW) == EXPO_OK);
}


static void
an_ended_permission_ends_what_its_user_has_and_nothing_else(void)
{
    uint64_t ann, bob, bobs_other, waiting;
    expo_session_t s;
    expo_id_t four = id(4);

    fresh();
    status(0, 3, NOW);
    join(&first, 1, 1, &ann);
    join(&second, 2, 1, &bob);
    join(&first, 2, 2, &bobs_other);
    assign(ann, 3, NOW);
    assign(bob, 4, NOW);
    assign(bobs_other, 5, NOW);
    opened(4, NOW);

    check(end_all(1, user(2), EXPO_END_REVOKED, &s) && s.id.b[0] == 4);
    check(!end_all(1, user(2), EXPO_END_REVOKED, &s));
    check(why(bob) == EXPO_END_REVOKED);
    check(why(ann) == 0 && why(bobs_other) == 0);

    /* Asking again begins anew: the store decides. */
    check(join(&second, 2, 1, &waiting) == EXPO_OK);
    check(assign(waiting, 6, NOW) == EXPO_AGAIN);

    /* Closed by its worker: the slot is free, and why is still known. */
    expo_queue_release(q, &four, NOW);
    check(why(bob) == EXPO_END_REVOKED);
    check(assign(waiting, 6, NOW) == EXPO_OK);
    check(expo_queue_expire(q, NOW + EXPO_QUEUE_END_MS, &s) &&
          s.worker == EXPO_QUEUE_NOWHERE);
    check(why(bob) == 0 && state(6) == EXPO_SESSION_OPENING);

    check(end_all(1, user(2), EXPO_END_CHANGED, &s) && s.id.b[0] == 6);
    check(why(waiting) == EXPO_END_CHANGED);
}


static void
who_waits_hears_why_as_long_as_there_is_a_place(void)
{
    uint64_t number, other;
    expo_session_t s;
    unsigned i;

    fresh();
    join(&first, 1, 1, &number);
    check(!end_all(1, user(1), EXPO_END_REVOKED, &s));
    check(why(number) == EXPO_END_REVOKED);
    check(assign(number, 1, NOW) == EXPO_NOT_FOUND);

    fresh();
    for (i = 0; i < EXPO_QUEUE_SESSIONS; i++) {
        join(&first, i + 10, 2, &other);
        end_all(2, NULL, EXPO_END_DELETED, &s);
    }
    join(&first, 1, 1, &number);
    check(!end_all(1, user(1), EXPO_END_REVOKED, &s));
    check(why(number) == 0 && assign(number, 1, NOW) == EXPO_NOT_FOUND);
}


static void
a_permission_lapses_at_its_second(void)
{
    uint64_t a, b;
    expo_session_t s;
    expo_id_t one = id(1), two = id(2);

    fresh();
    status(0, 2, NOW);
    join(&first, 1, 1, &a);
    join(&first, 2, 1, &b);
    assign(a, 1, NOW);
    assign(b, 2, NOW);
    expo_queue_admit(q, &one, 500);
    expo_queue_admit(q, &two, 0);

    check(!expo_queue_lapse(q, 499, NOW, &s));
    expo_queue_permit(q, &(expo_id_t){{1}}, user(1), 600);
    check(!expo_queue_lapse(q, 599, NOW, &s));
    check(expo_queue_lapse(q, 600, NOW, &s) && s.id.b[0] == 1);
    check(!expo_queue_lapse(q, 600, NOW, &s));
    check(why(a) == EXPO_END_EXPIRED && why(b) == 0);

    expo_queue_permit(q, &(expo_id_t){{1}}, user(2), 100);
    check(expo_queue_lapse(q, 600, NOW, &s) && s.id.b[0] == 2);
}


static void
a_process_finds_the_sessions_that_it_asked_for(void)
{
    expo_session_t list[EXPO_QUEUE_SESSIONS], s;
    uint64_t a, b, c;

    fresh();
    status(0, 3, NOW);
    join(&first, 1, 1, &a);
    join(&first, 2, 1, &b);
    join(&second, 1, 2, &c);
    check(expo_queue_asked(q, &first, list) == 0);
    assign(a, 1, NOW);
    assign(b, 2, NOW);
    assign(c, 3, NOW);

    check(expo_queue_asked(q, &first, list) == 2);
    check(list[0].id.b[0] == 1 && list[1].id.b[0] == 2);
    check(expo_queue_asked(q, &second, list) == 1 && list[0].id.b[0] == 3);

    end_all(1, user(1), EXPO_END_REVOKED, &s);
    check(expo_queue_asked(q, &first, list) == 1 && list[0].id.b[0] == 2);
}


static void
who_looked_a_permission_up_notices_a_change(void)
{
    expo_id_t one = id(1), two = id(2);
    uint32_t before, others;
    expo_session_t s;

    fresh();
    before = expo_queue_changes(q, &one);
    others = expo_queue_changes(q, &two);
    end_all(1, user(1), EXPO_END_REVOKED, &s);
    check(expo_queue_changes(q, &one) != before);

    before = expo_queue_changes(q, &one);
    expo_queue_permit(q, &one, user(1), 1);
    check(expo_queue_changes(q, &one) != before);
    check(expo_queue_changes(q, &two) == others);
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


static void
the_latest_token_counts(void)
{
    uint64_t a;
    expo_id_t i = id(1), none = id(2);

    fresh();
    status(0, 1, NOW);
    join(&first, 1, 1, &a);
    check(assign(a, 1, NOW) == EXPO_OK);
    check(expo_queue_session(q, &i)->token_ms == 0);

    expo_queue_vouch(q, &i, 500);
    expo_queue_vouch(q, &i, 400);
    expo_queue_vouch(q, &none, 900);
    check(expo_queue_session(q, &i)->token_ms == 500);

    expo_queue_release(q, &i, NOW);
    join(&first, 2, 2, &a);
    check(assign(a, 1, NOW) == EXPO_OK);
    check(expo_queue_session(q, &i)->token_ms == 0);
}


int
main(void)
{
    static expo_queue_t queue;

    q = &queue;

    who_comes_first_is_served_first();
    coming_back_within_grace_finds_the_same_session();
    a_newer_tab_takes_the_older_ones_place();
    one_user_may_have_two_scans_and_two_users_one();
    slots_are_what_workers_say_and_nobody_else_has();
    a_session_that_its_worker_forgot_is_over();
    a_lost_worker_takes_our_sessions_and_those_in_grace();
    what_dead_processes_left_is_swept();
    a_deleted_scan_ends_its_sessions_and_waiters();
    an_ended_permission_ends_what_its_user_has_and_nothing_else();
    who_waits_hears_why_as_long_as_there_is_a_place();
    a_permission_lapses_at_its_second();
    a_process_finds_the_sessions_that_it_asked_for();
    who_looked_a_permission_up_notices_a_change();
    full_tables_refuse_and_keep_what_they_have();
    a_ticket_is_used_once();
    the_latest_token_counts();
    an_import_runs_once_and_says_how_far_it_is();

    return done();
}
