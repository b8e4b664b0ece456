/*
 * System calls that fail on demand. Include before the .c under test: its calls
 * become counted ones, and the faults_at-th of them fails with faults_errno, or
 * ends the process when that is 0. faults_at 0: none fails. faults_log names
 * the calls in order, a letter each.
 */

#ifndef FAULTS_H
#define FAULTS_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAULTS_DIED 77 /* exit status of such a process */

static int faults_at, faults_seen, faults_errno;
static char faults_log[256];

static inline int
faults_hit(char letter)
{
    if (faults_seen < (int) sizeof(faults_log) - 1) {
        faults_log[faults_seen] = letter;
    }

    if (++faults_seen != faults_at) {
        return 0;
    }

    if (faults_errno == 0) {
        _exit(FAULTS_DIED);
    }

    errno = faults_errno;

    return 1;
}

static inline void
faults_arm(int at, int error)
{
    faults_at = at;
    faults_seen = 0;
    faults_errno = error;
    memset(faults_log, 0, sizeof(faults_log));
}

static inline ssize_t
faults_write(int fd, const void *b, size_t n)
{
    return faults_hit('W') ? -1 : write(fd, b, n);
}

static inline int
faults_fsync(int fd)
{
    return faults_hit('F') ? -1 : fsync(fd);
}

static inline int
faults_fdatasync(int fd)
{
    return faults_hit('D') ? -1 : fdatasync(fd);
}

static inline int
faults_linkat(int from, const char *a, int to, const char *b, int flags)
{
    return faults_hit('L') ? -1 : linkat(from, a, to, b, flags);
}

static inline int
faults_unlinkat(int dir, const char *name, int flags)
{
    return faults_hit('U') ? -1 : unlinkat(dir, name, flags);
}

static inline int
faults_openat(int dir, const char *name, int flags, mode_t mode)
{
    return faults_hit('O') ? -1 : openat(dir, name, flags, mode);
}

#define write faults_write
#define fsync faults_fsync
#define fdatasync faults_fdatasync
#define linkat faults_linkat
#define unlinkat faults_unlinkat
#define openat(dir, name, ...) faults_openat(dir, name, __VA_ARGS__)

#endif
