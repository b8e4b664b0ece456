#include "render-worker/import/header_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_TEXT = 65, HEADER_KIND = 20 * HEADER_TEXT };

/* Where to look for what is said of one frame: in its own functional groups,
 * in those that all share, in the file as a whole. NULL: not there. */
typedef struct {
    dicom_item_t *own, *shared, *root;
} header_source_t;

static void header_shape(header_t *h, dicom_item_t *root);
static void header_padding(header_t *h, dicom_item_t *root);
static dicom_status_t header_frames(header_t *h, dicom_item_t *root);
static void header_frame(header_frame_t *f, const header_source_t *from);
static void header_place(expo_slice_t *s, const header_source_t *from);
static void header_times(expo_slice_t *s, const header_source_t *from);
static double header_other_dimensions(const header_source_t *from);
static uint64_t header_kind(const header_source_t *from);
static void header_nuclear(header_frame_t *f, dicom_item_t *root, uint32_t i);
static dicom_item_t *header_where(const header_source_t *from, uint32_t macro,
                                  uint32_t tag);
static int header_image_type(const header_source_t *from, size_t at,
                             char text[HEADER_TEXT]);
static int header_is(const header_source_t *from, const char *word);
static uint32_t header_word(dicom_item_t *item, uint32_t tag, uint32_t absent);
static int header_numbers(dicom_item_t *item, uint32_t tag, double *dst,
                          size_t n);
static uint64_t header_hash(dicom_item_t *item, uint32_t tag);
static double header_clock(dicom_item_t *item, uint32_t tag);


dicom_status_t
header_read(header_t *h, dicom_set_t *set)
{
    dicom_item_t *root = dicom_root(set);
    const header_source_t whole = {.root = root};
    char text[HEADER_TEXT];
    dicom_status_t st;

    memset(h, 0, sizeof *h);

    dicom_text(root, TAG(0008, 0016), 0, h->sop_class, sizeof h->sop_class);
    dicom_text(root, TAG(0008, 0018), 0, h->sop_instance,
               sizeof h->sop_instance);
    dicom_text(root, TAG(0008, 0060), 0, h->modality, sizeof h->modality);

    h->series = header_hash(root, TAG(0020, 000e));
    h->person = header_hash(root, TAG(0010, 0020));
    if (h->person == 0) {
        h->person = header_hash(root, TAG(0010, 0010));
    }

    header_shape(h, root);
    header_padding(h, root);

    dicom_text(root, TAG(0028, 0301), 0, text, sizeof text);
    h->burned_in = strcmp(text, "YES") == 0;
    dicom_text(root, TAG(0028, 2110), 0, text, sizeof text);
    h->lossy = strcmp(text, "01") == 0;
    h->mosaic = header_is(&whole, "MOSAIC");

    st = header_tables(h, root);

    return st == DICOM_OK ? header_frames(h, root) : st;
}


void
header_free(header_t *h)
{
    free(h->table);
    free(h->frame);
    h->table = NULL;
    h->frame = NULL;
}


header_colour_t
header_colour(const dicom_shape_t *shape)
{
    const char *p = shape->photometric;

    if (shape->samples == 1) {
        return strcmp(p, "PALETTE COLOR") == 0 ? HEADER_PALETTE
               : strncmp(p, "MONOCHROME", 10) == 0 || p[0] == '\0'
                   ? HEADER_GREY
                   : HEADER_FOREIGN;
    }

    if (shape->samples != 3) {
        return HEADER_FOREIGN;
    }

    /* What JPEG 2000 calls so comes out of its decoder as RGB. */
    if (strcmp(p, "RGB") == 0 || strcmp(p, "YBR_RCT") == 0 ||
        strcmp(p, "YBR_ICT") == 0) {
        return HEADER_RGB;
    }

    return strncmp(p, "YBR_FULL", 8) == 0 ? HEADER_YBR : HEADER_FOREIGN;
}


/* --- how pictures are stored --- */

static void
header_shape(header_t *h, dicom_item_t *root)
{
    dicom_shape_t *s = &h->shape;

    s->rows = header_word(root, TAG(0028, 0010), 0);
    s->cols = header_word(root, TAG(0028, 0011), 0);
    s->samples = header_word(root, TAG(0028, 0002), 1);
    s->bits_allocated = header_word(root, TAG(0028, 0100), 0);
    s->bits_stored = header_word(root, TAG(0028, 0101), s->bits_allocated);
    s->high_bit = header_word(root, TAG(0028, 0102), s->bits_stored - 1);
    s->is_signed = header_word(root, TAG(0028, 0103), 0) == 1;
    s->planar = header_word(root, TAG(0028, 0006), 0) == 1;
    dicom_text(root, TAG(0028, 0004), 0, s->photometric, sizeof s->photometric);

    h->colour = header_colour(s);
    h->inverted = strcmp(s->photometric, "MONOCHROME1") == 0;
}


