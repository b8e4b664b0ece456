#include "render-worker/import/foreign.h"

#include <stdlib.h>
#include <string.h>

#include "lib/volume_file.h"
#include "render-worker/import/read.h"

static void foreign_take(import_foreign_t *f);
static void foreign_clean(import_foreign_t *f, const char *note);


reason_t
foreign_read(import_files_t *files, size_t which)
{
    import_foreign_t *f, *kept = NULL;
    size_t n = 0;

    for (size_t i = 0; i < files->count; i++) {
        n += files->file[i].volume != 0;
    }

    files->foreign = calloc(n + 1, sizeof *files->foreign);
    if (files->foreign == NULL) {
        return REASON_TOO_LARGE;
    }

    for (size_t i = 0; i < files->count; i++) {
        if (!files->file[i].volume) {
            continue;
        }

        f = &files->foreign[files->foreigns++];
        f->file = &files->file[i];
        foreign_take(f);

        if (f->voxels == NULL) {
            continue;
        }

        if (which == IMPORT_CHOOSE
                ? kept == NULL || f->header.dims[2] > kept->header.dims[2]
                : which == files->foreigns - 1) {
            if (kept != NULL) {
                free(kept->voxels);
                kept->voxels = NULL;
            }
            kept = f;

        } else {
            free(f->voxels);
            f->voxels = NULL;
        }
    }

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


static void
foreign_take(import_foreign_t *f)
{
    const expo_volume_file_t file = {.data = f->file->entry.data,
                                     .len = f->file->entry.bytes};
    char note[FOREIGN_NOTE];

    switch (expo_volume_file_read(&f->header, &f->voxels, &file, note,
                                  sizeof note)) {
    case EXPO_OK:
        f->reason = REASON_NONE;
        break;
    case EXPO_CORRUPT:
        f->reason = file_is_cut(f->file) ? REASON_TRUNCATED : REASON_DAMAGED;
        break;
    case EXPO_TOO_LARGE:
    case EXPO_NO_MEMORY:
        f->reason = REASON_TOO_LARGE;
        break;
    default:
        f->reason = REASON_FOREIGN;
    }

    if (f->reason == REASON_NONE && atomic_load(&f->file->input->lost)) {
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
