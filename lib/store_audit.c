/*
 * The audit's table. A line is added only after the one that its mac was made
 * after: the mac is asked for without a lock, and when somebody else was first
 * the number is taken and it is asked for again.
 */

#include "lib/store_private.h"

#include <stdlib.h>
#include <string.h>

#define AUDIT_TRIES 64
#define AUDIT_COLUMNS "seq, at, actor, verb, object, outcome, mac"

static expo_status_t audit_fill(sqlite3_stmt *q, expo_audit_line_t *out);
static expo_status_t audit_read(expo_store_t *s, sqlite3_stmt *q,
                                expo_audit_line_t *out, size_t max, size_t *n);


expo_status_t
expo_store_audit_append(expo_store_t *s, expo_keys_t *keys, expo_audit_t *r)
{
    expo_audit_end_t end;
    expo_audit_line_t line;
    expo_status_t st = EXPO_CONFLICT;

    /* Of this process one at a time, so that only processes meet. */
    sqlite3_mutex_enter(s->audit);

    for (int i = 0; i < AUDIT_TRIES && st == EXPO_CONFLICT; i++) {
        st = expo_store_audit_end(s, &end);
        if (st != EXPO_OK) {
            break;
        }

        r->seq = end.seq + 1;

        st = expo_audit_mac(keys, &end, r, line.mac);
        if (st == EXPO_OK) {
            line.record = *r;
            st = expo_store_audit_add(s, &line);
        }
    }

    sqlite3_mutex_leave(s->audit);

    return st == EXPO_CONFLICT ? EXPO_AGAIN : st;
}


expo_status_t
expo_store_audit_end(expo_store_t *s, expo_audit_end_t *end)
{
    sqlite3_stmt *q;
    expo_status_t st;

    memset(end, 0, sizeof(*end));

    expo_store_lock(s);

    st = expo_store_query(s, &q,
                          "SELECT seq, mac FROM audit ORDER BY seq DESC"
                          " LIMIT 1",
                          "");
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK) {
        end->seq = (uint64_t) sqlite3_column_int64(q, 0);
        st = expo_store_column(q, 1, end->mac, sizeof(end->mac));
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st == EXPO_NOT_FOUND ? EXPO_OK : st;
}


expo_status_t
expo_store_audit_add(expo_store_t *s, const expo_audit_line_t *line)
{
    const expo_audit_t *r = &line->record;
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s, "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)",
                        "iibibib", (int64_t) r->seq, (int64_t) r->at, r->actor,
                        sizeof(r->actor), (int64_t) r->verb, r->object.b,
                        sizeof(r->object.b), (int64_t) r->outcome, line->mac,
                        sizeof(line->mac));

    return expo_store_end(s, st);
}


expo_status_t
expo_store_audit_after(expo_store_t *s, uint64_t seq, expo_audit_line_t *out,
                       size_t max, size_t *n)
{
    sqlite3_stmt *q;
    expo_status_t st;

    *n = 0;
    expo_store_lock(s);

    st = expo_store_query(s, &q,
                          "SELECT " AUDIT_COLUMNS " FROM audit WHERE seq > ?"
                          " ORDER BY seq LIMIT ?",
                          "ii", (int64_t) seq, (int64_t) max);
    if (st == EXPO_OK) {
        st = audit_read(s, q, out, max, n);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st;
}


expo_status_t
expo_store_audit_of(expo_store_t *s, const expo_id_t *object,
                    const uint8_t *actor, expo_audit_line_t **out, size_t *n)
{
    sqlite3_stmt *q;
    expo_status_t st;

    *n = 0;
    *out = calloc(EXPO_AUDIT_LINES, sizeof(**out));
    if (*out == NULL) {
        return EXPO_NO_MEMORY;
    }

    expo_store_lock(s);

    if (object != NULL) {
        st = expo_store_query(s, &q,
                              "SELECT " AUDIT_COLUMNS " FROM audit"
                              " WHERE object = ? ORDER BY seq DESC LIMIT ?",
                              "bi", object->b, sizeof(object->b),
                              (int64_t) EXPO_AUDIT_LINES);
    } else {
        st = expo_store_query(s, &q,
                              "SELECT " AUDIT_COLUMNS " FROM audit"
                              " WHERE actor = ? ORDER BY seq DESC LIMIT ?",
                              "bi", actor, (size_t) EXPO_AUDIT_ACTOR,
                              (int64_t) EXPO_AUDIT_LINES);
    }

    if (st == EXPO_OK) {
        st = audit_read(s, q, *out, EXPO_AUDIT_LINES, n);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    if (st != EXPO_OK) {
        free(*out);
        *out = NULL;
    }

    return st;
}


expo_status_t
expo_store_audit_latest(expo_store_t *s, const expo_audit_t *like, uint64_t *at)
{
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(s, &q,
                          "SELECT at FROM audit WHERE actor = ? AND object = ?"
                          " AND verb = ? AND outcome = ?"
                          " ORDER BY seq DESC LIMIT 1",
                          "bbii", like->actor, sizeof(like->actor),
                          like->object.b, sizeof(like->object.b),
                          (int64_t) like->verb, (int64_t) like->outcome);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK) {
        *at = (uint64_t) sqlite3_column_int64(q, 0);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st;
}


static expo_status_t
audit_read(expo_store_t *s, sqlite3_stmt *q, expo_audit_line_t *out, size_t max,
           size_t *n)
{
    expo_status_t st = EXPO_OK;

    while (*n < max && (st = expo_store_row(s, q)) == EXPO_OK) {
        st = audit_fill(q, &out[*n]);
        if (st != EXPO_OK) {
            return st;
        }

        ++*n;
    }

    return st == EXPO_NOT_FOUND ? EXPO_OK : st;
}


static expo_status_t
audit_fill(sqlite3_stmt *q, expo_audit_line_t *out)
{
    expo_audit_t *r = &out->record;
    sqlite3_int64 verb = sqlite3_column_int64(q, 3);
    sqlite3_int64 outcome = sqlite3_column_int64(q, 5);
    expo_status_t st;

    /* A mac is over a byte of each. */
    if (verb < 0 || verb > UINT8_MAX || outcome < 0 || outcome > UINT8_MAX) {
        return EXPO_CORRUPT;
    }

    r->seq = (uint64_t) sqlite3_column_int64(q, 0);
    r->at = (uint64_t) sqlite3_column_int64(q, 1);
    r->verb = (expo_audit_verb_t) verb;
    r->outcome = (expo_audit_outcome_t) outcome;

    st = expo_store_column(q, 2, r->actor, sizeof(r->actor));
    if (st == EXPO_OK) {
        st = expo_store_column(q, 4, r->object.b, sizeof(r->object.b));
    }
    if (st == EXPO_OK) {
        st = expo_store_column(q, 6, out->mac, sizeof(out->mac));
    }

    return st;
}
