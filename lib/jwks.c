#include "lib/jwks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "lib/base64.h"

#define JWKS_RSA_BITS_MIN 2048
#define JWKS_RSA_BITS_MAX 8192
#define JWKS_NUMBER_MAX (JWKS_RSA_BITS_MAX / 8)
#define ES256_SIGNATURE 64 /* r and s, 32 bytes each: RFC 7518 section 3.4 */

typedef struct {
    char *kid; /* NULL when it has none */
    expo_alg_t alg;
    EVP_PKEY *key;
} jwks_key_t;

struct expo_jwks_s {
    jwks_key_t keys[EXPO_JWKS_KEYS_MAX];
    size_t count;
};

static expo_status_t jwks_add(expo_jwks_t *k, json_t *jwk);
static expo_alg_t jwks_alg(json_t *jwk);
static int jwks_may_verify(json_t *jwk);
static EVP_PKEY *jwks_rsa(json_t *jwk);
static EVP_PKEY *jwks_ec(json_t *jwk);
static EVP_PKEY *jwks_make(const char *type, OSSL_PARAM_BLD *bld);
static size_t jwks_number(uint8_t dst[JWKS_NUMBER_MAX], json_t *jwk,
                          const char *name);
static int jwks_check(const jwks_key_t *key, const uint8_t *signature,
                      size_t signature_bytes, const uint8_t *src, size_t len);
static int jwks_ecdsa_der(uint8_t **der, const uint8_t rs[ES256_SIGNATURE]);


expo_status_t
expo_jwks_load(const char *json, size_t len, expo_jwks_t **out, char *error,
               size_t error_bytes)
{
    json_t *set = NULL, *keys, *jwk;
    expo_status_t st = EXPO_OK;
    json_error_t why;
    expo_jwks_t *k;
    size_t i;

    k = calloc(1, sizeof(*k));
    if (k == NULL) {
        snprintf(error, error_bytes, "Out of memory.");
        return EXPO_NO_MEMORY;
    }

    if (len > EXPO_JWKS_BYTES_MAX) {
        snprintf(error, error_bytes, "The key set is over %d bytes long.",
                 EXPO_JWKS_BYTES_MAX);
        st = EXPO_TOO_LARGE;
        goto done;
    }

    set = json_loadb(json, len, JSON_REJECT_DUPLICATES, &why);
    keys = json_object_get(set, "keys");

    if (!json_is_array(keys)) {
        snprintf(error, error_bytes, "This is no JSON Web Key Set: %s.",
                 set ? "it has no member \"keys\"" : why.text);
        st = EXPO_INVALID;
        goto done;
    }

    ERR_set_mark();

    json_array_foreach(keys, i, jwk)
    {
        st = jwks_add(k, jwk);
        if (st != EXPO_OK) {
            break;
        }
    }

    ERR_pop_to_mark();

    if (st == EXPO_OK && k->count == 0) {
        st = EXPO_UNSUPPORTED;
    }

    if (st != EXPO_OK) {
        snprintf(error, error_bytes,
                 "The key set must hold 1 to %d keys for RS256 or ES256.",
                 EXPO_JWKS_KEYS_MAX);
    }

done:

    json_decref(set);

    if (st != EXPO_OK) {
        expo_jwks_free(k);
        return st;
    }

    *out = k;

    return EXPO_OK;
}


void
expo_jwks_free(expo_jwks_t *k)
{
    if (k == NULL) {
        return;
    }

    for (size_t i = 0; i < k->count; i++) {
        free(k->keys[i].kid);
        EVP_PKEY_free(k->keys[i].key);
    }

    free(k);
}


expo_status_t
expo_jwks_verify(const expo_jwks_t *k, expo_alg_t alg, const char *kid,
                 const uint8_t *signature, size_t signature_bytes,
                 const uint8_t *src, size_t len)
{
    expo_status_t st = EXPO_NOT_FOUND;

    /* OpenID Connect Core, section 10.1: of several keys one must be named. */
    if (kid == NULL && k->count > 1) {
        return EXPO_DENIED;
    }

    /* nginx raises an alert for errors that it finds in the queue. */
    ERR_set_mark();

    for (size_t i = 0; i < k->count && st != EXPO_OK; i++) {
        const jwks_key_t *key = &k->keys[i];

        if (key->alg != alg) {
            continue;
        }

        if (kid != NULL && (key->kid == NULL || strcmp(kid, key->kid) != 0)) {
            continue;
        }

        st = jwks_check(key, signature, signature_bytes, src, len)
                 ? EXPO_OK
                 : EXPO_DENIED;
    }

    ERR_pop_to_mark();

    return st;
}


/* Adds it if it is one of ours. EXPO_FULL: one too many. */
static expo_status_t
jwks_add(expo_jwks_t *k, json_t *jwk)
{
    jwks_key_t *key = &k->keys[k->count];
    json_t *kid = json_object_get(jwk, "kid");
    expo_alg_t alg = jwks_alg(jwk);
    EVP_PKEY *pkey;

    if (alg == 0 || !jwks_may_verify(jwk) ||
        (kid != NULL && !json_is_string(kid))) {
        return EXPO_OK;
    }

    pkey = alg == EXPO_ALG_RS256 ? jwks_rsa(jwk) : jwks_ec(jwk);
    if (pkey == NULL) {
        return EXPO_OK;
    }

    if (k->count == EXPO_JWKS_KEYS_MAX) {
        EVP_PKEY_free(pkey);
        return EXPO_FULL;
    }

    if (kid != NULL) {
        key->kid = strdup(json_string_value(kid));
        if (key->kid == NULL) {
            EVP_PKEY_free(pkey);
            return EXPO_NO_MEMORY;
        }
    }

    key->alg = alg;
    key->key = pkey;
    k->count++;

    return EXPO_OK;
}


