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
#define PACE_SETTLE_US 120000

typedef struct {
    double path_us;   /* of one path through one pixel, lately; all threads */
    double extra_us;  /* display, encoding and publishing of one picture */
    uint32_t divisor; /* of the moving film's edges, lately; in quarters */
} pace_t;

typedef struct {
    uint32_t width, height; /* film */
    uint32_t samples;       /* paths a pixel in one pass, at least 1 */
} pace_plan_t;

void pace_init(pace_t *p);

/* What a pass of `paths` (pixels times samples) took. */
void pace_passed(pace_t *p, uint64_t paths, uint64_t us);
void pace_shown(pace_t *p, uint64_t us);

/* sharers: sessions that want the device now, this one too. */
void pace_moving(pace_t *p, uint32_t width, uint32_t height, uint32_t fps,
                 uint32_t sharers, pace_plan_t *plan);

/*
 * A film for the moment after a movement, sharper than it and far sooner there
 * than the full one; false when the full one is as quick.
 */
bool pace_settling(const pace_t *p, uint32_t width, uint32_t height,
                   pace_plan_t *plan);

/* left: samples still missing, at least 1. */
void pace_still(const pace_t *p, uint32_t width, uint32_t height, uint32_t left,
                pace_plan_t *plan);

/*
 * Is a still film with `samples` worth showing? shown: samples of the last
 * picture of this film, 0 before the first; since_us: since the film began, or
 * since that picture.
 */
bool pace_due(uint32_t samples, uint32_t shown, uint32_t fps,
              uint64_t since_us);

/* Bytes that the next picture may have. key: it repeats everything. */
uint32_t pace_bytes(uint32_t bitrate, uint32_t fps, bool moving, bool key);

#endif
