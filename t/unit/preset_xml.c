#include "lib/preset_xml.c"
#include "lib/preset_xml_patch.c"

#include <math.h>

#include "t/unit/check.h"

static char error[256], text[1 << 16];
static expo_schema_t *schema;

#define XML_NODE(intensity, opacity, color)                                    \
    "<Node><NormalizedIntensity Value=\"" intensity                            \
    "\"/><Opacity Value=\"" opacity "\"/><Diffuse " color                      \
    "/><Specular R=\"0\" G=\"0\" B=\"51\"/>"                                   \
    "<Emission R=\"51\" G=\"0\" B=\"0\"/><Roughness Value=\"0\"/></Node>"
#define RED "R=\"255\" G=\"0\" B=\"0\""
#define APPEARANCE                                                             \
    "<Nodes>" XML_NODE("0", "0", RED) XML_NODE("0.5", "0.25", RED)             \
        XML_NODE("1", "1", RED) "</Nodes><DensityScale Value=\"20\"/>"         \
                                "<ShadingType Value=\"1\"/>"                   \
                                "<GradientFactor Value=\"3\"/>"
#define LIGHTING                                                               \
    "<Lights><Light Name=\"Key\"><Theta Value=\"90\"/><Phi Value=\"30\"/>"     \
    "<Distance Value=\"2\"/><Width Value=\"0.5\"/><Height Value=\"0.25\"/>"    \
    "<LockSize Value=\"0\"/><Color " RED "/><Intensity Value=\"100\"/>"        \
    "</Light></Lights><Background><Enable Value=\"1\"/><TopColor " RED "/>"    \
    "<MiddleColor " RED "/><BottomColor " RED "/><Intensity Value=\"3\"/>"     \
    "</Background>"
#define CAMERA                                                                 \
    "<Film><Width Value=\"320\"/><Height Value=\"240\"/>"                      \
    "<Exposure Value=\"0.75\"/></Film><Aperture><Size Value=\"0.01\"/>"        \
    "</Aperture><Projection><FieldOfView Value=\"40\"/></Projection>"          \
    "<Focus><FocalDistance Value=\"1.5\"/></Focus>"
#define VIEW                                                                   \
    "<From X=\"0.5\" Y=\"0.25\" Z=\"-1\"/>"                                    \
    "<Target X=\"0.5\" Y=\"0.25\" Z=\"0.125\"/><Up X=\"0\" Y=\"1\" Z=\"0\"/>"
#define PRESET(name, what) "<Preset Name=\"" name "\">" what "</Preset>"
#define FILE_OF(what) "<!DOCTYPE Appearance><Presets>" what "</Presets>"

/* 100 x 50 x 25 mm; x to the patient's left, y to the head, z to the front. */
static expo_volume_t
sample(void)
{
    return (expo_volume_t){.dims = {100, 25, 25},
                           .affine = {1, 0, 0, 10, 0, 0, -1, 20, 0, 2, 0, 30},
                           .scale = 0.5,
                           .offset = -100,
                           .voxel_min = 100,
                           .voxel_max = 500,
                           .unit = "HU",
                           .modality = "CT"};
}

static expo_status_t
read_as(expo_preset_xml_t *p, const char *file, const char *name)
{
    return expo_preset_xml_read(p, file, strlen(file), name, error,
                                sizeof(error));
}

/* The settings of a picture with this file. */
static int
settings_of(const char *file, expo_settings_t *s)
{
    static const double percentiles[4] = {-40, 0, 100, 150};
    static expo_preset_xml_t p;
    json_t *settings, *patch, *merged;
    expo_volume_t v = sample();
    expo_status_t st;

    memset(&p, 0, sizeof(p));

    if (read_as(&p, file, NULL) != EXPO_OK ||
        expo_preset_xml_patch(&p, &v, &patch) != EXPO_OK ||
        expo_settings_default(&v, percentiles, &settings) != EXPO_OK ||
        expo_settings_merge(schema, settings, patch, &merged, error,
                            sizeof(error)) != EXPO_OK) {
        printf("# %s\n", error);
        return 0;
    }

    st = expo_settings_parse(schema, merged, s, error, sizeof(error));
    json_decref(merged);
    json_decref(settings);
    json_decref(patch);

    return st == EXPO_OK;
}

static int
near(double a, double b)
{
    return fabs(a - b) <= 1e-4 * fmax(1, fabs(b));
}

