/* Files that exposure-render writes: invisible until they are whole. */

#include "tools/exposure-render.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names that are not whole yet; fail() removes them. */
static output_t *unfinished;


void
output_check(const char *path)
{
    char copy[PATH_MAX];
    struct stat st;

    if (snprintf(copy, sizeof(copy), "%s", path) >= (int) sizeof(copy) - 8) {
        fail(EXIT_OUTPUT, "the name of an --out is too long");
    }

    /* A whole file takes the place of what has its name, and a folder or a
     * device is not to be lost like that. */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        fail(EXIT_OUTPUT, "cannot write %s: it is a %s", path,
             S_ISDIR(st.st_mode) ? "folder" : "device");
    }

    if (access(dirname(copy), W_OK | X_OK) != 0) {
        fail(EXIT_OUTPUT, "cannot write %s: %s", path, strerror(errno));
    }
}


int
output_begin(output_t *out, const char *path)
{
    mode_t mask = umask(0);
    int fd;

    umask(mask);
    out->path = path;
    snprintf(out->temp, sizeof(out->temp), "%s.XXXXXX", path);
    fd = mkstemp(out->temp);

    if (fd < 0 || fchmod(fd, 0666 & ~mask) != 0) {
        fail(EXIT_OUTPUT, "cannot write %s: %s", path, strerror(errno));
    }

    out->next = unfinished;
    unfinished = out;

    return fd;
}


void
output_end(output_t *out)
{
    output_t **at = &unfinished;

    if (rename(out->temp, out->path) != 0) {
        fail(EXIT_OUTPUT, "cannot write %s: %s", out->path, strerror(errno));
    }

    while (*at != out) {
        at = &(*at)->next;
    }

    *at = out->next;
}


void
output_abandon(void)
{
    for (; unfinished != NULL; unfinished = unfinished->next) {
        unlink(unfinished->temp);
    }
}


int
ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);

    return a > b && strcmp(text + a - b, end) == 0;
}
