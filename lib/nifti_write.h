/*
 * NIfTI-1 in one file (.nii), little-endian: a volume for other programs, its
 * values as lib/nrrd.h makes them. LPS becomes RAS; the sform places it.
 * Source: nifti.nimh.nih.gov, nifti1.h.
 */

#ifndef EXPO_NIFTI_WRITE_H
#define EXPO_NIFTI_WRITE_H

#include "lib/nrrd.h"

#define EXPO_NIFTI_HEADER 352 /* voxels begin there */

void expo_nifti_header(uint8_t dst[EXPO_NIFTI_HEADER], const expo_volume_t *v,
                       expo_nrrd_type_t type);

#endif
