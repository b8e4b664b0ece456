#include "lib/ws.c"
#include "t/unit/check.h"

#include <stdlib.h>

#define LIMIT 70000

static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

/* What a stream of bytes came out as, one character an event:
   'd' piece, 'D' last piece, 'p' ping, 'o' pong, 'c' close, 'x' violation. */
static char events[64];
static uint8_t message[LIMIT + 16];
static size_t message_bytes;
static unsigned code;

static uint8_t in[LIMIT + 4096], work[LIMIT + 4096];
static size_t in_bytes;


static void
start(void)
{
    in_bytes = 0;
}


/* Appends a frame; first is FIN, RSV and opcode. len_form: 0 shortest, or the
   7-bit value 126 or 127 that stands for a longer form. */
static void
frame(unsigned first, const void *data, size_t len, unsigned len_form)
{
    size_t i;

    if (len_form == 0) {
        len_form = len < 126 ? (unsigned) len : len <= 65535 ? 126 : 127;
    }

    in[in_bytes++] = (uint8_t) first;
    in[in_bytes++] = (uint8_t) (0x80 | len_form);
    if (len_form >= 126) {
        in_bytes =
            (size_t) (ws_put_be(in + in_bytes, len, len_form == 126 ? 2 : 8) -
                      in);
    }

    memcpy(in + in_bytes, mask, 4);
    in_bytes += 4;
    for (i = 0; i < len; i++) {
        in[in_bytes++] = ((const uint8_t *) data)[i] ^ mask[i & 3];
    }
}


static void
text_frame(unsigned first, const char *text)
{
    frame(first, text, strlen(text), 0);
}


/* Feeds bytes [from, to) and appends the events. */
static void
feed(expo_ws_t *ws, size_t from, size_t to)
{
    expo_ws_event_t event;
    size_t used, n = strlen(events);

    memcpy(work + from, in + from, to - from);

    do {
        event = expo_ws_read(ws, work + from, to - from, &used);
        from += used;

        if (event == EXPO_WS_GOT_DATA) {
            if (ws->bytes > 0) {
                memcpy(message + message_bytes, ws->data, ws->bytes);
            }
            message_bytes += ws->bytes;

            /* Where a message is cut does not matter to the result. */
            if (!ws->end && n > 0 && events[n - 1] == 'd') {
                continue;
            }
        }

        if (event != EXPO_WS_NEED_MORE && n + 1 < sizeof(events)) {
            events[n++] = "?dpocx"[event];
            if (event == EXPO_WS_GOT_DATA && ws->end) {
                n -= n > 1 && events[n - 2] == 'd';
                events[n - 1] = 'D';
            }
        }
        code = ws->code;
    } while (event != EXPO_WS_NEED_MORE);

    events[n] = '\0';
    if (from != to) {
        strcpy(events, "bytes left");
    }
}


static void
fresh(expo_ws_t *ws)
{
    expo_ws_init(ws, LIMIT);
    events[0] = '\0';
    message_bytes = 0;
    code = 0;
}


/* The input gives these events: whole, byte by byte, and cut at each place. */
static int
gives(const char *wanted, unsigned wanted_code)
{
    size_t i, step = in_bytes > 2000 ? 997 : 1;
    expo_ws_t ws;

    fresh(&ws);
    feed(&ws, 0, in_bytes);
    if (strcmp(events, wanted) != 0 || code != wanted_code) {
        printf("# whole: %s %u\n", events, code);
        return 0;
    }

    fresh(&ws);
    for (i = 0; i < in_bytes; i++) {
        feed(&ws, i, i + 1);
    }
    if (strcmp(events, wanted) != 0 || code != wanted_code) {
        printf("# bytes: %s %u\n", events, code);
        return 0;
    }

    for (i = 1; i < in_bytes; i += step) {
        fresh(&ws);
        feed(&ws, 0, i);
        feed(&ws, i, in_bytes);
        if (strcmp(events, wanted) != 0 || code != wanted_code) {
            printf("# cut at %zu: %s %u\n", i, events, code);
            return 0;
        }
    }

    return 1;
}


static int
message_is(const void *data, size_t len)
{
    return message_bytes == len && memcmp(message, data, len) == 0;
}


static void
a_message_arrives_however_it_is_cut(void)
{
    start();
    text_frame(0x81, "Hello");
    check(gives("D", 0) && message_is("Hello", 5));

    start();
    frame(0x82, "", 0, 0);
    check(gives("D", 0) && message_is("", 0));

    start();
    text_frame(0x81, "one");
    text_frame(0x81, "two");
    frame(0x82, "\0\xff", 2, 0);
    check(gives("DDD", 0) && message_is("onetwo\0\xff", 8));
}


static void
every_form_of_length_is_read(void)
{
    static const size_t sizes[] = {125, 126, 127, 65535, 65536, LIMIT};
    static uint8_t data[LIMIT];
    size_t i;

    for (i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t) (i * 7);
    }

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        start();
        frame(0x82, data, sizes[i], 0);
        check(gives("D", 0) && message_is(data, sizes[i]));
    }
}


