#include "lib/metaimage_read.c"
#include "t/unit/volume_files.h"

#define FIRST                                                                  \
    "ObjectType = Image\nNDims = 3\nBinaryData = True\n"                       \
    "BinaryDataByteOrderMSB = False\n"
#define LAST "ElementType = MET_SHORT\nElementDataFile = LOCAL\n"

static const int16_t raw[24] = {-1024, 0, 55, 3071, -1};

/* header, then the voxels; the status, with what was read in v and voxels. */
static expo_status_t
read_with(const char *header, const void *data, size_t len, neighbour_t *n,
          expo_volume_t *v, uint16_t **voxels)
{
    uint8_t file[2048];
    size_t at = strlen(header);
    expo_volume_file_t in = {file, at + len, "x.mhd", n ? beside : NULL,
                             n,    0,        NULL};

    memcpy(file, header, at);
    memcpy(file + at, data, len);

    return expo_metaimage_read(v, voxels, &in, note, sizeof(note));
}

static expo_status_t
read_text(const char *header, expo_volume_t *v)
{
    uint16_t *voxels = NULL;
    expo_status_t st = read_with(header, raw, sizeof(raw), NULL, v, &voxels);

    free(voxels);

    return st;
}

static void
values_and_places_are_those_of_the_file(void)
{
    expo_volume_t v;
    uint16_t *voxels;
    size_t i, wrong = 0;

    check(read_with(FIRST "DimSize = 4 3 2\nElementSpacing = 0.5 0.25 2\n"
                          "Offset = 10 20 -30\nModality = MET_MOD_CT\n"
                          "TransformMatrix = 0 1 0 -1 0 0 0 0 1\n" LAST,
                    raw, sizeof(raw), NULL, &v, &voxels) == EXPO_OK);

    for (i = 0; i < 24; i++) {
        wrong += value_at(&v, voxels, i) != raw[i];
    }

    check(wrong == 0);
    check(v.dims[0] == 4 && v.dims[1] == 3 && v.dims[2] == 2);
    /* Axis 0 runs along y, axis 1 against x. */
    check(v.affine[0] == 0 && v.affine[4] == 0.5 && v.affine[8] == 0);
    check(v.affine[1] == -0.25 && v.affine[5] == 0 && v.affine[10] == 2);
    check(v.affine[3] == 10 && v.affine[7] == 20 && v.affine[11] == -30);
    check(strcmp(v.modality, "CT") == 0 && strcmp(v.unit, "HU") == 0);
    free(voxels);
}

static void
sizes_serve_where_no_spacing_is(void)
{
    expo_volume_t v;

    check(read_text(FIRST "DimSize=4 3 2\r\nElementSize = 3 2 1\r\n" LAST,
                    &v) == EXPO_OK);
    check(v.affine[0] == 3 && v.affine[5] == 2 && v.affine[10] == 1);
    check(read_text("NDims = 3\nDimSize = 4 3 2\n" LAST, &v) == EXPO_OK);
    check(v.affine[0] == 1 && v.affine[5] == 1 && v.affine[10] == 1);
}

static void
big_endian_and_headers_before_the_voxels(void)
{
    static const uint8_t big[8] = {0, 9, 0xff, 0xfe, 1, 0, 0x7f, 0xff};
    expo_volume_t v;
    uint16_t *voxels;

    check(read_with(FIRST "ElementByteOrderMSB = True\nDimSize = 1 1 3\n"
                          "HeaderSize = 2\n" LAST,
                    big, sizeof(big), NULL, &v, &voxels) == EXPO_OK);
    check(value_at(&v, voxels, 0) == -2 && value_at(&v, voxels, 1) == 256 &&
          value_at(&v, voxels, 2) == 32767);
    free(voxels);

    check(read_with(FIRST "ElementByteOrderMSB = True\nDimSize = 1 1 1\n"
                          "HeaderSize = -1\n" LAST,
                    big, sizeof(big), NULL, &v, &voxels) == EXPO_OK);
    check(value_at(&v, voxels, 0) == 32767);
    free(voxels);

    check(read_text(FIRST "DimSize = 4 3 2\nHeaderSize = 1\n" LAST, &v) ==
          EXPO_CORRUPT);
    check(read_text(FIRST "DimSize = 4 3 2\nHeaderSize = -2\n" LAST, &v) ==
          EXPO_UNSUPPORTED);
}

