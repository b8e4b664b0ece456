/*
 * Import as a whole, on files that DCMTK writes here. The program is also the
 * sandboxed process of import_child, which starts itself again with --pipe.
 */

#include "render-worker/import/import.h"

#include "t/unit/check.h"

#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <zlib.h>

#include "lib/tar.h"
#include "render-worker/import/assemble.h"
#include "render-worker/import/child.h"
#include "render-worker/import/dicom_file.h"
#include "render-worker/import/pool.h"
#include "render-worker/import/report.h"
#include "render-worker/import/sandbox.h"

enum { EDGE = 16, SLICES = 6, PIXELS = EDGE * EDGE };

static char folder[] = "/tmp/import-test-XXXXXX";
static uint16_t pixels[PIXELS];

/* --- an upload in memory --- */

static uint8_t *tar;
static size_t tar_len;

static void
tar_start(void)
{
    free(tar);
    tar = NULL;
    tar_len = 0;
}

static void
tar_add(const void *bytes, size_t n)
{
    size_t len = EXPO_TAR_BLOCK + n + expo_tar_padding(n);

    tar = realloc(tar, tar_len + len);
    memset(tar + tar_len, 0, len);
    expo_tar_header(tar + tar_len, tar_len, n);
    memcpy(tar + tar_len + EXPO_TAR_BLOCK, bytes, n);
    tar_len += len;
}

static uint8_t *
file_read(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(1 << 20);

    *n = f ? fread(bytes, 1, 1 << 20, f) : 0;
    if (f) {
        fclose(f);
    }
    return bytes;
}

/* --- pictures --- */

static dicom_picture_t picture;
static char picture_path[64];

static int stored_least;

/* The stored value of pixel i of slice k: no two slices alike. */
static int
stored(size_t k, size_t i)
{
    return stored_least + (int) (100 * k + i);
}

static void
picture_start(void)
{
    snprintf(picture_path, sizeof picture_path, "%s/one.dcm", folder);
    picture = (dicom_picture_t) {.path = picture_path,
                                 .syntax = "1.2.840.10008.1.2.1",
                                 .modality = "CT",
                                 .patient = "Planted^Name",
                                 .description = "Planted description",
                                 .image_type = "ORIGINAL\\PRIMARY\\AXIAL",
                                 .study_uid = "2.25.1",
                                 .series_uid = "2.25.2",
                                 .frame_uid = "2.25.3",
                                 .rows = EDGE,
                                 .cols = EDGE,
                                 .spacing_mm = {1.5, 2.5},
                                 .along_row = {1, 0, 0},
                                 .along_column = {0, 1, 0},
                                 .thickness_mm = 9,
                                 .slope = 1,
                                 .intercept = -1000,
                                 .pixels = pixels};
}

static uint8_t *
picture_bytes(size_t k, size_t *n)
{
    char uid[32];

    snprintf(uid, sizeof uid, "%s.%zu", picture.series_uid, k);
    picture.instance_uid = uid;
    picture.number = (int32_t) (50 - k);
    picture.position[0] = -7;
    picture.position[2] = 3.0 * (double) k;

    for (size_t i = 0; i < PIXELS; i++) {
        pixels[i] = (uint16_t) stored(k, i);
    }

    check(dicom_write(&picture));
    return file_read(picture_path, n);
}

/* One of EDGE x EDGE at z = 3 k mm; keep < 1: only its beginning. */
static void
picture_add(size_t k, double keep)
{
    size_t n;
    uint8_t *bytes = picture_bytes(k, &n);

    tar_add(bytes, (size_t) ((double) n * keep));
    free(bytes);
}

static void
series_add_all(void)
{
    for (size_t k = SLICES; k-- > 0;) {
        picture_add(k, 1);
    }
}

/* --- running it --- */

typedef struct {
    uint8_t bytes[1 << 18];
    size_t len;
    expo_volume_t header;
    json_t *report;
    char *text;
} result_t;

static result_t result;

static int
take(void *data, const void *bytes, size_t n)
{
    (void) data;
    if (n > sizeof result.bytes - result.len) {
        return 0;
    }
    memcpy(result.bytes + result.len, bytes, n);
    result.len += n;
    return 1;
}

static void
hear(void *data, const char *stage, double fraction)
{
    (void) data;
    if (stage == NULL || !(fraction >= 0 && fraction <= 1)) {
        check(!"a progress report makes sense");
    }
}

