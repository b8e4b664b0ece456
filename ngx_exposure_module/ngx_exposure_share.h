/* What permissions and invitations have in common: roles, ends, labels. */

#ifndef NGX_EXPOSURE_SHARE_H
#define NGX_EXPOSURE_SHARE_H

#include "ngx_exposure_rest.h"

#include "lib/moment.h"


/* "editor" or "viewer"; NGX_ERROR: something else. */
ngx_int_t ngx_exposure_share_role(json_t *value, expo_role_t *role);
const char *ngx_exposure_share_role_name(expo_role_t role);

/* A moment to come, RFC 3339 in UTC. */
ngx_int_t ngx_exposure_share_until(json_t *value, uint64_t *s);
/* Sets the member unless s is 0, which is never. */
void ngx_exposure_share_moment(json_t *json, const char *member, uint64_t s);


/* --- labels: in a pool thread --- */

/* To be opened by ngx_exposure_metas_open. bytes 0: there is none. */
void ngx_exposure_share_label(ngx_exposure_meta_t *meta, expo_lease_t *lease,
    expo_id_t *id, u_char *enc, size_t bytes);
/* Its text, or "". */
const char *ngx_exposure_share_text(json_t *label);
/*
 * Seals text, a JSON string; NULL or null: there is none. *label is what
 * metas_open will give.
 */
expo_status_t ngx_exposure_share_seal(ngx_exposure_main_conf_t *conf,
    expo_lease_t *lease, expo_id_t *id, json_t *text, u_char **enc,
    size_t *bytes, json_t **label);

#endif
