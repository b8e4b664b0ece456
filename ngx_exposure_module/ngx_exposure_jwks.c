/*
 * The key sets of other issuers, kept fresh. One that lies in a file is read
 * again when the file has changed. One that a location brings is fetched by one
 * nginx worker, as lib/refresh.h says when, and handed to the others through the
 * zone. Files and JSON are read in pool threads; no request waits for any of it.
 */

#include "ngx_exposure_oidc.h"

#include "lib/jwks.h"


#define NGX_EXPOSURE_JWKS_TICK  1000
#define NGX_EXPOSURE_JWKS_FILE  5       /* ticks between two looks at files */


/* A set on its way. The provider is found by its issuer when it is here. */
typedef struct {
    char          issuer[EXPO_ISS_MAX];
    char         *path;                    /* of the file, or NULL */
    uid_t         owner;                   /* whom it may belong to, but root */
    uint64_t      stamp;                   /* of the file, as it was known */
    u_char       *json;
    size_t        len;
    uint32_t      version;                 /* of the zone's set; 0: a newer */
    expo_jwks_t  *keys;
    char          error[256];
} ngx_exposure_jwks_t;


static ngx_exposure_jwks_t *ngx_exposure_jwks_new(ngx_exposure_provider_t *p);
static void ngx_exposure_jwks_free(ngx_exposure_jwks_t *j);
static ngx_exposure_provider_t *ngx_exposure_jwks_provider(
    ngx_exposure_jwks_t *j);
static void ngx_exposure_jwks_tick(ngx_event_t *ev);
static void ngx_exposure_jwks_look(ngx_exposure_provider_t *p,
    ngx_uint_t starting);
static void ngx_exposure_jwks_look_file(ngx_exposure_provider_t *p);
static void ngx_exposure_jwks_fetched(void *data, u_char *body, size_t len,
    const char *why);
static void ngx_exposure_jwks_read(void *data);
static void ngx_exposure_jwks_parse(void *data);
static void ngx_exposure_jwks_keep(ngx_exposure_provider_t *p,
    ngx_exposure_jwks_t *j);
static void ngx_exposure_jwks_done(void *data);
static void ngx_exposure_jwks_failed(ngx_exposure_jwks_t *j);
static void ngx_exposure_jwks_publish(ngx_exposure_jwks_t *j);


/* Who started nginx: before its workers became somebody else. */
static uid_t             ngx_exposure_jwks_owner;

static ngx_event_t       ngx_exposure_jwks_timer;
static ngx_connection_t  ngx_exposure_jwks_connection;


char *
ngx_exposure_oidc_load(ngx_conf_t *cf, ngx_exposure_main_conf_t *mcf)
{
    ngx_uint_t                i;
    expo_status_t             st;
    ngx_exposure_jwks_t      *j;
    ngx_exposure_provider_t  *p;

    p = mcf->providers->elts;
    ngx_exposure_jwks_owner = geteuid();

    for (i = 0; i < mcf->providers->nelts; i++) {

        st = expo_trust_add(mcf->trust, (char *) p[i].issuer.data,
                            (char *) p[i].audience.data, &p[i].entry);
        if (st != EXPO_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               st == EXPO_CONFLICT
                               ? "issuer \"%V\" is there twice"
                               : "issuer \"%V\" is one too many",
                               &p[i].issuer);
            return NGX_CONF_ERROR;
        }

        if (p[i].jwks_file.len == 0) {
            continue;
        }

        j = ngx_exposure_jwks_new(&p[i]);
        if (j == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_exposure_jwks_read(j);

        if (j->keys == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "keys of \"%V\": %s",
                               &p[i].issuer, j->error);
            ngx_exposure_jwks_free(j);
            return NGX_CONF_ERROR;
        }

        expo_trust_keys(mcf->trust, p[i].entry, j->keys);
        ngx_exposure_jwks_keep(&p[i], j);
        p[i].stamp = j->stamp;
        j->keys = NULL;
        ngx_exposure_jwks_free(j);
    }

    return NGX_CONF_OK;
}


