/*
 * Group 3 of the renderer's tests: no point of a cell exceeds its upper bound
 * or falls below its lower one, for random volumes, transfer functions and
 * cuts, edit after edit; and rays are cut where the settings say.
 */

#include "t/render/medium.h"
#include "t/unit/check.h"

#define POINTS 10000000 /* in all */
#define ROUNDS 40

static const uint32_t dims[][3] = {
    {64, 33, 17}, {5, 70, 9}, {1, 40, 40}, {130, 4, 70}};

/* Spikes, so that empty blocks of every size occur, or noise everywhere. */
static uint16_t *
speckle(const expo_volume_t *v, double filled)
{
    uint16_t *voxels = test_voxels(v, 0);
    size_t i, n = (size_t) expo_volume_voxels(v);

    for (i = 0; i < n; i++) {
        if (drand48() < filled) {
            voxels[i] = (uint16_t) (drand48() * 65535);
        }
    }

    return voxels;
}

static void
edit_transfer(expo_settings_t *s, int smooth)
{
    uint32_t i;

    s->transfer.n_points = 2 + (uint32_t) (drand48() * (EXPO_POINTS_MAX - 2));
    s->transfer.smooth = smooth;
    s->transfer.density_scale = (float) exp(12 * drand48() - 7);

    for (i = 0; i < s->transfer.n_points; i++) {
        s->transfer.points[i].value =
            65000.0 * (i + 0.9 * drand48()) / s->transfer.n_points;
        s->transfer.points[i].opacity =
            i == 0 || drand48() < 0.3 ? 0 : (float) drand48();
    }
}

static pt_v3
somewhere(const expo_volume_t *v)
{
    return pt_vec((float) (drand48() * v->dims[0] - 0.5),
                  (float) (drand48() * v->dims[1] - 0.5),
                  (float) (drand48() * v->dims[2] - 0.5));
}

/* Upper bound at an index position, as a walk finds it, and the cell. */
static float
bound_at(pt_v3 index, int32_t *cell)
{
    pt_walk_t w;
    float end;

    w.o = index;
    w.co = pt_scale(index, 1.0f / PT_CELL);
    w.d = w.cd = w.inverse = pt_vec(1, 1, 1);
    w.nudge = 0;

    return pt_bound(&scene.pt, &w, 0.0f, &end, cell);
}

/* The lower bound that tells how evenly a march may step. */
static float
least_in(const range_t *r, int32_t cell)
{
    span_t span;

    cells_span(&body.grid, r, scene.pt.table_first, scene.pt.table_scale,
               (size_t) cell, 1, &span);

    return span.least;
}

static void
no_point_leaves_the_bounds_of_its_cell(void)
{
    int over = 0, under = 0, hidden = 0, round;
    uint32_t i, n = test_count(POINTS) / ROUNDS;
    expo_settings_t s = test_settings();
    static range_t range;
    expo_volume_t v;
    uint16_t *voxels;
    float bound, sigma;
    int32_t cell;
    pt_v3 p;

    srand48(5);

    for (round = 0; round < ROUNDS; round++) {
        v = test_volume(dims[round % 4][0], dims[round % 4][1],
                        dims[round % 4][2]);
        voxels = speckle(&v, round % 3 ? 0.5 : 0.002);
        edit_transfer(&s, round % 8 < 4);
        medium_open(&v, voxels, &s);
        range_make(&range, scene.sigma);

        for (i = 0; i < n; i++) {
            p = somewhere(&v);
            sigma = pt_extinction(&scene.pt, pt_value(&scene.pt, p));
            bound = bound_at(p, &cell);
            over += sigma > bound;
            hidden += bound <= 0.0f && sigma != 0.0f;
            /* Interpolation may round one step down. */
            under += sigma < least_in(&range, cell) * 0.99999f;
        }

        medium_close();
        free(voxels);
    }

    check(over == 0);
    check(hidden == 0);
    check(under == 0);
}

/* Tables are of the transfer function, bounds of what the technique shows of
 * it; whatever else changes leaves both. */
static void
only_what_changed_is_made_anew(void)
{
    expo_volume_t v = test_volume(20, 24, 18);
    expo_settings_t s = test_settings();
    uint16_t *voxels = speckle(&v, 0.01);

    memset(&scene, 0, sizeof(scene));
    medium_open(&v, voxels, &s);
    check(scene.tables == 1 && scene.bounds == 1);

    s.camera.position[0] += 5;
    s.clip.box_min[1] += 2;
    s.environment.intensity = 3;
    s.shading.max_bounces = 4;
    scene_set(&scene, &body, &s);
    check(scene.tables == 1 && scene.bounds == 1);

    s.transfer.points[1].color[1] = 0.25f;
    scene_set(&scene, &body, &s);
    check(scene.tables == 2 && scene.bounds == 2);

    s.technique.mode = EXPO_ISOSURFACE;
    scene_set(&scene, &body, &s);
    check(scene.tables == 2 && scene.bounds == 3);

    s.transfer.points[1].color[1] = 0.5f;
    scene_set(&scene, &body, &s);
    check(scene.tables == 3 && scene.bounds == 3);

    s.technique.isovalue = 77;
    scene_set(&scene, &body, &s);
    check(scene.tables == 3 && scene.bounds == 4);

    s.technique.mode = EXPO_SLICE;
    scene_set(&scene, &body, &s);
    s.technique.mode = EXPO_AVERAGE;
    scene_set(&scene, &body, &s);
    check(scene.tables == 3 && scene.bounds == 5);

    medium_close();
    free(voxels);
}

