/* A scan from a file or a folder, for exposure-render. */

#include "tools/exposure-render.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/nrrd_read.h"
#include "lib/tar.h"

static void scan_take(scan_t *s, const uint8_t *data, size_t bytes,
                      const char *path);
static uint8_t *file_read(int fd, size_t *bytes);
static uint8_t *import(const char *folder, const char *self, size_t *bytes);
static pid_t keep(int events[2], int report);
static pid_t feed(const char *folder, const int in[2], const int out[2]);
static void feed_folder(const char *folder, int out, unsigned depth,
                        uint64_t *number);
static void feed_file(const char *path, int out, uint64_t number);
static int write_all(int fd, const void *data, size_t bytes);
static void import_failed(int report, const char *folder);


void
scan_read(scan_t *s, const char *path, const char *self)
{
    uint8_t *data;
    struct stat st;
    size_t bytes;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0) {
        fail(EXIT_INPUT, "cannot open %s: %s", path, strerror(errno));
    }

    data = S_ISDIR(st.st_mode) ? import(path, self, &bytes)
                               : file_read(fd, &bytes);
    close(fd);

    if (data == NULL) {
        fail(EXIT_INPUT, "cannot read %s: %s", path, strerror(errno));
    }

    scan_take(s, data, bytes, path);
    free(data);
}


static void
scan_take(scan_t *s, const uint8_t *data, size_t bytes, const char *path)
{
    char error[256];
    size_t i, n;

    if (bytes < EXPO_VOLUME_HEADER ||
        expo_volume_read(&s->volume, data, bytes) != EXPO_OK) {
        if (expo_nrrd_read(&s->volume, &s->voxels, data, bytes, error,
                           sizeof(error)) != EXPO_OK) {
            fail(EXIT_INPUT, "%s: %s", path, error);
        }

        return;
    }

    n = (size_t) expo_volume_voxels(&s->volume);
    s->voxels = need(malloc(n * sizeof(*s->voxels)));
    data += EXPO_VOLUME_HEADER;

    for (i = 0; i < n; i++) {
        s->voxels[i] = (uint16_t) (data[2 * i] | data[2 * i + 1] << 8);
    }
}


static uint8_t *
file_read(int fd, size_t *bytes)
{
    size_t room = 1 << 20, used = 0;
    uint8_t *data = need(malloc(room));
    ssize_t n;

    for (;;) {
        n = read(fd, data + used, room - used);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n < 0) {
            free(data);
            return NULL;
        }

        if (n == 0) {
            break;
        }

        used += (size_t) n;

        if (used == room) {
            room *= 2;
            data = need(realloc(data, room));
        }
    }

    *bytes = used;

    return data;
}


/* exposure-import, beside this program, turns a tar of DICOM into a volume. */
static uint8_t *
import(const char *folder, const char *self, size_t *bytes)
{
    char path[PATH_MAX], copy[PATH_MAX];
    int in[2], out[2], events[2], report, status;
    pid_t feeder, keeper, importer;
    uint8_t *data;

    snprintf(copy, sizeof(copy), "%s", self);
    snprintf(path, sizeof(path), "%s",
             strchr(self, '/') ? dirname(copy) : "exposure-import");

    if (strchr(self, '/')) {
        strncat(path, "/exposure-import", sizeof(path) - strlen(path) - 1);
    }

    report = memfd_create("report", MFD_CLOEXEC);

    if (report < 0 || pipe2(events, O_CLOEXEC) != 0) {
        fail(EXIT_INPUT, "cannot make a pipe: %s", strerror(errno));
    }

    /* Before the other pipes are: it must not hold their ends open. */
    keeper = keep(events, report);

    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
        fail(EXIT_INPUT, "cannot make a pipe: %s", strerror(errno));
    }

    feeder = feed(folder, in, out);
    importer = fork();

    if (importer == 0) {
        /* First out of the way of the numbers that exposure-import expects. */
        events[1] = fcntl(events[1], F_DUPFD_CLOEXEC, 10);
        in[0] = fcntl(in[0], F_DUPFD_CLOEXEC, 10);
        out[1] = fcntl(out[1], F_DUPFD_CLOEXEC, 10);
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(events[1], 3);
        execlp(path, path, "--pipe", (char *) NULL);
        _exit(127);
    }

    close(in[0]);
    close(in[1]);
    close(out[1]);
    close(events[0]);
    close(events[1]);
    data = file_read(out[0], bytes);
    close(out[0]);
    waitpid(feeder, NULL, 0);
    waitpid(keeper, NULL, 0);

    if (waitpid(importer, &status, 0) != importer || !WIFEXITED(status)) {
        fail(EXIT_INPUT, "exposure-import broke off");
    }

    if (WEXITSTATUS(status) == 127) {
        fail(EXIT_INPUT, "cannot run %s, which reads DICOM folders", path);
    }

    if (WEXITSTATUS(status) != 0) {
        import_failed(report, folder);
    }

    close(report);

    return data;
}


