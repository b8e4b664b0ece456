/* exposure_oidc: which other issuers there are, and what the portal is told. */

#include "ngx_exposure_oidc.h"


static char *ngx_exposure_oidc_parameter(ngx_conf_t *cf,
    ngx_exposure_provider_t *p, ngx_str_t *value);
static char *ngx_exposure_oidc_check(ngx_conf_t *cf,
    ngx_exposure_provider_t *p);
static ngx_uint_t ngx_exposure_oidc_is_url(ngx_str_t *url);
static size_t ngx_exposure_oidc_origin(ngx_str_t *issuer);
static ngx_int_t ngx_exposure_oidc_origins(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static json_t *ngx_exposure_oidc_text(ngx_str_t *text);


char *
ngx_exposure_oidc_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_exposure_main_conf_t *mcf = conf;

    char                     *rv;
    ngx_str_t                *value;
    ngx_uint_t                i;
    ngx_exposure_provider_t  *p;

    p = ngx_array_push(mcf->providers);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(p, sizeof(ngx_exposure_provider_t));

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_exposure_conf_plain(cf, NULL, &value[i]) != NGX_CONF_OK) {
            return ngx_exposure_conf_error(cf, "exposure_oidc takes plain text "
                                           "without variables");
        }
    }

    p->issuer = value[1];

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_exposure_oidc_parameter(cf, p, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return ngx_exposure_oidc_check(cf, p);
}


static char *
ngx_exposure_oidc_parameter(ngx_conf_t *cf, ngx_exposure_provider_t *p,
    ngx_str_t *value)
{
    ngx_str_t   *dst;
    ngx_uint_t   i;

    static const struct {
        ngx_str_t  name;
        size_t     offset;
    } parameters[] = {
        /* the longer one first */
        { ngx_string("jwks=location:"),
          offsetof(ngx_exposure_provider_t, jwks_uri) },
        { ngx_string("jwks="), offsetof(ngx_exposure_provider_t, jwks_file) },
        { ngx_string("audience="),
          offsetof(ngx_exposure_provider_t, audience) },
        { ngx_string("client_id="),
          offsetof(ngx_exposure_provider_t, client_id) },
        { ngx_string("name="), offsetof(ngx_exposure_provider_t, name) },
        { ngx_string("scope="), offsetof(ngx_exposure_provider_t, scope) }
    };

    for (i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {

        if (value->len <= parameters[i].name.len
            || ngx_strncmp(value->data, parameters[i].name.data,
                           parameters[i].name.len)
               != 0)
        {
            continue;
        }

        dst = (ngx_str_t *) ((u_char *) p + parameters[i].offset);

        if (dst->len) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\"", value);
            return NGX_CONF_ERROR;
        }

        dst->data = value->data + parameters[i].name.len;
        dst->len = value->len - parameters[i].name.len;

        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"", value);

    return NGX_CONF_ERROR;
}


static char *
ngx_exposure_oidc_check(ngx_conf_t *cf, ngx_exposure_provider_t *p)
{
    if (!ngx_exposure_oidc_is_url(&p->issuer)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "exposure_oidc \"%V\" must be an issuer: "
                           "https://host[/path]", &p->issuer);
        return NGX_CONF_ERROR;
    }

    if (p->audience.len == 0
        || (p->jwks_file.len == 0) == (p->jwks_uri.len == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "exposure_oidc \"%V\" needs "
                           "audience= and one jwks=", &p->issuer);
        return NGX_CONF_ERROR;
    }

    if (p->jwks_uri.len
        && (p->jwks_uri.data[0] != '/' || p->jwks_uri.len > 1024
            || strpbrk((char *) p->jwks_uri.data, " ?#\x7f") != NULL))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "jwks=location:%V must be a location's path",
                           &p->jwks_uri);
        return NGX_CONF_ERROR;
    }

    if (p->jwks_file.len
        && ngx_exposure_conf_path(cf, NULL, &p->jwks_file) != NGX_CONF_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "jwks=%V must be an absolute path or "
                           "location:/path", &p->jwks_file);
        return NGX_CONF_ERROR;
    }

    if (p->name.len == 0) {
        p->name.data = (u_char *) ngx_strstr(p->issuer.data, "://") + 3;
        p->name.len = p->issuer.data + ngx_exposure_oidc_origin(&p->issuer)
                      - p->name.data;
    }

    if (p->scope.len == 0) {
        ngx_str_set(&p->scope, "openid");
    }

    return NGX_CONF_OK;
}


