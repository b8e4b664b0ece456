/* Uploads that come in parts, until they are scans or have expired. */

#include "lib/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static expo_status_t upload_fill(sqlite3_stmt *q, expo_upload_t *out);
static expo_status_t upload_room(expo_store_t *s, const uint8_t *owner);
static expo_status_t upload_changed(expo_store_t *s);


void
expo_store_upload_free(expo_upload_t *u)
{
    free(u->meta);
    free(u->tail);
    u->meta = NULL;
    u->tail = NULL;
}


expo_status_t
expo_store_upload_add(expo_store_t *s, const uint8_t owner[EXPO_TAG],
                      const expo_upload_t *u, expo_blob_file_t *f)
{
    expo_status_t st;

    if (u->length > INT64_MAX || u->expires > INT64_MAX) {
        return EXPO_INVALID;
    }

    st = expo_store_blob_sync(s, f);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s,
                        "INSERT INTO uploads VALUES"
                        " (?, ?, ?, ?, ?, ?, 0, ?, ?, x'')",
                        "bbibbiib", u->id.b, sizeof(u->id.b), owner,
                        (size_t) EXPO_TAG, (int64_t) u->epoch, u->sealed,
                        sizeof(u->sealed), f->id.b, sizeof(f->id.b),
                        (int64_t) u->length, (int64_t) u->expires, u->meta,
                        u->meta_bytes);
    if (st == EXPO_OK) {
        st = upload_room(s, owner);
    }

    if (st == EXPO_OK) {
        st = expo_store_blob_name(s, f);
    }

    return expo_store_blob_end(s, st, &f, 1);
}


expo_status_t
expo_store_upload(expo_store_t *s, const uint8_t owner[EXPO_TAG],
                  const expo_id_t *id, expo_upload_t *out)
{
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(s, &q,
                          "SELECT id, epoch, sealed, blob_id, length, received,"
                          " expires, meta, tail FROM uploads"
                          " WHERE id = ? AND owner_tag = ?",
                          "bb", id->b, sizeof(id->b), owner, (size_t) EXPO_TAG);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK) {
        st = upload_fill(q, out);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st;
}


expo_status_t
expo_store_upload_open(expo_store_t *s, const expo_id_t *blob, int alone,
                       int *fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char name[EXPO_ID_TEXT + 1];
    expo_status_t st = EXPO_OK;

    expo_id_print(name, blob);

    *fd = openat(s->blobs, name,
                 (alone ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW, 0);
    if (*fd < 0) {
        return errno == ENOENT ? EXPO_NOT_FOUND : EXPO_IO;
    }

    /* Of the open file, not of the process: it ends with the descriptor. */
    if (alone && fcntl(*fd, F_OFD_SETLK, &lock) < 0) {
        st = errno == EAGAIN || errno == EACCES ? EXPO_CONFLICT : EXPO_IO;
        close(*fd);
        *fd = -1;
    }

    return st;
}


expo_status_t
expo_store_upload_save(expo_store_t *s, const expo_id_t *id, int fd,
                       uint64_t received, uint64_t expires, const uint8_t *tail,
                       size_t tail_bytes)
{
    expo_status_t st;

    if (fdatasync(fd) < 0) {
        return errno == ENOSPC || errno == EDQUOT ? EXPO_NO_SPACE : EXPO_IO;
    }

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s,
                        "UPDATE uploads SET received = ?, expires = ?,"
                        " tail = ? WHERE id = ? AND blob_id IS NOT NULL",
                        "iibb", (int64_t) received, (int64_t) expires, tail,
                        tail_bytes, id->b, sizeof(id->b));
    if (st == EXPO_OK) {
        st = upload_changed(s);
    }

    return expo_store_end(s, st);
}


expo_status_t
expo_store_upload_finish(expo_store_t *s, const uint8_t owner[EXPO_TAG],
                         const expo_scan_t *scan, const expo_blob_file_t *f)
{
    expo_status_t st;

    st = expo_store_blob_sync(s, f);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s,
                        "UPDATE uploads SET received = length, blob_id = NULL,"
                        " tail = x'' WHERE id = ? AND blob_id = ?",
                        "bb", scan->id.b, sizeof(scan->id.b), f->id.b,
                        sizeof(f->id.b));
    if (st == EXPO_OK) {
        st = upload_changed(s);
    }

    if (st == EXPO_OK) {
        st = expo_store_scan_insert(s, owner, scan, f->bytes);
    }

    if (st == EXPO_OK) {
        st = expo_store_blob_insert(s, f, &scan->id, scan->epoch);
    }

    return expo_store_end(s, st);
}


