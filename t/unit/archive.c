#include "lib/archive.c"
#include "t/unit/check.h"

#include <stdlib.h>

static uint8_t file[EXPO_ARCHIVE_PROBE];

/* What a file is that begins so; the rest is 0xee. */
static expo_archive_kind_t
kind_of(const void *start, size_t n)
{
    memset(file, 0xee, sizeof file);
    memcpy(file, start, n);
    return expo_archive_kind(file, sizeof file);
}

#define kind(text) kind_of(text, sizeof text - 1)

static void
each_kind_is_told_by_its_first_bytes(void)
{
    uint8_t tar[EXPO_TAR_BLOCK];

    expo_tar_header(tar, "file", 5);

    check(kind_of(tar, sizeof tar) == EXPO_ARCHIVE_TAR);
    check(kind("PK\3\4") == EXPO_ARCHIVE_ZIP);
    check(kind("PK\5\6") == EXPO_ARCHIVE_ZIP);
    check(kind("PK\7\10PK\3\4") == EXPO_ARCHIVE_ZIP);
    check(kind("\x1f\x8b\x08") == EXPO_ARCHIVE_GZIP);
    check(kind("NRRD0004\n") == EXPO_ARCHIVE_NRRD);
    check(kind("ObjectType = Image\n") == EXPO_ARCHIVE_METAIMAGE);
    check(kind("NDims = 3\n") == EXPO_ARCHIVE_METAIMAGE);
    check(kind("") == EXPO_ARCHIVE_UNKNOWN);
    check(kind("MZ") == EXPO_ARCHIVE_UNKNOWN);
    check(kind("PKX") == EXPO_ARCHIVE_UNKNOWN);
}

static void
an_archive_of_no_files_is_an_archive(void)
{
    memset(file, 0, sizeof file);
    check(expo_archive_kind(file, sizeof file) == EXPO_ARCHIVE_TAR);
    check(expo_archive_kind((const uint8_t *) "PK\5\6", 4) ==
          EXPO_ARCHIVE_ZIP);
}

/* sizeof_hdr, and the magic where the version has it. */
static void
nifti_of_both_versions_and_byte_orders_is_told(void)
{
    static const struct {
        uint8_t size[4];
        size_t at;
        const char *magic;
    } headers[] = {{{0x5c, 1, 0, 0}, 344, "n+1"},
                   {{0, 0, 1, 0x5c}, 344, "n+1"},
                   {{0x1c, 2, 0, 0}, 4, "n+2\0\r\n\032\n"},
                   {{0, 0, 2, 0x1c}, 4, "n+2\0\r\n\032\n"}};

    for (size_t i = 0; i < 4; i++) {
        memset(file, 0, sizeof file);
        memcpy(file, headers[i].size, 4);
        memcpy(file + headers[i].at, headers[i].magic, i < 2 ? 4 : 8);
        check(expo_archive_kind(file, sizeof file) == EXPO_ARCHIVE_NIFTI);
        file[headers[i].at] = 'x';
        check(expo_archive_kind(file, sizeof file) == EXPO_ARCHIVE_UNKNOWN);
    }
}

static void
dicom_is_told_with_and_without_a_preamble(void)
{
    memset(file, 0, sizeof file);
    memcpy(file + 128, "DICM", 4);
    check(expo_archive_kind(file, sizeof file) == EXPO_ARCHIVE_DICOM);
    check(expo_archive_kind(file, 132) != EXPO_ARCHIVE_DICOM);

    /* With a TIFF for a preamble, or the head of a zip. */
    memcpy(file, "PK\3\4", 4);
    check(expo_archive_kind(file, sizeof file) == EXPO_ARCHIVE_DICOM);

    check(kind("\2\0\0\0UL\4\0") == EXPO_ARCHIVE_DICOM_BARE);
    check(kind("\2\0\0\0\4\0\0\0") == EXPO_ARCHIVE_DICOM_BARE);
    check(kind("\10\0\5\0CS\12\0") == EXPO_ARCHIVE_DICOM_BARE);
    check(kind("\10\0\5\0\12\0\0\0") == EXPO_ARCHIVE_DICOM_BARE);
    check(kind("\0\10\0\5CS\0\12") == EXPO_ARCHIVE_DICOM_BARE);
    check(kind("\0\10\0\5\0\0\0\12") == EXPO_ARCHIVE_DICOM_BARE);
    check(kind("\10\0\5\0\xff\xff\xff\x7f") == EXPO_ARCHIVE_UNKNOWN);
    check(kind("\2\0\3\2\4\0\0\0") == EXPO_ARCHIVE_UNKNOWN);
}

static void
no_start_is_read_beyond_its_end(void)
{
    static const char *const starts[] = {"PK\3\4", "\x1f\x8b\x08", "NRRD0004\n",
                                         "ObjectType = Image\n",
                                         "\10\1\5\1CS\12\1CS\12\1CS\12\1"};

    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        for (size_t n = 0; n <= strlen(starts[i]); n++) {
            uint8_t *alone = malloc(n ? n : 1);

            memcpy(alone, starts[i], n);
            expo_archive_kind(alone, n);
            free(alone);
        }
    }

    check(expo_archive_kind(file, 0) == EXPO_ARCHIVE_UNKNOWN);
}

int
main(void)
{
    each_kind_is_told_by_its_first_bytes();
    an_archive_of_no_files_is_an_archive();
    nifti_of_both_versions_and_byte_orders_is_told();
    dicom_is_told_with_and_without_a_preamble();
    no_start_is_read_beyond_its_end();

    return done();
}
