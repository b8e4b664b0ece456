/*
 * What the files of the module share: configuration, request context, and one
 * small interface a file. Glue only: what can be thought about without nginx
 * is in lib/.
 *
 *   ngx_exposure_module.c   directives, process start and end
 *   ngx_exposure_conf.c     checks of the configuration
 *   ngx_exposure_routes.h   one table: method, path, who may, verb, handler
 *   ngx_exposure_route.c    a request finds its line of it
 *   ngx_exposure_access.c   who may
 *   ngx_exposure_audit.c    what was done, and who is told of it
 *   ngx_exposure_reply.c    JSON and problem+json answers; status -> HTTP
 *   ngx_exposure_auth.c     token -> claims
 *   ngx_exposure_oidc.c     exposure_oidc, GET /providers
 *   ngx_exposure_jwks.c     key sets of other issuers, kept fresh
 *   ngx_exposure_fetch.c    asks a location of this nginx
 *   ngx_exposure_task.c     work in the thread pool, safe against aborts
 *   ngx_exposure_body.c     small JSON bodies
 *   ngx_exposure_login.c    passwords, recovery codes, accounts by invitation
 *   ngx_exposure_account.c  fresh tokens, the issuer's keys, who one is
 *   ngx_exposure_scan.c     scans and thumbnails
 *   ngx_exposure_configuration.c  saved settings
 *   ngx_exposure_permission.c  who else may see a scan
 *   ngx_exposure_invitation.c  and whoever brings a secret
 *   ngx_exposure_share.c    what these two have in common
 *   ngx_exposure_tries.c    guessing is limited
 *   ngx_exposure_export.c   a person's own data, streamed
 *   ngx_exposure_erase.c    DELETE /users/current
 *   ngx_exposure_identity.c POST /users/current/identity
 *   ngx_exposure_vault.c    the vault: is it there, what it has told
 *   ngx_exposure_key.c      users' and scans' keys, in pool threads
 *   ngx_exposure_open.c     a scan's volume, opened for a session
 *   ngx_exposure_upload.c   body -> sealed original; _work.c: the part of it in
 *                           pool threads; _others.c: the same user's other
 *                           uploads; _scan.c: POST /scans
 *   ngx_exposure_parts.c    multipart body -> tar
 *   ngx_exposure_stow.c     POST /dicomweb/studies; _work.c
 *   ngx_exposure_tus.c      /uploads: resumable; _work.c; _staged.c: checksums
 *   ngx_exposure_import.c   sealed original -> worker -> ready scan; _work.c
 *   ngx_exposure_control.c  connection to the render-worker
 *   ngx_exposure_zone.c     shared memory: queue and session table, tries
 *   ngx_exposure_session.c  the table of sessions, looked after
 *   ngx_exposure_may.c      do those who look still may, says the store
 *   ngx_exposure_execute.c  WebSocket execute: queue, assignment
 *   ngx_exposure_place.c    where its client stands
 *   ngx_exposure_tell.c     what its client and the render-worker are told
 *   ngx_exposure_socket.c   a WebSocket: its life, sending, closing
 *   ngx_exposure_handshake.c  its opening
 *   ngx_exposure_reading.c  bytes -> frames -> messages -> handlers
 *   ngx_exposure_viewer.c   WebSockets connect and stream
 *   ngx_exposure_room.c     a session as this nginx worker has joined it
 *   ngx_exposure_fanout.c   ring -> every viewer's bounded queue
 */

#ifndef NGX_EXPOSURE_MODULE_H
#define NGX_EXPOSURE_MODULE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_thread_pool.h>

#include <jansson.h>

#include "lib/account.h"
#include "lib/audit.h"
#include "lib/control.h"
#include "lib/id.h"
#include "lib/keys.h"
#include "lib/queue.h"
#include "lib/schema.h"
#include "lib/status.h"
#include "lib/store.h"
#include "lib/trust.h"
#include "lib/vault.h"


typedef struct {
    ngx_shm_zone_t       *zone;            /* exposure_zone */
    ngx_str_t             store_path;      /* exposure_store */
    expo_keys_t          *keys;            /* exposure_vault */
    ngx_flag_t            accounts;        /* exposure_accounts */
    ngx_str_t             issuer;          /* exposure_issuer */
    ngx_str_t             audience;        /* exposure_audience */
    ngx_array_t          *providers;       /* exposure_oidc, of
                                              ngx_exposure_provider_t */
    ngx_array_t          *workers;         /* exposure_worker, of ngx_addr_t */
    ngx_array_t          *origins;         /* exposure_origin, of ngx_str_t */
    ngx_str_t             pool_name;       /* exposure_thread_pool */
    ngx_thread_pool_t    *pool;
    off_t                 max_upload;      /* exposure_max_upload */
    off_t                 quota;           /* exposure_quota */
    ngx_msec_t            grace;           /* exposure_grace */
    time_t                token_lifetime;  /* exposure_token_lifetime */
    time_t                upload_expires;  /* exposure_upload_expires */
    ngx_flag_t            debug_log;       /* exposure_allow_debug_log */

    ngx_uint_t            enabled;         /* there is an exposure_api */

    expo_trust_t         *trust;           /* the built-in issuer, if any, and
                                              the providers */
    size_t                issuer_entry;    /* the built-in one's */
    ngx_http_core_srv_conf_t *server;      /* the first with exposure_api */
    expo_schema_t        *settings_schema;
    expo_schema_t        *messages_schema;
    ngx_str_t             settings_json;   /* the schemas as they are served */
    ngx_str_t             messages_json;

    /* of each worker process */
    expo_store_t         *store;
    const expo_names_t   *names;           /* sodium_malloc'd; NULL until the
                                              vault was there once. By the
                                              newest master secret, then by
                                              former ones */
    ngx_uint_t            nnames;
    uint32_t              master_no;       /* the newest one's */
    char                 *jwks_json;       /* of the built-in issuer, malloc'd */
} ngx_exposure_main_conf_t;


