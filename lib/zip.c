#include "lib/zip.h"

#include <stdlib.h>
#include <string.h>

#include "lib/inflate.h"

/* Fixed parts of each record, APPNOTE 4.3.7, 4.3.12 and 4.3.14 to 4.3.16. */
enum {
    ZIP_LOCAL = 30,
    ZIP_CENTRAL = 46,
    ZIP_END = 22,
    ZIP_END64 = 56,
    ZIP_LOCATOR64 = 20,
    ZIP_COMMENT_MAX = 65535
};

enum { ZIP_STORED = 0, ZIP_DEFLATED = 8 };

/* Encrypted, strongly encrypted, names masked. */
#define ZIP_ENCRYPTED (1u << 0 | 1u << 6 | 1u << 13)

#define ZIP_UNIX 3
#define ZIP_UNIX_TYPE 0170000
#define ZIP_UNIX_FILE 0100000

typedef struct {
    uint64_t first, end; /* of the archive's bytes */
} zip_span_t;

typedef struct {
    const uint8_t *src;
    uint64_t len;
    uint64_t directory, end, count; /* where it lies; its members */
    uint64_t at;                    /* the next of them */
    zip_span_t *spans;
} zip_walk_t;

static expo_status_t zip_end(zip_walk_t *w);
static expo_status_t zip_end64(zip_walk_t *w, uint64_t end_at);
static const uint8_t *zip_find_end(const uint8_t *src, uint64_t len);
static expo_status_t zip_member(expo_zip_t *z, zip_walk_t *w, uint64_t i);
static expo_status_t zip_sizes64(const uint8_t *extra, size_t len,
                                 uint64_t *bytes, uint64_t *packed,
                                 uint64_t *local);
static expo_status_t zip_place(expo_zip_entry_t *e, const zip_walk_t *w,
                               uint64_t local, zip_span_t *span);
static int zip_is_file(const uint8_t *h, const expo_zip_entry_t *e);
static int zip_overlap(zip_span_t *spans, uint64_t count);
static int zip_compare(const void *a, const void *b);
static int zip_is(const uint8_t *p, const char *mark);
static uint64_t zip_le(const uint8_t *p, int bytes);


expo_status_t
expo_zip_open(expo_zip_t *z, const uint8_t *src, uint64_t len,
              const expo_zip_limits_t *limits)
{
    zip_walk_t w = {.src = src, .len = len};
    expo_status_t st;
    uint64_t i;

    memset(z, 0, sizeof(*z));

    st = zip_end(&w);
    if (st != EXPO_OK) {
        return st;
    }

    if (w.count > limits->members) {
        return EXPO_TOO_LARGE;
    }

    /* Before anything of such a size is asked for. */
    if (w.count > (w.end - w.directory) / ZIP_CENTRAL) {
        return EXPO_INVALID;
    }

    w.at = w.directory;
    z->entries = calloc(w.count + 1, sizeof(*z->entries));
    w.spans = calloc(w.count + 1, sizeof(*w.spans));

    st = z->entries != NULL && w.spans != NULL ? EXPO_OK : EXPO_NO_MEMORY;

    for (i = 0; st == EXPO_OK && i < w.count; i++) {
        st = zip_member(z, &w, i);
    }

    if (st == EXPO_OK && zip_overlap(w.spans, w.count)) {
        st = EXPO_INVALID;
    }

    if (st == EXPO_OK && z->bytes > limits->bytes) {
        st = EXPO_TOO_LARGE;
    }

    free(w.spans);

    if (st != EXPO_OK) {
        expo_zip_close(z);
    }

    return st;
}


expo_status_t
expo_zip_read(const expo_zip_entry_t *e, uint8_t *dst)
{
    expo_inflate_t f;
    expo_status_t st;

    if (e->deflated) {
        st = expo_inflate_open_raw(&f, e->data, e->packed);
        if (st != EXPO_OK) {
            return st;
        }

        st = expo_inflate_read(&f, dst, e->bytes);
        expo_inflate_close(&f);

        if (st != EXPO_OK) {
            return st;
        }

    } else {
        memcpy(dst, e->data, e->bytes);
    }

    return crc32_z(0, dst, e->bytes) == e->crc ? EXPO_OK : EXPO_CORRUPT;
}


