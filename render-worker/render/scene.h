/* From a volume and its settings to what the kernels read. All checks are here.
 */

#ifndef RENDER_SCENE_H
#define RENDER_SCENE_H

#include "lib/settings.h"
#include "render-worker/render/grid.h"

typedef struct {
    expo_volume_t volume;
    const uint16_t *voxels; /* padded to at least 2 along each axis */
    uint16_t *padded;       /* owned; NULL when voxels is the caller's */
    int32_t n[3];           /* of voxels */
    double center[3];       /* patient mm; the kernels' origin */
    double to_index[9];     /* row-major: mm to index steps */
    double range;           /* voxel values that all but 0.2 % lie within */
    grid_t grid;
    uint32_t changes;         /* how often voxels became others */
    bool unbounded;           /* they did after the bounds were made */
    uint32_t bounds;          /* how often they were made */
    pt_technique_t bounded;   /* what for: PT_PATHS, PT_SURFACE, else PT_MIP */
    expo_transfer_t transfer; /* of PT_PATHS */
    float level;              /* of PT_SURFACE */
} body_t;

typedef struct {
    pt_scene_t pt;
    /* Count up when what they number is made anew. */
    uint32_t voxels, tables, bounds;
    pt_sigma_t sigma[PT_TABLE];
    pt_material_t material[PT_TABLE];
    float majorant;
    expo_transfer_t transfer; /* what the tables were made of */
    double scale, offset;     /* of its volume */
} scene_t;

/* voxels: [nz][ny][nx], borrowed until body_close. */
expo_status_t body_open(body_t *b, const expo_volume_t *volume,
                        const uint16_t *voxels);
void body_close(body_t *b);

/* After some of its voxels became others. The usual range stays. */
void body_changed(body_t *b);

/* Fills s, zero or set before, for settings that expo_settings_parse accepted,
 * and b's bounds. Tables and bounds stay while what they show does. */
void scene_set(scene_t *s, body_t *b, const expo_settings_t *settings);

#endif
