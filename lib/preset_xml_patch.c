/* Presets of 2012 as our settings: docs/renderer.md has the table. */

#include "lib/preset_xml.h"

#include <math.h>
#include <string.h>

#define EXTINCTION_MIN 0.001 /* as api/settings.schema.json has them */
#define EXTINCTION_MAX 100.0
#define EMISSION_MAX 500.0
#define RADIANCE_MAX 1e7
#define LENGTH_MAX_MM 100000.0

/* The picture's own gamma undoes the curve of sRGB, which was not applied. */
#define GAMMA_NONE 0.4545

/* The volume as these presets see it. */
typedef struct {
    double edge_mm;    /* the longest */
    double size[3];    /* of the box, world units */
    double axis[3][3]; /* unit vectors in the patient */
    double corner[3];  /* patient mm of (0, 0, 0) */
    double low, high;  /* values of intensity 0 and 1 */
    double voxel_mm;
} world_t;

static void world_of(world_t *w, const expo_volume_t *v);
static void to_patient(const world_t *w, const double p[3], double dst[3]);
static void turned(const world_t *w, const double d[3], double dst[3]);
static json_t *appearance(const expo_preset_xml_t *p, const world_t *w);
static json_t *points(const expo_preset_node_t *nodes, uint32_t n,
                      const world_t *w, double thinner);
static json_t *point(const expo_preset_node_t *node, double value,
                     double thinner);
static json_t *lighting(const expo_preset_xml_t *p, const world_t *w);
static json_t *lamp(const expo_preset_light_t *l, const world_t *w,
                    const double target[3]);
static json_t *camera(const expo_preset_xml_t *p, const world_t *w);
static json_t *color(const double c[3]);
static json_t *triple(const double v[3]);
static double srgb(double linear);
static double limit(double x, double low, double high);
static double blinn_roughness(double glossiness);


expo_status_t
expo_preset_xml_patch(const expo_preset_xml_t *p, const expo_volume_t *v,
                      json_t **patch)
{
    json_t *all = json_object();
    world_t w;

    world_of(&w, v);

    if (p->appearance.n_nodes > 0) {
        json_object_update_new(all, appearance(p, &w));
    }

    if (p->lighting.there) {
        json_object_update_new(all, lighting(p, &w));
    }

    if (p->camera.there) {
        json_object_update_new(all, camera(p, &w));
    }

    *patch = all;

    return all != NULL ? EXPO_OK : EXPO_NO_MEMORY;
}


static void
world_of(world_t *w, const expo_volume_t *v)
{
    double length[3], spacing;
    int i, axis;

    w->edge_mm = 0;
    w->voxel_mm = 1;
    w->low = v->offset + v->scale * v->voxel_min;
    w->high = v->offset + v->scale * v->voxel_max;

    if (!(w->high > w->low)) {
        w->high = w->low + v->scale;
    }

    for (axis = 0; axis < 3; axis++) {
        spacing = expo_volume_spacing(v, axis);
        length[axis] = spacing * v->dims[axis];
        w->edge_mm = fmax(w->edge_mm, length[axis]);
        w->voxel_mm *= cbrt(spacing);

        for (i = 0; i < 3; i++) {
            w->axis[axis][i] = v->affine[4 * i + axis] / spacing;
        }
    }

    for (i = 0; i < 3; i++) {
        w->size[i] = length[i] / w->edge_mm;
        w->corner[i] = v->affine[4 * i + 3];

        for (axis = 0; axis < 3; axis++) {
            w->corner[i] -= 0.5 * v->affine[4 * i + axis];
        }
    }
}


static void
to_patient(const world_t *w, const double p[3], double dst[3])
{
    int i;

    turned(w, p, dst);

    for (i = 0; i < 3; i++) {
        dst[i] = w->corner[i] + w->edge_mm * dst[i];
    }
}


