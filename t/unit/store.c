/*
 * The store: what it promises when all goes well, when a call fails, and when
 * the process dies, at every call in turn.
 */

#include "t/unit/faults.h"

#include "lib/store.c"
#include "lib/store_blob.c"
#include "lib/store_check.c"
#include "lib/store_configuration.c"
#include "lib/store_scan.c"
#include "lib/store_user.c"

#include <ftw.h>
#include <sys/wait.h>

#include <sodium.h>

#include "t/unit/check.h"

#define MIB (1ull << 20)

static char dir[64], error[512];
static expo_store_t *s;
static expo_user_t ann, bob;
static int said;

/* SQLite's own writes are counted too, as P. */
static sqlite3_syscall_ptr real_pwrite;
static const char *pwrite_name;


static ssize_t
counted_pwrite(int fd, const void *b, size_t n, off_t at)
{
    return faults_hit('P') ? -1
                           : ((ssize_t(*)(int, const void *, size_t,
                                          off_t)) real_pwrite)(fd, b, n, at);
}

static void
count_database_writes(int on)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    if (real_pwrite == NULL) {
        pwrite_name =
            vfs->xGetSystemCall(vfs, "pwrite64") ? "pwrite64" : "pwrite";
        real_pwrite = vfs->xGetSystemCall(vfs, pwrite_name);
    }

    vfs->xSetSystemCall(vfs, pwrite_name,
                        on ? (sqlite3_syscall_ptr) counted_pwrite
                           : real_pwrite);
}

static int
remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
    (void) sb;
    (void) type;
    (void) ftw;

    return remove(path);
}

static void
open_again(int create)
{
    expo_store_close(s);
    s = NULL;
    check(expo_store_open(dir, create, &s, error, sizeof(error)) == EXPO_OK);
}

static void
begin(void)
{
    strcpy(dir, "/tmp/expo-store-XXXXXX");
    check(mkdtemp(dir) != NULL);
    open_again(1);

    randombytes_buf(&ann, sizeof(ann));
    randombytes_buf(&bob, sizeof(bob));
    ann.quota_bytes = bob.quota_bytes = 64 * MIB;
    ann.disabled = bob.disabled = 0;
    check(expo_store_user_add(s, &ann, 100) == EXPO_OK);
    check(expo_store_user_add(s, &bob, 100) == EXPO_OK);
}