/* Of the characters that may stand in a Content-Security-Policy. */

static ngx_uint_t
ngx_exposure_oidc_is_url(ngx_str_t *url)
{
    size_t   i;
    u_char  *host;

    if (ngx_strncmp(url->data, "https://", 8) == 0) {
        host = url->data + 8;

    } else if (ngx_strncmp(url->data, "http://", 7) == 0) {
        host = url->data + 7;

    } else {
        return 0;
    }

    for (i = 0; i < url->len; i++) {
        if (!((url->data[i] >= 'a' && url->data[i] <= 'z')
              || (url->data[i] >= 'A' && url->data[i] <= 'Z')
              || (url->data[i] >= '0' && url->data[i] <= '9')
              || strchr("-._~:/%[]@", url->data[i]) != NULL))
        {
            return 0;
        }
    }

    return url->len < EXPO_ISS_MAX && *host != '\0' && *host != '/';
}


/* The length of scheme, host and port. */

static size_t
ngx_exposure_oidc_origin(ngx_str_t *issuer)
{
    u_char  *p, *last;

    last = issuer->data + issuer->len;
    p = (u_char *) ngx_strstr(issuer->data, "://") + 3;

    while (p < last && *p != '/') {
        p++;
    }

    return p - issuer->data;
}


ngx_int_t
ngx_exposure_oidc_variable(ngx_conf_t *cf)
{
    ngx_str_t             name = ngx_string("exposure_issuers");
    ngx_http_variable_t  *var;

    var = ngx_http_add_variable(cf, &name, 0);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_exposure_oidc_origins;

    return NGX_OK;
}


/* Where the portal may be sent, and asks for tokens. */

static ngx_int_t
ngx_exposure_oidc_origins(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    size_t                     len;
    u_char                    *last;
    ngx_uint_t                 i;
    ngx_exposure_provider_t   *p;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_exposure_module);
    p = mcf->providers->elts;
    len = 0;

    for (i = 0; i < mcf->providers->nelts; i++) {
        len += p[i].issuer.len + 1;
    }

    v->data = ngx_pnalloc(r->pool, len + 1);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    last = v->data;

    for (i = 0; i < mcf->providers->nelts; i++) {
        if (p[i].client_id.len) {
            last = ngx_sprintf(last, "%s%*s", last == v->data ? "" : " ",
                               ngx_exposure_oidc_origin(&p[i].issuer),
                               p[i].issuer.data);
        }
    }

    v->len = last - v->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


ngx_int_t
ngx_exposure_oidc_providers(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    json_t                    *list;
    ngx_uint_t                 i;
    ngx_exposure_provider_t   *p;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_exposure_module);
    p = mcf->providers->elts;
    list = json_array();

    for (i = 0; i < mcf->providers->nelts; i++) {
        if (p[i].client_id.len == 0) {
            continue;
        }

        (void) json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:o}",
                                "name", ngx_exposure_oidc_text(&p[i].name),
                                "issuer", ngx_exposure_oidc_text(&p[i].issuer),
                                "audience",
                                ngx_exposure_oidc_text(&p[i].audience),
                                "client_id",
                                ngx_exposure_oidc_text(&p[i].client_id),
                                "scope", ngx_exposure_oidc_text(&p[i].scope)));
    }

    return ngx_exposure_reply_json(r, NGX_HTTP_OK,
                                   json_pack("{s:b, s:o}", "accounts",
                                             (int) mcf->accounts,
                                             "providers", list));
}


static json_t *
ngx_exposure_oidc_text(ngx_str_t *text)
{
    return json_stringn((char *) text->data, text->len);
}
