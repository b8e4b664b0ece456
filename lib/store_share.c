/* Permissions and invitations: keys of scans that are not the user's own. */

#include "lib/store_private.h"

#include <stdlib.h>
#include <string.h>

#define PERMISSION_COLUMNS                                                     \
    "user_tag, pk, role, epoch, sealed, expires_at, since_day, label_id,"      \
    " label_enc"

#define INVITATION_COLUMNS                                                     \
    "id, scan_id, salt, pk, sealed, role, epoch, created_day, expires_at,"     \
    " access_expires_at, label_enc"

static expo_status_t permission_fill(sqlite3_stmt *q, expo_permission_t *out);
static expo_status_t invitation_fill(sqlite3_stmt *q, expo_invitation_t *out);
static expo_status_t invitation_room(expo_store_t *s, const expo_id_t *scan);
static expo_status_t redeem_rows(expo_store_t *s, const expo_invitation_t *i,
                                 const uint8_t tag[EXPO_TAG],
                                 const uint8_t sealed[EXPO_SEALED_KEY],
                                 uint64_t now);
static expo_status_t redeem_had(expo_store_t *s, const expo_id_t *scan,
                                const uint8_t tag[EXPO_TAG], expo_role_t *role,
                                uint64_t *expires_at);
static expo_status_t redeem_insert(expo_store_t *s, const expo_invitation_t *i,
                                   const uint8_t tag[EXPO_TAG],
                                   const uint8_t sealed[EXPO_SEALED_KEY],
                                   uint64_t now);
static expo_status_t share_count(expo_store_t *s, const char *sql,
                                 const expo_id_t *scan, int64_t *count);
static uint64_t share_later(uint64_t a, uint64_t b);


void
expo_store_permission_free(expo_permission_t *p)
{
    free(p->label_enc);
    p->label_enc = NULL;
}


expo_status_t
expo_store_permissions(expo_store_t *s, const expo_id_t *scan, uint64_t now,
                       expo_permission_t **out, size_t *count)
{
    expo_permission_t *list;
    sqlite3_stmt *q;
    size_t n = 0;
    expo_status_t st;

    list = calloc(EXPO_PERMISSIONS_MAX, sizeof(*list));
    if (list == NULL) {
        return EXPO_NO_MEMORY;
    }

    expo_store_lock(s);

    st = expo_store_query(s, &q,
                          "SELECT " PERMISSION_COLUMNS " FROM scan_keys"
                          " JOIN users ON tag = user_tag"
                          " WHERE scan_id = ? AND role <> 1 AND " STORE_GOOD
                          " ORDER BY since_day, user_tag LIMIT ?",
                          "bii", scan->b, sizeof(scan->b), (int64_t) now,
                          (int64_t) EXPO_PERMISSIONS_MAX);

    while (st == EXPO_OK && (st = expo_store_row(s, q)) == EXPO_OK) {
        st = permission_fill(q, &list[n++]);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    if (st != EXPO_NOT_FOUND) {
        while (n > 0) {
            expo_store_permission_free(&list[--n]);
        }
        free(list);

        return st;
    }

    *out = list;
    *count = n;

    return EXPO_OK;
}


expo_status_t
expo_store_permission_put(expo_store_t *s, const expo_id_t *scan,
                          const expo_permission_t *p,
                          const uint8_t was[EXPO_SEALED_KEY])
{
    expo_role_t role;
    uint64_t expires_at;
    expo_status_t st;

    if (p->expires_at > INT64_MAX) {
        return EXPO_INVALID;
    }

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(
        s,
        "UPDATE scan_keys SET role = ?, sealed = ?, expires_at = ?,"
        " label_id = ?, label_enc = ?"
        " WHERE scan_id = ? AND user_tag = ? AND role <> 1 AND sealed = ?",
        "ibibbbbb", (int64_t) p->role, p->sealed, sizeof(p->sealed),
        (int64_t) p->expires_at, p->label_id.b, sizeof(p->label_id.b),
        p->label_enc, p->label_bytes, scan->b, sizeof(scan->b), p->tag,
        sizeof(p->tag), was, (size_t) EXPO_SEALED_KEY);

    if (st == EXPO_OK && sqlite3_changes(s->db) == 0) {
        st = redeem_had(s, scan, p->tag, &role, &expires_at);
        st = st == EXPO_OK ? EXPO_CONFLICT : st;
    }

    st = expo_store_end(s, st);
    if (st == EXPO_OK) {
        expo_store_wipe_log(s);
    }

    return st;
}


expo_status_t
expo_store_permission_delete(expo_store_t *s, const expo_id_t *scan,
                             const uint8_t tag[EXPO_TAG])
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s,
                        "DELETE FROM scan_keys WHERE scan_id = ?"
                        " AND user_tag = ? AND role <> 1",
                        "bb", scan->b, sizeof(scan->b), tag, (size_t) EXPO_TAG);
    if (st == EXPO_OK && sqlite3_changes(s->db) == 0) {
        st = EXPO_NOT_FOUND;
    }

    st = expo_store_end(s, st);
    if (st == EXPO_OK) {
        expo_store_wipe_log(s);
    }

    return st;
}


