/*
 * What import asks of one DICOM file: what it is, how its pictures are stored
 * and where each lies. A file of many pictures (enhanced, legacy converted,
 * nuclear medicine) gives as many frames as if each were a file of its own.
 * Of a person's identity nothing comes out but a hash.
 * Source: DICOM PS3.3, C.7.6.16 and C.8.4.
 */

#ifndef EXPO_IMPORT_HEADER_H
#define EXPO_IMPORT_HEADER_H

#include "lib/series.h"
#include "render-worker/import/dicom_shim.h"


typedef enum {
    HEADER_GREY,
    HEADER_PALETTE,
    HEADER_RGB,
    HEADER_YBR,    /* brightness is the first sample */
    HEADER_FOREIGN /* anything else */
} header_colour_t;

/* Stored values that stand for others: of a palette (how bright each colour
 * is) or of a modality LUT. */
typedef struct {
    int32_t first;  /* stored value of entry 0; below it counts as it */
    uint32_t count; /* 1 .. 65536; beyond counts as the last */
    uint16_t entry[];
} header_table_t;

typedef struct {
    expo_slice_t slice;
    double slope, intercept; /* stored value, or table entry, to value */
} header_frame_t;

/* Text is NUL-terminated, "" when absent. */
typedef struct {
    char sop_class[DICOM_UID];
    char sop_instance[DICOM_UID]; /* told to who sent it, kept nowhere */
    char modality[17];
    char rescale_type[17];
    uint64_t series, person; /* hashes, 0: not told */
    dicom_shape_t shape;
    header_colour_t colour;
    int inverted;  /* MONOCHROME1 */
    int mosaic;    /* many small pictures in one, Siemens */
    int burned_in; /* the header admits writing in the picture */
    int lossy;     /* was once compressed with loss */
    int has_padding;
    double padding[2];     /* stored values from, to */
    header_table_t *table; /* NULL: none */
    uint32_t frames;       /* that the file says it has */
    int placed;            /* it says of each where it lies, or has only one */
    header_frame_t *frame; /* [frames] when placed, else [1] */
} header_t;

/*
 * DICOM_OK, DICOM_DAMAGED (a table that is none), DICOM_TOO_LARGE (frames),
 * DICOM_NO_MEMORY. Whatever comes back, h is released with header_free.
 */
dicom_status_t header_read(header_t *h, dicom_set_t *set);
void header_free(header_t *h);

header_colour_t header_colour(const dicom_shape_t *shape);

#endif
