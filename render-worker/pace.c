#include "render-worker/pace.h"

#include "render-worker/render/tracer.h"

/* A guess for two cores, until the first pass has been measured. */
#define PACE_PATH_US 1.2
#define PACE_ALONE_PATH_US 0.6
#define PACE_SECOND_PATH_US 1.4
#define PACE_FIRST_PATH_US 0.8
#define PACE_WHOLE_PATH_US 1.4
#define PACE_AGAIN_PATH_US 2.0
#define PACE_EXTRA_US 8000
/* Measured times wander; a frame that is late is worse than one too coarse. */
#define PACE_HEADROOM 0.85
#define PACE_SMOOTH 0.3
/* Too slow is noticed sooner than too fast. */
#define PACE_SMOOTH_SLOWER 0.6
/* Most that one pass takes off, however wrong the guess is. */
#define PACE_QUICKER -0.3
/* Times another cost: of all kinds, not of this alone. */
#define PACE_OTHER 2
#define PACE_EDGE_MIN 16
#define PACE_SAMPLES_MAX 64
/* A finer film must be affordable with this much to spare, against flicker. */
#define PACE_HYSTERESIS 1.3
/* A first still picture should be better than the moving one before it. */
#define PACE_FIRST_SAMPLES 2
#define PACE_FIRST_US 250000
#define PACE_GROWTH 1.3
#define PACE_SLOWEST_US 500000

/*
 * Films of moving pictures, each cheaper than the one before: divisor of the
 * edges in quarters, and samples that it must afford.
 */
static const struct {
    uint32_t divisor, samples;
} pace_ladder[] = {{4, 2},  {5, 2},  {6, 2},  {7, 2},  {8, 2},
                   {6, 1},  {7, 1},  {8, 1},  {10, 1}, {12, 1},
                   {14, 1}, {16, 1}, {20, 1}, {24, 1}, {32, 1}};

#define PACE_RUNGS (sizeof(pace_ladder) / sizeof(pace_ladder[0]))
#define PACE_RUNG_ONE 5   /* from here on one sample does */
#define PACE_RUNG_BEGIN 9 /* a third of the size, until a pass was measured */

static pace_kind_t pace_kind(uint32_t have, uint32_t samples);
static double pace_pixel_us(const pace_t *p, uint32_t have, uint32_t samples);
static uint32_t pace_afford(const pace_t *p, double pixel_us);
static uint32_t pace_count(double samples);
static uint32_t pace_fit(const pace_t *p, uint32_t width, uint32_t height,
                         double budget_us, uint32_t from, uint32_t current,
                         pace_plan_t *plan);
static uint32_t pace_edge(uint32_t edge, uint32_t divisor);


void
pace_init(pace_t *p)
{
    *p = (pace_t){.path_us = {PACE_ALONE_PATH_US, PACE_SECOND_PATH_US,
                              PACE_FIRST_PATH_US, PACE_WHOLE_PATH_US,
                              PACE_AGAIN_PATH_US, PACE_PATH_US},
                  .extra_us = PACE_EXTRA_US,
                  .rung = PACE_RUNG_BEGIN};
}


void
pace_passed(pace_t *p, const pace_plan_t *plan, uint32_t have, uint64_t us)
{
    pace_kind_t kind = pace_kind(have, plan->samples), other;
    double pixel_us = (double) us / ((double) plan->width * plan->height);
    double expected = pace_pixel_us(p, have, plan->samples);
    bool all = pixel_us > PACE_OTHER * expected ||
               pixel_us * PACE_OTHER < expected; /* settings of another cost */
    double change;

    /* What a pass's further paths cost is known from passes of such. */
    change = kind != PACE_LATER && p->measured[PACE_LATER]
                 ? (pixel_us - expected) / p->path_us[kind]
                 : pixel_us / expected - 1;
    change *= change > 0 ? PACE_SMOOTH_SLOWER : PACE_SMOOTH;
    change = change > PACE_QUICKER ? change : PACE_QUICKER;

    p->measured[kind] = true;

    for (other = 0; other < PACE_KINDS; other++) {
        if (other == kind || all || !p->measured[other]) {
            p->path_us[other] *= 1 + change;
        }
    }
}


void
pace_shown(pace_t *p, uint64_t us)
{
    p->extra_us += PACE_SMOOTH * ((double) us - p->extra_us);
}


uint64_t
pace_pass_us(const pace_t *p, const pace_plan_t *plan, uint32_t have)
{
    return (uint64_t) (pace_pixel_us(p, have, plan->samples) * plan->width *
                       plan->height);
}


void
pace_moving(pace_t *p, uint32_t width, uint32_t height, uint32_t fps,
            uint32_t sharers, pace_plan_t *plan)
{
    double frame_us = 1e6 / fps / sharers;
    double budget_us = frame_us * PACE_HEADROOM - p->extra_us;

    /* Encoding alone may use the frame up; then the rate gives way. */
    if (budget_us < frame_us / 4) {
        budget_us = frame_us / 4;
    }

    p->rung = pace_fit(p, width, height, budget_us, 0, p->rung, plan);
}