static void
fragments_make_one_message_with_control_frames_between(void)
{
    start();
    text_frame(0x01, "He");
    text_frame(0x89, "are you there");
    text_frame(0x00, "");
    text_frame(0x00, "ll");
    text_frame(0x8a, "");
    text_frame(0x80, "o");
    check(gives("dpdoD", 0) && message_is("Hello", 5));

    start();
    text_frame(0x01, "");
    text_frame(0x00, "");
    text_frame(0x80, "");
    text_frame(0x81, "x");
    check(gives("DD", 0) && message_is("x", 1));
}


static void
what_the_rfc_forbids_is_1002(void)
{
    start();
    in[0] = 0x81; /* not masked */
    in[1] = 0x05;
    in_bytes = 2;
    check(gives("x", 1002));

    start();
    text_frame(0xc1, "rsv1");
    check(gives("x", 1002));
    start();
    text_frame(0xa1, "rsv2");
    check(gives("x", 1002));
    start();
    text_frame(0x91, "rsv3");
    check(gives("x", 1002));

    start();
    text_frame(0x83, "opcode 3");
    check(gives("x", 1002));
    start();
    text_frame(0x87, "opcode 7");
    check(gives("x", 1002));
    start();
    text_frame(0x8b, "opcode 11");
    check(gives("x", 1002));
    start();
    text_frame(0x8f, "opcode 15");
    check(gives("x", 1002));

    start();
    text_frame(0x09, "a ping in fragments");
    check(gives("x", 1002));
    start();
    frame(0x89, in + 2000, 126, 0);
    check(gives("x", 1002));

    start();
    text_frame(0x80, "continues nothing");
    check(gives("x", 1002));
    start();
    text_frame(0x01, "a");
    text_frame(0x81, "b");
    check(gives("dx", 1002));

    start();
    frame(0x82, in + 2000, 125, 126); /* longer form than needed */
    check(gives("x", 1002));
    start();
    frame(0x82, in + 2000, 200, 127);
    check(gives("x", 1002));
}


static void
a_message_over_the_limit_is_1009_before_it_is_read(void)
{
    start();
    frame(0x82, in + 1000, LIMIT, 0);
    in[9] += 1; /* now says LIMIT + 1 */
    in_bytes = 14;
    check(gives("x", 1009));

    start();
    frame(0x02, "ab", 2, 0);
    in[in_bytes++] = 0x80;
    in[in_bytes++] = 0xff;
    in_bytes = (size_t) (ws_put_be(in + in_bytes, LIMIT - 1, 8) - in);
    in_bytes += 4;
    check(gives("dx", 1009));

    start();
    in[in_bytes++] = 0x82;
    in[in_bytes++] = 0xff;
    in_bytes = (size_t) (ws_put_be(in + in_bytes, UINT64_MAX >> 1, 8) - in);
    in_bytes += 4;
    check(gives("x", 1009));

    start();
    in[in_bytes++] = 0x82;
    in[in_bytes++] = 0xff;
    in_bytes = (size_t) (ws_put_be(in + in_bytes, UINT64_MAX, 8) - in);
    in_bytes += 4;
    check(gives("x", 1002));
}


static void
text_is_utf8_across_pieces_and_fragments(void)
{
    static const char *const good[] = {"\xc3\xa9",         "\xe2\x82\xac",
                                       "\xf0\x9f\x98\x80", "\xed\x9f\xbf",
                                       "\xee\x80\x80",     "\xf4\x8f\xbf\xbf",
                                       "\xc2\x80",         "\xe0\xa0\x80",
                                       "\xf0\x90\x80\x80", "\x7f"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xc3"
                                      "a",
                                      "\xe2\x82"
                                      "a",
                                      "\xc3",
                                      "\xe2\x82",
                                      "\xf0\x9f\x98"};
    size_t i, j;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        start();
        text_frame(0x81, good[i]);
        check(gives("D", 0));

        start();
        for (j = 0; j < strlen(good[i]); j++) {
            frame(j > 0 ? 0x00 : 0x01, good[i] + j, 1, 0);
        }
        text_frame(0x80, "");
        check(gives("D", 0));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expo_ws_t ws;

        start();
        text_frame(0x81, bad[i]);
        fresh(&ws);
        feed(&ws, 0, in_bytes);
        check(strcmp(events, "x") == 0 && code == 1007);

        start();
        frame(0x82, bad[i], strlen(bad[i]), 0);
        check(gives("D", 0)); /* binary is anything */
    }
}


static void
a_close_is_answered_and_ends_everything(void)
{
    start();
    frame(0x88, "", 0, 0);
    text_frame(0x81, "after");
    check(gives("c", 1005));

    start();
    frame(0x88,
          "\x03\xe8"
          "bye",
          5, 0);
    check(gives("c", 1000));

    start();
    text_frame(0x01, "half a \xc3");
    frame(0x88, "\x0f\xa0", 2, 0);
    check(gives("dc", 4000));

    start();
    frame(0x88, "\x03", 1, 0);
    check(gives("x", 1002));

    start();
    frame(0x88, "\x03\xe8\xff", 3, 0);
    check(gives("x", 1007));
}


