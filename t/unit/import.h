/*
 * What the tests of the import share: uploads in memory of pictures that DCMTK
 * writes, and what became of the last one.
 */

#ifndef IMPORT_TEST_H
#define IMPORT_TEST_H

#include "render-worker/import/import.h"

#include "t/unit/check.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tar.h"
#include "lib/volume.h"
#include "render-worker/import/dicom_shim.h"
#include "render-worker/import/pool.h"

enum { EDGE = 16, SLICES = 6, PIXELS = EDGE * EDGE };

static char folder[] = "/tmp/import-test-XXXXXX";
static uint16_t pixels[PIXELS];

/* --- an upload in memory --- */

static uint8_t *tar;
static size_t tar_len;

static inline void
tar_start(void)
{
    free(tar);
    tar = NULL;
    tar_len = 0;
}

static inline void
tar_add(const void *bytes, size_t n)
{
    size_t len = EXPO_TAR_BLOCK + n + expo_tar_padding(n);
    char name[24];

    snprintf(name, sizeof name, "%zu", tar_len);
    tar = realloc(tar, tar_len + len);
    memset(tar + tar_len, 0, len);
    expo_tar_header(tar + tar_len, name, n);
    memcpy(tar + tar_len + EXPO_TAR_BLOCK, bytes, n);
    tar_len += len;
}

static inline uint8_t *
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
static inline int
stored(size_t k, size_t i)
{
    return stored_least + (int) (100 * k + i);
}

static inline void
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

static inline uint8_t *
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
static inline void
picture_add(size_t k, double keep)
{
    size_t n;
    uint8_t *bytes = picture_bytes(k, &n);

    tar_add(bytes, (size_t) ((double) n * keep));
    free(bytes);
}

static inline void
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

static inline int
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

static inline void
hear(void *data, const char *stage, double fraction)
{
    (void) data;
    if (stage == NULL || !(fraction >= 0 && fraction <= 1)) {
        check(!"a progress report makes sense");
    }
}

static inline import_result_t
run_inputs(const import_input_t *in, size_t n, size_t series)
{
    const import_sink_t sink = {.volume = take, .progress = hear};
    import_result_t rc;

    json_decref(result.report);
    free(result.text);
    memset(&result, 0, sizeof result);

    rc = import_run(&sink, in, n, series, &result.report);
    result.text = json_dumps(result.report, 0);

    if (rc == IMPORT_DONE) {
        check(expo_volume_read(&result.header, result.bytes, result.len)
              == EXPO_OK);
    }

    return rc;
}

static inline import_result_t
run_series(size_t series)
{
    const import_input_t in = {.data = tar, .bytes = tar_len};

    return run_inputs(&in, 1, series);
}

static inline import_result_t
run(void)
{
    return run_series(IMPORT_CHOOSE);
}

static inline int
says(const char *what)
{
    return strstr(result.text, what) != NULL;
}

/* --- a program --- */

/* Everything but threads. */
static inline int
begin_alone(void)
{
    if (mkdtemp(folder) == NULL || !dicom_start()) {
        printf("Bail out! no folder or dictionary\n");
        return 0;
    }

    return 1;
}

static inline int
begin(void)
{
    if (!begin_alone() || !pool_start()) {
        printf("Bail out! no threads\n");
        return 0;
    }

    return 1;
}

static inline int
erase(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void) st;
    (void) type;
    (void) where;
    return remove(path);
}

static inline void
end(void)
{
    tar_start();
    json_decref(result.report);
    free(result.text);
    nftw(folder, erase, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
