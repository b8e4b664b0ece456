/*
 * Everything a path reads. Positions in mm from the volume's centre, patient
 * axes (x left, y back, z head); colours linear; extinction 1/mm. The host
 * (scene.c) checks and fills it before a kernel runs.
 */

#ifndef PT_SCENE_H
#define PT_SCENE_H

#include "render-worker/render/kernel/pt_math.h"

#define PT_TABLE 1024
#define PT_LAMPS 32
#define PT_PLANES 18 /* volume 6, box 6, user 6 */
#define PT_CELL 4    /* voxel steps along a macrocell's edge */
#define PT_SKIP                                                                \
    16 /* macrocells along the largest block stepped over at once              \
        */

/*
 * sigma(x) = at + step * fraction; 1/mm
 * sum: integral of sigma from the first entry to this one, in entries.
 */
typedef struct {
    float at, step, sum, unused; /* 16 bytes: one load */
} pt_sigma_t;

typedef struct {
    pt_v3 color, specular, emission;
    float roughness;
} pt_material_t;

/* Kept is where normal . x >= offset; normal is a unit vector. */
typedef struct {
    pt_v3 normal;
    float offset;
    int32_t cut; /* tissue may lie at it: it shows as a surface */
} pt_plane_t;

/* One-sided rectangle: center + a u + b v, a and b in [-1, 1]. */
typedef struct {
    pt_v3 center, u, v;
    pt_v3 normal; /* towards what it lights */
    pt_v3 radiance;
    float area; /* mm^2 */
    int visible;
} pt_lamp_t;

typedef struct {
    pt_v3 position, forward;
    pt_v3 right, up; /* to the ends of the shorter edge, at distance 1 */
    float lens;      /* radius, mm */
    float focus;     /* mm along forward */
    float parallel;  /* > 0: orthographic, with the picture at this distance */
} pt_camera_t;

typedef enum { PT_BRDF, PT_PHASE, PT_HYBRID } pt_shading_t;

/* How light is found: see pt_render.h. */
typedef enum { PT_PRODUCTION, PT_UNBIASED, PT_WOODCOCK, PT_ER2012 } pt_mode_t;

/* What a pixel shows: light, or something else of the volume. */
typedef enum {
    PT_PATHS,
    PT_MIP,
    PT_AVERAGE,
    PT_SURFACE,
    PT_SLICE
} pt_technique_t;
typedef enum { PT_SLAB_MAXIMUM, PT_SLAB_MEAN, PT_SLAB_MINIMUM } pt_slab_t;

typedef struct {
    /* Voxels [n[2]][n[1]][n[0]], each n >= 2. */
    const uint16_t *voxels;
    int32_t n[3];
    float to_index[12]; /* row-major 3x4: position to voxel index */
    float gradient[9];  /* row-major 3x3: per index step to per mm */
    float voxel_mm;     /* geometric mean of the spacing */
    float inv_range;    /* 1 / (the volume's usual range of voxel values) */

    /* Table place of voxel v: (v - table_first) * table_scale, 0..1023. */
    float table_first, table_scale;
    const pt_sigma_t *sigma;       /* [PT_TABLE] */
    float majorant;                /* of all sigma */
    const pt_material_t *material; /* [PT_TABLE] */

    /*
     * [z][y][x]. Below 0: empty, and so is the aligned block of that many cells
     * along each edge, negated. Surfaces have 1 where a cell has something
     * solid, projections the upper bound of voxel values.
     */
    const float *cell;   /* upper bound of sigma, 1/mm */
    const float *detail; /* steps that a march takes a voxel */
    int32_t cells[3];

    pt_plane_t planes[PT_PLANES];
    int32_t n_planes;

    pt_camera_t camera;
    int32_t width, height;
    uint64_t seed;

    pt_lamp_t lamps[PT_LAMPS];
    int32_t n_lamps;
    pt_v3 sky_top, sky_middle, sky_bottom;
    pt_v3 background;
    int32_t background_sky;

    pt_shading_t shading;
    float g, gradient_factor;
    uint32_t max_bounces;
    pt_mode_t mode;
    int32_t around; /* directions from a path's first collision, 1..PT_AROUND */
    int32_t sparse;  /* a first sample alone skips every other pixel */
    float stride_mm; /* of PT_ER2012's marches */

    pt_technique_t technique;
    float level;                    /* of the surface, voxel value */
    float window_low, window_scale; /* voxel value to 0..1 */
    int32_t colored;
    float thickness; /* of the slice, mm */
    pt_slab_t slab;
} pt_scene_t;

typedef struct {
    pt_v3 o, d; /* d is a unit vector */
} pt_ray_t;

#endif
