/* The folder of blobs: what is named there, and when. */

#include "lib/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static expo_status_t blob_errno(void);
static expo_status_t blob_room(expo_store_t *s);
static expo_status_t blob_find(expo_store_t *s, const expo_id_t *scan,
                               expo_blob_kind_t kind, expo_id_t *blob,
                               uint64_t *bytes);


expo_status_t
expo_store_blob_create(expo_store_t *s, const expo_id_t *id,
                       expo_blob_kind_t kind, expo_blob_file_t *out)
{
    expo_status_t st;

    st = blob_room(s);
    if (st != EXPO_OK) {
        return st;
    }

    memset(out, 0, sizeof(*out));
    out->id = *id;
    out->kind = kind;

    out->fd = openat(s->blobs, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    return out->fd < 0 ? blob_errno() : EXPO_OK;
}


expo_status_t
expo_store_blob_open(expo_store_t *s, const expo_id_t *scan,
                     expo_blob_kind_t kind, expo_id_t *blob, int *fd,
                     uint64_t *bytes)
{
    char name[EXPO_ID_TEXT + 1];
    struct stat sb;
    expo_id_t again;
    uint64_t size;
    expo_status_t st;

    expo_store_lock(s);

    st = blob_find(s, scan, kind, blob, bytes);
    if (st != EXPO_OK) {
        goto done;
    }

    expo_id_print(name, blob);

    *fd = openat(s->blobs, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);

    if (*fd < 0) {
        st = blob_errno();

        /* Deleted by another process since, or lost. */
        if (st == EXPO_NOT_FOUND) {
            st = blob_find(s, scan, kind, &again, &size);
            if (st == EXPO_OK && memcmp(&again, blob, sizeof(again)) == 0) {
                st = EXPO_CORRUPT;
            }
        }
        goto done;
    }

    if (fstat(*fd, &sb) < 0 || (uint64_t) sb.st_size != *bytes) {
        close(*fd);
        *fd = -1;
        st = EXPO_CORRUPT;
    }

done:

    expo_store_unlock(s);

    return st;
}


expo_status_t
expo_store_blob_sync(expo_store_t *s, const expo_blob_file_t *f)
{
    struct stat sb;
    expo_status_t st;

    if (fstat(f->fd, &sb) < 0) {
        return EXPO_IO;
    }

    if ((uint64_t) sb.st_size != f->bytes) {
        return EXPO_INVALID;
    }

    st = blob_room(s);
    if (st != EXPO_OK) {
        return st;
    }

    return fdatasync(f->fd) < 0 ? blob_errno() : EXPO_OK;
}


expo_status_t
expo_store_blob_name(expo_store_t *s, expo_blob_file_t *f)
{
    char path[32], name[EXPO_ID_TEXT + 1];

    expo_id_print(name, &f->id);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);

    if (linkat(AT_FDCWD, path, s->blobs, name, AT_SYMLINK_FOLLOW) < 0) {
        return blob_errno();
    }

    f->named = 1;

    return fsync(s->blobs) < 0 ? blob_errno() : EXPO_OK;
}


expo_status_t
expo_store_blob_insert(expo_store_t *s, const expo_blob_file_t *f,
                       const expo_id_t *scan, uint32_t epoch)
{
    return expo_store_run(s, "INSERT INTO blobs VALUES (?, ?, ?, ?, ?)",
                          "bbiii", f->id.b, sizeof(f->id.b), scan->b,
                          sizeof(scan->b), (int64_t) f->kind, (int64_t) epoch,
                          (int64_t) f->bytes);
}


expo_status_t
expo_store_blob_keep(expo_store_t *s, expo_blob_file_t *f,
                     const expo_id_t *scan, uint32_t epoch)
{
    expo_status_t st;

    st = expo_store_blob_name(s, f);

    return st == EXPO_OK ? expo_store_blob_insert(s, f, scan, epoch) : st;
}


