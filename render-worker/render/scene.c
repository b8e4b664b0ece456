#include "render-worker/render/scene.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "lib/curve.h"
#include "render-worker/render/kernel/pt_path.h"
#include "render-worker/render/kernel/pt_tone.h"

_Static_assert(PT_TABLE == EXPO_CURVE_TABLE, "one table size");
_Static_assert(PT_LAMPS >= EXPO_LIGHTS_MAX, "room for every lamp");
_Static_assert(PT_PLANES >= EXPO_PLANES_MAX + 12, "room for every plane");

static void set_volume(pt_scene_t *p, const body_t *b);
static void set_transfer(scene_t *s, const body_t *b, const expo_transfer_t *t);
static bool tables_hold(const scene_t *s, const body_t *b,
                        const expo_transfer_t *t);
static void make_tables(scene_t *s, const body_t *b, const expo_transfer_t *t);
static void set_technique(pt_scene_t *p, const body_t *b,
                          const expo_settings_t *t);
static void set_grid(scene_t *s, body_t *b);
static bool bounds_hold(const body_t *b, const scene_t *s,
                        pt_technique_t technique);
static void make_bounds(body_t *b, const scene_t *s, pt_technique_t technique);
static void set_planes(pt_scene_t *p, const body_t *b,
                       const expo_settings_t *t);
static void set_faces(pt_scene_t *p, const body_t *b);
static void add_plane(pt_scene_t *p, const double normal[3], double offset,
                      int cut);
static int cuts(const body_t *b, const double normal[3], double offset);
static void set_camera(pt_scene_t *p, const body_t *b,
                       const expo_settings_t *t);
static void set_slice_camera(pt_camera_t *c, const body_t *b,
                             const expo_settings_t *t);
static void set_lamps(pt_scene_t *p, const body_t *b, const expo_settings_t *t);
static void set_lamp(pt_lamp_t *l, const expo_light_t *light, pt_v3 target,
                     pt_v3 front, pt_v3 right, pt_v3 up);
static pt_v3 centered(const body_t *b, const double p[3]);
static pt_v3 linear(const float srgb[3], float factor);
static pt_v3 vector(const double v[3]);


void
scene_set(scene_t *s, body_t *b, const expo_settings_t *settings)
{
    pt_scene_t *p = &s->pt;

    memset(p, 0, sizeof(*p));
    p->around = PT_AROUND;
    set_volume(p, b);
    set_transfer(s, b, &settings->transfer);
    set_technique(p, b, settings);
    set_grid(s, b);
    set_planes(p, b, settings);
    set_camera(p, b, settings);
    set_lamps(p, b, settings);

    p->sky_top =
        linear(settings->environment.top, settings->environment.intensity);
    p->sky_middle =
        linear(settings->environment.middle, settings->environment.intensity);
    p->sky_bottom =
        linear(settings->environment.bottom, settings->environment.intensity);
    p->background = linear(
        settings->background.color,
        settings->background.mode == EXPO_BACKGROUND_TRANSPARENT ? 0.0f : 1.0f);
    p->background_sky =
        settings->background.mode == EXPO_BACKGROUND_ENVIRONMENT;

    p->shading = settings->shading.mode == EXPO_SHADING_BRDF    ? PT_BRDF
                 : settings->shading.mode == EXPO_SHADING_PHASE ? PT_PHASE
                                                                : PT_HYBRID;
    p->g = settings->shading.g;
    p->gradient_factor = settings->shading.gradient_factor;
    p->max_bounces = settings->shading.max_bounces;
}


static void
set_volume(pt_scene_t *p, const body_t *b)
{
    double volume_mm3 = 1, spacing, longest = 0, most = 0;
    int i, j;

    p->voxels = b->voxels;

    for (i = 0; i < 3; i++) {
        p->n[i] = b->n[i];
        p->to_index[4 * i + 3] = (float) (0.5 * (b->volume.dims[i] - 1.0));
        spacing = expo_volume_spacing(&b->volume, i);
        volume_mm3 *= spacing;
        longest = fmax(longest, spacing * b->volume.dims[i]);
        most = fmax(most, b->volume.dims[i]);

        for (j = 0; j < 3; j++) {
            p->to_index[4 * i + j] = (float) b->to_index[3 * i + j];
            p->gradient[3 * j + i] = (float) b->to_index[3 * i + j];
        }
    }

    p->voxel_mm = (float) cbrt(volume_mm3);
    p->inv_range = (float) (1 / b->range);
    p->stride_mm = (float) (3 * longest / most);
}


