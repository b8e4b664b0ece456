/* A collision: where, of what, and how it turns light. */

#ifndef PT_EVENT_H
#define PT_EVENT_H

#include "render-worker/render/kernel/pt_volume.h"

/* Rougher than this, lamps are found well enough by asking them. */
#define PT_GLOSSY 0.35f

/* How deep below a cut its plane is still what one sees, in voxels. */
#define PT_CUT_VOXELS 1.5f

/* A collision, ready to be lit. */
typedef struct {
    pt_v3 p, wo, n;
    pt_material_t m;
    int surface; /* else phase */
    int glossy;
    int marched; /* shadows from here; else tracked */
} pt_event_t;

/* Unit normal against the gradient or of the cut that p lies at, towards wo.
 * Returns the chance that the collision is a surface. */
PT_FN float
pt_normal(const pt_scene_t *s, pt_v3 p, pt_v3 wo, pt_v3 *n)
{
    float depth, length, nearest = PT_CUT_VOXELS * s->voxel_mm;
    int32_t i, cut = -1;
    pt_v3 g;

    for (i = 0; i < s->n_planes; i++) {
        if (!s->planes[i].cut) {
            continue;
        }

        depth = pt_dot(s->planes[i].normal, p) - s->planes[i].offset;

        /* The inward normal: the cut that one looks into has it against wo. */
        if (depth < nearest && pt_dot(s->planes[i].normal, wo) < 0.0f) {
            nearest = depth;
            cut = i;
        }
    }

    if (cut >= 0) {
        *n = pt_scale(s->planes[cut].normal, -1.0f);
        return 1.0f;
    }

    g = pt_gradient(s, pt_to_index(s, p));
    length = pt_length(g);

    if (!(length > 1e-6f)) {
        *n = wo;
        return 0.0f;
    }

    *n = pt_scale(g, pt_dot(g, wo) > 0.0f ? 1.0f / length : -1.0f / length);

    return 1.0f -
           expf(-s->gradient_factor * length * s->voxel_mm * s->inv_range);
}

PT_FN pt_event_t
pt_event(const pt_scene_t *s, pt_ray_t r, float t, float value, float choose)
{
    pt_event_t e;
    float chance;

    e.p = pt_along(r.o, r.d, t);
    e.wo = pt_scale(r.d, -1.0f);
    e.n = e.wo;
    e.m = pt_material(s, value);
    e.surface = 0;
    e.marched = 0;

    if (s->shading != PT_PHASE) {
        chance = pt_normal(s, e.p, e.wo, &e.n);
        e.surface = s->shading == PT_BRDF || choose < chance;
    }

    e.glossy =
        e.surface && e.m.roughness < PT_GLOSSY && pt_max3(e.m.specular) > 0.0f;

    return e;
}

#endif
