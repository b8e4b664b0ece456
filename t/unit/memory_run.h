/* Each allocation of a call fails in turn: ours, and those of jansson, OpenSSL
 * and SQLite. */

#ifndef MEMORY_RUN_H
#define MEMORY_RUN_H

#undef malloc
#undef calloc
#undef realloc
#undef strdup

#include "t/unit/check.h"

static sqlite3_mem_methods sqlite_memory;


static void *
openssl_malloc(size_t n, const char *file, int line)
{
    (void) file;
    (void) line;

    return memory_malloc(n);
}

static void *
openssl_realloc(void *p, size_t n, const char *file, int line)
{
    (void) file;
    (void) line;

    return memory_realloc(p, n);
}

static void
openssl_free(void *p, const char *file, int line)
{
    (void) file;
    (void) line;
    free(p);
}

static void *
sqlite_malloc(int n)
{
    return memory_out() ? NULL : sqlite_memory.xMalloc(n);
}

static void *
sqlite_realloc(void *p, int n)
{
    return memory_out() ? NULL : sqlite_memory.xRealloc(p, n);
}

static void
hook(void)
{
    sqlite3_mem_methods ours;

    CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);
    json_set_alloc_funcs(memory_malloc, free);

    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory);
    ours = sqlite_memory;
    ours.xMalloc = sqlite_malloc;
    ours.xRealloc = sqlite_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &ours);
}

/* Each answer but the last must be an error or right; the last must be right.
 */
static int
run(expo_status_t (*what)(void), const char *name)
{
    expo_status_t st;
    long n = 0, wrong = 0, refused = 0;

    do {
        /* RSA alone allocates some 6000 times, much the same way. */
        n += n < 1100 ? 1 : 61;
        memory_seen = 0;
        memory_at = n;
        st = what();
        memory_at = 0;

        refused += st != EXPO_OK;
        wrong += st != EXPO_OK && st != EXPO_NO_MEMORY && st != EXPO_IO &&
                 st != EXPO_DENIED && st != EXPO_NOT_FOUND &&
                 st != EXPO_INVALID && st != EXPO_UNSUPPORTED;
        if (wrong > 0 || what() != EXPO_OK) {
            printf("# %s: allocation %ld gives %s\n", name, n,
                   expo_status_name(st));
            return 0;
        }
    } while (memory_seen >= n && n < 20000);

    printf("# %s: about %ld allocations, %ld refused\n", name, n, refused);

    return refused > 0 && st == EXPO_OK;
}

#endif