bool
pace_settling(const pace_t *p, uint32_t width, uint32_t height, uint32_t step,
              pace_plan_t *plan)
{
    const pace_plan_t full = {width, height, 1};
    uint64_t budget_us = PACE_SETTLE_US;

    while (step-- > 0) {
        budget_us *= PACE_SETTLE_STEP;
    }

    /* A step much longer than a third of the full film only puts it off. */
    if (pace_pass_us(p, &full, 0) <= PACE_SETTLE_STEP * budget_us) {
        return false;
    }

    /* What this film lacks is sharpness: its samples may come one by one. */
    pace_fit(p, width, height, (double) budget_us, PACE_RUNG_ONE, 0, plan);

    return true;
}


void
pace_still(const pace_t *p, uint32_t width, uint32_t height, uint32_t have,
           uint32_t left, pace_plan_t *plan)
{
    double pixel_us = PACE_PASS_US / ((double) width * height);

    plan->width = width;
    plan->height = height;
    plan->samples = have == 0 ? pace_afford(p, pixel_us)
                              : pace_count(pixel_us / p->path_us[PACE_LATER]);
    plan->samples = plan->samples < left ? plan->samples : left;
}


bool
pace_due(uint32_t samples, uint32_t shown, uint32_t fps, uint64_t since_us,
         uint64_t pass_us)
{
    /* What comes too late with one more pass is shown now. */
    if (shown == 0) {
        return samples >= PACE_FIRST_SAMPLES ||
               since_us + pass_us > PACE_FIRST_US;
    }

    if (since_us + pass_us > PACE_SLOWEST_US) {
        return true;
    }

    return samples >= shown * PACE_GROWTH && since_us >= 1000000u / fps;
}


uint32_t
pace_bytes(uint32_t bitrate, uint32_t fps, bool moving, bool key)
{
    uint32_t second = bitrate / 8;

    if (!moving) {
        /* At most two or three a second on average, so they may be large. */
        return second / 2;
    }

    return key ? second / fps * 2 : second / fps;
}


static pace_kind_t
pace_kind(uint32_t have, uint32_t samples)
{
    if (have == 0) {
        return samples > TRACER_AGAIN ? PACE_WHOLE
               : samples > 1          ? PACE_FIRST
                                      : PACE_ALONE;
    }

    if (have == 1 && samples == 1) {
        return PACE_SECOND;
    }

    return have <= TRACER_AGAIN && have + samples > TRACER_AGAIN ? PACE_AGAIN
                                                                 : PACE_LATER;
}


/* What a pass costs a pixel. */
static double
pace_pixel_us(const pace_t *p, uint32_t have, uint32_t samples)
{
    return p->path_us[pace_kind(have, samples)] +
           (samples - 1) * p->path_us[PACE_LATER];
}


/* Samples of a film's first pass in so much time, at least 1. */
static uint32_t
pace_afford(const pace_t *p, double pixel_us)
{
    uint32_t few, many;

    few = pixel_us < pace_pixel_us(p, 0, 2) ? 1 : 2;
    many = pace_count(1 + (pixel_us - p->path_us[PACE_WHOLE]) /
                              p->path_us[PACE_LATER]);

    return many > TRACER_AGAIN ? many : few;
}


static uint32_t
pace_count(double samples)
{
    return samples < 1                  ? 1
           : samples > PACE_SAMPLES_MAX ? PACE_SAMPLES_MAX
                                        : (uint32_t) samples;
}


/*
 * The finest film, from one rung of the ladder on, that the budget affords,
 * with something to spare where it would be finer than the current one; returns
 * its rung.
 */
static uint32_t
pace_fit(const pace_t *p, uint32_t width, uint32_t height, double budget_us,
         uint32_t from, uint32_t current, pace_plan_t *plan)
{
    double pixel_us, wanted_us;
    uint32_t i;

    for (i = from;; i++) {
        plan->width = pace_edge(width, pace_ladder[i].divisor);
        plan->height = pace_edge(height, pace_ladder[i].divisor);
        pixel_us = budget_us / ((double) plan->width * plan->height);
        wanted_us = pace_pixel_us(p, 0, pace_ladder[i].samples) *
                    (i < current ? PACE_HYSTERESIS : 1);

        if (pixel_us >= wanted_us || i + 1 == PACE_RUNGS) {
            break;
        }
    }

    plan->samples = pace_afford(p, pixel_us);

    return i;
}


static uint32_t
pace_edge(uint32_t edge, uint32_t divisor)
{
    uint32_t n = (edge * 4 + divisor - 1) / divisor;

    return n < PACE_EDGE_MIN ? PACE_EDGE_MIN : n;
}