/* Of whole pixels, of float, of double; PS3.3, C.7.5.1.1.2. */
static void
header_padding(header_t *h, dicom_item_t *root)
{
    static const uint32_t tags[3][2] = {{TAG(0028, 0120), TAG(0028, 0121)},
                                        {TAG(0028, 0122), TAG(0028, 0124)},
                                        {TAG(0028, 0123), TAG(0028, 0125)}};
    double v[2];

    for (int kind = 0; kind < 3 && !h->has_padding; kind++) {
        v[0] = dicom_number(root, tags[kind][0], 0, NAN);
        v[1] = dicom_number(root, tags[kind][1], 0, v[0]);

        if (isnan(v[0]) || isnan(v[1])) {
            continue;
        }

        for (int i = 0; i < 2 && kind == 0; i++) {
            /* Written as the other kind of word by many. */
            if (h->shape.is_signed && v[i] > INT16_MAX) {
                v[i] -= 65536;
            } else if (!h->shape.is_signed && v[i] < 0) {
                v[i] += 65536;
            }
        }

        h->has_padding = 1;
        h->padding[0] = fmin(v[0], v[1]);
        h->padding[1] = fmax(v[0], v[1]);
    }
}


/* --- the frames --- */

static dicom_status_t
header_frames(header_t *h, dicom_item_t *root)
{
    const double said = dicom_number(root, TAG(0028, 0008), 0, 1);
    header_source_t from = {.root = root,
                            .shared = dicom_child(root, TAG(5200, 9229), 0)};
    const int grouped = dicom_child(root, TAG(5200, 9230), 0) != NULL;
    const int nuclear = dicom_child(root, TAG(0054, 0022), 0) != NULL &&
                        header_is(&from, "RECON TOMO");

    h->frames = (uint32_t) fmax(0, fmin(1e9, said));
    h->placed = h->frames == 1 || ((grouped || nuclear) && h->frames > 0);

    if (h->placed && h->frames > EXPO_SERIES_SLICES_MAX) {
        return DICOM_TOO_LARGE;
    }

    h->frame = calloc(h->placed ? h->frames : 1, sizeof *h->frame);
    if (h->frame == NULL) {
        return DICOM_NO_MEMORY;
    }

    for (uint32_t i = 0; i < (h->placed ? h->frames : 1); i++) {
        from.own = grouped ? dicom_child(root, TAG(5200, 9230), i) : NULL;
        header_frame(&h->frame[i], &from);
        h->frame[i].slice.series = h->series;
        h->frame[i].slice.person = h->person;

        if (nuclear) {
            header_nuclear(&h->frame[i], root, i);
        }

        /* They share the file's UID and number. */
        if (h->frames > 1) {
            h->frame[i].slice.instance += h->frame[i].slice.instance ? i : 0;
            h->frame[i].slice.number = (int32_t) i;
        }
    }

    from.own = dicom_child(root, TAG(5200, 9230), 0);
    dicom_text(header_where(&from, TAG(0028, 9145), TAG(0028, 1054)),
               TAG(0028, 1054), 0, h->rescale_type, sizeof h->rescale_type);

    return DICOM_OK;
}


static void
header_frame(header_frame_t *f, const header_source_t *from)
{
    dicom_item_t *root = from->root;
    expo_slice_t *s = &f->slice;

    s->instance = header_hash(root, TAG(0008, 0018));
    s->frame = header_hash(root, TAG(0020, 0052));
    s->kind = header_kind(from);
    s->rows = header_word(root, TAG(0028, 0010), 0);
    s->cols = header_word(root, TAG(0028, 0011), 0);
    s->number = (int32_t) fmax(
        -1e9, fmin(1e9, dicom_number(root, TAG(0020, 0013), 0, 0)));
    s->flags = header_is(from, "LOCALIZER") ? EXPO_SLICE_LOCALIZER : 0;

    header_place(s, from);
    header_times(s, from);

    f->slope =
        dicom_number(header_where(from, TAG(0028, 9145), TAG(0028, 1053)),
                     TAG(0028, 1053), 0, 1);
    f->intercept =
        dicom_number(header_where(from, TAG(0028, 9145), TAG(0028, 1052)),
                     TAG(0028, 1052), 0, 0);
}


