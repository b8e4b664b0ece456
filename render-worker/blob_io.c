#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base64.h"
#include "render-worker/blob_io.h"

/* Offsets in the blob header: docs/vault.md. */
#define BLOB_AT_CHUNK 12
#define BLOB_AT_KIND 13
#define BLOB_AT_SCAN 20
#define BLOB_CHUNK_MIN 12
#define BLOB_CHUNK_MAX 24

static expo_status_t blob_read_at(int fd, uint8_t *dst, size_t len,
                                  uint64_t at);
static expo_status_t blob_write_at(int fd, const uint8_t *src, size_t len,
                                   uint64_t at);


expo_status_t
blob_take(expo_blob_t *b, const char *header, const uint8_t key[32],
          const expo_id_t *scan, expo_blob_kind_t kind)
{
    size_t n;

    if (expo_base64_parse(b->header, sizeof(b->header), &n, header,
                          strlen(header)) != EXPO_OK ||
        n != EXPO_BLOB_HEADER) {
        return EXPO_INVALID;
    }

    if (b->header[BLOB_AT_KIND] != kind ||
        b->header[BLOB_AT_CHUNK] < BLOB_CHUNK_MIN ||
        b->header[BLOB_AT_CHUNK] > BLOB_CHUNK_MAX ||
        memcmp(b->header + BLOB_AT_SCAN, scan->b, sizeof(scan->b)) != 0) {
        return EXPO_INVALID;
    }

    memcpy(b->key, key, sizeof(b->key));
    return EXPO_OK;
}


expo_status_t
blob_reader_open(blob_reader_t *r, const expo_blob_t *b, int fd)
{
    uint8_t header[EXPO_BLOB_HEADER];
    struct stat info;
    expo_status_t st;

    memset(r, 0, sizeof(*r));

    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
        return EXPO_IO;
    }

    st = blob_read_at(fd, header, sizeof(header), 0);
    if (st != EXPO_OK) {
        return st;
    }

    if (memcmp(header, b->header, sizeof(header)) != 0) {
        return EXPO_CORRUPT;
    }

    st = expo_vault_blob_length(b, (uint64_t) info.st_size, &r->plain,
                                &r->chunks);
    if (st != EXPO_OK) {
        return st;
    }

    r->blob = b;
    r->fd = fd;
    r->chunk = expo_vault_blob_chunk(b);
    r->sealed = malloc(r->chunk + EXPO_BLOB_TAG);

    return r->sealed == NULL ? EXPO_NO_MEMORY : EXPO_OK;
}


void
blob_reader_close(blob_reader_t *r)
{
    free(r->sealed);
    r->sealed = NULL;
}


expo_status_t
blob_read(blob_reader_t *r, uint8_t *dst, size_t *len)
{
    uint64_t stride = r->chunk + EXPO_BLOB_TAG;
    int last = r->next + 1 == r->chunks;
    expo_status_t st;

    *len = 0;

    if (r->next == r->chunks) {
        return EXPO_OK;
    }

    *len = last ? (size_t) (r->plain - r->next * r->chunk) : r->chunk;

    st = blob_read_at(r->fd, r->sealed, *len + EXPO_BLOB_TAG,
                      EXPO_BLOB_HEADER + r->next * stride);
    if (st != EXPO_OK) {
        return st;
    }

    return expo_vault_chunk_open(r->blob, r->next++, last, r->sealed,
                                 *len + EXPO_BLOB_TAG, dst);
}


expo_status_t
blob_save(const expo_blob_t *b, int fd, const uint8_t *src, size_t len,
          uint64_t *bytes)
{
    size_t chunk = expo_vault_blob_chunk(b), n;
    uint8_t *sealed = malloc(chunk + EXPO_BLOB_TAG);
    uint64_t index = 0, at = EXPO_BLOB_HEADER;
    expo_status_t st;
    int last;

    if (sealed == NULL) {
        return EXPO_NO_MEMORY;
    }

    st = blob_write_at(fd, b->header, EXPO_BLOB_HEADER, 0);

    for (last = 0; st == EXPO_OK && !last; index++) {
        n = len < chunk ? len : chunk;
        last = n == len;

        st = expo_vault_chunk_seal(b, index, last, src, n, sealed);
        if (st != EXPO_OK) {
            break;
        }

        st = blob_write_at(fd, sealed, n + EXPO_BLOB_TAG, at);
        at += n + EXPO_BLOB_TAG;
        src += n;
        len -= n;
    }

    if (st == EXPO_OK && fdatasync(fd) < 0) {
        st = errno == ENOSPC || errno == EDQUOT ? EXPO_NO_SPACE : EXPO_IO;
    }

    *bytes = at;
    free(sealed);

    return st;
}


static expo_status_t
blob_read_at(int fd, uint8_t *dst, size_t len, uint64_t at)
{
    ssize_t n;

    while (len > 0) {
        n = pread(fd, dst, len, (off_t) at);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return n == 0 ? EXPO_CORRUPT : EXPO_IO;
        }

        dst += n;
        len -= (size_t) n;
        at += (uint64_t) n;
    }

    return EXPO_OK;
}


static expo_status_t
blob_write_at(int fd, const uint8_t *src, size_t len, uint64_t at)
{
    ssize_t n;

    while (len > 0) {
        n = pwrite(fd, src, len, (off_t) at);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n < 0) {
            return errno == ENOSPC || errno == EDQUOT || errno == EFBIG
                       ? EXPO_NO_SPACE
                       : EXPO_IO;
        }

        src += n;
        len -= (size_t) n;
        at += (uint64_t) n;
    }

    return EXPO_OK;
}
