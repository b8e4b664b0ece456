/* What the parts of exposure-render share. */

#ifndef EXPOSURE_RENDER_H
#define EXPOSURE_RENDER_H

#include <stdint.h>

#include "lib/volume.h"
#include "render-worker/render/tracer.h"

enum { EXIT_USAGE = 2, EXIT_INPUT = 3, EXIT_OUTPUT = 4 };

typedef struct {
    expo_volume_t volume;
    uint16_t *voxels; /* malloc'd */
} scan_t;

/* path: NRRD, our own volume, or a folder of DICOM files. self: argv[0], beside
 * which exposure-import lies. Fails with a sentence. */
void scan_read(scan_t *s, const char *path, const char *self);

/* The CPU, and a line that says why, where there is no such device. */
tracer_t *device_create(const char *name, unsigned threads);

/* After EXPO_IO: says why and starts this program again, on the CPU. */
_Noreturn void device_failed(const tracer_t *t, char **argv);

/* memory, or an end with a sentence when it is NULL. */
void *need(void *memory);

/* Says why and exits with code. */
_Noreturn void fail(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
