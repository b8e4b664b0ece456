#include "render-worker/import/import.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "render-worker/import/dicom_shim.h"
#include "render-worker/import/pool.h"
#include "render-worker/import/sandbox.h"

enum { PIPE_EVENTS = 3 };

static import_result_t pipe_run(const import_input_t *in, size_t n,
                                size_t series);
static int pipe_enter(void);
static int pipe_fit(int fd);
static int pipe_volume(void *data, const void *bytes, size_t n);
static void pipe_progress(void *data, const char *stage, double fraction);
static void pipe_event(json_t *event);
static int pipe_write(int fd, const void *bytes, size_t n);


int
import_pipe(size_t series)
{
    import_input_t *in;

    if (!input_body(&in, STDIN_FILENO, IMPORT_BYTES_MAX)) {
        fprintf(stderr, "exposure-import: descriptor 0 must be a file\n");
        return IMPORT_MALFORMED;
    }

    return pipe_run(in, 1, series);
}


int
import_files(char *const *paths, size_t count, size_t series)
{
    import_input_t *in;
    size_t n = input_map(&in, paths, count, IMPORT_BYTES_MAX);

    return in != NULL ? pipe_run(in, n, series) : IMPORT_MALFORMED;
}


static import_result_t
pipe_run(const import_input_t *in, size_t n, size_t series)
{
    const import_sink_t sink = {.volume = pipe_volume,
                                .progress = pipe_progress};
    import_result_t result;
    json_t *report;

    if (!pipe_enter()) {
        return IMPORT_MALFORMED;
    }

    pipe_progress(NULL, "reading", 0);
    result = import_run(&sink, in, n, series, &report);
    pipe_event(json_pack("{s:o}", "report", report));

    return result;
}


/* Whatever comes after this is looked at in the sandbox. */
static int
pipe_enter(void)
{
    /* FSIZE 0 would kill a writer of plain files. */
    if (!pipe_fit(STDOUT_FILENO) || !pipe_fit(PIPE_EVENTS)) {
        fprintf(stderr, "exposure-import: descriptors 1 and 3 must be pipes "
                        "or sockets\n");
        return 0;
    }

    signal(SIGPIPE, SIG_IGN);
    json_object_seed(0); /* opens a file, so while files can be opened */

    if (!dicom_start()) {
        fprintf(stderr, "exposure-import: no DICOM dictionary: is dcmtk "
                        "installed, or DCMDICTPATH wrong?\n");
        return 0;
    }

    if (!sandbox_prepare() || !pool_start() || !sandbox_enter()) {
        fprintf(stderr, "exposure-import: the sandbox could not be built\n");
        return 0;
    }

    return 1;
}


static int
pipe_fit(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && !S_ISREG(st.st_mode);
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
