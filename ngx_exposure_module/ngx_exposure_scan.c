/*
 * Scans: list, get, rename, delete, thumbnail.
 */

#include "ngx_exposure_share.h"


#define NGX_EXPOSURE_THUMBNAIL_MAX  (8 * 1024 * 1024)
#define NGX_EXPOSURE_SCAN_BODY      4096


/* Of a request that answers with scans. */
typedef struct {
    ngx_exposure_job_t         job;
    expo_lease_t              *leases;     /* as the answer has them */
    size_t                     n;
} ngx_exposure_scans_t;

typedef struct {
    ngx_exposure_job_t         job;
    u_char                    *png;
    size_t                     len;
} ngx_exposure_thumbnail_t;


static ngx_int_t ngx_exposure_scan_run(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, ngx_exposure_work_pt work,
    ngx_exposure_answer_pt answer);
static void ngx_exposure_scan_release(ngx_exposure_job_t *job);
static void ngx_exposure_scan_list_work(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_scan_list_metas(ngx_exposure_job_t *job,
    expo_scan_t *scans, ngx_exposure_meta_t *metas, expo_lease_t *leases,
    size_t n);
static ngx_int_t ngx_exposure_scan_list_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);
static void ngx_exposure_scan_get_work(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_scan_keep(ngx_exposure_scans_t *s,
    expo_lease_t *lease);
static ngx_int_t ngx_exposure_scan_get_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);
static void ngx_exposure_scan_importing(ngx_exposure_job_t *job, json_t *scan,
    expo_lease_t *lease);
static ngx_int_t ngx_exposure_scan_patch_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body);
static void ngx_exposure_scan_patch_work(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_scan_retitle(ngx_exposure_job_t *job);
static void ngx_exposure_scan_delete_work(ngx_exposure_job_t *job);
static void ngx_exposure_scan_delete_settle(ngx_exposure_job_t *job);
static void ngx_exposure_scan_thumbnail_work(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_scan_thumbnail_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);
static void ngx_exposure_scan_thumbnail_release(ngx_exposure_job_t *job);


ngx_int_t
ngx_exposure_scan_list(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_scan_run(r, ctx, ngx_exposure_scan_list_work,
                                 ngx_exposure_scan_list_answer);
}


ngx_int_t
ngx_exposure_scan_get(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_scan_run(r, ctx, ngx_exposure_scan_get_work,
                                 ngx_exposure_scan_get_answer);
}


ngx_int_t
ngx_exposure_scan_patch(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_body_read(r, ctx, NGX_EXPOSURE_SCAN_BODY,
                                  ngx_exposure_scan_patch_body);
}


ngx_int_t
ngx_exposure_scan_delete(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_job_t  *job;

    job = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_job_t),
                                  ngx_exposure_scan_delete_work,
                                  ngx_exposure_job_answer);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->settle = ngx_exposure_scan_delete_settle;

    return ngx_exposure_job_run(r, job);
}


ngx_int_t
ngx_exposure_scan_thumbnail(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_job_t  *job;

    job = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_thumbnail_t),
                                  ngx_exposure_scan_thumbnail_work,
                                  ngx_exposure_scan_thumbnail_answer);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->release = ngx_exposure_scan_thumbnail_release;

    return ngx_exposure_job_run(r, job);
}


