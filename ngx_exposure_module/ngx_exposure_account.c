/*
 * POST /accounts/login and renew, the issuer's keys, users. A refused sign-in
 * takes as long and says the same, whatever was wrong with it.
 */

#include "ngx_exposure_rest.h"


#define NGX_EXPOSURE_LOGIN_BODY   4096

/* argon2id takes 64 MiB and a core each: of one nginx worker at a time */
#define NGX_EXPOSURE_LOGIN_MAX    2


typedef struct {
    ngx_exposure_job_t   job;
    u_char               name_tag[64];
    ngx_uint_t           named;          /* the name could be an account's */
    ngx_uint_t           counted;        /* in ngx_exposure_logins */
    ngx_exposure_tries_t tries;
    expo_id_t            account;        /* as the audit calls it */
    ngx_uint_t           known;          /* there is such an account */
    char                *password;       /* wiped and freed */
    char                *token;          /* malloc'd */
} ngx_exposure_login_t;

typedef struct {
    expo_account_row_t  *row;   /* NULL: nobody's */
    const char          *password;
    char                 sub[EXPO_ID_TEXT + 1];
    expo_status_t        st;
} ngx_exposure_login_check_t;


static ngx_int_t ngx_exposure_login_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body);
static void ngx_exposure_login_work(ngx_exposure_job_t *job);
static void ngx_exposure_login_check(void *data);
static ngx_int_t ngx_exposure_login_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);
static void ngx_exposure_login_release(ngx_exposure_job_t *job);
static void ngx_exposure_login_settle(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_login_refuse(ngx_http_request_t *r);
static expo_status_t ngx_exposure_login_audit(ngx_exposure_login_t *login,
    const char *sub);
static expo_status_t ngx_exposure_login_issue(ngx_exposure_login_t *login,
    const char *sub);
static void ngx_exposure_renew_work(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_renew_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);
static json_t *ngx_exposure_login_json(ngx_exposure_login_t *login);
static void ngx_exposure_user_work(ngx_exposure_job_t *job);


static ngx_uint_t  ngx_exposure_logins;    /* now in the thread pool */


ngx_int_t
ngx_exposure_account_login(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_exposure_module);

    if (!mcf->accounts) {
        return ngx_exposure_reply_error(r, EXPO_NOT_FOUND,
                                    "Sign in with your identity provider.");
    }

    return ngx_exposure_body_read(r, ctx, NGX_EXPOSURE_LOGIN_BODY,
                                  ngx_exposure_login_body);
}


static ngx_int_t
ngx_exposure_login_body(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    json_t *body)
{
    size_t                 len;
    uint32_t               retry_s;
    const char            *name, *password;
    ngx_exposure_login_t  *login;

    name = json_string_value(json_object_get(body, "name"));
    password = json_string_value(json_object_get(body, "password"));

    if (name == NULL || password == NULL || json_object_size(body) != 2
        || ngx_strlen(password) > EXPO_PASSWORD_MAX)
    {
        json_decref(body);
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                                        "A name and a password are needed.");
    }

    if (ngx_exposure_logins >= NGX_EXPOSURE_LOGIN_MAX
        || ngx_exposure_main_conf()->names == NULL)
    {
        json_decref(body);
        return ngx_exposure_reply_busy(r, 1);
    }

    login = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_login_t),
                                    ngx_exposure_login_work,
                                    ngx_exposure_login_answer);
    if (login == NULL) {
        json_decref(body);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    login->job.settle = ngx_exposure_login_settle;
    login->job.release = ngx_exposure_login_release;
    login->counted = 1;
    ngx_exposure_logins++;

    login->named = expo_account_name_tag(login->name_tag,
                                         login->job.conf->names, name,
                                         ngx_strlen(name))
                   == EXPO_OK;

    /* ALICE and alice are one account: its tries are counted by its tag */

    if (login->named) {
        ngx_exposure_tries_of(&login->tries, r, "account", login->name_tag,
                              sizeof(login->name_tag));
    } else {
        ngx_exposure_tries_of(&login->tries, r, "nobody", (u_char *) name,
                              ngx_strlen(name));
    }

    len = ngx_strlen(password);
    login->password = malloc(len + 1);

    if (login->password) {
        ngx_memcpy(login->password, password, len + 1);
    }

    /* the parser's copy */
    ngx_explicit_memzero((void *) password, len);
    json_decref(body);

    if (ngx_exposure_tries_take(&login->tries, &retry_s) != NGX_OK) {
        ngx_exposure_job_drop(&login->job);
        return ngx_exposure_tries_refuse(r, retry_s);
    }

    return ngx_exposure_job_run(r, &login->job);
}


