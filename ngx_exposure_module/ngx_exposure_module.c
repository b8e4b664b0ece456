/* Directives, their checks, process start and end. */

#include "ngx_exposure_oidc.h"

#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>


#define NGX_EXPOSURE_EXPIRE  30000   /* ms between two looks */
#define NGX_EXPOSURE_REAP    20      /* looks, of which one is at all files */


typedef struct {
    ngx_flag_t  api;
} ngx_exposure_loc_conf_t;


static void *ngx_exposure_create_main_conf(ngx_conf_t *cf);
static char *ngx_exposure_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_exposure_create_loc_conf(ngx_conf_t *cf);
static char *ngx_exposure_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_exposure_init(ngx_conf_t *cf);
static ngx_int_t ngx_exposure_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_exposure_init_process(ngx_cycle_t *cycle);
static void ngx_exposure_reap(ngx_event_t *ev);
static void ngx_exposure_expire_work(void *data);
static void ngx_exposure_reap_work(void *data);
static void ngx_exposure_reap_done(void *data);
static void ngx_exposure_exit_process(ngx_cycle_t *cycle);
static ngx_exposure_main_conf_t *ngx_exposure_cycle_conf(ngx_cycle_t *cycle);
static void ngx_exposure_no_dump(void);

static char *ngx_exposure_api_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
#ifdef EXPOSURE_ECHO
static char *ngx_exposure_echo_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
#endif


static ngx_conf_post_t  ngx_exposure_path_post = { ngx_exposure_conf_path };
static ngx_conf_post_t  ngx_exposure_plain_post = { ngx_exposure_conf_plain };