/* 0: not a key of ours. A key without "alg" has the one of its type. */
static expo_alg_t
jwks_alg(json_t *jwk)
{
    const char *kty = json_string_value(json_object_get(jwk, "kty"));
    const char *crv = json_string_value(json_object_get(jwk, "crv"));
    json_t *member = json_object_get(jwk, "alg");
    const char *name = json_string_value(member);

    if (kty == NULL || (member != NULL && name == NULL)) {
        return 0;
    }

    if (strcmp(kty, "RSA") == 0 && (!name || strcmp(name, "RS256") == 0)) {
        return EXPO_ALG_RS256;
    }

    if (strcmp(kty, "EC") == 0 && crv != NULL && strcmp(crv, "P-256") == 0 &&
        (!name || strcmp(name, "ES256") == 0)) {
        return EXPO_ALG_ES256;
    }

    return 0;
}


static int
jwks_may_verify(json_t *jwk)
{
    json_t *use = json_object_get(jwk, "use");
    json_t *ops = json_object_get(jwk, "key_ops"), *op;
    size_t i;

    if (use != NULL &&
        (!json_is_string(use) || strcmp(json_string_value(use), "sig") != 0)) {
        return 0;
    }

    if (ops == NULL) {
        return 1;
    }

    json_array_foreach(ops, i, op)
    {
        if (json_is_string(op) &&
            strcmp(json_string_value(op), "verify") == 0) {
            return 1;
        }
    }

    return 0;
}


static EVP_PKEY *
jwks_rsa(json_t *jwk)
{
    uint8_t n[JWKS_NUMBER_MAX], e[JWKS_NUMBER_MAX];
    size_t n_len = jwks_number(n, jwk, "n");
    size_t e_len = jwks_number(e, jwk, "e");
    BIGNUM *modulus, *exponent;
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *bld;

    modulus = BN_bin2bn(n, (int) n_len, NULL);
    exponent = BN_bin2bn(e, (int) e_len, NULL);
    bld = OSSL_PARAM_BLD_new();

    /* An exponent of 1 makes every message its own signature. */
    if (modulus && exponent && bld &&
        BN_num_bits(modulus) >= JWKS_RSA_BITS_MIN && BN_is_odd(modulus) &&
        BN_is_odd(exponent) && BN_num_bits(exponent) >= 2 &&
        BN_num_bits(exponent) <= 64 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, exponent)) {
        key = jwks_make("RSA", bld);
    }

    OSSL_PARAM_BLD_free(bld);
    BN_free(modulus);
    BN_free(exponent);

    return key;
}


static EVP_PKEY *
jwks_ec(json_t *jwk)
{
    uint8_t x[JWKS_NUMBER_MAX], y[JWKS_NUMBER_MAX], point[65];
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *bld;

    if (jwks_number(x, jwk, "x") != 32 || jwks_number(y, jwk, "y") != 32) {
        return NULL;
    }

    point[0] = 4; /* uncompressed: SEC 1, section 2.3.3 */
    memcpy(point + 1, x, 32);
    memcpy(point + 33, y, 32);

    bld = OSSL_PARAM_BLD_new();

    if (bld != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                        "prime256v1", 0) &&
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         sizeof(point))) {
        key = jwks_make("EC", bld);
    }

    OSSL_PARAM_BLD_free(bld);

    return key;
}


/* A public key, or NULL when its numbers do not make one. */
static EVP_PKEY *
jwks_make(const char *type, OSSL_PARAM_BLD *bld)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL), *check;
    EVP_PKEY *key = NULL;

    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);

    if (key != NULL) {
        check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

        if (check == NULL || EVP_PKEY_public_check(check) != 1) {
            EVP_PKEY_free(key);
            key = NULL;
        }

        EVP_PKEY_CTX_free(check);
    }

    return key;
}


/* Decodes a base64url member; 0: absent, empty, malformed or too long. */
static size_t
jwks_number(uint8_t dst[JWKS_NUMBER_MAX], json_t *jwk, const char *name)
{
    json_t *member = json_object_get(jwk, name);
    size_t len = json_string_length(member), n;

    if (EXPO_BASE64URL_BYTES(len) > JWKS_NUMBER_MAX ||
        expo_base64url_parse(dst, &n, json_string_value(member), len) !=
            EXPO_OK) {
        return 0;
    }

    return n;
}


static int
jwks_check(const jwks_key_t *key, const uint8_t *signature,
           size_t signature_bytes, const uint8_t *src, size_t len)
{
    uint8_t *der = NULL;
    EVP_MD_CTX *ctx;
    int der_bytes, ok;

    if (key->alg == EXPO_ALG_ES256) {
        if (signature_bytes != ES256_SIGNATURE) {
            return 0;
        }

        der_bytes = jwks_ecdsa_der(&der, signature);
        if (der_bytes <= 0) {
            return 0;
        }

        signature = der;
        signature_bytes = (size_t) der_bytes;
    }

    ctx = EVP_MD_CTX_new();

    ok = ctx != NULL &&
         EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key->key) == 1 &&
         EVP_DigestVerify(ctx, signature, signature_bytes, src, len) == 1;

    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);

    return ok;
}


/* r and s as OpenSSL takes them. *der: OPENSSL_free. */
static int
jwks_ecdsa_der(uint8_t **der, const uint8_t rs[ES256_SIGNATURE])
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(rs, 32, NULL);
    BIGNUM *s = BN_bin2bn(rs + 32, 32, NULL);
    int n = -1;

    if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s)) {
        n = i2d_ECDSA_SIG(sig, der);
        r = s = NULL; /* the signature's now */
    }

    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);

    return n;
}
