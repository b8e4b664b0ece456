/* Tokens: what is right passes, and each way to be wrong is refused. */

#include "lib/issuer.c"
#include "lib/jwks.c"
#include "lib/token.c"
#include "lib/base64.c"

#include <openssl/ec.h>
#include <openssl/hmac.h>

#include "t/unit/check.h"

#define ISS "https://issuer.example/"
#define AUD "an-audience"
#define NOW 1700000000

static EVP_PKEY *rsa, *other_rsa, *ec;
static char rsa_pem[4096], other_pem[4096];
static expo_jwks_t *keys;
static char rsa_kid[64];


static void
print_pem(char pem[4096], EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int n;

    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    n = BIO_read(bio, pem, 4095);
    pem[n > 0 ? n : 0] = '\0';
    BIO_free(bio);
}

/* The set that most tests use: the RSA key and an EC key named "ec". */
static char *
set_text(void)
{
    uint8_t point[65];
    char x[44], y[44], *rsa_set, *text;
    json_t *set;
    size_t n;

    EVP_PKEY_get_octet_string_param(ec, OSSL_PKEY_PARAM_PUB_KEY, point,
                                    sizeof(point), &n);
    expo_base64url_print(x, point + 1, 32);
    expo_base64url_print(y, point + 33, 32);

    expo_token_jwks(rsa_pem, strlen(rsa_pem), &rsa_set);
    set = json_loads(rsa_set, 0, NULL);
    free(rsa_set);

    snprintf(rsa_kid, sizeof(rsa_kid), "%s",
             json_string_value(json_object_get(
                 json_array_get(json_object_get(set, "keys"), 0), "kid")));

    json_array_append_new(json_object_get(set, "keys"),
                          json_pack("{ss ss ss ss ss}", "kty", "EC", "crv",
                                    "P-256", "kid", "ec", "x", x, "y", y));
    text = json_dumps(set, 0);
    json_decref(set);

    return text;
}

/* ECDSA's DER as r and s: RFC 7518, section 3.4. */
static void
raw_ecdsa(uint8_t out[64], const uint8_t *der, size_t len)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long) len);

    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32);
    ECDSA_SIG_free(sig);
}

static char *
sign_text(EVP_PKEY *key, const char *header, const char *payload)
{
    static char token[32768];
    uint8_t sig[1024], raw[64];
    size_t n = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    char *p = token;

    expo_base64url_print(p, (const uint8_t *) header, strlen(header));
    p += strlen(p);
    *p++ = '.';
    expo_base64url_print(p, (const uint8_t *) payload, strlen(payload));
    p += strlen(p);

    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key);
    EVP_DigestSign(ctx, sig, &n, (const uint8_t *) token, (size_t) (p - token));
    EVP_MD_CTX_free(ctx);

    *p++ = '.';

    if (EVP_PKEY_is_a(key, "EC")) {
        raw_ecdsa(raw, sig, n);
        expo_base64url_print(p, raw, 64);
    } else {
        expo_base64url_print(p, sig, n);
    }

    return token;
}

static expo_status_t
judge(const char *token)
{
    expo_claims_t c;

    return expo_token_verify(keys, ISS, AUD, NOW, token, strlen(token), &c);
}

static int
refused(const char *token)
{
    expo_status_t st = judge(token);

    return st == EXPO_DENIED || st == EXPO_NOT_FOUND;
}

/* header and payload of a right token, with one of the two replaced. */
static expo_status_t
judge_parts(EVP_PKEY *key, const char *header, const char *payload)
{
    char standard[256];

    snprintf(standard, sizeof(standard),
             "{\"alg\":\"RS256\",\"kid\":\"%s\",\"typ\":\"at+jwt\"}", rsa_kid);

    return judge(sign_text(key, header ? header : standard,
                           payload ? payload
                                   : "{\"iss\":\"" ISS "\",\"sub\":\"s\","
                                     "\"aud\":\"" AUD "\","
                                     "\"exp\":1700000100}"));
}