static import_result_t
run_series(size_t series)
{
    const import_sink_t sink = {.volume = take, .progress = hear};
    import_result_t rc;

    json_decref(result.report);
    free(result.text);
    memset(&result, 0, sizeof result);

    rc = import_run(&sink, tar, tar_len, series, &result.report);
    result.text = json_dumps(result.report, 0);

    if (rc == IMPORT_DONE) {
        check(expo_volume_read(&result.header, result.bytes, result.len)
              == EXPO_OK);
    }

    return rc;
}

static import_result_t
run(void)
{
    return run_series(IMPORT_CHOOSE);
}

static const char *
failure(void)
{
    const char *code = json_string_value(
        json_object_get(json_object_get(result.report, "failure"), "code"));

    return code ? code : "";
}

static int
says(const char *what)
{
    return strstr(result.text, what) != NULL;
}

static double
value(size_t k, size_t i)
{
    const uint8_t *v = result.bytes + EXPO_VOLUME_HEADER + 2 * (k * PIXELS + i);

    return result.header.offset + result.header.scale * (v[0] | v[1] << 8);
}

static int
every_value_is(double slope, double intercept)
{
    int right = result.len == EXPO_VOLUME_HEADER + 2 * SLICES * PIXELS;

    for (size_t k = 0; right && k < SLICES; k++) {
        for (size_t i = 0; i < PIXELS; i++) {
            right = right
                    && fabs(value(k, i) - (slope * stored(k, i) + intercept))
                           < 1e-9;
        }
    }

    return right;
}

/* --- the sandbox: forked before any thread exists --- */

static void
open_a_file(void)
{
    _exit(open("/etc/passwd", 0) < 0 ? 7 : 1);
}

static void
make_a_socket(void)
{
    socket(AF_INET, SOCK_STREAM, 0);
    _exit(1);
}

static void
make_a_process(void)
{
    fork();
    _exit(1);
}

static void
run_a_program(void)
{
    execl("/bin/true", "true", NULL);
    _exit(1);
}

static void
make_code(void)
{
    mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    _exit(1);
}

static void
do_what_is_allowed(void)
{
    volatile char *p = malloc(1 << 20);

    p[0] = 1;
    _exit(write(STDERR_FILENO, "", 0) == 0 ? 7 : 1);
}

/* The wait status of a sandboxed process that does this. */
static int
sandboxed(void (*act)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        if (!sandbox_prepare() || !sandbox_enter()) {
            _exit(99);
        }
        act();
    }

    waitpid(pid, &status, 0);
    return status;
}

