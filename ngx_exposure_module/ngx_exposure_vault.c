/*
 * exposure-vault as this nginx worker knows it: whether it answers, the keys
 * that name users and vouch for tickets, and the built-in issuer's public keys.
 * It is greeted when the worker starts and then every second, in a pool thread.
 * While it is away what is open goes on, and what needs a key answers 503.
 */

#include "ngx_exposure_oidc.h"

#include <sodium.h>


#define NGX_EXPOSURE_VAULT_TICK  1000


typedef struct {
    ngx_exposure_main_conf_t  *conf;
    expo_keys_hello_t          hello;
    expo_status_t              st;
    expo_jwks_t               *jwks;       /* of hello.jwks */
} ngx_exposure_greeting_t;

typedef struct {
    char                       issuer[EXPO_ISS_MAX];
    size_t                     len;
    u_char                     json[];
} ngx_exposure_telling_t;


static void ngx_exposure_vault_greet(void *data);
static void ngx_exposure_vault_greeted(void *data);
static ngx_uint_t ngx_exposure_vault_changed(ngx_exposure_main_conf_t *mcf,
    expo_keys_hello_t *hello);
static void ngx_exposure_vault_issuer(ngx_exposure_main_conf_t *mcf,
    ngx_exposure_greeting_t *g);
static void ngx_exposure_vault_tick(ngx_event_t *ev);
static void ngx_exposure_vault_log(ngx_uint_t away, const char *why);
static void ngx_exposure_vault_tell_all(ngx_exposure_main_conf_t *mcf);
static void ngx_exposure_vault_telling(void *data);


static ngx_event_t       ngx_exposure_vault_timer;
static ngx_connection_t  ngx_exposure_vault_connection;

static ngx_uint_t        ngx_exposure_vault_started;
static ngx_uint_t        ngx_exposure_vault_greeting;  /* in the pool */
static ngx_uint_t        ngx_exposure_vault_away;
static u_char            ngx_exposure_vault_instance[8];
static char              ngx_exposure_vault_protects[16];


char *
ngx_exposure_vault_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_exposure_main_conf_t *mcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (mcf->keys) {
        return "is duplicate";
    }

    if (ngx_strncmp(value[1].data, "unix:/", 6) != 0
        || expo_keys_open(&mcf->keys, (char *) value[1].data + 5) != EXPO_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be unix:/path of exposure-vault",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


void
ngx_exposure_vault_start(ngx_cycle_t *cycle)
{
    ngx_exposure_greeting_t  *g;

    if (sodium_init() < 0) {
        return;
    }

    ngx_exposure_vault_started = 1;

    /* the first answer is waited for: without it nobody can be known */

    g = ngx_calloc(sizeof(ngx_exposure_greeting_t), cycle->log);

    if (g) {
        g->conf = ngx_exposure_main_conf();
        ngx_exposure_vault_greet(g);
        ngx_exposure_vault_greeted(g);
    }

    ngx_exposure_vault_connection.fd = (ngx_socket_t) -1;
    ngx_exposure_vault_timer.handler = ngx_exposure_vault_tick;
    ngx_exposure_vault_timer.data = &ngx_exposure_vault_connection;
    ngx_exposure_vault_timer.log = cycle->log;
    ngx_exposure_vault_timer.cancelable = 1;

    ngx_add_timer(&ngx_exposure_vault_timer, NGX_EXPOSURE_VAULT_TICK);
}


/* In a pool thread, but for the first time. */

static void
ngx_exposure_vault_greet(void *data)
{
    ngx_exposure_greeting_t *g = data;

    char            error[256];
    expo_masters_t  masters;

    g->st = expo_keys_hello(g->conf->keys, &g->hello);

    if (g->st == EXPO_OK && g->conf->names == NULL) {
        g->st = expo_store_masters(g->conf->store, &masters);

        if (g->st == EXPO_OK && masters.master_no != g->hello.master_no) {
            g->st = EXPO_CONFLICT;
        }
    }

    if (g->st == EXPO_OK && g->hello.jwks
        && expo_jwks_load(g->hello.jwks, ngx_strlen(g->hello.jwks), &g->jwks,
                          error, sizeof(error))
           != EXPO_OK)
    {
        g->jwks = NULL;
    }
}


static void
ngx_exposure_vault_greeted(void *data)
{
    ngx_exposure_greeting_t *g = data;

    ngx_exposure_main_conf_t  *mcf;

    ngx_exposure_vault_greeting = 0;
    mcf = ngx_exposure_main_conf();

    if (g->st != EXPO_OK) {
        ngx_exposure_vault_log(1, g->st == EXPO_CONFLICT
                               ? "its master secret is not the store's: "
                                 "see \"exposure-admin key status\""
                               : expo_status_name(g->st));

    } else if (mcf == g->conf && !ngx_exposure_vault_changed(mcf, &g->hello)) {
        ngx_exposure_vault_log(0, NULL);

        if (ngx_memcmp(ngx_exposure_vault_instance, g->hello.instance,
                       sizeof(g->hello.instance))
            != 0)
        {
            ngx_memcpy(ngx_exposure_vault_instance, g->hello.instance,
                       sizeof(g->hello.instance));
            ngx_memcpy(ngx_exposure_vault_protects, g->hello.protection,
                       sizeof(ngx_exposure_vault_protects));
            ngx_exposure_vault_issuer(mcf, g);
            ngx_exposure_vault_tell_all(mcf);
        }
    }

    expo_jwks_free(g->jwks);
    free(g->hello.jwks);
    ngx_explicit_memzero(g, sizeof(ngx_exposure_greeting_t));
    ngx_free(g);
}


/*
 * With another master secret everybody in the store would be somebody else.
 * Pool threads read the names, so that they never change.
 */

static ngx_uint_t
ngx_exposure_vault_changed(ngx_exposure_main_conf_t *mcf,
    expo_keys_hello_t *hello)
{
    expo_names_t  *names;

    if (mcf->names) {
        if (mcf->nnames == hello->nnames
            && ngx_memcmp(mcf->names, hello->names,
                          hello->nnames * sizeof(expo_names_t))
               == 0)
        {
            return 0;
        }

        ngx_exposure_vault_log(1, "its master secrets are other ones, restart "
                               "nginx if that is meant");
        return 1;
    }

    names = sodium_malloc(hello->nnames * sizeof(expo_names_t));
    if (names == NULL) {
        return 1;
    }

    ngx_memcpy(names, hello->names, hello->nnames * sizeof(expo_names_t));
    mcf->nnames = hello->nnames;
    mcf->master_no = hello->master_no;
    mcf->names = names;

    return 0;
}


static void
ngx_exposure_vault_issuer(ngx_exposure_main_conf_t *mcf,
    ngx_exposure_greeting_t *g)
{
    if (!mcf->accounts) {
        return;
    }

    if (g->jwks == NULL) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "exposure: exposure_accounts is on, but exposure-vault "
                      "has no --signing-key");
        return;
    }

    expo_trust_keys(mcf->trust, mcf->issuer_entry, g->jwks);
    g->jwks = NULL;

    free(mcf->jwks_json);
    mcf->jwks_json = g->hello.jwks;
    g->hello.jwks = NULL;
}


