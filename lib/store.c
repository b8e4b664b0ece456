/* The database: opening, migrations, statements, transactions. */

#include "lib/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_BUSY_MS 5000
#define STORE_VALUE_MAX (1 << 20) /* bytes of one value: meta, settings */

static const char *const store_migrations[] = {
    /* 1 */
    "CREATE TABLE meta (schema INTEGER NOT NULL, master_no INTEGER NOT NULL)"
    " STRICT;"
    "INSERT INTO meta VALUES (0, 1);"

    "CREATE TABLE users (tag BLOB PRIMARY KEY, salt BLOB NOT NULL,"
    " pk BLOB NOT NULL, master_no INTEGER NOT NULL, state INTEGER NOT NULL,"
    " quota INTEGER NOT NULL, created_day INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"

    "CREATE TABLE accounts (name_tag BLOB PRIMARY KEY,"
    " sub_tag BLOB NOT NULL UNIQUE, salt BLOB NOT NULL,"
    " verifier BLOB NOT NULL, sub_sealed BLOB NOT NULL,"
    " state INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE scans (id BLOB PRIMARY KEY,"
    " owner_tag BLOB NOT NULL REFERENCES users, epoch INTEGER NOT NULL,"
    " state INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    " revision INTEGER NOT NULL, bytes_64k INTEGER NOT NULL,"
    " created_day INTEGER NOT NULL, meta BLOB NOT NULL) STRICT;"
    "CREATE INDEX scans_owner ON scans (owner_tag);"

    "CREATE TABLE scan_keys (scan_id BLOB NOT NULL REFERENCES scans,"
    " user_tag BLOB NOT NULL REFERENCES users, role INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, sealed BLOB NOT NULL,"
    " PRIMARY KEY (scan_id, user_tag)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX scan_keys_user ON scan_keys (user_tag);"

    "CREATE TABLE blobs (id BLOB PRIMARY KEY,"
    " scan_id BLOB NOT NULL REFERENCES scans, kind INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;"
    "CREATE INDEX blobs_scan ON blobs (scan_id);"

    "CREATE TABLE blob_gc (blob_id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;"

    "CREATE TABLE configurations (id BLOB PRIMARY KEY,"
    " scan_id BLOB NOT NULL REFERENCES scans, author_tag BLOB NOT NULL,"
    " revision INTEGER NOT NULL, enc BLOB NOT NULL) STRICT;"
    "CREATE INDEX configurations_scan ON configurations (scan_id);",

    /* 2: 0 is the site's quota; so far every user had a copy of it */
    "UPDATE users SET quota = 0;",

    /* 3: blob_id is NULL once the upload is a scan */
    "CREATE TABLE uploads (id BLOB PRIMARY KEY,"
    " owner_tag BLOB NOT NULL REFERENCES users, epoch INTEGER NOT NULL,"
    " sealed BLOB NOT NULL, blob_id BLOB UNIQUE, length INTEGER NOT NULL,"
    " received INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " meta BLOB NOT NULL, tail BLOB NOT NULL) STRICT;"
    "CREATE INDEX uploads_owner ON uploads (owner_tag);",

    /* 4: what a restored backup must not bring back; whose account a user's is
     */
    "CREATE TABLE erasures (what BLOB PRIMARY KEY, times INTEGER NOT NULL,"
    " day INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "ALTER TABLE users ADD COLUMN account BLOB;",

    /* 5: keys for a time (0: for ever), and for whoever brings a secret */
    "ALTER TABLE scan_keys ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE scan_keys ADD COLUMN since_day INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE scan_keys ADD COLUMN label_id BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE scan_keys ADD COLUMN label_enc BLOB NOT NULL DEFAULT x'';"
    "CREATE INDEX scan_keys_expiry ON scan_keys (expires_at)"
    " WHERE expires_at > 0;"

    "CREATE TABLE invitations (id BLOB PRIMARY KEY,"
    " scan_id BLOB NOT NULL REFERENCES scans, salt BLOB NOT NULL,"
    " pk BLOB NOT NULL, sealed BLOB NOT NULL, role INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, created_day INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL, access_expires_at INTEGER NOT NULL,"
    " label_enc BLOB NOT NULL) STRICT;"
    "CREATE INDEX invitations_scan ON invitations (scan_id);",

    /* 6: who did what, each line with a mac over it and the one before */
    "CREATE TABLE audit (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
    " actor BLOB NOT NULL, verb INTEGER NOT NULL, object BLOB NOT NULL,"
    " outcome INTEGER NOT NULL, mac BLOB NOT NULL) STRICT;"
    "CREATE INDEX audit_object ON audit (object);"
    "CREATE INDEX audit_actor ON audit (actor, object, verb);",

    /* 7: which master secret an account's name is hashed with */
    "ALTER TABLE accounts ADD COLUMN master_no INTEGER NOT NULL DEFAULT 1;",

    /* 8: a second way to open an account's subject; accounts to be made */
    "ALTER TABLE accounts ADD COLUMN recovery BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE accounts ADD COLUMN since INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE enrolments (hash BLOB PRIMARY KEY,"
    " expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"};

