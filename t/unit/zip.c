#include "lib/zip.c"
#include "t/unit/check.h"

#include <stdio.h>

/* --- an archive in memory, member by member --- */

typedef struct {
    uint16_t flags, method, made_by;
    uint32_t attributes, crc;
    uint64_t packed, bytes, local;
    const char *name;
    uint32_t wide; /* sizes and place are told in a zip64 field */
} member_t;

static uint8_t archive[1 << 20];
static size_t len;
static member_t members[2000];
static size_t count;
static size_t directory;

static const expo_zip_limits_t limits = {2000, 1 << 20};

static void
put(uint64_t v, int bytes)
{
    while (bytes-- > 0) {
        archive[len++] = (uint8_t) v;
        v >>= 8;
    }
}

static void
put_bytes(const void *src, size_t n)
{
    memcpy(archive + len, src, n);
    len += n;
}

static void
start(void)
{
    len = count = 0;
}

/* Bare deflate data of src. */
static size_t
deflated(uint8_t *dst, size_t room, const void *src, size_t n)
{
    z_stream z = {0};

    deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (Bytef *) (uintptr_t) src;
    z.avail_in = (uInt) n;
    z.next_out = dst;
    z.avail_out = (uInt) room;
    deflate(&z, Z_FINISH);
    deflateEnd(&z);

    return z.total_out;
}

/* Returns the member, for the directory to say something else of it. */
static member_t *
add(const char *name, const void *data, size_t n, int method)
{
    static uint8_t packed[1 << 16];
    member_t *m = &members[count++];

    *m = (member_t){.method = (uint16_t) method,
                    .crc = (uint32_t) crc32_z(0, data, n),
                    .packed = n,
                    .bytes = n,
                    .local = len,
                    .name = name};

    if (method == ZIP_DEFLATED) {
        m->packed = deflated(packed, sizeof(packed), data, n);
        data = packed;
    }

    /* Sizes behind the data: the local header has none. */
    put_bytes("PK\3\4\24\0\10\0", 8);
    put(m->method, 2);
    put(0, 16);
    put(strlen(name), 2);
    put(5, 2);
    put_bytes(name, strlen(name));
    put_bytes("\xfe\xca\1\0x", 5);
    put_bytes(data, m->packed);
    put_bytes("PK\7\10", 4);
    put(0, 12);

    return m;
}

static void
finish(int zip64, const char *comment)
{
    size_t i, end;

    directory = len;

    for (i = 0; i < count; i++) {
        const member_t *m = &members[i];

        put_bytes("PK\1\2", 4);
        put(20u | (uint32_t) m->made_by << 8, 2);
        put(20, 2);
        put(m->flags, 2);
        put(m->method, 2);
        put(0, 4);
        put(m->crc, 4);
        put(m->wide ? UINT32_MAX : m->packed, 4);
        put(m->wide ? UINT32_MAX : m->bytes, 4);
        put(strlen(m->name), 2);
        put(m->wide ? 5 + 28 : 0, 2);
        put(0, 6);
        put(m->attributes, 4);
        put(m->wide ? UINT32_MAX : m->local, 4);
        put_bytes(m->name, strlen(m->name));

        if (m->wide) {
            put_bytes("\xfe\xca\1\0x\1\0\30\0", 9);
            put(m->bytes, 8);
            put(m->packed, 8);
            put(m->local, 8);
        }
    }

    end = len;

    if (zip64) {
        put_bytes("PK\6\6", 4);
        put(44, 8);
        put(0, 12);
        put(count, 8);
        put(count, 8);
        put(end - directory, 8);
        put(directory, 8);
        put_bytes("PK\6\7", 4);
        put(0, 4);
        put(end, 8);
        put(1, 4);
    }

    put_bytes("PK\5\6", 4);
    put(0, 4);
    put(zip64 ? UINT16_MAX : count, 2);
    put(zip64 ? UINT16_MAX : count, 2);
    put(end - directory, 4);
    put(zip64 ? UINT32_MAX : directory, 4);
    put(strlen(comment), 2);
    put_bytes(comment, strlen(comment));
}

/* The archive alone in memory, so that a read past its end is noticed. */
static expo_status_t
opened(expo_zip_t *z, uint8_t **alone, size_t n)
{
    *alone = malloc(n + !n);
    memcpy(*alone, archive, n);

    return expo_zip_open(z, *alone, n, &limits);
}

