/*
 * Questions to exposure-vault, the one process that has the master secret
 * (docs/vault.md «Who holds what»). nginx workers hold what names a user and
 * vouches for a ticket, and of a scan only the keys of what is open there.
 *
 * Every call is one round trip: it blocks, so never from an event loop. One
 * handle may be used by several threads. Tokens are judged again by the vault,
 * which believes nobody. Keys and leases that are handed out, callers wipe.
 *
 * Calls answer, besides what stands at them: EXPO_AGAIN (no vault there, or no
 * answer within 5 s), EXPO_DENIED or EXPO_EXPIRED (the token), EXPO_CORRUPT (a
 * box or lease that is not what the caller says it is), EXPO_INVALID.
 */

#ifndef EXPO_KEYS_H
#define EXPO_KEYS_H

#include "lib/token.h"
#include "lib/vault.h"

#define EXPO_KEYS_BATCH 64  /* things in one question */
#define EXPO_KEYS_GRANTS 64 /* people that one scan can be shared with */
#define EXPO_INVITE_SECRET 16

typedef struct expo_keys_s expo_keys_t;

/* Connects when first asked. path: of the vault's socket. */
expo_status_t expo_keys_open(expo_keys_t **out, const char *path);
/* The same questions answered in this process, for tools that have the master
 * secret's file. vault stays the caller's. */
struct expo_vault_s;
expo_status_t expo_keys_local(expo_keys_t **out, struct expo_vault_s *vault);
void expo_keys_close(expo_keys_t *k);

/* Who asks: the raw access token and the salt of the user's row. */
typedef struct {
    const char *token;
    size_t token_bytes;
    const uint8_t *salt; /* 32 */
} expo_keys_user_t;

/* A sealed scan key as it lies in the user's row of scan_keys. */
typedef struct {
    expo_id_t scan;
    uint32_t epoch;
    expo_role_t role;
    uint8_t sealed[EXPO_SEALED_KEY];
} expo_keys_box_t;

/*
 * A scan key that only the vault can read, for as long as one request, upload
 * or import may take (EXPO_LEASE_S), so that a token may end meanwhile. It is
 * never stored, and outlives the vault's restart.
 */
#define EXPO_LEASE 104
#define EXPO_LEASE_S 86400
typedef struct {
    uint8_t b[EXPO_LEASE];
} expo_lease_t;

/* --- who one is --- */

/*
 * names: for tags and tickets in this process, by the newest master secret,
 * whose number is master_no, then by former ones. jwks: the built-in issuer's
 * public keys, malloc'd, NULL if it has none. protection: as `doctor` says.
 * instance: random, of this run of the vault, which has forgotten key sets that
 * an earlier one was told.
 */
typedef struct {
    expo_names_t names[EXPO_MASTERS];
    size_t nnames;
    uint32_t master_no;
    char *jwks;
    char protection[16];
    uint8_t instance[8];
} expo_keys_hello_t;
expo_status_t expo_keys_hello(expo_keys_t *k, expo_keys_hello_t *out);

/*
 * From now on the keys of another issuer, of which the vault was told to
 * believe them from here. EXPO_NOT_FOUND: it was not. EXPO_INVALID: no JWK Set.
 */
#define EXPO_KEYS_JWKS_MAX 65535
expo_status_t expo_keys_jwks(expo_keys_t *k, const char *issuer,
                             const uint8_t *json, size_t len);

/* Of a new user: the tag, and the public key that goes with u->salt. */
expo_status_t expo_keys_user(expo_keys_t *k, const expo_keys_user_t *u,
                             uint8_t tag[EXPO_TAG], uint8_t pk[32]);

/* An access token of the built-in issuer. *token is malloc'd. */
expo_status_t expo_keys_sign(expo_keys_t *k, const char *sub,
                             uint32_t lifetime_s, char **token);

/* --- scans --- */

/* A new scan's key, sealed to its owner (box->sealed is filled); box->role is
 * OWNER. */
expo_status_t expo_keys_create(expo_keys_t *k, const expo_keys_user_t *u,
                               expo_keys_box_t *box, expo_lease_t *lease);

