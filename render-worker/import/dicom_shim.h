/*
 * DCMTK behind plain C: one data set's header, its pixels, and writing one
 * picture. No exception, no DCMTK type, no log line and no value of a file
 * comes out except through these structs. dicom_start first; then the readers
 * may run in several threads at once.
 */

#ifndef EXPO_DICOM_SHIM_H
#define EXPO_DICOM_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "lib/series.h"

#define DICOM_UID 65
#define DICOM_EDGE_MAX 4096 /* rows or columns of one picture */

typedef enum {
    DICOM_OK = 0,
    DICOM_CUT,     /* ends in the middle */
    DICOM_DAMAGED, /* does not follow the standard */
    DICOM_NO_PIXELS,
    DICOM_TOO_LARGE,
    DICOM_NO_MEMORY
} dicom_status_t;

/* What import asks of one data set. Text is NUL-terminated, "" when absent. */
typedef struct {
    expo_slice_t slice;
    char sop_class[DICOM_UID];
    char modality[17];
    char rescale_type[17];
    uint32_t samples; /* per pixel; 1 is grey */
    uint32_t frames;
    uint32_t bits_allocated, bits_stored, high_bit;
    int is_signed;
    int palette;  /* PALETTE COLOR */
    int inverted; /* MONOCHROME1 */
    int mosaic;   /* many small pictures in one, Siemens */
    int modality_lut;
    int burned_in; /* the header admits writing in the picture */
    int has_padding;
    double slope, intercept;
    int32_t padding[2]; /* stored values from, to */
} dicom_header_t;

/*
 * Loads the dictionary from disk, registers the decoders, silences DCMTK.
 * Returns 0 when there is no dictionary. Call once, before the sandbox.
 */
int dicom_start(void);

/*
 * data: the data set alone (no preamble, no meta header).
 * syntax: UID of its transfer syntax, or NULL to guess among the plain ones.
 * out is filled for DICOM_OK and DICOM_NO_PIXELS, zero otherwise.
 */
dicom_status_t dicom_header(const uint8_t *data, size_t len, const char *syntax,
                            dicom_header_t *out);

/*
 * Decodes the one frame: n = rows * cols stored values, masked to the stored
 * bits and sign-extended, into int16_t or uint16_t (as is_signed says) when
 * bits_stored <= 16, else int32_t or uint32_t.
 * h is what dicom_header gave; another size in the pixels is DICOM_DAMAGED.
 */
dicom_status_t dicom_pixels(const uint8_t *data, size_t len, const char *syntax,
                            const dicom_header_t *h, void *dst, size_t n);

/* One CT or MR picture to write. UIDs are the caller's. */
typedef struct {
    const char *path;
    const char *syntax;      /* any of the supported transfer syntaxes */
    const char *modality;    /* "CT" or "MR" */
    const char *patient;     /* name and identifier to plant; NULL: neutral */
    const char *description; /* of the series */
    const char *image_type;  /* "ORIGINAL\\PRIMARY\\AXIAL" */
    const char *study_uid, *series_uid, *instance_uid, *frame_uid;
    uint32_t rows, cols;
    int32_t series_number, number;
    double spacing_mm[2]; /* between columns, between rows */
    double position[3], along_row[3], along_column[3];
    double thickness_mm;
    double slope, intercept;
    int is_signed;
    int inverted;
    const uint16_t *pixels; /* rows * cols stored values, 16 bits each */
} dicom_picture_t;

/* 0 when DCMTK could not encode or write it. */
int dicom_write(const dicom_picture_t *p);

#ifdef __cplusplus
}
#endif

#endif
