/* The reader gives the same events whether its input comes whole or in bytes.
 */

#include "lib/base64.c"
#include "lib/ws.c"

#include <stdlib.h>

#define LIMIT 4096

typedef struct {
    uint64_t sum; /* of the events and what they carried */
    uint64_t bytes;
} trace_t;


static void
mix(trace_t *t, uint64_t v)
{
    t->sum = (t->sum ^ v) * 0x100000001b3ull;
}


/*
 * A message counts byte by byte: where it is cut is no difference. Text does
 * not, for its good beginning comes out only when cut before its bad end.
 */
static void
run(trace_t *t, expo_ws_t *ws, uint8_t *src, size_t len)
{
    expo_ws_event_t event;
    size_t used, i;

    do {
        event = expo_ws_read(ws, src, len, &used);
        if (used > len) {
            abort();
        }

        src += used;
        len -= used;

        if (event == EXPO_WS_NEED_MORE) {
            continue;
        }

        if (event == EXPO_WS_GOT_CLOSE || event == EXPO_WS_GOT_VIOLATION) {
            mix(t, 1000 + ws->code);
            continue;
        }

        if (ws->message > LIMIT ||
            (event != EXPO_WS_GOT_DATA && ws->bytes > EXPO_WS_CONTROL_MAX)) {
            abort();
        }

        for (i = 0; i < ws->bytes && ws->op != EXPO_WS_TEXT; i++) {
            mix(t, ws->data[i]);
        }
        t->bytes += ws->op != EXPO_WS_TEXT ? ws->bytes : 0;

        if (event != EXPO_WS_GOT_DATA || ws->end) {
            mix(t, 256 + (uint64_t) event);
        }
    } while (event != EXPO_WS_NEED_MORE);

    if (len != 0) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    trace_t whole = {0}, split = {0};
    uint8_t *copy = malloc(len + 1);
    expo_ws_t ws;
    size_t i;

    memcpy(copy, data, len);
    expo_ws_init(&ws, LIMIT);
    run(&whole, &ws, copy, len);

    memcpy(copy, data, len);
    expo_ws_init(&ws, LIMIT);
    for (i = 0; i < len; i++) {
        run(&split, &ws, copy + i, 1);
    }

    if (whole.sum != split.sum || whole.bytes != split.bytes) {
        abort();
    }

    free(copy);
    return 0;
}
