/*
 * What a built-in account's secrets are good for: signing in, another password,
 * a recovery code and its use, an account by invitation. Each proves who one is
 * by a secret, and may set others. A refusal takes as long and says the same,
 * whatever was wrong; all are counted as tries.
 */

#include "ngx_exposure_rest.h"


#define NGX_EXPOSURE_LOGIN_BODY   4096

/* argon2id takes 64 MiB and a core each: of one nginx worker at a time, so
   that others' requests wait half as long for a core as beside two */
#define NGX_EXPOSURE_LOGIN_MAX    1


typedef enum {
    NGX_EXPOSURE_BY_PASSWORD,
    NGX_EXPOSURE_BY_CODE,
    NGX_EXPOSURE_BY_INVITATION
} ngx_exposure_proof_e;

typedef struct {
    ngx_exposure_proof_e    by;
    const char             *proof;       /* its member of the body */
    ngx_uint_t              named;       /* "name" is one; else the token's */
    const char             *password;    /* the new one's member, or NULL */
    ngx_uint_t              code;        /* makes a recovery code */
    ngx_uint_t              token;       /* answers with one */
    ngx_uint_t              status;
    const char             *missing;
    const char             *refusal;
} ngx_exposure_login_kind_t;

typedef struct {
    ngx_exposure_job_t               job;
    const ngx_exposure_login_kind_t *kind;
    ngx_exposure_tries_t             tries;
    ngx_uint_t                       counted;  /* in ngx_exposure_logins */

    u_char                           name_tag[64];
    u_char                           former[EXPO_FORMER_MAX][64];
    ngx_uint_t                       moves;    /* before is by a former one */
    ngx_uint_t                       valid;    /* the name could be one */
    char                            *proof;    /* these are wiped and freed */
    char                            *password;
    char                            *token;

    ngx_uint_t                       found;    /* before is somebody's */
    expo_id_t                        account;  /* as the audit calls it */
    expo_account_row_t               before;
    expo_account_row_t               after;
    char                             sub[EXPO_ID_TEXT + 1];
    char                             code[EXPO_CODE_TEXT + 1];
} ngx_exposure_login_t;


static ngx_int_t ngx_exposure_login_start(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, const ngx_exposure_login_kind_t *kind);
static ngx_int_t ngx_exposure_login_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body);
static const char *ngx_exposure_login_wrong(
    const ngx_exposure_login_kind_t *kind, json_t *body);
static expo_status_t ngx_exposure_login_name(ngx_exposure_login_t *login,
    const char *name);
static char *ngx_exposure_login_take(json_t *body, const char *member);
static void ngx_exposure_login_tries(ngx_exposure_login_t *login,
    ngx_http_request_t *r);
