/* How fine a picture may be, for made-up devices. */

#include "render-worker/pace.c"
#include "t/unit/check.h"

static const pace_plan_t million = {1000, 1000, 1};

/* A device that needs so much a path, known well; a look costs it the same. */
static void
device(pace_t *p, double path_us, double extra_us)
{
    int i;

    pace_init(p);

    for (i = 0; i < 100; i++) {
        pace_passed(p, &million, i % 2 == 0,
                    (uint64_t) (path_us * (i % 2 ? 1e6 : 2e6)));
        pace_shown(p, (uint64_t) extra_us);
    }
}

static void
measurements_are_followed(void)
{
    pace_t p;

    device(&p, 0.25, 6000);
    check(p.path_us > 0.249 && p.path_us < 0.251);
    check(p.first_us > 0.499 && p.first_us < 0.501);
    check(p.extra_us > 5990 && p.extra_us < 6010);

    /* One hiccup does not throw it. */
    pace_passed(&p, &million, false, 500000);
    check(p.path_us < 0.45);
}

static void
a_film_s_first_pass_is_told_from_the_others(void)
{
    pace_t p;
    int i;

    pace_init(&p);

    /* A second of movement, then ten passes of a still film, and again. */
    for (i = 0; i < 90; i++) {
        int first = i % 30 < 20;

        pace_passed(&p, &million, first, first ? 1500000 : 600000);
    }

    check(p.path_us > 0.58 && p.path_us < 0.62);
    check(pace_pass_us(&p, &million, false) < 620000);
    check(pace_pass_us(&p, &million, true) > 1300000);

    /* A device whose looks cost nothing. */
    for (i = 0; i < 600; i++) {
        pace_passed(&p, &million, i % 30 < 20, 600000);
    }

    check(p.path_us > 0.58 && p.path_us < 0.62);
    check(p.first_us > 0.58 && p.first_us < 0.62);
}

static void
a_first_path_may_cost_less_than_later_ones(void)
{
    const pace_plan_t two = {1000, 1000, 2};
    pace_t p;
    int i;

    pace_init(&p);

    for (i = 0; i < 90; i++) {
        pace_passed(&p, &million, i % 30 < 20, i % 30 < 20 ? 400000 : 900000);
    }

    check(pace_pass_us(&p, &million, true) < 420000);
    check(pace_pass_us(&p, &million, false) > 880000);
    check(pace_pass_us(&p, &two, true) > 1250000);
    check(pace_pass_us(&p, &two, true) < 1350000);

    /* A first pass of several says nothing about the later ones. */
    pace_passed(&p, &two, true, 1300000);
    check(pace_pass_us(&p, &million, false) > 880000);
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
                us = (double) pace_pass_us(&p, &plan, true);
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

    device(&p, 0.1, 8000);
    pace_moving(&p, 512, 512, 20, 1, &plan);
    check(plan.width > 256 && plan.width < 512);

    device(&p, 1.5, 8000);
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
        p.first_us = 2 * p.path_us;
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
    uint32_t step, width = 0;

    device(&p, 0.01, 5000);
    pace_moving(&p, 512, 512, 20, 1, &plan);
    check(!pace_settling(&p, 512, 512, 0, &plan));

    device(&p, 0.75, 5000);
    pace_moving(&p, 512, 512, 20, 1, &plan);
    check(plan.width < 256);
    check(pace_settling(&p, 512, 512, 0, &plan));
    check(plan.width >= 256 && plan.width < 512 && plan.samples == 1);
    check(pace_pass_us(&p, &plan, true) <= PACE_SETTLE_US);
    check(!pace_settling(&p, 512, 512, 1, &plan));

    /* Ten seconds for the full film: four steps, each finer. */
    device(&p, 20, 5000);

    for (step = 0; pace_settling(&p, 512, 512, step, &plan); step++) {
        check(plan.width > width && plan.width < 512);
        width = plan.width;
    }

    check(step == 4);
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

/*
 * Pictures of a still film whose passes add one sample each in pass_us; 0 when
 * any of them is later than late_us after the one before.
 */
static int
still(uint32_t passes, uint64_t pass_us, uint64_t late_us)
{
    uint32_t samples, shown = 0;
    uint64_t now = 0, last = 0;
    int pictures = 0;

    for (samples = 1; samples <= passes; samples++) {
        now += pass_us;

        if (pace_due(samples, shown, 20, now - last, pass_us)) {
            if (now - last > late_us) {
                return 0;
            }

            pictures++;
            shown = samples;
            last = now;
        }
    }

    return pictures;
}

static void
pictures_of_a_still_film_thin_out(void)
{
    int pictures;

    /* 20 samples a second for half a minute, one at a time. */
    pictures = still(600, 50000, 500000);
    printf("# %d pictures of 600 samples in 30 s\n", pictures);
    check(pictures >= 59 && pictures <= 75);

    /* Not before it is better than what moved, unless that would be late. */
    check(!pace_due(1, 0, 20, 50000, 50000));
    check(pace_due(2, 0, 20, 50000, 50000));
    check(pace_due(1, 0, 20, 150000, 150000));
    /* Not faster than frames may come. */
    check(!pace_due(20, 8, 20, 10000, 10000));
}

static void
slow_devices_show_each_pass_rather_than_wait_for_two(void)
{
    /* Up to a quarter of a second a pass: twice a second. */
    check(still(100, 100000, 500000) > 0);
    check(still(100, 180000, 500000) > 0);
    check(still(100, 249000, 500000) > 0);

    /* Beyond: every pass. */
    check(still(20, 260000, 260000) == 20);
    check(still(20, 450000, 450000) == 20);
    check(still(20, 1000000, 1000000) == 20);
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
    a_film_s_first_pass_is_told_from_the_others();
    a_first_path_may_cost_less_than_later_ones();
    a_moving_picture_fits_its_frame();
    faster_devices_give_finer_pictures();
    the_film_does_not_flicker_between_two_sizes();
    a_slow_device_settles_before_it_refines();
    a_still_pass_is_short_and_stops_at_the_last_sample();
    pictures_of_a_still_film_thin_out();
    slow_devices_show_each_pass_rather_than_wait_for_two();
    bytes_follow_the_bitrate();

    return done();
}
