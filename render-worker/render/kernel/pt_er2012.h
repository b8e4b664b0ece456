/*
 * The estimator of Exposure Render 1.1 (Kroes, Post and Botha, 2012), to be
 * compared with: marches of one stride everywhere, from a random start, to a
 * random depth; one light of all at random, asked for by one of its points and
 * by one direction of the surface's; numbers that are not stratified; one
 * collision. Its pictures are some 2 % too bright, as the stride passes what
 * is thin. What its release did wrong otherwise (densities that are not those
 * of the samples) is right here, so that the two can be compared.
 */

#ifndef PT_ER2012_H
#define PT_ER2012_H

#include "render-worker/render/kernel/pt_woodcock.h"

/* Its glossiest surface. */
#define PT_BLINN_MOST 250.0f

/* The first collision within [0, limit] mm, as pt_track. */
PT_BIG int
pt_er2012_march(const pt_scene_t *s, pt_ray_t r, float limit,
                pt_random_t *random, float *t_hit, float *value)
{
    float t0 = 0.0f, t1 = limit, t, depth = 0.0f, target, u, v;
    pt_walk_t w;

    if (!pt_interval(s, r, &t0, &t1)) {
        return 0;
    }

    w = pt_walk(s, r, t0);
    t1 -= t0;
    pt_random_two(random, &u, &v);
    target = pt_minus_log(u);

    for (t = v * s->stride_mm; t < t1; t += s->stride_mm) {
        *value = pt_value_at(s, &w, t);
        depth += s->stride_mm * pt_extinction(s, *value);

        if (depth >= target) {
            *t_hit = t0 + t;
            return 1;
        }
    }

    return 0;
}

/* Of the lobe as wide as that of pt_brdf. */
PT_FN float
pt_blinn_exponent(float roughness)
{
    float alpha = pt_alpha(roughness);

    return pt_min(2.0f / (alpha * alpha) - 2.0f, PT_BLINN_MOST);
}

/*
 * Lambert and, beside it, microfacets of Blinn's distribution between V-shaped
 * grooves, without Fresnel; cosine of wi included. Density of
 * pt_blinn_sample in *pdf, 1/sr. Source: Torrance and Sparrow, 1967; Blinn,
 * 1977.
 */
PT_FN pt_v3
pt_blinn(const pt_material_t *m, pt_v3 n, pt_v3 wo, pt_v3 wi, float *pdf)
{
    float no = pt_max(pt_dot(n, wo), 1e-4f), ni = pt_dot(n, wi);
    float e = pt_blinn_exponent(m->roughness), nh, oh, lobe, groove;
    pt_v3 h;

    if (ni <= 0.0f) {
        *pdf = 0.0f;
        return pt_vec(0.0f, 0.0f, 0.0f);
    }

    h = pt_unit(pt_add(wo, wi));
    nh = pt_max(pt_dot(n, h), 0.0f);
    oh = pt_max(pt_dot(wo, h), 1e-4f);
    lobe = powf(nh, e) * (0.5f * PT_INV_PI);
    groove = pt_min(1.0f, 2.0f * nh * pt_min(no, ni) / oh);
    *pdf = 0.5f * (ni * PT_INV_PI + (e + 1.0f) * lobe / (4.0f * oh));

    return pt_along(pt_scale(m->color, ni * PT_INV_PI), m->specular,
                    (e + 2.0f) * lobe * groove / (4.0f * no));
}

/* choose in [0, 1): which of the two; may give a direction below. */
PT_FN pt_v3
pt_blinn_sample(const pt_material_t *m, pt_v3 n, pt_v3 wo, float choose,
                float u, float v)
{
    float x, y, c, k, phi = 2.0f * PT_PI * v;
    pt_v3 h;

    if (choose < 0.5f) {
        pt_disk(u, v, &x, &y);

        return pt_from_frame(
            n, pt_vec(x, y, sqrtf(pt_max(1.0f - x * x - y * y, 1e-12f))));
    }

    c = powf(u, 1.0f / (pt_blinn_exponent(m->roughness) + 1.0f));
    k = sqrtf(pt_max(1.0f - c * c, 0.0f));
    h = pt_from_frame(n, pt_vec(k * cosf(phi), k * sinf(phi), c));

    return pt_sub(pt_scale(h, 2.0f * pt_dot(wo, h)), wo);
}

/* Light turned from wi to wo, cosine included, and the density of
 * pt_er2012_turn_sample. */
