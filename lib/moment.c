#include "lib/moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>


void
expo_moment_print(char dst[EXPO_MOMENT_TEXT + 1], uint64_t s)
{
    time_t t = (time_t) (s < EXPO_MOMENT_MAX ? s : EXPO_MOMENT_MAX);
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(dst, EXPO_MOMENT_TEXT + 1, "%Y-%m-%dT%H:%M:%SZ", &tm);
}


expo_status_t
expo_moment_parse(uint64_t *s, const char *text, size_t len)
{
    char own[EXPO_MOMENT_TEXT + 1], again[EXPO_MOMENT_TEXT + 1];
    struct tm tm = {0};
    time_t t;

    if (len != EXPO_MOMENT_TEXT) {
        return EXPO_INVALID;
    }

    memcpy(own, text, len);
    own[len] = '\0';

    if (sscanf(own, "%4d-%2d-%2dT%2d:%2d:%2dZ", &tm.tm_year, &tm.tm_mon,
               &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6) {
        return EXPO_INVALID;
    }

    tm.tm_year -= 1900;
    tm.tm_mon--;
    t = timegm(&tm);

    if (t < 0) {
        return EXPO_INVALID;
    }

    /* What is no day, no hour, or written in another way comes back changed. */
    expo_moment_print(again, (uint64_t) t);
    if (memcmp(again, own, sizeof(own)) != 0) {
        return EXPO_INVALID;
    }

    *s = (uint64_t) t;

    return EXPO_OK;
}
