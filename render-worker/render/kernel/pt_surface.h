/*
 * An isosurface, lit: the surface of all that is s->level or more, in the
 * transfer function's colours, under every lamp and the sky. Shadows and
 * further bounces meet the same surface.
 */

#ifndef PT_SURFACE_H
#define PT_SURFACE_H

#include "render-worker/render/kernel/pt_look.h"
#include "render-worker/render/kernel/pt_path.h"
#include "render-worker/render/kernel/pt_solid.h"

/* Voxels that light begins above the surface, not to meet it at once. */
#define PT_LIFT 0.3f

/* Unit normal of what the ray met at p, towards where it came from. */
PT_FN pt_v3
pt_surface_normal(const pt_scene_t *s, pt_ray_t r, pt_v3 p, pt_hit_t hit)
{
    pt_v3 n = pt_scale(r.d, -1.0f), g;
    float length, depth, nearest = 0.01f * s->voxel_mm;
    int32_t i;

    if (hit == PT_CUT) {
        for (i = 0; i < s->n_planes; i++) {
            depth = fabsf(pt_dot(s->planes[i].normal, p) - s->planes[i].offset);

            if (depth < nearest && pt_dot(s->planes[i].normal, r.d) > 0.0f) {
                nearest = depth;
                n = pt_scale(s->planes[i].normal, -1.0f);
            }
        }

        return n;
    }

    g = pt_gradient(s, pt_to_index(s, p));
    length = pt_length(g);

    return length > 1e-6f && pt_dot(g, r.d) > 0.0f ? pt_scale(g, -1.0f / length)
                                                   : n;
}

PT_FN pt_event_t
pt_surface_event(const pt_scene_t *s, pt_ray_t r, float t, pt_hit_t hit)
{
    pt_event_t e;

    e.p = pt_along(r.o, r.d, t);
    e.wo = pt_scale(r.d, -1.0f);
    e.n = pt_surface_normal(s, r, e.p, hit);
    e.m = pt_material(s, hit == PT_CUT ? pt_value(s, pt_to_index(s, e.p))
                                       : s->level);
    e.p = pt_along(e.p, e.n, PT_LIFT * s->voxel_mm);
    e.surface = 1;
    e.glossy = e.m.roughness < PT_GLOSSY && pt_max3(e.m.specular) > 0.0f;
    e.marched = 0;

    return e;
}

PT_FN pt_look_t
pt_surface_look(const pt_scene_t *s, pt_ray_t r)
{
    pt_look_t look;
    pt_event_t e;
    pt_hit_t hit;
    int32_t lamp;
    float limit = pt_visible_lamp(s, r, &lamp);

    memset(&look, 0, sizeof(look));
    look.depth = PT_FAR;
    look.normal = pt_scale(r.d, -1.0f);
    look.behind = pt_background(s, r.d, lamp).radiance;
    hit = pt_solid(s, r, limit, &look.depth);

    if (hit != PT_MISS) {
        e = pt_surface_event(s, r, look.depth, hit);
        look.cover = look.firm = 1.0f;
        look.mean = look.depth;
        look.color = e.m.color;
        look.normal = e.n;
    }

    return look;
}

/* Emission, and lamps that the surface does not hide. */
PT_FN pt_v3
pt_surface_lit(const pt_scene_t *s, const pt_event_t *e, uint32_t dim,
               const pt_random_t *random)
{
    pt_v3 light = e->m.emission, more;
    float limit, t;
    pt_ray_t r;
    int32_t i;

    for (i = 0; i < s->n_lamps; i++) {
        more =
            pt_lamp_light(s, e, &s->lamps[i], dim + PT_DIM_LAMP + (uint32_t) i,
                          random, &r, &limit);

        if (pt_max3(more) > 0.0f && pt_solid(s, r, limit, &t) == PT_MISS) {
            light = pt_add(light, more);
        }
    }

    return light;
}

PT_FN pt_sample_t
pt_surface(const pt_scene_t *s, int32_t x, int32_t y, uint32_t sample)
{
    pt_random_t random =
        pt_random(s->seed, (uint32_t) (y * s->width + x), sample);
    pt_ray_t r = pt_primary(s, x, y, &random);
    pt_v3 through = pt_vec(1.0f, 1.0f, 1.0f), light, weight;
    float t, lobe, unused, pdf;
    uint32_t bounce, dim;
    pt_sample_t out;
    pt_event_t e;
    pt_hit_t hit;
    int32_t lamp;

    t = pt_visible_lamp(s, r, &lamp);
    out = pt_background(s, r.d, lamp);
    hit = pt_solid(s, r, t, &t);

    if (hit == PT_MISS) {
        return out;
    }

    out.radiance = pt_vec(0.0f, 0.0f, 0.0f);
    out.cover = out.tissue = 1.0f;

    for (bounce = 0;; bounce++) {
        dim = PT_DIM_BOUNCE + bounce * PT_DIMS_A_BOUNCE;
        pt_random_pair(&random, dim + PT_DIM_LOBE, &unused, &lobe);
        e = pt_surface_event(s, r, t, hit);
        light = pt_surface_lit(s, &e, dim, &random);
        out.radiance = pt_add(out.radiance, pt_mul(through, light));

        r.o = e.p;
        pdf = pt_turn_sample(s, &e, &random, dim, lobe, &r.d, &weight);
        through = pt_mul(through, weight);

        if (!pt_survives(&through, bounce, &random)) {
            return out;
        }

        hit = pt_solid(s, r, PT_FAR, &t);
        light = hit == PT_MISS ? pt_sky(s, r.d) : pt_vec(0.0f, 0.0f, 0.0f);

        if (e.glossy) {
            light = pt_add(
                light, pt_lamps_met(s, r, hit == PT_MISS ? PT_FAR : t, pdf));
        }

        out.radiance = pt_add(out.radiance, pt_mul(through, light));

        if (hit == PT_MISS || bounce >= s->max_bounces) {
            return out;
        }
    }
}

#endif
