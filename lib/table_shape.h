/*
 * Samples of a CT volume, about 1.6 mm apart in the plane of a slice and 4 mm
 * along the table: which are dense, which are the body's. Only for
 * lib/table.c and lib/table_part.c.
 */

#ifndef EXPO_TABLE_SHAPE_H
#define EXPO_TABLE_SHAPE_H

#include "lib/status.h"
#include "lib/volume.h"

/* Shells are thinner than twice this, what is left of a body is thicker. */
#define TABLE_SHELL_MM 5.0

/* What a table is at least: along its axis, and across. */
#define TABLE_LONG_MM 80.0
#define TABLE_WIDE_MM 100.0

/* Bits of a sample. */
enum {
    TABLE_DENSE = 1,
    TABLE_CORE = 2,   /* thick: the inside of a body */
    TABLE_BODY = 4,   /* close to that; a table that touches it may be, too */
    TABLE_COLUMN = 8, /* part of what is the same in all slices */
    TABLE_SEEN = 16,
    TABLE_HIDDEN = 32,
    TABLE_BULK = 64 /* core, and too much of it to be anything else */
};

typedef struct {
    int axis[3];      /* of the volume: two in the slice, one along the table */
    uint32_t step[3]; /* voxels a sample along these */
    uint32_t n[3];    /* samples; none is 0 */
    double mm[3];     /* between them */
    uint8_t *cell;    /* [n[2]][n[1]][n[0]] */
    uint32_t *stack;  /* scratch: room for those that are dense */
} table_shape_t;

/*
 * Samples v's voxels; `dense` is the least that is dense. EXPO_NOT_FOUND: too
 * small, too coarse or far too large for a table. Only EXPO_OK leaves something
 * to close.
 */
expo_status_t table_shape_open(table_shape_t *s, const expo_volume_t *v,
                               const uint16_t *voxels, uint16_t dense);
void table_shape_close(table_shape_t *s);

/*
 * Marks as seen, and lists in s->stack, all samples that hang together with
 * start, each with the bits `value` of `mask`; TABLE_SEEN is of mask and not of
 * value. How many.
 */
size_t table_shape_flood(table_shape_t *s, uint32_t start, int mask, int value);

/* lib/table_part.c: marks as hidden what is the table's. EXPO_NOT_FOUND. */
expo_status_t table_part_find(table_shape_t *s);

#endif
