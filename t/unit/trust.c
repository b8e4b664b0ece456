/* Several issuers: each speaks for itself alone. */

#include "lib/trust.c"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <time.h>

#include "lib/base64.h"

#include "t/unit/check.h"

#define A "https://a.example/"
#define B "https://b.example/realms/b"
#define AUD "exposure"
#define NOW 1700000000
#define ROUNDS 4000

/* Of a, of b, of nobody. */
static char pem[3][4096];


static void
make_key(char text[4096])
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    int n;

    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    n = BIO_read(bio, text, 4095);
    text[n > 0 ? n : 0] = '\0';
    BIO_free(bio);
    EVP_PKEY_free(key);
}

/* The set of one key; kid NULL: as the issuer names it. */
static expo_jwks_t *
set_of(int key, const char *kid)
{
    expo_jwks_t *keys = NULL;
    char *text, error[256];
    json_t *set;

    expo_token_jwks(pem[key], strlen(pem[key]), &text);
    set = json_loads(text, 0, NULL);
    free(text);

    if (kid != NULL) {
        json_object_set_new(json_array_get(json_object_get(set, "keys"), 0),
                            "kid", json_string(kid));
    }

    text = json_dumps(set, 0);
    expo_jwks_load(text, strlen(text), &keys, error, sizeof(error));
    free(text);
    json_decref(set);

    return keys;
}

static EVP_PKEY *
private_key(int key)
{
    BIO *bio = BIO_new_mem_buf(pem[key], -1);
    EVP_PKEY *k = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    BIO_free(bio);

    return k;
}

/* A token by any key, of any issuer, with any kid or none. */
static char *
sign(int key, const char *iss, const char *aud, const char *kid)
{
    static char token[4096];
    char header[256], payload[512];
    EVP_PKEY *k = private_key(key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t sig[256];
    size_t n = sizeof(sig);
    char *p = token;

    if (kid != NULL) {
        snprintf(header, sizeof(header), "{\"alg\":\"RS256\",\"kid\":\"%s\"}",
                 kid);
    } else {
        snprintf(header, sizeof(header), "{\"alg\":\"RS256\"}");
    }
    snprintf(payload, sizeof(payload),
             "{\"iss\":\"%s\",\"sub\":\"s\",\"aud\":\"%s\",\"exp\":%d}", iss,
             aud, NOW + 100);

    expo_base64url_print(p, (const uint8_t *) header, strlen(header));
    p += strlen(p);
    *p++ = '.';
    expo_base64url_print(p, (const uint8_t *) payload, strlen(payload));
    p += strlen(p);

    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k);
    EVP_DigestSign(ctx, sig, &n, (const uint8_t *) token, (size_t) (p - token));
    *p++ = '.';
    expo_base64url_print(p, sig, n);

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(k);

    return token;
}

static expo_status_t
judge(const expo_trust_t *t, const char *token, const char *iss)
{
    expo_claims_t c;
    expo_status_t st;

    st = expo_trust_verify(t, NOW, token, strlen(token), &c);

    return st == EXPO_OK && strcmp(c.iss, iss) != 0 ? EXPO_IO : st;
}

static expo_trust_t *
two(void)
{
    expo_trust_t *t;
    size_t n;

    check(expo_trust_open(&t) == EXPO_OK);
    check(expo_trust_add(t, A, AUD, &n) == EXPO_OK && n == 0);
    check(expo_trust_add(t, B, AUD, &n) == EXPO_OK && n == 1);
    expo_trust_keys(t, 0, set_of(0, "a"));
    expo_trust_keys(t, 1, set_of(1, "b"));

    return t;
}

static void
each_issuer_speaks_for_itself(void)
{
    expo_trust_t *t = two();

    check(judge(t, sign(0, A, AUD, "a"), A) == EXPO_OK);
    check(judge(t, sign(1, B, AUD, "b"), B) == EXPO_OK);

    /* right keys in the wrong mouth */
    check(judge(t, sign(0, B, AUD, "a"), B) == EXPO_DENIED);
    check(judge(t, sign(1, A, AUD, "b"), A) == EXPO_DENIED);
    /* and under the other's name */
    check(judge(t, sign(0, B, AUD, "b"), B) == EXPO_DENIED);
    check(judge(t, sign(1, A, AUD, "a"), A) == EXPO_DENIED);
    check(judge(t, sign(1, B, AUD, "a"), B) == EXPO_DENIED);

    check(judge(t, sign(2, A, AUD, "a"), A) == EXPO_DENIED);
    check(judge(t, sign(2, A, AUD, "c"), A) == EXPO_NOT_FOUND);
    check(judge(t, sign(0, "https://c.example/", AUD, "a"), A) == EXPO_DENIED);
    check(judge(t, "not.a.token", A) == EXPO_DENIED);
    check(judge(t, "", A) == EXPO_DENIED);

    /* one key each: then it need not be named */
    check(judge(t, sign(0, A, AUD, NULL), A) == EXPO_OK);
    check(judge(t, sign(1, B, AUD, NULL), B) == EXPO_OK);
    check(judge(t, sign(1, A, AUD, NULL), A) == EXPO_DENIED);

    expo_trust_close(t);
}

