/* Whether rows, tombstones and files agree, and what nobody refers to. */

#include "lib/store_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    expo_store_t *s;
    void (*say)(void *, const char *);
    void *data;
    int wrong;
} check_t;

static expo_status_t check_folder(expo_store_t *s,
                                  expo_status_t (*each)(void *, const char *),
                                  void *data);
static expo_status_t check_known(expo_store_t *s, const expo_id_t *id);

static expo_status_t reap_erasures(expo_store_t *s, uint64_t now);
static expo_status_t reap_one(void *data, const char *name);
static void check_say(check_t *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static expo_status_t check_rows(check_t *c, const char *sql, const char *what);
static expo_status_t check_database(check_t *c);
static expo_status_t check_scans(check_t *c);
static expo_status_t check_blobs(check_t *c);
static void check_blob(check_t *c, const expo_id_t *id, const expo_id_t *scan,
                       int kind, uint32_t epoch, uint64_t bytes, int grows);
static expo_status_t check_file(void *data, const char *name);

typedef struct {
    expo_store_t *s;
    uint32_t removed;
} reap_t;


expo_status_t
expo_store_expire(expo_store_t *s, uint64_t now, uint32_t *removed)
{
    int any = 0;
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_upload_expire(s, now, &any);

    if (st == EXPO_OK) {
        st = expo_store_share_expire(s, now, &any);
    }

    st = expo_store_end(s, st);

    /* Also of what somebody erased who died before cutting it. */
    expo_store_wipe_log(s);

    return st == EXPO_OK ? expo_store_blob_bury(s, removed) : st;
}


expo_status_t
expo_store_reap(expo_store_t *s, uint64_t now, uint32_t *removed)
{
    reap_t r = {s, 0};
    expo_status_t st;

    st = reap_erasures(s, now);
    if (st == EXPO_OK) {
        st = expo_store_expire(s, now, removed);
    }
    if (st != EXPO_OK) {
        return st;
    }

    /*
     * Whoever names a file holds the write lock until its row is there, so
     * under the lock a file without a row belongs to nobody.
     */
    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = check_folder(s, reap_one, &r);

    if (st == EXPO_OK && r.removed > 0 && fsync(s->blobs) < 0) {
        st = EXPO_IO;
    }

    *removed += r.removed;

    return expo_store_end(s, st);
}


expo_status_t
expo_store_check(expo_store_t *s, void (*say)(void *, const char *), void *data)
{
    check_t c = {s, say, data, 0};
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = check_database(&c);

    if (st == EXPO_OK) {
        st = check_scans(&c);
    }

    if (st == EXPO_OK) {
        st = check_blobs(&c);
    }

    if (st == EXPO_OK) {
        st = check_folder(s, check_file, &c);
    }

    st = expo_store_end(s, st);

    return st == EXPO_OK && c.wrong ? EXPO_CORRUPT : st;
}


/* Calls `each` with every name in the folder, but . and .. */
static expo_status_t
check_folder(expo_store_t *s, expo_status_t (*each)(void *, const char *),
             void *data)
{
    expo_status_t st = EXPO_OK;
    struct dirent *e;
    DIR *d;
    int fd;

    fd = openat(s->blobs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) {
        return EXPO_IO;
    }

    d = fdopendir(fd);
    if (d == NULL) {
        close(fd);
        return EXPO_NO_MEMORY;
    }

    while (st == EXPO_OK && (errno = 0, e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            st = each(data, e->d_name);
        }
    }

    if (st == EXPO_OK && errno != 0) {
        st = EXPO_IO;
    }

    closedir(d);

    return st;
}


/* EXPO_NOT_FOUND: neither row nor tombstone. */
static expo_status_t
check_known(expo_store_t *s, const expo_id_t *id)
{
    return expo_store_exists(s,
                             "SELECT 1 FROM blobs WHERE id = ?1 UNION ALL"
                             " SELECT 1 FROM uploads WHERE blob_id = ?1"
                             " UNION ALL"
                             " SELECT 1 FROM blob_gc WHERE blob_id = ?1",
                             id);
}


/* No backup that old is restored. */
static expo_status_t
reap_erasures(expo_store_t *s, uint64_t now)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st == EXPO_OK) {
        st = expo_store_run(s, "DELETE FROM erasures WHERE day < ?", "i",
                            (int64_t) (now / 86400) - EXPO_BACKUP_DAYS);
        st = expo_store_end(s, st);
    }

    return st;
}


