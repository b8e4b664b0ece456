#include "lib/account.h"

#include <string.h>

#include <sodium.h>

#include "lib/vault_private.h"

/* The subject's text, padded so that the box has the row's size. */
#define ACCOUNT_PLAIN                                                          \
    (80 - crypto_secretbox_NONCEBYTES - crypto_secretbox_MACBYTES)

#define ACCOUNT_LOCK_RANDOM 40 /* salt and nonce */
#define ACCOUNT_ENROL "erws/v1/enrol"

#define ACCOUNT_OPSLIMIT 2u
#define ACCOUNT_MEMLIMIT (64u << 20)

#define TRIES_MAX 5
#define TRIES_WINDOW_MS 60000
#define TRIES_PROBE 8 /* slots that one key may lie in */

_Static_assert(ACCOUNT_PLAIN > EXPO_ID_TEXT, "a subject fits its box");
_Static_assert(crypto_pwhash_SALTBYTES == 16, "a salt is 16 bytes");

static expo_status_t account_lock(expo_account_lock_t *lock, const char *secret,
                                  size_t len, const uint8_t random[40],
                                  const char sub[EXPO_ID_TEXT + 1]);
static expo_status_t account_open(const expo_account_lock_t *lock,
                                  const char *secret, size_t len,
                                  char sub[EXPO_ID_TEXT + 1]);
static expo_status_t account_hash(uint8_t out[64], const char *password,
                                  size_t len, const uint8_t salt[16]);
static expo_tries_slot_t *account_slot(expo_tries_t *t, uint64_t key,
                                       uint64_t now_ms);
static int account_slot_worth(const expo_tries_slot_t *slot, uint64_t now_ms);
static uint64_t account_slot_age(const expo_tries_slot_t *slot,
                                 uint64_t now_ms);


expo_status_t
expo_account_name_tag(uint8_t tag[64], const expo_names_t *names,
                      const char *name, size_t len)
{
    uint8_t folded[EXPO_NAME_MAX];

    if (len == 0 || len > EXPO_NAME_MAX) {
        return EXPO_INVALID;
    }

    for (size_t i = 0; i < len; i++) {
        char c = name[i];

        if (c >= 'A' && c <= 'Z') {
            c = (char) (c - 'A' + 'a');
        }

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || strchr("._-@+", c) == NULL)) {
            return EXPO_INVALID;
        }

        folded[i] = (uint8_t) c;
    }

    return expo_vault_hmac(tag, names->account_name, folded, len);
}


expo_status_t
expo_account_sub_tag(uint8_t tag[64], const expo_names_t *names,
                     const char *sub)
{
    return expo_vault_hmac(tag, names->account_sub, (const uint8_t *) sub,
                           strlen(sub));
}


expo_status_t
expo_account_make(expo_account_row_t *row, const char *password, size_t len,
                  const uint8_t random[56], char sub[EXPO_ID_TEXT + 1])
{
    expo_id_t subject;

    memcpy(subject.b, random + ACCOUNT_LOCK_RANDOM, sizeof(subject.b));
    expo_id_print(sub, &subject);

    memset(row, 0, sizeof(*row));

    return expo_account_password(row, password, len, random, sub);
}


expo_status_t
expo_account_password(expo_account_row_t *row, const char *password, size_t len,
                      const uint8_t random[40],
                      const char sub[EXPO_ID_TEXT + 1])
{
    if (len < EXPO_PASSWORD_MIN || len > EXPO_PASSWORD_MAX) {
        return EXPO_INVALID;
    }

    return account_lock(&row->password, password, len, random, sub);
}


expo_status_t
expo_account_recovery(expo_account_row_t *row, const uint8_t random[56],
                      const char sub[EXPO_ID_TEXT + 1],
                      char code[EXPO_CODE_TEXT + 1])
{
    char text[EXPO_ID_TEXT + 1], *p = code;
    expo_status_t st;
    expo_id_t id;

    memcpy(id.b, random + ACCOUNT_LOCK_RANDOM, sizeof(id.b));
    expo_id_print(text, &id);

    for (int i = 0; i < EXPO_ID_TEXT; i++) {
        if (i > 0 && i % 5 == 0 && i < 25) {
            *p++ = '-';
        }
        *p++ = text[i];
    }
    *p = '\0';

    st = account_lock(&row->recovery, text, EXPO_ID_TEXT, random, sub);
    row->recoverable = st == EXPO_OK;

    sodium_memzero(&id, sizeof(id));
    sodium_memzero(text, sizeof(text));

    return st;
}


expo_status_t
expo_account_check(const expo_account_row_t *row, const char *password,
                   size_t len, char sub[EXPO_ID_TEXT + 1])
{
    if (len > EXPO_PASSWORD_MAX) {
        return EXPO_DENIED;
    }

    return account_open(row != NULL && !row->disabled ? &row->password : NULL,
                        password, len, sub);
}


expo_status_t
expo_account_recover(const expo_account_row_t *row, const char *code,
                     size_t len, char sub[EXPO_ID_TEXT + 1])
{
    char text[EXPO_ID_TEXT + 1];
    expo_status_t st;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = code[i];

        if (c == '-' || c == ' ') {
            continue;
        }

        if (n == EXPO_ID_TEXT) {
            n = 0;
            break;
        }

        text[n++] = (char) (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }

    st = account_open(row != NULL && row->recoverable && !row->disabled
                          ? &row->recovery
                          : NULL,
                      text, n, sub);
    sodium_memzero(text, sizeof(text));

    return st;
}


