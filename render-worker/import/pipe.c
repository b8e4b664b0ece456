#include "render-worker/import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/stat.h>

#include "render-worker/import/dicom_shim.h"
#include "render-worker/import/pool.h"
#include "render-worker/import/report.h"
#include "render-worker/import/sandbox.h"

enum { PIPE_EVENTS = 3 };

static int pipe_fit(int fd);
static reason_t pipe_read(uint8_t **body, uint64_t *len);
static int pipe_volume(void *data, const void *bytes, size_t n);
static void pipe_progress(void *data, const char *stage, double fraction);
static void pipe_event(json_t *event);
static int pipe_write(int fd, const void *bytes, size_t n);


int
import_pipe(size_t series)
{
    const import_sink_t sink = {.volume = pipe_volume,
                                .progress = pipe_progress};
    import_result_t result;
    json_t *report = NULL;
    uint8_t *body = NULL;
    uint64_t len = 0;
    reason_t why;

    /* FSIZE 0 would kill a writer of plain files. */
    if (!pipe_fit(STDOUT_FILENO) || !pipe_fit(PIPE_EVENTS)) {
        fprintf(stderr, "exposure-import: descriptors 1 and 3 must be pipes "
                        "or sockets\n");
        return IMPORT_MALFORMED;
    }

    signal(SIGPIPE, SIG_IGN);
    json_object_seed(0); /* opens a file, so while files can be opened */

    if (!dicom_start()) {
        fprintf(stderr, "exposure-import: no DICOM dictionary: is dcmtk "
                        "installed, or DCMDICTPATH wrong?\n");
        return IMPORT_MALFORMED;
    }

    if (!sandbox_prepare() || !pool_start() || !sandbox_enter()) {
        fprintf(stderr, "exposure-import: the sandbox could not be built\n");
        return IMPORT_MALFORMED;
    }

    why = pipe_read(&body, &len);

    if (why == REASON_NONE) {
        result = import_run(&sink, body, len, series, &report);
    } else {
        report = report_bare(why);
        result = IMPORT_NOTHING;
    }

    pipe_event(json_pack("{s:o}", "report", report));
    return result;
}


static int
pipe_fit(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && !S_ISREG(st.st_mode);
}


/* Everything from descriptor 0 into memory; *body is mapped. */
static reason_t
pipe_read(uint8_t **body, uint64_t *len)
{
    uint64_t room = 16u << 20, at = 0, next;
    void *map;
    ssize_t n;

    map = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
               -1, 0);
    if (map == MAP_FAILED) {
        return REASON_TOO_LARGE;
    }

    /* Stays with the mapping as it grows. */
    madvise(map, room, MADV_HUGEPAGE);
    pipe_progress(NULL, "reading", 0);

    for (;;) {
        n = read(STDIN_FILENO, (uint8_t *) map + at, room - at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }

        at += (uint64_t) n;

        if (at == room) {
            next = room + room / 2;
            *body = mremap(map, room, next, MREMAP_MAYMOVE);
            if (*body == MAP_FAILED) {
                munmap(map, room);
                *body = NULL;
                return REASON_TOO_LARGE;
            }
            map = *body;
            room = next;
        }
    }

    /* Keeps what is used: the address space is limited. */
    *body = mremap(map, room, at ? at : 1, MREMAP_MAYMOVE);
    *len = at;

    return n < 0 ? REASON_TRUNCATED : REASON_NONE;
}


static int
pipe_volume(void *data, const void *bytes, size_t n)
{
    (void) data;
    return pipe_write(STDOUT_FILENO, bytes, n);
}


static void
pipe_progress(void *data, const char *stage, double fraction)
{
    (void) data;
    pipe_event(json_pack("{s:s, s:f}", "stage", stage, "fraction", fraction));
}


static void
pipe_event(json_t *event)
{
    char *text = json_dumps(event, JSON_COMPACT);
    size_t n;

    if (text != NULL) {
        n = strlen(text);
        text[n] = '\n';
        pipe_write(PIPE_EVENTS, text, n + 1);
    }

    free(text);
    json_decref(event);
}


static int
pipe_write(int fd, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    ssize_t rc;

    while (n > 0) {
        rc = write(fd, p, n);
        if (rc < 0 && errno == EINTR) {
            continue;
        }
        if (rc <= 0) {
            return 0;
        }
        p += rc;
        n -= (size_t) rc;
    }

    return 1;
}
