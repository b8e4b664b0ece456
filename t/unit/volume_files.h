/* What the tests of volume readers share. */

#ifndef VOLUME_FILES_H
#define VOLUME_FILES_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "lib/volume_file.h"
#include "t/unit/check.h"

static char note[200];

/* src as zlib (bits 15) or gzip (bits 31) makes it. */
static inline size_t
deflated(const uint8_t *src, size_t len, int bits, uint8_t *dst, size_t cap)
{
    z_stream z;
    size_t made;

    memset(&z, 0, sizeof(z));
    deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (Bytef *) src;
    z.avail_in = (uInt) len;
    z.next_out = dst;
    z.avail_out = (uInt) cap;
    deflate(&z, Z_FINISH);
    made = cap - z.avail_out;
    deflateEnd(&z);

    return made;
}

/* The one file that there is beside. */
typedef struct {
    const char *name;
    const uint8_t *data;
    size_t len;
} neighbour_t;

static inline expo_status_t
beside(void *owner, const char *name, const uint8_t **data, size_t *len)
{
    neighbour_t *n = owner;

    if (strcmp(name, n->name) != 0) {
        return EXPO_NOT_FOUND;
    }

    *data = n->data;
    *len = n->len;

    return EXPO_OK;
}

typedef expo_status_t (*reader_pt)(expo_volume_t *, uint16_t **,
                                   const expo_volume_file_t *, char *, size_t);

/* Status; what is read goes again. */
static inline expo_status_t
status_of(reader_pt reader, const void *data, size_t len)
{
    expo_volume_file_t file = {.data = data, .len = len, .name = "x.file"};
    uint16_t *voxels = NULL;
    expo_volume_t v;
    expo_status_t st = reader(&v, &voxels, &file, note, sizeof(note));

    free(voxels);

    return st;
}

/* No beginning of a good file is taken for a whole one; each refusal has its
 * sentence. */
static inline int
every_cut_is_refused(reader_pt reader, const uint8_t *data, size_t len)
{
    uint8_t *part;
    int wrong = 0;
    size_t i;

    for (i = 0; i < len; i++) {
        part = malloc(i + 1); /* exact, so that a sanitizer sees the end */
        memcpy(part, data, i);
        part = realloc(part, i > 0 ? i : 1);
        note[0] = '\0';
        wrong += status_of(reader, part, i) == EXPO_OK || note[0] == '\0';
        free(part);
    }

    return wrong == 0;
}

/* Whatever one byte becomes, the reader ends well. */
static inline void
any_byte_may_change(reader_pt reader, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len);
    size_t i;

    for (i = 0; i < len; i++) {
        memcpy(copy, data, len);
        copy[i] ^= (uint8_t) (1u << i % 8);
        status_of(reader, copy, len);
        copy[i] ^= 0xff;
        status_of(reader, copy, len);
    }

    free(copy);
    check(1);
}

static inline double
value_at(const expo_volume_t *v, const uint16_t *voxels, size_t i)
{
    return v->offset + v->scale * voxels[i];
}

#endif
