/* How fine a picture may be, for made-up devices. */

#include <string.h>

#include "render-worker/pace.c"
#include "t/unit/check.h"

static const pace_plan_t million = {1000, 1000, 1};

/* What a pass takes on a device that needs so much a path; the display's needs
 * cost it as much, once a film, and a quick path half of that, half of which
 * may be put off. */
static uint64_t
takes(double path_us, uint32_t have, uint32_t samples)
{
    double paths = samples;

    if (have == 0) {
        paths += samples > 2 ? 1 : samples > 1 ? 0.5 : 0.25;

    } else if (have == 1 && samples == 1) {
        paths += 0.25;

    } else if (have <= 2 && have + samples > 2) {
        paths += 1.5;
    }

    return (uint64_t) (1e6 * path_us * paths);
}

/* One that is known well. */
static void
device(pace_t *p, double path_us, double extra_us)
{
    static const uint32_t passes[][2] = {{0, 1}, {0, 2}, {0, 5}, {1, 1},
                                         {1, 4}, {2, 1}, {5, 1}, {9, 8}};
    pace_plan_t plan = million;
    int i;

    pace_init(p);

    for (i = 0; i < 400; i++) {
        plan.samples = passes[i % 8][1];
        pace_passed(p, &plan, passes[i % 8][0],
                    takes(path_us, passes[i % 8][0], plan.samples));
        pace_shown(p, (uint64_t) extra_us);
    }
}

static void
measurements_are_followed(void)
{
    pace_plan_t plan = million;
    uint32_t have;
    int right = 1;
    double off;
    pace_t p;

    device(&p, 0.25, 6000);
    check(p.extra_us > 5990 && p.extra_us < 6010);

    for (have = 0; have < 6; have++) {
        for (plan.samples = 1; plan.samples < 9; plan.samples++) {
            off = (double) pace_pass_us(&p, &plan, have) /
                  (double) takes(0.25, have, plan.samples);
            right &= off > 0.99 && off < 1.01;
        }
    }

    check(right);

    /* One hiccup does not throw it. */
    pace_passed(&p, &million, 3, 500000);
    check(pace_pass_us(&p, &million, 3) < 450000);
}

/* A second of movement, then ten passes of a still film, and again. */
static void
a_film_s_first_pass_is_told_from_the_others(void)
{
    const pace_plan_t two = {1000, 1000, 2};
    uint64_t first;
    pace_t p;
    int i;

    for (first = 400000; first <= 1500000; first += 100000) {
        pace_init(&p);

        for (i = 0; i < 120; i++) {
            pace_passed(&p, i % 30 < 20 && i % 2 ? &two : &million,
                        i % 30 < 20 ? 0 : 3,
                        i % 30 >= 20 ? 600000
                        : i % 2      ? first + 800000
                                     : first);
        }

        check(pace_pass_us(&p, &million, 3) > 590000 &&
              pace_pass_us(&p, &million, 3) < 610000);
        check(pace_pass_us(&p, &million, 0) > first - 20000 &&
              pace_pass_us(&p, &million, 0) < first + 20000);
        check(pace_pass_us(&p, &two, 0) > first + 770000 &&
              pace_pass_us(&p, &two, 0) < first + 830000);
    }

    /* A first pass of several says nothing about the later ones. */
    pace_passed(&p, &two, 0, 1700000);
    check(pace_pass_us(&p, &million, 3) > 590000);
}

static void
what_was_never_measured_follows_what_was(void)
{
    const pace_plan_t two = {1000, 1000, 2}, many = {1000, 1000, 20};
    pace_t p;
    int i;

    /* A card that nobody has rested on: a thousandth of what was guessed. */
    pace_init(&p);

    for (i = 0; i < 60; i++) {
        pace_passed(&p, &two, 0, 2000);
    }

    check(pace_pass_us(&p, &two, 0) > 1950 && pace_pass_us(&p, &two, 0) < 2050);
    check(pace_pass_us(&p, &many, 0) < 40000);
    check(pace_pass_us(&p, &million, 3) < 2000);
}

