/* Judging: JWS, then claims. Issuing is lib/issuer.c. */

#include "lib/token.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "lib/base64.h"
#include "lib/jwks.h"

#define TOKEN_SIGNATURE_MAX 1024 /* RSA-8192 */
#define TOKEN_TIME_MAX                                                         \
    253402300799. /* the year 9999; milliseconds are over                      \
                   */

/* The three parts of a compact JWS, still encoded. */
typedef struct {
    const char *header, *payload, *signature;
    size_t header_len, payload_len, signature_len;
} token_parts_t;

static expo_status_t token_open(const expo_jwks_t *keys, const char *token,
                                size_t len, json_t **header, uint8_t **payload,
                                size_t *payload_bytes);
static int token_split(token_parts_t *p, const char *token, size_t len);
static expo_status_t token_header(const token_parts_t *p, json_t **out);
static expo_alg_t token_alg(json_t *header);
static int token_type_fits(json_t *header);
static expo_status_t token_claims(json_t *claims, const char *issuer,
                                  const char *audience, uint64_t now,
                                  expo_claims_t *out);
static int token_text(char *dst, size_t size, json_t *claims, const char *name);
static int token_audience(json_t *aud, const char *audience);
static int token_time(double *out, json_t *claims, const char *name);


expo_status_t
expo_token_signature(const expo_jwks_t *keys, const char *token, size_t len,
                     uint8_t **payload, size_t *payload_bytes)
{
    json_t *header;
    expo_status_t st;

    st = token_open(keys, token, len, &header, payload, payload_bytes);
    if (st == EXPO_OK) {
        json_decref(header);
    }

    return st;
}


expo_status_t
expo_token_verify(const expo_jwks_t *keys, const char *issuer,
                  const char *audience, uint64_t now, const char *token,
                  size_t len, expo_claims_t *claims)
{
    json_t *header, *json;
    uint8_t *payload;
    size_t bytes;
    expo_status_t st;

    st = token_open(keys, token, len, &header, &payload, &bytes);
    if (st != EXPO_OK) {
        return st;
    }

    json =
        json_loadb((const char *) payload, bytes, JSON_REJECT_DUPLICATES, NULL);
    free(payload);

    st = token_type_fits(header)
             ? token_claims(json, issuer, audience, now, claims)
             : EXPO_DENIED;

    json_decref(header);
    json_decref(json);

    return st;
}


/* Header and payload of a token whose signature is right. */
static expo_status_t
token_open(const expo_jwks_t *keys, const char *token, size_t len,
           json_t **header, uint8_t **payload, size_t *payload_bytes)
{
    uint8_t signature[TOKEN_SIGNATURE_MAX];
    size_t signature_bytes;
    token_parts_t p;
    expo_status_t st;
    json_t *kid;

    *payload = NULL;

    if (!token_split(&p, token, len) ||
        EXPO_BASE64URL_BYTES(p.signature_len) > sizeof(signature) ||
        expo_base64url_parse(signature, &signature_bytes, p.signature,
                             p.signature_len) != EXPO_OK) {
        return EXPO_DENIED;
    }

    st = token_header(&p, header);
    if (st != EXPO_OK) {
        return st;
    }

    kid = json_object_get(*header, "kid");

    st = kid != NULL && !json_is_string(kid)
             ? EXPO_DENIED
             : expo_jwks_verify(keys, token_alg(*header),
                                json_string_value(kid), signature,
                                signature_bytes, (const uint8_t *) token,
                                (size_t) (p.signature - token) - 1);

    if (st == EXPO_OK) {
        *payload = malloc(EXPO_BASE64URL_BYTES(p.payload_len) + 1);

        if (*payload == NULL) {
            st = EXPO_NO_MEMORY;

        } else if (expo_base64url_parse(*payload, payload_bytes, p.payload,
                                        p.payload_len) != EXPO_OK) {
            st = EXPO_DENIED;
        }
    }

    if (st != EXPO_OK) {
        free(*payload);
        *payload = NULL;
        json_decref(*header);
    }

    return st;
}


static int
token_split(token_parts_t *p, const char *token, size_t len)
{
    const char *end = token + len, *first, *second;

    if (len > EXPO_TOKEN_BYTES_MAX) {
        return 0;
    }

    first = memchr(token, '.', len);
    if (first == NULL) {
        return 0;
    }

    second = memchr(first + 1, '.', (size_t) (end - first) - 1);
    if (second == NULL) {
        return 0;
    }

    p->header = token;
    p->header_len = (size_t) (first - token);
    p->payload = first + 1;
    p->payload_len = (size_t) (second - first) - 1;
    p->signature = second + 1;
    p->signature_len = (size_t) (end - second) - 1;

    return 1;
}


