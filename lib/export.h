/*
 * A stored volume on its way to other programs: plaintext goes in, portion by
 * portion as it is opened, NIfTI or NRRD comes out, gzipped or not. Memory is
 * bounded whatever the size. No I/O.
 */

#ifndef EXPO_EXPORT_H
#define EXPO_EXPORT_H

#include "lib/nrrd.h"

typedef enum { EXPO_EXPORT_NIFTI, EXPO_EXPORT_NRRD } expo_export_format_t;

typedef struct {
    expo_volume_t volume;
    expo_export_format_t format;
    expo_nrrd_type_t type;
    uint64_t left; /* voxels that have not come yet */
    int begun;
    struct expo_export_gzip_s *gzip; /* NULL: plain */
} expo_export_t;

/*
 * header: the first bytes of the volume, total: of all of it. As
 * expo_volume_read, or EXPO_NO_MEMORY; nothing to close then.
 */
expo_status_t expo_export_open(expo_export_t *e,
                               const uint8_t header[EXPO_VOLUME_HEADER],
                               uint64_t total, expo_export_format_t format,
                               int gzip);

/* Bytes that all of it will be; 0 when that is not known: gzipped. */
uint64_t expo_export_bytes(const expo_export_t *e);

/* The most bytes that so many bytes of voxels become. */
size_t expo_export_room(const expo_export_t *e, size_t voxels);

/*
 * The next voxels, an even number of bytes: dst, of expo_export_room, gets
 * *len. The first call writes the header too, the one with the last voxel the
 * end. EXPO_INVALID: more than there are.
 */
expo_status_t expo_export_feed(expo_export_t *e, const uint8_t *voxels,
                               size_t bytes, uint8_t *dst, size_t *len);

/* Wipes what it held. EXPO_CORRUPT: voxels are missing. */
expo_status_t expo_export_close(expo_export_t *e);

/* "nii", "nii.gz", "nrrd": gzip is within an NRRD file, not around it. */
const char *expo_export_suffix(expo_export_format_t format, int gzip);

#endif