static void
ngx_exposure_login_work(ngx_exposure_job_t *job)
{
    ngx_exposure_login_t *login = (ngx_exposure_login_t *) job;

    u_char                       actor[EXPO_AUDIT_ACTOR];
    expo_status_t                st, found;
    expo_account_row_t           row;
    ngx_exposure_login_check_t   check;

    if (login->password == NULL) {
        job->st = EXPO_NO_MEMORY;
        return;
    }

    /* an account that does not exist is looked up and hashed just the same */

    found = expo_store_account(job->conf->store, login->name_tag, &row);

    if (found != EXPO_OK && found != EXPO_NOT_FOUND) {
        job->st = found;
        return;
    }

    login->known = found == EXPO_OK && login->named;

    if (login->known) {
        st = expo_audit_actor(actor, job->conf->names, login->name_tag);
        if (st != EXPO_OK) {
            job->st = st;
            return;
        }

        ngx_memcpy(login->account.b, actor, sizeof(login->account.b));
    }

    check.row = login->known && !row.disabled ? &row : NULL;
    check.password = login->password;

    ngx_exposure_task_gently(ngx_exposure_login_check, &check);

    st = check.st;

    if (st == EXPO_OK) {
        st = ngx_exposure_login_audit(login, check.sub);
    }

    if (st == EXPO_OK) {
        st = ngx_exposure_login_issue(login, check.sub);
    }

    ngx_explicit_memzero(&row, sizeof(row));
    ngx_explicit_memzero(&check, sizeof(check));

    job->st = st;
}


static void
ngx_exposure_login_check(void *data)
{
    ngx_exposure_login_check_t *c = data;

    c->st = expo_account_check(c->row, c->password, ngx_strlen(c->password),
                               c->sub);
}


static expo_status_t
ngx_exposure_login_audit(ngx_exposure_login_t *login, const char *sub)
{
    u_char                     tag[EXPO_TAG];
    expo_status_t              st;
    ngx_exposure_main_conf_t  *mcf;

    mcf = login->job.conf;

    st = expo_vault_user_tag(tag, mcf->names, (char *) mcf->issuer.data, sub);

    if (st == EXPO_OK) {
        st = ngx_exposure_audit(mcf, EXPO_AUDIT_SIGN_IN, tag, &login->account,
                                EXPO_AUDIT_PERMITTED);
    }

    ngx_explicit_memzero(tag, sizeof(tag));

    return st;
}


static expo_status_t
ngx_exposure_login_issue(ngx_exposure_login_t *login, const char *sub)
{
    ngx_exposure_main_conf_t  *mcf;

    mcf = login->job.conf;

    return expo_keys_sign(mcf->keys, sub, (uint32_t) mcf->token_lifetime,
                          &login->token);
}


static ngx_int_t
ngx_exposure_login_answer(ngx_http_request_t *r, ngx_exposure_job_t *job)
{
    ngx_exposure_login_t *login = (ngx_exposure_login_t *) job;

    switch (job->st) {

    case EXPO_OK:
        ngx_exposure_tries_return(&login->tries);
        return ngx_exposure_reply_json(r, NGX_HTTP_OK,
                                       ngx_exposure_login_json(login));

    case EXPO_DENIED:
    case EXPO_NOT_FOUND:
    case EXPO_INVALID:
        return ngx_exposure_login_refuse(r);

    default:
        return ngx_exposure_reply_error(r, job->st, NULL);
    }
}


/* By a task of its own: the answer must not tell whether there is such one. */

static void
ngx_exposure_login_settle(ngx_exposure_job_t *job)
{
    ngx_exposure_login_t *login = (ngx_exposure_login_t *) job;

    if (login->known && job->st == EXPO_DENIED) {
        ngx_exposure_audit_refused(EXPO_AUDIT_SIGN_IN, &login->account);
    }
}


