/*
 * Questions to exposure-vault and its answers, as bytes: one datagram each.
 * Both ends know a message as the same struct, of which each direction writes
 * the members that its operation has.
 *
 *   question: operation u8 | its members      answer: status u8 | its members
 *
 * Numbers are big-endian. A list is its length as u8, then its things. A text
 * is its length as u16, NUL included, then its bytes. An answer whose status is
 * not EXPO_OK is that one byte.
 */

#ifndef EXPO_VAULT_WIRE_H
#define EXPO_VAULT_WIRE_H

#include "lib/keys.h"

#define EXPO_VAULT_QUESTION 66048 /* bytes of the longest: a key set */
#define EXPO_VAULT_ANSWER 24576
#define EXPO_VAULT_RECORD 1024
#define EXPO_VAULT_JWKS 8192

typedef enum {
    EXPO_VAULT_HELLO = 1,
    EXPO_VAULT_USER,
    EXPO_VAULT_SIGN,
    EXPO_VAULT_CREATE,
    EXPO_VAULT_UNLOCK,
    EXPO_VAULT_BLOB_NEW,
    EXPO_VAULT_BLOB_OPEN,
    EXPO_VAULT_META,
    EXPO_VAULT_GRANT,
    EXPO_VAULT_INVITE,
    EXPO_VAULT_REDEEM,
    EXPO_VAULT_RENEW,
    EXPO_VAULT_AUDIT,
    EXPO_VAULT_TRUST,
    EXPO_VAULT_MOVE
} expo_vault_op_t;

/*
 * Pointers lead into the caller's memory, or into the bytes that were read.
 * Which members an operation has: wire_question and wire_answer.
 */
typedef struct {
    uint8_t op;
    expo_status_t status;
    expo_keys_user_t user;
    expo_keys_user_t next; /* who they are from now on */
    uint8_t former;        /* secret that user goes by; 0: the newest */

    size_t n; /* boxes, metas or to */
    expo_keys_box_t boxes[EXPO_KEYS_BATCH];
    expo_lease_t leases[EXPO_KEYS_BATCH];
    expo_status_t statuses[EXPO_KEYS_BATCH]; /* of boxes */
    expo_keys_meta_t metas[EXPO_KEYS_BATCH];
    expo_keys_grantee_t to[EXPO_KEYS_GRANTS];

    uint8_t header[EXPO_BLOB_HEADER];
    uint8_t key[32];
    expo_id_t blob;
    uint8_t kind;
    uint8_t chunk_log2;

    uint8_t secret[EXPO_INVITE_SECRET];
    uint8_t salt[32];
    uint8_t pk[32];
    uint8_t tag[EXPO_TAG];

    const char *text; /* subject, issuer; or token, key set (empty: none) */
    uint32_t lifetime_s;

    expo_names_t names[EXPO_MASTERS];
    size_t nnames;
    uint32_t master_no;
    char protection[16];
    uint8_t instance[8];

    const uint8_t *record; /* of the audit; or a key set */
    size_t record_bytes;
    uint8_t mac[32];
} expo_vault_message_t;

/* Bytes written; 0: it does not fit. */
size_t expo_vault_wire_ask(uint8_t dst[EXPO_VAULT_QUESTION],
                           expo_vault_message_t *m);
size_t expo_vault_wire_reply(uint8_t dst[EXPO_VAULT_ANSWER],
                             expo_vault_message_t *m);

/* EXPO_INVALID: not one whole question, to the byte. */
expo_status_t expo_vault_wire_asked(expo_vault_message_t *m, const uint8_t *src,
                                    size_t len);
/* What it says; m is the question. EXPO_IO: not one whole answer to it. */
expo_status_t expo_vault_wire_replied(expo_vault_message_t *m,
                                      const uint8_t *src, size_t len);

#endif
