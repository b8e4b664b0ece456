/* Scans, and the keys that open them. */

#include "lib/store_private.h"

#include <stdlib.h>
#include <string.h>

#define SCAN_COLUMNS                                                           \
    "scans.id, scans.state, scans.epoch, attempts, revision, created_day,"     \
    " bytes_64k, role, sealed, scans.meta, scan_keys.expires_at"

static expo_status_t scan_fill(sqlite3_stmt *q, expo_scan_t *out);
static expo_status_t scan_quota(expo_store_t *s, const expo_id_t *id);
static expo_status_t scan_finish(expo_store_t *s, const expo_id_t *id,
                                 expo_scan_state_t state, uint64_t units,
                                 uint32_t revision, const uint8_t *meta,
                                 size_t meta_bytes, uint32_t *epoch);
static uint64_t scan_units(uint64_t bytes);


void
expo_store_scan_free(expo_scan_t *scan)
{
    free(scan->meta);
    scan->meta = NULL;
}


expo_status_t
expo_store_scan(expo_store_t *s, const uint8_t tag[EXPO_TAG],
                const expo_id_t *id, uint64_t now, expo_scan_t *out)
{
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(s, &q,
                          "SELECT " SCAN_COLUMNS " FROM scan_keys JOIN scans"
                          " ON scans.id = scan_id"
                          " WHERE scan_id = ? AND user_tag = ? AND " STORE_GOOD,
                          "bbi", id->b, sizeof(id->b), tag, (size_t) EXPO_TAG,
                          (int64_t) now);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK) {
        st = scan_fill(q, out);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st;
}


expo_status_t
expo_store_scans(expo_store_t *s, const uint8_t tag[EXPO_TAG], uint64_t now,
                 expo_scan_t **out, size_t *count)
{
    expo_scan_t *list = NULL, *longer;
    size_t n = 0, room = 0;
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(s, &q,
                          "SELECT " SCAN_COLUMNS " FROM scan_keys JOIN scans"
                          " ON scans.id = scan_id WHERE user_tag = ?"
                          " AND " STORE_GOOD
                          " ORDER BY created_day DESC, scans.rowid DESC",
                          "bi", tag, (size_t) EXPO_TAG, (int64_t) now);

    while (st == EXPO_OK && (st = expo_store_row(s, q)) == EXPO_OK) {
        if (n == room) {
            room = room > 0 ? 2 * room : 16;
            longer = realloc(list, room * sizeof(*list));
            if (longer == NULL) {
                st = EXPO_NO_MEMORY;
                break;
            }
            list = longer;
        }

        st = scan_fill(q, &list[n]);
        n += st == EXPO_OK;
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    if (st != EXPO_NOT_FOUND) {
        while (n > 0) {
            expo_store_scan_free(&list[--n]);
        }
        free(list);

        return st;
    }

    *out = list;
    *count = n;

    return EXPO_OK;
}


expo_status_t
expo_store_scan_add(expo_store_t *s, const uint8_t owner[EXPO_TAG],
                    const expo_scan_t *scan, expo_blob_file_t *original)
{
    expo_status_t st;

    st = expo_store_blob_sync(s, original);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_scan_insert(s, owner, scan, original->bytes);

    if (st == EXPO_OK) {
        st = expo_store_blob_keep(s, original, &scan->id, scan->epoch);
    }

    return expo_store_blob_end(s, st, &original, 1);
}


expo_status_t
expo_store_scan_insert(expo_store_t *s, const uint8_t owner[EXPO_TAG],
                       const expo_scan_t *scan, uint64_t bytes)
{
    const expo_id_t *id = &scan->id;
    expo_status_t st;

    st = expo_store_run(
        s, "INSERT INTO scans VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?)", "bbiiiiib",
        id->b, sizeof(id->b), owner, (size_t) EXPO_TAG, (int64_t) scan->epoch,
        (int64_t) EXPO_SCAN_IMPORTING, (int64_t) scan->revision,
        (int64_t) scan_units(bytes), (int64_t) scan->created_day, scan->meta,
        scan->meta_bytes);

    if (st == EXPO_OK) {
        st = scan_quota(s, id);
    }

    if (st == EXPO_OK) {
        st = expo_store_run(
            s,
            "INSERT INTO scan_keys (scan_id, user_tag, role, epoch, sealed,"
            " since_day) VALUES (?, ?, ?, ?, ?, ?)",
            "bbiibi", id->b, sizeof(id->b), owner, (size_t) EXPO_TAG,
            (int64_t) EXPO_ROLE_OWNER, (int64_t) scan->epoch, scan->sealed,
            sizeof(scan->sealed), (int64_t) scan->created_day);
    }

    return st;
}


expo_status_t
expo_store_scan_ready(expo_store_t *s, const expo_id_t *id,
                      expo_blob_file_t *volume, expo_blob_file_t *thumbnail,
                      uint32_t revision, const uint8_t *meta, size_t meta_bytes)
{
    expo_blob_file_t *files[2] = {volume, thumbnail};
    size_t count = thumbnail != NULL ? 2 : 1;
    uint64_t units = 0;
    uint32_t epoch;
    expo_status_t st;

    for (size_t i = 0; i < count; i++) {
        units += scan_units(files[i]->bytes);

        st = expo_store_blob_sync(s, files[i]);
        if (st != EXPO_OK) {
            return st;
        }
    }

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = scan_finish(s, id, EXPO_SCAN_READY, units, revision, meta, meta_bytes,
                     &epoch);

    if (st == EXPO_OK) {
        st = scan_quota(s, id);
    }

    for (size_t i = 0; i < count && st == EXPO_OK; i++) {
        st = expo_store_blob_keep(s, files[i], id, epoch);
    }

    st = expo_store_blob_end(s, st, files, count);
    if (st == EXPO_OK) {
        expo_store_blob_bury(s, NULL);
    }

    return st;
}


expo_status_t
expo_store_scan_failed(expo_store_t *s, const expo_id_t *id, uint32_t revision,
                       const uint8_t *meta, size_t meta_bytes)
{
    uint32_t epoch;
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = scan_finish(s, id, EXPO_SCAN_FAILED, 0, revision, meta, meta_bytes,
                     &epoch);

    st = expo_store_end(s, st);
    if (st == EXPO_OK) {
        expo_store_blob_bury(s, NULL);
    }

    return st;
}


expo_status_t
expo_store_scan_attempt(expo_store_t *s, const expo_id_t *id,
                        uint32_t *attempts)
{
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s,
                        "UPDATE scans SET attempts = attempts + 1"
                        " WHERE id = ?",
                        "b", id->b, sizeof(id->b));

    if (st == EXPO_OK) {
        st = expo_store_query(s, &q, "SELECT attempts FROM scans WHERE id = ?",
                              "b", id->b, sizeof(id->b));
        if (st == EXPO_OK) {
            st = expo_store_row(s, q);
        }
        if (st == EXPO_OK) {
            *attempts = (uint32_t) sqlite3_column_int64(q, 0);
        }
        sqlite3_finalize(q);
    }

    return expo_store_end(s, st);
}