#define STORE_SCHEMA                                                           \
    ((int) (sizeof(store_migrations) / sizeof(store_migrations[0])))

static expo_status_t store_folders(expo_store_t *s, const char *dir, int create,
                                   char *error, size_t error_bytes);
static expo_status_t store_database(expo_store_t *s, const char *dir,
                                    int create, char *error,
                                    size_t error_bytes);
static int store_settings(expo_store_t *s);
static expo_status_t store_migrate(expo_store_t *s, int *schema);
static expo_status_t store_schema(expo_store_t *s, int *schema);
static int store_log_errno(expo_store_t *s);
static int store_bind(sqlite3_stmt *st, const char *types, va_list ap);


expo_status_t
expo_store_open(const char *dir, int create, expo_store_t **out, char *error,
                size_t error_bytes)
{
    char real[PATH_MAX];
    expo_status_t st;
    expo_store_t *s;

    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        snprintf(error, error_bytes, "Out of memory.");
        return EXPO_NO_MEMORY;
    }

    s->blobs = -1;
    s->quota = EXPO_QUOTA_DEFAULT;

    if (create && mkdir(dir, 0700) < 0 && errno != EEXIST) {
        snprintf(error, error_bytes, "The folder %s cannot be made: %s.", dir,
                 strerror(errno));
        st = EXPO_IO;
        goto failed;
    }

    if (realpath(dir, real) == NULL) {
        snprintf(error, error_bytes, "The data folder %s: %s.", dir,
                 strerror(errno));
        st = errno == ENOENT ? EXPO_NOT_FOUND : EXPO_IO;
        goto failed;
    }

    st = store_folders(s, real, create, error, error_bytes);
    if (st != EXPO_OK) {
        goto failed;
    }

    st = store_database(s, real, create, error, error_bytes);
    if (st != EXPO_OK) {
        goto failed;
    }

    *out = s;

    return EXPO_OK;

failed:

    expo_store_close(s);

    return st;
}


void
expo_store_close(expo_store_t *s)
{
    if (s == NULL) {
        return;
    }

    sqlite3_close(s->db);
    sqlite3_mutex_free(s->mutex);
    sqlite3_mutex_free(s->audit);

    if (s->blobs >= 0) {
        close(s->blobs);
    }

    free(s);
}


int
expo_store_schema(void)
{
    return STORE_SCHEMA;
}


void
expo_store_quota(expo_store_t *s, uint64_t bytes)
{
    s->quota = bytes;
}


expo_status_t
expo_store_status(expo_store_t *s, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return EXPO_OK;

    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return EXPO_AGAIN;

    case SQLITE_FULL:
        return EXPO_NO_SPACE;

    case SQLITE_NOMEM:
        return EXPO_NO_MEMORY;

    case SQLITE_TOOBIG:
        return EXPO_TOO_LARGE;

    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return EXPO_CORRUPT;

    case SQLITE_CONSTRAINT:
        return rc == SQLITE_CONSTRAINT_FOREIGNKEY ? EXPO_NOT_FOUND
                                                  : EXPO_CONFLICT;
    }

    /*
     * SQLite knows ENOSPC. Only of a write: after a sync that failed so, what
     * was to be undone may be on the disk nevertheless.
     */
    return rc == SQLITE_IOERR_WRITE && store_log_errno(s) == EDQUOT
               ? EXPO_NO_SPACE
               : EXPO_IO;
}


/* Why the log could not be written, last time. */
static int
store_log_errno(expo_store_t *s)
{
    sqlite3_file *log = NULL;
    int why = 0;

    sqlite3_file_control(s->db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &log);

    if (log != NULL && log->pMethods != NULL) {
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &why);
    }

    return why;
}


