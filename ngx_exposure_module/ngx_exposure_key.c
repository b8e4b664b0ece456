/*
 * Users' and scans' keys, and what lies under them. Everything here blocks or
 * takes its time: pool threads only. Keys are wiped where they end.
 */

#include "ngx_exposure_rest.h"

#include <sys/random.h>


#define NGX_EXPOSURE_META_MAX  (1024 * 1024)


static expo_status_t ngx_exposure_key_account(ngx_exposure_main_conf_t *conf,
    expo_claims_t *claims);
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
ngx_exposure_user(ngx_exposure_main_conf_t *conf, expo_claims_t *claims,
    u_char tag[EXPO_TAG], expo_user_t *user)
{
    u_char         sk[32];
    expo_status_t  st;

    st = expo_store_user(conf->store, tag, user);

    if (st == EXPO_NOT_FOUND) {
        ngx_memzero(user, sizeof(expo_user_t));
        ngx_memcpy(user->tag, tag, EXPO_TAG);
        ngx_exposure_random(user->salt, sizeof(user->salt));

        st = expo_vault_user_keys(user->pk, sk, conf->master, user->salt,
                                  claims->iss, claims->sub);
        ngx_explicit_memzero(sk, sizeof(sk));

        if (st != EXPO_OK) {
            return st;
        }

        st = expo_store_user_add(conf->store, user,
                                 (uint32_t) (time(NULL) / 86400));

        if (st == EXPO_OK || st == EXPO_CONFLICT) {

            /* conflict: another request of the same user was first */
            st = expo_store_user(conf->store, tag, user);
        }
    }

    if (st == EXPO_OK && conf->signing_pem.len) {
        st = ngx_exposure_key_account(conf, claims);
    }

    if (st != EXPO_OK) {
        return st;
    }

    return user->disabled ? EXPO_DENIED : EXPO_OK;
}


/* Who disables an account means now, not when its last token has ended. */

static expo_status_t
ngx_exposure_key_account(ngx_exposure_main_conf_t *conf, expo_claims_t *claims)
{
    u_char              sub_tag[64];
    expo_status_t       st;
    expo_account_row_t  row;

    st = expo_account_sub_tag(sub_tag, conf->master, claims->sub);

    if (st == EXPO_OK) {
        st = expo_store_account_by_sub(conf->store, sub_tag, &row);
    }

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


expo_status_t
ngx_exposure_scan_dek(ngx_exposure_main_conf_t *conf, expo_claims_t *claims,
    expo_user_t *user, expo_scan_t *scan, u_char dek[32])
{
    u_char         pk[32], sk[32];
    expo_status_t  st;

    st = expo_vault_user_keys(pk, sk, conf->master, user->salt, claims->iss,
                              claims->sub);

    if (st == EXPO_OK) {
        st = expo_vault_open_key(dek, scan->sealed, &scan->id, user->tag,
                                 scan->epoch, scan->role, pk, sk);
    }

    ngx_explicit_memzero(sk, sizeof(sk));

    return st;
}


expo_status_t
ngx_exposure_scan_key(ngx_exposure_main_conf_t *conf, expo_claims_t *claims,
    u_char tag[EXPO_TAG], expo_id_t *id, expo_scan_t *scan, u_char dek[32])
{
    expo_user_t    user;
    expo_status_t  st;

    st = ngx_exposure_user(conf, claims, tag, &user);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_scan(conf->store, tag, id, (uint64_t) time(NULL), scan);
    if (st != EXPO_OK) {
        return st;
    }

    st = ngx_exposure_scan_dek(conf, claims, &user, scan, dek);

    if (st != EXPO_OK) {
        expo_store_scan_free(scan);
    }

    return st;
}


expo_status_t
ngx_exposure_meta_seal(u_char dek[32], expo_id_t *scan, const char *table,
    expo_id_t *row, uint32_t revision, json_t *json, u_char **dst, size_t *len)
{
    char           *text;
    u_char          salt[EXPO_META_SALT];
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

    st = expo_vault_meta_seal(*dst, dek, scan, table, row, revision, salt,
                              (u_char *) text, n);
    if (st != EXPO_OK) {
        free(*dst);
        *dst = NULL;
    }

done:

    ngx_explicit_memzero(text, n);
    free(text);

    return st;
}


expo_status_t
ngx_exposure_meta_open(u_char dek[32], expo_id_t *scan, const char *table,
    expo_id_t *row, uint32_t revision, u_char *src, size_t len, json_t **json)
{
    u_char         *text;
    size_t          n;
    expo_status_t   st;

    if (len < EXPO_META_SALT + EXPO_BLOB_TAG || len > NGX_EXPOSURE_META_MAX) {
        return EXPO_CORRUPT;
    }

    n = len - EXPO_META_SALT - EXPO_BLOB_TAG;

    text = malloc(n + 1);
    if (text == NULL) {
        return EXPO_NO_MEMORY;
    }

    st = expo_vault_meta_open(text, dek, scan, table, row, revision, src, len);

    if (st == EXPO_OK) {
        *json = json_loadb((char *) text, n, 0, NULL);

        if (!json_is_object(*json)) {
            json_decref(*json);
            st = EXPO_CORRUPT;
        }
    }

    ngx_explicit_memzero(text, n);
    free(text);

    return st;
}


expo_status_t
ngx_exposure_scan_meta(u_char dek[32], expo_scan_t *scan, json_t **meta)
{
    expo_status_t  st;

    st = ngx_exposure_meta_open(dek, &scan->id, "scans", &scan->id,
                                scan->revision, scan->meta, scan->meta_bytes,
                                meta);
    if (st != EXPO_OK) {
        *meta = NULL;
    }

    return st;
}


expo_status_t
ngx_exposure_blob_open(ngx_exposure_main_conf_t *conf, expo_id_t *scan,
    u_char dek[32], expo_blob_kind_t kind, int *fd, uint64_t *bytes,
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
        st = expo_vault_blob_open(blob, header, dek, scan, &id, kind);
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
