/*
 * What exposure-vault reads before anybody may ask: the master secret, the
 * signing key, the issuers to be believed. Errors are one sentence.
 */

#ifndef EXPOSURE_VAULT_LOAD_H
#define EXPOSURE_VAULT_LOAD_H

#include <stddef.h>

#include "lib/vault_answer.h"

#define LOAD_ERROR 512

typedef struct {
    const char *master; /* files */
    const char *signing_key;
    const char *issuer; /* of the built-in issuer */
    const char *audience;
    const char *trust[EXPO_TRUST_MAX]; /* 'ISSUER AUDIENCE FILE|nginx' */
    size_t trusts;
    const char *data;
    int key_beside_data;
} load_options_t;

/*
 * Fills *v, in locked memory that no dump shows, for as long as the process
 * lives. -1: error says why.
 */
int load_vault(expo_vault_t **v, const load_options_t *o,
               char error[LOAD_ERROR]);

#endif
