#include "lib/settings.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static expo_status_t merge_into(json_t *into, const json_t *patch);
static void read_camera(expo_settings_t *s, const json_t *o);
static void read_clip(expo_settings_t *s, const json_t *o);
static void read_transfer(expo_settings_t *s, const json_t *o);
static void read_shading(expo_settings_t *s, const json_t *o);
static void read_lights(expo_settings_t *s, const json_t *lights);
static void read_technique(expo_settings_t *s, const json_t *o);
static void read_rest(expo_settings_t *s, const json_t *o);
static expo_status_t check_camera(const expo_settings_t *s, char *error,
                                  size_t error_bytes);
static expo_status_t check_clip(expo_settings_t *s, char *error,
                                size_t error_bytes);
static expo_status_t check_transfer(const expo_settings_t *s, char *error,
                                    size_t error_bytes);
static expo_status_t check_slice(expo_settings_t *s, char *error,
                                 size_t error_bytes);
static double make_unit(double v[3]);
static expo_status_t refuse(char *error, size_t error_bytes, const char *format,
                            ...) __attribute__((format(printf, 3, 4)));
static double number(const json_t *o, const char *name);
static int is(const json_t *o, const char *name, const char *text);
static void doubles(double dst[3], const json_t *a);
static void floats(float dst[3], const json_t *a);


expo_status_t
expo_settings_merge(const expo_schema_t *schema, const json_t *settings,
                    const json_t *patch, json_t **out, char *error,
                    size_t error_bytes)
{
    expo_settings_t numbers;
    expo_status_t st;
    json_t *merged;

    if (!json_is_object(patch)) {
        return refuse(error, error_bytes, "the patch must be an object");
    }

    merged = json_deep_copy(settings);
    if (merged == NULL) {
        return EXPO_NO_MEMORY;
    }

    st = merge_into(merged, patch);

    if (st == EXPO_OK) {
        st = expo_settings_parse(schema, merged, &numbers, error, error_bytes);
    }

    if (st == EXPO_OK) {
        st = expo_settings_complete(schema, merged);
    }

    if (st != EXPO_OK) {
        json_decref(merged);
        return st;
    }

    *out = merged;

    return EXPO_OK;
}


expo_status_t
expo_settings_parse(const expo_schema_t *schema, const json_t *object,
                    expo_settings_t *out, char *error, size_t error_bytes)
{
    expo_status_t st;
    json_t *whole;

    st = expo_schema_check(schema, "", object, error, error_bytes);
    if (st != EXPO_OK) {
        return st;
    }

    whole = json_deep_copy(object);
    if (whole == NULL) {
        return EXPO_NO_MEMORY;
    }

    st = expo_settings_complete(schema, whole);

    if (st == EXPO_OK) {
        memset(out, 0, sizeof(*out));
        read_camera(out, json_object_get(whole, "camera"));
        read_clip(out, json_object_get(whole, "clip"));
        read_transfer(out, json_object_get(whole, "transfer"));
        read_shading(out, json_object_get(whole, "shading"));
        read_lights(out, json_object_get(whole, "lights"));
        read_technique(out, json_object_get(whole, "technique"));
        read_rest(out, whole);
    }

    json_decref(whole);

    if (st != EXPO_OK) {
        return st;
    }

    st = check_camera(out, error, error_bytes);

    if (st == EXPO_OK) {
        st = check_clip(out, error, error_bytes);
    }

    if (st == EXPO_OK) {
        st = check_transfer(out, error, error_bytes);
    }

    if (st == EXPO_OK) {
        st = check_slice(out, error, error_bytes);
    }

    return st;
}


/* RFC 7396: null removes, objects merge, all else replaces. */
static expo_status_t
merge_into(json_t *into, const json_t *patch)
{
    expo_status_t st;
    const char *name;
    json_t *value, *old, *copy;

    json_object_foreach((json_t *) patch, name, value)
    {
        if (json_is_null(value)) {
            json_object_del(into, name);
            continue;
        }

        old = json_object_get(into, name);

        if (json_is_object(value) && !json_is_object(old)) {
            old = json_object();

            if (json_object_set_new(into, name, old) != 0) {
                return EXPO_NO_MEMORY;
            }
        }

        if (json_is_object(value)) {
            st = merge_into(old, value);

            if (st != EXPO_OK) {
                return st;
            }

            continue;
        }

        copy = json_deep_copy(value);

        if (copy == NULL || json_object_set_new(into, name, copy) != 0) {
            return EXPO_NO_MEMORY;
        }
    }

    return EXPO_OK;
}


static void
read_camera(expo_settings_t *s, const json_t *o)
{
    doubles(s->camera.position, json_object_get(o, "position"));
    doubles(s->camera.target, json_object_get(o, "target"));
    doubles(s->camera.up, json_object_get(o, "up"));
    s->camera.fov_deg = (float) number(o, "fov_deg");
    s->camera.aperture_mm = (float) number(o, "aperture_mm");
    s->camera.focus_mm = (float) number(o, "focus_mm");
    s->camera.autofocus = json_is_true(json_object_get(o, "autofocus"));
    s->camera.orthographic = is(o, "projection", "orthographic");
}


