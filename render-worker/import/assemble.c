#include "render-worker/import/assemble.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/import/pool.h"

enum { ASSEMBLE_BLOCK = 4096, ASSEMBLE_LAYERS = 64 };

#define ASSEMBLE_BYTES (64u << 20) /* of layers made side by side */

/* How a picture's stored values become voxels. Compared byte for byte. */
typedef struct {
    uint8_t shift, bits, is_signed, bytes; /* of pixels_t */
    int has_padding;
    double padding[2];
    const header_table_t *table;
    double slope, intercept; /* entry to value, inversion included */
    double floor, ceiling;   /* of values, before they become voxels */
    double offset, scale;
} assemble_map_t;

/* Layers side by side. */
typedef struct {
    const expo_volume_t *volume;
    const import_files_t *files;
    const expo_group_t *group;
    uint32_t first;
    uint16_t *layers; /* the first one's voxels */
    uint16_t *above;  /* room for as many, where interpolated */
} assemble_t;

static size_t assemble_pixels(const import_picture_t *p);
static int assemble_is_narrow(const pixels_t *p);
static void assemble_measure_narrow(import_picture_t *p);
static const import_picture_t *
assemble_picture(const import_files_t *files, const expo_group_t *g, size_t k);
static uint32_t assemble_notes(const import_picture_t *p);
static double assemble_entry(const header_table_t *t, double stored);
static int assemble_padded(const header_t *h, double stored);
static void assemble_rescale(const import_picture_t *p, double *slope,
                             double *intercept);
static int assemble_is_hu(const header_t *h);
static int whole(double v);
static void assemble_work(void *data, size_t i);
static void assemble_layer(uint16_t *dst, const import_picture_t *p,
                           const expo_volume_t *v);
static int assemble_is_shift(const assemble_map_t *m,
                             const import_picture_t *p);
static void assemble_shift(uint16_t *dst, const import_picture_t *p, int32_t by,
                           size_t n);
static void assemble_map(assemble_map_t *m, const import_picture_t *p,
                         const expo_volume_t *v);
static const uint16_t *assemble_voxels(const assemble_map_t *m,
                                       const pixels_t *p);
static uint16_t assemble_voxel(const assemble_map_t *m, double stored);


void
assemble_measure(import_picture_t *p)
{
    const header_t *h = &p->file->header;
    const size_t n = assemble_pixels(p);
    double values[ASSEMBLE_BLOCK], v;
    size_t count;

    p->low = INFINITY;
    p->high = -INFINITY;
    p->whole = 1;

    if (h->table == NULL && assemble_is_narrow(&p->pixels)) {
        assemble_measure_narrow(p);
        p->empty = p->low > p->high;
        return;
    }

    for (size_t at = 0; at < n; at += count) {
        count = n - at < ASSEMBLE_BLOCK ? n - at : ASSEMBLE_BLOCK;
        pixels_values(values, &p->pixels, at, count);

        for (size_t i = 0; i < count; i++) {
            if (assemble_padded(h, values[i]) || !isfinite(values[i])) {
                continue;
            }

            v = assemble_entry(h->table, values[i]);
            p->low = v < p->low ? v : p->low;
            p->high = v > p->high ? v : p->high;
            p->whole = p->whole && v == floor(v);
        }
    }

    p->empty = p->low > p->high;
}


#define ASSEMBLE_EXTREMES(number_t)                                            \
    for (size_t i = 0; i < n; i++) {                                           \
        int32_t v = pixels_whole(&p->pixels, ((const number_t *) raw)[i]);     \
        int32_t least = v >= from && v <= to ? INT32_MAX : v;                  \
        int32_t most = v >= from && v <= to ? INT32_MIN : v;                   \
        low = least < low ? least : low;                                       \
        high = most > high ? most : high;                                      \
    }

/* All bits are the number's: in the width that it has, eight at a time. */
#define ASSEMBLE_EXTREMES_PLAIN(number_t)                                      \
    do {                                                                       \
        const number_t *v = raw;                                               \
        number_t least = v[0], most = v[0];                                    \
        for (size_t i = 1; i < n; i++) {                                       \
            least = v[i] < least ? v[i] : least;                               \
            most = v[i] > most ? v[i] : most;                                  \
        }                                                                      \
        low = least;                                                           \
        high = most;                                                           \
    } while (0)

