#include "lib/renew.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#define RENEW_FILES 2 /* volume and thumbnail */

_Static_assert(EXPO_PERMISSIONS_MAX <= EXPO_KEYS_GRANTS,
               "everybody who has a scan gets its new key in one question");

/* What there is of the scan, and becomes what there will be. */
typedef struct {
    const expo_renew_t *r;
    expo_lease_t old, lease; /* to the keys of now, and of then */
    expo_scan_t scan;
    expo_permission_t *permissions;
    size_t permission_count;
    expo_configuration_t *configurations;
    size_t configuration_count;
    expo_blob_file_t files[RENEW_FILES];
    size_t file_count;
} renewal_t;

static int renew_is_past(const expo_renew_t *r, const expo_scan_t *scan);
static expo_status_t renew_keys(renewal_t *w);
static expo_status_t renew_small_things(renewal_t *w);
static expo_status_t renew_meta(renewal_t *w, const char *table,
                                const expo_id_t *row, uint32_t was,
                                uint32_t becomes, uint8_t **bytes, size_t *len);
static expo_status_t renew_blob(renewal_t *w, expo_blob_kind_t kind);
static expo_status_t renew_file(renewal_t *w, int fd, uint64_t bytes,
                                const expo_id_t *id, expo_blob_file_t *f);
static expo_status_t renew_chunks(const expo_blob_t *from,
                                  const expo_blob_t *to, int fd, uint64_t bytes,
                                  int out);
static expo_status_t renew_all(renewal_t *w);
static expo_status_t renew_read(int fd, uint8_t *dst, size_t len, uint64_t at);
static expo_status_t renew_write(int fd, const uint8_t *src, size_t len,
                                 uint64_t at);
static void renew_free(renewal_t *w);


expo_status_t
expo_renew_scan(const expo_renew_t *r, const expo_scan_t *scan)
{
    static const expo_blob_kind_t kinds[RENEW_FILES] = {EXPO_BLOB_VOLUME,
                                                        EXPO_BLOB_THUMBNAIL};
    renewal_t w = {.r = r, .scan = *scan};
    expo_status_t st;

    w.scan.meta = malloc(scan->meta_bytes + 1);
    if (w.scan.meta == NULL) {
        return EXPO_NO_MEMORY;
    }
    memcpy(w.scan.meta, scan->meta, scan->meta_bytes);

    st = scan->state == EXPO_SCAN_READY ? renew_keys(&w) : EXPO_CONFLICT;

    if (st == EXPO_OK) {
        st = renew_small_things(&w);
    }

    for (size_t i = 0; i < RENEW_FILES && st == EXPO_OK; i++) {
        st = renew_blob(&w, kinds[i]);
    }

    if (st == EXPO_OK) {
        st = renew_all(&w);
    }

    renew_free(&w);

    return st == EXPO_CORRUPT && renew_is_past(r, scan) ? EXPO_CONFLICT : st;
}


/* What is there by now need not open with the key of then. */
static int
renew_is_past(const expo_renew_t *r, const expo_scan_t *scan)
{
    expo_scan_t now;
    int past;

    if (expo_store_scan(r->store, r->tag, &scan->id, r->now, &now) != EXPO_OK) {
        return 1;
    }

    past = now.epoch != scan->epoch || now.revision != scan->revision;
    expo_store_scan_free(&now);

    return past;
}


static expo_status_t
renew_keys(renewal_t *w)
{
    expo_keys_grantee_t to[EXPO_PERMISSIONS_MAX];
    expo_keys_box_t box = {
        .scan = w->scan.id, .epoch = w->scan.epoch, .role = EXPO_ROLE_OWNER};
    expo_status_t st, opened;

    memcpy(box.sealed, w->scan.sealed, sizeof(box.sealed));

    st = expo_store_permissions(w->r->store, &w->scan.id, w->r->now,
                                &w->permissions, &w->permission_count);
    if (st == EXPO_OK) {
        st =
            expo_keys_unlock(w->r->keys, w->r->user, &box, 1, &w->old, &opened);
    }
    if (st == EXPO_OK) {
        st = opened;
    }
    if (st != EXPO_OK) {
        return st;
    }

    for (size_t i = 0; i < w->permission_count; i++) {
        memcpy(to[i].tag, w->permissions[i].tag, sizeof(to[i].tag));
        memcpy(to[i].pk, w->permissions[i].pk, sizeof(to[i].pk));
        to[i].role = w->permissions[i].role;
    }

    st = expo_keys_renew(w->r->keys, w->r->user, &box, to, w->permission_count,
                         &w->lease);
    if (st != EXPO_OK) {
        return st;
    }

    w->scan.epoch = box.epoch;
    memcpy(w->scan.sealed, box.sealed, sizeof(box.sealed));

    for (size_t i = 0; i < w->permission_count; i++) {
        memcpy(w->permissions[i].sealed, to[i].sealed, sizeof(to[i].sealed));
        w->permissions[i].epoch = box.epoch;
    }

    return EXPO_OK;
}


