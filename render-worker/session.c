#include <string.h>
#include <unistd.h>

#include "render-worker/log.h"
#include "render-worker/session_private.h"

#define SESSION_ERROR 256

static session_t *session_find(worker_t *w, const json_t *message);
static session_peer_t *session_peer(session_t *s, uint64_t peer);
static void session_part(session_t *s, uint64_t peer);


void
session_open(worker_t *w, uint64_t peer, const json_t *message,
             const uint8_t *key, size_t key_bytes, int fd)
{
    const char *id = session_text(message, "session");
    const char *code = NULL, *detail = NULL;
    session_t *s = session_find(w, message);

    if (s != NULL) {
        if (fd >= 0) {
            close(fd);
        }

        s->opener = peer;

        if (s->state == SESSION_READY) {
            session_tell_opened(s, peer);
        }

        return;
    }

    if (fd < 0) {
        worker_fail(w, peer, id, NULL, "not_found",
                    "There is no such session here.", NULL);
        return;
    }

    if (key_bytes != 32) {
        code = "bad_message";
        detail = "An open needs a descriptor and a key of 32 bytes.";

    } else if (w->stopping || session_slots(w) >= w->options.slots) {
        code = "full";
        detail = "All slots of this worker are taken.";

    } else {
        s = session_make(w, peer, message, key, fd, &code, &detail);
    }

    if (s == NULL) {
        close(fd);
        worker_fail(w, peer, id, NULL, code, detail, NULL);
        return;
    }

    s->next = w->sessions;
    w->sessions = s;
    worker_tell_status(w);
}


void
session_join(worker_t *w, uint64_t peer, const json_t *message)
{
    session_t *s = session_find(w, message);
    session_peer_t *p;

    if (s == NULL) {
        worker_fail(w, peer, session_text(message, "session"), NULL,
                    "not_found", "There is no such session here.", NULL);
        return;
    }

    p = session_peer(s, peer);

    if (p == NULL) {
        /* Peers are never more than the table holds. */
        p = &s->peers[s->n_peers++];
        *p = (session_peer_t){.peer = peer};
    }

    p->waiting = s->state == SESSION_LOADING;

    if (!p->waiting) {
        session_tell_joined(s, p);
    }
}


void
session_leave(worker_t *w, uint64_t peer, const json_t *message)
{
    session_t *s = session_find(w, message);

    if (s != NULL) {
        session_part(s, peer);
    }
}


void
session_viewers(worker_t *w, uint64_t peer, const json_t *message)
{
    session_t *s = session_find(w, message);
    session_peer_t *p = s ? session_peer(s, peer) : NULL;

    if (p == NULL) {
        return;
    }

    p->stream = session_number(message, "stream");
    p->connect = session_number(message, "connect");

    if (s->state == SESSION_READY) {
        serve_viewers(s->view, session_count(s));
    }
}


void
session_patch(worker_t *w, uint64_t peer, const json_t *message)
{
    session_t *s = session_find(w, message);
    const json_t *patch = json_object_get(message, "patch");
    const char *id = session_text(message, "session");
    const char *by = session_text(message, "by");
    uint32_t request = session_number(message, "request");
    char error[SESSION_ERROR] = "There is no such session here.";
    const char *code = "not_found";
    expo_settings_t numbers;
    json_t *merged = NULL;
    expo_status_t st = EXPO_NOT_FOUND;

    if (s != NULL && s->state == SESSION_READY) {
        code = "bad_settings";
        st = expo_settings_merge(w->settings, s->settings, patch, &merged,
                                 error, sizeof(error));
    }

    if (st == EXPO_OK) {
        st = expo_settings_parse(w->settings, merged, &numbers, error,
                                 sizeof(error));
    }

    if (st != EXPO_OK) {
        json_decref(merged);
        control_send(w->control, peer,
                     json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "type",
                               "refused", "session", id, "by", by, "request",
                               (json_int_t) request, "code", code, "detail",
                               error),
                     -1);
        return;
    }

    json_decref(s->settings);
    s->settings = merged;
    serve_set(s->view, &numbers, ++s->revision);

    session_tell(s, json_pack("{s:s, s:s, s:I, s:O, s:s, s:I}", "type",
                              "settings", "session", s->name, "revision",
                              (json_int_t) s->revision, "settings", s->settings,
                              "by", by, "request", (json_int_t) request));
}


void
session_pick(worker_t *w, uint64_t peer, const json_t *message)
{
    session_t *s = session_find(w, message);
    serve_pick_t pick = {
        .peer = peer,
        .request = session_number(message, "request"),
        .x = (float) json_number_value(json_object_get(message, "x")),
        .y = (float) json_number_value(json_object_get(message, "y"))};

    /* Whose session is no more hears that instead. */
    if (s == NULL || s->state != SESSION_READY) {
        return;
    }

    strcpy(pick.by, session_text(message, "by"));
    serve_pick(s->view, &pick);
}


