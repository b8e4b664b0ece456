#include "lib/preset_xml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#define PRESET_DEPTH_MAX 16
#define PRESET_NAME_MAX 128

/* Where one element's numbers go. */
typedef struct {
    const char *section; /* below <Preset>; "" for an element right there */
    const char *element;
    enum { PRESET_VALUE, PRESET_COLOR, PRESET_VECTOR } kind;
    enum { PRESET_IN_PRESET, PRESET_IN_NODE, PRESET_IN_LIGHT } whose;
    size_t at; /* in it */
} preset_field_t;

typedef struct {
    XML_Parser parser;
    const char *wanted; /* NULL: any */
    int depth;
    char section[32]; /* the element at depth 3 */
    int in_item;      /* inside <Node> or <Light> */
    int named, found, chosen_by_name;
    expo_preset_xml_t now, chosen;
    unsigned seen; /* of from, target, up */
    expo_status_t st;
    char *error;
    size_t error_bytes;
} preset_reader_t;

static void begin(void *data, const char *name, const char **attributes);
static void end(void *data, const char *name);
static void doctype(void *data, const char *name, const char *system,
                    const char *public, int internal);
static void entity(void *data, const char *name, int is_parameter,
                   const char *value, int len, const char *base,
                   const char *system, const char *public,
                   const char *notation);
static void preset_begin(preset_reader_t *r, const char **attributes);
static void preset_end(preset_reader_t *r);
static void section_begin(preset_reader_t *r, const char *name);
static void item_begin(preset_reader_t *r, const char *name);
static void field(preset_reader_t *r, const char *name,
                  const char **attributes);
static double *place_of(preset_reader_t *r, const preset_field_t *f);
static const char *attribute(const char **attributes, const char *name);
static int number(const char *text, double *dst);
static void refuse(preset_reader_t *r, expo_status_t st, const char *why);
static void take(expo_preset_xml_t *dst, const expo_preset_xml_t *src);

#define AT(member) offsetof(expo_preset_xml_t, member)
#define NODE(member) offsetof(expo_preset_node_t, member)
#define LIGHT(member) offsetof(expo_preset_light_t, member)

static const preset_field_t fields[] = {
    {"Nodes", "NormalizedIntensity", PRESET_VALUE, PRESET_IN_NODE,
     NODE(intensity)},
    {"Nodes", "Opacity", PRESET_VALUE, PRESET_IN_NODE, NODE(opacity)},
    {"Nodes", "Diffuse", PRESET_COLOR, PRESET_IN_NODE, NODE(diffuse)},
    {"Nodes", "Specular", PRESET_COLOR, PRESET_IN_NODE, NODE(specular)},
    {"Nodes", "Emission", PRESET_COLOR, PRESET_IN_NODE, NODE(emission)},
    {"Nodes", "Roughness", PRESET_VALUE, PRESET_IN_NODE, NODE(glossiness)},
    {"", "DensityScale", PRESET_VALUE, PRESET_IN_PRESET,
     AT(appearance.density_scale)},
    {"", "ShadingType", PRESET_VALUE, PRESET_IN_PRESET, AT(appearance.shading)},
    {"", "GradientFactor", PRESET_VALUE, PRESET_IN_PRESET,
     AT(appearance.gradient_factor)},
    {"Lights", "Theta", PRESET_VALUE, PRESET_IN_LIGHT, LIGHT(theta_deg)},
    {"Lights", "Phi", PRESET_VALUE, PRESET_IN_LIGHT, LIGHT(phi_deg)},
    {"Lights", "Distance", PRESET_VALUE, PRESET_IN_LIGHT, LIGHT(distance)},
    {"Lights", "Width", PRESET_VALUE, PRESET_IN_LIGHT, LIGHT(width)},
    {"Lights", "Height", PRESET_VALUE, PRESET_IN_LIGHT, LIGHT(height)},
    {"Lights", "Color", PRESET_COLOR, PRESET_IN_LIGHT, LIGHT(color)},
    {"Lights", "Intensity", PRESET_VALUE, PRESET_IN_LIGHT, LIGHT(intensity)},
    {"Background", "Enable", PRESET_VALUE, PRESET_IN_PRESET, AT(lighting.sky)},
    {"Background", "TopColor", PRESET_COLOR, PRESET_IN_PRESET,
     AT(lighting.top)},
    {"Background", "MiddleColor", PRESET_COLOR, PRESET_IN_PRESET,
     AT(lighting.middle)},
    {"Background", "BottomColor", PRESET_COLOR, PRESET_IN_PRESET,
     AT(lighting.bottom)},
    {"Background", "Intensity", PRESET_VALUE, PRESET_IN_PRESET,
     AT(lighting.intensity)},
    {"Film", "Width", PRESET_VALUE, PRESET_IN_PRESET, AT(camera.width)},
    {"Film", "Height", PRESET_VALUE, PRESET_IN_PRESET, AT(camera.height)},
    {"Film", "Exposure", PRESET_VALUE, PRESET_IN_PRESET, AT(camera.exposure)},
    {"Aperture", "Size", PRESET_VALUE, PRESET_IN_PRESET, AT(camera.aperture)},
    {"Projection", "FieldOfView", PRESET_VALUE, PRESET_IN_PRESET,
     AT(camera.fov_deg)},
    {"Focus", "FocalDistance", PRESET_VALUE, PRESET_IN_PRESET,
     AT(camera.focus)},
    {"", "From", PRESET_VECTOR, PRESET_IN_PRESET, AT(camera.from)},
    {"", "Target", PRESET_VECTOR, PRESET_IN_PRESET, AT(camera.target)},
    {"", "Up", PRESET_VECTOR, PRESET_IN_PRESET, AT(camera.up)},
};

