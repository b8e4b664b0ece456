/*
 * Zip archives in memory, read by their central directory: what lies between
 * members is nobody's. Understood: stored and deflated members, zip64, sizes
 * behind the data. Nothing is ever written to a file system, so that a name is
 * only a name, whatever path it spells; an archive inside is just a member.
 * Source: PKWARE APPNOTE 6.3.10.
 */

#ifndef EXPO_ZIP_H
#define EXPO_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

typedef struct {
    const uint8_t *data; /* borrowed from the archive */
    uint64_t packed;     /* there are so many bytes at data */
    uint64_t bytes;      /* and so many when unpacked */
    uint32_t crc;
    int deflated;     /* 0: stored, packed == bytes */
    const char *name; /* borrowed, without an end; as it was written */
    uint16_t name_len;
} expo_zip_entry_t;

typedef struct {
    expo_zip_entry_t *entries; /* regular files, as the directory has them */
    size_t count;
    uint64_t bytes; /* of all, unpacked, as they say themselves */
} expo_zip_t;

typedef struct {
    size_t members; /* folders and links count */
    uint64_t bytes; /* unpacked, of all together */
} expo_zip_limits_t;

/*
 * Members that share a byte, with another or with the directory, make the
 * archive invalid: that is how a small file unpacks to a huge one.
 *
 * EXPO_TOO_LARGE: over limits. EXPO_DENIED: encrypted. EXPO_UNSUPPORTED: split,
 * or packed by another method. EXPO_CORRUPT: no directory at its end: cut off.
 * EXPO_INVALID: a directory that makes no sense. EXPO_NO_MEMORY.
 * Only EXPO_OK leaves something to close.
 */
expo_status_t expo_zip_open(expo_zip_t *z, const uint8_t *src, uint64_t len,
                            const expo_zip_limits_t *limits);

/*
 * Unpacks one member into its `bytes` bytes at dst, from any thread.
 * EXPO_CORRUPT: not what was packed; dst holds what there was.
 */
expo_status_t expo_zip_read(const expo_zip_entry_t *entry, uint8_t *dst);

void expo_zip_close(expo_zip_t *z);

#endif
