/* Between header.c and header_table.c. */

#ifndef EXPO_IMPORT_HEADER_PRIVATE_H
#define EXPO_IMPORT_HEADER_PRIVATE_H

#include "render-worker/import/header.h"

#define TAG(group, element) DICOM_TAG(0x##group, 0x##element)

/* Fills h->table of a palette or a modality LUT, where there is one. */
dicom_status_t header_tables(header_t *h, dicom_item_t *root);

#endif
