#include "lib/nifti_read.c"
#include "t/unit/volume_files.h"

#define VOXELS 24
#define FILE_MAX (NIFTI2_HEADER + 4 + VOXELS * 8)

static const double srow[3][4] = {
    {-0.5, 0, 0, 30}, {0, 0.25, 0, -20}, {0, 0, 2, 5}};

/* What is written into a header; the rest is 4 x 3 x 2 numbers of a type. */
typedef struct {
    int version, big;
    int64_t dim[8];
    int datatype, bytes;
    double slope, intercept;
    int qform, sform, units;
    double pixdim0, quatern[3];
    const char *magic;
} make_t;

static make_t
plain(int version)
{
    return (make_t){.version = version,
                    .dim = {3, 4, 3, 2, 1, 1, 1, 1},
                    .datatype = 4,
                    .bytes = 2,
                    .sform = 1,
                    .units = 2,
                    .pixdim0 = 1};
}

static void
put(uint8_t *p, int big, uint64_t x, int bytes)
{
    int i;

    for (i = 0; i < bytes; i++) {
        p[big ? bytes - 1 - i : i] = (uint8_t) (x >> 8 * i);
    }
}

static void
put_real(uint8_t *p, int big, double x, int bytes)
{
    float f = (float) x;
    uint64_t bits = 0;
    uint32_t half;

    memcpy(&bits, &x, 8);
    memcpy(&half, &f, 4);
    put(p, big, bytes == 8 ? bits : half, bytes);
}

/* Number i: 100 i - 1000. */
static size_t
make(const make_t *m, uint8_t file[FILE_MAX])
{
    int two = m->version == 2, i, k, real = two ? 8 : 4;
    size_t start = two ? NIFTI2_HEADER + 4 : NIFTI1_HEADER + 4;
    size_t pixdim = two ? 104 : 76, quatern = two ? 352 : 256;
    size_t rows = two ? 400 : 280;

    memset(file, 0, FILE_MAX);
    put(file, m->big, two ? NIFTI2_HEADER : NIFTI1_HEADER, 4);

    for (i = 0; i < 8; i++) {
        if (two) {
            put(file + 16 + 8 * i, m->big, (uint64_t) m->dim[i], 8);

        } else {
            put(file + 40 + 2 * i, m->big, (uint64_t) m->dim[i], 2);
        }
    }

    put_real(file + pixdim, m->big, m->pixdim0, real);

    for (i = 0; i < 3; i++) {
        static const double step[3] = {0.5, 0.25, 2};

        put_real(file + pixdim + real * (i + 1), m->big, step[i], real);
        put_real(file + quatern + real * i, m->big, m->quatern[i], real);
        put_real(file + quatern + real * (i + 3), m->big, srow[i][3], real);

        for (k = 0; k < 4; k++) {
            put_real(file + rows + real * (4 * i + k), m->big, srow[i][k],
                     real);
        }
    }

    put(file + (two ? 12 : 70), m->big, (uint64_t) m->datatype, 2);
    put_real(file + (two ? 176 : 112), m->big, m->slope, real);
    put_real(file + (two ? 184 : 116), m->big, m->intercept, real);

    if (two) {
        put(file + 168, m->big, start, 8);
        put(file + 344, m->big, (uint64_t) m->qform, 4);
        put(file + 348, m->big, (uint64_t) m->sform, 4);
        put(file + 500, m->big, (uint64_t) m->units, 4);
        memcpy(file + 4, m->magic ? m->magic : "n+2\0\r\n\032\n", 8);

    } else {
        put_real(file + 108, m->big, (double) start, 4);
        put(file + 252, m->big, (uint64_t) m->qform, 2);
        put(file + 254, m->big, (uint64_t) m->sform, 2);
        file[123] = (uint8_t) m->units;
        memcpy(file + 344, m->magic ? m->magic : "n+1", 4);
    }

    for (i = 0; i < VOXELS; i++) {
        double x = 100.0 * i - 1000;
        uint8_t *p = file + start + m->bytes * i;

        if (m->datatype == 16 || m->datatype == 64) {
            put_real(p, m->big, x, m->bytes);

        } else {
            put(p, m->big, (uint64_t) (int64_t) x, m->bytes);
        }
    }

    return start + (size_t) m->bytes * VOXELS;
}

