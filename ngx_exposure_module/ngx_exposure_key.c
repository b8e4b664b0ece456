/*
 * Users' and scans' keys, and what lies under them. Everything here blocks or
 * takes its time: pool threads only. Keys are wiped where they end.
 */

#include "ngx_exposure_rest.h"

#include <sys/random.h>


#define NGX_EXPOSURE_META_MAX  (1024 * 1024)


static void ngx_exposure_key_link(ngx_exposure_main_conf_t *conf,
    expo_claims_t *claims, expo_user_t *user);
static ngx_uint_t ngx_exposure_key_is_ours(ngx_exposure_main_conf_t *conf,
    expo_claims_t *claims);
static expo_status_t ngx_exposure_key_json(ngx_exposure_meta_t *m,
    u_char key[32]);
static ngx_int_t ngx_exposure_key_read(int fd, u_char *dst, size_t len,
    off_t offset);


void
ngx_exposure_random(void *dst, size_t len)
{
    u_char   *p;
    ssize_t   n;

    for (p = dst; len; p += n, len -= n) {
        n = getrandom(p, len, 0);

        if (n == -1) {
            if (errno != EINTR) {
                ngx_abort();
            }

            n = 0;
        }
    }
}


expo_status_t
ngx_exposure_user(ngx_exposure_main_conf_t *conf, ngx_exposure_who_t *who,
    u_char tag[EXPO_TAG], expo_user_t *user)
{
    expo_status_t  st;

    st = expo_store_user(conf->store, tag, user);

    if (st == EXPO_NOT_FOUND) {
        st = ngx_exposure_former_user(conf, who, tag, user);
    }

    if (st == EXPO_NOT_FOUND) {
        st = ngx_exposure_key_new(conf, who, tag, user);

        if (st != EXPO_OK) {
            return st;
        }

        ngx_exposure_key_link(conf, &who->claims, user);

        st = expo_store_user_add(conf->store, user,
                                 (uint32_t) (time(NULL) / 86400));

        if (st == EXPO_OK || st == EXPO_CONFLICT) {

            /* conflict: another request of the same user was first */
            st = expo_store_user(conf->store, tag, user);
        }
    }

    return st == EXPO_OK ? ngx_exposure_user_enabled(conf, &who->claims, user)
                         : st;
}


expo_status_t
ngx_exposure_key_new(ngx_exposure_main_conf_t *conf, ngx_exposure_who_t *who,
    u_char tag[EXPO_TAG], expo_user_t *user)
{
    expo_status_t     st;
    expo_keys_user_t  u;

    ngx_memzero(user, sizeof(expo_user_t));
    user->master_no = conf->master_no;
    ngx_exposure_random(user->salt, sizeof(user->salt));
    ngx_exposure_key_user(&u, who, user);

    st = expo_keys_user(conf->keys, &u, user->tag, user->pk);

    return st == EXPO_OK && ngx_memcmp(user->tag, tag, EXPO_TAG) != 0
           ? EXPO_CORRUPT : st;
}


void
ngx_exposure_key_user(expo_keys_user_t *u, ngx_exposure_who_t *who,
    expo_user_t *user)
{
    u->token = (char *) who->token.data;
    u->token_bytes = who->token.len;
    u->salt = user->salt;
}


void
ngx_exposure_key_box(expo_keys_box_t *box, expo_scan_t *scan)
{
    box->scan = scan->id;
    box->epoch = scan->epoch;
    box->role = scan->role;
    ngx_memcpy(box->sealed, scan->sealed, EXPO_SEALED_KEY);
}


/* Whose account a new user's is, for an operator who knows its name only. */

static void
ngx_exposure_key_link(ngx_exposure_main_conf_t *conf, expo_claims_t *claims,
    expo_user_t *user)
{
    expo_account_row_t  row;

    if (ngx_exposure_key_is_ours(conf, claims)
        && ngx_exposure_former_account(conf, claims->sub, &row) == EXPO_OK)
    {
        ngx_memcpy(user->account, row.sub_tag, sizeof(user->account));
        ngx_explicit_memzero(&row, sizeof(row));
    }
}


/* Who disables an account means now, not when its last token has ended. */

expo_status_t
ngx_exposure_user_enabled(ngx_exposure_main_conf_t *conf,
    expo_claims_t *claims, expo_user_t *user)
{
    expo_status_t       st;
    expo_account_row_t  row;

    if (user->disabled) {
        return EXPO_DENIED;
    }

    if (!ngx_exposure_key_is_ours(conf, claims)) {
        return EXPO_OK;
    }

    st = ngx_exposure_former_account(conf, claims->sub, &row);

    if (st == EXPO_NOT_FOUND) {

        /* a subject that the operator signs for without an account */
        return EXPO_OK;
    }

    if (st == EXPO_OK && row.disabled) {
        st = EXPO_DENIED;
    }

    ngx_explicit_memzero(&row, sizeof(row));

    return st;
}


/* Another issuer's subject may be spelled like one of ours. */

