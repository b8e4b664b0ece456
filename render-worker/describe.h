/* Volumes as messages tell of them; the caller owns what comes back. */

#ifndef DESCRIBE_H
#define DESCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/volume.h"

/* messages.schema.json, volume; factor: by which it was scaled down, or 1;
 * table: it has one. */
json_t *describe_volume(const expo_volume_t *v, const double percentiles[4],
                        uint32_t factor, bool table);

/* messages.schema.json, histogram */
json_t *describe_histogram(const expo_volume_t *v,
                           const uint32_t histogram[256]);

#endif
