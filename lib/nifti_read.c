#include "lib/nifti_read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/inflate.h"

#define NIFTI1_HEADER 348
#define NIFTI2_HEADER 540

/* Both versions' fields, as one. */
typedef struct {
    int64_t dim[8];
    double pixdim[8];
    int datatype;
    double vox_offset;
    double slope, intercept;
    int units;
    int qform, sform;
    double quatern[3], qoffset[3];
    double srow[3][4];
    int two_files;
} nifti_t;

/* The header's bytes and their order. */
typedef struct {
    const uint8_t *p;
    int big;
} nifti_bytes_t;

static expo_status_t first_bytes(const expo_volume_file_t *file,
                                 uint8_t dst[NIFTI2_HEADER], size_t *len);
static int header_size(const uint8_t *p, size_t len, int *big);
static void header1(nifti_t *n, nifti_bytes_t b);
static void header2(nifti_t *n, nifti_bytes_t b);
static uint64_t word(nifti_bytes_t b, size_t at, int bytes);
static double real32(nifti_bytes_t b, size_t at);
static double real64(nifti_bytes_t b, size_t at);
static expo_status_t describe(const nifti_t *n, expo_volume_t *v,
                              expo_numbers_t *numbers, char *note,
                              size_t note_bytes);
static expo_number_t type_of(int datatype);
static void place(const nifti_t *n, expo_volume_t *v);
static void place_by_quaternion(const nifti_t *n, const double step[3],
                                double m[3][4]);
static int usable(double m[3][4]);
static expo_status_t image(const expo_volume_file_t *file,
                           expo_numbers_t *numbers, char *note,
                           size_t note_bytes);
static int is_gzip(const uint8_t *data, size_t len);


int
expo_nifti_is(const uint8_t *data, size_t len)
{
    int big;

    return is_gzip(data, len) || header_size(data, len, &big) != 0;
}


expo_status_t
expo_nifti_read(expo_volume_t *v, uint16_t **voxels,
                const expo_volume_file_t *file, char *note, size_t note_bytes)
{
    expo_numbers_t numbers = {.slope = 1};
    uint8_t head[NIFTI2_HEADER];
    nifti_bytes_t b = {head, 0};
    expo_status_t st;
    nifti_t n = {0};
    size_t len;
    int size;

    memset(v, 0, sizeof(*v));
    note[0] = '\0';

    st = first_bytes(file, head, &len);
    if (st == EXPO_NO_MEMORY) {
        return expo_volume_file_refuse(note, note_bytes, st,
                                       "not enough memory for the volume");
    }

    size = st == EXPO_OK ? header_size(head, len, &b.big) : 0;

    if (size == 0) {
        return expo_volume_file_refuse(note, note_bytes, EXPO_INVALID,
                                       "this is no NIfTI file");
    }

    if (size == NIFTI1_HEADER) {
        header1(&n, b);

    } else {
        header2(&n, b);
    }

    numbers.data = file->data;
    numbers.len = file->len;
    numbers.big_endian = b.big;

    st = describe(&n, v, &numbers, note, note_bytes);

    if (st == EXPO_OK && n.two_files) {
        st = image(file, &numbers, note, note_bytes);

    } else if (st == EXPO_OK && numbers.skip < (uint64_t) size) {
        st = expo_volume_file_refuse(note, note_bytes, EXPO_INVALID,
                                     "the NIfTI header says that voxels begin "
                                     "inside it");
    }

    if (st != EXPO_OK) {
        return st;
    }

    numbers.deflated = is_gzip(numbers.data, numbers.len);

    return expo_volume_file_take(v, voxels, file, &numbers, "NIfTI", note,
                                 note_bytes);
}


static expo_status_t
first_bytes(const expo_volume_file_t *file, uint8_t dst[NIFTI2_HEADER],
            size_t *len)
{
    expo_inflate_t f;
    expo_status_t st;

    if (!is_gzip(file->data, file->len)) {
        *len = file->len < NIFTI2_HEADER ? file->len : NIFTI2_HEADER;
        memcpy(dst, file->data, *len);
        return EXPO_OK;
    }

    st = expo_inflate_open(&f, file->data, file->len);
    if (st != EXPO_OK) {
        return st;
    }

    *len = NIFTI1_HEADER;
    st = expo_inflate_read(&f, dst, NIFTI1_HEADER);

    /* No volume fits between the two sizes, so a failure here says nothing. */
    if (st == EXPO_OK &&
        expo_inflate_read(&f, dst + NIFTI1_HEADER,
                          NIFTI2_HEADER - NIFTI1_HEADER) == EXPO_OK) {
        *len = NIFTI2_HEADER;
    }

    expo_inflate_close(&f);

    return st;
}


