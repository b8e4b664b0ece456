/*
 * The allow-list of api/deidentify.json: which elements of a DICOM file may
 * stay when it leaves a person's hands. The browser rewrites by it; here it
 * tells what else came along.
 */

#ifndef EXPO_DEIDENTIFY_H
#define EXPO_DEIDENTIFY_H

#include <stdint.h>

#include "lib/status.h"

typedef struct expo_deidentify_s expo_deidentify_t;

/* Parses the list that is linked in. EXPO_NO_MEMORY. */
expo_status_t expo_deidentify_open(expo_deidentify_t **out);
void expo_deidentify_close(expo_deidentify_t *list);

/*
 * Whether an element may be there: kept, replaced or set. Some may only be
 * there empty. tag: group << 16 | element. Group lengths always may.
 */
int expo_deidentify_allows(const expo_deidentify_t *list, uint32_t tag,
                           int empty);

#endif
