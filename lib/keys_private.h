/* What keys.c and keys_socket.c share: a handle, and its connections. */

#ifndef EXPO_KEYS_PRIVATE_H
#define EXPO_KEYS_PRIVATE_H

#include "lib/keys.h"

#include <pthread.h>
#include <sys/un.h>

#include "lib/vault_wire.h"

#define EXPO_KEYS_IDLE 8 /* connections kept for the next question */
#define EXPO_KEYS_ANSWER_S 5

struct expo_keys_s {
    struct expo_vault_s *vault; /* NULL: it is behind the socket */
    struct sockaddr_un addr;

    pthread_mutex_t lock; /* of what follows */
    int idle[EXPO_KEYS_IDLE];
    size_t idle_n;
};

/* Sends len bytes and waits for the answer. EXPO_AGAIN: nobody answers. */
expo_status_t expo_keys_exchange(expo_keys_t *k, const uint8_t *question,
                                 size_t len, uint8_t answer[EXPO_VAULT_ANSWER],
                                 size_t *answer_bytes);

#endif
