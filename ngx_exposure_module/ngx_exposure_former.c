/*
 * Users and accounts that a former master secret has named: found by the names
 * of then, and moved to those of now when their owner comes. Pool threads only.
 */

#include "ngx_exposure_rest.h"


/* others may share scans with them meanwhile */
#define NGX_EXPOSURE_FORMER_TRIES  8


static expo_status_t ngx_exposure_former_move(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, ngx_uint_t former, expo_user_t *was,
    u_char tag[EXPO_TAG], expo_user_t *user);


expo_status_t
ngx_exposure_former_user(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, u_char tag[EXPO_TAG], expo_user_t *user)
{
    u_char         from[EXPO_TAG];
    ngx_uint_t     i, n;
    expo_user_t    was;
    expo_status_t  st;

    for (i = 1; i < conf->nnames; i++) {
        st = expo_vault_user_tag(from, &conf->names[i], who->claims.iss,
                                 who->claims.sub);
        if (st != EXPO_OK) {
            return st;
        }

        for (n = 0; n < NGX_EXPOSURE_FORMER_TRIES; n++) {
            st = expo_store_user(conf->store, from, &was);

            if (st == EXPO_OK) {
                st = ngx_exposure_former_move(conf, who, i, &was, tag, user);
            }

            if (st != EXPO_CONFLICT) {
                break;
            }
        }

        ngx_explicit_memzero(&was, sizeof(was));

        if (st == EXPO_CONFLICT) {
            return EXPO_AGAIN;
        }

        if (st != EXPO_OK && st != EXPO_NOT_FOUND) {
            return st;
        }
    }

    /* moved here, or by another request of the same user that was first */

    return expo_store_user(conf->store, tag, user);
}


static expo_status_t
ngx_exposure_former_move(ngx_exposure_main_conf_t *conf,
    ngx_exposure_who_t *who, ngx_uint_t former, expo_user_t *was,
    u_char tag[EXPO_TAG], expo_user_t *user)
{
    static const u_char  none[sizeof(user->account)];

    expo_id_t         nothing;
    expo_boxes_t      boxes;
    expo_status_t     st;
    expo_keys_user_t  from, to;

    ngx_memzero(&nothing, sizeof(nothing));

    st = ngx_exposure_key_new(conf, who, tag, user);

    if (st == EXPO_OK
        && ngx_memcmp(was->account, none, sizeof(was->account)) != 0)
    {
        st = expo_account_sub_tag(user->account, conf->names, who->claims.sub);
    }

    if (st == EXPO_OK) {
        st = ngx_exposure_audit(conf, EXPO_AUDIT_KEY_ROTATE, tag, &nothing,
                                EXPO_AUDIT_PERMITTED);
    }

    if (st == EXPO_OK) {
        st = expo_store_boxes(conf->store, was->tag, &boxes);
    }

    if (st != EXPO_OK) {
        return st;
    }

    ngx_exposure_key_user(&from, who, was);
    ngx_exposure_key_user(&to, who, user);

    st = expo_keys_move(conf->keys, &from, former, &to, boxes.boxes,
                        boxes.count);

    if (st == EXPO_OK) {
        st = expo_store_user_move(conf->store, was->tag, user,
                                  conf->master_no, &boxes);
    }

    free(boxes.boxes);

    return st;
}


expo_status_t
ngx_exposure_former_account(ngx_exposure_main_conf_t *conf, const char *sub,
    expo_account_row_t *row)
{
    u_char         sub_tag[64];
    ngx_uint_t     i;
    expo_status_t  st;

    st = EXPO_NOT_FOUND;

    for (i = 0; i < conf->nnames && st == EXPO_NOT_FOUND; i++) {
        st = expo_account_sub_tag(sub_tag, &conf->names[i], sub);

        if (st == EXPO_OK) {
            st = expo_store_account_by_sub(conf->store, sub_tag, row);
        }
    }

    return st;
}
