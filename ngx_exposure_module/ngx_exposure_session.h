/*
 * Between session.c, which looks after the table, execute.c and place.c, one
 * client, and tell.c, what that client and the render-worker are told.
 */

#ifndef NGX_EXPOSURE_SESSION_H
#define NGX_EXPOSURE_SESSION_H

#include "ngx_exposure_socket.h"


typedef enum {
    NGX_EXPOSURE_ASKING = 0,     /* is the scan this user's? */
    NGX_EXPOSURE_WAITING,
    NGX_EXPOSURE_OPENING,
    NGX_EXPOSURE_TAKING,         /* taken over while another opens it */
    NGX_EXPOSURE_LIVE,
    NGX_EXPOSURE_OVER            /* told so; the socket closes */
} ngx_exposure_execute_e;


/* Of one execute socket; outlives it while a pool thread is at it. */
typedef struct {
    ngx_queue_t              link;
    ngx_exposure_socket_t   *socket;     /* NULL: gone */
    ngx_exposure_execute_e   state;
    unsigned                 busy:1;     /* a scan is being opened */
    unsigned                 opening:1;  /* and its session waits for that */
    uint64_t                 number;     /* in the table; 0: none */
    uint32_t                 position;   /* told last */
    ngx_msec_t               missed;     /* since when the table lacks it */
    ngx_uint_t               worker;
    expo_role_t              role;
    expo_id_t                scan;
    expo_id_t                session;
    ngx_exposure_rule_e      rule;
    expo_audit_verb_t        verb;
    ngx_exposure_who_t       who;
    u_char                   tag[EXPO_TAG];
    expo_id_t                user;
    uint64_t                 access_s;   /* the user may until then */
    uint32_t                 changes;    /* when that was asked */
    expo_end_t               why;        /* it is over; 0: something else */
} ngx_exposure_execute_t;


/* All of this nginx worker. */
extern ngx_queue_t  ngx_exposure_executes;

/* All look at the table. */
void ngx_exposure_session_poll(void);

/* Whether those who look here still may: ngx_exposure_may.c. */
void ngx_exposure_session_ask(void);

/* Asks whether the user may, and opens the scan. */
void ngx_exposure_execute_open(ngx_exposure_execute_t *x);

/* A session, or one that is being opened. */
ngx_uint_t ngx_exposure_execute_has(ngx_exposure_execute_t *x);

/* The user may no more. */
void ngx_exposure_execute_revoke(ngx_exposure_execute_t *x, expo_end_t why);

/* Tells the client, and sees to it that nothing of the session is left. */
void ngx_exposure_execute_end(ngx_exposure_execute_t *x, const char *reason,
    const char *detail);

/*
 * Gives its place or its session back: a session waits for a while. To one that
 * ends, or has ended, nothing happens.
 */
void ngx_exposure_execute_release(ngx_exposure_execute_t *x);


/* --- place --- */

/* Looks at the table, and tells the client what is new. */
void ngx_exposure_place_look(ngx_exposure_execute_t *x);
/* Tries for a slot; says where it stands if that changed. */
void ngx_exposure_place_wait(ngx_exposure_execute_t *x);
/* The session is there. */
void ngx_exposure_place_live(ngx_exposure_execute_t *x,
    expo_session_t *session);


/* --- tell --- */

/* Nothing if it was told this position last. */
void ngx_exposure_tell_queued(ngx_exposure_execute_t *x, uint32_t position,
    uint32_t ahead, uint32_t estimate_s);
/* With a ticket for each of its viewers' sockets; NGX_ERROR: none was made. */
ngx_int_t ngx_exposure_tell_assigned(ngx_exposure_execute_t *x);
/* detail may be NULL. */
void ngx_exposure_tell_ended(ngx_exposure_execute_t *x, const char *reason,
    const char *detail);

/* open NULL: the worker has it, and learns whose session it is from now on. */
ngx_int_t ngx_exposure_tell_open(ngx_uint_t worker, expo_id_t *session,
    expo_id_t *scan, ngx_exposure_scan_open_t *open);
/* The session lives as long as its opener's connection: from now on ours. */
void ngx_exposure_tell_adopted(expo_session_t *session);

#endif
