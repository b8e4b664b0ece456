#include "lib/nrrd_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { NRRD_NONE, NRRD_INT16, NRRD_UINT16, NRRD_FLOAT } nrrd_type_t;

typedef struct {
    nrrd_type_t type;
    int raw, little;
    int have_sizes, have_directions;
    double flip[3]; /* to LPS */
} nrrd_t;

static int header_line(nrrd_t *n, expo_volume_t *v, char *line);
static int is_field(const char *line, const char *name, const char **value);
static nrrd_type_t type_of(const char *name);
static int space_of(nrrd_t *n, const char *name);
static int vectors(const char *text, double *dst, int count);
static expo_status_t take(expo_volume_t *v, uint16_t **voxels,
                          const uint8_t *data, nrrd_type_t type);
static double value_of(const uint8_t *data, size_t i, nrrd_type_t type);
static expo_status_t refuse(char *error, size_t bytes, expo_status_t st,
                            const char *why);


expo_status_t
expo_nrrd_read(expo_volume_t *v, uint16_t **voxels, const uint8_t *src,
               size_t len, char *error, size_t error_bytes)
{
    uint8_t header[EXPO_VOLUME_HEADER];
    nrrd_t n = {.flip = {1, 1, 1}};
    const uint8_t *end;
    size_t at = 0, bytes;
    char line[512];
    int first = 1, i;
    expo_status_t st;

    memset(v, 0, sizeof(*v));
    v->scale = 1;

    for (;;) {
        end = memchr(src + at, '\n', len - at);

        if (end == NULL || (size_t) (end - src) - at >= sizeof(line)) {
            return refuse(error, error_bytes, EXPO_INVALID,
                          "this is no NRRD file");
        }

        bytes = (size_t) (end - src) - at;
        memcpy(line, src + at, bytes);
        line[bytes] = '\0';
        line[strcspn(line, "\r")] = '\0';
        at += bytes + 1;

        if (first && strncmp(line, "NRRD000", 7) != 0) {
            return refuse(error, error_bytes, EXPO_INVALID,
                          "this is no NRRD file");
        }

        if (line[0] == '\0') {
            break;
        }

        if (!first && !header_line(&n, v, line)) {
            snprintf(error, error_bytes,
                     "the NRRD line \"%.60s\" is not "
                     "understood",
                     line);
            return EXPO_UNSUPPORTED;
        }

        first = 0;
    }

    if (n.type == NRRD_NONE || !n.raw || !n.little || !n.have_sizes ||
        !n.have_directions) {
        return refuse(error, error_bytes, EXPO_UNSUPPORTED,
                      "only raw little-endian 16-bit or float NRRD with space "
                      "directions is read");
    }

    for (i = 0; i < 12; i++) {
        v->affine[i] *= n.flip[i / 4];
    }

    /* The volume reader knows every limit on geometry. */
    expo_volume_write(header, v);
    st = expo_volume_read(v, header,
                          EXPO_VOLUME_HEADER + 2 * expo_volume_voxels(v));
    if (st != EXPO_OK) {
        return refuse(error, error_bytes, st,
                      "the NRRD's sizes or directions make no volume");
    }

    bytes = n.type == NRRD_FLOAT ? 4 : 2;

    if ((len - at) / bytes < expo_volume_voxels(v)) {
        return refuse(error, error_bytes, EXPO_CORRUPT,
                      "the NRRD file ends before its last voxel");
    }

    st = take(v, voxels, src + at, n.type);

    return st == EXPO_OK ? st
                         : refuse(error, error_bytes, st,
                                  "not enough memory for the volume");
}


static int
header_line(nrrd_t *n, expo_volume_t *v, char *line)
{
    const char *value;
    double d[9];
    int i;

    if (line[0] == '#' || is_field(line, "dimension: 3", &value)) {
        return 1;
    }

    if (is_field(line, "type: ", &value)) {
        n->type = type_of(value);
        return n->type != NRRD_NONE;
    }

    if (is_field(line, "encoding: ", &value)) {
        n->raw = strcmp(value, "raw") == 0;
        return n->raw;
    }

    if (is_field(line, "endian: ", &value)) {
        n->little = strcmp(value, "little") == 0;
        return n->little;
    }

    if (is_field(line, "space: ", &value)) {
        return space_of(n, value);
    }

    if (is_field(line, "sizes: ", &value)) {
        n->have_sizes = sscanf(value, "%u %u %u", &v->dims[0], &v->dims[1],
                               &v->dims[2]) == 3;
        return n->have_sizes;
    }

    if (is_field(line, "space directions: ", &value)) {
        n->have_directions = vectors(value, d, 3);

        for (i = 0; n->have_directions && i < 9; i++) {
            v->affine[4 * (i % 3) + i / 3] = d[i];
        }

        return n->have_directions;
    }

    if (is_field(line, "space origin: ", &value)) {
        if (!vectors(value, d, 1)) {
            return 0;
        }

        for (i = 0; i < 3; i++) {
            v->affine[4 * i + 3] = d[i];
        }

        return 1;
    }

    if (is_field(line, "modality:=", &value)) {
        snprintf(v->modality, sizeof(v->modality), "%.15s", value);
        return 1;
    }

    if (is_field(line, "unit:=", &value)) {
        snprintf(v->unit, sizeof(v->unit), "%.15s", value);
        return 1;
    }

    /* Kinds, spacings, and keys of other programs change nothing here. */
    return !is_field(line, "data file: ", &value) &&
           !is_field(line, "datafile: ", &value) &&
           !is_field(line, "byte skip: ", &value) &&
           !is_field(line, "line skip: ", &value) &&
           !is_field(line, "dimension: ", &value);
}