static void
end(void)
{
    expo_store_close(s);
    s = NULL;
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static expo_id_t
fresh_id(void)
{
    expo_id_t id;

    randombytes_buf(&id, sizeof(id));

    return id;
}

/* A blob of `size` plaintext bytes, in one chunk, not yet kept. */
static expo_blob_file_t
blob_of(const expo_id_t *scan, expo_blob_kind_t kind, size_t size)
{
    static uint8_t plain[1 << 20], sealed[(1 << 20) + 16];
    static const uint8_t dek[32];
    expo_id_t id = fresh_id();
    expo_blob_file_t f = {.fd = -1};
    expo_blob_t b;

    expo_vault_blob_new(&b, dek, 1, scan, &id, kind, 20, dek);
    expo_vault_chunk_seal(&b, 0, 1, plain, size, sealed);

    if (expo_store_blob_create(s, &id, kind, &f) != EXPO_OK ||
        pwrite(f.fd, b.header, sizeof(b.header), 0) != sizeof(b.header) ||
        pwrite(f.fd, sealed, size + 16, 128) != (ssize_t) size + 16) {
        printf("# no blob: %s\n", strerror(errno));
        exit(1);
    }

    f.bytes = size + 144;

    return f;
}

static expo_status_t
add_to(expo_store_t *store, const expo_user_t *u, const expo_id_t *id,
       size_t size)
{
    expo_blob_file_t f = blob_of(id, EXPO_BLOB_ORIGINAL, size);
    expo_scan_t scan = {.id = *id,
                        .epoch = 1,
                        .revision = 1,
                        .created_day = 20000,
                        .meta = (uint8_t *) "first",
                        .meta_bytes = 5};
    expo_status_t st;

    memset(scan.sealed, 0x5a, sizeof(scan.sealed));
    memcpy(scan.sealed, id->b, 16);
    st = expo_store_scan_add(store, u->tag, &scan, &f);
    close(f.fd);

    return st;
}

static expo_status_t
add(const expo_user_t *u, const expo_id_t *id, size_t size)
{
    return add_to(s, u, id, size);
}

static expo_status_t
ready(const expo_id_t *id)
{
    expo_blob_file_t v = blob_of(id, EXPO_BLOB_VOLUME, 70000);
    expo_blob_file_t t = blob_of(id, EXPO_BLOB_THUMBNAIL, 100);
    expo_status_t st;

    st = expo_store_scan_ready(s, id, &v, &t, 2, (const uint8_t *) "second", 6);
    close(v.fd);
    close(t.fd);

    return st;
}

static expo_status_t
fail(const expo_id_t *id)
{
    return expo_store_scan_failed(s, id, 2, (const uint8_t *) "why", 3);
}

static void
say(void *data, const char *what)
{
    (void) data;
    (void) what;
    said++;
}

static int
is_clean(void)
{
    said = 0;

    return expo_store_check(s, say, NULL) == EXPO_OK && said == 0;
}

static int
files(void)
{
    char path[128];
    struct dirent *e;
    DIR *d;
    int n = 0;

    snprintf(path, sizeof(path), "%s/blobs", dir);
    d = opendir(path);
    while ((e = readdir(d)) != NULL) {
        n += e->d_name[0] != '.';
    }
    closedir(d);

    return n;
}

/* 0 for a scan that this user does not have. */
static int
state(const expo_user_t *u, const expo_id_t *id)
{
    expo_scan_t scan;
    int found;

    if (expo_store_scan(s, u->tag, id, &scan) != EXPO_OK) {
        return 0;
    }

    found = (int) scan.state;
    expo_store_scan_free(&scan);

    return found;
}

static void
a_store_is_private_and_opens_again(void)
{
    char path[128];
    struct stat sb;
    expo_store_t *other;

    begin();

    snprintf(path, sizeof(path), "%s/blobs", dir);
    check(stat(path, &sb) == 0 && (sb.st_mode & 0777) == 0700);
    snprintf(path, sizeof(path), "%s/store.db", dir);
    check(stat(path, &sb) == 0 && (sb.st_mode & 0777) == 0600);
    snprintf(path, sizeof(path), "%s/store.db-wal", dir);
    check(stat(path, &sb) == 0 && (sb.st_mode & 0777) == 0600);

    open_again(0);
    check(is_clean());

    check(expo_store_open("/nonexistent", 0, &other, error, sizeof(error)) ==
          EXPO_NOT_FOUND);
    check(expo_store_open("/proc", 0, &other, error, sizeof(error)) ==
          EXPO_NOT_FOUND);

    check(expo_store_run(s, "UPDATE meta SET schema = 999", "") == EXPO_OK);
    check(expo_store_open(dir, 0, &other, error, sizeof(error)) ==
          EXPO_UNSUPPORTED);
    check(strstr(error, "999") != NULL);

    end();
}

static void
the_database_is_hardened(void)
{
    static const char *const pragmas[][2] = {
        {"PRAGMA journal_mode", "wal"}, {"PRAGMA synchronous", "2"},
        {"PRAGMA secure_delete", "1"},  {"PRAGMA foreign_keys", "1"},
        {"PRAGMA trusted_schema", "0"}, {"PRAGMA cell_size_check", "1"}};
    sqlite3_stmt *q;
    int defensive = 0;

    begin();

    for (size_t i = 0; i < 6; i++) {
        check(expo_store_query(s, &q, pragmas[i][0], "") == EXPO_OK &&
              expo_store_row(s, q) == EXPO_OK &&
              strcmp((const char *) sqlite3_column_text(q, 0), pragmas[i][1]) ==
                  0);
        sqlite3_finalize(q);
    }

    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, -1, &defensive);
    check(defensive == 1);

    end();
}

