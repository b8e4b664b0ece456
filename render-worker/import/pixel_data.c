#include "render-worker/import/pixel_data.h"

#include <stdlib.h>
#include <string.h>

#define PIXEL_UNDEFINED 0xffffffffu

enum {
    PIXEL_ITEM = 0xe000,
    PIXEL_HEAD = 8 /* bytes of an item's tag and length */
};

typedef struct {
    const uint8_t *p;
    size_t len, at;
    int is_explicit, big_endian;
} pixel_reader_t;

/* The head of one element of group 7FE0. */
typedef struct {
    uint16_t element;
    int words; /* of a VR of words */
    uint32_t length;
} pixel_head_t;

static int head_read(pixel_reader_t *r, pixel_head_t *head);
static dicom_status_t plain_open(pixel_data_t *p, const pixel_reader_t *r,
                                 const pixel_head_t *head);
static dicom_status_t fragments_open(pixel_data_t *p, const pixel_reader_t *r,
                                     uint32_t frames);
static int fragments_read(pixel_data_t *p, const pixel_reader_t *r,
                          dicom_piece_t *table);
static int fragments_add(pixel_data_t *p, const uint8_t *data, size_t bytes);
static int fragments_by_table(pixel_data_t *p, const dicom_piece_t *table);
static int fragments_by_start(pixel_data_t *p);
static uint32_t get(const uint8_t *p, int bytes, int big_endian);


dicom_status_t
pixel_data_open(pixel_data_t *p, const uint8_t *data, size_t len, size_t at,
                int is_explicit, int big_endian, uint32_t frames)
{
    pixel_reader_t r = {data, len, at, is_explicit, big_endian};
    pixel_head_t head;

    memset(p, 0, sizeof *p);

    while (head_read(&r, &head)) {
        switch (head.element) {
        case 0x0008:
            p->kind = PIXEL_FLOAT;
            return plain_open(p, &r, &head);
        case 0x0009:
            p->kind = PIXEL_DOUBLE;
            return plain_open(p, &r, &head);
        case 0x0010:
            return head.length == PIXEL_UNDEFINED
                       ? fragments_open(p, &r, frames)
                       : plain_open(p, &r, &head);
        default:
            if (head.length > r.len - r.at) {
                return DICOM_CUT;
            }
            r.at += head.length;
        }
    }

    return r.at < r.len && len - r.at < PIXEL_HEAD ? DICOM_CUT
                                                   : DICOM_NO_PIXELS;
}


void
pixel_data_close(pixel_data_t *p)
{
    free(p->piece);
    free(p->start);
    p->piece = NULL;
    p->start = NULL;
}


/* 0: no further element of this group. */
static int
head_read(pixel_reader_t *r, pixel_head_t *head)
{
    const uint8_t *p = r->p + r->at;
    const size_t left = r->len - r->at;
    int brief;

    if (left < PIXEL_HEAD || get(p, 2, r->big_endian) != 0x7fe0) {
        return 0;
    }

    head->element = (uint16_t) get(p + 2, 2, r->big_endian);
    head->words = !r->is_explicit || memcmp(p + 4, "OW", 2) == 0;

    if (!r->is_explicit) {
        head->length = get(p + 4, 4, r->big_endian);
        r->at += 8;
        return 1;
    }

    /* Group lengths and the like have 16 bits of length. */
    brief = memcmp(p + 4, "UL", 2) == 0;
    if (!brief && left < 12) {
        return 0;
    }

    head->length =
        brief ? get(p + 6, 2, r->big_endian) : get(p + 8, 4, r->big_endian);
    r->at += brief ? 8 : 12;
    return 1;
}


static dicom_status_t
plain_open(pixel_data_t *p, const pixel_reader_t *r, const pixel_head_t *head)
{
    const size_t left = r->len - r->at;

    p->cut = head->length > left;
    p->words = head->words;
    p->value = r->p + r->at;
    p->bytes = p->cut ? left : head->length;

    return p->bytes > 0 ? DICOM_OK : p->cut ? DICOM_CUT : DICOM_NO_PIXELS;
}


/* --- fragments --- */

