/*
 * A stored study in pool threads: from its sealed tar and the index of it to a
 * scan a series. The index was made of hostile files: numbers in it are held
 * against the body, texts go out as they are in JSON and nowhere else.
 */

#include "ngx_exposure_stow.h"

#include "lib/tar.h"


/* PS3.18, table 10.5.3-1; PS3.4, table B.2-1 */
#define NGX_EXPOSURE_STOW_RESOURCES   0xa700
#define NGX_EXPOSURE_STOW_PROCESSING  0x0110
#define NGX_EXPOSURE_STOW_UNREADABLE  0xc000

#define NGX_EXPOSURE_STOW_INDEX_MAX   (64 * 1024 * 1024)


/* The sealed tar, chunk by chunk. */
typedef struct {
    ngx_exposure_upload_t     *u;
    uint64_t                   plain;
    uint64_t                   chunks;
    uint64_t                   open;       /* 1 + number of the chunk in data */
    u_char                    *data;
} ngx_exposure_stow_tar_t;


static json_t *ngx_exposure_stow_index(ngx_exposure_stow_t *t);
static expo_status_t ngx_exposure_stow_scans(ngx_exposure_stow_t *t,
    json_t *files, ngx_uint_t series);
static expo_status_t ngx_exposure_stow_series(ngx_exposure_upload_t *u,
    ngx_exposure_upload_t *one, json_t *files, ngx_uint_t series);
static expo_status_t ngx_exposure_stow_file(ngx_exposure_stow_tar_t *tar,
    ngx_exposure_upload_t *one, json_t *file, uint64_t number);
static expo_status_t ngx_exposure_stow_read(ngx_exposure_stow_tar_t *tar,
    uint64_t at, uint64_t bytes, u_char **p, size_t *len);
static expo_status_t ngx_exposure_stow_put(ngx_exposure_upload_t *one,
    u_char *p, size_t len);
static json_t *ngx_exposure_stow_told(ngx_exposure_stow_t *t, json_t *files);
static ngx_uint_t ngx_exposure_stow_reason(ngx_exposure_stow_t *t,
    json_t *file);
static json_t *ngx_exposure_stow_item(json_t *file, ngx_uint_t reason);
static void ngx_exposure_stow_uid(json_t *item, const char *tag, json_t *uid);


void
ngx_exposure_stow_end_work(void *data)
{
    ngx_exposure_upload_t *u = data;

    u->st = ngx_exposure_upload_seal(u, 1);
}


void
ngx_exposure_stow_split_work(void *data)
{
    ngx_exposure_stow_t *t = data;

    json_t     *index, *files;
    json_int_t  series;

    index = ngx_exposure_stow_index(t);
    files = json_object_get(index, "files");
    series = json_integer_value(json_object_get(index, "series"));

    if (!json_is_array(files) || series < 0) {
        t->upload.st = EXPO_CORRUPT;

    } else {
        t->upload.st = ngx_exposure_stow_scans(t, files,
                                   ngx_min(series, NGX_EXPOSURE_STOW_SERIES));
    }

    if (t->upload.st == EXPO_OK) {
        json_decref(t->upload.json);
        t->upload.json = ngx_exposure_stow_told(t, files);
    }

    json_decref(index);
}


static json_t *
ngx_exposure_stow_index(ngx_exposure_stow_t *t)
{
    u_char   *text;
    json_t   *index;
    ssize_t   n;

    if (t->index_bytes > NGX_EXPOSURE_STOW_INDEX_MAX) {
        return NULL;
    }

    text = malloc(t->index_bytes + 1);
    if (text == NULL) {
        return NULL;
    }

    n = pread(t->index_fd, text, t->index_bytes, 0);
    index = n == (ssize_t) t->index_bytes
            ? json_loadb((char *) text, n, JSON_REJECT_DUPLICATES, NULL)
            : NULL;

    ngx_explicit_memzero(text, t->index_bytes);
    free(text);

    return index;
}


/* All of them, or none. */

