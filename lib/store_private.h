/*
 * What the store's files share: the handle, one way to run a statement, one
 * way to end a transaction that has files with it.
 */

#ifndef EXPO_STORE_PRIVATE_H
#define EXPO_STORE_PRIVATE_H

#include <sqlite3.h>

#include "lib/store.h"

#define STORE_UNIT 65536          /* sizes are kept in these */
#define STORE_RESERVE (64u << 20) /* bytes of disk kept for deletes */

struct expo_store_s {
    sqlite3 *db;
    sqlite3_mutex *mutex;
    sqlite3_mutex *audit; /* who appends to it; taken before mutex */
    int blobs;      /* the folder */
    uint64_t quota; /* of users whose row has none */
};

/* Of an SQLite result code. */
expo_status_t expo_store_status(expo_store_t *s, int rc);

/*
 * Prepares a statement and binds its parameters. types: a letter a parameter,
 * 'b' bytes (const void *, size_t), 'i' a number (int64_t).
 */
expo_status_t expo_store_query(expo_store_t *s, sqlite3_stmt **out,
                               const char *sql, const char *types, ...);

/* EXPO_OK and a row, or EXPO_NOT_FOUND at the end. */
expo_status_t expo_store_row(expo_store_t *s, sqlite3_stmt *st);

/* EXPO_OK if sql, whose one parameter is the id, gives a row. */
expo_status_t expo_store_exists(expo_store_t *s, const char *sql,
                                const expo_id_t *id);

/* Runs a statement that gives no rows. */
expo_status_t expo_store_run(expo_store_t *s, const char *sql,
                             const char *types, ...);

/* Copies a blob column of exactly `bytes`; EXPO_CORRUPT: another size. */
expo_status_t expo_store_column(sqlite3_stmt *st, int column, void *dst,
                                size_t bytes);
/* Copies a blob column to the heap. */
expo_status_t expo_store_column_dup(sqlite3_stmt *st, int column, uint8_t **dst,
                                    size_t *bytes);

/* Between these two the handle is the caller's alone. */
void expo_store_lock(expo_store_t *s);
void expo_store_unlock(expo_store_t *s);

/*
 * Locks the handle and takes the database's write lock; when it fails nothing
 * is locked. end commits if st is EXPO_OK, else rolls back, and unlocks.
 */
expo_status_t expo_store_begin(expo_store_t *s);
expo_status_t expo_store_end(expo_store_t *s, expo_status_t st);

/* Cuts the log, which still holds what secure_delete has wiped: keys. */
void expo_store_wipe_log(expo_store_t *s);

/*
 * Of a row of scan_keys: it is good at ?, Unix seconds. Every query that joins
 * that table says so.
 */
#define STORE_GOOD "(expires_at = 0 OR expires_at > ?)"

/* expo_store_user with the handle locked. */
expo_status_t expo_store_user_locked(expo_store_t *s,
                                     const uint8_t tag[EXPO_TAG],
                                     expo_user_t *out);

/*
 * Inside a transaction: rows of uploads that have expired go, their files
 * become tombstones. *any: there were some.
 */
expo_status_t expo_store_upload_expire(expo_store_t *s, uint64_t now, int *any);
/* Likewise rows of permissions and invitations. */
expo_status_t expo_store_share_expire(expo_store_t *s, uint64_t now, int *any);

/* What an update of one scan, done last, means if it met no row. */
expo_status_t expo_store_scan_changed(expo_store_t *s, const expo_id_t *id);

/* --- a scan, inside a transaction --- */

/*
 * The row of an importing scan whose blobs take `bytes`, and its owner's key.
 * EXPO_NO_SPACE: over the quota.
 */
expo_status_t expo_store_scan_insert(expo_store_t *s,
                                     const uint8_t owner[EXPO_TAG],
                                     const expo_scan_t *scan, uint64_t bytes);

/* A scan's rows go, its blobs become tombstones. */
expo_status_t expo_store_scan_remove(expo_store_t *s, const expo_id_t *id,
                                     uint32_t day);
/* The list of what was erased has it once more. */
expo_status_t expo_store_erasure_note(expo_store_t *s, const void *what,
                                      size_t bytes, uint32_t day);

/* --- blobs, inside a transaction --- */

/* Syncs the data; before the transaction, for it may take long. */
expo_status_t expo_store_blob_sync(expo_store_t *s, const expo_blob_file_t *f);
/* Names the file and syncs the folder. */
expo_status_t expo_store_blob_name(expo_store_t *s, expo_blob_file_t *f);
expo_status_t expo_store_blob_insert(expo_store_t *s, const expo_blob_file_t *f,
                                     const expo_id_t *scan, uint32_t epoch);
/* Both. */
expo_status_t expo_store_blob_keep(expo_store_t *s, expo_blob_file_t *f,
                                   const expo_id_t *scan, uint32_t epoch);
/*
 * expo_store_end for a transaction in which these files were kept, maybe in
 * part: when it fails, takes the names back where that is safe.
 */
expo_status_t expo_store_blob_end(expo_store_t *s, expo_status_t st,
                                  expo_blob_file_t *const *files, size_t count);

/* Rows of a scan's blobs (of one kind, or 0 for all) become tombstones. */
expo_status_t expo_store_blob_entomb(expo_store_t *s, const expo_id_t *scan,
                                     int kind);
/*
 * After the transaction: unlinks what is tombstoned, then drops the
 * tombstones. What fails is done by the next one. *removed counts files.
 */
expo_status_t expo_store_blob_bury(expo_store_t *s, uint32_t *removed);

/* Unlinks a name and syncs nothing; EXPO_NOT_FOUND: there was none. */
expo_status_t expo_store_blob_unlink(expo_store_t *s, const expo_id_t *id);

#endif