expo_status_t
expo_store_scan_meta(expo_store_t *s, const expo_id_t *id, uint32_t revision,
                     const uint8_t *meta, size_t meta_bytes)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s,
                        "UPDATE scans SET revision = ?, meta = ?"
                        " WHERE id = ? AND revision = ?",
                        "ibbi", (int64_t) revision, meta, meta_bytes, id->b,
                        sizeof(id->b), (int64_t) revision - 1);
    if (st == EXPO_OK) {
        st = expo_store_scan_changed(s, id);
    }

    return expo_store_end(s, st);
}


expo_status_t
expo_store_scan_delete(expo_store_t *s, const expo_id_t *id, uint32_t day)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_end(s, expo_store_scan_remove(s, id, day));
    if (st != EXPO_OK) {
        return st;
    }

    expo_store_wipe_log(s);
    expo_store_blob_bury(s, NULL);

    return EXPO_OK;
}


expo_status_t
expo_store_scan_remove(expo_store_t *s, const expo_id_t *id, uint32_t day)
{
    static const char *const parts[] = {
        "DELETE FROM scan_keys WHERE scan_id = ?",
        "DELETE FROM invitations WHERE scan_id = ?",
        "DELETE FROM uploads WHERE id = ?",
        "DELETE FROM configurations WHERE scan_id = ?"};
    expo_status_t st = EXPO_OK;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && st == EXPO_OK;
         i++) {
        st = expo_store_run(s, parts[i], "b", id->b, sizeof(id->b));
    }

    if (st == EXPO_OK) {
        st = expo_store_blob_entomb(s, id, 0);
    }

    if (st == EXPO_OK) {
        st = expo_store_run(s, "DELETE FROM scans WHERE id = ?", "b", id->b,
                            sizeof(id->b));
    }

    if (st == EXPO_OK && sqlite3_changes(s->db) == 0) {
        st = EXPO_NOT_FOUND;
    }

    if (st == EXPO_OK) {
        st = expo_store_erasure_note(s, id->b, sizeof(id->b), day);
    }

    return st;
}


