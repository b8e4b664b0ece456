/* The blocking half of an upload: keys, sealing, the file, the scan's row. */

#include "ngx_exposure_upload.h"


static expo_status_t ngx_exposure_upload_keep(ngx_exposure_upload_t *u);
static expo_status_t ngx_exposure_upload_write(int fd, u_char *p, size_t len,
    off_t offset);


void
ngx_exposure_upload_begin_work(void *data)
{
    ngx_exposure_upload_t *u = data;

    u_char     salt[32], pk[32], sk[32];
    expo_id_t  blob;

    u->st = ngx_exposure_user(u->conf, &u->claims, u->tag, &u->user);
    if (u->st != EXPO_OK) {
        return;
    }

    /* nothing is sealed to a key that somebody has put into the database */

    u->st = expo_vault_user_keys(pk, sk, u->conf->master, u->user.salt,
                                 u->claims.iss, u->claims.sub);
    ngx_explicit_memzero(sk, sizeof(sk));

    if (u->st == EXPO_OK && ngx_memcmp(pk, u->user.pk, sizeof(pk)) != 0) {
        u->st = EXPO_CORRUPT;
    }

    if (u->st != EXPO_OK) {
        return;
    }

    ngx_exposure_random(u->scan.id.b, sizeof(u->scan.id.b));
    ngx_exposure_random(blob.b, sizeof(blob.b));
    ngx_exposure_random(u->dek, sizeof(u->dek));
    ngx_exposure_random(salt, sizeof(salt));

    u->scan.epoch = 1;

    u->st = expo_vault_blob_new(&u->blob, u->dek, u->scan.epoch, &u->scan.id,
                                &blob, EXPO_BLOB_ORIGINAL,
                                NGX_EXPOSURE_UPLOAD_CHUNK_LOG2, salt);
    if (u->st != EXPO_OK) {
        return;
    }

    u->st = expo_store_blob_create(u->conf->store, &blob, EXPO_BLOB_ORIGINAL,
                                   &u->file);
    if (u->st != EXPO_OK) {
        u->file.fd = -1;
        return;
    }

    u->st = ngx_exposure_upload_write(u->file.fd, u->blob.header,
                                      EXPO_BLOB_HEADER, 0);
}


void
ngx_exposure_upload_seal_work(void *data)
{
    ngx_exposure_upload_t *u = data;

    off_t  offset;

    u->st = expo_vault_chunk_seal(&u->blob, u->index, u->last, u->sealing,
                                  u->seal_len, u->sealed);
    if (u->st != EXPO_OK) {
        return;
    }

    offset = EXPO_BLOB_HEADER
             + (off_t) u->index * (NGX_EXPOSURE_UPLOAD_CHUNK + EXPO_BLOB_TAG);

    u->st = ngx_exposure_upload_write(u->file.fd, u->sealed,
                                      u->seal_len + EXPO_BLOB_TAG, offset);
    if (u->st != EXPO_OK) {
        return;
    }

    u->index++;
    u->file.bytes = offset + u->seal_len + EXPO_BLOB_TAG;

    if (u->last) {
        u->st = ngx_exposure_upload_keep(u);
    }
}


/* The scan appears, with its owner's key and all its bytes, or not at all. */

static expo_status_t
ngx_exposure_upload_keep(ngx_exposure_upload_t *u)
{
    json_t         *meta;
    expo_status_t   st;

    u->scan.state = EXPO_SCAN_IMPORTING;
    u->scan.role = EXPO_ROLE_OWNER;
    u->scan.revision = 1;
    u->scan.created_day = (uint32_t) (time(NULL) / 86400);
    u->scan.bytes = (u->file.bytes + 65535) / 65536 * 65536;

    meta = json_pack("{s:s}", "title", "New scan");

    st = ngx_exposure_meta_seal(u->dek, &u->scan.id, "scans", &u->scan.id,
                                u->scan.revision, meta, &u->scan.meta,
                                &u->scan.meta_bytes);

    if (st == EXPO_OK) {
        st = expo_vault_seal_key(u->scan.sealed, u->dek, &u->scan.id, u->tag,
                                 u->scan.epoch, EXPO_ROLE_OWNER, u->user.pk);
    }

    if (st == EXPO_OK) {
        st = expo_store_scan_add(u->conf->store, u->tag, &u->scan, &u->file);
    }

    if (st == EXPO_OK) {
        u->json = ngx_exposure_scan_json(&u->scan, meta);
        json_object_set_new(u->json, "progress",
                            json_pack("{s:s, s:f}", "stage", "waiting",
                                      "fraction", 0.0));
    }

    json_decref(meta);

    return st;
}


static expo_status_t
ngx_exposure_upload_write(int fd, u_char *p, size_t len, off_t offset)
{
    ssize_t  n;

    while (len) {
        n = pwrite(fd, p, len, offset);

        if (n == -1) {
            if (errno == EINTR) {
                continue;
            }

            return (errno == ENOSPC || errno == EDQUOT) ? EXPO_NO_SPACE
                                                        : EXPO_IO;
        }

        p += n;
        len -= n;
        offset += n;
    }

    return EXPO_OK;
}