/* Who may: the chains of ngx_exposure_access.c. */
typedef enum {
    NGX_EXPOSURE_PUBLIC,
    NGX_EXPOSURE_SIGNED_IN,
    NGX_EXPOSURE_SELF,                     /* {id} is one's own */
    NGX_EXPOSURE_SCAN_VIEWER,              /* of the scan {id}, or more */
    NGX_EXPOSURE_SCAN_EDITOR,
    NGX_EXPOSURE_SCAN_OWNER,
    NGX_EXPOSURE_CONFIGURATION_VIEWER,     /* of the scan that {id} is of */
    NGX_EXPOSURE_CONFIGURATION_EDITOR,
    NGX_EXPOSURE_INVITATION_OWNER,         /* of the scan that {id} is to */
    NGX_EXPOSURE_UPLOAD_OWNER,
    NGX_EXPOSURE_SESSION_USER,             /* whose session it is */
    NGX_EXPOSURE_RULES
} ngx_exposure_rule_e;


/* Who asks: what a verified token says, and itself, which the vault judges. */
typedef struct {
    expo_claims_t         claims;
    ngx_str_t             token;
    uint64_t              token_ms;        /* its end, as ngx_current_msec */
} ngx_exposure_who_t;


/* Of one request. */
typedef struct {
    ngx_exposure_rule_e   rule;
    expo_audit_verb_t     verb;
    ngx_exposure_who_t    who;             /* its token is in the request */
    u_char                tag[EXPO_TAG];
    expo_id_t             id;              /* {id} of the path */
    expo_id_t             user;            /* {user} of the path */
    void                 *data;            /* the handler's own */
    const void           *kind;            /* as well, while a body is read */
} ngx_exposure_ctx_t;


extern ngx_module_t  ngx_exposure_module;

/* Also from timers and thread completions, where there is no request.
   NULL without an http block. */
ngx_exposure_main_conf_t *ngx_exposure_main_conf(void);


/* --- auth --- */

/*
 * Judges a bearer token (no I/O, < 0.1 ms) and derives the user's tag. who's
 * token stays the caller's bytes. token NULL: none was shown.
 * NGX_OK; NGX_DECLINED: not valid; NGX_ABORT: expired; NGX_AGAIN: its issuer's
 * keys are being fetched, or the vault has never been there.
 */
ngx_int_t ngx_exposure_auth_token(u_char *token, size_t len,
    ngx_exposure_who_t *who, u_char tag[EXPO_TAG]);

/* dst gets a token of its own, which wipe frees; what dst had is wiped. */
ngx_int_t ngx_exposure_who_copy(ngx_exposure_who_t *dst,
    ngx_exposure_who_t *src);
void ngx_exposure_who_wipe(ngx_exposure_who_t *who);

/* What others may call a user. */
void ngx_exposure_user_id(u_char tag[EXPO_TAG], expo_id_t *id);


/* --- task: blocking work off the event loop --- */

/*
 * work runs in a pool thread on data (heap, not a request's pool); done runs
 * afterwards in the event loop and frees data. Never cancelled: done must look
 * up by itself whether anybody still waits.
 * NGX_BUSY: the pool's queue is full; neither is called.
 */
ngx_int_t ngx_exposure_task_post(void (*work)(void *data),
    void (*done)(void *data), void *data);
/*
 * For pool threads: work that keeps a core for long, done where it leaves the
 * core to whoever else wants it. Comes back when it is done.
 */
void ngx_exposure_task_gently(void (*work)(void *data), void *data);


/* --- scan: for the session --- */

/*
 * Opens a ready scan's volume in the thread pool, if rule permits, and a line
 * of the audit says verb, unless that is none; then calls
 * done(data, st, open). open is NULL unless EXPO_OK; its fd and key are the
 * callee's to close and wipe before it returns.
 * EXPO_NOT_FOUND: not this user's, or not ready.
 */
typedef struct {
    int                   fd;
    expo_blob_t           blob;            /* header and key */
    expo_role_t           role;
    uint64_t              access_s;        /* until then; 0: for ever */
} ngx_exposure_scan_open_t;

typedef void (*ngx_exposure_scan_open_pt)(void *data, expo_status_t st,
    ngx_exposure_scan_open_t *open);

