/*
 * Erasing a person (GDPR 17), and the list of what was erased, which a backup
 * is held against when it comes back.
 */

#include "lib/store_private.h"

#include <stdlib.h>
#include <string.h>

static expo_status_t erase_lost(expo_store_t *s, const uint8_t *tag,
                                expo_lost_t **out, size_t *count);
static expo_status_t erase_rows(expo_store_t *s, const uint8_t *tag,
                                const expo_lost_t *lost, size_t count,
                                uint32_t day);
static expo_status_t erase_knows(expo_store_t *s, const expo_erasure_t *e);
static expo_status_t erase_again(expo_store_t *s, const expo_erasure_t *e);


expo_status_t
expo_store_user_erase(expo_store_t *s, const uint8_t tag[EXPO_TAG],
                      uint32_t day, expo_lost_t **lost, size_t *count)
{
    expo_status_t st;

    *lost = NULL;
    *count = 0;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = erase_lost(s, tag, lost, count);

    if (st == EXPO_OK) {
        st = erase_rows(s, tag, *lost, *count, day);
    }

    st = expo_store_end(s, st);

    if (st != EXPO_OK) {
        free(*lost);
        *lost = NULL;
        *count = 0;

        return st;
    }

    /* The salt first: without it no copy of a box or a blob opens again. */
    expo_store_wipe_log(s);
    expo_store_blob_bury(s, NULL);

    return EXPO_OK;
}


expo_status_t
expo_store_account_erase(expo_store_t *s, const uint8_t name_tag[64])
{
    expo_status_t st;

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_run(s, "DELETE FROM accounts WHERE name_tag = ?", "b",
                        name_tag, (size_t) 64);
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
expo_store_erasure_note(expo_store_t *s, const void *what, size_t bytes,
                        uint32_t day)
{
    return expo_store_run(s,
                          "INSERT INTO erasures VALUES (?1, 1, ?2)"
                          " ON CONFLICT DO UPDATE SET times = times + 1,"
                          " day = ?2",
                          "bi", what, bytes, (int64_t) day);
}


expo_status_t
expo_store_erasures(expo_store_t *s, expo_erasure_t **out, size_t *count)
{
    expo_erasure_t *list = NULL, *longer;
    size_t n = 0, room = 0;
    sqlite3_stmt *q;
    expo_status_t st;

    expo_store_lock(s);

    st = expo_store_query(s, &q,
                          "SELECT what, times, day FROM erasures ORDER BY day, "
                          "length(what), what",
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

        memset(&list[n], 0, sizeof(list[n]));
        list[n].bytes = (size_t) sqlite3_column_bytes(q, 0);
        list[n].times = (uint32_t) sqlite3_column_int64(q, 1);
        list[n].day = (uint32_t) sqlite3_column_int64(q, 2);

        if (list[n].bytes != EXPO_TAG && list[n].bytes != sizeof(expo_id_t)) {
            st = EXPO_CORRUPT;
            break;
        }
        st = expo_store_column(q, 0, list[n].what, list[n].bytes);
        n++;
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
expo_store_erase_again(expo_store_t *s, const expo_erasure_t *list,
                       size_t count, uint32_t *again)
{
    expo_status_t st;

    *again = 0;

    for (size_t i = 0; i < count; i++) {
        expo_store_lock(s);
        st = erase_knows(s, &list[i]);
        expo_store_unlock(s);

        if (st == EXPO_OK) {
            continue;
        }

        if (st == EXPO_NOT_FOUND) {
            st = erase_again(s, &list[i]);
        }

        if (st != EXPO_OK) {
            return st;
        }

        ++*again;
    }

    return EXPO_OK;
}


/* The scans that are gone for this user, and for everybody if they own them. */
static expo_status_t
erase_lost(expo_store_t *s, const uint8_t *tag, expo_lost_t **out,
           size_t *count)
{
    expo_lost_t *list;
    size_t n = 0, room;
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_query(s, &q,
                          "SELECT count(*) FROM scan_keys WHERE user_tag = ?",
                          "b", tag, (size_t) EXPO_TAG);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }
    room = st == EXPO_OK ? (size_t) sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);

    if (st != EXPO_OK) {
        return st;
    }

    /* One more, because malloc(0) may be NULL. */
    list = malloc((room + 1) * sizeof(*list));
    if (list == NULL) {
        return EXPO_NO_MEMORY;
    }

    st = expo_store_query(
        s, &q, "SELECT scan_id, role FROM scan_keys WHERE user_tag = ?", "b",
        tag, (size_t) EXPO_TAG);

    while (st == EXPO_OK && (st = expo_store_row(s, q)) == EXPO_OK) {
        st = expo_store_column(q, 0, list[n].scan.b, sizeof(list[n].scan.b));
        list[n].role = (expo_role_t) sqlite3_column_int(q, 1);
        n++;
    }

    sqlite3_finalize(q);

    if (st != EXPO_NOT_FOUND) {
        free(list);
        return st;
    }

    *out = list;
    *count = n;

    return EXPO_OK;
}


static expo_status_t
erase_rows(expo_store_t *s, const uint8_t *tag, const expo_lost_t *lost,
           size_t count, uint32_t day)
{
    static const char *const parts[] = {
        "INSERT INTO blob_gc SELECT blob_id FROM uploads"
        " WHERE owner_tag = ? AND blob_id IS NOT NULL",
        "DELETE FROM uploads WHERE owner_tag = ?",
        "DELETE FROM scan_keys WHERE user_tag = ?",
        /* What they saved on others' scans is the owners' too. */
        "UPDATE configurations SET author_tag = zeroblob(64)"
        " WHERE author_tag = ?",
        "DELETE FROM accounts WHERE sub_tag ="
        " (SELECT account FROM users WHERE tag = ?)",
        "DELETE FROM users WHERE tag = ?"};
    expo_status_t st = EXPO_OK;

    for (size_t i = 0; i < count && st == EXPO_OK; i++) {
        if (lost[i].role == EXPO_ROLE_OWNER) {
            st = expo_store_scan_remove(s, &lost[i].scan, day);
        }
    }

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && st == EXPO_OK;
         i++) {
        st = expo_store_run(s, parts[i], "b", tag, (size_t) EXPO_TAG);
    }

    if (st == EXPO_OK && sqlite3_changes(s->db) == 0) {
        st = EXPO_NOT_FOUND;
    }

    if (st == EXPO_OK) {
        st = expo_store_erasure_note(s, tag, EXPO_TAG, day);
    }

    return st;
}


