/*
 * The blocking half of an import: keys, files, the scan's row. im->st says how
 * it went; EXPO_NOT_FOUND when the scan is gone or no longer importing.
 */

#include "ngx_exposure_import.h"

#include "lib/volume.h"


#define NGX_EXPOSURE_IMPORT_TRIES  5   /* against a change of the title */


static expo_status_t ngx_exposure_import_file(ngx_exposure_import_t *im,
    expo_blob_kind_t kind, unsigned chunk_log2, expo_blob_file_t *file,
    expo_blob_t *blob);
static expo_status_t ngx_exposure_import_check(ngx_exposure_import_t *im);
static expo_status_t ngx_exposure_import_settle(ngx_exposure_import_t *im);
static json_t *ngx_exposure_import_meta(ngx_exposure_import_t *im,
    json_t *old);


void
ngx_exposure_import_prepare_work(void *data)
{
    ngx_exposure_import_t *im = data;

    uint64_t     bytes;
    expo_scan_t  scan;

    im->st = expo_store_scan(im->conf->store, im->tag, &im->scan,
                             (uint64_t) time(NULL), &scan);
    if (im->st != EXPO_OK) {
        return;
    }

    if (scan.state != EXPO_SCAN_IMPORTING) {
        im->st = EXPO_NOT_FOUND;
        goto done;
    }

    im->st = ngx_exposure_blob_open(im->conf, &im->scan, &im->lease,
                                    EXPO_BLOB_ORIGINAL, &im->original_fd,
                                    &bytes, &im->original);
    if (im->st != EXPO_OK) {
        im->original_fd = -1;
        goto done;
    }

    im->st = ngx_exposure_import_file(im, EXPO_BLOB_VOLUME, 20,
                                      &im->volume_file, &im->volume);
    if (im->st != EXPO_OK) {
        goto done;
    }

    im->st = ngx_exposure_import_file(im, EXPO_BLOB_THUMBNAIL, 16,
                                      &im->thumbnail_file, &im->thumbnail);
    if (im->st != EXPO_OK) {
        goto done;
    }

    im->st = expo_store_scan_attempt(im->conf->store, &im->scan,
                                     &im->attempts);

done:

    expo_store_scan_free(&scan);
}


static expo_status_t
ngx_exposure_import_file(ngx_exposure_import_t *im, expo_blob_kind_t kind,
    unsigned chunk_log2, expo_blob_file_t *file, expo_blob_t *blob)
{
    expo_id_t      id;
    expo_status_t  st;

    ngx_exposure_random(id.b, sizeof(id.b));

    st = expo_keys_blob_new(im->conf->keys, &im->lease, &id, kind, chunk_log2,
                            blob);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_blob_create(im->conf->store, &id, kind, file);
    if (st != EXPO_OK) {
        file->fd = -1;
    }

    return st;
}


void
ngx_exposure_import_finish_work(void *data)
{
    ngx_exposure_import_t *im = data;

    ngx_uint_t  n;

    if (im->imported) {
        im->st = ngx_exposure_import_check(im);

        if (im->st != EXPO_OK) {
            return;
        }
    }

    for (n = 0; n < NGX_EXPOSURE_IMPORT_TRIES; n++) {
        im->st = ngx_exposure_import_settle(im);

        if (im->st != EXPO_CONFLICT) {
            break;
        }
    }
}


/* What a render-worker says it made is looked at before it is kept. */

static expo_status_t
ngx_exposure_import_check(ngx_exposure_import_t *im)
{
    u_char         *sealed, *plain;
    size_t          n;
    ssize_t         got;
    uint64_t        total, chunks;
    expo_status_t   st;
    expo_volume_t   volume;

    im->volume_file.bytes = json_integer_value(json_object_get(im->imported,
                                                            "volume_bytes"));
    im->thumbnail_file.bytes = json_integer_value(json_object_get(
                                          im->imported, "thumbnail_bytes"));

    if (im->thumbnail_file.bytes != 0) {
        st = expo_vault_blob_length(&im->thumbnail, im->thumbnail_file.bytes,
                                    &total, &chunks);
        if (st != EXPO_OK) {
            return st;
        }
    }

    st = expo_vault_blob_length(&im->volume, im->volume_file.bytes, &total,
                                &chunks);
    if (st != EXPO_OK) {
        return st;
    }

    n = ngx_min(total, expo_vault_blob_chunk(&im->volume));

    sealed = malloc(n + EXPO_BLOB_TAG);
    plain = malloc(n + 1);

    if (sealed == NULL || plain == NULL) {
        st = EXPO_NO_MEMORY;
        goto done;
    }

    got = pread(im->volume_file.fd, sealed, n + EXPO_BLOB_TAG,
                EXPO_BLOB_HEADER);

    if (got != (ssize_t) (n + EXPO_BLOB_TAG) || n < EXPO_VOLUME_HEADER) {
        st = EXPO_CORRUPT;
        goto done;
    }

    st = expo_vault_chunk_open(&im->volume, 0, chunks == 1, sealed,
                               n + EXPO_BLOB_TAG, plain);

    if (st == EXPO_OK) {
        st = expo_volume_read(&volume, plain, total);
    }

    if (st == EXPO_INVALID || st == EXPO_TOO_LARGE) {
        st = EXPO_CORRUPT;
    }

done:

    if (plain) {
        ngx_explicit_memzero(plain, n);
    }

    free(plain);
    free(sealed);

    return st;
}


static expo_status_t
ngx_exposure_import_settle(ngx_exposure_import_t *im)
{
    u_char        *sealed;
    size_t         len;
    json_t        *old, *meta;
    expo_scan_t    scan;
    expo_status_t  st;

    st = expo_store_scan(im->conf->store, im->tag, &im->scan,
                         (uint64_t) time(NULL), &scan);
    if (st != EXPO_OK) {
        return st;
    }

    old = NULL;
    meta = NULL;
    sealed = NULL;

    if (scan.state != EXPO_SCAN_IMPORTING) {
        st = EXPO_NOT_FOUND;
        goto done;
    }

    st = ngx_exposure_scan_meta(im->conf, &im->lease, &scan, &old);
    if (st != EXPO_OK) {
        goto done;
    }

    meta = ngx_exposure_import_meta(im, old);

    st = ngx_exposure_meta_seal(im->conf, &im->lease, "scans", &scan.id,
                                scan.revision + 1, meta, &sealed, &len);
    if (st != EXPO_OK) {
        goto done;
    }

    if (im->imported) {
        st = expo_store_scan_ready(im->conf->store, &scan.id,
                                   &im->volume_file,
                                   im->thumbnail_file.bytes
                                   ? &im->thumbnail_file : NULL,
                                   scan.revision + 1, sealed, len);
    } else {
        st = expo_store_scan_failed(im->conf->store, &scan.id,
                                    scan.revision + 1, sealed, len);
    }

done:

    free(sealed);
    json_decref(meta);
    json_decref(old);
    expo_store_scan_free(&scan);

    return st;
}


static json_t *
ngx_exposure_import_meta(ngx_exposure_import_t *im, json_t *old)
{
    json_t  *meta, *warnings;

    meta = json_pack("{s:O}", "title", json_object_get(old, "title"));

    if (im->imported == NULL) {
        json_object_set(meta, "failure", im->failure);
        return meta;
    }

    json_object_set(meta, "volume", json_object_get(im->imported, "volume"));

    warnings = json_object_get(json_object_get(im->imported, "report"),
                               "warnings");

    if (json_is_array(warnings) && json_array_size(warnings)) {
        json_object_set(meta, "warnings", warnings);
    }

    return meta;
}
