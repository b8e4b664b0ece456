/*
 * Allocations that fail on demand: the memory_at-th fails. Before the .c under
 * test, whose own calls become counted ones; t/unit/memory_run.h comes behind.
 */

#ifndef MEMORY_H
#define MEMORY_H

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static long memory_at, memory_seen;

static int
memory_out(void)
{
    return ++memory_seen == memory_at;
}

static void *
memory_malloc(size_t n)
{
    return memory_out() ? NULL : malloc(n);
}

static void *
memory_calloc(size_t n, size_t size)
{
    return memory_out() ? NULL : calloc(n, size);
}

static void *
memory_realloc(void *p, size_t n)
{
    return memory_out() ? NULL : realloc(p, n);
}

static char *
memory_strdup(const char *s)
{
    return memory_out() ? NULL : strdup(s);
}

#include <jansson.h>
#include <sodium.h>
#include <sqlite3.h>

#define malloc memory_malloc
#define calloc memory_calloc
#define realloc memory_realloc
#undef strdup
#define strdup memory_strdup

#endif
