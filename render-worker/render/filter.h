/*
 * The filter of young pictures (kernel/pt_filter.h), and the light of the
 * picture before (kernel/pt_reproject.h), over a pool of threads. The same bits
 * for any number of them. Those named v3 are a second build, which the others
 * hand over to in a filter that was opened for it.
 */

#ifndef RENDER_FILTER_H
#define RENDER_FILTER_H

#include <stdbool.h>

#include "render-worker/render/film.h"

#define FILM_EDGE_MAX 4096 /* pixels, along either edge of a film */

/* v3: the CPU has the instructions of x86-64-v3. */
expo_status_t filter_open(bool v3, filter_t **out);
void filter_close(filter_t *t);

/* shaded: [height][width][4], radiance of what covers, and how much it does. */
expo_status_t filter_run(filter_t *t, const film_t *f, pool_t *pool,
                         float *shaded);
expo_status_t filter_run_v3(filter_t *t, const film_t *f, pool_t *pool,
                            float *shaded);

/* The film becomes the past, with what it took over of the past before. */
expo_status_t filter_keep(filter_t *t, const film_t *f, pool_t *pool);
expo_status_t filter_keep_v3(filter_t *t, const film_t *f, pool_t *pool);

/* Nothing of the past is of use any more. */
void filter_forget(filter_t *t);

#endif
