#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "render-worker/blob_io.h"
#include "render-worker/describe.h"
#include "render-worker/import_child.h"
#include "render-worker/import_job.h"
#include "render-worker/log.h"
#include "render-worker/render/tracer.h"
#include "render-worker/thumbnail.h"

enum { ORIGINAL, VOLUME, THUMBNAIL, BLOBS, INDEX = VOLUME };

#define IMPORT_NICE 5
#define IMPORT_INDEX_MAX (64ull << 20)
/* Progress is told this often at most. */
#define IMPORT_TELL_US 100000
/* A report beyond this would not fit a message. */
#define IMPORT_REPORT 98304

struct import_job_s {
    import_job_t *next;
    worker_t *worker;
    uint64_t peer;
    char scan[EXPO_ID_TEXT + 1];
    bool index; /* else an import */
    bool running;
    pthread_t thread; /* while running */
    uint64_t begun_us, told_us;
    atomic_bool cancel;
    expo_blob_t blobs[BLOBS];
    int fds[BLOBS];

    /* What came of it. */
    import_child_result_t result;
    bool table;
    double percentiles[4];
    uint64_t bytes[BLOBS]; /* of the sealed files; no thumbnail: 0 */
    char code[41];
    char detail[301];
};

typedef struct {
    import_job_t *job;
    char stage[16];
    double fraction;
} import_news_t;

static import_job_t *import_job_make(worker_t *w, uint64_t peer,
                                     const json_t *message, const uint8_t *keys,
                                     const int *fds, bool index);
static void import_job_start_waiting(worker_t *w);
static void *import_job_thread(void *data);
static void import_job_run(import_job_t *j);
static expo_status_t import_job_seal(import_job_t *j);
static void import_job_table(import_job_t *j, uint16_t *voxels);
static expo_status_t import_job_put(import_job_t *j);
static void import_job_picture(import_job_t *j, const uint16_t *voxels);
static void import_job_explain(import_job_t *j, import_child_end_t end);
static void import_job_fail(import_job_t *j, const char *code,
                            const char *detail);
static void import_job_copy(char *dst, size_t bytes, const char *text);
static void import_job_progress(void *owner, const char *stage,
                                double fraction);
static void import_job_news(void *data);
static void import_job_done(void *data);
static void import_job_tell(import_job_t *j);
static json_t *import_job_report(import_job_t *j);
static void import_job_free(import_job_t *j);


void
import_job_add(worker_t *w, uint64_t peer, const json_t *message,
               const uint8_t *keys, size_t key_bytes, const int *fds,
               size_t n_fds)
{
    const char *scan = json_string_value(json_object_get(message, "scan"));
    import_job_t *j = NULL, **at = &w->jobs;
    const char *code = "bad_message";
    const char *detail = "Descriptors and keys are not what it needs.";
    bool index = strcmp(json_string_value(json_object_get(message, "type")),
                        "index") == 0;
    size_t waiting = 0, i;

    while (*at != NULL) {
        waiting++;
        at = &(*at)->next;
    }

    if (w->stopping || waiting == IMPORT_WAITING) {
        code = "busy";
        detail = "Too many scans are being imported; try again later.";

    } else if (index ? n_fds == 2 && key_bytes == 32
                     : n_fds == BLOBS && key_bytes == BLOBS * 32) {
        detail = "A header is not that of a blob of this scan.";
        j = import_job_make(w, peer, message, keys, fds, index);
    }

    if (j == NULL) {
        for (i = 0; i < n_fds; i++) {
            close(fds[i]);
        }

        worker_fail(w, peer, NULL, scan, code, detail, NULL);
        return;
    }

    *at = j;
    import_job_start_waiting(w);
}


void
import_job_peer_gone(worker_t *w, uint64_t peer)
{
    import_job_t *j, *next;

    for (j = w->jobs; j != NULL; j = next) {
        next = j->next;

        if (j->peer != peer) {
            continue;
        }

        atomic_store(&j->cancel, true);

        if (!j->running) {
            import_job_free(j);
        }
    }
}


void
import_job_end_all(worker_t *w)
{
    import_job_t *j, *next;

    for (j = w->jobs; j != NULL; j = next) {
        next = j->next;
        atomic_store(&j->cancel, true);

        if (!j->running) {
            import_job_free(j);
        }
    }
}


