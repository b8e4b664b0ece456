/*
 * Whatever the volume, what is found lies inside it, and hiding and showing it
 * leave every voxel as it was.
 */

#include "lib/table.c"
#include "lib/table_part.c"
#include "lib/table_shape.c"

#define EDGE 24 /* voxels along an axis, at most */

int LLVMFuzzerTestOneInput(const uint8_t *src, size_t len);


/* Three sizes, an order of axes, three spacings; then a byte a voxel. */
int
LLVMFuzzerTestOneInput(const uint8_t *src, size_t len)
{
    static uint16_t voxels[EDGE * EDGE * EDGE], before[EDGE * EDGE * EDGE];
    expo_volume_t v = {.scale = 8, .offset = -1024, .voxel_max = 255,
                       .unit = "HU"};
    uint64_t n, seen = 0, at = 0;
    size_t i;
    expo_table_t t;
    int axis;

    if (len < 8) {
        return 0;
    }

    for (i = 0; i < 3; i++) {
        axis = (int) ((i + src[3]) % 3);
        v.dims[i] = 1 + src[i] % EDGE;
        v.affine[4 * axis + (int) i] = 0.02 * (1 + src[4 + i]);
    }

    n = expo_volume_voxels(&v);
    src += 7;
    len -= 7;

    for (i = 0; i < n; i++) {
        voxels[i] = src[i % len];
    }

    memcpy(before, voxels, 2 * n);

    if (expo_table_find(&t, &v, voxels) != EXPO_OK) {
        return 0;
    }

    for (i = 0; i < t.count; i++) {
        at += t.runs[i][0] + t.runs[i][1];
        seen += t.runs[i][1];
    }

    if (at > n || seen != t.voxels || t.voxels > n / TABLE_SHARE ||
        !expo_table_hide(&t, voxels, 1)) {
        abort();
    }

    expo_table_hide(&t, voxels, 0);

    if (memcmp(before, voxels, 2 * n) != 0) {
        abort();
    }

    expo_table_close(&t);

    return 0;
}
