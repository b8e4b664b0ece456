#include "lib/tar.c"
#include "t/unit/check.h"

#include <stdlib.h>

static uint8_t archive[64 * EXPO_TAR_BLOCK];
static size_t archive_len;

static void
start(void)
{
    memset(archive, 0, sizeof archive);
    archive_len = 0;
}

/* Appends a header of any type with data; returns where the header lies. */
static uint8_t *
add(int type, const char *data, size_t n)
{
    uint8_t *h = archive + archive_len;

    expo_tar_header(h, "name", n);
    h[TAR_TYPE_AT] = (uint8_t) type;
    snprintf((char *) h + TAR_SUM_AT, 7, "%06llo",
             (unsigned long long) tar_sum(h));

    memcpy(h + EXPO_TAR_BLOCK, data, n);
    archive_len += EXPO_TAR_BLOCK + n + expo_tar_padding(n);
    return h;
}

static void
files_come_out_as_they_went_in(void)
{
    expo_tar_entry_t e;
    uint64_t at = 0;

    start();
    add('0', "hello", 5);
    add('0', "", 0);
    add('\0', "old", 3);
    archive_len += 2 * EXPO_TAR_BLOCK;

    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_OK);
    check(e.bytes == 5 && memcmp(e.data, "hello", 5) == 0 && !e.cut);
    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_OK);
    check(e.bytes == 0);
    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_OK);
    check(e.bytes == 3 && memcmp(e.data, "old", 3) == 0);
    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_NOT_FOUND);
}

static void
only_regular_files_come_out(void)
{
    expo_tar_entry_t e;
    uint64_t at = 0;

    start();
    for (const char *t = "123456"; *t; t++) {
        add(*t, "", 0);
    }
    add('L', "a very long name", 17);
    add('g', "17 comment=hello\n", 17);
    add('S', "sparse", 6);
    add('0', "file", 4);

    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_OK);
    check(e.bytes == 4 && memcmp(e.data, "file", 4) == 0);
    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_NOT_FOUND);
}

static void
a_link_that_claims_data_has_none(void)
{
    expo_tar_entry_t e;
    uint64_t at = 0;
    uint8_t *h;

    start();
    h = add('2', "", 0);
    memcpy(h + TAR_SIZE_AT, "00000001000", 11);
    snprintf((char *) h + TAR_SUM_AT, 7, "%06llo",
             (unsigned long long) tar_sum(h));
    add('0', "file", 4);

    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_OK);
    check(e.bytes == 4 && memcmp(e.data, "file", 4) == 0);
}

static void
pax_size_rules_the_next_file_only(void)
{
    expo_tar_entry_t e;
    uint64_t at = 0;
    uint8_t *h;

    start();
    add('x', "20 path=somewhere/a\n9 size=6\n", 29);
    h = add('0', "sixsix", 6);
    memcpy(h + TAR_SIZE_AT, "00000000000", 11);
    snprintf((char *) h + TAR_SUM_AT, 7, "%06llo",
             (unsigned long long) tar_sum(h));
    add('0', "four", 4);

    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_OK);
    check(e.bytes == 6 && memcmp(e.data, "sixsix", 6) == 0);
    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_OK);
    check(e.bytes == 4);
}

static void
sizes_past_eight_gigabytes_are_written_and_read(void)
{
    uint64_t size = 0;

    start();
    expo_tar_header(archive, "name", 5ull << 33);
    check(tar_checksum_right(archive));
    check(tar_number(archive + TAR_SIZE_AT, TAR_SIZE_LEN, &size)
          && size == 5ull << 33);
}

/* Whole blocks missing, or bytes: never past the end, the last one marked. */
static int
is_named(const expo_tar_entry_t *e, const char *folder, const char *name)
{
    return e->folder_len == strlen(folder) && e->name_len == strlen(name)
           && memcmp(e->folder, folder, e->folder_len) == 0
           && memcmp(e->name, name, e->name_len) == 0;
}

