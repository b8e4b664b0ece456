/*
 * Connections to exposure-vault: each has one question on its way at a time,
 * so that a late answer is never taken for another's. A thread takes an idle
 * one, or makes one.
 */

#include "lib/keys_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int socket_take(expo_keys_t *k);
static void socket_give(expo_keys_t *k, int fd);
static int socket_connect(const expo_keys_t *k);
static ssize_t socket_ask(int fd, const uint8_t *question, size_t len,
                          uint8_t *answer);


expo_status_t
expo_keys_open(expo_keys_t **out, const char *path)
{
    expo_keys_t *k;
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(k->addr.sun_path)) {
        return EXPO_INVALID;
    }

    k = calloc(1, sizeof(*k));
    if (k == NULL) {
        return EXPO_NO_MEMORY;
    }

    k->addr.sun_family = AF_UNIX;
    memcpy(k->addr.sun_path, path, len + 1);
    pthread_mutex_init(&k->lock, NULL);
    *out = k;

    return EXPO_OK;
}


expo_status_t
expo_keys_local(expo_keys_t **out, struct expo_vault_s *vault)
{
    expo_keys_t *k = calloc(1, sizeof(*k));

    if (k == NULL) {
        return EXPO_NO_MEMORY;
    }

    k->vault = vault;
    pthread_mutex_init(&k->lock, NULL);
    *out = k;

    return EXPO_OK;
}


void
expo_keys_close(expo_keys_t *k)
{
    if (k == NULL) {
        return;
    }

    while (k->idle_n > 0) {
        close(k->idle[--k->idle_n]);
    }

    pthread_mutex_destroy(&k->lock);
    free(k);
}


/*
 * An idle connection may be one to a vault that has ended since: then the
 * next is tried, and at last a new one. No question does harm when it is
 * asked twice.
 */
expo_status_t
expo_keys_exchange(expo_keys_t *k, const uint8_t *question, size_t len,
                   uint8_t answer[EXPO_VAULT_ANSWER], size_t *answer_bytes)
{
    int fd, fresh, late;
    ssize_t n;

    do {
        fd = socket_take(k);
        fresh = fd < 0;

        if (fresh) {
            fd = socket_connect(k);
        }

        if (fd < 0) {
            return EXPO_AGAIN;
        }

        n = socket_ask(fd, question, len, answer);

        if (n > 0) {
            socket_give(k, fd);
            *answer_bytes = (size_t) n;
            return EXPO_OK;
        }

        late = n < 0 && errno == EAGAIN;
        close(fd);
    } while (!fresh && !late);

    return EXPO_AGAIN;
}


/* -1: none is idle. */
static int
socket_take(expo_keys_t *k)
{
    int fd = -1;

    pthread_mutex_lock(&k->lock);
    if (k->idle_n > 0) {
        fd = k->idle[--k->idle_n];
    }
    pthread_mutex_unlock(&k->lock);

    return fd;
}


static void
socket_give(expo_keys_t *k, int fd)
{
    pthread_mutex_lock(&k->lock);
    if (k->idle_n < EXPO_KEYS_IDLE) {
        k->idle[k->idle_n++] = fd;
        fd = -1;
    }
    pthread_mutex_unlock(&k->lock);

    if (fd >= 0) {
        close(fd);
    }
}


/* -1: errno says why. */
static int
socket_connect(const expo_keys_t *k)
{
    struct timeval limit = {.tv_sec = EXPO_KEYS_ANSWER_S};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }

    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
        connect(fd, (const struct sockaddr *) &k->addr, sizeof(k->addr)) < 0) {
        close(fd);
        return -1;
    }

    return fd;
}


/* Bytes of the answer; 0 or -1: none comes. */
static ssize_t
socket_ask(int fd, const uint8_t *question, size_t len, uint8_t *answer)
{
    ssize_t n;

    do {
        n = send(fd, question, len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);

    if (n != (ssize_t) len) {
        return -1;
    }

    do {
        n = recv(fd, answer, EXPO_VAULT_ANSWER, 0);
    } while (n < 0 && errno == EINTR);

    return n;
}
