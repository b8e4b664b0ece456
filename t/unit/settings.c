#include "lib/settings.c"
#include "lib/settings_default.c"
#include "t/unit/check.h"

#include <stdlib.h>

static expo_schema_t *schema;
static char error[256];
static const double percentiles[4] = {10, 60, 300, 900};

static expo_volume_t
scan(const char *modality)
{
    expo_volume_t v;

    memset(&v, 0, sizeof(v));
    v.dims[0] = v.dims[1] = 200;
    v.dims[2] = 100;
    v.affine[0] = v.affine[5] = 1;
    v.affine[10] = 2;
    v.scale = 1;
    v.offset = -1024;
    v.voxel_max = 4000;
    strcpy(v.modality, modality);

    return v;
}

static json_t *
defaults(const char *modality)
{
    expo_volume_t v = scan(modality);
    json_t *o = NULL;

    expo_settings_default(&v, percentiles, &o);

    return o;
}

static void
every_modality_has_complete_defaults(void)
{
    static const char *const names[] = {"CT", "MR", "PT", ""};
    expo_settings_t s;
    size_t i;

    for (i = 0; i < 4; i++) {
        json_t *o = defaults(names[i]);

        check(expo_settings_parse(schema, o, &s, error, sizeof(error)) ==
              EXPO_OK);
        json_decref(o);
    }
}

static void
the_first_view_is_from_the_front_and_fits(void)
{
    json_t *o = defaults("CT");
    double half, reach;
    expo_settings_t s;

    expo_settings_parse(schema, o, &s, error, sizeof(error));
    check(s.camera.target[0] == 99.5 && s.camera.target[2] == 99);
    check(s.camera.position[1] < -100 && s.camera.up[2] == 1);
    check(s.camera.position[0] == s.camera.target[0]);
    check(s.clip.box_min[0] == -0.5 && s.clip.box_max[2] == 199);

    half = 100 * 1.02;
    reach = (s.camera.target[1] - s.camera.position[1]) *
            tan(s.camera.fov_deg * M_PI / 360);
    check(reach > half && reach < 1.3 * half);
    json_decref(o);
}

static void
mr_points_follow_the_percentiles(void)
{
    json_t *o = defaults("MR"), *p;
    double first, last;

    p = json_object_get(json_object_get(o, "transfer"), "points");
    first = json_number_value(json_object_get(json_array_get(p, 0), "value"));
    last = json_number_value(
        json_object_get(json_array_get(p, json_array_size(p) - 1), "value"));
    check(first >= 10 - 900 && first < 300);
    check(last > 300 && last < 3 * 900);
    json_decref(o);
}

static void
every_look_of_the_list_is_valid(void)
{
    json_t *all, *look, *o;
    expo_settings_t s;
    const char *id;
    expo_volume_t v;
    int wrong = 0;
    size_t i;

    all = json_load_file("api/presets.json", JSON_REJECT_DUPLICATES, NULL);

    json_array_foreach(json_object_get(all, "presets"), i, look)
    {
        id = json_string_value(json_object_get(look, "id"));
        v = scan(json_string_value(json_object_get(look, "modality")));
        o = NULL;

        if (expo_settings_preset(&v, percentiles, id, &o) != EXPO_OK ||
            expo_settings_parse(schema, o, &s, error, sizeof(error)) !=
                EXPO_OK ||
            json_string_length(json_object_get(look, "name")) == 0 ||
            json_array_size(json_object_get(look, "alias")) == 0) {
            printf("# %s: %s\n", id, error);
            wrong++;
        }

        json_decref(o);
    }

    check(i >= 8);
    check(wrong == 0);
    v = scan("CT");
    check(expo_settings_preset(&v, percentiles, "no-such", &o) ==
          EXPO_NOT_FOUND);
    json_decref(all);
}