/* 348, 540, or 0 when it is neither. */
static int
header_size(const uint8_t *p, size_t len, int *big)
{
    nifti_bytes_t b = {p, 0};

    for (b.big = 0; b.big < 2; b.big++) {
        *big = b.big;

        if (len >= NIFTI1_HEADER && word(b, 0, 4) == NIFTI1_HEADER &&
            (memcmp(p + 344, "n+1", 4) == 0 ||
             memcmp(p + 344, "ni1", 4) == 0)) {
            return NIFTI1_HEADER;
        }

        if (len >= NIFTI2_HEADER && word(b, 0, 4) == NIFTI2_HEADER &&
            (memcmp(p + 4, "n+2", 4) == 0 || memcmp(p + 4, "ni2", 4) == 0)) {
            return NIFTI2_HEADER;
        }
    }

    return 0;
}


static void
header1(nifti_t *n, nifti_bytes_t b)
{
    size_t i, k;

    for (i = 0; i < 8; i++) {
        n->dim[i] = (int16_t) word(b, 40 + 2 * i, 2);
        n->pixdim[i] = real32(b, 76 + 4 * i);
    }

    n->datatype = (int16_t) word(b, 70, 2);
    n->vox_offset = real32(b, 108);
    n->slope = real32(b, 112);
    n->intercept = real32(b, 116);
    n->units = b.p[123];
    n->qform = (int16_t) word(b, 252, 2);
    n->sform = (int16_t) word(b, 254, 2);
    n->two_files = b.p[345] == 'i';

    for (i = 0; i < 3; i++) {
        n->quatern[i] = real32(b, 256 + 4 * i);
        n->qoffset[i] = real32(b, 268 + 4 * i);

        for (k = 0; k < 4; k++) {
            n->srow[i][k] = real32(b, 280 + 16 * i + 4 * k);
        }
    }
}


static void
header2(nifti_t *n, nifti_bytes_t b)
{
    size_t i, k;

    for (i = 0; i < 8; i++) {
        n->dim[i] = (int64_t) word(b, 16 + 8 * i, 8);
        n->pixdim[i] = real64(b, 104 + 8 * i);
    }

    n->datatype = (int16_t) word(b, 12, 2);
    n->vox_offset = (double) (int64_t) word(b, 168, 8);
    n->slope = real64(b, 176);
    n->intercept = real64(b, 184);
    n->units = (int) (word(b, 500, 4) & 0xff);
    n->qform = (int32_t) word(b, 344, 4);
    n->sform = (int32_t) word(b, 348, 4);
    n->two_files = b.p[5] == 'i';

    for (i = 0; i < 3; i++) {
        n->quatern[i] = real64(b, 352 + 8 * i);
        n->qoffset[i] = real64(b, 376 + 8 * i);

        for (k = 0; k < 4; k++) {
            n->srow[i][k] = real64(b, 400 + 32 * i + 8 * k);
        }
    }
}


static uint64_t
word(nifti_bytes_t b, size_t at, int bytes)
{
    uint64_t x = 0;
    int i;

    for (i = 0; i < bytes; i++) {
        x = x << 8 | b.p[at + (size_t) (b.big ? i : bytes - 1 - i)];
    }

    return x;
}


static double
real32(nifti_bytes_t b, size_t at)
{
    uint32_t bits = (uint32_t) word(b, at, 4);
    float x;

    memcpy(&x, &bits, sizeof(x));

    return (double) x;
}


static double
real64(nifti_bytes_t b, size_t at)
{
    uint64_t bits = word(b, at, 8);
    double x;

    memcpy(&x, &bits, sizeof(x));

    return x;
}


static expo_status_t
describe(const nifti_t *n, expo_volume_t *v, expo_numbers_t *numbers,
         char *note, size_t note_bytes)
{
    double frames = 1;
    int i;

    if (n->dim[0] < 1 || n->dim[0] > 7 || !(n->vox_offset >= 0) ||
        n->vox_offset > 1e15) {
        return expo_volume_file_refuse(note, note_bytes, EXPO_INVALID,
                                       "the NIfTI header's dimensions or "
                                       "offset make no sense");
    }

    numbers->type = type_of(n->datatype);

    if (numbers->type == EXPO_NUMBER_NONE) {
        return expo_volume_file_refuse(note, note_bytes, EXPO_UNSUPPORTED,
                                       "NIfTI voxels of type %d (colours, "
                                       "complex or 128-bit numbers) are not "
                                       "read",
                                       n->datatype);
    }

    for (i = 1; i <= n->dim[0]; i++) {
        if (n->dim[i] < 1 || n->dim[i] > UINT32_MAX) {
            return expo_volume_file_refuse(note, note_bytes, EXPO_INVALID,
                                           "a dimension of the NIfTI file is "
                                           "0, negative or far too large");
        }

        frames *= i > 3 ? (double) n->dim[i] : 1;
    }

    for (i = 0; i < 3; i++) {
        v->dims[i] = i < n->dim[0] ? (uint32_t) n->dim[i + 1] : 1;
    }

    numbers->skip = (uint64_t) n->vox_offset;

    if (isfinite(n->slope) && n->slope != 0) {
        numbers->slope = n->slope;
        numbers->intercept = isfinite(n->intercept) ? n->intercept : 0;
    }

    place(n, v);

    if (frames > 1) {
        snprintf(note, note_bytes, "only the first of %.0f frames is taken",
                 frames);

    } else if (n->sform <= 0 && n->qform <= 0) {
        snprintf(note, note_bytes,
                 "the file does not say how the patient lay; x is taken to "
                 "grow to the right, y to the front, z to the head");
    }

    return EXPO_OK;
}


