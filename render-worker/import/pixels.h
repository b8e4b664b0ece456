/*
 * The stored numbers of one picture: taken as they lie in the file where that
 * is possible, decoded where not. Colours become how bright they are.
 */

#ifndef EXPO_IMPORT_PIXELS_H
#define EXPO_IMPORT_PIXELS_H

#include "render-worker/import/header.h"
#include "render-worker/import/pixel_data.h"

typedef struct {
    const void *raw; /* rows * cols numbers in this machine's order */
    void *owned;     /* NULL: raw is borrowed from the file */
    pixel_kind_t kind;
    uint8_t bytes; /* of a number: 1, 2, 4, 8 */
    /* Of whole numbers: the value is raw >> shift, cut to bits, with sign. */
    uint8_t shift, bits, is_signed;
} pixels_t;

/*
 * Frame k of a file; big_endian: plain numbers are. syntax: of its transfer.
 * *out: released with pixels_free; untouched unless DICOM_OK.
 */
dicom_status_t pixels_take(pixels_t *out, const header_t *h,
                           const pixel_data_t *data, uint32_t k,
                           const char *syntax, int big_endian);
void pixels_free(pixels_t *p);

/* What pixels_take would own, in bytes. */
size_t pixels_bytes(const header_t *h, const pixel_data_t *data,
                    int big_endian);

/* Stored numbers i .. i + n as doubles. */
void pixels_values(double *dst, const pixels_t *p, size_t i, size_t n);

/* What a raw number of at most 16 bits stands for. */
static inline int32_t
pixels_whole(const pixels_t *p, uint32_t raw)
{
    const uint32_t mask = p->bits >= 32 ? ~0u : (1u << p->bits) - 1;
    const uint32_t sign = p->is_signed ? 1u << (p->bits - 1) : 0;

    return (int32_t) ((((raw >> p->shift) & mask) ^ sign) - sign);
}

#endif