static void
ngx_exposure_vault_tick(ngx_event_t *ev)
{
    ngx_exposure_greeting_t  *g;

    ngx_add_timer(ev, NGX_EXPOSURE_VAULT_TICK);

    if (ngx_exposure_vault_greeting) {
        return;
    }

    g = ngx_calloc(sizeof(ngx_exposure_greeting_t), ev->log);
    if (g == NULL) {
        return;
    }

    g->conf = ngx_exposure_main_conf();

    if (ngx_exposure_task_post(ngx_exposure_vault_greet,
                               ngx_exposure_vault_greeted, g)
        != NGX_OK)
    {
        ngx_free(g);
        return;
    }

    ngx_exposure_vault_greeting = 1;
}


/* Once for each time that it goes and comes. */

static void
ngx_exposure_vault_log(ngx_uint_t away, const char *why)
{
    if (away == ngx_exposure_vault_away) {
        return;
    }

    ngx_exposure_vault_away = away;

    if (away) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "exposure: the vault is away: %s", why);
    } else {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "exposure: the vault is back");
    }
}


ngx_uint_t
ngx_exposure_vault_ready(void)
{
    return !ngx_exposure_vault_away;
}


const char *
ngx_exposure_vault_protection(void)
{
    return ngx_exposure_vault_protects;
}


void
ngx_exposure_vault_stop(ngx_exposure_main_conf_t *mcf)
{
    if (mcf->names) {
        sodium_memzero((void *) mcf->names,
                       mcf->nnames * sizeof(expo_names_t));
    }
}


/* --- other issuers' keys, which the vault judges by too --- */

void
ngx_exposure_vault_tell(const char *issuer, u_char *json, size_t len)
{
    expo_status_t              st;
    ngx_exposure_main_conf_t  *mcf;

    /* while the configuration is read nobody is told yet */

    if (!ngx_exposure_vault_started) {
        return;
    }

    mcf = ngx_exposure_main_conf();
    st = expo_keys_jwks(mcf->keys, issuer, json, len);

    if (st == EXPO_NOT_FOUND) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "exposure: the vault does not know \"%s\": start it "
                      "with --trust", issuer);

    } else if (st == EXPO_INVALID) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "exposure: the keys of \"%s\" are too large for the "
                      "vault", issuer);
    }
}


/* It has forgotten them all: it was started anew. */

static void
ngx_exposure_vault_tell_all(ngx_exposure_main_conf_t *mcf)
{
    ngx_uint_t                i;
    ngx_exposure_telling_t   *t;
    ngx_exposure_provider_t  *p;

    p = mcf->providers->elts;

    for (i = 0; i < mcf->providers->nelts; i++) {

        if (p[i].json == NULL) {
            continue;
        }

        t = malloc(sizeof(ngx_exposure_telling_t) + p[i].len);
        if (t == NULL) {
            continue;
        }

        (void) ngx_cpystrn((u_char *) t->issuer, p[i].issuer.data,
                           sizeof(t->issuer));
        ngx_memcpy(t->json, p[i].json, p[i].len);
        t->len = p[i].len;

        if (ngx_exposure_task_post(ngx_exposure_vault_telling, free, t)
            != NGX_OK)
        {
            free(t);
        }
    }
}


static void
ngx_exposure_vault_telling(void *data)
{
    ngx_exposure_telling_t *t = data;

    ngx_exposure_vault_tell(t->issuer, t->json, t->len);
}