void
expo_zip_close(expo_zip_t *z)
{
    free(z->entries);
    memset(z, 0, sizeof(*z));
}


/* Where the directory lies and how many it has. */
static expo_status_t
zip_end(zip_walk_t *w)
{
    const uint8_t *h = zip_find_end(w->src, w->len);
    uint64_t end_at, bytes;

    if (h == NULL) {
        return EXPO_CORRUPT;
    }

    end_at = (uint64_t) (h - w->src);
    w->count = zip_le(h + 10, 2);
    bytes = zip_le(h + 12, 4);
    w->directory = zip_le(h + 16, 4);

    if (w->count == UINT16_MAX || bytes == UINT32_MAX ||
        w->directory == UINT32_MAX) {
        return zip_end64(w, end_at);
    }

    if (zip_le(h + 4, 2) != 0 || zip_le(h + 6, 2) != 0 ||
        zip_le(h + 8, 2) != w->count) {
        return EXPO_UNSUPPORTED;
    }

    if (w->directory > end_at || bytes > end_at - w->directory) {
        return EXPO_INVALID;
    }

    w->end = w->directory + bytes;
    return EXPO_OK;
}


static expo_status_t
zip_end64(zip_walk_t *w, uint64_t end_at)
{
    const uint8_t *h;
    uint64_t at, bytes;

    if (end_at < ZIP_LOCATOR64 + ZIP_END64) {
        return EXPO_INVALID;
    }

    h = w->src + end_at - ZIP_LOCATOR64;
    at = zip_le(h + 8, 8);

    if (!zip_is(h, "PK\6\7") || at > end_at - ZIP_LOCATOR64 - ZIP_END64) {
        return EXPO_INVALID;
    }

    if (zip_le(h + 4, 4) != 0 || zip_le(h + 16, 4) > 1) {
        return EXPO_UNSUPPORTED;
    }

    h = w->src + at;
    w->count = zip_le(h + 32, 8);
    bytes = zip_le(h + 40, 8);
    w->directory = zip_le(h + 48, 8);

    if (!zip_is(h, "PK\6\6") || w->directory > at ||
        bytes > at - w->directory) {
        return EXPO_INVALID;
    }

    if (zip_le(h + 16, 4) != 0 || zip_le(h + 20, 4) != 0 ||
        zip_le(h + 24, 8) != w->count) {
        return EXPO_UNSUPPORTED;
    }

    w->end = w->directory + bytes;
    return EXPO_OK;
}


/* The last record whose comment ends where the archive does. */
static const uint8_t *
zip_find_end(const uint8_t *src, uint64_t len)
{
    const uint8_t *h;
    uint64_t comment;

    for (comment = 0; comment <= ZIP_COMMENT_MAX && len >= ZIP_END + comment;
         comment++) {
        h = src + len - comment - ZIP_END;

        if (zip_is(h, "PK\5\6") && zip_le(h + 20, 2) == comment) {
            return h;
        }
    }

    return NULL;
}


