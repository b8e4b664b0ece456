#include "lib/settings.h"

#include <math.h>
#include <string.h>

/*
 * The looks of api/presets.json, linked in byte for byte. In them lengths of
 * lamps count the volume's radius, and values of «percentile» looks run from 0
 * (the 1 % value) to 1 (the 99 % value).
 */
__asm__(".pushsection .rodata\n"
        "settings_presets: .incbin \"api/presets.json\"\n"
        "settings_presets_end: .byte 0\n"
        ".popsection\n");
extern const char settings_presets[] __attribute__((visibility("hidden")));
extern const char settings_presets_end[] __attribute__((visibility("hidden")));

static int complete(json_t *object, const json_t *schema);
static const json_t *find(const json_t *list, const char *key,
                          const char *value);
static const json_t *look_for(const json_t *looks, const char *modality);
static json_t *front_view(const expo_volume_t *v, const json_t *defaults);
static json_t *clip_box(const expo_volume_t *v, const json_t *defaults);
static int technique_for(json_t *technique, const expo_volume_t *v,
                         const double percentiles[4]);
static json_t *transfer_of(const json_t *look, const double percentiles[4]);
static json_t *lamps_of(const json_t *lighting, double radius_mm);
static json_t *triple(double x, double y, double z);
static double spread(const double percentiles[4]);
static double radius(const expo_volume_t *v);
static int put(json_t *object, const char *name, json_t *value);
static int overlay(json_t *object, const char *name, const json_t *values);
static int apply(json_t *settings, const json_t *presets, const json_t *look,
                 const expo_volume_t *v, const double percentiles[4]);


expo_status_t
expo_settings_default(const expo_volume_t *v, const double percentiles[4],
                      json_t **out)
{
    return expo_settings_preset(v, percentiles, NULL, out);
}


expo_status_t
expo_settings_preset(const expo_volume_t *v, const double percentiles[4],
                     const char *id, json_t **out)
{
    expo_status_t st = EXPO_NO_MEMORY;
    expo_schema_t *schema = NULL;
    json_t *presets, *settings = NULL;
    const json_t *look, *looks;

    presets = json_loadb(settings_presets,
                         (size_t) (settings_presets_end - settings_presets),
                         JSON_REJECT_DUPLICATES, NULL);
    looks = json_object_get(presets, "presets");
    look = id != NULL ? find(looks, "id", id) : look_for(looks, v->modality);

    if (look == NULL) {
        st = presets != NULL ? EXPO_NOT_FOUND : EXPO_NO_MEMORY;
        goto done;
    }

    st = expo_schema_open("settings", &schema);
    if (st != EXPO_OK) {
        goto done;
    }

    settings = json_object();

    if (!complete(settings, expo_schema_json(schema)) ||
        !put(settings, "version", json_integer(1)) ||
        !put(settings, "camera",
             front_view(v, json_object_get(settings, "camera"))) ||
        !put(settings, "clip",
             clip_box(v, json_object_get(settings, "clip"))) ||
        !technique_for(json_object_get(settings, "technique"), v,
                       percentiles) ||
        !apply(settings, presets, look, v, percentiles)) {
        st = EXPO_NO_MEMORY;
        goto done;
    }

    *out = settings;
    settings = NULL;

done:

    json_decref(settings);
    expo_schema_close(schema);
    json_decref(presets);

    return st;
}


expo_status_t
expo_settings_complete(const expo_schema_t *schema, json_t *settings)
{
    return complete(settings, expo_schema_json(schema)) ? EXPO_OK
                                                        : EXPO_NO_MEMORY;
}


/* Every `default` of the schema, objects inside objects, where object has no
 * such member. 0 when there is no memory. */
static int
complete(json_t *object, const json_t *schema)
{
    const json_t *value;
    json_t *sub, *have;
    const char *name;

    json_object_foreach(json_object_get(schema, "properties"), name, sub)
    {
        value = json_object_get(sub, "default");
        have = json_object_get(object, name);

        if (have == NULL && value != NULL) {
            if (!put(object, name, json_deep_copy(value))) {
                return 0;
            }

            continue;
        }

        if (json_object_get(sub, "properties") == NULL) {
            continue;
        }

        if (have == NULL) {
            have = json_object();

            if (!put(object, name, have)) {
                return 0;
            }
        }

        if (!complete(have, sub)) {
            return 0;
        }
    }

    return 1;
}


static int
apply(json_t *settings, const json_t *presets, const json_t *look,
      const expo_volume_t *v, const double percentiles[4])
{
    const json_t *lighting;

    lighting = find(json_object_get(presets, "lighting"), "id",
                    json_string_value(json_object_get(look, "lighting")));

    return put(settings, "transfer", transfer_of(look, percentiles)) &&
           put(settings, "lights", lamps_of(lighting, radius(v))) &&
           overlay(settings, "shading", json_object_get(look, "shading")) &&
           overlay(settings, "film", json_object_get(look, "film")) &&
           overlay(settings, "environment",
                   json_object_get(lighting, "environment")) &&
           overlay(settings, "background",
                   json_object_get(lighting, "background"));
}