/* EXPO_OK: this store's own list has it as often. */
static expo_status_t
erase_knows(expo_store_t *s, const expo_erasure_t *e)
{
    sqlite3_stmt *q;
    expo_status_t st;

    st = expo_store_query(
        s, &q, "SELECT 1 FROM erasures WHERE what = ? AND times >= ?", "bi",
        e->what, e->bytes, (int64_t) e->times);
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }
    sqlite3_finalize(q);

    return st;
}


/* Erases it here too, if it is here; the list has it as often afterwards. */
static expo_status_t
erase_again(expo_store_t *s, const expo_erasure_t *e)
{
    expo_lost_t *lost = NULL;
    expo_id_t id;
    size_t count;
    expo_status_t st;

    if (e->bytes == EXPO_TAG) {
        st = expo_store_user_erase(s, e->what, e->day, &lost, &count);
        free(lost);

    } else {
        memcpy(id.b, e->what, sizeof(id.b));
        st = expo_store_scan_delete(s, &id, e->day);
    }

    if (st != EXPO_OK && st != EXPO_NOT_FOUND) {
        return st;
    }

    st = expo_store_begin(s);
    if (st == EXPO_OK) {
        st = expo_store_run(s,
                            "INSERT INTO erasures VALUES (?1, ?2, ?3)"
                            " ON CONFLICT DO UPDATE SET times = ?2, day = ?3",
                            "bii", e->what, e->bytes, (int64_t) e->times,
                            (int64_t) e->day);
        st = expo_store_end(s, st);
    }

    return st;
}
