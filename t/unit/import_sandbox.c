/*
 * Import's sandbox. The program is also the sandboxed process of import_child,
 * which starts itself again with --pipe.
 */

#include "t/unit/import.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "render-worker/import/child.h"
#include "render-worker/import/sandbox.h"

static void
open_a_file(void)
{
    _exit(open("/etc/passwd", 0) < 0 ? 7 : 1);
}

static void
make_a_socket(void)
{
    socket(AF_INET, SOCK_STREAM, 0);
    _exit(1);
}

static void
make_a_process(void)
{
    fork();
    _exit(1);
}

static void
run_a_program(void)
{
    execl("/bin/true", "true", NULL);
    _exit(1);
}

static void
make_code(void)
{
    mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    _exit(1);
}

static void
do_what_is_allowed(void)
{
    volatile char *p = malloc(1 << 20);

    p[0] = 1;
    _exit(write(STDERR_FILENO, "", 0) == 0 ? 7 : 1);
}

/* The wait status of a sandboxed process that does this. */
static int
sandboxed(void (*act)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        if (!sandbox_prepare() || !sandbox_enter()) {
            _exit(99);
        }
        act();
    }

    waitpid(pid, &status, 0);
    return status;
}

static int
killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
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
    check(killed(sandboxed(make_a_socket)));
    check(killed(sandboxed(make_a_process)));
    check(killed(sandboxed(run_a_program)));
    check(killed(sandboxed(make_code)));
}

static void
the_sandboxed_process_gives_the_same(void)
{
    char *paths[SLICES + 1], name[64];
    uint8_t *volume;
    size_t bytes, n;
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

    check(run() == IMPORT_DONE);
    check(import_child(paths, SLICES + 1, IMPORT_CHOOSE, &volume, &bytes,
                       &report) == IMPORT_DONE);
    check(bytes == result.len && memcmp(volume, result.bytes, bytes) == 0);
    check(json_equal(report, result.report));
    free(volume);
    json_decref(report);

    check(import_child(paths, 1, IMPORT_CHOOSE, &volume, &bytes, &report)
          == IMPORT_NOTHING);
    check(volume == NULL);
    check(json_object_get(report, "failure") != NULL);
    json_decref(report);

    for (size_t k = 0; k <= SLICES; k++) {
        free(paths[k]);
    }
}

int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--pipe") == 0) {
        _exit(import_pipe((size_t) strtoll(argv[3], NULL, 10)));
    }

    /* forked before any thread exists */
    the_sandbox_forbids_files_network_processes_and_code();

    if (!begin()) {
        return 1;
    }

    the_sandboxed_process_gives_the_same();

    end();

    return done();
}