/* From the front (patient's y runs to the back), head up, all of it in view. */
static json_t *
front_view(const expo_volume_t *v, const json_t *defaults)
{
    double low[3], high[3], center[3], half[3], fov, distance;
    json_t *camera = json_deep_copy(defaults);
    int i;

    expo_volume_bounds(v, low, high);

    for (i = 0; i < 3; i++) {
        center[i] = 0.5 * (low[i] + high[i]);
        half[i] = 0.5 * (high[i] - low[i]);
    }

    fov = json_number_value(json_object_get(defaults, "fov_deg"));
    /* Bodies are round: it is enough that the middle of the box fits. */
    distance = 0.25 * half[1] + 1.04 * fmax(half[0], half[2]) /
                                    tan(fov * (3.14159265358979 / 360));

    if (!put(camera, "position",
             triple(center[0], center[1] - distance, center[2])) ||
        !put(camera, "target", triple(center[0], center[1], center[2])) ||
        !put(camera, "up", triple(0, 0, 1))) {
        json_decref(camera);
        return NULL;
    }

    return camera;
}


static json_t *
clip_box(const expo_volume_t *v, const json_t *defaults)
{
    double low[3], high[3];
    json_t *clip = json_deep_copy(defaults);

    expo_volume_bounds(v, low, high);

    if (!put(clip, "box",
             json_pack("{s:o, s:o}", "min", triple(low[0], low[1], low[2]),
                       "max", triple(high[0], high[1], high[2])))) {
        json_decref(clip);
        return NULL;
    }

    return clip;
}


/*
 * A slice through the middle that shows all of the volume; window and surface
 * from the values: CT's are usual ones for soft tissue and for bone.
 */
static int
technique_for(json_t *technique, const expo_volume_t *v,
              const double percentiles[4])
{
    json_t *slice = json_object_get(technique, "slice");
    double low[3], high[3], first = percentiles[0], span, edge = 1;
    int i;

    expo_volume_bounds(v, low, high);

    for (i = 0; i < 3; i++) {
        edge = fmax(edge, high[i] - low[i]);
    }

    if (!put(slice, "point",
             triple(0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]),
                    0.5 * (low[2] + high[2]))) ||
        !put(slice, "width_mm", json_real(fmin(edge, 100000)))) {
        return 0;
    }

    if (strcmp(v->modality, "CT") == 0) {
        return 1;
    }

    span = spread(percentiles);

    return put(technique, "isovalue", json_real(first + 0.25 * span)) &&
           json_object_set_new(technique, "window",
                               json_pack("{s:f, s:f}", "center",
                                         first + 0.5 * span, "width", span)) ==
               0;
}


static json_t *
transfer_of(const json_t *look, const double percentiles[4])
{
    json_t *transfer = json_deep_copy(json_object_get(look, "transfer"));
    const char *unit = json_string_value(json_object_get(look, "unit"));
    double first = percentiles[0], span = spread(percentiles), value;
    json_t *point;
    size_t i;

    if (unit == NULL || strcmp(unit, "percentile") != 0) {
        return transfer;
    }

    json_array_foreach(json_object_get(transfer, "points"), i, point)
    {
        value = json_number_value(json_object_get(point, "value"));

        if (!put(point, "value", json_real(first + span * value))) {
            json_decref(transfer);
            return NULL;
        }
    }

    return transfer;
}


static json_t *
lamps_of(const json_t *lighting, double radius_mm)
{
    static const char *const lengths[] = {"distance", "width", "height"};
    static const char *const lengths_mm[] = {"distance_mm", "width_mm",
                                             "height_mm"};
    json_t *lamps, *lamp;
    double length;
    size_t i, k;

    lamps = json_deep_copy(json_object_get(lighting, "lights"));

    json_array_foreach(lamps, i, lamp)
    {
        for (k = 0; k < 3; k++) {
            length = json_number_value(json_object_get(lamp, lengths[k]));
            length = round(10 * length * radius_mm) / 10;
            json_object_del(lamp, lengths[k]);

            if (!put(lamp, lengths_mm[k], json_real(fmax(length, 1)))) {
                json_decref(lamps);
                return NULL;
            }
        }
    }

    return lamps;
}


/* The look made first for a modality; others are treated like MR. */
static const json_t *
look_for(const json_t *looks, const char *modality)
{
    const json_t *look = find(looks, "modality", modality);

    return look != NULL ? look : find(looks, "modality", "MR");
}


static const json_t *
find(const json_t *list, const char *key, const char *value)
{
    const json_t *entry;
    const char *text;
    size_t i;

    json_array_foreach(list, i, entry)
    {
        text = json_string_value(json_object_get(entry, key));

        if (text != NULL && value != NULL && strcmp(text, value) == 0) {
            return entry;
        }
    }

    return NULL;
}


/* A volume of one value has no spread; any will do. */
static double
spread(const double percentiles[4])
{
    double span = percentiles[3] - percentiles[0];

    return span > 1e-3 ? span : 1;
}


static double
radius(const expo_volume_t *v)
{
    double low[3], high[3];

    expo_volume_bounds(v, low, high);

    return 0.5 * sqrt((high[0] - low[0]) * (high[0] - low[0]) +
                      (high[1] - low[1]) * (high[1] - low[1]) +
                      (high[2] - low[2]) * (high[2] - low[2]));
}


static json_t *
triple(double x, double y, double z)
{
    return json_pack("[f, f, f]", x, y, z);
}


/* Takes value, NULL included; 0 when there is no memory. */
static int
put(json_t *object, const char *name, json_t *value)
{
    return value != NULL && json_object_set_new(object, name, value) == 0;
}


static int
overlay(json_t *object, const char *name, const json_t *values)
{
    json_t *into = json_object_get(object, name);

    return values == NULL ||
           (into != NULL && json_object_update(into, (json_t *) values) == 0);
}
