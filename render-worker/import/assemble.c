#include "render-worker/import/assemble.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const import_file_t *file;
    double slope, intercept; /* stored to value, inversion included */
    double floor, ceiling;   /* of values, before they become voxels */
    double offset, scale;
} assemble_map_t;

static size_t assemble_pixels(const import_file_t *f);
static double assemble_stored(const import_file_t *f, size_t i);
static int assemble_padded(const import_file_t *f, double stored);
static void assemble_rescale(const import_file_t *f, double *slope,
                             double *intercept);
static int assemble_is_hu(const import_file_t *f);
static int whole(double v);
static void assemble_layer(uint16_t *dst, const import_file_t *f,
                           const expo_volume_t *v);
static void assemble_table(uint16_t *table, const assemble_map_t *m);
static uint16_t assemble_voxel(const assemble_map_t *m, double stored);


void
assemble_measure(import_file_t *f)
{
    size_t n = assemble_pixels(f);
    double v;

    f->low = INFINITY;
    f->high = -INFINITY;

    for (size_t i = 0; i < n; i++) {
        v = assemble_stored(f, i);

        if (assemble_padded(f, v)) {
            continue;
        }

        f->low = v < f->low ? v : f->low;
        f->high = v > f->high ? v : f->high;
    }

    f->empty = f->low > f->high;
}


void
assemble_header(expo_volume_t *v, uint32_t *notes, const import_files_t *files,
                const expo_group_t *g)
{
    const import_file_t *f, *first = NULL;
    double slope, intercept, a, b, low = INFINITY, high = -INFINITY;
    double slope0 = 1, intercept0 = 0;
    int exact = 1, same = 1, hu;
    size_t n = g->dims[2];

    f = &files->file[files->of[g->layers[0].below]];
    hu = assemble_is_hu(f);

    memset(v, 0, sizeof *v);
    memcpy(v->dims, g->dims, sizeof v->dims);
    memcpy(v->affine, g->affine, sizeof v->affine);
    snprintf(v->modality, sizeof v->modality, "%.15s", f->header.modality);
    snprintf(v->unit, sizeof v->unit, "%s", hu ? "HU" : "");
    *notes = f->header.inverted ? ASSEMBLE_INVERTED : 0;

    for (size_t k = 0; k < 2 * n; k++) {
        f = &files->file[files->of[k % 2 ? g->layers[k / 2].above
                                         : g->layers[k / 2].below]];
        *notes |= f->header.has_padding ? ASSEMBLE_PADDING : 0;

        if (f->empty) {
            continue;
        }

        assemble_rescale(f, &slope, &intercept);
        a = slope * f->low + intercept;
        b = slope * f->high + intercept;
        low = fmin(low, fmin(a, b));
        high = fmax(high, fmax(a, b));

        exact = exact && whole(slope) && whole(intercept);
        if (first == NULL) {
            first = f;
            slope0 = slope;
            intercept0 = intercept;
        }
        same = same && slope == slope0 && intercept == intercept0;
    }

    if (low > high) {
        low = high = 0;
    }

    if (hu) {
        low = fmin(fmax(low, ASSEMBLE_HU_MIN), ASSEMBLE_HU_MAX);
        high = fmin(fmax(high, ASSEMBLE_HU_MIN), ASSEMBLE_HU_MAX);
    }

    v->offset = low;
    v->scale = 1;

    if (exact && high - low <= UINT16_MAX) {
        v->scale = 1;

    } else if (!exact && same &&
               (high - low) / fabs(slope0) <= UINT16_MAX + 0.5) {
        v->scale = fabs(slope0);

    } else if (high > low) {
        v->scale = (high - low) / UINT16_MAX;
        *notes |= ASSEMBLE_ROUNDED;
    }

    v->voxel_min = 0;
    v->voxel_max = (uint16_t) fmin(UINT16_MAX, round((high - low) / v->scale));
}


