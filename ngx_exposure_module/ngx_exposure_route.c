/*
 * A request finds its line in ngx_exposure_routes.h. A bearer token is judged
 * here, once, before any handler and before a byte of a body is read.
 */

#include "ngx_exposure_rest.h"


#define NGX_EXPOSURE_PREFIX  "/api/v1"


typedef enum {
    NGX_EXPOSURE_PLAIN,
    NGX_EXPOSURE_BODY,
    NGX_EXPOSURE_SOCKET
} ngx_exposure_kind_e;


typedef ngx_int_t (*ngx_exposure_handler_pt)(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx);


typedef struct {
    ngx_uint_t                 method;
    const char                *path;
    ngx_exposure_rule_e        rule;
    ngx_exposure_kind_e        kind;
    expo_audit_verb_t          verb;
    ngx_exposure_handler_pt    handler;
} ngx_exposure_route_t;


/* What stands for {id} and {user} in a path. */
typedef struct {
    ngx_str_t                  id;
    ngx_str_t                  user;
} ngx_exposure_names_t;


static u_char *ngx_exposure_route_log(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len);
static const ngx_exposure_route_t *ngx_exposure_route_find(ngx_http_request_t *r,
    ngx_exposure_names_t *names, ngx_uint_t *methods);
static ngx_uint_t ngx_exposure_route_verb(ngx_http_request_t *r);
static ngx_uint_t ngx_exposure_route_match(const char *pattern, u_char *p,
    u_char *last, ngx_exposure_names_t *names);
static ngx_int_t ngx_exposure_route_id(expo_id_t *id, ngx_str_t *text);
static ngx_int_t ngx_exposure_route_method(ngx_http_request_t *r,
    ngx_uint_t methods);
static ngx_int_t ngx_exposure_route_unauthorized(ngx_http_request_t *r,
    ngx_int_t rc);
