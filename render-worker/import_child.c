#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

enum { VOLUME, TALK, PIPES };

typedef struct {
    const import_child_t *in;
    import_child_result_t *out;
    pid_t pid;
    int fds[PIPES]; /* our ends; -1: closed */
    uint64_t deadline_us;
    int original; /* decrypted, in memory; -1: not */
    char *line;
    size_t line_len;
    size_t most;
} child_t;

static import_child_end_t child_prepare(child_t *c);
static import_child_end_t child_original(child_t *c, uint64_t room);
static import_child_end_t child_decrypt(child_t *c, blob_reader_t *reader);
static int child_spawn(child_t *c);
static int child_exec(child_t *c, int theirs[PIPES]);
static import_child_end_t child_pump(child_t *c);
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
    child_t c = {.in = in, .out = out, .fds = {-1, -1}, .original = -1};
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

    if (c.original >= 0) {
        close(c.original);
    }

    free(c.line);

    return end;
}


static import_child_end_t
child_prepare(child_t *c)
{
    uint64_t available = memory_available();
    import_child_end_t end;

    if (available < IMPORT_HEADROOM) {
        return IMPORT_CHILD_MEMORY;
    }

    end = child_original(c, available - IMPORT_HEADROOM);
    if (end != IMPORT_CHILD_OK) {
        return end;
    }

    available = memory_available();
    available -= available < IMPORT_HEADROOM ? available : IMPORT_HEADROOM;
    c->most = c->in->most < available ? c->in->most : available;

    c->line = malloc(IMPORT_LINE);

    /* One byte more than is taken, to notice that there is one. */
    if (c->line == NULL || memory_map(&c->out->memory, c->most + 1) < 0) {
        return IMPORT_CHILD_MEMORY;
    }

    return IMPORT_CHILD_OK;
}


/* Whole before anybody looks at it, and then nobody's to change. */
static import_child_end_t
child_original(child_t *c, uint64_t room)
{
    const unsigned seals =
        F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    blob_reader_t reader;
    import_child_end_t end = IMPORT_CHILD_MEMORY;
    expo_status_t st;

    st = blob_reader_open(&reader, c->in->original, c->in->fd);

    if (st != EXPO_OK) {
        end = st == EXPO_NO_MEMORY ? IMPORT_CHILD_MEMORY : IMPORT_CHILD_DAMAGED;

    } else if (reader.plain <= room) {
        end = child_decrypt(c, &reader);

        if (end == IMPORT_CHILD_OK &&
            fcntl(c->original, F_ADD_SEALS, seals) < 0) {
            end = IMPORT_CHILD_MEMORY;
        }
    }

    blob_reader_close(&reader);

    return end;
}


static import_child_end_t
child_decrypt(child_t *c, blob_reader_t *reader)
{
    import_child_end_t end = IMPORT_CHILD_OK;
    size_t at = 0, len;
    uint8_t *plain;

    c->original = memfd_create("original", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (c->original < 0) {
        return IMPORT_CHILD_MEMORY;
    }

    if (reader->plain == 0) {
        return IMPORT_CHILD_OK;
    }

    /* Every page now: one that cannot be had later would be a SIGBUS. */
    if (fallocate(c->original, 0, 0, (off_t) reader->plain) != 0) {
        return IMPORT_CHILD_MEMORY;
    }

    plain = mmap(NULL, reader->plain, PROT_READ | PROT_WRITE, MAP_SHARED,
                 c->original, 0);
    if (plain == MAP_FAILED) {
        return IMPORT_CHILD_MEMORY;
    }

    madvise(plain, reader->plain, MADV_DONTDUMP);

    for (; end == IMPORT_CHILD_OK && at < reader->plain; at += len) {
        end = blob_read(reader, plain + at, &len) == EXPO_OK
                  ? child_over(c)
                  : IMPORT_CHILD_DAMAGED;
    }

    munmap(plain, reader->plain);

    return end;
}


static int
child_spawn(child_t *c)
{
    int pipes[PIPES][2], theirs[PIPES], n, rc = 0;

    for (n = 0; n < PIPES && rc == 0; n++) {
        rc = pipe2(pipes[n], O_CLOEXEC);

        if (rc == 0) {
            c->fds[n] = pipes[n][0];
            theirs[n] = pipes[n][1];
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
    posix_spawn_file_actions_adddup2(&actions, c->original, 0);
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
    import_child_end_t (*const serve[PIPES])(child_t *) = {child_take,
                                                           child_listen};
    import_child_end_t end;
    struct pollfd polls[PIPES];
    int i;

    while (c->fds[VOLUME] >= 0 || c->fds[TALK] >= 0) {
        for (i = 0; i < PIPES; i++) {
            polls[i] = (struct pollfd){c->fds[i], POLLIN, 0};
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