static expo_status_t
renew_small_things(renewal_t *w)
{
    expo_status_t st;

    st = renew_meta(w, "scans", &w->scan.id, w->scan.revision,
                    w->scan.revision + 1, &w->scan.meta, &w->scan.meta_bytes);
    w->scan.revision++;

    for (size_t i = 0; i < w->permission_count && st == EXPO_OK; i++) {
        expo_permission_t *p = &w->permissions[i];

        if (p->label_bytes > 0) {
            st = renew_meta(w, EXPO_LABEL_TABLE, &p->label_id,
                            EXPO_LABEL_REVISION, EXPO_LABEL_REVISION,
                            &p->label_enc, &p->label_bytes);
        }
    }

    if (st == EXPO_OK) {
        st = expo_store_configurations(w->r->store, &w->scan.id,
                                       &w->configurations,
                                       &w->configuration_count);
    }

    for (size_t i = 0; i < w->configuration_count && st == EXPO_OK; i++) {
        expo_configuration_t *c = &w->configurations[i];

        st = renew_meta(w, "configurations", &c->id, c->revision,
                        c->revision + 1, &c->enc, &c->enc_bytes);
        c->revision++;
    }

    return st;
}


/* *bytes is ciphertext in place: salt, then as long as before. */
static expo_status_t
renew_meta(renewal_t *w, const char *table, const expo_id_t *row, uint32_t was,
           uint32_t becomes, uint8_t **bytes, size_t *len)
{
    expo_keys_meta_t keys[2] = {
        {.lease = &w->old, .table = table, .row = *row, .revision = was},
        {.lease = &w->lease, .table = table, .row = *row, .revision = becomes}};
    uint8_t *plain;
    size_t n;
    expo_status_t st;

    if (*len < EXPO_META_SALT + EXPO_BLOB_TAG) {
        return EXPO_CORRUPT;
    }

    n = *len - EXPO_META_SALT - EXPO_BLOB_TAG;
    plain = malloc(n + 1);
    if (plain == NULL) {
        return EXPO_NO_MEMORY;
    }

    memcpy(keys[0].salt, *bytes, EXPO_META_SALT);
    w->r->random(keys[1].salt, EXPO_META_SALT);

    st = expo_keys_meta(w->r->keys, keys, 2);
    if (st == EXPO_OK) {
        st = keys[0].status != EXPO_OK ? keys[0].status : keys[1].status;
    }
    if (st == EXPO_OK) {
        st = expo_vault_meta_open(plain, keys[0].key, *bytes, *len);
    }
    if (st == EXPO_OK) {
        st = expo_vault_meta_seal(*bytes, keys[1].key, keys[1].salt, plain, n);
    }

    sodium_memzero(keys, sizeof(keys));
    sodium_memzero(plain, n);
    free(plain);

    return st;
}


static expo_status_t
renew_blob(renewal_t *w, expo_blob_kind_t kind)
{
    expo_blob_file_t *f = &w->files[w->file_count];
    expo_id_t id, fresh;
    uint64_t bytes;
    expo_status_t st;
    int fd;

    st = expo_store_blob_open(w->r->store, &w->scan.id, kind, &id, &fd, &bytes);
    if (st != EXPO_OK) {
        return st == EXPO_NOT_FOUND && kind == EXPO_BLOB_THUMBNAIL ? EXPO_OK
                                                                   : st;
    }

    w->r->random(fresh.b, sizeof(fresh.b));

    st = expo_store_blob_create(w->r->store, &fresh, kind, f);
    if (st == EXPO_OK) {
        w->file_count++;
        st = renew_file(w, fd, bytes, &id, f);
    }

    close(fd);

    return st;
}


