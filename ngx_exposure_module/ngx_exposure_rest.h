/*
 * What the REST files share: the job, which is one request's blocking work,
 * and the answers that are not JSON.
 *
 * A job lives on the heap and never in a request's pool: the client may leave
 * while a pool thread is at it. Then job->r becomes NULL, the work is finished
 * all the same, and nobody answers.
 */

#ifndef NGX_EXPOSURE_REST_H
#define NGX_EXPOSURE_REST_H

#include "ngx_exposure_module.h"


#define NGX_EXPOSURE_TEXT_MAX   200        /* characters of a title, a name */
#define NGX_EXPOSURE_BODY_MAX   (256 * 1024)


/* What the chain of a rule has found, as far as the rule asks. */
typedef struct {
    expo_user_t                user;
    expo_scan_t                scan;
    expo_configuration_t       configuration;
    expo_invitation_t          invitation;
    expo_upload_t              upload;
    const char                *why;        /* of EXPO_DENIED: a sentence */
} ngx_exposure_found_t;


typedef struct ngx_exposure_job_s  ngx_exposure_job_t;

typedef void (*ngx_exposure_work_pt)(ngx_exposure_job_t *job);
typedef expo_status_t (*ngx_exposure_put_pt)(ngx_exposure_job_t *job);
typedef ngx_int_t (*ngx_exposure_answer_pt)(ngx_http_request_t *r,
    ngx_exposure_job_t *job);

struct ngx_exposure_job_s {
    ngx_http_request_t        *r;          /* the event loop's only */
    ngx_http_cleanup_t        *cleanup;
    ngx_exposure_main_conf_t  *conf;

    ngx_exposure_work_pt       work;       /* in a pool thread */
    ngx_exposure_answer_pt     answer;     /* in the event loop, if r */
    void                     (*settle)(ngx_exposure_job_t *job);
                                           /* in the event loop, always */
    void                     (*release)(ngx_exposure_job_t *job);

    ngx_exposure_who_t         who;        /* copies of the context's */
    u_char                     tag[EXPO_TAG];
    expo_id_t                  id;
    ngx_exposure_rule_e        rule;
    expo_audit_verb_t          verb;
    ngx_exposure_found_t       found;      /* when work begins */
    uint32_t                   if_match;   /* revision; 0: none asked for */

    json_t                    *body;       /* of the request, owned */
    json_t                    *json;       /* of the answer, owned */
    uint32_t                   revision;   /* of the answer's ETag, or 0 */
    const char                *location;   /* 201: its path, up to made */
    expo_id_t                  made;
    expo_status_t              st;
    char                       detail[256];
};


/* --- conf: checks that answer nginx -t with one line --- */

char *ngx_exposure_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_exposure_conf_worker(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_exposure_conf_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_exposure_conf_path(ngx_conf_t *cf, void *post, void *data);
char *ngx_exposure_conf_plain(ngx_conf_t *cf, void *post, void *data);
char *ngx_exposure_conf_error(ngx_conf_t *cf, const char *error);

/* Is everything there that exposure_api needs? Then keys are read. */
char *ngx_exposure_conf_complete(ngx_conf_t *cf,
    ngx_exposure_main_conf_t *mcf);
char *ngx_exposure_conf_load(ngx_conf_t *cf, ngx_exposure_main_conf_t *mcf);

/* Wipes and frees what was read, with the configuration's pool. */
void ngx_exposure_conf_cleanup(void *data);


/* --- task --- */

/*
 * A zeroed job of `size` bytes (its first member is the job), filled from the
 * request. NULL: no memory.
 */
void *ngx_exposure_job_create(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    size_t size, ngx_exposure_work_pt work, ngx_exposure_answer_pt answer);

/* A plain one with its body, which is taken over in any case. */
ngx_exposure_job_t *ngx_exposure_job_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body, ngx_exposure_work_pt work,
    ngx_exposure_answer_pt answer);

/*
 * Posts it, or answers 503. Takes the job over; a content handler's return.
 * work is only called when the route's rule permits it.
 */
ngx_int_t ngx_exposure_job_run(ngx_http_request_t *r, ngx_exposure_job_t *job);


/* Instead of running it. */
void ngx_exposure_job_drop(ngx_exposure_job_t *job);

/* The usual answer: job->json with its ETag, or what st says. */
ngx_int_t ngx_exposure_job_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);

/* Runs it with If-Match's revision in job->if_match, or answers 412. */
ngx_int_t ngx_exposure_job_matching(ngx_http_request_t *r,
    ngx_exposure_job_t *job);

/* In a pool thread: does If-Match, if any, ask for this revision? */
ngx_uint_t ngx_exposure_job_wants(ngx_exposure_job_t *job, uint32_t revision);

/*
 * In a pool thread: sets st to what put returns. It is called again a few
 * times, with everything found anew, when it meets a conflict that If-Match has
 * not asked to hear of.
 */
