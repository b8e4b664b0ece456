#include "lib/store_backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/store_private.h"

#define BACKUP_VERSION 1
/* Bytes that may be copied while writers wait. */
#define BACKUP_FEW (64u << 20)
#define BACKUP_PASSES 5
#define BACKUP_PART (1u << 30)

/* A busy service keeps the database; a backup has time: so often 5 s. */
#define BACKUP_PATIENCE 12

/* What is being made, and for whom it went wrong. */
typedef struct {
    char path[PATH_MAX]; /* of the folder */
    int blobs;
    char *error;
    size_t error_bytes;
} backup_t;

static expo_status_t backup_say(backup_t *b, expo_status_t st, const char *what,
                                const char *why);
static expo_status_t backup_begin(backup_t *b, const char *dir);
static expo_status_t backup_end(backup_t *b, const char *dir, expo_status_t st);
static expo_status_t backup_moment(backup_t *b, expo_store_t *s);
static expo_status_t backup_take(backup_t *b, const char *backup);
static expo_status_t backup_files(backup_t *b, int from, uint64_t *copied);
static expo_status_t backup_file(backup_t *b, int from, const char *name,
                                 uint64_t *copied);
static expo_status_t backup_copy(backup_t *b, int src, int to_dir,
                                 const char *name, uint64_t *copied);
static expo_status_t backup_database(backup_t *b, const char *from);
static expo_status_t backup_prove(backup_t *b, uint64_t now,
                                  const expo_erasure_t *list, size_t count,
                                  uint32_t *again, expo_backup_t *out);
static expo_status_t backup_count(expo_store_t *s, expo_backup_t *out);
static expo_status_t backup_tell(backup_t *b, const expo_backup_t *out);
static expo_status_t backup_told(backup_t *b, const char *backup,
                                 uint32_t *day);
static expo_status_t backup_empty(backup_t *b, const char *dir);
static void backup_heard(void *data, const char *what);
static expo_status_t backup_sync(backup_t *b, const char *path);
static void backup_unmake(const char *path);


expo_status_t
expo_store_backup(expo_store_t *s, const char *dir, uint64_t now,
                  expo_backup_t *out, char *error, size_t error_bytes)
{
    backup_t b = {.blobs = -1, .error = error, .error_bytes = error_bytes};
    uint64_t copied = UINT64_MAX;
    expo_status_t st;
    uint32_t again;

    st = backup_begin(&b, dir);

    /* Without the lock, until little is new. */
    for (int i = 0; i < BACKUP_PASSES && st == EXPO_OK && copied > BACKUP_FEW;
         i++) {
        st = backup_files(&b, s->blobs, &copied);
    }

    if (st == EXPO_OK) {
        st = backup_moment(&b, s);
    }

    if (st == EXPO_OK) {
        st = backup_prove(&b, now, NULL, 0, &again, out);
    }

    if (st == EXPO_OK) {
        st = backup_tell(&b, out);
    }

    return backup_end(&b, dir, st);
}


expo_status_t
expo_store_restore(const char *backup, const char *dir, uint64_t now,
                   const expo_erasure_t *list, size_t count, expo_backup_t *out,
                   uint32_t *again, char *error, size_t error_bytes)
{
    backup_t b = {.blobs = -1, .error = error, .error_bytes = error_bytes};
    expo_status_t st;
    uint32_t day;

    *again = 0;

    st = backup_told(&b, backup, &day);
    if (st != EXPO_OK) {
        return st;
    }

    if (day + EXPO_BACKUP_DAYS < now / 86400) {
        return backup_say(&b, EXPO_EXPIRED, backup,
                          "it is so old that nobody knows any more what was "
                          "erased since");
    }

    st = backup_begin(&b, dir);
    if (st == EXPO_OK) {
        st = backup_take(&b, backup);
    }

    if (st == EXPO_OK) {
        st = backup_prove(&b, now, list, count, again, out);
        out->day = day;
    }

    return backup_end(&b, dir, st);
}


