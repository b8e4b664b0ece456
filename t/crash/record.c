/*
 * The recorder: libc's calls that change files, in this program's own version,
 * so that lib/ and SQLite come through here. Each does what it is asked and
 * writes it down.
 */

#undef _FORTIFY_SOURCE /* its inline versions are not to be replaced */

#include "t/crash/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RECORD_FILES 4096

/* SQLite's index of its log: made anew by whoever comes first. */
#define RECORD_MEMORY "-shm"

disk_step_t *disk_steps;
size_t disk_step_count;

static char root[PATH_MAX];
static const char *const *folders;
static int recording, operation;
static ino_t inodes[RECORD_FILES]; /* of files that have been seen, newest */
static int files;

static int record_file(int fd, int is_new);
static int record_folder(int fd);
static int record_path(int dir, const char *path, char name[DISK_NAME]);
static disk_step_t *record_step(disk_step_kind_t kind, int file, int folder);
static void record_name(int folder, const char name[DISK_NAME], int file);
static int record_open(int dir, const char *path, int flags, mode_t mode);


void
disk_record(const char *at, const char *const names[DISK_FOLDERS])
{
    recording = at != NULL;

    if (at != NULL && realpath(at, root) == NULL) {
        perror(at);
        exit(1);
    }

    folders = names;
}

void
disk_operation(int number)
{
    operation = number;
}

void
disk_forget(void)
{
    while (disk_step_count > 0) {
        free(disk_steps[--disk_step_count].bytes);
    }

    free(disk_steps);
    disk_steps = NULL;
    files = 0;
}


/* --- libc's calls --- */

#define OPEN_MODE(mode, flags)                                                 \
    do {                                                                       \
        if ((flags) & (O_CREAT | O_TMPFILE)) {                                 \
            va_list ap;                                                        \
            va_start(ap, flags);                                               \
            mode = va_arg(ap, mode_t);                                         \
            va_end(ap);                                                        \
        }                                                                      \
    } while (0)

