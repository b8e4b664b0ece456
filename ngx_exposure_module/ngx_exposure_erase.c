/* DELETE /users/current: a person erases themselves. */

#include "ngx_exposure_rest.h"


#define NGX_EXPOSURE_ERASE_BODY  256


typedef struct {
    ngx_exposure_job_t         job;
    expo_lost_t               *lost;
    size_t                     count;
} ngx_exposure_erase_t;


static ngx_int_t ngx_exposure_erase_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body);
static void ngx_exposure_erase_work(ngx_exposure_job_t *job);
static void ngx_exposure_erase_settle(ngx_exposure_job_t *job);
static void ngx_exposure_erase_release(ngx_exposure_job_t *job);


ngx_int_t
ngx_exposure_erase_user(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_body_read(r, ctx, NGX_EXPOSURE_ERASE_BODY,
                                  ngx_exposure_erase_body);
}


static ngx_int_t
ngx_exposure_erase_body(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    json_t *body)
{
    ngx_uint_t            confirmed;
    ngx_exposure_erase_t  *e;

    confirmed = json_object_size(body) == 1
                && json_is_true(json_object_get(body, "confirm"));
    json_decref(body);

    if (!confirmed) {
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                   "All that you have here is erased and nothing brings it "
                   "back: say so with {\"confirm\": true}.");
    }

    e = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_erase_t),
                                ngx_exposure_erase_work,
                                ngx_exposure_job_answer);
    if (e == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    e->job.settle = ngx_exposure_erase_settle;
    e->job.release = ngx_exposure_erase_release;

    return ngx_exposure_job_run(r, &e->job);
}


static void
ngx_exposure_erase_work(ngx_exposure_job_t *job)
{
    ngx_exposure_erase_t *e = (ngx_exposure_erase_t *) job;

    job->st = expo_store_user_erase(job->conf->store, job->tag,
                                    (uint32_t) (time(NULL) / 86400), &e->lost,
                                    &e->count);
}


static void
ngx_exposure_erase_settle(ngx_exposure_job_t *job)
{
    ngx_exposure_erase_t *e = (ngx_exposure_erase_t *) job;

    size_t     i;
    expo_id_t  user;

    expo_store_user_id(&user, job->tag);

    for (i = 0; i < e->count; i++) {
        if (e->lost[i].role == EXPO_ROLE_OWNER) {
            ngx_exposure_session_delete(&e->lost[i].scan);

        } else {
            ngx_exposure_session_revoke(&e->lost[i].scan, &user,
                                        EXPO_END_REVOKED);
        }
    }
}


static void
ngx_exposure_erase_release(ngx_exposure_job_t *job)
{
    ngx_exposure_erase_t *e = (ngx_exposure_erase_t *) job;

    free(e->lost);
}
