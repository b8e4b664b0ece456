/* Session tickets: what they say, and a MAC that only this service can make. */

#include "lib/vault_private.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include "lib/base64.h"

/* session | tag | role u8 | expiry u64 | nonce | mac */
enum {
    TICKET_AT_TAG = 16,
    TICKET_AT_ROLE = 80,
    TICKET_AT_EXPIRY = 81,
    TICKET_AT_NONCE = 89,
    TICKET_AT_MAC = 105,
    TICKET_BYTES = 137
};

#define TICKET_CHARS EXPO_BASE64URL_CHARS(TICKET_BYTES)

_Static_assert(TICKET_CHARS < EXPO_TICKET_TEXT, "a ticket fits its text");

static expo_status_t ticket_mac(uint8_t mac[32], const expo_names_t *names,
                                const expo_ticket_t *t);


expo_status_t
expo_vault_ticket_print(char dst[EXPO_TICKET_TEXT], const expo_names_t *names,
                        const expo_ticket_t *t)
{
    uint8_t b[TICKET_BYTES];
    expo_status_t st;

    memcpy(b, t->session.b, 16);
    memcpy(b + TICKET_AT_TAG, t->tag, EXPO_TAG);
    b[TICKET_AT_ROLE] = (uint8_t) t->role;
    expo_vault_put_u64(b + TICKET_AT_EXPIRY, t->expiry);
    memcpy(b + TICKET_AT_NONCE, t->nonce, 16);

    st = ticket_mac(b + TICKET_AT_MAC, names, t);
    if (st != EXPO_OK) {
        return st;
    }

    expo_base64url_print(dst, b, sizeof(b));

    return EXPO_OK;
}


expo_status_t
expo_vault_ticket_read(expo_ticket_t *t, const expo_names_t *names,
                       const char *text, size_t len, uint64_t now)
{
    uint8_t b[TICKET_BYTES + 2], mac[32];
    size_t bytes;
    expo_status_t st;

    if (len != TICKET_CHARS ||
        expo_base64url_parse(b, &bytes, text, len) != EXPO_OK) {
        return EXPO_DENIED;
    }

    memcpy(t->session.b, b, 16);
    memcpy(t->tag, b + TICKET_AT_TAG, EXPO_TAG);
    t->role = (expo_role_t) b[TICKET_AT_ROLE];
    t->expiry = expo_vault_get_be(b + TICKET_AT_EXPIRY, 8);
    memcpy(t->nonce, b + TICKET_AT_NONCE, 16);

    st = ticket_mac(mac, names, t);
    if (st != EXPO_OK) {
        return st == EXPO_INVALID ? EXPO_DENIED : st;
    }

    if (sodium_memcmp(mac, b + TICKET_AT_MAC, sizeof(mac)) != 0) {
        return EXPO_DENIED;
    }

    return t->expiry < now ? EXPO_EXPIRED : EXPO_OK;
}


/* EXPO_INVALID: no such role. */
static expo_status_t
ticket_mac(uint8_t mac[32], const expo_names_t *names, const expo_ticket_t *t)
{
    const char *role = expo_vault_role_name(t->role);
    vault_info_t said;

    if (role == NULL) {
        return EXPO_INVALID;
    }

    expo_vault_info(&said, "");
    expo_vault_info_bytes(&said, t->session.b, 16);
    expo_vault_info_bytes(&said, t->tag, EXPO_TAG);
    expo_vault_info_bytes(&said, role, strlen(role));
    expo_vault_info_u64(&said, t->expiry);
    expo_vault_info_bytes(&said, t->nonce, 16);

    return HMAC(EVP_sha256(), names->ticket, sizeof(names->ticket), said.b,
                said.n, mac, NULL) != NULL
               ? EXPO_OK
               : EXPO_NO_MEMORY;
}