expo_status_t
expo_store_query(expo_store_t *s, sqlite3_stmt **out, const char *sql,
                 const char *types, ...)
{
    va_list ap;
    int rc;

    *out = NULL;

    rc = sqlite3_prepare_v2(s->db, sql, -1, out, NULL);

    if (rc == SQLITE_OK) {
        va_start(ap, types);
        rc = store_bind(*out, types, ap);
        va_end(ap);
    }

    return expo_store_status(s, rc);
}


expo_status_t
expo_store_row(expo_store_t *s, sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);

    return rc == SQLITE_DONE ? EXPO_NOT_FOUND : expo_store_status(s, rc);
}


expo_status_t
expo_store_exists(expo_store_t *s, const char *sql, const expo_id_t *id)
{
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_query(s, &q, sql, "b", id->b, sizeof(id->b));
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    sqlite3_finalize(q);

    return st;
}


expo_status_t
expo_store_run(expo_store_t *s, const char *sql, const char *types, ...)
{
    sqlite3_stmt *st;
    va_list ap;
    int rc;

    rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);

    if (rc == SQLITE_OK) {
        va_start(ap, types);
        rc = store_bind(st, types, ap);
        va_end(ap);
    }

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(st);
    }

    sqlite3_finalize(st);

    return expo_store_status(s, rc);
}


expo_status_t
expo_store_column(sqlite3_stmt *st, int column, void *dst, size_t bytes)
{
    const void *b = sqlite3_column_blob(st, column);

    if (b == NULL || (size_t) sqlite3_column_bytes(st, column) != bytes) {
        return EXPO_CORRUPT;
    }

    memcpy(dst, b, bytes);

    return EXPO_OK;
}


expo_status_t
expo_store_column_dup(sqlite3_stmt *st, int column, uint8_t **dst,
                      size_t *bytes)
{
    const void *b = sqlite3_column_blob(st, column);
    size_t n = (size_t) sqlite3_column_bytes(st, column);

    /* One byte more, because malloc(0) may be NULL. */
    *dst = malloc(n + 1);
    if (*dst == NULL) {
        return EXPO_NO_MEMORY;
    }

    if (n > 0) {
        memcpy(*dst, b, n);
    }

    *bytes = n;

    return EXPO_OK;
}


void
expo_store_lock(expo_store_t *s)
{
    sqlite3_mutex_enter(s->mutex);
}


void
expo_store_unlock(expo_store_t *s)
{
    sqlite3_mutex_leave(s->mutex);
}


void
expo_store_wipe_log(expo_store_t *s)
{
    expo_store_lock(s);
    sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                              NULL);
    expo_store_unlock(s);
}


expo_status_t
expo_store_begin(expo_store_t *s)
{
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_run(s, "BEGIN IMMEDIATE", "");
    if (st != EXPO_OK) {
        expo_store_unlock(s);
    }

    return st;
}


expo_status_t
expo_store_end(expo_store_t *s, expo_status_t st)
{
    if (st == EXPO_OK) {
        st = expo_store_run(s, "COMMIT", "");
    }

    /* Some failures have rolled back already. */
    if (st != EXPO_OK && !sqlite3_get_autocommit(s->db)) {
        expo_store_run(s, "ROLLBACK", "");
    }

    expo_store_unlock(s);

    return st;
}


static expo_status_t
store_folders(expo_store_t *s, const char *dir, int create, char *error,
              size_t error_bytes)
{
    char path[PATH_MAX + 16];

    snprintf(path, sizeof(path), "%s/blobs", dir);

    if (create && mkdir(path, 0700) < 0 && errno != EEXIST) {
        snprintf(error, error_bytes, "The folder %s cannot be made: %s.", path,
                 strerror(errno));
        return EXPO_IO;
    }

    s->blobs = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (s->blobs < 0) {
        snprintf(error, error_bytes,
                 "There is no store in %s (blobs: %s); exposure-admin init "
                 "makes one.",
                 dir, strerror(errno));
        return errno == ENOENT ? EXPO_NOT_FOUND : EXPO_IO;
    }

    return EXPO_OK;
}


