/*
 * What a rendering back end does: create, open, set, film, pass, read, close.
 * A tracer is a device; a view is one session on it: volume, settings, film.
 * Calls on one tracer come from one thread.
 */

#ifndef TRACER_H
#define TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/settings.h"
#include "lib/status.h"
#include "lib/table.h"
#include "lib/volume.h"

#define TRACER_EDGE_MIN 16
#define TRACER_EDGE_MAX 4096

typedef struct tracer_s tracer_t;
typedef struct tracer_view_s tracer_view_t;

/*
 * device: "cpu"; "cuda:N", or "cuda", the first; "auto", a CUDA device if one
 * can be used. threads: the CPU's, 0 means one a core.
 * error: one sentence when the status is not EXPO_OK. EXPO_INVALID: not a name
 * of a device. EXPO_UNSUPPORTED: there is no such device here; "cpu" always is.
 */
expo_status_t tracer_create(const char *device, unsigned threads,
                            tracer_t **out, char *error, size_t error_bytes);
void tracer_destroy(tracer_t *t);
const char *tracer_device(const tracer_t *t);
bool tracer_is_card(const tracer_t *t); /* with memory of its own */

/*
 * Any call on a view may answer EXPO_IO: the device failed. All its views are
 * lost then; this is one sentence that says why. "" while nothing has failed.
 */
const char *tracer_trouble(const tracer_t *t);

/*
 * voxels: [nz][ny][nx] u16, host byte order; borrowed until tracer_close.
 * Builds the macrocell grid.
 */
expo_status_t tracer_open(tracer_t *t, const expo_volume_t *volume,
                          const uint16_t *voxels, tracer_view_t **out);
void tracer_close(tracer_view_t *v);

/*
 * Before the first tracer_set: table is the scanner's among the voxels of
 * tracer_open, hidden now. tracer_set shows or hides it there as settings say;
 * both are borrowed until tracer_close, which leaves them as they are.
 */
void tracer_table(tracer_view_t *v, expo_table_t *table, uint16_t *voxels);

/*
 * New settings; the film starts again from zero samples. If only the camera
 * changed, what is shown of the next young film looks back to the old one's
 * light where it sees the same tissue, ever less as samples come; tracer_read
 * never does. After any other change nothing of the old picture is left.
 */
expo_status_t tracer_set(tracer_view_t *v, const expo_settings_t *s);

/*
 * PRODUCTION, the default, marches to the first collision and from it to the
 * lights: little noise, a bias of some 0.1 %. UNBIASED tracks everywhere.
 * WOODCOCK and ER2012 are there to be compared with: tracking without
 * macrocells, and Exposure Render as it was in 2012.
 * The film starts again from zero samples.
 */
typedef enum {
    TRACER_PRODUCTION,
    TRACER_UNBIASED,
    TRACER_WOODCOCK,
    TRACER_ER2012
} tracer_mode_t;
expo_status_t tracer_mode(tracer_view_t *v, tracer_mode_t mode);

/* ER2012's steps become `part`, above 0, of what they were then: a half is
 * twice the work and less bias. The film starts again from zero samples. */
expo_status_t tracer_stride(tracer_view_t *v, float part);

/* Film of width x height pixels (16..4096), zero samples; seed: any. It too
 * looks back to the film before. */
expo_status_t tracer_film(tracer_view_t *v, uint32_t width, uint32_t height,
                          uint64_t seed);

/*
 * A film's first path through a pixel is a quick one, so that there is a
 * picture soon; before path number TRACER_AGAIN it is traced again, unless the
 * first pass goes that far: then it is no quick one. On the CPU, a first pass
 * of one path leaves every other pixel out if pictures are filtered: these are
 * filled in from their neighbours, and the next pass makes up for them.
 */
#define TRACER_AGAIN 2

/*
 * How many paths a pixel a film will have, from its next one on; 0, as it is at
 * first: who knows. Films of up to TRACER_FEW spend less on each: less time for
 * less than as much more noise, which of many would be a loss.
 */
#define TRACER_FEW 4
void tracer_expect(tracer_view_t *v, uint32_t samples);

/* Adds `samples` paths to every pixel; the same bits for any thread count. */
expo_status_t tracer_pass(tracer_view_t *v, uint32_t samples);

/*
 * The same in parts, and the same bits wherever they end. EXPO_AGAIN: over(ctx)
 * ended this part; the next call goes on with the pass, whatever its `samples`.
 * Until one answers EXPO_OK the film is no picture, and reading it answers
 * EXPO_AGAIN too; whatever starts the film again gives the pass up.
 *
 * over: asked between pieces, at most a few ms each, by several threads at a
 * time; once true it stays so. Each part does something, whatever it says.
 */
expo_status_t tracer_pass_part(tracer_view_t *v, uint32_t samples,
                               bool (*over)(void *ctx), void *ctx);

uint32_t tracer_samples(const tracer_view_t *v);

/* Paths since zero samples that gave no number (NaN, infinite) and were left
 * out of the film: always 0, unless a kernel has a bug. UINT64_MAX when the
 * device failed. */
uint64_t tracer_bad_paths(const tracer_view_t *v);

/*
 * Standard deviation that is left in the picture as shown but not filtered, in
 * steps of 1/255 of its grey, over all that is not background: from what two
 * parts of the samples differ by. Negative while it is not known.
 */
double tracer_noise(const tracer_view_t *v);

/* Mean linear radiance, [height][width][3], top row first, before exposure. */
expo_status_t tracer_read(const tracer_view_t *v, float *rgb);

/* The same of the picture that is shown: filtered while it is young. */
expo_status_t tracer_read_filtered(const tracer_view_t *v, float *rgb);

/*
 * The picture as shown: exposure, tone map, sRGB; [height][width][4] RGBA,
 * top row first, scaled (bilinear) from the film to width x height. Alpha is
 * 255, or with a transparent background what of it is covered; colours are not
 * darkened by it.
 */
expo_status_t tracer_read_display(const tracer_view_t *v, uint32_t width,
                                  uint32_t height, uint8_t *rgba);

/*
 * Patient-space point of what is seen first under the pixel (x, y in 0..1 from
 * the top left): tissue, surface, slice or the largest value. EXPO_NOT_FOUND
 * when the ray meets nothing, or nothing that has a place.
 */
expo_status_t tracer_pick(const tracer_view_t *v, float x, float y,
                          double point_mm[3]);

/* Values below which the given fractions of voxels lie, and a 256-bin
 * histogram over [offset + scale*voxel_min, offset + scale*voxel_max]. */
void tracer_statistics(const expo_volume_t *volume, const uint16_t *voxels,
                       uint32_t histogram[256], double percentiles[4]);

#endif
