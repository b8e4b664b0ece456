/* Built-in accounts, and the secrets that make one. */

#include "lib/store_private.h"

#include <string.h>

#define ACCOUNT_COLUMNS                                                        \
    "SELECT name_tag, sub_tag, salt, verifier, sub_sealed, state, recovery,"   \
    " since FROM accounts WHERE "

_Static_assert(sizeof(expo_account_lock_t) == 128, "a recovery's column");

static expo_status_t account_read(expo_store_t *s, const char *sql,
                                  const uint8_t key[64],
                                  expo_account_row_t *out);
static expo_status_t account_columns(sqlite3_stmt *q, expo_account_row_t *out);
static expo_status_t account_insert(expo_store_t *s,
                                    const expo_account_row_t *a);
static size_t account_recovery(const expo_account_row_t *a);


expo_status_t
expo_store_account(expo_store_t *s, const uint8_t name_tag[64],
                   expo_account_row_t *out)
{
    return account_read(s, ACCOUNT_COLUMNS "name_tag = ?", name_tag, out);
}


expo_status_t
expo_store_account_by_sub(expo_store_t *s, const uint8_t sub_tag[64],
                          expo_account_row_t *out)
{
    return account_read(s, ACCOUNT_COLUMNS "sub_tag = ?", sub_tag, out);
}


expo_status_t
expo_store_account_put(expo_store_t *s, const expo_account_row_t *a)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    return expo_store_end(s, account_insert(s, a));
}


expo_status_t
expo_store_account_disable(expo_store_t *s, const uint8_t name_tag[64],
                           int disabled)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s, "UPDATE accounts SET state = ? WHERE name_tag = ?",
                        "ib", (int64_t) (disabled != 0), name_tag, (size_t) 64);
    if (st == EXPO_OK && sqlite3_changes(s->db) == 0) {
        st = EXPO_NOT_FOUND;
    }

    return expo_store_end(s, st);
}


expo_status_t
expo_store_account_change(expo_store_t *s, const expo_account_row_t *before,
                          const expo_account_row_t *after)
{
    const expo_account_lock_t *p = &after->password;
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(
        s,
        "UPDATE accounts SET salt = ?, verifier = ?, sub_sealed = ?,"
        " recovery = ?, since = ?"
        " WHERE name_tag = ? AND verifier = ? AND recovery = ?",
        "bbbbibbb", p->salt, sizeof(p->salt), p->verifier, sizeof(p->verifier),
        p->sub_sealed, sizeof(p->sub_sealed), &after->recovery,
        account_recovery(after), (int64_t) after->since_s, before->name_tag,
        sizeof(before->name_tag), before->password.verifier,
        sizeof(before->password.verifier), &before->recovery,
        account_recovery(before));
    if (st == EXPO_OK && sqlite3_changes(s->db) == 0) {
        st = EXPO_CONFLICT;
    }

    return expo_store_end(s, st);
}


expo_status_t
expo_store_account_move(expo_store_t *s, const uint8_t name_tag[64],
                        const expo_account_row_t *to)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s,
                        "UPDATE users SET account = ?1 WHERE account ="
                        " (SELECT sub_tag FROM accounts WHERE name_tag = ?2)",
                        "bb", to->sub_tag, sizeof(to->sub_tag), name_tag,
                        (size_t) 64);

    if (st == EXPO_OK) {
        st = expo_store_run(
            s,
            "UPDATE accounts SET name_tag = ?, sub_tag = ?, master_no = ?"
            " WHERE name_tag = ?",
            "bbib", to->name_tag, sizeof(to->name_tag), to->sub_tag,
            sizeof(to->sub_tag), (int64_t) to->master_no, name_tag,
            (size_t) 64);
    }

    if (st == EXPO_OK && sqlite3_changes(s->db) == 0) {
        st = EXPO_CONFLICT;
    }

    return expo_store_end(s, st);
}