void ngx_exposure_job_put(ngx_exposure_job_t *job, ngx_exposure_put_pt put);


/* --- body --- */

typedef ngx_int_t (*ngx_exposure_body_pt)(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body /* taken over */);

/*
 * Reads a JSON object of at most `max` bytes, then calls the handler once;
 * answers 400, 413, 415 by itself. A content handler's return.
 */
ngx_int_t ngx_exposure_body_read(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, size_t max, ngx_exposure_body_pt handler);

/* What nginx could not read, as an answer, if the client is still there. */
ngx_int_t ngx_exposure_body_broken(ngx_http_request_t *r, ngx_int_t rc);

/* A request's header by its name in lower case; NULL: it has none. */
ngx_str_t *ngx_exposure_header(ngx_http_request_t *r, const char *name);

/* Is the Content-Type this one? Parameters after ';' are not looked at. */
ngx_uint_t ngx_exposure_body_is(ngx_http_request_t *r, const char *type);

/* The text of a member, 1..200 characters without controls; NULL otherwise. */
const char *ngx_exposure_body_text(json_t *body, const char *member);


/* --- reply --- */

/* data stays the caller's until the request ends. no-store unless `cached`. */
ngx_int_t ngx_exposure_reply_bytes(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, u_char *data, size_t len, ngx_uint_t cached);

/* JSON of another type; body is taken over. */
ngx_int_t ngx_exposure_reply_dump(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, json_t *body);
ngx_int_t ngx_exposure_reply_empty(ngx_http_request_t *r, ngx_uint_t status);
ngx_int_t ngx_exposure_reply_busy(ngx_http_request_t *r, ngx_uint_t retry_s);


/* --- keys, all in a pool thread --- */

/* Fills with random bytes; aborts the process if the kernel has none. */
void ngx_exposure_random(void *dst, size_t len);

/* The user's row, made at first sight. EXPO_DENIED: disabled. */
expo_status_t ngx_exposure_user(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, u_char tag[EXPO_TAG], expo_user_t *user);

/* EXPO_DENIED: their row is disabled, or their built-in account. */
expo_status_t ngx_exposure_user_enabled(ngx_exposure_main_conf_t *conf,
    expo_claims_t *claims, expo_user_t *user);

/* A row for them under tag, not yet stored. */
expo_status_t ngx_exposure_key_new(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, u_char tag[EXPO_TAG], expo_user_t *user);

/*
 * The user's row, moved to tag from what a former master secret named them.
 * EXPO_NOT_FOUND: there is none.
 */
expo_status_t ngx_exposure_former_user(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, u_char tag[EXPO_TAG], expo_user_t *user);

/* The account of a subject, by whichever master secret it is named. */
expo_status_t ngx_exposure_former_account(ngx_exposure_main_conf_t *conf,
    const char *sub, expo_account_row_t *row);

/* The key of a scan that this user may see. */
expo_status_t ngx_exposure_scan_lease(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, expo_user_t *user, expo_scan_t *scan,
    expo_lease_t *lease);

/* The same for many; statuses[i] says how it went with scans[i]. */
expo_status_t ngx_exposure_scan_leases(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, expo_user_t *user, expo_scan_t *scans, size_t n,
    expo_lease_t *leases, expo_status_t *statuses);

/* A new scan's key: its id, epoch and role are there, sealed is filled. */
expo_status_t ngx_exposure_scan_create(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, expo_user_t *user, expo_scan_t *scan,
    expo_lease_t *lease);

/* The key of something small that is sealed in its place under salt. */
expo_status_t ngx_exposure_meta_key(ngx_exposure_main_conf_t *conf,
    expo_lease_t *lease, const char *table, expo_id_t *row, uint32_t revision,
    u_char salt[EXPO_META_SALT], u_char key[32]);

/*
 * A small JSON object under a scan's key, as ciphertext and back. table and
 * row are bound in. *dst is malloc'd.
 */
expo_status_t ngx_exposure_meta_seal(ngx_exposure_main_conf_t *conf,
    expo_lease_t *lease, const char *table, expo_id_t *row, uint32_t revision,
    json_t *json, u_char **dst, size_t *len);
expo_status_t ngx_exposure_meta_open(ngx_exposure_main_conf_t *conf,
    expo_lease_t *lease, const char *table, expo_id_t *row, uint32_t revision,
    u_char *src, size_t len, json_t **json);

/* The same for many. json is NULL where one does not open. */
typedef struct {
    expo_lease_t              *lease;      /* NULL: it is not to be opened */
    const char                *table;
    expo_id_t                 *row;
    uint32_t                   revision;
    u_char                    *src;
    size_t                     len;
    json_t                    *json;
} ngx_exposure_meta_t;

expo_status_t ngx_exposure_metas_open(ngx_exposure_main_conf_t *conf,
    ngx_exposure_meta_t *metas, size_t n);

