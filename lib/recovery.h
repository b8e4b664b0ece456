/*
 * The way back to a lost master secret: it is sealed to an organisation's key
 * pair whose private half lies on paper, away from every machine. Randomness
 * is libsodium's own.
 */

#ifndef EXPO_RECOVERY_H
#define EXPO_RECOVERY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define EXPO_RECOVERY_SEALED 80 /* the master secret, to be kept with backups  \
                                 */

/*
 * Both halves as text to be copied by hand: groups of four hexadecimal digits,
 * four lines of them, the last ones a checksum.
 */
#define EXPO_RECOVERY_TEXT 96

expo_status_t expo_recovery_pair(uint8_t pk[32], uint8_t sk[32]);

void expo_recovery_print(char dst[EXPO_RECOVERY_TEXT], const uint8_t key[32]);
/* Spaces, line ends and case do not count. EXPO_INVALID: too few or too many
 * digits. EXPO_CORRUPT: one of them is wrong. */
expo_status_t expo_recovery_parse(uint8_t key[32], const char *text,
                                  size_t len);

expo_status_t expo_recovery_seal(uint8_t sealed[EXPO_RECOVERY_SEALED],
                                 const uint8_t master[32],
                                 const uint8_t pk[32]);
/* EXPO_DENIED: it was sealed to another pair, or is damaged. */
expo_status_t expo_recovery_open(uint8_t master[32],
                                 const uint8_t sealed[EXPO_RECOVERY_SEALED],
                                 const uint8_t sk[32]);

#endif
