#include "lib/inflate.c"
#include "t/unit/check.h"

static uint8_t plain[3 << 20], packed[4 << 20];

enum { GZIP = 15 + 16, RAW = -15 };

static size_t
deflated(size_t at, const void *src, size_t n, int window)
{
    z_stream z = {0};

    deflateInit2(&z, 1, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (Bytef *) (uintptr_t) src;
    z.avail_in = (uInt) n;
    z.next_out = packed + at;
    z.avail_out = (uInt) (sizeof(packed) - at);
    deflate(&z, Z_FINISH);
    deflateEnd(&z);

    return at + z.total_out;
}

static expo_status_t
rest(const uint8_t *src, size_t len, int raw, size_t most, uint8_t **dst,
     size_t *bytes)
{
    expo_inflate_t f;
    expo_status_t st;

    st = raw ? expo_inflate_open_raw(&f, src, len)
             : expo_inflate_open(&f, src, len);
    if (st == EXPO_OK) {
        st = expo_inflate_rest(&f, dst, bytes, most);
        expo_inflate_close(&f);
    }

    return st;
}

static void
the_whole_comes_out_of_several_members_and_padding(void)
{
    size_t n, bytes, half = sizeof(plain) / 2;
    uint8_t *dst;

    n = deflated(0, plain, half, GZIP);
    n = deflated(n, plain + half, half, GZIP);

    check(rest(packed, n, 0, sizeof(plain), &dst, &bytes) == EXPO_OK);
    check(bytes == sizeof(plain) && memcmp(dst, plain, bytes) == 0);
    free(dst);

    memset(packed + n, 0, 512);
    check(rest(packed, n + 512, 0, sizeof(plain), &dst, &bytes) == EXPO_OK);
    check(bytes == sizeof(plain));
    free(dst);

    n = deflated(0, plain, 5, RAW);
    check(rest(packed, n, 1, 5, &dst, &bytes) == EXPO_OK && bytes == 5);
    check(memcmp(dst, plain, 5) == 0);
    free(dst);

    n = deflated(0, plain, 0, RAW);
    check(rest(packed, n, 1, 0, &dst, &bytes) == EXPO_OK && bytes == 0);
    free(dst);
}

static void
more_than_the_most_is_never_held(void)
{
    size_t n = deflated(0, plain, sizeof(plain), GZIP), bytes;
    uint8_t *dst;

    check(rest(packed, n, 0, sizeof(plain) - 1, &dst, &bytes) ==
          EXPO_TOO_LARGE);
    check(dst == NULL);
    check(rest(packed, n, 0, 0, &dst, &bytes) == EXPO_TOO_LARGE);
    check(dst == NULL);
}

static void
cut_and_damaged_data_give_what_there_was(void)
{
    size_t n = deflated(0, plain, sizeof(plain), GZIP), bytes;
    uint8_t *dst;

    check(rest(packed, n / 2, 0, sizeof(plain), &dst, &bytes) == EXPO_AGAIN);
    check(bytes > 1 << 20 && memcmp(dst, plain, bytes) == 0);
    free(dst);

    packed[n - 8] ^= 1;
    check(rest(packed, n, 0, sizeof(plain), &dst, &bytes) == EXPO_CORRUPT);
    check(bytes == sizeof(plain) && memcmp(dst, plain, bytes) == 0);
    free(dst);

    check(rest(packed, 0, 1, 10, &dst, &bytes) == EXPO_AGAIN && bytes == 0);
    free(dst);
}

int
main(void)
{
    uint32_t x = 1;

    for (size_t i = 0; i < sizeof(plain); i++) {
        x = x * 1664525 + 1013904223;
        plain[i] = (uint8_t) (x >> 28);
    }

    the_whole_comes_out_of_several_members_and_padding();
    more_than_the_most_is_never_held();
    cut_and_damaged_data_give_what_there_was();

    return done();
}