/* Merges patch text into CT defaults; NULL error text: must be accepted. */
static int
patched(const char *text, const char *expected)
{
    json_t *o = defaults("CT"), *before = json_deep_copy(o), *out = NULL;
    json_t *patch = json_loads(text, JSON_DECODE_ANY, NULL);
    expo_status_t st;
    int ok;

    error[0] = '\0';
    st = expo_settings_merge(schema, o, patch, &out, error, sizeof(error));
    ok = expected == NULL ? st == EXPO_OK && out != NULL
                          : st == EXPO_INVALID && out == NULL &&
                                strstr(error, expected) != NULL;
    ok = ok && json_equal(o, before);

    if (!ok) {
        printf("# %s: %s\n", text, error);
    }

    json_decref(o);
    json_decref(before);
    json_decref(patch);
    json_decref(out);

    return ok;
}

static void
patches_change_what_they_name_and_nothing_else(void)
{
    json_t *o = defaults("CT"), *out, *patch, *fov;

    patch = json_loads("{\"camera\":{\"fov_deg\":60},\"lights\":[]}", 0, NULL);
    check(expo_settings_merge(schema, o, patch, &out, error, sizeof(error)) ==
          EXPO_OK);
    fov = json_object_get(json_object_get(out, "camera"), "fov_deg");
    check(json_number_value(fov) == 60);
    check(json_array_size(json_object_get(out, "lights")) == 0);
    check(json_equal(json_object_get(out, "transfer"),
                     json_object_get(o, "transfer")));
    check(json_equal(json_object_get(json_object_get(out, "camera"), "target"),
                     json_object_get(json_object_get(o, "camera"), "target")));
    json_decref(patch);
    json_decref(out);
    json_decref(o);
}

static void
patches_out_of_range_are_refused_by_name(void)
{
    check(patched("{}", NULL));
    check(patched("{\"camera\":{\"fov_deg\":151}}", "fov_deg"));
    check(patched("{\"camera\":{\"fov_deg\":null}}", "fov_deg"));
    check(patched("{\"camera\":{\"zoom\":1}}", "zoom"));
    check(patched("{\"camera\":null}", "camera"));
    check(patched("{\"camera\":7}", "camera"));
    check(patched("[]", "object"));
    check(patched("{\"version\":2}", "version"));
    check(patched("{\"film\":{\"tone_map\":\"sepia\"}}", "tone_map"));
    check(patched("{\"technique\":{\"mode\":\"xray\"}}", "technique.mode"));
    check(patched("{\"technique\":{\"window\":{\"width\":0}}}", "width"));
    check(patched("{\"technique\":{\"slice\":{\"thickness_mm\":-1}}}",
                  "thickness_mm"));
    check(patched("{\"camera\":{\"autofocus\":1}}", "camera.autofocus"));
    check(patched("{\"denoise\":{\"strength\":1}}", "strength"));
    check(patched("{\"transfer\":{\"points\":[]}}", "transfer.points"));
    check(patched("{\"lights\":[{}]}", "lights[0]"));
}

/* Whole texts, as a stranger may send them. */
static void
what_is_no_number_is_no_settings(void)
{
    static const char *const texts[] = {"NaN",  "-Infinity", "1e999",
                                        "null", "\"35\"",    "[35]",
                                        "true", "{}",        "1e38"};
    json_t *o = defaults("CT"), *bad;
    char *text, *at, wrong[1 << 16];
    int refused = 0, camera;
    expo_settings_t s;
    size_t i;

    text = json_dumps(o, JSON_COMPACT);
    at = strstr(text, "\"fov_deg\":") + strlen("\"fov_deg\":");
    camera = (int) (at - text);

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        snprintf(wrong, sizeof(wrong), "%.*s%s%s", camera, text, texts[i],
                 at + strcspn(at, ",}"));
        bad = json_loads(wrong, JSON_REJECT_DUPLICATES, NULL);
        refused += bad == NULL ||
                   (expo_settings_parse(schema, bad, &s, error,
                                        sizeof(error)) == EXPO_INVALID &&
                    strstr(error, "camera.fov_deg") != NULL);
        json_decref(bad);
    }

    check(refused == (int) i);
    free(text);
    json_decref(o);
}