static expo_status_t
judged(void)
{
    uint8_t *alone;
    expo_zip_t z;
    expo_status_t st = opened(&z, &alone, len);

    if (st == EXPO_OK) {
        expo_zip_close(&z);
    }

    free(alone);
    return st;
}

static int
holds(const expo_zip_entry_t *e, const void *data, size_t n)
{
    uint8_t *dst = malloc(e->bytes + !e->bytes);
    int same = e->bytes == n && expo_zip_read(e, dst) == EXPO_OK &&
               memcmp(dst, data, n) == 0;

    free(dst);
    return same;
}

/* --- */

static void
members_come_out_as_they_went_in(void)
{
    static const uint8_t zeros[50000];
    uint8_t *alone;
    expo_zip_t z;
    int wide;

    for (wide = 0; wide < 2; wide++) {
        start();
        add("stored", "hello", 5, ZIP_STORED)->wide = (uint32_t) wide;
        add("deflated", zeros, sizeof(zeros), ZIP_DEFLATED)->wide =
            (uint32_t) wide;
        add("empty", "", 0, ZIP_STORED);
        add("packed nothing", "", 0, ZIP_DEFLATED);
        finish(wide, wide ? "" : "a comment PK\5\6 as long as it likes");

        check(opened(&z, &alone, len) == EXPO_OK);
        check(z.count == 4);
        check(z.bytes == sizeof(zeros) + 5);
        check(holds(&z.entries[0], "hello", 5));
        check(holds(&z.entries[1], zeros, sizeof(zeros)));
        check(holds(&z.entries[2], "", 0));
        check(holds(&z.entries[3], "", 0));
        check(z.entries[1].name_len == 8 &&
              memcmp(z.entries[1].name, "deflated", 8) == 0);
        expo_zip_close(&z);
        free(alone);
    }

    start();
    finish(0, "");
    check(opened(&z, &alone, len) == EXPO_OK && z.count == 0);
    expo_zip_close(&z);
    free(alone);
}

static void
folders_and_links_are_passed_over_and_a_name_is_only_a_name(void)
{
    uint8_t *alone;
    expo_zip_t z;
    member_t *m;

    start();
    add("folder/", "", 0, ZIP_STORED);
    m = add("link", "/etc/passwd", 11, ZIP_STORED);
    m->made_by = ZIP_UNIX;
    m->attributes = 0120777u << 16;
    m = add("device", "", 0, ZIP_STORED);
    m->made_by = ZIP_UNIX;
    m->attributes = 0020666u << 16;
    m = add("../../etc/passwd", "a", 1, ZIP_STORED);
    m->made_by = ZIP_UNIX;
    m->attributes = 0100644u << 16;
    add("/absolute", "b", 1, ZIP_STORED);
    add("/absolute", "c", 1, ZIP_STORED);
    add("", "d", 1, ZIP_STORED);
    finish(0, "");

    check(opened(&z, &alone, len) == EXPO_OK);
    check(z.count == 4);
    check(holds(&z.entries[0], "a", 1));
    check(holds(&z.entries[1], "b", 1));
    check(holds(&z.entries[2], "c", 1));
    check(holds(&z.entries[3], "d", 1));
    expo_zip_close(&z);
    free(alone);
}

static void
what_cannot_be_read_is_refused_by_its_own_status(void)
{
    start();
    add("x", "secret", 6, ZIP_STORED)->flags = 1;
    finish(0, "");
    check(judged() == EXPO_DENIED);

    start();
    add("x", "secret", 6, ZIP_STORED)->flags = 1u << 6;
    finish(0, "");
    check(judged() == EXPO_DENIED);

    start();
    add("x", "lzma", 4, 14);
    finish(0, "");
    check(judged() == EXPO_UNSUPPORTED);

    /* The last of several disks. */
    start();
    add("x", "x", 1, ZIP_STORED);
    finish(0, "");
    archive[len - ZIP_END + 4] = 1;
    check(judged() == EXPO_UNSUPPORTED);

    start();
    add("x", "x", 1, ZIP_STORED)->bytes = 2;
    finish(0, "");
    check(judged() == EXPO_INVALID);

    start();
    check(judged() == EXPO_CORRUPT);
}