/* A format with one %s: the RSA key's kid. */
static expo_status_t
judge_header(EVP_PKEY *key, const char *format)
{
    char header[1024];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(header, sizeof(header), format, rsa_kid);
#pragma GCC diagnostic pop

    return judge_parts(key, header, NULL);
}

static void
begin(void)
{
    char error[256], *text;

    rsa = EVP_RSA_gen(2048);
    other_rsa = EVP_RSA_gen(2048);
    ec = EVP_EC_gen("prime256v1");
    print_pem(rsa_pem, rsa);
    print_pem(other_pem, other_rsa);

    text = set_text();
    check(expo_jwks_load(text, strlen(text), &keys, error, sizeof(error)) ==
          EXPO_OK);
    check(keys->count == 2);
    free(text);
}

static void
what_the_issuer_signs_is_accepted_until_it_expires(void)
{
    uint8_t jti[16] = {1};
    expo_claims_t c;
    char *token;
    size_t n;

    check(expo_token_issue(rsa_pem, strlen(rsa_pem), ISS, AUD, "a subject", NOW,
                           600, jti, &token) == EXPO_OK);
    n = strlen(token);

    check(expo_token_verify(keys, ISS, AUD, NOW, token, n, &c) == EXPO_OK);
    check(strcmp(c.iss, ISS) == 0 && strcmp(c.sub, "a subject") == 0 &&
          c.expires == NOW + 600 && c.issued == NOW);

    check(expo_token_verify(keys, ISS, AUD, NOW - 60, token, n, &c) == EXPO_OK);
    check(expo_token_verify(keys, ISS, AUD, NOW - 61, token, n, &c) ==
          EXPO_DENIED);
    check(expo_token_verify(keys, ISS, AUD, NOW + 659, token, n, &c) ==
          EXPO_OK);
    check(expo_token_verify(keys, ISS, AUD, NOW + 660, token, n, &c) ==
          EXPO_EXPIRED);
    check(expo_token_verify(keys, ISS "x", AUD, NOW, token, n, &c) ==
          EXPO_DENIED);
    check(expo_token_verify(keys, ISS, "another", NOW, token, n, &c) ==
          EXPO_DENIED);
    free(token);

    check(expo_token_issue(other_pem, strlen(other_pem), ISS, AUD, "s", NOW,
                           600, jti, &token) == EXPO_OK);
    check(judge(token) == EXPO_NOT_FOUND);
    free(token);

    check(expo_token_issue("no key", 6, ISS, AUD, "s", NOW, 600, jti, &token) ==
          EXPO_INVALID);
}

static void
only_rs256_and_es256_of_the_named_key_are_accepted(void)
{
    uint8_t mac[32];
    unsigned n;
    char *dot, *pem, *token;
    BIO *bio;

    check(judge_parts(rsa, NULL, NULL) == EXPO_OK);
    check(judge_parts(ec, "{\"alg\":\"ES256\",\"kid\":\"ec\"}", NULL) ==
          EXPO_OK);

    check(judge_parts(other_rsa, NULL, NULL) == EXPO_DENIED);
    check(judge_header(rsa, "{\"alg\":\"none\",\"kid\":\"%s\"}") ==
          EXPO_DENIED);
    check(judge_header(rsa, "{\"alg\":\"rs256\",\"kid\":\"%s\"}") ==
          EXPO_DENIED);
    check(judge_header(rsa, "{\"alg\":\"RS512\",\"kid\":\"%s\"}") ==
          EXPO_DENIED);
    check(judge_header(rsa, "{\"alg\":\"PS256\",\"kid\":\"%s\"}") ==
          EXPO_DENIED);
    check(judge_header(rsa, "{\"alg\":\"ES256\",\"kid\":\"%s\"}") ==
          EXPO_NOT_FOUND);
    check(judge_header(rsa, "{\"alg\":[\"RS256\"],\"kid\":\"%s\"}") ==
          EXPO_DENIED);
    check(judge_header(rsa, "{\"kid\":\"%s\"}") == EXPO_DENIED);

    check(judge_parts(rsa, "{\"alg\":\"RS256\",\"kid\":\"ec\"}", NULL) ==
          EXPO_NOT_FOUND);
    check(judge_parts(rsa, "{\"alg\":\"RS256\",\"kid\":\"unknown\"}", NULL) ==
          EXPO_NOT_FOUND);
    check(judge_parts(rsa, "{\"alg\":\"RS256\",\"kid\":7}", NULL) ==
          EXPO_DENIED);
    check(judge_parts(rsa, "{\"alg\":\"RS256\"}", NULL) == EXPO_DENIED);

    /* the public key as an HMAC secret */
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, rsa);
    n = (unsigned) BIO_get_mem_data(bio, &pem);
    token = sign_text(rsa, "{\"alg\":\"HS256\"}",
                      "{\"iss\":\"" ISS "\",\"sub\":\"s\",\"aud\":\"" AUD
                      "\",\"exp\":1700000100}");
    dot = strrchr(token, '.');
    HMAC(EVP_sha256(), pem, (int) n, (uint8_t *) token, (size_t) (dot - token),
         mac, &n);
    expo_base64url_print(dot + 1, mac, 32);
    check(judge(token) == EXPO_DENIED);
    BIO_free(bio);
}

