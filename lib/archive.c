#include "lib/archive.h"

#include <string.h>

#include "lib/metaimage_read.h"
#include "lib/nifti_read.h"
#include "lib/nrrd_read.h"
#include "lib/tar.h"

#define ARCHIVE_PREAMBLE 128

static int archive_dicom_bare(const uint8_t *p, size_t n);
static int archive_zip(const uint8_t *p, size_t n);
static int archive_tar(const uint8_t *p, size_t n);
static uint32_t archive_le(const uint8_t *p, int bytes);


expo_archive_kind_t
expo_archive_kind(const uint8_t *bytes, size_t n)
{
    /* The rest of a file changes nothing. */
    n = n < EXPO_ARCHIVE_PROBE ? n : EXPO_ARCHIVE_PROBE;

    /* First: a preamble may look like another format, and is then meant to. */
    if (n > ARCHIVE_PREAMBLE + 4 &&
        memcmp(bytes + ARCHIVE_PREAMBLE, "DICM", 4) == 0) {
        return EXPO_ARCHIVE_DICOM;
    }

    if (archive_zip(bytes, n)) {
        return EXPO_ARCHIVE_ZIP;
    }

    if (n >= 3 && memcmp(bytes, "\x1f\x8b\x08", 3) == 0) {
        return EXPO_ARCHIVE_GZIP;
    }

    if (expo_nrrd_is(bytes, n)) {
        return EXPO_ARCHIVE_NRRD;
    }

    if (expo_nifti_is(bytes, n)) {
        return EXPO_ARCHIVE_NIFTI;
    }

    if (archive_tar(bytes, n)) {
        return EXPO_ARCHIVE_TAR;
    }

    if (expo_metaimage_is(bytes, n)) {
        return EXPO_ARCHIVE_METAIMAGE;
    }

    return archive_dicom_bare(bytes, n) ? EXPO_ARCHIVE_DICOM_BARE
                                        : EXPO_ARCHIVE_UNKNOWN;
}


/*
 * Begins with an early element of group 2, or of group 8 in either order.
 * Source: DICOM PS3.5, 7.1; PS3.10, 7.1.
 */
static int
archive_dicom_bare(const uint8_t *p, size_t n)
{
    int named, little, big;
    uint32_t length;

    if (n < 16) {
        return 0;
    }

    if (archive_le(p, 2) == 2 && archive_le(p + 2, 2) <= 0x0102 &&
        (p[4] >= 'A' || archive_le(p + 4, 4) < 256)) {
        return 1;
    }

    little = p[0] == 8 && p[1] == 0;
    big = p[0] == 0 && p[1] == 8;
    named = p[4] >= 'A' && p[4] <= 'Z' && p[5] >= 'A' && p[5] <= 'Z';
    length = little ? archive_le(p + 4, 4)
                    : (uint32_t) p[4] << 24 | (uint32_t) p[5] << 16 |
                          (uint32_t) p[6] << 8 | p[7];

    return (little || big) && (named || length <= n - 8);
}


/* A member, or the end of an empty archive; or either behind the mark of an
 * archive that was meant to be split. Source: APPNOTE 6.3.10, 4.3.6, 8.5.4. */
static int
archive_zip(const uint8_t *p, size_t n)
{
    return n >= 4 &&
           (memcmp(p, "PK\3\4", 4) == 0 || memcmp(p, "PK\5\6", 4) == 0 ||
            memcmp(p, "PK\7\10", 4) == 0 || memcmp(p, "PK00", 4) == 0);
}


static int
archive_tar(const uint8_t *p, size_t n)
{
    expo_tar_entry_t entry;
    uint64_t at = 0;

    return n >= EXPO_TAR_BLOCK &&
           expo_tar_next(p, EXPO_TAR_BLOCK, &at, &entry) != EXPO_INVALID;
}


static uint32_t
archive_le(const uint8_t *p, int bytes)
{
    uint32_t v = 0;

    while (bytes-- > 0) {
        v = v << 8 | p[bytes];
    }

    return v;
}
