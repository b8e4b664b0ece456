/*
 * Judging access tokens: compact JWS with RS256 (ES256 where a key says so),
 * then the claims. Never none, never HS*. Strict base64url, duplicate members
 * refused, `crit` refused, the signature verified before claims are parsed.
 * Time is passed in. Sources: RFC 7515, 7517, 7519, 9068.
 */

#ifndef EXPO_TOKEN_H
#define EXPO_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define EXPO_TOKEN_BYTES_MAX 8192
#define EXPO_TOKEN_LEEWAY_S 60
#define EXPO_ISS_MAX 256
#define EXPO_SUB_MAX 256

typedef struct expo_jwks_s expo_jwks_t; /* a set of public keys */

typedef struct {
    char iss[EXPO_ISS_MAX];
    char sub[EXPO_SUB_MAX];
    uint64_t expires; /* Unix seconds, `exp` */
    uint64_t issued;  /* `iat`; 0: it does not say */
} expo_claims_t;

/* Parses a JWK Set (RFC 7517); keys that are not RS256/ES256 ones are skipped. */
expo_status_t expo_jwks_load(const char *json, size_t len, expo_jwks_t **out,
                             char *error, size_t error_bytes);
void expo_jwks_free(expo_jwks_t *k);

/*
 * The signature alone; *payload is where the decoded payload went (malloc).
 * EXPO_NOT_FOUND: it names a key that is not in the set. EXPO_DENIED: anything
 * else wrong.
 */
expo_status_t expo_token_signature(const expo_jwks_t *keys, const char *token,
                                   size_t len, uint8_t **payload,
                                   size_t *payload_bytes);

/*
 * The whole judgement of one issuer's token at time `now` (Unix seconds); who
 * trusts several asks lib/trust.h. As above; EXPO_EXPIRED: right but for exp.
 */
expo_status_t expo_token_verify(const expo_jwks_t *keys, const char *issuer,
                                const char *audience, uint64_t now,
                                const char *token, size_t len,
                                expo_claims_t *claims);

/*
 * The built-in issuer: signs {iss, aud, sub, iat, nbf, exp, jti} with a PEM
 * RSA private key, typ at+jwt (RFC 9068), kid = RFC 7638 thumbprint.
 * jti: 16 random bytes. *token is malloc'd.
 */
expo_status_t expo_token_issue(const char *pem, size_t pem_len,
                               const char *issuer, const char *audience,
                               const char *sub, uint64_t now,
                               uint32_t lifetime_s, const uint8_t jti[16],
                               char **token);

/* The JWK Set with the public half of a PEM private key; *json is malloc'd. */
expo_status_t expo_token_jwks(const char *pem, size_t pem_len, char **json);

#endif
