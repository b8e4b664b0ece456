/*
 * How fine the next picture can be. Arithmetic only; time is passed in.
 *
 * Moving: a film small enough that a picture takes no longer than the wished
 * frame rate allows; two samples a pixel where that leaves half the size, as
 * the display's filter tells noise by what samples differ. Still: the full
 * film, in passes short enough that an input is soon seen, shown at sample
 * counts that grow, since noise falls with their root.
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

/* What a pass does before it only adds paths (tracer.h). */
typedef enum {
    PACE_ALONE,  /* begins a film: what the display needs once, and of one
                    quick path a pixel no more than the first picture needs */
    PACE_SECOND, /* what that left out, and a path */
    PACE_FIRST,  /* begins a film with all of the quick path, and another */
    PACE_WHOLE,  /* the same, and goes on past the first picture */
    PACE_AGAIN,  /* traces that quick path again */
    PACE_LATER,  /* nothing */
    PACE_KINDS
} pace_kind_t;

typedef struct {
    /* Lately, of all threads, for one pixel: a pass's first path with what its
     * kind does besides. Further paths cost PACE_LATER. */
    double path_us[PACE_KINDS];
    bool measured[PACE_KINDS];
    double extra_us; /* display, encoding and publishing of one picture */
    uint32_t rung;   /* of the ladder of moving films, lately */
} pace_t;

typedef struct {
    uint32_t width, height; /* film */
    uint32_t samples;       /* paths a pixel in one pass, at least 1 */
} pace_plan_t;

void pace_init(pace_t *p);

/* What a pass took, the sum of its parts; have: samples before it. */
void pace_passed(pace_t *p, const pace_plan_t *plan, uint32_t have,
                 uint64_t us);
void pace_shown(pace_t *p, uint64_t us);

/* What a pass will take. */
uint64_t pace_pass_us(const pace_t *p, const pace_plan_t *plan, uint32_t have);

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

/* have, left: samples that are there and still missing; left at least 1. */
void pace_still(const pace_t *p, uint32_t width, uint32_t height, uint32_t have,
                uint32_t left, pace_plan_t *plan);

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
