/* A camera that goes around what it looks at. */

#ifndef EXPO_TURNTABLE_H
#define EXPO_TURNTABLE_H

#include "lib/settings.h"

/*
 * Turns the camera about the head-foot axis through its target, towards the
 * patient's left as seen from the front, and makes it level: what is up in the
 * picture is the head's direction. Seen along that axis nothing can be level;
 * the picture turns then. angle: radians.
 */
void expo_turntable(expo_settings_t *s, double angle);

#endif
