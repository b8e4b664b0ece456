/* Users' tags and key pairs, and scan keys sealed to them. */

#include "lib/vault_private.h"

#include <string.h>

#include <sodium.h>

#define WRAP_BYTES 64 /* scan key, then the hash of its context */

_Static_assert(EXPO_SEALED_KEY == WRAP_BYTES + crypto_box_SEALBYTES,
               "a sealed key is a sealed box of key and context");
_Static_assert(crypto_box_SEEDBYTES == 32 && crypto_box_PUBLICKEYBYTES == 32 &&
                   crypto_box_SECRETKEYBYTES == 32,
               "X25519 keys are 32 bytes");

static expo_status_t keys_context(uint8_t hash[32], const expo_id_t *scan,
                                  const uint8_t tag[EXPO_TAG], uint32_t epoch,
                                  expo_role_t role);


expo_status_t
expo_vault_names(expo_names_t *names, const uint8_t master[32])
{
    static const struct {
        const char *label;
        size_t at, len;
    } subkeys[] = {
        {"erws/v1/user-tag", offsetof(expo_names_t, user_tag), 64},
        {"erws/v1/account-name", offsetof(expo_names_t, account_name), 64},
        {"erws/v1/account-sub", offsetof(expo_names_t, account_sub), 64},
        {"erws/v1/actor", offsetof(expo_names_t, actor), 32},
        {"erws/v1/ticket", offsetof(expo_names_t, ticket), 32},
    };
    expo_status_t st = EXPO_OK;

    for (size_t i = 0; st == EXPO_OK && i < sizeof(subkeys) / sizeof(*subkeys);
         i++) {
        st = expo_vault_subkey((uint8_t *) names + subkeys[i].at,
                               subkeys[i].len, master, subkeys[i].label);
    }

    return st;
}


expo_status_t
expo_vault_user_tag(uint8_t tag[EXPO_TAG], const expo_names_t *names,
                    const char *iss, const char *sub)
{
    vault_info_t person;
    expo_status_t st;

    expo_vault_info(&person, "");

    st = expo_vault_info_person(&person, iss, sub);
    if (st != EXPO_OK) {
        return st;
    }

    return expo_vault_hmac(tag, names->user_tag, person.b, person.n);
}


expo_status_t
expo_vault_user_keys(uint8_t pk[32], uint8_t sk[32], const uint8_t master[32],
                     const uint8_t salt[32], const char *iss, const char *sub)
{
    uint8_t seed[32];
    vault_info_t info;
    expo_status_t st;

    if (sodium_init() < 0) {
        return EXPO_IO;
    }

    expo_vault_info(&info, "erws/v1/user-x25519");

    st = expo_vault_info_person(&info, iss, sub);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_vault_hkdf(seed, sizeof(seed), master, salt, 32, &info);
    if (st == EXPO_OK) {
        crypto_box_seed_keypair(pk, sk, seed);
    }

    sodium_memzero(seed, sizeof(seed));

    return st;
}


expo_status_t
expo_vault_seal_key(uint8_t sealed[EXPO_SEALED_KEY], const uint8_t dek[32],
                    const expo_id_t *scan, const uint8_t tag[EXPO_TAG],
                    uint32_t epoch, expo_role_t role, const uint8_t pk[32])
{
    uint8_t plain[WRAP_BYTES];
    expo_status_t st;

    st = keys_context(plain + 32, scan, tag, epoch, role);
    if (st != EXPO_OK) {
        return st;
    }

    memcpy(plain, dek, 32);

    if (crypto_box_seal(sealed, plain, sizeof(plain), pk) != 0) {
        st = EXPO_INVALID;
    }

    sodium_memzero(plain, sizeof(plain));

    return st;
}


expo_status_t
expo_vault_open_key(uint8_t dek[32], const uint8_t sealed[EXPO_SEALED_KEY],
                    const expo_id_t *scan, const uint8_t tag[EXPO_TAG],
                    uint32_t epoch, expo_role_t role, const uint8_t pk[32],
                    const uint8_t sk[32])
{
    uint8_t plain[WRAP_BYTES], context[32];
    expo_status_t st;

    st = keys_context(context, scan, tag, epoch, role);
    if (st != EXPO_OK) {
        return st;
    }

    if (crypto_box_seal_open(plain, sealed, EXPO_SEALED_KEY, pk, sk) != 0 ||
        sodium_memcmp(plain + 32, context, sizeof(context)) != 0) {
        st = EXPO_CORRUPT;

    } else {
        memcpy(dek, plain, 32);
    }

    sodium_memzero(plain, sizeof(plain));

    return st;
}


/*
 * A sealed box has no associated data. Without this hash inside, a viewer's box
 * could be filed as an owner's, or one scan's key under another.
 */
static expo_status_t
keys_context(uint8_t hash[32], const expo_id_t *scan,
             const uint8_t tag[EXPO_TAG], uint32_t epoch, expo_role_t role)
{
    const char *name = expo_vault_role_name(role);
    vault_info_t info;

    if (name == NULL) {
        return EXPO_INVALID;
    }

    if (sodium_init() < 0) {
        return EXPO_IO;
    }

    expo_vault_info(&info, "erws/v1/wrap");
    expo_vault_info_bytes(&info, scan->b, sizeof(scan->b));
    expo_vault_info_bytes(&info, tag, EXPO_TAG);
    expo_vault_info_u32(&info, epoch);
    expo_vault_info_bytes(&info, name, strlen(name));

    crypto_generichash(hash, 32, info.b, info.n, NULL, 0);

    return EXPO_OK;
}