PT_FN pt_v3
pt_er2012_turn(const pt_event_t *e, pt_v3 wi, float *pdf)
{
    if (!e->surface) {
        *pdf = PT_INV_4PI;

        return pt_scale(e->m.color, PT_INV_4PI);
    }

    return pt_blinn(&e->m, e->n, e->wo, wi, pdf);
}

PT_FN pt_v3
pt_er2012_turn_sample(const pt_event_t *e, float choose, float u, float v)
{
    return e->surface ? pt_blinn_sample(&e->m, e->n, e->wo, choose, u, v)
                      : pt_hg_sample(e->wo, 0.0f, u, v);
}

/* Radiance of a light along r, its distance, and the density, 1/sr, with which
 * it is asked for in this direction; lamp: or, after the last, the sky. */
PT_FN pt_v3
pt_er2012_light(const pt_scene_t *s, int32_t lamp, pt_ray_t r, float *distance,
                float *density)
{
    if (lamp == s->n_lamps) {
        *distance = PT_FAR;
        *density = PT_INV_4PI;

        return pt_sky(s, r.d);
    }

    *distance = pt_lamp_hit(&s->lamps[lamp], r);

    if (*distance >= PT_FAR) {
        *density = 0.0f;
        return pt_vec(0.0f, 0.0f, 0.0f);
    }

    *density = pt_lamp_density(&s->lamps[lamp], r.d, *distance);

    return s->lamps[lamp].radiance;
}

/* What light that has crossed the tissue brings when the direction was found
 * with density `mine`, and might have been with `other`. */
PT_FN pt_v3
pt_er2012_brought(const pt_scene_t *s, pt_v3 light, pt_ray_t r, float distance,
                  float mine, float other, pt_random_t *random)
{
    float t, value;

    if (!(mine > 0.0f) || !(pt_max3(light) > 0.0f) ||
        pt_er2012_march(s, r, distance, random, &t, &value)) {
        return pt_vec(0.0f, 0.0f, 0.0f);
    }

    return pt_scale(light, pt_power(mine, other) / mine);
}

/* What one light of all sends through a collision to wo, for all of them. */
PT_BIG pt_v3
pt_er2012_lit(const pt_scene_t *s, const pt_event_t *e, pt_random_t *random)
{
    float u, v, lobe, distance, density, pdf;
    pt_v3 light, sum;
    int32_t lamp;
    pt_ray_t r;

    pt_random_two(random, &u, &v);
    lamp = pt_one_light(s, v);
    lobe = u;

    pt_random_two(random, &u, &v);
    r.o = e->p;

    if (lamp < s->n_lamps) {
        density = pt_to_lamp(e, &s->lamps[lamp], u, v, &r, &distance);
        light = s->lamps[lamp].radiance;

    } else {
        r.d = pt_hg_sample(e->wo, 0.0f, u, v);
        light = pt_er2012_light(s, lamp, r, &distance, &density);
    }

    light = pt_mul(light, pt_er2012_turn(e, r.d, &pdf));
    sum = pt_er2012_brought(s, light, r, distance, density, pdf, random);

    pt_random_two(random, &u, &v);
    r.d = pt_er2012_turn_sample(e, lobe, u, v);
    light = pt_er2012_light(s, lamp, r, &distance, &density);
    light = pt_mul(light, pt_er2012_turn(e, r.d, &pdf));
    sum = pt_add(
        sum, pt_er2012_brought(s, light, r, distance, pdf, density, random));

    return pt_scale(sum, (float) (s->n_lamps + 1));
}

PT_FN pt_sample_t
pt_er2012(const pt_scene_t *s, int32_t x, int32_t y, uint32_t sample)
{
    pt_random_t random =
        pt_random_plain(s->seed, (uint32_t) (y * s->width + x), sample);
    pt_ray_t r = pt_primary(s, x, y, &random);
    float t, value, choose, unused;
    pt_sample_t out;
    pt_event_t e;
    int32_t lamp;

    t = pt_visible_lamp(s, r, &lamp);
    out = pt_background(s, r.d, lamp);

    if (pt_er2012_march(s, r, t, &random, &t, &value)) {
        pt_random_two(&random, &choose, &unused);
        e = pt_event(s, r, t, value, choose);
        out.radiance = pt_add(e.m.emission, pt_er2012_lit(s, &e, &random));
        out.cover = out.tissue = 1.0f;
    }

    return out;
}

#endif