static void
what_a_schema_cannot_say_is_checked_too(void)
{
    check(patched("{\"camera\":{\"position\":[0,0,0],\"target\":[0,0,0]}}",
                  "camera.position"));
    check(patched("{\"camera\":{\"position\":[0,-9,0],\"target\":[0,0,0],"
                  "\"up\":[0,2,0]}}",
                  "camera.up"));
    check(patched("{\"camera\":{\"up\":[0,0,0]}}", "camera.up"));
    check(patched("{\"clip\":{\"box\":{\"min\":[5,0,0],\"max\":[4,9,9]}}}",
                  "clip.box.min"));
    check(patched("{\"clip\":{\"planes\":[{\"normal\":[0,0,0],\"offset\":1,"
                  "\"enabled\":false}]}}",
                  "clip.planes[0].normal"));
    check(patched(
        "{\"transfer\":{\"points\":["
        "{\"value\":5,\"opacity\":0,\"color\":[0,0,0],\"specular\":[0,0,0],"
        "\"roughness\":0,\"emission\":[0,0,0]},"
        "{\"value\":5,\"opacity\":0,\"color\":[0,0,0],\"specular\":[0,0,0],"
        "\"roughness\":0,\"emission\":[0,0,0]}]}}",
        "transfer.points[1].value"));
    check(patched("{\"technique\":{\"slice\":{\"normal\":[0,0,0]}}}",
                  "technique.slice.normal"));
    check(patched("{\"technique\":{\"slice\":{\"up\":[0,0,0]}}}",
                  "technique.slice.up"));
    check(patched("{\"technique\":{\"slice\":{\"normal\":[0,3,4],"
                  "\"up\":[0,-6,-8]}}}",
                  "technique.slice.up"));
}

/* What every configuration saved before this version lacks. */
static json_t *
old_configuration(void)
{
    json_t *o = defaults("CT");

    json_object_del(o, "technique");
    json_object_del(o, "denoise");
    json_object_del(json_object_get(o, "camera"), "autofocus");

    return o;
}

static void
an_old_configuration_means_what_it_meant(void)
{
    json_t *o = old_configuration(), *before = json_deep_copy(o), *out;
    json_t *patch = json_object();
    expo_settings_t s;

    check(expo_settings_parse(schema, o, &s, error, sizeof(error)) == EXPO_OK);
    check(s.technique.mode == EXPO_PATH && s.denoise && !s.camera.autofocus);
    check(json_equal(o, before));

    check(expo_settings_merge(schema, o, patch, &out, error, sizeof(error)) ==
          EXPO_OK);
    check(json_is_true(
        json_object_get(json_object_get(out, "denoise"), "enabled")));
    check(json_object_get(json_object_get(out, "technique"), "slice") != NULL);
    json_decref(out);

    /* Removed by a patch, a member has its default again. */
    json_object_set_new(patch, "technique", json_null());
    json_object_set_new(patch, "denoise", json_pack("{s:b}", "enabled", 0));
    check(expo_settings_merge(schema, o, patch, &out, error, sizeof(error)) ==
          EXPO_OK);
    expo_settings_parse(schema, out, &s, error, sizeof(error));
    check(s.technique.mode == EXPO_PATH && !s.denoise);
    json_decref(out);
    json_decref(patch);
    json_decref(before);
    json_decref(o);
}

static void
only_what_is_required_must_be_there(void)
{
    json_t *o = old_configuration(), *less;
    expo_settings_t s;
    const char *name;
    json_t *value;

    json_object_foreach(o, name, value)
    {
        less = json_copy(o);
        json_object_del(less, name);
        check(expo_settings_parse(schema, less, &s, error, sizeof(error)) ==
              EXPO_INVALID);
        json_decref(less);
    }

    json_decref(o);
}

