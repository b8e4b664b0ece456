#include "lib/recovery.h"

#include <string.h>

#include <sodium.h>

#define RECOVERY_CHECK 4 /* bytes of checksum */
#define RECOVERY_BYTES (32 + RECOVERY_CHECK)
#define RECOVERY_GROUP 4 /* digits */
#define RECOVERY_LINE 5  /* groups */

_Static_assert(EXPO_RECOVERY_SEALED == 32 + crypto_box_SEALBYTES,
               "a sealed box of 32 bytes");
_Static_assert(2 * RECOVERY_BYTES / RECOVERY_GROUP * (RECOVERY_GROUP + 1) + 1 <=
                   EXPO_RECOVERY_TEXT,
               "every group, what follows it, and a NUL");

static void recovery_check(uint8_t sum[RECOVERY_CHECK], const uint8_t key[32]);


expo_status_t
expo_recovery_pair(uint8_t pk[32], uint8_t sk[32])
{
    if (sodium_init() < 0) {
        return EXPO_IO;
    }

    crypto_box_keypair(pk, sk);

    return EXPO_OK;
}


void
expo_recovery_print(char dst[EXPO_RECOVERY_TEXT], const uint8_t key[32])
{
    uint8_t b[RECOVERY_BYTES];
    char hex[2 * RECOVERY_BYTES + 1];
    size_t n = 0;

    memcpy(b, key, 32);
    recovery_check(b + 32, key);
    sodium_bin2hex(hex, sizeof(hex), b, sizeof(b));

    for (size_t i = 0; i < 2 * RECOVERY_BYTES; i++) {
        dst[n++] = hex[i];

        if (i % RECOVERY_GROUP == RECOVERY_GROUP - 1) {
            size_t group = i / RECOVERY_GROUP + 1;

            dst[n++] = group % RECOVERY_LINE == 0 || i + 1 == 2 * RECOVERY_BYTES
                           ? '\n'
                           : ' ';
        }
    }
    dst[n] = '\0';

    sodium_memzero(b, sizeof(b));
    sodium_memzero(hex, sizeof(hex));
}


expo_status_t
expo_recovery_parse(uint8_t key[32], const char *text, size_t len)
{
    uint8_t b[RECOVERY_BYTES], sum[RECOVERY_CHECK];
    expo_status_t st = EXPO_OK;
    size_t n = 0;

    if (sodium_hex2bin(b, sizeof(b), text, len, " \t\r\n", &n, NULL) != 0 ||
        n != sizeof(b)) {
        st = EXPO_INVALID;

    } else {
        recovery_check(sum, b);
        if (memcmp(sum, b + 32, sizeof(sum)) != 0) {
            st = EXPO_CORRUPT;
        } else {
            memcpy(key, b, 32);
        }
    }

    sodium_memzero(b, sizeof(b));

    return st;
}


expo_status_t
expo_recovery_seal(uint8_t sealed[EXPO_RECOVERY_SEALED],
                   const uint8_t master[32], const uint8_t pk[32])
{
    if (sodium_init() < 0) {
        return EXPO_IO;
    }

    return crypto_box_seal(sealed, master, 32, pk) == 0 ? EXPO_OK
                                                        : EXPO_INVALID;
}


expo_status_t
expo_recovery_open(uint8_t master[32],
                   const uint8_t sealed[EXPO_RECOVERY_SEALED],
                   const uint8_t sk[32])
{
    uint8_t pk[32];

    if (sodium_init() < 0) {
        return EXPO_IO;
    }

    crypto_scalarmult_base(pk, sk);

    return crypto_box_seal_open(master, sealed, EXPO_RECOVERY_SEALED, pk, sk) ==
                   0
               ? EXPO_OK
               : EXPO_DENIED;
}


static void
recovery_check(uint8_t sum[RECOVERY_CHECK], const uint8_t key[32])
{
    static const uint8_t label[] = "erws/v1/recovery-key";
    crypto_generichash_state state;
    uint8_t hash[32];

    crypto_generichash_init(&state, NULL, 0, sizeof(hash));
    crypto_generichash_update(&state, label, sizeof(label) - 1);
    crypto_generichash_update(&state, key, 32);
    crypto_generichash_final(&state, hash, sizeof(hash));
    memcpy(sum, hash, RECOVERY_CHECK);
    sodium_memzero(&state, sizeof(state));
}