static expo_status_t
ngx_exposure_stow_scans(ngx_exposure_stow_t *t, json_t *files,
    ngx_uint_t series)
{
    ngx_uint_t              i;
    expo_status_t           st;
    ngx_exposure_upload_t   one, *u;

    u = &t->upload;

    if (series == 1) {

        /* the tar as it came; what else is in it is passed over */

        st = ngx_exposure_upload_scan(u, NULL);

        if (st == EXPO_OK) {
            st = expo_store_scan_add(u->conf->store, u->tag, &u->scan,
                                     &u->file);
        }

        t->scans[0] = u->scan.id;
        t->leases[0] = u->lease;
        t->nscans = st == EXPO_OK;

        return st;
    }

    st = EXPO_OK;

    for (i = 0; i < series && st == EXPO_OK; i++) {
        ngx_memzero(&one, sizeof(one));
        one.conf = u->conf;
        one.who = u->who;
        one.found.user = u->found.user;
        one.file.fd = -1;
        one.sealing = malloc(NGX_EXPOSURE_UPLOAD_CHUNK + EXPO_BLOB_TAG);
        ngx_memcpy(one.tag, u->tag, EXPO_TAG);

        st = one.sealing ? ngx_exposure_stow_series(u, &one, files, i)
                         : EXPO_NO_MEMORY;

        if (st == EXPO_OK) {
            t->leases[t->nscans] = one.lease;
            t->scans[t->nscans++] = one.scan.id;
        }

        if (one.file.fd != -1) {
            close(one.file.fd);
        }

        if (one.sealing) {
            ngx_explicit_memzero(one.sealing, NGX_EXPOSURE_UPLOAD_CHUNK);
        }

        free(one.sealing);
        free(one.scan.meta);
        json_decref(one.json);
        ngx_explicit_memzero(&one, sizeof(one));
    }

    while (st != EXPO_OK && t->nscans) {
        (void) expo_store_scan_delete(u->conf->store, &t->scans[--t->nscans],
                                      (uint32_t) (time(NULL) / 86400));
    }

    return st;
}


/* The files of one series, in a tar of their own under a key of its own. */

static expo_status_t
ngx_exposure_stow_series(ngx_exposure_upload_t *u, ngx_exposure_upload_t *one,
    json_t *files, ngx_uint_t series)
{
    size_t                    i;
    json_t                   *file;
    uint64_t                  number;
    expo_status_t             st;
    ngx_exposure_stow_tar_t   tar;

    tar.u = u;
    tar.open = 0;
    tar.data = u->filling;

    st = expo_vault_blob_length(&u->blob, u->file.bytes, &tar.plain,
                                &tar.chunks);

    if (st == EXPO_OK) {
        st = ngx_exposure_upload_new(one);
    }

    number = 0;

    json_array_foreach(files, i, file) {
        if (st == EXPO_OK
            && json_integer_value(json_object_get(file, "series"))
               == (json_int_t) series)
        {
            st = ngx_exposure_stow_file(&tar, one, file, ++number);
        }
    }

    if (st == EXPO_OK) {
        st = ngx_exposure_upload_seal(one, 1);
    }

    if (st == EXPO_OK) {
        st = ngx_exposure_upload_scan(one, NULL);
    }

    if (st == EXPO_OK) {
        st = expo_store_scan_add(u->conf->store, one->tag, &one->scan,
                                 &one->file);
    }

    return st;
}


static expo_status_t
ngx_exposure_stow_file(ngx_exposure_stow_tar_t *tar,
    ngx_exposure_upload_t *one, json_t *file, uint64_t number)
{
    size_t          len;
    u_char         *p, block[EXPO_TAR_BLOCK], name[NGX_INT64_LEN + 5];
    uint64_t        at, bytes, left;
    expo_status_t   st;

    at = (uint64_t) json_integer_value(json_object_get(file, "at"));
    bytes = (uint64_t) json_integer_value(json_object_get(file, "bytes"));

    if (at > tar->plain || bytes > tar->plain - at) {
        return EXPO_CORRUPT;
    }

    ngx_sprintf(name, "%08uL.dcm%Z", number);
    expo_tar_header(block, (char *) name, bytes);
    st = ngx_exposure_stow_put(one, block, sizeof(block));

    for (left = bytes; left && st == EXPO_OK; left -= len, at += len) {
        st = ngx_exposure_stow_read(tar, at, left, &p, &len);

        if (st != EXPO_OK) {
            return st;
        }

        st = ngx_exposure_stow_put(one, p, len);
    }

    ngx_memzero(block, sizeof(block));

    return st == EXPO_OK
           ? ngx_exposure_stow_put(one, block, expo_tar_padding(bytes)) : st;
}


/* Some of the bytes at a place, in the one chunk that is open. */

