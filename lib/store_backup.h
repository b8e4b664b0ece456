/*
 * A copy of a store that is being used, and a store from such a copy. Neither
 * holds a key that opens anything: the master secret is kept elsewhere.
 */

#ifndef EXPO_STORE_BACKUP_H
#define EXPO_STORE_BACKUP_H

#include "lib/store.h"

typedef struct {
    uint32_t day; /* when the backup was made */
    uint64_t scans, blobs, bytes;
} expo_backup_t;

/*
 * Makes the folder dir, which must be empty or not exist: a database as it was
 * at one moment, and every blob that its rows refer to. Blobs never change, so
 * they are linked where that can be and copied where not. Writers wait only
 * while the database is copied. Uploads that are not whole are left out. The
 * folder has that name only once it is whole, and proved clean.
 *
 * now: Unix seconds. error: one sentence. EXPO_CONFLICT: dir is not empty.
 */
expo_status_t expo_store_backup(expo_store_t *s, const char *dir, uint64_t now,
                                expo_backup_t *out, char *error,
                                size_t error_bytes);

/*
 * Makes the data folder dir, which must be empty or not exist, from a backup,
 * and erases what the list (count of expo_store_erasures) has beyond the
 * backup's own: *again counts. It has that name only then, and proved clean.
 *
 * EXPO_EXPIRED: older than EXPO_BACKUP_DAYS. EXPO_NOT_FOUND: no backup there.
 * EXPO_CONFLICT: dir is not empty.
 */
expo_status_t expo_store_restore(const char *backup, const char *dir,
                                 uint64_t now, const expo_erasure_t *list,
                                 size_t count, expo_backup_t *out,
                                 uint32_t *again, char *error,
                                 size_t error_bytes);

#endif
