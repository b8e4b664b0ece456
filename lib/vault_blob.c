/* Sealed blobs, chunk by chunk, and small sealed metadata: docs/vault.md. */

#include "lib/vault_private.h"

#include <string.h>

#include <sodium.h>

#define BLOB_MAGIC "ERWSBLB1"
#define BLOB_VERSION 1
#define BLOB_AES_256_GCM 1
#define BLOB_CHUNK_LOG2_MIN 12
#define BLOB_CHUNK_LOG2_MAX 24

/* Offsets in the header. */
enum {
    BLOB_AT_VERSION = 8,
    BLOB_AT_ALGORITHM = 10,
    BLOB_AT_CHUNK = 12,
    BLOB_AT_KIND = 13,
    BLOB_AT_ZERO = 14,
    BLOB_AT_EPOCH = 16,
    BLOB_AT_SCAN = 20,
    BLOB_AT_ID = 36,
    BLOB_AT_SALT = 52,
    BLOB_AT_COMMITMENT = 84,
    BLOB_AT_TAIL = 116
};

#define BLOB_AAD (EXPO_BLOB_HEADER + 9)

static expo_status_t blob_derive(uint8_t keys[64], const uint8_t *header,
                                 const uint8_t dek[32]);
static void blob_aad(const expo_blob_t *b, uint64_t index, int last,
                     uint8_t nonce[12], uint8_t aad[BLOB_AAD]);
static int blob_fits(const expo_blob_t *b, uint64_t index, int last,
                     size_t len);

static const uint8_t zero_nonce[12];


expo_status_t
expo_vault_blob_new(expo_blob_t *b, const uint8_t dek[32], uint32_t epoch,
                    const expo_id_t *scan, const expo_id_t *blob,
                    expo_blob_kind_t kind, unsigned chunk_log2,
                    const uint8_t salt[32])
{
    uint8_t *h = b->header, keys[64];
    expo_status_t st;

    if (chunk_log2 < BLOB_CHUNK_LOG2_MIN || chunk_log2 > BLOB_CHUNK_LOG2_MAX ||
        kind < EXPO_BLOB_VOLUME || kind > EXPO_BLOB_CONFIGURATION) {
        return EXPO_INVALID;
    }

    memset(h, 0, EXPO_BLOB_HEADER);
    memcpy(h, BLOB_MAGIC, 8);
    h[BLOB_AT_VERSION + 1] = BLOB_VERSION;
    h[BLOB_AT_ALGORITHM + 1] = BLOB_AES_256_GCM;
    h[BLOB_AT_CHUNK] = (uint8_t) chunk_log2;
    h[BLOB_AT_KIND] = (uint8_t) kind;
    expo_vault_put_u32(h + BLOB_AT_EPOCH, epoch);
    memcpy(h + BLOB_AT_SCAN, scan->b, 16);
    memcpy(h + BLOB_AT_ID, blob->b, 16);
    memcpy(h + BLOB_AT_SALT, salt, 32);

    st = blob_derive(keys, h, dek);
    if (st == EXPO_OK) {
        memcpy(b->key, keys, 32);
        memcpy(h + BLOB_AT_COMMITMENT, keys + 32, 32);
    }

    sodium_memzero(keys, sizeof(keys));

    return st;
}