static void
turned(const world_t *w, const double d[3], double dst[3])
{
    int i;

    for (i = 0; i < 3; i++) {
        dst[i] =
            d[0] * w->axis[0][i] + d[1] * w->axis[1][i] + d[2] * w->axis[2][i];
    }
}


/* The medium was D^2 times opacity per world unit. */
static json_t *
appearance(const expo_preset_xml_t *p, const world_t *w)
{
    static const char *const shading[] = {"brdf", "phase", "hybrid"};
    double d = p->appearance.density_scale;
    double extinction = d * d / w->edge_mm;
    double scale = limit(extinction, EXTINCTION_MIN, EXTINCTION_MAX);
    int mode = (int) limit(p->appearance.shading, 0, 2);

    return json_pack(
        "{s:{s:s, s:f, s:o}, s:{s:s, s:f, s:f, s:i}}", "transfer",
        "interpolation", "linear", "density_scale", scale, "points",
        points(p->appearance.nodes, p->appearance.n_nodes, w,
               fmin(extinction / scale, 1)),
        "shading", "mode", shading[mode], "gradient_factor",
        limit(p->appearance.gradient_factor / w->voxel_mm, 0, 1000), "g", 0.0,
        "max_bounces", 0);
}


/* Nodes in the order of their intensity, each a little above the last; one
 * alone is everywhere. */
static json_t *
points(const expo_preset_node_t *nodes, uint32_t n, const world_t *w,
       double thinner)
{
    expo_preset_node_t sorted[EXPO_POINTS_MAX], node;
    double span = w->high - w->low, value, last = 0;
    json_t *list = json_array();
    uint32_t i, k;

    for (i = 0; i < n; i++) {
        node = nodes[i];

        for (k = i; k > 0 && sorted[k - 1].intensity > node.intensity; k--) {
            sorted[k] = sorted[k - 1];
        }

        sorted[k] = node;
    }

    for (i = 0; i < n; i++) {
        value = w->low + span * limit(sorted[i].intensity, 0, 1);

        if (i > 0 && value < last + 1e-6 * span) {
            value = last + 1e-6 * span;
        }

        json_array_append_new(list, point(&sorted[i], value, thinner));
        last = value;
    }

    if (n == 1) {
        json_array_append_new(list, point(&sorted[0], last + span, thinner));
    }

    return list;
}


static json_t *
point(const expo_preset_node_t *node, double value, double thinner)
{
    double emission[3];
    int i;

    for (i = 0; i < 3; i++) {
        emission[i] = limit(500 * node->emission[i], 0, EMISSION_MAX);
    }

    return json_pack("{s:f, s:f, s:o, s:o, s:f, s:o}", "value", value,
                     "opacity", limit(node->opacity, 0, 1) * thinner, "color",
                     color(node->diffuse), "specular", color(node->specular),
                     "roughness", blinn_roughness(node->glossiness), "emission",
                     triple(emission));
}


static json_t *
lighting(const expo_preset_xml_t *p, const world_t *w)
{
    double target[3], middle[3];
    json_t *lamps = json_array();
    int sky = p->lighting.sky != 0;
    uint32_t i;

    for (i = 0; i < 3; i++) {
        middle[i] = 0.5 * w->size[i];
    }

    to_patient(w, p->camera.has_view ? p->camera.target : middle, target);

    for (i = 0; i < p->lighting.n_lights; i++) {
        json_array_append_new(lamps, lamp(&p->lighting.lights[i], w, target));
    }

    return json_pack(
        "{s:o, s:{s:o, s:o, s:o, s:f}, s:{s:s, s:[f,f,f]}}", "lights", lamps,
        "environment", "top", color(p->lighting.top), "middle",
        color(p->lighting.middle), "bottom", color(p->lighting.bottom),
        "intensity", sky ? limit(p->lighting.intensity, 0, 1000) : 0.0,
        "background", "mode", sky ? "environment" : "color", "color", 0.0, 0.0,
        0.0);
}


