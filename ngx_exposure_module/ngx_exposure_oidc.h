/* Other issuers whose tokens count, and where their keys come from. */

#ifndef NGX_EXPOSURE_OIDC_H
#define NGX_EXPOSURE_OIDC_H

#include "ngx_exposure_rest.h"

#include "lib/refresh.h"


/* Of a set that a location brings; one in a file may be EXPO_JWKS_BYTES_MAX. */
#define NGX_EXPOSURE_SET_MAX  (64 * 1024)


/* One exposure_oidc. */
typedef struct {
    ngx_str_t             issuer;
    ngx_str_t             audience;
    ngx_str_t             jwks_file;       /* this or jwks_uri */
    ngx_str_t             jwks_uri;
    ngx_str_t             client_id;       /* empty: not for the portal */
    ngx_str_t             name;
    ngx_str_t             scope;

    size_t                entry;           /* in the main conf's trust */
    u_char               *json;            /* the set that is used */
    size_t                len;

    /* of this process */
    uint32_t              version;         /* of the zone's set that is used */
    uint64_t              stamp;           /* of the file that is used */
    unsigned              reading:1;       /* in a pool thread */
    unsigned              silent:1;        /* its trouble has been logged */
} ngx_exposure_provider_t;


/* --- zone: what was fetched, for all nginx workers --- */

typedef struct {
    char                  issuer[EXPO_ISS_MAX];
    expo_refresh_t        refresh;
    uint32_t              version;         /* 0: nothing yet */
    size_t                len;
    u_char               *json;            /* in the zone */
} ngx_exposure_set_t;

/* Of an issuer, made at first sight. The caller holds the zone's lock. */
ngx_exposure_set_t *ngx_exposure_zone_set(ngx_exposure_zone_t *zone,
    const char *issuer);

/* A newer one, copied. NGX_ERROR: the zone is too small. */
ngx_int_t ngx_exposure_zone_set_put(ngx_exposure_set_t *set, u_char *json,
    size_t len);


/* --- oidc --- */

char *ngx_exposure_oidc_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* $exposure_issuers, for a Content-Security-Policy. */
ngx_int_t ngx_exposure_oidc_variable(ngx_conf_t *cf);

/* When all is configured: trust of every provider, keys that lie in files. */
char *ngx_exposure_oidc_load(ngx_conf_t *cf, ngx_exposure_main_conf_t *mcf);

/* In each nginx worker. */
void ngx_exposure_oidc_start(ngx_cycle_t *cycle);

/*
 * A token's key is not known. NGX_AGAIN: it may be soon, since sets are being
 * fetched; NGX_DECLINED: no.
 */
ngx_int_t ngx_exposure_oidc_unknown(void);


/* --- fetch: asks this nginx itself --- */

/* body is NULL on failure, which `why` tells in a few words. */
typedef void (*ngx_exposure_fetch_pt)(void *data, u_char *body, size_t len,
    const char *why);

/*
 * GET of a location of the server of exposure_api, also an internal one; done
 * is called once, later. NGX_ERROR: it is not. At most max bytes, 10 s.
 */
ngx_int_t ngx_exposure_fetch(ngx_str_t *uri, size_t max,
    ngx_exposure_fetch_pt done, void *data);

/* Makes requests of ngx_exposure_fetch internal ones. */
ngx_int_t ngx_exposure_fetch_init(ngx_conf_t *cf);

#endif