static ngx_uint_t
ngx_exposure_key_is_ours(ngx_exposure_main_conf_t *conf, expo_claims_t *claims)
{
    return conf->accounts
           && conf->issuer.len == ngx_strlen(claims->iss)
           && ngx_memcmp(conf->issuer.data, claims->iss, conf->issuer.len)
              == 0;
}


expo_status_t
ngx_exposure_scan_lease(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, expo_user_t *user, expo_scan_t *scan,
    expo_lease_t *lease)
{
    expo_status_t  st, status;

    st = ngx_exposure_scan_leases(conf, who, user, scan, 1, lease, &status);

    return st == EXPO_OK ? status : st;
}


expo_status_t
ngx_exposure_scan_leases(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, expo_user_t *user, expo_scan_t *scans, size_t n,
    expo_lease_t *leases, expo_status_t *statuses)
{
    size_t            i, done, some;
    expo_status_t     st;
    expo_keys_box_t   boxes[EXPO_KEYS_BATCH];
    expo_keys_user_t  u;

    ngx_exposure_key_user(&u, who, user);
    st = EXPO_OK;

    for (done = 0; done < n && st == EXPO_OK; done += some) {
        some = ngx_min(n - done, EXPO_KEYS_BATCH);

        for (i = 0; i < some; i++) {
            ngx_exposure_key_box(&boxes[i], &scans[done + i]);
        }

        st = expo_keys_unlock(conf->keys, &u, boxes, some, leases + done,
                              statuses + done);
    }

    return st;
}


expo_status_t
ngx_exposure_scan_create(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, expo_user_t *user, expo_scan_t *scan,
    expo_lease_t *lease)
{
    expo_status_t     st;
    expo_keys_box_t   box;
    expo_keys_user_t  u;

    ngx_exposure_key_user(&u, who, user);
    ngx_exposure_key_box(&box, scan);

    st = expo_keys_create(conf->keys, &u, &box, lease);

    if (st == EXPO_OK) {
        ngx_memcpy(scan->sealed, box.sealed, EXPO_SEALED_KEY);
    }

    return st;
}


expo_status_t
ngx_exposure_meta_key(ngx_exposure_main_conf_t *conf, expo_lease_t *lease,
    const char *table, expo_id_t *row, uint32_t revision,
    u_char salt[EXPO_META_SALT], u_char key[32])
{
    expo_status_t     st;
    expo_keys_meta_t  meta;

    meta.lease = lease;
    meta.table = table;
    meta.row = *row;
    meta.revision = revision;
    ngx_memcpy(meta.salt, salt, EXPO_META_SALT);

    st = expo_keys_meta(conf->keys, &meta, 1);

    if (st == EXPO_OK) {
        st = meta.status;
    }

    if (st == EXPO_OK) {
        ngx_memcpy(key, meta.key, sizeof(meta.key));
    }

    ngx_explicit_memzero(&meta, sizeof(meta));

    return st;
}


expo_status_t
ngx_exposure_meta_seal(ngx_exposure_main_conf_t *conf, expo_lease_t *lease,
    const char *table, expo_id_t *row, uint32_t revision, json_t *json,
    u_char **dst, size_t *len)
{
    char           *text;
    u_char          salt[EXPO_META_SALT], key[32];
    size_t          n;
    expo_status_t   st;

    text = json_dumps(json, JSON_COMPACT);
    if (text == NULL) {
        return EXPO_NO_MEMORY;
    }

    n = ngx_strlen(text);
    *len = n + EXPO_META_SALT + EXPO_BLOB_TAG;
    *dst = malloc(*len);

    if (*dst == NULL) {
        st = EXPO_NO_MEMORY;
        goto done;
    }

    ngx_exposure_random(salt, sizeof(salt));

    st = ngx_exposure_meta_key(conf, lease, table, row, revision, salt, key);

    if (st == EXPO_OK) {
        st = expo_vault_meta_seal(*dst, key, salt, (u_char *) text, n);
    }

    if (st != EXPO_OK) {
        free(*dst);
        *dst = NULL;
    }

done:

    ngx_explicit_memzero(key, sizeof(key));
    ngx_explicit_memzero(text, n);
    free(text);

    return st;
}


expo_status_t
ngx_exposure_meta_open(ngx_exposure_main_conf_t *conf, expo_lease_t *lease,
    const char *table, expo_id_t *row, uint32_t revision, u_char *src,
    size_t len, json_t **json)
{
    expo_status_t        st;
    ngx_exposure_meta_t  meta;

    meta.lease = lease;
    meta.table = table;
    meta.row = row;
    meta.revision = revision;
    meta.src = src;
    meta.len = len;

    st = ngx_exposure_metas_open(conf, &meta, 1);
    *json = meta.json;

    return st == EXPO_OK && meta.json == NULL ? EXPO_CORRUPT : st;
}