/* What is made has another name until it is whole. */
static expo_status_t
backup_begin(backup_t *b, const char *dir)
{
    char path[PATH_MAX + 16];
    expo_status_t st;

    if (snprintf(b->path, sizeof(b->path), "%s.partial", dir) >=
        (int) sizeof(b->path)) {
        return backup_say(b, EXPO_TOO_LARGE, dir, "its name is too long");
    }

    st = backup_empty(b, dir);
    if (st != EXPO_OK) {
        b->path[0] = '\0';
        return st;
    }

    /* What an earlier one left that broke off. */
    backup_unmake(b->path);

    snprintf(path, sizeof(path), "%s/blobs", b->path);

    if (mkdir(b->path, 0700) < 0 || mkdir(path, 0700) < 0) {
        return backup_say(b, EXPO_IO, path, strerror(errno));
    }

    b->blobs = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (b->blobs < 0) {
        return backup_say(b, EXPO_IO, path, strerror(errno));
    }

    return EXPO_OK;
}


static expo_status_t
backup_end(backup_t *b, const char *dir, expo_status_t st)
{
    if (st == EXPO_OK) {
        st = backup_sync(b, b->path);
    }

    if (st == EXPO_OK && rename(b->path, dir) < 0) {
        st = backup_say(b, EXPO_IO, dir, strerror(errno));
    }

    if (b->blobs >= 0) {
        close(b->blobs);
    }

    if (st != EXPO_OK) {
        backup_unmake(b->path);
        return st;
    }

    return backup_sync(b, dir);
}


/*
 * Files are named before their rows and unlinked after them, under this lock:
 * as long as it is held, every row has its file.
 */
static expo_status_t
backup_moment(backup_t *b, expo_store_t *s)
{
    expo_status_t st = EXPO_AGAIN;
    uint64_t copied;
    int i;

    for (i = 0; i < BACKUP_PATIENCE && st == EXPO_AGAIN; i++) {
        st = expo_store_begin(s);
    }

    if (st != EXPO_OK) {
        return backup_say(b, st, b->path, "the database is locked");
    }

    st = backup_files(b, s->blobs, &copied);
    if (st == EXPO_OK) {
        st = backup_database(b, sqlite3_db_filename(s->db, "main"));
    }

    return expo_store_end(s, st);
}


/* Nobody writes to a backup, and it may lie where nobody can. */
static expo_status_t
backup_take(backup_t *b, const char *backup)
{
    char from[PATH_MAX];
    uint64_t copied;
    expo_status_t st;
    int blobs, db, to;

    snprintf(from, sizeof(from), "%s/blobs", backup);

    blobs = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (blobs < 0) {
        return backup_say(b, EXPO_IO, from, strerror(errno));
    }

    st = backup_files(b, blobs, &copied);
    close(blobs);

    if (st != EXPO_OK) {
        return st;
    }

    snprintf(from, sizeof(from), "%s/store.db", backup);

    db = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    to = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    st = db >= 0 && to >= 0 ? backup_copy(b, db, to, "store.db", &copied)
                            : backup_say(b, EXPO_IO, from, strerror(errno));

    if (db >= 0) {
        close(db);
    }
    if (to >= 0) {
        close(to);
    }

    return st;
}


static expo_status_t
backup_say(backup_t *b, expo_status_t st, const char *what, const char *why)
{
    snprintf(b->error, b->error_bytes, "%s: %s.", what, why);

    return st;
}


/* Every blob of a folder that is not there yet. */
static expo_status_t
backup_files(backup_t *b, int from, uint64_t *copied)
{
    expo_status_t st = EXPO_OK;
    struct dirent *e;
    expo_id_t id;
    DIR *d;
    int fd;

    *copied = 0;

    fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return backup_say(b, EXPO_IO, "blobs", strerror(errno));
    }

    while (st == EXPO_OK && (errno = 0, e = readdir(d)) != NULL) {
        if (expo_id_parse(&id, e->d_name, strlen(e->d_name)) == EXPO_OK) {
            st = backup_file(b, from, e->d_name, copied);
        }
    }

    if (st == EXPO_OK && (errno != 0 || fsync(b->blobs) < 0)) {
        st = backup_say(b, EXPO_IO, "blobs", strerror(errno));
    }

    closedir(d);

    return st;
}