/* NULL when a header does not fit; then the descriptors are the caller's. */
static import_job_t *
import_job_make(worker_t *w, uint64_t peer, const json_t *message,
                const uint8_t *keys, const int *fds, bool index)
{
    static const struct {
        const char *header;
        expo_blob_kind_t kind;
    } blobs[BLOBS] = {{"original_header", EXPO_BLOB_ORIGINAL},
                      {"volume_header", EXPO_BLOB_VOLUME},
                      {"thumbnail_header", EXPO_BLOB_THUMBNAIL}};
    const char *scan = json_string_value(json_object_get(message, "scan"));
    import_job_t *j = calloc(1, sizeof(*j));
    expo_id_t id;
    size_t i;

    if (j == NULL) {
        return NULL;
    }

    if (expo_id_parse(&id, scan, strlen(scan)) != EXPO_OK) {
        goto failed;
    }

    for (i = 0; i < (index ? 1 : BLOBS); i++) {
        const char *header =
            json_string_value(json_object_get(message, blobs[i].header));

        if (blob_take(&j->blobs[i], header, keys + 32 * i, &id,
                      blobs[i].kind) != EXPO_OK) {
            goto failed;
        }
    }

    strcpy(j->scan, scan);
    memcpy(j->fds, fds, (index ? 2 : BLOBS) * sizeof(*fds));
    if (index) {
        j->fds[THUMBNAIL] = -1;
    }

    j->index = index;
    j->worker = w;
    j->peer = peer;

    return j;

failed:

    explicit_bzero(j->blobs, sizeof(j->blobs));
    free(j);
    return NULL;
}


static void
import_job_start_waiting(worker_t *w)
{
    import_job_t *j, *next;
    uint32_t running = 0;

    for (j = w->jobs; j != NULL; j = j->next) {
        running += j->running;
    }

    for (j = w->jobs; j != NULL && running < IMPORT_RUNNING; j = next) {
        next = j->next;

        if (j->running) {
            continue;
        }

        j->running = true;
        j->begun_us = loop_now_us();

        if (pthread_create(&j->thread, NULL, import_job_thread, j) == 0) {
            running++;
            continue;
        }

        import_job_fail(j, "out_of_memory",
                        "There is no memory for this import just now.");
        import_job_tell(j);
        import_job_free(j);
    }
}


static void *
import_job_thread(void *data)
{
    import_job_t *j = data;
    int i;

    /* On Linux this is the thread's own, and its child's: who looks at a scan
     * goes before who waits for one. */
    setpriority(PRIO_PROCESS, 0, IMPORT_NICE);

    import_job_run(j);

    explicit_bzero(j->blobs, sizeof(j->blobs));
    memory_release(&j->result.memory);

    for (i = 0; i < BLOBS; i++) {
        if (j->fds[i] >= 0) {
            close(j->fds[i]);
        }
        j->fds[i] = -1;
    }

    loop_post(j->worker->loop, import_job_done, j);
    return NULL;
}


static void
import_job_run(import_job_t *j)
{
    import_child_t child = {.program = j->worker->options.importer,
                            .original = &j->blobs[ORIGINAL],
                            .fd = j->fds[ORIGINAL],
                            .cancel = &j->cancel,
                            .seconds = IMPORT_SECONDS,
                            .most =
                                j->index ? IMPORT_INDEX_MAX : IMPORT_VOLUME_MAX,
                            .index = j->index,
                            .progress = import_job_progress,
                            .owner = j};
    import_child_end_t end = import_child_run(&child, &j->result);
    expo_status_t st;

    /* By the kernel, for memory, or by somebody: once more, and then no more.
     */
    if (end == IMPORT_CHILD_KILLED) {
        log_line("import %.4s: killed, once more", j->scan);
        memory_release(&j->result.memory);
        json_decref(j->result.report);
        end = import_child_run(&child, &j->result);
    }

    if (end != IMPORT_CHILD_OK) {
        import_job_explain(j, end);
        return;
    }

    st = j->index ? import_job_put(j) : import_job_seal(j);

    if (st == EXPO_NO_SPACE) {
        import_job_fail(j, "no_space",
                        "There is no room left to keep this "
                        "scan.");

    } else if (st == EXPO_NO_MEMORY) {
        import_job_fail(j, "out_of_memory",
                        "This scan is too large for the memory that is free "
                        "now.");

    } else if (st != EXPO_OK) {
        import_job_fail(j, "io", "The scan could not be stored.");
    }
}


