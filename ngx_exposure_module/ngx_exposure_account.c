/* Signed-in users: a fresh token, the issuer's keys, who one is. */

#include "ngx_exposure_rest.h"


typedef struct {
    ngx_exposure_job_t   job;
    char                *token;          /* malloc'd */
} ngx_exposure_renew_t;


static void ngx_exposure_renew_work(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_renew_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);
static void ngx_exposure_renew_release(ngx_exposure_job_t *job);
static void ngx_exposure_user_work(ngx_exposure_job_t *job);


ngx_int_t
ngx_exposure_account_renew(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_renew_t      *renew;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_exposure_module);

    if (!mcf->accounts) {
        return ngx_exposure_reply_error(r, EXPO_NOT_FOUND,
                                    "Sign in with your identity provider.");
    }

    renew = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_renew_t),
                                    ngx_exposure_renew_work,
                                    ngx_exposure_renew_answer);
    if (renew == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    renew->job.release = ngx_exposure_renew_release;

    return ngx_exposure_job_run(r, &renew->job);
}


/* A token from before the password was changed may be a thief's. */

static void
ngx_exposure_renew_work(ngx_exposure_job_t *job)
{
    ngx_exposure_renew_t *renew = (ngx_exposure_renew_t *) job;

    expo_account_row_t  row;

    job->st = ngx_exposure_account_of(job, &row);

    if (job->st == EXPO_OK && job->who.claims.issued < row.since_s) {
        job->st = EXPO_DENIED;
    }

    if (job->st == EXPO_OK) {
        job->st = expo_keys_sign(job->conf->keys, job->who.claims.sub,
                                 (uint32_t) job->conf->token_lifetime,
                                 &renew->token);
    }
}


static ngx_int_t
ngx_exposure_renew_answer(ngx_http_request_t *r, ngx_exposure_job_t *job)
{
    ngx_exposure_renew_t *renew = (ngx_exposure_renew_t *) job;

    if (job->st != EXPO_OK) {
        return ngx_exposure_reply_error(r, job->st, NULL);
    }

    return ngx_exposure_reply_json(r, NGX_HTTP_OK,
                                   ngx_exposure_account_token(job->conf,
                                                              renew->token));
}


static void
ngx_exposure_renew_release(ngx_exposure_job_t *job)
{
    ngx_exposure_renew_t *renew = (ngx_exposure_renew_t *) job;

    ngx_exposure_account_wipe(&renew->token);
}


expo_status_t
ngx_exposure_account_of(ngx_exposure_job_t *job, expo_account_row_t *row)
{
    /* another issuer's subject may be spelled like one of ours */

    if (job->conf->issuer.len != ngx_strlen(job->who.claims.iss)
        || ngx_memcmp(job->conf->issuer.data, job->who.claims.iss,
                      job->conf->issuer.len)
           != 0)
    {
        return EXPO_NOT_FOUND;
    }

    return ngx_exposure_former_account(job->conf, job->who.claims.sub, row);
}


json_t *
ngx_exposure_account_token(ngx_exposure_main_conf_t *conf, const char *token)
{
    return json_pack("{s:s, s:s, s:I}",
                     "access_token", token,
                     "token_type", "Bearer",
                     "expires_in", (json_int_t) conf->token_lifetime);
}


void
ngx_exposure_account_wipe(char **text)
{
    if (*text) {
        ngx_explicit_memzero(*text, ngx_strlen(*text));
        free(*text);
        *text = NULL;
    }
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