static void
header_place(expo_slice_t *s, const header_source_t *from)
{
    dicom_item_t *measures =
        header_where(from, TAG(0028, 9110), TAG(0028, 0030));
    double pair[2], six[6];

    if (header_numbers(measures, TAG(0028, 0030), pair, 2)) {
        s->flags |= EXPO_SLICE_SPACING;
        s->spacing_mm[0] = pair[1];
        s->spacing_mm[1] = pair[0];
    }

    if (header_numbers(header_where(from, TAG(0020, 9113), TAG(0020, 0032)),
                       TAG(0020, 0032), s->position, 3)) {
        s->flags |= EXPO_SLICE_POSITION;
    }

    if (header_numbers(header_where(from, TAG(0020, 9116), TAG(0020, 0037)),
                       TAG(0020, 0037), six, 6)) {
        s->flags |= EXPO_SLICE_ORIENTATION;
        memcpy(s->along_row, six, sizeof s->along_row);
        memcpy(s->along_column, six + 3, sizeof s->along_column);
    }

    s->step_mm =
        fabs(dicom_number(measures, TAG(0018, 0088), 0,
                          dicom_number(measures, TAG(0018, 0050), 0, 0)));
}


/* Dearest first: what counts time points, then what measures them. */
static void
header_times(expo_slice_t *s, const header_source_t *from)
{
    dicom_item_t *content =
        header_where(from, TAG(0020, 9111), TAG(0020, 9128));
    dicom_item_t *cardiac =
        header_where(from, TAG(0018, 9118), TAG(0020, 9153));
    dicom_item_t *acquired =
        header_where(from, TAG(0020, 9111), TAG(0018, 9074));

    s->time[0] =
        dicom_number(content, TAG(0020, 9128), 0,
                     dicom_number(from->root, TAG(0020, 0100), 0, NAN));
    s->time[1] =
        dicom_number(cardiac, TAG(0020, 9153), 0,
                     dicom_number(from->root, TAG(0018, 1060), 0, NAN));
    s->time[2] = header_clock(acquired, TAG(0018, 9074));
    if (isnan(s->time[2])) {
        s->time[2] = header_clock(from->root, TAG(0008, 0032));
    }

    s->time[3] = from->own != NULL ? header_other_dimensions(from)
                                   : header_clock(from->root, TAG(0008, 0033));
}


/*
 * Where a frame stands in dimensions that have no name here (a contrast, a
 * coil), as one number that orders as they do; NAN: there are none. Seven of
 * 128 steps each fill a double.
 */
static double
header_other_dimensions(const header_source_t *from)
{
    static const uint32_t known[] = {TAG(0020, 9057), TAG(0020, 0032),
                                     TAG(0020, 9056), TAG(0020, 9128)};
    dicom_item_t *content =
        header_where(from, TAG(0020, 9111), TAG(0020, 9157));
    double order = NAN, step = 1, v;
    const uint16_t *pointer;
    dicom_item_t *dimension;
    uint32_t tag;
    int spatial;

    for (size_t i = 0; i < 7; i++) {
        dimension = dicom_child(from->root, TAG(0020, 9222), i);
        if (dimension == NULL ||
            dicom_words(dimension, TAG(0020, 9165), &pointer) < 2) {
            break;
        }

        tag = DICOM_TAG(pointer[0], pointer[1]);
        spatial = 0;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
            spatial |= tag == known[k];
        }

        v = dicom_number(content, TAG(0020, 9157), i, NAN);
        if (!spatial && !isnan(v)) {
            step /= 128;
            order = (isnan(order) ? 0 : order) + v * step;
        }
    }

    return order;
}


/* What else sets pictures of one series apart. */
static uint64_t
header_kind(const header_source_t *from)
{
    static const uint32_t fields[][2] = {
        {0, TAG(0008, 0060)},               /* modality */
        {0, TAG(0028, 0004)},               /* photometric interpretation */
        {0, TAG(0018, 0081)},               /* echo time */
        {0, TAG(0018, 0086)},               /* echo number */
        {TAG(0018, 9114), TAG(0018, 9082)}, /* effective echo time */
        {TAG(0018, 9117), TAG(0018, 9087)}, /* b-value */
        {TAG(0018, 9314), TAG(0018, 1210)}, /* convolution kernel */
        {TAG(0020, 9111), TAG(0020, 9056)}  /* stack */
    };
    char kind[HEADER_KIND] = "", text[HEADER_TEXT];
    size_t n = 0;

    for (size_t i = 0; i < 4; i++) {
        header_image_type(from, i, text);
        n += (size_t) snprintf(kind + n, sizeof kind - n, "%s|", text);
    }

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        dicom_text(header_where(from, fields[i][0], fields[i][1]), fields[i][1],
                   0, text, sizeof text);
        n += (size_t) snprintf(kind + n, sizeof kind - n, "%s|", text);
    }

    return expo_series_hash(kind, n);
}