static void
close_codes_are_those_of_the_registry(void)
{
    unsigned c, n = 0;
    expo_ws_t ws;

    for (c = 0; c < 65536; c++) {
        uint8_t two[2] = {(uint8_t) (c >> 8), (uint8_t) c};

        start();
        frame(0x88, two, 2, 0);
        fresh(&ws);
        feed(&ws, 0, in_bytes);
        n += strcmp(events, "c") == 0 && code == c;
    }

    /* 1000-1003, 1007-1014, 3000-4999 */
    check(n == 4 + 8 + 2000);
}


static void
frames_are_counted_so_that_a_flood_can_be_seen(void)
{
    expo_ws_t ws;
    int i;

    start();
    text_frame(0x01, "a");
    for (i = 0; i < 50; i++) {
        text_frame(0x00, "");
    }
    text_frame(0x89, "");
    fresh(&ws);
    feed(&ws, 0, in_bytes);
    check(ws.frames == 52);
}


static void
header_lengths_change_where_the_rfc_says(void)
{
    uint8_t h[EXPO_WS_HEADER_MAX];

    check(expo_ws_header(h, EXPO_WS_BINARY, 125) == 2);
    check(h[0] == 0x82 && h[1] == 125);
    check(expo_ws_header(h, EXPO_WS_BINARY, 126) == 4);
    check(memcmp(h, "\x82\x7e\x00\x7e", 4) == 0);
    check(expo_ws_header(h, EXPO_WS_BINARY, 65535) == 4);
    check(expo_ws_header(h, EXPO_WS_TEXT, 65536) == 10);
    check(memcmp(h, "\x81\x7f\0\0\0\0\0\x01\0\0", 10) == 0);
    check(expo_ws_header(h, EXPO_WS_CLOSE, 125) == 2);
    check(expo_ws_header(h, EXPO_WS_CLOSE, 126) == 0);
    check(expo_ws_header(h, EXPO_WS_PING, 126) == 0);
    check(expo_ws_header(h, EXPO_WS_BINARY, UINT64_MAX >> 1) == 10);
    check(expo_ws_header(h, EXPO_WS_BINARY, 1ull << 63) == 0);
}


static void
the_accept_key_is_the_one_of_the_rfc(void)
{
    char accept[EXPO_WS_ACCEPT_TEXT + 1];

    check(expo_ws_accept(accept, "dGhlIHNhbXBsZSBub25jZQ==", 24) == EXPO_OK);
    check(strcmp(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == 0);
    check(expo_ws_accept(accept, "dGhlIHNhbXBsZSBub25jZQ=", 23) ==
          EXPO_INVALID);
    check(expo_ws_accept(accept, "dGhlIHNhbXBsZSBub25jZTE=", 24) ==
          EXPO_INVALID);
    check(expo_ws_accept(accept, "dGhlIHNhbXBsZSBub25j!Q==", 24) ==
          EXPO_INVALID);
    check(expo_ws_accept(accept, "", 0) == EXPO_INVALID);
}


static bool
same(const char *origin, bool tls, const char *host)
{
    return expo_ws_same_origin(origin, strlen(origin), tls, host, strlen(host));
}


static void
an_origin_is_scheme_host_and_port(void)
{
    check(same("https://a.example", true, "a.example"));
    check(same("https://A.example:443", true, "a.example"));
    check(same("https://a.example", true, "a.example:443"));
    check(same("https://a.example:8443", true, "a.example:8443"));
    check(same("http://a.example", false, "a.example:80"));
    check(same("https://[::1]:8443", true, "[::1]:8443"));

    check(!same("http://a.example", true, "a.example"));
    check(!same("https://a.example", false, "a.example"));
    check(!same("https://a.example", true, "a.example:8443"));
    check(!same("https://a.example.evil", true, "a.example"));
    check(!same("https://evil.a.example", true, "a.example"));
    check(!same("https://a.example@evil", true, "a.example"));
    check(!same("https://a.example/", true, "a.example"));
    check(!same("null", true, "a.example"));
    check(!same("", true, ""));
    check(!same("https://", true, ""));
}


int
main(void)
{
    a_message_arrives_however_it_is_cut();
    every_form_of_length_is_read();
    fragments_make_one_message_with_control_frames_between();
    what_the_rfc_forbids_is_1002();
    a_message_over_the_limit_is_1009_before_it_is_read();
    text_is_utf8_across_pieces_and_fragments();
    a_close_is_answered_and_ends_everything();
    close_codes_are_those_of_the_registry();
    frames_are_counted_so_that_a_flood_can_be_seen();
    header_lengths_change_where_the_rfc_says();
    the_accept_key_is_the_one_of_the_rfc();
    an_origin_is_scheme_host_and_port();
    return done();
}
