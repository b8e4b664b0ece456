/* The settings of exposure-render's picture, from looks and files. */

#include "tools/exposure-render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
