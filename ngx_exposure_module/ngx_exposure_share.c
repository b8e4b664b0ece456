/* Roles, ends and labels, as permissions and invitations have them. */

#include "ngx_exposure_share.h"


ngx_int_t
ngx_exposure_share_role(json_t *value, expo_role_t *role)
{
    const char  *text;

    text = json_string_value(value);

    if (text && ngx_strcmp(text, "editor") == 0) {
        *role = EXPO_ROLE_EDITOR;
        return NGX_OK;
    }

    if (text && ngx_strcmp(text, "viewer") == 0) {
        *role = EXPO_ROLE_VIEWER;
        return NGX_OK;
    }

    return NGX_ERROR;
}


const char *
ngx_exposure_share_role_name(expo_role_t role)
{
    static const char *const  names[] = {
        [EXPO_ROLE_OWNER] = "owner",
        [EXPO_ROLE_EDITOR] = "editor",
        [EXPO_ROLE_VIEWER] = "viewer"
    };

    return names[role];
}


ngx_int_t
ngx_exposure_share_until(json_t *value, uint64_t *s)
{
    if (!json_is_string(value)
        || expo_moment_parse(s, json_string_value(value),
                             json_string_length(value))
           != EXPO_OK
        || *s <= (uint64_t) ngx_time())
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_exposure_share_moment(json_t *json, const char *member, uint64_t s)
{
    char  text[EXPO_MOMENT_TEXT + 1];

    if (s) {
        expo_moment_print(text, s);
        json_object_set_new(json, member, json_string(text));
    }
}


void
ngx_exposure_share_label(ngx_exposure_meta_t *meta, expo_lease_t *lease,
    expo_id_t *id, u_char *enc, size_t bytes)
{
    meta->lease = bytes ? lease : NULL;
    meta->table = EXPO_LABEL_TABLE;
    meta->row = id;
    meta->revision = EXPO_LABEL_REVISION;
    meta->src = enc;
    meta->len = bytes;
}


const char *
ngx_exposure_share_text(json_t *label)
{
    const char  *text;

    text = json_string_value(json_object_get(label, "label"));

    return text ? text : "";
}


expo_status_t
ngx_exposure_share_seal(ngx_exposure_main_conf_t *conf, expo_lease_t *lease,
    expo_id_t *id, json_t *text, u_char **enc, size_t *bytes, json_t **label)
{
    if (!json_is_string(text)) {
        return EXPO_OK;
    }

    *label = json_pack("{s:O}", "label", text);
    if (*label == NULL) {
        return EXPO_NO_MEMORY;
    }

    return ngx_exposure_meta_seal(conf, lease, EXPO_LABEL_TABLE, id,
                                  EXPO_LABEL_REVISION, *label, enc, bytes);
}