static int
is_field(const char *line, const char *name, const char **value)
{
    size_t len = strlen(name);

    *value = line + (strncmp(line, name, len) == 0 ? len : 0);

    return *value != line;
}


static nrrd_type_t
type_of(const char *name)
{
    static const struct {
        const char *name;
        nrrd_type_t type;
    } names[] = {{"short", NRRD_INT16},
                 {"int16", NRRD_INT16},
                 {"signed short", NRRD_INT16},
                 {"int16_t", NRRD_INT16},
                 {"ushort", NRRD_UINT16},
                 {"uint16", NRRD_UINT16},
                 {"unsigned short", NRRD_UINT16},
                 {"uint16_t", NRRD_UINT16},
                 {"float", NRRD_FLOAT}};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i].name) == 0) {
            return names[i].type;
        }
    }

    return NRRD_NONE;
}


static int
space_of(nrrd_t *n, const char *name)
{
    if (strcmp(name, "left-posterior-superior") == 0 ||
        strcmp(name, "LPS") == 0) {
        return 1;
    }

    if (strcmp(name, "right-anterior-superior") == 0 ||
        strcmp(name, "RAS") == 0) {
        n->flip[0] = n->flip[1] = -1;
        return 1;
    }

    return 0;
}


static int
vectors(const char *text, double *dst, int count)
{
    int i, used;

    for (i = 0; i < count; i++) {
        if (sscanf(text, " (%lf,%lf,%lf)%n", &dst[3 * i], &dst[3 * i + 1],
                   &dst[3 * i + 2], &used) != 3) {
            return 0;
        }

        text += used;
    }

    return 1;
}


static expo_status_t
take(expo_volume_t *v, uint16_t **voxels, const uint8_t *data, nrrd_type_t type)
{
    size_t i, n = (size_t) expo_volume_voxels(v);
    double low = INFINITY, high = -INFINITY, x;
    uint16_t *dst;

    dst = malloc(n * sizeof(*dst));
    if (dst == NULL) {
        return EXPO_NO_MEMORY;
    }

    for (i = 0; i < n; i++) {
        x = value_of(data, i, type);
        low = x < low ? x : low;
        high = x > high ? x : high;
    }

    v->offset = isfinite(low) ? low : 0;
    v->scale = type == NRRD_FLOAT && high > low ? (high - low) / 65535 : 1;

    for (i = 0; i < n; i++) {
        x = (value_of(data, i, type) - v->offset) / v->scale + 0.5;
        dst[i] = x > 0 ? (uint16_t) (x < 65535 ? x : 65535) : 0;
    }

    v->voxel_min = 0;
    v->voxel_max = (uint16_t) fmin((high - v->offset) / v->scale + 0.5, 65535);
    *voxels = dst;

    return EXPO_OK;
}


/* What is not a number counts as the lowest value. */
static double
value_of(const uint8_t *data, size_t i, nrrd_type_t type)
{
    uint32_t bits;
    float real;

    if (type == NRRD_FLOAT) {
        data += 4 * i;
        bits = (uint32_t) data[0] | (uint32_t) data[1] << 8 |
               (uint32_t) data[2] << 16 | (uint32_t) data[3] << 24;
        memcpy(&real, &bits, 4);

        return isfinite(real) ? (double) real : (double) NAN;
    }

    bits = (uint32_t) data[2 * i] | (uint32_t) data[2 * i + 1] << 8;

    return type == NRRD_INT16 ? (int16_t) bits : (double) bits;
}


static expo_status_t
refuse(char *error, size_t bytes, expo_status_t st, const char *why)
{
    snprintf(error, bytes, "%s", why);

    return st;
}