static void ngx_exposure_route_ready_work(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_route_ready_answer(ngx_http_request_t *r,
    ngx_exposure_job_t *job);


static const ngx_exposure_route_t  ngx_exposure_routes[] = {

#define ROUTE(method, path, rule, kind, verb, handler)                        \
    { NGX_HTTP_##method, path, NGX_EXPOSURE_##rule, NGX_EXPOSURE_##kind,      \
      EXPO_AUDIT_##verb, ngx_exposure_##handler },
#include "ngx_exposure_routes.h"
#undef ROUTE

    { 0, NULL, NGX_EXPOSURE_PUBLIC, NGX_EXPOSURE_PLAIN, EXPO_AUDIT_NONE, NULL }
};


/* api/openapi.yaml as JSON, linked in by the Makefile. */
extern u_char  _binary_openapi_json_start[];
extern u_char  _binary_openapi_json_end[];


ngx_int_t
ngx_exposure_route_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_uint_t                   methods;
    ngx_exposure_ctx_t          *ctx;
    ngx_exposure_names_t         names;
    const ngx_exposure_route_t  *route;

    if (r != r->main) {
        return NGX_HTTP_NOT_FOUND;
    }

    r->log_handler = ngx_exposure_route_log;

    route = ngx_exposure_route_find(r, &names, &methods);

    /*
     * Chunks without end are read past client_max_body_size here (nginx#1522),
     * but no longer than lingering_time: t/multipart.t.
     */

    if (route == NULL || route->kind != NGX_EXPOSURE_BODY) {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (route == NULL) {
        return methods ? ngx_exposure_route_method(r, methods)
                       : ngx_exposure_reply_error(r, EXPO_NOT_FOUND, NULL);
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_exposure_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->rule = route->rule;
    ctx->verb = route->verb;
    ngx_http_set_ctx(r, ctx, ngx_exposure_module);

    if (route->rule != NGX_EXPOSURE_PUBLIC
        && route->kind != NGX_EXPOSURE_SOCKET)
    {
        rc = ngx_exposure_auth_bearer(r, ctx);

        if (rc != NGX_OK) {
            return ngx_exposure_route_unauthorized(r, rc);
        }
    }

    if (ngx_exposure_route_id(&ctx->id, &names.id) != NGX_OK
        || ngx_exposure_route_id(&ctx->user, &names.user) != NGX_OK)
    {
        return ngx_exposure_reply_error(r, EXPO_NOT_FOUND, NULL);
    }

    return route->handler(r, ctx);
}


/* What the error log says of a request: nginx's own has query and Referer. */

static u_char *
ngx_exposure_route_log(ngx_http_request_t *r, ngx_http_request_t *sr,
    u_char *buf, size_t len)
{
    u_char     *query;
    ngx_str_t   path;

    path = r->unparsed_uri;
    query = ngx_strlchr(path.data, path.data + path.len, '?');

    if (query) {
        path.len = query - path.data;
    }

    return ngx_snprintf(buf, len, ", request: \"%V %V\"", &r->method_name,
                        &path);
}


/* NULL, and in methods what the path would take, if it is known at all. */

static const ngx_exposure_route_t *
ngx_exposure_route_find(ngx_http_request_t *r, ngx_exposure_names_t *names,
    ngx_uint_t *methods)
{
    u_char                      *p, *last;
    ngx_uint_t                   method;
    const ngx_exposure_route_t  *route;

    *methods = 0;

    p = r->uri.data + sizeof(NGX_EXPOSURE_PREFIX) - 1;
    last = r->uri.data + r->uri.len;

    if (r->uri.len < sizeof(NGX_EXPOSURE_PREFIX) - 1
        || ngx_strncmp(r->uri.data, NGX_EXPOSURE_PREFIX,
                       sizeof(NGX_EXPOSURE_PREFIX) - 1)
           != 0)
    {
        return NULL;
    }

    method = ngx_exposure_route_verb(r);

    for (route = ngx_exposure_routes; route->path; route++) {

        if (!ngx_exposure_route_match(route->path, p, last, names)) {
            continue;
        }

        if (route->method == method
            || (method == NGX_HTTP_HEAD && route->method == NGX_HTTP_GET
                && route->kind != NGX_EXPOSURE_SOCKET))
        {
            return route;
        }

        *methods |= route->method;
    }

    return NULL;
}


/*
 * What tus calls for: clients that can only POST say in a header what they
 * mean. Of use only with what has no POST of its own.
 */

static ngx_uint_t
ngx_exposure_route_verb(ngx_http_request_t *r)
{
    ngx_str_t  *value;

    value = NULL;

    if (r->method == NGX_HTTP_POST) {
        value = ngx_exposure_header(r, "x-http-method-override");
    }

    if (value && value->len == 5
        && ngx_strncmp(value->data, "PATCH", 5) == 0)
    {
        return NGX_HTTP_PATCH;
    }

    if (value && value->len == 6
        && ngx_strncmp(value->data, "DELETE", 6) == 0)
    {
        return NGX_HTTP_DELETE;
    }

    return r->method;
}


static ngx_uint_t
ngx_exposure_route_match(const char *pattern, u_char *p, u_char *last,
    ngx_exposure_names_t *names)
{
    ngx_str_t  *name;

    ngx_memzero(names, sizeof(ngx_exposure_names_t));

    while (*pattern) {

        if (*pattern == '{') {
            name = pattern[1] == 'i' ? &names->id : &names->user;
            name->data = p;

            while (p < last && *p != '/') {
                p++;
            }

            name->len = p - name->data;

            if (name->len == 0) {
                return 0;
            }

            pattern = strchr(pattern, '}') + 1;
            continue;
        }

        if (p == last || *p != (u_char) *pattern) {
            return 0;
        }

        p++;
        pattern++;
    }

    return p == last;
}


/* A path without it is right as well. */

static ngx_int_t
ngx_exposure_route_id(expo_id_t *id, ngx_str_t *text)
{
    if (text->len == 0
        || expo_id_parse(id, (char *) text->data, text->len) == EXPO_OK)
    {
        return NGX_OK;
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_exposure_route_method(ngx_http_request_t *r, ngx_uint_t methods)
{
    u_char      text[64], *p;
    ngx_uint_t  i;

    static const struct {
        ngx_uint_t   method;
        const char  *name;
    } names[] = {
        { NGX_HTTP_GET, "GET" },
        { NGX_HTTP_GET|NGX_HTTP_HEAD, "HEAD" },
        { NGX_HTTP_POST, "POST" },
        { NGX_HTTP_PATCH, "PATCH" },
        { NGX_HTTP_DELETE, "DELETE" },
        { NGX_HTTP_OPTIONS, "OPTIONS" }
    };

    p = text;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (methods & names[i].method) {
            p = ngx_sprintf(p, "%s, ", names[i].name);
        }
    }

    if (ngx_exposure_reply_header(r, "Allow", text, p - text - 2) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_reply_problem(r, NGX_HTTP_NOT_ALLOWED, "method",
                                      "This cannot be done here.");
}


static ngx_int_t
ngx_exposure_route_unauthorized(ngx_http_request_t *r, ngx_int_t rc)
{
    if (rc == NGX_AGAIN) {
        return ngx_exposure_reply_busy(r, 1);
    }

    if (ngx_exposure_reply_header(r, "WWW-Authenticate", (u_char *) "Bearer",
                                  6)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_ABORT) {
        return ngx_exposure_reply_problem(r, NGX_HTTP_UNAUTHORIZED, "expired",
                                  "Your sign-in has ended. Sign in again.");
    }

    return ngx_exposure_reply_problem(r, NGX_HTTP_UNAUTHORIZED,
                                      "unauthorized", "Sign in first.");
}


ngx_int_t
ngx_exposure_route_healthz(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_reply_json(r, NGX_HTTP_OK,
                                   json_pack("{s:s}", "status", "ok"));
}


ngx_int_t
ngx_exposure_route_readyz(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_job_t  *job;

    job = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_job_t),
                                  ngx_exposure_route_ready_work,
                                  ngx_exposure_route_ready_answer);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_job_run(r, job);
}


static void
ngx_exposure_route_ready_work(ngx_exposure_job_t *job)
{
    expo_user_t  user;

    /* nobody has the tag of zeros: a question that costs one look-up */
    job->st = expo_store_user(job->conf->store, job->tag, &user);
}


static ngx_int_t
ngx_exposure_route_ready_answer(ngx_http_request_t *r, ngx_exposure_job_t *job)
{
    const char  *status, *protection;

    status = "ok";
    protection = ngx_exposure_vault_protection();

    if (job->st != EXPO_OK && job->st != EXPO_NOT_FOUND) {
        status = "store";

    } else if (!ngx_exposure_vault_ready()) {
        status = "vault";

    } else if (!ngx_exposure_control_ready()) {
        status = "worker";
    }

    return ngx_exposure_reply_json(r,
                            *status == 'o' ? NGX_HTTP_OK
                                           : NGX_HTTP_SERVICE_UNAVAILABLE,
                            json_pack("{s:s, s:s*}", "status", status,
                                      "key_protection",
                                      *protection ? protection : NULL));
}


ngx_int_t
ngx_exposure_route_openapi(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_reply_bytes(r, NGX_HTTP_OK, "application/json",
                                    _binary_openapi_json_start,
                                    _binary_openapi_json_end
                                    - _binary_openapi_json_start, 1);
}


ngx_int_t
ngx_exposure_route_settings(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_exposure_module);

    return ngx_exposure_reply_bytes(r, NGX_HTTP_OK, "application/schema+json",
                                    mcf->settings_json.data,
                                    mcf->settings_json.len, 1);
}


ngx_int_t
ngx_exposure_route_messages(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_exposure_module);

    return ngx_exposure_reply_bytes(r, NGX_HTTP_OK, "application/schema+json",
                                    mcf->messages_json.data,
                                    mcf->messages_json.len, 1);
}
