/* What the two halves of sessions share: session.c and session_life.c. */

#ifndef SESSION_PRIVATE_H
#define SESSION_PRIVATE_H

#include "lib/settings.h"
#include "render-worker/load.h"
#include "render-worker/session.h"

typedef enum { SESSION_LOADING, SESSION_READY, SESSION_ENDING } session_state_t;

typedef struct {
    uint64_t peer;
    uint32_t stream, connect; /* viewers behind it */
    bool waiting;             /* joined before there was anything to tell */
} session_peer_t;

struct session_s {
    session_t *next;
    worker_t *worker;
    char name[EXPO_ID_TEXT + 1];
    session_state_t state;
    uint64_t begun_us;
    uint64_t opener;    /* 0: lost */
    uint64_t orphan_us; /* when it was */
    bool first_told;    /* the first picture has been logged */
    session_peer_t peers[CONTROL_PEERS];
    size_t n_peers;
    json_t *settings; /* NULL until loaded, unless open brought some */
    uint32_t revision;
    picture_stream_t stream;
    load_t load;
    serve_view_t *view;
};

/* What of a message's object is known to be there. */
const char *session_text(const json_t *object, const char *name);
uint32_t session_number(const json_t *object, const char *name);

/*
 * A new session, loading; fd is taken over. NULL, and why, when it cannot be:
 * then fd is still the caller's.
 */
session_t *session_make(worker_t *w, uint64_t peer, const json_t *message,
                        const uint8_t *key, int fd, const char **code,
                        const char **detail);

/* Tells everybody and lets go; detail may be NULL. */
void session_end(session_t *s, const char *reason, const char *detail);

void session_tell_opened(session_t *s, uint64_t peer);
void session_tell_joined(session_t *s, session_peer_t *p);
void session_tell_stats(session_t *s);
/* To each joined peer; message is consumed. */
void session_tell(session_t *s, json_t *message);

json_t *session_stream_json(const picture_stream_t *stream);

/* Stream viewers behind all peers. */
uint32_t session_count(const session_t *s);

#endif
