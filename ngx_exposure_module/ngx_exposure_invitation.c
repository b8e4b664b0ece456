/*
 * Invitations: a permission for whoever brings the secret first. The secret is
 * given out once and stored nowhere; whatever is wrong with one that is
 * brought, the answer is the same.
 */

#include "ngx_exposure_share.h"

#include "lib/base64.h"


#define NGX_EXPOSURE_INVITATION_BODY  4096
#define NGX_EXPOSURE_INVITATION_DAYS  7       /* unless said otherwise */
#define NGX_EXPOSURE_INVITATION_MOST  90

#define NGX_EXPOSURE_SECRET_TEXT                                              \
    (EXPO_BASE64URL_CHARS(EXPO_INVITE_SECRET) + 1)


typedef struct {
    ngx_exposure_job_t     job;
    expo_invitation_t      invitation;   /* as it is wished */
} ngx_exposure_invitation_t;

typedef struct {
    ngx_exposure_job_t     job;
    ngx_exposure_tries_t   tries;
    expo_id_t              id;
    u_char                 secret[EXPO_INVITE_SECRET];
} ngx_exposure_redeem_t;


static ngx_int_t ngx_exposure_invitation_add_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body);
static ngx_int_t ngx_exposure_invitation_wish(expo_invitation_t *i,
    json_t *body);
static void ngx_exposure_invitation_add_work(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_invitation_seal(ngx_exposure_job_t *job,
    expo_invitation_t *i, u_char *secret, json_t **label);
static void ngx_exposure_invitation_add_release(ngx_exposure_job_t *job);
static void ngx_exposure_invitation_list_work(ngx_exposure_job_t *job);
static json_t *ngx_exposure_invitation_json(expo_invitation_t *i,
    json_t *label);
static void ngx_exposure_invitation_delete_work(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_invitation_redeem_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body);
static ngx_int_t ngx_exposure_invitation_brought(ngx_exposure_redeem_t *redeem,
    json_t *body);
static void ngx_exposure_invitation_redeem_work(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_invitation_check(
    ngx_exposure_redeem_t *redeem, expo_invitation_t *i,
    u_char sealed[EXPO_SEALED_KEY]);
static void ngx_exposure_invitation_redeem_settle(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_invitation_redeem_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);
static void ngx_exposure_invitation_redeem_release(ngx_exposure_job_t *job);


ngx_int_t
ngx_exposure_invitation_add(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_body_read(r, ctx, NGX_EXPOSURE_INVITATION_BODY,
                                  ngx_exposure_invitation_add_body);
}


ngx_int_t
ngx_exposure_invitation_list(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_job_t  *job;

    job = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_job_t),
                                  ngx_exposure_invitation_list_work,
                                  ngx_exposure_job_answer);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_job_run(r, job);
}


ngx_int_t
ngx_exposure_invitation_delete(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_job_t  *job;

    job = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_job_t),
                                  ngx_exposure_invitation_delete_work,
                                  ngx_exposure_job_answer);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_job_run(r, job);
}


ngx_int_t
ngx_exposure_invitation_redeem(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_body_read(r, ctx, NGX_EXPOSURE_INVITATION_BODY,
                                  ngx_exposure_invitation_redeem_body);
}


/* --- making one --- */

static ngx_int_t
ngx_exposure_invitation_add_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body)
{
    ngx_exposure_invitation_t  *w;

    w = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_invitation_t),
                                ngx_exposure_invitation_add_work,
                                ngx_exposure_job_answer);
    if (w == NULL) {
        json_decref(body);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    w->job.body = body;
    w->job.location = "/api/v1/invitations/";
    w->job.release = ngx_exposure_invitation_add_release;

    if (ngx_exposure_invitation_wish(&w->invitation, body) != NGX_OK) {
        ngx_exposure_job_drop(&w->job);
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                   "A role (editor or viewer) is needed; there may be a label "
                   "of 1 to 200 characters, expires (within 90 days) or days "
                   "(1 to 90), and access_expires (a moment to come).");
    }

    return ngx_exposure_job_run(r, &w->job);
}