static dicom_status_t
fragments_open(pixel_data_t *p, const pixel_reader_t *r, uint32_t frames)
{
    dicom_piece_t table = {0};

    p->encapsulated = 1;
    p->frames = frames;
    p->start = calloc((size_t) frames + 1, sizeof *p->start);

    if (p->start == NULL || !fragments_read(p, r, &table)) {
        return DICOM_NO_MEMORY;
    }

    if (p->pieces == 0) {
        return p->cut ? DICOM_CUT : DICOM_NO_PIXELS;
    }

    if (frames == 1) {
        p->start[1] = p->pieces;
        return DICOM_OK;
    }

    if (p->pieces == frames || (p->cut && p->pieces < frames)) {
        for (size_t k = 0; k <= frames; k++) {
            p->start[k] = k < p->pieces ? k : p->pieces;
        }
        return DICOM_OK;
    }

    return fragments_by_table(p, &table) || fragments_by_start(p)
               ? DICOM_OK
               : DICOM_DAMAGED;
}


/* All items up to the delimiter; the first is the table of offsets. */
static int
fragments_read(pixel_data_t *p, const pixel_reader_t *r, dicom_piece_t *table)
{
    const uint8_t *at = r->p + r->at, *end = r->p + r->len;
    uint32_t length, element;

    for (int first = 1;; first = 0) {
        if (end - at < PIXEL_HEAD) {
            p->cut = 1;
            return 1;
        }

        element = get(at + 2, 2, 0);
        length = get(at + 4, 4, 0);
        at += PIXEL_HEAD;

        if (get(at - PIXEL_HEAD, 2, 0) != 0xfffe || element != PIXEL_ITEM) {
            return 1;
        }

        if (length > (size_t) (end - at)) {
            p->cut = 1;
            length = (uint32_t) (end - at);
        }

        if (first) {
            *table = (dicom_piece_t){at, length};

        } else if (length > 0 && !fragments_add(p, at, length)) {
            return 0;
        }

        at += length;
    }
}


static int
fragments_add(pixel_data_t *p, const uint8_t *data, size_t bytes)
{
    void *grown;

    /* Doubling: the count is a power of two exactly when it is full. */
    if ((p->pieces & (p->pieces - 1)) == 0) {
        grown = realloc(p->piece,
                        (p->pieces ? 2 * p->pieces : 1) * sizeof *p->piece);
        if (grown == NULL) {
            return 0;
        }
        p->piece = grown;
    }

    p->piece[p->pieces++] = (dicom_piece_t){data, bytes};
    return 1;
}


/* Frames by their offsets from the first fragment's item; 0: they do not fit.
 */
static int
fragments_by_table(pixel_data_t *p, const dicom_piece_t *table)
{
    const uint8_t *first = p->piece[0].data;
    size_t k = 0;

    if (table->bytes != 4 * (size_t) p->frames) {
        return 0;
    }

    for (size_t i = 0; i < p->pieces && k < p->frames; i++) {
        if ((size_t) (p->piece[i].data - first) ==
            get(table->data + 4 * k, 4, 0)) {
            p->start[k++] = i;
        }
    }

    p->start[p->frames] = p->pieces;
    return k == p->frames && p->start[0] == 0;
}


/* Frames by the marks that JPEG and JPEG 2000 begin with. */
static int
fragments_by_start(pixel_data_t *p)
{
    size_t k = 0;

    for (size_t i = 0; i < p->pieces; i++) {
        const dicom_piece_t *f = &p->piece[i];

        if (f->bytes < 4 || (memcmp(f->data, "\xff\xd8\xff", 3) != 0 &&
                             memcmp(f->data, "\xff\x4f\xff\x51", 4) != 0)) {
            continue;
        }

        if (k == p->frames) {
            return 0;
        }
        p->start[k++] = i;
    }

    p->start[p->frames] = p->pieces;
    return k == p->frames && p->start[0] == 0;
}


static uint32_t
get(const uint8_t *p, int bytes, int big_endian)
{
    uint32_t v = 0;

    for (int i = 0; i < bytes; i++) {
        v = v << 8 | p[big_endian ? i : bytes - 1 - i];
    }

    return v;
}