static void
headers_that_ask_for_more_are_refused(void)
{
    check(judge_header(rsa, "{\"alg\":\"RS256\",\"kid\":\"%s\",\"crit\":[]}") ==
          EXPO_DENIED);
    check(judge_header(rsa, "{\"alg\":\"RS256\",\"kid\":\"%s\","
                            "\"crit\":[\"b64\"],\"b64\":true}") == EXPO_DENIED);
    check(judge_header(rsa, "{\"alg\":\"none\",\"alg\":\"RS256\","
                            "\"kid\":\"%s\"}") == EXPO_DENIED);
    check(judge_header(rsa, "[\"%s\"]") == EXPO_DENIED);
    check(judge_header(rsa, "{\"alg\":\"RS256\",\"kid\":\"%s\"} x") ==
          EXPO_DENIED);

    check(judge_header(rsa, "{\"alg\":\"RS256\",\"kid\":\"%s\","
                            "\"typ\":\"application/AT+JWT\"}") == EXPO_OK);
    check(judge_header(rsa, "{\"alg\":\"RS256\",\"kid\":\"%s\","
                            "\"typ\":\"JWT\"}") == EXPO_OK);
    check(judge_header(rsa, "{\"alg\":\"RS256\",\"kid\":\"%s\","
                            "\"typ\":\"logout+jwt\"}") == EXPO_DENIED);
    check(judge_header(rsa, "{\"alg\":\"RS256\",\"kid\":\"%s\",\"typ\":1}") ==
          EXPO_DENIED);

    /* never fetched, never believed */
    check(judge_header(rsa, "{\"alg\":\"RS256\",\"kid\":\"%s\","
                            "\"jku\":\"http://127.0.0.1:1/\"}") == EXPO_OK);
    check(judge_header(other_rsa, "{\"alg\":\"RS256\",\"kid\":\"%s\","
                                  "\"jwk\":{\"kty\":\"RSA\"}}") == EXPO_DENIED);
}