/* The i-th of the directory; w->at moves behind it. */
static expo_status_t
zip_member(expo_zip_t *z, zip_walk_t *w, uint64_t i)
{
    const uint8_t *h = w->src + w->at;
    uint64_t name, extra, comment, local;
    expo_zip_entry_t e = {0};
    uint32_t method;
    expo_status_t st;

    if (w->end - w->at < ZIP_CENTRAL || !zip_is(h, "PK\1\2")) {
        return EXPO_INVALID;
    }

    name = zip_le(h + 28, 2);
    extra = zip_le(h + 30, 2);
    comment = zip_le(h + 32, 2);

    if (w->end - w->at - ZIP_CENTRAL < name + extra + comment) {
        return EXPO_INVALID;
    }

    w->at += ZIP_CENTRAL + name + extra + comment;
    method = (uint32_t) zip_le(h + 10, 2);
    e.crc = (uint32_t) zip_le(h + 16, 4);
    e.packed = zip_le(h + 20, 4);
    e.bytes = zip_le(h + 24, 4);
    e.name = (const char *) h + ZIP_CENTRAL;
    e.name_len = (uint16_t) name;
    e.deflated = method == ZIP_DEFLATED;
    local = zip_le(h + 42, 4);

    st =
        zip_sizes64(h + ZIP_CENTRAL + name, extra, &e.bytes, &e.packed, &local);
    if (st == EXPO_OK) {
        st = zip_place(&e, w, local, &w->spans[i]);
    }

    if (st != EXPO_OK || !zip_is_file(h, &e)) {
        return st;
    }

    if (zip_le(h + 8, 2) & ZIP_ENCRYPTED) {
        return EXPO_DENIED;
    }

    if (method != ZIP_STORED && method != ZIP_DEFLATED) {
        return EXPO_UNSUPPORTED;
    }

    if (!e.deflated && e.packed != e.bytes) {
        return EXPO_INVALID;
    }

    if (e.bytes > UINT64_MAX - z->bytes) {
        return EXPO_TOO_LARGE;
    }

    z->entries[z->count++] = e;
    z->bytes += e.bytes;

    return EXPO_OK;
}


/* The numbers that did not fit, in this order. Source: APPNOTE 4.5.3. */
static expo_status_t
zip_sizes64(const uint8_t *extra, size_t len, uint64_t *bytes, uint64_t *packed,
            uint64_t *local)
{
    uint64_t *const wide[] = {bytes, packed, local};
    size_t size, i, at = 4;

    while (len >= 4) {
        size = zip_le(extra + 2, 2);

        if (size > len - 4) {
            break;
        }

        if (zip_le(extra, 2) != 1) {
            extra += 4 + size;
            len -= 4 + size;
            continue;
        }

        for (i = 0; i < 3; i++) {
            if (*wide[i] == UINT32_MAX) {
                if (size + 4 - at < 8) {
                    return EXPO_INVALID;
                }

                *wide[i] = zip_le(extra + at, 8);
                at += 8;
            }
        }

        return EXPO_OK;
    }

    /* Other programs' padding may end anyhow. */
    return EXPO_OK;
}


/* Where a member's data begin is known only from its local header. */
static expo_status_t
zip_place(expo_zip_entry_t *e, const zip_walk_t *w, uint64_t local,
          zip_span_t *span)
{
    const uint8_t *h;
    uint64_t at;

    if (local > w->directory || w->directory - local < ZIP_LOCAL) {
        return EXPO_INVALID;
    }

    h = w->src + local;

    if (!zip_is(h, "PK\3\4")) {
        return EXPO_INVALID;
    }

    at = local + ZIP_LOCAL + zip_le(h + 26, 2) + zip_le(h + 28, 2);

    if (at > w->directory || e->packed > w->directory - at) {
        return EXPO_INVALID;
    }

    e->data = w->src + at;
    *span = (zip_span_t){local, at + e->packed};

    return EXPO_OK;
}


/* No folder, and no link or device of those that Unix marks. */
static int
zip_is_file(const uint8_t *h, const expo_zip_entry_t *e)
{
    uint64_t type = zip_le(h + 40, 2) & ZIP_UNIX_TYPE;

    if (e->name_len > 0 && e->name[e->name_len - 1] == '/') {
        return 0;
    }

    return h[5] != ZIP_UNIX || type == 0 || type == ZIP_UNIX_FILE;
}


static int
zip_overlap(zip_span_t *spans, uint64_t count)
{
    uint64_t i;

    qsort(spans, count, sizeof(*spans), zip_compare);

    for (i = 1; i < count; i++) {
        if (spans[i].first < spans[i - 1].end) {
            return 1;
        }
    }

    return 0;
}


static int
zip_compare(const void *a, const void *b)
{
    const zip_span_t *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}


static int
zip_is(const uint8_t *p, const char *mark)
{
    return memcmp(p, mark, 4) == 0;
}


static uint64_t
zip_le(const uint8_t *p, int bytes)
{
    uint64_t v = 0;

    while (bytes-- > 0) {
        v = v << 8 | p[bytes];
    }

    return v;
}
