/*
 * Datagrams between an nginx worker and a render-worker: Unix SEQPACKET, one
 * message each. Bytes: the JSON text, then optionally one NUL and raw secret
 * bytes (blob keys), so that keys never pass through a JSON parser's heap.
 * File descriptors travel beside it by SCM_RIGHTS. The messages are
 * api/messages.schema.json, #/$defs/control_*.
 */

#ifndef EXPO_CONTROL_H
#define EXPO_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/status.h"

#define EXPO_CONTROL_BYTES 131072 /* largest datagram */
#define EXPO_CONTROL_FDS 4
#define EXPO_CONTROL_SECRET 128

typedef struct {
    json_t *json;          /* owned; an object with a string "type" */
    const uint8_t *secret; /* borrowed from the datagram; NULL when none */
    size_t secret_bytes;
} expo_control_t;

/*
 * Splits and parses one datagram (duplicate members rejected). The caller wipes
 * the datagram's buffer when secret_bytes > 0 and releases with
 * expo_control_release. EXPO_INVALID: not such a message.
 */
expo_status_t expo_control_read(expo_control_t *c, const uint8_t *src,
                                size_t len);
void expo_control_release(expo_control_t *c);

/* Prints json and secret into dst; EXPO_TOO_LARGE when cap is short. */
expo_status_t expo_control_write(uint8_t *dst, size_t cap, size_t *len,
                                 const json_t *json, const uint8_t *secret,
                                 size_t secret_bytes);

/*
 * One sendmsg/recvmsg on a SEQPACKET socket, never blocking (MSG_DONTWAIT),
 * SIGPIPE suppressed, received descriptors close-on-exec; descriptors beyond
 * EXPO_CONTROL_FDS, or of a truncated datagram, are closed and EXPO_INVALID
 * comes back. recv: *len == 0 and EXPO_OK is the end of the connection.
 */
expo_status_t expo_control_send(int sock, const uint8_t *msg, size_t len,
                                const int *fds, size_t nfds);
expo_status_t expo_control_recv(int sock, uint8_t *buf, size_t cap, size_t *len,
                                int fds[EXPO_CONTROL_FDS], size_t *nfds);

#endif
