#include "lib/ws.h"

#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "lib/base64.h"

#define WS_FIN 0x80
#define WS_RSV 0x70
#define WS_MASKED 0x80
#define WS_CONTROL 0x08 /* bit of an opcode */

#define WS_PROTOCOL_ERROR 1002
#define WS_NO_CODE 1005
#define WS_NOT_UTF8 1007
#define WS_TOO_BIG 1009

static bool ws_read_head(expo_ws_t *ws, const uint8_t *src, size_t len,
                         size_t *used);
static size_t ws_head_bytes(const expo_ws_t *ws);
static uint16_t ws_open_frame(expo_ws_t *ws);
static expo_ws_event_t ws_read_data(expo_ws_t *ws, uint8_t *src, size_t len,
                                    size_t *used);
static expo_ws_event_t ws_read_control(expo_ws_t *ws, uint8_t *src, size_t len,
                                       size_t *used);
static expo_ws_event_t ws_read_close(expo_ws_t *ws);
static bool ws_is_close_code(unsigned code);
static void ws_unmask(expo_ws_t *ws, uint8_t *p, size_t len);
static bool ws_utf8(expo_ws_t *ws, const uint8_t *p, size_t len);
static expo_ws_event_t ws_violation(expo_ws_t *ws, uint16_t code);
static uint8_t *ws_put_be(uint8_t *p, uint64_t v, unsigned bytes);
static uint64_t ws_get_be(const uint8_t *p, unsigned bytes);
static void ws_strip_port(const char *host, size_t *len, bool tls);


void
expo_ws_init(expo_ws_t *ws, uint64_t limit)
{
    memset(ws, 0, sizeof(*ws));
    ws->limit = limit;
}


expo_ws_event_t
expo_ws_read(expo_ws_t *ws, uint8_t *src, size_t len, size_t *used)
{
    expo_ws_event_t event;
    size_t n;
    uint16_t code;

    *used = 0;

    while (!ws->over) {

        if (!ws->payload) {
            if (!ws_read_head(ws, src + *used, len - *used, &n)) {
                *used += n;
                return EXPO_WS_NEED_MORE;
            }

            *used += n;
            code = ws_open_frame(ws);
            if (code != 0) {
                return ws_violation(ws, code);
            }
        }

        event = ws->frame_op & WS_CONTROL
                    ? ws_read_control(ws, src + *used, len - *used, &n)
                    : ws_read_data(ws, src + *used, len - *used, &n);
        *used += n;

        /* An empty fragment is no event, and not the end of the input. */
        if (event != EXPO_WS_NEED_MORE || *used == len) {
            return event;
        }
    }

    *used = len;
    return EXPO_WS_NEED_MORE;
}


size_t
expo_ws_header(uint8_t dst[EXPO_WS_HEADER_MAX], expo_ws_op_t op, uint64_t len)
{
    uint8_t *p = dst;

    if ((op & WS_CONTROL) && len > EXPO_WS_CONTROL_MAX) {
        return 0;
    }

    if (len >> 63) {
        return 0;
    }

    *p++ = (uint8_t) (WS_FIN | op);

    if (len < 126) {
        *p++ = (uint8_t) len;

    } else if (len <= UINT16_MAX) {
        *p++ = 126;
        p = ws_put_be(p, len, 2);

    } else {
        *p++ = 127;
        p = ws_put_be(p, len, 8);
    }

    return (size_t) (p - dst);
}


expo_status_t
expo_ws_accept(char dst[EXPO_WS_ACCEPT_TEXT + 1], const char *key, size_t len)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[24 + sizeof(guid)];
    uint8_t raw[16], digest[20];
    size_t bytes;

    if (len != 24 ||
        expo_base64_parse(raw, sizeof(raw), &bytes, key, len) != EXPO_OK ||
        bytes != sizeof(raw)) {
        return EXPO_INVALID;
    }

    memcpy(text, key, 24);
    memcpy(text + 24, guid, sizeof(guid));

    if (EVP_Digest(text, sizeof(text) - 1, digest, NULL, EVP_sha1(), NULL) !=
        1) {
        return EXPO_IO;
    }

    expo_base64_print(dst, digest, sizeof(digest));
    return EXPO_OK;
}


