/*
 * Smooths the light of young pictures along surfaces: an edge-avoiding wavelet
 * filter (Dammertz et al., 2010) on light divided by surface colour. Guided by
 * what the camera sees (cover, depth, normal, colour: free of noise) and, from
 * a few samples on, by how sure each pixel is (Schied et al., 2017), so it
 * fades by itself as samples come in.
 */

#ifndef RENDER_FILTER_H
#define RENDER_FILTER_H

#include "render-worker/render/film.h"

/* From so many samples on a picture is shown as it is. */
#define FILTER_UNTIL 256

/* shaded: [height][width][4], the tissue's radiance and cover. */
expo_status_t filter_run(const film_t *f, pool_t *pool, float *shaded);

#endif
