/*
 * Resumable uploads in pool threads. The row says how much is safe; whole
 * chunks are in the file, the rest is sealed in the row (docs/vault.md). A
 * chunk is sealed once: what was written and then not counted, because a
 * process died, is counted if it verifies, and is never sealed anew.
 */

#include "ngx_exposure_tus.h"


#define NGX_EXPOSURE_TUS_SAVE_CHUNKS  256
#define NGX_EXPOSURE_TUS_SAVE_TIME    10    /* s */

/* names of what is sealed, part of their keys */
#define NGX_EXPOSURE_TUS_META         "uploads"
#define NGX_EXPOSURE_TUS_TAIL         "tails"


static expo_status_t ngx_exposure_tus_make(ngx_exposure_tus_t *t);
static expo_status_t ngx_exposure_tus_resume(ngx_exposure_tus_t *t);
static expo_status_t ngx_exposure_tus_go_on(ngx_exposure_tus_t *t);
static expo_status_t ngx_exposure_tus_read(ngx_exposure_main_conf_t *conf,
    u_char tag[EXPO_TAG], expo_id_t *id, expo_upload_t *row);
static expo_status_t ngx_exposure_tus_lasts(expo_upload_t *row);
static expo_status_t ngx_exposure_tus_lease(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, expo_user_t *user, expo_upload_t *row,
    expo_lease_t *lease);
static expo_status_t ngx_exposure_tus_blob(ngx_exposure_main_conf_t *conf,
    int fd, expo_lease_t *lease, expo_upload_t *row, expo_blob_t *blob);
static expo_status_t ngx_exposure_tus_recover(int fd, expo_blob_t *blob,
    expo_upload_t *row, u_char *chunk);
static expo_status_t ngx_exposure_tus_whole(ngx_exposure_tus_t *t);
static expo_status_t ngx_exposure_tus_save(ngx_exposure_tus_t *t,
    uint64_t received, size_t tail);
static expo_status_t ngx_exposure_tus_put(ngx_exposure_main_conf_t *conf,
    expo_lease_t *lease, expo_id_t *id, const char *table, uint32_t revision,
    u_char *src, size_t len, u_char *dst);
static expo_status_t ngx_exposure_tus_open(ngx_exposure_main_conf_t *conf,
    expo_lease_t *lease, expo_id_t *id, const char *table, uint32_t revision,
    u_char *src, size_t len, u_char *dst, size_t room, size_t *plain);


void
ngx_exposure_tus_begin_work(void *data)
{
    ngx_exposure_tus_t *t = data;

    ngx_exposure_upload_t  *u;

    u = &t->upload;

    u->st = ngx_exposure_upload_user(u);

    if (u->st == EXPO_OK) {
        u->st = t->create ? ngx_exposure_tus_make(t)
                          : ngx_exposure_tus_resume(t);
    }

    if (u->st == EXPO_OK && t->checked && !t->row.whole) {
        u->st = ngx_exposure_tus_stage(t);
    }

    t->saved = time(NULL);
}


static expo_status_t
ngx_exposure_tus_make(ngx_exposure_tus_t *t)
{
    expo_status_t           st;
    ngx_exposure_upload_t  *u;

    u = &t->upload;

    st = ngx_exposure_upload_new(u);
    if (st != EXPO_OK) {
        return st;
    }

    t->row.id = u->scan.id;
    t->row.blob = u->file.id;
    t->row.epoch = u->scan.epoch;
    t->row.expires = (uint64_t) (time(NULL) + u->conf->upload_expires);
    ngx_memcpy(t->row.sealed, u->scan.sealed, EXPO_SEALED_KEY);

    t->row.meta_bytes = t->metadata_len + EXPO_META_SALT + EXPO_BLOB_TAG;
    t->row.meta = malloc(t->row.meta_bytes);

    if (t->row.meta == NULL) {
        return EXPO_NO_MEMORY;
    }

    st = ngx_exposure_tus_put(u->conf, &u->lease, &t->row.id,
                              NGX_EXPOSURE_TUS_META, 1, t->metadata,
                              t->metadata_len, t->row.meta);
    if (st != EXPO_OK) {
        return st;
    }

    return expo_store_upload_add(u->conf->store, u->tag, &t->row, &u->file);
}


