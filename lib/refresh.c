#include "lib/refresh.h"

static int refresh_busy(const expo_refresh_t *r, uint64_t now_ms);


int
expo_refresh_begin(expo_refresh_t *r, uint64_t now_ms)
{
    uint64_t pause = r->failed ? EXPO_REFRESH_AGAIN_MS : EXPO_REFRESH_MS;

    if (refresh_busy(r, now_ms) ||
        (r->begun && !r->wanted && now_ms - r->began_ms < pause)) {
        return 0;
    }

    if (r->wanted) {
        r->wanted = 0;
        r->asked = 1;
        r->asked_ms = now_ms;
    }

    r->begun = 1;
    r->began_ms = now_ms;
    r->busy = 1;
    r->failed = 1; /* until it ends well */

    return 1;
}


void
expo_refresh_end(expo_refresh_t *r, uint64_t now_ms, int brought)
{
    r->busy = 0;

    if (brought) {
        r->failed = 0;
        r->had_ms = now_ms;
    }
}


int
expo_refresh_want(expo_refresh_t *r, uint64_t now_ms)
{
    if (refresh_busy(r, now_ms)) {
        return 1;
    }

    if (!r->asked || now_ms - r->asked_ms >= EXPO_REFRESH_AGAIN_MS) {
        r->wanted = 1;
    }

    return r->wanted;
}


int
expo_refresh_over(const expo_refresh_t *r, uint64_t now_ms)
{
    return now_ms - r->had_ms >= EXPO_REFRESH_KEEP_MS;
}


/* Whoever fetches may have died; then it is over after twice its time. */
static int
refresh_busy(const expo_refresh_t *r, uint64_t now_ms)
{
    return r->busy && now_ms - r->began_ms < 2 * EXPO_REFRESH_FETCH_MS;
}
