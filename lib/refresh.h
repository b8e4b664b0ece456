/*
 * When a key set that lies with its provider is fetched, and how long it
 * counts: every 5 minutes, a minute after a failure, and at once, though once a
 * minute at most, when a token names a key that is not in it. What was fetched
 * last counts for a day when nothing newer comes. Kept in shared memory, zeroed
 * at first; the caller locks. Times are of a clock that only goes forward.
 */

#ifndef EXPO_REFRESH_H
#define EXPO_REFRESH_H

#include <stdint.h>

#define EXPO_REFRESH_FETCH_MS 10000 /* what one fetch may take */
#define EXPO_REFRESH_AGAIN_MS 60000
#define EXPO_REFRESH_MS 300000
#define EXPO_REFRESH_KEEP_MS 86400000

typedef struct {
    uint64_t began_ms; /* the last fetch */
    uint64_t asked_ms; /* the last that an unknown key was the reason of */
    uint64_t had_ms;   /* the last that brought keys */
    uint8_t begun;     /* has there been any? */
    uint8_t asked;
    uint8_t busy;
    uint8_t failed;
    uint8_t wanted; /* a token named a key that is not known */
} expo_refresh_t;

/* 1: fetch it now; then expo_refresh_end is called. */
int expo_refresh_begin(expo_refresh_t *r, uint64_t now_ms);
/* brought: keys came. */
void expo_refresh_end(expo_refresh_t *r, uint64_t now_ms, int brought);

/* A key is not known. 1: one may come soon. */
int expo_refresh_want(expo_refresh_t *r, uint64_t now_ms);

/* 1: too old to count. */
int expo_refresh_over(const expo_refresh_t *r, uint64_t now_ms);

#endif
