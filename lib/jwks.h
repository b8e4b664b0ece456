/*
 * A set of public keys, and the one question that is asked of it: is this
 * signature made by a key of that name? For lib/token.c.
 */

#ifndef EXPO_JWKS_H
#define EXPO_JWKS_H

#include "lib/token.h"

#define EXPO_JWKS_BYTES_MAX (1 << 20)
#define EXPO_JWKS_KEYS_MAX 64

typedef enum { EXPO_ALG_RS256 = 1, EXPO_ALG_ES256 = 2 } expo_alg_t;

/*
 * kid NULL: the token names no key, and may not when the set has several.
 * EXPO_NOT_FOUND: no key of that name. EXPO_DENIED: not its signature. No
 * allocation outlives it.
 */
expo_status_t expo_jwks_verify(const expo_jwks_t *k, expo_alg_t alg,
                               const char *kid, const uint8_t *signature,
                               size_t signature_bytes, const uint8_t *src,
                               size_t len);

#endif