expo_status_t
expo_account_secret_hash(uint8_t hash[32], const char *secret, size_t len)
{
    expo_id_t id;

    if (expo_id_parse(&id, secret, len) != EXPO_OK) {
        return EXPO_INVALID;
    }

    crypto_generichash(hash, 32, id.b, sizeof(id.b),
                       (const uint8_t *) ACCOUNT_ENROL,
                       sizeof(ACCOUNT_ENROL) - 1);
    sodium_memzero(&id, sizeof(id));

    return EXPO_OK;
}


expo_status_t
expo_account_try(expo_tries_t *t, uint64_t key, uint64_t now_ms,
                 uint32_t *retry_s)
{
    expo_tries_slot_t *slot = account_slot(t, key, now_ms);
    int live = account_slot_worth(slot, now_ms);

    /* Also when all places are another key's: rather refuse than forget. */
    if (live >= TRIES_MAX) {
        *retry_s = (uint32_t) ((TRIES_WINDOW_MS -
                                account_slot_age(slot, now_ms) + 999) /
                               1000);
        return EXPO_FULL;
    }

    if (slot->key != key || live == 0) {
        slot->key = key;
        slot->window_ms = now_ms;
        slot->count = 0;
    }

    slot->count++;

    return EXPO_OK;
}


void
expo_account_untry(expo_tries_t *t, uint64_t key, uint64_t now_ms)
{
    expo_tries_slot_t *slot = account_slot(t, key, now_ms);

    if (slot->key == key && account_slot_worth(slot, now_ms) > 0) {
        slot->count--;
    }
}


static expo_status_t
account_lock(expo_account_lock_t *lock, const char *secret, size_t len,
             const uint8_t random[ACCOUNT_LOCK_RANDOM],
             const char sub[EXPO_ID_TEXT + 1])
{
    uint8_t hash[64], plain[ACCOUNT_PLAIN] = {0};
    expo_status_t st;

    memcpy(lock->salt, random, sizeof(lock->salt));
    memcpy(lock->sub_sealed, random + sizeof(lock->salt),
           crypto_secretbox_NONCEBYTES);

    st = account_hash(hash, secret, len, lock->salt);
    if (st != EXPO_OK) {
        return st;
    }

    memcpy(plain, sub, EXPO_ID_TEXT);
    memcpy(lock->verifier, hash, 32);
    crypto_secretbox_easy(lock->sub_sealed + crypto_secretbox_NONCEBYTES, plain,
                          sizeof(plain), lock->sub_sealed, hash + 32);

    sodium_memzero(hash, sizeof(hash));
    sodium_memzero(plain, sizeof(plain));

    return EXPO_OK;
}


/* lock NULL: the same work, and EXPO_DENIED. */
static expo_status_t
account_open(const expo_account_lock_t *lock, const char *secret, size_t len,
             char sub[EXPO_ID_TEXT + 1])
{
    static const expo_account_lock_t none;
    const expo_account_lock_t *l = lock != NULL ? lock : &none;
    uint8_t hash[64], plain[ACCOUNT_PLAIN];
    expo_status_t st;
    expo_id_t id;

    st = account_hash(hash, secret, len, l->salt);
    if (st != EXPO_OK) {
        return st;
    }

    if (sodium_memcmp(hash, l->verifier, 32) != 0 || lock == NULL) {
        st = EXPO_DENIED;

    } else if (crypto_secretbox_open_easy(
                   plain, l->sub_sealed + crypto_secretbox_NONCEBYTES,
                   sizeof(l->sub_sealed) - crypto_secretbox_NONCEBYTES,
                   l->sub_sealed, hash + 32) != 0 ||
               expo_id_parse(&id, (const char *) plain, EXPO_ID_TEXT) !=
                   EXPO_OK) {
        st = EXPO_CORRUPT;

    } else {
        expo_id_print(sub, &id);
    }

    sodium_memzero(plain, sizeof(plain));
    sodium_memzero(hash, sizeof(hash));

    return st;
}


static expo_status_t
account_hash(uint8_t out[64], const char *password, size_t len,
             const uint8_t salt[16])
{
    if (sodium_init() < 0) {
        return EXPO_IO;
    }

    if (crypto_pwhash(out, 64, password, len, salt, ACCOUNT_OPSLIMIT,
                      ACCOUNT_MEMLIMIT, crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return EXPO_NO_MEMORY;
    }

    return EXPO_OK;
}


/* The key's slot, or the one of its places that says least. */
static expo_tries_slot_t *
account_slot(expo_tries_t *t, uint64_t key, uint64_t now_ms)
{
    expo_tries_slot_t *best = NULL, *slot;

    for (uint64_t i = 0; i < TRIES_PROBE; i++) {
        slot = &t->slots[(key + i) % EXPO_TRIES_SLOTS];

        if (slot->key == key && slot->count > 0) {
            return slot;
        }

        if (best == NULL || account_slot_worth(slot, now_ms) <
                                account_slot_worth(best, now_ms)) {
            best = slot;
        }
    }

    return best;
}


/* A flood of other keys must not wipe out who has used up its tries. */
static int
account_slot_worth(const expo_tries_slot_t *slot, uint64_t now_ms)
{
    return account_slot_age(slot, now_ms) < TRIES_WINDOW_MS ? (int) slot->count
                                                            : 0;
}


static uint64_t
account_slot_age(const expo_tries_slot_t *slot, uint64_t now_ms)
{
    return now_ms > slot->window_ms ? now_ms - slot->window_ms : 0;
}
