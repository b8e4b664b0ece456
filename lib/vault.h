/*
 * Keys and sealed blobs: DESIGN «Vault and identity», format in
 * docs/vault.md. OpenSSL gives HKDF-SHA-512, HMAC-SHA3-512, AES-256-GCM;
 * libsodium gives X25519 sealed boxes and BLAKE2b. Randomness is passed in.
 * Nothing here keeps a key after it returns; what is handed out, callers wipe.
 * iss and sub: 1..255 bytes, else EXPO_INVALID. src and dst may be the same.
 */

#ifndef EXPO_VAULT_H
#define EXPO_VAULT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/id.h"
#include "lib/status.h"

#define EXPO_TAG 64         /* user tag */
#define EXPO_SEALED_KEY 112 /* a scan key sealed to one user */
#define EXPO_BLOB_HEADER 128
#define EXPO_BLOB_TAG 16
#define EXPO_META_SALT 32

typedef enum {
    EXPO_BLOB_VOLUME = 1,
    EXPO_BLOB_THUMBNAIL = 2,
    EXPO_BLOB_ORIGINAL = 3,
    EXPO_BLOB_CONFIGURATION = 4
} expo_blob_kind_t;

typedef enum {
    EXPO_ROLE_OWNER = 1,
    EXPO_ROLE_EDITOR = 2,
    EXPO_ROLE_VIEWER = 3
} expo_role_t;

/* Numbers in an opened or new blob; header and key are all one needs. */
typedef struct {
    uint8_t header[EXPO_BLOB_HEADER];
    uint8_t key[32]; /* AES-256-GCM key of this blob only */
} expo_blob_t;

/*
 * What can be made of the master secret for those who name users, accounts and
 * sessions, and open nothing: nginx workers hold it. With a stolen database
 * it tells whether a guessed identifier is there.
 */
typedef struct {
    uint8_t user_tag[64];
    uint8_t account_name[64];
    uint8_t account_sub[64];
    uint8_t actor[32]; /* users' names in the audit */
    uint8_t ticket[32];
} expo_names_t;
expo_status_t expo_vault_names(expo_names_t *names, const uint8_t master[32]);

/* --- users --- */
expo_status_t expo_vault_user_tag(uint8_t tag[EXPO_TAG],
                                  const expo_names_t *names, const char *iss,
                                  const char *sub);
expo_status_t expo_vault_user_keys(uint8_t pk[32], uint8_t sk[32],
                                   const uint8_t master[32],
                                   const uint8_t salt[32], const char *iss,
                                   const char *sub);

/* --- scan keys, sealed to a user --- */
expo_status_t expo_vault_seal_key(uint8_t sealed[EXPO_SEALED_KEY],
                                  const uint8_t dek[32], const expo_id_t *scan,
                                  const uint8_t tag[EXPO_TAG], uint32_t epoch,
                                  expo_role_t role, const uint8_t pk[32]);
/* EXPO_CORRUPT when the box or its context (scan, tag, epoch, role) differs. */
expo_status_t expo_vault_open_key(uint8_t dek[32],
                                  const uint8_t sealed[EXPO_SEALED_KEY],
                                  const expo_id_t *scan,
                                  const uint8_t tag[EXPO_TAG], uint32_t epoch,
                                  expo_role_t role, const uint8_t pk[32],
                                  const uint8_t sk[32]);

/* --- blobs --- */
/* A new blob: builds its header and derives its key. salt: 32 random bytes. */
expo_status_t expo_vault_blob_new(expo_blob_t *b, const uint8_t dek[32],
                                  uint32_t epoch, const expo_id_t *scan,
                                  const expo_id_t *blob, expo_blob_kind_t kind,
                                  unsigned chunk_log2, const uint8_t salt[32]);
/* An existing one: checks header against scan, blob and kind, and commitment.
 */
expo_status_t expo_vault_blob_open(expo_blob_t *b,
                                   const uint8_t header[EXPO_BLOB_HEADER],
                                   const uint8_t dek[32], const expo_id_t *scan,
                                   const expo_id_t *blob,
                                   expo_blob_kind_t kind);

/* What a header says of itself, unproved; EXPO_CORRUPT, EXPO_UNSUPPORTED. */
expo_status_t expo_vault_blob_about(const uint8_t header[EXPO_BLOB_HEADER],
                                    expo_id_t *scan, expo_id_t *blob,
                                    expo_blob_kind_t *kind, uint32_t *epoch);

