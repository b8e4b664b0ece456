/*
 * A scan under a new key: whoever ever had the old one has nothing more. All
 * is read, sealed anew beside the old, and takes its place in one transaction.
 * It takes as long as reading and writing the volume once, and as much disk.
 */

#ifndef EXPO_RENEW_H
#define EXPO_RENEW_H

#include "lib/keys.h"
#include "lib/store.h"

typedef struct {
    expo_store_t *store;
    expo_keys_t *keys;
    const expo_keys_user_t *user; /* the scan's owner */
    const uint8_t *tag;           /* the same one's */
    uint64_t now;                 /* Unix seconds */
    void (*random)(void *dst, size_t len);
} expo_renew_t;

/*
 * scan: a ready one, as its owner has just found it. EXPO_CONFLICT: it was
 * changed meanwhile, or is not ready. EXPO_CORRUPT: a part of it does not open.
 */
expo_status_t expo_renew_scan(const expo_renew_t *r, const expo_scan_t *scan);

#endif