static void
read_clip(expo_settings_t *s, const json_t *o)
{
    const json_t *box = json_object_get(o, "box"), *plane;
    size_t i;

    doubles(s->clip.box_min, json_object_get(box, "min"));
    doubles(s->clip.box_max, json_object_get(box, "max"));

    json_array_foreach(json_object_get(o, "planes"), i, plane)
    {
        floats(s->clip.planes[i].normal, json_object_get(plane, "normal"));
        s->clip.planes[i].offset_mm = (float) number(plane, "offset");
        s->clip.planes[i].enabled =
            json_is_true(json_object_get(plane, "enabled"));
        s->clip.n_planes++;
    }

    s->clip.hide_table = is(o, "table", "hide");
}


static void
read_transfer(expo_settings_t *s, const json_t *o)
{
    const json_t *point;
    expo_point_t *p;
    size_t i;

    s->transfer.smooth = is(o, "interpolation", "smooth");
    s->transfer.density_scale = (float) number(o, "density_scale");

    json_array_foreach(json_object_get(o, "points"), i, point)
    {
        p = &s->transfer.points[i];
        p->value = number(point, "value");
        p->opacity = (float) number(point, "opacity");
        floats(p->color, json_object_get(point, "color"));
        floats(p->specular, json_object_get(point, "specular"));
        p->roughness = (float) number(point, "roughness");
        floats(p->emission, json_object_get(point, "emission"));
        s->transfer.n_points++;
    }
}


static void
read_shading(expo_settings_t *s, const json_t *o)
{
    s->shading.mode = is(o, "mode", "brdf")    ? EXPO_SHADING_BRDF
                      : is(o, "mode", "phase") ? EXPO_SHADING_PHASE
                                               : EXPO_SHADING_HYBRID;
    s->shading.g = (float) number(o, "g");
    s->shading.gradient_factor = (float) number(o, "gradient_factor");
    s->shading.max_bounces = (uint32_t) number(o, "max_bounces");
}


static void
read_lights(expo_settings_t *s, const json_t *lights)
{
    const json_t *o;
    expo_light_t *l;
    size_t i;

    json_array_foreach(lights, i, o)
    {
        l = &s->lights[i];
        l->longitude_deg = (float) number(o, "longitude_deg");
        l->latitude_deg = (float) number(o, "latitude_deg");
        l->distance_mm = (float) number(o, "distance_mm");
        l->width_mm = (float) number(o, "width_mm");
        l->height_mm = (float) number(o, "height_mm");
        floats(l->color, json_object_get(o, "color"));
        l->intensity = (float) number(o, "intensity");
        l->visible = json_is_true(json_object_get(o, "visible"));
        l->follow_camera = json_is_true(json_object_get(o, "follow_camera"));
        s->n_lights++;
    }
}


static void
read_technique(expo_settings_t *s, const json_t *o)
{
    const json_t *window = json_object_get(o, "window");
    const json_t *slice = json_object_get(o, "slice");

    s->technique.mode = is(o, "mode", "mip")          ? EXPO_MIP
                        : is(o, "mode", "average")    ? EXPO_AVERAGE
                        : is(o, "mode", "isosurface") ? EXPO_ISOSURFACE
                        : is(o, "mode", "slice")      ? EXPO_SLICE
                                                      : EXPO_PATH;
    s->technique.isovalue = number(o, "isovalue");
    s->technique.window_center = number(window, "center");
    s->technique.window_width = number(window, "width");
    s->technique.colored = is(o, "colors", "transfer");

    doubles(s->technique.slice.point, json_object_get(slice, "point"));
    doubles(s->technique.slice.normal, json_object_get(slice, "normal"));
    doubles(s->technique.slice.up, json_object_get(slice, "up"));
    s->technique.slice.width_mm = number(slice, "width_mm");
    s->technique.slice.thickness_mm = number(slice, "thickness_mm");
    s->technique.slice.slab = is(slice, "slab", "mean") ? EXPO_SLAB_MEAN
                              : is(slice, "slab", "minimum")
                                  ? EXPO_SLAB_MINIMUM
                                  : EXPO_SLAB_MAXIMUM;
}