static expo_status_t
ngx_exposure_stow_read(ngx_exposure_stow_tar_t *tar, uint64_t at,
    uint64_t bytes, u_char **p, size_t *len)
{
    size_t          n, begin;
    uint64_t        index;
    expo_status_t   st;

    index = at / NGX_EXPOSURE_UPLOAD_CHUNK;
    begin = at % NGX_EXPOSURE_UPLOAD_CHUNK;
    n = ngx_min(tar->plain - index * NGX_EXPOSURE_UPLOAD_CHUNK,
                NGX_EXPOSURE_UPLOAD_CHUNK);

    if (tar->open != index + 1) {
        tar->open = 0;

        if (pread(tar->u->file.fd, tar->data, n + EXPO_BLOB_TAG,
                  EXPO_BLOB_HEADER
                  + index * (NGX_EXPOSURE_UPLOAD_CHUNK + EXPO_BLOB_TAG))
            != (ssize_t) (n + EXPO_BLOB_TAG))
        {
            return EXPO_IO;
        }

        st = expo_vault_chunk_open(&tar->u->blob, index,
                                   index == tar->chunks - 1, tar->data,
                                   n + EXPO_BLOB_TAG, tar->data);
        if (st != EXPO_OK) {
            return st;
        }

        tar->open = index + 1;
    }

    *p = tar->data + begin;
    *len = ngx_min(bytes, n - begin);

    return EXPO_OK;
}


static expo_status_t
ngx_exposure_stow_put(ngx_exposure_upload_t *one, u_char *p, size_t len)
{
    size_t          n;
    expo_status_t   st;

    while (len) {

        if (one->seal_len == NGX_EXPOSURE_UPLOAD_CHUNK) {
            st = ngx_exposure_upload_seal(one, 0);
            if (st != EXPO_OK) {
                return st;
            }

            one->seal_index++;
            one->seal_len = 0;
        }

        n = ngx_min(len, NGX_EXPOSURE_UPLOAD_CHUNK - one->seal_len);

        ngx_memcpy(one->sealing + one->seal_len, p, n);
        one->seal_len += n;
        p += n;
        len -= n;
    }

    return EXPO_OK;
}


/*
 * What was stored and what was not, instance by instance. Overviews, reports
 * and the like have been understood and are not wanted: they count as stored,
 * because a sender takes the whole study for lost otherwise.
 */

static json_t *
ngx_exposure_stow_told(ngx_exposure_stow_t *t, json_t *files)
{
    size_t       i;
    json_t      *file, *told, *stored, *failed, *unknown, *item;
    ngx_uint_t   reason;

    stored = json_array();
    failed = json_array();
    unknown = json_array();

    json_array_foreach(files, i, file) {
        reason = ngx_exposure_stow_reason(t, file);
        item = ngx_exposure_stow_item(file, reason);
        t->refused += reason != 0;

        json_array_append_new(reason == 0 ? stored
                              : json_object_size(item) > 1 ? failed : unknown,
                              item);
    }

    told = json_object();

    if (json_array_size(stored)) {
        json_object_set_new(told, "00081199",
                            json_pack("{s:s, s:O}", "vr", "SQ", "Value",
                                      stored));
    }

    if (json_array_size(failed)) {
        json_object_set_new(told, "00081198",
                            json_pack("{s:s, s:O}", "vr", "SQ", "Value",
                                      failed));
    }

    if (json_array_size(unknown)) {
        json_object_set_new(told, "0008119A",
                            json_pack("{s:s, s:O}", "vr", "SQ", "Value",
                                      unknown));
    }

    json_decref(stored);
    json_decref(failed);
    json_decref(unknown);

    return told;
}


/* 0: none; it is stored. */

static ngx_uint_t
ngx_exposure_stow_reason(ngx_exposure_stow_t *t, json_t *file)
{
    const char  *code;

    code = json_string_value(json_object_get(file, "code"));

    if (code == NULL || *code) {
        return NGX_EXPOSURE_STOW_UNREADABLE;
    }

    if (t->nscans == 0) {
        return NGX_EXPOSURE_STOW_PROCESSING;
    }

    return json_integer_value(json_object_get(file, "series"))
           >= (json_int_t) t->nscans ? NGX_EXPOSURE_STOW_RESOURCES : 0;
}


/* Source: PS3.18, F.2: attributes by their tags. */

static json_t *
ngx_exposure_stow_item(json_t *file, ngx_uint_t reason)
{
    json_t  *item;

    item = json_object();

    ngx_exposure_stow_uid(item, "00081150", json_object_get(file, "class"));
    ngx_exposure_stow_uid(item, "00081155", json_object_get(file, "instance"));

    if (reason) {
        json_object_set_new(item, "00081197",
                            json_pack("{s:s, s:[i]}", "vr", "US", "Value",
                                      (int) reason));
    }

    return item;
}


static void
ngx_exposure_stow_uid(json_t *item, const char *tag, json_t *uid)
{
    if (json_string_length(uid)) {
        json_object_set_new(item, tag, json_pack("{s:s, s:[O]}", "vr", "UI",
                                                 "Value", uid));
    }
}