static expo_status_t
import_job_seal(import_job_t *j)
{
    memory_t *m = &j->result.memory;
    uint16_t *voxels = (uint16_t *) (void *) (m->base + EXPO_VOLUME_HEADER);
    uint32_t histogram[256];
    expo_status_t st;

    j->told_us = 0;
    import_job_progress(j, "sealing", 0);

    st = blob_save(&j->blobs[VOLUME], j->fds[VOLUME], m->base, m->used,
                   &j->bytes[VOLUME]);
    if (st != EXPO_OK) {
        return st;
    }

    import_job_table(j, voxels);
    tracer_statistics(&j->result.volume, voxels, histogram, j->percentiles);
    j->told_us = 0;
    import_job_progress(j, "thumbnail", 0);
    import_job_picture(j, voxels);

    return EXPO_OK;
}


/* It is stored with the scan, and hidden in its thumbnail as it will be at
 * first in its sessions, which find it anew. */
static void
import_job_table(import_job_t *j, uint16_t *voxels)
{
    json_t *warnings = json_object_get(j->result.report, "warnings");
    expo_table_t table;

    if (expo_table_find(&table, &j->result.volume, voxels) != EXPO_OK) {
        return;
    }

    expo_table_hide(&table, voxels, 1);
    expo_table_close(&table);
    j->table = true;
    json_array_append_new(
        warnings,
        json_pack("{s:s, s:s}", "code", "table_hidden", "detail",
                  "The scanner's table was hidden; show it under Cut."));
}


static expo_status_t
import_job_put(import_job_t *j)
{
    const memory_t *m = &j->result.memory;
    size_t at = 0;
    ssize_t n;

    while (at < m->used) {
        n = write(j->fds[INDEX], m->base + at, m->used - at);

        if (n < 0 && errno != EINTR) {
            return EXPO_IO;
        }

        at += n > 0 ? (size_t) n : 0;
    }

    j->bytes[INDEX] = m->used;

    return EXPO_OK;
}


/* A scan without a thumbnail is still a scan. */
static void
import_job_picture(import_job_t *j, const uint16_t *voxels)
{
    uint8_t *png = NULL;
    size_t len = 0;
    expo_status_t st;

    st = thumbnail_render(j->worker->settings, &j->result.volume, voxels,
                          j->percentiles, &png, &len);

    if (st == EXPO_OK) {
        st = blob_save(&j->blobs[THUMBNAIL], j->fds[THUMBNAIL], png, len,
                       &j->bytes[THUMBNAIL]);
        explicit_bzero(png, len);
        free(png);
    }

    if (st != EXPO_OK) {
        j->bytes[THUMBNAIL] = 0;
        log_line("import %.4s: no thumbnail, %s", j->scan,
                 expo_status_name(st));
    }
}


static void
import_job_explain(import_job_t *j, import_child_end_t end)
{
    json_t *failure = json_object_get(j->result.report, "failure");
    const char *code = json_string_value(json_object_get(failure, "code"));
    const char *detail = json_string_value(json_object_get(failure, "detail"));

    switch (end) {

    case IMPORT_CHILD_REFUSED:
        import_job_fail(j, code ? code : "unusable",
                        detail ? detail
                               : "No scan could be made of these files.");
        break;

    case IMPORT_CHILD_DAMAGED:
        import_job_fail(j, "damaged",
                        "The upload was damaged on the way to storage; please "
                        "upload it again.");
        break;

    case IMPORT_CHILD_MEMORY:
        import_job_fail(j, "out_of_memory",
                        "This scan is too large for the memory that is free "
                        "now.");
        break;

    case IMPORT_CHILD_CANCELLED:
        import_job_fail(j, "cancelled", "The import was cancelled.");
        break;

    case IMPORT_CHILD_SLOW:
        import_job_fail(j, "import_too_slow",
                        "These files take longer to read than any scan does. "
                        "Nothing was kept of them.");
        break;

    case IMPORT_CHILD_KILLED:
        import_job_fail(j, "import_killed",
                        "The import was stopped from outside, twice. Please "
                        "try again later.");
        break;

    default:
        import_job_fail(j, "import_crashed",
                        "Something in these files made the import stop "
                        "unexpectedly. Nothing was kept of them.");
    }
}