static ngx_int_t
ngx_exposure_login_refuse(ngx_http_request_t *r)
{
    if (ngx_exposure_reply_header(r, "WWW-Authenticate", (u_char *) "Bearer",
                                  6)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_reply_problem(r, NGX_HTTP_UNAUTHORIZED,
                     "wrong_login", "The name or the password is not right.");
}


static void
ngx_exposure_login_release(ngx_exposure_job_t *job)
{
    ngx_exposure_login_t *login = (ngx_exposure_login_t *) job;

    ngx_exposure_logins -= login->counted;

    if (login->password) {
        ngx_explicit_memzero(login->password, ngx_strlen(login->password));
        free(login->password);
    }

    if (login->token) {
        ngx_explicit_memzero(login->token, ngx_strlen(login->token));
        free(login->token);
    }
}


static json_t *
ngx_exposure_login_json(ngx_exposure_login_t *login)
{
    return json_pack("{s:s, s:s, s:I}",
                     "access_token", login->token,
                     "token_type", "Bearer",
                     "expires_in",
                     (json_int_t) login->job.conf->token_lifetime);
}


ngx_int_t
ngx_exposure_account_renew(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_login_t      *login;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_exposure_module);

    if (!mcf->accounts) {
        return ngx_exposure_reply_error(r, EXPO_NOT_FOUND,
                                    "Sign in with your identity provider.");
    }

    login = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_login_t),
                                    ngx_exposure_renew_work,
                                    ngx_exposure_renew_answer);
    if (login == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    login->job.release = ngx_exposure_login_release;

    return ngx_exposure_job_run(r, &login->job);
}


static void
ngx_exposure_renew_work(ngx_exposure_job_t *job)
{
    ngx_exposure_login_t *login = (ngx_exposure_login_t *) job;

    u_char              sub_tag[64];
    expo_account_row_t  row;

    job->st = expo_account_sub_tag(sub_tag, job->conf->names,
                                   job->who.claims.sub);

    if (job->st == EXPO_OK) {
        job->st = expo_store_account_by_sub(job->conf->store, sub_tag, &row);
    }

    if (job->st == EXPO_OK) {
        job->st = ngx_exposure_login_issue(login, job->who.claims.sub);
    }
}


static ngx_int_t
ngx_exposure_renew_answer(ngx_http_request_t *r, ngx_exposure_job_t *job)
{
    if (job->st != EXPO_OK) {
        return ngx_exposure_reply_error(r, job->st, NULL);
    }

    return ngx_exposure_reply_json(r, NGX_HTTP_OK,
                       ngx_exposure_login_json((ngx_exposure_login_t *) job));
}


ngx_int_t
ngx_exposure_account_jwks(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    size_t                     len;
    u_char                    *json;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_exposure_module);

    if (mcf->jwks_json == NULL) {
        return mcf->accounts ? ngx_exposure_reply_busy(r, 1)
                       : ngx_exposure_reply_error(r, EXPO_NOT_FOUND, NULL);
    }

    /* a newer one may come while it is sent */

    len = ngx_strlen(mcf->jwks_json);

    json = ngx_pnalloc(r->pool, len);
    if (json == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(json, mcf->jwks_json, len);

    return ngx_exposure_reply_bytes(r, NGX_HTTP_OK, "application/jwk-set+json",
                                    json, len, 1);
}


ngx_int_t
ngx_exposure_account_user(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_job_t  *job;

    job = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_job_t),
                                  ngx_exposure_user_work,
                                  ngx_exposure_job_answer);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_job_run(r, job);
}


static void
ngx_exposure_user_work(ngx_exposure_job_t *job)
{
    char       id[EXPO_ID_TEXT + 1];
    expo_id_t  own;

    ngx_exposure_user_id(job->tag, &own);
    expo_id_print(id, &own);

    job->json = json_pack("{s:s, s:I, s:I}", "id", id,
                          "used_bytes",
                          (json_int_t) job->found.user.used_bytes,
                          "quota_bytes",
                          (json_int_t) job->found.user.quota_bytes);
}
