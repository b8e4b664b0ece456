/*
 * The scanner's table in a CT volume, and what lies on its far side: cushions,
 * rails, cables. No voxel of it is lost: hiding exchanges its voxels for air,
 * showing exchanges them back.
 *
 * A table is what no body is: a shell under the body, wide, thin, and the same
 * in every slice. Where in doubt, there is none. It may touch the body, and lie
 * on any side of it: a person may lie on their face, or be turned.
 */

#ifndef EXPO_TABLE_H
#define EXPO_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"
#include "lib/volume.h"

typedef struct {
    /* Of voxels in memory order: so many are passed over, so many are the
     * table's; and again. */
    uint32_t (*runs)[2];
    size_t count;
    uint16_t *values; /* of its voxels, one after the other: the other ones */
    uint64_t voxels;  /* that it has */
    int hidden;       /* values are the table's; in the volume there is air */
} expo_table_t;

/*
 * voxels: [nz][ny][nx] of v, not changed; the table is shown.
 * EXPO_NOT_FOUND: there is none, or the values are no HU. EXPO_NO_MEMORY.
 * It never takes more than a tenth of the memory that the voxels do.
 */
expo_status_t expo_table_find(expo_table_t *t, const expo_volume_t *v,
                              const uint16_t *voxels);

/* Hides or shows it in the voxels that it was found in; 1: that changed them.
 */
int expo_table_hide(expo_table_t *t, uint16_t *voxels, int hidden);

/* Wipes and frees it; of none, nothing. */
void expo_table_close(expo_table_t *t);

#endif