static void
import_job_fail(import_job_t *j, const char *code, const char *detail)
{
    import_job_copy(j->code, sizeof(j->code), code);
    import_job_copy(j->detail, sizeof(j->detail), detail);
}


/* What does not fit is cut off, but never within a character: half of one
 * could not be sent. */
static void
import_job_copy(char *dst, size_t bytes, const char *text)
{
    size_t n = strnlen(text, bytes);

    if (n == bytes) {
        for (n--; n > 0 && ((uint8_t) text[n] & 0xc0) == 0x80; n--) {
            continue;
        }
    }

    memcpy(dst, text, n);
    dst[n] = '\0';
}


/*
 * On the job's thread. The rate is kept whatever a child says: each piece of
 * news waits in memory for the main thread.
 */
static void
import_job_progress(void *owner, const char *stage, double fraction)
{
    import_job_t *j = owner;
    import_news_t *news;
    uint64_t now = loop_now_us();

    if (now - j->told_us < IMPORT_TELL_US) {
        return;
    }

    news = malloc(sizeof(*news));

    if (news != NULL) {
        j->told_us = now;
        news->job = j;
        news->fraction = fraction;
        snprintf(news->stage, sizeof(news->stage), "%s", stage);
        loop_post(j->worker->loop, import_job_news, news);
    }
}


static void
import_job_news(void *data)
{
    import_news_t *news = data;
    import_job_t *j = news->job;

    control_send(j->worker->control, j->peer,
                 json_pack("{s:s, s:s, s:s, s:f}", "type", "progress", "scan",
                           j->scan, "stage", news->stage, "fraction",
                           news->fraction),
                 -1);
    free(news);
}


static void
import_job_done(void *data)
{
    import_job_t *j = data;
    worker_t *w = j->worker;

    /* A thread's libraries clean up after it: the process may not end before.
     */
    pthread_join(j->thread, NULL);

    log_line("import %.4s: %s in %u ms", j->scan, j->code[0] ? j->code : "done",
             (unsigned) ((loop_now_us() - j->begun_us) / 1000));

    import_job_tell(j);
    import_job_free(j);
    import_job_start_waiting(w);
    worker_stop_if_empty(w);
}


static void
import_job_tell(import_job_t *j)
{
    worker_t *w = j->worker;

    if (j->code[0] != '\0') {
        worker_fail(w, j->peer, NULL, j->scan, j->code, j->detail,
                    import_job_report(j));
        return;
    }

    if (j->index) {
        control_send(w->control, j->peer,
                     json_pack("{s:s, s:s, s:I}", "type", "indexed", "scan",
                               j->scan, "bytes", (json_int_t) j->bytes[INDEX]),
                     -1);
        return;
    }

    control_send(w->control, j->peer,
                 json_pack("{s:s, s:s, s:I, s:I, s:o, s:o}", "type", "imported",
                           "scan", j->scan, "volume_bytes",
                           (json_int_t) j->bytes[VOLUME], "thumbnail_bytes",
                           (json_int_t) j->bytes[THUMBNAIL], "volume",
                           describe_volume(&j->result.volume, j->percentiles, 1,
                                           j->table),
                           "report", import_job_report(j)),
                 -1);
}


/* The report as it fits a message: whole, or at least its warnings. */
static json_t *
import_job_report(import_job_t *j)
{
    json_t *report = j->result.report;
    json_t *less = json_object();

    if (report == NULL) {
        return less;
    }

    if (json_dumpb(report, NULL, 0, JSON_COMPACT) > IMPORT_REPORT) {
        json_object_set(less, "warnings", json_object_get(report, "warnings"));
        report = less;

        if (json_dumpb(report, NULL, 0, JSON_COMPACT) > IMPORT_REPORT) {
            json_object_clear(less);
        }
    }

    json_incref(report);
    json_decref(less);

    return report;
}


static void
import_job_free(import_job_t *j)
{
    import_job_t **at = &j->worker->jobs;
    int i;

    while (*at != j) {
        at = &(*at)->next;
    }

    *at = j->next;

    for (i = 0; i < BLOBS; i++) {
        if (j->fds[i] >= 0) {
            close(j->fds[i]);
        }
    }

    explicit_bzero(j->blobs, sizeof(j->blobs));
    json_decref(j->result.report);
    free(j);
}
