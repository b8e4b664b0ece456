/*
 * From a heap of pictures to a volume: which pictures belong together, in
 * which order, how far apart, and what is wrong with them. Pure arithmetic on
 * headers; pixels never come here. Only ImagePositionPatient decides where a
 * picture lies: not its number, not its file name, not its thickness.
 * Source: DICOM PS3.3 C.7.6.2; the import recipe of the requirements.
 */

#ifndef EXPO_SERIES_H
#define EXPO_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define EXPO_SERIES_SLICES_MAX 32768
#define EXPO_SERIES_TIMES 4

enum {
    EXPO_SLICE_SPACING = 1,     /* spacing_mm is there */
    EXPO_SLICE_POSITION = 2,    /* position is there */
    EXPO_SLICE_ORIENTATION = 4, /* along_row, along_column are there */
    EXPO_SLICE_LOCALIZER = 8    /* ImageType calls it a localizer */
};

/* One picture. Hashes: any 64-bit hash of the UID's text, 0 for none. */
typedef struct {
    uint64_t series;
    uint64_t instance;
    uint64_t frame;  /* of reference */
    uint64_t person; /* whose picture it is */
    uint64_t kind;   /* all else that sets pictures of a series apart */
    uint32_t rows, cols;
    double spacing_mm[2];   /* between columns, between rows */
    double position[3];     /* centre of the first pixel, LPS mm */
    double along_row[3];    /* direction in which the column index grows */
    double along_column[3]; /* direction in which the row index grows */
    double step_mm; /* what the header claims, 0: nothing; last resort */
    double time[EXPO_SERIES_TIMES]; /* dearest first; NAN where unknown */
    int32_t number;                 /* InstanceNumber */
    uint32_t flags;
} expo_slice_t;

typedef enum {
    EXPO_DROP_NONE = 0,
    EXPO_DROP_ONE_SLICE,   /* all its pictures lie at one place */
    EXPO_DROP_LOCALIZER,   /* an overview for planning */
    EXPO_DROP_NO_GEOMETRY, /* nothing says where its pictures lie */
    EXPO_DROP_SCATTERED, /* no stack: steeper than 45 degrees, or torn apart */
    EXPO_DROP_TOO_LARGE  /* over the limits of lib/volume.h */
} expo_drop_t;

enum {
    EXPO_WARN_MISSING = 1,   /* layers were interpolated between neighbours */
    EXPO_WARN_IRREGULAR = 2, /* resampled to the median distance */
    EXPO_WARN_TILT = 4, /* sheared: the affine says so, nothing resampled */
    EXPO_WARN_DUPLICATES = 8,   /* same place twice: one was kept */
    EXPO_WARN_TIMES = 16,       /* one of several time points */
    EXPO_WARN_NO_POSITION = 32, /* placed by number and claimed distance */
    EXPO_WARN_SHIFTED = 64,   /* pictures shifted sideways against each other */
    EXPO_WARN_COLLIDING = 128 /* one identifier for pictures at two places */
};

/* Layer k of the volume is below * (1 - part) + above * part. */
typedef struct {
    size_t below, above; /* indexes into the slices given */
    double part;         /* 0 <= part < 1; below == above when 0 */
} expo_layer_t;

typedef struct {
    expo_drop_t drop;
    uint32_t warnings;
    size_t *members; /* indexes into the slices given, as they came */
    size_t count;
    size_t positions;  /* distinct places */
    size_t duplicates; /* pictures left out for lying where another lies */
    size_t times;      /* time points that there are when EXPO_WARN_TIMES ... */
    size_t time;       /* ... and which of them this is, the earliest 0 */
    size_t filled;     /* layers that are not a picture of their own */
    expo_layer_t *layers;
    uint32_t dims[3];
    double affine[12]; /* as in lib/volume.h */
    double spacing_mm[3];
    double tilt_deg; /* between the stack's step and the normal */
} expo_group_t;

typedef struct {
    expo_group_t *groups; /* in the order of their first picture */
    size_t count;
    size_t chosen; /* the usable one with most layers, of equal ones the
                      earliest time point; SIZE_MAX: none usable */
} expo_plan_t;

/*
 * Plans all groups; *out is released with expo_plan_free. Never fails for what
 * the slices say: a group that cannot be used says why.
 *
 * EXPO_TOO_LARGE: more than EXPO_SERIES_SLICES_MAX. EXPO_NO_MEMORY.
 */
expo_status_t expo_series_plan(const expo_slice_t *slices, size_t n,
                               expo_plan_t **out);
void expo_plan_free(expo_plan_t *plan);

/* FNV-1a over len bytes; never 0. */
uint64_t expo_series_hash(const void *bytes, size_t len);

#endif
