/* Configurations: sealed settings and names, a few for each scan. */

#include "lib/store_private.h"

#include <stdlib.h>
#include <string.h>

#define CONFIGURATIONS_MAX 200 /* for one scan */

static expo_status_t configuration_fill(sqlite3_stmt *q,
                                        expo_configuration_t *out);
static expo_status_t configuration_room(expo_store_t *s, const expo_id_t *scan);


void
expo_store_configuration_free(expo_configuration_t *c)
{
    free(c->enc);
    c->enc = NULL;
}


expo_status_t
expo_store_configurations(expo_store_t *s, const expo_id_t *scan,
                          expo_configuration_t **out, size_t *count)
{
    expo_configuration_t *list;
    sqlite3_stmt *q;
    size_t n = 0;
    expo_status_t st;

    list = calloc(CONFIGURATIONS_MAX, sizeof(*list));
    if (list == NULL) {
        return EXPO_NO_MEMORY;
    }

    expo_store_lock(s);

    st = expo_store_query(s, &q,
                          "SELECT id, scan_id, revision, enc"
                          " FROM configurations WHERE scan_id = ?"
                          " ORDER BY rowid LIMIT ?",
                          "bi", scan->b, sizeof(scan->b),
                          (int64_t) CONFIGURATIONS_MAX);

    while (st == EXPO_OK && (st = expo_store_row(s, q)) == EXPO_OK) {
        st = configuration_fill(q, &list[n]);
        n += st == EXPO_OK;
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    if (st != EXPO_NOT_FOUND) {
        while (n > 0) {
            expo_store_configuration_free(&list[--n]);
        }
        free(list);

        return st;
    }

    *out = list;
    *count = n;

    return EXPO_OK;
}


expo_status_t
expo_store_configuration_add(expo_store_t *s, const expo_configuration_t *c,
                             const uint8_t author[EXPO_TAG])
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = configuration_room(s, &c->scan);

    if (st == EXPO_OK) {
        st = expo_store_run(
            s, "INSERT INTO configurations VALUES (?, ?, ?, ?, ?)", "bbbib",
            c->id.b, sizeof(c->id.b), c->scan.b, sizeof(c->scan.b), author,
            (size_t) EXPO_TAG, (int64_t) c->revision, c->enc, c->enc_bytes);
    }

    return expo_store_end(s, st);
}


expo_status_t
expo_store_configuration(expo_store_t *s, const expo_id_t *id,
                         expo_configuration_t *out)
{
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(s, &q,
                          "SELECT id, scan_id, revision, enc"
                          " FROM configurations WHERE id = ?",
                          "b", id->b, sizeof(id->b));
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK) {
        st = configuration_fill(q, out);
    }

    sqlite3_finalize(q);
    expo_store_unlock(s);

    return st;
}


expo_status_t
expo_store_configuration_put(expo_store_t *s, const expo_configuration_t *c)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s,
                        "UPDATE configurations SET revision = ?, enc = ?"
                        " WHERE id = ? AND revision = ?",
                        "ibbi", (int64_t) c->revision, c->enc, c->enc_bytes,
                        c->id.b, sizeof(c->id.b), (int64_t) c->revision - 1);
    if (st == EXPO_OK && sqlite3_changes(s->db) == 0) {
        st = expo_store_exists(s, "SELECT 1 FROM configurations WHERE id = ?",
                               &c->id);
        st = st == EXPO_OK ? EXPO_CONFLICT : st;
    }

    return expo_store_end(s, st);
}


expo_status_t
expo_store_configuration_delete(expo_store_t *s, const expo_id_t *id)
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s, "DELETE FROM configurations WHERE id = ?", "b",
                        id->b, sizeof(id->b));
    if (st == EXPO_OK && sqlite3_changes(s->db) == 0) {
        st = EXPO_NOT_FOUND;
    }

    return expo_store_end(s, st);
}


static expo_status_t
configuration_fill(sqlite3_stmt *q, expo_configuration_t *out)
{
    expo_status_t st;

    memset(out, 0, sizeof(*out));

    out->revision = (uint32_t) sqlite3_column_int64(q, 2);

    st = expo_store_column(q, 0, out->id.b, sizeof(out->id.b));
    if (st == EXPO_OK) {
        st = expo_store_column(q, 1, out->scan.b, sizeof(out->scan.b));
    }
    if (st == EXPO_OK) {
        st = expo_store_column_dup(q, 3, &out->enc, &out->enc_bytes);
    }

    return st;
}


static expo_status_t
configuration_room(expo_store_t *s, const expo_id_t *scan)
{
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_query(s, &q,
                          "SELECT count(*) FROM configurations"
                          " WHERE scan_id = ?",
                          "b", scan->b, sizeof(scan->b));
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }

    if (st == EXPO_OK && sqlite3_column_int64(q, 0) >= CONFIGURATIONS_MAX) {
        st = EXPO_FULL;
    }

    sqlite3_finalize(q);

    return st;
}
