#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "render-worker/import_child.h"
#include "render-worker/loop.h"

#define IMPORT_POLL_MS 100
#define IMPORT_PIPE (1 << 20) /* fewer turns than with 64 KiB */
#define IMPORT_READ (1 << 20)
/* What the machine should keep while an import fills memory. */
#define IMPORT_HEADROOM (256ull << 20)

enum { FEED, VOLUME, TALK, PIPES };

typedef struct {
    const import_child_t *in;
    import_child_result_t *out;
    pid_t pid;
    int fds[PIPES]; /* our ends; -1: closed */
    uint64_t deadline_us;
    blob_reader_t reader;
    uint8_t *chunk; /* decrypted, being written */
    size_t chunk_len, chunk_at;
    char *line;
    size_t line_len;
    size_t most;
} child_t;

static import_child_end_t child_prepare(child_t *c);
static int child_spawn(child_t *c);
static int child_exec(child_t *c, int theirs[PIPES]);
static import_child_end_t child_pump(child_t *c);
static import_child_end_t child_feed(child_t *c);
static import_child_end_t child_take(child_t *c);
static import_child_end_t child_listen(child_t *c);
static void child_hear(child_t *c, const char *line, size_t len);
static bool child_is_stage(const char *stage);
static void child_shut(child_t *c, int which);
static import_child_end_t child_reap(child_t *c, import_child_end_t end);
static import_child_end_t child_over(const child_t *c);
static import_child_end_t child_judge(child_t *c, int status);


import_child_end_t
import_child_run(const import_child_t *in, import_child_result_t *out)
{
    child_t c = {.in = in, .out = out, .fds = {-1, -1, -1}};
    import_child_end_t end;
    int i;

    memset(out, 0, sizeof(*out));
    c.deadline_us = loop_now_us() + in->seconds * 1000000ull;

    end = child_prepare(&c);

    if (end == IMPORT_CHILD_OK) {
        end = child_spawn(&c) < 0 ? IMPORT_CHILD_CRASHED : child_pump(&c);
    }

    for (i = 0; i < PIPES; i++) {
        child_shut(&c, i);
    }

    if (c.pid > 0) {
        end = child_reap(&c, end);
    }

    if (c.chunk != NULL) {
        explicit_bzero(c.chunk, c.reader.chunk);
        free(c.chunk);
    }

    blob_reader_close(&c.reader);
    free(c.line);

    return end;
}


static import_child_end_t
child_prepare(child_t *c)
{
    uint64_t available = memory_available();
    expo_status_t st;

    st = blob_reader_open(&c->reader, c->in->original, c->in->fd);
    if (st != EXPO_OK) {
        return st == EXPO_NO_MEMORY ? IMPORT_CHILD_MEMORY
                                    : IMPORT_CHILD_DAMAGED;
    }

    c->most = c->in->most;

    if (available < IMPORT_HEADROOM) {
        return IMPORT_CHILD_MEMORY;
    }

    if (c->most > available - IMPORT_HEADROOM) {
        c->most = available - IMPORT_HEADROOM;
    }

    c->chunk = malloc(c->reader.chunk);
    c->line = malloc(IMPORT_LINE);

    /* One byte more than is taken, to notice that there is one. */
    if (c->chunk == NULL || c->line == NULL ||
        memory_map(&c->out->memory, c->most + 1) < 0) {
        return IMPORT_CHILD_MEMORY;
    }

    return IMPORT_CHILD_OK;
}


static int
child_spawn(child_t *c)
{
    int pipes[PIPES][2], theirs[PIPES], n, rc = 0;

    for (n = 0; n < PIPES && rc == 0; n++) {
        rc = pipe2(pipes[n], O_CLOEXEC);

        if (rc == 0) {
            c->fds[n] = pipes[n][n == FEED];
            theirs[n] = pipes[n][n != FEED];
            fcntl(c->fds[n], F_SETFL, O_NONBLOCK);

            if (n != TALK) {
                fcntl(c->fds[n], F_SETPIPE_SZ, IMPORT_PIPE);
            }
        }
    }

    if (rc == 0) {
        rc = child_exec(c, theirs);
    } else {
        n--;
    }

    while (n-- > 0) {
        close(theirs[n]);
    }

    return rc;
}