/* From one bounce to thirty: passes that were not seen since cost more too. */
static void
settings_of_another_cost_change_all_kinds(void)
{
    pace_plan_t plan;
    pace_t p;
    int i, worst = 1;

    device(&p, 0.1, 6000);

    for (i = 0; i < 10; i++) {
        pace_moving(&p, 512, 512, 20, 1, &plan);
        pace_passed(&p, &plan, 0,
                    takes(3, 0, plan.samples) * plan.width * plan.height /
                        1000000);
        worst = i > 2 && plan.samples > 2 ? (int) plan.samples : worst;
    }

    check(worst == 1);
    check(takes(3, 0, plan.samples) * plan.width * plan.height / 1000000 <
          50000);
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
                us = (double) pace_pass_us(&p, &plan, 0);
                coarsest = plan.width == 64 && plan.samples == 1;
                fits &= us < 1e6 / fps / sharers || coarsest;
                sane &= plan.samples >= 1 && plan.width >= 16 &&
                        plan.width <= 512 && plan.width == plan.height;
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

/* Two samples as long as half the size affords them. */
static void
the_filter_gets_two_samples_where_half_the_size_affords_them(void)
{
    double path_us, budget_us = 0.85 * 50000 - 8000, half_us;
    int two = 0, one = 0, wrong = 0;
    pace_plan_t plan;
    pace_t p;

    for (path_us = 0.02; path_us < 4; path_us *= 1.05) {
        device(&p, path_us, 8000);
        p.rung = 0;
        pace_moving(&p, 512, 512, 20, 1, &plan);
        half_us = (double) takes(path_us, 0, 2) * 256 * 256 / 1e6;

        if (half_us < 0.98 * budget_us) {
            wrong += plan.samples < 2 || plan.width < 256;
            two++;

        } else if (half_us > 1.02 * budget_us) {
            wrong += plan.width > 400;
            one++;
        }
    }

    check(wrong == 0);
    check(two > 10 && one > 10);
}

/* Costs that wander by a twentieth, about whatever a size needs. */
static void
the_film_does_not_flicker_between_two_sizes(void)
{
    int i, changes, often = 0;
    pace_t p, less, more;
    pace_plan_t plan;
    uint32_t width;
    double cost;

    for (cost = 0.05; cost < 4; cost *= 1.03) {
        device(&less, 0.95 * cost, 8000);
        device(&more, 1.05 * cost, 8000);
        p = more;
        pace_moving(&p, 512, 512, 20, 1, &plan);
        width = plan.width;

        for (i = changes = 0; i < 50; i++) {
            memcpy(p.path_us, i % 2 ? more.path_us : less.path_us,
                   sizeof(p.path_us));
            pace_moving(&p, 512, 512, 20, 1, &plan);
            changes += plan.width != width;
            width = plan.width;
        }

        often += changes > 1;
    }

    check(often == 0);
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

    device(&p, 1.3, 5000);
    pace_moving(&p, 512, 512, 20, 1, &plan);
    check(plan.width < 256);
    check(pace_settling(&p, 512, 512, 0, &plan));
    check(plan.width >= 256 && plan.width < 512 && plan.samples == 1);
    check(pace_pass_us(&p, &plan, 0) <= PACE_SETTLE_US);
    check(!pace_settling(&p, 512, 512, 1, &plan));

    /* Ten seconds for the full film: four steps, each finer. */
    device(&p, 33, 5000);

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
    pace_still(&p, 512, 512, 3, 1000, &plan);
    check(plan.width == 512 && plan.height == 512);
    check(plan.samples * 512 * 512 * 0.02 <= PACE_PASS_US * 1.01);
    check(plan.samples > 1);

    pace_still(&p, 512, 512, 3, 3, &plan);
    check(plan.samples == 3);

    device(&p, 5, 5000);
    pace_still(&p, 512, 512, 3, 1000, &plan);
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
    what_was_never_measured_follows_what_was();
    settings_of_another_cost_change_all_kinds();
    a_moving_picture_fits_its_frame();
    the_filter_gets_two_samples_where_half_the_size_affords_them();
    faster_devices_give_finer_pictures();
    the_film_does_not_flicker_between_two_sizes();
    a_slow_device_settles_before_it_refines();
    a_still_pass_is_short_and_stops_at_the_last_sample();
    pictures_of_a_still_film_thin_out();
    slow_devices_show_each_pass_rather_than_wait_for_two();
    bytes_follow_the_bitrate();

    return done();
}