static void
an_appearance_becomes_a_transfer_function(void)
{
    expo_settings_t s;

    check(settings_of(FILE_OF(PRESET("a", APPEARANCE)), &s));
    check(s.transfer.n_points == 3 && !s.transfer.smooth);
    /* Values run from -50 to 150; D^2 over the longest edge. */
    check(near(s.transfer.points[0].value, -50) &&
          near(s.transfer.points[1].value, 50) &&
          near(s.transfer.points[2].value, 150));
    check(near(s.transfer.density_scale, 20 * 20 / 100.0));
    check(near((double) s.transfer.points[1].opacity, 0.25));
    check(s.transfer.points[1].color[0] == 1 &&
          s.transfer.points[1].color[1] == 0);
    /* 51 / 255 as linear, 500 times it for light of its own. */
    check(near((double) s.transfer.points[1].specular[2], 0.4845292));
    check(near((double) s.transfer.points[1].emission[0], 100));
    /* Gloss 0 is a flat lobe: alpha 1. */
    check(near((double) s.transfer.points[1].roughness, 1));
    check(near(blinn_roughness(100), sqrt(sqrt(2.0 / 252))));
    check(s.shading.mode == EXPO_SHADING_PHASE && s.shading.max_bounces == 0);
    /* Gradients were per mm, ours are per voxel of cbrt(2) mm. */
    check(near((double) s.shading.gradient_factor, 3 / cbrt(2)));
}

static void
thin_media_and_nodes_in_disorder_are_kept(void)
{
    expo_settings_t s;

    check(settings_of(
        FILE_OF(PRESET("a", "<Nodes>" XML_NODE("0.5", "1", RED) XML_NODE(
                                "0.5", "0.5", RED) XML_NODE("0", "0.1", RED)
                                XML_NODE("7", "9", RED) "</Nodes>"
                                                        "<DensityScale "
                                                        "Value=\"0.1\"/>")),
        &s));
    /* 0.01 / 100 mm is under the least that a setting says. */
    check(near((double) s.transfer.density_scale, 0.001));
    check(near((double) s.transfer.points[1].opacity, 0.1));
    check(s.transfer.points[1].value < s.transfer.points[2].value &&
          near(s.transfer.points[2].value, 50));
    check(near((double) s.transfer.points[2].opacity, 0.05));
    check(near(s.transfer.points[3].value, 150));

    check(settings_of(
        FILE_OF(PRESET("a", "<Nodes>" XML_NODE("0.5", "1", RED) "</Nodes>")),
        &s));
    check(s.transfer.n_points == 2);
}

static void
lights_stand_where_they_stood(void)
{
    expo_settings_t s;

    check(settings_of(FILE_OF(PRESET("a", LIGHTING)), &s));
    check(s.n_lights == 1);
    /* theta 90 is x, the patient's left; phi 30 towards y, the head. */
    check(near((double) s.lights[0].longitude_deg, 90));
    check(near((double) s.lights[0].latitude_deg, 30));
    check(near((double) s.lights[0].distance_mm, 200));
    check(near((double) s.lights[0].width_mm, 50) &&
          near((double) s.lights[0].height_mm, 25));
    check(near((double) s.lights[0].intensity, 100 / (0.5 * 0.25)));
    check(!s.lights[0].visible && !s.lights[0].follow_camera);
    check(s.background.mode == EXPO_BACKGROUND_ENVIRONMENT &&
          near((double) s.environment.intensity, 3));

    /* A camera that looks elsewhere does not move them. */
    check(settings_of(FILE_OF(PRESET("a", LIGHTING CAMERA VIEW)), &s));
    check(near((double) s.lights[0].longitude_deg, 90) &&
          near((double) s.lights[0].distance_mm, 200));
}

static void
a_camera_looks_from_where_it_did(void)
{
    expo_settings_t s;

    check(settings_of(FILE_OF(PRESET("a", CAMERA VIEW)), &s));
    check(near((double) s.camera.fov_deg, 40));
    check(near((double) s.camera.aperture_mm, 2)); /* a radius became a width */
    check(near((double) s.camera.focus_mm, 150));
    check(near((double) s.film.exposure, 4));
    check(s.film.tone_map == EXPO_TONE_EXPONENTIAL);
    /* The box's corner is half a voxel before the first voxel's middle: x 9.5,
     * y 20.5, z 29. Its middle is the target. */
    check(near(s.camera.target[0], 59.5) && near(s.camera.target[1], 8) &&
          near(s.camera.target[2], 54));
    check(near(s.camera.position[0], 59.5) &&
          near(s.camera.position[1], 120.5) && near(s.camera.position[2], 54));
    check(near(s.camera.up[0], 0) && near(s.camera.up[1], 0) &&
          near(s.camera.up[2], 1));

    /* Older files have no view. */
    check(settings_of(FILE_OF(PRESET("a", CAMERA)), &s));
    check(near((double) s.camera.fov_deg, 40));
}

