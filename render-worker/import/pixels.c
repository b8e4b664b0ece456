#include "render-worker/import/pixels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/import/j2k.h"

/* Samples of one picture before colours become brightness. */
typedef struct {
    const void *src;
    uint32_t bytes; /* of a sample: 1, 2, 4 */
    uint32_t shift, bits;
    int planar;
    int halved; /* YBR_FULL_422 as plain bytes: Y Y B R for two pixels */
    header_colour_t colour;
} samples_t;

static dicom_status_t plain_take(pixels_t *out, const header_t *h,
                                 const pixel_data_t *data, uint32_t k,
                                 int big_endian);
static dicom_status_t coded_take(pixels_t *out, const header_t *h,
                                 const dicom_piece_t *piece, size_t pieces,
                                 const char *syntax);
static dicom_status_t j2k_take(pixels_t *out, const header_t *h,
                               const dicom_piece_t *piece, size_t pieces);
static void number_format(pixels_t *out, const dicom_shape_t *shape);
static dicom_status_t brightness_take(pixels_t *out, const samples_t *s,
                                      size_t n);
static double sample_at(const samples_t *s, size_t i);
static void swap(uint8_t *dst, const uint8_t *src, size_t bytes, size_t width);


dicom_status_t
pixels_take(pixels_t *out, const header_t *h, const pixel_data_t *data,
            uint32_t k, const char *syntax, int big_endian)
{
    static const char j2k[] = "1.2.840.10008.1.2.4.9"; /* .90, .91 */
    const dicom_piece_t *piece;
    dicom_status_t st;
    size_t pieces;

    if (h->shape.rows > DICOM_EDGE_MAX || h->shape.cols > DICOM_EDGE_MAX) {
        return DICOM_TOO_LARGE;
    }

    if (!data->encapsulated) {
        return plain_take(out, h, data, k, big_endian);
    }

    piece = data->piece + data->start[k];
    pieces = data->start[k + 1] - data->start[k];
    if (pieces == 0) {
        return DICOM_CUT;
    }

    st = syntax != NULL && strncmp(syntax, j2k, sizeof j2k - 1) == 0
             ? j2k_take(out, h, piece, pieces)
             : coded_take(out, h, piece, pieces, syntax);

    return st == DICOM_DAMAGED && data->cut ? DICOM_CUT : st;
}


void
pixels_free(pixels_t *p)
{
    free(p->owned);
    p->owned = NULL;
    p->raw = NULL;
}


size_t
pixels_bytes(const header_t *h, const pixel_data_t *data, int big_endian)
{
    const size_t n = (size_t) h->shape.rows * h->shape.cols;

    return !data->encapsulated && h->shape.samples == 1 && !big_endian
               ? 0
               : n * (h->shape.bits_allocated <= 16 ? 2 : 8);
}


void
pixels_values(double *dst, const pixels_t *p, size_t at, size_t n)
{
    if (p->kind == PIXEL_FLOAT) {
        for (size_t i = 0; i < n; i++) {
            dst[i] = ((const float *) p->raw)[at + i];
        }

    } else if (p->kind == PIXEL_DOUBLE) {
        memcpy(dst, (const double *) p->raw + at, n * sizeof *dst);

    } else if (p->bytes == 1) {
        for (size_t i = 0; i < n; i++) {
            dst[i] = pixels_whole(p, ((const uint8_t *) p->raw)[at + i]);
        }

    } else if (p->bytes == 2) {
        for (size_t i = 0; i < n; i++) {
            dst[i] = pixels_whole(p, ((const uint16_t *) p->raw)[at + i]);
        }

    } else {
        for (size_t i = 0; i < n; i++) {
            int32_t v = pixels_whole(p, ((const uint32_t *) p->raw)[at + i]);
            dst[i] = p->is_signed ? (double) v : (double) (uint32_t) v;
        }
    }
}


/* --- plain numbers --- */

static dicom_status_t
plain_take(pixels_t *out, const header_t *h, const pixel_data_t *data,
           uint32_t k, int big_endian)
{
    const dicom_shape_t *shape = &h->shape;
    const size_t n = (size_t) shape->rows * shape->cols;
    const int halved = strcmp(shape->photometric, "YBR_FULL_422") == 0;
    const uint32_t bytes = data->kind == PIXEL_FLOAT ? 4
                           : data->kind == PIXEL_DOUBLE
                               ? 8
                               : shape->bits_allocated / 8;
    const size_t frame = n * bytes * (halved ? 2 : shape->samples);
    const size_t word = bytes > 1 ? bytes : data->words ? 2 : 1;
    pixels_t p = {.kind = data->kind, .bytes = (uint8_t) bytes};
    samples_t s;
    dicom_status_t st;

    if (k >= data->bytes / frame) {
        return DICOM_CUT;
    }

    p.raw = data->value + k * frame;

    /* Numbers are read where they lie, if they lie as the machine wants. */
    if ((big_endian && word > 1) || (uintptr_t) p.raw % bytes != 0) {
        p.owned = malloc(frame);
        if (p.owned == NULL) {
            return DICOM_NO_MEMORY;
        }
        swap(p.owned, p.raw, frame, big_endian ? word : 1);
        p.raw = p.owned;
    }

    if (shape->samples == 1) {
        number_format(&p, shape);
        *out = p;
        return DICOM_OK;
    }

    if (data->kind != PIXEL_WHOLE) {
        pixels_free(&p);
        return DICOM_DAMAGED;
    }

    s = (samples_t){p.raw,
                    bytes,
                    shape->high_bit + 1 - shape->bits_stored,
                    shape->bits_stored,
                    shape->planar,
                    halved,
                    h->colour};
    st = brightness_take(out, &s, n);
    pixels_free(&p);

    return st;
}


