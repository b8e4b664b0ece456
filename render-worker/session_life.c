#include <stdlib.h>
#include <string.h>

#include "render-worker/blob_io.h"
#include "render-worker/describe.h"
#include "render-worker/log.h"
#include "render-worker/session_private.h"

#define SESSION_ERROR 256

static void session_loaded(void *owner);
static const char *session_begin(session_t *s);
static void session_refuse(session_t *s, const char *code, const char *detail);
static void session_frame(void *owner, uint32_t sequence);
static void session_picked(void *owner, const serve_pick_t *pick);
static void session_failed(void *owner);
static void session_gone(void *owner);

/* Before a viewer has said what it can show. */
static const picture_stream_t session_stream_default = {"mpeg1", 512, 512, 30,
                                                        8000000};

const serve_events_t session_events = {session_frame, session_picked,
                                       session_failed, session_gone};


session_t *
session_make(worker_t *w, uint64_t peer, const json_t *message,
             const uint8_t *key, int fd, const char **code, const char **detail)
{
    const char *name = session_text(message, "session");
    const char *scan = session_text(message, "scan");
    json_t *settings = json_object_get(message, "settings");
    expo_settings_t numbers;
    expo_id_t scan_id;
    char error[SESSION_ERROR];
    session_t *s;

    *code = "bad_message";
    *detail = "The header is not that of a volume of this scan.";

    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        *code = "out_of_memory";
        *detail = "There is no memory for another session.";
        return NULL;
    }

    if (expo_id_parse(&scan_id, scan, strlen(scan)) != EXPO_OK ||
        blob_take(&s->load.blob, session_text(message, "header"), key, &scan_id,
                  EXPO_BLOB_VOLUME) != EXPO_OK) {
        goto failed;
    }

    if (settings != NULL &&
        expo_settings_parse(w->settings, settings, &numbers, error,
                            sizeof(error)) != EXPO_OK) {
        *code = "bad_settings";
        *detail = "The settings to begin with do not fit their schema.";
        goto failed;
    }

    strcpy(s->name, name);
    s->worker = w;
    s->opener = peer;
    s->begun_us = loop_now_us();
    s->stream = session_stream_default;
    s->load.fd = fd;
    s->load.most_bytes = (uint64_t) w->options.scan_mib << 20;
    s->load.loop = w->loop;
    s->load.done = session_loaded;
    s->load.owner = s;

    s->settings = json_deep_copy(settings);

    if ((settings != NULL &&
         (s->settings == NULL ||
          expo_settings_complete(w->settings, s->settings) != EXPO_OK)) ||
        load_start(&s->load) != EXPO_OK) {
        *code = "out_of_memory";
        *detail = "There is no memory for another session.";
        goto failed;
    }

    return s;

failed:

    json_decref(s->settings);
    explicit_bzero(&s->load.blob, sizeof(s->load.blob));
    free(s);
    return NULL;
}


void
session_end(session_t *s, const char *reason, const char *detail)
{
    worker_t *w = s->worker;
    bool loading = s->state == SESSION_LOADING;
    json_t *message = json_pack("{s:s, s:s, s:s}", "type", "ended", "session",
                                s->name, "reason", reason);

    if (detail != NULL) {
        json_object_set_new(message, "detail", json_string(detail));
    }

    log_line("session %.4s: ended, %s", s->name, reason);
    s->state = SESSION_ENDING;
    control_broadcast(w->control, message);
    worker_tell_status(w);

    if (loading) {
        atomic_store(&s->load.cancel, true);
    } else {
        serve_remove(s->view);
    }
}


/* Its last thread has let go. */
static void
session_gone(void *owner)
{
    session_t *s = owner, **at = &s->worker->sessions;
    worker_t *w = s->worker;

    while (*at != s) {
        at = &(*at)->next;
    }

    *at = s->next;

    load_release(&s->load);
    json_decref(s->settings);
    free(s);
    worker_stop_if_empty(w);
}


static void
session_loaded(void *owner)
{
    session_t *s = owner;
    const char *detail;
    size_t i;

    if (s->state == SESSION_ENDING) {
        session_gone(s);
        return;
    }

    if (s->load.code != NULL) {
        session_refuse(s, s->load.code, s->load.detail);
        return;
    }

    detail = session_begin(s);

    if (detail != NULL) {
        session_refuse(s, "out_of_memory", detail);
        return;
    }

    s->state = SESSION_READY;
    log_line("session %.4s: %ux%ux%u voxels loaded in %u ms", s->name,
             s->load.volume.dims[0], s->load.volume.dims[1],
             s->load.volume.dims[2],
             (unsigned) ((loop_now_us() - s->begun_us) / 1000));

    if (s->load.factor > 1) {
        log_line("session %.4s: 1/%u of the scan's voxels along each axis, for "
                 "want of memory",
                 s->name, s->load.factor);
    }

    if (s->opener != 0) {
        session_tell_opened(s, s->opener);
    }

    for (i = 0; i < s->n_peers; i++) {
        if (s->peers[i].waiting) {
            s->peers[i].waiting = false;
            session_tell_joined(s, &s->peers[i]);
        }
    }

    serve_viewers(s->view, session_count(s));
}