static expo_status_t
store_database(expo_store_t *s, const char *dir, int create, char *error,
               size_t error_bytes)
{
    char path[PATH_MAX + 16];
    int flags, rc, fd, schema = 0;
    expo_status_t st;

    snprintf(path, sizeof(path), "%s/store.db", dir);

    /* SQLite gives its log the mode of the database. */
    if (create) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
            snprintf(error, error_bytes, "%s cannot be made: %s.", path,
                     strerror(errno));
            return EXPO_IO;
        }
        close(fd);
    }

    s->mutex = sqlite3_mutex_alloc(SQLITE_MUTEX_FAST);
    s->audit = sqlite3_mutex_alloc(SQLITE_MUTEX_FAST);
    if (s->mutex == NULL || s->audit == NULL) {
        snprintf(error, error_bytes, "Out of memory.");
        return EXPO_NO_MEMORY;
    }

    flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;

    rc = sqlite3_open_v2(path, &s->db, flags, NULL);
    if (rc == SQLITE_OK) {
        rc = store_settings(s);
    }

    if (rc != SQLITE_OK) {
        snprintf(error, error_bytes, "The database %s cannot be opened: %s.",
                 path, s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
        return s->db ? expo_store_status(s, rc) : EXPO_NO_MEMORY;
    }

    st = store_migrate(s, &schema);

    if (st == EXPO_UNSUPPORTED) {
        snprintf(error, error_bytes,
                 "The database %s has schema %d, this program knows %d: it is "
                 "older than the data.",
                 path, schema, STORE_SCHEMA);

    } else if (st != EXPO_OK) {
        snprintf(error, error_bytes, "The database %s cannot be used: %s.",
                 path, sqlite3_errmsg(s->db));
    }

    return st;
}


static int
store_settings(expo_store_t *s)
{
    int rc;

    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, STORE_VALUE_MAX);

    rc = sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);

    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(s->db,
                          "PRAGMA trusted_schema = OFF;"
                          "PRAGMA cell_size_check = ON;"
                          "PRAGMA secure_delete = ON;"
                          "PRAGMA temp_store = MEMORY;"
                          "PRAGMA foreign_keys = ON;"
                          "PRAGMA journal_mode = WAL;"
                          "PRAGMA synchronous = FULL;",
                          NULL, NULL, NULL);
    }

    return rc;
}


/* EXPO_UNSUPPORTED: the database is newer than this program. */
static expo_status_t
store_migrate(expo_store_t *s, int *schema)
{
    expo_status_t st;

    expo_store_lock(s);
    st = store_schema(s, schema);
    expo_store_unlock(s);

    if (st != EXPO_OK || *schema == STORE_SCHEMA) {
        return st;
    }

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    /* Again, for another process may have been faster. */
    st = store_schema(s, schema);

    if (st == EXPO_OK && *schema > STORE_SCHEMA) {
        st = EXPO_UNSUPPORTED;
    }

    while (st == EXPO_OK && *schema < STORE_SCHEMA) {
        st = expo_store_status(s, sqlite3_exec(s->db, store_migrations[*schema],
                                               NULL, NULL, NULL));
        ++*schema;
    }

    if (st == EXPO_OK) {
        st = expo_store_run(s, "UPDATE meta SET schema = ?", "i",
                            (int64_t) *schema);
    }

    return expo_store_end(s, st);
}


static expo_status_t
store_schema(expo_store_t *s, int *schema)
{
    sqlite3_stmt *q;
    expo_status_t st;

    *schema = 0;

    st = expo_store_query(
        s, &q, "SELECT 1 FROM sqlite_schema WHERE name = 'meta'", "");
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }
    sqlite3_finalize(q);

    if (st != EXPO_OK) {
        return st == EXPO_NOT_FOUND ? EXPO_OK : st;
    }

    st = expo_store_query(s, &q, "SELECT schema FROM meta", "");
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }
    if (st == EXPO_OK) {
        *schema = sqlite3_column_int(q, 0);
    }
    sqlite3_finalize(q);

    return st == EXPO_NOT_FOUND ? EXPO_CORRUPT : st;
}


static int
store_bind(sqlite3_stmt *st, const char *types, va_list ap)
{
    int rc = SQLITE_OK;

    for (int i = 0; types[i] != '\0' && rc == SQLITE_OK; i++) {
        if (types[i] == 'b') {
            const void *b = va_arg(ap, const void *);
            size_t n = va_arg(ap, size_t);

            /* STATIC: statements end before their parameters do. */
            rc = sqlite3_bind_blob64(st, i + 1, n > 0 ? b : "", n,
                                     SQLITE_STATIC);

        } else {
            rc = sqlite3_bind_int64(st, i + 1, va_arg(ap, int64_t));
        }
    }

    return rc;
}
