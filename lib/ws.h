/*
 * RFC 6455 for a server: the handshake's key, frames out, and an incremental
 * reader of what a client sends. No I/O, no allocation: the caller owns every
 * byte.
 */

#ifndef EXPO_WS_H
#define EXPO_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define EXPO_WS_HEADER_MAX 10
#define EXPO_WS_CONTROL_MAX 125 /* payload of close, ping and pong */
#define EXPO_WS_ACCEPT_TEXT 28

typedef enum {
    EXPO_WS_CONTINUATION = 0,
    EXPO_WS_TEXT = 1,
    EXPO_WS_BINARY = 2,
    EXPO_WS_CLOSE = 8,
    EXPO_WS_PING = 9,
    EXPO_WS_PONG = 10
} expo_ws_op_t;

typedef enum {
    EXPO_WS_NEED_MORE,   /* everything given was taken */
    EXPO_WS_GOT_DATA,    /* data, bytes: the next piece of a message */
    EXPO_WS_GOT_PING,    /* data, bytes: to be sent back as a pong */
    EXPO_WS_GOT_PONG,
    EXPO_WS_GOT_CLOSE,   /* code: what to answer with; nothing follows */
    EXPO_WS_GOT_VIOLATION /* code: what to close with; nothing follows */
} expo_ws_event_t;

typedef struct {
    /* Of the latest event. */
    const uint8_t *data; /* in the bytes given, or in control below */
    size_t bytes;
    expo_ws_op_t op; /* EXPO_WS_TEXT or EXPO_WS_BINARY, for data */
    bool end;        /* this piece is the message's last */
    uint16_t code;   /* 1005 stands for a close without one */

    /* Frames whose header was read, control frames too; wraps around. */
    uint32_t frames;

    /* The reader's own. */
    uint64_t limit, message, left; /* bytes */
    uint8_t head[14], control[EXPO_WS_CONTROL_MAX];
    uint8_t head_bytes, control_bytes, mask_at, frame_op, utf8_left, utf8_low,
        utf8_high;
    bool fin, inside, payload, over;
} expo_ws_t;

/* limit: largest message, all its fragments together. */
void expo_ws_init(expo_ws_t *ws, uint64_t limit);

/*
 * Reads on through src, which is unmasked in place, up to the next event.
 * *used: bytes taken; call again with the rest until EXPO_WS_NEED_MORE.
 *
 * Violations: 1002 for unmasked frames, RSV bits, unknown opcodes, lengths not
 * in their shortest form, fragmented or long control frames, fragments out of
 * turn, and impossible close codes; 1007 for text that is not UTF-8; 1009 for
 * a message over the limit, before its bytes are read.
 */
expo_ws_event_t expo_ws_read(expo_ws_t *ws, uint8_t *src, size_t len,
                             size_t *used);

/*
 * Writes the header of one unmasked, unfragmented server frame.
 *
 * dst: room for EXPO_WS_HEADER_MAX bytes.
 * len: payload bytes to follow; at most 125 for close, ping and pong.
 *
 * Returns the bytes written (2, 4 or 10), or 0 if len does not fit op.
 * Source: RFC 6455, section 5.2.
 */
size_t expo_ws_header(uint8_t dst[EXPO_WS_HEADER_MAX], expo_ws_op_t op,
                      uint64_t len);

/*
 * Sec-WebSocket-Accept for a Sec-WebSocket-Key; a NUL is added. EXPO_INVALID
 * when the key is not 16 bytes of base64. Source: section 4.2.2.
 */
expo_status_t expo_ws_accept(char dst[EXPO_WS_ACCEPT_TEXT + 1],
                             const char *key, size_t len);

/*
 * Whether an Origin header names the server that a Host header does, with the
 * scheme's usual port left out or written. Neither is NUL-terminated.
 */
bool expo_ws_same_origin(const char *origin, size_t origin_bytes, bool tls,
                         const char *host, size_t host_bytes);

#endif
