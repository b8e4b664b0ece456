/* What import knows of each file of an upload, and why one is left out. */

#ifndef EXPO_IMPORT_FILES_H
#define EXPO_IMPORT_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/series.h"
#include "lib/tar.h"
#include "lib/volume.h"
#include "lib/zip.h"
#include "render-worker/import/dicom_file.h"
#include "render-worker/import/header.h"
#include "render-worker/import/input.h"
#include "render-worker/import/pixel_data.h"
#include "render-worker/import/pixels.h"

typedef enum {
    REASON_NONE = 0,
    /* of a file; where two are equally common, the earlier is named */
    REASON_TRUNCATED,
    REASON_UNSUPPORTED,
    REASON_MULTIFRAME,
    REASON_DAMAGED,
    REASON_COLOUR,
    REASON_BITS,
    REASON_MOSAIC,
    REASON_TOO_LARGE,
    REASON_NO_PIXELS,
    REASON_NOT_IMAGE,
    REASON_FOREIGN,
    /* of a group */
    REASON_ONE_SLICE,
    REASON_LOCALIZER,
    REASON_NO_GEOMETRY,
    REASON_SCATTERED,
    REASON_FEWER,
    REASON_OTHER_TIME,
    REASON_BESIDE_DICOM,
    /* of all */
    REASON_NO_DICOM,
    REASON_EMPTY,
    REASON_UNKNOWN,
    REASON_ARCHIVE,
    REASON_ARCHIVE_CUT,
    REASON_ARCHIVE_FORM,
    REASON_ENCRYPTED,
    REASON_BOMB,
    REASON_CRASHED,
    REASON_STUCK,
    REASON_COUNT
} reason_t;

typedef struct {
    const import_input_t *input; /* that it is, or lies in */
    expo_tar_entry_t entry; /* its bytes; of a packed one after unpack_file */
    const expo_zip_entry_t *packed; /* NULL: it is not */
    uint8_t *unpacked;
    int damaged; /* unpacked to other bytes than were packed */
    int dicom;
    int volume;      /* of another format, or its header */
    int voxels;      /* of a volume whose header is another file */
    reason_t reason; /* REASON_NONE: its pictures may be part of a volume */
    const char *encoding; /* static */
    dicom_file_t open;    /* while its pixels may be wanted */
    header_t header;
    int big_endian;
    pixel_data_t data;
    uint32_t removed, removed_private; /* elements that are not kept */
} import_file_t;

/* Whether bytes of it are missing: what has been looked at counts. */
static inline int
file_is_cut(const import_file_t *f)
{
    return f->entry.cut || atomic_load(&f->input->lost);
}

/* One picture of a usable file. */
typedef struct {
    import_file_t *file;
    uint32_t frame;
    reason_t reason;
    int wanted;       /* of the series asked for */
    int decoding;     /* once begun, never again */
    pixels_t pixels;  /* raw NULL: not decoded */
    double low, high; /* stored values that occur, padding left out */
    int empty;        /* nothing but padding */
    int whole;        /* no stored value has a fraction */
} import_picture_t;

/* A volume of another format. */
#define FOREIGN_NOTE 200

typedef struct {
    import_file_t *file;
    reason_t reason;
    expo_volume_t header;
    uint16_t *voxels;        /* of the one that is kept, else NULL */
    char note[FOREIGN_NOTE]; /* what the reader says of it, or "" */
} import_foreign_t;

typedef struct {
    import_file_t *file;
    size_t count;
    expo_zip_t zip;          /* what packed members point into */
    uint8_t *inflated;       /* the tar that came gzipped */
    uint64_t unpacked_bytes; /* of both */
    int cut;                 /* it ended in the middle */
    import_picture_t *picture;
    size_t pictures;
    expo_slice_t *slices; /* of the pictures that may be used ... */
    size_t *of;           /* ... and which of them each is */
    size_t usable;
    expo_plan_t *plan;
    size_t chosen;             /* group of the plan, SIZE_MAX: none */
    import_foreign_t *foreign; /* NULL: not looked at, as there is DICOM */
    size_t foreigns;
} import_files_t;


#endif
