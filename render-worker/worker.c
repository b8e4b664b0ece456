#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "render-worker/encode/encode.h"
#include "render-worker/import_job.h"
#include "render-worker/log.h"
#include "render-worker/session.h"
#include "render-worker/worker.h"

#define WORKER_ERROR 256
#define WORKER_DEF 64

/* One message with what came beside it. */
typedef struct {
    uint64_t peer;
    const expo_control_t *control;
    const int *fds; /* the handler's from now on */
    size_t n_fds;
} worker_message_t;

static void worker_message(void *owner, uint64_t peer,
                           const expo_control_t *message, const int *fds,
                           size_t n);
static void worker_gone(void *owner, uint64_t peer);
static void worker_hello(worker_t *w, uint64_t peer, const json_t *message);
static void worker_ping(worker_t *w, uint64_t peer, const json_t *message);
static bool worker_takes_fds(worker_t *w, const char *type,
                             const worker_message_t *m);
static json_t *worker_status(const worker_t *w);
static void worker_close_fds(const int *fds, size_t n);

/* Messages without descriptors. */
static const struct {
    const char *type;
    void (*handle)(worker_t *w, uint64_t peer, const json_t *message);
} worker_handlers[] = {
    {"hello", worker_hello},        {"ping", worker_ping},
    {"join", session_join},         {"leave", session_leave},
    {"viewers", session_viewers},   {"patch", session_patch},
    {"keyframe", session_keyframe}, {"stream", session_stream},
    {"pick", session_pick},         {"close", session_close}};

#define WORKER_HANDLERS (sizeof(worker_handlers) / sizeof(worker_handlers[0]))


expo_status_t
worker_open(worker_t *w, loop_t *loop, const worker_options_t *options,
            char *error, size_t error_bytes)
{
    const control_events_t events = {worker_message, worker_gone, w};
    expo_status_t st;

    memset(w, 0, sizeof(*w));
    w->options = *options;
    w->loop = loop;

    snprintf(error, error_bytes, "the built-in schemas cannot be read");

    st = expo_schema_open("messages", &w->messages);
    if (st == EXPO_OK) {
        st = expo_schema_open("settings", &w->settings);
    }

    if (st == EXPO_OK) {
        st = serve_start(loop, options->device, options->threads,
                         &session_events, &w->serve, error, error_bytes);
    }

    if (st == EXPO_OK) {
        st = control_open(loop, options->socket, &events, &w->control);

        if (st != EXPO_OK) {
            snprintf(error, error_bytes, "cannot listen on %s: %s",
                     options->socket,
                     st == EXPO_CONFLICT ? "another worker does"
                                         : expo_status_name(st));
        }
    }

    if (st != EXPO_OK) {
        worker_close(w);
    }

    return st;
}


void
worker_close(worker_t *w)
{
    if (w->control != NULL) {
        control_close(w->control);
    }

    if (w->serve != NULL) {
        serve_stop(w->serve);
    }

    expo_schema_close(w->settings);
    expo_schema_close(w->messages);
}


void
worker_tick(worker_t *w)
{
    session_tick(w, loop_now_us());
    worker_tell_status(w);
}


void
worker_stop(worker_t *w)
{
    w->stopping = true;
    session_end_all(w, "restart");
    import_job_end_all(w);
    worker_stop_if_empty(w);
}


void
worker_stop_if_empty(worker_t *w)
{
    if (w->stopping && w->sessions == NULL && w->jobs == NULL) {
        loop_stop(w->loop);
    }
}


void
worker_tell_status(worker_t *w)
{
    control_broadcast(w->control, worker_status(w));
}


void
worker_fail(worker_t *w, uint64_t peer, const char *session, const char *scan,
            const char *code, const char *detail, json_t *report)
{
    json_t *message = json_pack("{s:s, s:s, s:s}", "type", "failed", "code",
                                code, "detail", detail);

    if (session != NULL) {
        json_object_set_new(message, "session", json_string(session));
    }

    if (scan != NULL) {
        json_object_set_new(message, "scan", json_string(scan));
    }

    if (report != NULL) {
        json_object_set_new(message, "report", report);
    }

    control_send(w->control, peer, message, -1);
}