static expo_status_t
read_made(const make_t *m, expo_volume_t *v, uint16_t **voxels)
{
    uint8_t file[FILE_MAX];
    expo_volume_file_t in = {file, make(m, file), "x.nii", NULL, NULL, 0, NULL};

    *voxels = NULL;

    return expo_nifti_read(v, voxels, &in, note, sizeof(note));
}

static void
values_are_those_of_the_file(void)
{
    static const struct {
        int datatype, bytes;
    } types[] = {{4, 2}, {8, 4}, {16, 4}, {64, 8}, {1024, 8}};
    uint16_t *voxels;
    expo_volume_t v;
    size_t t, i;
    int way, wrong = 0;

    for (t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        for (way = 0; way < 4; way++) {
            make_t m = plain(1 + (way & 1));

            m.big = way >> 1;
            m.datatype = types[t].datatype;
            m.bytes = types[t].bytes;
            wrong += read_made(&m, &v, &voxels) != EXPO_OK;

            for (i = 0; voxels != NULL && i < VOXELS; i++) {
                wrong += value_at(&v, voxels, i) != 100.0 * (double) i - 1000;
            }

            free(voxels);
        }
    }

    check(wrong == 0);
}

static void
slope_and_intercept_make_the_values(void)
{
    make_t m = plain(1);
    uint16_t *voxels;
    expo_volume_t v;

    m.slope = -0.5;
    m.intercept = 3;
    check(read_made(&m, &v, &voxels) == EXPO_OK);
    check(value_at(&v, voxels, 0) == 503 && value_at(&v, voxels, 1) == 453);
    check(v.scale > 0);
    free(voxels);

    m.slope = (double) NAN;
    check(read_made(&m, &v, &voxels) == EXPO_OK);
    check(value_at(&v, voxels, 0) == -1000);
    free(voxels);
}

/* The affine that the file's numbers make, RAS, becomes LPS. */
static void
is_placed(const make_t *m, const double want[12])
{
    uint16_t *voxels;
    expo_volume_t v;
    double worst = 0;
    int i;

    check(read_made(m, &v, &voxels) == EXPO_OK);

    for (i = 0; i < 12; i++) {
        worst = fmax(worst, fabs(v.affine[i] - want[i]));
    }

    check(worst < 1e-6);
    free(voxels);
}

static void
the_sform_places_then_the_qform_then_the_steps(void)
{
    static const double by_sform[12] = {0.5, 0,  0, -30, 0, -0.25,
                                        0,   20, 0, 0,   2, 5};
    /* A quarter turn about z: x runs to the front, y to the left. */
    static const double by_qform[12] = {0, 0.25, 0, -30, -0.5, 0,
                                        0, 20,   0, 0,   2,    5};
    static const double turned[12] = {0, 0.25, 0, -30, -0.5, 0,
                                      0, 20,   0, 0,   -2,   5};
    static const double by_steps[12] = {-0.5, 0, 0, 0, 0, -0.25,
                                        0,    0, 0, 0, 2, 0};
    static const double in_metres[12] = {500, 0,     0, -30000, 0,    -250,
                                         0,   20000, 0, 0,      2000, 5000};
    make_t m = plain(1);

    m.quatern[2] = sqrt(0.5);
    m.qform = 1;
    is_placed(&m, by_sform);
    check(note[0] == '\0');

    m.sform = 0;
    is_placed(&m, by_qform);
    m.pixdim0 = -1;
    is_placed(&m, turned);
    m.version = 2;
    is_placed(&m, turned);

    m.qform = 0;
    is_placed(&m, by_steps);
    check(note[0] != '\0');

    m = plain(1);
    m.units = 1;
    is_placed(&m, in_metres);
}

static void
of_several_frames_the_first_is_taken(void)
{
    make_t m = plain(1);
    uint16_t *voxels;
    expo_volume_t v;

    m.dim[0] = 4;
    m.dim[3] = 1;
    m.dim[4] = 2;
    check(read_made(&m, &v, &voxels) == EXPO_OK);
    check(v.dims[2] == 1 && v.voxel_max == 1100);
    check(strstr(note, "first of 2 frames") != NULL);
    free(voxels);

    m.dim[0] = 2;
    check(read_made(&m, &v, &voxels) == EXPO_OK);
    check(v.dims[2] == 1);
    free(voxels);
}