void
ngx_exposure_oidc_start(ngx_cycle_t *cycle)
{
    ngx_uint_t                 i;
    ngx_exposure_provider_t   *p;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_exposure_main_conf();
    p = mcf->providers->elts;

    if (mcf->providers->nelts == 0) {
        return;
    }

    for (i = 0; i < mcf->providers->nelts; i++) {
        if (p[i].jwks_uri.len) {
            ngx_exposure_jwks_look(&p[i], 1);
        }
    }

    ngx_exposure_jwks_connection.fd = (ngx_socket_t) -1;
    ngx_exposure_jwks_timer.handler = ngx_exposure_jwks_tick;
    ngx_exposure_jwks_timer.data = &ngx_exposure_jwks_connection;
    ngx_exposure_jwks_timer.log = cycle->log;
    ngx_exposure_jwks_timer.cancelable = 1;

    /* the first from the event loop, which is not there yet */
    ngx_add_timer(&ngx_exposure_jwks_timer, 1);
}


ngx_int_t
ngx_exposure_oidc_unknown(void)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_exposure_zone_t       *zone;
    ngx_exposure_set_t        *set;
    ngx_exposure_provider_t   *p;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_exposure_main_conf();
    zone = ngx_exposure_zone();
    p = mcf->providers->elts;
    rc = NGX_DECLINED;

    for (i = 0; i < mcf->providers->nelts; i++) {
        if (p[i].jwks_uri.len == 0) {
            continue;
        }

        ngx_exposure_zone_lock(zone);

        set = ngx_exposure_zone_set(zone, (char *) p[i].issuer.data);

        if (set->version != p[i].version
            || expo_refresh_want(&set->refresh, ngx_current_msec))
        {
            rc = NGX_AGAIN;
        }

        ngx_exposure_zone_unlock(zone);
    }

    if (rc == NGX_AGAIN) {
        ngx_add_timer(&ngx_exposure_jwks_timer, 1);
    }

    return rc;
}


static void
ngx_exposure_jwks_tick(ngx_event_t *ev)
{
    ngx_uint_t                 i;
    ngx_exposure_provider_t   *p;
    ngx_exposure_main_conf_t  *mcf;

    static ngx_uint_t          ticks;

    mcf = ngx_exposure_main_conf();
    p = mcf->providers->elts;

    for (i = 0; i < mcf->providers->nelts; i++) {

        if (p[i].jwks_uri.len) {
            ngx_exposure_jwks_look(&p[i], 0);

        } else if (ticks % NGX_EXPOSURE_JWKS_FILE == 0) {
            ngx_exposure_jwks_look_file(&p[i]);
        }
    }

    ticks++;
    ngx_add_timer(ev, NGX_EXPOSURE_JWKS_TICK);
}


/* Takes over what another process has fetched, or fetches it. */

static void
ngx_exposure_jwks_look(ngx_exposure_provider_t *p, ngx_uint_t starting)
{
    ngx_uint_t                 begin, over;
    ngx_exposure_jwks_t       *j;
    ngx_exposure_set_t        *set;
    ngx_exposure_zone_t       *zone;

    if (p->reading) {
        return;
    }

    j = ngx_exposure_jwks_new(p);
    if (j == NULL) {
        return;
    }

    zone = ngx_exposure_zone();
    begin = 0;

    ngx_exposure_zone_lock(zone);

    set = ngx_exposure_zone_set(zone, j->issuer);
    over = expo_refresh_over(&set->refresh, ngx_current_msec);

    if (!over && set->version != p->version) {
        j->json = malloc(set->len);

        if (j->json) {
            ngx_memcpy(j->json, set->json, set->len);
            j->len = set->len;
            j->version = set->version;
        }

    } else if (!starting) {
        begin = expo_refresh_begin(&set->refresh, ngx_current_msec);
    }

    ngx_exposure_zone_unlock(zone);

    if (over) {
        expo_trust_keys(ngx_exposure_main_conf()->trust, p->entry, NULL);
    }

    if (j->json && starting) {
        ngx_exposure_jwks_parse(j);
        ngx_exposure_jwks_done(j);

    } else if (j->json) {
        p->reading = 1;

        if (ngx_exposure_task_post(ngx_exposure_jwks_parse,
                                   ngx_exposure_jwks_done, j)
            != NGX_OK)
        {
            p->reading = 0;
            ngx_exposure_jwks_free(j);
        }

    } else if (!begin) {
        ngx_exposure_jwks_free(j);

    } else if (ngx_exposure_fetch(&p->jwks_uri, NGX_EXPOSURE_SET_MAX,
                                  ngx_exposure_jwks_fetched, j)
               != NGX_OK)
    {
        ngx_exposure_jwks_fetched(j, NULL, 0, "nginx cannot ask itself");
    }
}