static void
claims_must_all_fit(void)
{
#define CLAIMS(iss, sub, aud, times)                                           \
    judge_parts(rsa, NULL,                                                     \
                "{\"iss\":" iss ",\"sub\":" sub ",\"aud\":" aud times "}")
#define I "\"" ISS "\""
#define A "\"" AUD "\""
#define E ",\"exp\":1700000100"
#define TEN "aaaaaaaaaa"
#define FIFTY TEN TEN TEN TEN TEN

    check(CLAIMS(I, "\"s\"", A, E) == EXPO_OK);
    check(CLAIMS(I, "\"s\"", "[\"x\"," A "]", E) == EXPO_OK);
    check(CLAIMS(I, "\"s\"", "[\"x\"]", E) == EXPO_DENIED);
    check(CLAIMS(I, "\"s\"", "[1," A "]", E) == EXPO_DENIED);
    check(CLAIMS(I, "\"s\"", "[]", E) == EXPO_DENIED);
    check(CLAIMS(I, "\"s\"", "{\"a\":" A "}", E) == EXPO_DENIED);
    check(CLAIMS(I, "\"s\"", "null", E) == EXPO_DENIED);

    check(CLAIMS("\"https://issuer.example\"", "\"s\"", A, E) == EXPO_DENIED);
    check(CLAIMS("[" I "]", "\"s\"", A, E) == EXPO_DENIED);
    check(CLAIMS("\"https://issuer.example/\\u0000\"", "\"s\"", A, E) ==
          EXPO_DENIED);
    check(CLAIMS(I, "\"\"", A, E) == EXPO_DENIED);
    check(CLAIMS(I, "7", A, E) == EXPO_DENIED);
    check(CLAIMS(I, "\"" FIFTY FIFTY FIFTY FIFTY FIFTY "aaaaa\"", A, E) ==
          EXPO_OK);
    check(CLAIMS(I, "\"" FIFTY FIFTY FIFTY FIFTY FIFTY "aaaaaa\"", A, E) ==
          EXPO_DENIED);

    check(CLAIMS(I, "\"s\"", A, "") == EXPO_DENIED);
    check(CLAIMS(I, "\"s\"", A, ",\"exp\":\"1700000100\"") == EXPO_DENIED);
    check(CLAIMS(I, "\"s\"", A, ",\"exp\":null") == EXPO_DENIED);
    check(CLAIMS(I, "\"s\"", A, ",\"exp\":-1") == EXPO_DENIED);
    check(CLAIMS(I, "\"s\"", A, ",\"exp\":1e300") == EXPO_DENIED);
    check(CLAIMS(I, "\"s\"", A, ",\"exp\":1700000100000") == EXPO_DENIED);
    check(CLAIMS(I, "\"s\"", A, ",\"exp\":1700000000.5") == EXPO_OK);
    check(CLAIMS(I, "\"s\"", A, ",\"exp\":1699999941") == EXPO_OK);
    check(CLAIMS(I, "\"s\"", A, ",\"exp\":1699999940") == EXPO_EXPIRED);

    check(CLAIMS(I, "\"s\"", A, E ",\"nbf\":1700000060") == EXPO_OK);
    check(CLAIMS(I, "\"s\"", A, E ",\"nbf\":1700000061") == EXPO_DENIED);
    check(CLAIMS(I, "\"s\"", A, E ",\"nbf\":\"0\"") == EXPO_DENIED);
    check(CLAIMS(I, "\"s\"", A, E ",\"iat\":1700000061") == EXPO_DENIED);

    check(CLAIMS(I, "\"s\"", A, E ",\"sub\":\"other\"") == EXPO_DENIED);
    check(judge_parts(rsa, NULL, "") == EXPO_DENIED);
    check(judge_parts(rsa, NULL, "[]") == EXPO_DENIED);
    check(judge_parts(rsa, NULL, "\xff") == EXPO_DENIED);
}

static void
a_token_has_one_spelling(void)
{
    char token[2048], bad[4096];
    uint8_t *payload;
    size_t n, bytes, accepted = 0;

    strcpy(token, sign_text(rsa, "{\"alg\":\"RS256\",\"kid\":\"x\"}", ""));
    n = strlen(token);
    check(expo_token_signature(keys, token, n, &payload, &bytes) ==
          EXPO_NOT_FOUND);
    check(payload == NULL);

    judge_parts(rsa, NULL, NULL);
    strcpy(token, sign_text(ec, "{\"alg\":\"ES256\",\"kid\":\"ec\"}",
                            "{\"iss\":\"" ISS "\",\"sub\":\"s\",\"aud\":\"" AUD
                            "\",\"exp\":1700000100}"));
    n = strlen(token);
    check(judge(token) == EXPO_OK);

    /* each character replaced, each cut, each thing put in */
    for (size_t i = 0; i < n; i++) {
        for (const char *c = "A_.= +/"; *c != '\0'; c++) {
            memcpy(bad, token, n + 1);
            if (bad[i] != *c) {
                bad[i] = *c;
                accepted += !refused(bad);
            }

            memcpy(bad + i + 1, token + i, n + 1 - i);
            bad[i] = *c;
            accepted += !refused(bad);
        }

        memcpy(bad, token, n + 1);
        bad[i] = '\0';
        accepted += !refused(bad);
    }
    check(accepted == 0);

    snprintf(bad, sizeof(bad), "%s=", token);
    check(judge(bad) == EXPO_DENIED);
    snprintf(bad, sizeof(bad), "%s.", token);
    check(judge(bad) == EXPO_DENIED);
    snprintf(bad, sizeof(bad), "%s\n", token);
    check(judge(bad) == EXPO_DENIED);

    check(ERR_peek_error() == 0);
}

