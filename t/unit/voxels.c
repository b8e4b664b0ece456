#include "lib/voxels.c"
#include "t/unit/volume_files.h"

#define N 12

/* The same N values in every type that holds them. */
#define STORE(number_t)                                                        \
    do {                                                                       \
        number_t x_;                                                           \
        for (i = 0; i < N; i++) {                                              \
            x_ = (number_t) values[i];                                         \
            memcpy(dst + i * sizeof(x_), &x_, sizeof(x_));                     \
        }                                                                      \
    } while (0)

static size_t
store(uint8_t *dst, const double values[N], expo_number_t type)
{
    size_t i;

    switch (type) {
    case EXPO_INT8:
        STORE(int8_t);
        break;
    case EXPO_UINT8:
        STORE(uint8_t);
        break;
    case EXPO_INT16:
        STORE(int16_t);
        break;
    case EXPO_UINT16:
        STORE(uint16_t);
        break;
    case EXPO_INT32:
        STORE(int32_t);
        break;
    case EXPO_UINT32:
        STORE(uint32_t);
        break;
    case EXPO_INT64:
        STORE(int64_t);
        break;
    case EXPO_UINT64:
        STORE(uint64_t);
        break;
    case EXPO_FLOAT:
        STORE(float);
        break;
    default:
        STORE(double);
    }

    return N * expo_number_bytes(type);
}

static expo_volume_t
line_of(uint32_t n)
{
    expo_volume_t v;

    memset(&v, 0, sizeof(v));
    v.dims[0] = n;
    v.dims[1] = v.dims[2] = 1;

    return v;
}

/* The largest error when these values are taken; < 0: not taken. */
static double
error_of(const double values[N], expo_number_t type, int big, int deflate_it,
         double slope, double intercept)
{
    uint8_t raw[N * 8], packed[512];
    expo_numbers_t n = {.data = raw,
                        .type = type,
                        .big_endian = big,
                        .slope = slope,
                        .intercept = intercept};
    expo_volume_t v = line_of(N);
    uint16_t *voxels = NULL;
    double worst = 0;
    size_t i;

    n.len = store(raw, values, type);

    if (big) {
        swap(raw, N, expo_number_bytes(type));
    }

    if (deflate_it) {
        n.len = deflated(raw, n.len, 15, packed, sizeof(packed));
        n.data = packed;
        n.deflated = 1;
    }

    if (expo_voxels_take(&v, &voxels, &n) != EXPO_OK) {
        return -1;
    }

    for (i = 0; i < N; i++) {
        worst = fmax(worst, fabs(intercept + slope * values[i] -
                                 value_at(&v, voxels, i)));

        if (voxels[i] < v.voxel_min || voxels[i] > v.voxel_max) {
            worst = INFINITY;
        }
    }

    free(voxels);

    return worst;
}

static void
whole_numbers_of_every_type_are_kept_exactly(void)
{
    static const double small[N] = {3, 0, 1, 127, 12, 5, 5, 9, 100, 2, 77, 1};
    static const double hu[N] = {-1024, 0,  3071, 40,   40,  -1000,
                                 55,    60, -3,   -101, 300, 1};
    expo_number_t type;
    double worst = 0;
    int way;

    for (type = EXPO_INT8; type <= EXPO_DOUBLE; type++) {
        for (way = 0; way < 4; way++) {
            worst = fmax(worst, error_of(small, type, way & 1, way >> 1, 1, 0));
        }
    }

    check(worst == 0);
    check(error_of(hu, EXPO_INT16, 0, 0, 1, 0) == 0);
    check(error_of(hu, EXPO_INT32, 1, 0, 1, 0) == 0);
    check(error_of(hu, EXPO_FLOAT, 0, 1, 1, 0) == 0);
    check(error_of(hu, EXPO_INT16, 0, 0, 2, -24) == 0);
    check(error_of(hu, EXPO_INT16, 0, 0, -1, 7) == 0);
    check(error_of(hu, EXPO_DOUBLE, 0, 0, -0.5, 7) == 0);
}