static expo_status_t
ngx_exposure_tus_resume(ngx_exposure_tus_t *t)
{
    expo_status_t           st;
    ngx_exposure_upload_t  *u;

    u = &t->upload;

    t->row = u->found.upload;
    ngx_memzero(&u->found.upload, sizeof(expo_upload_t));

    st = ngx_exposure_tus_lasts(&t->row);
    if (st != EXPO_OK) {
        return st;
    }

    u->scan.epoch = t->row.epoch;
    u->scan.role = EXPO_ROLE_OWNER;
    ngx_memcpy(u->scan.sealed, t->row.sealed, EXPO_SEALED_KEY);

    if (t->row.whole) {
        return t->offset == t->row.length ? EXPO_OK : EXPO_CONFLICT;
    }

    st = ngx_exposure_tus_lease(u->conf, &u->who, &u->found.user, &t->row,
                                &u->lease);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_upload_open(u->conf->store, &t->row.blob, 1, &u->file.fd);
    if (st != EXPO_OK) {
        u->file.fd = -1;
        t->locked = (st == EXPO_CONFLICT);
        return st;
    }

    return ngx_exposure_tus_go_on(t);
}


/* The upload as it is now that nobody else writes, ready to be filled. */

static expo_status_t
ngx_exposure_tus_go_on(ngx_exposure_tus_t *t)
{
    size_t                  n;
    expo_status_t           st;
    ngx_exposure_upload_t  *u;

    u = &t->upload;

    expo_store_upload_free(&t->row);

    st = ngx_exposure_tus_read(u->conf, u->tag, &u->scan.id, &t->row);
    if (st != EXPO_OK) {
        return st;
    }

    if (t->row.whole) {
        return EXPO_CONFLICT;
    }

    u->file.id = t->row.blob;
    u->file.kind = EXPO_BLOB_ORIGINAL;

    st = ngx_exposure_tus_blob(u->conf, u->file.fd, &u->lease, &t->row,
                               &u->blob);
    if (st != EXPO_OK) {
        return st;
    }

    st = ngx_exposure_tus_recover(u->file.fd, &u->blob, &t->row, u->sealing);
    if (st != EXPO_OK) {
        return st;
    }

    if (t->offset != t->row.received) {
        return EXPO_CONFLICT;
    }

    u->index = t->row.received / NGX_EXPOSURE_UPLOAD_CHUNK;
    u->file.bytes = EXPO_BLOB_HEADER
                    + u->index * (NGX_EXPOSURE_UPLOAD_CHUNK + EXPO_BLOB_TAG);

    if (ftruncate(u->file.fd, (off_t) u->file.bytes) == -1) {
        return EXPO_IO;
    }

    st = ngx_exposure_tus_tail(t, u->filling, &n);
    u->filled = n;

    return st;
}


static expo_status_t
ngx_exposure_tus_read(ngx_exposure_main_conf_t *conf, u_char tag[EXPO_TAG],
    expo_id_t *id, expo_upload_t *row)
{
    expo_status_t  st;

    st = expo_store_upload(conf->store, tag, id, row);

    if (st != EXPO_OK) {
        ngx_memzero(row, sizeof(expo_upload_t));
        return st;
    }

    return ngx_exposure_tus_lasts(row);
}


/* EXPO_EXPIRED: it is still there, but not for long. */

static expo_status_t
ngx_exposure_tus_lasts(expo_upload_t *row)
{
    return row->expires <= (uint64_t) time(NULL) ? EXPO_EXPIRED : EXPO_OK;
}