static void
names_of_keys_may_be_the_same(void)
{
    expo_trust_t *t = two();

    expo_trust_keys(t, 1, set_of(1, "a"));
    check(judge(t, sign(0, A, AUD, "a"), A) == EXPO_OK);
    check(judge(t, sign(1, B, AUD, "a"), B) == EXPO_OK);
    check(judge(t, sign(1, A, AUD, "a"), A) == EXPO_DENIED);

    /* tenants of one provider share even keys */
    expo_trust_keys(t, 1, set_of(0, "a"));
    check(judge(t, sign(0, A, AUD, "a"), A) == EXPO_OK);
    check(judge(t, sign(0, B, AUD, "a"), B) == EXPO_OK);

    expo_trust_close(t);
}

static void
audiences_are_not_shared(void)
{
    expo_trust_t *t = two();
    size_t n;

    check(expo_trust_add(t, "https://c.example/", "other", &n) == EXPO_OK);
    expo_trust_keys(t, n, set_of(2, "c"));

    check(judge(t, sign(2, "https://c.example/", "other", "c"),
                "https://c.example/") == EXPO_OK);
    check(judge(t, sign(2, "https://c.example/", AUD, "c"), A) == EXPO_DENIED);
    check(judge(t, sign(0, A, "other", "a"), A) == EXPO_DENIED);

    expo_trust_close(t);
}

static void
a_key_counts_until_it_is_replaced(void)
{
    expo_trust_t *t = two();

    expo_trust_keys(t, 0, set_of(2, "a2"));
    check(judge(t, sign(2, A, AUD, "a2"), A) == EXPO_OK);
    check(judge(t, sign(0, A, AUD, "a"), A) == EXPO_NOT_FOUND);
    check(judge(t, sign(1, B, AUD, "b"), B) == EXPO_OK);

    expo_trust_keys(t, 0, NULL);
    check(judge(t, sign(2, A, AUD, "a2"), A) == EXPO_NOT_FOUND);
    expo_trust_keys(t, 1, NULL);
    check(judge(t, sign(1, B, AUD, "b"), B) == EXPO_NOT_FOUND);
    expo_trust_keys(t, 1, set_of(1, "b"));
    check(judge(t, sign(1, B, AUD, "b"), B) == EXPO_OK);

    expo_trust_close(t);
}

static void
the_list_takes_sixteen_different_ones(void)
{
    char issuer[EXPO_ISS_MAX + 1];
    expo_trust_t *t = two();
    size_t n;

    check(expo_trust_add(t, A, "other", &n) == EXPO_CONFLICT);
    check(expo_trust_find(t, B, &n) == EXPO_OK && n == 1);
    check(expo_trust_find(t, "https://b.example/realms/B", &n) ==
          EXPO_NOT_FOUND);
    check(expo_trust_add(t, "", AUD, &n) == EXPO_INVALID);
    check(expo_trust_add(t, "https://c.example/", "", &n) == EXPO_INVALID);

    memset(issuer, 'i', EXPO_ISS_MAX);
    issuer[EXPO_ISS_MAX] = '\0';
    check(expo_trust_add(t, issuer, AUD, &n) == EXPO_INVALID);

    for (int i = 2; i < EXPO_TRUST_MAX; i++) {
        issuer[i] = '\0';
        check(expo_trust_add(t, issuer, AUD, &n) == EXPO_OK);
        issuer[i] = 'i';
    }
    check(expo_trust_add(t, "https://c.example/", AUD, &n) == EXPO_FULL);

    expo_trust_close(t);
}

static double
cpu_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}

/* Printed, and judged only where it could not be noise. */
static void
judging_costs_little_more_than_its_signature(void)
{
    expo_trust_t *t = two();
    char *token = sign(1, B, AUD, "b");
    const char *dot = strrchr(token, '.');
    EVP_PKEY *key = private_key(1);
    double bare = 0, all = 0, at;
    EVP_MD_CTX *ctx;
    expo_claims_t c;
    uint8_t sig[256];
    size_t n = strlen(token), bytes, right = 0;

    expo_base64url_parse(sig, &bytes, dot + 1, strlen(dot + 1));

    for (int i = 0; i < ROUNDS; i++) {
        at = cpu_us();
        ctx = EVP_MD_CTX_new();
        EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key);
        right += EVP_DigestVerify(ctx, sig, bytes, (const uint8_t *) token,
                                  (size_t) (dot - token)) == 1;
        EVP_MD_CTX_free(ctx);
        bare += cpu_us() - at;

        at = cpu_us();
        right += expo_trust_verify(t, NOW, token, n, &c) == EXPO_OK;
        all += cpu_us() - at;
    }

    printf("# a token of the second of two issuers: %.1f us, its signature "
           "alone %.1f us, ratio %.2f\n",
           all / ROUNDS, bare / ROUNDS, all / bare);
    check(right == 2 * ROUNDS);
    check(all < 2 * bare); /* 1.3 is the goal; here beside other work */

    EVP_PKEY_free(key);
    expo_trust_close(t);
}

int
main(void)
{
    for (int i = 0; i < 3; i++) {
        make_key(pem[i]);
    }

    each_issuer_speaks_for_itself();
    names_of_keys_may_be_the_same();
    audiences_are_not_shared();
    a_key_counts_until_it_is_replaced();
    the_list_takes_sixteen_different_ones();
    judging_costs_little_more_than_its_signature();

    return done();
}
