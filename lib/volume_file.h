/*
 * Volumes as other programs write them, in memory: NRRD, MetaImage, NIfTI.
 * Each reader is a file of its own; this one knows them apart.
 */

#ifndef EXPO_VOLUME_FILE_H
#define EXPO_VOLUME_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"
#include "lib/volume.h"
#include "lib/voxels.h"

#define EXPO_VOLUME_FILE_NAME_MAX 256

typedef struct {
    const uint8_t *data; /* the whole file */
    size_t len;
    const char *name; /* its own, without folders; NULL: not known */

    /*
     * Another file that this one names for its voxels, in the same folder; its
     * bytes stay until the reader has returned. EXPO_NOT_FOUND: there is none;
     * anything else but EXPO_OK: it cannot be read. NULL: no other file can be
     * had.
     */
    expo_status_t (*beside)(void *owner, const char *name, const uint8_t **data,
                            size_t *len);
    void *owner;

    /*
     * When there are more voxels than this, *factor becomes what they are
     * scaled by (lib/volume_scale.h), else 1. 0: any number, and factor may be
     * NULL.
     */
    uint64_t most_voxels;
    uint32_t *factor;
} expo_volume_file_t;

/*
 * *voxels is malloc'd, [nz][ny][nx].
 *
 * EXPO_INVALID: no volume, or a field that makes no sense. EXPO_UNSUPPORTED: of
 * a kind that is not read. EXPO_TOO_LARGE. EXPO_CORRUPT: data that end early or
 * are damaged. EXPO_NO_MEMORY.
 *
 * note: one sentence: why not, or with EXPO_OK what was left out; else "".
 */
expo_status_t expo_volume_file_read(expo_volume_t *v, uint16_t **voxels,
                                    const expo_volume_file_t *file, char *note,
                                    size_t note_bytes);

/* --- for the readers ------------------------------------------------------ */

/*
 * The last step of each: checks v's geometry, takes n's numbers, and says in
 * note what is wrong; format: "NRRD".
 */
expo_status_t expo_volume_file_take(expo_volume_t *v, uint16_t **voxels,
                                    const expo_volume_file_t *file,
                                    expo_numbers_t *n, const char *format,
                                    char *note, size_t note_bytes);

/* Writes note, printable whatever a file put into it; returns st. */
expo_status_t expo_volume_file_refuse(char *note, size_t note_bytes,
                                      expo_status_t st, const char *why, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * The bytes of the file `name`, or a refusal with its sentence. Only plain
 * names: a hostile file must not reach out of its folder.
 */
expo_status_t expo_volume_file_beside(const expo_volume_file_t *file,
                                      const char *name, const uint8_t **data,
                                      size_t *len, char *note,
                                      size_t note_bytes);

/* The next line of a text header from *at, without its end; 0: none. Moves *at
 * behind it. A longer one than cap is cut: no field that is read is. */
int expo_volume_file_line(const expo_volume_file_t *file, size_t *at,
                          char *line, size_t cap);

/* Three whole numbers and nothing else; 0: they are not. */
int expo_volume_file_sizes(uint32_t dims[3], const char *value);

/* One file's name as a header gives it; 0: lists and numbered files, which are
 * not read, or none. */
int expo_volume_file_name(char name[EXPO_VOLUME_FILE_NAME_MAX],
                          const char *value);

/* Skips all of n's data but v's voxels at their end; 0: they are too short, or
 * deflated. */
int expo_volume_file_last(expo_numbers_t *n, const expo_volume_t *v);

#endif
