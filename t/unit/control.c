#include "lib/control.c"
#include "t/unit/check.h"

#include <fcntl.h>
#include <stdlib.h>

static uint8_t buffer[EXPO_CONTROL_BYTES + 64];


static expo_status_t
read_text(expo_control_t *c, const char *text, size_t len)
{
    return expo_control_read(c, (const uint8_t *) text, len);
}


/* Descriptors open in this process. */
static int
open_fds(void)
{
    int fd, n = 0;

    for (fd = 0; fd < 1024; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }

    return n;
}


static void
a_message_is_json_and_perhaps_a_secret(void)
{
    expo_control_t c;

    check(read_text(&c, "{\"type\":\"ping\"}", 15) == EXPO_OK);
    check(c.secret == NULL && c.secret_bytes == 0);
    expo_control_release(&c);

    check(read_text(&c, "{\"type\":\"ping\"}\0k\0y", 19) == EXPO_OK);
    check(c.secret_bytes == 3 && memcmp(c.secret, "k\0y", 3) == 0);
    expo_control_release(&c);
}


static void
what_is_no_message_is_refused(void)
{
    static const char *const wrong[] = {"",
                                        "{",
                                        "[]",
                                        "\"type\"",
                                        "{}",
                                        "null",
                                        "{\"type\":1}",
                                        "{\"type\":\"a\"}x",
                                        "{\"type\":\"a\",\"type\":\"b\"}",
                                        "{\"type\":\"\xff\"}",
                                        "{\"type\":\"a\\u0000\"}"};
    static char big[256] = "{\"type\":\"a\"}";
    expo_control_t c;
    size_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        check(read_text(&c, wrong[i], strlen(wrong[i])) == EXPO_INVALID);
    }

    check(read_text(&c, "{\"type\":\"a\"}\0", 13) == EXPO_INVALID);
    check(read_text(&c, big, 13 + EXPO_CONTROL_SECRET) == EXPO_OK);
    expo_control_release(&c);
    check(read_text(&c, big, 14 + EXPO_CONTROL_SECRET) == EXPO_INVALID);
    check(read_text(&c,
                    "\0"
                    "abc",
                    4) == EXPO_INVALID);
}


static void
nesting_without_end_is_refused(void)
{
    size_t i, n = EXPO_CONTROL_BYTES;
    expo_control_t c;

    memset(buffer, '[', n);
    check(expo_control_read(&c, buffer, n) == EXPO_INVALID);

    for (i = 0; i + 5 <= n; i += 5) {
        memcpy(buffer + i, "{\"a\":", 5);
    }
    check(expo_control_read(&c, buffer, n) == EXPO_INVALID);
}


static void
what_is_written_reads_back_or_does_not_fit(void)
{
    json_t *m = json_pack("{s:s,s:i}", "type", "frame", "sequence", 7);
    size_t len = 0, cap;
    expo_control_t c;

    check(expo_control_write(buffer, 100, &len, m, NULL, 0) == EXPO_OK);
    check(len == 29);
    check(expo_control_write(buffer, 100, &len, m, (uint8_t *) "\0k", 2) ==
          EXPO_OK);
    check(len == 32);
    check(expo_control_read(&c, buffer, len) == EXPO_OK);
    check(json_equal(c.json, m) && c.secret_bytes == 2 &&
          memcmp(c.secret, "\0k", 2) == 0);
    expo_control_release(&c);

    for (cap = 0; cap < 32; cap++) {
        if (expo_control_write(buffer, cap, &len, m, (uint8_t *) "\0k", 2) !=
            EXPO_TOO_LARGE) {
            break;
        }
    }
    check(cap == 32);
    check(expo_control_write(buffer, sizeof(buffer), &len, m, buffer,
                             EXPO_CONTROL_SECRET + 1) == EXPO_TOO_LARGE);
    json_decref(m);
}