bool
expo_ws_same_origin(const char *origin, size_t origin_bytes, bool tls,
                    const char *host, size_t host_bytes)
{
    const char *scheme = tls ? "https://" : "http://";
    size_t n = strlen(scheme);

    if (origin_bytes <= n || strncasecmp(origin, scheme, n) != 0) {
        return false;
    }

    origin += n;
    origin_bytes -= n;
    ws_strip_port(origin, &origin_bytes, tls);
    ws_strip_port(host, &host_bytes, tls);

    return origin_bytes == host_bytes &&
           strncasecmp(origin, host, host_bytes) == 0;
}


/* --- frame headers --- */

/* Collects a header, wherever it is cut; true when it is whole. */
static bool
ws_read_head(expo_ws_t *ws, const uint8_t *src, size_t len, size_t *used)
{
    size_t n = 0;

    while (ws->head_bytes < ws_head_bytes(ws)) {
        if (n == len) {
            *used = n;
            return false;
        }

        ws->head[ws->head_bytes++] = src[n++];
    }

    *used = n;
    return true;
}


/* How long this header is, as far as its first bytes tell. */
static size_t
ws_head_bytes(const expo_ws_t *ws)
{
    unsigned len = ws->head[1] & 0x7f;

    if (ws->head_bytes < 2) {
        return 2;
    }

    /* An unmasked frame is refused; there is no mask to wait for. */
    if (!(ws->head[1] & WS_MASKED)) {
        return 2;
    }

    return len == 127 ? 14 : len == 126 ? 8 : 6;
}


/* Judges a whole header; returns the code to close with, or 0. */
static uint16_t
ws_open_frame(expo_ws_t *ws)
{
    unsigned op = ws->head[0] & 0x0f, len = ws->head[1] & 0x7f;
    bool fin = ws->head[0] & WS_FIN;

    ws->frames++;
    ws->head_bytes = 0;

    if ((ws->head[0] & WS_RSV) || !(ws->head[1] & WS_MASKED)) {
        return WS_PROTOCOL_ERROR;
    }

    ws->left = len;
    if (len == 126) {
        ws->left = ws_get_be(ws->head + 2, 2);

    } else if (len == 127) {
        ws->left = ws_get_be(ws->head + 2, 8);
    }

    if ((len == 126 && ws->left < 126) ||
        (len == 127 && (ws->left <= UINT16_MAX || ws->left >> 63))) {
        return WS_PROTOCOL_ERROR;
    }

    /* The mask lies last, whatever the length's size. */
    memmove(ws->head, ws->head + (len == 127 ? 10 : len == 126 ? 4 : 2), 4);
    ws->mask_at = 0;
    ws->frame_op = (uint8_t) op;
    ws->payload = true;

    if (op & WS_CONTROL) {
        ws->control_bytes = 0;
        return op > EXPO_WS_PONG || !fin || len > EXPO_WS_CONTROL_MAX
                   ? WS_PROTOCOL_ERROR
                   : 0;
    }

    if (op > EXPO_WS_BINARY || (op == EXPO_WS_CONTINUATION) != ws->inside) {
        return WS_PROTOCOL_ERROR;
    }

    if (!ws->inside) {
        ws->op = (expo_ws_op_t) op;
        ws->message = 0;
        ws->utf8_left = 0;
    }

    ws->fin = fin;
    ws->inside = !fin;

    if (ws->left > ws->limit - ws->message) {
        return WS_TOO_BIG;
    }

    ws->message += ws->left;
    return 0;
}


/* --- payloads --- */

static expo_ws_event_t
ws_read_data(expo_ws_t *ws, uint8_t *src, size_t len, size_t *used)
{
    size_t n = len < ws->left ? len : (size_t) ws->left;

    ws_unmask(ws, src, n);
    ws->data = src;
    ws->bytes = n;
    ws->left -= n;
    ws->payload = ws->left > 0;
    ws->end = ws->fin && !ws->payload;
    *used = n;

    if (ws->op == EXPO_WS_TEXT &&
        (!ws_utf8(ws, src, n) || (ws->end && ws->utf8_left > 0))) {
        return ws_violation(ws, WS_NOT_UTF8);
    }

    return n > 0 || ws->end ? EXPO_WS_GOT_DATA : EXPO_WS_NEED_MORE;
}


