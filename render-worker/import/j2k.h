/*
 * JPEG 2000 by OpenJPEG: one frame's code into stored numbers. Sizes in the
 * code are compared with the header before anything is decoded.
 * Source: ISO/IEC 15444-1; DICOM PS3.5, 8.2.4, A.4.4.
 */

#ifndef EXPO_IMPORT_J2K_H
#define EXPO_IMPORT_J2K_H

#include "render-worker/import/dicom_shim.h"

/*
 * Decodes rows * cols * samples numbers, each sample's plane after the other.
 *
 * dst: malloc'd here, owned by the caller; numbers as the code has them.
 * bits: how many the code gives each.
 * Another size or number of samples in the code, subsampling, or more bits
 * than shape allocates are DICOM_DAMAGED.
 */
dicom_status_t j2k_decode(int32_t **dst, uint32_t *bits,
                          const dicom_piece_t *piece, size_t pieces,
                          const dicom_shape_t *shape);

#endif
