#include "render-worker/import/phantom.h"

#include <math.h>
#include <stddef.h>

enum {
    HU_AIR = -1000,
    HU_FAT = -90,
    HU_SKIN = 20,
    HU_FLUID = 8,
    HU_BRAIN = 36,
    HU_MUSCLE = 55,
    HU_BONE = 900,
    HU_TOOTH = 2000,
    HU_METAL = 2900
};

/* An ellipsoid in LPS mm: x to the left, y to the back, z to the head. */
typedef struct {
    double centre[3], radius[3];
    double hu;
} phantom_part_t;

/* Later parts lie over earlier ones. */
static const phantom_part_t phantom_head[] = {
    {{0, 8, -92}, {46, 50, 60}, HU_MUSCLE}, /* neck */
    {{0, -30, -44}, {58, 66, 66}, HU_SKIN}, /* face */
    {{0, 4, 20}, {74, 92, 84}, HU_SKIN},    /* head */
    {{0, -96, -20}, {11, 16, 20}, HU_SKIN}, /* nose */
    {{76, 12, -14}, {9, 17, 26}, HU_SKIN},  /* left ear, the larger */
    {{-75, 10, -16}, {7, 12, 19}, HU_SKIN}, /* right ear */
    {{0, 4, 20}, {69, 87, 79}, HU_BONE},    /* skull */
    {{0, 5, 21}, {62, 80, 72}, HU_FLUID},   /* around the brain */
    {{0, 5, 21}, {59, 77, 69}, HU_BRAIN},
    {{9, 2, 24}, {7, 26, 12}, HU_FLUID}, /* ventricles */
    {{-9, 2, 24}, {5, 26, 12}, HU_FLUID},
    {{0, -58, -34}, {44, 30, 26}, HU_BONE}, /* upper jaw and cheeks */
    {{0, -46, -36}, {34, 30, 28}, HU_MUSCLE},
    {{0, -38, -78}, {47, 46, 13}, HU_BONE}, /* lower jaw */
    {{0, -27, -76}, {38, 43, 18}, HU_MUSCLE},
    {{30, -66, -6}, {17, 20, 15}, HU_FAT}, /* eye sockets */
    {{-30, -66, -6}, {17, 20, 15}, HU_FAT},
    {{30, -70, -6}, {12, 12, 12}, HU_FLUID}, /* eyes */
    {{-30, -70, -6}, {12, 12, 12}, HU_FLUID},
    {{0, -74, -24}, {9, 26, 15}, HU_AIR},  /* nasal cavity */
    {{17, -68, -28}, {8, 12, 11}, HU_AIR}, /* sinuses, the left larger */
    {{-16, -67, -28}, {6, 9, 9}, HU_AIR},
    {{0, -8, -60}, {9, 9, 34}, HU_AIR},    /* airway */
    {{0, 34, -88}, {15, 15, 60}, HU_BONE}, /* spine */
    {{0, 36, -88}, {7, 7, 60}, HU_FLUID},
    {{58, -34, 42}, {7, 7, 7}, HU_METAL}}; /* a marker on the left */

/* Sizes differ from left to right, front to back and foot to head. */
static const phantom_part_t phantom_spheres[] = {
    {{50, 0, 0}, {30, 30, 30}, HU_BONE},
    {{-50, 0, 0}, {18, 18, 18}, HU_MUSCLE},
    {{0, -55, 20}, {14, 14, 14}, HU_TOOTH},
    {{0, 50, -40}, {24, 24, 24}, HU_FAT},
    {{0, 0, 70}, {20, 20, 20}, HU_BRAIN}};

static double phantom_over(double hu, const phantom_part_t *p,
                           const double at[3], double soft_mm);
static double phantom_teeth(double hu, const double at[3], double soft_mm);


double
phantom_hu(phantom_kind_t kind, const double at[3], double soft_mm)
{
    const phantom_part_t *parts = phantom_head;
    size_t n = sizeof phantom_head / sizeof *phantom_head;
    double hu = HU_AIR;

    if (kind == PHANTOM_SPHERES) {
        parts = phantom_spheres;
        n = sizeof phantom_spheres / sizeof *phantom_spheres;
    }

    for (size_t i = 0; i < n; i++) {
        hu = phantom_over(hu, &parts[i], at, soft_mm);
    }

    return kind == PHANTOM_HEAD ? phantom_teeth(hu, at, soft_mm) : hu;
}


/* Source of the mixing constants: splitmix64. */
double
phantom_noise(uint64_t seed, uint32_t slice, uint32_t pixel)
{
    uint64_t h = seed * 0x9e3779b97f4a7c15ull +
                 ((uint64_t) slice << 32 | pixel) + 0x9e3779b97f4a7c15ull;

    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
    h = (h ^ h >> 27) * 0x94d049bb133111ebull;
    h ^= h >> 31;

    return (double) (h >> 11) * 0x1p-53 * 16.0 - 8.0;
}


static double
phantom_over(double hu, const phantom_part_t *p, const double at[3],
             double soft_mm)
{
    double r2 = 0, d, least = INFINITY, t;

    for (int i = 0; i < 3; i++) {
        d = (at[i] - p->centre[i]) / p->radius[i];
        r2 += d * d;
        least = fmin(least, p->radius[i]);
    }

    /* Near the surface (1 - r) * radius is the depth in mm, closely enough. */
    t = (1.0 - sqrt(r2)) * least / soft_mm + 0.5;
    t = fmin(1.0, fmax(0.0, t));

    return hu + (p->hu - hu) * t;
}


/* Two rows of fourteen along the arch of the jaws. */
static double
phantom_teeth(double hu, const double at[3], double soft_mm)
{
    phantom_part_t tooth = {.radius = {3.6, 4.2, 7.5}, .hu = HU_TOOTH};
    double angle;

    if (at[2] > -40 || at[2] < -80 || at[1] > -30 || at[1] < -95) {
        return hu;
    }

    for (int i = 0; i < 28; i++) {
        angle = (i % 14 - 6.5) / 6.5 * 1.25;
        tooth.centre[0] = 34 * sin(angle);
        tooth.centre[1] = -46 - 36 * cos(angle);
        tooth.centre[2] = i < 14 ? -53 : -68;
        hu = phantom_over(hu, &tooth, at, soft_mm);
    }

    return hu;
}
