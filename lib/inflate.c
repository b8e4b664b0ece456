#include "lib/inflate.h"

#include <stdlib.h>
#include <string.h>

/* zlib counts in unsigned int. */
#define INFLATE_PIECE (1u << 30)

/* Tells zlib from gzip by the header. */
#define INFLATE_EITHER (15 + 32)
#define INFLATE_RAW (-15)

#define INFLATE_FIRST (1u << 20)

static expo_status_t start(expo_inflate_t *f, const uint8_t *src, size_t len,
                           int window);
static int goes_on(const expo_inflate_t *f);
static int next(expo_inflate_t *f, uint8_t *dst, size_t room);


expo_status_t
expo_inflate_open(expo_inflate_t *f, const uint8_t *src, size_t len)
{
    return start(f, src, len, INFLATE_EITHER);
}


expo_status_t
expo_inflate_open_raw(expo_inflate_t *f, const uint8_t *src, size_t len)
{
    return start(f, src, len, INFLATE_RAW);
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


expo_status_t
expo_inflate_rest(expo_inflate_t *f, uint8_t **dst, size_t *bytes, size_t most)
{
    size_t room = 0, more;
    uint8_t *grown;
    int rc = Z_OK;

    *dst = NULL;
    *bytes = 0;

    while (rc == Z_OK) {
        if (*bytes == room) {
            /* One byte more than may be, to notice that there is one. */
            more = room > 0 ? room / 2 : INFLATE_FIRST;
            more = more < most + 1 - room ? more : most + 1 - room;
            grown = realloc(*dst, room + more);

            if (grown == NULL) {
                free(*dst);
                *dst = NULL;
                return EXPO_NO_MEMORY;
            }

            *dst = grown;
            room += more;
        }

        more = room - *bytes < INFLATE_PIECE ? room - *bytes : INFLATE_PIECE;
        rc = next(f, *dst + *bytes, more);
        *bytes += more - f->z.avail_out;

        if (*bytes > most || rc == Z_MEM_ERROR) {
            free(*dst);
            *dst = NULL;
            return rc == Z_MEM_ERROR ? EXPO_NO_MEMORY : EXPO_TOO_LARGE;
        }

        if (rc == Z_STREAM_END && goes_on(f)) {
            rc = inflateReset(&f->z);
        }
    }

    return rc == Z_STREAM_END  ? EXPO_OK
           : rc == Z_BUF_ERROR ? EXPO_AGAIN
                               : EXPO_CORRUPT;
}


void
expo_inflate_close(expo_inflate_t *f)
{
    inflateEnd(&f->z);
}


static expo_status_t
start(expo_inflate_t *f, const uint8_t *src, size_t len, int window)
{
    memset(f, 0, sizeof(*f));
    f->rest = src;
    f->rest_len = len;

    return inflateInit2(&f->z, window) == Z_OK ? EXPO_OK : EXPO_NO_MEMORY;
}


/* Another gzip member follows: not the padding that some tools append. */
static int
goes_on(const expo_inflate_t *f)
{
    return f->z.avail_in + f->rest_len > 2 && f->z.next_in[0] == 0x1f &&
           f->z.next_in[1] == 0x8b;
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
