/*
 * Tar archives in memory: reading what other programs wrote, and the headers
 * of our own. A name is only a name, whatever path it spells.
 * Understood: V7, ustar, GNU long names and sizes, pax `size`, `path`.
 * Source: POSIX.1-2017, pax; GNU tar manual, «Basic tar format».
 */

#ifndef EXPO_TAR_H
#define EXPO_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define EXPO_TAR_BLOCK 512

typedef struct {
    const uint8_t *data; /* borrowed from the archive */
    uint64_t bytes;      /* there are so many at data */
    int cut;             /* the archive ended before the file did */

    /* folder, a slash unless it is empty, and name: borrowed, without an end */
    const char *folder, *name;
    size_t folder_len, name_len;
} expo_tar_entry_t;

/*
 * The next regular file at or after *at; *at moves behind it. Start with 0.
 * Everything that is not a regular file (folder, link, device) is passed over.
 *
 * EXPO_NOT_FOUND: the end, marked or not. EXPO_INVALID: not a header.
 */
expo_status_t expo_tar_next(const uint8_t *src, uint64_t len, uint64_t *at,
                            expo_tar_entry_t *entry);

#define EXPO_TAR_NAME_MAX 99 /* bytes of a name in a header of ours */

/* A ustar header of a regular file, mode 0600. */
void expo_tar_header(uint8_t dst[EXPO_TAR_BLOCK], const char *name,
                     uint64_t bytes);

/* Zero bytes that follow `bytes` of data, 0..511. */
size_t expo_tar_padding(uint64_t bytes);

#endif