static expo_status_t
reap_one(void *data, const char *name)
{
    reap_t *r = data;
    expo_id_t id;
    expo_status_t st;

    /* Not a name of ours: somebody else's file is not ours to remove. */
    if (expo_id_parse(&id, name, strlen(name)) != EXPO_OK) {
        return EXPO_OK;
    }

    st = check_known(r->s, &id);

    if (st == EXPO_NOT_FOUND) {
        st = expo_store_blob_unlink(r->s, &id);
        r->removed += st == EXPO_OK;
    }

    return st;
}


static void
check_say(check_t *c, const char *format, ...)
{
    char line[256];
    va_list ap;

    va_start(ap, format);
    vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);

    c->wrong = 1;
    c->say(c->data, line);
}


/* sql: ids of what is wrong. what: a sentence that ends with such an id. */
static expo_status_t
check_rows(check_t *c, const char *sql, const char *what)
{
    char text[EXPO_ID_TEXT + 1];
    expo_id_t id;
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_query(c->s, &q, sql, "");

    while (st == EXPO_OK && (st = expo_store_row(c->s, q)) == EXPO_OK) {
        if (expo_store_column(q, 0, id.b, sizeof(id.b)) == EXPO_OK) {
            expo_id_print(text, &id);
        } else {
            snprintf(text, sizeof(text), "of a wrong length");
        }
        check_say(c, "%s %s", what, text);
    }

    sqlite3_finalize(q);

    return st == EXPO_NOT_FOUND ? EXPO_OK : st;
}


static expo_status_t
check_database(check_t *c)
{
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_query(c->s, &q, "PRAGMA integrity_check(20)", "");

    while (st == EXPO_OK && (st = expo_store_row(c->s, q)) == EXPO_OK) {
        const char *text = (const char *) sqlite3_column_text(q, 0);

        if (text == NULL || strcmp(text, "ok") != 0) {
            check_say(c, "database: %s", text ? text : "unreadable");
        }
    }

    sqlite3_finalize(q);

    if (st != EXPO_NOT_FOUND) {
        return st;
    }

    st = expo_store_query(c->s, &q, "PRAGMA foreign_key_check", "");

    while (st == EXPO_OK && (st = expo_store_row(c->s, q)) == EXPO_OK) {
        check_say(c, "database: a row of %s refers to nothing",
                  (const char *) sqlite3_column_text(q, 0));
    }

    sqlite3_finalize(q);

    return st == EXPO_NOT_FOUND ? EXPO_OK : st;
}


static expo_status_t
check_scans(check_t *c)
{
    static const char *const rules[][2] = {
        {"SELECT id FROM scans WHERE NOT EXISTS (SELECT 1 FROM scan_keys"
         " WHERE scan_id = id AND user_tag = owner_tag AND role = 1)",
         "no key for its owner: scan"},
        {"SELECT id FROM scans WHERE state NOT IN (1, 2, 3)",
         "no such state: scan"},
        {"SELECT id FROM scans WHERE state = 1 AND NOT EXISTS"
         " (SELECT 1 FROM blobs WHERE scan_id = scans.id AND kind = 3)",
         "importing without an original: scan"},
        {"SELECT id FROM scans WHERE state = 2 AND NOT EXISTS"
         " (SELECT 1 FROM blobs WHERE scan_id = scans.id AND kind = 1)",
         "ready without a volume: scan"},
        {"SELECT id FROM scans WHERE state <> 1 AND EXISTS"
         " (SELECT 1 FROM blobs WHERE scan_id = scans.id AND kind = 3)",
         "imported and still with an original: scan"},
        {"SELECT id FROM scans WHERE bytes_64k <>"
         " (SELECT coalesce(sum((bytes + 65535) / 65536), 0) FROM blobs"
         " WHERE scan_id = scans.id)",
         "its size is not the sum of its blobs': scan"},
        {"SELECT id FROM scans WHERE EXISTS (SELECT 1 FROM scan_keys"
         " WHERE scan_id = id AND (role NOT IN (1, 2, 3)"
         " OR (role = 1) <> (user_tag = owner_tag)))",
         "a permission of a wrong role: scan"},
        {"SELECT id FROM scans WHERE EXISTS (SELECT 1 FROM scan_keys"
         " WHERE scan_id = scans.id AND epoch <> scans.epoch UNION ALL"
         " SELECT 1 FROM invitations"
         " WHERE scan_id = scans.id AND epoch <> scans.epoch UNION ALL"
         " SELECT 1 FROM blobs"
         " WHERE scan_id = scans.id AND epoch <> scans.epoch)",
         "not all is of its epoch: scan"},
        {"SELECT id FROM invitations WHERE role NOT IN (2, 3)"
         " OR length(sealed) <> 112 OR length(salt) <> 32 OR length(pk) <> 32",
         "not as it was made: invitation"},
        {"SELECT id FROM blobs WHERE id IN (SELECT blob_id FROM blob_gc)",
         "both a row and a tombstone: blob"}};
    expo_status_t st = EXPO_OK;

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && st == EXPO_OK;
         i++) {
        st = check_rows(c, rules[i][0], rules[i][1]);
    }

    return st;
}


