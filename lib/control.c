#include "lib/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static size_t control_take_fds(struct msghdr *msg, int fds[EXPO_CONTROL_FDS],
                               int *excess);


expo_status_t
expo_control_read(expo_control_t *c, const uint8_t *src, size_t len)
{
    const uint8_t *nul = memchr(src, '\0', len);
    size_t text = nul ? (size_t) (nul - src) : len;

    memset(c, 0, sizeof(*c));

    if (nul != NULL) {
        c->secret_bytes = len - text - 1;
        if (c->secret_bytes == 0 || c->secret_bytes > EXPO_CONTROL_SECRET) {
            return EXPO_INVALID;
        }

        c->secret = nul + 1;
    }

    c->json =
        json_loadb((const char *) src, text, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_string(json_object_get(c->json, "type"))) {
        return EXPO_OK;
    }

    expo_control_release(c);
    return EXPO_INVALID;
}


void
expo_control_release(expo_control_t *c)
{
    json_decref(c->json);
    memset(c, 0, sizeof(*c));
}


expo_status_t
expo_control_write(uint8_t *dst, size_t cap, size_t *len, const json_t *json,
                   const uint8_t *secret, size_t secret_bytes)
{
    size_t text, tail = secret_bytes > 0 ? 1 + secret_bytes : 0;

    if (secret_bytes > EXPO_CONTROL_SECRET) {
        return EXPO_TOO_LARGE;
    }

    text = json_dumpb(json, (char *) dst, cap, JSON_COMPACT);
    if (text == 0) {
        return EXPO_INVALID;
    }

    if (text > cap || tail > cap - text) {
        return EXPO_TOO_LARGE;
    }

    if (tail > 0) {
        dst[text] = '\0';
        memcpy(dst + text + 1, secret, secret_bytes);
    }

    *len = text + tail;
    return EXPO_OK;
}


expo_status_t
expo_control_send(int sock, const uint8_t *msg, size_t len, const int *fds,
                  size_t nfds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(EXPO_CONTROL_FDS * sizeof(int))];
    } control;
    struct iovec iov = {(void *) msg, len};
    struct msghdr out = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *cmsg;
    ssize_t n;

    if (len == 0 || len > EXPO_CONTROL_BYTES || nfds > EXPO_CONTROL_FDS) {
        return EXPO_TOO_LARGE;
    }

    if (nfds > 0) {
        memset(&control, 0, sizeof(control));
        out.msg_control = control.bytes;
        out.msg_controllen = CMSG_SPACE(nfds * sizeof(int));

        cmsg = CMSG_FIRSTHDR(&out);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(cmsg), fds, nfds * sizeof(int));
    }

    do {
        n = sendmsg(sock, &out, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);

    if (n >= 0) {
        return EXPO_OK;
    }

    return errno == EAGAIN || errno == ENOBUFS ? EXPO_AGAIN : EXPO_IO;
}


expo_status_t
expo_control_recv(int sock, uint8_t *buf, size_t cap, size_t *len,
                  int fds[EXPO_CONTROL_FDS], size_t *nfds)
{
    union {
        struct cmsghdr align;
        /* The kernel passes at most 253 at once; room for all of them, so that
           none is lost before it can be closed. */
        char bytes[CMSG_SPACE(253 * sizeof(int))];
    } control;
    struct iovec iov = {buf, cap};
    struct msghdr in = {.msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control.bytes,
                        .msg_controllen = sizeof(control.bytes)};
    int excess = 0;
    ssize_t n;

    *len = 0;
    *nfds = 0;

    do {
        n = recvmsg(sock, &in, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);

    if (n < 0) {
        return errno == EAGAIN ? EXPO_AGAIN : EXPO_IO;
    }

    *nfds = control_take_fds(&in, fds, &excess);

    if (excess || n == 0 || (in.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        while (*nfds > 0) {
            close(fds[--*nfds]);
        }
        return n == 0 ? EXPO_OK : EXPO_INVALID;
    }

    *len = (size_t) n;
    return EXPO_OK;
}


static size_t
control_take_fds(struct msghdr *msg, int fds[EXPO_CONTROL_FDS], int *excess)
{
    struct cmsghdr *cmsg;
    size_t i, n = 0, count;
    int fd;

    for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS) {
            continue;
        }

        count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        for (i = 0; i < count; i++) {
            memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));

            if (n < EXPO_CONTROL_FDS) {
                fds[n++] = fd;

            } else {
                close(fd);
                *excess = 1;
            }
        }
    }

    return n;
}
