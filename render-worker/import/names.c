#include "render-worker/import/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int names_compare(const void *a, const void *b);


int
names_open(names_t *n, const import_files_t *files)
{
    char path[NAMES_PATH_MAX];
    names_entry_t *e;

    *n = (names_t){calloc(files->count + 1, sizeof *n->entry), 0};

    for (size_t i = 0; n->entry != NULL && i < files->count; i++) {
        names_path(path, &files->file[i]);

        if (path[0] != '\0') {
            e = &n->entry[n->count++];
            e->file = &files->file[i];
            e->path = strdup(path);

            if (e->path == NULL) {
                names_close(n);
                return 0;
            }
        }
    }

    if (n->entry == NULL) {
        return 0;
    }

    qsort(n->entry, n->count, sizeof *n->entry, names_compare);
    return 1;
}


void
names_close(names_t *n)
{
    for (size_t i = 0; i < n->count; i++) {
        free(n->entry[i].path);
    }

    free(n->entry);
    *n = (names_t){0};
}


import_file_t *
names_beside(const names_t *n, const import_file_t *f, const char *name)
{
    char own[NAMES_PATH_MAX], path[NAMES_PATH_MAX];
    const names_entry_t wanted = {.path = path}, *found;
    int len;

    names_path(own, f);
    len = snprintf(path, sizeof path, "%.*s%s", (int) (names_last(own) - own),
                   own, name);

    if (len >= (int) sizeof path) {
        return NULL;
    }

    found =
        bsearch(&wanted, n->entry, n->count, sizeof *n->entry, names_compare);

    return found != NULL && found->file != f ? found->file : NULL;
}


/* Zips of other systems have backslashes, tars of a folder "./". */
void
names_path(char dst[NAMES_PATH_MAX], const import_file_t *f)
{
    const expo_tar_entry_t *e = &f->entry;
    int n = 0, skip;

    if (f->packed != NULL) {
        n = snprintf(dst, NAMES_PATH_MAX, "%.*s", (int) f->packed->name_len,
                     f->packed->name);

    } else if (e->name != NULL) {
        n = snprintf(dst, NAMES_PATH_MAX, "%.*s%s%.*s", (int) e->folder_len,
                     e->folder, e->folder_len ? "/" : "", (int) e->name_len,
                     e->name);

    } else if (f->input->path != NULL) {
        n = snprintf(dst, NAMES_PATH_MAX, "%s", f->input->path);
    }

    if (n <= 0 || n >= NAMES_PATH_MAX) {
        dst[0] = '\0';
        return;
    }

    for (char *p = dst; *p != '\0'; p++) {
        *p = *p == '\\' ? '/' : *p;
    }

    skip = strncmp(dst, "./", 2) == 0 ? 2 : 0;
    memmove(dst, dst + skip, strlen(dst + skip) + 1);
}


const char *
names_last(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}


static int
names_compare(const void *a, const void *b)
{
    return strcmp(((const names_entry_t *) a)->path,
                  ((const names_entry_t *) b)->path);
}