static void
a_token_of_any_length_is_looked_at_no_further_than_the_limit(void)
{
    static const char claims[] = "{\"iss\":\"" ISS "\",\"sub\":\"s\",\"aud\":"
                                 "\"" AUD "\",\"exp\":1700000100}";
    static char payload[EXPO_TOKEN_BYTES_MAX];
    char *token;

    memset(payload, ' ', sizeof(payload) - 1);
    memcpy(payload, claims, sizeof(claims) - 1);

    payload[5400] = '\0';
    token = sign_text(rsa, "{\"alg\":\"RS256\",\"kid\":\"x\"}", payload);
    check(strlen(token) < EXPO_TOKEN_BYTES_MAX);
    check(judge_parts(rsa, NULL, payload) == EXPO_OK);

    memset(payload + 5400, ' ', sizeof(payload) - 5401);
    check(judge_parts(rsa, NULL, payload) == EXPO_DENIED);
}

static expo_status_t
load(const char *text)
{
    expo_jwks_t *k;
    char error[256] = "";
    expo_status_t st;

    st = expo_jwks_load(text, strlen(text), &k, error, sizeof(error));
    if (st == EXPO_OK) {
        expo_jwks_free(k);
    }

    return st == EXPO_OK || error[0] != '\0' ? st : EXPO_IO;
}

/* One key as a set, with members replaced. */
static expo_status_t
load_key(int index, const char *name, json_t *value)
{
    char *text = set_text(), *one;
    json_t *set = json_loads(text, 0, NULL);
    json_t *key = json_array_get(json_object_get(set, "keys"), (size_t) index);
    expo_status_t st;

    if (value != NULL) {
        json_object_set_new(key, name, value);
    } else {
        json_object_del(key, name);
    }

    json_array_remove(json_object_get(set, "keys"), 1 - (size_t) index);
    one = json_dumps(set, 0);
    st = load(one);

    free(one);
    free(text);
    json_decref(set);

    return st;
}