/* Bounds are those of the last edit alone, whatever came before. */
static void
edits_leave_nothing_of_earlier_bounds(void)
{
    expo_volume_t v = test_volume(40, 50, 30);
    expo_settings_t s = test_settings();
    uint16_t *voxels = speckle(&v, 0.01);
    scene_t *fresh = calloc(1, sizeof(*fresh));
    size_t cells;
    body_t other;
    int i, apart = 0;

    srand48(6);
    medium_open(&v, voxels, &s);
    cells = (size_t) body.grid.cells[0] * (size_t) body.grid.cells[1] *
            (size_t) body.grid.cells[2];

    for (i = 0; i < 200; i++) {
        edit_transfer(&s, i % 2);

        if (i % 5 == 0) {
            s.transfer.density_scale = 0;
        }

        s.technique.mode = i % 3 == 0   ? EXPO_ISOSURFACE
                           : i % 7 == 0 ? EXPO_MIP
                                        : EXPO_PATH;
        s.technique.isovalue = 10 * i;
        scene_set(&scene, &body, &s);
        body_open(&other, &v, voxels);
        scene_set(fresh, &other, &s);
        apart += memcmp(body.grid.cell, other.grid.cell,
                        cells * sizeof(*body.grid.cell)) != 0;
        apart += memcmp(scene.pt.planes, fresh->pt.planes,
                        sizeof(scene.pt.planes)) != 0;
        apart += memcmp(scene.sigma, fresh->sigma, sizeof(scene.sigma)) != 0;
        apart += scene.pt.majorant != fresh->pt.majorant;
        body_close(&other);
    }

    check(apart == 0);
    medium_close();
    free(fresh);
    free(voxels);
}

static int
kept(const expo_settings_t *s, const double p[3], double margin)
{
    double along;
    uint32_t i;
    int axis;

    for (axis = 0; axis < 3; axis++) {
        if (p[axis] < s->clip.box_min[axis] + margin ||
            p[axis] > s->clip.box_max[axis] - margin) {
            return 0;
        }
    }

    for (i = 0; i < s->clip.n_planes; i++) {
        for (axis = 0, along = 0; axis < 3; axis++) {
            along += (double) s->clip.planes[i].normal[axis] * p[axis];
        }

        if (s->clip.planes[i].enabled &&
            along < (double) s->clip.planes[i].offset_mm + margin) {
            return 0;
        }
    }

    return 1;
}

static void
edit_clip(expo_settings_t *s)
{
    expo_plane_t *q;
    double length;
    uint32_t i;
    int axis;

    for (axis = 0; axis < 3; axis++) {
        s->clip.box_min[axis] = -25 * drand48();
        s->clip.box_max[axis] = 25 * drand48();
    }

    s->clip.n_planes = (uint32_t) (drand48() * (EXPO_PLANES_MAX + 1));

    for (i = 0; i < s->clip.n_planes; i++) {
        q = &s->clip.planes[i];
        q->enabled = drand48() < 0.7;
        q->offset_mm = (float) (-12 * drand48());

        for (axis = 0, length = 0; axis < 3; axis++) {
            q->normal[axis] = (float) (drand48() - 0.5);
            length += (double) q->normal[axis] * (double) q->normal[axis];
        }

        for (axis = 0; axis < 3; axis++) {
            q->normal[axis] /= (float) sqrt(length);
        }
    }
}

/*
 * Of a ray, what tracking walks is what the settings keep: every point of it
 * is kept, and tissue that is kept lies in it. Within 1e-3 mm of a cut either
 * is right.
 */
static void
rays_are_cut_where_the_settings_say(void)
{
    uint32_t i, n = test_count(200000);
    int axis, outside = 0, lost = 0, round, tissue, within;
    expo_settings_t s = test_settings();
    expo_volume_t v = test_volume(40, 30, 36);
    uint16_t *voxels;
    float t0, t1, t;
    double p[3], q[3];
    pt_ray_t r;

    srand48(7);
    voxels = speckle(&v, 0.001);
    medium_open(&v, voxels, &s);

    for (round = 0; round < 50; round++) {
        edit_transfer(&s, 0);
        edit_clip(&s);
        scene_set(&scene, &body, &s);

        for (i = 0; i < n / 50; i++) {
            r = medium_ray(60 * (drand48() - 0.5), 60 * (drand48() - 0.5),
                           60 * (drand48() - 0.5), drand48() - 0.5,
                           drand48() - 0.5, drand48() - 0.5);
            t = 70 * (float) drand48();
            t0 = 0;
            t1 = PT_FAR;
            within = pt_interval(&scene.pt, r, &t0, &t1) && t > t0 && t < t1;

            for (axis = 0; axis < 3; axis++) {
                p[axis] = (double) ((&r.o.x)[axis] + t * (&r.d.x)[axis]);
                q[axis] = fabs(p[axis]) - 0.5 * v.dims[axis];
            }

            tissue = q[0] < -1e-3 && q[1] < -1e-3 && q[2] < -1e-3 &&
                     pt_extinction(
                         &scene.pt,
                         pt_value(&scene.pt,
                                  pt_to_index(&scene.pt,
                                              pt_along(r.o, r.d, t)))) > 1e-5f;
            outside += within && (!kept(&s, p, -1e-3) ||
                                  fmax(q[0], fmax(q[1], q[2])) > 1e-3);
            lost += !within && tissue && kept(&s, p, 1e-3);
        }
    }

    check(outside == 0);
    check(lost == 0);
    medium_close();
    free(voxels);
}

int
main(void)
{
    no_point_leaves_the_bounds_of_its_cell();
    only_what_changed_is_made_anew();
    edits_leave_nothing_of_earlier_bounds();
    rays_are_cut_where_the_settings_say();

    return done();
}
