/*
 * Stored pixels of many pictures to the voxels of one volume: rescaled picture
 * by picture, whole numbers kept exact, missing layers interpolated.
 */

#ifndef EXPO_IMPORT_ASSEMBLE_H
#define EXPO_IMPORT_ASSEMBLE_H

#include "lib/volume.h"
#include "render-worker/import/files.h"
#include "render-worker/import/import.h"

#define ASSEMBLE_HU_MIN (-1024.0)
#define ASSEMBLE_HU_MAX 32767.0

enum {
    ASSEMBLE_INVERTED = 1, /* MONOCHROME1 was turned over */
    ASSEMBLE_ROUNDED = 2,  /* values do not fit 16 bits exactly */
    ASSEMBLE_PADDING = 4,  /* padding was set to the smallest value */
    ASSEMBLE_COLOUR = 8,   /* colours became brightness */
    ASSEMBLE_TABLE = 16,   /* a modality LUT gave the values */
    ASSEMBLE_CLAMPED = 32, /* HU beyond their range were held in it */
    ASSEMBLE_LOSSY = 64    /* was compressed with loss before it came */
};

/* Fills low, high, whole and empty of a decoded picture. */
void assemble_measure(import_picture_t *p);

/*
 * The volume's header for a group whose pictures are decoded; notes: what of
 * the above it took.
 */
void assemble_header(expo_volume_t *v, uint32_t *notes,
                     const import_files_t *files, const expo_group_t *g);

/* Header and voxels to sink, layer by layer; 0: the sink stopped, the pool is
 * stuck or there is no memory. */
int assemble_write(const import_sink_t *sink, const expo_volume_t *v,
                   const import_files_t *files, const expo_group_t *g);

#endif
