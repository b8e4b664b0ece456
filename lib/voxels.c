#include "lib/voxels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/inflate.h"
#include "lib/volume_scale.h"

#define VOXELS_BLOCK 8192
#define VOXELS_MOST 65535

/* Numbers are copied as they lie in the file, swapped where it is big-endian.
 */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian");

/* Numbers block by block, from the first. */
typedef struct {
    const expo_numbers_t *numbers;
    uint64_t left;
    const uint8_t *at; /* the next number, when not deflated */
    expo_inflate_t inflate;
    uint8_t bytes[VOXELS_BLOCK * 8];
    double values[VOXELS_BLOCK];
    uint16_t voxels[VOXELS_BLOCK]; /* what becomes of them */
} voxels_blocks_t;

/* Where voxels go, in their order: scaled on the way when asked. */
typedef struct {
    uint16_t *dst;
    uint64_t at;
    expo_volume_scale_t *scale; /* NULL: as they are */
} voxels_sink_t;

typedef struct {
    double low, high; /* of the finite numbers */
    int whole;        /* all of them are whole */
} voxels_range_t;

static int may_be_there(const expo_numbers_t *n, uint64_t count);
static expo_status_t blocks_open(voxels_blocks_t *b, const expo_numbers_t *n,
                                 uint64_t count);
static expo_status_t blocks_skip(voxels_blocks_t *b, uint64_t bytes);
static expo_status_t blocks_next(voxels_blocks_t *b, size_t *count);
static void blocks_close(voxels_blocks_t *b);
static void swap(uint8_t *bytes, size_t count, size_t width);
static void decode(double *dst, const uint8_t *src, size_t count,
                   expo_number_t type);
static expo_status_t find_range(voxels_blocks_t *b, const expo_numbers_t *n,
                                uint64_t count, voxels_range_t *range);
static void extend(voxels_range_t *range, const double *values, size_t count);
static expo_status_t take_small(voxels_blocks_t *b, const expo_numbers_t *n,
                                uint64_t count, voxels_sink_t *sink,
                                voxels_range_t *range);
static expo_status_t take_any(voxels_blocks_t *b, const expo_numbers_t *n,
                              uint64_t count, voxels_sink_t *sink,
                              voxels_range_t *range, double *step);
static void sink_put(voxels_sink_t *sink, const uint16_t *voxels, size_t count);
static void find_ends(expo_volume_t *v, const uint16_t *voxels);


size_t
expo_number_bytes(expo_number_t type)
{
    static const uint8_t bytes[] = {0, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8};

    return bytes[type];
}


expo_status_t
expo_voxels_take(expo_volume_t *v, uint16_t **voxels, const expo_numbers_t *n)
{
    uint64_t count = expo_volume_voxels(v);
    expo_volume_t scaled = *v;
    expo_volume_scale_t scale;
    voxels_sink_t sink = {0};
    voxels_range_t range;
    voxels_blocks_t *b;
    expo_status_t st = EXPO_NO_MEMORY;
    double step = 1;

    if (!may_be_there(n, count)) {
        return EXPO_CORRUPT;
    }

    if (n->factor > 1) {
        expo_volume_scale_shape(&scaled, n->factor);
    }

    b = malloc(sizeof(*b));
    sink.dst = malloc((size_t) expo_volume_voxels(&scaled) * sizeof(*sink.dst));

    if (b == NULL || sink.dst == NULL) {
        goto done;
    }

    if (n->factor > 1) {
        st = expo_volume_scale_open(&scale, v, n->factor, sink.dst);
        if (st != EXPO_OK) {
            goto done;
        }

        sink.scale = &scale;
    }

    st = expo_number_bytes(n->type) <= 2
             ? take_small(b, n, count, &sink, &range)
             : take_any(b, n, count, &sink, &range, &step);

    if (sink.scale != NULL) {
        expo_volume_scale_close(sink.scale);
    }

done:

    free(b);

    if (st != EXPO_OK) {
        free(sink.dst);
        return st;
    }

    *v = scaled;
    v->scale = step * fabs(n->slope);
    v->offset =
        n->intercept + n->slope * (n->slope > 0 ? range.low : range.high);
    find_ends(v, sink.dst);
    *voxels = sink.dst;

    return EXPO_OK;
}


/* Nothing is asked of the system for data that cannot be: deflate makes at most
 * 1032 bytes of one. */
