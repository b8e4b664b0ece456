/* Lines of the audit, their bytes, their chain. */

#include "lib/audit.h"

#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUDIT_VERSION 1

static uint8_t *audit_put(uint8_t *p, uint64_t value);


void
expo_audit_encode(uint8_t dst[EXPO_AUDIT_RECORD], const expo_audit_t *r)
{
    uint8_t *p = dst;

    *p++ = AUDIT_VERSION;
    *p++ = (uint8_t) r->verb;
    *p++ = (uint8_t) r->outcome;
    *p++ = 0;

    p = audit_put(p, r->seq);
    p = audit_put(p, r->at);

    memcpy(p, r->actor, sizeof(r->actor));
    memcpy(p + sizeof(r->actor), r->object.b, sizeof(r->object.b));
}


expo_status_t
expo_audit_actor(uint8_t actor[EXPO_AUDIT_ACTOR], const expo_names_t *names,
                 const uint8_t tag[EXPO_TAG])
{
    unsigned len = EXPO_AUDIT_ACTOR;

    return HMAC(EVP_sha256(), names->actor, sizeof(names->actor), tag, EXPO_TAG,
                actor, &len) != NULL
               ? EXPO_OK
               : EXPO_NO_MEMORY;
}


expo_status_t
expo_audit_mac(expo_keys_t *keys, const expo_audit_end_t *end,
               const expo_audit_t *r, uint8_t mac[EXPO_AUDIT_MAC])
{
    uint8_t record[EXPO_AUDIT_RECORD];

    expo_audit_encode(record, r);

    return expo_keys_audit(keys, end->mac, record, sizeof(record), mac);
}


expo_status_t
expo_audit_follow(expo_keys_t *keys, expo_audit_end_t *end,
                  const expo_audit_t *r, const uint8_t mac[EXPO_AUDIT_MAC])
{
    uint8_t right[EXPO_AUDIT_MAC];
    expo_status_t st;

    if (r->seq != end->seq + 1) {
        return EXPO_CORRUPT;
    }

    st = expo_audit_mac(keys, end, r, right);
    if (st != EXPO_OK) {
        return st;
    }

    if (sodium_memcmp(mac, right, sizeof(right)) != 0) {
        return EXPO_CORRUPT;
    }

    end->seq = r->seq;
    memcpy(end->mac, mac, sizeof(end->mac));

    return EXPO_OK;
}


const char *
expo_audit_verb_text(expo_audit_verb_t verb)
{
    static const char *const texts[] = {
        [EXPO_AUDIT_SIGN_IN] = "sign-in",
        [EXPO_AUDIT_SCAN_ADD] = "scan-add",
        [EXPO_AUDIT_SCAN_CHANGE] = "scan-change",
        [EXPO_AUDIT_SCAN_DELETE] = "scan-delete",
        [EXPO_AUDIT_SCAN_LOOK] = "scan-look",
        [EXPO_AUDIT_SCAN_VIEW] = "scan-view",
        [EXPO_AUDIT_SCAN_EXPORT] = "scan-export",
        [EXPO_AUDIT_CONFIGURATION_ADD] = "configuration-add",
        [EXPO_AUDIT_CONFIGURATION_CHANGE] = "configuration-change",
        [EXPO_AUDIT_CONFIGURATION_DELETE] = "configuration-delete",
        [EXPO_AUDIT_SHARE_INVITE] = "share-invite",
        [EXPO_AUDIT_SHARE_UNINVITE] = "share-uninvite",
        [EXPO_AUDIT_SHARE_REDEEM] = "share-redeem",
        [EXPO_AUDIT_SHARE_CHANGE] = "share-change",
        [EXPO_AUDIT_SHARE_REVOKE] = "share-revoke",
        [EXPO_AUDIT_USER_ADD] = "user-add",
        [EXPO_AUDIT_USER_CHANGE] = "user-change",
        [EXPO_AUDIT_USER_DISABLE] = "user-disable",
        [EXPO_AUDIT_USER_ENABLE] = "user-enable",
        [EXPO_AUDIT_USER_DELETE] = "user-delete",
        [EXPO_AUDIT_USER_EXPORT] = "user-export",
        [EXPO_AUDIT_KEY_ROTATE] = "key-rotate",
        [EXPO_AUDIT_KEY_RECOVER] = "key-recover",
        [EXPO_AUDIT_RESTORE] = "restore",
    };

    if ((size_t) verb >= sizeof(texts) / sizeof(texts[0]) ||
        texts[verb] == NULL) {
        return "unknown";
    }

    return texts[verb];
}


const char *
expo_audit_outcome_text(expo_audit_outcome_t outcome)
{
    switch (outcome) {
    case EXPO_AUDIT_PERMITTED:
        return "permitted";
    case EXPO_AUDIT_REFUSED:
        return "refused";
    case EXPO_AUDIT_FAILED:
        return "failed";
    }

    return "unknown";
}


void
expo_audit_end_print(char dst[EXPO_AUDIT_END_TEXT], const expo_audit_end_t *end)
{
    int n;

    n = snprintf(dst, EXPO_AUDIT_END_TEXT,
                 "%llu:", (unsigned long long) end->seq);
    sodium_bin2hex(dst + n, EXPO_AUDIT_END_TEXT - (size_t) n, end->mac,
                   sizeof(end->mac));
}


expo_status_t
expo_audit_end_parse(expo_audit_end_t *end, const char *text)
{
    const char *hex = strchr(text, ':');
    char *last;
    size_t n;

    if (hex == NULL || text[0] < '0' || text[0] > '9') {
        return EXPO_INVALID;
    }

    end->seq = strtoull(text, &last, 10);
    hex++;

    if (last != hex - 1 || strlen(hex) != 2 * sizeof(end->mac) ||
        sodium_hex2bin(end->mac, sizeof(end->mac), hex, strlen(hex), NULL, &n,
                       NULL) != 0 ||
        n != sizeof(end->mac)) {
        return EXPO_INVALID;
    }

    return EXPO_OK;
}


static uint8_t *
audit_put(uint8_t *p, uint64_t value)
{
    for (int shift = 56; shift >= 0; shift -= 8) {
        *p++ = (uint8_t) (value >> shift);
    }

    return p;
}
