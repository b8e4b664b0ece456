/* The built-in issuer: its tokens and its key set. */

#include "lib/token.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>
#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "lib/base64url.h"

#define ISSUER_BITS_MIN 2048
#define ISSUER_NUMBER_MAX 1024
#define ISSUER_NUMBER_TEXT (EXPO_BASE64URL_CHARS(ISSUER_NUMBER_MAX) + 1)
#define ISSUER_KID_TEXT (EXPO_BASE64URL_CHARS(32) + 1)

/* The public half, as RFC 7517 writes it. */
typedef struct {
    char n[ISSUER_NUMBER_TEXT];
    char e[ISSUER_NUMBER_TEXT];
    char kid[ISSUER_KID_TEXT];
} issuer_public_t;

static expo_status_t issuer_public(issuer_public_t *p, const char *pem,
                                   size_t pem_len);
static int issuer_number(char text[ISSUER_NUMBER_TEXT], const EVP_PKEY *key,
                         const char *name);
static int issuer_thumbprint(issuer_public_t *p);
static int issuer_claims(jwt_t *jwt, const char *issuer, const char *audience,
                         const char *sub, uint64_t now, uint32_t lifetime_s,
                         const uint8_t jti[16]);


expo_status_t
expo_token_issue(const char *pem, size_t pem_len, const char *issuer,
                 const char *audience, const char *sub, uint64_t now,
                 uint32_t lifetime_s, const uint8_t jti[16], char **token)
{
    expo_status_t st;
    issuer_public_t p;
    jwt_t *jwt = NULL;
    char *text = NULL;

    st = issuer_public(&p, pem, pem_len);
    if (st != EXPO_OK) {
        return st;
    }

    ERR_set_mark();
    st = EXPO_NO_MEMORY;

    if (jwt_new(&jwt) == 0 &&
        jwt_set_alg(jwt, JWT_ALG_RS256, (const unsigned char *) pem,
                    (int) pem_len) == 0 &&
        jwt_add_header(jwt, "kid", p.kid) == 0 &&
        issuer_claims(jwt, issuer, audience, sub, now, lifetime_s, jti)) {
        text = jwt_encode_str(jwt);
    }

    if (text != NULL) {
        *token = text;
        st = EXPO_OK;
    }

    jwt_free(jwt);
    ERR_pop_to_mark();

    return st;
}


expo_status_t
expo_token_jwks(const char *pem, size_t pem_len, char **json)
{
    issuer_public_t p;
    expo_status_t st;
    json_t *set;

    st = issuer_public(&p, pem, pem_len);
    if (st != EXPO_OK) {
        return st;
    }

    set = json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:s}]}", "keys", "kty",
                    "RSA", "use", "sig", "alg", "RS256", "kid", p.kid, "n", p.n,
                    "e", p.e);
    *json = set != NULL ? json_dumps(set, JSON_COMPACT) : NULL;
    json_decref(set);

    return *json != NULL ? EXPO_OK : EXPO_NO_MEMORY;
}


/* EXPO_INVALID: not a PEM RSA private key of 2048 bits or more. */
static expo_status_t
issuer_public(issuer_public_t *p, const char *pem, size_t pem_len)
{
    expo_status_t st = EXPO_INVALID;
    EVP_PKEY *key = NULL;
    BIO *bio;

    ERR_set_mark();

    bio = BIO_new_mem_buf(pem, (int) pem_len);
    if (bio != NULL) {
        key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *) "");
    }

    if (key != NULL && EVP_PKEY_is_a(key, "RSA") &&
        EVP_PKEY_get_bits(key) >= ISSUER_BITS_MIN &&
        issuer_number(p->n, key, OSSL_PKEY_PARAM_RSA_N) &&
        issuer_number(p->e, key, OSSL_PKEY_PARAM_RSA_E) &&
        issuer_thumbprint(p)) {
        st = EXPO_OK;
    }

    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_pop_to_mark();

    return st;
}


static int
issuer_number(char text[ISSUER_NUMBER_TEXT], const EVP_PKEY *key,
              const char *name)
{
    uint8_t b[ISSUER_NUMBER_MAX];
    BIGNUM *v = NULL;
    int n = 0;

    if (EVP_PKEY_get_bn_param(key, name, &v) &&
        BN_num_bytes(v) <= ISSUER_NUMBER_MAX) {
        n = BN_bn2bin(v, b);
        expo_base64url_print(text, b, (size_t) n);
    }

    BN_free(v);

    return n > 0;
}


/* RFC 7638: SHA-256 of the required members, in order, without spaces. */
static int
issuer_thumbprint(issuer_public_t *p)
{
    char text[2 * ISSUER_NUMBER_TEXT + 32];
    uint8_t hash[32];
    int n;

    n = snprintf(text, sizeof(text),
                 "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", p->e, p->n);

    if (!EVP_Digest(text, (size_t) n, hash, NULL, EVP_sha256(), NULL)) {
        return 0;
    }

    expo_base64url_print(p->kid, hash, sizeof(hash));

    return 1;
}


static int
issuer_claims(jwt_t *jwt, const char *issuer, const char *audience,
              const char *sub, uint64_t now, uint32_t lifetime_s,
              const uint8_t jti[16])
{
    char id[EXPO_BASE64URL_CHARS(16) + 1];

    expo_base64url_print(id, jti, 16);

    return jwt_add_grant(jwt, "iss", issuer) == 0 &&
           jwt_add_grant(jwt, "aud", audience) == 0 &&
           jwt_add_grant(jwt, "sub", sub) == 0 &&
           jwt_add_grant(jwt, "jti", id) == 0 &&
           jwt_add_grant_int(jwt, "iat", (long) now) == 0 &&
           jwt_add_grant_int(jwt, "nbf", (long) now) == 0 &&
           jwt_add_grant_int(jwt, "exp", (long) (now + lifetime_s)) == 0;
}