static void
set_transfer(scene_t *s, const body_t *b, const expo_transfer_t *t)
{
    double first = t->points[0].value, last = t->points[t->n_points - 1].value;

    if (!tables_hold(s, b, t)) {
        make_tables(s, b, t);
        memcpy(&s->transfer, t, sizeof(s->transfer));
        s->scale = b->volume.scale;
        s->offset = b->volume.offset;
        s->tables++;
    }

    first = (first - b->volume.offset) / b->volume.scale;
    last = (last - b->volume.offset) / b->volume.scale;
    s->pt.table_first = (float) first;
    s->pt.table_scale = (float) ((PT_TABLE - 1) / (last - first));
    s->pt.majorant = s->majorant;
    s->pt.sigma = s->sigma;
    s->pt.material = s->material;
}


static bool
tables_hold(const scene_t *s, const body_t *b, const expo_transfer_t *t)
{
    return s->tables > 0 && s->scale == b->volume.scale &&
           s->offset == b->volume.offset &&
           memcmp(&s->transfer, t, sizeof(*t)) == 0;
}


/* One curve a number; colours are blended as they look, then made linear. */
static void
make_tables(scene_t *s, const body_t *b, const expo_transfer_t *t)
{
    enum { OPACITY, COLOR, SPECULAR = 4, ROUGHNESS = 7, EMISSION, ALL = 11 };

    double x[EXPO_POINTS_MAX], y[ALL][EXPO_POINTS_MAX];
    static _Thread_local float table[ALL][PT_TABLE];
    uint32_t i, k, n = t->n_points;
    const expo_point_t *q;
    expo_curve_t curve;
    pt_material_t *m;
    float sigma, next;
    double sum = 0;

    for (i = 0; i < n; i++) {
        q = &t->points[i];
        x[i] = (q->value - b->volume.offset) / b->volume.scale;
        y[OPACITY][i] = q->opacity;
        y[ROUGHNESS][i] = q->roughness;

        for (k = 0; k < 3; k++) {
            y[COLOR + k][i] = q->color[k];
            y[SPECULAR + k][i] = q->specular[k];
            y[EMISSION + k][i] = q->emission[k];
        }
    }

    for (k = 0; k < ALL; k++) {
        expo_curve_make(&curve, x, y[k], n, t->smooth);
        expo_curve_table(&curve, table[k]);
    }

    s->majorant = 0.0f;

    for (i = 0; i < PT_TABLE; i++) {
        sigma = table[OPACITY][i] * t->density_scale;
        next = table[OPACITY][i + 1 < PT_TABLE ? i + 1 : i] * t->density_scale;
        s->sigma[i].at = sigma;
        s->sigma[i].step = next - sigma;
        s->sigma[i].sum = (float) sum;
        s->majorant = fmaxf(s->majorant, sigma);
        sum += 0.5 * ((double) sigma + (double) next);

        m = &s->material[i];
        m->color = linear((float[3]){table[COLOR][i], table[COLOR + 1][i],
                                     table[COLOR + 2][i]},
                          1.0f);
        m->specular =
            linear((float[3]){table[SPECULAR][i], table[SPECULAR + 1][i],
                              table[SPECULAR + 2][i]},
                   1.0f);
        m->emission = pt_vec(table[EMISSION][i], table[EMISSION + 1][i],
                             table[EMISSION + 2][i]);
        m->roughness = table[ROUGHNESS][i];
    }
}


static void
set_technique(pt_scene_t *p, const body_t *b, const expo_settings_t *t)
{
    static const pt_technique_t techniques[] = {[EXPO_PATH] = PT_PATHS,
                                                [EXPO_MIP] = PT_MIP,
                                                [EXPO_AVERAGE] = PT_AVERAGE,
                                                [EXPO_ISOSURFACE] = PT_SURFACE,
                                                [EXPO_SLICE] = PT_SLICE};
    static const pt_slab_t slabs[] = {[EXPO_SLAB_MAXIMUM] = PT_SLAB_MAXIMUM,
                                      [EXPO_SLAB_MEAN] = PT_SLAB_MEAN,
                                      [EXPO_SLAB_MINIMUM] = PT_SLAB_MINIMUM};
    double scale = b->volume.scale, offset = b->volume.offset;
    double width = t->technique.window_width / scale;

    p->technique = techniques[t->technique.mode];
    p->level = (float) ((t->technique.isovalue - offset) / scale);
    p->window_low =
        (float) ((t->technique.window_center - offset) / scale - 0.5 * width);
    p->window_scale = (float) (1 / width);
    p->colored = t->technique.colored;
    p->thickness = (float) t->technique.slice.thickness_mm;
    p->slab = slabs[t->technique.slice.slab];
}


