#include "lib/nrrd_read.c"
#include "lib/nrrd.h"
#include "t/unit/volume_files.h"

static expo_volume_t
sample(double scale, double offset)
{
    static const double affine[12] = {0.5, 0,   0.1, -30, 0, 0.7,
                                      0,   -20, 0,   0.2, 2, 5};
    expo_volume_t v;

    memset(&v, 0, sizeof(v));
    v.dims[0] = 3;
    v.dims[1] = 2;
    v.dims[2] = 4;
    memcpy(v.affine, affine, sizeof(affine));
    v.scale = scale;
    v.offset = offset;
    v.voxel_max = 23000;
    strcpy(v.unit, "HU");
    strcpy(v.modality, "CT");

    return v;
}

/* A file as exposure-import writes it; voxels are 0, 1000, 2000, ... */
static size_t
file_of(const expo_volume_t *v, uint8_t *dst, size_t cap)
{
    expo_nrrd_type_t type = expo_nrrd_type(v);
    uint8_t voxels[48];
    size_t len = 0, i;

    for (i = 0; i < 24; i++) {
        voxels[2 * i] = (uint8_t) (1000 * i);
        voxels[2 * i + 1] = (uint8_t) (1000 * i >> 8);
    }

    expo_nrrd_header((char *) dst, cap, &len, v, type, 0);
    expo_nrrd_values(dst + len, voxels, 24, v, type);

    return len + 24 * expo_nrrd_bytes(type);
}

static void
what_import_writes_is_read(double scale, double offset)
{
    expo_volume_t v = sample(scale, offset), out;
    uint8_t file[4096];
    uint16_t *voxels = NULL;
    size_t len = file_of(&v, file, sizeof(file)), i;
    expo_volume_file_t in = {file, len, "v.nrrd", NULL, NULL, 0, NULL};
    double worst = 0, span = scale * 23000;

    check(expo_nrrd_read(&out, &voxels, &in, note, sizeof(note)) == EXPO_OK);
    check(memcmp(out.affine, v.affine, sizeof(v.affine)) == 0);
    check(memcmp(out.dims, v.dims, sizeof(v.dims)) == 0);
    check(strcmp(out.unit, "HU") == 0 && strcmp(out.modality, "CT") == 0);

    for (i = 0; i < 24; i++) {
        worst = fmax(worst, fabs(out.offset + out.scale * voxels[i] -
                                 (offset + scale * 1000 * (double) i)));
    }

    check(worst <= 1e-5 * span);
    check(out.voxel_min == 0 && voxels[23] == out.voxel_max);
    free(voxels);
}

static void
no_part_of_a_file_is_taken_for_it(void)
{
    expo_volume_t v = sample(1, -1024);
    uint8_t file[4096];
    size_t len = file_of(&v, file, sizeof(file));

    check(every_cut_is_refused(expo_nrrd_read, file, len));
    any_byte_may_change(expo_nrrd_read, file, len);
}

/* A header, and 64 bytes of voxels. */
static expo_status_t
read_text(const char *text, expo_volume_t *v)
{
    static const uint8_t other[24] = "12345678\nabcdefghijklmn";
    neighbour_t n = {"x.raw", other, sizeof(other)};
    uint8_t file[4096];
    expo_volume_file_t in = {file, strlen(text) + 64, "x.nhdr", beside, &n, 0,
                             NULL};
    uint16_t *voxels = NULL;
    expo_status_t st;

    memset(file, 0, sizeof(file));
    memcpy(file, text, strlen(text));
    st = expo_nrrd_read(v, &voxels, &in, note, sizeof(note));
    free(voxels);

    return st;
}

#define HEAD "NRRD0004\ntype: short\ndimension: 3\n"
#define TAIL "space directions: (1,0,0) (0,1,0) (0,0,1)\nendian: little\n"