expo_status_t
expo_store_upload_delete(expo_store_t *s, const uint8_t owner[EXPO_TAG],
                         const expo_id_t *id)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s,
                        "INSERT INTO blob_gc SELECT blob_id FROM uploads"
                        " WHERE id = ? AND owner_tag = ?"
                        " AND blob_id IS NOT NULL",
                        "bb", id->b, sizeof(id->b), owner, (size_t) EXPO_TAG);
    if (st == EXPO_OK) {
        st = expo_store_run(s,
                            "DELETE FROM uploads"
                            " WHERE id = ? AND owner_tag = ?",
                            "bb", id->b, sizeof(id->b), owner,
                            (size_t) EXPO_TAG);
    }

    if (st == EXPO_OK) {
        st = upload_changed(s);
    }

    st = expo_store_end(s, st);
    if (st == EXPO_OK) {
        expo_store_blob_bury(s, NULL);
        expo_store_wipe_log(s);
    }

    return st;
}


expo_status_t
expo_store_upload_expire(expo_store_t *s, uint64_t now, int *any)
{
    expo_status_t st;

    st = expo_store_run(s,
                        "INSERT INTO blob_gc SELECT blob_id FROM uploads"
                        " WHERE expires <= ? AND blob_id IS NOT NULL",
                        "i", (int64_t) now);
    if (st == EXPO_OK) {
        st = expo_store_run(s, "DELETE FROM uploads WHERE expires <= ?", "i",
                            (int64_t) now);
        *any |= sqlite3_changes(s->db) > 0;
    }

    return st;
}


static expo_status_t
upload_fill(sqlite3_stmt *q, expo_upload_t *out)
{
    expo_status_t st;

    memset(out, 0, sizeof(*out));

    out->epoch = (uint32_t) sqlite3_column_int64(q, 1);
    out->whole = sqlite3_column_type(q, 3) == SQLITE_NULL;
    out->length = (uint64_t) sqlite3_column_int64(q, 4);
    out->received = (uint64_t) sqlite3_column_int64(q, 5);
    out->expires = (uint64_t) sqlite3_column_int64(q, 6);

    st = expo_store_column(q, 0, out->id.b, sizeof(out->id.b));
    if (st == EXPO_OK) {
        st = expo_store_column(q, 2, out->sealed, sizeof(out->sealed));
    }
    if (st == EXPO_OK && !out->whole) {
        st = expo_store_column(q, 3, out->blob.b, sizeof(out->blob.b));
    }
    if (st == EXPO_OK) {
        st = expo_store_column_dup(q, 7, &out->meta, &out->meta_bytes);
    }
    if (st == EXPO_OK) {
        st = expo_store_column_dup(q, 8, &out->tail, &out->tail_bytes);
    }

    if (st != EXPO_OK) {
        expo_store_upload_free(out);
    }

    return st;
}


/* Whether all that this owner has and has begun still fits. */
static expo_status_t
upload_room(expo_store_t *s, const uint8_t *owner)
{
    sqlite3_stmt *q;
    expo_user_t user;
    expo_status_t st;

    st = expo_store_query(s, &q,
                          "SELECT count(*) FROM uploads"
                          " WHERE owner_tag = ? AND blob_id IS NOT NULL",
                          "b", owner, (size_t) EXPO_TAG);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK && sqlite3_column_int64(q, 0) > EXPO_UPLOADS_MAX) {
        st = EXPO_FULL;
    }

    sqlite3_finalize(q);

    if (st == EXPO_OK) {
        st = expo_store_user_locked(s, owner, &user);
    }

    if (st == EXPO_OK && user.used_bytes > user.quota_bytes) {
        st = EXPO_NO_SPACE;
    }

    return st;
}


static expo_status_t
upload_changed(expo_store_t *s)
{
    return sqlite3_changes(s->db) > 0 ? EXPO_OK : EXPO_NOT_FOUND;
}
