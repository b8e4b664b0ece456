/*
 * Volumes of other formats (NIfTI, NRRD, MetaImage) in an upload: read in whole
 * when no DICOM series is to be had, each a series of its own in the report.
 */

#ifndef EXPO_IMPORT_FOREIGN_H
#define EXPO_IMPORT_FOREIGN_H

#include "render-worker/import/files.h"
#include "render-worker/import/import.h"

/*
 * Reads them all and keeps the voxels of one: `which` in their order, or with
 * IMPORT_CHOOSE the one with most layers. files->foreign says of each what
 * became of it.
 */
reason_t foreign_read(import_files_t *files, size_t which);

/* Header and voxels of the kept one; 0: the sink stopped. */
int foreign_write(const import_sink_t *sink, const import_foreign_t *f);

void foreign_release(import_files_t *files);

#endif
