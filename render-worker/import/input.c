#include "render-worker/import/input.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/stat.h>

/* The kernel's default allows some 65,000 mappings; heaps need some too. */
enum { INPUT_MAPPINGS_MAX = 60000 };

static int input_start(size_t count);
static int input_add(const char *path, int fd, uint64_t most);
static void *input_take(int fd, size_t bytes);
static void *input_read(int fd, size_t bytes);
static void input_lose(int signal, siginfo_t *info, void *context);

/* For input_lose, in any thread: written before there are others. */
static import_input_t *inputs;
static size_t input_count;
static uintptr_t input_page;


size_t
input_map(import_input_t **in, char *const *paths, size_t count, uint64_t most)
{
    int fd, ok = input_start(count);

    for (size_t i = 0; ok && i < count; i++) {
        fd = open(paths[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        if (fd >= 0) {
            if (input_add(paths[i], fd, most)) {
                most -= inputs[input_count].bytes < most
                            ? inputs[input_count].bytes
                            : most;
                input_count++;
            }
            close(fd);
        }
    }

    *in = inputs;
    return input_count;
}


int
input_body(import_input_t **in, int fd, uint64_t most)
{
    if (input_start(1)) {
        input_count += (size_t) input_add(NULL, fd, most);
    }

    *in = inputs;
    return input_count > 0;
}


static int
input_start(size_t count)
{
    struct sigaction lose = {.sa_sigaction = input_lose,
                             .sa_flags = SA_SIGINFO};

    inputs = calloc(count, sizeof *inputs);
    input_count = 0;
    input_page = (uintptr_t) sysconf(_SC_PAGESIZE);

    sigemptyset(&lose.sa_mask);

    return inputs != NULL && sigaction(SIGBUS, &lose, NULL) == 0;
}


/* The next one; 0: it is no regular file, or cannot be read. */
static int
input_add(const char *path, int fd, uint64_t most)
{
    import_input_t *in = &inputs[input_count];
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return 0;
    }

    in->path = path;
    in->bytes = (uint64_t) st.st_size;
    in->data = in->bytes <= most ? input_take(fd, (size_t) st.st_size) : NULL;

    return in->data != NULL || in->bytes > most;
}


/* Mapped, or read where that is not to be had. */
static void *
input_take(int fd, size_t bytes)
{
    void *data;

    if (bytes == 0 || input_count >= INPUT_MAPPINGS_MAX) {
        return input_read(fd, bytes);
    }

    data = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);

    return data != MAP_FAILED ? data : input_read(fd, bytes);
}


/* NULL: they could not all be had. */
static void *
input_read(int fd, size_t bytes)
{
    uint8_t *data = malloc(bytes + 1);
    size_t at = 0;
    ssize_t n = 1;

    while (data != NULL && at < bytes && n > 0) {
        n = read(fd, data + at, bytes - at);
        at += n > 0 ? (size_t) n : 0;
    }

    if (data == NULL || at < bytes) {
        free(data);
        return NULL;
    }

    return data;
}


/*
 * The kernel has no page to give: from there on the file is zeros. What is no
 * file's ends the process. The one call is on the sandbox's list.
 */
static void
input_lose(int signal, siginfo_t *info, void *context)
{
    const uintptr_t at = (uintptr_t) info->si_addr & ~(input_page - 1);
    uintptr_t start, end;

    (void) signal;
    (void) context;

    for (size_t i = 0; i < input_count; i++) {
        start = (uintptr_t) inputs[i].data;
        end = start + inputs[i].bytes;

        if (at >= start && at < end &&
            mmap((void *) at, end - at, PROT_READ,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0) != MAP_FAILED) {
            atomic_store(&inputs[i].lost, 1);
            return;
        }
    }

    __builtin_trap();
}
