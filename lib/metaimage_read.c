#include "lib/metaimage_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define METAIMAGE_LINE 1024

typedef struct {
    expo_numbers_t numbers;
    int have_sizes;
    double spacing[3]; /* 0: none given; ElementSize counts without it */
    double size[3];
    double direction[9]; /* of axis 0, then 1, then 2 */
    double origin[3];
    long long header_bytes; /* before the voxels; -1: all but them */
    char data_file[EXPO_VOLUME_FILE_NAME_MAX];
} metaimage_t;

typedef int (*metaimage_field_pt)(metaimage_t *m, expo_volume_t *v,
                                  const char *value);

static expo_status_t header(metaimage_t *m, expo_volume_t *v,
                            const expo_volume_file_t *file, size_t *at,
                            char *note, size_t note_bytes);
static int header_line(metaimage_t *m, expo_volume_t *v, char *line);
static char *trim(char *text);
static int is_object(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_dimensions(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_binary(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_big_endian(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_compressed(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_channels(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_sizes(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_spacing(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_size(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_direction(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_origin(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_type(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_header_size(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_modality(metaimage_t *m, expo_volume_t *v, const char *value);
static int is_data_file(metaimage_t *m, expo_volume_t *v, const char *value);
static int numbers_of(const char *text, double *dst, int count);
static void place(const metaimage_t *m, expo_volume_t *v);
static int skip(metaimage_t *m, const expo_volume_t *v);

static const struct {
    const char *name;
    metaimage_field_pt read;
} fields[] = {{"ObjectType", is_object},
              {"NDims", is_dimensions},
              {"BinaryData", is_binary},
              {"BinaryDataByteOrderMSB", is_big_endian},
              {"ElementByteOrderMSB", is_big_endian},
              {"CompressedData", is_compressed},
              {"ElementNumberOfChannels", is_channels},
              {"DimSize", is_sizes},
              {"ElementSpacing", is_spacing},
              {"ElementSize", is_size},
              {"TransformMatrix", is_direction},
              {"Rotation", is_direction},
              {"Orientation", is_direction},
              {"Offset", is_origin},
              {"Position", is_origin},
              {"Origin", is_origin},
              {"ElementType", is_type},
              {"HeaderSize", is_header_size},
              {"Modality", is_modality},
              {"ElementDataFile", is_data_file}};


/* Some programs leave ObjectType out. */
int
expo_metaimage_is(const uint8_t *data, size_t len)
{
    return (len > 10 && memcmp(data, "ObjectType", 10) == 0) ||
           (len > 5 && memcmp(data, "NDims", 5) == 0);
}


expo_status_t
expo_metaimage_read(expo_volume_t *v, uint16_t **voxels,
                    const expo_volume_file_t *file, char *note,
                    size_t note_bytes)
{
    metaimage_t m = {.direction = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    size_t at = 0;
    expo_status_t st;

    memset(v, 0, sizeof(*v));
    note[0] = '\0';

    st = header(&m, v, file, &at, note, note_bytes);
    if (st != EXPO_OK) {
        return st;
    }

    if (m.numbers.type == EXPO_NUMBER_NONE || !m.have_sizes) {
        return expo_volume_file_refuse(note, note_bytes, EXPO_INVALID,
                                       "the MetaImage header lacks its "
                                       "DimSize or ElementType");
    }

    m.numbers.data = file->data + at;
    m.numbers.len = file->len - at;

    if (strcasecmp(m.data_file, "local") != 0) {
        st = expo_volume_file_beside(file, m.data_file, &m.numbers.data,
                                     &m.numbers.len, note, note_bytes);
        if (st != EXPO_OK) {
            return st;
        }
    }

    place(&m, v);
    m.numbers.slope = 1;

    if (!skip(&m, v)) {
        return expo_volume_file_refuse(note, note_bytes, EXPO_CORRUPT,
                                       "the MetaImage file ends before its "
                                       "last voxel");
    }

    return expo_volume_file_take(v, voxels, file, &m.numbers, "MetaImage", note,
                                 note_bytes);
}


/* ElementDataFile is the last line. */
static expo_status_t
header(metaimage_t *m, expo_volume_t *v, const expo_volume_file_t *file,
       size_t *at, char *note, size_t note_bytes)
{
    char line[METAIMAGE_LINE], *last;

    while (m->data_file[0] == '\0') {
        if (expo_volume_file_line(file, at, line, sizeof(line))) {
            /* goes on below */

        } else if (file->len - *at > 0 && file->len - *at < sizeof(line)) {
            /* The last line of an .mhd may have no end. */
            memcpy(line, file->data + *at, file->len - *at);
            line[file->len - *at] = '\0';
            *at = file->len;

        } else {
            return expo_volume_file_refuse(note, note_bytes, EXPO_INVALID,
                                           "the MetaImage header does not end "
                                           "with ElementDataFile");
        }

        last = trim(line);

        if (*last != '\0' && !header_line(m, v, last)) {
            return expo_volume_file_refuse(note, note_bytes, EXPO_UNSUPPORTED,
                                           "the MetaImage line \"%.60s\" is "
                                           "not understood",
                                           last);
        }
    }

    return EXPO_OK;
}


/* Comments, names and keys of other programs change nothing here. */
static int
header_line(metaimage_t *m, expo_volume_t *v, char *line)
{
    char *equals = strchr(line, '='), *value, *name;
    size_t i;

    if (equals == NULL) {
        return 0;
    }

    *equals = '\0';
    name = trim(line);
    value = trim(equals + 1);

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(name, fields[i].name) == 0) {
            if (fields[i].read(m, v, value)) {
                return 1;
            }

            /* Whole again, for who tells of it. */
            *equals = '=';
            return 0;
        }
    }

    return 1;
}


static char *
trim(char *text)
{
    size_t len;

    text += strspn(text, " \t");
    len = strlen(text);

    while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL) {
        text[--len] = '\0';
    }

    return text;
}


static int
is_object(metaimage_t *m, expo_volume_t *v, const char *value)
{
    (void) m;
    (void) v;

    return strcmp(value, "Image") == 0;
}


static int
is_dimensions(metaimage_t *m, expo_volume_t *v, const char *value)
{
    (void) m;
    (void) v;

    return strcmp(value, "3") == 0;
}


static int
is_binary(metaimage_t *m, expo_volume_t *v, const char *value)
{
    (void) m;
    (void) v;

    return value[0] == 'T' || value[0] == 't' || value[0] == '1';
}


static int
is_big_endian(metaimage_t *m, expo_volume_t *v, const char *value)
{
    m->numbers.big_endian = is_binary(m, v, value);

    return 1;
}


static int
is_compressed(metaimage_t *m, expo_volume_t *v, const char *value)
{
    m->numbers.deflated = is_binary(m, v, value);

    return 1;
}


static int
is_channels(metaimage_t *m, expo_volume_t *v, const char *value)
{
    (void) m;
    (void) v;

    return strcmp(value, "1") == 0;
}


static int
is_sizes(metaimage_t *m, expo_volume_t *v, const char *value)
{
    m->have_sizes = expo_volume_file_sizes(v->dims, value);

    return m->have_sizes;
}


static int
is_spacing(metaimage_t *m, expo_volume_t *v, const char *value)
{
    (void) v;

    return numbers_of(value, m->spacing, 3);
}


static int
is_size(metaimage_t *m, expo_volume_t *v, const char *value)
{
    (void) v;

    return numbers_of(value, m->size, 3);
}


static int
is_direction(metaimage_t *m, expo_volume_t *v, const char *value)
{
    (void) v;

    return numbers_of(value, m->direction, 9);
}


static int
is_origin(metaimage_t *m, expo_volume_t *v, const char *value)
{
    (void) v;

    return numbers_of(value, m->origin, 3);
}


/* MetaIO's long is 4 bytes on every machine. */
static int
is_type(metaimage_t *m, expo_volume_t *v, const char *value)
{
    static const struct {
        const char *name;
        expo_number_t type;
    } names[] = {{"MET_CHAR", EXPO_INT8},         {"MET_ASCII_CHAR", EXPO_INT8},
                 {"MET_UCHAR", EXPO_UINT8},       {"MET_SHORT", EXPO_INT16},
                 {"MET_USHORT", EXPO_UINT16},     {"MET_INT", EXPO_INT32},
                 {"MET_UINT", EXPO_UINT32},       {"MET_LONG", EXPO_INT32},
                 {"MET_ULONG", EXPO_UINT32},      {"MET_LONG_LONG", EXPO_INT64},
                 {"MET_ULONG_LONG", EXPO_UINT64}, {"MET_FLOAT", EXPO_FLOAT},
                 {"MET_DOUBLE", EXPO_DOUBLE}};
    size_t i;

    (void) v;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(value, names[i].name) == 0) {
            m->numbers.type = names[i].type;
            return 1;
        }
    }

    return 0;
}


static int
is_header_size(metaimage_t *m, expo_volume_t *v, const char *value)
{
    (void) v;

    return sscanf(value, "%lld", &m->header_bytes) == 1 &&
           m->header_bytes >= -1;
}


static int
is_modality(metaimage_t *m, expo_volume_t *v, const char *value)
{
    (void) m;

    if (strcmp(value, "MET_MOD_CT") == 0) {
        strcpy(v->modality, "CT");
        strcpy(v->unit, "HU");

    } else if (strcmp(value, "MET_MOD_MR") == 0) {
        strcpy(v->modality, "MR");
    }

    return 1;
}


static int
is_data_file(metaimage_t *m, expo_volume_t *v, const char *value)
{
    (void) v;

    return expo_volume_file_name(m->data_file, value);
}


static int
numbers_of(const char *text, double *dst, int count)
{
    char *end;
    int i;

    for (i = 0; i < count; i++) {
        dst[i] = strtod(text, &end);

        if (end == text) {
            return 0;
        }

        text = end;
    }

    return 1;
}


static void
place(const metaimage_t *m, expo_volume_t *v)
{
    double spacing;
    int row, axis;

    for (axis = 0; axis < 3; axis++) {
        spacing = m->spacing[axis] != 0 ? m->spacing[axis]
                  : m->size[axis] != 0  ? m->size[axis]
                                        : 1;

        for (row = 0; row < 3; row++) {
            v->affine[4 * row + axis] = spacing * m->direction[3 * axis + row];
        }

        v->affine[4 * axis + 3] = m->origin[axis];
    }
}


static int
skip(metaimage_t *m, const expo_volume_t *v)
{
    if (m->header_bytes < 0) {
        return expo_volume_file_last(&m->numbers, v);
    }

    /* Of the file, before it is inflated. */
    if ((uint64_t) m->header_bytes > m->numbers.len) {
        return 0;
    }

    m->numbers.data += m->header_bytes;
    m->numbers.len -= (size_t) m->header_bytes;

    return 1;
}
