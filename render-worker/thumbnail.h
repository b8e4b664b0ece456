/* The small picture of a scan in lists: the default look, from the front. */

#ifndef THUMBNAIL_H
#define THUMBNAIL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/schema.h"
#include "lib/volume.h"

#define THUMBNAIL_EDGE 320
/* Enough that no grain is seen at this size; fewer when time is over. */
#define THUMBNAIL_SAMPLES 128
#define THUMBNAIL_US 600000

/* On any thread; takes little more than THUMBNAIL_US. *png is malloc'd. */
expo_status_t thumbnail_render(const expo_schema_t *settings,
                               const expo_volume_t *volume,
                               const uint16_t *voxels,
                               const double percentiles[4], uint8_t **png,
                               size_t *bytes);

#endif