static void
gzip_is_inflated(void)
{
    make_t m = plain(1);
    uint8_t file[FILE_MAX], packed[FILE_MAX];
    size_t len = make(&m, file);
    expo_volume_file_t in = {packed, 0, NULL, NULL, NULL, 0, NULL};
    uint16_t *voxels;
    expo_volume_t v;

    in.len = deflated(file, len, 31, packed, sizeof(packed));
    check(expo_nifti_read(&v, &voxels, &in, note, sizeof(note)) == EXPO_OK);
    check(value_at(&v, voxels, 23) == 1300);
    free(voxels);
    /* The last 8 bytes are a checksum and a length. */
    check(every_cut_is_refused(expo_nifti_read, packed, in.len - 9));
    any_byte_may_change(expo_nifti_read, packed, in.len);
}

static void
voxels_may_lie_in_an_img_file(void)
{
    make_t m = plain(1);
    uint8_t file[FILE_MAX];
    neighbour_t n = {"head.img", file, 0};
    expo_volume_file_t in = {file, NIFTI1_HEADER, "head.hdr", beside, &n,
                             0,    NULL};
    uint16_t *voxels;
    expo_volume_t v;

    m.magic = "ni1";
    n.len = make(&m, file); /* with the offset that a .nii has */
    check(expo_nifti_read(&v, &voxels, &in, note, sizeof(note)) == EXPO_OK);
    check(value_at(&v, voxels, 23) == 1300);
    free(voxels);

    in.name = "other.hdr";
    check(expo_nifti_read(&v, &voxels, &in, note, sizeof(note)) ==
          EXPO_UNSUPPORTED);
    in.beside = NULL;
    check(expo_nifti_read(&v, &voxels, &in, note, sizeof(note)) ==
          EXPO_UNSUPPORTED);
}

static void
what_makes_no_sense_is_refused(void)
{
    uint16_t *voxels;
    expo_volume_t v;
    make_t m;

    m = plain(1);
    m.datatype = 128; /* colours */
    check(read_made(&m, &v, &voxels) == EXPO_UNSUPPORTED);
    m = plain(1);
    m.dim[2] = 0;
    check(read_made(&m, &v, &voxels) == EXPO_INVALID);
    m = plain(1);
    m.dim[0] = 8;
    check(read_made(&m, &v, &voxels) == EXPO_INVALID);
    m = plain(1);
    m.dim[1] = 5000;
    check(read_made(&m, &v, &voxels) == EXPO_TOO_LARGE);
    m = plain(2);
    m.dim[1] = INT64_MAX;
    check(read_made(&m, &v, &voxels) == EXPO_INVALID);
    m = plain(1);
    m.dim[3] = 3;
    check(read_made(&m, &v, &voxels) == EXPO_CORRUPT);
    m = plain(1);
    m.magic = "abc";
    check(read_made(&m, &v, &voxels) == EXPO_INVALID);
    m = plain(1);
    m.slope = 1e300;
    m.intercept = 1e300; /* no float: infinite */
    check(read_made(&m, &v, &voxels) == EXPO_OK);
    free(voxels);
}

static void
no_part_of_a_file_is_taken_for_it(void)
{
    uint8_t file[FILE_MAX];
    make_t m = plain(1);

    check(every_cut_is_refused(expo_nifti_read, file, make(&m, file)));
    any_byte_may_change(expo_nifti_read, file, make(&m, file));
    m = plain(2);
    check(every_cut_is_refused(expo_nifti_read, file, make(&m, file)));
    any_byte_may_change(expo_nifti_read, file, make(&m, file));
}

int
main(void)
{
    values_are_those_of_the_file();
    slope_and_intercept_make_the_values();
    the_sform_places_then_the_qform_then_the_steps();
    of_several_frames_the_first_is_taken();
    gzip_is_inflated();
    voxels_may_lie_in_an_img_file();
    what_makes_no_sense_is_refused();
    no_part_of_a_file_is_taken_for_it();

    return done();
}