json_t *
worker_codecs(void)
{
    json_t *names = json_array();
    size_t i;

    for (i = 0; encode_codec(i) != NULL; i++) {
        json_array_append_new(names, json_string(encode_codec(i)->name));
    }

    return names;
}


static void
worker_message(void *owner, uint64_t peer, const expo_control_t *message,
               const int *fds, size_t n)
{
    worker_t *w = owner;
    const worker_message_t m = {peer, message, fds, n};
    const char *type =
        json_string_value(json_object_get(message->json, "type"));
    char def[WORKER_DEF], error[WORKER_ERROR];
    size_t i;

    snprintf(def, sizeof(def), "control_%s", type);

    if (expo_schema_check(w->messages, def, message->json, error,
                          sizeof(error)) != EXPO_OK) {
        worker_close_fds(fds, n);
        log_line("control: a message is not as its schema says");
        worker_fail(w, peer, NULL, NULL, "bad_message", error, NULL);
        return;
    }

    if (worker_takes_fds(w, type, &m)) {
        return;
    }

    worker_close_fds(fds, n);

    for (i = 0; i < WORKER_HANDLERS; i++) {
        if (strcmp(worker_handlers[i].type, type) == 0) {
            worker_handlers[i].handle(w, peer, message->json);
            return;
        }
    }

    worker_fail(w, peer, NULL, NULL, "bad_message",
                "This message is the worker's to send.", NULL);
}


static bool
worker_takes_fds(worker_t *w, const char *type, const worker_message_t *m)
{
    const expo_control_t *c = m->control;

    if (strcmp(type, "open") == 0) {
        if (m->n_fds > 1) {
            worker_close_fds(m->fds + 1, m->n_fds - 1);
        }

        session_open(w, m->peer, c->json, c->secret, c->secret_bytes,
                     m->n_fds > 0 ? m->fds[0] : -1);
        return true;
    }

    if (strcmp(type, "import") == 0 || strcmp(type, "index") == 0) {
        import_job_add(w, m->peer, c->json, c->secret, c->secret_bytes, m->fds,
                       m->n_fds);
        return true;
    }

    return false;
}


static void
worker_gone(void *owner, uint64_t peer)
{
    worker_t *w = owner;

    session_peer_gone(w, peer);
    import_job_peer_gone(w, peer);
    worker_stop_if_empty(w);
}


static void
worker_hello(worker_t *w, uint64_t peer, const json_t *message)
{
    char name[WORKER_DEF];
    const char *base = strrchr(w->options.socket, '/');

    log_line("control: peer %llu is nginx worker %lld",
             (unsigned long long) peer,
             (long long) json_integer_value(json_object_get(message, "pid")));

    snprintf(name, sizeof(name), "%.60s", base ? base + 1 : w->options.socket);

    control_send(w->control, peer,
                 json_pack("{s:s, s:i, s:i, s:s, s:s, s:i, s:o}", "type",
                           "hello", "version", 1, "pid", (int) getpid(),
                           "worker", name, "device", serve_device(w->serve),
                           "slots", (int) w->options.slots, "codecs",
                           worker_codecs()),
                 -1);
    control_greet(w->control, peer);
    control_send(w->control, peer, worker_status(w), -1);
}


static void
worker_ping(worker_t *w, uint64_t peer, const json_t *message)
{
    (void) message;
    control_send(w->control, peer, worker_status(w), -1);
}


static json_t *
worker_status(const worker_t *w)
{
    return json_pack("{s:s, s:i, s:s, s:o}", "type", "status", "slots",
                     (int) w->options.slots, "device", serve_device(w->serve),
                     "sessions", session_list(w));
}


static void
worker_close_fds(const int *fds, size_t n)
{
    while (n-- > 0) {
        close(fds[n]);
    }
}
