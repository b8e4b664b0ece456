/* Saved settings of scans. */

#include "ngx_exposure_rest.h"

#include "lib/settings.h"


static ngx_int_t ngx_exposure_configuration_run(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, ngx_exposure_work_pt work);
static void ngx_exposure_configuration_list_work(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_configuration_add_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body);
static void ngx_exposure_configuration_add_work(ngx_exposure_job_t *job);
static void ngx_exposure_configuration_get_work(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_configuration_patch_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body);
static void ngx_exposure_configuration_patch_work(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_configuration_put(ngx_exposure_job_t *job);
static void ngx_exposure_configuration_delete_work(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_configuration_check(ngx_exposure_job_t *job);
static json_t *ngx_exposure_configuration_json(expo_configuration_t *c,
    json_t *content, ngx_uint_t whole);


ngx_int_t
ngx_exposure_configuration_list(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_configuration_run(r, ctx,
                                        ngx_exposure_configuration_list_work);
}


ngx_int_t
ngx_exposure_configuration_add(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_body_read(r, ctx, NGX_EXPOSURE_BODY_MAX,
                                  ngx_exposure_configuration_add_body);
}


ngx_int_t
ngx_exposure_configuration_get(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_configuration_run(r, ctx,
                                          ngx_exposure_configuration_get_work);
}


ngx_int_t
ngx_exposure_configuration_patch(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_body_read(r, ctx, NGX_EXPOSURE_BODY_MAX,
                                  ngx_exposure_configuration_patch_body);
}


ngx_int_t
ngx_exposure_configuration_delete(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_configuration_run(r, ctx,
                                      ngx_exposure_configuration_delete_work);
}


static ngx_int_t
ngx_exposure_configuration_run(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    ngx_exposure_work_pt work)
{
    ngx_exposure_job_t  *job;

    job = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_job_t), work,
                                  ngx_exposure_job_answer);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_job_matching(r, job);
}


static void
ngx_exposure_configuration_list_work(ngx_exposure_job_t *job)
{
    size_t                 i, n;
    json_t                *list;
    expo_lease_t           lease;
    ngx_exposure_meta_t   *metas;
    expo_configuration_t  *cs;

    job->st = ngx_exposure_job_key(job, &lease);
    if (job->st != EXPO_OK) {
        return;
    }

    job->st = expo_store_configurations(job->conf->store, &job->id, &cs, &n);
    if (job->st != EXPO_OK) {
        goto done;
    }

    list = json_array();
    metas = calloc(n + 1, sizeof(ngx_exposure_meta_t));

    for (i = 0; metas && i < n; i++) {
        metas[i].lease = &lease;
        metas[i].table = "configurations";
        metas[i].row = &cs[i].id;
        metas[i].revision = cs[i].revision;
        metas[i].src = cs[i].enc;
        metas[i].len = cs[i].enc_bytes;
    }

    job->st = metas ? ngx_exposure_metas_open(job->conf, metas, n)
                    : EXPO_NO_MEMORY;

    for (i = 0; i < n; i++) {
        if (job->st == EXPO_OK) {

            /* a damaged one is listed, so that it can be deleted */

            if (metas[i].json == NULL) {
                metas[i].json = json_pack("{s:s}", "name", "damaged");
            }

            json_array_append_new(list,
                           ngx_exposure_configuration_json(&cs[i],
                                                           metas[i].json, 0));
        }

        json_decref(metas ? metas[i].json : NULL);
        expo_store_configuration_free(&cs[i]);
    }

    free(metas);
    free(cs);
    job->json = json_pack("{s:o}", "configurations", list);

done:

    ngx_explicit_memzero(&lease, sizeof(lease));
}


static ngx_int_t
ngx_exposure_configuration_add_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body)
{
    ngx_exposure_job_t  *job;

    if (json_object_size(body) != 2
        || ngx_exposure_body_text(body, "name") == NULL
        || !json_is_object(json_object_get(body, "settings")))
    {
        json_decref(body);
        return ngx_exposure_reply_error(r, EXPO_INVALID,
               "A name of 1 to 200 characters and settings are needed.");
    }

    job = ngx_exposure_job_body(r, ctx, body,
                                ngx_exposure_configuration_add_work,
                                ngx_exposure_job_answer);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->location = "/api/v1/configurations/";

    return ngx_exposure_job_run(r, job);
}


static void
ngx_exposure_configuration_add_work(ngx_exposure_job_t *job)
{
    expo_lease_t          lease;
    expo_configuration_t  c;

    job->st = ngx_exposure_configuration_check(job);
    if (job->st != EXPO_OK) {
        return;
    }

    job->st = ngx_exposure_job_key(job, &lease);
    if (job->st != EXPO_OK) {
        return;
    }

    ngx_memzero(&c, sizeof(c));
    ngx_exposure_random(c.id.b, sizeof(c.id.b));
    c.scan = job->id;
    c.revision = 1;

    job->st = ngx_exposure_meta_seal(job->conf, &lease, "configurations", &c.id,
                                     c.revision, job->body, &c.enc,
                                     &c.enc_bytes);

    ngx_explicit_memzero(&lease, sizeof(lease));

    if (job->st == EXPO_OK) {
        job->st = expo_store_configuration_add(job->conf->store, &c, job->tag);
    }

    if (job->st == EXPO_FULL) {
        ngx_sprintf((u_char *) job->detail,
                    "A scan can have 200 configurations.%Z");
    }

    if (job->st == EXPO_OK) {
        job->made = c.id;
        job->revision = c.revision;
        job->json = ngx_exposure_configuration_json(&c, job->body, 1);
    }

    free(c.enc);
}