/* n <= EXPO_KEYS_BATCH boxes at once; each has a status of its own. */
expo_status_t expo_keys_unlock(expo_keys_t *k, const expo_keys_user_t *u,
                               const expo_keys_box_t *boxes, size_t n,
                               expo_lease_t *leases, expo_status_t *statuses);

/*
 * As expo_vault_blob_new and _open; salts are the vault's. EXPO_DENIED: a new
 * one of somebody else's scan.
 */
expo_status_t expo_keys_blob_new(expo_keys_t *k, const expo_lease_t *lease,
                                 const expo_id_t *blob, expo_blob_kind_t kind,
                                 unsigned chunk_log2, expo_blob_t *out);
expo_status_t expo_keys_blob_open(expo_keys_t *k, const expo_lease_t *lease,
                                  const uint8_t header[EXPO_BLOB_HEADER],
                                  const expo_id_t *blob, expo_blob_kind_t kind,
                                  expo_blob_t *out);

/* The keys of n <= EXPO_KEYS_BATCH small sealed things. */
typedef struct {
    const expo_lease_t *lease;
    const char *table;
    expo_id_t row;
    uint32_t revision;
    uint8_t salt[EXPO_META_SALT];
    uint8_t key[32];      /* out */
    expo_status_t status; /* out */
} expo_keys_meta_t;
expo_status_t expo_keys_meta(expo_keys_t *k, expo_keys_meta_t *metas, size_t n);

/* --- sharing: box is the asking owner's, role is EDITOR or VIEWER --- */

/* To somebody who is known. */
expo_status_t expo_keys_grant(expo_keys_t *k, const expo_keys_user_t *u,
                              const expo_keys_box_t *box,
                              const uint8_t tag[EXPO_TAG], const uint8_t pk[32],
                              expo_role_t role,
                              uint8_t sealed[EXPO_SEALED_KEY]);

/* To whoever brings the secret: salt, pk and sealed are the invitation's row.
 */
expo_status_t expo_keys_invite(expo_keys_t *k, const expo_keys_user_t *u,
                               const expo_keys_box_t *box, expo_role_t role,
                               const uint8_t secret[EXPO_INVITE_SECRET],
                               uint8_t salt[32], uint8_t pk[32],
                               uint8_t sealed[EXPO_SEALED_KEY]);

/*
 * The invitation's box, re-sealed in place to who redeems it.
 * EXPO_DENIED: not its secret.
 */
expo_status_t expo_keys_redeem(expo_keys_t *k, const expo_keys_user_t *u,
                               const uint8_t secret[EXPO_INVITE_SECRET],
                               const uint8_t salt[32], const uint8_t pk[32],
                               expo_keys_box_t *box);

/*
 * Boxes of somebody, re-sealed in place to who they are from now on: both
 * tokens are theirs. was is their row by the secret of hello's names[former].
 * None is changed unless all open.
 */
expo_status_t expo_keys_move(expo_keys_t *k, const expo_keys_user_t *was,
                             size_t former, const expo_keys_user_t *is,
                             expo_keys_box_t *boxes, size_t n);

/*
 * A scan key anew under epoch + 1, sealed to its owner (*box becomes it) and
 * to n <= EXPO_KEYS_GRANTS others.
 */
typedef struct {
    uint8_t tag[EXPO_TAG];
    uint8_t pk[32];
    expo_role_t role;
    uint8_t sealed[EXPO_SEALED_KEY]; /* out */
} expo_keys_grantee_t;
expo_status_t expo_keys_renew(expo_keys_t *k, const expo_keys_user_t *u,
                              expo_keys_box_t *box, expo_keys_grantee_t *to,
                              size_t n, expo_lease_t *lease);

/* --- the audit's chain: lib/audit.h --- */

/* mac = HMAC(audit key, previous | LP(record)); record <= 1024 bytes. */
expo_status_t expo_keys_audit(expo_keys_t *k, const uint8_t previous[32],
                              const uint8_t *record, size_t len,
                              uint8_t mac[32]);

#endif