static int
killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static int
fine(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

static void
the_sandbox_forbids_files_network_processes_and_code(void)
{
    check(fine(sandboxed(do_what_is_allowed)));
    check(fine(sandboxed(open_a_file)));
    check(killed(sandboxed(make_a_socket)));
    check(killed(sandboxed(make_a_process)));
    check(killed(sandboxed(run_a_program)));
    check(killed(sandboxed(make_code)));
}

/* --- files --- */

static dicom_file_status_t
opened(const void *bytes, size_t n)
{
    dicom_file_t f;
    dicom_file_status_t st = dicom_file_open(&f, bytes, n);

    dicom_file_close(&f);
    return st;
}

static void
what_is_not_dicom_is_foreign(void)
{
    const char text[] = "Dear colleague, attached you find the pictures.";
    uint8_t zeros[512] = {0};

    check(opened("", 0) == DICOM_FILE_FOREIGN);
    check(opened(text, sizeof text) == DICOM_FILE_FOREIGN);
    check(opened(zeros, sizeof zeros) == DICOM_FILE_FOREIGN);
    check(opened("\x89PNG\r\n\x1a\n........", 16) == DICOM_FILE_FOREIGN);
}

/* Preamble, and a meta header that names this transfer syntax. */
static size_t
meta(uint8_t *dst, const char *uid)
{
    size_t n = strlen(uid);

    memset(dst, 0, 140 + n);
    memcpy(dst + 128, "DICM\x02\x00\x10\x00UI", 10);
    dst[138] = (uint8_t) n;
    memcpy(dst + 140, uid, n);
    return 140 + n;
}

static void
transfer_syntaxes_are_known_by_name(void)
{
    uint8_t bytes[512] = {0};
    dicom_file_t f;
    size_t n;

    n = meta(bytes, "1.2.840.10008.1.2.4.90");
    check(dicom_file_open(&f, bytes, n + 8) == DICOM_FILE_UNSUPPORTED);
    check(strcmp(f.encoding, "JPEG 2000") == 0);

    n = meta(bytes, "1.2.3.4");
    check(dicom_file_open(&f, bytes, n + 8) == DICOM_FILE_UNSUPPORTED);
    check(strcmp(f.encoding, "an unknown encoding") == 0);

    n = meta(bytes, "1.2.840.10008.1.2.5");
    check(dicom_file_open(&f, bytes, n + 8) == DICOM_FILE_OK);
    check(opened(bytes, n) == DICOM_FILE_CUT);
    check(opened(bytes, n - 3) == DICOM_FILE_CUT);
}

static void
a_deflate_bomb_and_too_many_items_are_refused(void)
{
    const size_t plain = DICOM_INFLATED_MAX + (1 << 20), room = 4 << 20;
    uint8_t *bytes = malloc(room), *zeros = calloc(1, 1 << 20);
    z_stream z = {0};
    size_t n = meta(bytes, "1.2.840.10008.1.2.1.99");

    deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
    z.next_out = bytes + n;
    z.avail_out = (uInt) (room - n);
    for (size_t at = 0; at < plain; at += 1 << 20) {
        z.next_in = zeros;
        z.avail_in = 1 << 20;
        deflate(&z, at + (1 << 20) >= plain ? Z_FINISH : Z_NO_FLUSH);
    }
    check(opened(bytes, n + z.total_out) == DICOM_FILE_TOO_LARGE);
    check(opened(bytes, n + 1000) == DICOM_FILE_CUT);
    deflateEnd(&z);

    n = meta(bytes, "1.2.840.10008.1.2.1");
    for (size_t i = 0; i <= DICOM_ITEMS_MAX; i++) {
        memcpy(bytes + n + 8 * i, "\xfe\xff\x00\xe0\xff\xff\xff\xff", 8);
    }
    check(opened(bytes, n + 8 * DICOM_ITEMS_MAX) == DICOM_FILE_OK);
    check(opened(bytes, n + 8 * (DICOM_ITEMS_MAX + 1))
          == DICOM_FILE_TOO_LARGE);

    free(zeros);
    free(bytes);
}

/* As deep as is let through: the stack of a pool's thread bears it. */
static void
the_deepest_nesting_let_through_is_survived(void)
{
    const uint8_t level[20] = {8,    0,    0x40, 0x11, 'S',  'Q',  0,
                               0,    0xff, 0xff, 0xff, 0xff, 0xfe, 0xff,
                               0x00, 0xe0, 0xff, 0xff, 0xff, 0xff};
    uint8_t *bytes = malloc(256 + DICOM_ITEMS_MAX * sizeof level);
    size_t n = meta(bytes, "1.2.840.10008.1.2.1");

    for (int i = 0; i < DICOM_ITEMS_MAX; i++) {
        memcpy(bytes + n, level, sizeof level);
        n += sizeof level;
    }

    tar_start();
    series_add_all();
    tar_add(bytes, n);
    check(run() == IMPORT_DONE);
    check(says("skipped_"));
    free(bytes);
}

/* --- series --- */

static void
every_transfer_syntax_gives_the_same_voxels(void)
{
    static const char *const syntax[]
        = {"1.2.840.10008.1.2",      "1.2.840.10008.1.2.1",
           "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2",
           "1.2.840.10008.1.2.5",    "1.2.840.10008.1.2.4.70",
           "1.2.840.10008.1.2.4.80"};

    for (size_t i = 0; i < sizeof syntax / sizeof *syntax; i++) {
        picture_start();
        picture.syntax = syntax[i];
        tar_start();
        series_add_all();
        check(run() == IMPORT_DONE);
        check(every_value_is(1, -1000));
    }
}

static void
the_volume_says_where_it_lies_and_what_it_holds(void)
{
    const double affine[12] = {1.5, 0, 0, -7, 0, 2.5, 0, 0, 0, 0, 3, 0};
    int right = 1;

    picture_start();
    tar_start();
    series_add_all();
    check(run() == IMPORT_DONE);

    for (int i = 0; i < 12; i++) {
        right = right && fabs(result.header.affine[i] - affine[i]) < 1e-9;
    }
    check(right);
    check(result.header.dims[0] == EDGE && result.header.dims[2] == SLICES);
    check(strcmp(result.header.unit, "HU") == 0);
    check(strcmp(result.header.modality, "CT") == 0);
    check(result.header.voxel_min == 0);
    check(value(0, 0) == -1000);
}

static void
nothing_of_a_file_comes_into_the_report(void)
{
    picture_start();
    tar_start();
    series_add_all();
    picture_add(SLICES, 0.7);
    picture.syntax = "1.2.840.10008.1.2.5";
    picture.series_uid = "2.25.99";
    picture_add(0, 1);
    check(run() == IMPORT_DONE);
    check(!says("Planted") && !says("2.25.") && !says("19500101"));
}

static void
a_name_is_no_modality(void)
{
    static const char *const names[] = {"MUELLER", "CT MR", "C", ""};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        picture_start();
        picture.modality = names[i];
        tar_start();
        series_add_all();
        check(run() == IMPORT_DONE);
        check(strcmp(result.header.modality, "") == 0);
        check(names[i][0] == '\0' || i == 2 || !says(names[i]));
    }
}

