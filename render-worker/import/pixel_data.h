/*
 * Where in a DICOM file the pixels of each frame lie: side by side as plain
 * numbers, or coded in fragments. Bytes in, places out; nothing is decoded.
 * Source: DICOM PS3.5, 8, A.4; PS3.3, C.7.6.3.1.8.
 */

#ifndef EXPO_IMPORT_PIXEL_DATA_H
#define EXPO_IMPORT_PIXEL_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "render-worker/import/dicom_shim.h"

typedef enum { PIXEL_WHOLE, PIXEL_FLOAT, PIXEL_DOUBLE } pixel_kind_t;

typedef struct {
    pixel_kind_t kind;
    int encapsulated;
    int words; /* plain bytes lie in words of two, which matters if big-endian
                */
    const uint8_t *value; /* plain: of all frames; borrowed */
    size_t bytes;
    dicom_piece_t *piece; /* encapsulated: all fragments but the offset table */
    size_t pieces;
    size_t *start; /* [frames + 1]: frame k is piece[start[k]] ... */
    uint32_t frames;
    int cut; /* the file ends within the pixels */
} pixel_data_t;

/*
 * data, len: the data set; at: where its group 7FE0 begins.
 *
 * DICOM_OK, DICOM_NO_PIXELS, DICOM_CUT (nothing of them is there),
 * DICOM_DAMAGED: fragments that cannot be told apart. DICOM_NO_MEMORY.
 * Whatever comes back, *p is released with pixel_data_close.
 */
dicom_status_t pixel_data_open(pixel_data_t *p, const uint8_t *data, size_t len,
                               size_t at, int is_explicit, int big_endian,
                               uint32_t frames);
void pixel_data_close(pixel_data_t *p);

#endif