static void
ngx_exposure_jwks_look_file(ngx_exposure_provider_t *p)
{
    ngx_exposure_jwks_t  *j;

    j = p->reading ? NULL : ngx_exposure_jwks_new(p);

    if (j == NULL) {
        return;
    }

    p->reading = 1;

    if (ngx_exposure_task_post(ngx_exposure_jwks_read, ngx_exposure_jwks_done,
                               j)
        != NGX_OK)
    {
        p->reading = 0;
        ngx_exposure_jwks_free(j);
    }
}


static void
ngx_exposure_jwks_fetched(void *data, u_char *body, size_t len,
    const char *why)
{
    ngx_exposure_jwks_t *j = data;

    j->json = body && len ? malloc(len) : NULL;

    if (j->json) {
        ngx_memcpy(j->json, body, len);
        j->len = len;

        if (ngx_exposure_task_post(ngx_exposure_jwks_parse,
                                   ngx_exposure_jwks_done, j)
            == NGX_OK)
        {
            return;
        }

        why = "too much is going on";
    }

    (void) ngx_cpystrn((u_char *) j->error,
                       (u_char *) (why ? why : "the answer is empty"),
                       sizeof(j->error));
    ngx_exposure_jwks_done(j);
}


/*
 * Whoever writes the issuer's public keys is the issuer. keys and error stay
 * empty when the file is as it was.
 */

static void
ngx_exposure_jwks_read(void *data)
{
    ngx_exposure_jwks_t *j = data;

    int          fd;
    uint64_t     stamp;
    struct stat  sb;

    fd = open(j->path, O_RDONLY|O_CLOEXEC|O_NOCTTY|O_NONBLOCK);

    if (fd == -1 || fstat(fd, &sb) == -1) {
        ngx_snprintf((u_char *) j->error, sizeof(j->error),
                     "cannot open \"%s\"%Z", j->path);
        goto done;
    }

    stamp = ((uint64_t) sb.st_mtim.tv_sec << 30) + (uint64_t) sb.st_mtim.tv_nsec
            + (uint64_t) sb.st_ino * 0x9e3779b97f4a7c15
            + (uint64_t) sb.st_size;

    if (stamp == j->stamp) {
        goto done;
    }

    j->stamp = stamp;

    if (!S_ISREG(sb.st_mode) || sb.st_size == 0
        || sb.st_size > EXPO_JWKS_BYTES_MAX)
    {
        ngx_snprintf((u_char *) j->error, sizeof(j->error),
                     "\"%s\" must be a file of 1 to %d bytes%Z", j->path,
                     EXPO_JWKS_BYTES_MAX);
        goto done;
    }

    if ((sb.st_mode & 022) || (sb.st_uid != 0 && sb.st_uid != j->owner)) {
        ngx_snprintf((u_char *) j->error, sizeof(j->error),
                     "\"%s\" may be written by others than root and the user "
                     "who starts nginx%Z", j->path);
        goto done;
    }

    j->len = (size_t) sb.st_size;
    j->json = malloc(j->len);

    if (j->json == NULL || read(fd, j->json, j->len) != (ssize_t) j->len) {
        ngx_snprintf((u_char *) j->error, sizeof(j->error),
                     "cannot read \"%s\"%Z", j->path);
        goto done;
    }

    ngx_exposure_jwks_parse(j);

done:

    if (fd != -1) {
        (void) close(fd);
    }
}