static expo_number_t
type_of(int datatype)
{
    switch (datatype) {
    case 2:
        return EXPO_UINT8;
    case 4:
        return EXPO_INT16;
    case 8:
        return EXPO_INT32;
    case 16:
        return EXPO_FLOAT;
    case 64:
        return EXPO_DOUBLE;
    case 256:
        return EXPO_INT8;
    case 512:
        return EXPO_UINT16;
    case 768:
        return EXPO_UINT32;
    case 1024:
        return EXPO_INT64;
    case 1280:
        return EXPO_UINT64;
    default:
        return EXPO_NUMBER_NONE;
    }
}


/* RAS in the file's unit to LPS in mm. */
static void
place(const nifti_t *n, expo_volume_t *v)
{
    static const double flip[3] = {-1, -1, 1};
    double m[3][4], step[3], unit = 1;
    int i, k;

    if ((n->units & 7) == 1) {
        unit = 1000;

    } else if ((n->units & 7) == 3) {
        unit = 0.001;
    }

    for (i = 0; i < 3; i++) {
        step[i] = fabs(n->pixdim[i + 1]);
        step[i] = i < n->dim[0] && step[i] > 0 ? step[i] : 1;
    }

    memcpy(m, n->srow, sizeof(m));

    if (n->sform <= 0 || (n->qform > 0 && !usable(m))) {
        memset(m, 0, sizeof(m));

        if (n->qform > 0) {
            place_by_quaternion(n, step, m);

        } else {
            for (i = 0; i < 3; i++) {
                m[i][i] = step[i];
            }
        }
    }

    for (i = 0; i < 3; i++) {
        for (k = 0; k < 4; k++) {
            v->affine[4 * i + k] = flip[i] * unit * m[i][k];
        }
    }
}


/* nifti1.h, method 2. */
static void
place_by_quaternion(const nifti_t *n, const double step[3], double m[3][4])
{
    double b = n->quatern[0], c = n->quatern[1], d = n->quatern[2];
    double sum = b * b + c * c + d * d, a = 0, third;
    int i;

    if (sum > 1) {
        b /= sqrt(sum);
        c /= sqrt(sum);
        d /= sqrt(sum);

    } else {
        a = sqrt(1 - sum);
    }

    third = n->pixdim[0] < 0 ? -step[2] : step[2];

    m[0][0] = (a * a + b * b - c * c - d * d) * step[0];
    m[0][1] = 2 * (b * c - a * d) * step[1];
    m[0][2] = 2 * (b * d + a * c) * third;
    m[1][0] = 2 * (b * c + a * d) * step[0];
    m[1][1] = (a * a + c * c - b * b - d * d) * step[1];
    m[1][2] = 2 * (c * d - a * b) * third;
    m[2][0] = 2 * (b * d - a * c) * step[0];
    m[2][1] = 2 * (c * d + a * b) * step[1];
    m[2][2] = (a * a + d * d - c * c - b * b) * third;

    for (i = 0; i < 3; i++) {
        m[i][3] = n->qoffset[i];
    }
}


/* Some programs set the sform's code and leave its rows zero. */
static int
usable(double m[3][4])
{
    double det = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
                 m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                 m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);

    return isfinite(det) && det != 0;
}


/* The voxels of x.hdr are in x.img. */
static expo_status_t
image(const expo_volume_file_t *file, expo_numbers_t *numbers, char *note,
      size_t note_bytes)
{
    const char *own = file->name != NULL ? file->name : "*";
    size_t stem = strlen(own);
    char name[EXPO_VOLUME_FILE_NAME_MAX];

    stem -= stem > 4 && strcmp(own + stem - 4, ".hdr") == 0 ? 4 : 0;
    snprintf(name, sizeof(name), "%.*s.img", (int) stem, own);

    return expo_volume_file_beside(file, name, &numbers->data, &numbers->len,
                                   note, note_bytes);
}


static int
is_gzip(const uint8_t *data, size_t len)
{
    return len > 2 && data[0] == 0x1f && data[1] == 0x8b;
}
