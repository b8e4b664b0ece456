#include "render-worker/import/foreign.h"

#include <stdlib.h>
#include <string.h>

#include "lib/archive.h"
#include "lib/volume_file.h"
#include "render-worker/import/names.h"
#include "render-worker/import/read.h"

typedef struct {
    import_files_t *files;
    names_t names;
    size_t which;
    import_file_t *reading, *voxels; /* mostly the same file */
    import_foreign_t *kept;
} foreign_t;

static int foreign_is_gzip(const import_file_t *f);
static void foreign_keep(foreign_t *all, import_file_t *file);
static void foreign_take(foreign_t *all, import_foreign_t *f);
static expo_status_t foreign_beside(void *owner, const char *name,
                                    const uint8_t **data, size_t *len);
static void foreign_clean(import_foreign_t *f, const char *note);


reason_t
foreign_read(import_files_t *files, size_t which)
{
    foreign_t all = {.files = files, .which = which};
    size_t n = 0;

    for (size_t i = 0; i < files->count; i++) {
        n += files->file[i].volume != 0;
    }

    files->foreign = calloc(n + 1, sizeof *files->foreign);
    if (files->foreign == NULL || !names_open(&all.names, files)) {
        return REASON_TOO_LARGE;
    }

    /* What is gzipped may be the voxels that a header names: after those. */
    for (int gzipped = 0; gzipped < 2; gzipped++) {
        for (size_t i = 0; i < files->count; i++) {
            if (files->file[i].volume && !files->file[i].voxels &&
                foreign_is_gzip(&files->file[i]) == gzipped) {
                foreign_keep(&all, &files->file[i]);
            }
        }
    }

    names_close(&all.names);

    return REASON_NONE;
}


int
foreign_write(const import_sink_t *sink, const import_foreign_t *f)
{
    uint8_t header[EXPO_VOLUME_HEADER];

    expo_volume_write(header, &f->header);
    sink->progress(sink->data, "assembling", 0);

    return sink->volume(sink->data, header, sizeof header) &&
           sink->volume(sink->data, f->voxels,
                        2 * (size_t) expo_volume_voxels(&f->header));
}


void
foreign_release(import_files_t *files)
{
    for (size_t i = 0; i < files->foreigns; i++) {
        free(files->foreign[i].voxels);
    }

    free(files->foreign);
}


static int
foreign_is_gzip(const import_file_t *f)
{
    return expo_archive_kind(f->entry.data, f->entry.bytes) ==
           EXPO_ARCHIVE_GZIP;
}


/* Reads the next one; of two that could be kept, one gives its voxels back. */
static void
foreign_keep(foreign_t *all, import_file_t *file)
{
    import_files_t *files = all->files;
    import_foreign_t *f = &files->foreign[files->foreigns++], *less = f;

    f->file = file;
    foreign_take(all, f);

    if (f->voxels == NULL) {
        return;
    }

    if (all->which == IMPORT_CHOOSE
            ? all->kept == NULL || f->header.dims[2] > all->kept->header.dims[2]
            : all->which == files->foreigns - 1) {
        less = all->kept;
        all->kept = f;
    }

    if (less != NULL) {
        free(less->voxels);
        less->voxels = NULL;
    }
}


static void
foreign_take(foreign_t *all, import_foreign_t *f)
{
    char note[FOREIGN_NOTE], path[NAMES_PATH_MAX];
    expo_volume_file_t file = {.data = f->file->entry.data,
                               .len = f->file->entry.bytes,
                               .beside = foreign_beside,
                               .owner = all};

    names_path(path, f->file);
    file.name = path[0] != '\0' ? names_last(path) : NULL;
    all->reading = all->voxels = f->file;

    switch (expo_volume_file_read(&f->header, &f->voxels, &file, note,
                                  sizeof note)) {
    case EXPO_OK:
        f->reason = REASON_NONE;
        break;
    case EXPO_CORRUPT:
        f->reason = file_is_cut(all->reading) || file_is_cut(all->voxels)
                        ? REASON_TRUNCATED
                        : REASON_DAMAGED;
        break;
    case EXPO_TOO_LARGE:
    case EXPO_NO_MEMORY:
        f->reason = REASON_TOO_LARGE;
        break;
    default:
        f->reason = REASON_FOREIGN;
    }

    if (f->reason == REASON_NONE && (atomic_load(&all->reading->input->lost) ||
                                     atomic_load(&all->voxels->input->lost))) {
        f->reason = REASON_TRUNCATED;
    } else if (f->reason == REASON_NONE && f->header.dims[2] < 2) {
        f->reason = REASON_ONE_SLICE;
    }

    if (f->reason != REASON_NONE) {
        free(f->voxels);
        f->voxels = NULL;
    }

    foreign_clean(f, note);
}


/* For expo_volume_file_t: a file of the same upload. */
static expo_status_t
foreign_beside(void *owner, const char *name, const uint8_t **data, size_t *len)
{
    foreign_t *all = owner;
    import_file_t *f = names_beside(&all->names, all->reading, name);

    if (f == NULL) {
        return EXPO_NOT_FOUND;
    }

    f->voxels = 1;
    all->voxels = f;
    *data = f->entry.data;
    *len = f->entry.bytes;

    return f->damaged || f->reason == REASON_TOO_LARGE ? EXPO_CORRUPT : EXPO_OK;
}


/* Neither what a file calls its kind and unit nor what a reader quotes of it
 * may carry a name. */
static void
foreign_clean(import_foreign_t *f, const char *note)
{
    int quoted = 0;
    size_t n = 0;

    if (!read_is_modality(f->header.modality)) {
        memset(f->header.modality, 0, sizeof f->header.modality);
    }

    if (strcmp(f->header.unit, "HU") != 0) {
        memset(f->header.unit, 0, sizeof f->header.unit);
    }

    for (; *note != '\0' && n + 1 < sizeof f->note; note++) {
        quoted ^= *note == '"';
        if (!quoted || *note == '"') {
            f->note[n++] = *note;
        }
    }
}