static void
signed_pixels_keep_their_sign(void)
{
    picture_start();
    picture.is_signed = 1;
    picture.modality = "MR";
    picture.intercept = 0;
    stored_least = -300;
    tar_start();
    series_add_all();
    check(run() == IMPORT_DONE);
    check(value(0, 0) == -300 && value(5, 255) == 455);
    check(every_value_is(1, 0));
    stored_least = 0;
    check(strcmp(result.header.unit, "") == 0);
}

static void
every_slice_has_its_own_rescale(void)
{
    double want;
    int right = 1;

    picture_start();
    picture.modality = "MR";
    tar_start();
    for (size_t k = 0; k < SLICES; k++) {
        picture.slope = 0.25 * (double) (k + 1);
        picture.intercept = 10.0 * (double) k;
        picture_add(k, 1);
    }

    check(run() == IMPORT_DONE);
    check(says("rounded"));
    for (size_t k = 0; k < SLICES; k++) {
        want = 0.25 * (double) (k + 1) * stored(k, 9) + 10.0 * (double) k;
        right = right
                && fabs(value(k, 9) - want) <= 0.5001 * result.header.scale;
    }
    check(right);
}

static void
one_fraction_for_all_is_exact(void)
{
    picture_start();
    picture.modality = "MR";
    picture.slope = 0.375;
    picture.intercept = -1.5;
    tar_start();
    series_add_all();
    check(run() == IMPORT_DONE);
    check(every_value_is(0.375, -1.5));
    check(!says("rounded"));
}

static void
monochrome1_is_turned_over(void)
{
    picture_start();
    picture.modality = "MR";
    picture.intercept = 0;
    picture.inverted = 1;
    tar_start();
    series_add_all();
    check(run() == IMPORT_DONE);
    check(says("inverted"));
    check(every_value_is(-1, 65535));
}

static void
hounsfield_units_are_held_in_their_range(void)
{
    picture_start();
    picture.intercept = -1200;
    tar_start();
    series_add_all();
    check(run() == IMPORT_DONE);
    check(value(0, 0) == -1024);
    check(value(5, 255) == 755 - 1200);
}

static void
a_missing_slice_is_the_mean_of_its_neighbours(void)
{
    picture_start();
    tar_start();
    for (size_t k = 0; k < SLICES; k++) {
        if (k != 3) {
            picture_add(k, 1);
        }
    }

    check(run() == IMPORT_DONE);
    check(says("missing_slices") && says("\"filled\": [3]"));
    check(every_value_is(1, -1000));
}

static void
strangers_and_the_cut_are_left_out_and_counted(void)
{
    picture_start();
    tar_start();
    tar_add("I am a text file named .dcm", 27);
    series_add_all();
    picture_add(SLICES, 0.6);
    check(run() == IMPORT_DONE);
    check(result.header.dims[2] == SLICES);
    check(every_value_is(1, -1000));
    check(says("skipped_truncated") && says("not_dicom"));
}

static void
a_slice_whose_pixels_end_early_leaves_a_gap_that_is_filled(void)
{
    picture_start();
    tar_start();
    for (size_t k = 0; k < SLICES; k++) {
        picture_add(k, k == 2 ? 0.9 : 1);
    }

    check(run() == IMPORT_DONE);
    check(says("skipped_truncated") && says("missing_slices"));
    check(every_value_is(1, -1000));
}

static void
the_larger_series_is_taken_and_the_other_on_demand(void)
{
    picture_start();
    tar_start();
    picture.series_uid = "2.25.77";
    picture_add(0, 1);
    picture_add(1, 1);
    picture.series_uid = "2.25.2";
    series_add_all();

    check(run() == IMPORT_DONE);
    check(result.header.dims[2] == SLICES);
    check(says("fewer_slices"));

    check(run_series(0) == IMPORT_DONE);
    check(result.header.dims[2] == 2);
    check(value(1, 5) == 105 - 1000);
}