static int
child_exec(child_t *c, int theirs[PIPES])
{
    char *const argv[] = {"exposure-import", "--pipe",
                          c->in->index ? "--index" : NULL, NULL};
    char *const envp[] = {"LC_ALL=C", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t all, none;
    int rc;

    sigfillset(&all);
    sigemptyset(&none);

    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETPGROUP);

    /* All else is close-on-exec. Pipes are never 0, 1 or 2: main keeps those.
     */
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, theirs[FEED], 0);
    posix_spawn_file_actions_adddup2(&actions, theirs[VOLUME], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, theirs[TALK], 3);
    /* All of ours close by themselves, but who knows what we were started with.
     */
    posix_spawn_file_actions_addclosefrom_np(&actions, 4);

    rc = posix_spawn(&c->pid, c->in->program, &actions, &attr, argv, envp);

    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);

    if (rc != 0) {
        c->pid = 0;
        return -1;
    }

    return 0;
}


/* Until the child has closed both its outputs. */
static import_child_end_t
child_pump(child_t *c)
{
    static const short wanted[PIPES] = {POLLOUT, POLLIN, POLLIN};
    import_child_end_t (*const serve[PIPES])(child_t *) = {
        child_feed, child_take, child_listen};
    import_child_end_t end;
    struct pollfd polls[PIPES];
    int i;

    while (c->fds[VOLUME] >= 0 || c->fds[TALK] >= 0) {
        for (i = 0; i < PIPES; i++) {
            polls[i] = (struct pollfd){c->fds[i], wanted[i], 0};
        }

        if (poll(polls, PIPES, IMPORT_POLL_MS) < 0 && errno != EINTR) {
            return IMPORT_CHILD_CRASHED;
        }

        end = child_over(c);
        if (end != IMPORT_CHILD_OK) {
            return end;
        }

        for (i = 0; i < PIPES; i++) {
            if (polls[i].revents != 0) {
                end = serve[i](c);
                if (end != IMPORT_CHILD_OK) {
                    return end;
                }
            }
        }
    }

    return IMPORT_CHILD_OK;
}


static import_child_end_t
child_feed(child_t *c)
{
    expo_status_t st;
    ssize_t n;

    if (c->chunk_at == c->chunk_len) {
        st = blob_read(&c->reader, c->chunk, &c->chunk_len);
        c->chunk_at = 0;

        if (st != EXPO_OK) {
            return IMPORT_CHILD_DAMAGED;
        }

        if (c->chunk_len == 0) {
            child_shut(c, FEED);
            return IMPORT_CHILD_OK;
        }
    }

    n = write(c->fds[FEED], c->chunk + c->chunk_at, c->chunk_len - c->chunk_at);

    if (n > 0) {
        c->chunk_at += (size_t) n;

    } else if (errno != EAGAIN && errno != EINTR) {
        /* It has read enough, or it has given up and will say why. */
        child_shut(c, FEED);
    }

    return IMPORT_CHILD_OK;
}


static import_child_end_t
child_take(child_t *c)
{
    memory_t *m = &c->out->memory;
    size_t room = m->bytes - m->used;
    ssize_t n;

    n = read(c->fds[VOLUME], m->base + m->used,
             room < IMPORT_READ ? room : IMPORT_READ);

    if (n == 0) {
        child_shut(c, VOLUME);

    } else if (n > 0) {
        m->used += (size_t) n;

        if (m->used > c->most) {
            return c->most < c->in->most ? IMPORT_CHILD_MEMORY
                                         : IMPORT_CHILD_CRASHED;
        }

    } else if (errno != EAGAIN && errno != EINTR) {
        return IMPORT_CHILD_CRASHED;
    }

    return IMPORT_CHILD_OK;
}