static void
the_whole_of_16_bits_is_used(void)
{
    static const double wide[N] = {-32768, 32767, 0, 1, -1, 2,
                                   3,      4,     5, 6, 7,  8};
    static const double more[N] = {-32768, 32768, 0, 1, -1, 2,
                                   3,      4,     5, 6, 7,  8};

    check(error_of(wide, EXPO_INT16, 0, 0, 1, 0) == 0);
    check(error_of(wide, EXPO_INT64, 0, 0, 1, 0) == 0);
    check(error_of(more, EXPO_INT32, 0, 0, 1, 0) > 0);
    check(error_of(more, EXPO_INT32, 0, 0, 1, 0) <= 0.5001 * 65536 / 65535);
}

static void
fractions_are_spread_over_the_range(void)
{
    static const double part[N] = {0.25, 0.5, -3.75, 1e3, 2, 3,
                                   4,    5,   6,     7,   8, 9};
    static const double huge[N] = {-8e307, 8e307, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    static const double tiny[N] = {5e-324, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

    check(error_of(part, EXPO_DOUBLE, 0, 0, 1, 0) <= 0.5001 * 1003.75 / 65535);
    check(error_of(part, EXPO_FLOAT, 1, 1, 1, 0) <= 0.5001 * 1003.75 / 65535);
    check(error_of(part, EXPO_DOUBLE, 0, 0, -2, 1) <= 1.0001 * 1003.75 / 65535);
    check(error_of(huge, EXPO_DOUBLE, 0, 0, 1, 0) <= 0.51 * (1.6e308 / 65535));
    check(error_of(tiny, EXPO_DOUBLE, 0, 0, 1, 0) <= 5e-324);
}

static void
what_is_no_number_becomes_the_smallest_value(void)
{
    static const float odd[4] = {NAN, 2.5f, -1.5f, -INFINITY};
    static const float none[4] = {NAN, NAN, INFINITY, NAN};
    expo_numbers_t n = {.data = (const uint8_t *) odd,
                        .len = sizeof(odd),
                        .type = EXPO_FLOAT,
                        .slope = 1};
    expo_volume_t v = line_of(4);
    uint16_t *voxels;

    check(expo_voxels_take(&v, &voxels, &n) == EXPO_OK);
    check(voxels[0] == 0 && voxels[3] == 0 && voxels[2] == 0);
    check(v.offset == -1.5 && voxels[1] == 65535);
    free(voxels);

    n.slope = -1;
    check(expo_voxels_take(&v, &voxels, &n) == EXPO_OK);
    check(voxels[0] == 0 && voxels[3] == 0 && voxels[1] == 0);
    check(v.offset == -2.5 && voxels[2] == 65535);
    free(voxels);

    n.data = (const uint8_t *) none;
    check(expo_voxels_take(&v, &voxels, &n) == EXPO_OK);
    check(voxels[0] == 0 && voxels[2] == 0 && v.voxel_max == 0);
    check(v.scale == 1 && v.offset == 0);
    free(voxels);
}

static void
data_may_be_skipped_and_may_not_end(void)
{
    uint8_t raw[64] = {1, 2, 3, 4, 5, 6}, packed[128];
    expo_numbers_t n = {
        .data = raw, .len = 6, .type = EXPO_UINT8, .slope = 1, .skip = 2};
    expo_volume_t v = line_of(4);
    uint16_t *voxels;

    check(expo_voxels_take(&v, &voxels, &n) == EXPO_OK);
    check(v.offset == 3 && voxels[3] == 3);
    free(voxels);

    n.skip = 3;
    check(expo_voxels_take(&v, &voxels, &n) == EXPO_CORRUPT);
    n.skip = UINT64_MAX;
    check(expo_voxels_take(&v, &voxels, &n) == EXPO_CORRUPT);

    n.len = deflated(raw, 6, 31, packed, sizeof(packed));
    n.data = packed;
    n.deflated = 1;
    n.skip = 2;
    check(expo_voxels_take(&v, &voxels, &n) == EXPO_OK);
    check(v.offset == 3 && voxels[3] == 3);
    free(voxels);

    n.skip = 3;
    check(expo_voxels_take(&v, &voxels, &n) == EXPO_CORRUPT);
}

/* Stored bytes inflate whatever they are; only the checksum tells. */
static void
a_wrong_checksum_is_noticed(void)
{
    uint8_t raw[8] = {1, 2, 3, 4, 5, 6, 7, 8}, packed[128];
    expo_numbers_t n = {
        .data = packed, .type = EXPO_UINT8, .slope = 1, .deflated = 1};
    expo_volume_t v = line_of(8);
    uint16_t *voxels;
    int bits;

    for (bits = 15; bits <= 31; bits += 16) {
        n.len = deflated(raw, 8, bits, packed, sizeof(packed));
        packed[n.len - (bits > 15 ? 8 : 1)] ^= 1;
        v = line_of(8);
        check(expo_voxels_take(&v, &voxels, &n) == EXPO_CORRUPT);

        /* Of data that go on nothing is known. */
        v = line_of(7);
        check(expo_voxels_take(&v, &voxels, &n) == EXPO_OK);
        free(voxels);
    }
}

/* gzip of a file in two halves is two members, one after the other. */
static void
gzip_may_have_several_members(void)
{
    uint8_t raw[8] = {1, 2, 3, 4, 5, 6, 7, 8}, packed[256];
    expo_numbers_t n = {
        .data = packed, .type = EXPO_UINT8, .slope = 1, .deflated = 1};
    expo_volume_t v = line_of(8);
    uint16_t *voxels;

    n.len = deflated(raw, 3, 31, packed, sizeof(packed));
    n.len += deflated(raw + 3, 5, 31, packed + n.len, sizeof(packed) - n.len);
    check(expo_voxels_take(&v, &voxels, &n) == EXPO_OK);
    check(v.offset == 1 && voxels[7] == 7);
    free(voxels);
}

/* More than a block, so that blocks meet. */
static void
long_data_are_taken_block_by_block(void)
{
    uint32_t count = 3 * VOXELS_BLOCK + 5, i;
    int16_t *raw = malloc(count * sizeof(*raw));
    expo_numbers_t n = {.data = (uint8_t *) raw,
                        .len = count * sizeof(*raw),
                        .type = EXPO_INT16,
                        .slope = 1};
    expo_volume_t v = line_of(count);
    uint16_t *voxels;
    int wrong = 0;

    for (i = 0; i < count; i++) {
        raw[i] = (int16_t) (i * 7919);
    }

    check(expo_voxels_take(&v, &voxels, &n) == EXPO_OK);

    for (i = 0; i < count; i++) {
        wrong += value_at(&v, voxels, i) != raw[i];
    }

    check(wrong == 0);
    free(voxels);
    free(raw);
}

/* Half the edge: of each 2^3 the mean, of whatever type. */
static void
voxels_may_be_scaled_on_their_way(void)
{
    static const double values[N] = {-4, 0, 8, 4, 1, 3, 7, 1, -8, 0, 2, 2};
    uint8_t raw[N * 8];
    expo_numbers_t n = {.data = raw, .slope = -2, .factor = 2};
    int wrong = 0;
    expo_volume_t v;
    uint16_t *voxels;

    for (n.type = EXPO_INT8; n.type <= EXPO_DOUBLE; n.type += 2) {
        v = line_of(4);
        v.dims[1] = 3;
        v.affine[0] = v.affine[5] = v.affine[10] = 1;
        n.len = store(raw, values, n.type);
        wrong += expo_voxels_take(&v, &voxels, &n) != EXPO_OK;
        wrong += v.dims[0] != 2 || v.dims[1] != 2 || v.dims[2] != 1;
        wrong += value_at(&v, voxels, 0) != 0 || value_at(&v, voxels, 1) != -10;
        wrong += value_at(&v, voxels, 2) != 8 || value_at(&v, voxels, 3) != -4;
        wrong += v.voxel_min != voxels[1] || v.voxel_max != voxels[2];
        free(voxels);
    }

    check(wrong == 0);
}

int
main(void)
{
    whole_numbers_of_every_type_are_kept_exactly();
    the_whole_of_16_bits_is_used();
    fractions_are_spread_over_the_range();
    what_is_no_number_becomes_the_smallest_value();
    data_may_be_skipped_and_may_not_end();
    a_wrong_checksum_is_noticed();
    gzip_may_have_several_members();
    long_data_are_taken_block_by_block();
    voxels_may_be_scaled_on_their_way();

    return done();
}