/* A scan's own; *meta is NULL unless EXPO_OK. */
expo_status_t ngx_exposure_scan_meta(ngx_exposure_main_conf_t *conf,
    expo_lease_t *lease, expo_scan_t *scan, json_t **meta);

/* Opens the scan's blob of a kind: its file, header and key. */
expo_status_t ngx_exposure_blob_open(ngx_exposure_main_conf_t *conf,
    expo_id_t *scan, expo_lease_t *lease, expo_blob_kind_t kind, int *fd,
    uint64_t *bytes, expo_blob_t *blob);


/* All of a small blob, malloc'd; EXPO_TOO_LARGE: over max bytes. */
expo_status_t ngx_exposure_blob_read(int fd, uint64_t bytes,
    expo_blob_t *blob, size_t max, u_char **dst, size_t *len);


/* The questions' parts: whose token, and which box. */
void ngx_exposure_key_user(expo_keys_user_t *u, ngx_exposure_who_t *who,
    expo_user_t *user);
void ngx_exposure_key_box(expo_keys_box_t *box, expo_scan_t *scan);


/* --- account --- */

/* In a pool thread: of who asks. EXPO_NOT_FOUND: another issuer's user. */
expo_status_t ngx_exposure_account_of(ngx_exposure_job_t *job,
    expo_account_row_t *row);

/* What OAuth 2.0 calls an access token response. */
json_t *ngx_exposure_account_token(ngx_exposure_main_conf_t *conf,
    const char *token);

/* Wipes, frees and forgets a malloc'd text, if there is one. */
void ngx_exposure_account_wipe(char **text);


/* --- tries --- */

/* At one thing, from one address. */
typedef struct {
    uint64_t                   thing;
    uint64_t                   address;
} ngx_exposure_tries_t;

/* kind keeps things apart that have the same bytes. */
void ngx_exposure_tries_of(ngx_exposure_tries_t *t, ngx_http_request_t *r,
    const char *kind, u_char *data, size_t len);
/* NGX_BUSY: too many; *retry_s. */
ngx_int_t ngx_exposure_tries_take(ngx_exposure_tries_t *t, uint32_t *retry_s);
/* It was a right one. */
void ngx_exposure_tries_return(ngx_exposure_tries_t *t);
ngx_int_t ngx_exposure_tries_refuse(ngx_http_request_t *r, uint32_t retry_s);


/* --- access: in a pool thread --- */

/* Free found whatever comes back. */
expo_status_t ngx_exposure_access(ngx_exposure_main_conf_t *conf,
    ngx_exposure_rule_e rule, ngx_exposure_who_t *who, u_char tag[EXPO_TAG],
    expo_id_t *id, ngx_exposure_found_t *found);
void ngx_exposure_found_free(ngx_exposure_found_t *found);

/*
 * Writes a line of the audit: EXPO_OK, or what it tells of must not be done.
 * object: the scan, or zeros. Looks within the hour are one line.
 */
expo_status_t ngx_exposure_audit(ngx_exposure_main_conf_t *conf,
    expo_audit_verb_t verb, u_char tag[EXPO_TAG], expo_id_t *object,
    expo_audit_outcome_t outcome);

/* From the event loop: what nobody known was refused, when there is time. */
void ngx_exposure_audit_refused(expo_audit_verb_t verb, expo_id_t *object);

/* The key of the scan that was found. */
expo_status_t ngx_exposure_job_key(ngx_exposure_job_t *job,
    expo_lease_t *lease);


/* --- vault: ngx_exposure_vault.c --- */

char *ngx_exposure_vault_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* In each nginx worker; stop wipes what it has told. */
void ngx_exposure_vault_start(ngx_cycle_t *cycle);
void ngx_exposure_vault_stop(ngx_exposure_main_conf_t *mcf);

/* Does it answer? As of a second ago. */
ngx_uint_t ngx_exposure_vault_ready(void);
/* Of expo_keys_hello_t, as last said; empty before the first time. */
const char *ngx_exposure_vault_protection(void);

/* Another issuer's key set; in a pool thread. */
void ngx_exposure_vault_tell(const char *issuer, u_char *json, size_t len);


/* --- auth --- */

/* The Authorization header; as ngx_exposure_auth_token. */
ngx_int_t ngx_exposure_auth_bearer(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx);


/* --- the handlers of the route table --- */

#define ROUTE(method, path, rule, kind, verb, handler)                        \
    ngx_int_t ngx_exposure_##handler(ngx_http_request_t *r,                   \
        ngx_exposure_ctx_t *ctx);
#include "ngx_exposure_routes.h"
#undef ROUTE

/* The content handler of `exposure_api`. */
ngx_int_t ngx_exposure_route_handler(ngx_http_request_t *r);

/* The JSON of a scan from its row and its opened meta (NULL: damaged). */
json_t *ngx_exposure_scan_json(expo_scan_t *scan, json_t *meta);

#endif
