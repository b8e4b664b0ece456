/*
 * A head made of formulas, for tests and for where no real scan can be had.
 * Left and right differ on purpose: a picture that swaps them shows it.
 */

#ifndef EXPO_PHANTOM_H
#define EXPO_PHANTOM_H

#include <stdint.h>

typedef enum { PHANTOM_HEAD, PHANTOM_SPHERES } phantom_kind_t;

/* HU at a point, LPS mm from the centre; edges blend over soft_mm. */
double phantom_hu(phantom_kind_t kind, const double at[3], double soft_mm);

/* -8..8 HU, the same for the same arguments. */
double phantom_noise(uint64_t seed, uint32_t slice, uint32_t pixel);

#endif
