/*
 * Reads NRRD: what lib/nrrd.h writes, and others like it: three axes, one
 * number a voxel, raw or gzip, with the header or in a file beside it.
 * Source: teem.sourceforge.net/nrrd/format.html.
 */

#ifndef EXPO_NRRD_READ_H
#define EXPO_NRRD_READ_H

#include "lib/volume_file.h"

int expo_nrrd_is(const uint8_t *data, size_t len);

/* As expo_volume_file_read. A space without a name counts as LPS. */
expo_status_t expo_nrrd_read(expo_volume_t *v, uint16_t **voxels,
                             const expo_volume_file_t *file, char *note,
                             size_t note_bytes);

#endif