static expo_status_t
ngx_exposure_tus_lease(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, expo_user_t *user, expo_upload_t *row,
    expo_lease_t *lease)
{
    expo_scan_t  scan;

    ngx_memzero(&scan, sizeof(scan));

    scan.id = row->id;
    scan.epoch = row->epoch;
    scan.role = EXPO_ROLE_OWNER;
    ngx_memcpy(scan.sealed, row->sealed, EXPO_SEALED_KEY);

    return ngx_exposure_scan_lease(conf, who, user, &scan, lease);
}


static expo_status_t
ngx_exposure_tus_blob(ngx_exposure_main_conf_t *conf, int fd,
    expo_lease_t *lease, expo_upload_t *row, expo_blob_t *blob)
{
    u_char  header[EXPO_BLOB_HEADER];

    if (pread(fd, header, sizeof(header), 0) != sizeof(header)) {
        return EXPO_CORRUPT;
    }

    return expo_keys_blob_open(conf->keys, lease, header, &row->blob,
                               EXPO_BLOB_ORIGINAL, blob);
}


/* Counts the chunks that came after the last save. chunk: room for one. */

static expo_status_t
ngx_exposure_tus_recover(int fd, expo_blob_t *blob, expo_upload_t *row,
    u_char *chunk)
{
    size_t      full;
    uint64_t    before, n;
    struct stat sb;

    if (fstat(fd, &sb) == -1) {
        return EXPO_IO;
    }

    full = NGX_EXPOSURE_UPLOAD_CHUNK + EXPO_BLOB_TAG;
    before = row->received / NGX_EXPOSURE_UPLOAD_CHUNK;

    for (n = before;
         (n + 1) * NGX_EXPOSURE_UPLOAD_CHUNK < row->length
         && EXPO_BLOB_HEADER + (n + 1) * full <= (uint64_t) sb.st_size;
         n++)
    {
        if (pread(fd, chunk, full, EXPO_BLOB_HEADER + n * full)
            != (ssize_t) full
            || expo_vault_chunk_open(blob, n, 0, chunk, full, chunk)
               != EXPO_OK)
        {
            break;
        }
    }

    ngx_explicit_memzero(chunk, full);

    if (n == before) {
        return EXPO_OK;
    }

    if (fdatasync(fd) == -1) {
        return EXPO_IO;
    }

    row->received = n * NGX_EXPOSURE_UPLOAD_CHUNK;
    row->tail_bytes = 0;

    return EXPO_OK;
}


expo_status_t
ngx_exposure_tus_tail(ngx_exposure_tus_t *t, u_char *dst, size_t *len)
{
    uint64_t       chunks;
    expo_status_t  st;

    *len = 0;
    chunks = t->row.received / NGX_EXPOSURE_UPLOAD_CHUNK;

    if (t->row.received % NGX_EXPOSURE_UPLOAD_CHUNK == 0) {
        return EXPO_OK;
    }

    st = ngx_exposure_tus_open(t->upload.conf, &t->upload.lease, &t->row.id,
                               NGX_EXPOSURE_TUS_TAIL, (uint32_t) chunks + 1,
                               t->row.tail, t->row.tail_bytes, dst,
                               NGX_EXPOSURE_UPLOAD_CHUNK, len);

    if (st == EXPO_OK && *len != t->row.received % NGX_EXPOSURE_UPLOAD_CHUNK) {
        st = EXPO_CORRUPT;
    }

    return st;
}


void
ngx_exposure_tus_sealed_work(ngx_exposure_upload_t *u)
{
    ngx_exposure_tus_t *t = (ngx_exposure_tus_t *) u;

    uint64_t  chunks;

    chunks = u->seal_index + 1;

    if (u->digest
        || (chunks % NGX_EXPOSURE_TUS_SAVE_CHUNKS
            && time(NULL) - t->saved < NGX_EXPOSURE_TUS_SAVE_TIME))
    {
        return;
    }

    u->st = ngx_exposure_tus_save(t, chunks * NGX_EXPOSURE_UPLOAD_CHUNK, 0);
}