static expo_status_t
renew_file(renewal_t *w, int fd, uint64_t bytes, const expo_id_t *id,
           expo_blob_file_t *f)
{
    uint8_t header[EXPO_BLOB_HEADER];
    expo_blob_t from = {0}, to = {0};
    unsigned chunk_log2 = 0;
    expo_status_t st;

    st = renew_read(fd, header, sizeof(header), 0);
    if (st == EXPO_OK) {
        st = expo_keys_blob_open(w->r->keys, &w->old, header, id, f->kind,
                                 &from);
    }

    if (st == EXPO_OK) {
        while ((size_t) 1 << chunk_log2 < expo_vault_blob_chunk(&from)) {
            chunk_log2++;
        }
        st = expo_keys_blob_new(w->r->keys, &w->lease, &f->id, f->kind,
                                chunk_log2, &to);
    }

    if (st == EXPO_OK) {
        st = renew_write(f->fd, to.header, sizeof(to.header), 0);
    }
    if (st == EXPO_OK) {
        st = renew_chunks(&from, &to, fd, bytes, f->fd);
        f->bytes = bytes;
    }

    sodium_memzero(&from, sizeof(from));
    sodium_memzero(&to, sizeof(to));

    return st;
}


static expo_status_t
renew_chunks(const expo_blob_t *from, const expo_blob_t *to, int fd,
             uint64_t bytes, int out)
{
    size_t full = expo_vault_blob_chunk(from), n;
    uint64_t plain, chunks, at = EXPO_BLOB_HEADER;
    uint8_t *chunk;
    expo_status_t st;

    st = expo_vault_blob_length(from, bytes, &plain, &chunks);
    if (st != EXPO_OK) {
        return st;
    }

    chunk = malloc(full + EXPO_BLOB_TAG);
    if (chunk == NULL) {
        return EXPO_NO_MEMORY;
    }

    for (uint64_t i = 0; i < chunks && st == EXPO_OK; i++) {
        int last = i == chunks - 1;

        n = (last ? (size_t) (plain - i * full) : full) + EXPO_BLOB_TAG;

        st = renew_read(fd, chunk, n, at);
        if (st == EXPO_OK) {
            st = expo_vault_chunk_open(from, i, last, chunk, n, chunk);
        }
        if (st == EXPO_OK) {
            st = expo_vault_chunk_seal(to, i, last, chunk, n - EXPO_BLOB_TAG,
                                       chunk);
        }
        if (st == EXPO_OK) {
            st = renew_write(out, chunk, n, at);
        }
        at += n;
    }

    sodium_memzero(chunk, full + EXPO_BLOB_TAG);
    free(chunk);

    return st;
}


static expo_status_t
renew_all(renewal_t *w)
{
    expo_blob_file_t *files[RENEW_FILES] = {&w->files[0], &w->files[1]};
    const expo_renewal_t all = {.scan = &w->scan,
                                .owner = w->r->tag,
                                .permissions = w->permissions,
                                .permission_count = w->permission_count,
                                .configurations = w->configurations,
                                .configuration_count = w->configuration_count,
                                .files = files,
                                .file_count = w->file_count};

    return expo_store_scan_renew(w->r->store, &all, w->r->now);
}


static expo_status_t
renew_read(int fd, uint8_t *dst, size_t len, uint64_t at)
{
    while (len > 0) {
        ssize_t n = pread(fd, dst, len, (off_t) at);

        if (n < 0) {
            return EXPO_IO;
        }
        if (n == 0) {
            return EXPO_CORRUPT;
        }

        dst += n;
        len -= (size_t) n;
        at += (uint64_t) n;
    }

    return EXPO_OK;
}


static expo_status_t
renew_write(int fd, const uint8_t *src, size_t len, uint64_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, src, len, (off_t) at);

        if (n < 0) {
            return errno == ENOSPC || errno == EDQUOT ? EXPO_NO_SPACE : EXPO_IO;
        }

        src += n;
        len -= (size_t) n;
        at += (uint64_t) n;
    }

    return EXPO_OK;
}


static void
renew_free(renewal_t *w)
{
    for (size_t i = 0; i < w->permission_count; i++) {
        expo_store_permission_free(&w->permissions[i]);
    }
    free(w->permissions);

    for (size_t i = 0; i < w->configuration_count; i++) {
        expo_store_configuration_free(&w->configurations[i]);
    }
    free(w->configurations);

    for (size_t i = 0; i < w->file_count; i++) {
        close(w->files[i].fd);
    }

    free(w->scan.meta);
    sodium_memzero(w, sizeof(*w));
}