/* --- invitations --- */

void
expo_store_invitation_free(expo_invitation_t *i)
{
    free(i->label_enc);
    i->label_enc = NULL;
}


expo_status_t
expo_store_invitation_add(expo_store_t *s, const expo_invitation_t *i)
{
    expo_status_t st;

    if (i->expires_at > INT64_MAX || i->access_expires_at > INT64_MAX) {
        return EXPO_INVALID;
    }

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = invitation_room(s, &i->scan);

    if (st == EXPO_OK) {
        st = expo_store_run(
            s,
            "INSERT INTO invitations"
            " SELECT ?, id, ?, ?, ?, ?, epoch, ?, ?, ?, ? FROM scans"
            " WHERE id = ? AND epoch = ?",
            "bbbbiiiibbi", i->id.b, sizeof(i->id.b), i->salt, sizeof(i->salt),
            i->pk, sizeof(i->pk), i->sealed, sizeof(i->sealed),
            (int64_t) i->role, (int64_t) i->created_day,
            (int64_t) i->expires_at, (int64_t) i->access_expires_at,
            i->label_enc, i->label_bytes, i->scan.b, sizeof(i->scan.b),
            (int64_t) i->epoch);
    }

    if (st == EXPO_OK) {
        st = expo_store_scan_changed(s, &i->scan);
    }

    return expo_store_end(s, st);
}


expo_status_t
expo_store_invitation(expo_store_t *s, const expo_id_t *id, uint64_t now,
                      expo_invitation_t *out)
{
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(s, &q,
                          "SELECT " INVITATION_COLUMNS " FROM invitations"
                          " WHERE id = ? AND expires_at > ?",
                          "bi", id->b, sizeof(id->b), (int64_t) now);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK) {
        st = invitation_fill(q, out);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st;
}


expo_status_t
expo_store_invitations(expo_store_t *s, const expo_id_t *scan, uint64_t now,
                       expo_invitation_t **out, size_t *count)
{
    expo_invitation_t *list;
    sqlite3_stmt *q;
    size_t n = 0;
    expo_status_t st;

    list = calloc(EXPO_INVITATIONS_MAX, sizeof(*list));
    if (list == NULL) {
        return EXPO_NO_MEMORY;
    }

    expo_store_lock(s);

    st = expo_store_query(s, &q,
                          "SELECT " INVITATION_COLUMNS " FROM invitations"
                          " WHERE scan_id = ? AND expires_at > ?"
                          " ORDER BY rowid LIMIT ?",
                          "bii", scan->b, sizeof(scan->b), (int64_t) now,
                          (int64_t) EXPO_INVITATIONS_MAX);

    while (st == EXPO_OK && (st = expo_store_row(s, q)) == EXPO_OK) {
        st = invitation_fill(q, &list[n++]);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    if (st != EXPO_NOT_FOUND) {
        while (n > 0) {
            expo_store_invitation_free(&list[--n]);
        }
        free(list);

        return st;
    }

    *out = list;
    *count = n;

    return EXPO_OK;
}


expo_status_t
expo_store_invitation_delete(expo_store_t *s, const expo_id_t *scan,
                             const expo_id_t *id)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s,
                        "DELETE FROM invitations WHERE id = ? AND scan_id = ?",
                        "bb", id->b, sizeof(id->b), scan->b, sizeof(scan->b));
    if (st == EXPO_OK && sqlite3_changes(s->db) == 0) {
        st = EXPO_NOT_FOUND;
    }

    st = expo_store_end(s, st);
    if (st == EXPO_OK) {
        expo_store_wipe_log(s);
    }

    return st;
}