expo_status_t
ngx_exposure_metas_open(ngx_exposure_main_conf_t *conf,
    ngx_exposure_meta_t *metas, size_t n)
{
    size_t                i, some;
    expo_status_t         st;
    expo_keys_meta_t      keys[EXPO_KEYS_BATCH];
    ngx_exposure_meta_t  *m, *of[EXPO_KEYS_BATCH];

    st = EXPO_OK;
    some = 0;

    for (m = metas; m < metas + n; m++) {
        m->json = NULL;
    }

    for (m = metas; m < metas + n && st == EXPO_OK; m++) {

        if (m->lease && m->len >= EXPO_META_SALT + EXPO_BLOB_TAG
            && m->len <= NGX_EXPOSURE_META_MAX)
        {
            keys[some].lease = m->lease;
            keys[some].table = m->table;
            keys[some].row = *m->row;
            keys[some].revision = m->revision;
            ngx_memcpy(keys[some].salt, m->src, EXPO_META_SALT);
            of[some++] = m;
        }

        if (some == 0 || (some < EXPO_KEYS_BATCH && m + 1 < metas + n)) {
            continue;
        }

        st = expo_keys_meta(conf->keys, keys, some);

        for (i = 0; i < some && st == EXPO_OK; i++) {
            if (keys[i].status == EXPO_OK) {
                st = ngx_exposure_key_json(of[i], keys[i].key);
            }
        }

        some = 0;
    }

    ngx_explicit_memzero(keys, sizeof(keys));

    return st;
}


static expo_status_t
ngx_exposure_key_json(ngx_exposure_meta_t *m, u_char key[32])
{
    u_char  *text;
    size_t   n;

    n = m->len - EXPO_META_SALT - EXPO_BLOB_TAG;

    text = malloc(n + 1);
    if (text == NULL) {
        return EXPO_NO_MEMORY;
    }

    if (expo_vault_meta_open(text, key, m->src, m->len) == EXPO_OK) {
        m->json = json_loadb((char *) text, n, 0, NULL);

        if (!json_is_object(m->json)) {
            json_decref(m->json);
            m->json = NULL;
        }
    }

    ngx_explicit_memzero(text, n);
    free(text);

    return EXPO_OK;
}


expo_status_t
ngx_exposure_scan_meta(ngx_exposure_main_conf_t *conf, expo_lease_t *lease,
    expo_scan_t *scan, json_t **meta)
{
    return ngx_exposure_meta_open(conf, lease, "scans", &scan->id,
                                  scan->revision, scan->meta,
                                  scan->meta_bytes, meta);
}


expo_status_t
ngx_exposure_blob_open(ngx_exposure_main_conf_t *conf, expo_id_t *scan,
    expo_lease_t *lease, expo_blob_kind_t kind, int *fd, uint64_t *bytes,
    expo_blob_t *blob)
{
    u_char         header[EXPO_BLOB_HEADER];
    expo_id_t      id;
    expo_status_t  st;

    st = expo_store_blob_open(conf->store, scan, kind, &id, fd, bytes);
    if (st != EXPO_OK) {
        return st;
    }

    if (ngx_exposure_key_read(*fd, header, sizeof(header), 0) != NGX_OK) {
        st = EXPO_CORRUPT;

    } else {
        st = expo_keys_blob_open(conf->keys, lease, header, &id, kind, blob);
    }

    if (st != EXPO_OK) {
        close(*fd);
        *fd = -1;
    }

    return st;
}


expo_status_t
ngx_exposure_blob_read(int fd, uint64_t bytes, expo_blob_t *blob, size_t max,
    u_char **dst, size_t *len)
{
    u_char         *sealed;
    size_t          chunk, n, done;
    uint64_t        plain, chunks, i;
    expo_status_t   st;

    st = expo_vault_blob_length(blob, bytes, &plain, &chunks);
    if (st != EXPO_OK) {
        return st;
    }

    if (plain > max) {
        return EXPO_TOO_LARGE;
    }

    chunk = expo_vault_blob_chunk(blob);
    sealed = malloc(chunk + EXPO_BLOB_TAG);
    *dst = malloc(plain + 1);

    if (sealed == NULL || *dst == NULL) {
        st = EXPO_NO_MEMORY;
    }

    done = 0;

    for (i = 0; i < chunks && st == EXPO_OK; i++) {
        n = ngx_min(chunk, plain - done);

        if (ngx_exposure_key_read(fd, sealed, n + EXPO_BLOB_TAG,
                                  EXPO_BLOB_HEADER
                                  + i * (chunk + EXPO_BLOB_TAG))
            != NGX_OK)
        {
            st = EXPO_CORRUPT;
            break;
        }

        st = expo_vault_chunk_open(blob, i, i == chunks - 1, sealed,
                                   n + EXPO_BLOB_TAG, *dst + done);
        done += n;
    }

    free(sealed);

    if (st != EXPO_OK) {

        /* the chunks before the damaged one are plain */

        if (*dst) {
            ngx_explicit_memzero(*dst, plain);
        }

        free(*dst);
        *dst = NULL;
        return st;
    }

    *len = plain;

    return EXPO_OK;
}


static ngx_int_t
ngx_exposure_key_read(int fd, u_char *dst, size_t len, off_t offset)
{
    ssize_t  n;

    while (len) {
        n = pread(fd, dst, len, offset);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return NGX_ERROR;
        }

        dst += n;
        len -= n;
        offset += n;
    }

    return NGX_OK;
}
