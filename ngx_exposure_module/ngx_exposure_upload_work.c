/* The blocking half of uploads: keys, sealing, files. */

#include "ngx_exposure_upload.h"


expo_status_t
ngx_exposure_upload_user(ngx_exposure_upload_t *u)
{
    expo_status_t  st;

    st = ngx_exposure_access(u->conf, u->rule, &u->who, u->tag, &u->scan.id,
                             &u->found);
    if (st != EXPO_OK) {
        u->detail = u->found.why;
    }

    return st;
}


expo_status_t
ngx_exposure_upload_new(ngx_exposure_upload_t *u)
{
    expo_id_t      blob;
    expo_status_t  st;

    ngx_exposure_random(u->scan.id.b, sizeof(u->scan.id.b));
    ngx_exposure_random(blob.b, sizeof(blob.b));

    u->scan.epoch = 1;
    u->scan.role = EXPO_ROLE_OWNER;

    st = ngx_exposure_scan_create(u->conf, &u->who, &u->found.user, &u->scan,
                                  &u->lease);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_keys_blob_new(u->conf->keys, &u->lease, &blob,
                            EXPO_BLOB_ORIGINAL,
                            NGX_EXPOSURE_UPLOAD_CHUNK_LOG2, &u->blob);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_blob_create(u->conf->store, &blob, EXPO_BLOB_ORIGINAL,
                                &u->file);
    if (st != EXPO_OK) {
        u->file.fd = -1;
        return st;
    }

    u->file.bytes = EXPO_BLOB_HEADER;

    return ngx_exposure_upload_write(u->file.fd, u->blob.header,
                                     EXPO_BLOB_HEADER, 0);
}


expo_status_t
ngx_exposure_upload_seal(ngx_exposure_upload_t *u, ngx_uint_t last)
{
    off_t          offset;
    expo_status_t  st;

    if (u->digest
        && EVP_DigestUpdate(u->digest, u->sealing, u->seal_len) != 1)
    {
        return EXPO_NO_MEMORY;
    }

    st = expo_vault_chunk_seal(&u->blob, u->seal_index, last, u->sealing,
                               u->seal_len, u->sealing);
    if (st != EXPO_OK) {
        return st;
    }

    offset = EXPO_BLOB_HEADER + (off_t) u->seal_index
                                * (NGX_EXPOSURE_UPLOAD_CHUNK + EXPO_BLOB_TAG);

    u->file.bytes = ngx_max((off_t) u->file.bytes,
                            offset + (off_t) (u->seal_len + EXPO_BLOB_TAG));

    return ngx_exposure_upload_write(u->file.fd, u->sealing,
                                     u->seal_len + EXPO_BLOB_TAG, offset);
}


expo_status_t
ngx_exposure_upload_scan(ngx_exposure_upload_t *u, const char *title)
{
    json_t         *meta;
    expo_status_t   st;

    u->scan.state = EXPO_SCAN_IMPORTING;
    u->scan.revision = 1;
    u->scan.created_day = (uint32_t) (time(NULL) / 86400);
    u->scan.bytes = (u->file.bytes + 65535) / 65536 * 65536;

    meta = json_pack("{s:s}", "title", title ? title : "New scan");

    st = ngx_exposure_meta_seal(u->conf, &u->lease, "scans", &u->scan.id,
                                u->scan.revision, meta, &u->scan.meta,
                                &u->scan.meta_bytes);

    if (st == EXPO_OK) {
        u->json = ngx_exposure_scan_json(&u->scan, meta);
        json_object_set_new(u->json, "progress",
                            json_pack("{s:s, s:f}", "stage", "waiting",
                                      "fraction", 0.0));
    }

    json_decref(meta);

    if (st == EXPO_OK) {
        st = ngx_exposure_audit(u->conf, EXPO_AUDIT_SCAN_ADD, u->tag,
                                &u->scan.id, EXPO_AUDIT_PERMITTED);
    }

    return st;
}


expo_status_t
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
