/*
 * What exposure-vault answers: the bytes of a question to the bytes of the
 * answer (lib/vault_wire.h). Between two questions only other issuers' keys are
 * kept. Time and randomness
 * are passed in. Who asks is known from the token alone, judged here anew.
 */

#ifndef EXPO_VAULT_ANSWER_H
#define EXPO_VAULT_ANSWER_H

#include "lib/trust.h"
#include "lib/vault.h"
#include "lib/vault_wire.h"

/* A master secret, and what follows from it. */
typedef struct {
    uint8_t master[32];
    uint8_t lease[32];
    expo_names_t names;
} expo_vault_secret_t;

/*
 * Everything that is secret here lies in the struct itself, so that its owner
 * can lock and wipe it; but pem, which is the owner's, as is trust.
 */
typedef struct expo_vault_s {
    expo_vault_secret_t secrets[EXPO_MASTERS]; /* newest first */
    size_t nsecrets;
    uint8_t audit[32];
    uint32_t master_no;
    char protection[16];
    uint8_t instance[8];

    expo_trust_t *trust; /* whose tokens are believed */
    uint32_t fed;        /* bit n: entry n gets its keys from who asks */
    uint32_t told;       /* and has got some */

    /* the built-in issuer; pem NULL: there is none */
    const char *pem;
    size_t pem_bytes;
    const char *jwks;
    const char *issuer;
    const char *audience;

    uint64_t (*now)(void); /* Unix seconds */
    void (*random)(void *dst, size_t len);
} expo_vault_t;

/* Sets what follows from the newest master secret. */
expo_status_t expo_vault_start(expo_vault_t *v, const uint8_t master[32],
                               uint32_t master_no);
/*
 * Then from each former one: what was made with it is moved, redeemed or gone
 * on with, and nothing new is made. EXPO_FULL: EXPO_FORMER_MAX.
 */
expo_status_t expo_vault_former(expo_vault_t *v, const uint8_t master[32]);
/* Both, from what expo_vault_masters_load has given. */
expo_status_t expo_vault_start_all(expo_vault_t *v,
                                   const expo_master_t *masters, size_t n);

/* Any bytes are answered. Returns the answer's length, 1 or more. */
size_t expo_vault_answer(expo_vault_t *v, const uint8_t *question, size_t len,
                         uint8_t answer[EXPO_VAULT_ANSWER]);

#endif
