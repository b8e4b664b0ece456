#include "exposure-vault/serve.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <sodium.h>

#define SERVE_CONNECTIONS 512

/* The first two places are the listener's and stop's. */
typedef struct {
    struct pollfd fds[SERVE_CONNECTIONS + 2];
    nfds_t n;
    const uid_t *peers;
    size_t npeers;
    uid_t refused; /* last, so that each is told of once */
} serve_t;

static void serve_accept(serve_t *s);
static int serve_knows(const serve_t *s, uid_t uid);
static int serve_answer(expo_vault_t *v, int fd);


int
serve_listen(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    mode_t mask;
    int fd, rc;

    if (len >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }

    memcpy(addr.sun_path, path, len + 1);

    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }

    if (unlink(path) < 0 && errno != ENOENT) {
        close(fd);
        return -1;
    }

    /* Who may ask is looked at for each connection, not by the file's mode. */
    mask = umask(0);
    rc = bind(fd, (const struct sockaddr *) &addr, sizeof(addr));
    umask(mask);

    if (rc < 0 || listen(fd, SOMAXCONN) < 0) {
        close(fd);
        return -1;
    }

    return fd;
}


void
serve(expo_vault_t *v, int listener, int stop, const uid_t *peers,
      size_t npeers)
{
    static serve_t s;
    nfds_t i;

    s.peers = peers;
    s.npeers = npeers;
    s.refused = (uid_t) -1;
    s.fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    s.fds[1] = (struct pollfd){.fd = stop, .events = POLLIN};
    s.n = 2;

    for (;;) {
        /* Full: who comes now waits in the listener's queue. */
        s.fds[0].fd = s.n < SERVE_CONNECTIONS + 2 ? listener : -1;

        if (poll(s.fds, s.n, -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            break;
        }

        if (s.fds[1].revents) {
            break;
        }

        for (i = s.n - 1; i >= 2; i--) {
            if (s.fds[i].revents && serve_answer(v, s.fds[i].fd) < 0) {
                close(s.fds[i].fd);
                s.fds[i] = s.fds[--s.n];
            }
        }

        if (s.fds[0].revents) {
            serve_accept(&s);
        }
    }

    while (s.n > 2) {
        close(s.fds[--s.n].fd);
    }
}


static void
serve_accept(serve_t *s)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    int fd = accept4(s->fds[0].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        return;
    }

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
        close(fd);
        return;
    }

    if (!serve_knows(s, peer.uid)) {
        if (s->refused != peer.uid) {
            fprintf(stderr, "vault: user number %u may not ask\n",
                    (unsigned) peer.uid);
            s->refused = peer.uid;
        }
        close(fd);
        return;
    }

    s->fds[s->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
}


static int
serve_knows(const serve_t *s, uid_t uid)
{
    for (size_t i = 0; i < s->npeers; i++) {
        if (s->peers[i] == uid) {
            return 1;
        }
    }

    return 0;
}


/* -1: the peer has gone, or does not behave. */
static int
serve_answer(expo_vault_t *v, int fd)
{
    static uint8_t question[EXPO_VAULT_QUESTION], answer[EXPO_VAULT_ANSWER];
    ssize_t n = recv(fd, question, sizeof(question), MSG_TRUNC);
    size_t len;

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }

    if (n <= 0 || n > (ssize_t) sizeof(question)) {
        return -1;
    }

    len = expo_vault_answer(v, question, (size_t) n, answer);
    sodium_memzero(question, (size_t) n);

    n = send(fd, answer, len, MSG_NOSIGNAL);
    sodium_memzero(answer, len);

    return n == (ssize_t) len ? 0 : -1;
}