int
assemble_write(const import_sink_t *sink, const expo_volume_t *v,
               const import_files_t *files, const expo_group_t *g)
{
    size_t n = (size_t) v->dims[0] * v->dims[1];
    uint8_t header[EXPO_VOLUME_HEADER];
    uint16_t *layer, *above;
    const expo_layer_t *l;
    int ok;

    layer = malloc(n * sizeof *layer);
    above = malloc(n * sizeof *above);

    expo_volume_write(header, v);
    ok = layer != NULL && above != NULL &&
         sink->volume(sink->data, header, sizeof header);

    for (uint32_t k = 0; ok && k < v->dims[2]; k++) {
        l = &g->layers[k];
        assemble_layer(layer, &files->file[files->of[l->below]], v);

        if (l->part > 0) {
            assemble_layer(above, &files->file[files->of[l->above]], v);

            for (size_t i = 0; i < n; i++) {
                layer[i] = (uint16_t) lround(layer[i] * (1 - l->part) +
                                             above[i] * l->part);
            }
        }

        ok = sink->volume(sink->data, layer, n * sizeof *layer);

        if (k % 16 == 15) {
            sink->progress(sink->data, "assembling",
                           (double) (k + 1) / v->dims[2]);
        }
    }

    free(layer);
    free(above);
    return ok;
}


/* One picture's voxels; 16-bit ones by a table of all stored values. */
static void
assemble_layer(uint16_t *dst, const import_file_t *f, const expo_volume_t *v)
{
    static uint16_t table[UINT16_MAX + 1];
    const uint16_t *stored = f->pixels;
    size_t n = assemble_pixels(f);
    int hu = assemble_is_hu(f);
    assemble_map_t m = {.file = f, .offset = v->offset, .scale = v->scale};

    assemble_rescale(f, &m.slope, &m.intercept);
    m.floor = hu ? ASSEMBLE_HU_MIN : -INFINITY;
    m.ceiling = hu ? ASSEMBLE_HU_MAX : INFINITY;

    if (f->header.bits_stored > 16) {
        for (size_t i = 0; i < n; i++) {
            dst[i] = assemble_voxel(&m, assemble_stored(f, i));
        }
        return;
    }

    assemble_table(table, &m);
    for (size_t i = 0; i < n; i++) {
        dst[i] = table[stored[i]];
    }
}


static void
assemble_table(uint16_t *table, const assemble_map_t *m)
{
    for (int i = 0; i <= UINT16_MAX; i++) {
        table[i] = assemble_voxel(
            m, m->file->header.is_signed ? (double) (int16_t) i : (double) i);
    }
}


static uint16_t
assemble_voxel(const assemble_map_t *m, double stored)
{
    double v;

    if (assemble_padded(m->file, stored)) {
        return 0;
    }

    v = m->slope * stored + m->intercept;
    v = v < m->floor ? m->floor : v > m->ceiling ? m->ceiling : v;
    v = round((v - m->offset) / m->scale);

    return (uint16_t) (v < 0 ? 0 : v > UINT16_MAX ? UINT16_MAX : v);
}


static size_t
assemble_pixels(const import_file_t *f)
{
    return (size_t) f->header.slice.rows * f->header.slice.cols;
}


static double
assemble_stored(const import_file_t *f, size_t i)
{
    if (f->header.bits_stored <= 16) {
        return f->header.is_signed ? (double) ((const int16_t *) f->pixels)[i]
                                   : (double) ((const uint16_t *) f->pixels)[i];
    }

    return f->header.is_signed ? (double) ((const int32_t *) f->pixels)[i]
                               : (double) ((const uint32_t *) f->pixels)[i];
}


static int
assemble_padded(const import_file_t *f, double stored)
{
    return f->header.has_padding && stored >= f->header.padding[0] &&
           stored <= f->header.padding[1];
}


/* MONOCHROME1 counts from white: turned over within the stored bits. */
static void
assemble_rescale(const import_file_t *f, double *slope, double *intercept)
{
    double top = ldexp(1.0, (int) f->header.bits_stored) - 1;

    *slope = f->header.slope;
    *intercept = f->header.intercept;

    if (f->header.inverted) {
        *intercept += *slope * (f->header.is_signed ? -1 : top);
        *slope = -*slope;
    }
}


static int
assemble_is_hu(const import_file_t *f)
{
    const char *type = f->header.rescale_type;

    return strcmp(f->header.modality, "CT") == 0 &&
           (type[0] == '\0' || strcmp(type, "HU") == 0);
}


static int
whole(double v)
{
    return v == floor(v) && fabs(v) < 1e9;
}
