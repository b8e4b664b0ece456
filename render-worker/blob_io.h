/*
 * Sealed blobs between descriptors and memory, chunk by chunk, with lib/vault.
 * The key lives in the expo_blob_t, which its owner wipes.
 */

#ifndef BLOB_IO_H
#define BLOB_IO_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/vault.h"
#include "render-worker/memory.h"

/*
 * header: base64 of the 128 bytes. EXPO_INVALID unless they are a blob's of
 * this kind and scan, with a chunk size that the format allows.
 */
expo_status_t blob_take(expo_blob_t *b, const char *header,
                        const uint8_t key[32], const expo_id_t *scan,
                        expo_blob_kind_t kind);

/* Reading, from the first chunk to the last. */
typedef struct {
    const expo_blob_t *blob;
    int fd; /* borrowed */
    uint64_t plain, chunks, next;
    size_t chunk;
    uint8_t *sealed; /* one chunk with its tag */
} blob_reader_t;

/* EXPO_CORRUPT: the file's header or length is not the blob's. */
expo_status_t blob_reader_open(blob_reader_t *r, const expo_blob_t *b, int fd);
void blob_reader_close(blob_reader_t *r);

/* The next chunk into dst (room for r->chunk); *len 0 after the last. */
expo_status_t blob_read(blob_reader_t *r, uint8_t *dst, size_t *len);

/*
 * Seals len bytes into fd from its start, then fdatasync; *bytes is the file's
 * length. EXPO_NO_SPACE, EXPO_IO.
 */
expo_status_t blob_save(const expo_blob_t *b, int fd, const uint8_t *src,
                        size_t len, uint64_t *bytes);

#endif
