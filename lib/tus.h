/*
 * Values of tus headers. No I/O, no allocation.
 * Source: tus resumable upload protocol 1.0.0.
 */

#ifndef EXPO_TUS_H
#define EXPO_TUS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define EXPO_TUS_METADATA_MAX 4096 /* characters of Upload-Metadata */
#define EXPO_TUS_DIGEST_MAX 32

typedef enum { EXPO_TUS_SHA1, EXPO_TUS_SHA256 } expo_tus_algorithm_t;

typedef struct {
    expo_tus_algorithm_t algorithm;
    uint8_t digest[EXPO_TUS_DIGEST_MAX];
    size_t bytes; /* of the digest */
} expo_tus_checksum_t;

/*
 * An offset or a length: decimal digits and nothing else, below 2^63.
 * EXPO_INVALID: anything else.
 */
expo_status_t expo_tus_number(uint64_t *out, const char *text, size_t len);

/*
 * Whether this is an Upload-Metadata: pairs of a key and a base64 value, which
 * may be left out, between commas; no key twice. EXPO_INVALID, EXPO_TOO_LARGE.
 */
expo_status_t expo_tus_metadata_check(const char *text, size_t len);

/*
 * The value of a key, at most cap bytes of it; text has passed the check.
 * EXPO_NOT_FOUND: no such key. EXPO_TOO_LARGE: over cap.
 */
expo_status_t expo_tus_metadata_get(uint8_t *dst, size_t cap, size_t *bytes,
                                    const char *key, const char *text,
                                    size_t len);

/*
 * An Upload-Checksum. EXPO_UNSUPPORTED: another algorithm. EXPO_INVALID: no
 * digest of its length.
 */
expo_status_t expo_tus_checksum(expo_tus_checksum_t *out, const char *text,
                                size_t len);

#endif
