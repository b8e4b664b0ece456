/* Permissions: who else may see a scan, in which role and for how long. */

#include "ngx_exposure_share.h"

#include "lib/renew.h"


#define NGX_EXPOSURE_PERMISSION_BODY  4096


typedef struct {
    ngx_exposure_job_t   job;
    expo_id_t            user;           /* {user} of the path */
    expo_role_t          role;           /* wished; 0: as it is */
    uint64_t             expires_at;     /* wished, if it has one */
    unsigned             ends:1;         /* another end is wished */
    unsigned             changed:1;      /* the role is another one now */
    unsigned             rotate:1;
} ngx_exposure_permission_t;


static ngx_exposure_permission_t *ngx_exposure_permission_create(
    ngx_http_request_t *r, ngx_exposure_ctx_t *ctx, ngx_exposure_work_pt work,
    ngx_exposure_answer_pt answer);
static void ngx_exposure_permission_list_work(ngx_exposure_job_t *job);
static json_t *ngx_exposure_permission_json(expo_permission_t *p,
    json_t *label);
static ngx_int_t ngx_exposure_permission_patch_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body);
static ngx_int_t ngx_exposure_permission_wish(ngx_exposure_permission_t *p,
    json_t *body);
static void ngx_exposure_permission_patch_work(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_permission_put(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_permission_change(
    ngx_exposure_permission_t *w, expo_permission_t *p, json_t **label);
static void ngx_exposure_permission_patch_settle(ngx_exposure_job_t *job);
static void ngx_exposure_permission_delete_work(ngx_exposure_job_t *job);
static void ngx_exposure_permission_delete_settle(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_permission_delete_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);
static void ngx_exposure_permission_leave_work(ngx_exposure_job_t *job);
static void ngx_exposure_permission_rotate_work(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_permission_renew(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_permission_find(ngx_exposure_job_t *job,
    expo_id_t *user, expo_permission_t *found);


ngx_int_t
ngx_exposure_permission_list(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_permission_t  *p;

    p = ngx_exposure_permission_create(r, ctx,
                                       ngx_exposure_permission_list_work,
                                       ngx_exposure_job_answer);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_job_run(r, &p->job);
}


ngx_int_t
ngx_exposure_permission_patch(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_body_read(r, ctx, NGX_EXPOSURE_PERMISSION_BODY,
                                  ngx_exposure_permission_patch_body);
}


ngx_int_t
ngx_exposure_permission_delete(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_str_t                   value;
    ngx_exposure_permission_t  *p;

    p = ngx_exposure_permission_create(r, ctx,
                                       ngx_exposure_permission_delete_work,
                                       ngx_exposure_permission_delete_answer);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p->job.settle = ngx_exposure_permission_delete_settle;

    p->rotate = ngx_http_arg(r, (u_char *) "rotate", 6, &value) == NGX_OK
                && value.len == 4
                && ngx_strncmp(value.data, "true", 4) == 0;

    return ngx_exposure_job_run(r, &p->job);
}


ngx_int_t
ngx_exposure_permission_leave(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_permission_t  *p;

    ngx_exposure_user_id(ctx->tag, &ctx->user);

    p = ngx_exposure_permission_create(r, ctx,
                                       ngx_exposure_permission_leave_work,
                                       ngx_exposure_job_answer);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p->job.settle = ngx_exposure_permission_delete_settle;

    return ngx_exposure_job_run(r, &p->job);
}


static ngx_exposure_permission_t *
ngx_exposure_permission_create(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    ngx_exposure_work_pt work, ngx_exposure_answer_pt answer)
{
    ngx_exposure_permission_t  *p;

    p = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_permission_t),
                                work, answer);
    if (p) {
        p->user = ctx->user;
    }

    return p;
}


static void
ngx_exposure_permission_list_work(ngx_exposure_job_t *job)
{
    size_t                i, n;
    json_t               *list;
    expo_lease_t          lease;
    expo_permission_t    *ps;
    ngx_exposure_meta_t  *labels;

    job->st = ngx_exposure_job_key(job, &lease);
    if (job->st != EXPO_OK) {
        return;
    }

    job->st = expo_store_permissions(job->conf->store, &job->id,
                                     (uint64_t) time(NULL), &ps, &n);
    if (job->st != EXPO_OK) {
        return;
    }

    labels = calloc(n + 1, sizeof(ngx_exposure_meta_t));
    list = json_array();

    if (labels == NULL) {
        job->st = EXPO_NO_MEMORY;
        goto done;
    }

    for (i = 0; i < n; i++) {
        ngx_exposure_share_label(&labels[i], &lease, &ps[i].label_id,
                                 ps[i].label_enc, ps[i].label_bytes);
    }

    job->st = ngx_exposure_metas_open(job->conf, labels, n);

    for (i = 0; i < n; i++) {
        json_array_append_new(list,
                       ngx_exposure_permission_json(&ps[i], labels[i].json));
        json_decref(labels[i].json);
    }

    job->json = json_pack("{s:O}", "permissions", list);

done:

    for (i = 0; i < n; i++) {
        expo_store_permission_free(&ps[i]);
    }

    json_decref(list);
    free(labels);
    free(ps);
    ngx_explicit_memzero(&lease, sizeof(lease));
}


static json_t *
ngx_exposure_permission_json(expo_permission_t *p, json_t *label)
{
    char        id[EXPO_ID_TEXT + 1], since[EXPO_MOMENT_TEXT + 1];
    json_t     *json;
    expo_id_t   user;

    ngx_exposure_user_id(p->tag, &user);
    expo_id_print(id, &user);
    expo_moment_print(since, (uint64_t) p->since_day * 86400);
    since[sizeof("YYYY-MM-DD") - 1] = '\0';

    json = json_pack("{s:s, s:s, s:s, s:s}", "user", id,
                     "role", ngx_exposure_share_role_name(p->role),
                     "label", ngx_exposure_share_text(label),
                     "since", since);

    ngx_exposure_share_moment(json, "expires", p->expires_at);

    return json;
}


/* --- another role, another end, another label --- */

static ngx_int_t
ngx_exposure_permission_patch_body(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, json_t *body)
{
    ngx_exposure_permission_t  *p;

    p = ngx_exposure_permission_create(r, ctx,
                                       ngx_exposure_permission_patch_work,
                                       ngx_exposure_job_answer);
    if (p == NULL) {
        json_decref(body);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p->job.body = body;
    p->job.settle = ngx_exposure_permission_patch_settle;

    if (ngx_exposure_permission_wish(p, body) != NGX_OK) {
        ngx_exposure_job_drop(&p->job);
        return ngx_exposure_reply_error(r, EXPO_INVALID,
                   "A role (editor or viewer), expires (a moment to come, or "
                   "null) or a label of 1 to 200 characters (or null) is "
                   "needed.");
    }

    return ngx_exposure_job_run(r, &p->job);
}


static ngx_int_t
ngx_exposure_permission_wish(ngx_exposure_permission_t *p, json_t *body)
{
    size_t   known;
    json_t  *role, *expires, *label;

    role = json_object_get(body, "role");
    expires = json_object_get(body, "expires");
    label = json_object_get(body, "label");

    known = (role ? 1 : 0) + (expires ? 1 : 0) + (label ? 1 : 0);

    if (known == 0 || known != json_object_size(body)) {
        return NGX_ERROR;
    }

    if (role && ngx_exposure_share_role(role, &p->role) != NGX_OK) {
        return NGX_ERROR;
    }

    if (expires && !json_is_null(expires)
        && ngx_exposure_share_until(expires, &p->expires_at) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (label && !json_is_null(label)
        && ngx_exposure_body_text(body, "label") == NULL)
    {
        return NGX_ERROR;
    }

    p->ends = expires != NULL;

    return NGX_OK;
}


static void
ngx_exposure_permission_patch_work(ngx_exposure_job_t *job)
{
    ngx_exposure_job_put(job, ngx_exposure_permission_put);
}


static expo_status_t
ngx_exposure_permission_put(ngx_exposure_job_t *job)
{
    ngx_exposure_permission_t *w = (ngx_exposure_permission_t *) job;

    u_char             was[EXPO_SEALED_KEY];
    json_t            *label;
    expo_role_t        role;
    expo_status_t      st;
    expo_permission_t  p;

    st = ngx_exposure_permission_find(job, &w->user, &p);
    if (st != EXPO_OK) {
        return st;
    }

    label = NULL;
    role = p.role;
    ngx_memcpy(was, p.sealed, sizeof(was));

    st = ngx_exposure_permission_change(w, &p, &label);

    if (st == EXPO_OK) {
        st = expo_store_permission_put(job->conf->store, &job->id, &p, was);
    }

    if (st == EXPO_OK) {
        w->changed = p.role != role;
        w->expires_at = p.expires_at;
        job->json = ngx_exposure_permission_json(&p, label);
    }

    json_decref(label);
    expo_store_permission_free(&p);

    return st;
}


/* The box is new in any case: by it the store sees who else changed it. */

static expo_status_t
ngx_exposure_permission_change(ngx_exposure_permission_t *w,
    expo_permission_t *p, json_t **label)
{
    json_t              *wish;
    expo_lease_t         lease;
    expo_status_t        st;
    expo_keys_box_t      box;
    expo_keys_user_t     u;
    ngx_exposure_job_t  *job;
    ngx_exposure_meta_t  meta;

    job = &w->job;

    if (w->role) {
        p->role = w->role;
    }

    if (w->ends) {
        p->expires_at = w->expires_at;
    }

    ngx_exposure_key_user(&u, &job->who, &job->found.user);
    ngx_exposure_key_box(&box, &job->found.scan);

    st = expo_keys_grant(job->conf->keys, &u, &box, p->tag, p->pk, p->role,
                         p->sealed);
    if (st != EXPO_OK) {
        return st;
    }

    st = ngx_exposure_job_key(job, &lease);
    if (st != EXPO_OK) {
        return st;
    }

    wish = json_object_get(job->body, "label");

    if (wish == NULL) {
        ngx_exposure_share_label(&meta, &lease, &p->label_id, p->label_enc,
                                 p->label_bytes);
        st = ngx_exposure_metas_open(job->conf, &meta, 1);
        *label = meta.json;

    } else {
        expo_store_permission_free(p);
        p->label_bytes = 0;
        st = ngx_exposure_share_seal(job->conf, &lease, &p->label_id, wish,
                                     &p->label_enc, &p->label_bytes, label);
    }

    ngx_explicit_memzero(&lease, sizeof(lease));

    return st;
}


static void
ngx_exposure_permission_patch_settle(ngx_exposure_job_t *job)
{
    ngx_exposure_permission_t *w = (ngx_exposure_permission_t *) job;

    if (job->st != EXPO_OK) {
        return;
    }

    if (w->changed) {
        ngx_exposure_session_revoke(&job->id, &w->user, EXPO_END_CHANGED);

    } else {
        ngx_exposure_session_permit(&job->id, &w->user, w->expires_at);
    }
}


/* --- taking it back, giving it up --- */

static void
ngx_exposure_permission_delete_work(ngx_exposure_job_t *job)
{
    ngx_exposure_permission_t *w = (ngx_exposure_permission_t *) job;

    expo_permission_t  p;

    job->st = ngx_exposure_permission_find(job, &w->user, &p);
    if (job->st != EXPO_OK) {
        return;
    }

    job->st = expo_store_permission_delete(job->conf->store, &job->id, p.tag);
    expo_store_permission_free(&p);
}


static void
ngx_exposure_permission_leave_work(ngx_exposure_job_t *job)
{
    if (job->found.scan.role == EXPO_ROLE_OWNER) {
        job->st = EXPO_DENIED;
        ngx_sprintf((u_char *) job->detail, "Its owner cannot leave a scan, "
                    "but can delete it.%Z");
        return;
    }

    job->st = expo_store_permission_delete(job->conf->store, &job->id,
                                           job->tag);
}


static void
ngx_exposure_permission_delete_settle(ngx_exposure_job_t *job)
{
    ngx_exposure_permission_t *w = (ngx_exposure_permission_t *) job;

    if (job->st == EXPO_OK) {
        ngx_exposure_session_revoke(&job->id, &w->user, EXPO_END_REVOKED);
    }
}


/* Taken back at once; the new key, which takes a while, comes after that. */

static ngx_int_t
ngx_exposure_permission_delete_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job)
{
    ngx_exposure_permission_t *w = (ngx_exposure_permission_t *) job;

    ngx_exposure_ctx_t         *ctx;
    ngx_exposure_permission_t  *p;

    if (job->st != EXPO_OK || !w->rotate) {
        return ngx_exposure_job_answer(r, job);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_exposure_module);

    p = ngx_exposure_permission_create(r, ctx,
                                       ngx_exposure_permission_rotate_work,
                                       ngx_exposure_job_answer);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p->job.verb = EXPO_AUDIT_KEY_ROTATE;

    return ngx_exposure_job_run(r, &p->job);
}


static void
ngx_exposure_permission_rotate_work(ngx_exposure_job_t *job)
{
    ngx_exposure_job_put(job, ngx_exposure_permission_renew);

    if (job->st != EXPO_OK) {
        ngx_sprintf((u_char *) job->detail, "The permission is taken back. "
                    "The scan keeps its old key: %s.%Z",
                    expo_status_name(job->st));
    }
}


static expo_status_t
ngx_exposure_permission_renew(ngx_exposure_job_t *job)
{
    expo_renew_t      renew;
    expo_keys_user_t  u;

    ngx_exposure_key_user(&u, &job->who, &job->found.user);

    renew.store = job->conf->store;
    renew.keys = job->conf->keys;
    renew.user = &u;
    renew.tag = job->tag;
    renew.now = (uint64_t) time(NULL);
    renew.random = ngx_exposure_random;

    return expo_renew_scan(&renew, &job->found.scan);
}


static expo_status_t
ngx_exposure_permission_find(ngx_exposure_job_t *job, expo_id_t *user,
    expo_permission_t *found)
{
    size_t              i, n;
    expo_id_t           id;
    expo_status_t       st;
    expo_permission_t  *ps;

    st = expo_store_permissions(job->conf->store, &job->id,
                                (uint64_t) time(NULL), &ps, &n);
    if (st != EXPO_OK) {
        return st;
    }

    st = EXPO_NOT_FOUND;

    for (i = 0; i < n; i++) {
        ngx_exposure_user_id(ps[i].tag, &id);

        if (st == EXPO_NOT_FOUND
            && ngx_memcmp(id.b, user->b, sizeof(id.b)) == 0)
        {
            *found = ps[i];
            st = EXPO_OK;

        } else {
            expo_store_permission_free(&ps[i]);
        }
    }

    free(ps);

    return st;
}
