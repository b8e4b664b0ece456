/*
 * A user under another tag: their identity's name has changed, or the master
 * secret that tags are made with.
 */

#include "lib/store_private.h"

#include <stdlib.h>
#include <string.h>

static expo_status_t move_read(expo_store_t *s, const char *sql,
                               const uint8_t *tag, expo_keys_box_t **list,
                               size_t *n, size_t *room);
static expo_status_t move_row(expo_store_t *s, const uint8_t *from,
                              const expo_user_t *to, uint32_t master_no);
static expo_status_t move_key(expo_store_t *s, const uint8_t *from,
                              const uint8_t *to, const expo_keys_box_t *box);
static expo_status_t move_rest(expo_store_t *s, const uint8_t *from,
                               const uint8_t *to);
static expo_status_t move_one(expo_store_t *s, expo_status_t st);


expo_status_t
expo_store_boxes(expo_store_t *s, const uint8_t tag[EXPO_TAG],
                 expo_boxes_t *out)
{
    size_t n = 0, room = 0;
    expo_status_t st;

    memset(out, 0, sizeof(*out));

    expo_store_lock(s);

    st = move_read(s,
                   "SELECT scan_id, epoch, role, sealed FROM scan_keys"
                   " WHERE user_tag = ?",
                   tag, &out->boxes, &n, &room);
    out->keys = n;

    if (st == EXPO_OK) {
        st = move_read(s,
                       "SELECT id, epoch, 1, sealed FROM uploads"
                       " WHERE owner_tag = ?",
                       tag, &out->boxes, &n, &room);
    }
    out->count = n;

    expo_store_unlock(s);

    if (st != EXPO_OK) {
        free(out->boxes);
        memset(out, 0, sizeof(*out));
    }

    return st;
}


expo_status_t
expo_store_user_move(expo_store_t *s, const uint8_t from[EXPO_TAG],
                     const expo_user_t *to, uint32_t master_no,
                     const expo_boxes_t *boxes)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = move_row(s, from, to, master_no);

    for (size_t i = 0; i < boxes->count && st == EXPO_OK; i++) {
        const expo_keys_box_t *box = &boxes->boxes[i];

        st =
            i < boxes->keys
                ? move_key(s, from, to->tag, box)
                : move_one(s, expo_store_run(s,
                                             "UPDATE uploads SET owner_tag = ?,"
                                             " sealed = ?"
                                             " WHERE id = ? AND owner_tag = ?",
                                             "bbbb", to->tag, sizeof(to->tag),
                                             box->sealed, sizeof(box->sealed),
                                             box->scan.b, sizeof(box->scan.b),
                                             from, (size_t) EXPO_TAG));
    }

    if (st == EXPO_OK) {
        st = move_rest(s, from, to->tag);
    }

    st = expo_store_end(s, st);
    if (st == EXPO_OK) {
        expo_store_wipe_log(s);
    }

    return st;
}


expo_status_t
expo_store_masters(expo_store_t *s, expo_masters_t *out)
{
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(
        s, &q,
        "SELECT master_no,"
        " (SELECT count(*) FROM users WHERE users.master_no < meta.master_no),"
        " (SELECT count(*) FROM users),"
        " (SELECT count(*) FROM accounts"
        " WHERE accounts.master_no < meta.master_no),"
        " (SELECT count(*) FROM accounts) FROM meta",
        "");
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK) {
        out->master_no = (uint32_t) sqlite3_column_int64(q, 0);
        out->users_left = (uint64_t) sqlite3_column_int64(q, 1);
        out->users = (uint64_t) sqlite3_column_int64(q, 2);
        out->accounts_left = (uint64_t) sqlite3_column_int64(q, 3);
        out->accounts = (uint64_t) sqlite3_column_int64(q, 4);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st;
}


expo_status_t
expo_store_master_left(expo_store_t *s, uint32_t master_no, uint64_t *users,
                       uint64_t *accounts)
{
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(
        s, &q,
        "SELECT (SELECT count(*) FROM users WHERE master_no = ?1),"
        " (SELECT count(*) FROM accounts WHERE master_no = ?1)",
        "i", (int64_t) master_no);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK) {
        *users = (uint64_t) sqlite3_column_int64(q, 0);
        *accounts = (uint64_t) sqlite3_column_int64(q, 1);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st;
}


expo_status_t
expo_store_master(expo_store_t *s, uint32_t master_no)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    return expo_store_end(s, expo_store_run(s, "UPDATE meta SET master_no = ?",
                                            "i", (int64_t) master_no));
}


