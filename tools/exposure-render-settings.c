/* The settings of exposure-render's picture, from looks and files. */

#include "tools/exposure-render.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/preset_xml.h"

static void merge_presets(const expo_schema_t *schema, json_t **settings,
                          options_t *o, const scan_t *scan);
static void preset_read(expo_preset_xml_t *p, const char *path,
                        const char *name);
static void volume_name(const char *path, char name[NAME_MAX + 1]);
static void size_from(options_t *o, const expo_preset_xml_t *p);
static json_t *patch_read(const char *path);
static void merge(const expo_schema_t *schema, json_t **settings,
                  const json_t *patch, const char *whose);


void
settings_read(expo_settings_t *s, options_t *o, const scan_t *scan)
{
    expo_schema_t *schema;
    uint32_t histogram[256];
    double percentiles[4];
    json_t *settings, *patch;
    char error[256];
    expo_status_t st;

    tracer_statistics(&scan->volume, scan->voxels, histogram, percentiles);
    st = expo_settings_preset(&scan->volume, percentiles, o->preset, &settings);

    if (st == EXPO_NOT_FOUND && o->preset != NULL) {
        fail(EXIT_USAGE, "there is no preset \"%s\"", o->preset);
    }

    if (st != EXPO_OK || expo_schema_open("settings", &schema) != EXPO_OK) {
        fail(EXIT_INPUT, "cannot make settings: %s", expo_status_name(st));
    }

    if (o->n_preset_xml > 0) {
        merge_presets(schema, &settings, o, scan);
    }

    if (o->settings != NULL) {
        patch = patch_read(o->settings);
        merge(schema, &settings, patch, o->settings);
        json_decref(patch);
    }

    if (expo_settings_parse(schema, settings, s, error, sizeof(error)) !=
        EXPO_OK) {
        fail(EXIT_INPUT, "%s: %s", o->settings ? o->settings : "settings",
             error);
    }

    if (o->width == 0) {
        o->width = o->height = 512;
    }

    json_decref(settings);
    expo_schema_close(schema);
}


/* Files of Exposure Render 1.1 over the settings. */
static void
merge_presets(const expo_schema_t *schema, json_t **settings, options_t *o,
              const scan_t *scan)
{
    expo_preset_xml_t *p = need(calloc(1, sizeof(*p)));
    char name[NAME_MAX + 1];
    json_t *patch;
    unsigned i;

    volume_name(o->volume, name);

    for (i = 0; i < o->n_preset_xml; i++) {
        preset_read(p, o->preset_xml[i],
                    o->preset_name != NULL ? o->preset_name : name);
    }

    if (expo_preset_xml_patch(p, &scan->volume, &patch) != EXPO_OK) {
        need(NULL);
    }

    merge(schema, settings, patch, o->preset_xml[0]);
    size_from(o, p);
    json_decref(patch);
    free(p);
}


static void
preset_read(expo_preset_xml_t *p, const char *path, const char *name)
{
    char *text = need(malloc(EXPO_PRESET_XML_BYTES_MAX + 1)), error[256];
    FILE *f = fopen(path, "rbe");
    size_t len;

    if (f == NULL) {
        fail(EXIT_INPUT, "cannot open %s: %s", path, strerror(errno));
    }

    len = fread(text, 1, EXPO_PRESET_XML_BYTES_MAX + 1, f);

    if (ferror(f)) {
        fail(EXIT_INPUT, "cannot read %s: %s", path, strerror(errno));
    }

    fclose(f);

    if (expo_preset_xml_read(p, text, len, name, error, sizeof(error)) !=
        EXPO_OK) {
        fail(EXIT_INPUT, "%s: %s", path, error);
    }

    free(text);
}


/* Presets were looked up by this: the file's name without folder and end. */
static void
volume_name(const char *path, char name[NAME_MAX + 1])
{
    const char *slash = strrchr(path, '/');

    snprintf(name, NAME_MAX + 1, "%s", slash != NULL ? slash + 1 : path);
    name[strcspn(name, ".")] = '\0';
}


static void
size_from(options_t *o, const expo_preset_xml_t *p)
{
    double width = p->camera.width, height = p->camera.height;

    if (o->width == 0 && width >= TRACER_EDGE_MIN && width <= TRACER_EDGE_MAX &&
        height >= TRACER_EDGE_MIN && height <= TRACER_EDGE_MAX) {
        o->width = (uint32_t) width;
        o->height = (uint32_t) height;
    }
}


static json_t *
patch_read(const char *path)
{
    json_error_t where;
    json_t *patch = json_load_file(path, JSON_REJECT_DUPLICATES, &where);

    if (patch == NULL && where.line > 0) {
        fail(EXIT_INPUT, "%s, line %d: %s", path, where.line, where.text);
    }

    if (patch == NULL) {
        fail(EXIT_INPUT, "%s: %s", path, where.text);
    }

    return patch;
}


static void
merge(const expo_schema_t *schema, json_t **settings, const json_t *patch,
      const char *whose)
{
    char error[256];
    json_t *merged;

    if (expo_settings_merge(schema, *settings, patch, &merged, error,
                            sizeof(error)) != EXPO_OK) {
        fail(EXIT_INPUT, "%s: %s", whose, error);
    }

    json_decref(*settings);
    *settings = merged;
}