/*
 * Reconstructed slices of one detector's place, counted along the normal.
 * Source: DICOM PS3.3, C.8.4.9, C.8.4.15.
 */
static void
header_nuclear(header_frame_t *f, dicom_item_t *root, uint32_t i)
{
    dicom_item_t *detector = dicom_child(root, TAG(0054, 0022), 0);
    expo_slice_t *s = &f->slice;
    const double *r = s->along_row, *c = s->along_column;
    double step = dicom_number(root, TAG(0018, 0088), 0, NAN), six[6], at;

    if (!header_numbers(detector, TAG(0020, 0032), s->position, 3) ||
        !header_numbers(detector, TAG(0020, 0037), six, 6) || isnan(step)) {
        s->flags &= ~(uint32_t) EXPO_SLICE_POSITION;
        return;
    }

    s->flags |= EXPO_SLICE_POSITION | EXPO_SLICE_ORIENTATION;
    memcpy(s->along_row, six, sizeof s->along_row);
    memcpy(s->along_column, six + 3, sizeof s->along_column);

    at = step * (dicom_number(root, TAG(0054, 0080), i, i + 1.0) - 1);
    s->position[0] += at * (r[1] * c[2] - r[2] * c[1]);
    s->position[1] += at * (r[2] * c[0] - r[0] * c[2]);
    s->position[2] += at * (r[0] * c[1] - r[1] * c[0]);
}


/* --- looking up --- */

/* The item that has the element: of the frame, of all frames, of the file. */
static dicom_item_t *
header_where(const header_source_t *from, uint32_t macro, uint32_t tag)
{
    dicom_item_t *groups[2] = {from->own, from->shared}, *item;

    for (int i = 0; i < 2; i++) {
        item = groups[i] != NULL && macro != 0
                   ? dicom_child(groups[i], macro, 0)
                   : NULL;
        if (item != NULL && dicom_has(item, tag)) {
            return item;
        }
    }

    return from->root;
}


/* ImageType, or what a frame has instead of it; 0: there is no value `at`. */
static int
header_image_type(const header_source_t *from, size_t at,
                  char text[HEADER_TEXT])
{
    static const uint32_t macros[] = {TAG(0018, 9226), TAG(0018, 9329),
                                      TAG(0018, 9751), TAG(0018, 9504)};
    dicom_item_t *item;

    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++) {
        item = header_where(from, macros[i], TAG(0008, 9007));
        if (item != from->root) {
            return dicom_text(item, TAG(0008, 9007), at, text, HEADER_TEXT);
        }
    }

    return dicom_text(from->root, TAG(0008, 0008), at, text, HEADER_TEXT);
}


static int
header_is(const header_source_t *from, const char *word)
{
    char text[HEADER_TEXT];

    for (size_t i = 0; i < 8; i++) {
        if (header_image_type(from, i, text) && strcmp(text, word) == 0) {
            return 1;
        }
    }

    return 0;
}


static uint32_t
header_word(dicom_item_t *item, uint32_t tag, uint32_t absent)
{
    double v = dicom_number(item, tag, 0, NAN);

    return v >= 0 && v <= UINT16_MAX ? (uint32_t) v : absent;
}


static int
header_numbers(dicom_item_t *item, uint32_t tag, double *dst, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dst[i] = dicom_number(item, tag, i, NAN);
        if (!isfinite(dst[i])) {
            return 0;
        }
    }

    return 1;
}


static uint64_t
header_hash(dicom_item_t *item, uint32_t tag)
{
    char text[HEADER_TEXT];

    return dicom_text(item, tag, 0, text, sizeof text)
               ? expo_series_hash(text, strlen(text))
               : 0;
}


/* [YYYYMMDD]HHMMSS.FFFFFF in seconds that grow with time; NAN: neither. */
static double
header_clock(dicom_item_t *item, uint32_t tag)
{
    char text[HEADER_TEXT], *time = text;
    int day = 0, h = 0, m = 0;
    double s = 0;

    dicom_text(item, tag, 0, text, sizeof text);

    if (strcspn(text, ".+-") == 14 && sscanf(text, "%8d", &day) == 1) {
        time += 8;
    }

    return sscanf(time, "%2d%2d%lf", &h, &m, &s) < 2
               ? NAN
               : day * 86400.0 + h * 3600.0 + m * 60.0 + s;
}