static void ngx_exposure_login_work(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_login_find(ngx_exposure_login_t *login,
    u_char hash[32]);
static expo_status_t ngx_exposure_login_former(ngx_exposure_login_t *login);
static void ngx_exposure_login_hash(void *data);
static expo_status_t ngx_exposure_login_prove(ngx_exposure_login_t *login);
static expo_status_t ngx_exposure_login_audit(ngx_exposure_login_t *login);
static expo_status_t ngx_exposure_login_move(ngx_exposure_login_t *login);
static expo_status_t ngx_exposure_login_keep(ngx_exposure_login_t *login,
    u_char hash[32]);
static ngx_int_t ngx_exposure_login_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_login_refuse(ngx_http_request_t *r,
    ngx_exposure_login_t *login);
static void ngx_exposure_login_settle(ngx_exposure_job_t *job);
static void ngx_exposure_login_release(ngx_exposure_job_t *job);


static ngx_uint_t  ngx_exposure_logins;    /* now in the thread pool */


ngx_int_t
ngx_exposure_login(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    static const ngx_exposure_login_kind_t  kind = {
        NGX_EXPOSURE_BY_PASSWORD, "password", 1, NULL, 0, 1, NGX_HTTP_OK,
        "A name and a password are needed.",
        "The name or the password is not right."
    };

    return ngx_exposure_login_start(r, ctx, &kind);
}


ngx_int_t
ngx_exposure_login_recover(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    static const ngx_exposure_login_kind_t  kind = {
        NGX_EXPOSURE_BY_CODE, "code", 1, "password", 1, 1, NGX_HTTP_OK,
        "A name, a recovery code and a new password are needed.",
        "The name or the recovery code is not right."
    };

    return ngx_exposure_login_start(r, ctx, &kind);
}


ngx_int_t
ngx_exposure_login_enrol(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    static const ngx_exposure_login_kind_t  kind = {
        NGX_EXPOSURE_BY_INVITATION, "secret", 1, "password", 1, 1,
        NGX_HTTP_CREATED,
        "A secret, a name and a password are needed.",
        "This link has been used, or is too old."
    };

    return ngx_exposure_login_start(r, ctx, &kind);
}


ngx_int_t
ngx_exposure_login_password(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    static const ngx_exposure_login_kind_t  kind = {
        NGX_EXPOSURE_BY_PASSWORD, "old", 0, "password", 0, 1, NGX_HTTP_OK,
        "The old and a new password are needed.",
        "The old password is not right."
    };

    return ngx_exposure_login_start(r, ctx, &kind);
}


ngx_int_t
ngx_exposure_login_recovery(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    static const ngx_exposure_login_kind_t  kind = {
        NGX_EXPOSURE_BY_PASSWORD, "password", 0, NULL, 1, 0, NGX_HTTP_OK,
        "The password is needed.",
        "The password is not right."
    };

    return ngx_exposure_login_start(r, ctx, &kind);
}


static ngx_int_t
ngx_exposure_login_start(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    const ngx_exposure_login_kind_t *kind)
{
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_exposure_module);

    if (!mcf->accounts) {
        return ngx_exposure_reply_error(r, EXPO_NOT_FOUND,
                                    "Sign in with your identity provider.");
    }

    ctx->kind = kind;

    return ngx_exposure_body_read(r, ctx, NGX_EXPOSURE_LOGIN_BODY,
                                  ngx_exposure_login_body);
}


