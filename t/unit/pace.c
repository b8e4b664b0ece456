/* How fine a picture may be, for made-up devices. */

#include "render-worker/pace.c"
#include "t/unit/check.h"

/* A device that needs so many microseconds a path, known well. */
static void
device(pace_t *p, double path_us, double extra_us)
{
    int i;

    pace_init(p);

    for (i = 0; i < 100; i++) {
        pace_passed(p, 1000000, (uint64_t) (path_us * 1000000));
        pace_shown(p, (uint64_t) extra_us);
    }
}

static void
measurements_are_followed(void)
{
    pace_t p;

    device(&p, 0.25, 6000);
    check(p.path_us > 0.249 && p.path_us < 0.251);
    check(p.extra_us > 5990 && p.extra_us < 6010);

    /* One hiccup does not throw it. */
    pace_passed(&p, 1000000, 500000);
    check(p.path_us < 0.45);
}

static void
a_moving_picture_fits_its_frame(void)
{
    pace_t p;
    pace_plan_t plan;
    double costs[] = {0.005, 0.02, 0.1, 0.2, 0.5, 1, 2, 4};
    uint32_t fps, sharers;
    size_t i;
    int fits = 1, sane = 1, coarsest;

    for (i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
        for (fps = 1; fps <= 60; fps++) {
            for (sharers = 1; sharers <= 3; sharers++) {
                double us;

                device(&p, costs[i], 6000);
                pace_moving(&p, 512, 512, fps, sharers, &plan);
                us = (double) plan.width * plan.height * plan.samples
                     * p.path_us;
                coarsest = plan.width == 64 && plan.samples == 1;
                fits &= us < 1e6 / fps / sharers || coarsest;
                sane &= plan.samples >= 1 && plan.width >= 16
                        && plan.width <= 512 && plan.width == plan.height;
            }
        }
    }

    check(fits);
    check(sane);
}

static void
faster_devices_give_finer_pictures(void)
{
    pace_t p;
    pace_plan_t plan;

    device(&p, 0.001, 5000);
    pace_moving(&p, 512, 512, 20, 1, &plan);
    check(plan.width == 512 && plan.samples > 4);

    device(&p, 0.2, 8000);
    pace_moving(&p, 512, 512, 20, 1, &plan);
    check(plan.width > 256 && plan.width < 512);

    device(&p, 3, 8000);
    pace_moving(&p, 512, 512, 20, 1, &plan);
    check(plan.width < 171);
}

static void
the_film_does_not_flicker_between_two_sizes(void)
{
    pace_t p;
    pace_plan_t plan;
    uint32_t width;
    int i, changes = 0;

    /* Costs that straddle what a half-size film needs, by a tenth. */
    device(&p, 0.5, 8000);
    pace_moving(&p, 512, 512, 20, 1, &plan);
    width = plan.width;

    for (i = 0; i < 50; i++) {
        p.path_us = i % 2 ? 0.48 : 0.52;
        pace_moving(&p, 512, 512, 20, 1, &plan);
        changes += plan.width != width;
        width = plan.width;
    }

    check(changes <= 1);
}

static void
a_slow_device_settles_before_it_refines(void)
{
    pace_t p;
    pace_plan_t plan;

    device(&p, 0.01, 5000);
    pace_moving(&p, 512, 512, 20, 1, &plan);
    check(!pace_settling(&p, 512, 512, &plan));

    device(&p, 1.5, 5000);
    pace_moving(&p, 512, 512, 20, 1, &plan);
    check(plan.width < 256);
    check(pace_settling(&p, 512, 512, &plan));
    check(plan.width >= 256 && plan.width < 512 && plan.samples == 1);
    check(plan.width * plan.height * 1.5 <= PACE_SETTLE_US);
}

static void
a_still_pass_is_short_and_stops_at_the_last_sample(void)
{
    pace_t p;
    pace_plan_t plan;

    device(&p, 0.02, 5000);
    pace_still(&p, 512, 512, 1000, &plan);
    check(plan.width == 512 && plan.height == 512);
    check(plan.samples * 512 * 512 * 0.02 <= PACE_PASS_US * 1.01);
    check(plan.samples > 1);

    pace_still(&p, 512, 512, 3, &plan);
    check(plan.samples == 3);

    device(&p, 5, 5000);
    pace_still(&p, 512, 512, 1000, &plan);
    check(plan.samples == 1);
}

static void
pictures_of_a_still_film_thin_out(void)
{
    uint32_t samples, shown = 0;
    uint64_t now = 0, last = 0;
    int pictures = 0, late = 0;

    /* 20 samples a second for half a minute, one at a time. */
    for (samples = 1; samples <= 600; samples++) {
        now += 50000;

        if (pace_due(samples, shown, 20, now - last)) {
            late += now - last > 550000;
            pictures++;
            shown = samples;
            last = now;
        }
    }

    printf("# %d pictures of 600 samples in 30 s\n", pictures);
    check(pictures >= 59 && pictures <= 75);
    check(late == 0);

    /* Not before it is better than what moved, but not after half a second. */
    check(!pace_due(1, 0, 20, 50000));
    check(pace_due(2, 0, 20, 50000));
    check(pace_due(1, 0, 20, 300000));
    /* Not faster than frames may come. */
    check(!pace_due(20, 8, 20, 10000));
}

static void
bytes_follow_the_bitrate(void)
{
    check(pace_bytes(8000000, 20, true, false) == 50000);
    check(pace_bytes(8000000, 20, true, true) == 100000);
    check(pace_bytes(8000000, 20, false, false) == 500000);
}

int
main(void)
{
    measurements_are_followed();
    a_moving_picture_fits_its_frame();
    faster_devices_give_finer_pictures();
    the_film_does_not_flicker_between_two_sizes();
    a_slow_device_settles_before_it_refines();
    a_still_pass_is_short_and_stops_at_the_last_sample();
    pictures_of_a_still_film_thin_out();
    bytes_follow_the_bitrate();

    return done();
}
