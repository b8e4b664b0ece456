#include "lib/recovery.c"
#include "t/unit/check.h"

static void
what_is_sealed_opens_with_the_private_half_only(void)
{
    uint8_t pk[32], sk[32], other_pk[32], other[32], master[32], again[32];
    uint8_t sealed[EXPO_RECOVERY_SEALED];
    int opened = 0;

    check(expo_recovery_pair(pk, sk) == EXPO_OK);
    check(expo_recovery_pair(other_pk, other) == EXPO_OK);
    randombytes_buf(master, sizeof(master));

    check(expo_recovery_seal(sealed, master, pk) == EXPO_OK);
    check(expo_recovery_open(again, sealed, sk) == EXPO_OK &&
          memcmp(master, again, 32) == 0);
    check(expo_recovery_open(again, sealed, other) == EXPO_DENIED);

    for (size_t i = 0; i < 8 * sizeof(sealed); i++) {
        sealed[i / 8] ^= (uint8_t) (1 << i % 8);
        opened += expo_recovery_open(again, sealed, sk) == EXPO_OK;
        sealed[i / 8] ^= (uint8_t) (1 << i % 8);
    }
    /* The top bit of an X25519 key is not looked at. */
    check(opened <= 1);
}

static void
a_key_is_copied_by_hand(void)
{
    char text[EXPO_RECOVERY_TEXT], wrong[EXPO_RECOVERY_TEXT];
    uint8_t pk[32], sk[32], again[32];
    size_t len;
    int taken = 0;

    check(expo_recovery_pair(pk, sk) == EXPO_OK);
    expo_recovery_print(text, sk);
    len = strlen(text);
    check(len == 90 && text[4] == ' ' && text[24] == '\n' && text[89] == '\n');

    check(expo_recovery_parse(again, text, len) == EXPO_OK &&
          memcmp(sk, again, 32) == 0);
    for (size_t i = 0; i < len; i++) {
        wrong[i] = text[i] == ' '   ? '\t'
                   : text[i] >= 'a' ? (char) (text[i] - 32)
                                    : text[i];
    }
    check(expo_recovery_parse(again, wrong, len) == EXPO_OK);

    memcpy(wrong, text, len);
    for (size_t i = 0; i < len; i++) {
        if (text[i] > ' ') {
            wrong[i] = text[i] == '7' ? '1' : '7';
            taken += expo_recovery_parse(again, wrong, len) != EXPO_CORRUPT;
            wrong[i] = text[i];
        }
    }
    check(taken == 0);

    check(expo_recovery_parse(again, text, len - 2) == EXPO_INVALID);
    check(expo_recovery_parse(again, text, 0) == EXPO_INVALID);
    wrong[0] = 'x';
    check(expo_recovery_parse(again, wrong, len) == EXPO_INVALID);
}

int
main(void)
{
    what_is_sealed_opens_with_the_private_half_only();
    a_key_is_copied_by_hand();

    return done();
}
