/*
 * Directives that need thought, and what is read before the fork: keys, the
 * issuer's public keys, the contracts. Bad configuration is one line.
 */

#include "ngx_exposure_rest.h"

#include <sodium.h>


#define NGX_EXPOSURE_CONF_FILE_MAX  65536


static char *ngx_exposure_conf_keys(ngx_conf_t *cf,
    ngx_exposure_main_conf_t *mcf);
static uint64_t ngx_exposure_conf_now(void);
static ngx_uint_t ngx_exposure_conf_beside(ngx_str_t *key, ngx_str_t *store);
static char *ngx_exposure_conf_issuer(ngx_conf_t *cf,
    ngx_exposure_main_conf_t *mcf);
static char *ngx_exposure_conf_schema(ngx_conf_t *cf, const char *name,
    expo_schema_t **schema, ngx_str_t *text);
static char *ngx_exposure_conf_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_uint_t secret, ngx_str_t *text);


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

    if (mcf->master_file.len == 0) {
        return ngx_exposure_conf_error(cf,
                                     "exposure_api needs exposure_master_key");
    }

    if (mcf->signing_file.len == 0 && mcf->providers->nelts == 0) {
        return ngx_exposure_conf_error(cf,
                     "exposure_api needs exposure_signing_key or "
                     "exposure_oidc");
    }

    if (mcf->signing_file.len
        && (mcf->issuer.len == 0 || mcf->audience.len == 0))
    {
        return ngx_exposure_conf_error(cf, "exposure_signing_key needs "
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

    rv = ngx_exposure_conf_keys(cf, mcf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

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
    sodium_free(mcf->vault);

    if (mcf->signing_pem.len) {
        ngx_explicit_memzero(mcf->signing_pem.data, mcf->signing_pem.len);
    }

    expo_trust_close(mcf->trust);

    if (mcf->settings_schema) {
        expo_schema_close(mcf->settings_schema);
    }

    if (mcf->messages_schema) {
        expo_schema_close(mcf->messages_schema);
    }
}


static char *
ngx_exposure_conf_keys(ngx_conf_t *cf, ngx_exposure_main_conf_t *mcf)
{
    char           error[256], *json;
    u_char         master[32];
    size_t         len;
    expo_status_t  st;

    error[0] = '\0';

    /* locked pages with guards around them, that no dump shows */

    if (sodium_init() < 0
        || (mcf->vault = sodium_malloc(sizeof(expo_vault_t))) == NULL)
    {
        return ngx_exposure_conf_error(cf, "no memory for the master key");
    }

    ngx_memzero(mcf->vault, sizeof(expo_vault_t));

    st = expo_vault_master_load(master, (char *) mcf->master_file.data,
                                error, sizeof(error));
    if (st != EXPO_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "exposure_master_key \"%V\" (%s): %s",
                           &mcf->master_file, expo_status_name(st), error);
        return NGX_CONF_ERROR;
    }

    st = expo_vault_start(mcf->vault, master, 1);
    ngx_explicit_memzero(master, sizeof(master));

    if (st != EXPO_OK || expo_keys_local(&mcf->keys, mcf->vault) != EXPO_OK) {
        return ngx_exposure_conf_error(cf, "no memory for the master key");
    }

    mcf->names = &mcf->vault->names;
    mcf->vault->trust = mcf->trust;
    mcf->vault->issuer = (char *) mcf->issuer.data;
    mcf->vault->audience = (char *) mcf->audience.data;
    mcf->vault->now = ngx_exposure_conf_now;
    mcf->vault->random = ngx_exposure_random;

    if (!mcf->key_beside_data
        && ngx_exposure_conf_beside(&mcf->master_file, &mcf->store_path))
    {
        return ngx_exposure_conf_error(cf, "exposure_master_key lies on the "
                     "file system of exposure_store, so that one stolen disk "
                     "opens every scan; move it, or for a demo set "
                     "exposure_key_beside_data on");
    }

    if (mcf->signing_file.len == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_exposure_conf_file(cf, &mcf->signing_file, 1, &mcf->signing_pem)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (expo_token_jwks((char *) mcf->signing_pem.data, mcf->signing_pem.len,
                        &json)
        != EXPO_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "exposure_signing_key \"%V\" is no RSA private key "
                           "in PEM", &mcf->signing_file);
        return NGX_CONF_ERROR;
    }

    len = ngx_strlen(json);

    mcf->jwks_json.data = ngx_pnalloc(cf->pool, len + 1);
    if (mcf->jwks_json.data) {
        mcf->jwks_json.len = len;
        ngx_memcpy(mcf->jwks_json.data, json, len + 1);
    }

    free(json);

    mcf->accounts = 1;
    mcf->vault->pem = (char *) mcf->signing_pem.data;
    mcf->vault->pem_bytes = mcf->signing_pem.len;

    return mcf->jwks_json.data ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static uint64_t
ngx_exposure_conf_now(void)
{
    return (uint64_t) time(NULL);
}


/* The store need not be there yet: then its nearest folder counts. */

static ngx_uint_t
ngx_exposure_conf_beside(ngx_str_t *key, ngx_str_t *store)
{
    char         path[NGX_MAX_PATH], *p;
    struct stat  k, s;

    if (stat((char *) key->data, &k) == -1) {
        return 1;
    }

    (void) ngx_cpystrn((u_char *) path, store->data, sizeof(path));

    while (stat(path, &s) == -1) {
        p = strrchr(path, '/');

        if (p == NULL) {
            return 1;
        }

        /* the last one is the root */
        p[p == path && path[1] != '\0'] = '\0';
    }

    return k.st_dev == s.st_dev;
}


static char *
ngx_exposure_conf_issuer(ngx_conf_t *cf, ngx_exposure_main_conf_t *mcf)
{
    char          error[256];
    size_t        entry;
    expo_jwks_t  *keys;

    if (mcf->jwks_json.len == 0) {
        return NGX_CONF_OK;
    }

    if (expo_trust_add(mcf->trust, (char *) mcf->issuer.data,
                       (char *) mcf->audience.data, &entry)
        != EXPO_OK
        || expo_jwks_load((char *) mcf->jwks_json.data, mcf->jwks_json.len,
                          &keys, error, sizeof(error))
           != EXPO_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "exposure_issuer \"%V\" cannot be used",
                           &mcf->issuer);
        return NGX_CONF_ERROR;
    }

    expo_trust_keys(mcf->trust, entry, keys);

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


/* A secret must not be readable by its group or by others. */

static char *
ngx_exposure_conf_file(ngx_conf_t *cf, ngx_str_t *path, ngx_uint_t secret,
    ngx_str_t *text)
{
    char        *rv;
    ssize_t      n;
    ngx_fd_t     fd;
    struct stat  sb;

    fd = open((char *) path->data, O_RDONLY|O_CLOEXEC|O_NOCTTY);
    if (fd == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open \"%V\"", path);
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_ERROR;

    if (fstat(fd, &sb) == -1 || !S_ISREG(sb.st_mode) || sb.st_size == 0
        || sb.st_size > NGX_EXPOSURE_CONF_FILE_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be a file of 1 to %d bytes", path,
                           NGX_EXPOSURE_CONF_FILE_MAX);
        goto done;
    }

    if (secret && (sb.st_mode & 077)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" may be read by others, chmod 600 it", path);
        goto done;
    }

    /* who writes the issuer's public keys is the issuer */

    if ((sb.st_mode & 022) || (sb.st_uid != 0 && sb.st_uid != geteuid())) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" may be written by others than root and the "
                           "user who starts nginx", path);
        goto done;
    }

    text->data = ngx_pnalloc(cf->pool, (size_t) sb.st_size + 1);
    if (text->data == NULL) {
        goto done;
    }

    n = read(fd, text->data, (size_t) sb.st_size);
    if (n != sb.st_size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot read \"%V\"", path);
        goto done;
    }

    text->data[n] = '\0';
    text->len = n;
    rv = NGX_CONF_OK;

done:

    close(fd);

    return rv;
}