/* EXPO_DENIED: not a header whose signature we may judge. */
static expo_status_t
token_header(const token_parts_t *p, json_t **out)
{
    uint8_t *text;
    size_t bytes;
    json_t *header = NULL;

    text = malloc(EXPO_BASE64URL_BYTES(p->header_len) + 1);
    if (text == NULL) {
        return EXPO_NO_MEMORY;
    }

    if (expo_base64url_parse(text, &bytes, p->header, p->header_len) ==
        EXPO_OK) {
        header = json_loadb((const char *) text, bytes, JSON_REJECT_DUPLICATES,
                            NULL);
    }

    free(text);

    /* RFC 7515, section 4.1.11: we understand no critical extension. */
    if (!json_is_object(header) || json_object_get(header, "crit") != NULL ||
        token_alg(header) == 0) {
        json_decref(header);
        return EXPO_DENIED;
    }

    *out = header;

    return EXPO_OK;
}


static expo_alg_t
token_alg(json_t *header)
{
    const char *alg = json_string_value(json_object_get(header, "alg"));

    if (alg != NULL && strcmp(alg, "RS256") == 0) {
        return EXPO_ALG_RS256;
    }

    if (alg != NULL && strcmp(alg, "ES256") == 0) {
        return EXPO_ALG_ES256;
    }

    return 0;
}


/*
 * RFC 9068 wants at+jwt; many issuers write JWT or nothing. Other types
 * (logout, proofs of possession) are signed by the same keys and are no access
 * tokens.
 */
static int
token_type_fits(json_t *header)
{
    static const char *const types[] = {"at+jwt", "application/at+jwt", "JWT"};
    json_t *typ = json_object_get(header, "typ");
    const char *name = json_string_value(typ);

    if (typ == NULL) {
        return 1;
    }

    for (size_t i = 0; name != NULL && i < 3; i++) {
        if (strcasecmp(name, types[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


static expo_status_t
token_claims(json_t *claims, const char *issuer, const char *audience,
             uint64_t now, expo_claims_t *out)
{
    double at = (double) now, exp, nbf, iat;
    expo_claims_t c;

    if (!json_is_object(claims) ||
        !token_text(c.iss, sizeof(c.iss), claims, "iss") ||
        !token_text(c.sub, sizeof(c.sub), claims, "sub") ||
        strcmp(c.iss, issuer) != 0 ||
        !token_audience(json_object_get(claims, "aud"), audience)) {
        return EXPO_DENIED;
    }

    if (json_object_get(claims, "exp") == NULL ||
        !token_time(&exp, claims, "exp") || !token_time(&nbf, claims, "nbf") ||
        !token_time(&iat, claims, "iat")) {
        return EXPO_DENIED;
    }

    if (nbf > at + EXPO_TOKEN_LEEWAY_S || iat > at + EXPO_TOKEN_LEEWAY_S) {
        return EXPO_DENIED;
    }

    if (at >= exp + EXPO_TOKEN_LEEWAY_S) {
        return EXPO_EXPIRED;
    }

    c.expires = (uint64_t) exp;
    c.issued = (uint64_t) iat;
    *out = c;

    return EXPO_OK;
}


/* Copies a text claim of 1 to size - 1 bytes. */
static int
token_text(char *dst, size_t size, json_t *claims, const char *name)
{
    json_t *member = json_object_get(claims, name);
    size_t len = json_string_length(member);

    if (len == 0 || len >= size) {
        return 0;
    }

    memcpy(dst, json_string_value(member), len + 1);

    return 1;
}


/* RFC 7519, section 4.1.3: one text, or an array of texts. */
static int
token_audience(json_t *aud, const char *audience)
{
    json_t *one;
    size_t i;
    int found = 0;

    if (json_is_string(aud)) {
        return strcmp(json_string_value(aud), audience) == 0;
    }

    json_array_foreach(aud, i, one)
    {
        if (!json_is_string(one)) {
            return 0;
        }

        found |= strcmp(json_string_value(one), audience) == 0;
    }

    return found;
}


/* Absent is 0; 0 comes back for what is no time. */
static int
token_time(double *out, json_t *claims, const char *name)
{
    json_t *member = json_object_get(claims, name);

    *out = 0;

    if (member == NULL) {
        return 1;
    }

    if (!json_is_number(member)) {
        return 0;
    }

    *out = json_number_value(member);

    return *out >= 0 && *out <= TOKEN_TIME_MAX;
}
