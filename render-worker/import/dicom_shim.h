/*
 * DCMTK behind plain C: opens one data set, answers what it says, decodes what
 * its codecs know and writes one picture. No exception, no DCMTK type and no
 * log line comes out. dicom_start first; then everything may run in several
 * threads at once, a data set in one at a time.
 */

#ifndef EXPO_DICOM_SHIM_H
#define EXPO_DICOM_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    DICOM_OK = 0,
    DICOM_CUT,     /* ends in the middle */
    DICOM_DAMAGED, /* does not follow the standard */
    DICOM_NO_PIXELS,
    DICOM_TOO_LARGE,
    DICOM_NO_MEMORY
} dicom_status_t;

#define DICOM_UID 65 /* room for one, with its NUL */
#define DICOM_EDGE_MAX 4096 /* rows or columns of one picture */
#define DICOM_TAG(group, element) ((uint32_t) (group) << 16 | (element))

/*
 * Loads the dictionary from disk, registers the decoders, silences DCMTK.
 * Returns 0 when there is no dictionary. Call once, before the sandbox.
 */
int dicom_start(void);

/* --- a data set --- */

typedef struct dicom_set_s dicom_set_t;
typedef struct dicom_item_s dicom_item_t; /* borrowed from its data set */

/*
 * Reads all elements before group 7FE0, the pixels.
 *
 * data: the data set alone (no preamble, no meta header); must stay.
 * syntax: UID of its transfer syntax, or NULL to guess among the plain ones.
 * *out: NULL unless DICOM_OK; released with dicom_close.
 */
dicom_status_t dicom_open(dicom_set_t **out, const uint8_t *data, size_t len,
                          const char *syntax);
void dicom_close(dicom_set_t *set);

/* Where group 7FE0 begins, in bytes from data; len when it has none. */
size_t dicom_pixels_at(const dicom_set_t *set);

/* How elements are written, guessed or told. */
int dicom_is_explicit(const dicom_set_t *set);
int dicom_is_big_endian(const dicom_set_t *set);

/* The data set itself, as an item among items. */
dicom_item_t *dicom_root(dicom_set_t *set);

/* Item i of a sequence; NULL: there is none. */
dicom_item_t *dicom_child(dicom_item_t *item, uint32_t tag, size_t i);

/* Whether there is an element that is not empty. */
int dicom_has(dicom_item_t *item, uint32_t tag);

/* Value `at`, NUL-terminated, cut to cap, "" when absent; 1: there is one. */
int dicom_text(dicom_item_t *item, uint32_t tag, size_t at, char *dst,
               size_t cap);

/* Value `at` of a number, whichever way it is stored; absent if there is none.
 */
double dicom_number(dicom_item_t *item, uint32_t tag, size_t at, double absent);

/* Words of 16 bits in this machine's order, borrowed; 0: there are none. */
size_t dicom_words(dicom_item_t *item, uint32_t tag, const uint16_t **words);

/* Calls visit for every element, those in sequences after their sequence. */
void dicom_each(dicom_set_t *set,
                void (*visit)(void *data, uint32_t tag, int empty), void *data);

/* --- a picture that is coded --- */

/* As the header says before, as DCMTK made it afterwards. */
typedef struct {
    uint32_t rows, cols;
    uint32_t samples; /* per pixel */
    int planar;       /* all of one sample, then all of the next */
    uint32_t bits_allocated, bits_stored, high_bit;
    int is_signed;
    char photometric[17];
} dicom_shape_t;

typedef struct {
    const uint8_t *data;
    size_t bytes;
} dicom_piece_t;

/*
 * Decodes one picture of RLE, JPEG or JPEG-LS.
 *
 * piece: its code, in `pieces` parts that follow each other.
 * dst: room for `room` bytes; as many are written as *shape asks for, in words
 *      of this machine's order.
 * shape: in and out. Another number of rows, columns or samples, or more than
 *        fits in room, is DICOM_DAMAGED.
 */
dicom_status_t dicom_decode(const char *syntax, const dicom_piece_t *piece,
                            size_t pieces, dicom_shape_t *shape, void *dst,
                            size_t room);

/* --- writing --- */

/* One CT or MR picture to write. UIDs are the caller's. */
typedef struct {
    const char *path;
    const char *syntax;      /* any that DCMTK can encode */
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
