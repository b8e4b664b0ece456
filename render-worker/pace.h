/*
 * How fine the next picture can be. Arithmetic only; time is passed in.
 *
 * Moving: a film small enough that a picture takes no longer than the wished
 * frame rate allows. Still: the full film, in passes short enough that an input
 * is soon seen, shown at sample counts that grow, since noise falls with their
 * root.
 */

#ifndef PACE_H
#define PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Nothing changed for so long: the picture is still. */
#define PACE_STILL_US 150000
#define PACE_PASS_US 40000
#define PACE_SETTLE_US 120000 /* the first step's; then so many times more */
#define PACE_SETTLE_STEP 3

typedef struct {
    double path_us;   /* of one path through one pixel, lately; all threads */
    double first_us;  /* of a film's first, with what the display needs once */
    double extra_us;  /* display, encoding and publishing of one picture */
    uint32_t divisor; /* of the moving film's edges, lately; in quarters */
} pace_t;

typedef struct {
    uint32_t width, height; /* film */
    uint32_t samples;       /* paths a pixel in one pass, at least 1 */
} pace_plan_t;

void pace_init(pace_t *p);

/* What a pass took; first: of its film. */
void pace_passed(pace_t *p, const pace_plan_t *plan, bool first, uint64_t us);
void pace_shown(pace_t *p, uint64_t us);

/* What a pass will take. */
uint64_t pace_pass_us(const pace_t *p, const pace_plan_t *plan, bool first);

/* sharers: sessions that move now, this one too. */
void pace_moving(pace_t *p, uint32_t width, uint32_t height, uint32_t fps,
                 uint32_t sharers, pace_plan_t *plan);

/*
 * A film for the moment after a movement, sharper than it and far sooner there
 * than the full one; step: 0, 1 … of such films, each dearer than the one
 * before. False when the full one should come next.
 */
bool pace_settling(const pace_t *p, uint32_t width, uint32_t height,
                   uint32_t step, pace_plan_t *plan);

/* left: samples still missing, at least 1. */
void pace_still(const pace_t *p, uint32_t width, uint32_t height, uint32_t left,
                pace_plan_t *plan);

/*
 * Is a still film with `samples` worth showing? shown: samples of the last
 * picture of this film, 0 before the first; since_us: since the film began, or
 * since that picture; pass_us: what one more pass takes.
 */
bool pace_due(uint32_t samples, uint32_t shown, uint32_t fps, uint64_t since_us,
              uint64_t pass_us);

/* Bytes that the next picture may have. key: it repeats everything. */
uint32_t pace_bytes(uint32_t bitrate, uint32_t fps, bool moving, bool key);

#endif
