/*
 * What the files around WebSockets share: zone, control, session, execute,
 * tell, socket, handshake, reading, viewer, room, fanout.
 *
 * A socket is a WebSocket after its 101: it owns the connection's events and
 * lives on the heap, not in the request's pool. It is destroyed in one place
 * only, from a posted event, so that no caller loses it under its feet.
 */

#ifndef NGX_EXPOSURE_SOCKET_H
#define NGX_EXPOSURE_SOCKET_H

#include "ngx_exposure_module.h"

#include "lib/fanout.h"
#include "lib/queue.h"
#include "lib/ring.h"
#include "lib/ws.h"


#define NGX_EXPOSURE_MESSAGE_MAX      (64 * 1024)
#define NGX_EXPOSURE_MESSAGES_S       200      /* frames a second, at most */
#define NGX_EXPOSURE_BACKLOG_MAX      (1024 * 1024)
#define NGX_EXPOSURE_FIRST_MS         5000     /* until `authenticate` */
#define NGX_EXPOSURE_PING_MS          10000    /* two unanswered end it */
#define NGX_EXPOSURE_TICKET_S         30
#define NGX_EXPOSURE_SCRATCH          (64 * 1024)

#define NGX_EXPOSURE_CLOSE_OK         1000
#define NGX_EXPOSURE_CLOSE_RESTART    1012
#define NGX_EXPOSURE_CLOSE_INTERNAL   1011
#define NGX_EXPOSURE_CLOSE_BAD        4400
#define NGX_EXPOSURE_CLOSE_UNKNOWN    4401     /* not authenticated */
#define NGX_EXPOSURE_CLOSE_REVOKED    4403     /* its reason says how */
#define NGX_EXPOSURE_CLOSE_NOT_FOUND  4404
#define NGX_EXPOSURE_CLOSE_TIMEOUT    4408
#define NGX_EXPOSURE_CLOSE_REPLACED   4409
#define NGX_EXPOSURE_CLOSE_TOO_FAST   4429
#define NGX_EXPOSURE_CLOSE_NO_WORKER  4503


typedef struct ngx_exposure_socket_s  ngx_exposure_socket_t;
typedef struct ngx_exposure_small_s  ngx_exposure_small_t;

typedef void (*ngx_exposure_message_pt)(ngx_exposure_socket_t *s,
    json_t *message /* borrowed */);

typedef struct {
    const char               *type;    /* NULL ends the table */
    const char               *def;     /* its contract */
    ngx_exposure_message_pt   handler;
} ngx_exposure_message_t;

typedef struct {
    const char                    *name;           /* for logs */
    ngx_exposure_message_pt        authenticate;   /* the first message */
    const ngx_exposure_message_t  *messages;       /* the following ones */
    void                         (*gone)(ngx_exposure_socket_t *s);
                                                   /* if it has data */

    /* for exposure_echo only: any message as it is, without a first one */
    void                         (*raw)(ngx_exposure_socket_t *s,
                                        expo_ws_op_t op, u_char *data,
                                        size_t len);
    uint64_t                       limit;          /* 0: MESSAGE_MAX */
} ngx_exposure_socket_class_t;


struct ngx_exposure_socket_s {
    ngx_connection_t                   *connection;
    ngx_http_request_t                 *request;
    const ngx_exposure_socket_class_t  *class;
    void                               *data;      /* the class's */
    expo_fanout_queue_t                *frames;    /* of a stream viewer */

    expo_ws_t                           ws;
    u_char                             *text;      /* message so far */
    size_t                              text_len;
    size_t                              text_size;

    ngx_exposure_small_t               *first;     /* messages to send */
    ngx_exposure_small_t              **last;
    size_t                              backlog;

    ngx_event_t                         timer;     /* first message, pings */
    ngx_event_t                         end;       /* posted: destroy */
    ngx_msec_t                          window;    /* of counting frames */
    uint32_t                            window_frames;
    ngx_uint_t                          silent;    /* pings since any byte */

    unsigned                            heard:1;   /* first message came */
    unsigned                            closing:1; /* Close was queued */
    unsigned                            answered:1; /* it was the peer's wish */
    unsigned                            ending:1;  /* end is posted */
};


/* --- socket --- */

/*
 * Checks the handshake and answers 101, then reads. NGX_DONE: data is the
 * socket's, until gone is called; otherwise it stays the caller's, and a
 * content handler's return.
 */
ngx_int_t ngx_exposure_socket_accept(ngx_http_request_t *r,
    const ngx_exposure_socket_class_t *class, void *data);

/* Sends a message; the JSON reference is taken over. */
void ngx_exposure_socket_send(ngx_exposure_socket_t *s, json_t *message);
void ngx_exposure_socket_send_bytes(ngx_exposure_socket_t *s, expo_ws_op_t op,
    const void *data, size_t len);

/* Sends what lies in queue and frames as far as the peer takes it. */
void ngx_exposure_socket_flush(ngx_exposure_socket_t *s);

