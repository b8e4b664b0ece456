/*
 * Rectangular lamps and the sky. A lamp's radiance is that of its face; it does
 * not hide what is behind it from anything but the camera.
 */

#ifndef PT_LIGHT_H
#define PT_LIGHT_H

#include "render-worker/render/kernel/pt_scene.h"

/* Even over the face, from (u, v) in [0, 1)^2. */
PT_FN pt_v3
pt_lamp_sample(const pt_lamp_t *l, float u, float v)
{
    return pt_along(pt_along(l->center, l->u, 2.0f * u - 1.0f), l->v,
                    2.0f * v - 1.0f);
}

/*
 * Density, 1/sr, with which pt_lamp_sample gives a point of the face, seen from
 * `distance` mm along unit direction d. 0: the dark side.
 */
PT_FN float
pt_lamp_density(const pt_lamp_t *l, pt_v3 d, float distance)
{
    float c = -pt_dot(l->normal, d);

    return c > 1e-6f ? distance * distance / (l->area * c) : 0.0f;
}

/* Distance along the ray to the lamp's bright face, or PT_FAR. */
PT_FN float
pt_lamp_hit(const pt_lamp_t *l, pt_ray_t r)
{
    float c = pt_dot(l->normal, r.d), t;
    pt_v3 p;

    if (c >= -1e-6f) {
        return PT_FAR;
    }

    t = pt_dot(l->normal, pt_sub(l->center, r.o)) / c;
    if (t <= 0.0f) {
        return PT_FAR;
    }

    p = pt_sub(pt_along(r.o, r.d, t), l->center);

    if (fabsf(pt_dot(p, l->u)) > pt_dot(l->u, l->u) ||
        fabsf(pt_dot(p, l->v)) > pt_dot(l->v, l->v)) {
        return PT_FAR;
    }

    return t;
}

/* Radiance of the sky where a ray of direction d ends; +z is the top. */
PT_FN pt_v3
pt_sky(const pt_scene_t *s, pt_v3 d)
{
    return d.z >= 0.0f ? pt_mix(s->sky_middle, s->sky_top, d.z)
                       : pt_mix(s->sky_middle, s->sky_bottom, -d.z);
}

#endif
