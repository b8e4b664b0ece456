/*
 * Whatever the body and however it is cut, the same parts come out of it.
 * Input: the length of the type, the size of the pieces, the type, the body.
 */

#include "lib/multipart.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *src, size_t len);

typedef struct {
    uint64_t sum; /* of all events and bytes, in their order */
    uint64_t bytes;
    expo_status_t st;
    int whole;
} outcome_t;

static void
add(outcome_t *o, unsigned what)
{
    o->sum = o->sum * 1099511628211u + what + 1;
}


static void
ask(const expo_multipart_t *m)
{
    const char *value;
    char text[64];
    size_t n;

    value = expo_multipart_header(m, "Content-Disposition", &n);
    if (value != NULL) {
        if (value < m->headers || value + n > m->headers + m->headers_len) {
            abort();
        }
        expo_multipart_parameter(text, sizeof(text), &n, "filename", value, n);
    }
}


static outcome_t
parse(const char *type, size_t type_len, const uint8_t *body, size_t len,
      size_t step)
{
    outcome_t o = {.sum = 14695981039346656037u};
    expo_multipart_t m;
    expo_multipart_event_t event;
    const uint8_t *at = body, *end, *data;
    size_t n;

    o.st = expo_multipart_open(&m, "related", type, type_len);

    while (o.st == EXPO_OK && at < body + len) {
        end = (size_t) (body + len - at) < step ? body + len : at + step;

        while (o.st == EXPO_OK) {
            o.st = expo_multipart_next(&m, &at, end, &event, &data, &n);
            if (o.st != EXPO_OK || event == EXPO_MULTIPART_MORE) {
                break;
            }

            if (event == EXPO_MULTIPART_DATA) {
                for (size_t i = 0; i < n; i++) {
                    add(&o, data[i]);
                }
                o.bytes += n;
            } else {
                add(&o, 256 + event);
            }

            if (event == EXPO_MULTIPART_PART) {
                ask(&m);
            }
        }
    }

    o.whole = expo_multipart_whole(&m);

    return o;
}


int
LLVMFuzzerTestOneInput(const uint8_t *src, size_t len)
{
    outcome_t all, cut;
    size_t type;

    if (len < 2) {
        return 0;
    }

    type = src[0] < len - 2 ? src[0] : len - 2;
    all = parse((const char *) src + 2, type, src + 2 + type, len - 2 - type,
                SIZE_MAX);
    cut = parse((const char *) src + 2, type, src + 2 + type, len - 2 - type,
                src[1] % 64 + 1);

    if (all.sum != cut.sum || all.st != cut.st || all.whole != cut.whole ||
        all.bytes > len) {
        abort();
    }

    return 0;
}
