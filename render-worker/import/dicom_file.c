#include "render-worker/import/dicom_file.h"

#include <stdlib.h>
#include <string.h>

#include "lib/archive.h"
#include "lib/inflate.h"
#include "render-worker/import/dicom_nesting.h"

enum { FILE_PREAMBLE = 128, FILE_UID_MAX = 64 };

typedef struct {
    const char *uid;
    const char *name;
    int supported;
} file_syntax_t;

static const file_syntax_t file_syntaxes[] = {
    {"1.2.840.10008.1.2", "Implicit VR Little Endian", 1},
    {"1.2.840.10008.1.2.1", "Explicit VR Little Endian", 1},
    {"1.2.840.10008.1.2.1.99", "Deflated", 1},
    {"1.2.840.10008.1.2.2", "Explicit VR Big Endian", 1},
    {"1.2.840.10008.1.2.5", "RLE", 1},
    {"1.2.840.10008.1.2.4.50", "JPEG Baseline", 1},
    {"1.2.840.10008.1.2.4.51", "JPEG Extended", 1},
    {"1.2.840.10008.1.2.4.57", "JPEG Lossless", 1},
    {"1.2.840.10008.1.2.4.70", "JPEG Lossless", 1},
    {"1.2.840.10008.1.2.4.80", "JPEG-LS", 1},
    {"1.2.840.10008.1.2.4.81", "JPEG-LS", 1},
    {"1.2.840.10008.1.2.4.90", "JPEG 2000", 1},
    {"1.2.840.10008.1.2.4.91", "JPEG 2000", 1},
    {"1.2.840.10008.1.2.4.92", "JPEG 2000 Multi-component", 0},
    {"1.2.840.10008.1.2.4.93", "JPEG 2000 Multi-component", 0},
    {"1.2.840.10008.1.2.4.94", "JPIP", 0},
    {"1.2.840.10008.1.2.4.95", "JPIP", 0},
    {"1.2.840.10008.1.2.4.100", "MPEG-2 video", 0},
    {"1.2.840.10008.1.2.4.101", "MPEG-2 video", 0},
    {"1.2.840.10008.1.2.4.102", "MPEG-4 video", 0},
    {"1.2.840.10008.1.2.4.103", "MPEG-4 video", 0},
    {"1.2.840.10008.1.2.4.104", "MPEG-4 video", 0},
    {"1.2.840.10008.1.2.4.105", "MPEG-4 video", 0},
    {"1.2.840.10008.1.2.4.106", "MPEG-4 video", 0},
    {"1.2.840.10008.1.2.4.107", "HEVC video", 0},
    {"1.2.840.10008.1.2.4.108", "HEVC video", 0},
    {"1.2.840.10008.1.2.4.110", "JPEG XL", 0},
    {"1.2.840.10008.1.2.4.111", "JPEG XL", 0},
    {"1.2.840.10008.1.2.4.112", "JPEG XL", 0},
    {"1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000", 0},
    {"1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000", 0},
    {"1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000", 0}};

static const char file_directory_class[] = "1.2.840.10008.1.3.10";
static const char file_deflated[] = "1.2.840.10008.1.2.1.99";
static const char file_big_endian[] = "1.2.840.10008.1.2.2";

static size_t file_start(const uint8_t *src, size_t len, int *meta);
static dicom_file_status_t file_meta(dicom_file_t *f, const uint8_t *src,
                                     size_t len, size_t at);
static void file_uid(char dst[FILE_UID_MAX + 1], const uint8_t *src,
                     size_t len);
static dicom_file_status_t file_syntax(dicom_file_t *f, const char *uid);
static dicom_file_status_t file_inflate(dicom_file_t *f);
static int file_items_bearable(const dicom_file_t *f);
static size_t file_items(const uint8_t *p, size_t len);
static uint32_t le(const uint8_t *p, int bytes);


dicom_file_status_t
dicom_file_open(dicom_file_t *f, const uint8_t *src, size_t len)
{
    dicom_file_status_t st = DICOM_FILE_OK;
    size_t at;
    int meta;

    memset(f, 0, sizeof *f);

    at = file_start(src, len, &meta);
    if (at == len) {
        return DICOM_FILE_FOREIGN;
    }

    f->data = src + at;
    f->bytes = len - at;
    f->encoding = "";

    if (meta) {
        st = file_meta(f, src, len, at);
    }

    if (st == DICOM_FILE_OK && f->syntax != NULL &&
        strcmp(f->syntax, file_deflated) == 0) {
        st = file_inflate(f);
    }

    if (st == DICOM_FILE_OK && !file_items_bearable(f)) {
        st = DICOM_FILE_TOO_LARGE;
    }

    return st;
}


void
dicom_file_close(dicom_file_t *f)
{
    free(f->inflated);
    f->inflated = NULL;
}


/* Where elements begin; len when this is not DICOM. */
static size_t
file_start(const uint8_t *src, size_t len, int *meta)
{
    size_t at = len;

    switch (expo_archive_kind(src, len)) {

    case EXPO_ARCHIVE_DICOM:
        at = FILE_PREAMBLE + 4;
        break;

    case EXPO_ARCHIVE_DICOM_BARE:
        at = 0;
        break;

    default:
        break;
    }

    /* Some write the preamble and leave the meta header out. */
    *meta = len - at < 2 || le(src + at, 2) == 2;

    return at;
}


