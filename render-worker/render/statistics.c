#include "render-worker/render/tracer.h"

#include <stdlib.h>
#include <string.h>

static double below(const uint64_t *count, uint64_t total, double fraction);


void
tracer_statistics(const expo_volume_t *volume, const uint16_t *voxels,
                  uint32_t histogram[256], double percentiles[4])
{
    static const double fraction[4] = {0.01, 0.50, 0.90, 0.99};
    uint64_t i, n = expo_volume_voxels(volume), *count;
    uint32_t v, first = volume->voxel_min;
    uint32_t span = (uint32_t) volume->voxel_max - first + 1;

    memset(histogram, 0, 256 * sizeof(*histogram));
    count = calloc(65536, sizeof(*count));

    for (i = 0; i < 4; i++) {
        percentiles[i] = volume->offset + volume->scale * first;
    }

    if (count == NULL) {
        return;
    }

    for (i = 0; i < n; i++) {
        count[voxels[i]]++;
    }

    for (v = first; v <= volume->voxel_max; v++) {
        histogram[(uint64_t) (v - first) * 256 / span] += (uint32_t) count[v];
    }

    for (i = 0; i < 4; i++) {
        percentiles[i] =
            volume->offset + volume->scale * below(count, n, fraction[i]);
    }

    free(count);
}


static double
below(const uint64_t *count, uint64_t total, double fraction)
{
    double wanted = fraction * (double) total;
    uint64_t seen = 0;
    uint32_t v;

    for (v = 0; v < 65535; v++) {
        seen += count[v];

        if ((double) seen >= wanted) {
            break;
        }
    }

    return v;
}