static int
may_be_there(const expo_numbers_t *n, uint64_t count)
{
    uint64_t wanted = count * expo_number_bytes(n->type);

    return wanted / (n->deflated ? 1032 : 1) <= n->len;
}


/* Integers of 8 or 16 bits: one pass, and one in memory to begin at 0. */
static expo_status_t
take_small(voxels_blocks_t *b, const expo_numbers_t *n, uint64_t count,
           voxels_sink_t *sink, voxels_range_t *range)
{
    static const double lowest[] = {0, INT8_MIN, 0, INT16_MIN, 0};
    expo_status_t st = blocks_open(b, n, count);
    double zero = lowest[n->type];
    size_t k, got = 1;
    uint16_t low, high;
    uint64_t i;

    *range = (voxels_range_t){INFINITY, -INFINITY, 1};

    while (st == EXPO_OK && got > 0) {
        st = blocks_next(b, &got);

        if (st == EXPO_OK) {
            extend(range, b->values, got);

            for (k = 0; k < got; k++) {
                b->voxels[k] = (uint16_t) (b->values[k] - zero);
            }

            sink_put(sink, b->voxels, got);
        }
    }

    blocks_close(b);

    if (st != EXPO_OK) {
        return st;
    }

    low = (uint16_t) (range->low - zero);
    high = (uint16_t) (range->high - zero);

    for (i = 0; i < sink->at; i++) {
        sink->dst[i] = (uint16_t) (n->slope > 0 ? sink->dst[i] - low
                                                : high - sink->dst[i]);
    }

    return EXPO_OK;
}


/* Wider numbers: their range first. *step: between two voxels, in numbers. */
static expo_status_t
take_any(voxels_blocks_t *b, const expo_numbers_t *n, uint64_t count,
         voxels_sink_t *sink, voxels_range_t *range, double *step)
{
    expo_status_t st = find_range(b, n, count, range);
    double zero, sign, x;
    size_t k, got = 1;

    if (st != EXPO_OK) {
        return st;
    }

    if (!range->whole || range->high - range->low > VOXELS_MOST) {
        *step = range->high / VOXELS_MOST - range->low / VOXELS_MOST;
    }

    if (!(*step > 0)) {
        *step = 1;
    }

    zero = n->slope > 0 ? range->low : range->high;
    sign = n->slope > 0 ? 1 : -1;
    st = blocks_open(b, n, count);

    while (st == EXPO_OK && got > 0) {
        st = blocks_next(b, &got);

        for (k = 0; st == EXPO_OK && k < got; k++) {
            x = sign * (b->values[k] - zero) / *step + 0.5;
            /* Negated, so that what is no number becomes 0. */
            b->voxels[k] = !isfinite(b->values[k]) || !(x > 0) ? 0
                           : x < VOXELS_MOST                   ? (uint16_t) x
                                                               : VOXELS_MOST;
        }

        if (st == EXPO_OK) {
            sink_put(sink, b->voxels, got);
        }
    }

    blocks_close(b);

    return st;
}


static void
sink_put(voxels_sink_t *sink, const uint16_t *voxels, size_t count)
{
    if (sink->scale != NULL) {
        expo_volume_scale_feed(sink->scale, (const uint8_t *) voxels,
                               2 * count);
        sink->at = expo_volume_scale_made(sink->scale);
        return;
    }

    memcpy(sink->dst + sink->at, voxels, count * sizeof(*voxels));
    sink->at += count;
}


static void
find_ends(expo_volume_t *v, const uint16_t *voxels)
{
    uint64_t i, n = expo_volume_voxels(v);
    uint16_t low = voxels[0], high = voxels[0];

    for (i = 1; i < n; i++) {
        low = voxels[i] < low ? voxels[i] : low;
        high = voxels[i] > high ? voxels[i] : high;
    }

    v->voxel_min = low;
    v->voxel_max = high;
}


static expo_status_t
find_range(voxels_blocks_t *b, const expo_numbers_t *n, uint64_t count,
           voxels_range_t *range)
{
    expo_status_t st = blocks_open(b, n, count);
    size_t got = 1;

    *range = (voxels_range_t){INFINITY, -INFINITY, 1};

    while (st == EXPO_OK && got > 0) {
        st = blocks_next(b, &got);

        if (st == EXPO_OK) {
            extend(range, b->values, got);
        }
    }

    blocks_close(b);

    if (st == EXPO_OK && range->low > range->high) {
        range->low = range->high = 0; /* not one finite number */
    }

    return st;
}


