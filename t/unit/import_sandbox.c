/* Import's sandbox, and the process that import_child makes of it. */

#include "t/unit/import.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "render-worker/import/child.h"
#include "render-worker/import/sandbox.h"

static void
open_a_file(void)
{
    _exit(open("/etc/passwd", 0) < 0 && open("/proc/self/mem", 0) < 0 ? 7 : 1);
}

/* One of each family that could reach something outside. */
static const struct {
    const char *name;
    long number;
} forbidden[] = {{"socket", SYS_socket},
                 {"socketpair", SYS_socketpair},
                 {"clone", SYS_clone},
                 {"clone3", SYS_clone3},
                 {"execve", SYS_execve},
                 {"kill", SYS_kill},
                 {"ptrace", SYS_ptrace},
                 {"process_vm_readv", SYS_process_vm_readv},
                 {"prctl", SYS_prctl},
                 {"prlimit64", SYS_prlimit64},
                 {"setitimer", SYS_setitimer},
                 {"openat2", SYS_openat2},
                 {"open_by_handle_at", SYS_open_by_handle_at},
                 {"chdir", SYS_chdir},
                 {"mount", SYS_mount},
                 {"unshare", SYS_unshare},
                 {"setns", SYS_setns},
                 {"ioctl", SYS_ioctl},
                 {"memfd_create", SYS_memfd_create},
                 {"shmget", SYS_shmget},
                 {"msgget", SYS_msgget},
                 {"io_uring_setup", SYS_io_uring_setup},
                 {"bpf", SYS_bpf},
                 {"perf_event_open", SYS_perf_event_open},
                 {"userfaultfd", SYS_userfaultfd},
                 {"keyctl", SYS_keyctl},
#ifdef __x86_64__
                 {"fork", SYS_fork},
                 {"open", SYS_open},
                 {"unlink", SYS_unlink},
                 {"rename", SYS_rename},
                 {"mkdir", SYS_mkdir},
                 {"symlink", SYS_symlink},
                 {"stat", SYS_stat},
                 {"readlink", SYS_readlink},
                 {"dup2", SYS_dup2}
#endif
};

static size_t chosen;

static void
call_what_is_forbidden(void)
{
    syscall(forbidden[chosen].number, 0, 0, 0, 0, 0, 0);
    _exit(1);
}

#ifdef __x86_64__
/* The same calls by the door of 32-bit programs: getpid. */
static void
call_as_i386(void)
{
    long rc = 20;

    __asm__ volatile("int $0x80" : "+a"(rc) : : "memory");
    _exit(1);
}
#endif

static void
make_code(void)
{
    mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    _exit(1);
}

static void
turn_data_into_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    mprotect(p, 4096, PROT_READ | PROT_EXEC);
    _exit(1);
}

static void *
nothing(void *data)
{
    return data;
}

static void
make_a_thread(void)
{
    pthread_t id;

    pthread_create(&id, NULL, nothing, NULL);
    _exit(1);
}

#ifndef __SANITIZE_ADDRESS__
/* Not touched: what is counted is address space. */
static void
take_all_memory(void)
{
    size_t bytes = 0;

    while (bytes < 2 * SANDBOX_ADDRESS_SPACE &&
           mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                0) != MAP_FAILED) {
        bytes += 64 << 20;
    }

    _exit(bytes < SANDBOX_ADDRESS_SPACE ? 7 : 1);
}
#endif

static void
never_end(void)
{
    volatile int on = 1;

    while (on) {
    }
}

static void
wait_for_ever(void)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&lock);
    pthread_mutex_lock(&lock);
}

static void
do_what_is_allowed(void)
{
    volatile char *p = malloc(1 << 20);

    p[0] = 1;
    _exit(write(STDERR_FILENO, "", 0) == 0 ? 7 : 1);
}

/* A shorter one than the sandbox has, for the next. */
static unsigned wall_s;

/* The wait status of a sandboxed process that does this. */
static int
sandboxed(void (*act)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        if (!sandbox_prepare()) {
            _exit(99);
        }
        if (wall_s > 0 && alarm(wall_s) == 0) {
            _exit(98);
        }
        if (!sandbox_enter()) {
            _exit(99);
        }
        act();
    }

    waitpid(pid, &status, 0);
    return status;
}

static int
killed_by(int status, int signal)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == signal;
}