json_t *
ngx_exposure_scan_json(expo_scan_t *scan, json_t *meta)
{
    char                id[EXPO_ID_TEXT + 1], created[16];
    json_t             *json, *value;
    time_t              day;
    struct tm           tm;
    ngx_uint_t          i;

    static const char  *states[] = { "", "importing", "ready", "failed" };
    static const char  *members[] = { "failure", "volume", "warnings", NULL };

    expo_id_print(id, &scan->id);

    day = (time_t) scan->created_day * 86400;
    gmtime_r(&day, &tm);
    strftime(created, sizeof(created), "%Y-%m-%d", &tm);

    value = json_object_get(meta, "title");

    json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}",
                     "id", id,
                     "title", value ? json_string_value(value) : "",
                     "state", meta ? states[scan->state] : "failed",
                     "role", ngx_exposure_share_role_name(scan->role),
                     "created", created,
                     "bytes", (json_int_t) scan->bytes,
                     "revision", (json_int_t) scan->revision);

    ngx_exposure_share_moment(json, "expires", scan->expires_at);

    if (meta == NULL) {
        json_object_set_new(json, "failure",
            json_pack("{s:s, s:s}", "code", "damaged", "detail",
                      "What is stored of this scan is damaged. Delete it and "
                      "upload it again."));
        return json;
    }

    for (i = 0; members[i]; i++) {
        value = json_object_get(meta, members[i]);

        if (value) {
            json_object_set(json, members[i], value);
        }
    }

    return json;
}


static ngx_int_t
ngx_exposure_scan_run(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    ngx_exposure_work_pt work, ngx_exposure_answer_pt answer)
{
    ngx_exposure_job_t  *job;

    job = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_scans_t), work,
                                  answer);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->release = ngx_exposure_scan_release;

    return ngx_exposure_job_run(r, job);
}


static void
ngx_exposure_scan_release(ngx_exposure_job_t *job)
{
    ngx_exposure_scans_t *s = (ngx_exposure_scans_t *) job;

    if (s->leases) {
        ngx_explicit_memzero(s->leases, s->n * sizeof(expo_lease_t));
        free(s->leases);
    }
}


static void
ngx_exposure_scan_list_work(ngx_exposure_job_t *job)
{
    ngx_exposure_scans_t *s = (ngx_exposure_scans_t *) job;

    size_t                i;
    json_t               *list;
    expo_scan_t          *scans;
    ngx_exposure_meta_t  *metas;

    job->st = expo_store_scans(job->conf->store, job->tag,
                               (uint64_t) time(NULL), &scans, &s->n);
    if (job->st != EXPO_OK) {
        return;
    }

    list = json_array();
    metas = calloc(s->n + 1, sizeof(ngx_exposure_meta_t));
    s->leases = calloc(s->n + 1, sizeof(expo_lease_t));

    job->st = metas && s->leases
              ? ngx_exposure_scan_list_metas(job, scans, metas, s->leases,
                                             s->n)
              : EXPO_NO_MEMORY;

    for (i = 0; i < s->n; i++) {
        if (job->st == EXPO_OK) {
            json_array_append_new(list, ngx_exposure_scan_json(&scans[i],
                                                             metas[i].json));
        }

        json_decref(metas ? metas[i].json : NULL);
        expo_store_scan_free(&scans[i]);
    }

    free(metas);
    free(scans);

    job->json = json_pack("{s:o}", "scans", list);
}


static expo_status_t
ngx_exposure_scan_list_metas(ngx_exposure_job_t *job, expo_scan_t *scans,
    ngx_exposure_meta_t *metas, expo_lease_t *leases, size_t n)
{
    size_t          i;
    expo_status_t   st, *statuses;

    statuses = calloc(n + 1, sizeof(expo_status_t));
    if (statuses == NULL) {
        return EXPO_NO_MEMORY;
    }

    st = ngx_exposure_scan_leases(job->conf, &job->who, &job->found.user, scans,
                                  n, leases, statuses);

    if (st == EXPO_OK) {
        for (i = 0; i < n; i++) {
            metas[i].lease = statuses[i] == EXPO_OK ? &leases[i] : NULL;
            metas[i].table = "scans";
            metas[i].row = &scans[i].id;
            metas[i].revision = scans[i].revision;
            metas[i].src = scans[i].meta;
            metas[i].len = scans[i].meta_bytes;
        }

        st = ngx_exposure_metas_open(job->conf, metas, n);
    }

    free(statuses);

    return st;
}