static void
ngx_exposure_configuration_get_work(ngx_exposure_job_t *job)
{
    json_t                *content;
    expo_lease_t           lease;
    expo_configuration_t  *c;

    c = &job->found.configuration;

    job->st = ngx_exposure_job_key(job, &lease);
    if (job->st != EXPO_OK) {
        return;
    }

    job->st = ngx_exposure_meta_open(job->conf, &lease, "configurations", &c->id,
                                     c->revision, c->enc, c->enc_bytes,
                                     &content);

    if (job->st == EXPO_OK) {
        job->revision = c->revision;
        job->json = ngx_exposure_configuration_json(c, content, 1);
        json_decref(content);
    }

    ngx_explicit_memzero(&lease, sizeof(lease));
}


static ngx_int_t
ngx_exposure_configuration_patch_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body)
{
    size_t               known;
    json_t              *name, *settings;
    ngx_exposure_job_t  *job;

    name = json_object_get(body, "name");
    settings = json_object_get(body, "settings");

    known = (name ? 1 : 0) + (settings ? 1 : 0);

    if (known == 0
        || known != json_object_size(body)
        || (name && ngx_exposure_body_text(body, "name") == NULL)
        || (settings && !json_is_object(settings)))
    {
        json_decref(body);
        return ngx_exposure_reply_error(r, EXPO_INVALID,
               "A name of 1 to 200 characters or settings are needed.");
    }

    job = ngx_exposure_job_body(r, ctx, body,
                                ngx_exposure_configuration_patch_work,
                                ngx_exposure_job_answer);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_job_matching(r, job);
}


static void
ngx_exposure_configuration_patch_work(ngx_exposure_job_t *job)
{
    ngx_exposure_job_put(job, ngx_exposure_configuration_put);
}


static expo_status_t
ngx_exposure_configuration_put(ngx_exposure_job_t *job)
{
    json_t                *content;
    expo_lease_t           lease;
    expo_status_t          st;
    expo_configuration_t  *c;

    c = &job->found.configuration;
    content = NULL;

    if (!ngx_exposure_job_wants(job, c->revision)) {
        return EXPO_CONFLICT;
    }

    st = ngx_exposure_configuration_check(job);
    if (st != EXPO_OK) {
        return st;
    }

    st = ngx_exposure_job_key(job, &lease);
    if (st != EXPO_OK) {
        return st;
    }

    st = ngx_exposure_meta_open(job->conf, &lease, "configurations", &c->id,
                                c->revision, c->enc, c->enc_bytes, &content);
    if (st != EXPO_OK) {
        content = NULL;
        goto done;
    }

    json_object_update(content, job->body);

    expo_store_configuration_free(c);
    c->revision++;

    st = ngx_exposure_meta_seal(job->conf, &lease, "configurations", &c->id,
                                c->revision, content, &c->enc, &c->enc_bytes);
    if (st != EXPO_OK) {
        goto done;
    }

    st = expo_store_configuration_put(job->conf->store, c);

    if (st == EXPO_OK) {
        job->revision = c->revision;
        job->json = ngx_exposure_configuration_json(c, content, 1);
    }

done:

    ngx_explicit_memzero(&lease, sizeof(lease));
    json_decref(content);

    return st;
}


static void
ngx_exposure_configuration_delete_work(ngx_exposure_job_t *job)
{
    if (!ngx_exposure_job_wants(job, job->found.configuration.revision)) {
        job->st = EXPO_CONFLICT;
        return;
    }

    job->st = expo_store_configuration_delete(job->conf->store, &job->id);
}


static expo_status_t
ngx_exposure_configuration_check(ngx_exposure_job_t *job)
{
    json_t           *settings;
    expo_settings_t   parsed;

    settings = json_object_get(job->body, "settings");

    if (settings == NULL) {
        return EXPO_OK;
    }

    return expo_settings_parse(job->conf->settings_schema, settings, &parsed,
                               job->detail, sizeof(job->detail));
}


static json_t *
ngx_exposure_configuration_json(expo_configuration_t *c, json_t *content,
    ngx_uint_t whole)
{
    char     id[EXPO_ID_TEXT + 1], scan[EXPO_ID_TEXT + 1];
    json_t  *json;

    expo_id_print(id, &c->id);
    expo_id_print(scan, &c->scan);

    json = json_pack("{s:s, s:s, s:O, s:I}", "id", id, "scan", scan,
                     "name", json_object_get(content, "name"),
                     "revision", (json_int_t) c->revision);

    if (whole) {
        json_object_set(json, "settings",
                        json_object_get(content, "settings"));
    }

    return json;
}
