/*
 * The files of an upload by their paths: a volume's header may name the file
 * that its voxels are in. Names are looked at for that and nothing else.
 */

#ifndef EXPO_IMPORT_NAMES_H
#define EXPO_IMPORT_NAMES_H

#include <stddef.h>

#include "render-worker/import/files.h"

#define NAMES_PATH_MAX 1024

typedef struct {
    char *path;
    import_file_t *file;
} names_entry_t;

typedef struct {
    names_entry_t *entry; /* in order of their paths */
    size_t count;
} names_t;

/* files' list must stay as it is. 0: no memory, and nothing to close. */
int names_open(names_t *n, const import_files_t *files);
void names_close(names_t *n);

/* The file of this name in the folder of f, or NULL. */
import_file_t *names_beside(const names_t *n, const import_file_t *f,
                            const char *name);

/* Its path, with slashes; "": it has none, or a longer one. */
void names_path(char dst[NAMES_PATH_MAX], const import_file_t *f);

/* The last part of a path. */
const char *names_last(const char *path);

#endif