static void
keys_that_are_not_for_us_are_skipped(void)
{
    char many[16384];

    check(load_key(0, "alg", json_string("RS256")) == EXPO_OK);
    check(load_key(0, "alg", NULL) == EXPO_OK);
    check(load_key(0, "use", NULL) == EXPO_OK);
    check(load_key(0, "key_ops", json_pack("[s]", "verify")) == EXPO_OK);
    check(load_key(1, "alg", json_string("ES256")) == EXPO_OK);

    check(load_key(0, "alg", json_string("RS384")) == EXPO_UNSUPPORTED);
    check(load_key(0, "alg", json_integer(1)) == EXPO_UNSUPPORTED);
    check(load_key(0, "use", json_string("enc")) == EXPO_UNSUPPORTED);
    check(load_key(0, "key_ops", json_pack("[s]", "encrypt")) ==
          EXPO_UNSUPPORTED);
    check(load_key(0, "kty", json_string("oct")) == EXPO_UNSUPPORTED);
    check(load_key(0, "e", json_string("AQ")) == EXPO_UNSUPPORTED);
    check(load_key(0, "e", json_string("AA")) == EXPO_UNSUPPORTED);
    check(load_key(0, "e", NULL) == EXPO_UNSUPPORTED);
    check(load_key(0, "n", json_string("AQAB")) == EXPO_UNSUPPORTED);
    check(load_key(0, "n", json_string("=")) == EXPO_UNSUPPORTED);
    check(load_key(0, "kid", json_integer(3)) == EXPO_UNSUPPORTED);
    check(load_key(1, "crv", json_string("P-384")) == EXPO_UNSUPPORTED);
    check(load_key(1, "x", json_string("AQAB")) == EXPO_UNSUPPORTED);
    check(
        load_key(1, "y",
                 json_string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")) ==
        EXPO_UNSUPPORTED);

    check(load("{\"keys\":[]}") == EXPO_UNSUPPORTED);
    check(load("{\"keys\":[1,null,\"x\",[]]}") == EXPO_UNSUPPORTED);
    check(load("{\"keys\":{}}") == EXPO_INVALID);
    check(load("{}") == EXPO_INVALID);
    check(load("[]") == EXPO_INVALID);
    check(load("") == EXPO_INVALID);
    check(load("{\"keys\":[],\"keys\":[]}") == EXPO_INVALID);

    memset(many, ' ', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';
    check(load(many) == EXPO_INVALID);
}

static void
a_set_has_a_limit(void)
{
    static char blank[EXPO_JWKS_BYTES_MAX + 1];
    char *text = set_text(), error[256], *big;
    json_t *set = json_loads(text, 0, NULL);
    json_t *list = json_object_get(set, "keys");
    expo_jwks_t *k;

    while (json_array_size(list) < EXPO_JWKS_KEYS_MAX) {
        json_array_append(list, json_array_get(list, 1));
    }
    big = json_dumps(set, 0);
    check(load(big) == EXPO_OK);
    free(big);

    json_array_append(list, json_array_get(list, 1));
    big = json_dumps(set, 0);
    check(load(big) == EXPO_FULL);
    free(big);

    memset(blank, ' ', sizeof(blank));
    check(expo_jwks_load(blank, sizeof(blank), &k, error, sizeof(error)) ==
          EXPO_TOO_LARGE);

    json_decref(set);
    free(text);
}

static void
one_key_needs_no_name(void)
{
    char *text, error[256];
    expo_jwks_t *two = keys;

    expo_token_jwks(rsa_pem, strlen(rsa_pem), &text);
    check(expo_jwks_load(text, strlen(text), &keys, error, sizeof(error)) ==
          EXPO_OK);
    check(judge_parts(rsa, "{\"alg\":\"RS256\"}", NULL) == EXPO_OK);
    check(judge_parts(other_rsa, "{\"alg\":\"RS256\"}", NULL) == EXPO_DENIED);
    expo_jwks_free(keys);
    keys = two;
    free(text);
}

static void
the_key_set_has_no_private_half(void)
{
    char *text;

    check(expo_token_jwks(rsa_pem, strlen(rsa_pem), &text) == EXPO_OK);
    check(strstr(text, "\"n\"") != NULL && strstr(text, "\"d\"") == NULL);
    free(text);
    check(expo_token_jwks("", 0, &text) == EXPO_INVALID);
}

static void
a_thumbprint_is_that_of_rfc_7638(void)
{
    static issuer_public_t p = {.e = "AQAB"};

    /* RFC 7638, section 3.1 */
    snprintf(p.n, sizeof(p.n), "%s",
             "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zw"
             "u1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY"
             "4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAta"
             "Sqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTW"
             "hAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-k"
             "EgU8awapJzKnqDKgw");
    check(issuer_thumbprint(&p));
    check(strcmp(p.kid, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs") == 0);
}

int
main(void)
{
    begin();
    what_the_issuer_signs_is_accepted_until_it_expires();
    only_rs256_and_es256_of_the_named_key_are_accepted();
    headers_that_ask_for_more_are_refused();
    claims_must_all_fit();
    a_token_has_one_spelling();
    a_token_of_any_length_is_looked_at_no_further_than_the_limit();
    keys_that_are_not_for_us_are_skipped();
    a_set_has_a_limit();
    one_key_needs_no_name();
    the_key_set_has_no_private_half();
    a_thumbprint_is_that_of_rfc_7638();

    expo_jwks_free(keys);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other_rsa);
    EVP_PKEY_free(ec);

    return done();
}
