/*
 * Memory for plain voxels: anonymous, kept out of core dumps, wiped before it
 * goes back.
 */

#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *base; /* NULL when there is none */
    size_t bytes;
    size_t used; /* from the start; what release wipes */
} memory_t;

/* 0, or -1 when the system has no such stretch of addresses. */
int memory_map(memory_t *m, size_t bytes);
void memory_release(memory_t *m);

/* Bytes that this process may still take: the machine's and its cgroup's. */
uint64_t memory_available(void);

#endif
