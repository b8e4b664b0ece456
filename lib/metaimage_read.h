/*
 * Reads MetaImage (.mha, .mhd): three axes, one number a voxel, raw or
 * compressed, with the header or in a file beside it. Positions are patient
 * LPS, as ITK writes them.
 * Source: itk.org/Wiki/ITK/MetaIO/Documentation; ITK's reading of it.
 */

#ifndef EXPO_METAIMAGE_READ_H
#define EXPO_METAIMAGE_READ_H

#include "lib/volume_file.h"

int expo_metaimage_is(const uint8_t *data, size_t len);

/* As expo_volume_file_read. */
expo_status_t expo_metaimage_read(expo_volume_t *v, uint16_t **voxels,
                                  const expo_volume_file_t *file, char *note,
                                  size_t note_bytes);

#endif