void
ngx_exposure_tus_end_work(void *data)
{
    ngx_exposure_tus_t *t = data;

    uint64_t                received;
    ngx_exposure_upload_t  *u;

    u = &t->upload;

    if (u->digest) {
        u->st = ngx_exposure_tus_unstage(t);

        if (u->st != EXPO_OK) {
            return;
        }
    }

    received = u->seal_index * NGX_EXPOSURE_UPLOAD_CHUNK + u->seal_len;

    if (received == t->row.length) {
        u->st = ngx_exposure_tus_whole(t);
        return;
    }

    if (u->seal_len == NGX_EXPOSURE_UPLOAD_CHUNK) {
        u->st = ngx_exposure_upload_seal(u, 0);
        u->seal_len = 0;
    }

    if (u->st == EXPO_OK) {
        u->st = ngx_exposure_tus_save(t, received, u->seal_len);
    }
}


/* The upload becomes a scan, or stays as it was. */

static expo_status_t
ngx_exposure_tus_whole(ngx_exposure_tus_t *t)
{
    char                    title[NGX_EXPOSURE_TEXT_MAX * 4 + 1];
    size_t                  n;
    expo_status_t           st;
    ngx_exposure_upload_t  *u;

    u = &t->upload;

    st = ngx_exposure_upload_seal(u, 1);
    if (st != EXPO_OK) {
        return st;
    }

    if (t->metadata == NULL) {
        t->metadata = malloc(EXPO_TUS_METADATA_MAX);

        if (t->metadata == NULL) {
            return EXPO_NO_MEMORY;
        }

        st = ngx_exposure_tus_open(u->conf, &u->lease, &t->row.id,
                                   NGX_EXPOSURE_TUS_META, 1, t->row.meta,
                                   t->row.meta_bytes,
                                   t->metadata, EXPO_TUS_METADATA_MAX,
                                   &t->metadata_len);
        if (st != EXPO_OK) {
            return st;
        }
    }

    /* it was looked at when the upload was made */

    st = expo_tus_metadata_get((u_char *) title, sizeof(title) - 1, &n,
                               "title", (char *) t->metadata,
                               t->metadata_len);
    title[st == EXPO_OK ? n : 0] = '\0';

    st = ngx_exposure_upload_scan(u, *title ? title : NULL);
    ngx_explicit_memzero(title, sizeof(title));

    if (st == EXPO_OK) {
        st = expo_store_upload_finish(u->conf->store, u->tag, &u->scan,
                                      &u->file);
    }

    if (st == EXPO_OK) {
        t->row.whole = 1;
        t->row.received = t->row.length;
    }

    return st;
}


/* tail: so many bytes in sealing belong to the row. */

static expo_status_t
ngx_exposure_tus_save(ngx_exposure_tus_t *t, uint64_t received, size_t tail)
{
    u_char                 *sealed;
    size_t                  len;
    expo_status_t           st;
    ngx_exposure_upload_t  *u;

    u = &t->upload;
    sealed = NULL;
    len = 0;

    if (tail) {
        len = tail + EXPO_META_SALT + EXPO_BLOB_TAG;
        sealed = malloc(len);

        if (sealed == NULL) {
            return EXPO_NO_MEMORY;
        }

        st = ngx_exposure_tus_put(u->conf, &u->lease, &t->row.id,
                                  NGX_EXPOSURE_TUS_TAIL,
                                  (uint32_t) u->seal_index + 1, u->sealing,
                                  tail, sealed);
        if (st != EXPO_OK) {
            free(sealed);
            return st;
        }
    }

    t->saved = time(NULL);
    t->row.expires = (uint64_t) (t->saved + u->conf->upload_expires);

    st = expo_store_upload_save(u->conf->store, &t->row.id, u->file.fd,
                                received, t->row.expires, sealed, len);
    if (st == EXPO_OK) {
        t->row.received = received;
    }

    free(sealed);

    return st;
}