static void
a_slice_begins_in_the_middle_and_shows_all(void)
{
    json_t *o = defaults("MR");
    expo_settings_t s;

    expo_settings_parse(schema, o, &s, error, sizeof(error));
    check(s.technique.slice.point[0] == 99.5);
    check(s.technique.slice.point[2] == 99);
    check(s.technique.slice.width_mm == 200);
    check(s.technique.window_center == 455 && s.technique.window_width == 890);
    check(s.technique.isovalue == 232.5);
    json_decref(o);
}

static void
the_vectors_of_a_slice_are_made_square(void)
{
    json_t *o = defaults("CT"), *patch, *out;
    expo_settings_t s;

    patch = json_loads("{\"technique\":{\"mode\":\"slice\",\"slice\":"
                       "{\"normal\":[0,3,4],\"up\":[0,0,7]}}}",
                       0, NULL);
    expo_settings_merge(schema, o, patch, &out, error, sizeof(error));
    expo_settings_parse(schema, out, &s, error, sizeof(error));
    check(s.technique.mode == EXPO_SLICE);
    check(fabs(s.technique.slice.normal[1] - 0.6) < 1e-12);
    check(fabs(s.technique.slice.up[1] + 0.8) < 1e-12);
    check(fabs(s.technique.slice.up[2] - 0.6) < 1e-12);
    json_decref(o);
    json_decref(patch);
    json_decref(out);
}

/* One voxel, or one value throughout, is a scan too. */
static void
degenerate_volumes_have_settings_too(void)
{
    static const double same[4] = {7, 7, 7, 7};
    static const char *const names[] = {"CT", "MR"};
    expo_settings_t s;
    expo_volume_t v;
    json_t *o;
    size_t i;
    int axis;

    for (i = 0; i < 6; i++) {
        v = scan(names[i % 2]);

        for (axis = 0; axis < 3; axis++) {
            v.dims[axis] = i < 2 || axis == (int) i / 2 ? 1 : v.dims[axis];
        }

        check(expo_settings_default(&v, same, &o) == EXPO_OK);
        check(expo_settings_parse(schema, o, &s, error, sizeof(error)) ==
              EXPO_OK);
        check(s.technique.window_width > 0 && s.technique.slice.width_mm >= 1);
        json_decref(o);
    }
}

static void
normals_are_made_unit_with_their_offset(void)
{
    json_t *o = defaults("CT"), *patch, *out;
    expo_settings_t s;

    patch = json_loads("{\"clip\":{\"planes\":[{\"normal\":[0,3,4],"
                       "\"offset\":10,\"enabled\":true}]}}",
                       0, NULL);
    expo_settings_merge(schema, o, patch, &out, error, sizeof(error));
    expo_settings_parse(schema, out, &s, error, sizeof(error));
    check(s.clip.n_planes == 1 && s.clip.planes[0].enabled);
    check(fabsf(s.clip.planes[0].normal[1] - 0.6f) < 1e-6f);
    check(fabsf(s.clip.planes[0].offset_mm - 2) < 1e-6f);
    json_decref(o);
    json_decref(patch);
    json_decref(out);
}

int
main(void)
{
    if (expo_schema_open("settings", &schema) != EXPO_OK) {
        printf("Bail out! the settings schema does not load\n");
        return 1;
    }

    every_modality_has_complete_defaults();
    the_first_view_is_from_the_front_and_fits();
    mr_points_follow_the_percentiles();
    every_look_of_the_list_is_valid();
    patches_change_what_they_name_and_nothing_else();
    patches_out_of_range_are_refused_by_name();
    what_a_schema_cannot_say_is_checked_too();
    normals_are_made_unit_with_their_offset();
    what_is_no_number_is_no_settings();
    an_old_configuration_means_what_it_meant();
    only_what_is_required_must_be_there();
    a_slice_begins_in_the_middle_and_shows_all();
    the_vectors_of_a_slice_are_made_square();
    degenerate_volumes_have_settings_too();
    expo_schema_close(schema);

    return done();
}
