/* The store: what it promises when all goes well. */

#include "t/unit/store.h"

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
    a.master_no = 1;
    check(expo_store_account_put(s, &a) == EXPO_OK);
    check(expo_store_account_put(s, &a) == EXPO_CONFLICT);
    check(expo_store_account(s, a.name_tag, &out) == EXPO_OK);
    check(memcmp(&a.password, &out.password, sizeof(a.password)) == 0 &&
          memcmp(&a.recovery, &out.recovery, sizeof(a.recovery)) == 0 &&
          out.recoverable && out.since_s == a.since_s && out.disabled == 0);
    check(expo_store_account_disable(s, a.name_tag, 1) == EXPO_OK);
    check(expo_store_account_by_sub(s, a.sub_tag, &out) == EXPO_OK);
    check(memcmp(a.name_tag, out.name_tag, 64) == 0 && out.disabled == 1);
    check(expo_store_account(s, a.sub_tag, &out) == EXPO_NOT_FOUND);
    check(expo_store_account_disable(s, a.sub_tag, 1) == EXPO_NOT_FOUND);

    end();
}

static void
an_account_is_changed_by_who_knows_it(void)
{
    expo_account_row_t a, changed, out;

    begin();

    randombytes_buf(&a, sizeof(a));
    a.disabled = 0;
    a.recoverable = 0;
    check(expo_store_account_put(s, &a) == EXPO_OK);
    check(expo_store_account(s, a.name_tag, &out) == EXPO_OK &&
          !out.recoverable);

    changed = a;
    randombytes_buf(&changed.password, sizeof(changed.password));
    randombytes_buf(&changed.recovery, sizeof(changed.recovery));
    changed.recoverable = 1;
    changed.since_s = 1700000000;
    check(expo_store_account_change(s, &a, &changed) == EXPO_OK);
    check(expo_store_account(s, a.name_tag, &out) == EXPO_OK);
    check(memcmp(&out.password, &changed.password, sizeof(a.password)) == 0 &&
          memcmp(&out.recovery, &changed.recovery, sizeof(a.recovery)) == 0 &&
          out.recoverable && out.since_s == 1700000000);

    /* the slower of two that began together */
    check(expo_store_account_change(s, &a, &a) == EXPO_CONFLICT);
    a = changed;
    changed.recovery.salt[0] ^= 1;
    check(expo_store_account_change(s, &changed, &a) == EXPO_CONFLICT);

    end();
}

static void
an_enrolment_makes_one_account(void)
{
    const uint8_t hash[32] = {1}, late[32] = {2}, unknown[32] = {3};
    expo_account_row_t a, b;

    begin();

    randombytes_buf(&a, sizeof(a));
    randombytes_buf(&b, sizeof(b));
    check(expo_store_enrolment_add(s, hash, 2000) == EXPO_OK);
    check(expo_store_enrolment_add(s, hash, 2000) == EXPO_CONFLICT);
    check(expo_store_enrolment_add(s, late, 1000) == EXPO_OK);
    check(expo_store_enrolment(s, hash, 1999) == EXPO_OK);
    check(expo_store_enrolment(s, hash, 2000) == EXPO_NOT_FOUND);

    check(expo_store_enrol(s, unknown, 1500, &a) == EXPO_NOT_FOUND);
    check(expo_store_enrol(s, late, 1500, &a) == EXPO_NOT_FOUND);
    check(expo_store_account_put(s, &b) == EXPO_OK);
    check(expo_store_enrol(s, hash, 1500, &b) == EXPO_CONFLICT);
    check(expo_store_enrolment(s, hash, 1500) == EXPO_OK);
    check(expo_store_enrol(s, hash, 1500, &a) == EXPO_OK);
    check(expo_store_enrol(s, hash, 1500, &b) == EXPO_NOT_FOUND);
    check(expo_store_account(s, a.name_tag, &b) == EXPO_OK);

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

    check(expo_store_scan(s, ann.tag, &first, 1, &scan) == EXPO_OK);
    check(memcmp(&scan.id, &first, 16) == 0 && scan.epoch == 1 &&
          scan.state == EXPO_SCAN_IMPORTING && scan.attempts == 0 &&
          scan.revision == 1 && scan.created_day == 20000 &&
          scan.bytes == 65536 && scan.role == EXPO_ROLE_OWNER &&
          scan.sealed[111] == 0x5a && scan.meta_bytes == 5 &&
          memcmp(scan.meta, "first", 5) == 0);
    expo_store_scan_free(&scan);

    check(expo_store_scan(s, bob.tag, &first, 1, &scan) == EXPO_NOT_FOUND);
    check(expo_store_scan(s, ann.tag, &absent, 1, &scan) == EXPO_NOT_FOUND);

    check(expo_store_scans(s, ann.tag, 1, &list, &count) == EXPO_OK);
    check(count == 2 && memcmp(&list[0].id, &second, 16) == 0 &&
          memcmp(&list[1].id, &first, 16) == 0);
    expo_store_scan_free(&list[0]);
    expo_store_scan_free(&list[1]);
    free(list);

    check(expo_store_scans(s, bob.tag, 1, &list, &count) == EXPO_OK);
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

    check(expo_store_scan(s, ann.tag, &good, 1, &scan) == EXPO_OK);
    check(scan.state == EXPO_SCAN_READY && scan.revision == 2 &&
          scan.bytes == 3 * 65536 && scan.attempts == 2 &&
          memcmp(scan.meta, "second", 6) == 0);
    expo_store_scan_free(&scan);
    check(expo_store_scan(s, ann.tag, &bad, 1, &scan) == EXPO_OK);
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
    check(expo_store_scan_delete(s, &id, 20001) == EXPO_OK);
    check(pread(fd, sealed, 1, 0) == 1);
    close(fd);

    memcpy(sealed, id.b, 16);
    check(!database_holds(sealed, sizeof(sealed)));
    check(files() == 0 && state(&ann, &id) == 0);
    check(expo_store_scan_delete(s, &id, 20001) == EXPO_NOT_FOUND);
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
    check(expo_store_scan_delete(s, &b, 20001) == EXPO_OK);
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

    check(expo_store_scan_delete(s, &id, 20001) == EXPO_OK);
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
    check(expo_store_reap(s, 0, &removed) == EXPO_OK && removed == 0);
    unlink(stray);

    expo_id_print(name, &other);
    snprintf(stray, sizeof(stray), "%s/blobs/%s", dir, name);
    fd = open(stray, O_CREAT | O_RDWR, 0600);
    close(fd);
    check(!is_clean());
    check(expo_store_reap(s, 0, &removed) == EXPO_OK && removed == 1);
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
    check(expo_store_reap(s, 0, &removed) == EXPO_OK && removed == 1);
    check(files() == 0 && is_clean());
    check(expo_store_reap(s, 0, &removed) == EXPO_OK && removed == 0);

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
    check(expo_store_reap(other, 0, &removed) == EXPO_OK && removed == 0);
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
    an_account_is_changed_by_who_knows_it();
    an_enrolment_makes_one_account();
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
    two_processes_share_one_store();

    return done();
}
