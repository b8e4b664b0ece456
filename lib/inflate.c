#include "lib/inflate.h"

#include <string.h>

/* zlib counts in unsigned int. */
#define INFLATE_PIECE (1u << 30)

/* Tells zlib from gzip by the header. */
#define INFLATE_EITHER (15 + 32)

static int next(expo_inflate_t *f, uint8_t *dst, size_t room);


expo_status_t
expo_inflate_open(expo_inflate_t *f, const uint8_t *src, size_t len)
{
    memset(f, 0, sizeof(*f));
    f->rest = src;
    f->rest_len = len;

    return inflateInit2(&f->z, INFLATE_EITHER) == Z_OK ? EXPO_OK
                                                       : EXPO_NO_MEMORY;
}


expo_status_t
expo_inflate_read(expo_inflate_t *f, uint8_t *dst, size_t bytes)
{
    size_t piece;
    int rc;

    while (bytes > 0) {
        piece = bytes < INFLATE_PIECE ? bytes : INFLATE_PIECE;
        rc = next(f, dst, piece);
        piece -= f->z.avail_out;
        dst += piece;
        bytes -= piece;

        /* gzip allows several members, one after the other. */
        if (rc == Z_STREAM_END && bytes > 0 &&
            (f->z.avail_in > 0 || f->rest_len > 0)) {
            rc = inflateReset(&f->z);
        }

        if (rc == Z_MEM_ERROR) {
            return EXPO_NO_MEMORY;
        }

        if (bytes > 0 && rc != Z_OK) {
            return EXPO_CORRUPT;
        }
    }

    return EXPO_OK;
}


expo_status_t
expo_inflate_check(expo_inflate_t *f)
{
    uint8_t none;

    return next(f, &none, 0) == Z_DATA_ERROR ? EXPO_CORRUPT : EXPO_OK;
}


void
expo_inflate_close(expo_inflate_t *f)
{
    inflateEnd(&f->z);
}


/* What inflate says. */
static int
next(expo_inflate_t *f, uint8_t *dst, size_t room)
{
    size_t piece;

    if (f->z.avail_in == 0) {
        piece = f->rest_len < INFLATE_PIECE ? f->rest_len : INFLATE_PIECE;
        f->z.next_in = (Bytef *) f->rest;
        f->z.avail_in = (uInt) piece;
        f->rest += piece;
        f->rest_len -= piece;
    }

    f->z.next_out = dst;
    f->z.avail_out = (uInt) room;

    return inflate(&f->z, Z_NO_FLUSH);
}
