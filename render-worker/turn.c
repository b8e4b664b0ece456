#include "render-worker/turn.h"

/* Short: who begins to move waits for it, where it cannot be ended. */
#define TURN_REFINES_US 40000
/* A moving picture is made in one turn but where its film is far too large. */
#define TURN_MOVES_US 100000
/* Time for those that move, to one for those that refine. */
#define TURN_SHARE 7
/* Most that one can have saved up by wanting less than its share. */
#define TURN_CREDIT_US 50000


void
turn_wants(turns_t *all, turn_t *t, turn_kind_t kind)
{
    uint64_t had = all->had_us[kind];

    if (t->kind != kind) {
        t->kind = kind;
        t->had_us = had;
    }

    if (t->had_us + TURN_CREDIT_US < had) {
        t->had_us = had - TURN_CREDIT_US;
    }
}


bool
turn_is_before(const turns_t *all, const turn_t *a, const turn_t *b)
{
    if (a->kind != b->kind) {
        return (a->kind == TURN_REFINES) == turn_is_owed(all);
    }

    if (a->had_us != b->had_us) {
        return a->had_us < b->had_us;
    }

    return a->sequence < b->sequence;
}


bool
turn_is_owed(const turns_t *all)
{
    return all->owed_us >= TURN_REFINES_US;
}


uint64_t
turn_us(turn_kind_t kind)
{
    return kind == TURN_MOVES ? TURN_MOVES_US : TURN_REFINES_US;
}


void
turn_had(turns_t *all, turn_t *t, uint64_t us, bool refiners)
{
    if (t->had_us > all->had_us[t->kind]) {
        all->had_us[t->kind] = t->had_us;
    }

    t->had_us += us;
    t->sequence = ++all->sequence;

    if (t->kind == TURN_REFINES) {
        all->owed_us -= us < all->owed_us ? us : all->owed_us;

    } else {
        all->owed_us = refiners ? all->owed_us + us / TURN_SHARE : 0;
    }
}