static void
datagrams_and_descriptors_travel_together(void)
{
    int pair[2], fds[EXPO_CONTROL_FDS], send[2], before = open_fds();
    uint8_t in[64];
    size_t len, nfds;

    check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    check(expo_control_recv(pair[1], in, sizeof(in), &len, fds, &nfds) ==
          EXPO_AGAIN);

    send[0] = open("/dev/null", O_RDONLY);
    send[1] = open("/dev/zero", O_RDONLY);
    check(expo_control_send(pair[0], (uint8_t *) "one", 3, send, 2) == EXPO_OK);
    check(expo_control_send(pair[0], (uint8_t *) "two", 3, NULL, 0) == EXPO_OK);

    check(expo_control_recv(pair[1], in, sizeof(in), &len, fds, &nfds) ==
          EXPO_OK);
    check(len == 3 && memcmp(in, "one", 3) == 0 && nfds == 2);
    check(read(fds[0], in, 1) == 0 && read(fds[1], in, 1) == 1);
    check((fcntl(fds[0], F_GETFD) & FD_CLOEXEC) != 0);
    close(fds[0]);
    close(fds[1]);

    check(expo_control_recv(pair[1], in, sizeof(in), &len, fds, &nfds) ==
          EXPO_OK);
    check(len == 3 && memcmp(in, "two", 3) == 0 && nfds == 0);

    close(pair[0]);
    check(expo_control_recv(pair[1], in, sizeof(in), &len, fds, &nfds) ==
              EXPO_OK &&
          len == 0);
    check(expo_control_send(pair[1], (uint8_t *) "x", 1, NULL, 0) == EXPO_IO);
    close(pair[1]);
    close(send[0]);
    close(send[1]);
    check(open_fds() == before);
}


/* Sends 5 descriptors, which expo_control_send would not. */
static void
send_too_many(int sock, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(5 * sizeof(int))];
    } control;
    struct iovec iov = {"x", 1};
    struct msghdr out = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&out);
    int i;

    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(5 * sizeof(int));
    for (i = 0; i < 5; i++) {
        memcpy(CMSG_DATA(cmsg) + i * (int) sizeof(int), &fd, sizeof(int));
    }

    check(sendmsg(sock, &out, 0) == 1);
}


static void
descriptors_of_a_bad_datagram_are_closed(void)
{
    int pair[2], fds[EXPO_CONTROL_FDS], before, null = open("/dev/null", 0);
    uint8_t in[8];
    size_t len, nfds;

    check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    before = open_fds();

    send_too_many(pair[0], null);
    check(expo_control_recv(pair[1], in, sizeof(in), &len, fds, &nfds) ==
              EXPO_INVALID &&
          nfds == 0);
    check(open_fds() == before);

    check(expo_control_send(pair[0], (uint8_t *) "longer than 8", 13, &null,
                            1) == EXPO_OK);
    check(expo_control_recv(pair[1], in, sizeof(in), &len, fds, &nfds) ==
              EXPO_INVALID &&
          nfds == 0);
    check(open_fds() == before);

    close(pair[0]);
    close(pair[1]);
    close(null);
}


static void
a_full_socket_says_again_and_the_largest_datagram_passes(void)
{
    int pair[2], i, fds[EXPO_CONTROL_FDS], size = 4 * EXPO_CONTROL_BYTES;
    size_t len, nfds;
    expo_status_t st = EXPO_OK;

    check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));

    check(expo_control_send(pair[0], buffer, EXPO_CONTROL_BYTES + 1, NULL, 0) ==
          EXPO_TOO_LARGE);
    check(expo_control_send(pair[0], buffer, EXPO_CONTROL_BYTES, NULL, 0) ==
          EXPO_OK);
    check(expo_control_recv(pair[1], buffer, EXPO_CONTROL_BYTES, &len, fds,
                            &nfds) == EXPO_OK &&
          len == EXPO_CONTROL_BYTES);

    for (i = 0; i < 100000 && st == EXPO_OK; i++) {
        st = expo_control_send(pair[0], buffer, 1000, NULL, 0);
    }
    check(st == EXPO_AGAIN);

    close(pair[0]);
    close(pair[1]);
}


int
main(void)
{
    a_message_is_json_and_perhaps_a_secret();
    what_is_no_message_is_refused();
    nesting_without_end_is_refused();
    what_is_written_reads_back_or_does_not_fit();
    datagrams_and_descriptors_travel_together();
    descriptors_of_a_bad_datagram_are_closed();
    a_full_socket_says_again_and_the_largest_datagram_passes();
    return done();
}
