/*
 * Threads that exist before the sandbox closes (afterwards none can be made)
 * and then do numbered pieces of work side by side.
 */

#ifndef EXPO_IMPORT_POOL_H
#define EXPO_IMPORT_POOL_H

#include <stddef.h>

#define POOL_STACK (32u << 20) /* bytes a thread */
#define POOL_MAX 8
#define POOL_PATIENCE_S 15

/* Starts min(processors that it may use, POOL_MAX) threads, once; 0 when none could start. */
int pool_start(void);

/*
 * Calls work(data, i) for every i below n, each once, in any order and thread.
 * step, unless NULL, is called here in the calling thread about ten times a
 * second with how many are done.
 *
 * Returns 1 when all are done; 0 when none was finished for POOL_PATIENCE_S.
 * Then threads are still at it: data must stay, and the process must end.
 */
int pool_each(size_t n, void (*work)(void *data, size_t i), void *data,
              void (*step)(void *data, size_t done));

#endif
