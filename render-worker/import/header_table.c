#include "render-worker/import/header_private.h"

#include <math.h>
#include <stdlib.h>

enum { HEADER_ENTRIES = 65536 };

static dicom_status_t header_modality_lut(header_t *h, dicom_item_t *root);
static dicom_status_t header_palette(header_t *h, dicom_item_t *root);
static header_table_t *header_table_new(const header_t *h, dicom_item_t *item,
                                        uint32_t descriptor);
static int header_table_add(header_table_t *t, double *sums, dicom_item_t *item,
                            uint32_t descriptor, uint32_t data, double weight);


dicom_status_t
header_tables(header_t *h, dicom_item_t *root)
{
    /* Segmented palettes are rare, and not read. */
    if (h->colour == HEADER_PALETTE && dicom_has(root, TAG(0028, 1221))) {
        h->colour = HEADER_FOREIGN;
        return DICOM_OK;
    }

    if (h->colour == HEADER_PALETTE) {
        return header_palette(h, root);
    }

    return dicom_child(root, TAG(0028, 3000), 0) != NULL
               ? header_modality_lut(h, root)
               : DICOM_OK;
}


static dicom_status_t
header_modality_lut(header_t *h, dicom_item_t *root)
{
    dicom_item_t *item = dicom_child(root, TAG(0028, 3000), 0);
    double *sums = calloc(HEADER_ENTRIES, sizeof *sums);
    int whole;

    h->table = header_table_new(h, item, TAG(0028, 3002));
    whole = h->table != NULL && sums != NULL &&
            header_table_add(h->table, sums, item, TAG(0028, 3002),
                             TAG(0028, 3006), 1);
    free(sums);

    return whole ? DICOM_OK : DICOM_DAMAGED;
}


/* Entries become how bright their colours are (ITU-R BT.601). */
static dicom_status_t
header_palette(header_t *h, dicom_item_t *root)
{
    static const double weight[3] = {0.299, 0.587, 0.114};
    double *sums = calloc(HEADER_ENTRIES, sizeof *sums);
    int whole;

    h->table = header_table_new(h, root, TAG(0028, 1101));
    whole = h->table != NULL && sums != NULL;

    for (uint32_t i = 0; i < 3 && whole; i++) {
        whole = header_table_add(h->table, sums, root, TAG(0028, 1101) + i,
                                 TAG(0028, 1201) + i, weight[i]);
    }
    free(sums);

    return whole ? DICOM_OK : DICOM_DAMAGED;
}


/* Of as many entries as the descriptor says, all 0; NULL: it makes no sense. */
static header_table_t *
header_table_new(const header_t *h, dicom_item_t *item, uint32_t descriptor)
{
    double count = dicom_number(item, descriptor, 0, NAN);
    double first = dicom_number(item, descriptor, 1, NAN);
    header_table_t *t;

    if (!(fabs(count) <= UINT16_MAX) || !(fabs(first) <= UINT16_MAX)) {
        return NULL;
    }

    if (count <= 0) {
        count += HEADER_ENTRIES; /* 0 stands for 65536 */
    }

    t = calloc(1, sizeof *t + (size_t) count * sizeof *t->entry);
    if (t == NULL) {
        return NULL;
    }

    if (h->shape.is_signed && first > INT16_MAX) {
        first -= 65536;
    } else if (!h->shape.is_signed && first < 0) {
        first += 65536;
    }

    t->count = (uint32_t) count;
    t->first = (int32_t) first;
    return t;
}


/* Adds weight times the entries of `data`; 0: there are too few. */
static int
header_table_add(header_table_t *t, double *sums, dicom_item_t *item,
                 uint32_t descriptor, uint32_t data, double weight)
{
    const int bytes = dicom_number(item, descriptor, 2, 16) <= 8;
    const uint16_t *words;
    size_t n = dicom_words(item, data, &words);
    int packed = bytes && n < t->count; /* two entries a word */

    if (n < (packed ? (t->count + 1) / 2 : t->count)) {
        return 0;
    }

    for (size_t i = 0; i < t->count; i++) {
        sums[i] += weight *
                   (packed ? words[i / 2] >> (i % 2 ? 8 : 0) & 0xff : words[i]);
        t->entry[i] = (uint16_t) fmin(UINT16_MAX, round(sums[i]));
    }

    return 1;
}