expo_status_t
expo_store_invitation_redeem(expo_store_t *s, const expo_invitation_t *i,
                             const uint8_t tag[EXPO_TAG],
                             const uint8_t sealed[EXPO_SEALED_KEY],
                             uint64_t now)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    /* One use: whoever takes the row out has it. */
    st = expo_store_run(s,
                        "DELETE FROM invitations"
                        " WHERE id = ? AND epoch = ? AND expires_at > ?",
                        "bii", i->id.b, sizeof(i->id.b), (int64_t) i->epoch,
                        (int64_t) now);
    if (st == EXPO_OK && sqlite3_changes(s->db) == 0) {
        st = EXPO_NOT_FOUND;
    }

    if (st == EXPO_OK) {
        st = redeem_rows(s, i, tag, sealed, now);
    }

    st = expo_store_end(s, st);
    if (st == EXPO_OK) {
        expo_store_wipe_log(s);
    }

    return st;
}


expo_status_t
expo_store_share_expire(expo_store_t *s, uint64_t now, int *any)
{
    expo_status_t st;

    st = expo_store_run(s,
                        "DELETE FROM scan_keys"
                        " WHERE expires_at > 0 AND expires_at <= ?",
                        "i", (int64_t) now);
    *any |= st == EXPO_OK && sqlite3_changes(s->db) > 0;

    if (st == EXPO_OK) {
        st = expo_store_run(s, "DELETE FROM invitations WHERE expires_at <= ?",
                            "i", (int64_t) now);
        *any |= st == EXPO_OK && sqlite3_changes(s->db) > 0;
    }

    return st;
}


static expo_status_t
permission_fill(sqlite3_stmt *q, expo_permission_t *out)
{
    expo_status_t st;

    out->role = (expo_role_t) sqlite3_column_int(q, 2);
    out->epoch = (uint32_t) sqlite3_column_int64(q, 3);
    out->expires_at = (uint64_t) sqlite3_column_int64(q, 5);
    out->since_day = (uint32_t) sqlite3_column_int64(q, 6);

    st = expo_store_column(q, 0, out->tag, sizeof(out->tag));
    if (st == EXPO_OK) {
        st = expo_store_column(q, 1, out->pk, sizeof(out->pk));
    }
    if (st == EXPO_OK) {
        st = expo_store_column(q, 4, out->sealed, sizeof(out->sealed));
    }
    if (st == EXPO_OK) {
        st = expo_store_column(q, 7, out->label_id.b, sizeof(out->label_id.b));
    }
    if (st == EXPO_OK) {
        st = expo_store_column_dup(q, 8, &out->label_enc, &out->label_bytes);
    }

    return st;
}


static expo_status_t
invitation_fill(sqlite3_stmt *q, expo_invitation_t *out)
{
    struct {
        int column;
        void *dst;
        size_t bytes;
    } columns[] = {{0, out->id.b, sizeof(out->id.b)},
                   {1, out->scan.b, sizeof(out->scan.b)},
                   {2, out->salt, sizeof(out->salt)},
                   {3, out->pk, sizeof(out->pk)},
                   {4, out->sealed, sizeof(out->sealed)}};
    expo_status_t st = EXPO_OK;

    memset(out, 0, sizeof(*out));

    out->role = (expo_role_t) sqlite3_column_int(q, 5);
    out->epoch = (uint32_t) sqlite3_column_int64(q, 6);
    out->created_day = (uint32_t) sqlite3_column_int64(q, 7);
    out->expires_at = (uint64_t) sqlite3_column_int64(q, 8);
    out->access_expires_at = (uint64_t) sqlite3_column_int64(q, 9);

    for (size_t i = 0; i < 5 && st == EXPO_OK; i++) {
        st = expo_store_column(q, columns[i].column, columns[i].dst,
                               columns[i].bytes);
    }

    if (st == EXPO_OK) {
        st = expo_store_column_dup(q, 10, &out->label_enc, &out->label_bytes);
    }

    return st;
}


