#include "render-worker/render/sparse.h"

#include <string.h>

/* What the traced neighbours of a pixel show. */
typedef struct {
    pt_glow_t glow;  /* weighted sum over those that see tissue, as it does */
    double plain[3]; /* radiance of those that see none, as it does not, */
    double tissue;   /* their tissue, and */
    double none;     /* how many they are */
    double behind;   /* part of what is behind tissue that covers: their sum */
    double all;      /* how many there are */
} around_t;

static pt_pixel_t filled(const film_t *f, int32_t x, int32_t y);
static void look_around(const film_t *f, int64_t own, int64_t other,
                        around_t *a);
static double behind(const pt_pixel_t *p);
static pt_pixel_t lit(const pt_look_t *own, const around_t *a);
static pt_pixel_t unlit(const pt_look_t *own, const around_t *a);


pt_pixel_t
sparse_pixel(const film_t *f, int32_t x, int32_t y)
{
    return sparse_traced(f, x, y) ? f->pixel[(int64_t) y * f->width + x]
                                  : filled(f, x, y);
}


static pt_pixel_t
filled(const film_t *f, int32_t x, int32_t y)
{
    int64_t w = f->width, i = y * w + x;
    around_t a;
    pt_pixel_t p;
    double cover;

    memset(&a, 0, sizeof(a));

    if (x > 0) {
        look_around(f, i, i - 1, &a);
    }

    if (x + 1 < w) {
        look_around(f, i, i + 1, &a);
    }

    if (y > 0) {
        look_around(f, i, i - w, &a);
    }

    if (y + 1 < (int32_t) f->height) {
        look_around(f, i, i + w, &a);
    }

    p = f->look[i].depth < PT_FAR ? lit(f->look + i, &a)
                                  : unlit(f->look + i, &a);
    cover = a.behind / a.all;
    p.cover = p.tissue + (1 - p.tissue) * cover;

    return p;
}


static void
look_around(const film_t *f, int64_t own, int64_t other, around_t *a)
{
    const pt_look_t *look = f->look;
    const pt_pixel_t *p = f->pixel + other;
    int mine = look[own].depth < PT_FAR, its = look[other].depth < PT_FAR, c;
    float k;

    a->all++;
    a->behind += behind(p);

    if (mine && its) {
        k = pt_alike(pt_guide(look + own, f->voxel_mm),
                     pt_guide(look + other, f->voxel_mm), f->pixel_mm);
        a->glow =
            pt_glow_sum(a->glow, pt_glow(p, look + other, 1), k + SPARSE_OTHER);

    } else if (!mine && !its) {
        a->none++;
        a->tissue += p->tissue;

        for (c = 0; c < 3; c++) {
            a->plain[c] += p->radiance[c];
        }
    }
}


/* Part of what is behind the tissue that covers, 0..1. */
static double
behind(const pt_pixel_t *p)
{
    return p->tissue < 1 ? 1 - (1 - p->cover) / (1 - p->tissue) : 0;
}


/* Of a pixel that sees tissue: their light on its own. */
static pt_pixel_t
lit(const pt_look_t *own, const around_t *a)
{
    pt_pixel_t p = {.tissue = 0};
    pt_v3 light = own->behind;

    if (a->glow.cover > 0.0f) {
        light = pt_mul(pt_scale(a->glow.light, own->cover / a->glow.cover),
                       pt_filter_color(own));
        light = pt_along(light, own->behind, 1.0f - own->cover);
        p.tissue = (double) own->cover;
    }

    p.radiance[0] = (double) light.x;
    p.radiance[1] = (double) light.y;
    p.radiance[2] = (double) light.z;

    return p;
}


/* Of one that sees none, or a haze: their mean. */
static pt_pixel_t
unlit(const pt_look_t *own, const around_t *a)
{
    pt_pixel_t p = {.radiance = {(double) own->behind.x, (double) own->behind.y,
                                 (double) own->behind.z}};
    int c;

    if (a->none > 0) {
        p.tissue = a->tissue / a->none;

        for (c = 0; c < 3; c++) {
            p.radiance[c] = a->plain[c] / a->none;
        }
    }

    return p;
}
