/*
 * The bytes that an import looks at. Files are mapped as they lie, before the
 * sandbox closes: nothing is copied, and no descriptor stays. What of a file
 * cannot be had when it is looked at (it was cut short meanwhile, or the disc
 * has a scratch there) reads as zeros, and `lost` says so.
 */

#ifndef EXPO_IMPORT_INPUT_H
#define EXPO_IMPORT_INPUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *path; /* NULL: not told */
    const uint8_t *data;
    uint64_t bytes;
    atomic_bool lost;
} import_input_t;

/*
 * Regular files; one that cannot be opened is left out. Of those that are more
 * than `most` bytes together only the size is told. *in is malloc'd, and stays
 * with its mappings until the process ends; paths are borrowed. Once a process.
 * Returns how many there are; 0 with *in NULL: no memory.
 */
size_t input_map(import_input_t **in, char *const *paths, size_t count,
                 uint64_t most);

/* The same of one open file; 0: it is none, or there is no memory. */
int input_body(import_input_t **in, int fd, uint64_t most);

#endif
