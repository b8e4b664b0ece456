#include "render-worker/import/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/tar.h"
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

typedef struct {
    char *const *files;
    size_t count, next;
    uint8_t *piece; /* header, data and padding of one file; alone: its data */
    size_t room;    /* of piece: grows, and is used again */
    size_t len, at;
    int ended; /* the closing blocks are in piece */
} child_feed_t;

static int child_start(size_t series, pid_t *pid, int fd[3]);
static void child_exec(size_t series, const int pipes[3][2]);
static void child_talk(int fd[3], child_feed_t *feed, child_volume_t *volume,
                       child_buffer_t *events);
static int child_refill(child_feed_t *feed);
static int child_reserve(child_feed_t *feed, size_t len);
static int child_load(child_feed_t *feed, const char *path, uint64_t number);
static int child_take(int fd, child_volume_t *v);
static int child_listen(int fd, child_buffer_t *b);
static json_t *child_report(child_buffer_t *events);


import_result_t
import_child(char *const *files, size_t count, size_t series,
             int (*take)(void *data, const uint8_t *bytes, size_t n),
             void *data, json_t **report)
{
    child_feed_t feed = {.files = files, .count = count};
    child_volume_t volume = {
        .take = take, .data = data, .bytes = malloc(CHILD_CHUNK)};
    child_buffer_t events = {0};
    expo_volume_t header;
    int fd[3], status = -1;
    pid_t pid;

    *report = NULL;
    signal(SIGPIPE, SIG_IGN);

    if (volume.bytes != NULL && child_start(series, &pid, fd)) {
        child_talk(fd, &feed, &volume, &events);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        *report = child_report(&events);
    }

    free(feed.piece);
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


/* fd: to its stdin, from its stdout, from its descriptor 3. */
static int
child_start(size_t series, pid_t *pid, int fd[3])
{
    int pipes[3][2];

    for (int i = 0; i < 3; i++) {
        if (pipe2(pipes[i], O_CLOEXEC) != 0) {
            while (i-- > 0) {
                close(pipes[i][0]);
                close(pipes[i][1]);
            }
            return 0;
        }

        /* Fewer turns for hundreds of megabytes; a refusal does no harm. */
        fcntl(pipes[i][0], F_SETPIPE_SZ, CHILD_PIPE);
    }

    *pid = fork();
    if (*pid == 0) {
        child_exec(series, pipes);
    }

    for (int i = 0; i < 3; i++) {
        fd[i] = pipes[i][i == 0];
        close(pipes[i][i != 0]);
        fcntl(fd[i], F_SETFL, O_NONBLOCK);
    }

    if (*pid < 0) {
        for (int i = 0; i < 3; i++) {
            close(fd[i]);
        }
        return 0;
    }

    return 1;
}


static void
child_exec(size_t series, const int pipes[3][2])
{
    const int target[3] = {STDIN_FILENO, STDOUT_FILENO, CHILD_EVENTS};
    char number[24];
    char *argv[] = {"exposure-import", "--pipe", "--series", number, NULL};
    int high[3];

    snprintf(number, sizeof number, "%zd", (ssize_t) series);

    /* Out of the way first: a pipe may itself be number 0, 1 or 3. */
    for (int i = 0; i < 3; i++) {
        high[i] = fcntl(pipes[i][i != 0], F_DUPFD_CLOEXEC, 10);
    }

    for (int i = 0; i < 3; i++) {
        if (high[i] < 0 || dup2(high[i], target[i]) < 0) {
            _exit(IMPORT_MALFORMED);
        }
    }

    execv("/proc/self/exe", argv);
    _exit(IMPORT_MALFORMED);
}


static void
child_talk(int fd[3], child_feed_t *feed, child_volume_t *volume,
           child_buffer_t *events)
{
    struct pollfd p[3] = {{.fd = fd[0], .events = POLLOUT},
                          {.fd = fd[1], .events = POLLIN},
                          {.fd = fd[2], .events = POLLIN}};
    ssize_t n;

    while (p[1].fd >= 0 || p[2].fd >= 0) {
        if (poll(p, 3, -1) < 0 && errno != EINTR) {
            break;
        }

        if (p[0].fd >= 0 && p[0].revents != 0) {
            n = -1;
            if (feed->at < feed->len || child_refill(feed)) {
                n = write(p[0].fd, feed->piece + feed->at,
                          feed->len - feed->at);
                feed->at += n > 0 ? (size_t) n : 0;
                n = n < 0 && errno == EAGAIN ? 0 : n;
            }

            if (n < 0) {
                close(p[0].fd);
                p[0].fd = -1;
            }
        }

        for (int i = 1; i < 3; i++) {
            if (p[i].fd >= 0 && p[i].revents != 0 &&
                !(i == 1 ? child_take(p[i].fd, volume)
                         : child_listen(p[i].fd, events))) {
                close(p[i].fd);
                p[i].fd = -1;
            }
        }
    }

    for (int i = 0; i < 3; i++) {
        if (p[i].fd >= 0) {
            close(p[i].fd);
        }
    }
}


/* The next file, or the archive's end; 0 when there is nothing more to say. */
static int
child_refill(child_feed_t *feed)
{
    feed->len = feed->at = 0;

    while (feed->next < feed->count) {
        if (child_load(feed, feed->files[feed->next], feed->next)) {
            feed->next++;
            return 1;
        }
        feed->next++;
    }

    if (feed->ended || feed->count == 1) {
        return 0;
    }

    feed->ended = 1;

    if (!child_reserve(feed, 2 * EXPO_TAR_BLOCK)) {
        return 0;
    }

    memset(feed->piece, 0, feed->len);
    return 1;
}


/* Room for a piece of len bytes; what was in it is forgotten. */
static int
child_reserve(child_feed_t *feed, size_t len)
{
    if (len > feed->room || feed->piece == NULL) {
        free(feed->piece);
        feed->room = len + len / 4;
        feed->piece = malloc(feed->room + 1);
    }

    feed->len = feed->piece != NULL ? len : 0;
    return feed->piece != NULL;
}


static int
child_load(child_feed_t *feed, const char *path, uint64_t number)
{
    const int alone = feed->count == 1;
    size_t at = alone ? 0 : EXPO_TAR_BLOCK, end;
    struct stat st;
    ssize_t n = 1;
    int fd, room;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return 0;
    }

    end = at + (size_t) st.st_size;
    room = child_reserve(
        feed, end + (alone ? 0 : expo_tar_padding((uint64_t) st.st_size)));

    while (room && at < end && n > 0) {
        n = read(fd, feed->piece + at, end - at);
        at += n > 0 ? (size_t) n : 0;
    }

    close(fd);

    if (!room || at < end) {
        feed->len = 0;
        return 0;
    }

    memset(feed->piece + end, 0, feed->len - end);
    if (!alone) {
        expo_tar_header(feed->piece, number, (uint64_t) st.st_size);
    }

    return 1;
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
