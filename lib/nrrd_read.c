#include "lib/nrrd_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NRRD_LINE 1024

typedef struct {
    expo_numbers_t numbers;
    int have_sizes, have_directions, have_encoding, have_endian;
    double spacings[3]; /* 0: none given */
    double flip[3];     /* to LPS */
    double mm[3];       /* of a unit along each axis of the space */
    long long byte_skip, line_skip;
    char data_file[EXPO_VOLUME_FILE_NAME_MAX]; /* "" when the voxels follow the
                                                  header */
} nrrd_t;

typedef int (*nrrd_field_pt)(nrrd_t *n, expo_volume_t *v, const char *value);

static expo_status_t header(nrrd_t *n, expo_volume_t *v,
                            const expo_volume_file_t *file, size_t *at,
                            char *note, size_t note_bytes);
static int header_line(nrrd_t *n, expo_volume_t *v, char *line);
static int is_dimension(nrrd_t *n, expo_volume_t *v, const char *value);
static int is_type(nrrd_t *n, expo_volume_t *v, const char *value);
static int is_encoding(nrrd_t *n, expo_volume_t *v, const char *value);
static int is_endian(nrrd_t *n, expo_volume_t *v, const char *value);
static int is_space(nrrd_t *n, expo_volume_t *v, const char *value);
static int is_space_units(nrrd_t *n, expo_volume_t *v, const char *value);
static int is_sizes(nrrd_t *n, expo_volume_t *v, const char *value);
static int is_spacings(nrrd_t *n, expo_volume_t *v, const char *value);
static int is_directions(nrrd_t *n, expo_volume_t *v, const char *value);
static int is_origin(nrrd_t *n, expo_volume_t *v, const char *value);
static int is_data_file(nrrd_t *n, expo_volume_t *v, const char *value);
static int is_byte_skip(nrrd_t *n, expo_volume_t *v, const char *value);
static int is_line_skip(nrrd_t *n, expo_volume_t *v, const char *value);
static int word(char dst[16], const char *text);
static int vectors(const char *text, double *dst, int count);
static int place(nrrd_t *n, expo_volume_t *v);
static int skip(nrrd_t *n, const expo_volume_t *v);

static const struct {
    const char *name;
    nrrd_field_pt read;
} fields[] = {{"dimension", is_dimension},
              {"type", is_type},
              {"encoding", is_encoding},
              {"endian", is_endian},
              {"space", is_space},
              {"space dimension", is_dimension},
              {"space units", is_space_units},
              {"sizes", is_sizes},
              {"spacings", is_spacings},
              {"space directions", is_directions},
              {"space origin", is_origin},
              {"data file", is_data_file},
              {"datafile", is_data_file},
              {"byte skip", is_byte_skip},
              {"byteskip", is_byte_skip},
              {"line skip", is_line_skip},
              {"lineskip", is_line_skip}};


int
expo_nrrd_is(const uint8_t *data, size_t len)
{
    return len > 8 && memcmp(data, "NRRD000", 7) == 0;
}


expo_status_t
expo_nrrd_read(expo_volume_t *v, uint16_t **voxels,
               const expo_volume_file_t *file, char *note, size_t note_bytes)
{
    nrrd_t n = {.flip = {1, 1, 1}, .mm = {1, 1, 1}};
    size_t at = 0;
    expo_status_t st;

    memset(v, 0, sizeof(*v));
    note[0] = '\0';

    st = header(&n, v, file, &at, note, note_bytes);
    if (st != EXPO_OK) {
        return st;
    }

    if (n.numbers.type == EXPO_NUMBER_NONE || !n.have_encoding ||
        !n.have_sizes || !place(&n, v)) {
        return expo_volume_file_refuse(note, note_bytes, EXPO_INVALID,
                                       "the NRRD header lacks its type, "
                                       "encoding, sizes or directions");
    }

    if (!n.have_endian && expo_number_bytes(n.numbers.type) > 1) {
        return expo_volume_file_refuse(note, note_bytes, EXPO_INVALID,
                                       "the NRRD header lacks its byte order");
    }

    n.numbers.data = file->data + at;
    n.numbers.len = file->len - at;

    if (n.data_file[0] != '\0') {
        st = expo_volume_file_beside(file, n.data_file, &n.numbers.data,
                                     &n.numbers.len, note, note_bytes);
        if (st != EXPO_OK) {
            return st;
        }
    }

    n.numbers.slope = 1;

    if (!skip(&n, v)) {
        return expo_volume_file_refuse(note, note_bytes, EXPO_CORRUPT,
                                       "the NRRD file ends before its last "
                                       "voxel");
    }

    return expo_volume_file_take(v, voxels, file, &n.numbers, "NRRD", note,
                                 note_bytes);
}