static void
set_grid(scene_t *s, body_t *b)
{
    pt_technique_t technique = s->pt.technique;

    if (technique != PT_PATHS && technique != PT_SURFACE) {
        technique = PT_MIP;
    }

    if (!bounds_hold(b, s, technique)) {
        make_bounds(b, s, technique);
        b->bounds++;
    }

    s->voxels = b->changes;
    s->bounds = b->bounds;
    s->pt.cell = b->grid.cell;
    s->pt.detail = b->grid.detail;
    memcpy(s->pt.cells, b->grid.cells, sizeof(s->pt.cells));
}


static bool
bounds_hold(const body_t *b, const scene_t *s, pt_technique_t technique)
{
    if (b->bounds == 0 || b->unbounded || b->bounded != technique) {
        return false;
    }

    if (technique == PT_PATHS) {
        return memcmp(&b->transfer, &s->transfer, sizeof(b->transfer)) == 0;
    }

    return technique != PT_SURFACE || b->level == s->pt.level;
}


static void
make_bounds(body_t *b, const scene_t *s, pt_technique_t technique)
{
    b->bounded = technique;
    b->unbounded = false;

    if (technique == PT_PATHS) {
        memcpy(&b->transfer, &s->transfer, sizeof(b->transfer));
        grid_bound(&b->grid, s->sigma, s->pt.table_first, s->pt.table_scale,
                   s->pt.voxel_mm);

    } else if (technique == PT_SURFACE) {
        b->level = s->pt.level;
        grid_solid(&b->grid, b->level);

    } else {
        grid_highest(&b->grid);
    }
}


static void
set_planes(pt_scene_t *p, const body_t *b, const expo_settings_t *t)
{
    double n[3], offset;
    uint32_t i;
    int axis, side;

    set_faces(p, b);

    for (axis = 0; axis < 3; axis++) {
        for (side = -1; side <= 1; side += 2) {
            memset(n, 0, sizeof(n));
            n[axis] = side;
            offset = side * ((side < 0 ? t->clip.box_max[axis]
                                       : t->clip.box_min[axis]) -
                             b->center[axis]);

            if (cuts(b, n, offset)) {
                add_plane(p, n, offset, 1);
            }
        }
    }

    for (i = 0; i < t->clip.n_planes; i++) {
        if (!t->clip.planes[i].enabled) {
            continue;
        }

        for (axis = 0; axis < 3; axis++) {
            n[axis] = t->clip.planes[i].normal[axis];
        }

        offset = t->clip.planes[i].offset_mm - n[0] * b->center[0] -
                 n[1] * b->center[1] - n[2] * b->center[2];

        if (cuts(b, n, offset)) {
            add_plane(p, n, offset, 1);
        }
    }
}


/* The volume's faces, moved in to where macrocells are not empty. Tissue that
 * reaches a face is cut by it. */
static void
set_faces(pt_scene_t *p, const body_t *b)
{
    double n[3], length, low, high, edge;
    const double *row;
    int axis, i, face;

    for (axis = 0; axis < 3; axis++) {
        row = b->to_index + 3 * axis;
        length = sqrt(row[0] * row[0] + row[1] * row[1] + row[2] * row[2]);
        edge = 0.5 * b->volume.dims[axis];
        /* Index i lies i - edge + 1/2 steps from the middle. */
        low = b->grid.first[axis] * PT_CELL - edge + 0.5;
        high = b->grid.end[axis] * PT_CELL - edge + 0.5;

        face = b->grid.first[axis] == 0;
        for (i = 0; i < 3; i++) {
            n[i] = row[i] / length;
        }
        add_plane(p, n, (face ? -edge : low) / length, face);

        face = b->grid.end[axis] == b->grid.cells[axis];
        for (i = 0; i < 3; i++) {
            n[i] = -row[i] / length;
        }
        add_plane(p, n, -(face ? edge : high) / length, face);
    }
}


static void
add_plane(pt_scene_t *p, const double normal[3], double offset, int cut)
{
    pt_plane_t *plane = &p->planes[p->n_planes++];

    plane->normal = vector(normal);
    plane->offset = (float) offset;
    plane->cut = cut;
}


/* A plane that cuts nothing off would cost every ray a test. */
static int
cuts(const body_t *b, const double normal[3], double offset)
{
    const double *a = b->volume.affine;
    double nearest = 0, along;
    int axis;

    for (axis = 0; axis < 3; axis++) {
        along = normal[0] * a[axis] + normal[1] * a[4 + axis] +
                normal[2] * a[8 + axis];
        nearest -= fabs(along) * 0.5 * b->volume.dims[axis];
    }

    return nearest < offset - 1e-3;
}