static ngx_int_t
ngx_exposure_scan_list_answer(ngx_http_request_t *r, ngx_exposure_job_t *job)
{
    ngx_exposure_scans_t *s = (ngx_exposure_scans_t *) job;

    size_t   i;
    json_t  *scan;

    json_array_foreach(json_object_get(job->json, "scans"), i, scan) {
        ngx_exposure_scan_importing(job, scan, &s->leases[i]);
    }

    return ngx_exposure_job_answer(r, job);
}


static void
ngx_exposure_scan_get_work(ngx_exposure_job_t *job)
{
    ngx_exposure_scans_t *s = (ngx_exposure_scans_t *) job;

    json_t        *meta;
    expo_scan_t   *scan;
    expo_lease_t   lease;

    scan = &job->found.scan;

    job->st = ngx_exposure_job_key(job, &lease);
    if (job->st != EXPO_OK) {
        return;
    }

    /* a damaged one is answered too, so that it can be deleted */

    job->st = ngx_exposure_scan_meta(job->conf, &lease, scan, &meta);

    if (job->st == EXPO_OK || job->st == EXPO_CORRUPT) {
        job->st = ngx_exposure_scan_keep(s, &lease);
        job->json = ngx_exposure_scan_json(scan, meta);
        job->revision = scan->revision;
    }

    ngx_explicit_memzero(&lease, sizeof(lease));
    json_decref(meta);
}


/* The one that is answered. */

static expo_status_t
ngx_exposure_scan_keep(ngx_exposure_scans_t *s, expo_lease_t *lease)
{
    s->leases = malloc(sizeof(expo_lease_t));

    if (s->leases == NULL) {
        return EXPO_NO_MEMORY;
    }

    *s->leases = *lease;
    s->n = 1;

    return EXPO_OK;
}


static ngx_int_t
ngx_exposure_scan_get_answer(ngx_http_request_t *r, ngx_exposure_job_t *job)
{
    ngx_exposure_scans_t *s = (ngx_exposure_scans_t *) job;

    if (job->json && s->leases) {
        ngx_exposure_scan_importing(job, job->json, s->leases);
    }

    return ngx_exposure_job_answer(r, job);
}


/*
 * Says how far an import is. One that nobody is at (the nginx worker that was
 * is gone) starts again, as its owner has come by with the key to it.
 */

static void
ngx_exposure_scan_importing(ngx_exposure_job_t *job, json_t *scan,
    expo_lease_t *lease)
{
    char         stage[NGX_EXPOSURE_STAGE];
    float        fraction;
    expo_id_t    id;
    const char  *text;

    text = json_string_value(json_object_get(scan, "state"));

    if (text == NULL || ngx_strcmp(text, "importing") != 0) {
        return;
    }

    text = json_string_value(json_object_get(scan, "id"));

    if (expo_id_parse(&id, text, ngx_strlen(text)) != EXPO_OK) {
        return;
    }

    fraction = ngx_exposure_zone_import_get(&id, stage);

    if (fraction < 0) {
        text = json_string_value(json_object_get(scan, "role"));

        if (text && ngx_strcmp(text, "owner") == 0) {
            (void) ngx_exposure_import_start(job->tag, &id, lease);
        }

        fraction = 0;
        stage[0] = '\0';
    }

    json_object_set_new(scan, "progress",
                        json_pack("{s:s, s:f}",
                                  "stage", stage[0] ? stage : "waiting",
                                  "fraction", (double) fraction));
}


static ngx_int_t
ngx_exposure_scan_patch_body(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    json_t *body)
{
    ngx_exposure_job_t  *job;

    if (json_object_size(body) != 1
        || ngx_exposure_body_text(body, "title") == NULL)
    {
        json_decref(body);
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                            "A title of 1 to 200 characters is needed.");
    }

    job = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_scans_t),
                                  ngx_exposure_scan_patch_work,
                                  ngx_exposure_scan_get_answer);
    if (job == NULL) {
        json_decref(body);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    job->body = body;
    job->release = ngx_exposure_scan_release;

    return ngx_exposure_job_matching(r, job);
}


