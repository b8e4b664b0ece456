/*
 * render-worker: holds opened scans, renders and encodes their sessions, runs
 * imports. Owns no files but its socket, knows no users. ARCHITECTURE
 * «Control».
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <libavutil/log.h>

#include "render-worker/log.h"
#include "render-worker/worker.h"

#define MAIN_ERROR 256
#define MAIN_PATH 4096

typedef struct {
    worker_t worker;
    loop_source_t signals;
    loop_source_t timer;
} main_t;

static const char main_usage[] =
    "usage: render-worker --socket PATH [options]\n"
    "  --socket PATH   where nginx workers connect\n"
    "  --device NAME   cpu (default), cuda, cuda:N or auto\n"
    "  --threads N     rendering threads; 0, the default, is one a core\n"
    "  --slots N       sessions at a time, 1..64 (default 2)\n"
    "  --import PATH   exposure-import (default: beside this program)\n"
    "  --grace S       seconds a session outlives its opener (default 10)\n"
    "  --scan-memory N MiB that a scan may take; a larger one is shown with\n"
    "                  fewer voxels (default: what is free)\n";

static int main_options(int argc, char **argv, worker_options_t *o);
static int main_number(const char *text, uint32_t least, uint32_t most,
                       uint32_t *number);
static const char *main_importer(void);
static void main_harden(void);
static int main_watch(main_t *m, loop_t *loop);
static void main_signal(void *owner, uint32_t events);
static void main_tick(void *owner, uint32_t events);


int
main(int argc, char **argv)
{
    static main_t m;
    worker_options_t options = {.device = "cpu", .slots = 2, .grace_s = 10};
    char error[MAIN_ERROR] = "";
    loop_t *loop;

    if (main_options(argc, argv, &options) < 0) {
        fputs(main_usage, stderr);
        return 2;
    }

    main_harden();

    if (loop_create(&loop) != EXPO_OK) {
        log_line("worker: no event loop: %s", strerror(errno));
        return 1;
    }

    if (main_watch(&m, loop) < 0) {
        log_line("worker: no signals or timer: %s", strerror(errno));
        return 1;
    }

    if (worker_open(&m.worker, loop, &options, error, sizeof(error)) !=
        EXPO_OK) {
        log_line("worker: %s", error);
        return 1;
    }

    log_line("worker: ready on %s, %u slots, device %s", options.socket,
             options.slots, serve_device(m.worker.serve));

    loop_run(loop);

    worker_close(&m.worker);
    loop_destroy(loop);
    log_line("worker: stopped");

    return 0;
}


static int
main_options(int argc, char **argv, worker_options_t *o)
{
    static const struct option known[] = {
        {"socket", required_argument, NULL, 's'},
        {"device", required_argument, NULL, 'd'},
        {"threads", required_argument, NULL, 't'},
        {"slots", required_argument, NULL, 'n'},
        {"import", required_argument, NULL, 'i'},
        {"grace", required_argument, NULL, 'g'},
        {"scan-memory", required_argument, NULL, 'm'},
        {NULL, 0, NULL, 0}};
    uint32_t threads = 0;
    int c, rc = 0;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1 && rc == 0) {
        switch (c) {
        case 's':
            o->socket = optarg;
            break;
        case 'd':
            o->device = optarg;
            break;
        case 't':
            rc = main_number(optarg, 0, 1024, &threads);
            break;
        case 'n':
            rc = main_number(optarg, 1, WORKER_SLOTS_MAX, &o->slots);
            break;
        case 'i':
            o->importer = optarg;
            break;
        case 'g':
            rc = main_number(optarg, 0, 86400, &o->grace_s);
            break;
        case 'm':
            rc = main_number(optarg, 1, 1u << 24, &o->scan_mib);
            break;
        default:
            return -1;
        }
    }

    o->threads = threads;

    if (o->importer == NULL) {
        o->importer = main_importer();
    }

    return rc < 0 || optind != argc || o->socket == NULL ? -1 : 0;
}


static int
main_number(const char *text, uint32_t least, uint32_t most, uint32_t *number)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);

    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' ||
        n < least || n > most) {
        return -1;
    }

    *number = (uint32_t) n;
    return 0;
}


/* exposure-import in this program's own folder. */
static const char *
main_importer(void)
{
    static char path[MAIN_PATH];
    static const char name[] = "exposure-import";
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(name));
    char *slash;

    path[n < 0 ? 0 : n] = '\0';
    slash = strrchr(path, '/');
    strcpy(slash ? slash + 1 : path, name);

    return path;
}


static void
main_harden(void)
{
    const struct rlimit none = {0, 0};
    int fd;

    /* A child's descriptors are put in place over 0 to 3: keep 0 to 2 taken. */
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= 2);

    if (fd >= 0) {
        close(fd);
    }

    /* Plain voxels and keys are in this memory. */
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    /* The libraries' pictures too are overwritten when they are freed. */
    mallopt(M_PERTURB, 0xff);

    signal(SIGPIPE, SIG_IGN);
    av_log_set_level(AV_LOG_FATAL);
}


static int
main_watch(main_t *m, loop_t *loop)
{
    const struct itimerspec second = {{1, 0}, {1, 0}};
    sigset_t set;

    /* Before any thread, so that all of them have it blocked. */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);

    m->signals = (loop_source_t){
        main_signal, m, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
    m->timer = (loop_source_t){
        main_tick, m,
        timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};

    if (m->signals.fd < 0 || m->timer.fd < 0 ||
        timerfd_settime(m->timer.fd, 0, &second, NULL) < 0 ||
        loop_watch(loop, &m->signals, EPOLLIN) != EXPO_OK ||
        loop_watch(loop, &m->timer, EPOLLIN) != EXPO_OK) {
        return -1;
    }

    return 0;
}


static void
main_signal(void *owner, uint32_t events)
{
    main_t *m = owner;
    struct signalfd_siginfo info;

    (void) events;

    if (read(m->signals.fd, &info, sizeof(info)) < 0) {
        return;
    }

    if (m->worker.stopping) {
        /* Asked twice: whatever still hangs is not worth waiting for. */
        _exit(1);
    }

    log_line("worker: stopping on signal %u", info.ssi_signo);
    worker_stop(&m->worker);
}


static void
main_tick(void *owner, uint32_t events)
{
    main_t *m = owner;
    uint64_t ticks;

    (void) events;

    if (read(m->timer.fd, &ticks, sizeof(ticks)) > 0) {
        worker_tick(&m->worker);
    }
}
