/* Users. */

#include "lib/store_private.h"

#include <string.h>

static expo_status_t user_erased(expo_store_t *s, const uint8_t *tag,
                                 uint32_t day);


expo_status_t
expo_store_user(expo_store_t *s, const uint8_t tag[EXPO_TAG], expo_user_t *out)
{
    expo_status_t st;

    expo_store_lock(s);
    st = expo_store_user_locked(s, tag, out);
    expo_store_unlock(s);

    return st;
}


expo_status_t
expo_store_user_locked(expo_store_t *s, const uint8_t tag[EXPO_TAG],
                       expo_user_t *out)
{
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_query(
        s, &q,
        "SELECT salt, pk, quota, state, account, master_no, created_day, "
        "(SELECT "
        "coalesce(sum(bytes_64k), 0)"
        " FROM scans WHERE owner_tag = tag)"
        " + (SELECT coalesce(sum(length / 65536 + (length % 65536 > 0)), 0)"
        " FROM uploads WHERE owner_tag = tag AND blob_id IS NOT NULL)"
        " FROM users WHERE tag = ?",
        "b", tag, (size_t) EXPO_TAG);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK) {
        memcpy(out->tag, tag, EXPO_TAG);
        st = expo_store_column(q, 0, out->salt, sizeof(out->salt));
    }

    if (st == EXPO_OK) {
        st = expo_store_column(q, 1, out->pk, sizeof(out->pk));
        out->quota_bytes = (uint64_t) sqlite3_column_int64(q, 2);
        if (out->quota_bytes == 0) {
            out->quota_bytes = s->quota;
        }
        out->disabled = sqlite3_column_int(q, 3);
        out->used_bytes = (uint64_t) sqlite3_column_int64(q, 7) * STORE_UNIT;
        out->created_day = (uint32_t) sqlite3_column_int64(q, 6);
        out->master_no = (uint32_t) sqlite3_column_int64(q, 5);
        memset(out->account, 0, sizeof(out->account));
    }

    if (st == EXPO_OK && sqlite3_column_type(q, 4) != SQLITE_NULL) {
        st = expo_store_column(q, 4, out->account, sizeof(out->account));
    }

    sqlite3_finalize(q);

    return st;
}


expo_status_t
expo_store_user_add(expo_store_t *s, const expo_user_t *u, uint32_t day)
{
    expo_status_t st;

    if (u->quota_bytes > INT64_MAX) {
        return EXPO_INVALID;
    }

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = user_erased(s, u->tag, day);

    if (st == EXPO_OK) {
        st = expo_store_run(
            s,
            "INSERT INTO users SELECT ?, ?, ?,"
            " coalesce(nullif(?, 0), master_no), ?, ?, ?,"
            " nullif(?, zeroblob(64)) FROM meta",
            "bbbiiiib", u->tag, sizeof(u->tag), u->salt, sizeof(u->salt), u->pk,
            sizeof(u->pk), (int64_t) u->master_no, (int64_t) (u->disabled != 0),
            (int64_t) u->quota_bytes, (int64_t) day, u->account,
            sizeof(u->account));
    }

    return expo_store_end(s, st);
}


expo_status_t
expo_store_user_of(expo_store_t *s, const uint8_t account[64],
                   uint8_t tag[EXPO_TAG])
{
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(s, &q, "SELECT tag FROM users WHERE account = ?", "b",
                          account, (size_t) 64);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }
    if (st == EXPO_OK) {
        st = expo_store_column(q, 0, tag, EXPO_TAG);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st;
}


expo_status_t
expo_store_users_each(expo_store_t *s,
                      int (*see)(void *data, const uint8_t tag[EXPO_TAG]),
                      void *data)
{
    uint8_t tag[EXPO_TAG];
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(s, &q, "SELECT tag FROM users", "");

    while (st == EXPO_OK && (st = expo_store_row(s, q)) == EXPO_OK) {
        st = expo_store_column(q, 0, tag, sizeof(tag));

        if (st == EXPO_OK && !see(data, tag)) {
            st = EXPO_NOT_FOUND;
        }
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st == EXPO_NOT_FOUND ? EXPO_OK : st;
}


/* EXPO_DENIED: not before another day. */
static expo_status_t
user_erased(expo_store_t *s, const uint8_t *tag, uint32_t day)
{
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_query(s, &q,
                          "SELECT 1 FROM erasures WHERE what = ? AND day >= ?",
                          "bi", tag, (size_t) EXPO_TAG, (int64_t) day);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }
    sqlite3_finalize(q);

    if (st == EXPO_NOT_FOUND) {
        return EXPO_OK;
    }

    return st == EXPO_OK ? EXPO_DENIED : st;
}
