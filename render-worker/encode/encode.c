#include <stdlib.h>
#include <string.h>

#include "render-worker/encode/encode.h"
#include "render-worker/encode/mpeg1.h"

struct encode_s {
    const encode_codec_t *codec;
    void *state;
};

static const encode_codec_t *const encode_codecs[] = {&encode_mpeg1};


const encode_codec_t *
encode_codec(size_t index)
{
    if (index >= sizeof(encode_codecs) / sizeof(encode_codecs[0])) {
        return NULL;
    }

    return encode_codecs[index];
}


expo_status_t
encode_open(const char *name, uint32_t width, uint32_t height, size_t most,
            encode_t **out)
{
    const encode_codec_t *codec;
    encode_t *e;
    expo_status_t st;
    size_t i;

    if (width < ENCODE_EDGE_MIN || height < ENCODE_EDGE_MIN ||
        width > ENCODE_EDGE_MAX || height > ENCODE_EDGE_MAX ||
        (width | height) & 1) {
        return EXPO_INVALID;
    }

    for (i = 0; (codec = encode_codec(i)) != NULL; i++) {
        if (strcmp(codec->name, name) == 0) {
            break;
        }
    }

    if (codec == NULL) {
        return EXPO_UNSUPPORTED;
    }

    e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return EXPO_NO_MEMORY;
    }

    e->codec = codec;

    st = codec->open(width, height, most, &e->state);
    if (st != EXPO_OK) {
        free(e);
        return st;
    }

    *out = e;
    return EXPO_OK;
}


void
encode_close(encode_t *e)
{
    if (e != NULL) {
        e->codec->close(e->state);
        free(e);
    }
}


uint8_t
encode_number(const encode_t *e)
{
    return e->codec->number;
}


expo_status_t
encode_picture(encode_t *e, const uint8_t *rgba, const encode_wish_t *wish,
               encode_record_t *out)
{
    return e->codec->picture(e->state, rgba, wish, out);
}
