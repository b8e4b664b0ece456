/*
 * Whose access tokens count: the built-in issuer and any number of others, each
 * with an audience and a key set of its own. One way for all of them
 * (expo_token_verify): whose key has signed is found first, and then the
 * token's iss must be that issuer's, so that nobody can speak for another.
 *
 * Not for two threads at once: callers that share a list lock it.
 */

#ifndef EXPO_TRUST_H
#define EXPO_TRUST_H

#include "lib/token.h"

#define EXPO_TRUST_MAX 16

typedef struct expo_trust_s expo_trust_t;

expo_status_t expo_trust_open(expo_trust_t **out);
void expo_trust_close(expo_trust_t *t);

/*
 * An issuer, without keys as yet: *entry is its number, from 0 on.
 * EXPO_CONFLICT: it is there. EXPO_INVALID: empty or over EXPO_ISS_MAX - 1.
 */
expo_status_t expo_trust_add(expo_trust_t *t, const char *issuer,
                             const char *audience, size_t *entry);

/* EXPO_NOT_FOUND: nobody whom we trust. */
expo_status_t expo_trust_find(const expo_trust_t *t, const char *issuer,
                              size_t *entry);

/* These keys from now on; they are the list's. NULL: none. */
void expo_trust_keys(expo_trust_t *t, size_t entry, expo_jwks_t *keys);

/*
 * As expo_token_verify. EXPO_NOT_FOUND: signed by a key that nobody has, as far
 * as is known: newer key sets may help, and nothing else is known of the token.
 */
expo_status_t expo_trust_verify(const expo_trust_t *t, uint64_t now,
                                const char *token, size_t len,
                                expo_claims_t *claims);

#endif
