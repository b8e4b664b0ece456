/*
 * From what arrived to the files in it: a tar, a zip, either gzipped, or one
 * file that is none of them. Archives inside stay closed, but for one that is
 * alone in a tar: that is how a form sends it.
 */

#ifndef EXPO_IMPORT_UNPACK_H
#define EXPO_IMPORT_UNPACK_H

#include <stdint.h>

#include "render-worker/import/files.h"

#define UNPACK_FILES_MAX 200000

/* Beyond this a packed upload may not hold much more than it weighs: scans
 * become a third or a half, bombs a thousandth. */
#define UNPACK_FREE (256ull << 20)
#define UNPACK_RATIO 100

/*
 * files: empty. in: one of whatever kind, or n files, in which archives stay
 * closed; borrowed until unpack_release. room: bytes that it may become. What
 * is packed stays so until unpack_file asks for it.
 */
reason_t unpack_list(import_files_t *files, const import_input_t *in, size_t n,
                     uint64_t room);

/* One file, in any thread: afterwards f->entry is its bytes. */
reason_t unpack_file(import_file_t *f);

/* Frees every file of the list, and the list. */
void unpack_release(import_files_t *files);

#endif