static void
limits_hold_for_members_and_for_what_they_unpack_to(void)
{
    static const uint8_t zeros[60000];
    size_t i;

    start();
    for (i = 0; i < 2000; i++) {
        add("x", "", 0, ZIP_STORED);
    }
    finish(0, "");
    check(judged() == EXPO_OK);
    archive[len - ZIP_END + 8] = archive[len - ZIP_END + 10] = 0xd1;
    check(judged() == EXPO_TOO_LARGE);

    /* 17 are 1 MiB and a little. */
    start();
    for (i = 0; i < 18; i++) {
        add("x", zeros, sizeof(zeros), ZIP_DEFLATED);
    }
    finish(0, "");
    check(judged() == EXPO_TOO_LARGE);

    start();
    for (i = 0; i < 3; i++) {
        member_t *m = add("x", zeros, 10, ZIP_DEFLATED);

        m->bytes = 1ull << 63;
        m->wide = 1;
    }
    finish(0, "");
    check(judged() == EXPO_TOO_LARGE);
}

static void
members_that_share_bytes_are_refused(void)
{
    member_t *m;

    start();
    m = add("x", "hello", 5, ZIP_STORED);
    members[count++] = *m;
    finish(0, "");
    check(judged() == EXPO_INVALID);

    /* One within the data of another: a quoted local header. */
    start();
    add("inner", "hello", 5, ZIP_STORED);
    m = add("outer", archive, 49, ZIP_STORED);
    members[0].local = m->local + ZIP_LOCAL + 5 + 5;
    finish(0, "");
    check(judged() == EXPO_INVALID);

    /* The directory as data. */
    start();
    m = add("x", "hello", 5, ZIP_STORED);
    m->packed = m->bytes = 40;
    finish(0, "");
    check(judged() == EXPO_INVALID);
}

static void
what_does_not_unpack_to_what_was_packed_is_corrupt(void)
{
    uint8_t *alone, dst[64];
    expo_zip_t z;
    member_t *m;

    start();
    add("wrong sum", "hello", 5, ZIP_STORED)->crc ^= 1;
    m = add("longer", "hello", 5, ZIP_DEFLATED);
    m->bytes = 64;
    m = add("shorter", "hello", 5, ZIP_DEFLATED);
    m->bytes = 4;
    m = add("no deflate data", "\xff\xff\xff", 3, ZIP_STORED);
    m->method = ZIP_DEFLATED;
    finish(0, "");

    check(opened(&z, &alone, len) == EXPO_OK && z.count == 4);
    check(expo_zip_read(&z.entries[0], dst) == EXPO_CORRUPT);
    check(expo_zip_read(&z.entries[1], dst) == EXPO_CORRUPT);
    check(memcmp(dst, "hello", 5) == 0);
    check(expo_zip_read(&z.entries[2], dst) == EXPO_CORRUPT);
    check(expo_zip_read(&z.entries[3], dst) == EXPO_CORRUPT);
    expo_zip_close(&z);
    free(alone);
}

/* An archive of three members in each way that it can be cut or flipped. */
static void
a_cut_or_flipped_archive_is_refused_or_read_but_never_left(int zip64)
{
    uint8_t dst[256], *alone;
    size_t n, i, cut = 0;
    expo_zip_t z;

    start();
    add("one", "hello", 5, ZIP_STORED)->wide = (uint32_t) zip64;
    add("two", "hello, hello, hello", 19, ZIP_DEFLATED);
    add("three", "", 0, ZIP_STORED);
    finish(zip64, "fine");

    for (n = 0; n < len; n++) {
        cut += opened(&z, &alone, n) == EXPO_CORRUPT;
        free(alone);
    }

    check(cut == len);

    for (n = 0; n < 8 * len; n++) {
        archive[n / 8] ^= (uint8_t) (1u << n % 8);

        if (opened(&z, &alone, len) == EXPO_OK) {
            for (i = 0; i < z.count; i++) {
                if (z.entries[i].bytes <= sizeof(dst)) {
                    expo_zip_read(&z.entries[i], dst);
                }
            }
            expo_zip_close(&z);
        }

        free(alone);
        archive[n / 8] ^= (uint8_t) (1u << n % 8);
    }

    check(judged() == EXPO_OK);
}

int
main(void)
{
    members_come_out_as_they_went_in();
    folders_and_links_are_passed_over_and_a_name_is_only_a_name();
    what_cannot_be_read_is_refused_by_its_own_status();
    limits_hold_for_members_and_for_what_they_unpack_to();
    members_that_share_bytes_are_refused();
    what_does_not_unpack_to_what_was_packed_is_corrupt();
    a_cut_or_flipped_archive_is_refused_or_read_but_never_left(0);
    a_cut_or_flipped_archive_is_refused_or_read_but_never_left(1);

    return done();
}