/* Walks group 2 for the transfer syntax; f->data then begins behind it. */
static dicom_file_status_t
file_meta(dicom_file_t *f, const uint8_t *src, size_t len, size_t at)
{
    char uid[FILE_UID_MAX + 1], syntax[FILE_UID_MAX + 1] = "";
    uint32_t element, length, head;

    while (len - at >= 8 && le(src + at, 2) == 2) {
        element = le(src + at + 2, 2);
        head = 8;

        if (src[at + 4] < 'A' || src[at + 4] > 'Z') {
            length = le(src + at + 4, 4);

        } else if (memcmp(src + at + 4, "OB", 2) == 0 ||
                   memcmp(src + at + 4, "UN", 2) == 0 ||
                   memcmp(src + at + 4, "OW", 2) == 0 ||
                   memcmp(src + at + 4, "UT", 2) == 0 ||
                   memcmp(src + at + 4, "SQ", 2) == 0) {
            if (len - at < 12) {
                return DICOM_FILE_CUT;
            }
            length = le(src + at + 8, 4);
            head = 12;

        } else {
            length = le(src + at + 6, 2);
        }

        if (length > len - at - head) {
            return DICOM_FILE_CUT;
        }

        if (element == 0x0002) {
            file_uid(uid, src + at + head, length);
            if (strcmp(uid, file_directory_class) == 0) {
                return DICOM_FILE_DIRECTORY;
            }

        } else if (element == 0x0010) {
            file_uid(syntax, src + at + head, length);
        }

        at += head + length;
    }

    f->data = src + at;
    f->bytes = len - at;

    if (f->bytes == 0) {
        return DICOM_FILE_CUT;
    }

    return syntax[0] ? file_syntax(f, syntax) : DICOM_FILE_OK;
}


static void
file_uid(char dst[FILE_UID_MAX + 1], const uint8_t *src, size_t len)
{
    size_t n = 0;

    while (n < len && n < FILE_UID_MAX &&
           ((src[n] >= '0' && src[n] <= '9') || src[n] == '.')) {
        dst[n] = (char) src[n];
        n++;
    }

    dst[n] = '\0';
}


static dicom_file_status_t
file_syntax(dicom_file_t *f, const char *uid)
{
    const size_t n = sizeof file_syntaxes / sizeof *file_syntaxes;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(uid, file_syntaxes[i].uid) == 0) {
            f->syntax = file_syntaxes[i].uid;
            f->encoding = file_syntaxes[i].name;
            return file_syntaxes[i].supported ? DICOM_FILE_OK
                                              : DICOM_FILE_UNSUPPORTED;
        }
    }

    /* Read as what all private ones are, so that the series can be named. */
    f->syntax = file_syntaxes[1].uid;
    f->encoding = "an unknown encoding";
    return DICOM_FILE_UNSUPPORTED;
}


static dicom_file_status_t
file_inflate(dicom_file_t *f)
{
    expo_inflate_t inflate;
    expo_status_t st;

    st = expo_inflate_open_raw(&inflate, f->data, f->bytes);

    if (st == EXPO_OK) {
        st = expo_inflate_rest(&inflate, &f->inflated, &f->bytes,
                               DICOM_INFLATED_MAX);
        expo_inflate_close(&inflate);
    }

    f->data = f->inflated;
    f->syntax = file_syntaxes[1].uid;

    switch (st) {

    case EXPO_OK:
        return DICOM_FILE_OK;

    case EXPO_AGAIN:
        return DICOM_FILE_CUT;

    case EXPO_CORRUPT:
        return DICOM_FILE_DAMAGED;

    default:
        return DICOM_FILE_TOO_LARGE;
    }
}


/*
 * Every level of nesting needs an item tag: so few tags cannot go deep. More
 * are common where each of thousands of frames has items of its own; then the
 * levels are counted.
 */
static int
file_items_bearable(const dicom_file_t *f)
{
    int is_explicit = f->syntax == NULL
                          ? f->bytes >= 6 && f->data[4] >= 'A'
                          : strcmp(f->syntax, file_syntaxes[0].uid) != 0;
    int big = f->syntax == NULL ? f->bytes >= 2 && f->data[0] == 0
                                : strcmp(f->syntax, file_big_endian) == 0;

    return file_items(f->data, f->bytes) <= DICOM_ITEMS_MAX ||
           dicom_nesting(f->data, f->bytes, is_explicit, big) <=
               DICOM_NESTING_MAX;
}


static size_t
file_items(const uint8_t *p, size_t len)
{
    static const uint8_t little[4] = {0xfe, 0xff, 0x00, 0xe0};
    static const uint8_t big[4] = {0xff, 0xfe, 0xe0, 0x00};
    const uint8_t *at = p, *end = p + len;
    size_t items = 0;

    while (end - at >= 4 && (at = memchr(at, 0xe0, (size_t) (end - at)))) {
        items += at - p >= 3 && memcmp(at - 3, little, 4) == 0;
        items += at - p >= 2 && end - at >= 2 && memcmp(at - 2, big, 4) == 0;
        at++;
    }

    return items;
}


static uint32_t
le(const uint8_t *p, int bytes)
{
    uint32_t v = 0;

    for (int i = bytes - 1; i >= 0; i--) {
        v = v << 8 | p[i];
    }

    return v;
}