static expo_status_t
scan_fill(sqlite3_stmt *q, expo_scan_t *out)
{
    expo_status_t st;

    memset(out, 0, sizeof(*out));

    out->state = (expo_scan_state_t) sqlite3_column_int(q, 1);
    out->epoch = (uint32_t) sqlite3_column_int64(q, 2);
    out->attempts = (uint32_t) sqlite3_column_int64(q, 3);
    out->revision = (uint32_t) sqlite3_column_int64(q, 4);
    out->created_day = (uint32_t) sqlite3_column_int64(q, 5);
    out->bytes = (uint64_t) sqlite3_column_int64(q, 6) * STORE_UNIT;
    out->role = (expo_role_t) sqlite3_column_int(q, 7);
    out->expires_at = (uint64_t) sqlite3_column_int64(q, 10);

    st = expo_store_column(q, 0, out->id.b, sizeof(out->id.b));
    if (st == EXPO_OK) {
        st = expo_store_column(q, 8, out->sealed, sizeof(out->sealed));
    }
    if (st == EXPO_OK) {
        st = expo_store_column_dup(q, 9, &out->meta, &out->meta_bytes);
    }

    return st;
}


/*
 * EXPO_NO_SPACE: with this scan, whose row the transaction has just written,
 * its owner has more than quota or EXPO_SCANS_MAX allow.
 */
static expo_status_t
scan_quota(expo_store_t *s, const expo_id_t *id)
{
    sqlite3_stmt *q;
    uint64_t quota;
    expo_status_t st;

    st = expo_store_query(s, &q,
                          "SELECT (SELECT quota FROM users"
                          " WHERE tag = owner_tag), count(*), sum(bytes_64k)"
                          " FROM scans WHERE owner_tag ="
                          " (SELECT owner_tag FROM scans WHERE id = ?)",
                          "b", id->b, sizeof(id->b));
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK) {
        quota = (uint64_t) sqlite3_column_int64(q, 0);

        if (sqlite3_column_int64(q, 1) > EXPO_SCANS_MAX ||
            (uint64_t) sqlite3_column_int64(q, 2) * STORE_UNIT >
                (quota > 0 ? quota : s->quota)) {
            st = EXPO_NO_SPACE;
        }
    }

    sqlite3_finalize(q);

    return st;
}


/* An import has ended: the row says so and its original becomes a tombstone. */
static expo_status_t
scan_finish(expo_store_t *s, const expo_id_t *id, expo_scan_state_t state,
            uint64_t units, uint32_t revision, const uint8_t *meta,
            size_t meta_bytes, uint32_t *epoch)
{
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_run(s,
                        "UPDATE scans SET state = ?, bytes_64k = ?,"
                        " revision = ?, meta = ?"
                        " WHERE id = ? AND revision = ? AND state = ?",
                        "iiibbii", (int64_t) state, (int64_t) units,
                        (int64_t) revision, meta, meta_bytes, id->b,
                        sizeof(id->b), (int64_t) revision - 1,
                        (int64_t) EXPO_SCAN_IMPORTING);
    if (st == EXPO_OK) {
        st = expo_store_scan_changed(s, id);
    }

    if (st == EXPO_OK) {
        st = expo_store_blob_entomb(s, id, EXPO_BLOB_ORIGINAL);
    }

    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_query(s, &q, "SELECT epoch FROM scans WHERE id = ?", "b",
                          id->b, sizeof(id->b));
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }
    if (st == EXPO_OK) {
        *epoch = (uint32_t) sqlite3_column_int64(q, 0);
    }
    sqlite3_finalize(q);

    return st;
}


expo_status_t
expo_store_scan_changed(expo_store_t *s, const expo_id_t *id)
{
    expo_status_t st;

    if (sqlite3_changes(s->db) > 0) {
        return EXPO_OK;
    }

    st = expo_store_exists(s, "SELECT 1 FROM scans WHERE id = ?", id);

    return st == EXPO_OK ? EXPO_CONFLICT : st;
}


static uint64_t
scan_units(uint64_t bytes)
{
    return bytes / STORE_UNIT + (bytes % STORE_UNIT != 0);
}