static int
fine(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

static void
the_sandbox_forbids_files_network_processes_and_code(void)
{
    check(fine(sandboxed(do_what_is_allowed)));
    check(fine(sandboxed(open_a_file)));
    check(killed_by(sandboxed(make_code), SIGSYS));
    check(killed_by(sandboxed(turn_data_into_code), SIGSYS));
    check(killed_by(sandboxed(make_a_thread), SIGSYS));
#ifdef __x86_64__
    check(killed_by(sandboxed(call_as_i386), SIGSYS));
#endif

    for (chosen = 0; chosen < sizeof forbidden / sizeof *forbidden; chosen++) {
        printf("# %s\n", forbidden[chosen].name);
        check(killed_by(sandboxed(call_what_is_forbidden), SIGSYS));
    }
}

static void
memory_and_time_end(void)
{
    struct rlimit before, one = {1, 2};

#ifndef __SANITIZE_ADDRESS__
    check(fine(sandboxed(take_all_memory)));
#endif

    /* Narrower limits than the sandbox's own stay. */
    getrlimit(RLIMIT_CPU, &before);
    one.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_CPU, &one);
    check(killed_by(sandboxed(never_end), SIGXCPU));
    setrlimit(RLIMIT_CPU, &before);

    wall_s = 1;
    check(killed_by(sandboxed(wait_for_ever), SIGALRM));
    wall_s = 0;
}

/* A sandboxed process whose parent dies: the pipe that it holds is closed. */
static void
it_does_not_outlive_its_parent(void)
{
    int hold[2];
    char byte;
    pid_t pid;

    check(pipe(hold) == 0);
    pid = fork();

    if (pid == 0) {
        close(hold[0]);

        if (fork() == 0) {
            dup2(hold[1], 2);

            if (sandbox_prepare() && sandbox_enter() && write(2, "!", 1) == 1) {
                wait_for_ever();
            }
            _exit(99);
        }

        close(hold[1]);
        pause();
    }

    close(hold[1]);
    check(read(hold[0], &byte, 1) == 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    alarm(20);
    check(read(hold[0], &byte, 1) == 0);
    alarm(0);
    close(hold[0]);
}

typedef struct {
    uint8_t bytes[sizeof result.bytes];
    size_t len;
    size_t first; /* bytes of the first call */
    int odd;      /* a call that cut a voxel */
} gathered_t;

static int
gather(void *data, const uint8_t *bytes, size_t n)
{
    gathered_t *g = data;

    g->first = g->len == 0 ? n : g->first;
    g->odd = g->odd || n % 2 != 0;
    memcpy(g->bytes + g->len, bytes, n);
    g->len += n;
    return 1;
}

static void
the_sandboxed_process_gives_the_same(void)
{
    char *paths[SLICES + 1], name[64];
    gathered_t taken = {0};
    size_t n;
    json_t *report;

    picture_start();
    tar_start();
    for (size_t k = 0; k < SLICES; k++) {
        uint8_t *b = picture_bytes(k, &n);
        FILE *f;

        tar_add(b, n);
        snprintf(name, sizeof name, "%s/%zu", folder, k);
        paths[k] = strdup(name);
        f = fopen(name, "wb");
        fwrite(b, 1, n, f);
        fclose(f);
        free(b);
    }
    paths[SLICES] = strdup("/nonexistent");

    check(import_child(paths, 1, IMPORT_CHOOSE, gather, &taken, &report)
          == IMPORT_NOTHING);
    check(taken.len == 0);
    check(json_object_get(report, "failure") != NULL);
    json_decref(report);

    check(import_child(paths, SLICES + 1, IMPORT_CHOOSE, gather, &taken,
                       &report) == IMPORT_DONE);
    check(pool_start() && run() == IMPORT_DONE);
    check(taken.len == result.len
          && memcmp(taken.bytes, result.bytes, taken.len) == 0);
    check(taken.first == EXPO_VOLUME_HEADER && taken.odd == 0);
    check(json_equal(report, result.report));
    json_decref(report);

    for (size_t k = 0; k <= SLICES; k++) {
        free(paths[k]);
    }
}

int
main(void)
{
    /* forked before any thread exists */
    the_sandbox_forbids_files_network_processes_and_code();
    memory_and_time_end();
    it_does_not_outlive_its_parent();

    if (!begin_alone()) {
        return 1;
    }

    the_sandboxed_process_gives_the_same();

    end();

    return done();
}