int
open(const char *path, int flags, ...)
{
    mode_t mode = 0;

    OPEN_MODE(mode, flags);

    return record_open(AT_FDCWD, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
    mode_t mode = 0;

    OPEN_MODE(mode, flags);

    return record_open(AT_FDCWD, path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
    mode_t mode = 0;

    OPEN_MODE(mode, flags);

    return record_open(dir, path, flags, mode);
}

int
openat64(int dir, const char *path, int flags, ...)
{
    mode_t mode = 0;

    OPEN_MODE(mode, flags);

    return record_open(dir, path, flags, mode);
}

ssize_t
pwrite(int fd, const void *b, size_t n, off_t at)
{
    ssize_t done = syscall(SYS_pwrite64, fd, b, n, at);
    int file = done > 0 ? record_file(fd, 0) : -1;
    disk_step_t *step;

    if (file >= 0) {
        step = record_step(DISK_WRITE, file, -1);
        step->at = (uint64_t) at;
        step->len = (size_t) done;
        step->bytes = malloc(step->len);
        memcpy(step->bytes, b, step->len);
    }

    return done;
}

ssize_t
pwrite64(int fd, const void *b, size_t n, off_t at)
{
    return pwrite(fd, b, n, at);
}

ssize_t
write(int fd, const void *b, size_t n)
{
    off_t at;

    if (record_file(fd, 0) < 0) {
        return syscall(SYS_write, fd, b, n);
    }

    at = lseek(fd, 0, SEEK_CUR);
    if ((ssize_t) (n = (size_t) pwrite(fd, b, n, at)) > 0) {
        lseek(fd, at + (off_t) n, SEEK_SET);
    }

    return (ssize_t) n;
}

int
ftruncate(int fd, off_t size)
{
    int rc = (int) syscall(SYS_ftruncate, fd, size);
    int file = rc == 0 ? record_file(fd, 0) : -1;

    if (file >= 0) {
        record_step(DISK_TRUNCATE, file, -1)->at = (uint64_t) size;
    }

    return rc;
}

int
ftruncate64(int fd, off_t size)
{
    return ftruncate(fd, size);
}

static int
record_sync(int rc, int fd)
{
    int folder = rc == 0 ? record_folder(fd) : -1;
    int file = rc == 0 && folder < 0 ? record_file(fd, 0) : -1;

    if (folder >= 0) {
        record_step(DISK_FOLDER_SYNC, -1, folder);
    } else if (file >= 0) {
        record_step(DISK_SYNC, file, -1);
    }

    return rc;
}

int
fsync(int fd)
{
    return record_sync((int) syscall(SYS_fsync, fd), fd);
}

int
fdatasync(int fd)
{
    return record_sync((int) syscall(SYS_fdatasync, fd), fd);
}

int
linkat(int from, const char *path, int dir, const char *name, int flags)
{
    char its_name[DISK_NAME];
    int rc = (int) syscall(SYS_linkat, from, path, dir, name, flags);
    int folder = rc == 0 ? record_path(dir, name, its_name) : -1;
    int fd;

    if (folder >= 0) {
        fd = (int) syscall(SYS_openat, dir, name, O_RDONLY | O_CLOEXEC, 0);
        record_name(folder, its_name, record_file(fd, 0));
        close(fd);
    }

    return rc;
}

int
unlinkat(int dir, const char *path, int flags)
{
    char name[DISK_NAME];
    int rc = (int) syscall(SYS_unlinkat, dir, path, flags);
    int folder = rc == 0 ? record_path(dir, path, name) : -1;

    if (folder >= 0) {
        record_name(folder, name, -1);
    }

    return rc;
}

int
unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int
renameat(int from, const char *old, int dir, const char *path)
{
    char name[DISK_NAME], old_name[DISK_NAME];
    int fd = (int) syscall(SYS_openat, from, old, O_RDONLY | O_CLOEXEC, 0);
    int file = fd >= 0 ? record_file(fd, 0) : -1;
    int rc = (int) syscall(SYS_renameat, from, old, dir, path);
    int folder = rc == 0 ? record_path(dir, path, name) : -1;

    /* One step of the disk's: a file system keeps a rename whole. */
    if (folder >= 0 && file >= 0) {
        record_name(folder, name, file);
        record_name(record_path(from, old, old_name), old_name, -1);
    }

    if (fd >= 0) {
        close(fd);
    }

    return rc;
}

int
rename(const char *old, const char *path)
{
    return renameat(AT_FDCWD, old, AT_FDCWD, path);
}


/* --- what they were done to --- */

static int
record_open(int dir, const char *path, int flags, mode_t mode)
{
    int makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    char name[DISK_NAME];
    struct stat sb;
    int fd, file, folder, was_there;

    was_there = !makes || (flags & O_TMPFILE) == O_TMPFILE ||
                syscall(SYS_newfstatat, dir, path, &sb, 0) == 0;

    fd = (int) syscall(SYS_openat, dir, path, flags, mode);
    if (fd < 0 || !makes) {
        return fd;
    }

    if ((flags & O_TMPFILE) == O_TMPFILE) {
        record_file(fd, 1);

    } else if (!was_there && (folder = record_path(dir, path, name)) >= 0) {
        file = record_file(fd, 1);
        record_name(folder, name, file);
    }

    return fd;
}

/* Its number, -1: not below root, or nobody's business. */
static int
record_file(int fd, int is_new)
{
    char link[64], path[PATH_MAX];
    struct stat sb;
    ssize_t n;

    if (!recording || fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode)) {
        return -1;
    }

    for (int i = files - 1; i >= 0 && !is_new; i--) {
        if (inodes[i] == sb.st_ino) {
            return i;
        }
    }

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    if (strncmp(path, root, strlen(root)) != 0 ||
        strstr(path, RECORD_MEMORY) != NULL) {
        return -1;
    }

    if (!is_new || files == RECORD_FILES) {
        fprintf(stderr, "a file nobody saw being made: %s\n", path);
        abort();
    }

    inodes[files] = sb.st_ino;

    return files++;
}

static int
record_folder(int fd)
{
    char path[PATH_MAX + DISK_NAME];
    struct stat sb, its;

    if (!recording || fstat(fd, &sb) < 0 || !S_ISDIR(sb.st_mode)) {
        return -1;
    }

    for (int i = 0; i < DISK_FOLDERS; i++) {
        snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
        if (stat(path, &its) == 0 && its.st_ino == sb.st_ino) {
            return i;
        }
    }

    return -1;
}

/* The folder in which the path's last part stands, and that part. */
static int
record_path(int dir, const char *path, char name[DISK_NAME])
{
    const char *last = strrchr(path, '/');
    char parent[PATH_MAX];
    int fd, folder;

    memset(name, 0, DISK_NAME);
    strncpy(name, last != NULL ? last + 1 : path, DISK_NAME - 1);

    if (!recording || strstr(name, RECORD_MEMORY) != NULL) {
        return -1;
    }

    snprintf(parent, sizeof(parent), "%.*s",
             last != NULL ? (int) (last - path) + 1 : 1,
             last != NULL ? path : ".");

    fd = (int) syscall(SYS_openat, dir, parent, O_RDONLY | O_DIRECTORY, 0);
    folder = fd >= 0 ? record_folder(fd) : -1;
    if (fd >= 0) {
        close(fd);
    }

    return folder;
}

static void
record_name(int folder, const char name[DISK_NAME], int file)
{
    disk_step_t *step;

    if (folder >= 0) {
        step = record_step(DISK_NAME_SET, file, folder);
        memcpy(step->name, name, DISK_NAME);
    }
}

static disk_step_t *
record_step(disk_step_kind_t kind, int file, int folder)
{
    disk_step_t *step;

    disk_steps =
        realloc(disk_steps, (disk_step_count + 1) * sizeof(*disk_steps));
    if (disk_steps == NULL) {
        abort();
    }

    step = &disk_steps[disk_step_count++];
    memset(step, 0, sizeof(*step));
    step->kind = kind;
    step->operation = operation;
    step->file = file;
    step->folder = folder;

    return step;
}
