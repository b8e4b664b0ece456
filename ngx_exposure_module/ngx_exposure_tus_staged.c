/*
 * Bytes under a checksum, in pool threads: they go to a file without a name,
 * under a key that nobody keeps, and from there into the upload when all of
 * them have come and are right. So a chunk of the upload is sealed once, and
 * what was wrong has never been in it.
 */

#include "ngx_exposure_tus.h"


static expo_status_t ngx_exposure_tus_verify(ngx_exposure_tus_t *t);
static expo_status_t ngx_exposure_tus_move(ngx_exposure_upload_t *u, size_t n,
    ngx_uint_t last);


expo_status_t
ngx_exposure_tus_stage(ngx_exposure_tus_t *t)
{
    u_char                  key[32], salt[32];
    expo_id_t               id;
    expo_status_t           st;
    ngx_exposure_upload_t  *u;

    u = &t->upload;

    t->target = u->blob;
    t->target_file = u->file;
    u->file.fd = -1;
    u->index = 0;
    u->filled = 0;

    u->digest = EVP_MD_CTX_new();

    if (u->digest == NULL
        || EVP_DigestInit_ex(u->digest,
                             t->checksum.algorithm == EXPO_TUS_SHA1
                             ? EVP_sha1() : EVP_sha256(), NULL)
           != 1)
    {
        return EXPO_NO_MEMORY;
    }

    ngx_exposure_random(key, sizeof(key));
    ngx_exposure_random(salt, sizeof(salt));
    ngx_exposure_random(id.b, sizeof(id.b));

    st = expo_vault_blob_new(&u->blob, key, 1, &t->row.id, &id,
                             EXPO_BLOB_ORIGINAL,
                             NGX_EXPOSURE_UPLOAD_CHUNK_LOG2, salt);
    ngx_explicit_memzero(key, sizeof(key));

    if (st == EXPO_OK) {
        st = expo_store_blob_create(u->conf->store, &id, EXPO_BLOB_ORIGINAL,
                                    &u->file);
    }

    if (st != EXPO_OK) {
        u->file.fd = -1;
    }

    return st;
}


expo_status_t
ngx_exposure_tus_unstage(ngx_exposure_tus_t *t)
{
    int                     fd;
    size_t                  n, full;
    uint64_t                i, chunks, left;
    expo_blob_t             staged;
    expo_status_t           st;
    ngx_exposure_upload_t  *u;

    u = &t->upload;

    st = ngx_exposure_tus_verify(t);
    if (st != EXPO_OK) {
        return st;
    }

    fd = u->file.fd;
    staged = u->blob;

    st = expo_vault_blob_length(&staged, u->file.bytes, &left, &chunks);

    u->blob = t->target;
    u->file = t->target_file;
    t->target_file.fd = -1;

    u->seal_index = t->row.received / NGX_EXPOSURE_UPLOAD_CHUNK;

    if (st == EXPO_OK) {
        st = ngx_exposure_tus_tail(t, u->sealing, &u->seal_len);
    }

    full = NGX_EXPOSURE_UPLOAD_CHUNK + EXPO_BLOB_TAG;

    for (i = 0; i < chunks && st == EXPO_OK; i++) {
        n = ngx_min(left, NGX_EXPOSURE_UPLOAD_CHUNK);
        left -= n;

        if (pread(fd, u->filling, n + EXPO_BLOB_TAG,
                  EXPO_BLOB_HEADER + i * full)
            != (ssize_t) (n + EXPO_BLOB_TAG))
        {
            st = EXPO_IO;
            break;
        }

        st = expo_vault_chunk_open(&staged, i, i == chunks - 1, u->filling,
                                   n + EXPO_BLOB_TAG, u->filling);
        if (st != EXPO_OK) {
            break;
        }

        st = ngx_exposure_tus_move(u, n, i == chunks - 1);
    }

    close(fd);
    ngx_explicit_memzero(&staged, sizeof(staged));

    return st;
}


static expo_status_t
ngx_exposure_tus_verify(ngx_exposure_tus_t *t)
{
    u_char                  digest[EVP_MAX_MD_SIZE];
    unsigned                n;
    expo_status_t           st;
    ngx_exposure_upload_t  *u;

    u = &t->upload;

    st = ngx_exposure_upload_seal(u, 1);
    if (st != EXPO_OK) {
        return st;
    }

    if (EVP_DigestFinal_ex(u->digest, digest, &n) != 1) {
        return EXPO_NO_MEMORY;
    }

    EVP_MD_CTX_free(u->digest);
    u->digest = NULL;

    t->mismatch = n != t->checksum.bytes
                  || CRYPTO_memcmp(digest, t->checksum.digest, n) != 0;

    return t->mismatch ? EXPO_INVALID : EXPO_OK;
}


/* n bytes from filling; what does not fill a chunk is left in sealing. */

static expo_status_t
ngx_exposure_tus_move(ngx_exposure_upload_t *u, size_t n, ngx_uint_t last)
{
    size_t         len, room;
    expo_status_t  st;

    room = NGX_EXPOSURE_UPLOAD_CHUNK - u->seal_len;
    len = ngx_min(n, room);

    ngx_memcpy(u->sealing + u->seal_len, u->filling, len);
    u->seal_len += len;

    if (len == n && (len < room || last)) {
        return EXPO_OK;
    }

    st = ngx_exposure_upload_seal(u, 0);

    u->seal_index++;
    u->seal_len = n - len;
    ngx_memcpy(u->sealing, u->filling + len, n - len);

    return st;
}
