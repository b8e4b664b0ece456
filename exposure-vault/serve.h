/*
 * The socket: who may ask, and one answer a question. One thread, since a
 * question takes it well under a millisecond; a connection has one question on
 * its way.
 */

#ifndef EXPOSURE_VAULT_SERVE_H
#define EXPOSURE_VAULT_SERVE_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/vault_answer.h"

#define SERVE_PEERS 16

/* Listens at path, where an old socket is removed. -1: errno says why. */
int serve_listen(const char *path);

/* Until stop, a descriptor, can be read. */
void serve(expo_vault_t *v, int listener, int stop, const uid_t *peers,
           size_t npeers);

#endif