void
session_keyframe(worker_t *w, uint64_t peer, const json_t *message)
{
    session_t *s = session_find(w, message);

    (void) peer;

    if (s != NULL && s->state == SESSION_READY) {
        serve_keyframe(s->view);
    }
}


void
session_stream(worker_t *w, uint64_t peer, const json_t *message)
{
    session_t *s = session_find(w, message);
    const json_t *wish = json_object_get(message, "stream");
    picture_stream_t stream = {.width = session_number(wish, "width") & ~1u,
                               .height = session_number(wish, "height") & ~1u,
                               .max_fps = session_number(wish, "max_fps"),
                               .max_bitrate =
                                   session_number(wish, "max_bitrate")};
    bool same;

    (void) peer;

    if (s == NULL) {
        return;
    }

    /* The schema has checked codec and ranges; MPEG-1's chroma wants even. */
    strcpy(stream.codec, session_text(wish, "codec"));
    same = memcmp(&stream, &s->stream, sizeof(stream)) == 0;
    s->stream = stream;

    if (s->state == SESSION_READY) {
        /* One more viewer of the same size costs the others no picture. */
        if (!same) {
            serve_stream(s->view, &s->stream);
        }

        session_tell(s, json_pack("{s:s, s:s, s:o}", "type", "stream",
                                  "session", s->name, "stream",
                                  session_stream_json(&s->stream)));
    }
}


void
session_close(worker_t *w, uint64_t peer, const json_t *message)
{
    session_t *s = session_find(w, message);

    (void) peer;

    if (s != NULL) {
        session_end(s, "closed", NULL);
    }
}


void
session_peer_gone(worker_t *w, uint64_t peer)
{
    session_t *s;

    for (s = w->sessions; s != NULL; s = s->next) {
        if (s->state == SESSION_ENDING) {
            continue;
        }

        session_part(s, peer);

        if (s->opener == peer) {
            log_line("session %.4s: its opener is gone", s->name);
            s->opener = 0;
            s->orphan_us = loop_now_us();
        }
    }
}


void
session_tick(worker_t *w, uint64_t now_us)
{
    session_t *s, *next;

    for (s = w->sessions; s != NULL; s = next) {
        next = s->next;

        if (s->state == SESSION_ENDING) {
            continue;
        }

        if (s->opener == 0 &&
            now_us - s->orphan_us >= w->options.grace_s * 1000000ull) {
            session_end(s, "closed", NULL);

        } else if (s->state == SESSION_READY && session_count(s) > 0) {
            session_tell_stats(s);
        }
    }
}


void
session_end_all(worker_t *w, const char *reason)
{
    session_t *s, *next;

    for (s = w->sessions; s != NULL; s = next) {
        next = s->next;

        if (s->state != SESSION_ENDING) {
            session_end(s, reason, NULL);
        }
    }
}


json_t *
session_list(const worker_t *w)
{
    json_t *list = json_array();
    const session_t *s;

    for (s = w->sessions; s != NULL; s = s->next) {
        if (s->state != SESSION_ENDING) {
            json_array_append_new(list, json_string(s->name));
        }
    }

    return list;
}


uint32_t
session_slots(const worker_t *w)
{
    const session_t *s;
    uint32_t n = 0;

    for (s = w->sessions; s != NULL; s = s->next) {
        n += s->state != SESSION_ENDING;
    }

    return n;
}


uint32_t
session_count(const session_t *s)
{
    uint32_t n = 0;
    size_t i;

    for (i = 0; i < s->n_peers; i++) {
        n += s->peers[i].stream;
    }

    return n;
}


const char *
session_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}


uint32_t
session_number(const json_t *object, const char *name)
{
    return (uint32_t) json_integer_value(json_object_get(object, name));
}


/* The session that a message names, unless it is on its way out. */
static session_t *
session_find(worker_t *w, const json_t *message)
{
    const char *id = session_text(message, "session");
    session_t *s;

    for (s = w->sessions; s != NULL; s = s->next) {
        if (s->state != SESSION_ENDING && strcmp(s->name, id) == 0) {
            return s;
        }
    }

    return NULL;
}


static session_peer_t *
session_peer(session_t *s, uint64_t peer)
{
    size_t i;

    for (i = 0; i < s->n_peers; i++) {
        if (s->peers[i].peer == peer) {
            return &s->peers[i];
        }
    }

    return NULL;
}


static void
session_part(session_t *s, uint64_t peer)
{
    session_peer_t *p = session_peer(s, peer);

    if (p == NULL) {
        return;
    }

    *p = s->peers[--s->n_peers];

    if (s->state == SESSION_READY) {
        serve_viewers(s->view, session_count(s));
    }
}