static void
compressed_data_are_inflated(void)
{
    static const char *head = FIRST "CompressedData = True\nDimSize = 4 3 2\n"
                                    "CompressedDataSize = 99\n" LAST;
    uint8_t file[1024];
    size_t at = strlen(head), i, wrong = 0;
    expo_volume_file_t in = {file, 0, NULL, NULL, NULL, 0, NULL};
    expo_volume_t v;
    uint16_t *voxels;

    memcpy(file, head, at);
    in.len = at + deflated((const uint8_t *) raw, sizeof(raw), 15, file + at,
                           sizeof(file) - at);
    check(expo_metaimage_read(&v, &voxels, &in, note, sizeof(note)) == EXPO_OK);

    for (i = 0; i < 24; i++) {
        wrong += value_at(&v, voxels, i) != raw[i];
    }

    check(wrong == 0);
    free(voxels);
    /* The last 4 bytes are a checksum. */
    check(every_cut_is_refused(expo_metaimage_read, file, in.len - 5));
    any_byte_may_change(expo_metaimage_read, file, in.len);
}

static void
voxels_may_lie_in_another_file(void)
{
    neighbour_t n = {"x.raw", (const uint8_t *) raw, sizeof(raw)};
    expo_volume_t v;
    uint16_t *voxels;

#define AWAY                                                                   \
    FIRST "DimSize = 4 3 2\nElementType = MET_SHORT\nElementDataFile = "
    check(read_with(AWAY "x.raw", "", 0, &n, &v, &voxels) == EXPO_OK);
    check(value_at(&v, voxels, 3) == 3071);
    free(voxels);
    check(read_with(AWAY "y.raw\n", "", 0, &n, &v, &voxels) ==
          EXPO_UNSUPPORTED);
    check(read_with(AWAY "../x.raw\n", "", 0, &n, &v, &voxels) ==
          EXPO_UNSUPPORTED);
    check(read_with(AWAY "LIST\n", "", 0, &n, &v, &voxels) == EXPO_UNSUPPORTED);
    check(read_with(AWAY "x%03d.raw 1 2 1\n", "", 0, &n, &v, &voxels) ==
          EXPO_UNSUPPORTED);
    check(read_with(AWAY "x.raw\n", "", 0, NULL, &v, &voxels) ==
          EXPO_UNSUPPORTED);
}

static void
what_is_not_understood_is_refused(void)
{
    expo_volume_t v;

    check(read_text("ObjectType = Tube\nNDims = 3\n" LAST, &v) ==
          EXPO_UNSUPPORTED);
    check(strstr(note, "ObjectType = Tube") != NULL ||
          strstr(note, "ObjectType") != NULL);
    check(read_text("NDims = 2\nDimSize = 4 3\n" LAST, &v) == EXPO_UNSUPPORTED);
    check(read_text(FIRST "DimSize = 4 3\n" LAST, &v) == EXPO_UNSUPPORTED);
    check(read_text(FIRST "DimSize = 4 0 3\n" LAST, &v) == EXPO_INVALID);
    check(read_text(FIRST "DimSize = 5000 3 2\n" LAST, &v) == EXPO_TOO_LARGE);
    check(read_text(FIRST "DimSize = 4 3 3\n" LAST, &v) == EXPO_CORRUPT);
    check(read_text(FIRST "DimSize = 4 3 2\nElementNumberOfChannels = 3\n" LAST,
                    &v) == EXPO_UNSUPPORTED);
    check(read_text(FIRST "DimSize = 4 3 2\nElementSpacing = 1 1 nan\n" LAST,
                    &v) == EXPO_INVALID);
    check(read_text(FIRST "DimSize = 4 3 2\nTransformMatrix = 1 0 0 1 0 0 "
                          "0 0 1\n" LAST,
                    &v) == EXPO_INVALID);
    check(read_text(FIRST "BinaryData = False\nDimSize = 4 3 2\n" LAST, &v) ==
          EXPO_UNSUPPORTED);
    check(read_text(FIRST LAST, &v) == EXPO_INVALID);
    check(read_text(FIRST "DimSize = 4 3 2\n", &v) == EXPO_INVALID ||
          note[0] != '\0');
}

static void
no_part_of_a_file_is_taken_for_it(void)
{
    static const char *head = FIRST "DimSize = 4 3 2\n" LAST;
    uint8_t file[1024];
    size_t at = strlen(head);

    memcpy(file, head, at);
    memcpy(file + at, raw, sizeof(raw));
    check(every_cut_is_refused(expo_metaimage_read, file, at + sizeof(raw)));
    any_byte_may_change(expo_metaimage_read, file, at + sizeof(raw));
}

int
main(void)
{
    values_and_places_are_those_of_the_file();
    sizes_serve_where_no_spacing_is();
    big_endian_and_headers_before_the_voxels();
    compressed_data_are_inflated();
    voxels_may_lie_in_another_file();
    what_is_not_understood_is_refused();
    no_part_of_a_file_is_taken_for_it();

    return done();
}
