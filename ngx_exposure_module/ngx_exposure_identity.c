/*
 * POST /users/current/identity: who signs in with another name than before, and
 * still has a token of the former one, takes along what was theirs.
 */

#include "ngx_exposure_rest.h"


#define NGX_EXPOSURE_IDENTITY_BODY  (2 * EXPO_TOKEN_BYTES_MAX)


typedef struct {
    ngx_exposure_job_t         job;
    ngx_exposure_who_t         was;        /* its token is in the body */
    u_char                     tag[EXPO_TAG];
} ngx_exposure_identity_t;


static ngx_int_t ngx_exposure_identity_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body);
static void ngx_exposure_identity_work(ngx_exposure_job_t *job);
static void ngx_exposure_identity_release(ngx_exposure_job_t *job);


ngx_int_t
ngx_exposure_identity_move(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_body_read(r, ctx, NGX_EXPOSURE_IDENTITY_BODY,
                                  ngx_exposure_identity_body);
}


static ngx_int_t
ngx_exposure_identity_body(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    json_t *body)
{
    const char               *text;
    ngx_exposure_identity_t  *i;

    i = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_identity_t),
                                ngx_exposure_identity_work,
                                ngx_exposure_job_answer);
    if (i == NULL) {
        json_decref(body);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    i->job.body = body;
    i->job.release = ngx_exposure_identity_release;

    text = json_string_value(json_object_get(body, "token"));

    if (text == NULL || json_object_size(body) != 1) {
        ngx_exposure_job_drop(&i->job);
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                            "A token of who you were is needed.");
    }

    i->was.token.data = (u_char *) text;
    i->was.token.len = ngx_strlen(text);

    if (ngx_exposure_auth_token(i->was.token.data, i->was.token.len, &i->was,
                                i->tag)
        != NGX_OK)
    {
        ngx_exposure_job_drop(&i->job);
        return ngx_exposure_reply_error(r, EXPO_DENIED,
                            "The token of who you were does not count.");
    }

    return ngx_exposure_job_run(r, &i->job);
}


static void
ngx_exposure_identity_work(ngx_exposure_job_t *job)
{
    ngx_exposure_identity_t *i = (ngx_exposure_identity_t *) job;

    expo_user_t       was;
    expo_boxes_t      boxes;
    expo_keys_user_t  from, to;

    if (ngx_memcmp(i->tag, job->tag, EXPO_TAG) == 0) {
        job->st = EXPO_CONFLICT;
        return;
    }

    job->st = expo_store_user(job->conf->store, i->tag, &was);

    if (job->st == EXPO_NOT_FOUND) {
        job->st = ngx_exposure_former_user(job->conf, &i->was, i->tag, &was);
    }

    if (job->st == EXPO_OK) {
        job->st = ngx_exposure_user_enabled(job->conf, &i->was.claims, &was);
    }

    if (job->st == EXPO_OK) {
        job->st = expo_store_boxes(job->conf->store, i->tag, &boxes);
    }

    if (job->st != EXPO_OK) {
        return;
    }

    from.token = (char *) i->was.token.data;
    from.token_bytes = i->was.token.len;
    from.salt = was.salt;
    to.token = (char *) job->who.token.data;
    to.token_bytes = job->who.token.len;
    to.salt = job->found.user.salt;

    job->st = expo_keys_move(job->conf->keys, &from, 0, &to, boxes.boxes,
                             boxes.count);

    if (job->st == EXPO_OK) {
        job->st = expo_store_user_move(job->conf->store, i->tag,
                                       &job->found.user,
                                       job->found.user.master_no, &boxes);
    }

    free(boxes.boxes);
    ngx_explicit_memzero(&was, sizeof(was));
}


static void
ngx_exposure_identity_release(ngx_exposure_job_t *job)
{
    ngx_exposure_identity_t *i = (ngx_exposure_identity_t *) job;

    ngx_explicit_memzero(&i->was, sizeof(i->was));
    ngx_explicit_memzero(i->tag, EXPO_TAG);
}