static void
a_preset_is_found_by_its_name(void)
{
    static const char *file = FILE_OF(PRESET("a", CAMERA) PRESET(
        "b", APPEARANCE) PRESET("b", LIGHTING) PRESET("c", LIGHTING));
    static expo_preset_xml_t p;

    memset(&p, 0, sizeof(p));
    check(read_as(&p, file, "b") == EXPO_OK);
    check(p.appearance.n_nodes == 3 && !p.lighting.there && !p.camera.there);
    check(read_as(&p, file, "nobody") == EXPO_OK);
    check(p.appearance.n_nodes == 3 && p.camera.there);
    check(p.camera.width == 320 && p.camera.height == 240);
    check(read_as(&p, file, "c") == EXPO_OK);
    check(p.appearance.n_nodes == 3 && p.lighting.there && p.camera.there);
}

static void
repeat(const char *before, const char *what, int times, const char *after)
{
    size_t at = (size_t) sprintf(text, "%s", before);

    while (times-- > 0) {
        at += (size_t) sprintf(text + at, "%s", what);
    }

    sprintf(text + at, "%s", after);
}

static void
what_is_no_preset_is_refused(void)
{
    static expo_preset_xml_t p;
    char *large = malloc(EXPO_PRESET_XML_BYTES_MAX + 1);

    memset(&p, 0, sizeof(p));
    check(read_as(&p, "", NULL) == EXPO_INVALID);
    check(read_as(&p, "no XML", NULL) == EXPO_INVALID);
    check(read_as(&p, "<Presets><Preset></Presets>", NULL) == EXPO_INVALID);
    check(read_as(&p, "<html></html>", NULL) == EXPO_INVALID);
    check(read_as(&p, "<Presets></Presets>", NULL) == EXPO_INVALID);
    check(read_as(&p, FILE_OF(PRESET("a", "<Other/>")), NULL) == EXPO_INVALID);
    check(read_as(&p, FILE_OF(PRESET("a", "<DensityScale Value=\"much\"/>")),
                  NULL) == EXPO_INVALID);
    check(strstr(error, "DensityScale") != NULL);
    check(read_as(&p, FILE_OF(PRESET("a", "<DensityScale Value=\"nan\"/>")),
                  NULL) == EXPO_INVALID);
    check(read_as(&p, FILE_OF(PRESET("a", "<DensityScale/>")), NULL) ==
          EXPO_INVALID);

    repeat("<Presets><Preset><Nodes>", XML_NODE("0", "0", RED), 65,
           "</Nodes></Preset></Presets>");
    check(read_as(&p, text, NULL) == EXPO_TOO_LARGE);
    repeat("<Presets><Preset><Lights>", "<Light/>", 33,
           "</Lights></Preset></Presets>");
    check(read_as(&p, text, NULL) == EXPO_TOO_LARGE);
    repeat("<Presets>", "<Preset>", 1000, "");
    check(read_as(&p, text, NULL) == EXPO_INVALID);

    memset(large, ' ', EXPO_PRESET_XML_BYTES_MAX + 1);
    check(expo_preset_xml_read(&p, large, EXPO_PRESET_XML_BYTES_MAX + 1, NULL,
                               error, sizeof(error)) == EXPO_TOO_LARGE);
    free(large);
    check(p.appearance.n_nodes == 0 && !p.lighting.there && !p.camera.there);
}

static void
entities_and_other_files_are_refused(void)
{
    static expo_preset_xml_t p;

    check(read_as(&p,
                  "<!DOCTYPE a [<!ENTITY b \"ha\"><!ENTITY c \"&b;&b;\">]>"
                  "<Presets>&c;</Presets>",
                  NULL) == EXPO_UNSUPPORTED);
    check(read_as(&p, "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><Presets/>",
                  NULL) == EXPO_UNSUPPORTED);
    check(read_as(&p,
                  "<!DOCTYPE a [<!ENTITY b SYSTEM \"x\">]>"
                  "<Presets>&b;</Presets>",
                  NULL) == EXPO_UNSUPPORTED);
    check(read_as(&p, "<Presets>&b;</Presets>", NULL) == EXPO_INVALID);
}

int
main(void)
{
    if (expo_schema_open("settings", &schema) != EXPO_OK) {
        return 1;
    }

    an_appearance_becomes_a_transfer_function();
    thin_media_and_nodes_in_disorder_are_kept();
    lights_stand_where_they_stood();
    a_camera_looks_from_where_it_did();
    a_preset_is_found_by_its_name();
    what_is_no_preset_is_refused();
    entities_and_other_files_are_refused();
    expo_schema_close(schema);

    return done();
}