/* An upload's file may be longer than was saved, but never shorter. */
static expo_status_t
check_blobs(check_t *c)
{
    expo_id_t id, scan;
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_query(
        c->s, &q,
        "SELECT id, scan_id, kind, epoch, bytes, 0 FROM blobs UNION ALL"
        " SELECT blob_id, id, 3, epoch, 128 + received"
        " - max(length(tail) - 48, 0), 1 FROM uploads"
        " WHERE blob_id IS NOT NULL",
        "");

    while (st == EXPO_OK && (st = expo_store_row(c->s, q)) == EXPO_OK) {
        if (expo_store_column(q, 0, id.b, sizeof(id.b)) != EXPO_OK ||
            expo_store_column(q, 1, scan.b, sizeof(scan.b)) != EXPO_OK) {
            check_say(c, "a blob's id has a wrong length");
            continue;
        }

        check_blob(c, &id, &scan, sqlite3_column_int(q, 2),
                   (uint32_t) sqlite3_column_int64(q, 3),
                   (uint64_t) sqlite3_column_int64(q, 4),
                   sqlite3_column_int(q, 5));
    }

    sqlite3_finalize(q);

    return st == EXPO_NOT_FOUND ? EXPO_OK : st;
}


static void
check_blob(check_t *c, const expo_id_t *id, const expo_id_t *scan, int kind,
           uint32_t epoch, uint64_t bytes, int grows)
{
    uint8_t header[EXPO_BLOB_HEADER];
    char name[EXPO_ID_TEXT + 1];
    expo_id_t its_scan, its_id;
    expo_blob_kind_t its_kind;
    uint32_t its_epoch;
    struct stat sb;
    int fd;

    expo_id_print(name, id);

    fd = openat(c->s->blobs, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    if (fd < 0 || fstat(fd, &sb) < 0) {
        check_say(c, "blob %s: %s", name, strerror(errno));

    } else if ((uint64_t) sb.st_size != bytes &&
               !(grows && (uint64_t) sb.st_size > bytes)) {
        check_say(c, "blob %s: %lld bytes on the disk, %llu in its row", name,
                  (long long) sb.st_size, (unsigned long long) bytes);

    } else if (pread(fd, header, sizeof(header), 0) != sizeof(header) ||
               expo_vault_blob_about(header, &its_scan, &its_id, &its_kind,
                                     &its_epoch) != EXPO_OK) {
        check_say(c, "blob %s: no header", name);

    } else if (memcmp(&its_scan, scan, sizeof(its_scan)) != 0 ||
               memcmp(&its_id, id, sizeof(its_id)) != 0 ||
               (int) its_kind != kind || its_epoch != epoch) {
        check_say(c, "blob %s: its header is of another blob", name);
    }

    if (fd >= 0) {
        close(fd);
    }
}


static expo_status_t
check_file(void *data, const char *name)
{
    check_t *c = data;
    expo_id_t id;
    expo_status_t st;

    if (expo_id_parse(&id, name, strlen(name)) != EXPO_OK) {
        check_say(c, "blobs/ holds something that is not a blob");
        return EXPO_OK;
    }

    st = check_known(c->s, &id);

    if (st == EXPO_NOT_FOUND) {
        check_say(c, "blob %s: a file without a row", name);
        return EXPO_OK;
    }

    return st;
}