/* What Exposure Render began with; a file may lack it. */
static const expo_preset_xml_t defaults = {
    .appearance = {.density_scale = 5, .shading = 2, .gradient_factor = 10},
    .camera = {.exposure = 0.75, .fov_deg = 35},
};


expo_status_t
expo_preset_xml_read(expo_preset_xml_t *p, const char *text, size_t len,
                     const char *name, char *error, size_t error_bytes)
{
    preset_reader_t *r;
    expo_status_t st;

    if (len > EXPO_PRESET_XML_BYTES_MAX) {
        snprintf(error, error_bytes, "a preset is no larger than 1 MiB");
        return EXPO_TOO_LARGE;
    }

    r = calloc(1, sizeof(*r));
    if (r != NULL) {
        r->parser = XML_ParserCreate(NULL);
    }

    if (r == NULL || r->parser == NULL) {
        free(r);
        snprintf(error, error_bytes, "not enough memory for a preset");
        return EXPO_NO_MEMORY;
    }

    r->wanted = name;
    r->error = error;
    r->error_bytes = error_bytes;
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, begin, end);
    XML_SetStartDoctypeDeclHandler(r->parser, doctype);
    XML_SetEntityDeclHandler(r->parser, entity);

    if (XML_Parse(r->parser, text, (int) len, 1) != XML_STATUS_OK &&
        r->st == EXPO_OK) {
        r->st = EXPO_INVALID;
        snprintf(error, error_bytes, "line %lu: %s",
                 XML_GetCurrentLineNumber(r->parser),
                 XML_ErrorString(XML_GetErrorCode(r->parser)));
    }

    if (r->st == EXPO_OK && !r->found) {
        refuse(r, EXPO_INVALID, "there is no preset in it");
    }

    if (r->st == EXPO_OK) {
        take(p, &r->chosen);
    }

    st = r->st;
    XML_ParserFree(r->parser);
    free(r);

    return st;
}


static void
begin(void *data, const char *name, const char **attributes)
{
    preset_reader_t *r = data;

    if (r->st != EXPO_OK) {
        return;
    }

    if (++r->depth > PRESET_DEPTH_MAX) {
        refuse(r, EXPO_INVALID, "its elements lie too deep in each other");

    } else if (r->depth == 1 && strcmp(name, "Presets") != 0) {
        refuse(r, EXPO_INVALID, "it is no file of presets");

    } else if (r->depth == 2) {
        preset_begin(r, attributes);

    } else if (r->depth == 3) {
        section_begin(r, name);
        field(r, name, attributes);

    } else if (r->depth == 4 && (strcmp(r->section, "Nodes") == 0 ||
                                 strcmp(r->section, "Lights") == 0)) {
        item_begin(r, name);

    } else if (r->depth == 4 + r->in_item) {
        field(r, name, attributes);
    }
}


static void
end(void *data, const char *name)
{
    preset_reader_t *r = data;

    (void) name;

    if (r->st != EXPO_OK) {
        return;
    }

    if (r->depth == 2) {
        preset_end(r);
    }

    if (r->depth == 4) {
        r->in_item = 0;
    }

    r->depth--;
}


/* <!DOCTYPE Appearance> is what the program wrote; more than that can hide
 * something. */
static void
doctype(void *data, const char *name, const char *system, const char *public,
        int internal)
{
    (void) name;

    if (system != NULL || public != NULL || internal) {
        refuse(data, EXPO_UNSUPPORTED, "it declares more than a preset needs");
    }
}


static void
entity(void *data, const char *name, int is_parameter, const char *value,
       int len, const char *base, const char *system, const char *public,
       const char *notation)
{
    (void) name;
    (void) is_parameter;
    (void) value;
    (void) len;
    (void) base;
    (void) system;
    (void) public;
    (void) notation;
    refuse(data, EXPO_UNSUPPORTED, "it declares entities");
}


static void
preset_begin(preset_reader_t *r, const char **attributes)
{
    const char *name = attribute(attributes, "Name");

    r->now = defaults;
    r->seen = 0;
    r->in_item = 0;
    r->section[0] = '\0';
    r->named =
        name != NULL && r->wanted != NULL && strcmp(name, r->wanted) == 0;
}


