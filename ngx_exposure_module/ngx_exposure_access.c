/*
 * Who may: each rule is a chain of steps, gone through before the work that it
 * guards, in the pool thread that does the work. What is not this user's to see
 * is EXPO_NOT_FOUND like what does not exist; what is, and is not theirs to
 * change, EXPO_DENIED with a sentence.
 */

#include "ngx_exposure_rest.h"

#include <sodium.h>


#define NGX_EXPOSURE_STEPS  4


typedef struct {
    ngx_exposure_main_conf_t  *conf;
    ngx_exposure_who_t        *who;
    u_char                    *tag;
    expo_id_t                 *id;       /* {id} of the path */
    expo_id_t                 *scan;     /* the scan that it leads to */
    ngx_exposure_found_t      *found;
} ngx_exposure_asked_t;

typedef expo_status_t (*ngx_exposure_step_pt)(ngx_exposure_asked_t *a);


static expo_status_t ngx_exposure_access_anybody(ngx_exposure_asked_t *a);
static expo_status_t ngx_exposure_access_user(ngx_exposure_asked_t *a);
static expo_status_t ngx_exposure_access_self(ngx_exposure_asked_t *a);
static expo_status_t ngx_exposure_access_scan(ngx_exposure_asked_t *a);
static expo_status_t ngx_exposure_access_editor(ngx_exposure_asked_t *a);
static expo_status_t ngx_exposure_access_owner(ngx_exposure_asked_t *a);
static expo_status_t ngx_exposure_access_configuration(
    ngx_exposure_asked_t *a);
static expo_status_t ngx_exposure_access_invitation(ngx_exposure_asked_t *a);
static expo_status_t ngx_exposure_access_upload(ngx_exposure_asked_t *a);


static const ngx_exposure_step_pt
    ngx_exposure_chains[][NGX_EXPOSURE_STEPS + 1] =
{
    [NGX_EXPOSURE_PUBLIC] = {
        ngx_exposure_access_anybody,
    },
    [NGX_EXPOSURE_SIGNED_IN] = {
        ngx_exposure_access_user,
    },
    [NGX_EXPOSURE_SELF] = {
        ngx_exposure_access_user,
        ngx_exposure_access_self,
    },

    [NGX_EXPOSURE_SCAN_VIEWER] = {
        ngx_exposure_access_user,
        ngx_exposure_access_scan,
    },
    [NGX_EXPOSURE_SCAN_EDITOR] = {
        ngx_exposure_access_user,
        ngx_exposure_access_scan,
        ngx_exposure_access_editor,
    },
    [NGX_EXPOSURE_SCAN_OWNER] = {
        ngx_exposure_access_user,
        ngx_exposure_access_scan,
        ngx_exposure_access_owner,
    },

    [NGX_EXPOSURE_CONFIGURATION_VIEWER] = {
        ngx_exposure_access_user,
        ngx_exposure_access_configuration,
        ngx_exposure_access_scan,
    },
    [NGX_EXPOSURE_CONFIGURATION_EDITOR] = {
        ngx_exposure_access_user,
        ngx_exposure_access_configuration,
        ngx_exposure_access_scan,
        ngx_exposure_access_editor,
    },

    [NGX_EXPOSURE_INVITATION_OWNER] = {
        ngx_exposure_access_user,
        ngx_exposure_access_invitation,
        ngx_exposure_access_scan,
        ngx_exposure_access_owner,
    },

    [NGX_EXPOSURE_UPLOAD_OWNER] = {
        ngx_exposure_access_user,
        ngx_exposure_access_upload,
    },

    /* whose session it is stands in shared memory: ngx_exposure_viewer.c */
    [NGX_EXPOSURE_SESSION_USER] = {
        ngx_exposure_access_user,
    },
};

_Static_assert(sizeof(ngx_exposure_chains) / sizeof(ngx_exposure_chains[0])
               == NGX_EXPOSURE_RULES, "every rule has a chain");


expo_status_t
ngx_exposure_access(ngx_exposure_main_conf_t *conf, ngx_exposure_rule_e rule,
    ngx_exposure_who_t *who, u_char tag[EXPO_TAG], expo_id_t *id,
    ngx_exposure_found_t *found)
{
    expo_status_t                st;
    ngx_exposure_asked_t         asked;
    const ngx_exposure_step_pt  *step;

    ngx_memzero(found, sizeof(ngx_exposure_found_t));

    asked.conf = conf;
    asked.who = who;
    asked.tag = tag;
    asked.id = id;
    asked.scan = id;
    asked.found = found;

    st = EXPO_DENIED;    /* of a rule without steps */

    for (step = ngx_exposure_chains[rule]; *step; step++) {
        st = (*step)(&asked);

        if (st != EXPO_OK) {
            break;
        }
    }

    return st;
}


void
ngx_exposure_found_free(ngx_exposure_found_t *found)
{
    expo_store_scan_free(&found->scan);
    expo_store_configuration_free(&found->configuration);
    expo_store_invitation_free(&found->invitation);
    expo_store_upload_free(&found->upload);

    ngx_explicit_memzero(found, sizeof(ngx_exposure_found_t));
}


void
ngx_exposure_user_id(u_char tag[EXPO_TAG], expo_id_t *id)
{
    expo_store_user_id(id, tag);
}


static expo_status_t
ngx_exposure_access_anybody(ngx_exposure_asked_t *a)
{
    return EXPO_OK;
}


static expo_status_t
ngx_exposure_access_user(ngx_exposure_asked_t *a)
{
    expo_status_t  st;

    st = ngx_exposure_user(a->conf, a->who, a->tag, &a->found->user);

    if (st == EXPO_DENIED) {
        a->found->why = "This account is disabled or erased.";
    }

    return st;
}


static expo_status_t
ngx_exposure_access_self(ngx_exposure_asked_t *a)
{
    expo_id_t  own;

    ngx_exposure_user_id(a->tag, &own);

    return ngx_memcmp(own.b, a->id->b, sizeof(own.b)) == 0 ? EXPO_OK
                                                           : EXPO_NOT_FOUND;
}


static expo_status_t
ngx_exposure_access_scan(ngx_exposure_asked_t *a)
{
    return expo_store_scan(a->conf->store, a->tag, a->scan,
                           (uint64_t) time(NULL), &a->found->scan);
}


static expo_status_t
ngx_exposure_access_editor(ngx_exposure_asked_t *a)
{
    if (a->found->scan.role == EXPO_ROLE_VIEWER) {
        a->found->why = "Who may only view a scan cannot change this.";
        return EXPO_DENIED;
    }

    return EXPO_OK;
}


static expo_status_t
ngx_exposure_access_owner(ngx_exposure_asked_t *a)
{
    if (a->found->scan.role != EXPO_ROLE_OWNER) {
        a->found->why = "Only the owner of the scan may do this.";
        return EXPO_DENIED;
    }

    return EXPO_OK;
}


static expo_status_t
ngx_exposure_access_configuration(ngx_exposure_asked_t *a)
{
    a->scan = &a->found->configuration.scan;

    return expo_store_configuration(a->conf->store, a->id,
                                    &a->found->configuration);
}


static expo_status_t
ngx_exposure_access_invitation(ngx_exposure_asked_t *a)
{
    a->scan = &a->found->invitation.scan;

    return expo_store_invitation(a->conf->store, a->id, (uint64_t) time(NULL),
                                 &a->found->invitation);
}


static expo_status_t
ngx_exposure_access_upload(ngx_exposure_asked_t *a)
{
    return expo_store_upload(a->conf->store, a->tag, a->id,
                             &a->found->upload);
}
