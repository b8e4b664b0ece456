#include "lib/trust.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    char *issuer, *audience;
    expo_jwks_t *keys; /* NULL: not known */
} trust_entry_t;

struct expo_trust_s {
    trust_entry_t entries[EXPO_TRUST_MAX];
    size_t count;
};


expo_status_t
expo_trust_open(expo_trust_t **out)
{
    *out = calloc(1, sizeof(**out));

    return *out != NULL ? EXPO_OK : EXPO_NO_MEMORY;
}


void
expo_trust_close(expo_trust_t *t)
{
    if (t == NULL) {
        return;
    }

    for (size_t i = 0; i < t->count; i++) {
        free(t->entries[i].issuer);
        free(t->entries[i].audience);
        expo_jwks_free(t->entries[i].keys);
    }

    free(t);
}


expo_status_t
expo_trust_add(expo_trust_t *t, const char *issuer, const char *audience,
               size_t *entry)
{
    trust_entry_t e = {0};

    if (issuer[0] == '\0' || audience[0] == '\0' ||
        strlen(issuer) >= EXPO_ISS_MAX) {
        return EXPO_INVALID;
    }

    if (expo_trust_find(t, issuer, entry) == EXPO_OK) {
        return EXPO_CONFLICT;
    }

    if (t->count == EXPO_TRUST_MAX) {
        return EXPO_FULL;
    }

    e.issuer = strdup(issuer);
    e.audience = strdup(audience);
    if (e.issuer == NULL || e.audience == NULL) {
        free(e.issuer);
        free(e.audience);
        return EXPO_NO_MEMORY;
    }

    *entry = t->count;
    t->entries[t->count++] = e;

    return EXPO_OK;
}


expo_status_t
expo_trust_find(const expo_trust_t *t, const char *issuer, size_t *entry)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->entries[i].issuer, issuer) == 0) {
            *entry = i;
            return EXPO_OK;
        }
    }

    return EXPO_NOT_FOUND;
}


void
expo_trust_keys(expo_trust_t *t, size_t entry, expo_jwks_t *keys)
{
    expo_jwks_free(t->entries[entry].keys);
    t->entries[entry].keys = keys;
}


expo_status_t
expo_trust_verify(const expo_trust_t *t, uint64_t now, const char *token,
                  size_t len, expo_claims_t *claims)
{
    expo_status_t st, answer = EXPO_NOT_FOUND;

    for (size_t i = 0; i < t->count; i++) {
        const trust_entry_t *e = &t->entries[i];

        if (e->keys == NULL) {
            continue;
        }

        st = expo_token_verify(e->keys, e->issuer, e->audience, now, token, len,
                               claims);

        /* Two issuers may use one name for a key, or share it. */
        if (st != EXPO_DENIED && st != EXPO_NOT_FOUND) {
            return st;
        }

        if (st == EXPO_DENIED) {
            answer = st;
        }
    }

    return answer;
}