static void
what_is_not_understood_is_refused(void)
{
    expo_volume_t v;

    check(read_text(HEAD "sizes: 2 2 2\nencoding: raw\n" TAIL "\n", &v) ==
          EXPO_OK);
    check(read_text(HEAD "sizes: 2 2 2\nencoding: gzip\n" TAIL "\n", &v) ==
          EXPO_CORRUPT);
    check(read_text(HEAD "sizes: 2 2 2\nencoding: bzip2\n" TAIL "\n", &v) ==
          EXPO_UNSUPPORTED);
    check(read_text(HEAD "sizes: 0 2 2\nencoding: raw\n" TAIL "\n", &v) ==
          EXPO_INVALID);
    check(read_text(HEAD "sizes: 4000 4000 4000\nencoding: raw\n" TAIL "\n",
                    &v) == EXPO_TOO_LARGE);
    check(read_text(HEAD "sizes: 40 40 40\nencoding: raw\n" TAIL "\n", &v) ==
          EXPO_CORRUPT);
    check(read_text(HEAD "encoding: raw\n" TAIL "\n", &v) == EXPO_INVALID);
    check(read_text(HEAD "sizes: 2 2 2\nencoding: raw\n\n", &v) ==
          EXPO_INVALID);
    check(read_text(HEAD "space directions: (1,0,0 (0,1,0) (0,0,1)\n\n", &v) ==
          EXPO_UNSUPPORTED);
    check(read_text(HEAD "unit:=\x01\n\n", &v) == EXPO_UNSUPPORTED);
    check(read_text("NRRD0004\ntype: block\n\n", &v) == EXPO_UNSUPPORTED);
    check(read_text("NRRD0004\ntype: \x1b[31mred\n\n", &v) == EXPO_UNSUPPORTED);
    check(strstr(note, "\"type: ?[31mred\"") != NULL);
    /* 2^32 + 2 is not 2. */
    check(read_text(HEAD "sizes: 4294967298 2 2\n\n", &v) == EXPO_UNSUPPORTED);
    check(read_text(HEAD "sizes: 2 2 2.5\n\n", &v) == EXPO_UNSUPPORTED);
    check(read_text(HEAD "sizes: 2 -2 2\n\n", &v) == EXPO_UNSUPPORTED);
    check(read_text(HEAD "sizes: 2 2\n\n", &v) == EXPO_UNSUPPORTED);
    check(read_text(HEAD "data file:\n\n", &v) == EXPO_UNSUPPORTED);
    check(read_text("NRRD0004\ndimension: 4\n\n", &v) == EXPO_UNSUPPORTED);
    check(read_text("P6\n1 1\n", &v) == EXPO_INVALID);
    check(read_text("", &v) == EXPO_INVALID);
}

static void
keys_of_other_programs_change_nothing(void)
{
    char text[4096];
    expo_volume_t v;

    check(read_text(HEAD "sizes: 2 2 2 \nencoding: raw\t\n" TAIL
                         "type:=block\nsizes:=9\n\n",
                    &v) == EXPO_OK);
    check(v.dims[0] == 2);

    /* Segmentations have keys of several thousand letters. */
    snprintf(text, sizeof(text), "%s%s%s%02000d%s",
             HEAD "sizes: 2 2 2\nencoding: raw\n", TAIL, "key:=", 7, "\n\n");
    check(read_text(text, &v) == EXPO_OK);
}

static void
voxels_may_lie_in_another_file(void)
{
#define AWAY HEAD "sizes: 2 2 2\nencoding: raw\n" TAIL
    expo_volume_t v;

    check(read_text(AWAY "data file: x.raw\n\n", &v) == EXPO_OK);
    check(v.offset == '1' + 256 * '2');
    check(read_text(AWAY "data file: ./x.raw\nbyte skip: 2\n\n", &v) ==
          EXPO_OK);
    check(v.offset == '3' + 256 * '4');
    check(read_text(AWAY "data file: x.raw\nbyte skip: 8\n\n", &v) == EXPO_OK);
    check(read_text(AWAY "data file: x.raw\nbyte skip: 9\n\n", &v) ==
          EXPO_CORRUPT);
    check(read_text(AWAY "data file: x.raw\nbyte skip: -1\n\n", &v) == EXPO_OK);
    check(read_text(AWAY "data file: x.raw\nline skip: 1\n\n", &v) ==
          EXPO_CORRUPT);
    check(read_text(AWAY "data file: y.raw\n\n", &v) ==
          EXPO_UNSUPPORTED);
    check(read_text(AWAY "data file: ../x.raw\n\n", &v) == EXPO_UNSUPPORTED);
    check(read_text(AWAY "data file: /x.raw\n\n", &v) == EXPO_UNSUPPORTED);
    check(read_text(AWAY "data file: x%03d.raw 1 4 1\n\n", &v) ==
          EXPO_UNSUPPORTED);
    check(read_text(AWAY "data file: LIST\nx.raw\n\n", &v) == EXPO_UNSUPPORTED);
}

