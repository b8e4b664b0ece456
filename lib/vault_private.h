/*
 * What the vault's files (and lib/account.c) share: the strings that keys are
 * derived from, HKDF, and one authenticated piece of AES-256-GCM.
 *
 * LP(a, b, ...) is each part preceded by its length as u32 big-endian; numbers
 * are big-endian. An info string is a label and LP(...), docs/vault.md.
 */

#ifndef EXPO_VAULT_PRIVATE_H
#define EXPO_VAULT_PRIVATE_H

#include "lib/vault.h"

#define VAULT_PART_MAX                                                         \
    255 /* bytes of one part: iss and sub are the long ones */

typedef struct {
    uint8_t
        b[768]; /* a label and at most two long parts, or a few short ones */
    size_t n;
} vault_info_t;

void expo_vault_info(vault_info_t *v, const char *label);
void expo_vault_info_bytes(vault_info_t *v, const void *part, size_t len);
void expo_vault_info_u32(vault_info_t *v, uint32_t part);
void expo_vault_info_u64(vault_info_t *v, uint64_t part);

/* EXPO_INVALID: iss or sub is empty or over VAULT_PART_MAX bytes. */
expo_status_t expo_vault_info_person(vault_info_t *v, const char *iss,
                                     const char *sub);

/* The role as it is bound into boxes and tickets; NULL for no role. */
const char *expo_vault_role_name(expo_role_t role);

/* RFC 5869 with SHA-512. salt_len may be 0. */
expo_status_t expo_vault_hkdf(uint8_t *dst, size_t len, const uint8_t key[32],
                              const uint8_t *salt, size_t salt_len,
                              const vault_info_t *info);

/* HKDF(master, "", label, len). */
expo_status_t expo_vault_subkey(uint8_t *dst, size_t len,
                                const uint8_t master[32], const char *label);

/* HMAC-SHA3-512. */
expo_status_t expo_vault_hmac(uint8_t mac[64], const uint8_t key[64],
                              const uint8_t *src, size_t len);

void expo_vault_put_u32(uint8_t *dst, uint32_t v);
void expo_vault_put_u64(uint8_t *dst, uint64_t v);
uint64_t expo_vault_get_be(const uint8_t *src, unsigned bytes);

/* dst: len + 16 bytes. len at most 2^30. */
expo_status_t expo_vault_gcm_seal(uint8_t *dst, const uint8_t key[32],
                                  const uint8_t nonce[12], const uint8_t *aad,
                                  size_t aad_len, const uint8_t *src,
                                  size_t len);

/* len counts the tag; dst: len - 16 bytes, wiped when EXPO_CORRUPT. */
expo_status_t expo_vault_gcm_open(uint8_t *dst, const uint8_t key[32],
                                  const uint8_t nonce[12], const uint8_t *aad,
                                  size_t aad_len, const uint8_t *src,
                                  size_t len);

#endif
