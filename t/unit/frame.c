#include "lib/frame.c"
#include "t/unit/check.h"

#include <string.h>

#include <jansson.h>


static size_t
unhex(uint8_t *dst, const char *hex)
{
    size_t n = 0;
    unsigned byte;

    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
        dst[n++] = (uint8_t) byte;
    }

    return n;
}


static uint64_t
number(const json_t *fields, const char *name)
{
    return (uint64_t) json_integer_value(json_object_get(fields, name));
}


static void
vectors_read_and_write_as_written(const json_t *valid)
{
    uint8_t header[EXPO_FRAME_HEADER], again[EXPO_FRAME_HEADER];
    const json_t *fields;
    expo_frame_t f;
    json_t *one;
    size_t i;

    check(json_array_size(valid) >= 5);

    json_array_foreach(valid, i, one)
    {
        fields = json_object_get(one, "fields");
        printf("# %s\n", json_string_value(json_object_get(one, "name")));

        check(unhex(header, json_string_value(json_object_get(one, "hex"))) ==
              EXPO_FRAME_HEADER);
        check(expo_frame_read(&f, header,
                              EXPO_FRAME_HEADER + number(fields, "bytes")) ==
              EXPO_OK);
        check(f.codec == number(fields, "codec") &&
              f.flags == number(fields, "flags") &&
              f.sequence == number(fields, "sequence") &&
              f.revision == number(fields, "revision") &&
              f.samples == number(fields, "samples") &&
              f.time_us == number(fields, "time_us") &&
              f.width == number(fields, "width") &&
              f.height == number(fields, "height") &&
              f.bytes == number(fields, "bytes"));

        expo_frame_write(again, &f);
        check(memcmp(header, again, sizeof(header)) == 0);
    }
}


static void
vectors_that_are_no_frame_are_refused(const json_t *invalid)
{
    uint8_t header[EXPO_FRAME_HEADER] = {0};
    expo_frame_t f;
    json_t *one;
    size_t i;

    check(json_array_size(invalid) >= 10);

    json_array_foreach(invalid, i, one)
    {
        printf("# %s\n", json_string_value(json_object_get(one, "name")));
        unhex(header, json_string_value(json_object_get(one, "hex")));
        check(expo_frame_read(&f, header, number(one, "length")) ==
              EXPO_INVALID);
    }
}


static void
a_time_of_64_bits_survives(void)
{
    expo_frame_t f = {.codec = EXPO_CODEC_VP9, .time_us = UINT64_MAX - 1}, g;
    uint8_t header[EXPO_FRAME_HEADER];

    expo_frame_write(header, &f);
    check(expo_frame_read(&g, header, sizeof(header)) == EXPO_OK);
    check(g.time_us == UINT64_MAX - 1);
}


int
main(void)
{
    json_t *vectors = json_load_file("t/vectors/frame.json", 0, NULL);

    vectors_read_and_write_as_written(json_object_get(vectors, "valid"));
    vectors_that_are_no_frame_are_refused(json_object_get(vectors, "invalid"));
    a_time_of_64_bits_survives();
    json_decref(vectors);
    return done();
}