static void
users_and_accounts_come_back_as_they_were_put(void)
{
    expo_account_row_t a, out;
    expo_user_t u;

    begin();

    check(expo_store_user(s, ann.tag, &u) == EXPO_OK);
    check(memcmp(u.tag, ann.tag, 64) == 0 &&
          memcmp(u.salt, ann.salt, 32) == 0 && memcmp(u.pk, ann.pk, 32) == 0 &&
          u.quota_bytes == ann.quota_bytes && u.used_bytes == 0 &&
          u.disabled == 0);
    check(expo_store_user_add(s, &ann, 100) == EXPO_CONFLICT);
    memset(u.tag, 0, sizeof(u.tag));
    check(expo_store_user(s, u.tag, &u) == EXPO_NOT_FOUND);

    randombytes_buf(&a, sizeof(a));
    a.disabled = 0;
    check(expo_store_account_put(s, &a) == EXPO_OK);
    check(expo_store_account_put(s, &a) == EXPO_CONFLICT);
    check(expo_store_account(s, a.name_tag, &out) == EXPO_OK);
    check(memcmp(a.salt, out.salt, 16) == 0 &&
          memcmp(a.verifier, out.verifier, 32) == 0 &&
          memcmp(a.sub_sealed, out.sub_sealed, 80) == 0 && out.disabled == 0);
    check(expo_store_account_disable(s, a.name_tag, 1) == EXPO_OK);
    check(expo_store_account_by_sub(s, a.sub_tag, &out) == EXPO_OK);
    check(memcmp(a.name_tag, out.name_tag, 64) == 0 && out.disabled == 1);
    check(expo_store_account(s, a.sub_tag, &out) == EXPO_NOT_FOUND);
    check(expo_store_account_disable(s, a.sub_tag, 1) == EXPO_NOT_FOUND);

    end();
}

static void
a_scan_is_its_owners_alone(void)
{
    expo_id_t first = fresh_id(), second = fresh_id(), absent = fresh_id();
    expo_scan_t scan, *list;
    expo_user_t u;
    size_t count;

    begin();

    check(add(&ann, &first, 1000) == EXPO_OK);
    check(add(&ann, &second, 70000) == EXPO_OK);
    check(add(&ann, &second, 1000) == EXPO_CONFLICT);
    check(files() == 2);

    check(expo_store_scan(s, ann.tag, &first, &scan) == EXPO_OK);
    check(memcmp(&scan.id, &first, 16) == 0 && scan.epoch == 1 &&
          scan.state == EXPO_SCAN_IMPORTING && scan.attempts == 0 &&
          scan.revision == 1 && scan.created_day == 20000 &&
          scan.bytes == 65536 && scan.role == EXPO_ROLE_OWNER &&
          scan.sealed[111] == 0x5a && scan.meta_bytes == 5 &&
          memcmp(scan.meta, "first", 5) == 0);
    expo_store_scan_free(&scan);

    check(expo_store_scan(s, bob.tag, &first, &scan) == EXPO_NOT_FOUND);
    check(expo_store_scan(s, ann.tag, &absent, &scan) == EXPO_NOT_FOUND);

    check(expo_store_scans(s, ann.tag, &list, &count) == EXPO_OK);
    check(count == 2 && memcmp(&list[0].id, &second, 16) == 0 &&
          memcmp(&list[1].id, &first, 16) == 0);
    expo_store_scan_free(&list[0]);
    expo_store_scan_free(&list[1]);
    free(list);

    check(expo_store_scans(s, bob.tag, &list, &count) == EXPO_OK);
    check(count == 0);
    free(list);

    check(expo_store_user(s, ann.tag, &u) == EXPO_OK &&
          u.used_bytes == 3 * 65536);
    check(is_clean());

    end();
}

