#include "lib/outgoing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/tar.h"

static expo_status_t outgoing_text(expo_outgoing_t *o, size_t *len);
static expo_status_t outgoing_open(expo_outgoing_t *o,
                                   const expo_takeout_volume_t *v);
static expo_status_t outgoing_first(expo_outgoing_t *o);
static expo_status_t outgoing_volume(expo_outgoing_t *o, size_t *len);
static expo_status_t outgoing_chunk(expo_outgoing_t *o, size_t *len);
static expo_status_t outgoing_read(expo_outgoing_t *o, uint64_t chunk,
                                   size_t *len);
static expo_status_t outgoing_room(uint8_t **b, size_t *have, size_t want);
static void outgoing_shut(expo_outgoing_t *o);


expo_status_t
expo_outgoing_volume(expo_outgoing_t *o, expo_store_t *store, expo_keys_t *keys,
                     const expo_takeout_volume_t *volume,
                     expo_export_format_t format, int gzip)
{
    expo_status_t st;

    memset(o, 0, sizeof(*o));
    o->store = store;
    o->keys = keys;
    o->format = format;
    o->gzip = gzip;
    o->fd = -1;
    o->state = EXPO_OUTGOING_CHUNKS;

    st = outgoing_open(o, volume);
    if (st != EXPO_OK) {
        expo_outgoing_close(o);
    }

    return st;
}


expo_status_t
expo_outgoing_archive(expo_outgoing_t *o, expo_store_t *store,
                      expo_keys_t *keys, const json_t *json,
                      expo_takeout_volume_t *volumes, size_t count)
{
    memset(o, 0, sizeof(*o));
    o->store = store;
    o->keys = keys;
    o->format = EXPO_EXPORT_NIFTI;
    o->archive = 1;
    o->fd = -1;
    o->state = EXPO_OUTGOING_TEXT;

    o->text = json_dumps(json, JSON_INDENT(2));
    if (o->text == NULL) {
        return EXPO_NO_MEMORY;
    }

    o->volumes = volumes;
    o->count = count;

    return EXPO_OK;
}


uint64_t
expo_outgoing_bytes(const expo_outgoing_t *o)
{
    return o->archive ? 0 : expo_export_bytes(&o->export);
}


expo_status_t
expo_outgoing_next(expo_outgoing_t *o, uint8_t **piece, size_t *len)
{
    expo_status_t st = EXPO_NOT_FOUND;

    *len = 0;

    switch (o->state) {
    case EXPO_OUTGOING_TEXT:
        st = outgoing_text(o, len);
        break;

    case EXPO_OUTGOING_VOLUME:
        st = outgoing_volume(o, len);
        break;

    case EXPO_OUTGOING_CHUNKS:
        st = outgoing_chunk(o, len);
        break;

    case EXPO_OUTGOING_END:
        *len = 2 * EXPO_TAR_BLOCK;
        st = outgoing_room(&o->out, &o->out_bytes, *len);
        if (st == EXPO_OK) {
            memset(o->out, 0, *len);
        }
        o->state = EXPO_OUTGOING_OVER;
        break;

    case EXPO_OUTGOING_OVER:
        break;
    }

    *piece = o->out;

    return st;
}


void
expo_outgoing_close(expo_outgoing_t *o)
{
    outgoing_shut(o);

    if (o->text != NULL) {
        sodium_memzero(o->text, strlen(o->text));
        free(o->text);
    }
    if (o->volumes != NULL) {
        sodium_memzero(o->volumes, o->count * sizeof(*o->volumes));
        free(o->volumes);
    }
    if (o->in != NULL) {
        sodium_memzero(o->in, o->in_bytes);
        free(o->in);
    }
    if (o->out != NULL) {
        sodium_memzero(o->out, o->out_bytes);
        free(o->out);
    }

    memset(o, 0, sizeof(*o));
    o->fd = -1;
    o->state = EXPO_OUTGOING_OVER;
}


static expo_status_t
outgoing_text(expo_outgoing_t *o, size_t *len)
{
    size_t n = strlen(o->text), padding = expo_tar_padding(n);
    expo_status_t st;

    *len = EXPO_TAR_BLOCK + n + padding;

    st = outgoing_room(&o->out, &o->out_bytes, *len);
    if (st != EXPO_OK) {
        return st;
    }

    expo_tar_header(o->out, "export.json", n);
    memcpy(o->out + EXPO_TAR_BLOCK, o->text, n);
    memset(o->out + EXPO_TAR_BLOCK + n, 0, padding);
    o->state = o->count > 0 ? EXPO_OUTGOING_VOLUME : EXPO_OUTGOING_END;

    return EXPO_OK;
}


