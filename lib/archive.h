/*
 * What a file is, by its first bytes: neither names nor declared types are
 * believed.
 */

#ifndef EXPO_ARCHIVE_H
#define EXPO_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

/* So many bytes, or the whole of a shorter file, tell every kind. */
#define EXPO_ARCHIVE_PROBE 540

typedef enum {
    EXPO_ARCHIVE_UNKNOWN,
    EXPO_ARCHIVE_TAR,
    EXPO_ARCHIVE_ZIP,
    EXPO_ARCHIVE_GZIP, /* of a tar, a NIfTI ...: inflate and ask again */
    EXPO_ARCHIVE_NIFTI,
    EXPO_ARCHIVE_NRRD,
    EXPO_ARCHIVE_METAIMAGE,
    EXPO_ARCHIVE_DICOM,     /* its elements begin behind 128 bytes and DICM */
    EXPO_ARCHIVE_DICOM_BARE /* they begin at once */
} expo_archive_kind_t;

expo_archive_kind_t expo_archive_kind(const uint8_t *bytes, size_t n);

#endif
