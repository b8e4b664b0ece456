/*
 * All that the service has of one person, for themselves (GDPR 15 and 20): a
 * JSON object, and the keys of the volumes that go with it. Blocks.
 */

#ifndef EXPO_TAKEOUT_H
#define EXPO_TAKEOUT_H

#include <jansson.h>

#include "lib/keys.h"
#include "lib/store.h"

/* Who asks, and where they are kept. */
typedef struct {
    expo_store_t *store;
    expo_keys_t *keys;
    const expo_names_t *names;
    const char *token; /* raw */
    size_t token_bytes;
    const uint8_t *tag; /* EXPO_TAG bytes */
    uint64_t now;
} expo_takeout_t;

/* A scan of theirs, ready; the lease outlives the token. */
typedef struct {
    expo_id_t scan;
    expo_lease_t lease;
} expo_takeout_volume_t;

/*
 * Their row, scans with what is known of each, configurations and permissions,
 * and the audit's lines about what they did. What is damaged is said to be, and
 * keeps nobody from the rest. *json and *volumes are the caller's.
 */
expo_status_t expo_takeout(const expo_takeout_t *t, json_t **json,
                           expo_takeout_volume_t **volumes, size_t *count);

#endif
