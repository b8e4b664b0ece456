/*
 * Project Wycheproof's vectors against our own functions: the folder with its
 * testvectors_v1 files is named by EXPO_WYCHEPROOF. Not part of the tree.
 */

#include "lib/jwks.c"
#include "lib/token.c"

#include "lib/vault_private.h"

#include <sodium.h>

#include "t/unit/check.h"

/* 1 as the vector says, 0 otherwise, -1 not for us. */
typedef int (*judge_t)(json_t *group, json_t *test);


static const char *
text(json_t *object, const char *name)
{
    const char *s = json_string_value(json_object_get(object, name));

    return s != NULL ? s : "";
}

static size_t
hex(uint8_t *dst, size_t room, json_t *object, const char *name)
{
    const char *s = text(object, name);
    size_t n;

    return sodium_hex2bin(dst, room, s, strlen(s), NULL, &n, NULL) == 0 ? n : 0;
}

static int
is(json_t *test, const char *result)
{
    return strcmp(text(test, "result"), result) == 0;
}

static expo_jwks_t *
key_set(json_t *key)
{
    json_t *set = json_object_get(key, "keys") != NULL
                      ? json_incref(key)
                      : json_pack("{s:[O]}", "keys", key);
    char *s = json_dumps(set, 0), error[128];
    expo_jwks_t *keys = NULL;

    if (expo_jwks_load(s, strlen(s), &keys, error, sizeof(error)) != EXPO_OK) {
        keys = NULL;
    }

    free(s);
    json_decref(set);

    return keys;
}

/* Valid signatures by other algorithms are refused as well. */
static int
judge_jws(json_t *group, json_t *test)
{
    json_t *public = json_object_get(group, "public"), *one;
    json_t *key = public ? public : json_object_get(group, "private");
    json_t *jws = json_object_get(test, "jws");
    expo_jwks_t *keys;
    uint8_t *payload;
    int ours, accepted;
    size_t n;

    /* Weak keys are the provider's matter: its set is configured, not sent. */
    if (jws == NULL || strstr(text(test, "comment"), "Roca") != NULL) {
        return -1;
    }

    one = json_array_get(json_object_get(key, "keys"), 0);
    one = one != NULL ? one : key;
    ours = public != NULL && (strcmp(text(one, "alg"), "RS256") == 0 ||
                              strcmp(text(one, "alg"), "ES256") == 0);

    keys = key_set(key);
    if (keys == NULL) {
        return !is(test, "valid") || !ours;
    }

    accepted =
        json_is_string(jws) &&
        expo_token_signature(keys, json_string_value(jws),
                             json_string_length(jws), &payload, &n) == EXPO_OK;
    if (accepted) {
        free(payload);
    }
    expo_jwks_free(keys);

    return accepted == (is(test, "valid") && ours);
}

static int
judge_rsa(json_t *group, json_t *test)
{
    expo_jwks_t *keys = key_set(json_object_get(group, "keyJwk"));
    const char *kid = json_string_value(
        json_object_get(json_object_get(group, "keyJwk"), "kid"));
    uint8_t msg[4096], sig[2048];
    size_t msg_len = hex(msg, sizeof(msg), test, "msg");
    size_t sig_len = hex(sig, sizeof(sig), test, "sig");
    int accepted;

    if (keys == NULL) {
        return 0;
    }

    accepted = expo_jwks_verify(keys, EXPO_ALG_RS256, kid, sig, sig_len, msg,
                                msg_len) == EXPO_OK;
    expo_jwks_free(keys);

    return is(test, "acceptable") || accepted == is(test, "valid");
}

static int
judge_gcm(json_t *group, json_t *test)
{
    uint8_t key[32], iv[12], aad[4096], msg[4096], ct[4112], want[4112];
    size_t msg_len = hex(msg, sizeof(msg), test, "msg");
    size_t aad_len = hex(aad, sizeof(aad), test, "aad");
    size_t ct_len = hex(want, sizeof(want), test, "ct");
    expo_status_t st;

    if (json_integer_value(json_object_get(group, "keySize")) != 256 ||
        json_integer_value(json_object_get(group, "ivSize")) != 96) {
        return -1;
    }

    hex(key, sizeof(key), test, "key");
    hex(iv, sizeof(iv), test, "iv");
    hex(want + ct_len, 16, test, "tag");

    st = expo_vault_gcm_open(ct, key, iv, aad, aad_len, want, ct_len + 16);
    if (st != (is(test, "valid") ? EXPO_OK : EXPO_CORRUPT)) {
        return 0;
    }

    if (st != EXPO_OK) {
        return 1;
    }

    return memcmp(ct, msg, msg_len) == 0 &&
           expo_vault_gcm_seal(ct, key, iv, aad, aad_len, msg, msg_len) ==
               EXPO_OK &&
           memcmp(ct, want, ct_len + 16) == 0;
}

static int
judge_hkdf(json_t *group, json_t *test)
{
    uint8_t key[32], salt[1024], okm[20000], want[20000];
    size_t salt_len = hex(salt, sizeof(salt), test, "salt");
    size_t want_len = hex(want, sizeof(want), test, "okm");
    vault_info_t info;

    if (json_integer_value(json_object_get(group, "keySize")) != 256 ||
        !is(test, "valid")) {
        return -1;
    }

    hex(key, sizeof(key), test, "ikm");
    info.n = hex(info.b, sizeof(info.b), test, "info");

    return expo_vault_hkdf(okm, want_len, key, salt, salt_len, &info) ==
               EXPO_OK &&
           memcmp(okm, want, want_len) == 0;
}

/* Judged vectors, -1 without the file; *wrong counts. */
static int
run(const char *file, judge_t judge, int *wrong)
{
    char path[4096];
    json_t *all, *group, *test;
    size_t i, j;
    int n = 0, right;

    snprintf(path, sizeof(path), "%s/%s_test.json", getenv("EXPO_WYCHEPROOF"),
             file);
    *wrong = 0;

    all = json_load_file(path, 0, NULL);
    if (all == NULL) {
        return -1;
    }

    json_array_foreach(json_object_get(all, "testGroups"), i, group)
    {
        json_array_foreach(json_object_get(group, "tests"), j, test)
        {
            right = judge(group, test);
            n += right >= 0;

            if (right == 0) {
                printf("# %s %d: %s\n", file,
                       (int) json_integer_value(json_object_get(test, "tcId")),
                       text(test, "comment"));
                ++*wrong;
            }
        }
    }

    json_decref(all);
    printf("# %s: %d vectors\n", file, n);

    return n;
}

int
main(void)
{
    int wrong;

    if (getenv("EXPO_WYCHEPROOF") == NULL) {
        puts("ok 1 - Wycheproof vectors # SKIP EXPO_WYCHEPROOF names no folder"
             "\n1..1");
        return 0;
    }

    check(run("json_web_signature", judge_jws, &wrong) > 300 && wrong == 0);
    check(run("json_web_key", judge_jws, &wrong) > 20 && wrong == 0);
    check(run("json_web_crypto", judge_jws, &wrong) > 40 && wrong == 0);
    check(run("rsa_signature_2048_sha256", judge_rsa, &wrong) > 200 &&
          wrong == 0);
    check(run("rsa_signature_3072_sha256", judge_rsa, &wrong) > 200 &&
          wrong == 0);
    check(run("rsa_signature_4096_sha256", judge_rsa, &wrong) > 200 &&
          wrong == 0);
    check(run("aes_gcm", judge_gcm, &wrong) > 50 && wrong == 0);
    check(run("hkdf_sha512", judge_hkdf, &wrong) > 10 && wrong == 0);

    return done();
}
