/* Whose turn it is, for made-up sessions: what each got of made-up time. */

#include <string.h>

#include "render-worker/turn.c"
#include "t/unit/check.h"

#define SESSIONS 8

typedef struct {
    turn_t turn;
    turn_kind_t kind;
    uint64_t us;        /* of its turns */
    uint64_t every_us;  /* wants the next so long after; 0: at once */
    uint64_t due_us;
    uint64_t got_us, turns, late_us; /* most that it waited */
} made_t;

static turns_t all;
static made_t made[SESSIONS];

static void
fresh(void)
{
    memset(&all, 0, sizeof(all));
    memset(made, 0, sizeof(made));
}

static void
set(int i, turn_kind_t kind, uint64_t us, uint64_t every_us)
{
    made[i].kind = kind;
    made[i].us = us;
    made[i].every_us = every_us;
}

static void
forget(void)
{
    int i;

    for (i = 0; i < SESSIONS; i++) {
        made[i].got_us = made[i].turns = made[i].late_us = 0;
    }
}

static void
run(uint64_t *now, uint64_t us)
{
    uint64_t until = *now + us;

    while (*now < until) {
        uint64_t next = UINT64_MAX, late;
        made_t *best = NULL;
        int i, refiners = 0;

        for (i = 0; i < SESSIONS; i++) {
            made_t *m = &made[i];

            turn_wants(&all, &m->turn, m->kind);

            if (m->kind == TURN_NONE) {
                continue;
            }

            if (m->due_us > *now) {
                next = m->due_us < next ? m->due_us : next;

            } else if (best == NULL
                       || turn_is_before(&all, &m->turn, &best->turn)) {
                best = m;
            }
        }

        if (best == NULL) {
            *now = next;
            continue;
        }

        for (i = 0; i < SESSIONS; i++) {
            refiners += made[i].kind == TURN_REFINES && &made[i] != best;
        }

        late = *now - best->due_us;
        best->late_us = late > best->late_us ? late : best->late_us;
        best->due_us = *now + best->every_us;
        *now += best->us;
        best->due_us = best->due_us > *now ? best->due_us : *now;
        best->got_us += best->us;
        best->turns++;
        turn_had(&all, &best->turn, best->us, refiners > 0);
    }
}

static void
equal_time_whatever_the_length_of_a_turn(void)
{
    turn_kind_t kind;
    uint64_t now = 0;
    int i, apart = 0;

    for (kind = TURN_REFINES; kind <= TURN_MOVES; kind++) {
        fresh();

        for (i = 0; i < SESSIONS; i++) {
            set(i, kind, 1000u + 12000u * (uint64_t) i, 0);
        }

        run(&now, 20000000);

        for (i = 0; i < SESSIONS; i++) {
            apart += made[i].got_us < 2375000 || made[i].got_us > 2625000;
        }
    }

    check(apart == 0);
}

/* Nor does time that nobody else wanted count against who used it. */
static void
who_comes_is_next_and_then_equal(void)
{
    uint64_t now = 0;

    fresh();
    set(0, TURN_REFINES, 40000, 0);
    run(&now, 60000000);
    forget();
    set(1, TURN_REFINES, 40000, 0);
    made[1].due_us = now;
    run(&now, 40000);
    check(made[1].turns == 1);
    run(&now, 4000000);
    check(made[0].turns >= 49 && made[1].turns >= 49);
}

static void
who_begins_to_move_is_next(void)
{
    uint64_t now = 0;
    int i;

    fresh();

    for (i = 0; i < SESSIONS; i++) {
        set(i, i < 4 ? TURN_MOVES : TURN_REFINES, 40000, 0);
    }

    run(&now, 5000000);
    made[7].kind = TURN_MOVES;
    forget();
    run(&now, 80000); /* one of them may be for those that refine */
    check(made[7].turns >= 1);
}

/* 20 pictures a second of 30 ms; six refine in what is left. */
static void
one_that_moves_is_hardly_held_up(void)
{
    uint64_t now = 0;
    int i;

    fresh();
    set(0, TURN_MOVES, 30000, 50000);

    for (i = 1; i < 7; i++) {
        set(i, TURN_REFINES, 10000, 0);
    }

    run(&now, 10000000);
    check(made[0].turns >= 195);
    check(made[0].late_us <= 10000);
    check(made[1].got_us >= 600000 && made[6].got_us >= 600000);
}

/* However many move, and however much they want. */
static void
those_that_refine_get_an_eighth(void)
{
    uint64_t now = 0, refined = 0;
    int i, apart = 0;

    fresh();

    for (i = 0; i < SESSIONS; i++) {
        set(i, i < 5 ? TURN_MOVES : TURN_REFINES, i < 5 ? 100000 : 40000, 0);
    }

    run(&now, 80000000);

    for (i = 5; i < SESSIONS; i++) {
        refined += made[i].got_us;
        apart += made[i].got_us < 3000000 || made[i].got_us > 3666667;
    }

    check(refined > 9500000 && refined < 10500000);
    check(apart == 0);
}

/* Pictures of 5 ms beside some that take all they can get. */
static void
a_runaway_does_not_starve_a_small_one(void)
{
    uint64_t now = 0;

    fresh();
    set(0, TURN_MOVES, 100000, 0);
    set(1, TURN_MOVES, 5000, 50000);
    run(&now, 10500000);
    check(made[1].turns >= 99);
    check(made[1].late_us <= 100000);

    /* What it did not use it has not saved up either. */
    made[1].every_us = 0;
    forget();
    run(&now, 2000000);
    check(made[0].got_us >= 900000);
}

static void
a_turn_has_an_end(void)
{
    check(turn_us(TURN_REFINES) <= 40000);
    check(turn_us(TURN_MOVES) <= 100000);
}

int
main(void)
{
    equal_time_whatever_the_length_of_a_turn();
    who_comes_is_next_and_then_equal();
    who_begins_to_move_is_next();
    one_that_moves_is_hardly_held_up();
    those_that_refine_get_an_eighth();
    a_runaway_does_not_starve_a_small_one();
    a_turn_has_an_end();

    return done();
}