static void
names_come_from_wherever_an_archive_has_them(void)
{
    char hundred[TAR_NAME_LEN + 1];
    expo_tar_entry_t e;
    uint64_t at = 0;
    uint8_t *h;

    start();
    add('0', "own", 3);

    h = add('0', "split", 5);
    memcpy(h + TAR_FOLDER_AT, "a/folder", 8);
    memset(hundred, 'n', TAR_NAME_LEN);
    hundred[TAR_NAME_LEN] = '\0';
    memcpy(h, hundred, TAR_NAME_LEN);
    snprintf((char *) h + TAR_SUM_AT, 7, "%06llo",
             (unsigned long long) tar_sum(h));

    h = add('0', "gnu", 3);
    memcpy(h + TAR_MAGIC_AT, "ustar  ", 8);
    memcpy(h + TAR_FOLDER_AT, "0123", 4);
    snprintf((char *) h + TAR_SUM_AT, 7, "%06llo",
             (unsigned long long) tar_sum(h));

    add('L', "a long name\0", 12);
    add('0', "long", 4);
    add('x', "21 path=not/the/last\n19 path=some/where\n", 40);
    add('5', "", 0);
    add('0', "not the folder's", 16);
    add('x', "19 path=some/where\n9 size=4\n", 28);
    add('0', "pax", 3);

    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_OK);
    check(is_named(&e, "", "name"));
    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_OK);
    check(is_named(&e, "a/folder", hundred));
    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_OK);
    check(is_named(&e, "", "name"));
    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_OK);
    check(is_named(&e, "", "a long name"));
    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_OK);
    check(is_named(&e, "", "name"));
    check(expo_tar_next(archive, archive_len, &at, &e) == EXPO_OK);
    check(is_named(&e, "", "some/where") && e.bytes == 4);
}

static void
cut_anywhere_nothing_lies_outside(void)
{
    expo_tar_entry_t e;
    uint64_t at;
    uint8_t *copy;
    int inside = 1, marked = 1;

    start();
    add('0', "one", 3);
    add('x', "9 size=5\n", 9);
    add('0', "seven", 5);
    add('0', "a file that is a little longer than the others", 46);

    for (size_t cut = 0; cut <= archive_len; cut++) {
        copy = malloc(cut + 1);
        memcpy(copy, archive, cut);
        at = 0;

        while (expo_tar_next(copy, cut, &at, &e) == EXPO_OK) {
            inside = inside && at <= cut && e.data >= copy
                     && e.data + e.bytes <= copy + cut
                     && (uint8_t *) e.name >= copy
                     && (uint8_t *) e.name + e.name_len <= copy + cut;
            marked = marked && (!e.cut || at == cut);
        }
        free(copy);
    }

    check(inside);
    check(marked);
}

static void
what_is_no_header_is_refused(void)
{
    expo_tar_entry_t e;
    uint64_t at = 0;
    int refused = 1;

    start();
    memset(archive, 'x', 2 * EXPO_TAR_BLOCK);
    check(expo_tar_next(archive, 2 * EXPO_TAR_BLOCK, &at, &e)
          == EXPO_INVALID);

    for (int i = 0; i < EXPO_TAR_BLOCK; i++) {
        start();
        add('0', "file", 4);
        archive[i] ^= 0x41;
        at = 0;
        refused = refused
                  && (expo_tar_next(archive, archive_len, &at, &e)
                          == EXPO_INVALID
                      /* blanks and NULs around the checksum mean nothing */
                      || (i >= TAR_SUM_AT + 6 && i < TAR_SUM_AT + 8));
    }
    check(refused);
}

int
main(void)
{
    files_come_out_as_they_went_in();
    only_regular_files_come_out();
    a_link_that_claims_data_has_none();
    pax_size_rules_the_next_file_only();
    sizes_past_eight_gigabytes_are_written_and_read();
    names_come_from_wherever_an_archive_has_them();
    cut_anywhere_nothing_lies_outside();
    what_is_no_header_is_refused();
    return done();
}
