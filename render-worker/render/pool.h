/*
 * Threads that share out numbered pieces of work. The caller works too, so a
 * pool of 1 has no thread of its own.
 */

#ifndef RENDER_POOL_H
#define RENDER_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"

typedef struct pool_s pool_t;

/* threads: 0 is one a core. */
expo_status_t pool_open(unsigned threads, pool_t **out);
void pool_close(pool_t *p);
unsigned pool_threads(const pool_t *p);

/* Calls work(ctx, i) for i in 0..n-1, in any order; returns when all are done.
 * One caller at a time. */
void pool_run(pool_t *p, uint32_t n, void (*work)(void *ctx, uint32_t i),
              void *ctx);

/*
 * The same for i in first..n-1 until over(ctx), which each thread asks after
 * each piece. What began is finished, and something always begins. Returns the
 * first i that did not: n when all are done.
 */
uint32_t pool_run_until(pool_t *p, uint32_t first, uint32_t n,
                        void (*work)(void *ctx, uint32_t i),
                        bool (*over)(void *ctx), void *ctx);

#endif