/* Settings and a place on the render thread; NULL, or what is missing. */
static const char *
session_begin(session_t *s)
{
    worker_t *w = s->worker;
    expo_settings_t numbers;
    char error[SESSION_ERROR];

    if (s->settings == NULL &&
        expo_settings_default(&s->load.volume, s->load.percentiles,
                              &s->settings) != EXPO_OK) {
        return "There is no memory for the settings.";
    }

    if (expo_settings_parse(w->settings, s->settings, &numbers, error,
                            sizeof(error)) != EXPO_OK) {
        return "The settings to begin with could not be made.";
    }

    s->revision = 1;
    s->view = serve_add(w->serve, s, &s->load.volume, s->load.voxels,
                        &s->load.ring, &numbers, s->revision, &s->stream);

    if (s->view == NULL) {
        return "There is no memory for another session.";
    }

    if (s->load.table.voxels > 0) {
        serve_table(s->view, &s->load.table, s->load.voxels);
    }

    return NULL;
}


/* Loading did not work: the opener and who has joined hear why. */
static void
session_refuse(session_t *s, const char *code, const char *detail)
{
    worker_t *w = s->worker;
    size_t i;

    log_line("session %.4s: not opened, %s", s->name, code);
    s->state = SESSION_ENDING;

    if (s->opener != 0) {
        worker_fail(w, s->opener, s->name, NULL, code, detail, NULL);
    }

    for (i = 0; i < s->n_peers; i++) {
        if (s->peers[i].peer != s->opener) {
            worker_fail(w, s->peers[i].peer, s->name, NULL, code, detail, NULL);
        }
    }

    session_gone(s);
    worker_tell_status(w);
}


static void
session_frame(void *owner, uint32_t sequence)
{
    session_t *s = owner;

    if (s->state == SESSION_ENDING) {
        return;
    }

    if (!s->first_told) {
        s->first_told = true;
        log_line("session %.4s: first picture %u ms after open", s->name,
                 (unsigned) ((loop_now_us() - s->begun_us) / 1000));
    }

    session_tell(s, json_pack("{s:s, s:s, s:I}", "type", "frame", "session",
                              s->name, "sequence", (json_int_t) sequence));
}


static void
session_picked(void *owner, const serve_pick_t *pick)
{
    const double *p = pick->point_mm;
    session_t *s = owner;
    json_t *message =
        json_pack("{s:s, s:s, s:s, s:I}", "type", "picked", "session", s->name,
                  "by", pick->by, "request", (json_int_t) pick->request);

    if (pick->met) {
        json_object_set_new(message, "point_mm",
                            json_pack("[f, f, f]", p[0], p[1], p[2]));
    }

    control_send(s->worker->control, pick->peer, message, -1);
}


static void
session_failed(void *owner)
{
    session_t *s = owner;

    if (s->state != SESSION_ENDING) {
        session_end(s, "failed", "The picture could not be computed.");
    }
}


void
session_tell_opened(session_t *s, uint64_t peer)
{
    control_send(s->worker->control, peer,
                 json_pack("{s:s, s:s}", "type", "opened", "session", s->name),
                 -1);
}


void
session_tell_joined(session_t *s, session_peer_t *p)
{
    json_t *message = json_pack(
        "{s:s, s:s, s:I, s:O, s:o, s:o, s:o, s:o, s:I}", "type", "joined",
        "session", s->name, "revision", (json_int_t) s->revision, "settings",
        s->settings, "codecs", worker_codecs(), "histogram",
        describe_histogram(&s->load.volume, s->load.histogram), "volume",
        describe_volume(&s->load.volume, s->load.percentiles, s->load.factor,
                        s->load.table.voxels > 0),
        "stream", session_stream_json(&s->stream), "ring_bytes",
        (json_int_t) s->load.ring.ring.bytes);

    control_send(s->worker->control, p->peer, message, s->load.ring.fd);
}


void
session_tell_stats(session_t *s)
{
    serve_stats_t n;

    serve_stats(s->view, &n);

    session_tell(
        s, json_pack("{s:s, s:s, s:{s:f, s:I, s:I, s:i, s:i, s:f, s:f, s:f, "
                     "s:I, s:b, s:s, s:o*}}",
                     "type", "stats", "session", s->name, "stats", "fps",
                     (double) n.frames, "samples", (json_int_t) n.samples,
                     "max_samples", (json_int_t) n.max_samples, "width",
                     (int) n.width, "height", (int) n.height, "render_ms",
                     n.render_ms, "encode_ms", n.encode_ms, "kbit_s",
                     (double) n.bytes * 8 / 1000, "viewers",
                     (json_int_t) session_count(s), "converged",
                     (int) n.converged, "device", n.device, "noise",
                     n.noise < 0 ? NULL : json_real(n.noise)));
}


void
session_tell(session_t *s, json_t *message)
{
    size_t i;

    for (i = 0; i < s->n_peers; i++) {
        if (!s->peers[i].waiting) {
            control_send(s->worker->control, s->peers[i].peer,
                         json_incref(message), -1);
        }
    }

    json_decref(message);
}


json_t *
session_stream_json(const picture_stream_t *stream)
{
    return json_pack("{s:s, s:i, s:i, s:i, s:i}", "codec", stream->codec,
                     "width", (int) stream->width, "height",
                     (int) stream->height, "max_fps", (int) stream->max_fps,
                     "max_bitrate", (int) stream->max_bitrate);
}
