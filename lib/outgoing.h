/*
 * What leaves for its owner, piece by piece: one scan's volume as a file of
 * another format, or a tar of everything. A piece is at most a chunk of the
 * sealed volume, converted; nothing is ever written to a disk. Blocks.
 */

#ifndef EXPO_OUTGOING_H
#define EXPO_OUTGOING_H

#include "lib/export.h"
#include "lib/takeout.h"

typedef enum {
    EXPO_OUTGOING_TEXT,   /* of an archive: export.json */
    EXPO_OUTGOING_VOLUME, /* the next one is opened */
    EXPO_OUTGOING_CHUNKS,
    EXPO_OUTGOING_END, /* of an archive */
    EXPO_OUTGOING_OVER
} expo_outgoing_state_t;

typedef struct {
    expo_store_t *store; /* both are the caller's */
    expo_keys_t *keys;

    expo_outgoing_state_t state;
    int archive;
    expo_export_format_t format;
    int gzip;

    char *text; /* and volumes: its own */
    expo_takeout_volume_t *volumes;
    size_t count, next;

    int fd; /* of the volume that is being sent */
    expo_blob_t blob;
    expo_export_t export;
    uint64_t chunk, chunks, plain;

    uint8_t *in, *out;
    size_t in_bytes, out_bytes;
} expo_outgoing_t;

/* Opens the scan's volume; EXPO_NOT_FOUND: it has none. */
expo_status_t expo_outgoing_volume(expo_outgoing_t *o, expo_store_t *store,
                                   expo_keys_t *keys,
                                   const expo_takeout_volume_t *volume,
                                   expo_export_format_t format, int gzip);

/*
 * export.json, then scans/<id>.nii. volumes: malloc'd, taken over if EXPO_OK. A
 * volume that does not open is left out.
 */
expo_status_t expo_outgoing_archive(expo_outgoing_t *o, expo_store_t *store,
                                    expo_keys_t *keys, const json_t *json,
                                    expo_takeout_volume_t *volumes,
                                    size_t count);

/* Bytes of all of it; 0: not known before it is over. */
uint64_t expo_outgoing_bytes(const expo_outgoing_t *o);

/*
 * The next piece, good until the next call. EXPO_NOT_FOUND: that was all. After
 * EXPO_CORRUPT what has been sent is worth nothing.
 */
expo_status_t expo_outgoing_next(expo_outgoing_t *o, uint8_t **piece,
                                 size_t *len);

/* Wipes what it held. */
void expo_outgoing_close(expo_outgoing_t *o);

#endif