/* The importer tells by a pipe, never by a file: what it says is kept here. */
static pid_t
keep(int events[2], int report)
{
    uint8_t *data;
    size_t bytes;
    pid_t pid = fork();

    if (pid < 0) {
        fail(EXIT_INPUT, "cannot start a process: %s", strerror(errno));
    }

    if (pid > 0) {
        return pid;
    }

    close(events[1]);
    data = file_read(events[0], &bytes);

    if (data != NULL) {
        write_all(report, data, bytes);
    }

    _exit(0);
}


static pid_t
feed(const char *folder, const int in[2], const int out[2])
{
    uint64_t number = 0;
    uint8_t zero[2 * EXPO_TAR_BLOCK] = {0};
    pid_t pid = fork();

    if (pid < 0) {
        fail(EXIT_INPUT, "cannot start a process: %s", strerror(errno));
    }

    if (pid > 0) {
        return pid;
    }

    /* Else an importer that gave up would never be noticed. */
    close(in[0]);
    close(out[0]);
    close(out[1]);

    feed_folder(folder, in[1], 0, &number);
    write_all(in[1], zero, sizeof(zero));
    _exit(0);
}


static void
feed_folder(const char *folder, int out, unsigned depth, uint64_t *number)
{
    char path[PATH_MAX];
    struct dirent *e;
    struct stat st;
    DIR *d;

    d = depth < 16 ? opendir(folder) : NULL;

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.' ||
            snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) >=
                (int) sizeof(path) ||
            lstat(path, &st) != 0) {
            continue;
        }

        if (S_ISDIR(st.st_mode)) {
            feed_folder(path, out, depth + 1, number);

        } else if (S_ISREG(st.st_mode)) {
            feed_file(path, out, (*number)++);
        }
    }

    if (d != NULL) {
        closedir(d);
    }
}


static void
feed_file(const char *path, int out, uint64_t number)
{
    uint8_t header[EXPO_TAR_BLOCK], zero[EXPO_TAR_BLOCK] = {0}, *data;
    size_t bytes;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    data = fd >= 0 ? file_read(fd, &bytes) : NULL;

    if (data != NULL) {
        expo_tar_header(header, number, bytes);

        if (!write_all(out, header, sizeof(header)) ||
            !write_all(out, data, bytes) ||
            !write_all(out, zero, expo_tar_padding(bytes))) {
            _exit(1);
        }
    }

    free(data);

    if (fd >= 0) {
        close(fd);
    }
}


static int
write_all(int fd, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    ssize_t n;

    while (bytes > 0) {
        n = write(fd, p, bytes);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return 0;
        }

        p += n;
        bytes -= (size_t) n;
    }

    return 1;
}


static void
import_failed(int report, const char *folder)
{
    const char *detail = NULL;
    json_t *line;
    FILE *f;

    lseek(report, 0, SEEK_SET);
    f = fdopen(report, "r");

    while (f != NULL && (line = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL))) {
        json_unpack(line, "{s:{s:{s:s}}}", "report", "failure", "detail",
                    &detail);

        if (detail != NULL) {
            break;
        }

        json_decref(line);
    }

    fail(EXIT_INPUT, "%s: %s", folder,
         detail != NULL ? detail : "nothing in it can be rendered");
}
