#include "render-worker/import/dicom_nesting.h"

#include <string.h>

#define NESTING_UNDEFINED 0xffffffffu
#define NESTING_TOO_DEEP (DICOM_NESTING_MAX + 1)

enum {
    NESTING_PIXELS = 0x7fe0,
    NESTING_DELIMITERS = 0xfffe, /* group of items and their ends */
    NESTING_ITEM = 0xe000
};

typedef struct {
    size_t end; /* SIZE_MAX: a delimiter ends it */
    int is_explicit;
} nesting_level_t;

typedef struct {
    const uint8_t *p;
    size_t len, at;
    int big_endian;
    int depth, deepest;
    nesting_level_t level[DICOM_NESTING_MAX + 1]; /* 0: the data set */
} nesting_t;

typedef struct {
    uint16_t group, element;
    int sequence;       /* items follow */
    int inner_explicit; /* and their elements name their types */
    uint32_t length;
} nesting_head_t;

static int nesting_head(nesting_t *n, nesting_head_t *h);
static int nesting_enter(nesting_t *n, const nesting_head_t *h);
static uint32_t nesting_get(const nesting_t *n, size_t at, int bytes);


int
dicom_nesting(const uint8_t *data, size_t len, int is_explicit, int big_endian)
{
    nesting_t n = {.p = data, .len = len, .big_endian = big_endian};
    nesting_head_t h;

    n.level[0] = (nesting_level_t){SIZE_MAX, is_explicit};

    while (n.at < len) {
        if (n.at >= n.level[n.depth].end) {
            if (n.at > n.level[n.depth].end) {
                return NESTING_TOO_DEEP;
            }
            n.depth--;
            continue;
        }

        /* What ends in the middle goes no deeper. */
        if (!nesting_head(&n, &h) ||
            (n.depth == 0 && h.group == NESTING_PIXELS)) {
            break;
        }

        if (h.group == NESTING_DELIMITERS && h.element != NESTING_ITEM) {
            if (n.depth == 0) {
                return NESTING_TOO_DEEP;
            }
            n.depth--;
            continue;
        }

        if (h.sequence) {
            if (!nesting_enter(&n, &h)) {
                return NESTING_TOO_DEEP;
            }
            continue;
        }

        if (h.length > len - n.at) {
            break;
        }
        n.at += h.length;
    }

    return n.deepest;
}


/* Reads one and stands behind it; 0: it is not all there. */
static int
nesting_head(nesting_t *n, nesting_head_t *h)
{
    static const char long_types[] = "OB OD OF OL OV OW SQ SV UC UN UR UT UV";
    const nesting_level_t *level = &n->level[n->depth];
    const uint8_t *p = n->p + n->at;
    const size_t left = n->len - n->at;
    int brief, unknown;

    if (left < 8) {
        return 0;
    }

    h->group = (uint16_t) nesting_get(n, n->at, 2);
    h->element = (uint16_t) nesting_get(n, n->at + 2, 2);
    h->inner_explicit = level->is_explicit;

    if (h->group == NESTING_DELIMITERS || !level->is_explicit) {
        h->length = nesting_get(n, n->at + 4, 4);
        n->at += 8;
        /* Without types, a value that begins with an item is a sequence. */
        h->sequence = h->group == NESTING_DELIMITERS ||
                      h->length == NESTING_UNDEFINED ||
                      (n->len - n->at >= 4 && h->length >= 8 &&
                       nesting_get(n, n->at, 2) == NESTING_DELIMITERS &&
                       nesting_get(n, n->at + 2, 2) == NESTING_ITEM);
        return 1;
    }

    brief = memmem(long_types, sizeof long_types - 1, p + 4, 2) == NULL;
    if (!brief && left < 12) {
        return 0;
    }

    unknown = memcmp(p + 4, "UN", 2) == 0;
    h->length =
        brief ? nesting_get(n, n->at + 6, 2) : nesting_get(n, n->at + 8, 4);
    h->sequence = memcmp(p + 4, "SQ", 2) == 0 || h->length == NESTING_UNDEFINED;
    h->inner_explicit = !unknown; /* PS3.5, 6.2.2, note 4 */
    n->at += brief ? 8 : 12;
    return 1;
}


static int
nesting_enter(nesting_t *n, const nesting_head_t *h)
{
    const size_t outer = n->level[n->depth].end;
    nesting_level_t inner = {SIZE_MAX, h->inner_explicit};

    if (n->depth == DICOM_NESTING_MAX) {
        return 0;
    }

    if (h->length != NESTING_UNDEFINED) {
        inner.end = n->at + h->length;
        if (inner.end > outer && n->depth > 0) {
            return 0;
        }
        /* A file that was cut goes no deeper. */
        inner.end = inner.end < n->len ? inner.end : n->len;
    }

    n->level[++n->depth] = inner;
    n->deepest = n->depth > n->deepest ? n->depth : n->deepest;
    return 1;
}


static uint32_t
nesting_get(const nesting_t *n, size_t at, int bytes)
{
    uint32_t v = 0;

    for (int i = 0; i < bytes; i++) {
        v = v << 8 | n->p[at + (size_t) (n->big_endian ? i : bytes - 1 - i)];
    }

    return v;
}