/* --- coded ones --- */

static dicom_status_t
coded_take(pixels_t *out, const header_t *h, const dicom_piece_t *piece,
           size_t pieces, const char *syntax)
{
    dicom_shape_t shape = h->shape;
    const size_t n = (size_t) shape.rows * shape.cols;
    const size_t room = n * shape.samples * (shape.bits_allocated / 8);
    pixels_t p = {.owned = malloc(room)};
    dicom_status_t st;
    samples_t s;

    if (p.owned == NULL) {
        return DICOM_NO_MEMORY;
    }

    st = syntax == NULL
             ? DICOM_DAMAGED
             : dicom_decode(syntax, piece, pieces, &shape, p.owned, room);

    if (st == DICOM_OK &&
        ((shape.bits_allocated != 8 && shape.bits_allocated != 16 &&
          shape.bits_allocated != 32) ||
         shape.bits_stored == 0 || shape.high_bit >= shape.bits_allocated ||
         shape.bits_stored > shape.high_bit + 1)) {
        st = DICOM_DAMAGED;
    }

    if (st != DICOM_OK) {
        free(p.owned);
        return st;
    }

    p.raw = p.owned;
    p.bytes = (uint8_t) (shape.bits_allocated / 8);

    if (shape.samples == 1) {
        number_format(&p, &shape);
        *out = p;
        return DICOM_OK;
    }

    s = (samples_t){p.raw,
                    p.bytes,
                    shape.high_bit + 1 - shape.bits_stored,
                    shape.bits_stored,
                    shape.planar,
                    0,
                    header_colour(&shape)};
    st = brightness_take(out, &s, n);
    free(p.owned);

    return st;
}


static dicom_status_t
j2k_take(pixels_t *out, const header_t *h, const dicom_piece_t *piece,
         size_t pieces)
{
    const size_t n = (size_t) h->shape.rows * h->shape.cols;
    const int halves = h->shape.bits_allocated <= 16;
    uint32_t bits;
    int32_t *numbers;
    uint16_t *narrow;
    samples_t s;
    dicom_status_t st;

    st = j2k_decode(&numbers, &bits, piece, pieces, &h->shape);
    if (st != DICOM_OK) {
        return st;
    }

    /* Some codes hold more bits than the header says, or claim another sign. */
    bits = bits > h->shape.bits_stored ? bits : h->shape.bits_stored;

    if (h->shape.samples > 1) {
        s = (samples_t){numbers, 4, 0, bits, 1, 0, h->colour};
        st = brightness_take(out, &s, n);
        free(numbers);
        return st;
    }

    /* Forwards, in place: what is narrower never overtakes. */
    narrow = (uint16_t *) numbers;
    for (size_t i = 0; halves && i < n; i++) {
        uint16_t v = (uint16_t) numbers[i];
        memcpy(&narrow[i], &v, sizeof *narrow);
    }

    *out = (pixels_t){.raw = numbers,
                      .owned = numbers,
                      .bytes = halves ? 2 : 4,
                      .bits = (uint8_t) bits,
                      .is_signed = h->shape.is_signed != 0};
    return DICOM_OK;
}


static void
number_format(pixels_t *out, const dicom_shape_t *shape)
{
    out->shift = (uint8_t) (shape->high_bit + 1 - shape->bits_stored);
    out->bits = (uint8_t) shape->bits_stored;
    out->is_signed = shape->is_signed != 0;
}


/* --- colour --- */

/* Red, green and blue by ITU-R BT.601; the first of YBR is brightness itself.
 */
static dicom_status_t
brightness_take(pixels_t *out, const samples_t *s, size_t n)
{
    const int narrow = s->bits <= 16;
    const size_t next = s->planar ? n : 1, step = s->planar ? 1 : 3;
    void *made = malloc(n * (narrow ? 2 : 4));
    double v;

    if (made == NULL) {
        return DICOM_NO_MEMORY;
    }

    if (s->colour != HEADER_RGB && s->colour != HEADER_YBR) {
        free(made);
        return DICOM_DAMAGED;
    }

    for (size_t i = 0; i < n; i++) {
        if (s->halved) {
            v = sample_at(s, i / 2 * 4 + i % 2);
        } else if (s->colour == HEADER_YBR) {
            v = sample_at(s, i * step);
        } else {
            v = 0.299 * sample_at(s, i * step) +
                0.587 * sample_at(s, i * step + next) +
                0.114 * sample_at(s, i * step + 2 * next);
        }

        if (narrow) {
            ((uint16_t *) made)[i] = (uint16_t) (v + 0.5);
        } else {
            ((uint32_t *) made)[i] = (uint32_t) (v + 0.5);
        }
    }

    *out = (pixels_t){.raw = made,
                      .owned = made,
                      .bytes = narrow ? 2 : 4,
                      .bits = (uint8_t) s->bits};
    return DICOM_OK;
}


static double
sample_at(const samples_t *s, size_t i)
{
    uint32_t v = s->bytes == 1   ? ((const uint8_t *) s->src)[i]
                 : s->bytes == 2 ? ((const uint16_t *) s->src)[i]
                                 : ((const uint32_t *) s->src)[i];

    return v >> s->shift & (s->bits >= 32 ? ~0u : (1u << s->bits) - 1);
}


/* width 1 copies. */
static void
swap(uint8_t *dst, const uint8_t *src, size_t bytes, size_t width)
{
    for (size_t i = 0; i < bytes; i++) {
        size_t from = i / width * width + (width - 1 - i % width);

        dst[i] = src[from < bytes ? from : i];
    }
}
