#include "lib/vault_private.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sodium.h>

#define GCM_BYTES_MAX (1u << 30) /* EVP counts in int */


void
expo_vault_info(vault_info_t *v, const char *label)
{
    v->n = strlen(label);
    memcpy(v->b, label, v->n);
}


void
expo_vault_info_bytes(vault_info_t *v, const void *part, size_t len)
{
    expo_vault_put_u32(v->b + v->n, (uint32_t) len);
    memcpy(v->b + v->n + 4, part, len);
    v->n += 4 + len;
}


void
expo_vault_info_u32(vault_info_t *v, uint32_t part)
{
    uint8_t b[4];

    expo_vault_put_u32(b, part);
    expo_vault_info_bytes(v, b, sizeof(b));
}


void
expo_vault_info_u64(vault_info_t *v, uint64_t part)
{
    uint8_t b[8];

    expo_vault_put_u64(b, part);
    expo_vault_info_bytes(v, b, sizeof(b));
}


expo_status_t
expo_vault_info_person(vault_info_t *v, const char *iss, const char *sub)
{
    size_t iss_len = strlen(iss);
    size_t sub_len = strlen(sub);

    if (iss_len == 0 || iss_len > VAULT_PART_MAX) {
        return EXPO_INVALID;
    }

    if (sub_len == 0 || sub_len > VAULT_PART_MAX) {
        return EXPO_INVALID;
    }

    expo_vault_info_bytes(v, iss, iss_len);
    expo_vault_info_bytes(v, sub, sub_len);

    return EXPO_OK;
}


const char *
expo_vault_role_name(expo_role_t role)
{
    switch (role) {
    case EXPO_ROLE_OWNER:
        return "owner";
    case EXPO_ROLE_EDITOR:
        return "edit";
    case EXPO_ROLE_VIEWER:
        return "read";
    }

    return NULL;
}


expo_status_t
expo_vault_hkdf(uint8_t *dst, size_t len, const uint8_t key[32],
                const uint8_t *salt, size_t salt_len, const vault_info_t *info)
{
    EVP_KDF *kdf;
    EVP_KDF_CTX *ctx;
    OSSL_PARAM params[5], *p = params;
    expo_status_t st = EXPO_NO_MEMORY;

    *p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                            (char *) "SHA512", 0);
    *p++ =
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *) key, 32);
    *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
                                             (void *) info->b, info->n);
    if (salt_len > 0) {
        *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
                                                 (void *) salt, salt_len);
    }
    *p = OSSL_PARAM_construct_end();

    ERR_set_mark();

    kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    ctx = EVP_KDF_CTX_new(kdf);
    if (ctx != NULL && EVP_KDF_derive(ctx, dst, len, params) == 1) {
        st = EXPO_OK;
    }

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    ERR_pop_to_mark();

    return st;
}


expo_status_t
expo_vault_subkey(uint8_t *dst, size_t len, const uint8_t master[32],
                  const char *label)
{
    vault_info_t info;

    expo_vault_info(&info, label);

    return expo_vault_hkdf(dst, len, master, NULL, 0, &info);
}


expo_status_t
expo_vault_hmac(uint8_t mac[64], const uint8_t key[64], const uint8_t *src,
                size_t len)
{
    return HMAC(EVP_sha3_512(), key, 64, src, len, mac, NULL) != NULL
               ? EXPO_OK
               : EXPO_NO_MEMORY;
}


void
expo_vault_put_u32(uint8_t *dst, uint32_t v)
{
    for (int i = 3; i >= 0; i--) {
        dst[i] = (uint8_t) v;
        v >>= 8;
    }
}


void
expo_vault_put_u64(uint8_t *dst, uint64_t v)
{
    expo_vault_put_u32(dst, (uint32_t) (v >> 32));
    expo_vault_put_u32(dst + 4, (uint32_t) v);
}


uint64_t
expo_vault_get_be(const uint8_t *src, unsigned bytes)
{
    uint64_t v = 0;

    while (bytes--) {
        v = v << 8 | *src++;
    }

    return v;
}


expo_status_t
expo_vault_gcm_seal(uint8_t *dst, const uint8_t key[32],
                    const uint8_t nonce[12], const uint8_t *aad, size_t aad_len,
                    const uint8_t *src, size_t len)
{
    EVP_CIPHER_CTX *ctx;
    expo_status_t st = EXPO_NO_MEMORY;
    int n;

    if (len > GCM_BYTES_MAX) {
        return EXPO_TOO_LARGE;
    }

    ctx = EVP_CIPHER_CTX_new();

    /* EVP takes a NULL buffer for the end of data: nothing is passed at 0. */
    if (ctx != NULL &&
        EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) &&
        (aad_len == 0 ||
         EVP_EncryptUpdate(ctx, NULL, &n, aad, (int) aad_len)) &&
        (len == 0 || EVP_EncryptUpdate(ctx, dst, &n, src, (int) len)) &&
        EVP_EncryptFinal_ex(ctx, dst + len, &n) &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, EXPO_BLOB_TAG,
                            dst + len)) {
        st = EXPO_OK;
    }

    EVP_CIPHER_CTX_free(ctx);

    return st;
}


expo_status_t
expo_vault_gcm_open(uint8_t *dst, const uint8_t key[32],
                    const uint8_t nonce[12], const uint8_t *aad, size_t aad_len,
                    const uint8_t *src, size_t len)
{
    EVP_CIPHER_CTX *ctx;
    expo_status_t st = EXPO_NO_MEMORY;
    uint8_t tag[EXPO_BLOB_TAG], none[1];
    int n;

    if (len < EXPO_BLOB_TAG) {
        return EXPO_CORRUPT;
    }

    len -= EXPO_BLOB_TAG;
    if (len > GCM_BYTES_MAX) {
        return EXPO_TOO_LARGE;
    }

    memcpy(tag, src + len, sizeof(tag));

    ERR_set_mark();
    ctx = EVP_CIPHER_CTX_new();

    if (ctx != NULL &&
        EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) &&
        (aad_len == 0 ||
         EVP_DecryptUpdate(ctx, NULL, &n, aad, (int) aad_len)) &&
        (len == 0 || EVP_DecryptUpdate(ctx, dst, &n, src, (int) len)) &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag)) {
        st = EVP_DecryptFinal_ex(ctx, none, &n) ? EXPO_OK : EXPO_CORRUPT;
    }

    EVP_CIPHER_CTX_free(ctx);
    ERR_pop_to_mark();

    if (st != EXPO_OK) {
        sodium_memzero(dst, len);
    }

    return st;
}