static ngx_int_t
ngx_exposure_login_body(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    json_t *body)
{
    uint32_t                          retry_s;
    const char                       *name, *wrong;
    ngx_exposure_login_t             *login;
    const ngx_exposure_login_kind_t  *kind;

    kind = ctx->kind;

    if (ngx_exposure_logins >= NGX_EXPOSURE_LOGIN_MAX
        || ngx_exposure_main_conf()->names == NULL)
    {
        json_decref(body);
        return ngx_exposure_reply_busy(r, 1);
    }

    wrong = ngx_exposure_login_wrong(kind, body);

    if (wrong) {
        json_decref(body);
        return ngx_exposure_reply_error(r, EXPO_INVALID, wrong);
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
    login->kind = kind;
    login->counted = 1;
    ngx_exposure_logins++;

    login->proof = ngx_exposure_login_take(body, kind->proof);

    if (kind->password) {
        login->password = ngx_exposure_login_take(body, kind->password);
    }

    if (kind->named) {
        name = json_string_value(json_object_get(body, "name"));
        login->valid = ngx_exposure_login_name(login, name) == EXPO_OK;
    }

    json_decref(body);

    ngx_exposure_login_tries(login, r);

    if (ngx_exposure_tries_take(&login->tries, &retry_s) != NGX_OK) {
        ngx_exposure_job_drop(&login->job);
        return ngx_exposure_tries_refuse(r, retry_s);
    }

    return ngx_exposure_job_run(r, &login->job);
}


/* NULL: nothing. */

static const char *
ngx_exposure_login_wrong(const ngx_exposure_login_kind_t *kind, json_t *body)
{
    size_t       len;
    json_t      *name, *proof, *password;
    u_char       tag[64];

    name = json_object_get(body, "name");
    proof = json_object_get(body, kind->proof);
    password = kind->password ? json_object_get(body, kind->password) : NULL;

    if (!json_is_string(proof)
        || json_string_length(proof) > EXPO_PASSWORD_MAX
        || (kind->named && !json_is_string(name))
        || (kind->password && !json_is_string(password))
        || json_object_size(body)
           != 1 + kind->named + (kind->password != NULL))
    {
        return kind->missing;
    }

    len = json_string_length(password);

    if (password && (len < EXPO_PASSWORD_MIN || len > EXPO_PASSWORD_MAX)) {
        return "A password has 10 to 256 bytes.";
    }

    if (kind->by == NGX_EXPOSURE_BY_INVITATION
        && expo_account_name_tag(tag, ngx_exposure_main_conf()->names,
                                 json_string_value(name),
                                 json_string_length(name))
           != EXPO_OK)
    {
        return "A name is 1 to 128 letters, digits or . _ - @ +";
    }

    return NULL;
}


/* As it is tagged now, and as it was by former master secrets. */

static expo_status_t
ngx_exposure_login_name(ngx_exposure_login_t *login, const char *name)
{
    ngx_uint_t                 i;
    expo_status_t              st;
    ngx_exposure_main_conf_t  *mcf;

    mcf = login->job.conf;

    st = expo_account_name_tag(login->name_tag, mcf->names, name,
                               ngx_strlen(name));

    for (i = 1; i < mcf->nnames && st == EXPO_OK; i++) {
        st = expo_account_name_tag(login->former[i - 1], &mcf->names[i], name,
                                   ngx_strlen(name));
    }

    return st;
}


/* A copy on the heap, NULL without memory; the parser's is wiped. */

static char *
ngx_exposure_login_take(json_t *body, const char *member)
{
    char    *copy;
    size_t   len;
    json_t  *text;

    text = json_object_get(body, member);
    len = json_string_length(text);
    copy = malloc(len + 1);

    if (copy) {
        ngx_memcpy(copy, json_string_value(text), len + 1);
    }

    ngx_explicit_memzero((void *) json_string_value(text), len);

    return copy;
}


/* ALICE and alice are one account: its tries are counted by its tag. */

static void
ngx_exposure_login_tries(ngx_exposure_login_t *login, ngx_http_request_t *r)
{
    char  *sub;

    if (login->kind->named) {
        ngx_exposure_tries_of(&login->tries, r,
                              login->valid ? "account" : "nobody",
                              login->name_tag, sizeof(login->name_tag));
        return;
    }

    sub = login->job.who.claims.sub;

    ngx_exposure_tries_of(&login->tries, r, "subject", (u_char *) sub,
                          ngx_strlen(sub));
}


static void
ngx_exposure_login_work(ngx_exposure_job_t *job)
{
    ngx_exposure_login_t *login = (ngx_exposure_login_t *) job;

    u_char  hash[32];

    if (login->proof == NULL
        || (login->kind->password && login->password == NULL))
    {
        job->st = EXPO_NO_MEMORY;
        return;
    }

    job->st = ngx_exposure_login_find(login, hash);

    if (job->st != EXPO_OK) {
        return;
    }

    ngx_exposure_task_gently(ngx_exposure_login_hash, login);

    if (job->st == EXPO_OK) {
        job->st = ngx_exposure_login_audit(login);
    }

    if (job->st == EXPO_OK && login->moves) {
        job->st = ngx_exposure_login_move(login);
    }

    if (job->st == EXPO_OK) {
        job->st = ngx_exposure_login_keep(login, hash);
    }

    if (job->st == EXPO_OK && login->kind->token) {
        job->st = expo_keys_sign(job->conf->keys, login->sub,
                                 (uint32_t) job->conf->token_lifetime,
                                 &login->token);
    }
}


/* An account that does not exist goes on to be hashed for all the same. */

static expo_status_t
ngx_exposure_login_find(ngx_exposure_login_t *login, u_char hash[32])
{
    u_char               actor[EXPO_AUDIT_ACTOR];
    expo_status_t        st;
    ngx_exposure_job_t  *job;

    job = &login->job;

    if (login->kind->by == NGX_EXPOSURE_BY_INVITATION) {
        st = expo_account_secret_hash(hash, login->proof,
                                      ngx_strlen(login->proof));
        if (st == EXPO_OK) {
            st = expo_store_enrolment(job->conf->store, hash,
                                      (uint64_t) time(NULL));
        }

        return st == EXPO_NOT_FOUND || st == EXPO_INVALID ? EXPO_DENIED : st;
    }

    st = login->kind->named
         ? expo_store_account(job->conf->store, login->name_tag,
                              &login->before)
         : ngx_exposure_account_of(job, &login->before);

    if (st == EXPO_NOT_FOUND && login->kind->named) {
        st = ngx_exposure_login_former(login);
        login->moves = st == EXPO_OK;
    }

    login->found = st == EXPO_OK && (login->valid || !login->kind->named);

    if (login->found) {
        st = expo_audit_actor(actor, job->conf->names,
                              login->kind->named ? login->name_tag
                                                 : login->before.name_tag);
        ngx_memcpy(login->account.b, actor, sizeof(login->account.b));
    }

    return st == EXPO_NOT_FOUND ? EXPO_OK : st;
}


static expo_status_t
ngx_exposure_login_former(ngx_exposure_login_t *login)
{
    ngx_uint_t                 i;
    expo_status_t              st;
    ngx_exposure_main_conf_t  *mcf;

    mcf = login->job.conf;
    st = EXPO_NOT_FOUND;

    for (i = 1; i < mcf->nnames && st == EXPO_NOT_FOUND; i++) {
        st = expo_store_account(mcf->store, login->former[i - 1],
                                &login->before);
    }

    return st;
}


static void
ngx_exposure_login_hash(void *data)
{
    ngx_exposure_login_t *login = data;

    u_char          random[56];
    expo_status_t   st;

    st = ngx_exposure_login_prove(login);

    if (st == EXPO_OK && login->password
        && login->kind->by != NGX_EXPOSURE_BY_INVITATION)
    {
        ngx_exposure_random(random, sizeof(random));
        st = expo_account_password(&login->after, login->password,
                                   ngx_strlen(login->password), random,
                                   login->sub);
        login->after.since_s = (uint64_t) time(NULL);
    }

    if (st == EXPO_OK && login->kind->code) {
        ngx_exposure_random(random, sizeof(random));
        st = expo_account_recovery(&login->after, random, login->sub,
                                   login->code);
    }

    ngx_explicit_memzero(random, sizeof(random));

    login->job.st = st;
}


/* Fills sub, and after as the account is now. */

static expo_status_t
ngx_exposure_login_prove(ngx_exposure_login_t *login)
{
    size_t               len;
    u_char               random[56];
    expo_status_t        st;
    expo_account_row_t  *row;

    len = ngx_strlen(login->proof);
    row = login->found ? &login->before : NULL;
    login->after = login->before;

    switch (login->kind->by) {

    case NGX_EXPOSURE_BY_PASSWORD:
        return expo_account_check(row, login->proof, len, login->sub);

    case NGX_EXPOSURE_BY_CODE:
        return expo_account_recover(row, login->proof, len, login->sub);

    default: /* NGX_EXPOSURE_BY_INVITATION */
        ngx_exposure_random(random, sizeof(random));
        st = expo_account_make(&login->after, login->password,
                               ngx_strlen(login->password), random,
                               login->sub);
        ngx_explicit_memzero(random, sizeof(random));
        ngx_memcpy(login->after.name_tag, login->name_tag,
                   sizeof(login->name_tag));

        return st == EXPO_OK
               ? expo_account_sub_tag(login->after.sub_tag,
                                      login->job.conf->names, login->sub)
               : st;
    }
}


/* What a token has asked for is written down already. */

static expo_status_t
ngx_exposure_login_audit(ngx_exposure_login_t *login)
{
    u_char                     tag[EXPO_TAG];
    expo_status_t              st;
    ngx_exposure_main_conf_t  *mcf;

    if (!login->kind->named) {
        return EXPO_OK;
    }

    mcf = login->job.conf;

    st = expo_vault_user_tag(tag, mcf->names, (char *) mcf->issuer.data,
                             login->sub);

    if (st == EXPO_OK) {
        st = ngx_exposure_audit(mcf, login->job.verb, tag, &login->account,
                                EXPO_AUDIT_PERMITTED);
    }

    ngx_explicit_memzero(tag, sizeof(tag));

    return st;
}


/* The name is known only now; whoever was faster has done the same. */

static expo_status_t
ngx_exposure_login_move(ngx_exposure_login_t *login)
{
    expo_status_t              st;
    expo_account_row_t        *to;
    ngx_exposure_main_conf_t  *mcf;

    mcf = login->job.conf;
    to = &login->after;

    ngx_memcpy(to->name_tag, login->name_tag, sizeof(to->name_tag));
    to->master_no = mcf->master_no;

    st = expo_account_sub_tag(to->sub_tag, mcf->names, login->sub);

    if (st == EXPO_OK) {
        st = expo_store_account_move(mcf->store, login->before.name_tag, to);
    }

    ngx_memcpy(login->before.name_tag, to->name_tag, sizeof(to->name_tag));

    return st == EXPO_CONFLICT ? EXPO_OK : st;
}


static expo_status_t
ngx_exposure_login_keep(ngx_exposure_login_t *login, u_char hash[32])
{
    expo_status_t   st;
    expo_store_t   *store;

    store = login->job.conf->store;

    if (login->kind->by == NGX_EXPOSURE_BY_INVITATION) {
        st = ngx_exposure_login_former(login);

        if (st != EXPO_NOT_FOUND) {
            return st == EXPO_OK ? EXPO_CONFLICT : st;
        }

        login->after.master_no = login->job.conf->master_no;
        st = expo_store_enrol(store, hash, (uint64_t) time(NULL),
                              &login->after);
        return st == EXPO_NOT_FOUND ? EXPO_DENIED : st;
    }

    if (login->password == NULL && !login->kind->code) {
        return EXPO_OK;
    }

    st = expo_store_account_change(store, &login->before, &login->after);

    /* what was proved is true no more: somebody was faster */

    return st == EXPO_CONFLICT ? EXPO_DENIED : st;
}


static ngx_int_t
ngx_exposure_login_answer(ngx_http_request_t *r, ngx_exposure_job_t *job)
{
    ngx_exposure_login_t *login = (ngx_exposure_login_t *) job;

    json_t  *json;

    switch (job->st) {

    case EXPO_OK:
        break;

    case EXPO_DENIED:
        return ngx_exposure_login_refuse(r, login);

    case EXPO_CONFLICT:
        return ngx_exposure_reply_error(r, job->st, "This name is taken.");

    default:
        return ngx_exposure_reply_error(r, job->st, NULL);
    }

    ngx_exposure_tries_return(&login->tries);

    json = login->token ? ngx_exposure_account_token(job->conf, login->token)
                        : json_object();

    if (login->kind->code) {
        (void) json_object_set_new(json, "recovery_code",
                                   json_string(login->code));
    }

    return ngx_exposure_reply_json(r, login->kind->status, json);
}


/* Who has shown a token is known: then it is no sign-in that is refused. */

static ngx_int_t
ngx_exposure_login_refuse(ngx_http_request_t *r, ngx_exposure_login_t *login)
{
    if (!login->kind->named) {
        return ngx_exposure_reply_problem(r, NGX_HTTP_FORBIDDEN, "wrong_login",
                                          login->kind->refusal);
    }

    if (ngx_exposure_reply_header(r, "WWW-Authenticate", (u_char *) "Bearer",
                                  6)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_reply_problem(r, NGX_HTTP_UNAUTHORIZED, "wrong_login",
                                      login->kind->refusal);
}


/* By a task of its own: the answer must not tell whether there is such one. */

static void
ngx_exposure_login_settle(ngx_exposure_job_t *job)
{
    ngx_exposure_login_t *login = (ngx_exposure_login_t *) job;

    if (login->kind->named && login->found && job->st == EXPO_DENIED) {
        ngx_exposure_audit_refused(job->verb, &login->account);
    }
}


static void
ngx_exposure_login_release(ngx_exposure_job_t *job)
{
    ngx_exposure_login_t *login = (ngx_exposure_login_t *) job;

    ngx_exposure_logins -= login->counted;

    ngx_exposure_account_wipe(&login->proof);
    ngx_exposure_account_wipe(&login->password);
    ngx_exposure_account_wipe(&login->token);

    ngx_explicit_memzero(&login->before, sizeof(login->before));
    ngx_explicit_memzero(&login->after, sizeof(login->after));
    ngx_explicit_memzero(login->sub, sizeof(login->sub));
    ngx_explicit_memzero(login->code, sizeof(login->code));
}
