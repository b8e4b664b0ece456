/*
 * Whose turn it is on the device. Arithmetic only; time is passed in.
 *
 * Sessions take turns of limited length. Those that move go before those whose
 * picture is refined, which get an eighth of the time all the same; among
 * either, who has had least of the device goes first. So they share it by equal
 * time, however long their turns are, and who comes or begins to move is next.
 */

#ifndef TURN_H
#define TURN_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { TURN_NONE, TURN_REFINES, TURN_MOVES, TURN_KINDS } turn_kind_t;

/* A session's. Zero to begin with, as is a device's. */
typedef struct {
    turn_kind_t kind;  /* what it wants */
    uint64_t had_us;   /* since it wants that; not from zero */
    uint64_t sequence; /* of its last turn */
} turn_t;

typedef struct {
    uint64_t had_us[TURN_KINDS]; /* by who was next lately, of each kind */
    uint64_t owed_us;            /* to those that refine */
    uint64_t sequence;
} turns_t;

/* What a session wants now; told before it is compared with others. */
void turn_wants(turns_t *all, turn_t *t, turn_kind_t kind);

/* Both want something. */
bool turn_is_before(const turns_t *all, const turn_t *a, const turn_t *b);

/* Those that refine have waited too long: they go before those that move. */
bool turn_is_owed(const turns_t *all);

/* A turn's length, at most. */
uint64_t turn_us(turn_kind_t kind);

/* It had a turn; refiners: others wanted to refine in that time. */
void turn_had(turns_t *all, turn_t *t, uint64_t us, bool refiners);

#endif