/* Whole numbers of at most 16 bits, several at a time. */
static void
assemble_measure_narrow(import_picture_t *p)
{
    const header_t *h = &p->file->header;
    const size_t n = assemble_pixels(p);
    const void *raw = p->pixels.raw;
    int32_t low = INT32_MAX, high = INT32_MIN, from = 1, to = 0;

    if (h->has_padding) {
        from = (int32_t) fmax(-1e9, fmin(1e9, ceil(h->padding[0])));
        to = (int32_t) fmax(-1e9, fmin(1e9, floor(h->padding[1])));
    }

    if (p->pixels.bytes == 1) {
        ASSEMBLE_EXTREMES(uint8_t)
    } else if (p->pixels.bits < 16 || h->has_padding) {
        ASSEMBLE_EXTREMES(uint16_t)
    } else if (p->pixels.is_signed) {
        ASSEMBLE_EXTREMES_PLAIN(int16_t);
    } else {
        ASSEMBLE_EXTREMES_PLAIN(uint16_t);
    }

    if (low <= high) {
        p->low = low;
        p->high = high;
    }
}


void
assemble_header(expo_volume_t *v, uint32_t *notes, const import_files_t *files,
                const expo_group_t *g)
{
    const import_picture_t *p = assemble_picture(files, g, 0), *first = NULL;
    double slope, intercept, a, b, low = INFINITY, high = -INFINITY;
    double slope0 = 1, intercept0 = 0;
    int exact = 1, same = 1, hu = assemble_is_hu(&p->file->header);

    memset(v, 0, sizeof *v);
    memcpy(v->dims, g->dims, sizeof v->dims);
    memcpy(v->affine, g->affine, sizeof v->affine);
    snprintf(v->modality, sizeof v->modality, "%.15s",
             p->file->header.modality);
    snprintf(v->unit, sizeof v->unit, "%s", hu ? "HU" : "");
    *notes = 0;

    for (size_t k = 0; k < 2 * (size_t) g->dims[2]; k++) {
        p = assemble_picture(files, g, k);
        *notes |= assemble_notes(p);

        if (p->empty) {
            continue;
        }

        assemble_rescale(p, &slope, &intercept);
        a = slope * p->low + intercept;
        b = slope * p->high + intercept;
        low = fmin(low, fmin(a, b));
        high = fmax(high, fmax(a, b));

        exact = exact && p->whole && whole(slope) && whole(intercept);
        if (first == NULL) {
            first = p;
            slope0 = slope;
            intercept0 = intercept;
        }
        same = same && p->whole && slope == slope0 && intercept == intercept0;
    }

    if (low > high) {
        low = high = 0;
    }

    if (hu && (low < ASSEMBLE_HU_MIN || high > ASSEMBLE_HU_MAX)) {
        *notes |= ASSEMBLE_CLAMPED;
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
    const size_t n = (size_t) v->dims[0] * v->dims[1];
    const size_t fit = ASSEMBLE_BYTES / (n * sizeof(uint16_t));
    const size_t batch = fit < POOL_MAX          ? POOL_MAX
                         : fit > ASSEMBLE_LAYERS ? ASSEMBLE_LAYERS
                                                 : fit;
    assemble_t a = {.volume = v, .files = files, .group = g};
    uint8_t header[EXPO_VOLUME_HEADER];
    uint32_t count;
    int ok;

    a.layers = malloc(batch * n * sizeof *a.layers);
    a.above = g->filled > 0 ? malloc(batch * n * sizeof *a.above) : NULL;

    expo_volume_write(header, v);
    ok = a.layers != NULL && (g->filled == 0 || a.above != NULL) &&
         sink->volume(sink->data, header, sizeof header);

    for (; ok && a.first < v->dims[2]; a.first += count) {
        count = v->dims[2] - a.first;
        count = count < batch ? count : (uint32_t) batch;

        /* Stuck threads still write: their layers must stay. */
        if (!pool_each(count, assemble_work, &a, NULL)) {
            return 0;
        }

        ok = sink->volume(sink->data, a.layers, count * n * sizeof *a.layers);
        sink->progress(sink->data, "assembling",
                       (double) (a.first + count) / v->dims[2]);
    }

    free(a.layers);
    free(a.above);
    return ok;
}


/* One layer, in any thread. */
static void
assemble_work(void *data, size_t i)
{
    const assemble_t *a = data;
    const expo_layer_t *l = &a->group->layers[a->first + i];
    const import_files_t *files = a->files;
    size_t n = (size_t) a->volume->dims[0] * a->volume->dims[1];
    uint16_t *layer = a->layers + i * n, *above = a->above + i * n;

    assemble_layer(layer, &files->picture[files->of[l->below]], a->volume);

    if (l->part > 0) {
        assemble_layer(above, &files->picture[files->of[l->above]], a->volume);

        for (size_t k = 0; k < n; k++) {
            layer[k] = (uint16_t) (layer[k] * (1 - l->part) +
                                   above[k] * l->part + 0.5);
        }
    }
}


/* One picture's voxels. */
static void
assemble_layer(uint16_t *dst, const import_picture_t *p, const expo_volume_t *v)
{
    const size_t n = assemble_pixels(p);
    double values[ASSEMBLE_BLOCK];
    const uint16_t *voxels;
    assemble_map_t m;
    size_t count;

    assemble_map(&m, p, v);

    if (assemble_is_shift(&m, p)) {
        assemble_shift(dst, p, (int32_t) (m.intercept - m.offset), n);
        return;
    }

    if (assemble_is_narrow(&p->pixels)) {
        voxels = assemble_voxels(&m, &p->pixels);

        for (size_t i = 0; i < n && m.bytes == 1; i++) {
            dst[i] = voxels[((const uint8_t *) p->pixels.raw)[i]];
        }
        for (size_t i = 0; i < n && m.bytes == 2; i++) {
            dst[i] = voxels[((const uint16_t *) p->pixels.raw)[i]];
        }
        return;
    }

    for (size_t at = 0; at < n; at += count) {
        count = n - at < ASSEMBLE_BLOCK ? n - at : ASSEMBLE_BLOCK;
        pixels_values(values, &p->pixels, at, count);

        for (size_t i = 0; i < count; i++) {
            dst[at + i] = assemble_voxel(&m, values[i]);
        }
    }
}


/* Whether voxels are stored values and a whole number, as they mostly are. */
static int
assemble_is_shift(const assemble_map_t *m, const import_picture_t *p)
{
    return p->pixels.kind == PIXEL_WHOLE && m->bytes == 2 && m->table == NULL &&
           !m->has_padding && m->slope == 1 && m->scale == 1 &&
           whole(m->intercept) && whole(m->offset) &&
           p->low + m->intercept >= m->floor &&
           p->high + m->intercept <= m->ceiling;
}


/* Several at a time, which a table cannot. */
static void
assemble_shift(uint16_t *dst, const import_picture_t *p, int32_t by, size_t n)
{
    const pixels_t format = p->pixels;
    const uint16_t *raw = format.raw;

    for (size_t i = 0; i < n; i++) {
        dst[i] = (uint16_t) (pixels_whole(&format, raw[i]) + by);
    }
}


static void
assemble_map(assemble_map_t *m, const import_picture_t *p,
             const expo_volume_t *v)
{
    const header_t *h = &p->file->header;
    const int hu = assemble_is_hu(h);

    memset(m, 0, sizeof *m);
    m->shift = p->pixels.shift;
    m->bits = p->pixels.bits;
    m->is_signed = p->pixels.is_signed;
    m->bytes = p->pixels.bytes;
    m->has_padding = h->has_padding;
    memcpy(m->padding, h->padding, sizeof m->padding);
    m->table = h->table;
    assemble_rescale(p, &m->slope, &m->intercept);
    m->floor = hu ? ASSEMBLE_HU_MIN : -INFINITY;
    m->ceiling = hu ? ASSEMBLE_HU_MAX : INFINITY;
    m->offset = v->offset;
    m->scale = v->scale;
}


/*
 * A voxel for every raw number; each thread keeps its last one, as the next
 * picture mostly needs the same.
 */
static const uint16_t *
assemble_voxels(const assemble_map_t *m, const pixels_t *p)
{
    static _Thread_local uint16_t voxels[UINT16_MAX + 1];
    static _Thread_local assemble_map_t made;
    const uint32_t count = m->bytes == 1 ? 256 : 65536;

    if (m->table != NULL || memcmp(m, &made, sizeof made) != 0) {
        for (uint32_t i = 0; i < count; i++) {
            voxels[i] = assemble_voxel(m, pixels_whole(p, i));
        }
        made = *m;
    }

    return voxels;
}


static uint16_t
assemble_voxel(const assemble_map_t *m, double stored)
{
    double v;

    if (isnan(stored) || (m->has_padding && stored >= m->padding[0] &&
                          stored <= m->padding[1])) {
        return 0;
    }

    v = m->slope * assemble_entry(m->table, stored) + m->intercept;
    v = v < m->floor ? m->floor : v > m->ceiling ? m->ceiling : v;
    v = round((v - m->offset) / m->scale);

    return (uint16_t) (v < 0 ? 0 : v > UINT16_MAX ? UINT16_MAX : v);
}


/* --- one picture --- */

static size_t
assemble_pixels(const import_picture_t *p)
{
    return (size_t) p->file->header.shape.rows * p->file->header.shape.cols;
}


/* What a table of all raw numbers is worth. */
static int
assemble_is_narrow(const pixels_t *p)
{
    return p->kind == PIXEL_WHOLE && p->bytes <= 2;
}


/* The picture below layer k / 2, or above it for odd k. */
static const import_picture_t *
assemble_picture(const import_files_t *files, const expo_group_t *g, size_t k)
{
    const expo_layer_t *l = &g->layers[k / 2];

    return &files->picture[files->of[k % 2 ? l->above : l->below]];
}


static uint32_t
assemble_notes(const import_picture_t *p)
{
    const header_t *h = &p->file->header;

    return (h->inverted ? ASSEMBLE_INVERTED : 0) |
           (h->has_padding ? ASSEMBLE_PADDING : 0) |
           (h->lossy ? ASSEMBLE_LOSSY : 0) |
           (h->colour != HEADER_GREY ? ASSEMBLE_COLOUR
            : h->table != NULL       ? ASSEMBLE_TABLE
                                     : 0);
}


/* What a stored value stands for before it is rescaled; t may be NULL. */
static double
assemble_entry(const header_table_t *t, double stored)
{
    double at;

    if (t == NULL) {
        return stored;
    }

    at = fmax(0, fmin(stored - t->first, t->count - 1.0));
    return t->entry[(size_t) at];
}


static int
assemble_padded(const header_t *h, double stored)
{
    return h->has_padding && stored >= h->padding[0] && stored <= h->padding[1];
}


/*
 * A table takes the place of slope and intercept. MONOCHROME1 counts from
 * white: turned over within the stored bits, or within 16 of a table.
 */
static void
assemble_rescale(const import_picture_t *p, double *slope, double *intercept)
{
    const header_t *h = &p->file->header;
    const header_frame_t *f = &h->frame[p->frame];
    double top = ldexp(1.0, h->table ? 16 : (int) h->shape.bits_stored) - 1;

    *slope = h->table || f->slope == 0 ? 1 : f->slope;
    *intercept = h->table ? 0 : f->intercept;

    if (h->inverted) {
        *intercept += *slope * (h->shape.is_signed && !h->table ? -1 : top);
        *slope = -*slope;
    }
}


static int
assemble_is_hu(const header_t *h)
{
    return strcmp(h->modality, "CT") == 0 &&
           (h->rescale_type[0] == '\0' || strcmp(h->rescale_type, "HU") == 0) &&
           h->colour == HEADER_GREY;
}


static int
whole(double v)
{
    return v == floor(v) && fabs(v) < 1e9;
}
