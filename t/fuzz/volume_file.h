/* What the targets of the volume readers share. */

#ifndef FUZZ_VOLUME_FILE_H
#define FUZZ_VOLUME_FILE_H

#include <stdlib.h>
#include <string.h>

#include "lib/volume_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *src, size_t len);

/* The file beside has the same bytes. */
static expo_status_t
beside(void *owner, const char *name, const uint8_t **data, size_t *len)
{
    const expo_volume_file_t *file = owner;

    if (name[0] == '\0' || strchr(name, '/') != NULL) {
        abort();
    }

    *data = file->data;
    *len = file->len;

    return EXPO_OK;
}

static int
reads(expo_status_t (*reader)(expo_volume_t *, uint16_t **,
                              const expo_volume_file_t *, char *, size_t),
      const uint8_t *src, size_t len)
{
    uint32_t factor;
    expo_volume_file_t file = {src, len, "x.hdr", beside, &file,
                               len % 2 ? 100 : 0, &factor};
    uint8_t header[EXPO_VOLUME_HEADER];
    uint16_t *voxels = NULL;
    expo_volume_t v, again;
    char note[120] = "";
    uint64_t i, n;

    if (reader(&v, &voxels, &file, note, sizeof(note)) != EXPO_OK) {
        if (note[0] == '\0') {
            abort();
        }

        return 0;
    }

    n = expo_volume_voxels(&v);
    expo_volume_write(header, &v);

    if (expo_volume_read(&again, header, EXPO_VOLUME_HEADER + 2 * n) !=
        EXPO_OK) {
        abort();
    }

    for (i = 0; i < n; i++) {
        if (voxels[i] < v.voxel_min || voxels[i] > v.voxel_max) {
            abort();
        }
    }

    free(voxels);

    return 0;
}

#endif
