/*
 * Reads NIfTI-1 and NIfTI-2 (.nii, .nii.gz, .hdr with .img), of either byte
 * order: three axes, one number a voxel; of several frames the first.
 * RAS becomes LPS. The sform places the volume when there is one, else the
 * qform, else the voxel sizes alone.
 * Source: nifti.nimh.nih.gov, nifti1.h and nifti2.h.
 */

#ifndef EXPO_NIFTI_READ_H
#define EXPO_NIFTI_READ_H

#include "lib/volume_file.h"

/* Anything gzipped counts: of what we read only NIfTI is gzipped in whole. */
int expo_nifti_is(const uint8_t *data, size_t len);

/* As expo_volume_file_read. */
expo_status_t expo_nifti_read(expo_volume_t *v, uint16_t **voxels,
                              const expo_volume_file_t *file, char *note,
                              size_t note_bytes);

#endif