/*
 * Sends Close once what was queued before is sent; nothing is heard after.
 * reason: a word for programs, or "".
 */
void ngx_exposure_socket_close(ngx_exposure_socket_t *s, ngx_uint_t code);
void ngx_exposure_socket_close_as(ngx_exposure_socket_t *s, ngx_uint_t code,
    const char *reason);

/* The code for what ngx_exposure_auth_token says; NGX_AGAIN: come again. */
ngx_uint_t ngx_exposure_socket_refusal(ngx_int_t rc);


/* From anywhere: the socket is destroyed when the callers are through. */
void ngx_exposure_socket_abort(ngx_exposure_socket_t *s);

/* NULL when it has ended, and nginx is still closing the connection. */
ngx_exposure_socket_t *ngx_exposure_socket_of(ngx_connection_t *c);


/* --- handshake --- */

/* accept stays empty when it was refused, and answered so. */
ngx_int_t ngx_exposure_handshake_check(ngx_http_request_t *r,
    ngx_uint_t any_origin, char accept[EXPO_WS_ACCEPT_TEXT + 1]);
/* Answers 101. */
ngx_int_t ngx_exposure_handshake_switch(ngx_http_request_t *r,
    const char *accept);


/* --- reading --- */

void ngx_exposure_reading_handler(ngx_event_t *rev);
void ngx_exposure_reading_feed(ngx_exposure_socket_t *s, u_char *data,
    size_t len);


/* --- zone --- */

expo_queue_t *ngx_exposure_zone_queue(ngx_exposure_zone_t *zone);
const expo_owner_t *ngx_exposure_zone_owner(void);
bool ngx_exposure_zone_alive(const expo_owner_t *owner);


/* --- control --- */

/* Bit n: render-worker n is connected. */
uint32_t ngx_exposure_control_reachable(void);
/* {type, session} to a render-worker. */
ngx_int_t ngx_exposure_control_tell(ngx_uint_t worker, const char *type,
    const expo_id_t *session);


/* --- session --- */

/* «revoked», for messages and for the reason of a Close. */
const char *ngx_exposure_session_why(expo_end_t why);
/* Starts the timer; called once in each nginx worker. */
void ngx_exposure_session_start(ngx_cycle_t *cycle);


/* --- viewer, room and fanout --- */

typedef struct ngx_exposure_viewer_s  ngx_exposure_viewer_t;

/* A session as this nginx worker has joined it. */
typedef struct {
    ngx_queue_t                 link;
    ngx_queue_t                 connects;  /* viewers by their link */
    ngx_queue_t                 streams;
    ngx_uint_t                  worker;
    expo_id_t                   id;
    json_t                     *joined;    /* the answer; NULL until then */
    expo_ring_t                 ring;      /* base NULL until joined */
    uint32_t                    sequence;  /* frame seen last */
    uint64_t                    asked_ms;  /* for a keyframe */
    uint64_t                    token_ms;  /* as the table said last */
    expo_end_t                  why;       /* likewise; 0: it goes on */
    unsigned                    over:1;    /* its viewers are being closed */
} ngx_exposure_room_t;

struct ngx_exposure_viewer_s {
    ngx_queue_t                 link;
    ngx_exposure_socket_t      *socket;
    ngx_exposure_room_t        *room;      /* NULL until authenticated */
    expo_fanout_queue_t         frames;
    char                        id[EXPO_ID_TEXT + 1];
};

/* Its room has been joined: it is welcomed, or gets a picture. */
void ngx_exposure_viewer_ready(ngx_exposure_viewer_t *v);

/* NULL: this nginx worker has not joined it. */
ngx_exposure_room_t *ngx_exposure_room_find(expo_id_t *id);
/* NULL: the render-worker cannot be asked. */
ngx_exposure_room_t *ngx_exposure_room_join(expo_id_t *id, ngx_uint_t worker);
/* The last viewer is gone. */
void ngx_exposure_room_leave(ngx_exposure_room_t *room);
/* Tells the render-worker how many viewers there are here. */
void ngx_exposure_room_count(ngx_exposure_room_t *room);

/* Messages about a session that this nginx worker may have joined. */
void ngx_exposure_room_event(ngx_uint_t worker, const char *type,
    expo_id_t *session, json_t *message, int *fds, ngx_uint_t nfds);
void ngx_exposure_room_lost(ngx_uint_t worker);
/* Closes those whose users may no more, or whose tokens have ended. */
void ngx_exposure_room_look(void);

/* Maps the ring behind fd read-only, if its seals and size are right. */
ngx_int_t ngx_exposure_fanout_map(ngx_exposure_room_t *room, int fd);
void ngx_exposure_fanout_unmap(ngx_exposure_room_t *room);

/* Every record up to `sequence` goes to every stream viewer. */
void ngx_exposure_fanout_frame(ngx_exposure_room_t *room, uint32_t sequence);

/* Asks the render-worker for a keyframe, at most once a second. */
void ngx_exposure_fanout_keyframe(ngx_exposure_room_t *room);

#endif
