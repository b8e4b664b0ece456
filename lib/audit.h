/*
 * The audit: who did what to which scan, and when, each line chained to the
 * one before it (docs/audit.md). No names, titles or addresses: an actor is a
 * keyed hash of a user's tag, so that lines and tables join only for who has
 * the key. No I/O but the question to the vault, which makes the macs.
 */

#ifndef EXPO_AUDIT_H
#define EXPO_AUDIT_H

#include "lib/id.h"
#include "lib/keys.h"
#include "lib/status.h"

/* Numbers are stored: they never change their meaning. */
typedef enum {
    EXPO_AUDIT_NONE = 0, /* is not written down */
    EXPO_AUDIT_SIGN_IN = 1,

    EXPO_AUDIT_SCAN_ADD = 10,
    EXPO_AUDIT_SCAN_CHANGE = 11,
    EXPO_AUDIT_SCAN_DELETE = 12,
    EXPO_AUDIT_SCAN_LOOK = 13, /* at its thumbnail */
    EXPO_AUDIT_SCAN_VIEW = 14, /* a session was asked for */
    EXPO_AUDIT_SCAN_EXPORT = 15,

    EXPO_AUDIT_CONFIGURATION_ADD = 20,
    EXPO_AUDIT_CONFIGURATION_CHANGE = 21,
    EXPO_AUDIT_CONFIGURATION_DELETE = 22,

    EXPO_AUDIT_SHARE_INVITE = 30,
    EXPO_AUDIT_SHARE_UNINVITE = 31,
    EXPO_AUDIT_SHARE_REDEEM = 32,
    EXPO_AUDIT_SHARE_CHANGE = 33,
    EXPO_AUDIT_SHARE_REVOKE = 34,

    EXPO_AUDIT_USER_ADD = 40,
    EXPO_AUDIT_USER_CHANGE = 41, /* password, recovery, quota */
    EXPO_AUDIT_USER_DISABLE = 42,
    EXPO_AUDIT_USER_ENABLE = 43,
    EXPO_AUDIT_USER_DELETE = 44,
    EXPO_AUDIT_USER_EXPORT = 45,

    EXPO_AUDIT_KEY_ROTATE = 50,
    EXPO_AUDIT_KEY_RECOVER = 51,
    EXPO_AUDIT_RESTORE = 52
} expo_audit_verb_t;

typedef enum {
    EXPO_AUDIT_PERMITTED = 1, /* written before it is done */
    EXPO_AUDIT_REFUSED = 2,
    EXPO_AUDIT_FAILED = 3 /* after PERMITTED: it came to nothing */
} expo_audit_outcome_t;

#define EXPO_AUDIT_ACTOR 32
#define EXPO_AUDIT_MAC 32

typedef struct {
    uint64_t seq;                    /* 1, 2, 3 … without a gap */
    uint64_t at;                     /* Unix seconds */
    uint8_t actor[EXPO_AUDIT_ACTOR]; /* zeros: the operator, or nobody known */
    expo_audit_verb_t verb;
    expo_audit_outcome_t outcome;
    expo_id_t object; /* mostly a scan; zeros: nothing */
} expo_audit_t;

/* Where a chain ends; all zeros before its first line. */
typedef struct {
    uint64_t seq;
    uint8_t mac[EXPO_AUDIT_MAC];
} expo_audit_end_t;

/*
 * What the mac of a line is made over:
 *
 *   1 | verb | outcome | 0 | u64 seq | u64 at | actor | object, big-endian
 */
#define EXPO_AUDIT_RECORD 68
void expo_audit_encode(uint8_t dst[EXPO_AUDIT_RECORD], const expo_audit_t *r);

/* What the audit calls a user. EXPO_NO_MEMORY. */
expo_status_t expo_audit_actor(uint8_t actor[EXPO_AUDIT_ACTOR],
                               const expo_names_t *names,
                               const uint8_t tag[EXPO_TAG]);

/* The mac of a line that comes after end. */
expo_status_t expo_audit_mac(expo_keys_t *keys, const expo_audit_end_t *end,
                             const expo_audit_t *r,
                             uint8_t mac[EXPO_AUDIT_MAC]);

/*
 * Goes one line on. EXPO_CORRUPT: it is not the one that came after end, or not
 * as it was written.
 */
expo_status_t expo_audit_follow(expo_keys_t *keys, expo_audit_end_t *end,
                                const expo_audit_t *r,
                                const uint8_t mac[EXPO_AUDIT_MAC]);

/* "scan-view"; "permitted"; "unknown". */
const char *expo_audit_verb_text(expo_audit_verb_t verb);
const char *expo_audit_outcome_text(expo_audit_outcome_t outcome);

/* "SEQ:MAC in hex", as `exposure-admin audit tail` prints it, and back. */
#define EXPO_AUDIT_END_TEXT (20 + 1 + 2 * EXPO_AUDIT_MAC + 1)
void expo_audit_end_print(char dst[EXPO_AUDIT_END_TEXT],
                          const expo_audit_end_t *end);
expo_status_t expo_audit_end_parse(expo_audit_end_t *end, const char *text);

#endif
