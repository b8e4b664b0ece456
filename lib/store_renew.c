/* A scan's rows and files under its next epoch, all or none. */

#include "lib/store_private.h"

static expo_status_t renewal_scan(expo_store_t *s, const expo_scan_t *scan);
static expo_status_t renewal_keys(expo_store_t *s, const expo_renewal_t *r,
                                  uint64_t now);
static expo_status_t renewal_key(expo_store_t *s, const expo_renewal_t *r,
                                 const uint8_t *tag, expo_role_t role,
                                 const uint8_t *sealed);
static expo_status_t renewal_label(expo_store_t *s, const expo_renewal_t *r,
                                   const expo_permission_t *p);
static expo_status_t renewal_configurations(expo_store_t *s,
                                            const expo_renewal_t *r);
static expo_status_t renewal_files(expo_store_t *s, const expo_renewal_t *r);
static expo_status_t renewal_one(expo_store_t *s, expo_status_t st);


expo_status_t
expo_store_scan_renew(expo_store_t *s, const expo_renewal_t *r, uint64_t now)
{
    expo_status_t st;

    for (size_t i = 0; i < r->file_count; i++) {
        st = expo_store_blob_sync(s, r->files[i]);
        if (st != EXPO_OK) {
            return st;
        }
    }

    st = expo_store_begin(s);
    if (st != EXPO_OK) {
        return st;
    }

    st = renewal_scan(s, r->scan);

    if (st == EXPO_OK) {
        st = renewal_keys(s, r, now);
    }

    if (st == EXPO_OK) {
        st = renewal_configurations(s, r);
    }

    if (st == EXPO_OK) {
        st = renewal_files(s, r);
    }

    st = expo_store_blob_end(s, st, r->files, r->file_count);

    if (st == EXPO_OK) {
        expo_store_blob_bury(s, NULL);
        expo_store_wipe_log(s);
    }

    return st;
}


static expo_status_t
renewal_scan(expo_store_t *s, const expo_scan_t *scan)
{
    expo_status_t st;

    st = expo_store_run(
        s,
        "UPDATE scans SET epoch = ?, revision = ?, meta = ?"
        " WHERE id = ? AND epoch = ? AND revision = ? AND state = ?",
        "iibbiii", (int64_t) scan->epoch, (int64_t) scan->revision, scan->meta,
        scan->meta_bytes, scan->id.b, sizeof(scan->id.b),
        (int64_t) scan->epoch - 1, (int64_t) scan->revision - 1,
        (int64_t) EXPO_SCAN_READY);

    return st == EXPO_OK ? expo_store_scan_changed(s, &scan->id) : st;
}


/* Every box there is gets its successor, or nobody does. */
static expo_status_t
renewal_keys(expo_store_t *s, const expo_renewal_t *r, uint64_t now)
{
    const expo_id_t *id = &r->scan->id;
    int any = 0;
    expo_status_t st;

    st = expo_store_share_expire(s, now, &any);

    if (st == EXPO_OK) {
        st = expo_store_run(s, "DELETE FROM invitations WHERE scan_id = ?", "b",
                            id->b, sizeof(id->b));
    }

    if (st == EXPO_OK) {
        st = expo_store_run(s, "DELETE FROM uploads WHERE id = ?", "b", id->b,
                            sizeof(id->b));
    }

    if (st == EXPO_OK) {
        st = renewal_key(s, r, r->owner, EXPO_ROLE_OWNER, r->scan->sealed);
    }

    for (size_t i = 0; i < r->permission_count && st == EXPO_OK; i++) {
        const expo_permission_t *p = &r->permissions[i];

        st = renewal_key(s, r, p->tag, p->role, p->sealed);
        if (st == EXPO_OK) {
            st = renewal_label(s, r, p);
        }
    }

    if (st == EXPO_OK) {
        st = expo_store_exists(s,
                               "SELECT 1 FROM scan_keys JOIN scans ON id ="
                               " scan_id WHERE scan_id = ?"
                               " AND scan_keys.epoch <> scans.epoch",
                               id);
        st = st == EXPO_OK          ? EXPO_CONFLICT
             : st == EXPO_NOT_FOUND ? EXPO_OK
                                    : st;
    }

    return st;
}


static expo_status_t
renewal_key(expo_store_t *s, const expo_renewal_t *r, const uint8_t *tag,
            expo_role_t role, const uint8_t *sealed)
{
    return renewal_one(
        s, expo_store_run(s,
                          "UPDATE scan_keys SET epoch = ?, sealed = ?"
                          " WHERE scan_id = ? AND user_tag = ? AND role = ?",
                          "ibbbi", (int64_t) r->scan->epoch, sealed,
                          (size_t) EXPO_SEALED_KEY, r->scan->id.b,
                          sizeof(r->scan->id.b), tag, (size_t) EXPO_TAG,
                          (int64_t) role));
}


static expo_status_t
renewal_label(expo_store_t *s, const expo_renewal_t *r,
              const expo_permission_t *p)
{
    return renewal_one(
        s, expo_store_run(s,
                          "UPDATE scan_keys SET label_id = ?, label_enc = ?"
                          " WHERE scan_id = ? AND user_tag = ?",
                          "bbbb", p->label_id.b, sizeof(p->label_id.b),
                          p->label_enc, p->label_bytes, r->scan->id.b,
                          sizeof(r->scan->id.b), p->tag, sizeof(p->tag)));
}


/* There is no epoch in these rows: they are counted. */
static expo_status_t
renewal_configurations(expo_store_t *s, const expo_renewal_t *r)
{
    sqlite3_stmt *q;
    expo_status_t st = EXPO_OK;

    for (size_t i = 0; i < r->configuration_count && st == EXPO_OK; i++) {
        const expo_configuration_t *c = &r->configurations[i];

        st = renewal_one(
            s,
            expo_store_run(s,
                           "UPDATE configurations SET revision = ?, enc = ?"
                           " WHERE id = ? AND scan_id = ? AND revision = ?",
                           "ibbbi", (int64_t) c->revision, c->enc, c->enc_bytes,
                           c->id.b, sizeof(c->id.b), r->scan->id.b,
                           sizeof(r->scan->id.b), (int64_t) c->revision - 1));
    }

    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_query(
        s, &q, "SELECT count(*) FROM configurations WHERE scan_id = ?", "b",
        r->scan->id.b, sizeof(r->scan->id.b));
    if (st == EXPO_OK) {
        st = expo_store_row(s, q);
    }
    if (st == EXPO_OK &&
        (size_t) sqlite3_column_int64(q, 0) != r->configuration_count) {
        st = EXPO_CONFLICT;
    }
    sqlite3_finalize(q);

    return st;
}


static expo_status_t
renewal_files(expo_store_t *s, const expo_renewal_t *r)
{
    expo_status_t st;

    st = expo_store_blob_entomb(s, &r->scan->id, 0);

    for (size_t i = 0; i < r->file_count && st == EXPO_OK; i++) {
        st = expo_store_blob_keep(s, r->files[i], &r->scan->id, r->scan->epoch);
    }

    return st;
}


/* Of an update that was to meet one row. */
static expo_status_t
renewal_one(expo_store_t *s, expo_status_t st)
{
    return st == EXPO_OK && sqlite3_changes(s->db) != 1 ? EXPO_CONFLICT : st;
}
