/*
 * zlib (RFC 1950), gzip (RFC 1952) or bare deflate data (RFC 1951) that lie in
 * memory, inflated piece by piece, or in whole up to a limit.
 */

#ifndef EXPO_INFLATE_H
#define EXPO_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

#include "lib/status.h"

typedef struct {
    z_stream z;
    const uint8_t *rest; /* not handed to zlib yet */
    size_t rest_len;
} expo_inflate_t;

/* src is borrowed until close. EXPO_NO_MEMORY: nothing to close. */
expo_status_t expo_inflate_open(expo_inflate_t *f, const uint8_t *src,
                                size_t len);

/* The same of bare deflate data. */
expo_status_t expo_inflate_open_raw(expo_inflate_t *f, const uint8_t *src,
                                    size_t len);

/* The next `bytes` bytes; EXPO_CORRUPT: damaged, or it ends before them. */
expo_status_t expo_inflate_read(expo_inflate_t *f, uint8_t *dst, size_t bytes);

/* After the last byte that is wanted: EXPO_CORRUPT when the data end here, or
 * a gzip member does, and its checksum is that of other bytes. */
expo_status_t expo_inflate_check(expo_inflate_t *f);

/*
 * All that is left, in malloc'd memory; what follows the data in src is let
 * lie. At most `most` bytes, else EXPO_TOO_LARGE. EXPO_AGAIN: the data end too
 * early; EXPO_CORRUPT: they are damaged. *dst then has what there was.
 */
expo_status_t expo_inflate_rest(expo_inflate_t *f, uint8_t **dst, size_t *bytes,
                                size_t most);

void expo_inflate_close(expo_inflate_t *f);

#endif
