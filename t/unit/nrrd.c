#include "lib/nrrd.c"
#include "t/unit/check.h"

static expo_volume_t
volume(double scale, double offset, uint16_t top)
{
    return (expo_volume_t) {.dims = {3, 4, 5},
                            .affine = {1, 0, 0, -10, 0, 2, 0.5, -20, 0, 0, 3,
                                       -30},
                            .scale = scale,
                            .offset = offset,
                            .voxel_max = top,
                            .unit = "HU",
                            .modality = "CT"};
}

static void
whole_numbers_that_fit_are_written_as_int16(void)
{
    expo_volume_t v = volume(1, -1024, 4095);
    const uint8_t voxels[4] = {0, 0, 0xff, 0x0f};
    uint8_t out[4];

    check(expo_nrrd_type(&v) == EXPO_NRRD_INT16);
    expo_nrrd_values(out, voxels, 2, &v, EXPO_NRRD_INT16);
    check((int16_t) (out[0] | out[1] << 8) == -1024);
    check((int16_t) (out[2] | out[3] << 8) == 4095 - 1024);
}

static void
everything_else_is_written_as_float(void)
{
    expo_volume_t half = volume(0.5, 0, 100), far = volume(1, 0, 40000);
    const uint8_t voxels[2] = {3, 0};
    uint8_t out[4];
    float value;

    check(expo_nrrd_type(&half) == EXPO_NRRD_FLOAT);
    check(expo_nrrd_type(&far) == EXPO_NRRD_FLOAT);

    expo_nrrd_values(out, voxels, 1, &half, EXPO_NRRD_FLOAT);
    memcpy(&value, out, sizeof value);
    check(value == 1.5f);
}

static void
directions_are_the_columns_of_the_affine(void)
{
    expo_volume_t v = volume(1, 0, 1);
    char text[EXPO_NRRD_HEADER_MAX];
    size_t n;

    check(expo_nrrd_header(text, sizeof text, &n, &v, EXPO_NRRD_INT16, 0)
          == EXPO_OK);
    check(n == strlen(text) && strcmp(text + n - 2, "\n\n") == 0);
    check(strncmp(text, "NRRD0005\n", 9) == 0);
    check(strstr(text, "sizes: 3 4 5\n") != NULL);
    check(strstr(text, "space directions: (1,0,0) (0,2,0) (0,0.5,3)\n")
          != NULL);
    check(strstr(text, "space origin: (-10,-20,-30)\n") != NULL);
    check(strstr(text, "space: left-posterior-superior\n") != NULL);
}

static void
a_header_that_does_not_fit_is_refused(void)
{
    expo_volume_t v = volume(1, 0, 1);
    char text[EXPO_NRRD_HEADER_MAX];
    size_t n, whole;
    int refused = 1;

    expo_nrrd_header(text, sizeof text, &whole, &v, EXPO_NRRD_FLOAT, 0);
    for (size_t cap = 0; cap <= whole; cap++) {
        refused = refused
                  && expo_nrrd_header(text, cap, &n, &v, EXPO_NRRD_FLOAT, 0)
                         == EXPO_TOO_LARGE;
    }
    check(refused);
}

int
main(void)
{
    whole_numbers_that_fit_are_written_as_int16();
    everything_else_is_written_as_float();
    directions_are_the_columns_of_the_affine();
    a_header_that_does_not_fit_is_refused();
    return done();
}
