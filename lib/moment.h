/*
 * Moments as people and other programs read them: RFC 3339 in UTC, to the
 * second, «2026-11-23T04:05:06Z». Reading is strict: one moment has exactly one
 * spelling.
 */

#ifndef EXPO_MOMENT_H
#define EXPO_MOMENT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define EXPO_MOMENT_TEXT 20
#define EXPO_MOMENT_MAX 253402300799 /* the last second of the year 9999 */

/* Writes 20 characters and a NUL. s: Unix seconds, at most EXPO_MOMENT_MAX. */
void expo_moment_print(char dst[EXPO_MOMENT_TEXT + 1], uint64_t s);

/* EXPO_INVALID: any other spelling, or before 1970. */
expo_status_t expo_moment_parse(uint64_t *s, const char *text, size_t len);

#endif