static expo_ws_event_t
ws_read_control(expo_ws_t *ws, uint8_t *src, size_t len, size_t *used)
{
    size_t n = len < ws->left ? len : (size_t) ws->left;

    ws_unmask(ws, src, n);
    if (n > 0) {
        memcpy(ws->control + ws->control_bytes, src, n);
    }

    ws->control_bytes = (uint8_t) (ws->control_bytes + n);
    ws->left -= n;
    ws->payload = ws->left > 0;
    *used = n;

    if (ws->payload) {
        return EXPO_WS_NEED_MORE;
    }

    ws->data = ws->control;
    ws->bytes = ws->control_bytes;

    switch (ws->frame_op) {

    case EXPO_WS_PING:
        return EXPO_WS_GOT_PING;

    case EXPO_WS_PONG:
        return EXPO_WS_GOT_PONG;

    default:
        return ws_read_close(ws);
    }
}


static expo_ws_event_t
ws_read_close(expo_ws_t *ws)
{
    unsigned code;

    ws->code = WS_NO_CODE;

    if (ws->bytes > 0) {
        code = ws->bytes > 1 ? (unsigned) ws_get_be(ws->control, 2) : 0;

        if (!ws_is_close_code(code)) {
            return ws_violation(ws, WS_PROTOCOL_ERROR);
        }

        /* A close may come inside a text message: its own UTF-8 starts new. */
        ws->utf8_left = 0;
        if (!ws_utf8(ws, ws->control + 2, ws->bytes - 2) || ws->utf8_left > 0) {
            return ws_violation(ws, WS_NOT_UTF8);
        }

        ws->code = (uint16_t) code;
    }

    ws->over = true;
    return EXPO_WS_GOT_CLOSE;
}


/* Those that may appear on the wire: section 7.4 and IANA's registry. */
static bool
ws_is_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
           (code >= 3000 && code <= 4999);
}


static void
ws_unmask(expo_ws_t *ws, uint8_t *p, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        p[i] ^= ws->head[(ws->mask_at + i) & 3];
    }

    ws->mask_at = (uint8_t) ((ws->mask_at + len) & 3);
}


/*
 * Goes on where the last piece stopped. The second byte of a character has a
 * range of its own, which excludes overlong forms, surrogates and what lies
 * beyond U+10FFFF. Source: RFC 3629, section 4.
 */
static bool
ws_utf8(expo_ws_t *ws, const uint8_t *p, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        uint8_t c = p[i];

        if (ws->utf8_left > 0) {
            if (c < ws->utf8_low || c > ws->utf8_high) {
                return false;
            }

            ws->utf8_left--;
            ws->utf8_low = 0x80;
            ws->utf8_high = 0xbf;
            continue;
        }

        if (c < 0x80) {
            continue;
        }

        if (c < 0xc2 || c > 0xf4) {
            return false;
        }

        ws->utf8_left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        ws->utf8_low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
        ws->utf8_high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    }

    return true;
}


static expo_ws_event_t
ws_violation(expo_ws_t *ws, uint16_t code)
{
    ws->over = true;
    ws->code = code;
    return EXPO_WS_GOT_VIOLATION;
}


static uint8_t *
ws_put_be(uint8_t *p, uint64_t v, unsigned bytes)
{
    while (bytes > 0) {
        *p++ = (uint8_t) (v >> (8 * --bytes));
    }

    return p;
}


static uint64_t
ws_get_be(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;

    while (bytes-- > 0) {
        v = v << 8 | *p++;
    }

    return v;
}


static void
ws_strip_port(const char *host, size_t *len, bool tls)
{
    const char *port = tls ? ":443" : ":80";
    size_t n = strlen(port);

    if (*len > n && memcmp(host + *len - n, port, n) == 0) {
        *len -= n;
    }
}