/* Expired ones count until the reaper has come by, which is soon. */
static expo_status_t
invitation_room(expo_store_t *s, const expo_id_t *scan)
{
    int64_t n;
    expo_status_t st;

    st = share_count(s, "SELECT count(*) FROM invitations WHERE scan_id = ?",
                     scan, &n);

    return st == EXPO_OK && n >= EXPO_INVITATIONS_MAX ? EXPO_FULL : st;
}


static expo_status_t
redeem_rows(expo_store_t *s, const expo_invitation_t *i,
            const uint8_t tag[EXPO_TAG], const uint8_t sealed[EXPO_SEALED_KEY],
            uint64_t now)
{
    expo_role_t role;
    uint64_t expires_at;
    int any = 0;
    expo_status_t st;

    if (i->access_expires_at != 0 && i->access_expires_at <= now) {
        return EXPO_NOT_FOUND;
    }

    /* What has ended is as good as none. */
    st = expo_store_share_expire(s, now, &any);
    if (st == EXPO_OK) {
        st = redeem_had(s, &i->scan, tag, &role, &expires_at);
    }

    if (st == EXPO_NOT_FOUND) {
        return redeem_insert(s, i, tag, sealed, now);
    }

    if (st != EXPO_OK || role < i->role) {
        return st == EXPO_OK && role == EXPO_ROLE_OWNER ? EXPO_CONFLICT : st;
    }

    /* The same role lasts as long as the longer of the two does. */
    return expo_store_run(
        s,
        "UPDATE scan_keys SET role = ?, sealed = ?, expires_at = ?"
        " WHERE scan_id = ? AND user_tag = ?",
        "ibibb", (int64_t) i->role, sealed, (size_t) EXPO_SEALED_KEY,
        (int64_t) (role == i->role
                       ? share_later(expires_at, i->access_expires_at)
                       : i->access_expires_at),
        i->scan.b, sizeof(i->scan.b), tag, (size_t) EXPO_TAG);
}


static expo_status_t
redeem_had(expo_store_t *s, const expo_id_t *scan, const uint8_t tag[EXPO_TAG],
           expo_role_t *role, uint64_t *expires_at)
{
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_query(s, &q,
                          "SELECT role, expires_at FROM scan_keys"
                          " WHERE scan_id = ? AND user_tag = ?",
                          "bb", scan->b, sizeof(scan->b), tag,
                          (size_t) EXPO_TAG);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK) {
        *role = (expo_role_t) sqlite3_column_int(q, 0);
        *expires_at = (uint64_t) sqlite3_column_int64(q, 1);
    }

    sqlite3_finalize(q);

    return st;
}


static expo_status_t
redeem_insert(expo_store_t *s, const expo_invitation_t *i,
              const uint8_t tag[EXPO_TAG],
              const uint8_t sealed[EXPO_SEALED_KEY], uint64_t now)
{
    int64_t n;
    expo_status_t st;

    st = share_count(
        s, "SELECT count(*) FROM scan_keys WHERE scan_id = ? AND role <> 1",
        &i->scan, &n);

    if (st == EXPO_OK && n >= EXPO_PERMISSIONS_MAX) {
        st = EXPO_FULL;
    }

    if (st != EXPO_OK) {
        return st;
    }

    return expo_store_run(
        s,
        "INSERT INTO scan_keys (scan_id, user_tag, role, epoch, sealed,"
        " expires_at, since_day, label_id, label_enc)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "bbiibiibb", i->scan.b, sizeof(i->scan.b), tag, (size_t) EXPO_TAG,
        (int64_t) i->role, (int64_t) i->epoch, sealed, (size_t) EXPO_SEALED_KEY,
        (int64_t) i->access_expires_at, (int64_t) (now / 86400), i->id.b,
        sizeof(i->id.b), i->label_enc, i->label_bytes);
}


static expo_status_t
share_count(expo_store_t *s, const char *sql, const expo_id_t *scan,
            int64_t *count)
{
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_query(s, &q, sql, "b", scan->b, sizeof(scan->b));
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }
    if (st == EXPO_OK) {
        *count = sqlite3_column_int64(q, 0);
    }
    sqlite3_finalize(q);

    return st;
}


/* 0 is never. */
static uint64_t
share_later(uint64_t a, uint64_t b)
{
    return a == 0 || b == 0 ? 0 : a > b ? a : b;
}
