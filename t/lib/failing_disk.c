/*
 * LD_PRELOAD: a disk that fails when it is told to. EXPO_DISK names a file of
 * four 32-bit numbers that all processes share:
 *
 *   at      the n-th call from now on fails; 0: none
 *   error   with this errno
 *   seen    calls so far: they change what lies under the folder of that file
 *   full    if not 0, the disk says that it has no space left
 */

#undef _FORTIFY_SOURCE /* its inline versions are not to be replaced */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct {
    uint32_t at, error;
    _Atomic uint32_t seen;
    uint32_t full;
} disk_t;

static disk_t *disk;
static char folder[PATH_MAX];

static __attribute__((constructor)) void
disk_begin(void)
{
    const char *path = getenv("EXPO_DISK");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd >= 0) {
        snprintf(folder, sizeof(folder), "%.*s",
                 (int) (strrchr(path, '/') - path + 1), path);
        disk = mmap(NULL, sizeof(*disk), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                    0);
        close(fd);
    }
}

static int
disk_is(int fd)
{
    char link[64], path[PATH_MAX];
    ssize_t n;

    if (disk == NULL) {
        return 0;
    }

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';

    return strncmp(path, folder, strlen(folder)) == 0 &&
           strstr(path, "-shm") == NULL;
}

static int
disk_fails(int fd)
{
    if (!disk_is(fd) || atomic_fetch_add(&disk->seen, 1) + 1 != disk->at) {
        return 0;
    }

    errno = (int) disk->error;

    return 1;
}

ssize_t
write(int fd, const void *b, size_t n)
{
    return disk_fails(fd) ? -1 : syscall(SYS_write, fd, b, n);
}

ssize_t
pwrite(int fd, const void *b, size_t n, off_t at)
{
    return disk_fails(fd) ? -1 : syscall(SYS_pwrite64, fd, b, n, at);
}

ssize_t
pwrite64(int fd, const void *b, size_t n, off_t at)
{
    return pwrite(fd, b, n, at);
}

int
ftruncate(int fd, off_t size)
{
    return disk_fails(fd) ? -1 : (int) syscall(SYS_ftruncate, fd, size);
}

int
ftruncate64(int fd, off_t size)
{
    return ftruncate(fd, size);
}

int
fsync(int fd)
{
    return disk_fails(fd) ? -1 : (int) syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
    return disk_fails(fd) ? -1 : (int) syscall(SYS_fdatasync, fd);
}

int
linkat(int from, const char *path, int dir, const char *name, int flags)
{
    return disk_fails(dir)
               ? -1
               : (int) syscall(SYS_linkat, from, path, dir, name, flags);
}

int
unlinkat(int dir, const char *path, int flags)
{
    return disk_fails(dir) ? -1 : (int) syscall(SYS_unlinkat, dir, path, flags);
}

int
fstatvfs(int fd, struct statvfs *v)
{
    char path[64];
    int rc;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    rc = statvfs(path, v);

    if (rc == 0 && disk_is(fd) && disk->full) {
        v->f_bavail = v->f_bfree = 0;
    }

    return rc;
}

int
fstatvfs64(int fd, struct statvfs64 *v)
{
    return fstatvfs(fd, (struct statvfs *) v);
}