static void
ngx_exposure_jwks_parse(void *data)
{
    ngx_exposure_jwks_t *j = data;

    if (expo_jwks_load((char *) j->json, j->len, &j->keys, j->error,
                       sizeof(j->error))
        != EXPO_OK)
    {
        j->keys = NULL;
        return;
    }

    /* first, so that it knows what is going to count here */
    ngx_exposure_vault_tell(j->issuer, j->json, j->len);
}


/* For a vault that is started anew. */

static void
ngx_exposure_jwks_keep(ngx_exposure_provider_t *p, ngx_exposure_jwks_t *j)
{
    free(p->json);
    p->json = j->json;
    p->len = j->len;
    j->json = NULL;
}


/* In the event loop again: with keys, with an error, or with no news. */

static void
ngx_exposure_jwks_done(void *data)
{
    ngx_exposure_jwks_t *j = data;

    ngx_exposure_provider_t  *p;

    p = ngx_exposure_jwks_provider(j);

    if (p) {
        p->reading = 0;
        p->stamp = j->stamp;
    }

    if (p == NULL) {
        /* another configuration */

    } else if (j->keys) {

        if (j->path == NULL && j->version == 0) {
            ngx_exposure_jwks_publish(j);
        }

        expo_trust_keys(ngx_exposure_main_conf()->trust, p->entry, j->keys);
        ngx_exposure_jwks_keep(p, j);
        p->version = j->version;
        p->silent = 0;
        j->keys = NULL;

    } else if (j->error[0]) {

        if (!p->silent) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "exposure: no new keys of %V: %s",
                          &p->issuer, j->error);
        }

        p->silent = 1;
        ngx_exposure_jwks_failed(j);
    }

    ngx_exposure_jwks_free(j);
}


static void
ngx_exposure_jwks_failed(ngx_exposure_jwks_t *j)
{
    ngx_exposure_zone_t  *zone;

    if (j->path || j->version) {
        return;
    }

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    expo_refresh_end(&ngx_exposure_zone_set(zone, j->issuer)->refresh,
                     ngx_current_msec, 0);
    ngx_exposure_zone_unlock(zone);
}


/* For the other processes. */

static void
ngx_exposure_jwks_publish(ngx_exposure_jwks_t *j)
{
    ngx_exposure_set_t   *set;
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);

    set = ngx_exposure_zone_set(zone, j->issuer);
    expo_refresh_end(&set->refresh, ngx_current_msec, 1);

    (void) ngx_exposure_zone_set_put(set, j->json, j->len);
    j->version = set->version;

    ngx_exposure_zone_unlock(zone);
}


static ngx_exposure_jwks_t *
ngx_exposure_jwks_new(ngx_exposure_provider_t *p)
{
    ngx_exposure_jwks_t  *j;

    j = ngx_calloc(sizeof(ngx_exposure_jwks_t), ngx_cycle->log);
    if (j == NULL) {
        return NULL;
    }

    (void) ngx_cpystrn((u_char *) j->issuer, p->issuer.data,
                       sizeof(j->issuer));
    j->owner = ngx_exposure_jwks_owner;
    j->stamp = p->stamp;

    if (p->jwks_file.len) {
        j->path = strdup((char *) p->jwks_file.data);

        if (j->path == NULL) {
            ngx_free(j);
            return NULL;
        }
    }

    return j;
}


static void
ngx_exposure_jwks_free(ngx_exposure_jwks_t *j)
{
    expo_jwks_free(j->keys);
    free(j->json);
    free(j->path);
    ngx_free(j);
}


static ngx_exposure_provider_t *
ngx_exposure_jwks_provider(ngx_exposure_jwks_t *j)
{
    ngx_uint_t                 i;
    ngx_exposure_provider_t   *p;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_exposure_main_conf();
    p = mcf->providers->elts;

    for (i = 0; i < mcf->providers->nelts; i++) {
        if (ngx_strcmp(p[i].issuer.data, j->issuer) == 0) {
            return &p[i];
        }
    }

    return NULL;
}
