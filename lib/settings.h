/*
 * The settings object: one JSON object holds every control. Its shape, ranges
 * and constant defaults are api/settings.schema.json; what depends on the scan
 * (camera, clip box, transfer points) is made here.
 * Positions are patient space, mm, LPS.
 */

#ifndef EXPO_SETTINGS_H
#define EXPO_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/schema.h"
#include "lib/status.h"
#include "lib/volume.h"

#define EXPO_POINTS_MAX 64
#define EXPO_LIGHTS_MAX 32
#define EXPO_PLANES_MAX 6

typedef struct {
    double value;        /* in the volume's unit */
    float opacity;       /* 0..1 */
    float color[3];      /* sRGB, 0..1 */
    float specular[3];   /* sRGB, 0..1 */
    float roughness;     /* 0..1 */
    float emission[3];   /* sRGB times intensity, >= 0 */
} expo_point_t;

typedef struct {
    expo_point_t points[EXPO_POINTS_MAX]; /* rising in value */
    uint32_t n_points;
    bool smooth;         /* monotone cubic; else linear */
    float density_scale; /* extinction at opacity 1, 1/mm */
} expo_transfer_t;

typedef struct {
    float longitude_deg, latitude_deg; /* seen from the target */
    float distance_mm, width_mm, height_mm;
    float color[3]; /* sRGB */
    float intensity; /* radiance */
    bool visible;
    bool follow_camera; /* angles turn with the camera */
} expo_light_t;

typedef struct {
    float normal[3]; /* unit; kept is where normal . x >= offset */
    float offset_mm;
    bool enabled;
} expo_plane_t;

typedef enum { EXPO_SHADING_BRDF, EXPO_SHADING_PHASE, EXPO_SHADING_HYBRID } expo_shading_t;
typedef enum { EXPO_TONE_ACES, EXPO_TONE_EXPONENTIAL, EXPO_TONE_LINEAR } expo_tone_t;
typedef enum { EXPO_BACKGROUND_COLOR, EXPO_BACKGROUND_ENVIRONMENT, EXPO_BACKGROUND_TRANSPARENT } expo_background_t;
typedef enum { EXPO_PATH, EXPO_MIP, EXPO_AVERAGE, EXPO_ISOSURFACE, EXPO_SLICE } expo_technique_t;
typedef enum { EXPO_SLAB_MAXIMUM, EXPO_SLAB_MEAN, EXPO_SLAB_MINIMUM } expo_slab_t;

/* The object as numbers, for the renderer. */
typedef struct {
    struct {
        double position[3], target[3], up[3];
        float fov_deg, aperture_mm, focus_mm;
        bool autofocus;
        bool orthographic;
    } camera;
    struct {
        double box_min[3], box_max[3];
        expo_plane_t planes[EXPO_PLANES_MAX];
        uint32_t n_planes;
        bool hide_table; /* lib/table.h, where there is one */
    } clip;
    expo_transfer_t transfer;
    struct {
        expo_shading_t mode;
        float g, gradient_factor;
        uint32_t max_bounces;
    } shading;
    expo_light_t lights[EXPO_LIGHTS_MAX];
    uint32_t n_lights;
    struct {
        float top[3], middle[3], bottom[3]; /* sRGB */
        float intensity;
    } environment;
    struct {
        expo_background_t mode;
        float color[3]; /* sRGB, seen where nothing is */
    } background;
    struct {
        expo_technique_t mode;
        double isovalue;                     /* in the volume's unit */
        double window_center, window_width;  /* so, too */
        bool colored; /* by the transfer function; else grey */
        struct {
            double point[3];
            double normal[3], up[3]; /* unit, and square to each other */
            double width_mm;         /* of the picture's shorter edge */
            double thickness_mm;
            expo_slab_t slab;
        } slice;
    } technique;
    struct {
        float exposure, gamma;
        expo_tone_t tone_map;
    } film;
    bool denoise;
    struct {
        uint32_t target_fps, max_samples;
    } quality;
} expo_settings_t;

/*
 * The complete object for a scan that has none yet: front view that fits the
 * volume, clip box at its bounds, a transfer function for its modality.
 * percentiles: values below which 1, 50, 90 and 99 % of the voxels lie (MR and
 * others are relative to them; CT uses HU). Ownership of *out passes.
 */
expo_status_t expo_settings_default(const expo_volume_t *v,
                                    const double percentiles[4], json_t **out);

/*
 * The same with the look `id` of api/presets.json ("ct-bones"); NULL: the
 * modality's first. EXPO_NOT_FOUND: no such look.
 */
expo_status_t expo_settings_preset(const expo_volume_t *v,
                                   const double percentiles[4], const char *id,
                                   json_t **out);

/*
 * Adds what an object that the schema accepts may lack: members that are not
 * required, with their defaults.
 */
expo_status_t expo_settings_complete(const expo_schema_t *schema,
                                     json_t *settings);

/*
 * RFC 7396 merge of patch into settings (untouched); *out is a new, checked
 * and complete object. EXPO_INVALID with one sentence in error when the result is refused.
 */
expo_status_t expo_settings_merge(const expo_schema_t *schema,
                                  const json_t *settings, const json_t *patch,
                                  json_t **out, char *error,
                                  size_t error_bytes);

/*
 * Checks object against the schema and against what a schema cannot say
 * (points rising, camera not at its target, up not along the view, box not
 * inside out, normals not zero), and reads it into numbers.
 */
expo_status_t expo_settings_parse(const expo_schema_t *schema,
                                  const json_t *object, expo_settings_t *out,
                                  char *error, size_t error_bytes);

#endif