static import_child_end_t
child_listen(child_t *c)
{
    const char *line = c->line, *end;
    ssize_t n =
        read(c->fds[TALK], c->line + c->line_len, IMPORT_LINE - c->line_len);

    if (n == 0) {
        child_shut(c, TALK);
        return IMPORT_CHILD_OK;
    }

    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? IMPORT_CHILD_OK
                                                 : IMPORT_CHILD_CRASHED;
    }

    c->line_len += (size_t) n;

    while ((end = memchr(line, '\n', c->line_len)) != NULL) {
        child_hear(c, line, (size_t) (end - line));
        c->line_len -= (size_t) (end + 1 - line);
        line = end + 1;
    }

    memmove(c->line, line, c->line_len);

    return c->line_len == IMPORT_LINE ? IMPORT_CHILD_CRASHED : IMPORT_CHILD_OK;
}


static void
child_hear(child_t *c, const char *line, size_t len)
{
    json_t *said = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    json_t *report = json_object_get(said, "report");
    json_t *fraction = json_object_get(said, "fraction");
    const char *stage = json_string_value(json_object_get(said, "stage"));

    if (json_is_object(report)) {
        json_decref(c->out->report);
        c->out->report = json_incref(report);

    } else if (stage != NULL && child_is_stage(stage) &&
               json_is_number(fraction)) {
        double f = json_number_value(fraction);

        c->in->progress(c->in->owner, stage, f < 0 ? 0 : f > 1 ? 1 : f);
    }

    json_decref(said);
}


static bool
child_is_stage(const char *stage)
{
    return strcmp(stage, "reading") == 0 || strcmp(stage, "decoding") == 0 ||
           strcmp(stage, "assembling") == 0;
}


static void
child_shut(child_t *c, int which)
{
    if (c->fds[which] >= 0) {
        close(c->fds[which]);
        c->fds[which] = -1;
    }
}


/* Waits for the child, not longer than it may live; at once if it failed. */
static import_child_end_t
child_reap(child_t *c, import_child_end_t end)
{
    struct timespec pause = {0, 2000000};
    int status = 0;

    for (;;) {
        if (end == IMPORT_CHILD_OK) {
            end = child_over(c);
        }

        if (end != IMPORT_CHILD_OK) {
            kill(-c->pid, SIGKILL);
        }

        if (waitpid(c->pid, &status, end == IMPORT_CHILD_OK ? WNOHANG : 0) ==
            c->pid) {
            break;
        }

        nanosleep(&pause, NULL);
    }

    return end == IMPORT_CHILD_OK ? child_judge(c, status) : end;
}


/* Why it may not go on; IMPORT_CHILD_OK while it may. */
static import_child_end_t
child_over(const child_t *c)
{
    if (atomic_load(c->in->cancel)) {
        return IMPORT_CHILD_CANCELLED;
    }

    return loop_now_us() > c->deadline_us ? IMPORT_CHILD_SLOW : IMPORT_CHILD_OK;
}


static import_child_end_t
child_judge(child_t *c, int status)
{
    memory_t *m = &c->out->memory;

    if (WIFSIGNALED(status)) {
        switch (WTERMSIG(status)) {

        case SIGKILL:
            return IMPORT_CHILD_KILLED;

        case SIGXCPU:
        case SIGALRM:
            return IMPORT_CHILD_SLOW;

        default:
            return IMPORT_CHILD_CRASHED;
        }
    }

    if (!WIFEXITED(status) || c->out->report == NULL) {
        return IMPORT_CHILD_CRASHED;
    }

    switch (WEXITSTATUS(status)) {

    case 2:
    case 3:
        return IMPORT_CHILD_REFUSED;

    case 0:
        break;

    default:
        return IMPORT_CHILD_CRASHED;
    }

    if (c->in->index) {
        return m->used > 0 ? IMPORT_CHILD_OK : IMPORT_CHILD_CRASHED;
    }

    if (m->used < EXPO_VOLUME_HEADER ||
        expo_volume_read(&c->out->volume, m->base, m->used) != EXPO_OK) {
        return IMPORT_CHILD_CRASHED;
    }

    return IMPORT_CHILD_OK;
}