expo_status_t
expo_vault_blob_open(expo_blob_t *b, const uint8_t header[EXPO_BLOB_HEADER],
                     const uint8_t dek[32], const expo_id_t *scan,
                     const expo_id_t *blob, expo_blob_kind_t kind)
{
    const uint8_t *h = header;
    expo_id_t its_scan, its_id;
    expo_blob_kind_t its_kind;
    uint32_t epoch;
    uint8_t keys[64];
    expo_status_t st;

    st = expo_vault_blob_about(h, &its_scan, &its_id, &its_kind, &epoch);
    if (st != EXPO_OK) {
        return st;
    }

    if (its_kind != kind || memcmp(its_scan.b, scan->b, 16) != 0 ||
        memcmp(its_id.b, blob->b, 16) != 0) {
        return EXPO_CORRUPT;
    }

    st = blob_derive(keys, h, dek);

    /* GCM alone would let one chunk be valid under two keys. */
    if (st == EXPO_OK &&
        sodium_memcmp(keys + 32, h + BLOB_AT_COMMITMENT, 32) != 0) {
        st = EXPO_CORRUPT;
    }

    if (st == EXPO_OK) {
        memcpy(b->header, h, EXPO_BLOB_HEADER);
        memcpy(b->key, keys, 32);
    }

    sodium_memzero(keys, sizeof(keys));

    return st;
}


expo_status_t
expo_vault_blob_about(const uint8_t header[EXPO_BLOB_HEADER], expo_id_t *scan,
                      expo_id_t *blob, expo_blob_kind_t *kind, uint32_t *epoch)
{
    const uint8_t *h = header;

    if (memcmp(h, BLOB_MAGIC, 8) != 0) {
        return EXPO_CORRUPT;
    }

    if (expo_vault_get_be(h + BLOB_AT_VERSION, 2) != BLOB_VERSION ||
        expo_vault_get_be(h + BLOB_AT_ALGORITHM, 2) != BLOB_AES_256_GCM) {
        return EXPO_UNSUPPORTED;
    }

    if (h[BLOB_AT_CHUNK] < BLOB_CHUNK_LOG2_MIN ||
        h[BLOB_AT_CHUNK] > BLOB_CHUNK_LOG2_MAX ||
        h[BLOB_AT_KIND] < EXPO_BLOB_VOLUME ||
        h[BLOB_AT_KIND] > EXPO_BLOB_CONFIGURATION ||
        !sodium_is_zero(h + BLOB_AT_ZERO, 2) ||
        !sodium_is_zero(h + BLOB_AT_TAIL, EXPO_BLOB_HEADER - BLOB_AT_TAIL)) {
        return EXPO_CORRUPT;
    }

    memcpy(scan->b, h + BLOB_AT_SCAN, 16);
    memcpy(blob->b, h + BLOB_AT_ID, 16);
    *kind = (expo_blob_kind_t) h[BLOB_AT_KIND];
    *epoch = (uint32_t) expo_vault_get_be(h + BLOB_AT_EPOCH, 4);

    return EXPO_OK;
}


size_t
expo_vault_blob_chunk(const expo_blob_t *b)
{
    return (size_t) 1 << b->header[BLOB_AT_CHUNK];
}


expo_status_t
expo_vault_blob_length(const expo_blob_t *b, uint64_t file, uint64_t *plain,
                       uint64_t *chunks)
{
    uint64_t full = expo_vault_blob_chunk(b) + EXPO_BLOB_TAG;
    uint64_t rest, n, last;

    if (file < EXPO_BLOB_HEADER + EXPO_BLOB_TAG) {
        return EXPO_CORRUPT;
    }

    rest = file - EXPO_BLOB_HEADER;
    n = rest / full + (rest % full != 0);
    last = rest - (n - 1) * full;

    if (last < EXPO_BLOB_TAG || (last == EXPO_BLOB_TAG && n > 1)) {
        return EXPO_CORRUPT;
    }

    *plain = rest - n * EXPO_BLOB_TAG;
    *chunks = n;

    return EXPO_OK;
}


expo_status_t
expo_vault_chunk_seal(const expo_blob_t *b, uint64_t index, int last,
                      const uint8_t *src, size_t len, uint8_t *dst)
{
    uint8_t nonce[12], aad[BLOB_AAD];

    if (!blob_fits(b, index, last, len)) {
        return EXPO_INVALID;
    }

    blob_aad(b, index, last, nonce, aad);

    return expo_vault_gcm_seal(dst, b->key, nonce, aad, sizeof(aad), src, len);
}