expo_status_t
expo_store_enrolment_add(expo_store_t *s, const uint8_t hash[32],
                         uint64_t expires_s)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s, "INSERT INTO enrolments VALUES (?, ?)", "bi", hash,
                        (size_t) 32, (int64_t) expires_s);

    return expo_store_end(s, st);
}


expo_status_t
expo_store_enrolment(expo_store_t *s, const uint8_t hash[32], uint64_t now_s)
{
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(
        s, &q, "SELECT 1 FROM enrolments WHERE hash = ? AND expires_at > ?",
        "bi", hash, (size_t) 32, (int64_t) now_s);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st;
}


expo_status_t
expo_store_enrol(expo_store_t *s, const uint8_t hash[32], uint64_t now_s,
                 const expo_account_row_t *a)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    /* Those that nobody came for go with the next that somebody uses. */
    st = expo_store_run(s, "DELETE FROM enrolments WHERE expires_at <= ?", "i",
                        (int64_t) now_s);

    if (st == EXPO_OK) {
        st = expo_store_run(s, "DELETE FROM enrolments WHERE hash = ?", "b",
                            hash, (size_t) 32);
    }

    if (st == EXPO_OK && sqlite3_changes(s->db) == 0) {
        st = EXPO_NOT_FOUND;
    }

    if (st == EXPO_OK) {
        st = account_insert(s, a);
    }

    return expo_store_end(s, st);
}


static expo_status_t
account_insert(expo_store_t *s, const expo_account_row_t *a)
{
    const expo_account_lock_t *p = &a->password;

    return expo_store_run(
        s,
        "INSERT INTO accounts (name_tag, sub_tag, salt, verifier, sub_sealed,"
        " state, recovery, since, master_no) SELECT ?, ?, ?, ?, ?, ?, ?, ?,"
        " coalesce(nullif(?, 0), master_no) FROM meta",
        "bbbbbibii", a->name_tag, sizeof(a->name_tag), a->sub_tag,
        sizeof(a->sub_tag), p->salt, sizeof(p->salt), p->verifier,
        sizeof(p->verifier), p->sub_sealed, sizeof(p->sub_sealed),
        (int64_t) (a->disabled != 0), &a->recovery, account_recovery(a),
        (int64_t) a->since_s, (int64_t) a->master_no);
}


/* Bytes of its column. */
static size_t
account_recovery(const expo_account_row_t *a)
{
    return a->recoverable ? sizeof(a->recovery) : 0;
}


static expo_status_t
account_read(expo_store_t *s, const char *sql, const uint8_t key[64],
             expo_account_row_t *out)
{
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(s, &q, sql, "b", key, (size_t) 64);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }
    if (st == EXPO_OK) {
        st = account_columns(q, out);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st;
}


static expo_status_t
account_columns(sqlite3_stmt *q, expo_account_row_t *out)
{
    struct {
        void *dst;
        size_t bytes;
    } columns[] = {
        {out->name_tag, sizeof(out->name_tag)},
        {out->sub_tag, sizeof(out->sub_tag)},
        {out->password.salt, sizeof(out->password.salt)},
        {out->password.verifier, sizeof(out->password.verifier)},
        {out->password.sub_sealed, sizeof(out->password.sub_sealed)}};
    expo_status_t st = EXPO_OK;

    for (int i = 0; i < 5 && st == EXPO_OK; i++) {
        st = expo_store_column(q, i, columns[i].dst, columns[i].bytes);
    }

    out->disabled = sqlite3_column_int(q, 5);
    out->recoverable = sqlite3_column_bytes(q, 6) > 0;
    out->since_s = (uint64_t) sqlite3_column_int64(q, 7);
    memset(&out->recovery, 0, sizeof(out->recovery));

    if (st == EXPO_OK && out->recoverable) {
        st = expo_store_column(q, 6, &out->recovery, sizeof(out->recovery));
    }

    return st;
}