static void
an_import_ends_ready_or_failed_and_lets_go_of_the_original(void)
{
    expo_id_t good = fresh_id(), bad = fresh_id(), blob;
    expo_scan_t scan;
    uint64_t bytes;
    uint32_t n;
    int fd;

    begin();

    check(add(&ann, &good, 1000) == EXPO_OK);
    check(add(&ann, &bad, 1000) == EXPO_OK);
    check(expo_store_blob_open(s, &good, EXPO_BLOB_VOLUME, &blob, &fd,
                               &bytes) == EXPO_NOT_FOUND);
    check(expo_store_blob_open(s, &good, EXPO_BLOB_ORIGINAL, &blob, &fd,
                               &bytes) == EXPO_OK);
    check(bytes == 1144 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
    close(fd);

    check(expo_store_scan_attempt(s, &good, &n) == EXPO_OK && n == 1);
    check(expo_store_scan_attempt(s, &good, &n) == EXPO_OK && n == 2);
    check(expo_store_scan_attempt(s, &blob, &n) == EXPO_NOT_FOUND);

    check(ready(&good) == EXPO_OK);
    check(ready(&good) == EXPO_CONFLICT);
    check(fail(&bad) == EXPO_OK);
    check(fail(&bad) == EXPO_CONFLICT);
    check(ready(&blob) == EXPO_NOT_FOUND);
    check(files() == 2);

    check(expo_store_scan(s, ann.tag, &good, &scan) == EXPO_OK);
    check(scan.state == EXPO_SCAN_READY && scan.revision == 2 &&
          scan.bytes == 3 * 65536 && scan.attempts == 2 &&
          memcmp(scan.meta, "second", 6) == 0);
    expo_store_scan_free(&scan);
    check(expo_store_scan(s, ann.tag, &bad, &scan) == EXPO_OK);
    check(scan.state == EXPO_SCAN_FAILED && scan.bytes == 0);
    expo_store_scan_free(&scan);

    check(expo_store_blob_open(s, &good, EXPO_BLOB_ORIGINAL, &blob, &fd,
                               &bytes) == EXPO_NOT_FOUND);
    check(expo_store_blob_open(s, &good, EXPO_BLOB_VOLUME, &blob, &fd,
                               &bytes) == EXPO_OK);
    check(bytes == 70144);
    close(fd);

    check(expo_store_scan_meta(s, &good, 4, (const uint8_t *) "x", 1) ==
          EXPO_CONFLICT);
    check(expo_store_scan_meta(s, &good, 3, (const uint8_t *) "x", 1) ==
          EXPO_OK);
    check(expo_store_scan_meta(s, &good, 3, (const uint8_t *) "x", 1) ==
          EXPO_CONFLICT);
    check(expo_store_scan_meta(s, &blob, 3, (const uint8_t *) "x", 1) ==
          EXPO_NOT_FOUND);
    check(is_clean());

    end();
}

/* Whether these bytes lie in any of the database's files. */
static int
database_holds(const uint8_t *bytes, size_t len)
{
    static const char *const names[] = {"store.db", "store.db-wal"};
    static uint8_t text[8 << 20];
    char path[128];
    int found = 0;

    for (int i = 0; i < 2; i++) {
        FILE *f;
        size_t n;

        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        f = fopen(path, "r");
        n = f != NULL ? fread(text, 1, sizeof(text), f) : 0;
        if (f != NULL) {
            fclose(f);
        }

        found |= n > 0 && memmem(text, n, bytes, len) != NULL;
    }

    return found;
}

static void
a_deleted_scan_leaves_no_key_and_no_file(void)
{
    expo_id_t id = fresh_id(), blob;
    uint8_t sealed[112];
    uint64_t bytes;
    int fd;

    begin();

    check(add(&ann, &id, 1000) == EXPO_OK);
    check(ready(&id) == EXPO_OK);
    memset(sealed, 0x5a, sizeof(sealed));
    memcpy(sealed, id.b, 16);
    check(database_holds(sealed, sizeof(sealed)));

    check(expo_store_blob_open(s, &id, EXPO_BLOB_VOLUME, &blob, &fd, &bytes) ==
          EXPO_OK);
    check(expo_store_scan_delete(s, &id) == EXPO_OK);
    check(pread(fd, sealed, 1, 0) == 1);
    close(fd);

    memcpy(sealed, id.b, 16);
    check(!database_holds(sealed, sizeof(sealed)));
    check(files() == 0 && state(&ann, &id) == 0);
    check(expo_store_scan_delete(s, &id) == EXPO_NOT_FOUND);
    check(is_clean());

    end();
}

static void
an_upload_over_the_quota_is_refused(void)
{
    expo_id_t a = fresh_id(), b = fresh_id(), c = fresh_id();
    expo_user_t u = bob;

    begin();

    randombytes_buf(u.tag, sizeof(u.tag));
    u.quota_bytes = 3 * 65536;
    check(expo_store_user_add(s, &u, 1) == EXPO_OK);

    check(add(&u, &a, 65536 * 2 - 144) == EXPO_OK);
    check(add(&u, &b, 65536 - 143) == EXPO_NO_SPACE);
    check(state(&u, &b) == 0 && files() == 1);
    check(add(&u, &b, 65536 - 144) == EXPO_OK);
    check(add(&u, &c, 0) == EXPO_NO_SPACE);
    check(expo_store_scan_delete(s, &b) == EXPO_OK);
    check(add(&u, &c, 0) == EXPO_OK);

    randombytes_buf(u.tag, sizeof(u.tag));
    check(add(&u, &b, 0) == EXPO_NOT_FOUND);
    check(files() == 2 && is_clean());

    end();
}

static void
a_volume_over_the_quota_is_refused_and_its_scan_can_fail(void)
{
    expo_id_t a = fresh_id(), b = fresh_id();
    expo_blob_file_t volume;
    expo_user_t u = bob, out;

    begin();

    randombytes_buf(u.tag, sizeof(u.tag));
    u.quota_bytes = 3 * 65536;
    check(expo_store_user_add(s, &u, 1) == EXPO_OK);
    check(add(&u, &a, 0) == EXPO_OK && add(&u, &b, 0) == EXPO_OK);

    volume = blob_of(&a, EXPO_BLOB_VOLUME, 2 * 65536 - 143);
    check(expo_store_scan_ready(s, &a, &volume, NULL, 2, (uint8_t *) "m", 1) ==
          EXPO_NO_SPACE);
    close(volume.fd);
    check(state(&u, &a) == EXPO_SCAN_IMPORTING && files() == 2);
    check(expo_store_scan_failed(s, &a, 2, (uint8_t *) "m", 1) == EXPO_OK);

    volume = blob_of(&b, EXPO_BLOB_VOLUME, 3 * 65536 - 144);
    check(expo_store_scan_ready(s, &b, &volume, NULL, 2, (uint8_t *) "m", 1) ==
          EXPO_OK);
    close(volume.fd);
    check(expo_store_user(s, u.tag, &out) == EXPO_OK &&
          out.used_bytes == u.quota_bytes);
    check(is_clean());

    end();
}

static void
the_quota_of_the_site_holds_for_old_users_at_once(void)
{
    expo_id_t a = fresh_id(), b = fresh_id();
    expo_user_t u = bob, out;

    begin();

    randombytes_buf(u.tag, sizeof(u.tag));
    u.quota_bytes = 0;
    check(expo_store_user_add(s, &u, 1) == EXPO_OK);
    check(expo_store_user(s, u.tag, &out) == EXPO_OK &&
          out.quota_bytes == EXPO_QUOTA_DEFAULT);

    expo_store_quota(s, 65536);
    check(add(&u, &a, 0) == EXPO_OK && add(&u, &b, 0) == EXPO_NO_SPACE);
    check(expo_store_user(s, u.tag, &out) == EXPO_OK &&
          out.quota_bytes == 65536);

    expo_store_quota(s, 2 * 65536);
    check(add(&u, &b, 0) == EXPO_OK);

    /* a row that was given a number keeps it */
    check(expo_store_user(s, ann.tag, &out) == EXPO_OK &&
          out.quota_bytes == ann.quota_bytes);

    end();
}

static void
an_owner_has_a_limited_number_of_scans(void)
{
    expo_id_t id = fresh_id();

    begin();

    check(expo_store_run(
              s,
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
              " WHERE i < 1999) INSERT INTO scans SELECT randomblob(16), ?, 1,"
              " 3, 0, 1, 0, 1, x'00' FROM n",
              "b", ann.tag, sizeof(ann.tag)) == EXPO_OK);
    check(add(&ann, &id, 0) == EXPO_OK);
    id = fresh_id();
    check(add(&ann, &id, 0) == EXPO_NO_SPACE);
    check(add(&bob, &id, 0) == EXPO_OK);

    end();
}

static void
configurations_belong_to_a_scan_and_have_revisions(void)
{
    expo_id_t id = fresh_id();
    expo_configuration_t c = {.scan = id,
                              .revision = 1,
                              .enc = (uint8_t *) "one",
                              .enc_bytes = 3},
                         out, *list;
    size_t count;
    int wrong = 0;

    begin();

    c.id = fresh_id();
    check(expo_store_configuration_add(s, &c, ann.tag) == EXPO_NOT_FOUND);
    check(add(&ann, &id, 10) == EXPO_OK);
    check(expo_store_configuration_add(s, &c, ann.tag) == EXPO_OK);
    check(expo_store_configuration_add(s, &c, ann.tag) == EXPO_CONFLICT);

    check(expo_store_configuration(s, &c.id, &out) == EXPO_OK);
    check(memcmp(&out.scan, &id, 16) == 0 && out.revision == 1 &&
          out.enc_bytes == 3 && memcmp(out.enc, "one", 3) == 0);
    expo_store_configuration_free(&out);

    c.revision = 3;
    check(expo_store_configuration_put(s, &c) == EXPO_CONFLICT);
    c.revision = 2;
    check(expo_store_configuration_put(s, &c) == EXPO_OK);
    check(expo_store_configuration_put(s, &c) == EXPO_CONFLICT);

    for (int i = 1; i < 200; i++) {
        c.id = fresh_id();
        wrong += expo_store_configuration_add(s, &c, ann.tag) != EXPO_OK;
    }
    check(wrong == 0);
    c.id = fresh_id();
    check(expo_store_configuration_add(s, &c, ann.tag) == EXPO_FULL);
    check(expo_store_configuration(s, &c.id, &out) == EXPO_NOT_FOUND);
    check(expo_store_configuration_put(s, &c) == EXPO_NOT_FOUND);
    check(expo_store_configuration_delete(s, &c.id) == EXPO_NOT_FOUND);

    check(expo_store_configurations(s, &id, &list, &count) == EXPO_OK);
    check(count == 200 && list[0].revision == 2);
    check(expo_store_configuration_delete(s, &list[0].id) == EXPO_OK);
    for (size_t i = 0; i < count; i++) {
        expo_store_configuration_free(&list[i]);
    }
    free(list);

    check(expo_store_scan_delete(s, &id) == EXPO_OK);
    check(expo_store_configurations(s, &id, &list, &count) == EXPO_OK);
    check(count == 0);
    free(list);
    check(is_clean());

    end();
}

static void
values_have_a_limit(void)
{
    static uint8_t big[(1 << 20) + 1];
    expo_id_t id = fresh_id();

    begin();

    check(add(&ann, &id, 10) == EXPO_OK);
    check(expo_store_scan_meta(s, &id, 2, big, sizeof(big)) == EXPO_TOO_LARGE);
    check(expo_store_scan_meta(s, &id, 2, NULL, 0) == EXPO_OK);
    check(state(&ann, &id) == EXPO_SCAN_IMPORTING);

    end();
}

/* The path of the one blob there is. */
static void
only_file(char path[256])
{
    char folder[128];
    struct dirent *e;
    DIR *d;

    snprintf(folder, sizeof(folder), "%s/blobs", dir);
    d = opendir(folder);
    while ((e = readdir(d)) != NULL && e->d_name[0] == '.') {
    }
    snprintf(path, 256, "%s/%.26s", folder, e ? e->d_name : "");
    closedir(d);
}

static void
what_does_not_agree_is_said(void)
{
    expo_id_t id = fresh_id(), other = fresh_id(), blob;
    char path[256], name[EXPO_ID_TEXT + 1], stray[256];
    uint64_t bytes;
    uint32_t removed;
    int fd;

    begin();
    check(add(&ann, &id, 1000) == EXPO_OK);
    only_file(path);

    check(is_clean());
    check(truncate(path, 1143) == 0 && !is_clean() && said == 1);
    check(expo_store_blob_open(s, &id, EXPO_BLOB_ORIGINAL, &blob, &fd,
                               &bytes) == EXPO_CORRUPT);
    check(truncate(path, 1144) == 0 && is_clean());

    fd = open(path, O_RDWR);
    check(pwrite(fd, "X", 1, 0) == 1 && !is_clean());
    check(pwrite(fd, "E", 1, 0) == 1 && is_clean());
    check(pwrite(fd, "\x09", 1, 19) == 1 && !is_clean());
    check(pwrite(fd, "\x01", 1, 19) == 1 && is_clean());
    close(fd);

    snprintf(stray, sizeof(stray), "%s/blobs/stray", dir);
    fd = open(stray, O_CREAT | O_RDWR, 0600);
    close(fd);
    check(!is_clean());
    check(expo_store_reap(s, &removed) == EXPO_OK && removed == 0);
    unlink(stray);

    expo_id_print(name, &other);
    snprintf(stray, sizeof(stray), "%s/blobs/%s", dir, name);
    fd = open(stray, O_CREAT | O_RDWR, 0600);
    close(fd);
    check(!is_clean());
    check(expo_store_reap(s, &removed) == EXPO_OK && removed == 1);
    check(is_clean());

    check(rename(path, stray) == 0 && !is_clean() && said == 2);
    check(expo_store_blob_open(s, &id, EXPO_BLOB_ORIGINAL, &blob, &fd,
                               &bytes) == EXPO_CORRUPT);
    check(rename(stray, path) == 0 && is_clean());

    check(expo_store_run(s, "UPDATE scans SET bytes_64k = 9", "") == EXPO_OK);
    check(!is_clean());
    check(expo_store_run(s, "UPDATE scans SET bytes_64k = 1, state = 2", "") ==
          EXPO_OK);
    check(!is_clean() && said == 2);
    check(expo_store_run(s, "UPDATE scans SET state = 1", "") == EXPO_OK);
    check(expo_store_run(s, "DELETE FROM scan_keys", "") == EXPO_OK);
    check(!is_clean() && said == 1);

    end();
}

static void
tombstones_are_buried_by_the_next_reaper(void)
{
    expo_id_t id = fresh_id();
    uint32_t removed = 9;

    begin();

    check(add(&ann, &id, 1000) == EXPO_OK);
    faults_arm(0, 0);
    check(expo_store_begin(s) == EXPO_OK);
    check(expo_store_blob_entomb(s, &id, 0) == EXPO_OK);
    check(expo_store_run(s, "UPDATE scans SET state = 3, bytes_64k = 0", "") ==
          EXPO_OK);
    check(expo_store_end(s, EXPO_OK) == EXPO_OK);

    check(files() == 1 && is_clean());
    check(expo_store_reap(s, &removed) == EXPO_OK && removed == 1);
    check(files() == 0 && is_clean());
    check(expo_store_reap(s, &removed) == EXPO_OK && removed == 0);

    end();
}

static void
files_are_durable_before_rows_and_rows_before_unlinks(void)
{
    expo_id_t id = fresh_id();
    const char *p;

    begin();
    count_database_writes(1);
    open_again(0);

    faults_arm(0, 0);
    check(add(&ann, &id, 1000) == EXPO_OK);
    check(strncmp(faults_log, "ODLFP", 5) == 0);
    check(strspn(faults_log + 4, "P") == strlen(faults_log + 4));

    faults_arm(0, 0);
    check(ready(&id) == EXPO_OK);
    p = faults_log;
    check(strncmp(p, "OODDLFLFP", 9) == 0);
    p += 8 + strspn(p + 8, "P");
    check(strncmp(p, "UFP", 3) == 0);

    faults_arm(0, 0);
    check(expo_store_scan_delete(s, &id) == EXPO_OK);
    p = faults_log + strspn(faults_log, "P");
    check(p > faults_log && strncmp(p, "UUFP", 4) == 0);

    count_database_writes(0);
    end();
}

typedef expo_status_t (*operation_t)(const expo_id_t *id);

static expo_status_t
op_add(const expo_id_t *id)
{
    return add(&ann, id, 1000);
}

static expo_status_t
op_ready(const expo_id_t *id)
{
    return ready(id);
}

static expo_status_t
op_failed(const expo_id_t *id)
{
    return fail(id);
}

static expo_status_t
op_delete(const expo_id_t *id)
{
    return expo_store_scan_delete(s, id);
}

static const struct {
    operation_t run;
    int before, after; /* states; 0 is «not there» */
} operations[] = {{op_add, 0, EXPO_SCAN_IMPORTING},
                  {op_ready, EXPO_SCAN_IMPORTING, EXPO_SCAN_READY},
                  {op_failed, EXPO_SCAN_IMPORTING, EXPO_SCAN_FAILED},
                  {op_delete, EXPO_SCAN_IMPORTING, 0}};

/* blob_of ends the test when there is no blob, so its openat is let through. */
static int
first_call(operation_t run)
{
    return run == op_add ? 2 : run == op_ready ? 3 : 1;
}

static int
calls_of(operation_t run, int before)
{
    expo_id_t id = fresh_id();

    if (before != 0) {
        faults_arm(0, 0);
        add(&ann, &id, 1000);
    }

    faults_arm(0, 0);
    run(&id);

    return faults_seen;
}

static void
any_failing_call_leaves_the_old_or_the_new_state(void)
{
    static const int errors[] = {EIO, ENOSPC};

    begin();
    count_database_writes(1);
    open_again(0);

    for (size_t o = 0; o < 4; o++) {
        int calls = calls_of(operations[o].run, operations[o].before);
        int wrong = 0, refused = 0;

        for (int i = 2 * first_call(operations[o].run); i < 2 * calls + 2;
             i++) {
            expo_id_t id = fresh_id();
            uint32_t removed;
            expo_status_t st;
            int was_added = 1, now, had;

            faults_arm(0, 0);
            if (operations[o].before != 0) {
                was_added = add(&ann, &id, 1000) == EXPO_OK;
            }

            had = files();
            faults_arm(i / 2, errors[i % 2]);
            st = operations[o].run(&id);
            faults_arm(0, 0);

            now = state(&ann, &id);
            refused += st != EXPO_OK;

            if (!was_added ||
                now != (st == EXPO_OK ? operations[o].after
                                      : operations[o].before) ||
                (st != EXPO_OK && errors[i % 2] == ENOSPC &&
                 (st != EXPO_NO_SPACE || files() != had)) ||
                expo_store_reap(s, &removed) != EXPO_OK || !is_clean()) {
                printf("# operation %zu, call %d of %d, %s: %s, state %d\n", o,
                       i / 2, calls, strerror(errors[i % 2]),
                       expo_status_name(st), now);
                wrong++;
            }

            expo_store_scan_delete(s, &id);
        }

        check(calls > 3);
        check(refused > 0);
        check(wrong == 0);
    }

    count_database_writes(0);
    end();
}

/* The child dies at the n-th call of an operation on a store of its own. */
static int
die_at(operation_t run, const expo_id_t *id, int n)
{
    int status = 0;
    pid_t pid;

    expo_store_close(s);
    s = NULL;
    fflush(stdout);

    pid = fork();
    if (pid == 0) {
        if (expo_store_open(dir, 0, &s, error, sizeof(error)) != EXPO_OK) {
            _exit(1);
        }
        count_database_writes(1);
        faults_arm(n, 0);
        _exit(run(id) == EXPO_OK ? 0 : 2);
    }

    waitpid(pid, &status, 0);

    if (expo_store_open(dir, 0, &s, error, sizeof(error)) != EXPO_OK) {
        return -1;
    }

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
death_at_any_call_leaves_the_old_or_the_new_state(void)
{
    begin();

    for (size_t o = 0; o < 4; o++) {
        int wrong = 0, n = 0, exit_status;

        do {
            expo_id_t id = fresh_id();
            uint32_t removed;
            int now;

            faults_arm(0, 0);
            if (operations[o].before != 0) {
                add(&ann, &id, 1000);
            }

            exit_status = die_at(operations[o].run, &id, ++n);
            now = s != NULL ? state(&ann, &id) : -1;

            if ((exit_status != FAULTS_DIED && exit_status != 0) ||
                (now != operations[o].before && now != operations[o].after) ||
                expo_store_reap(s, &removed) != EXPO_OK || !is_clean()) {
                printf("# operation %zu, call %d: status %d, state %d\n", o, n,
                       exit_status, now);
                wrong++;
            }

            expo_store_scan_delete(s, &id);
        } while (exit_status == FAULTS_DIED && n < 100);

        check(n > 5 && n < 100);
        check(wrong == 0);
        check(files() == 0);
    }

    end();
}

static void
two_processes_share_one_store(void)
{
    expo_store_t *mine, *other;
    expo_id_t id = fresh_id();
    uint32_t removed;

    begin();
    mine = s;
    check(expo_store_open(dir, 0, &other, error, sizeof(error)) == EXPO_OK);

    check(add(&ann, &id, 1000) == EXPO_OK);
    s = other;
    check(state(&ann, &id) == EXPO_SCAN_IMPORTING);
    check(ready(&id) == EXPO_OK);
    s = mine;
    check(state(&ann, &id) == EXPO_SCAN_READY);
    check(expo_store_reap(other, &removed) == EXPO_OK && removed == 0);
    check(is_clean());

    expo_store_close(other);
    end();
}

int
main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }

    a_store_is_private_and_opens_again();
    the_database_is_hardened();
    users_and_accounts_come_back_as_they_were_put();
    a_scan_is_its_owners_alone();
    an_import_ends_ready_or_failed_and_lets_go_of_the_original();
    a_deleted_scan_leaves_no_key_and_no_file();
    an_upload_over_the_quota_is_refused();
    a_volume_over_the_quota_is_refused_and_its_scan_can_fail();
    the_quota_of_the_site_holds_for_old_users_at_once();
    an_owner_has_a_limited_number_of_scans();
    configurations_belong_to_a_scan_and_have_revisions();
    values_have_a_limit();
    what_does_not_agree_is_said();
    tombstones_are_buried_by_the_next_reaper();
    files_are_durable_before_rows_and_rows_before_unlinks();
    any_failing_call_leaves_the_old_or_the_new_state();
    death_at_any_call_leaves_the_old_or_the_new_state();
    two_processes_share_one_store();

    return done();
}
