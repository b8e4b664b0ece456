/*
 * A surface: Lambert below a GGX microfacet layer. What the layer reflects on
 * the way in and out is taken from the Lambert part, so no more light leaves
 * than came; both parts are reciprocal. Directions point away from the surface,
 * n is on the side of wo. Source: Walter et al., 2007; Heitz, 2018 (visible
 * normals); Schlick, 1994.
 */

#ifndef PT_BRDF_H
#define PT_BRDF_H

#include "render-worker/render/kernel/pt_scene.h"

PT_FN float
pt_alpha(float roughness)
{
    return pt_max(roughness * roughness, 2e-3f);
}

/* A layer of no specular colour is no layer: grazing light passes too. */
PT_FN pt_v3
pt_fresnel(pt_v3 specular, float cos_theta)
{
    float c = 1.0f - pt_min(pt_max(cos_theta, 0.0f), 1.0f);
    float grazing = pt_min(25.0f * pt_max3(specular), 1.0f);
    float c5 = c * c * c * c * c;

    return pt_mix(specular, pt_vec(grazing, grazing, grazing), c5);
}

PT_FN float
pt_ggx_d(float cos_h, float alpha)
{
    float a2 = alpha * alpha, k = cos_h * cos_h * (a2 - 1.0f) + 1.0f;

    return a2 * PT_INV_PI / (k * k);
}

/* Smith masking divided by 2 cos: lambda form. */
PT_FN float
pt_ggx_g1(float cos_v, float alpha)
{
    float a2 = alpha * alpha;

    return 2.0f * cos_v / (cos_v + sqrtf(a2 + (1.0f - a2) * cos_v * cos_v));
}

/* Chance of taking the microfacet lobe when sampling. */
PT_FN float
pt_specular_chance(const pt_material_t *m, float cos_o)
{
    float f, k;

    if (pt_max3(m->specular) <= 0.0f) {
        return 0.0f;
    }

    f = pt_luminance(pt_fresnel(m->specular, cos_o));
    k = pt_luminance(m->color) * (1.0f - f);

    return pt_min(pt_max(f / (f + k + 1e-6f), 0.1f), 0.9f);
}

/* Value, 1/sr, cosine not included. Density of pt_brdf_sample in *pdf, 1/sr. */
PT_FN pt_v3
pt_brdf(const pt_material_t *m, pt_v3 n, pt_v3 wo, pt_v3 wi, float *pdf)
{
    float no = pt_max(pt_dot(n, wo), 1e-4f), ni = pt_dot(n, wi);
    float chance, alpha, d, nh, g1, g2;
    pt_v3 h, fo, fi, fh, k;

    if (ni <= 0.0f) {
        *pdf = 0.0f;
        return pt_vec(0.0f, 0.0f, 0.0f);
    }

    chance = pt_specular_chance(m, no);
    *pdf = (1.0f - chance) * ni * PT_INV_PI;

    if (chance == 0.0f) {
        return pt_scale(m->color, PT_INV_PI);
    }

    fo = pt_fresnel(m->specular, no);
    fi = pt_fresnel(m->specular, ni);
    k = pt_mul(pt_vec(1.0f - fo.x, 1.0f - fo.y, 1.0f - fo.z),
               pt_vec(1.0f - fi.x, 1.0f - fi.y, 1.0f - fi.z));
    k = pt_scale(pt_mul(m->color, k), PT_INV_PI);

    h = pt_unit(pt_add(wo, wi));
    nh = pt_dot(n, h);
    alpha = pt_alpha(m->roughness);
    d = pt_ggx_d(nh, alpha);
    g1 = pt_ggx_g1(no, alpha);
    /* Height-correlated masking: 1 / (1 + lambda_o + lambda_i). */
    g2 = 1.0f / (1.0f / g1 + 1.0f / pt_ggx_g1(ni, alpha) - 1.0f);
    fh = pt_fresnel(m->specular, pt_dot(wo, h));

    *pdf += chance * g1 * d / (4.0f * no);

    return pt_add(k, pt_scale(fh, d * g2 / (4.0f * no * ni)));
}

/* A normal as seen from wo; frame: z is n. */
PT_FN pt_v3
pt_ggx_visible(pt_v3 wo, float alpha, float u, float v)
{
    pt_v3 e = pt_unit(pt_vec(alpha * wo.x, alpha * wo.y, wo.z)), a, b, h;
    float l2 = e.x * e.x + e.y * e.y, x, y, s;

    a = l2 > 1e-12f ? pt_scale(pt_vec(-e.y, e.x, 0.0f), 1.0f / sqrtf(l2))
                    : pt_vec(1.0f, 0.0f, 0.0f);
    b = pt_cross(e, a);
    pt_disk(u, v, &x, &y);
    s = 0.5f * (1.0f + e.z);
    y = (1.0f - s) * sqrtf(pt_max(1.0f - x * x, 0.0f)) + s * y;
    h = pt_add(pt_add(pt_scale(a, x), pt_scale(b, y)),
               pt_scale(e, sqrtf(pt_max(1.0f - x * x - y * y, 0.0f))));

    return pt_unit(pt_vec(alpha * h.x, alpha * h.y, pt_max(h.z, 1e-6f)));
}

/* choose in [0, 1) takes the lobe. May give a direction below the surface,
 * whose value is 0. */
PT_FN pt_v3
pt_brdf_sample(const pt_material_t *m, pt_v3 n, pt_v3 wo, float choose, float u,
               float v)
{
    float x, y, chance = pt_specular_chance(m, pt_max(pt_dot(n, wo), 1e-4f));
    pt_v3 a, b, h, local;

    if (choose >= chance) {
        pt_disk(u, v, &x, &y);

        return pt_from_frame(
            n, pt_vec(x, y, sqrtf(pt_max(1.0f - x * x - y * y, 1e-12f))));
    }

    pt_frame(n, &a, &b);
    local = pt_vec(pt_dot(a, wo), pt_dot(b, wo), pt_max(pt_dot(n, wo), 1e-4f));
    local = pt_unit(local);
    h = pt_ggx_visible(local, pt_alpha(m->roughness), u, v);
    h = pt_add(pt_add(pt_scale(a, h.x), pt_scale(b, h.y)), pt_scale(n, h.z));

    return pt_sub(pt_scale(h, 2.0f * pt_dot(wo, h)), wo);
}

#endif