static expo_status_t
header(nrrd_t *n, expo_volume_t *v, const expo_volume_file_t *file, size_t *at,
       char *note, size_t note_bytes)
{
    char line[NRRD_LINE];

    if (!expo_nrrd_is(file->data, file->len)) {
        return expo_volume_file_refuse(note, note_bytes, EXPO_INVALID,
                                       "this is no NRRD file");
    }

    expo_volume_file_line(file, at, line, sizeof(line));

    for (;;) {
        if (!expo_volume_file_line(file, at, line, sizeof(line))) {
            /* A header by itself may end without an empty line. */
            if (*at == file->len && n->data_file[0] != '\0') {
                return EXPO_OK;
            }

            return expo_volume_file_refuse(note, note_bytes, EXPO_INVALID,
                                           "the NRRD header does not end");
        }

        if (line[0] == '\0') {
            return EXPO_OK;
        }

        if (!header_line(n, v, line)) {
            return expo_volume_file_refuse(note, note_bytes, EXPO_UNSUPPORTED,
                                           "the NRRD line \"%.60s\" is not "
                                           "understood",
                                           line);
        }
    }
}


/* Fields and keys of other programs change nothing here. */
static int
header_line(nrrd_t *n, expo_volume_t *v, char *line)
{
    char *colon = strchr(line, ':'), *end;
    size_t i, len;

    if (line[0] == '#' || colon == NULL) {
        return line[0] == '#';
    }

    if (strncmp(line, "modality:=", 10) == 0) {
        return word(v->modality, line + 10);
    }

    if (strncmp(line, "unit:=", 6) == 0) {
        return word(v->unit, line + 6);
    }

    if (colon[1] == '=') {
        return 1;
    }

    end = colon + strlen(colon);

    while (end[-1] == ' ' || end[-1] == '\t') {
        *--end = '\0';
    }

    len = (size_t) (colon - line);

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strlen(fields[i].name) == len &&
            strncasecmp(line, fields[i].name, len) == 0) {
            return fields[i].read(n, v, colon + 1 + strspn(colon + 1, " "));
        }
    }

    return 1;
}


static int
is_dimension(nrrd_t *n, expo_volume_t *v, const char *value)
{
    (void) n;
    (void) v;

    return strcmp(value, "3") == 0;
}


static int
is_type(nrrd_t *n, expo_volume_t *v, const char *value)
{
    static const struct {
        const char *name;
        expo_number_t type;
    } names[] = {
        {"signed char", EXPO_INT8},
        {"int8", EXPO_INT8},
        {"int8_t", EXPO_INT8},
        {"uchar", EXPO_UINT8},
        {"unsigned char", EXPO_UINT8},
        {"uint8", EXPO_UINT8},
        {"uint8_t", EXPO_UINT8},
        {"short", EXPO_INT16},
        {"short int", EXPO_INT16},
        {"signed short", EXPO_INT16},
        {"signed short int", EXPO_INT16},
        {"int16", EXPO_INT16},
        {"int16_t", EXPO_INT16},
        {"ushort", EXPO_UINT16},
        {"unsigned short", EXPO_UINT16},
        {"unsigned short int", EXPO_UINT16},
        {"uint16", EXPO_UINT16},
        {"uint16_t", EXPO_UINT16},
        {"int", EXPO_INT32},
        {"signed int", EXPO_INT32},
        {"int32", EXPO_INT32},
        {"int32_t", EXPO_INT32},
        {"uint", EXPO_UINT32},
        {"unsigned int", EXPO_UINT32},
        {"uint32", EXPO_UINT32},
        {"uint32_t", EXPO_UINT32},
        {"longlong", EXPO_INT64},
        {"long long", EXPO_INT64},
        {"long long int", EXPO_INT64},
        {"signed long long", EXPO_INT64},
        {"signed long long int", EXPO_INT64},
        {"int64", EXPO_INT64},
        {"int64_t", EXPO_INT64},
        {"ulonglong", EXPO_UINT64},
        {"unsigned long long", EXPO_UINT64},
        {"unsigned long long int", EXPO_UINT64},
        {"uint64", EXPO_UINT64},
        {"uint64_t", EXPO_UINT64},
        {"float", EXPO_FLOAT},
        {"double", EXPO_DOUBLE},
    };
    size_t i;

    (void) v;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(value, names[i].name) == 0) {
            n->numbers.type = names[i].type;
            return 1;
        }
    }

    return 0;
}


static int
is_encoding(nrrd_t *n, expo_volume_t *v, const char *value)
{
    (void) v;

    n->have_encoding = 1;
    n->numbers.deflated =
        strcmp(value, "gzip") == 0 || strcmp(value, "gz") == 0;

    return n->numbers.deflated || strcmp(value, "raw") == 0;
}


static int
is_endian(nrrd_t *n, expo_volume_t *v, const char *value)
{
    (void) v;

    n->have_endian = 1;
    n->numbers.big_endian = strcmp(value, "big") == 0;

    return n->numbers.big_endian || strcmp(value, "little") == 0;
}


static int
is_space(nrrd_t *n, expo_volume_t *v, const char *value)
{
    static const struct {
        const char *name, *letters;
        double flip[3];
    } names[] = {{"left-posterior-superior", "LPS", {1, 1, 1}},
                 {"right-anterior-superior", "RAS", {-1, -1, 1}},
                 {"left-anterior-superior", "LAS", {1, -1, 1}}};
    size_t i;

    (void) v;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(value, names[i].name) == 0 ||
            strcasecmp(value, names[i].letters) == 0) {
            memcpy(n->flip, names[i].flip, sizeof(n->flip));
            return 1;
        }
    }

    return 0;
}