static void
preset_end(preset_reader_t *r)
{
    r->now.camera.has_view = r->seen == 7;

    if (r->now.appearance.n_nodes == 0 && !r->now.lighting.there &&
        !r->now.camera.there) {
        return;
    }

    if (!r->found || (r->named && !r->chosen_by_name)) {
        r->chosen = r->now;
        r->found = 1;
        r->chosen_by_name = r->named;
    }
}


static void
section_begin(preset_reader_t *r, const char *name)
{
    static const char *const camera[] = {
        "Film", "Aperture", "Projection", "Focus", "From", "Target", "Up"};
    size_t i;

    snprintf(r->section, sizeof(r->section), "%s", name);
    r->in_item = 0;

    if (strcmp(name, "Lights") == 0 || strcmp(name, "Background") == 0) {
        r->now.lighting.there = 1;
    }

    for (i = 0; i < sizeof(camera) / sizeof(camera[0]); i++) {
        if (strcmp(name, camera[i]) == 0) {
            r->now.camera.there = 1;
            r->seen |= i >= 4 ? 1u << (i - 4) : 0;
        }
    }
}


static void
item_begin(preset_reader_t *r, const char *name)
{
    if (strcmp(name, "Node") == 0 && strcmp(r->section, "Nodes") == 0) {
        if (r->now.appearance.n_nodes == EXPO_POINTS_MAX) {
            refuse(r, EXPO_TOO_LARGE, "a preset has more than 64 nodes");
            return;
        }

        r->now.appearance.n_nodes++;
        r->in_item = 1;
    }

    if (strcmp(name, "Light") == 0 && strcmp(r->section, "Lights") == 0) {
        if (r->now.lighting.n_lights == EXPO_LIGHTS_MAX) {
            refuse(r, EXPO_TOO_LARGE, "a preset has more than 32 lights");
            return;
        }

        r->now.lighting.lights[r->now.lighting.n_lights++] =
            (expo_preset_light_t){.distance = 1, .width = 1, .height = 1};
        r->in_item = 1;
    }
}


static void
field(preset_reader_t *r, const char *name, const char **attributes)
{
    static const char *const keys[][3] = {
        {"Value", "Value", "Value"}, {"R", "G", "B"}, {"X", "Y", "Z"}};
    const char *section = r->depth == 3 ? "" : r->section, *text;
    const preset_field_t *f = NULL;
    double *dst;
    size_t i;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]) && f == NULL; i++) {
        if (strcmp(fields[i].section, section) == 0 &&
            strcmp(fields[i].element, name) == 0) {
            f = &fields[i];
        }
    }

    if (f == NULL || (f->whose != PRESET_IN_PRESET && !r->in_item)) {
        return;
    }

    dst = place_of(r, f);

    for (i = 0; i < (f->kind == PRESET_VALUE ? 1 : 3); i++) {
        text = attribute(attributes, keys[f->kind][i]);

        if (text == NULL || !number(text, &dst[i])) {
            refuse(r, EXPO_INVALID, NULL);
            snprintf(r->error, r->error_bytes, "line %lu: <%.40s> is no number",
                     XML_GetCurrentLineNumber(r->parser), name);
            return;
        }

        dst[i] /= f->kind == PRESET_COLOR ? 255 : 1;
    }
}


static double *
place_of(preset_reader_t *r, const preset_field_t *f)
{
    char *whose = (char *) &r->now;

    if (f->whose == PRESET_IN_NODE) {
        whose =
            (char *) &r->now.appearance.nodes[r->now.appearance.n_nodes - 1];

    } else if (f->whose == PRESET_IN_LIGHT) {
        whose = (char *) &r->now.lighting.lights[r->now.lighting.n_lights - 1];
    }

    return (double *) (void *) (whose + f->at);
}


static const char *
attribute(const char **attributes, const char *name)
{
    for (; attributes[0] != NULL; attributes += 2) {
        if (strcmp(attributes[0], name) == 0) {
            return attributes[1];
        }
    }

    return NULL;
}


/* No preset has larger ones, and none may leave the range of a float. */
static int
number(const char *text, double *dst)
{
    char *rest;

    *dst = strtod(text, &rest);

    return rest != text && *rest == '\0' && fabs(*dst) <= 1e9;
}


/* The first reason stays. why: NULL when the caller writes it. */
static void
refuse(preset_reader_t *r, expo_status_t st, const char *why)
{
    if (r->st != EXPO_OK) {
        return;
    }

    r->st = st;

    if (why != NULL) {
        snprintf(r->error, r->error_bytes, "%s", why);
    }

    XML_StopParser(r->parser, XML_FALSE);
}


/* The kinds that src has. */
static void
take(expo_preset_xml_t *dst, const expo_preset_xml_t *src)
{
    if (src->appearance.n_nodes > 0) {
        dst->appearance = src->appearance;
    }

    if (src->lighting.there) {
        dst->lighting = src->lighting;
    }

    if (src->camera.there) {
        dst->camera = src->camera;
    }
}
