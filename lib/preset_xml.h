/*
 * Presets of Exposure Render 1.1 (2012): XML files of three kinds, appearance,
 * lighting and camera, each with any number of named presets; and what they
 * are as our settings.
 *
 * Lengths in them count the volume's longest edge (the "world unit"); places
 * are in a box from 0 along the volume's own axes, not the patient's.
 * docs/renderer.md has the table of what becomes what.
 */

#ifndef EXPO_PRESET_XML_H
#define EXPO_PRESET_XML_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/settings.h"
#include "lib/status.h"
#include "lib/volume.h"

#define EXPO_PRESET_XML_BYTES_MAX (1u << 20)

/* Colours as their numbers over 255; lengths in world units. */
typedef struct {
    double intensity; /* of the volume's range, 0..1 */
    double opacity, glossiness;
    double diffuse[3], specular[3], emission[3];
} expo_preset_node_t;

typedef struct {
    double theta_deg, phi_deg, distance, width, height, color[3], intensity;
} expo_preset_light_t;

typedef struct {
    struct {
        uint32_t n_nodes; /* 0: no appearance was read */
        expo_preset_node_t nodes[EXPO_POINTS_MAX];
        double density_scale, shading, gradient_factor;
    } appearance;
    struct {
        int there;
        uint32_t n_lights;
        expo_preset_light_t lights[EXPO_LIGHTS_MAX];
        double sky; /* 0: none */
        double top[3], middle[3], bottom[3], intensity;
    } lighting;
    struct {
        int there, has_view;  /* from, target and up are there */
        double width, height; /* pixels; 0: not said */
        double exposure, aperture, fov_deg, focus;
        double from[3], target[3], up[3];
    } camera;
} expo_preset_xml_t;

/*
 * Adds a file's preset to p, which is all zero before the first: the one called
 * name, else the first of the file. name may be NULL.
 *
 * EXPO_INVALID: no XML of this kind, or a number that is none; EXPO_TOO_LARGE;
 * EXPO_UNSUPPORTED: XML that declares entities or refers to other files;
 * EXPO_NO_MEMORY. error: one sentence. p is untouched then.
 */
expo_status_t expo_preset_xml_read(expo_preset_xml_t *p, const char *text,
                                   size_t len, const char *name, char *error,
                                   size_t error_bytes);

/* What p says, as a merge patch of the settings of a picture of v. */
expo_status_t expo_preset_xml_patch(const expo_preset_xml_t *p,
                                    const expo_volume_t *v, json_t **patch);

#endif
