/* Users as an operator sees them: numbers, and ids that name nobody. */

#include "lib/store_private.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define PEOPLE_COLUMNS                                                         \
    "SELECT tag, created_day, master_no, state, quota, account IS NOT NULL,"   \
    " (SELECT count(*) FROM scans WHERE owner_tag = tag) FROM users"

static expo_status_t people_fill(expo_store_t *s, sqlite3_stmt *q,
                                 expo_person_t *out);


void
expo_store_user_id(expo_id_t *id, const uint8_t tag[EXPO_TAG])
{
    uint8_t hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(hash, tag, EXPO_TAG);
    memcpy(id->b, hash, sizeof(id->b));
}


expo_status_t
expo_store_people(expo_store_t *s, expo_person_t **out, size_t *count)
{
    expo_person_t *list = NULL, *longer;
    size_t n = 0, room = 0;
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(s, &q, PEOPLE_COLUMNS " ORDER BY created_day, tag",
                          "");

    while (st == EXPO_OK && (st = expo_store_row(s, q)) == EXPO_OK) {
        if (n == room) {
            room = room > 0 ? 2 * room : 64;
            longer = realloc(list, room * sizeof(*list));
            if (longer == NULL) {
                st = EXPO_NO_MEMORY;
                break;
            }
            list = longer;
        }

        st = people_fill(s, q, &list[n]);
        n += st == EXPO_OK;
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    if (st != EXPO_NOT_FOUND) {
        free(list);
        return st;
    }

    *out = list;
    *count = n;

    return EXPO_OK;
}


expo_status_t
expo_store_user_quota(expo_store_t *s, const uint8_t tag[EXPO_TAG],
                      uint64_t bytes)
{
    expo_status_t st;

    if (bytes > INT64_MAX) {
        return EXPO_INVALID;
    }

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s, "UPDATE users SET quota = ? WHERE tag = ?", "ib",
                        (int64_t) bytes, tag, (size_t) EXPO_TAG);
    if (st == EXPO_OK && sqlite3_changes(s->db) == 0) {
        st = EXPO_NOT_FOUND;
    }

    return expo_store_end(s, st);
}


expo_status_t
expo_store_may(expo_store_t *s, const expo_id_t *scan, const expo_id_t *user)
{
    uint8_t tag[EXPO_TAG];
    sqlite3_stmt *q;
    expo_id_t id;
    expo_status_t st;
    int may = 0;

    expo_store_lock(s);

    st = expo_store_exists(s, "SELECT 1 FROM scans WHERE id = ?", scan);
    if (st != EXPO_OK) {
        expo_store_unlock(s);
        return st;
    }

    st = expo_store_query(s, &q,
                          "SELECT user_tag FROM scan_keys"
                          " JOIN users ON tag = user_tag"
                          " LEFT JOIN accounts ON sub_tag = account"
                          " WHERE scan_id = ? AND users.state = 0"
                          " AND coalesce(accounts.state, 0) = 0",
                          "b", scan->b, sizeof(scan->b));

    while (st == EXPO_OK && !may && (st = expo_store_row(s, q)) == EXPO_OK) {
        st = expo_store_column(q, 0, tag, sizeof(tag));

        if (st == EXPO_OK) {
            expo_store_user_id(&id, tag);
            may = memcmp(&id, user, sizeof(id)) == 0;
        }
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st == EXPO_NOT_FOUND ? EXPO_DENIED : st;
}


static expo_status_t
people_fill(expo_store_t *s, sqlite3_stmt *q, expo_person_t *out)
{
    expo_user_t user;
    expo_status_t st;

    st = expo_store_column(q, 0, out->tag, sizeof(out->tag));
    if (st == EXPO_OK) {
        st = expo_store_user_locked(s, out->tag, &user);
    }

    if (st == EXPO_OK) {
        expo_store_user_id(&out->id, out->tag);
        out->created_day = (uint32_t) sqlite3_column_int64(q, 1);
        out->master_no = (uint32_t) sqlite3_column_int64(q, 2);
        out->disabled = sqlite3_column_int(q, 3);
        out->quota_bytes = (uint64_t) sqlite3_column_int64(q, 4);
        out->account = sqlite3_column_int(q, 5);
        out->scans = (uint64_t) sqlite3_column_int64(q, 6);
        out->used_bytes = user.used_bytes;
    }

    sodium_memzero(&user, sizeof(user));

    return st;
}