static void
lengths_become_mm(void)
{
#define UNITS(u)                                                               \
    HEAD "sizes: 2 2 2\nencoding: raw\nspace: LPS\nspace origin: (1,2,3)\n"    \
         "space units: " u "\n" TAIL "\n"
    expo_volume_t v;

    check(read_text(UNITS("\"mm\" \"mm\" \"mm\""), &v) == EXPO_OK);
    check(v.affine[0] == 1 && v.affine[11] == 3);
    check(read_text(UNITS("\"m\" \"cm\" \"um\""), &v) == EXPO_OK);
    check(v.affine[0] == 1000 && v.affine[5] == 10);
    check(v.affine[3] == 1000 && fabs(v.affine[10] - 1e-3) < 1e-15);
    check(read_text(UNITS("\"\" \"\" \"\""), &v) == EXPO_OK);
    check(v.affine[0] == 1);
    check(read_text(UNITS("\"s\" \"mm\" \"mm\""), &v) == EXPO_UNSUPPORTED);
    check(read_text(UNITS("\"mm\" \"mm\""), &v) == EXPO_UNSUPPORTED);
    check(read_text(UNITS("mm mm mm"), &v) == EXPO_UNSUPPORTED);
    check(read_text(UNITS("\"mm\" \"mm\" \"mm"), &v) == EXPO_UNSUPPORTED);
}

static void
axes_become_lps(void)
{
    expo_volume_t v;

    check(read_text(HEAD "sizes: 2 2 2\nencoding: raw\nspace: RAS\n"
                         "space origin: (1,2,3)\n" TAIL "\n",
                    &v) == EXPO_OK);
    check(v.affine[0] == -1 && v.affine[5] == -1 && v.affine[10] == 1);
    check(v.affine[3] == -1 && v.affine[7] == -2 && v.affine[11] == 3);

    check(read_text(HEAD "sizes: 2 2 2\nencoding: raw\nendian: big\n"
                         "spacings: 0.5 0.25 2\n\n",
                    &v) == EXPO_OK);
    check(v.affine[0] == 0.5 && v.affine[5] == 0.25 && v.affine[10] == 2);
    check(read_text(HEAD
                    "sizes: 2 2 2\nencoding: raw\nspace: scanner-xyz\n" TAIL
                    "\n",
                    &v) == EXPO_UNSUPPORTED);
}

static void
gzip_is_inflated(void)
{
    static const char *head = "NRRD0005\ntype: uchar\ndimension: 3\n"
                              "sizes: 4 3 2\nencoding: gzip\n"
                              "space: left-posterior-superior\n"
                              "space directions: (1,0,0) (0,1,0) (0,0,1)\n\n";
    static const uint8_t raw[24] = {9, 7, 5, 3, 200};
    uint8_t file[512];
    size_t at = strlen(head);
    expo_volume_file_t in = {file, 0, NULL, NULL, NULL, 0, NULL};
    expo_volume_t v;
    uint16_t *voxels;

    memcpy(file, head, at);
    in.len = at + deflated(raw, 24, 31, file + at, sizeof(file) - at);
    check(expo_nrrd_read(&v, &voxels, &in, note, sizeof(note)) == EXPO_OK);
    check(value_at(&v, voxels, 0) == 9 && value_at(&v, voxels, 4) == 200);
    free(voxels);
    /* The last 8 bytes are a checksum and a length. */
    check(every_cut_is_refused(expo_nrrd_read, file, in.len - 9));
    any_byte_may_change(expo_nrrd_read, file, in.len);
}

int
main(void)
{
    what_import_writes_is_read(1, -1024);
    what_import_writes_is_read(0.125, 3.5);
    no_part_of_a_file_is_taken_for_it();
    what_is_not_understood_is_refused();
    keys_of_other_programs_change_nothing();
    voxels_may_lie_in_another_file();
    lengths_become_mm();
    axes_become_lps();
    gzip_is_inflated();

    return done();
}