static void
what_is_no_scan_is_refused_with_a_sentence(void)
{
    tar_start();
    check(run() == IMPORT_NOTHING && strcmp(failure(), "empty") == 0);

    tar_add("hello", 5);
    check(run() == IMPORT_NOTHING && strcmp(failure(), "no_dicom") == 0);

    picture_start();
    tar_start();
    picture_add(0, 1);
    check(run() == IMPORT_NOTHING && strcmp(failure(), "one_slice") == 0);

    tar_start();
    for (size_t k = 0; k < SLICES; k++) {
        picture_add(k, 0.5);
    }
    check(run() == IMPORT_NOTHING && strcmp(failure(), "truncated") == 0);

    tar_start();
    picture.image_type = "ORIGINAL\\PRIMARY\\LOCALIZER";
    picture_add(0, 1);
    picture_add(1, 1);
    check(run() == IMPORT_NOTHING && strcmp(failure(), "localizer") == 0);

    tar_start();
    tar_add("x", 1);
    memset(tar, 'x', tar_len);
    check(run() == IMPORT_MALFORMED && strcmp(failure(), "damaged") == 0);
}

static void
an_upload_cut_anywhere_is_answered(void)
{
    size_t whole;
    int sound = 1;

    picture_start();
    tar_start();
    series_add_all();
    whole = tar_len;

    for (tar_len = 0; tar_len < whole; tar_len += 97) {
        sound = sound
                && (run() == IMPORT_DONE
                    || json_object_get(result.report, "failure") != NULL);
    }
    check(sound);
}

/* --- as a process --- */

static void
the_sandboxed_process_gives_the_same(void)
{
    char *paths[SLICES + 1], name[64];
    uint8_t *volume;
    size_t bytes, n;
    json_t *report;

    picture_start();
    tar_start();
    for (size_t k = 0; k < SLICES; k++) {
        uint8_t *b = picture_bytes(k, &n);
        FILE *f;

        tar_add(b, n);
        snprintf(name, sizeof name, "%s/%zu", folder, k);
        paths[k] = strdup(name);
        f = fopen(name, "wb");
        fwrite(b, 1, n, f);
        fclose(f);
        free(b);
    }
    paths[SLICES] = strdup("/nonexistent");

    check(run() == IMPORT_DONE);
    check(import_child(paths, SLICES + 1, IMPORT_CHOOSE, &volume, &bytes,
                       &report) == IMPORT_DONE);
    check(bytes == result.len && memcmp(volume, result.bytes, bytes) == 0);
    check(json_equal(report, result.report));
    free(volume);
    json_decref(report);

    check(import_child(paths, 1, IMPORT_CHOOSE, &volume, &bytes, &report)
          == IMPORT_NOTHING);
    check(volume == NULL);
    check(json_object_get(report, "failure") != NULL);
    json_decref(report);

    for (size_t k = 0; k <= SLICES; k++) {
        free(paths[k]);
    }
}

static int
erase(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void) st;
    (void) type;
    (void) where;
    return remove(path);
}

int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--pipe") == 0) {
        _exit(import_pipe((size_t) strtoll(argv[3], NULL, 10)));
    }

    the_sandbox_forbids_files_network_processes_and_code();

    if (mkdtemp(folder) == NULL || !dicom_start() || !pool_start()) {
        printf("Bail out! no folder, dictionary or threads\n");
        return 1;
    }

    what_is_not_dicom_is_foreign();
    transfer_syntaxes_are_known_by_name();
    a_deflate_bomb_and_too_many_items_are_refused();
    picture_start();
    the_deepest_nesting_let_through_is_survived();
    every_transfer_syntax_gives_the_same_voxels();
    the_volume_says_where_it_lies_and_what_it_holds();
    nothing_of_a_file_comes_into_the_report();
    a_name_is_no_modality();
    signed_pixels_keep_their_sign();
    every_slice_has_its_own_rescale();
    one_fraction_for_all_is_exact();
    monochrome1_is_turned_over();
    hounsfield_units_are_held_in_their_range();
    a_missing_slice_is_the_mean_of_its_neighbours();
    strangers_and_the_cut_are_left_out_and_counted();
    a_slice_whose_pixels_end_early_leaves_a_gap_that_is_filled();
    the_larger_series_is_taken_and_the_other_on_demand();
    what_is_no_scan_is_refused_with_a_sentence();
    an_upload_cut_anywhere_is_answered();
    the_sandboxed_process_gives_the_same();

    tar_start();
    json_decref(result.report);
    free(result.text);
    nftw(folder, erase, 8, FTW_DEPTH | FTW_PHYS);
    return done();
}