static void
read_rest(expo_settings_t *s, const json_t *object)
{
    const json_t *o;

    o = json_object_get(object, "environment");
    floats(s->environment.top, json_object_get(o, "top"));
    floats(s->environment.middle, json_object_get(o, "middle"));
    floats(s->environment.bottom, json_object_get(o, "bottom"));
    s->environment.intensity = (float) number(o, "intensity");

    o = json_object_get(object, "background");
    floats(s->background.color, json_object_get(o, "color"));
    s->background.mode =
        is(o, "mode", "environment")   ? EXPO_BACKGROUND_ENVIRONMENT
        : is(o, "mode", "transparent") ? EXPO_BACKGROUND_TRANSPARENT
                                       : EXPO_BACKGROUND_COLOR;

    o = json_object_get(object, "film");
    s->film.exposure = (float) number(o, "exposure");
    s->film.gamma = (float) number(o, "gamma");
    s->film.tone_map = is(o, "tone_map", "aces") ? EXPO_TONE_ACES
                       : is(o, "tone_map", "exponential")
                           ? EXPO_TONE_EXPONENTIAL
                           : EXPO_TONE_LINEAR;

    o = json_object_get(object, "denoise");
    s->denoise = json_is_true(json_object_get(o, "enabled"));

    o = json_object_get(object, "quality");
    s->quality.target_fps = (uint32_t) number(o, "target_fps");
    s->quality.max_samples = (uint32_t) number(o, "max_samples");
}


static expo_status_t
check_camera(const expo_settings_t *s, char *error, size_t error_bytes)
{
    const double *up = s->camera.up;
    double f[3], across[3], length = 0, up_length = 0, sine = 0;
    int i;

    for (i = 0; i < 3; i++) {
        f[i] = s->camera.target[i] - s->camera.position[i];
        length += f[i] * f[i];
        up_length += up[i] * up[i];
    }

    if (length < 1e-6) {
        return refuse(error, error_bytes,
                      "camera.position must differ from camera.target");
    }

    across[0] = f[1] * up[2] - f[2] * up[1];
    across[1] = f[2] * up[0] - f[0] * up[2];
    across[2] = f[0] * up[1] - f[1] * up[0];

    for (i = 0; i < 3; i++) {
        sine += across[i] * across[i];
    }

    if (up_length < 1e-12 || sine < 1e-8 * length * up_length) {
        return refuse(error, error_bytes,
                      "camera.up must point across the view");
    }

    return EXPO_OK;
}


/* Also makes the normals unit vectors; their offsets then count mm. */
static expo_status_t
check_clip(expo_settings_t *s, char *error, size_t error_bytes)
{
    float *n, length;
    uint32_t i;

    for (i = 0; i < 3; i++) {
        if (s->clip.box_min[i] > s->clip.box_max[i]) {
            return refuse(error, error_bytes,
                          "clip.box.min must not be above clip.box.max");
        }
    }

    for (i = 0; i < s->clip.n_planes; i++) {
        n = s->clip.planes[i].normal;
        length = sqrtf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);

        if (length < 1e-6f) {
            return refuse(error, error_bytes,
                          "clip.planes[%u].normal must not be zero", i);
        }

        n[0] /= length;
        n[1] /= length;
        n[2] /= length;
        s->clip.planes[i].offset_mm /= length;
    }

    return EXPO_OK;
}


static expo_status_t
check_transfer(const expo_settings_t *s, char *error, size_t error_bytes)
{
    uint32_t i;

    for (i = 1; i < s->transfer.n_points; i++) {
        /* Closer points would be one place of the table. */
        if (!(s->transfer.points[i].value >
              s->transfer.points[i - 1].value + 1e-6)) {
            return refuse(error, error_bytes,
                          "transfer.points[%u].value must be above the "
                          "point before it",
                          i);
        }
    }

    return EXPO_OK;
}


/* Also makes the plane's vectors unit ones, and up a part of the plane. */
static expo_status_t
check_slice(expo_settings_t *s, char *error, size_t error_bytes)
{
    double *n = s->technique.slice.normal, *up = s->technique.slice.up, along;
    int i;

    if (make_unit(n) < 1e-6) {
        return refuse(error, error_bytes,
                      "technique.slice.normal must not be zero");
    }

    if (make_unit(up) < 1e-6) {
        return refuse(error, error_bytes,
                      "technique.slice.up must not be zero");
    }

    along = up[0] * n[0] + up[1] * n[1] + up[2] * n[2];

    for (i = 0; i < 3; i++) {
        up[i] -= along * n[i];
    }

    if (make_unit(up) < 1e-4) {
        return refuse(error, error_bytes,
                      "technique.slice.up must point across the normal");
    }

    return EXPO_OK;
}


/* Returns the length that v had. */
static double
make_unit(double v[3])
{
    double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    int i;

    for (i = 0; i < 3 && length > 0; i++) {
        v[i] /= length;
    }

    return length;
}


static expo_status_t
refuse(char *error, size_t error_bytes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error, error_bytes, format, args);
    va_end(args);

    return EXPO_INVALID;
}


static double
number(const json_t *o, const char *name)
{
    return json_number_value(json_object_get(o, name));
}


static int
is(const json_t *o, const char *name, const char *text)
{
    return strcmp(json_string_value(json_object_get(o, name)), text) == 0;
}


static void
doubles(double dst[3], const json_t *a)
{
    size_t i;

    for (i = 0; i < 3; i++) {
        dst[i] = json_number_value(json_array_get(a, i));
    }
}


static void
floats(float dst[3], const json_t *a)
{
    size_t i;

    for (i = 0; i < 3; i++) {
        dst[i] = (float) json_number_value(json_array_get(a, i));
    }
}