/* Its header too is looked at, so that bytes are known and room is there. */
static expo_status_t
outgoing_open(expo_outgoing_t *o, const expo_takeout_volume_t *v)
{
    uint8_t header[EXPO_BLOB_HEADER];
    uint64_t bytes;
    expo_id_t id;
    expo_status_t st;

    st = expo_store_blob_open(o->store, &v->scan, EXPO_BLOB_VOLUME, &id, &o->fd,
                              &bytes);
    if (st != EXPO_OK) {
        o->fd = -1;
        return st;
    }

    if (pread(o->fd, header, sizeof(header), 0) != sizeof(header)) {
        st = EXPO_CORRUPT;
    } else {
        st = expo_keys_blob_open(o->keys, &v->lease, header, &id,
                                 EXPO_BLOB_VOLUME, &o->blob);
    }

    if (st == EXPO_OK) {
        st = expo_vault_blob_length(&o->blob, bytes, &o->plain, &o->chunks);
    }
    if (st == EXPO_OK) {
        o->chunk = 0;
        st = outgoing_first(o);
    }

    if (st != EXPO_OK) {
        outgoing_shut(o);
    }

    return st;
}


static expo_status_t
outgoing_first(expo_outgoing_t *o)
{
    size_t chunk = expo_vault_blob_chunk(&o->blob), len;
    expo_status_t st;

    st = outgoing_room(&o->in, &o->in_bytes, chunk + EXPO_BLOB_TAG);
    if (st == EXPO_OK) {
        st = outgoing_read(o, 0, &len);
    }
    if (st == EXPO_OK && len < EXPO_VOLUME_HEADER) {
        st = EXPO_CORRUPT;
    }

    if (st == EXPO_OK) {
        st = expo_export_open(&o->export, o->in, o->plain, o->format, o->gzip);
    }
    if (st == EXPO_OK) {
        st =
            outgoing_room(&o->out, &o->out_bytes,
                          expo_export_room(&o->export, chunk) + EXPO_TAR_BLOCK);
    }

    return st;
}


/* A member's tar header: of the next volume that opens. */
static expo_status_t
outgoing_volume(expo_outgoing_t *o, size_t *len)
{
    char id[EXPO_ID_TEXT + 1], name[64];
    const expo_takeout_volume_t *v = NULL;
    expo_status_t st = EXPO_NOT_FOUND;

    while (o->next < o->count && st != EXPO_OK) {
        v = &o->volumes[o->next++];
        st = outgoing_open(o, v);

        if (st == EXPO_AGAIN || st == EXPO_NO_MEMORY) {
            return st;
        }
    }

    if (st != EXPO_OK) {
        o->state = EXPO_OUTGOING_END;
        return EXPO_OK;
    }

    expo_id_print(id, &v->scan);
    snprintf(name, sizeof(name), "scans/%s.%s", id,
             expo_export_suffix(o->format, o->gzip));
    expo_tar_header(o->out, name, expo_export_bytes(&o->export));
    *len = EXPO_TAR_BLOCK;
    o->state = EXPO_OUTGOING_CHUNKS;

    return EXPO_OK;
}


static expo_status_t
outgoing_chunk(expo_outgoing_t *o, size_t *len)
{
    size_t n, skip = o->chunk == 0 ? EXPO_VOLUME_HEADER : 0;
    expo_status_t st;

    st = outgoing_read(o, o->chunk, &n);
    if (st == EXPO_OK) {
        st = expo_export_feed(&o->export, o->in + skip, n - skip, o->out, len);
    }
    if (st != EXPO_OK || ++o->chunk < o->chunks) {
        return st;
    }

    if (o->archive) {
        n = expo_tar_padding(expo_export_bytes(&o->export));
        memset(o->out + *len, 0, n);
        *len += n;
        o->state =
            o->next < o->count ? EXPO_OUTGOING_VOLUME : EXPO_OUTGOING_END;
    } else {
        o->state = EXPO_OUTGOING_OVER;
    }

    st = expo_export_close(&o->export);
    outgoing_shut(o);

    return st;
}


/* One chunk, opened in place. */
static expo_status_t
outgoing_read(expo_outgoing_t *o, uint64_t chunk, size_t *len)
{
    size_t full = expo_vault_blob_chunk(&o->blob), want, n = 0;
    int last = chunk + 1 == o->chunks;
    ssize_t got;

    want = last ? (size_t) (o->plain - chunk * full) : full;
    *len = want;
    want += EXPO_BLOB_TAG;

    while (n < want) {
        got = pread(
            o->fd, o->in + n, want - n,
            (off_t) (EXPO_BLOB_HEADER + chunk * (full + EXPO_BLOB_TAG) + n));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? EXPO_IO : EXPO_CORRUPT;
        }
        n += (size_t) got;
    }

    return expo_vault_chunk_open(&o->blob, chunk, last, o->in, want, o->in);
}


static expo_status_t
outgoing_room(uint8_t **b, size_t *have, size_t want)
{
    uint8_t *larger;

    if (*have >= want) {
        return EXPO_OK;
    }

    larger = malloc(want);
    if (larger == NULL) {
        return EXPO_NO_MEMORY;
    }

    if (*b != NULL) {
        sodium_memzero(*b, *have);
        free(*b);
    }

    *b = larger;
    *have = want;

    return EXPO_OK;
}


static void
outgoing_shut(expo_outgoing_t *o)
{
    expo_export_close(&o->export);
    sodium_memzero(&o->export, sizeof(o->export));
    sodium_memzero(&o->blob, sizeof(o->blob));

    if (o->fd >= 0) {
        close(o->fd);
        o->fd = -1;
    }
}