static expo_status_t
backup_file(backup_t *b, int from, const char *name, uint64_t *copied)
{
    expo_status_t st;
    int src;

    if (linkat(from, name, b->blobs, name, 0) == 0 || errno == EEXIST) {
        return EXPO_OK;
    }

    src = openat(from, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);

    if (src < 0) {
        /* Deleted meanwhile; if a row still had it, the proof will fail. */
        return errno == ENOENT ? EXPO_OK
                               : backup_say(b, EXPO_IO, name, strerror(errno));
    }

    st = backup_copy(b, src, b->blobs, name, copied);
    close(src);

    return st;
}


static expo_status_t
backup_copy(backup_t *b, int src, int to_dir, const char *name,
            uint64_t *copied)
{
    ssize_t n = 0;
    int dst;

    dst = openat(to_dir, name,
                 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (dst >= 0) {
        while ((n = copy_file_range(src, NULL, dst, NULL, BACKUP_PART, 0)) >
               0) {
            *copied += (uint64_t) n;
        }
    }

    if (dst < 0 || n < 0 || fsync(dst) < 0) {
        backup_say(b, EXPO_IO, name, strerror(errno));
        n = -1;
    }

    if (dst >= 0) {
        close(dst);
        if (n < 0) {
            unlinkat(to_dir, name, 0);
        }
    }

    return n < 0 ? EXPO_IO : EXPO_OK;
}


/*
 * SQLite's own copying, from a connection that only reads, under a name that
 * nobody opens. What is not whole yet cannot be gone on with from a copy.
 */
static expo_status_t
backup_database(backup_t *b, const char *from)
{
    char partial[PATH_MAX + 32], path[PATH_MAX + 16];
    sqlite3 *src = NULL, *dst = NULL;
    sqlite3_backup *copy = NULL;
    int rc, fd;

    snprintf(path, sizeof(path), "%s/store.db", b->path);
    snprintf(partial, sizeof(partial), "%s.partial", path);

    fd = open(partial, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
              0600);
    if (fd < 0) {
        return backup_say(b, EXPO_IO, partial, strerror(errno));
    }

    rc = sqlite3_open_v2(from, &src, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                         NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_open_v2(partial, &dst,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    }

    if (rc == SQLITE_OK) {
        copy = sqlite3_backup_init(dst, "main", src, "main");
        if (copy != NULL) {
            sqlite3_backup_step(copy, -1);
        }
        rc = copy != NULL ? sqlite3_backup_finish(copy) : sqlite3_errcode(dst);
    }

    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(dst,
                          "PRAGMA journal_mode = DELETE;"
                          "PRAGMA secure_delete = ON; DELETE FROM uploads;",
                          NULL, NULL, NULL);
    }

    if (rc != SQLITE_OK) {
        backup_say(b, EXPO_IO, from,
                   dst != NULL ? sqlite3_errmsg(dst) : sqlite3_errstr(rc));
    }

    sqlite3_close(dst);
    sqlite3_close(src);

    if (rc == SQLITE_OK && (fsync(fd) < 0 || rename(partial, path) < 0)) {
        backup_say(b, EXPO_IO, path, strerror(errno));
        rc = SQLITE_IOERR;
    }

    close(fd);

    return rc == SQLITE_OK ? EXPO_OK : EXPO_IO;
}


/* Opens it as what it is, a store, and looks at all of it. */
static expo_status_t
backup_prove(backup_t *b, uint64_t now, const expo_erasure_t *list,
             size_t count, uint32_t *again, expo_backup_t *out)
{
    uint32_t removed = 0;
    expo_store_t *s;
    expo_status_t st;

    st = expo_store_open(b->path, 0, &s, b->error, b->error_bytes);
    if (st != EXPO_OK) {
        return st;
    }

    backup_say(b, EXPO_IO, b->path, "it cannot be proved");

    st = expo_store_erase_again(s, list, count, again);

    if (st == EXPO_OK) {
        st = expo_store_reap(s, now, &removed);
    }
    if (st == EXPO_OK) {
        st = expo_store_check(s, backup_heard, b);
    }
    if (st == EXPO_OK) {
        st = backup_count(s, out);
        out->day = (uint32_t) (now / 86400);
    }

    expo_store_close(s);

    return st;
}


static void
backup_heard(void *data, const char *what)
{
    backup_say(data, EXPO_CORRUPT, "rows and files do not agree", what);
}


static expo_status_t
backup_count(expo_store_t *s, expo_backup_t *out)
{
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(s, &q,
                          "SELECT (SELECT count(*) FROM scans), count(*),"
                          " coalesce(sum(bytes), 0) FROM blobs",
                          "");
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }
    if (st == EXPO_OK) {
        out->scans = (uint64_t) sqlite3_column_int64(q, 0);
        out->blobs = (uint64_t) sqlite3_column_int64(q, 1);
        out->bytes = (uint64_t) sqlite3_column_int64(q, 2);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st;
}


static expo_status_t
backup_tell(backup_t *b, const expo_backup_t *out)
{
    char path[PATH_MAX + 16];
    json_t *json;
    int rc;

    snprintf(path, sizeof(path), "%s/backup.json", b->path);

    json = json_pack("{s:i, s:I, s:I, s:I, s:I}", "version", BACKUP_VERSION,
                     "day", (json_int_t) out->day, "scans",
                     (json_int_t) out->scans, "blobs", (json_int_t) out->blobs,
                     "bytes", (json_int_t) out->bytes);
    rc = json != NULL ? json_dump_file(json, path, JSON_INDENT(2)) : -1;
    json_decref(json);

    if (rc < 0) {
        return backup_say(b, EXPO_IO, path, "it cannot be written");
    }

    return backup_sync(b, path);
}


static expo_status_t
backup_told(backup_t *b, const char *backup, uint32_t *day)
{
    char path[PATH_MAX + 16];
    json_int_t told = -1;
    int version = 0;
    json_t *json;

    snprintf(path, sizeof(path), "%s/backup.json", backup);

    json = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    json_unpack(json, "{s:i, s:I}", "version", &version, "day", &told);
    json_decref(json);

    if (version != BACKUP_VERSION || told < 0 || told > UINT32_MAX / 2) {
        return backup_say(b, EXPO_NOT_FOUND, backup,
                          "this is no whole backup of exposure-admin's");
    }

    *day = (uint32_t) told;

    return EXPO_OK;
}


static expo_status_t
backup_empty(backup_t *b, const char *dir)
{
    int entries = 0;
    struct dirent *e;
    DIR *d;

    d = opendir(dir);
    if (d == NULL) {
        return errno == ENOENT ? EXPO_OK
                               : backup_say(b, EXPO_IO, dir, strerror(errno));
    }

    while ((e = readdir(d)) != NULL) {
        entries += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    closedir(d);

    return entries == 0 ? EXPO_OK
                        : backup_say(b, EXPO_CONFLICT, dir,
                                     "there is something in it already");
}


/* path, and the folder that has its name. */
static expo_status_t
backup_sync(backup_t *b, const char *path)
{
    char folder[PATH_MAX];
    char *slash;
    int ok = 1;

    snprintf(folder, sizeof(folder), "%s", path);

    for (int i = 0; i < 2; i++) {
        int fd = open(folder, O_RDONLY | O_CLOEXEC);

        ok &= fd >= 0 && fsync(fd) == 0;
        if (fd >= 0) {
            close(fd);
        }

        slash = strrchr(folder, '/');
        if (slash == NULL) {
            strcpy(folder, ".");
        } else {
            slash[slash == folder] = '\0';
        }
    }

    return ok ? EXPO_OK : backup_say(b, EXPO_IO, path, strerror(errno));
}


/* Only what this file makes: somebody else's is not ours to remove. */
static void
backup_unmake(const char *path)
{
    static const char *const names[] = {"store.db", "store.db.partial",
                                        "store.db-wal", "store.db-shm",
                                        "backup.json"};
    struct dirent *e;
    expo_id_t id;
    DIR *d;
    int fd;

    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return;
    }

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unlinkat(fd, names[i], 0);
    }

    int blobs = openat(fd, "blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    d = blobs >= 0 ? fdopendir(blobs) : NULL;
    if (d != NULL) {
        while ((e = readdir(d)) != NULL) {
            if (expo_id_parse(&id, e->d_name, strlen(e->d_name)) == EXPO_OK) {
                unlinkat(blobs, e->d_name, 0);
            }
        }
        closedir(d);
    }

    unlinkat(fd, "blobs", AT_REMOVEDIR);
    close(fd);
    rmdir(path);
}
