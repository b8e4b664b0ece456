#include "render-worker/import/read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/archive.h"
#include "render-worker/import/unpack.h"

typedef struct {
    import_file_t *file;
    const expo_deidentify_t *allowed;
} read_counting_t;

static dicom_status_t read_header(import_file_t *f,
                                  const expo_deidentify_t *allowed);
static void read_count(void *data, uint32_t tag, int empty);
static reason_t read_judge(const import_file_t *f);
static reason_t read_judge_class(const header_t *h);
static reason_t read_judge_shape(const import_file_t *f);
static int read_is_volume(const import_file_t *f);


void
read_file(import_file_t *f, const expo_deidentify_t *allowed)
{
    dicom_file_status_t st;
    dicom_status_t header;

    f->reason = unpack_file(f);
    if (f->reason != REASON_NONE) {
        return;
    }

    st = dicom_file_open(&f->open, f->entry.data, f->entry.bytes);
    f->dicom = st != DICOM_FILE_FOREIGN && st != DICOM_FILE_DIRECTORY;
    f->volume = st == DICOM_FILE_FOREIGN && read_is_volume(f);

    if (st == DICOM_FILE_OK || st == DICOM_FILE_UNSUPPORTED) {
        f->encoding = f->open.encoding;
        header = read_header(f, allowed);
        if (!read_is_modality(f->header.modality)) {
            f->header.modality[0] = '\0';
        }

        f->reason = header == DICOM_OK || header == DICOM_NO_PIXELS
                        ? read_judge(f)
                        : read_reason(header);

        if (header == DICOM_NO_PIXELS && f->reason != REASON_NOT_IMAGE) {
            f->reason = REASON_NO_PIXELS;
        }

        if (st == DICOM_FILE_UNSUPPORTED && header == DICOM_OK) {
            f->reason = REASON_UNSUPPORTED;
        }

    } else if (f->dicom) {
        f->reason = st == DICOM_FILE_CUT         ? REASON_TRUNCATED
                    : st == DICOM_FILE_TOO_LARGE ? REASON_TOO_LARGE
                                                 : REASON_DAMAGED;
    }

    if (f->dicom && file_is_cut(f)) {
        f->reason = REASON_TRUNCATED;
    }

    if (f->dicom && f->damaged) {
        f->reason = REASON_DAMAGED;
    }

    if (!f->dicom || f->reason != REASON_NONE) {
        read_release(f);
    }
}


void
read_release(import_file_t *f)
{
    pixel_data_close(&f->data);
    header_free(&f->header);
    dicom_file_close(&f->open);
}


reason_t
read_reason(dicom_status_t st)
{
    switch (st) {
    case DICOM_OK:
        return REASON_NONE;
    case DICOM_CUT:
        return REASON_TRUNCATED;
    case DICOM_NO_PIXELS:
        return REASON_NO_PIXELS;
    case DICOM_TOO_LARGE:
    case DICOM_NO_MEMORY:
        return REASON_TOO_LARGE;
    case DICOM_DAMAGED:
        break;
    }

    return REASON_DAMAGED;
}


static dicom_status_t
read_header(import_file_t *f, const expo_deidentify_t *allowed)
{
    read_counting_t counting = {f, allowed};
    const dicom_file_t *file = &f->open;
    dicom_status_t st, pixels;
    dicom_set_t *set;

    st = dicom_open(&set, file->data, file->bytes, file->syntax);
    if (st != DICOM_OK) {
        return st;
    }

    dicom_each(set, read_count, &counting);
    st = header_read(&f->header, set);
    f->big_endian = dicom_is_big_endian(set);

    pixels = pixel_data_open(&f->data, file->data, file->bytes,
                             dicom_pixels_at(set), dicom_is_explicit(set),
                             f->big_endian, f->header.frames);
    dicom_close(set);

    return st == DICOM_OK ? pixels : st;
}


/* Of all that, a volume keeps its geometry: whoever sent more shall know. */
static void
read_count(void *data, uint32_t tag, int empty)
{
    const read_counting_t *c = data;

    if (!expo_deidentify_allows(c->allowed, tag, empty)) {
        c->file->removed++;
        c->file->removed_private += tag >> 16 & 1;
    }
}


/*
 * The one text of a file that a volume keeps: whatever is not the name of a
 * machine that makes pictures could be a person's. PS3.3, C.7.3.1.1.1.
 */
int
read_is_modality(const char *text)
{
    static const char known[] = " BMD CR CT DX ES IO IVUS MG MR NM OCT OPT OT"
                                " PT PX RF RG ST US XA XC ";
    char word[20];

    snprintf(word, sizeof word, " %s ", text);
    return text[0] == '\0' ||
           (strchr(text, ' ') == NULL && strstr(known, word) != NULL);
}


/* --- what may become part of a volume --- */

static reason_t
read_judge(const import_file_t *f)
{
    const header_t *h = &f->header;
    reason_t reason = read_judge_class(h);

    if (reason != REASON_NONE) {
        return reason;
    }

    if (!h->placed) {
        return REASON_MULTIFRAME;
    }

    if (h->mosaic) {
        return REASON_MOSAIC;
    }

    return read_judge_shape(f);
}


/* Source: DICOM PS3.4, B.5: storage classes by their UID. */
static reason_t
read_judge_class(const header_t *h)
{
    static const char prefix[] = "1.2.840.10008.5.1.4.1.1.";
    static const char images[] =
        " 1.1 2 2.1 2.2 4 4.1 4.3 4.4 7 7.1 7.2 7.3 7.4 12.1 12.1.1 13.1.1"
        " 13.1.2 20 128 128.1 130 ";
    const char *class = h->sop_class;
    char word[sizeof h->sop_class + 2];

    if (class[0] == '\0') {
        return REASON_NONE;
    }

    if (strncmp(class, prefix, sizeof prefix - 1) != 0) {
        return REASON_NOT_IMAGE;
    }

    snprintf(word, sizeof word, " %s ", class + sizeof prefix - 1);
    return strstr(images, word) != NULL ? REASON_NONE : REASON_NOT_IMAGE;
}


static reason_t
read_judge_shape(const import_file_t *f)
{
    const dicom_shape_t *s = &f->header.shape;
    const uint32_t bits = s->bits_allocated;

    if (f->header.colour == HEADER_FOREIGN) {
        return REASON_COLOUR;
    }

    if (s->rows == 0 || s->cols == 0) {
        return REASON_DAMAGED;
    }

    for (uint32_t i = 0; i < f->header.frames; i++) {
        if (!(fabs(f->header.frame[i].slope) < 1e12) ||
            !(fabs(f->header.frame[i].intercept) < 1e12)) {
            return REASON_DAMAGED;
        }
    }

    if (f->data.kind != PIXEL_WHOLE) {
        return REASON_NONE;
    }

    if (bits == 1 || bits == 12 || bits == 64) {
        return REASON_BITS;
    }

    return (bits == 8 || bits == 16 || bits == 32) && s->bits_stored > 0 &&
                   s->bits_stored <= bits && s->high_bit < bits &&
                   s->high_bit + 1 >= s->bits_stored
               ? REASON_NONE
               : REASON_DAMAGED;
}


static int
read_is_volume(const import_file_t *f)
{
    switch (expo_archive_kind(f->entry.data, f->entry.bytes)) {
    case EXPO_ARCHIVE_NIFTI:
    case EXPO_ARCHIVE_NRRD:
    case EXPO_ARCHIVE_METAIMAGE:
    case EXPO_ARCHIVE_GZIP: /* of a NIfTI, or its reader says no */
        return 1;
    default:
        return 0;
    }
}
