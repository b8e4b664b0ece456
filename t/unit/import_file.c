/* Import: files that are not DICOM, not ours to read, or meant to harm. */

#include "t/unit/import.h"

#include <zlib.h>

#include "render-worker/import/dicom_file.h"
#include "render-worker/import/dicom_nesting.h"

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

    n = meta(bytes, "1.2.840.10008.1.2.4.201");
    check(dicom_file_open(&f, bytes, n + 8) == DICOM_FILE_UNSUPPORTED);
    check(strcmp(f.encoding, "High-Throughput JPEG 2000") == 0);

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

/* A sequence of `items` items of one element each. */
static size_t
flat(uint8_t *dst, size_t items)
{
    const uint8_t head[12] = {8, 0, 0x40, 0x11, 'S', 'Q', 0, 0,
                              0xff, 0xff, 0xff, 0xff};
    const uint8_t item[18] = {0xfe, 0xff, 0x00, 0xe0, 10,  0, 0, 0, 8,
                              0,    0x18, 0,    'U',  'S', 2, 0, 1, 0};
    const uint8_t end[8] = {0xfe, 0xff, 0xdd, 0xe0};
    size_t n = sizeof head;

    memcpy(dst, head, sizeof head);
    for (size_t i = 0; i < items; i++, n += sizeof item) {
        memcpy(dst + n, item, sizeof item);
    }
    memcpy(dst + n, end, sizeof end);
    return n + sizeof end;
}

static void
many_items_are_fine_where_they_are_not_nested(void)
{
    uint8_t *bytes = malloc(1 << 20);
    size_t n = meta(bytes, "1.2.840.10008.1.2.1"), m, cuts = 0, tried = 0;

    m = n + flat(bytes + n, 4 * DICOM_ITEMS_MAX);
    check(opened(bytes, m) == DICOM_FILE_OK);
    check(dicom_nesting(bytes + n, m - n, 1, 0) == 2);

    for (size_t cut = m - n; cut > 0; cut -= cut / 9 + 1) {
        cuts += dicom_nesting(bytes + n, cut, 1, 0) <= 2;
        tried++;
    }
    check(cuts == tried);

    /* A sequence that ends within its first item. */
    memcpy(bytes + n + 8, "\x0c\0\0\0", 4);
    check(dicom_nesting(bytes + n, m - n, 1, 0) > DICOM_NESTING_MAX);
    check(opened(bytes, m) == DICOM_FILE_TOO_LARGE);

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

int
main(void)
{
    if (!begin()) {
        return 1;
    }

    what_is_not_dicom_is_foreign();
    transfer_syntaxes_are_known_by_name();
    a_deflate_bomb_and_too_many_items_are_refused();
    many_items_are_fine_where_they_are_not_nested();
    picture_start();
    the_deepest_nesting_let_through_is_survived();

    end();

    return done();
}