static expo_status_t
move_read(expo_store_t *s, const char *sql, const uint8_t *tag,
          expo_keys_box_t **list, size_t *n, size_t *room)
{
    expo_keys_box_t *longer, *box;
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_query(s, &q, sql, "b", tag, (size_t) EXPO_TAG);

    while (st == EXPO_OK && (st = expo_store_row(s, q)) == EXPO_OK) {
        if (*n == *room) {
            *room = *room > 0 ? 2 * *room : 64;
            longer = realloc(*list, *room * sizeof(**list));
            if (longer == NULL) {
                st = EXPO_NO_MEMORY;
                break;
            }
            *list = longer;
        }

        box = &(*list)[*n];
        box->epoch = (uint32_t) sqlite3_column_int64(q, 1);
        box->role = (expo_role_t) sqlite3_column_int(q, 2);

        st = expo_store_column(q, 0, box->scan.b, sizeof(box->scan.b));
        if (st == EXPO_OK) {
            st = expo_store_column(q, 3, box->sealed, sizeof(box->sealed));
        }
        ++*n;
    }

    sqlite3_finalize(q);

    return st == EXPO_NOT_FOUND ? EXPO_OK : st;
}


/* A new row with what was theirs; one that is there already keeps its own. */
static expo_status_t
move_row(expo_store_t *s, const uint8_t *from, const expo_user_t *to,
         uint32_t master_no)
{
    return move_one(
        s, expo_store_run(
               s,
               "INSERT INTO users SELECT ?1, ?2, ?3, ?4, state, quota,"
               " created_day, nullif(?5, zeroblob(64)) FROM users"
               " WHERE tag = ?6"
               " ON CONFLICT DO UPDATE SET"
               " quota = max(users.quota, excluded.quota),"
               " state = max(users.state, excluded.state)"
               " WHERE users.salt = ?2",
               "bbbibb", to->tag, sizeof(to->tag), to->salt, sizeof(to->salt),
               to->pk, sizeof(to->pk), (int64_t) master_no, to->account,
               sizeof(to->account), from, (size_t) EXPO_TAG));
}


/* Who can open a scan under both tags goes on with the stronger role. */
static expo_status_t
move_key(expo_store_t *s, const uint8_t *from, const uint8_t *to,
         const expo_keys_box_t *box)
{
    expo_status_t st;

    st = expo_store_run(s,
                        "DELETE FROM scan_keys WHERE scan_id = ?1"
                        " AND user_tag = ?2 AND role > ?3",
                        "bbi", box->scan.b, sizeof(box->scan.b), to,
                        (size_t) EXPO_TAG, (int64_t) box->role);
    if (st == EXPO_OK) {
        st = expo_store_run(s,
                            "DELETE FROM scan_keys WHERE scan_id = ?1"
                            " AND user_tag = ?2 AND role = ?3 AND EXISTS"
                            " (SELECT 1 FROM scan_keys WHERE scan_id = ?1"
                            " AND user_tag = ?4)",
                            "bbib", box->scan.b, sizeof(box->scan.b), from,
                            (size_t) EXPO_TAG, (int64_t) box->role, to,
                            (size_t) EXPO_TAG);
    }

    if (st == EXPO_OK && sqlite3_changes(s->db) > 0) {
        return EXPO_OK;
    }

    if (st == EXPO_OK) {
        st = move_one(
            s, expo_store_run(s,
                              "UPDATE scan_keys SET user_tag = ?, sealed = ?"
                              " WHERE scan_id = ? AND user_tag = ?"
                              " AND epoch = ? AND role = ?",
                              "bbbbii", to, (size_t) EXPO_TAG, box->sealed,
                              sizeof(box->sealed), box->scan.b,
                              sizeof(box->scan.b), from, (size_t) EXPO_TAG,
                              (int64_t) box->epoch, (int64_t) box->role));
    }

    return st;
}


/* What has no key of its own. A row that still has the old tag came since. */
static expo_status_t
move_rest(expo_store_t *s, const uint8_t *from, const uint8_t *to)
{
    static const char *const parts[] = {
        "UPDATE scans SET owner_tag = ?1 WHERE owner_tag = ?2",
        "UPDATE configurations SET author_tag = ?1 WHERE author_tag = ?2",
        "UPDATE accounts SET sub_tag ="
        " (SELECT account FROM users WHERE tag = ?1)"
        " WHERE sub_tag = (SELECT account FROM users WHERE tag = ?2)"
        " AND (SELECT account FROM users WHERE tag = ?1) IS NOT NULL"
        /* Who has an account of their own there keeps it. */
        " AND NOT EXISTS (SELECT 1 FROM accounts AS own WHERE own.sub_tag ="
        " (SELECT account FROM users WHERE tag = ?1))"};
    expo_status_t st = EXPO_OK;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && st == EXPO_OK;
         i++) {
        st = expo_store_run(s, parts[i], "bb", to, (size_t) EXPO_TAG, from,
                            (size_t) EXPO_TAG);
    }

    if (st == EXPO_OK) {
        st = expo_store_run(s, "DELETE FROM users WHERE tag = ?", "b", from,
                            (size_t) EXPO_TAG);
    }

    /* A key or an upload of the old tag refers to the row that is gone. */
    return st == EXPO_NOT_FOUND ? EXPO_CONFLICT : st;
}


static expo_status_t
move_one(expo_store_t *s, expo_status_t st)
{
    if (st != EXPO_OK) {
        return st;
    }

    return sqlite3_changes(s->db) > 0 ? EXPO_OK : EXPO_CONFLICT;
}