expo_status_t
ngx_exposure_tus_look(ngx_exposure_job_t *job, u_char **metadata,
    size_t *metadata_len)
{
    int                        fd;
    u_char                    *chunk;
    expo_blob_t                blob;
    expo_lease_t               lease;
    expo_status_t              st;
    expo_upload_t             *row;
    ngx_exposure_main_conf_t  *conf;

    conf = job->conf;
    row = &job->found.upload;

    st = ngx_exposure_tus_lasts(row);
    if (st != EXPO_OK) {
        return st;
    }

    fd = -1;
    *metadata = malloc(EXPO_TUS_METADATA_MAX);
    chunk = malloc(NGX_EXPOSURE_UPLOAD_CHUNK + EXPO_BLOB_TAG);

    if (*metadata == NULL || chunk == NULL) {
        st = EXPO_NO_MEMORY;
        goto done;
    }

    st = ngx_exposure_tus_lease(conf, &job->who, &job->found.user, row,
                                &lease);
    if (st != EXPO_OK) {
        goto done;
    }

    st = ngx_exposure_tus_open(conf, &lease, &row->id, NGX_EXPOSURE_TUS_META,
                               1, row->meta, row->meta_bytes, *metadata,
                               EXPO_TUS_METADATA_MAX, metadata_len);

    if (st == EXPO_OK && !row->whole) {
        st = expo_store_upload_open(conf->store, &row->blob, 0, &fd);

        if (st == EXPO_OK) {
            st = ngx_exposure_tus_blob(conf, fd, &lease, row, &blob);
        }

        if (st == EXPO_OK) {
            st = ngx_exposure_tus_recover(fd, &blob, row, chunk);
        }
    }

done:

    ngx_explicit_memzero(&lease, sizeof(lease));
    ngx_explicit_memzero(&blob, sizeof(blob));

    if (fd != -1) {
        close(fd);
    }

    free(chunk);

    if (st != EXPO_OK) {
        free(*metadata);
        *metadata = NULL;
    }

    return st;
}


/* dst: room for len + 48 bytes. */

static expo_status_t
ngx_exposure_tus_put(ngx_exposure_main_conf_t *conf, expo_lease_t *lease,
    expo_id_t *id, const char *table, uint32_t revision, u_char *src,
    size_t len, u_char *dst)
{
    u_char         salt[EXPO_META_SALT], key[32];
    expo_status_t  st;

    ngx_exposure_random(salt, sizeof(salt));

    st = ngx_exposure_meta_key(conf, lease, table, id, revision, salt, key);

    if (st == EXPO_OK) {
        st = expo_vault_meta_seal(dst, key, salt, src, len);
    }

    ngx_explicit_memzero(key, sizeof(key));

    return st;
}


static expo_status_t
ngx_exposure_tus_open(ngx_exposure_main_conf_t *conf, expo_lease_t *lease,
    expo_id_t *id, const char *table, uint32_t revision, u_char *src,
    size_t len, u_char *dst, size_t room, size_t *plain)
{
    u_char         key[32];
    expo_status_t  st;

    if (len < EXPO_META_SALT + EXPO_BLOB_TAG
        || len - EXPO_META_SALT - EXPO_BLOB_TAG > room)
    {
        return EXPO_CORRUPT;
    }

    *plain = len - EXPO_META_SALT - EXPO_BLOB_TAG;

    st = ngx_exposure_meta_key(conf, lease, table, id, revision, src, key);

    if (st == EXPO_OK) {
        st = expo_vault_meta_open(dst, key, src, len);
    }

    ngx_explicit_memzero(key, sizeof(key));

    return st;
}
