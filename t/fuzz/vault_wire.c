/*
 * A question to the vault made of anything is answered, and what is whole reads
 * back as it was; an answer made of anything does its reader no harm.
 */

#include "lib/vault_answer.c"
#include "lib/vault_wire.c"

#include <stdlib.h>

static expo_vault_t vault;


static uint64_t
no_time(void)
{
    return 1;
}

static void
no_chance(void *dst, size_t len)
{
    memset(dst, 4, len);
}

static void
question(const uint8_t *src, size_t len)
{
    static uint8_t answer[EXPO_VAULT_ANSWER], again[EXPO_VAULT_QUESTION];
    static expo_vault_message_t m;

    if (vault.now == NULL) {
        vault.now = no_time;
        vault.random = no_chance;
        expo_trust_open(&vault.trust);
        expo_vault_start(&vault, answer, 1);
    }

    if (expo_vault_answer(&vault, src, len, answer) == 0) {
        abort();
    }

    if (expo_vault_wire_asked(&m, src, len) == EXPO_OK &&
        (expo_vault_wire_ask(again, &m) != len ||
         memcmp(again, src, len) != 0)) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *src, size_t len)
{
    static expo_vault_message_t m;

    question(src, len);

    if (len > 0) {
        memset(&m, 0, sizeof(m));
        m.op = src[0];
        m.n = len > 2 ? src[2] : 0;
        expo_vault_wire_replied(&m, src + 1, len - 1);
    }

    return 0;
}