expo_status_t
expo_store_blob_end(expo_store_t *s, expo_status_t st,
                    expo_blob_file_t *const *files, size_t count)
{
    int safe = st != EXPO_OK;

    st = expo_store_end(s, st);

    /*
     * A commit that broke off may come back with the machine, so its files
     * stay for the reaper to judge. A full disk is the exception: the log could
     * not even hold it.
     */
    if (st != EXPO_OK && (safe || st == EXPO_NO_SPACE)) {
        for (size_t i = 0; i < count; i++) {
            if (files[i]->named) {
                expo_store_blob_unlink(s, &files[i]->id);
                files[i]->named = 0;
            }
        }
    }

    return st;
}


expo_status_t
expo_store_blob_entomb(expo_store_t *s, const expo_id_t *scan, int kind)
{
    expo_status_t st;

    st = expo_store_run(s,
                        "INSERT INTO blob_gc SELECT id FROM blobs"
                        " WHERE scan_id = ?1 AND ?2 IN (kind, 0)",
                        "bi", scan->b, sizeof(scan->b), (int64_t) kind);
    if (st != EXPO_OK) {
        return st;
    }

    return expo_store_run(s,
                          "DELETE FROM blobs"
                          " WHERE scan_id = ?1 AND ?2 IN (kind, 0)",
                          "bi", scan->b, sizeof(scan->b), (int64_t) kind);
}


expo_status_t
expo_store_blob_bury(expo_store_t *s, uint32_t *removed)
{
    expo_id_t id;
    sqlite3_stmt *q;
    uint32_t n = 0;
    int any = 0;
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_query(s, &q, "SELECT blob_id FROM blob_gc", "");

    while (st == EXPO_OK && (st = expo_store_row(s, q)) == EXPO_OK) {
        any = 1;

        st = expo_store_column(q, 0, id.b, sizeof(id.b));
        if (st == EXPO_OK) {
            st = expo_store_blob_unlink(s, &id);
            n += st == EXPO_OK;
        }

        /* An earlier burial may have been cut off here. */
        if (st == EXPO_NOT_FOUND) {
            st = EXPO_OK;
        }
    }

    sqlite3_finalize(q);

    if (st == EXPO_NOT_FOUND) {
        st = any && fsync(s->blobs) < 0 ? blob_errno() : EXPO_OK;
    }

    if (st == EXPO_OK && any) {
        st = expo_store_run(s, "DELETE FROM blob_gc", "");
    }

    if (removed != NULL) {
        *removed = n;
    }

    return expo_store_end(s, st);
}


expo_status_t
expo_store_blob_unlink(expo_store_t *s, const expo_id_t *id)
{
    char name[EXPO_ID_TEXT + 1];

    expo_id_print(name, id);

    return unlinkat(s->blobs, name, 0) < 0 ? blob_errno() : EXPO_OK;
}


static expo_status_t
blob_errno(void)
{
    switch (errno) {
    case ENOENT:
        return EXPO_NOT_FOUND;

    case EEXIST:
        return EXPO_CONFLICT;

    case ENOSPC:
    case EDQUOT:
        return EXPO_NO_SPACE;

    case ENOMEM:
        return EXPO_NO_MEMORY;
    }

    return EXPO_IO;
}


/* A delete needs some disk too: uploads leave that much. */
static expo_status_t
blob_room(expo_store_t *s)
{
    struct statvfs v;

    if (fstatvfs(s->blobs, &v) < 0) {
        return EXPO_IO;
    }

    return (uint64_t) v.f_bavail * v.f_frsize < STORE_RESERVE ? EXPO_NO_SPACE
                                                              : EXPO_OK;
}


static expo_status_t
blob_find(expo_store_t *s, const expo_id_t *scan, expo_blob_kind_t kind,
          expo_id_t *blob, uint64_t *bytes)
{
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_query(s, &q,
                          "SELECT id, bytes FROM blobs WHERE scan_id = ?"
                          " AND kind = ? ORDER BY rowid DESC LIMIT 1",
                          "bi", scan->b, sizeof(scan->b), (int64_t) kind);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK) {
        st = expo_store_column(q, 0, blob->b, sizeof(blob->b));
        *bytes = (uint64_t) sqlite3_column_int64(q, 1);
    }

    sqlite3_finalize(q);

    return st;
}