/* Angles were about the box's middle, with y up; ours are the patient's, about
 * the camera's target. */
static json_t *
lamp(const expo_preset_light_t *l, const world_t *w, const double target[3])
{
    const double rad = M_PI / 180;
    double theta = l->theta_deg * rad, phi = l->phi_deg * rad;
    double d = l->distance, length;
    double width_mm = limit(l->width * w->edge_mm, 1, LENGTH_MAX_MM);
    double height_mm = limit(l->height * w->edge_mm, 1, LENGTH_MAX_MM);
    double area = width_mm * height_mm / (w->edge_mm * w->edge_mm);
    double at[3] = {0.5 * w->size[0] + d * cos(phi) * sin(theta),
                    0.5 * w->size[1] + d * sin(phi),
                    0.5 * w->size[2] + d * cos(phi) * cos(theta)};
    double to[3];
    int i;

    to_patient(w, at, to);

    for (i = 0; i < 3; i++) {
        to[i] -= target[i];
    }

    length = sqrt(to[0] * to[0] + to[1] * to[1] + to[2] * to[2]);

    return json_pack(
        "{s:s, s:f, s:f, s:f, s:f, s:f, s:o, s:f, s:b, s:b}", "kind", "area",
        "longitude_deg", atan2(to[0], -to[1]) / rad, "latitude_deg",
        length > 0 ? asin(limit(to[2] / length, -1, 1)) / rad : 0.0,
        "distance_mm", limit(length, 1, LENGTH_MAX_MM), "width_mm", width_mm,
        "height_mm", height_mm, "color", color(l->color), "intensity",
        limit(l->intensity / area, 0, RADIANCE_MAX), "visible", 0,
        "follow_camera", 0);
}


static json_t *
camera(const expo_preset_xml_t *p, const world_t *w)
{
    double exposure = 1 / fmax(1 - p->camera.exposure, 1e-3);
    double position[3], target[3], up[3];
    json_t *all, *view;

    all = json_pack(
        "{s:{s:f, s:f, s:f, s:s}, s:{s:f, s:s, s:f}}", "camera", "fov_deg",
        limit(p->camera.fov_deg, 5, 150), "aperture_mm",
        limit(2 * p->camera.aperture * w->edge_mm, 0, 100), "focus_mm",
        limit(p->camera.focus * w->edge_mm, 0, LENGTH_MAX_MM), "projection",
        "perspective", "film", "exposure", limit(exposure, 0.01, 100),
        "tone_map", "exponential", "gamma", GAMMA_NONE);

    if (!p->camera.has_view) {
        return all;
    }

    to_patient(w, p->camera.from, position);
    to_patient(w, p->camera.target, target);
    turned(w, p->camera.up, up);
    view = json_object_get(all, "camera");
    json_object_set_new(view, "position", triple(position));
    json_object_set_new(view, "target", triple(target));
    json_object_set_new(view, "up", triple(up));

    return all;
}


/* Colours were used as they are, where ours are sRGB. */
static json_t *
color(const double c[3])
{
    double coded[3] = {srgb(c[0]), srgb(c[1]), srgb(c[2])};

    return triple(coded);
}


static json_t *
triple(const double v[3])
{
    return json_pack("[f,f,f]", v[0], v[1], v[2]);
}


/* Source: IEC 61966-2-1. */
static double
srgb(double linear)
{
    linear = limit(linear, 0, 1);

    return linear <= 0.0031308 ? 12.92 * linear
                               : 1.055 * pow(linear, 1 / 2.4) - 0.055;
}


static double
limit(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}


/* The exponent of Blinn's lobe was 250 (1 - e^-g); the GGX lobe as wide has an
 * alpha, the square of our roughness, of sqrt(2 / (exponent + 2)). */
static double
blinn_roughness(double glossiness)
{
    double exponent = 250 * (1 - exp(-fmax(glossiness, 0)));

    return sqrt(sqrt(2 / (exponent + 2)));
}
