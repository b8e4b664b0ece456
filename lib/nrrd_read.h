/*
 * Reads the NRRD that lib/nrrd.h writes, and others like it: attached, raw,
 * little-endian, three axes, 16-bit or float, in patient space.
 * Source: teem.sourceforge.net/nrrd/format.html.
 */

#ifndef EXPO_NRRD_READ_H
#define EXPO_NRRD_READ_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"
#include "lib/volume.h"

/*
 * src, len: the whole file. *voxels is malloc'd, [nz][ny][nx]; a float's range
 * is spread over 0..65535.
 *
 * EXPO_INVALID: no NRRD, or a field that makes no sense. EXPO_UNSUPPORTED: a
 * NRRD of another kind; EXPO_CORRUPT: data that ends early; error: one
 * sentence.
 */
expo_status_t expo_nrrd_read(expo_volume_t *v, uint16_t **voxels,
                             const uint8_t *src, size_t len, char *error,
                             size_t error_bytes);

#endif
