#include "render-worker/import/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#include "lib/volume.h"
#include "render-worker/import/report.h"

enum {
    CHILD_EVENTS = 3,
    CHILD_CHUNK = 1 << 18,
    CHILD_PIPE = 1 << 20,
    CHILD_EVENT = 1 << 14,
    CHILD_EVENTS_MAX = 64 << 20 /* bytes of all lines together */
};

typedef struct {
    uint8_t *bytes;
    size_t len, room;
} child_buffer_t;

/* The volume on its way through. */
typedef struct {
    int (*take)(void *data, const uint8_t *bytes, size_t n);
    void *data;
    uint8_t head[EXPO_VOLUME_HEADER];
    uint8_t *bytes; /* CHILD_CHUNK, not handed on yet */
    size_t len;
    uint64_t total; /* that came */
    int refused;    /* by take */
} child_volume_t;

static int child_start(char *const *files, size_t count, size_t series,
                       pid_t *pid, int fd[2]);
static int child_run(char *const *files, size_t count, size_t series,
                     const int pipes[2][2]);
static void child_talk(int fd[2], child_volume_t *volume,
                       child_buffer_t *events);
static int child_take(int fd, child_volume_t *v);
static int child_listen(int fd, child_buffer_t *b);
static json_t *child_report(child_buffer_t *events);


import_result_t
import_child(char *const *files, size_t count, size_t series,
             int (*take)(void *data, const uint8_t *bytes, size_t n),
             void *data, json_t **report)
{
    child_volume_t volume = {
        .take = take, .data = data, .bytes = malloc(CHILD_CHUNK)};
    child_buffer_t events = {0};
    expo_volume_t header;
    int fd[2], status = -1;
    pid_t pid;

    *report = NULL;
    signal(SIGPIPE, SIG_IGN);

    if (volume.bytes != NULL && child_start(files, count, series, &pid, fd)) {
        child_talk(fd, &volume, &events);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        *report = child_report(&events);
    }

    free(events.bytes);
    free(volume.bytes);

    if (*report == NULL || !WIFEXITED(status) ||
        (WEXITSTATUS(status) == IMPORT_DONE &&
         (volume.refused ||
          expo_volume_read(&header, volume.head, volume.total) != EXPO_OK))) {
        json_decref(*report);
        *report = report_bare(REASON_CRASHED);
        return IMPORT_MALFORMED;
    }

    return WEXITSTATUS(status) == IMPORT_DONE      ? IMPORT_DONE
           : WEXITSTATUS(status) == IMPORT_NOTHING ? IMPORT_NOTHING
                                                   : IMPORT_MALFORMED;
}


/* fd: from its stdout, from its descriptor 3. */
static int
child_start(char *const *files, size_t count, size_t series, pid_t *pid,
            int fd[2])
{
    int pipes[2][2];

    if (pipe2(pipes[0], O_CLOEXEC) != 0) {
        return 0;
    }

    if (pipe2(pipes[1], O_CLOEXEC) != 0) {
        close(pipes[0][0]);
        close(pipes[0][1]);
        return 0;
    }

    /* Fewer turns for hundreds of megabytes; a refusal does no harm. */
    fcntl(pipes[0][0], F_SETPIPE_SZ, CHILD_PIPE);

    *pid = fork();
    if (*pid == 0) {
        _exit(child_run(files, count, series, pipes));
    }

    for (int i = 0; i < 2; i++) {
        fd[i] = pipes[i][0];
        close(pipes[i][1]);
        fcntl(fd[i], F_SETFL, O_NONBLOCK);
    }

    if (*pid < 0) {
        close(fd[0]);
        close(fd[1]);
        return 0;
    }

    return 1;
}


/* The child: nothing to read, the volume and the events to write. */
static int
child_run(char *const *files, size_t count, size_t series,
          const int pipes[2][2])
{
    const int target[3] = {STDIN_FILENO, STDOUT_FILENO, CHILD_EVENTS};
    int high[3] = {open("/dev/null", O_RDONLY | O_CLOEXEC), pipes[0][1],
                   pipes[1][1]};

    /* Out of the way first: each may itself be number 0, 1 or 3. */
    for (int i = 0; i < 3; i++) {
        high[i] = fcntl(high[i], F_DUPFD_CLOEXEC, 10);
    }

    for (int i = 0; i < 3; i++) {
        if (high[i] < 0 || dup2(high[i], target[i]) < 0) {
            return IMPORT_MALFORMED;
        }
    }

    return import_files(files, count, series);
}


static void
child_talk(int fd[2], child_volume_t *volume, child_buffer_t *events)
{
    struct pollfd p[2] = {{.fd = fd[0], .events = POLLIN},
                          {.fd = fd[1], .events = POLLIN}};

    while (p[0].fd >= 0 || p[1].fd >= 0) {
        if (poll(p, 2, -1) < 0 && errno != EINTR) {
            break;
        }

        for (int i = 0; i < 2; i++) {
            if (p[i].fd >= 0 && p[i].revents != 0 &&
                !(i == 0 ? child_take(p[i].fd, volume)
                         : child_listen(p[i].fd, events))) {
                close(p[i].fd);
                p[i].fd = -1;
            }
        }
    }

    for (int i = 0; i < 2; i++) {
        if (p[i].fd >= 0) {
            close(p[i].fd);
        }
    }
}


/* 0: end, error, more than a volume can be, or nobody wants more. */
static int
child_take(int fd, child_volume_t *v)
{
    const uint64_t most = EXPO_VOLUME_HEADER + 2 * EXPO_VOLUME_VOXELS_MAX;
    size_t whole, room = CHILD_CHUNK;
    ssize_t n;

    /* Until the header is whole, no more than it. */
    if (v->total < EXPO_VOLUME_HEADER) {
        room = EXPO_VOLUME_HEADER;
    }

    n = read(fd, v->bytes + v->len, room - v->len);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }

    v->len += (size_t) n;
    v->total += (size_t) n;

    if (n == 0 || v->total > most) {
        return 0;
    }

    if (v->total < EXPO_VOLUME_HEADER) {
        return 1;
    }

    if (v->total == EXPO_VOLUME_HEADER) {
        memcpy(v->head, v->bytes, sizeof v->head);
    }

    whole = v->len & ~(size_t) 1;
    v->refused = v->take != NULL && !v->take(v->data, v->bytes, whole);
    v->bytes[0] = v->bytes[v->len - 1];
    v->len -= whole;

    return !v->refused;
}


/* 0: end, error, or more than a report can be. */
static int
child_listen(int fd, child_buffer_t *b)
{
    uint8_t *grown;
    ssize_t n;

    if (b->room - b->len < CHILD_EVENT) {
        b->room = b->room ? b->room * 2 : 4 * CHILD_EVENT;
        grown = realloc(b->bytes, b->room);
        if (grown == NULL) {
            return 0;
        }
        b->bytes = grown;
    }

    n = read(fd, b->bytes + b->len, b->room - b->len);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }

    b->len += (size_t) n;
    return n > 0 && b->len <= CHILD_EVENTS_MAX;
}


/* The last line's report, NULL when there is none. */
static json_t *
child_report(child_buffer_t *events)
{
    const char *text = (const char *) events->bytes;
    size_t start = events->len;
    json_t *line, *report;

    while (start > 0 && (start == events->len || text[start - 1] != '\n')) {
        start--;
    }

    line = json_loadb(text ? text + start : "", events->len - start,
                      JSON_REJECT_DUPLICATES, NULL);
    report = json_incref(json_object_get(line, "report"));
    json_decref(line);

    return json_is_object(report) ? report : NULL;
}
