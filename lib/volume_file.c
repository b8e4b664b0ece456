#include "lib/volume_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/metaimage_read.h"
#include "lib/nifti_read.h"
#include "lib/nrrd_read.h"
#include "lib/volume_scale.h"


expo_status_t
expo_volume_file_read(expo_volume_t *v, uint16_t **voxels,
                      const expo_volume_file_t *file, char *note,
                      size_t note_bytes)
{
    if (expo_nrrd_is(file->data, file->len)) {
        return expo_nrrd_read(v, voxels, file, note, note_bytes);
    }

    if (expo_nifti_is(file->data, file->len)) {
        return expo_nifti_read(v, voxels, file, note, note_bytes);
    }

    if (expo_metaimage_is(file->data, file->len)) {
        return expo_metaimage_read(v, voxels, file, note, note_bytes);
    }

    return expo_volume_file_refuse(note, note_bytes, EXPO_INVALID,
                                   "this is no volume: neither NRRD, "
                                   "MetaImage nor NIfTI");
}


expo_status_t
expo_volume_file_take(expo_volume_t *v, uint16_t **voxels,
                      const expo_volume_file_t *file, expo_numbers_t *n,
                      const char *format, char *note, size_t note_bytes)
{
    expo_status_t st;

    v->scale = 1;
    st = expo_volume_check(v);

    if (st == EXPO_TOO_LARGE) {
        return expo_volume_file_refuse(note, note_bytes, st,
                                       "the %s volume of %u x %u x %u voxels "
                                       "is larger than can be shown",
                                       format, v->dims[0], v->dims[1],
                                       v->dims[2]);
    }

    if (st != EXPO_OK) {
        return expo_volume_file_refuse(note, note_bytes, st,
                                       "the sizes or directions in the %s file "
                                       "make no volume",
                                       format);
    }

    if (file->most_voxels > 0) {
        n->factor = expo_volume_scale_factor(v, file->most_voxels);
        *file->factor = n->factor;
    }

    st = file->most_voxels > 0 && n->factor == 0
             ? EXPO_NO_MEMORY
             : expo_voxels_take(v, voxels, n);

    if (st == EXPO_CORRUPT) {
        return expo_volume_file_refuse(note, note_bytes, st,
                                       n->deflated
                                           ? "the compressed voxels of the %s "
                                             "file are damaged or end early"
                                           : "the %s file ends before its last "
                                             "voxel",
                                       format);
    }

    if (st != EXPO_OK) {
        return expo_volume_file_refuse(note, note_bytes, st,
                                       "not enough memory for the volume");
    }

    /* An absurd slope may still make no volume of good numbers. */
    st = expo_volume_check(v);

    if (st != EXPO_OK) {
        free(*voxels);
        *voxels = NULL;
        return expo_volume_file_refuse(note, note_bytes, st,
                                       "the values in the %s file are too "
                                       "large to be told apart",
                                       format);
    }

    return EXPO_OK;
}


expo_status_t
expo_volume_file_refuse(char *note, size_t note_bytes, expo_status_t st,
                        const char *why, ...)
{
    va_list args;

    va_start(args, why);
    vsnprintf(note, note_bytes, why, args);
    va_end(args);

    for (; *note != '\0'; note++) {
        if (*note < 0x20 || *note > 0x7e) {
            *note = '?';
        }
    }

    return st;
}


expo_status_t
expo_volume_file_beside(const expo_volume_file_t *file, const char *name,
                        const uint8_t **data, size_t *len, char *note,
                        size_t note_bytes)
{
    expo_status_t st = EXPO_NOT_FOUND;

    if (file->beside != NULL &&
        (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL ||
         strchr(name, '\\') != NULL)) {
        return expo_volume_file_refuse(note, note_bytes, EXPO_UNSUPPORTED,
                                       "the voxels' file \"%.60s\" is not in "
                                       "the same folder",
                                       name);
    }

    if (file->beside != NULL) {
        st = file->beside(file->owner, name, data, len);
    }

    if (st == EXPO_NOT_FOUND) {
        return expo_volume_file_refuse(
            note, note_bytes, EXPO_UNSUPPORTED,
            "the voxels lie in another file, "
            "\"%.60s\"%s",
            name, file->beside ? ", which is not there" : "");
    }

    if (st != EXPO_OK) {
        return expo_volume_file_refuse(note, note_bytes, EXPO_CORRUPT,
                                       "the voxels' file \"%.60s\" cannot be "
                                       "read",
                                       name);
    }

    return EXPO_OK;
}


int
expo_volume_file_line(const expo_volume_file_t *file, size_t *at, char *line,
                      size_t cap)
{
    const uint8_t *start = file->data + *at, *end;
    size_t len;

    end = *at < file->len ? memchr(start, '\n', file->len - *at) : NULL;

    if (end == NULL) {
        return 0;
    }

    *at += (size_t) (end - start) + 1;
    len = (size_t) (end - start) < cap ? (size_t) (end - start) : cap - 1;
    memcpy(line, start, len);
    line[len] = '\0';
    line[strcspn(line, "\r")] = '\0';

    return 1;
}


int
expo_volume_file_sizes(uint32_t dims[3], const char *value)
{
    unsigned long long n;
    char *end;
    int i;

    for (i = 0; i < 3; i++) {
        value += strspn(value, " \t");
        n = strtoull(value, &end, 10);

        if (*value < '0' || *value > '9' || n > UINT32_MAX) {
            return 0;
        }

        dims[i] = (uint32_t) n;
        value = end;
    }

    return *value == '\0';
}


int
expo_volume_file_name(char name[EXPO_VOLUME_FILE_NAME_MAX], const char *value)
{
    if (strncmp(value, "LIST", 4) == 0 || strchr(value, '%') != NULL) {
        return 0;
    }

    if (strncmp(value, "./", 2) == 0) {
        value += 2;
    }

    return value[0] != '\0' && snprintf(name, EXPO_VOLUME_FILE_NAME_MAX, "%s",
                                        value) < EXPO_VOLUME_FILE_NAME_MAX;
}


int
expo_volume_file_last(expo_numbers_t *n, const expo_volume_t *v)
{
    uint64_t wanted = expo_volume_voxels(v) * expo_number_bytes(n->type);

    if (n->deflated || n->len < wanted) {
        return 0;
    }

    n->skip = n->len - wanted;

    return 1;
}