ngx_int_t ngx_exposure_scan_open(ngx_exposure_rule_e rule,
    expo_audit_verb_t verb, ngx_exposure_who_t *who, u_char tag[EXPO_TAG],
    expo_id_t *scan, ngx_exposure_scan_open_pt done, void *data);


/* --- control: one connection from this nginx worker to each render-worker --- */

/* Connects and keeps connecting; called once in each nginx worker. */
ngx_int_t ngx_exposure_control_start(ngx_cycle_t *cycle);

/*
 * Sends to render-worker number `worker`. fds stay the caller's.
 * NGX_DECLINED: not connected, or its socket is full.
 */
ngx_int_t ngx_exposure_control_send(ngx_uint_t worker, json_t *message,
    u_char *secret, size_t secret_len, int *fds, ngx_uint_t nfds);

/* Number of a connected worker with a free import place, or NGX_ERROR. */
ngx_int_t ngx_exposure_control_any(void);

/* Is any render-worker connected? */
ngx_uint_t ngx_exposure_control_ready(void);

/* Called by control when a message of the worker arrives, by its type: */
void ngx_exposure_import_event(ngx_uint_t worker, json_t *message);
void ngx_exposure_stow_event(ngx_uint_t worker, json_t *message);
void ngx_exposure_session_event(ngx_uint_t worker, json_t *message,
    int *fds, ngx_uint_t nfds);
/* The connection to a worker was lost (all are told). */
void ngx_exposure_import_lost(ngx_uint_t worker);
void ngx_exposure_stow_lost(ngx_uint_t worker);
void ngx_exposure_session_damaged(expo_id_t *scan);
void ngx_exposure_session_lost(ngx_uint_t worker);


/* --- import --- */

/*
 * A scan was uploaded, or found IMPORTING with nobody at it: run its import
 * under its owner's lease.
 * NGX_DECLINED: somebody is at it already. NGX_BUSY: not now.
 */
ngx_int_t ngx_exposure_import_start(u_char tag[EXPO_TAG], expo_id_t *scan,
    expo_lease_t *lease);


/* --- zone --- */

/* Laid out by ngx_exposure_zone_init as the shared memory zone's data. */
typedef struct ngx_exposure_zone_s  ngx_exposure_zone_t;

ngx_int_t ngx_exposure_zone_init(ngx_shm_zone_t *shm_zone, void *data);
ngx_exposure_zone_t *ngx_exposure_zone(void);
void ngx_exposure_zone_lock(ngx_exposure_zone_t *zone);
void ngx_exposure_zone_unlock(ngx_exposure_zone_t *zone);
expo_tries_t *ngx_exposure_zone_tries(ngx_exposure_zone_t *zone);

/*
 * Who imports what, over all nginx workers; these lock by themselves. begin:
 * NGX_OK: it is this process's to run, NGX_DECLINED: somebody alive is at it,
 * NGX_BUSY: too many at once. get: 0..1 and the stage (which may be NULL), 0
 * and "" right after begin; -1 when nobody is at it.
 */
#define NGX_EXPOSURE_STAGE  16
ngx_int_t ngx_exposure_zone_import_begin(expo_id_t *scan);
void ngx_exposure_zone_import_note(expo_id_t *scan, const char *stage,
    float fraction);
void ngx_exposure_zone_import_end(expo_id_t *scan);
float ngx_exposure_zone_import_get(expo_id_t *scan,
    char stage[NGX_EXPOSURE_STAGE]);


/* --- WebSocket routes: called by the route table without authentication,
       the first message carries it --- */

ngx_int_t ngx_exposure_execute_accept(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx);
ngx_int_t ngx_exposure_viewer_connect(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx);
ngx_int_t ngx_exposure_viewer_stream(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx);

#ifdef EXPOSURE_ECHO
/* Test builds: a content handler that echoes WebSocket messages. */
ngx_int_t ngx_exposure_socket_echo(ngx_http_request_t *r);
#endif

/*
 * A scan was deleted, or what a user may with it has changed: sessions end, on
 * every nginx worker, and tickets to them with them.
 */
void ngx_exposure_session_delete(expo_id_t *scan);
void ngx_exposure_session_revoke(expo_id_t *scan, expo_id_t *user,
    expo_end_t why);
/* Only the end of the user's permission has: Unix seconds, 0 for never. */
void ngx_exposure_session_permit(expo_id_t *scan, expo_id_t *user,
    uint64_t access_s);


/* --- reply --- */

/* Before the answer. name stays where it is, value is copied. */
ngx_int_t ngx_exposure_reply_header(ngx_http_request_t *r, const char *name,
    u_char *value, size_t len);

/* These finish the request's answer and return what a content handler returns. */
ngx_int_t ngx_exposure_reply_json(ngx_http_request_t *r, ngx_uint_t status,
    json_t *body /* reference is taken over */);
ngx_int_t ngx_exposure_reply_error(ngx_http_request_t *r, expo_status_t st,
    const char *detail /* a sentence for the person, or NULL */);
ngx_int_t ngx_exposure_reply_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, const char *detail);

#endif