/* "mm" "mm" "mm"; what is called nothing is in mm, as everywhere. */
static int
is_space_units(nrrd_t *n, expo_volume_t *v, const char *value)
{
    static const struct {
        const char *name;
        double mm;
    } units[] = {{"", 1},     {"mm", 1},    {"millimeter", 1}, {"cm", 10},
                 {"m", 1000}, {"um", 1e-3}, {"micron", 1e-3}};
    const size_t known = sizeof(units) / sizeof(units[0]);
    size_t i, k, len;

    (void) v;

    for (i = 0; i < 3; i++) {
        value += strspn(value, " ");
        len = *value == '"' ? strcspn(value + 1, "\"") : 0;

        if (*value != '"' || value[1 + len] != '"') {
            return 0;
        }

        for (k = 0; k < known && (strlen(units[k].name) != len ||
                                  strncmp(value + 1, units[k].name, len) != 0);
             k++) {
        }

        if (k == known) {
            return 0;
        }

        n->mm[i] = units[k].mm;
        value += len + 2;
    }

    return 1;
}


static int
is_sizes(nrrd_t *n, expo_volume_t *v, const char *value)
{
    n->have_sizes = expo_volume_file_sizes(v->dims, value);

    return n->have_sizes;
}


static int
is_spacings(nrrd_t *n, expo_volume_t *v, const char *value)
{
    (void) v;

    return sscanf(value, "%lf %lf %lf", &n->spacings[0], &n->spacings[1],
                  &n->spacings[2]) == 3;
}


static int
is_directions(nrrd_t *n, expo_volume_t *v, const char *value)
{
    double d[9];
    int i;

    n->have_directions = vectors(value, d, 3);

    for (i = 0; n->have_directions && i < 9; i++) {
        v->affine[4 * (i % 3) + i / 3] = d[i];
    }

    return n->have_directions;
}


static int
is_origin(nrrd_t *n, expo_volume_t *v, const char *value)
{
    double d[3];
    int i;

    (void) n;

    if (!vectors(value, d, 1)) {
        return 0;
    }

    for (i = 0; i < 3; i++) {
        v->affine[4 * i + 3] = d[i];
    }

    return 1;
}


static int
is_data_file(nrrd_t *n, expo_volume_t *v, const char *value)
{
    (void) v;

    return expo_volume_file_name(n->data_file, value);
}


static int
is_byte_skip(nrrd_t *n, expo_volume_t *v, const char *value)
{
    (void) v;

    return sscanf(value, "%lld", &n->byte_skip) == 1 && n->byte_skip >= -1;
}


static int
is_line_skip(nrrd_t *n, expo_volume_t *v, const char *value)
{
    (void) v;

    return sscanf(value, "%lld", &n->line_skip) == 1 && n->line_skip >= 0;
}


/* As lib/volume.h holds words: printable ASCII, padded with NUL. */
static int
word(char dst[16], const char *text)
{
    size_t i;

    memset(dst, 0, 16);

    for (i = 0; i < 15 && text[i] != '\0'; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e) {
            return 0;
        }

        dst[i] = text[i];
    }

    return 1;
}


static int
vectors(const char *text, double *dst, int count)
{
    int i, used;

    for (i = 0; i < count; i++) {
        used = 0; /* as it stays when only the bracket is missing */

        if (sscanf(text, " (%lf,%lf,%lf)%n", &dst[3 * i], &dst[3 * i + 1],
                   &dst[3 * i + 2], &used) != 3 ||
            used == 0) {
            return 0;
        }

        text += used;
    }

    return 1;
}


/* Directions in LPS and mm; spacings alone make an upright volume. */
static int
place(nrrd_t *n, expo_volume_t *v)
{
    int i;

    if (!n->have_directions) {
        for (i = 0; i < 3; i++) {
            v->affine[5 * i] = n->spacings[i];
        }
    }

    for (i = 0; i < 12; i++) {
        v->affine[i] *= n->flip[i / 4] * n->mm[i / 4];
    }

    return n->have_directions || n->spacings[0] != 0;
}


/*
 * Lines first, then bytes: of the file when it is raw, of what inflates from it
 * when it is not. -1 bytes: all but the voxels at its end.
 */
static int
skip(nrrd_t *n, const expo_volume_t *v)
{
    const uint8_t *end;

    for (; n->line_skip > 0; n->line_skip--) {
        end = memchr(n->numbers.data, '\n', n->numbers.len);

        if (end == NULL) {
            return 0;
        }

        end++;
        n->numbers.len -= (size_t) (end - n->numbers.data);
        n->numbers.data = end;
    }

    if (n->byte_skip >= 0) {
        n->numbers.skip = (uint64_t) n->byte_skip;
        return 1;
    }

    return expo_volume_file_last(&n->numbers, v);
}