/* Plaintext bytes of a full chunk. */
size_t expo_vault_blob_chunk(const expo_blob_t *b);

/* Plaintext bytes of a blob file of `file` bytes; EXPO_CORRUPT: impossible. */
expo_status_t expo_vault_blob_length(const expo_blob_t *b, uint64_t file,
                                     uint64_t *plain, uint64_t *chunks);

/*
 * One chunk: dst gets len + 16 bytes. All but the last are full; the last may
 * be empty only when it is the only one.
 */
expo_status_t expo_vault_chunk_seal(const expo_blob_t *b, uint64_t index,
                                    int last, const uint8_t *src, size_t len,
                                    uint8_t *dst);
/* len counts the tag; dst gets len - 16 bytes, or is wiped and EXPO_CORRUPT. */
expo_status_t expo_vault_chunk_open(const expo_blob_t *b, uint64_t index,
                                    int last, const uint8_t *src, size_t len,
                                    uint8_t *dst);

/* --- small metadata: salt | ciphertext | tag --- */
/* Of one thing in its place. A salt is fresh for each sealing: it starts what
 * is stored. table: 1..255 bytes. */
expo_status_t expo_vault_meta_key(uint8_t key[32], const uint8_t dek[32],
                                  const expo_id_t *scan, const char *table,
                                  const expo_id_t *row, uint32_t revision,
                                  const uint8_t salt[EXPO_META_SALT]);
expo_status_t expo_vault_meta_seal(uint8_t *dst, /* len + 32 + 16 */
                                   const uint8_t key[32],
                                   const uint8_t salt[EXPO_META_SALT],
                                   const uint8_t *src, size_t len);
expo_status_t expo_vault_meta_open(uint8_t *dst, /* len - 48 */
                                   const uint8_t key[32], const uint8_t *src,
                                   size_t len);

/* --- session tickets: HMAC-SHA-256 over LP(session, tag, role, expiry, nonce)
 * --- */
typedef struct {
    expo_id_t session;
    uint8_t tag[EXPO_TAG];
    expo_role_t role;
    uint64_t expiry; /* Unix seconds */
    uint8_t nonce[16];
} expo_ticket_t;
#define EXPO_TICKET_TEXT 256 /* base64url, NUL included */
expo_status_t expo_vault_ticket_print(char dst[EXPO_TICKET_TEXT],
                                      const expo_names_t *names,
                                      const expo_ticket_t *t);
/* EXPO_DENIED: not ours. EXPO_EXPIRED: expiry < now. Single use is the
 * caller's. */
expo_status_t expo_vault_ticket_read(expo_ticket_t *t,
                                     const expo_names_t *names,
                                     const char *text, size_t len,
                                     uint64_t now);

/* --- the master secret's file: 32 bytes and a checksum of 4 --- */
/*
 * EXPO_DENIED: mode has any of 077, or the owner is neither root nor us.
 * EXPO_CORRUPT: length or checksum. error: one sentence.
 */
expo_status_t expo_vault_master_load(uint8_t master[32], const char *path,
                                     char *error, size_t error_bytes);
/*
 * Where it lies decides what a stolen disk opens: "memory", "other-disk", or
 * "same-disk" as data, whose nearest folder counts if it is not there yet.
 */
void expo_vault_master_place(char place[16], const char *path,
                             const char *data);
/*
 * All that are held, newest first. FILE.N beside FILE is what FILE was while it
 * was number N; empty, it has been retired and only keeps the count. EXPO_FULL:
 * more former ones than can be held.
 */
#define EXPO_FORMER_MAX 3
#define EXPO_MASTERS (1 + EXPO_FORMER_MAX)
typedef struct {
    uint8_t secret[32];
    uint32_t no;
} expo_master_t;
expo_status_t expo_vault_masters_load(expo_master_t masters[EXPO_MASTERS],
                                      size_t *n, const char *path, char *error,
                                      size_t error_bytes);
void expo_vault_former_path(char *dst, size_t len, const char *path,
                            uint32_t no);
/* A new file, 0600, on the disk when it returns. EXPO_CONFLICT: exists. */
expo_status_t expo_vault_master_save(const uint8_t master[32],
                                     const char *path);

#endif