static void
ngx_exposure_scan_patch_work(ngx_exposure_job_t *job)
{
    /* an import that ends meanwhile is no reason to refuse a title */

    ngx_exposure_job_put(job, ngx_exposure_scan_retitle);
}


static expo_status_t
ngx_exposure_scan_retitle(ngx_exposure_job_t *job)
{
    ngx_exposure_scans_t *s = (ngx_exposure_scans_t *) job;

    u_char        *sealed;
    size_t         len;
    json_t        *meta;
    expo_scan_t   *scan;
    expo_lease_t   lease;
    expo_status_t  st;

    sealed = NULL;
    meta = NULL;
    scan = &job->found.scan;

    if (!ngx_exposure_job_wants(job, scan->revision)) {
        return EXPO_CONFLICT;
    }

    st = ngx_exposure_job_key(job, &lease);
    if (st != EXPO_OK) {
        return st;
    }

    st = ngx_exposure_scan_meta(job->conf, &lease, scan, &meta);
    if (st != EXPO_OK) {
        goto done;
    }

    json_object_set(meta, "title", json_object_get(job->body, "title"));
    scan->revision++;

    st = ngx_exposure_meta_seal(job->conf, &lease, "scans", &scan->id,
                                scan->revision, meta, &sealed, &len);
    if (st != EXPO_OK) {
        goto done;
    }

    st = expo_store_scan_meta(job->conf->store, &scan->id, scan->revision,
                              sealed, len);

    if (st == EXPO_OK) {
        job->json = ngx_exposure_scan_json(scan, meta);
        job->revision = scan->revision;
        st = ngx_exposure_scan_keep(s, &lease);
    }

done:

    ngx_explicit_memzero(&lease, sizeof(lease));
    free(sealed);
    json_decref(meta);

    return st;
}


static void
ngx_exposure_scan_delete_work(ngx_exposure_job_t *job)
{
    job->st = expo_store_scan_delete(job->conf->store, &job->id,
                                     (uint32_t) (time(NULL) / 86400));
}


static void
ngx_exposure_scan_delete_settle(ngx_exposure_job_t *job)
{
    if (job->st == EXPO_OK) {
        ngx_exposure_session_delete(&job->id);
    }
}


static void
ngx_exposure_scan_thumbnail_work(ngx_exposure_job_t *job)
{
    ngx_exposure_thumbnail_t *t = (ngx_exposure_thumbnail_t *) job;

    int           fd;
    uint64_t      bytes;
    expo_blob_t   blob;
    expo_lease_t  lease;

    job->st = ngx_exposure_job_key(job, &lease);
    if (job->st != EXPO_OK) {
        return;
    }

    job->st = ngx_exposure_blob_open(job->conf, &job->id, &lease,
                                     EXPO_BLOB_THUMBNAIL, &fd, &bytes, &blob);
    ngx_explicit_memzero(&lease, sizeof(lease));

    if (job->st != EXPO_OK) {
        return;
    }

    job->st = ngx_exposure_blob_read(fd, bytes, &blob,
                                     NGX_EXPOSURE_THUMBNAIL_MAX, &t->png,
                                     &t->len);

    ngx_explicit_memzero(&blob, sizeof(blob));
    close(fd);
}


static ngx_int_t
ngx_exposure_scan_thumbnail_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job)
{
    ngx_exposure_thumbnail_t *t = (ngx_exposure_thumbnail_t *) job;

    ngx_pool_cleanup_t  *cln;

    if (job->st != EXPO_OK) {
        return ngx_exposure_reply_error(r, job->st, NULL);
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = free;
    cln->data = t->png;
    t->png = NULL;

    return ngx_exposure_reply_bytes(r, NGX_HTTP_OK, "image/png", cln->data,
                                    t->len, 0);
}


static void
ngx_exposure_scan_thumbnail_release(ngx_exposure_job_t *job)
{
    ngx_exposure_thumbnail_t *t = (ngx_exposure_thumbnail_t *) job;

    free(t->png);
}
