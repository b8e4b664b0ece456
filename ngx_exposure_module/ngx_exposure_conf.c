/*
 * Directives that need thought, and what is read before the fork: the
 * contracts. Bad configuration is one line.
 */

#include "ngx_exposure_rest.h"

#include <sodium.h>


static char *ngx_exposure_conf_issuer(ngx_conf_t *cf,
    ngx_exposure_main_conf_t *mcf);
static char *ngx_exposure_conf_schema(ngx_conf_t *cf, const char *name,
    expo_schema_t **schema, ngx_str_t *text);


char *
ngx_exposure_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_exposure_main_conf_t *mcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (mcf->zone) {
        return "is duplicate";
    }

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR || size < (ssize_t) (1024 * 1024)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone size \"%V\" must be at least 1m", &value[2]);
        return NGX_CONF_ERROR;
    }

    mcf->zone = ngx_shared_memory_add(cf, &value[1], size,
                                      &ngx_exposure_module);
    if (mcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->zone->init = ngx_exposure_zone_init;

    return NGX_CONF_OK;
}


char *
ngx_exposure_conf_worker(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_exposure_main_conf_t *mcf = conf;

    ngx_url_t    u;
    ngx_str_t   *value;
    ngx_addr_t  *addr;

    value = cf->args->elts;

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = value[1];
    u.no_resolve = 1;

    if (ngx_strncmp(value[1].data, "unix:/", 6) != 0
        || ngx_parse_url(cf->pool, &u) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be unix:/path of a render-worker",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    addr = ngx_array_push(mcf->workers);
    if (addr == NULL) {
        return NGX_CONF_ERROR;
    }

    *addr = u.addrs[0];

    return NGX_CONF_OK;
}


char *
ngx_exposure_conf_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_exposure_main_conf_t *mcf = conf;

    u_char     *host;
    ngx_str_t  *value, *origin;

    value = cf->args->elts;

    host = (u_char *) ngx_strstr(value[1].data, "://");

    if (host == NULL
        || (ngx_strncmp(value[1].data, "https:", 6) != 0
            && ngx_strncmp(value[1].data, "http:", 5) != 0)
        || host[3] == '\0'
        || strpbrk((char *) host + 3, "/?#*$ ") != NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be an origin: scheme://host[:port]",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    origin = ngx_array_push(mcf->origins);
    if (origin == NULL) {
        return NGX_CONF_ERROR;
    }

    *origin = value[1];

    return NGX_CONF_OK;
}


char *
ngx_exposure_conf_path(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *path = data;

    if (path->len < 2 || path->data[0] != '/'
        || ngx_strstr(path->data, "/../") != NULL
        || (path->len > 2
            && ngx_strcmp(path->data + path->len - 3, "/..") == 0))
    {
        return "must be an absolute path";
    }

    return ngx_exposure_conf_plain(cf, post, data);
}


char *
ngx_exposure_conf_plain(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *text = data;

    size_t  i;

    if (text->len == 0) {
        return "must not be empty";
    }

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < 0x20 || text->data[i] == '$') {
            return "must be plain text without variables";
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_exposure_conf_error(ngx_conf_t *cf, const char *error)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", error);

    return NGX_CONF_ERROR;
}


char *
ngx_exposure_conf_complete(ngx_conf_t *cf, ngx_exposure_main_conf_t *mcf)
{
    if (mcf->zone == NULL) {
        return ngx_exposure_conf_error(cf, "exposure_api needs exposure_zone");
    }

    if (mcf->store_path.len == 0) {
        return ngx_exposure_conf_error(cf, "exposure_api needs exposure_store");
    }

    if (mcf->keys == NULL) {
        return ngx_exposure_conf_error(cf, "exposure_api needs exposure_vault");
    }

    if (!mcf->accounts && mcf->providers->nelts == 0) {
        return ngx_exposure_conf_error(cf,
                     "exposure_api needs exposure_accounts on or "
                     "exposure_oidc");
    }

    if (mcf->accounts && (mcf->issuer.len == 0 || mcf->audience.len == 0)) {
        return ngx_exposure_conf_error(cf, "exposure_accounts needs "
                                  "exposure_issuer and exposure_audience");
    }

    if (mcf->max_upload <= 0 || mcf->quota <= 0) {
        return ngx_exposure_conf_error(cf,
                     "exposure_max_upload and exposure_quota must be above 0");
    }

    if (mcf->upload_expires < 1 || mcf->upload_expires > 30 * 86400) {
        return ngx_exposure_conf_error(cf,
                      "exposure_upload_expires must be from 1s to 30d");
    }

    if (mcf->token_lifetime < 60 || mcf->token_lifetime > 86400) {
        return ngx_exposure_conf_error(cf,
                      "exposure_token_lifetime must be from 1m to 1d");
    }

    return NGX_CONF_OK;
}


char *
ngx_exposure_conf_load(ngx_conf_t *cf, ngx_exposure_main_conf_t *mcf)
{
    char  *rv;

    rv = ngx_exposure_conf_issuer(cf, mcf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_exposure_conf_schema(cf, "settings", &mcf->settings_schema,
                                  &mcf->settings_json);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_exposure_conf_schema(cf, "messages", &mcf->messages_schema,
                                    &mcf->messages_json);
}


void
ngx_exposure_conf_cleanup(void *data)
{
    ngx_exposure_main_conf_t *mcf = data;

    expo_keys_close(mcf->keys);
    expo_trust_close(mcf->trust);

    if (mcf->settings_schema) {
        expo_schema_close(mcf->settings_schema);
    }

    if (mcf->messages_schema) {
        expo_schema_close(mcf->messages_schema);
    }
}


/* Its keys come with the vault's first answer. */

static char *
ngx_exposure_conf_issuer(ngx_conf_t *cf, ngx_exposure_main_conf_t *mcf)
{
    if (mcf->accounts
        && expo_trust_add(mcf->trust, (char *) mcf->issuer.data,
                          (char *) mcf->audience.data, &mcf->issuer_entry)
           != EXPO_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "exposure_issuer \"%V\" cannot be used",
                           &mcf->issuer);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_exposure_conf_schema(ngx_conf_t *cf, const char *name,
    expo_schema_t **schema, ngx_str_t *text)
{
    size_t         len;
    const json_t  *json;

    if (expo_schema_open(name, schema) != EXPO_OK) {
        *schema = NULL;
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the %s schema cannot be read", name);
        return NGX_CONF_ERROR;
    }

    json = expo_schema_json(*schema);
    len = json_dumpb(json, NULL, 0, JSON_COMPACT);

    text->data = ngx_pnalloc(cf->pool, len);
    if (text->data == NULL) {
        return NGX_CONF_ERROR;
    }

    text->len = json_dumpb(json, (char *) text->data, len, JSON_COMPACT);

    return NGX_CONF_OK;
}
