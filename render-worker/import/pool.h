/*
 * Threads that exist before the sandbox closes (afterwards none can be made)
 * and then do numbered pieces of work side by side.
 */

#ifndef EXPO_IMPORT_POOL_H
#define EXPO_IMPORT_POOL_H

#include <stddef.h>

#define POOL_STACK (32u << 20) /* bytes a thread */
#define POOL_MAX 8

/* Starts min(processors, POOL_MAX) threads, once; 0 when none could start. */
int pool_start(void);

/*
 * Calls work(data, i) for every i below n, each once, in any order and thread.
 * Returns when all are done. step, unless NULL, is called here in the calling
 * thread about ten times a second with how many are done.
 */
void pool_each(size_t n, void (*work)(void *data, size_t i), void *data,
               void (*step)(void *data, size_t done));

#endif
