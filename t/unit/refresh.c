/* When key sets are fetched, over days that pass in no time. */

#include "lib/refresh.c"

#include "t/unit/check.h"

#define S UINT64_C(1000)
#define T0 (UINT64_C(5000000) * S)


/* Fetches begun in [from, to) that each take 100 ms, with a look a second. */
static int
count(expo_refresh_t *r, uint64_t from, uint64_t to, int brings, int asked)
{
    int n = 0;

    for (uint64_t now = from; now < to; now += S) {
        if (asked) {
            expo_refresh_want(r, now);
        }
        if (expo_refresh_begin(r, now)) {
            n++;
            expo_refresh_end(r, now + 100, brings);
        }
    }

    return n;
}

static void
a_set_is_fetched_every_five_minutes(void)
{
    expo_refresh_t r = {0};

    check(expo_refresh_begin(&r, T0) == 1);
    check(expo_refresh_begin(&r, T0 + S) == 0);
    expo_refresh_end(&r, T0 + S, 1);
    check(count(&r, T0 + S, T0 + 3600 * S, 1, 0) == 11);
}

static void
a_failure_is_tried_again_each_minute(void)
{
    expo_refresh_t r = {0};

    check(count(&r, T0, T0 + 3600 * S, 0, 0) == 60);
    check(count(&r, T0 + 3600 * S, T0 + 7200 * S, 1, 0) == 12);
}

static void
unknown_keys_cause_one_fetch_a_minute(void)
{
    expo_refresh_t r = {0};
    uint64_t at = T0 + 100 * S;
    int more = 0;

    expo_refresh_begin(&r, T0);
    expo_refresh_end(&r, T0 + 100, 1);

    check(expo_refresh_want(&r, at) == 1);
    check(expo_refresh_begin(&r, at) == 1);
    check(expo_refresh_want(&r, at + 50) == 1); /* on its way */
    check(expo_refresh_begin(&r, at + 50) == 0);
    expo_refresh_end(&r, at + 100, 1);

    for (int i = 0; i < 1000; i++) {
        more += expo_refresh_want(&r, at + 101);
        more += expo_refresh_begin(&r, at + 101);
    }
    check(more == 0);

    check(expo_refresh_want(&r, at + 59 * S) == 0);
    check(expo_refresh_want(&r, at + 60 * S) == 1);
    check(expo_refresh_begin(&r, at + 60 * S) == 1);
    expo_refresh_end(&r, at + 60 * S, 1);

    /* asked for without pause: one a minute, and those that come anyway */
    check(count(&r, at + 61 * S, at + 661 * S, 1, 1) <= 11);
    check(count(&r, at + 661 * S, at + 1261 * S, 0, 1) <= 21);
}

static void
keys_last_a_day_without_their_provider(void)
{
    expo_refresh_t r = {0};
    uint64_t day = 86400 * S;

    expo_refresh_begin(&r, T0);
    expo_refresh_end(&r, T0, 1);
    count(&r, T0 + S, T0 + day, 0, 1);
    check(!expo_refresh_over(&r, T0 + day - 1));
    check(expo_refresh_over(&r, T0 + day));

    while (!expo_refresh_begin(&r, T0 + day)) {
        day += S;
    }
    expo_refresh_end(&r, T0 + day, 1);
    check(!expo_refresh_over(&r, T0 + day + S));
}

static void
a_fetch_whose_process_died_does_not_stop_the_next(void)
{
    expo_refresh_t r = {0};

    check(expo_refresh_begin(&r, T0));
    check(!expo_refresh_begin(&r, T0 + 15 * S));
    check(expo_refresh_want(&r, T0 + 15 * S) == 1);
    check(expo_refresh_want(&r, T0 + 21 * S) == 1);
    check(expo_refresh_begin(&r, T0 + 21 * S));
}

int
main(void)
{
    a_set_is_fetched_every_five_minutes();
    a_failure_is_tried_again_each_minute();
    unknown_keys_cause_one_fetch_a_minute();
    keys_last_a_day_without_their_provider();
    a_fetch_whose_process_died_does_not_stop_the_next();

    return done();
}
