/* A scan from a file or a folder, for exposure-render. */

#include "tools/exposure-render.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/nrrd_read.h"

static void scan_take(scan_t *s, const uint8_t *data, size_t bytes,
                      const char *path);
static uint8_t *file_read(int fd, size_t *bytes);
static uint8_t *import(const char *folder, const char *self, size_t *bytes);


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


/* exposure-import, beside this program, reads the folder and says what fails.
 */
static uint8_t *
import(const char *folder, const char *self, size_t *bytes)
{
    char path[PATH_MAX], copy[PATH_MAX];
    int out[2], status;
    pid_t importer;
    uint8_t *data;

    snprintf(copy, sizeof(copy), "%s", self);
    snprintf(path, sizeof(path), "%s",
             strchr(self, '/') ? dirname(copy) : "exposure-import");

    if (strchr(self, '/')) {
        strncat(path, "/exposure-import", sizeof(path) - strlen(path) - 1);
    }

    if (pipe2(out, O_CLOEXEC) != 0) {
        fail(EXIT_INPUT, "cannot make a pipe: %s", strerror(errno));
    }

    importer = fork();

    if (importer == 0) {
        dup2(out[1], STDOUT_FILENO);
        execlp(path, path, "--out", "-", folder, (char *) NULL);
        _exit(127);
    }

    close(out[1]);
    data = file_read(out[0], bytes);
    close(out[0]);

    if (importer < 0 || waitpid(importer, &status, 0) != importer ||
        !WIFEXITED(status)) {
        fail(EXIT_INPUT, "exposure-import broke off");
    }

    if (WEXITSTATUS(status) == 127) {
        fail(EXIT_INPUT, "cannot run %s, which reads DICOM folders", path);
    }

    if (WEXITSTATUS(status) != 0) {
        fail(EXIT_INPUT, "%s: nothing in it can be rendered", folder);
    }

    return data;
}
