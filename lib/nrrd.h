/*
 * NRRD with the data attached, little-endian, in patient LPS: a form in which
 * volumes leave exposure-import and the service for other programs.
 * Source: teem.sourceforge.net/nrrd/format.html, NRRD0005.
 */

#ifndef EXPO_NRRD_H
#define EXPO_NRRD_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"
#include "lib/volume.h"

#define EXPO_NRRD_HEADER_MAX 2048

typedef enum { EXPO_NRRD_INT16, EXPO_NRRD_FLOAT } expo_nrrd_type_t;

/* int16 when every value of the volume is a whole number that fits, else float.
 */
expo_nrrd_type_t expo_nrrd_type(const expo_volume_t *v);

size_t expo_nrrd_bytes(expo_nrrd_type_t type); /* of one value */

/* The header with its closing empty line; gzip: the data behind it are.
 * EXPO_TOO_LARGE when cap is short. */
expo_status_t expo_nrrd_header(char *dst, size_t cap, size_t *len,
                               const expo_volume_t *v, expo_nrrd_type_t type,
                               int gzip);

/* n voxels as lib/volume.h stores them into values in the volume's unit. */
void expo_nrrd_values(uint8_t *dst, const uint8_t *voxels, size_t n,
                      const expo_volume_t *v, expo_nrrd_type_t type);

#endif