static ngx_int_t
ngx_exposure_invitation_wish(expo_invitation_t *i, json_t *body)
{
    size_t       known;
    json_t      *label, *expires, *days, *access;
    uint64_t     now;
    json_int_t   n;

    label = json_object_get(body, "label");
    expires = json_object_get(body, "expires");
    days = json_object_get(body, "days");
    access = json_object_get(body, "access_expires");

    known = 1 + (label ? 1 : 0) + (expires ? 1 : 0) + (days ? 1 : 0)
            + (access ? 1 : 0);

    if (known != json_object_size(body)
        || ngx_exposure_share_role(json_object_get(body, "role"), &i->role)
           != NGX_OK
        || (label && ngx_exposure_body_text(body, "label") == NULL)
        || (expires && days)
        || (days && !json_is_integer(days)))
    {
        return NGX_ERROR;
    }

    now = (uint64_t) ngx_time();
    n = days ? json_integer_value(days) : NGX_EXPOSURE_INVITATION_DAYS;

    if (n < 1 || n > NGX_EXPOSURE_INVITATION_MOST) {
        return NGX_ERROR;
    }

    i->expires_at = now + (uint64_t) n * 86400;

    if (expires
        && (ngx_exposure_share_until(expires, &i->expires_at) != NGX_OK
            || i->expires_at > now + NGX_EXPOSURE_INVITATION_MOST * 86400))
    {
        return NGX_ERROR;
    }

    if (access
        && ngx_exposure_share_until(access, &i->access_expires_at) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_exposure_invitation_add_work(ngx_exposure_job_t *job)
{
    ngx_exposure_invitation_t *w = (ngx_exposure_invitation_t *) job;

    char                id[EXPO_ID_TEXT + 1];
    char                text[NGX_EXPOSURE_SECRET_TEXT];
    u_char              secret[EXPO_INVITE_SECRET];
    json_t             *label;
    expo_invitation_t  *i;

    i = &w->invitation;
    label = NULL;

    ngx_exposure_random(i->id.b, sizeof(i->id.b));
    ngx_exposure_random(secret, sizeof(secret));

    i->scan = job->id;
    i->epoch = job->found.scan.epoch;
    i->created_day = (uint32_t) (time(NULL) / 86400);

    job->st = ngx_exposure_invitation_seal(job, i, secret, &label);

    if (job->st == EXPO_OK) {
        job->st = expo_store_invitation_add(job->conf->store, i);
    }

    if (job->st == EXPO_FULL) {
        ngx_sprintf((u_char *) job->detail, "A scan can have 64 invitations "
                    "that nobody has used. Withdraw one first.%Z");
    }

    if (job->st == EXPO_OK) {
        expo_id_print(id, &i->id);
        expo_base64url_print(text, secret, sizeof(secret));

        job->made = i->id;
        job->json = ngx_exposure_invitation_json(i, label);

        json_object_set_new(job->json, "secret", json_string(text));
        json_object_set_new(job->json, "link",
                            json_pack("s+++", "/invitation/", id, "#", text));
    }

    ngx_explicit_memzero(text, sizeof(text));
    ngx_explicit_memzero(secret, sizeof(secret));
    json_decref(label);
}


static expo_status_t
ngx_exposure_invitation_seal(ngx_exposure_job_t *job, expo_invitation_t *i,
    u_char *secret, json_t **label)
{
    expo_lease_t      lease;
    expo_status_t     st;
    expo_keys_box_t   box;
    expo_keys_user_t  u;

    ngx_exposure_key_user(&u, &job->who, &job->found.user);
    ngx_exposure_key_box(&box, &job->found.scan);

    st = expo_keys_invite(job->conf->keys, &u, &box, i->role, secret, i->salt,
                          i->pk, i->sealed);
    if (st != EXPO_OK) {
        return st;
    }

    st = ngx_exposure_job_key(job, &lease);

    if (st == EXPO_OK) {
        st = ngx_exposure_share_seal(job->conf, &lease, &i->id,
                                     json_object_get(job->body, "label"),
                                     &i->label_enc, &i->label_bytes, label);
    }

    ngx_explicit_memzero(&lease, sizeof(lease));

    return st;
}


static void
ngx_exposure_invitation_add_release(ngx_exposure_job_t *job)
{
    ngx_exposure_invitation_t *w = (ngx_exposure_invitation_t *) job;

    expo_store_invitation_free(&w->invitation);
}


/* --- the ones there are --- */

static void
ngx_exposure_invitation_list_work(ngx_exposure_job_t *job)
{
    size_t                k, n;
    json_t               *list;
    expo_lease_t          lease;
    expo_invitation_t    *is;
    ngx_exposure_meta_t  *labels;

    job->st = ngx_exposure_job_key(job, &lease);
    if (job->st != EXPO_OK) {
        return;
    }

    job->st = expo_store_invitations(job->conf->store, &job->id,
                                     (uint64_t) time(NULL), &is, &n);
    if (job->st != EXPO_OK) {
        return;
    }

    labels = calloc(n + 1, sizeof(ngx_exposure_meta_t));
    list = json_array();

    if (labels == NULL) {
        job->st = EXPO_NO_MEMORY;
        goto done;
    }

    for (k = 0; k < n; k++) {
        ngx_exposure_share_label(&labels[k], &lease, &is[k].id,
                                 is[k].label_enc, is[k].label_bytes);
    }

    job->st = ngx_exposure_metas_open(job->conf, labels, n);

    for (k = 0; k < n; k++) {
        json_array_append_new(list,
                       ngx_exposure_invitation_json(&is[k], labels[k].json));
        json_decref(labels[k].json);
    }

    job->json = json_pack("{s:O}", "invitations", list);

done:

    for (k = 0; k < n; k++) {
        expo_store_invitation_free(&is[k]);
    }

    json_decref(list);
    free(labels);
    free(is);
    ngx_explicit_memzero(&lease, sizeof(lease));
}


static json_t *
ngx_exposure_invitation_json(expo_invitation_t *i, json_t *label)
{
    char     id[EXPO_ID_TEXT + 1];
    json_t  *json;

    expo_id_print(id, &i->id);

    json = json_pack("{s:s, s:s, s:s}", "id", id,
                     "role", ngx_exposure_share_role_name(i->role),
                     "label", ngx_exposure_share_text(label));

    ngx_exposure_share_moment(json, "expires", i->expires_at);
    ngx_exposure_share_moment(json, "access_expires", i->access_expires_at);

    return json;
}


static void
ngx_exposure_invitation_delete_work(ngx_exposure_job_t *job)
{
    job->st = expo_store_invitation_delete(job->conf->store,
                                           &job->found.scan.id, &job->id);
}


/* --- bringing its secret --- */

static ngx_int_t
ngx_exposure_invitation_redeem_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body)
{
    uint32_t                retry_s;
    ngx_exposure_redeem_t  *redeem;

    redeem = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_redeem_t),
                                     ngx_exposure_invitation_redeem_work,
                                     ngx_exposure_invitation_redeem_answer);
    if (redeem == NULL) {
        json_decref(body);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    redeem->job.body = body;
    redeem->job.settle = ngx_exposure_invitation_redeem_settle;
    redeem->job.release = ngx_exposure_invitation_redeem_release;

    if (ngx_exposure_invitation_brought(redeem, body) != NGX_OK) {
        ngx_exposure_job_drop(&redeem->job);
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                                   "The id and the secret of an invitation "
                                   "are needed.");
    }

    ngx_exposure_tries_of(&redeem->tries, r, "redeem", ctx->tag, EXPO_TAG);

    if (ngx_exposure_tries_take(&redeem->tries, &retry_s) != NGX_OK) {
        ngx_exposure_job_drop(&redeem->job);
        return ngx_exposure_tries_refuse(r, retry_s);
    }

    return ngx_exposure_job_run(r, &redeem->job);
}