static ngx_command_t  ngx_exposure_commands[] = {

    { ngx_string("exposure_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_exposure_conf_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("exposure_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_exposure_main_conf_t, store_path),
      &ngx_exposure_path_post },

    { ngx_string("exposure_vault"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_exposure_vault_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("exposure_accounts"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_exposure_main_conf_t, accounts),
      NULL },

    { ngx_string("exposure_oidc"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_exposure_oidc_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("exposure_issuer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_exposure_main_conf_t, issuer),
      &ngx_exposure_plain_post },

    { ngx_string("exposure_audience"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_exposure_main_conf_t, audience),
      &ngx_exposure_plain_post },

    { ngx_string("exposure_worker"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_exposure_conf_worker,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("exposure_origin"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_exposure_conf_origin,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("exposure_thread_pool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_exposure_main_conf_t, pool_name),
      &ngx_exposure_plain_post },

    { ngx_string("exposure_max_upload"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_exposure_main_conf_t, max_upload),
      NULL },

    { ngx_string("exposure_quota"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_exposure_main_conf_t, quota),
      NULL },

    { ngx_string("exposure_grace"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_exposure_main_conf_t, grace),
      NULL },

    { ngx_string("exposure_token_lifetime"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_exposure_main_conf_t, token_lifetime),
      NULL },

    { ngx_string("exposure_upload_expires"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_exposure_main_conf_t, upload_expires),
      NULL },

    { ngx_string("exposure_allow_debug_log"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_exposure_main_conf_t, debug_log),
      NULL },

    { ngx_string("exposure_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_exposure_api_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

#ifdef EXPOSURE_ECHO
    { ngx_string("exposure_echo"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_exposure_echo_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },
#endif

      ngx_null_command
};


static ngx_http_module_t  ngx_exposure_module_ctx = {
    ngx_exposure_oidc_variable,            /* preconfiguration */
    ngx_exposure_init,                     /* postconfiguration */

    ngx_exposure_create_main_conf,         /* create main configuration */
    ngx_exposure_init_main_conf,           /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_exposure_create_loc_conf,          /* create location configuration */
    ngx_exposure_merge_loc_conf            /* merge location configuration */
};


ngx_module_t  ngx_exposure_module = {
    NGX_MODULE_V1,
    &ngx_exposure_module_ctx,              /* module context */
    ngx_exposure_commands,                 /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_exposure_init_module,              /* init module */
    ngx_exposure_init_process,             /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_exposure_exit_process,             /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* Set once a process has opened its store. */
static ngx_uint_t  ngx_exposure_started;

static ngx_event_t       ngx_exposure_reap_timer;
static ngx_connection_t  ngx_exposure_reap_connection;


ngx_exposure_main_conf_t *
ngx_exposure_main_conf(void)
{
    return ngx_exposure_cycle_conf((ngx_cycle_t *) ngx_cycle);
}


static ngx_exposure_main_conf_t *
ngx_exposure_cycle_conf(ngx_cycle_t *cycle)
{
    return ngx_http_cycle_get_module_main_conf(cycle, ngx_exposure_module);
}


static void *
ngx_exposure_create_main_conf(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t        *cln;
    ngx_exposure_main_conf_t  *mcf;

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_exposure_main_conf_t));
    if (cln == NULL) {
        return NULL;
    }

    mcf = cln->data;
    cln->handler = ngx_exposure_conf_cleanup;

    ngx_memzero(mcf, sizeof(ngx_exposure_main_conf_t));

    mcf->workers = ngx_array_create(cf->pool, 1, sizeof(ngx_addr_t));
    mcf->origins = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));
    mcf->providers = ngx_array_create(cf->pool, 1,
                                      sizeof(ngx_exposure_provider_t));
    if (mcf->workers == NULL || mcf->origins == NULL || mcf->providers == NULL
        || expo_trust_open(&mcf->trust) != EXPO_OK)
    {
        return NULL;
    }

    mcf->max_upload = NGX_CONF_UNSET;
    mcf->quota = NGX_CONF_UNSET;
    mcf->grace = NGX_CONF_UNSET_MSEC;
    mcf->token_lifetime = NGX_CONF_UNSET;
    mcf->upload_expires = NGX_CONF_UNSET;
    mcf->debug_log = NGX_CONF_UNSET;
    mcf->accounts = NGX_CONF_UNSET;

    return mcf;
}


static char *
ngx_exposure_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_exposure_main_conf_t *mcf = conf;

    if (mcf->max_upload == NGX_CONF_UNSET) {
        mcf->max_upload = (off_t) 4 << 30;
    }

    if (mcf->quota == NGX_CONF_UNSET) {
        mcf->quota = (off_t) 20 << 30;
    }

    ngx_conf_init_msec_value(mcf->grace, 5000);
    ngx_conf_init_value(mcf->token_lifetime, 3600);
    ngx_conf_init_value(mcf->upload_expires, 86400);
    ngx_conf_init_value(mcf->debug_log, 0);
    ngx_conf_init_value(mcf->accounts, 0);

    if (mcf->pool_name.len == 0) {
        ngx_str_set(&mcf->pool_name, "exposure");
    }

    return NGX_CONF_OK;
}


static void *
ngx_exposure_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_exposure_loc_conf_t));
}


static char *
ngx_exposure_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_exposure_loc_conf_t  *conf = child;

    ngx_log_t                 *log;
    ngx_exposure_main_conf_t  *mcf;
    ngx_http_core_loc_conf_t  *clcf;

    if (!conf->api) {
        return NGX_CONF_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_exposure_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->client_body_in_file_only) {
        return ngx_exposure_conf_error(cf, "exposure_api: bodies hold scans, "
                                   "client_body_in_file_only must be off");
    }

    for (log = clcf->error_log; log; log = log->next) {
        if ((log->log_level & NGX_LOG_DEBUG_ALL) && !mcf->debug_log) {
            return ngx_exposure_conf_error(cf, "exposure_api: a debug log "
                "holds tokens; lower error_log's level or set "
                "exposure_allow_debug_log on");
        }
    }

    /*
     * Each route has its own limit, checked before and while a body is read;
     * the buffer is what an upload reads at once.
     */

    clcf->client_max_body_size = 0;

    if (clcf->client_body_buffer_size < 64 * 1024) {
        clcf->client_body_buffer_size = 64 * 1024;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_exposure_init(ngx_conf_t *cf)
{
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_exposure_module);

    if (!mcf->enabled) {
        return NGX_OK;
    }

    if (ngx_exposure_conf_complete(cf, mcf) != NGX_CONF_OK
        || ngx_exposure_conf_load(cf, mcf) != NGX_CONF_OK
        || ngx_exposure_oidc_load(cf, mcf) != NGX_CONF_OK
        || ngx_exposure_fetch_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    mcf->pool = ngx_thread_pool_add(cf, &mcf->pool_name);

    return mcf->pool ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_exposure_init_module(ngx_cycle_t *cycle)
{
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_exposure_cycle_conf(cycle);

    if (mcf == NULL || !mcf->enabled) {
        return NGX_OK;
    }

    ngx_exposure_no_dump();

    if (ngx_exposure_started) {

        /*
         * master_process off and a reload: nginx starts no threads for the
         * new configuration, so that its pool must not be posted to
         */

        mcf->pool = NULL;
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "exposure: a reload with master_process off stops the "
                      "service, restart nginx");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_exposure_init_process(ngx_cycle_t *cycle)
{
    char                       error[256];
    expo_status_t              st;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_exposure_cycle_conf(cycle);

    if (mcf == NULL || !mcf->enabled) {
        return NGX_OK;
    }

    ngx_exposure_no_dump();

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    error[0] = '\0';

    st = expo_store_open((char *) mcf->store_path.data, 1, &mcf->store, error,
                         sizeof(error));
    if (st != EXPO_OK) {

        /* not fatal: nginx would not start this process again */

        mcf->store = NULL;
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "exposure: the store cannot be opened (%s): %s",
                      expo_status_name(st), error);
    }

    if (mcf->store) {
        expo_store_quota(mcf->store, (uint64_t) mcf->quota);
    }

    ngx_exposure_started = 1;

    ngx_exposure_vault_start(cycle);
    ngx_exposure_oidc_start(cycle);

    /* one process is enough, and none waits for it */

    if (ngx_worker == 0) {
        ngx_exposure_reap_connection.fd = (ngx_socket_t) -1;
        ngx_exposure_reap_timer.handler = ngx_exposure_reap;
        ngx_exposure_reap_timer.data = &ngx_exposure_reap_connection;
        ngx_exposure_reap_timer.log = cycle->log;
        ngx_exposure_reap_timer.cancelable = 1;

        ngx_exposure_reap(&ngx_exposure_reap_timer);
    }

    return ngx_exposure_control_start(cycle);
}


/* What has expired; at first and now and then, what a crash left behind. */

static void
ngx_exposure_reap(ngx_event_t *ev)
{
    static ngx_uint_t  turn;

    (void) ngx_exposure_task_post(turn++ % NGX_EXPOSURE_REAP
                                  ? ngx_exposure_expire_work
                                  : ngx_exposure_reap_work,
                                  ngx_exposure_reap_done, ngx_cycle->log);

    ngx_add_timer(ev, NGX_EXPOSURE_EXPIRE);
}


static void
ngx_exposure_expire_work(void *data)
{
    uint32_t                   removed;
    expo_status_t              st;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_exposure_main_conf();

    st = expo_store_expire(mcf->store, (uint64_t) time(NULL), &removed);
    if (st != EXPO_OK) {
        ngx_log_error(NGX_LOG_WARN, (ngx_log_t *) data, 0,
                      "exposure: what has expired stays for now: %s",
                      expo_status_name(st));
    }
}


static void
ngx_exposure_reap_work(void *data)
{
    uint32_t                   removed;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_exposure_main_conf();
    removed = 0;

    if (expo_store_reap(mcf->store, (uint64_t) time(NULL), &removed) == EXPO_OK
        && removed > 0)
    {
        ngx_log_error(NGX_LOG_NOTICE, (ngx_log_t *) data, 0,
                      "exposure: removed %uD files that no scan refers to",
                      removed);
    }
}


static void
ngx_exposure_reap_done(void *data)
{
}


static void
ngx_exposure_exit_process(ngx_cycle_t *cycle)
{
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_exposure_cycle_conf(cycle);

    if (mcf == NULL) {
        return;
    }

    if (mcf->store) {
        expo_store_close(mcf->store);
        mcf->store = NULL;
    }

    ngx_exposure_vault_stop(mcf);
}


static void
ngx_exposure_no_dump(void)
{
    struct rlimit  rl;

    rl.rlim_cur = 0;
    rl.rlim_max = 0;

    (void) setrlimit(RLIMIT_CORE, &rl);
    (void) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}


static char *
ngx_exposure_api_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_exposure_loc_conf_t *lcf = conf;

    ngx_http_core_loc_conf_t  *clcf;
    ngx_exposure_main_conf_t  *mcf;

    if (lcf->api) {
        return "is duplicate";
    }

    lcf->api = 1;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_exposure_module);
    mcf->enabled = 1;

    if (mcf->server == NULL) {
        mcf->server = ngx_http_conf_get_module_srv_conf(cf,
                                                        ngx_http_core_module);
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_exposure_route_handler;

    return NGX_CONF_OK;
}


#ifdef EXPOSURE_ECHO

static char *
ngx_exposure_echo_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "on") == 0) {
        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
        clcf->handler = ngx_exposure_socket_echo;
    }

    return NGX_CONF_OK;
}

#endif
