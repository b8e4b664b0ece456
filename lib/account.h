/*
 * Built-in accounts. argon2id(password, salt) gives 64 bytes: the first half
 * is compared, the second opens the account's random subject; a recovery code
 * does the same with a lock of its own. So neither the name nor the subject can
 * be read from the database. Takes about 0.1 s and 64 MiB each time: never in
 * an event loop. Source: RFC 9106; libsodium crypto_pwhash.
 */

#ifndef EXPO_ACCOUNT_H
#define EXPO_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/store.h"
#include "lib/vault.h"

#define EXPO_NAME_MAX 128
#define EXPO_PASSWORD_MIN 10
#define EXPO_PASSWORD_MAX 256

/* name: ASCII letters (case is folded), digits, . _ - @ +; 1..128 bytes. */
expo_status_t expo_account_name_tag(uint8_t tag[64], const expo_names_t *names,
                                    const char *name, size_t len);

/* Of a token's subject: finds the row again when only the token is there. */
expo_status_t expo_account_sub_tag(uint8_t tag[64], const expo_names_t *names,
                                   const char *sub);

/*
 * A new row with all but name_tag and sub_tag. EXPO_INVALID: the password's
 * length. random: 40 bytes as below, 16 of subject. sub gets 26 characters.
 */
expo_status_t expo_account_make(expo_account_row_t *row, const char *password,
                                size_t len, const uint8_t random[56],
                                char sub[EXPO_ID_TEXT + 1]);

/* Another password. random: 16 bytes of salt, 24 of nonce. */
expo_status_t expo_account_password(expo_account_row_t *row,
                                    const char *password, size_t len,
                                    const uint8_t random[40],
                                    const char sub[EXPO_ID_TEXT + 1]);

/*
 * Another recovery code, which opens the subject as the password does. random:
 * 40 bytes as above, 16 of code. code: lower-case letters and digits in groups.
 */
#define EXPO_CODE_TEXT (EXPO_ID_TEXT + 4)
expo_status_t expo_account_recovery(expo_account_row_t *row,
                                    const uint8_t random[56],
                                    const char sub[EXPO_ID_TEXT + 1],
                                    char code[EXPO_CODE_TEXT + 1]);

/*
 * EXPO_DENIED: wrong password, disabled, or no row. row NULL: does the same
 * work against nothing, so that time tells nothing.
 */
expo_status_t expo_account_check(const expo_account_row_t *row,
                                 const char *password, size_t len,
                                 char sub[EXPO_ID_TEXT + 1]);

/* The same with the recovery code, in any spelling of case and groups. */
expo_status_t expo_account_recover(const expo_account_row_t *row,
                                   const char *code, size_t len,
                                   char sub[EXPO_ID_TEXT + 1]);

/*
 * What the store knows of the secret of an enrolment, 26 characters for 128
 * random bits. EXPO_INVALID: it cannot be one.
 */
#define EXPO_ENROL_S (7 * 86400) /* how long one may be used */
expo_status_t expo_account_secret_hash(uint8_t hash[32], const char *secret,
                                       size_t len);

/*
 * Guessing: at most 5 tries a minute per account and per address. A fixed
 * table that the caller keeps in shared memory, zeroed at first.
 */
#define EXPO_TRIES_SLOTS 4096
typedef struct {
    uint64_t key;
    uint64_t window_ms; /* start */
    uint32_t count;
} expo_tries_slot_t;
typedef struct {
    expo_tries_slot_t slots[EXPO_TRIES_SLOTS];
} expo_tries_t;
/* EXPO_OK and counted, or EXPO_FULL and *retry_s. key: any 64-bit keyed hash.
 */
expo_status_t expo_account_try(expo_tries_t *t, uint64_t key, uint64_t now_ms,
                               uint32_t *retry_s);
/* Takes one counted try of this window back: it was a right one. */
void expo_account_untry(expo_tries_t *t, uint64_t key, uint64_t now_ms);

#endif