/* What cannot be an id or a secret is wrong like any other. */

static ngx_int_t
ngx_exposure_invitation_brought(ngx_exposure_redeem_t *redeem, json_t *body)
{
    size_t   n;
    u_char   bytes[EXPO_BASE64URL_BYTES(NGX_EXPOSURE_SECRET_TEXT)];
    json_t  *id, *secret;

    id = json_object_get(body, "id");
    secret = json_object_get(body, "secret");

    if (!json_is_string(id) || !json_is_string(secret)
        || json_object_size(body) != 2)
    {
        return NGX_ERROR;
    }

    if (expo_id_parse(&redeem->id, json_string_value(id),
                      json_string_length(id))
        != EXPO_OK)
    {
        ngx_exposure_random(redeem->id.b, sizeof(redeem->id.b));
    }

    if (json_string_length(secret) == NGX_EXPOSURE_SECRET_TEXT - 1
        && expo_base64url_parse(bytes, &n, json_string_value(secret),
                                json_string_length(secret))
           == EXPO_OK
        && n == EXPO_INVITE_SECRET)
    {
        ngx_memcpy(redeem->secret, bytes, EXPO_INVITE_SECRET);

    } else {
        ngx_exposure_random(redeem->secret, EXPO_INVITE_SECRET);
    }

    ngx_explicit_memzero(bytes, sizeof(bytes));

    /* the parser's copy */
    ngx_explicit_memzero((void *) json_string_value(secret),
                         json_string_length(secret));

    return NGX_OK;
}


