/* Tokens: the one place that lets a request be somebody's. */

#include "ngx_exposure_oidc.h"


ngx_int_t
ngx_exposure_auth_token(u_char *token, size_t len, ngx_exposure_who_t *who,
    u_char tag[EXPO_TAG])
{
    expo_status_t              st;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_exposure_main_conf();

    if (token == NULL || mcf == NULL || mcf->trust == NULL) {
        return NGX_DECLINED;
    }

    if (mcf->names == NULL) {
        return NGX_AGAIN;
    }

    st = expo_trust_verify(mcf->trust, (uint64_t) ngx_time(), (char *) token,
                           len, &who->claims);

    if (st == EXPO_EXPIRED) {
        return NGX_ABORT;
    }

    if (st == EXPO_NOT_FOUND) {
        return ngx_exposure_oidc_unknown();
    }

    if (st != EXPO_OK) {
        return NGX_DECLINED;
    }

    who->token.data = token;
    who->token.len = len;

    /* the wall clock, which may be set, is asked once */

    who->token_ms = ngx_current_msec
                    + (who->claims.expires + EXPO_TOKEN_LEEWAY_S
                       - (uint64_t) ngx_time()) * 1000;

    st = expo_vault_user_tag(tag, mcf->names, who->claims.iss,
                             who->claims.sub);

    return st == EXPO_OK ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_exposure_auth_bearer(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    size_t      len;
    u_char     *token;
    ngx_str_t  *value;

    if (r->headers_in.authorization == NULL) {
        return NGX_DECLINED;
    }

    value = &r->headers_in.authorization->value;

    if (value->len < sizeof("Bearer ")
        || ngx_strncasecmp(value->data, (u_char *) "Bearer ",
                           sizeof("Bearer ") - 1)
           != 0)
    {
        return NGX_DECLINED;
    }

    token = value->data + sizeof("Bearer ") - 1;
    len = value->len - (sizeof("Bearer ") - 1);

    return ngx_exposure_auth_token(token, len, &ctx->who, ctx->tag);
}


ngx_int_t
ngx_exposure_who_copy(ngx_exposure_who_t *dst, ngx_exposure_who_t *src)
{
    u_char  *token;

    token = NULL;

    if (src->token.len) {
        token = ngx_alloc(src->token.len, ngx_cycle->log);
        if (token == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(token, src->token.data, src->token.len);
    }

    ngx_exposure_who_wipe(dst);

    dst->claims = src->claims;
    dst->token.data = token;
    dst->token.len = src->token.len;
    dst->token_ms = src->token_ms;

    return NGX_OK;
}


void
ngx_exposure_who_wipe(ngx_exposure_who_t *who)
{
    if (who->token.data) {
        ngx_explicit_memzero(who->token.data, who->token.len);
        ngx_free(who->token.data);
    }

    ngx_explicit_memzero(who, sizeof(ngx_exposure_who_t));
}