static void
set_camera(pt_scene_t *p, const body_t *b, const expo_settings_t *t)
{
    double f[3], length = 0, half;
    pt_camera_t *c = &p->camera;
    pt_v3 up;
    int i;

    for (i = 0; i < 3; i++) {
        f[i] = t->camera.target[i] - t->camera.position[i];
        length += f[i] * f[i];
    }

    length = sqrt(length);
    half = tan(t->camera.fov_deg * (3.14159265358979 / 360));
    up = vector(t->camera.up);

    c->position = centered(b, t->camera.position);
    c->forward = pt_unit(vector(f));
    c->right = pt_unit(pt_cross(c->forward, up));
    c->up = pt_scale(pt_cross(c->right, c->forward), (float) half);
    c->right = pt_scale(c->right, (float) half);
    c->lens = 0.5f * t->camera.aperture_mm;
    c->focus = t->camera.focus_mm > 0 ? t->camera.focus_mm : (float) length;
    c->parallel = t->camera.orthographic ? (float) length : 0.0f;

    if (p->technique == PT_SLICE) {
        set_slice_camera(c, b, t);
    }

    /* A value has no distance at which it would be sharp. */
    if (p->technique != PT_PATHS && p->technique != PT_SURFACE) {
        c->lens = 0.0f;
    }
}


/* Parallel rays that begin on the plane. */
static void
set_slice_camera(pt_camera_t *c, const body_t *b, const expo_settings_t *t)
{
    float half = 0.5f * (float) t->technique.slice.width_mm;
    pt_v3 normal = vector(t->technique.slice.normal);
    pt_v3 up = vector(t->technique.slice.up);

    c->position = centered(b, t->technique.slice.point);
    c->forward = pt_scale(normal, -1.0f);
    c->right = pt_scale(pt_cross(up, normal), half);
    c->up = pt_scale(up, half);
    c->parallel = 1.0f;
}


static void
set_lamps(pt_scene_t *p, const body_t *b, const expo_settings_t *t)
{
    pt_v3 target = centered(b, t->camera.target), front, right, up;
    uint32_t i;

    for (i = 0; i < t->n_lights; i++) {
        if (t->lights[i].intensity <= 0) {
            continue;
        }

        front = pt_vec(0.0f, -1.0f, 0.0f);
        right = pt_vec(1.0f, 0.0f, 0.0f);
        up = pt_vec(0.0f, 0.0f, 1.0f);

        if (t->lights[i].follow_camera) {
            front = pt_scale(p->camera.forward, -1.0f);
            right = pt_unit(p->camera.right);
            up = pt_unit(p->camera.up);
        }

        set_lamp(&p->lamps[p->n_lamps++], &t->lights[i], target, front, right,
                 up);
    }
}


static void
set_lamp(pt_lamp_t *l, const expo_light_t *light, pt_v3 target, pt_v3 front,
         pt_v3 right, pt_v3 up)
{
    const float rad = PT_PI / 180.0f;
    float lon = light->longitude_deg * rad, lat = light->latitude_deg * rad;
    pt_v3 level, side, to;

    level = pt_along(pt_scale(front, cosf(lon)), right, sinf(lon));
    side = pt_along(pt_scale(right, cosf(lon)), front, -sinf(lon));
    to = pt_along(pt_scale(level, cosf(lat)), up, sinf(lat));

    l->center = pt_along(target, to, light->distance_mm);
    l->normal = pt_scale(to, -1.0f);
    l->u = pt_scale(side, 0.5f * light->width_mm);
    l->v = pt_scale(pt_cross(to, side), 0.5f * light->height_mm);
    l->area = light->width_mm * light->height_mm;
    l->radiance = linear(light->color, light->intensity);
    l->visible = light->visible;
}


static pt_v3
centered(const body_t *b, const double p[3])
{
    return pt_vec((float) (p[0] - b->center[0]), (float) (p[1] - b->center[1]),
                  (float) (p[2] - b->center[2]));
}


static pt_v3
linear(const float srgb[3], float factor)
{
    return pt_scale(
        pt_vec(pt_linear(srgb[0]), pt_linear(srgb[1]), pt_linear(srgb[2])),
        factor);
}


static pt_v3
vector(const double v[3])
{
    return pt_vec((float) v[0], (float) v[1], (float) v[2]);
}