static void
ngx_exposure_invitation_redeem_work(ngx_exposure_job_t *job)
{
    ngx_exposure_redeem_t *redeem = (ngx_exposure_redeem_t *) job;

    char               id[EXPO_ID_TEXT + 1];
    u_char             sealed[EXPO_SEALED_KEY];
    uint64_t           now;
    expo_scan_t        scan;
    expo_invitation_t  i;

    now = (uint64_t) time(NULL);

    job->st = ngx_exposure_invitation_check(redeem, &i, sealed);

    if (job->st == EXPO_OK) {
        job->st = ngx_exposure_audit(job->conf, job->verb, job->tag, &i.scan,
                                     EXPO_AUDIT_PERMITTED);
    }

    if (job->st == EXPO_OK) {
        job->st = expo_store_invitation_redeem(job->conf->store, &i, job->tag,
                                               sealed, now);

        if (job->st != EXPO_OK) {
            (void) ngx_exposure_audit(job->conf, job->verb, job->tag, &i.scan,
                                      EXPO_AUDIT_FAILED);
        }
    }

    /* in which role and until when: there may have been a better one */

    if (job->st == EXPO_OK) {
        job->st = expo_store_scan(job->conf->store, job->tag, &i.scan, now,
                                  &scan);
    }

    if (job->st == EXPO_OK) {
        job->id = scan.id;
        job->found.scan = scan;

        expo_id_print(id, &scan.id);
        job->json = json_pack("{s:s, s:s}", "scan", id, "role",
                              ngx_exposure_share_role_name(scan.role));
        ngx_exposure_share_moment(job->json, "expires", scan.expires_at);
    }

    expo_store_invitation_free(&i);
    ngx_explicit_memzero(&i, sizeof(i));
}


/*
 * EXPO_DENIED: no such invitation, or not its secret. Both ask the vault, so
 * that neither is told by the time it takes.
 */

static expo_status_t
ngx_exposure_invitation_check(ngx_exposure_redeem_t *redeem,
    expo_invitation_t *i, u_char sealed[EXPO_SEALED_KEY])
{
    expo_status_t        st, found;
    expo_keys_box_t      box;
    expo_keys_user_t     u;
    ngx_exposure_job_t  *job;

    job = &redeem->job;

    found = expo_store_invitation(job->conf->store, &redeem->id,
                                  (uint64_t) time(NULL), i);

    if (found == EXPO_NOT_FOUND) {
        ngx_memzero(i, sizeof(expo_invitation_t));
        i->role = EXPO_ROLE_VIEWER;
        ngx_exposure_random(i->pk, sizeof(i->pk));

    } else if (found != EXPO_OK) {
        ngx_memzero(i, sizeof(expo_invitation_t));
        return found;
    }

    ngx_exposure_key_user(&u, &job->who, &job->found.user);

    box.scan = i->scan;
    box.epoch = i->epoch;
    box.role = i->role;
    ngx_memcpy(box.sealed, i->sealed, EXPO_SEALED_KEY);

    st = expo_keys_redeem(job->conf->keys, &u, redeem->secret, i->salt, i->pk,
                          &box);

    if (found == EXPO_NOT_FOUND && st == EXPO_OK) {
        return EXPO_DENIED;
    }

    ngx_memcpy(sealed, box.sealed, EXPO_SEALED_KEY);

    return st;
}


static void
ngx_exposure_invitation_redeem_settle(ngx_exposure_job_t *job)
{
    expo_id_t               user;
    ngx_exposure_redeem_t  *redeem;

    redeem = (ngx_exposure_redeem_t *) job;

    /* it was no guess, also when it was one's own */

    if (job->st == EXPO_OK || job->st == EXPO_CONFLICT) {
        ngx_exposure_tries_return(&redeem->tries);
    }

    if (job->st == EXPO_OK) {
        ngx_exposure_user_id(job->tag, &user);
        ngx_exposure_session_permit(&job->id, &user,
                                    job->found.scan.expires_at);
    }
}


static ngx_int_t
ngx_exposure_invitation_redeem_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job)
{
    switch (job->st) {

    case EXPO_NOT_FOUND:
    case EXPO_DENIED:
        return ngx_exposure_reply_error(r, EXPO_NOT_FOUND,
                   "This invitation has been used, withdrawn or has expired, "
                   "or the link is not whole.");

    case EXPO_CONFLICT:
        return ngx_exposure_reply_problem(r, NGX_HTTP_CONFLICT, "own",
                   "This scan is your own: there is nothing to accept.");

    case EXPO_FULL:
        return ngx_exposure_reply_error(r, EXPO_FULL,
                   "64 people can open this scan, which is as many as can. "
                   "Its owner can take it back from somebody.");

    default:
        return ngx_exposure_job_answer(r, job);
    }
}


static void
ngx_exposure_invitation_redeem_release(ngx_exposure_job_t *job)
{
    ngx_exposure_redeem_t *redeem = (ngx_exposure_redeem_t *) job;

    ngx_explicit_memzero(redeem->secret, sizeof(redeem->secret));
}
