#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "render-worker/memory.h"

static uint64_t memory_number(const char *path, const char *format);
static uint64_t memory_cgroup(void);
static uint64_t memory_left(const char *folder);
static uint64_t memory_cgroup_number(const char *folder, const char *file,
                                     const char *format);


int
memory_map(memory_t *m, size_t bytes)
{
    /* Pages come when they are written: an import's size is known at its end.
     */
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        return -1;
    }

    madvise(p, bytes, MADV_DONTDUMP);
    /* Paths look voxels up at random: fewer TLB misses. */
    madvise(p, bytes, MADV_HUGEPAGE);

    *m = (memory_t){p, bytes, 0};
    return 0;
}


void
memory_release(memory_t *m)
{
    if (m->base != NULL) {
        explicit_bzero(m->base, m->used);
        munmap(m->base, m->bytes);
    }

    *m = (memory_t){NULL, 0, 0};
}


uint64_t
memory_available(void)
{
    uint64_t machine, group;

    machine = memory_number("/proc/meminfo", "MemAvailable: %" SCNu64) * 1024;
    group = memory_cgroup();

    return group < machine ? group : machine;
}


/* The first line that format matches; 0 when there is none. */
static uint64_t
memory_number(const char *path, const char *format)
{
    FILE *f = fopen(path, "re");
    char line[256];
    uint64_t n = 0;

    if (f == NULL) {
        return 0;
    }

    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, format, &n) == 1) {
            break;
        }
    }

    fclose(f);
    return n;
}


/* Version 2 of the cgroup interface. */
static uint64_t
memory_cgroup(void)
{
    char group[256] = "", folder[512];
    FILE *f = fopen("/proc/self/cgroup", "re");

    if (f == NULL) {
        return UINT64_MAX;
    }

    if (fscanf(f, "0::%255s", group) != 1) {
        group[0] = '\0';
    }

    fclose(f);

    snprintf(folder, sizeof(folder), "/sys/fs/cgroup%s", group);

    return memory_left(folder);
}


/* Files that were read count as used until something else needs their pages:
 * they do not here, nor in MemAvailable. No limit reads as «max». */
static uint64_t
memory_left(const char *folder)
{
    uint64_t most, now, files;

    most = memory_cgroup_number(folder, "memory.max", "%" SCNu64);
    now = memory_cgroup_number(folder, "memory.current", "%" SCNu64);
    files = memory_cgroup_number(folder, "memory.stat", "active_file %" SCNu64);
    files +=
        memory_cgroup_number(folder, "memory.stat", "inactive_file %" SCNu64);

    if (most == 0) {
        return UINT64_MAX;
    }

    now -= files < now ? files : now;

    return now < most ? most - now : 0;
}


static uint64_t
memory_cgroup_number(const char *folder, const char *file, const char *format)
{
    char path[1024];

    snprintf(path, sizeof(path), "%s/%s", folder, file);

    return memory_number(path, format);
}
