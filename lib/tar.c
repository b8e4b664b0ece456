#include "lib/tar.h"

#include <stdio.h>
#include <string.h>

enum {
    TAR_NAME_LEN = 100,
    TAR_SIZE_AT = 124,
    TAR_SIZE_LEN = 12,
    TAR_SUM_AT = 148,
    TAR_SUM_LEN = 8,
    TAR_TYPE_AT = 156,
    TAR_MAGIC_AT = 257,
    TAR_FOLDER_AT = 345,
    TAR_FOLDER_LEN = 155
};

/* What stands before a header and is said of it. */
typedef struct {
    uint64_t size;    /* UINT64_MAX: nothing */
    const char *path; /* NULL: nothing */
    size_t path_len;
} tar_said_t;

static int tar_checksum_right(const uint8_t *h);
static int tar_number(const uint8_t *field, size_t len, uint64_t *out);
static int tar_zero(const uint8_t *h);
static void tar_name(expo_tar_entry_t *entry, const uint8_t *h,
                     const tar_said_t *said);
static void tar_pax(tar_said_t *said, const char *text, uint64_t len);
static uint64_t tar_pax_record(const char *text, uint64_t len, uint64_t *start);
static uint64_t tar_decimal(const char *text, uint64_t len);
static uint64_t tar_sum(const uint8_t *h);


expo_status_t
expo_tar_next(const uint8_t *src, uint64_t len, uint64_t *at,
              expo_tar_entry_t *entry)
{
    const uint8_t *h;
    tar_said_t said = {.size = UINT64_MAX};
    uint64_t size, there;
    int type;

    while (len - *at >= EXPO_TAR_BLOCK) {
        h = src + *at;

        if (tar_zero(h)) {
            return EXPO_NOT_FOUND;
        }

        if (!tar_checksum_right(h) ||
            !tar_number(h + TAR_SIZE_AT, TAR_SIZE_LEN, &size)) {
            return EXPO_INVALID;
        }

        type = h[TAR_TYPE_AT];
        if (said.size != UINT64_MAX && type != 'x' && type != 'g') {
            size = said.size;
            said.size = UINT64_MAX;
        }

        /* Links, devices, folders carry no data whatever the field says. */
        if (type >= '1' && type <= '6') {
            size = 0;
        }

        *at += EXPO_TAR_BLOCK;
        there = len - *at < size ? len - *at : size;

        entry->data = src + *at;
        entry->bytes = there;
        entry->cut = there < size;

        *at += there;
        there = expo_tar_padding(size);
        *at += len - *at < there ? len - *at : there;

        if (type == 'x') {
            tar_pax(&said, (const char *) entry->data, entry->bytes);

        } else if (type == 'L') {
            said.path = (const char *) entry->data;
            said.path_len = strnlen(said.path, entry->bytes);

        } else if (type == '0' || type == '\0' || type == '7') {
            tar_name(entry, h, &said);
            return EXPO_OK;

        } else if (type != 'g' && type != 'K') {
            said.path = NULL;
        }
    }

    return EXPO_NOT_FOUND;
}


void
expo_tar_header(uint8_t dst[EXPO_TAR_BLOCK], const char *name, uint64_t bytes)
{
    memset(dst, 0, EXPO_TAR_BLOCK);

    snprintf((char *) dst, EXPO_TAR_NAME_MAX + 1, "%s", name);
    memcpy(dst + 100, "0000600", 8);
    memcpy(dst + 108, "0000000", 8);
    memcpy(dst + 116, "0000000", 8);
    memcpy(dst + 136, "00000000000", 12);
    dst[TAR_TYPE_AT] = '0';
    memcpy(dst + TAR_MAGIC_AT, "ustar\00000", 8);

    if (bytes < (1ull << 33)) {
        snprintf((char *) dst + TAR_SIZE_AT, TAR_SIZE_LEN, "%011llo",
                 (unsigned long long) bytes);

    } else {
        dst[TAR_SIZE_AT] = 0x80;
        for (int i = 0; i < 8; i++) {
            dst[TAR_SIZE_AT + 11 - i] = (uint8_t) (bytes >> (8 * i));
        }
    }

    snprintf((char *) dst + TAR_SUM_AT, 7, "%06llo",
             (unsigned long long) tar_sum(dst));
    dst[TAR_SUM_AT + 7] = ' ';
}


