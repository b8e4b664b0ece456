/* The medium at a point: voxels by trilinear lookup, then the transfer table.
 */

#ifndef PT_VOLUME_H
#define PT_VOLUME_H

#include "render-worker/render/kernel/pt_scene.h"

PT_FN pt_v3
pt_to_index(const pt_scene_t *s, pt_v3 p)
{
    const float *m = s->to_index;

    return pt_vec(m[0] * p.x + m[1] * p.y + m[2] * p.z + m[3],
                  m[4] * p.x + m[5] * p.y + m[6] * p.z + m[7],
                  m[8] * p.x + m[9] * p.y + m[10] * p.z + m[11]);
}

PT_FN pt_v3
pt_to_index_direction(const pt_scene_t *s, pt_v3 d)
{
    const float *m = s->to_index;

    return pt_vec(m[0] * d.x + m[1] * d.y + m[2] * d.z,
                  m[4] * d.x + m[5] * d.y + m[6] * d.z,
                  m[8] * d.x + m[9] * d.y + m[10] * d.z);
}

/* Cell number and fraction of a coordinate; the outer half voxel repeats. */
PT_FN int32_t
pt_split(float p, int32_t n, float *fraction)
{
    int32_t i;

    p = pt_min(pt_max(p, 0.0f), (float) (n - 1));
    i = (int32_t) p;
    i = i < n - 2 ? i : n - 2;
    *fraction = p - (float) i;

    return i;
}

/* 1 where a coordinate lies between voxels, else 0. */
PT_FN float
pt_inside(float p, int32_t n)
{
    return p >= 0.0f && p <= (float) (n - 1) ? 1.0f : 0.0f;
}

/* Voxel value at index position p, 0..65535; *rise: of the value along d, which
 * ends where the outer half voxel repeats. */
PT_FN float
pt_value_rise(const pt_scene_t *s, pt_v3 p, pt_v3 d, float *rise)
{
    float fx, fy, fz, g[3], value;
    int32_t x = pt_split(p.x, s->n[0], &fx);
    int32_t y = pt_split(p.y, s->n[1], &fy);
    int32_t z = pt_split(p.z, s->n[2], &fz);
    int64_t row = s->n[0], slice = row * s->n[1];

    value = pt_blend(s->voxels + z * slice + y * row + x, row, slice, fx, fy,
                     fz, g);
    *rise = pt_inside(p.x, s->n[0]) * g[0] * d.x +
            pt_inside(p.y, s->n[1]) * g[1] * d.y +
            pt_inside(p.z, s->n[2]) * g[2] * d.z;

    return value;
}

PT_FN float
pt_value(const pt_scene_t *s, pt_v3 p)
{
    float rise;

    return pt_value_rise(s, p, p, &rise);
}

/* Table entry below a voxel value, and the way to the next. */
PT_FN int32_t
pt_place(const pt_scene_t *s, float value, float *fraction)
{
    float x = (value - s->table_first) * s->table_scale;
    int32_t i;

    x = pt_min(pt_max(x, 0.0f), (float) (PT_TABLE - 1));
    i = (int32_t) x;
    *fraction = x - (float) i;

    return i;
}

/* Extinction of a voxel value, 1/mm. */
PT_FN float
pt_extinction(const pt_scene_t *s, float value)
{
    float f;
    int32_t i = pt_place(s, value, &f);

    return s->sigma[i].at + f * s->sigma[i].step;
}

PT_FN pt_material_t
pt_material(const pt_scene_t *s, float value)
{
    float f;
    int32_t i = pt_place(s, value, &f);
    const pt_material_t *a = s->material + i;
    const pt_material_t *b = s->material + (i + 1 < PT_TABLE ? i + 1 : i);
    pt_material_t m;

    m.color = pt_mix(a->color, b->color, f);
    m.specular = pt_mix(a->specular, b->specular, f);
    m.emission = pt_mix(a->emission, b->emission, f);
    m.roughness = a->roughness + f * (b->roughness - a->roughness);

    return m;
}

/* Voxels to either side that a gradient looks. One shows every slice as a ring
 * around slanted surfaces. */
#define PT_GRADIENT 1.7f

/* Gradient of the voxel value at index position p, per mm, patient axes. */
PT_FN pt_v3
pt_gradient(const pt_scene_t *s, pt_v3 p)
{
    const float *m = s->gradient, h = PT_GRADIENT;
    pt_v3 g;

    g.x = pt_value(s, pt_vec(p.x + h, p.y, p.z)) -
          pt_value(s, pt_vec(p.x - h, p.y, p.z));
    g.y = pt_value(s, pt_vec(p.x, p.y + h, p.z)) -
          pt_value(s, pt_vec(p.x, p.y - h, p.z));
    g.z = pt_value(s, pt_vec(p.x, p.y, p.z + h)) -
          pt_value(s, pt_vec(p.x, p.y, p.z - h));
    g = pt_scale(g, 0.5f / h);

    return pt_vec(m[0] * g.x + m[1] * g.y + m[2] * g.z,
                  m[3] * g.x + m[4] * g.y + m[5] * g.z,
                  m[6] * g.x + m[7] * g.y + m[8] * g.z);
}

#endif
