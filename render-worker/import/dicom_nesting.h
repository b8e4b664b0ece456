/* How deep the sequences of a DICOM data set go, found without recursion. */

#ifndef EXPO_DICOM_NESTING_H
#define EXPO_DICOM_NESTING_H

#include <stddef.h>
#include <stdint.h>

/* Of sequences and items, each a level. Real files stay below ten. */
#define DICOM_NESTING_MAX 64

/*
 * Levels before group 7FE0; more than DICOM_NESTING_MAX when there are more, or
 * when lengths contradict each other.
 * Source: DICOM PS3.5, 7.5.
 */
int dicom_nesting(const uint8_t *data, size_t len, int is_explicit,
                  int big_endian);

#endif
