/*
 * The outside of a DICOM file: is it one, in which transfer syntax, where does
 * its data set begin. Deflated ones are inflated here, to a limit. What would
 * make a parser recurse too deep is refused before DCMTK sees it.
 * Source: DICOM PS3.10, 7.1; PS3.5, A.5.
 */

#ifndef EXPO_DICOM_FILE_H
#define EXPO_DICOM_FILE_H

#include <stddef.h>
#include <stdint.h>

#define DICOM_INFLATED_MAX (256ull << 20)
/*
 * DCMTK takes some 1.5 KiB of stack per nested item, so this many cannot
 * outgrow POOL_STACK whether they are nested or not.
 */
#define DICOM_ITEMS_MAX 10000

typedef enum {
    DICOM_FILE_OK = 0,
    DICOM_FILE_FOREIGN,     /* not DICOM */
    DICOM_FILE_DIRECTORY,   /* a DICOMDIR: an index, no picture */
    DICOM_FILE_UNSUPPORTED, /* transfer syntax */
    DICOM_FILE_CUT,
    DICOM_FILE_DAMAGED,
    DICOM_FILE_TOO_LARGE
} dicom_file_status_t;

typedef struct {
    const uint8_t *data; /* the data set; borrowed, or owned when inflated */
    size_t bytes;
    const char *syntax;   /* static UID to read it with; NULL: guess */
    const char *encoding; /* static, for people: "JPEG 2000" */
    uint8_t *inflated;
} dicom_file_t;

/* Always followed by dicom_file_close, whatever comes back. */
dicom_file_status_t dicom_file_open(dicom_file_t *f, const uint8_t *src,
                                    size_t len);
void dicom_file_close(dicom_file_t *f);

#endif