expo_status_t
expo_vault_chunk_open(const expo_blob_t *b, uint64_t index, int last,
                      const uint8_t *src, size_t len, uint8_t *dst)
{
    uint8_t nonce[12], aad[BLOB_AAD];

    if (len < EXPO_BLOB_TAG ||
        !blob_fits(b, index, last, len - EXPO_BLOB_TAG)) {
        return EXPO_CORRUPT;
    }

    blob_aad(b, index, last, nonce, aad);

    return expo_vault_gcm_open(dst, b->key, nonce, aad, sizeof(aad), src, len);
}


expo_status_t
expo_vault_meta_key(uint8_t key[32], const uint8_t dek[32],
                    const expo_id_t *scan, const char *table,
                    const expo_id_t *row, uint32_t revision,
                    const uint8_t salt[EXPO_META_SALT])
{
    size_t len = strlen(table);
    vault_info_t info;

    if (len == 0 || len > VAULT_PART_MAX) {
        return EXPO_INVALID;
    }

    expo_vault_info(&info, "erws/v1/meta");
    expo_vault_info_bytes(&info, scan->b, 16);
    expo_vault_info_bytes(&info, table, len);
    expo_vault_info_bytes(&info, row->b, 16);
    expo_vault_info_u32(&info, revision);

    return expo_vault_hkdf(key, 32, dek, salt, EXPO_META_SALT, &info);
}


expo_status_t
expo_vault_meta_seal(uint8_t *dst, const uint8_t key[32],
                     const uint8_t salt[EXPO_META_SALT], const uint8_t *src,
                     size_t len)
{
    memcpy(dst, salt, EXPO_META_SALT);

    /* The salt makes the key fresh, so the nonce may be constant. */
    return expo_vault_gcm_seal(dst + EXPO_META_SALT, key, zero_nonce, NULL, 0,
                               src, len);
}


expo_status_t
expo_vault_meta_open(uint8_t *dst, const uint8_t key[32], const uint8_t *src,
                     size_t len)
{
    if (len < EXPO_META_SALT + EXPO_BLOB_TAG) {
        return EXPO_CORRUPT;
    }

    return expo_vault_gcm_open(dst, key, zero_nonce, NULL, 0,
                               src + EXPO_META_SALT, len - EXPO_META_SALT);
}


/* keys: the encryption key, then the commitment to it. */
static expo_status_t
blob_derive(uint8_t keys[64], const uint8_t *header, const uint8_t dek[32])
{
    vault_info_t info;

    expo_vault_info(&info, "erws/v1/blob");
    expo_vault_info_bytes(&info, header + BLOB_AT_SCAN, 16);
    expo_vault_info_bytes(&info, header + BLOB_AT_ID, 16);
    expo_vault_info_bytes(&info, header + BLOB_AT_KIND, 1);
    expo_vault_info_bytes(&info, header + BLOB_AT_EPOCH, 4);

    return expo_vault_hkdf(keys, 64, dek, header + BLOB_AT_SALT, 32, &info);
}


static void
blob_aad(const expo_blob_t *b, uint64_t index, int last, uint8_t nonce[12],
         uint8_t aad[BLOB_AAD])
{
    memset(nonce, 0, 4);
    expo_vault_put_u64(nonce + 4, index);

    memcpy(aad, b->header, EXPO_BLOB_HEADER);
    expo_vault_put_u64(aad + EXPO_BLOB_HEADER, index);
    aad[EXPO_BLOB_HEADER + 8] = last != 0;
}


/* Whether a chunk of len plaintext bytes may stand at this place. */
static int
blob_fits(const expo_blob_t *b, uint64_t index, int last, size_t len)
{
    size_t chunk = expo_vault_blob_chunk(b);

    if (!last) {
        return len == chunk;
    }

    return len <= chunk && (len > 0 || index == 0);
}
