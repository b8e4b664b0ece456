/*
 * Guessing is limited: 5 tries a minute at each thing and from each address,
 * over all nginx workers.
 */

#include "ngx_exposure_rest.h"

#include <sodium.h>


static uint64_t ngx_exposure_tries_key(const char *kind, u_char *data,
    size_t len);
static uint64_t ngx_exposure_tries_address(struct sockaddr *sa);


void
ngx_exposure_tries_of(ngx_exposure_tries_t *t, ngx_http_request_t *r,
    const char *kind, u_char *data, size_t len)
{
    t->thing = ngx_exposure_tries_key(kind, data, len);
    t->address = ngx_exposure_tries_address(r->connection->sockaddr);
}


ngx_int_t
ngx_exposure_tries_take(ngx_exposure_tries_t *t, uint32_t *retry_s)
{
    uint64_t              now;
    expo_tries_t         *tries;
    expo_status_t         st;
    ngx_exposure_zone_t  *zone;

    now = ngx_current_msec;
    zone = ngx_exposure_zone();
    tries = ngx_exposure_zone_tries(zone);

    ngx_exposure_zone_lock(zone);

    /* an address that is out of tries must not use up an account's */

    st = expo_account_try(tries, t->address, now, retry_s);

    if (st == EXPO_OK) {
        st = expo_account_try(tries, t->thing, now, retry_s);
    }

    ngx_exposure_zone_unlock(zone);

    return st == EXPO_OK ? NGX_OK : NGX_BUSY;
}


/* Only guesses count: a household behind one address may all sign in. */

void
ngx_exposure_tries_return(ngx_exposure_tries_t *t)
{
    expo_tries_t         *tries;
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();
    tries = ngx_exposure_zone_tries(zone);

    ngx_exposure_zone_lock(zone);

    expo_account_untry(tries, t->thing, ngx_current_msec);
    expo_account_untry(tries, t->address, ngx_current_msec);

    ngx_exposure_zone_unlock(zone);
}


ngx_int_t
ngx_exposure_tries_refuse(ngx_http_request_t *r, uint32_t retry_s)
{
    u_char  text[NGX_INT32_LEN], *p;

    p = ngx_sprintf(text, "%uD", retry_s);

    if (ngx_exposure_reply_header(r, "Retry-After", text, p - text) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_reply_problem(r, NGX_HTTP_TOO_MANY_REQUESTS,
                     "too_many_tries", "Too many tries. Wait a minute.");
}


/* Keyed, so that nobody can choose names that share a slot. */

static uint64_t
ngx_exposure_tries_key(const char *kind, u_char *data, size_t len)
{
    u_char                    hash[crypto_generichash_BYTES_MIN];
    uint64_t                  key;
    const expo_names_t       *names;
    crypto_generichash_state  state;

    names = ngx_exposure_main_conf()->names;

    crypto_generichash_init(&state, names->account_name,
                            sizeof(names->account_name), sizeof(hash));
    crypto_generichash_update(&state, (const u_char *) "erws/v1/tries", 13);
    crypto_generichash_update(&state, (const u_char *) kind,
                              ngx_strlen(kind) + 1);
    crypto_generichash_update(&state, data, len);
    crypto_generichash_final(&state, hash, sizeof(hash));

    ngx_memcpy(&key, hash, sizeof(key));

    return key;
}


static uint64_t
ngx_exposure_tries_address(struct sockaddr *sa)
{
    struct sockaddr_in   *sin;
    struct sockaddr_in6  *sin6;

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        return ngx_exposure_tries_key("inet", (u_char *) &sin->sin_addr, 4);

    case AF_INET6:
        /* one customer has a /64 */
        sin6 = (struct sockaddr_in6 *) sa;
        return ngx_exposure_tries_key("inet6", (u_char *) &sin6->sin6_addr, 8);

    default:
        return ngx_exposure_tries_key("unix", NULL, 0);
    }
}
