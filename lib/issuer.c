/* The built-in issuer: its tokens and its key set. */

#include "lib/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "lib/base64.h"

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

static EVP_PKEY *issuer_key(const char *pem, size_t pem_len);
static expo_status_t issuer_public(issuer_public_t *p, const EVP_PKEY *key);
static int issuer_number(char text[ISSUER_NUMBER_TEXT], const EVP_PKEY *key,
                         const char *name);
static int issuer_thumbprint(issuer_public_t *p);
static json_t *issuer_claims(const char *issuer, const char *audience,
                             const char *sub, uint64_t now, uint32_t lifetime_s,
                             const uint8_t jti[16]);
static expo_status_t issuer_sign(EVP_PKEY *key, json_t *header, json_t *claims,
                                 char **token);


expo_status_t
expo_token_issue(const char *pem, size_t pem_len, const char *issuer,
                 const char *audience, const char *sub, uint64_t now,
                 uint32_t lifetime_s, const uint8_t jti[16], char **token)
{
    EVP_PKEY *key = issuer_key(pem, pem_len);
    issuer_public_t p;
    json_t *header = NULL, *claims = NULL;
    expo_status_t st;

    if (key == NULL) {
        return EXPO_INVALID;
    }

    st = issuer_public(&p, key);
    if (st == EXPO_OK) {
        header = json_pack("{s:s, s:s, s:s}", "alg", "RS256", "typ", "at+jwt",
                           "kid", p.kid);
        claims = issuer_claims(issuer, audience, sub, now, lifetime_s, jti);
        st = issuer_sign(key, header, claims, token);
    }

    json_decref(claims);
    json_decref(header);
    EVP_PKEY_free(key);

    return st;
}


expo_status_t
expo_token_jwks(const char *pem, size_t pem_len, char **json)
{
    EVP_PKEY *key = issuer_key(pem, pem_len);
    issuer_public_t p;
    expo_status_t st;
    json_t *set;

    if (key == NULL) {
        return EXPO_INVALID;
    }

    st = issuer_public(&p, key);
    EVP_PKEY_free(key);
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


/* NULL: not a PEM RSA private key of 2048 bits or more. */
static EVP_PKEY *
issuer_key(const char *pem, size_t pem_len)
{
    EVP_PKEY *key = NULL;
    BIO *bio;

    /* nginx raises an alert for errors that it finds in the queue. */
    ERR_set_mark();

    bio = BIO_new_mem_buf(pem, (int) pem_len);
    if (bio != NULL) {
        key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *) "");
    }
    BIO_free(bio);

    if (key != NULL && (!EVP_PKEY_is_a(key, "RSA") ||
                        EVP_PKEY_get_bits(key) < ISSUER_BITS_MIN)) {
        EVP_PKEY_free(key);
        key = NULL;
    }

    ERR_pop_to_mark();

    return key;
}


static expo_status_t
issuer_public(issuer_public_t *p, const EVP_PKEY *key)
{
    expo_status_t st;

    ERR_set_mark();

    st = issuer_number(p->n, key, OSSL_PKEY_PARAM_RSA_N) &&
                 issuer_number(p->e, key, OSSL_PKEY_PARAM_RSA_E) &&
                 issuer_thumbprint(p)
             ? EXPO_OK
             : EXPO_NO_MEMORY;

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


static json_t *
issuer_claims(const char *issuer, const char *audience, const char *sub,
              uint64_t now, uint32_t lifetime_s, const uint8_t jti[16])
{
    char id[EXPO_BASE64URL_CHARS(16) + 1];

    expo_base64url_print(id, jti, 16);

    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "iss", issuer,
                     "aud", audience, "sub", sub, "jti", id, "iat",
                     (json_int_t) now, "nbf", (json_int_t) now, "exp",
                     (json_int_t) (now + lifetime_s));
}


/* header or claims NULL: there was no memory for them. */
static expo_status_t
issuer_sign(EVP_PKEY *key, json_t *header, json_t *claims, char **token)
{
    uint8_t signature[ISSUER_NUMBER_MAX];
    size_t bytes = sizeof(signature), room;
    char *head, *body, *text = NULL, *p;
    expo_status_t st = EXPO_NO_MEMORY;
    EVP_MD_CTX *ctx = NULL;

    head = header != NULL ? json_dumps(header, JSON_COMPACT) : NULL;
    body = claims != NULL ? json_dumps(claims, JSON_COMPACT) : NULL;
    if (head == NULL || body == NULL) {
        goto done;
    }

    room = EXPO_BASE64URL_CHARS(strlen(head)) + ISSUER_NUMBER_TEXT +
           EXPO_BASE64URL_CHARS(strlen(body)) + 3;
    text = malloc(room);
    ctx = EVP_MD_CTX_new();
    if (text == NULL || ctx == NULL) {
        goto done;
    }

    expo_base64url_print(text, (const uint8_t *) head, strlen(head));
    p = text + strlen(text);
    *p++ = '.';
    expo_base64url_print(p, (const uint8_t *) body, strlen(body));
    p += strlen(p);

    ERR_set_mark();

    if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestSign(ctx, signature, &bytes, (const uint8_t *) text,
                       (size_t) (p - text)) == 1) {
        *p++ = '.';
        expo_base64url_print(p, signature, bytes);
        st = EXPO_OK;
    }

    ERR_pop_to_mark();

done:

    EVP_MD_CTX_free(ctx);
    free(body);
    free(head);

    if (st == EXPO_OK) {
        *token = text;
    } else {
        free(text);
    }

    return st;
}
