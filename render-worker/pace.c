#include "render-worker/pace.h"

/* A guess for two cores, until the first pass has been measured. */
#define PACE_PATH_US 0.6
#define PACE_FIRST_PATH_US 0.6
#define PACE_EXTRA_US 8000
/* Measured times wander; a frame that is late is worse than one too coarse. */
#define PACE_HEADROOM 0.85
#define PACE_SMOOTH 0.3
/* Too slow is noticed sooner than too fast. */
#define PACE_SMOOTH_SLOWER 0.6
/* Most that one pass takes off, however wrong path_us is. */
#define PACE_QUICKER -0.3
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
 * In quarters. What a young film lacks is sharpness, not samples: the display
 * smooths noise along surfaces.
 */
static const uint32_t pace_divisors[] = {4,  5,  6,  7,  8,  10,
                                         12, 14, 16, 20, 24, 32};

#define PACE_DIVISORS (sizeof(pace_divisors) / sizeof(pace_divisors[0]))

static uint32_t pace_fit(const pace_t *p, uint32_t width, uint32_t height,
                         double budget_us, uint32_t current, pace_plan_t *plan);
static uint32_t pace_edge(uint32_t edge, uint32_t divisor);


void
pace_init(pace_t *p)
{
    p->path_us = PACE_PATH_US;
    p->first_us = PACE_FIRST_PATH_US;
    p->extra_us = PACE_EXTRA_US;
    p->divisor = 12;
}


void
pace_passed(pace_t *p, const pace_plan_t *plan, bool first, uint64_t us)
{
    double pixel_us = (double) us / ((double) plan->width * plan->height);
    double *cost = first ? &p->first_us : &p->path_us;
    double measured, change;

    /* Later paths are traced another way: only passes of them say their cost. */
    measured = first ? pixel_us - (plan->samples - 1) * p->path_us
                     : pixel_us / plan->samples;

    change = measured / *cost - 1;
    change *= change > 0 ? PACE_SMOOTH_SLOWER : PACE_SMOOTH;

    *cost *= 1 + (change > PACE_QUICKER ? change : PACE_QUICKER);
}


void
pace_shown(pace_t *p, uint64_t us)
{
    p->extra_us += PACE_SMOOTH * ((double) us - p->extra_us);
}


uint64_t
pace_pass_us(const pace_t *p, const pace_plan_t *plan, bool first)
{
    double pixel_us = plan->samples * p->path_us;

    if (first) {
        pixel_us += p->first_us - p->path_us;
    }

    return (uint64_t) (pixel_us * plan->width * plan->height);
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

    p->divisor = pace_fit(p, width, height, budget_us, p->divisor, plan);
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
    if (pace_pass_us(p, &full, true) <= PACE_SETTLE_STEP * budget_us) {
        return false;
    }

    pace_fit(p, width, height, (double) budget_us, 0, plan);

    return true;
}


void
pace_still(const pace_t *p, uint32_t width, uint32_t height, uint32_t left,
           pace_plan_t *plan)
{
    double samples = PACE_PASS_US / (p->path_us * width * height);

    plan->width = width;
    plan->height = height;
    plan->samples = samples < 1                  ? 1
                    : samples > PACE_SAMPLES_MAX ? PACE_SAMPLES_MAX
                                                 : (uint32_t) samples;

    if (plan->samples > left) {
        plan->samples = left;
    }
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


/*
 * The finest film of which the budget affords a sample, with something to spare
 * where it would be finer than the current one; returns its divisor.
 */
static uint32_t
pace_fit(const pace_t *p, uint32_t width, uint32_t height, double budget_us,
         uint32_t current, pace_plan_t *plan)
{
    double pixel_us, samples, wanted;
    uint32_t i;

    for (i = 0;; i++) {
        plan->width = pace_edge(width, pace_divisors[i]);
        plan->height = pace_edge(height, pace_divisors[i]);
        pixel_us = budget_us / ((double) plan->width * plan->height);
        samples = 1 + (pixel_us - p->first_us) / p->path_us;
        wanted = pace_divisors[i] < current ? PACE_HYSTERESIS : 1;

        if (pixel_us >= wanted * p->first_us ||
            i + 1 == PACE_DIVISORS) {
            break;
        }
    }

    plan->samples = samples < 1                  ? 1
                    : samples > PACE_SAMPLES_MAX ? PACE_SAMPLES_MAX
                                                 : (uint32_t) samples;

    return pace_divisors[i];
}


static uint32_t
pace_edge(uint32_t edge, uint32_t divisor)
{
    uint32_t n = (edge * 4 + divisor - 1) / divisor;

    return n < PACE_EDGE_MIN ? PACE_EDGE_MIN : n;
}