static void
extend(voxels_range_t *range, const double *values, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            continue;
        }

        range->low = values[i] < range->low ? values[i] : range->low;
        range->high = values[i] > range->high ? values[i] : range->high;
        range->whole &= values[i] == floor(values[i]);
    }
}


static expo_status_t
blocks_open(voxels_blocks_t *b, const expo_numbers_t *n, uint64_t count)
{
    expo_status_t st = EXPO_OK;

    b->numbers = n;
    b->left = count;
    b->at = n->data;

    if (n->deflated) {
        st = expo_inflate_open(&b->inflate, n->data, n->len);

    } else if (n->skip > n->len ||
               count * expo_number_bytes(n->type) > n->len - n->skip) {
        st = EXPO_CORRUPT;
    }

    if (st != EXPO_OK) {
        b->numbers = NULL;
        return st;
    }

    return blocks_skip(b, n->skip);
}


static expo_status_t
blocks_skip(voxels_blocks_t *b, uint64_t bytes)
{
    expo_status_t st = EXPO_OK;
    size_t piece;

    if (!b->numbers->deflated) {
        b->at += bytes;
        return EXPO_OK;
    }

    while (st == EXPO_OK && bytes > 0) {
        piece = bytes < sizeof(b->bytes) ? (size_t) bytes : sizeof(b->bytes);
        st = expo_inflate_read(&b->inflate, b->bytes, piece);
        bytes -= piece;
    }

    return st;
}


/* b->values: the next numbers, *count of them; 0 after the last. */
static expo_status_t
blocks_next(voxels_blocks_t *b, size_t *count)
{
    const expo_numbers_t *n = b->numbers;
    size_t width = expo_number_bytes(n->type);
    const uint8_t *src = b->at;
    expo_status_t st;

    *count = b->left < VOXELS_BLOCK ? (size_t) b->left : VOXELS_BLOCK;
    b->left -= *count;

    if (n->deflated && *count == 0) {
        return expo_inflate_check(&b->inflate);
    }

    if (n->deflated) {
        st = expo_inflate_read(&b->inflate, b->bytes, *count * width);
        if (st != EXPO_OK) {
            return st;
        }

        src = b->bytes;

    } else {
        b->at += *count * width;
    }

    if (n->big_endian && width > 1) {
        memmove(b->bytes, src, *count * width);
        swap(b->bytes, *count, width);
        src = b->bytes;
    }

    decode(b->values, src, *count, n->type);

    return EXPO_OK;
}


static void
blocks_close(voxels_blocks_t *b)
{
    if (b->numbers != NULL && b->numbers->deflated) {
        expo_inflate_close(&b->inflate);
    }
}


static void
swap(uint8_t *bytes, size_t count, size_t width)
{
    uint8_t keep;
    size_t i, k;

    for (i = 0; i < count; i++, bytes += width) {
        for (k = 0; k < width / 2; k++) {
            keep = bytes[k];
            bytes[k] = bytes[width - 1 - k];
            bytes[width - 1 - k] = keep;
        }
    }
}


#define VOXELS_DECODE(number_t)                                                \
    do {                                                                       \
        number_t x_;                                                           \
        for (i = 0; i < count; i++) {                                          \
            memcpy(&x_, src + i * sizeof(x_), sizeof(x_));                     \
            dst[i] = (double) x_;                                              \
        }                                                                      \
    } while (0)

static void
decode(double *dst, const uint8_t *src, size_t count, expo_number_t type)
{
    size_t i;

    switch (type) {
    case EXPO_NUMBER_NONE:
        break;
    case EXPO_INT8:
        VOXELS_DECODE(int8_t);
        break;
    case EXPO_UINT8:
        VOXELS_DECODE(uint8_t);
        break;
    case EXPO_INT16:
        VOXELS_DECODE(int16_t);
        break;
    case EXPO_UINT16:
        VOXELS_DECODE(uint16_t);
        break;
    case EXPO_INT32:
        VOXELS_DECODE(int32_t);
        break;
    case EXPO_UINT32:
        VOXELS_DECODE(uint32_t);
        break;
    case EXPO_INT64:
        VOXELS_DECODE(int64_t);
        break;
    case EXPO_UINT64:
        VOXELS_DECODE(uint64_t);
        break;
    case EXPO_FLOAT:
        VOXELS_DECODE(float);
        break;
    case EXPO_DOUBLE:
        VOXELS_DECODE(double);
        break;
    }
}