size_t
expo_tar_padding(uint64_t bytes)
{
    return (size_t) ((EXPO_TAR_BLOCK - bytes % EXPO_TAR_BLOCK) %
                     EXPO_TAR_BLOCK);
}


static int
tar_checksum_right(const uint8_t *h)
{
    uint64_t stored;

    return tar_number(h + TAR_SUM_AT, TAR_SUM_LEN, &stored) &&
           stored == tar_sum(h);
}


/* The sum of all bytes with the checksum's own field taken as blanks. */
static uint64_t
tar_sum(const uint8_t *h)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < EXPO_TAR_BLOCK; i++) {
        sum += i >= TAR_SUM_AT && i < TAR_SUM_AT + TAR_SUM_LEN ? ' ' : h[i];
    }

    return sum;
}


/* Octal text, or GNU's base 256 when the first bit is set. */
static int
tar_number(const uint8_t *field, size_t len, uint64_t *out)
{
    uint64_t v = 0;
    size_t i = 0;

    if (field[0] & 0x80) {
        if (field[0] != 0x80) {
            return 0;
        }

        for (i = 1; i < len; i++) {
            if (v >> 48) {
                return 0;
            }
            v = v << 8 | field[i];
        }

        *out = v;
        return 1;
    }

    while (i < len && field[i] == ' ') {
        i++;
    }

    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++) {
        v = v << 3 | (uint64_t) (field[i] - '0');
    }

    if (i < len && field[i] != ' ' && field[i] != '\0') {
        return 0;
    }

    *out = v;
    return 1;
}


static int
tar_zero(const uint8_t *h)
{
    for (size_t i = 0; i < EXPO_TAR_BLOCK; i++) {
        if (h[i] != 0) {
            return 0;
        }
    }

    return 1;
}


/* What was said before counts, or the header's own two fields. */
static void
tar_name(expo_tar_entry_t *entry, const uint8_t *h, const tar_said_t *said)
{
    static const char magic[] = "ustar";

    entry->folder = (const char *) h + TAR_FOLDER_AT;
    entry->folder_len = 0;

    if (said->path != NULL) {
        entry->name = said->path;
        entry->name_len = said->path_len;
        return;
    }

    entry->name = (const char *) h;
    entry->name_len = strnlen(entry->name, TAR_NAME_LEN);

    /* GNU's magic ends otherwise, and has other things there. */
    if (memcmp(h + TAR_MAGIC_AT, magic, sizeof magic) == 0) {
        entry->folder_len = strnlen(entry->folder, TAR_FOLDER_LEN);
    }
}


/* Of records "length key=value\n"; the last of a key counts. */
static void
tar_pax(tar_said_t *said, const char *text, uint64_t len)
{
    uint64_t at = 0, record, start, n;
    const char *key;

    for (; at < len; at += record) {
        record = tar_pax_record(text + at, len - at, &start);
        if (record == 0) {
            return;
        }

        key = text + at + start;
        n = record - start - 1;

        if (n >= 5 && memcmp(key, "size=", 5) == 0) {
            said->size = tar_decimal(key + 5, n - 5);

        } else if (n >= 5 && memcmp(key, "path=", 5) == 0) {
            said->path = key + 5;
            said->path_len = n - 5;
        }
    }
}


/* Its length, and where its key starts; 0: it is none. */
static uint64_t
tar_pax_record(const char *text, uint64_t len, uint64_t *start)
{
    uint64_t record = 0, i;

    for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
        record = record * 10 + (uint64_t) (text[i] - '0');
        if (record > len) {
            return 0;
        }
    }

    *start = i + 1;

    return i < len && text[i] == ' ' && record > *start ? record : 0;
}


static uint64_t
tar_decimal(const char *text, uint64_t len)
{
    uint64_t v = 0;

    for (uint64_t i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
        if (v >> 48) {
            return UINT64_MAX;
        }
        v = v * 10 + (uint64_t) (text[i] - '0');
    }

    return v;
}
