#include "lib/takeout.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "lib/audit.h"

#define TAKEOUT_TEXT_MAX (1 << 20)

static expo_status_t takeout_user(const expo_takeout_t *t,
                                  const expo_user_t *user, json_t *json);
static expo_status_t takeout_unlock(const expo_takeout_t *t,
                                    const expo_user_t *user,
                                    const expo_scan_t *scans, size_t n,
                                    expo_takeout_volume_t *volumes,
                                    expo_status_t *statuses);
static json_t *takeout_scan(const expo_takeout_t *t, const expo_scan_t *scan,
                            const expo_lease_t *lease);
static json_t *takeout_configurations(const expo_takeout_t *t,
                                      const expo_scan_t *scan,
                                      const expo_lease_t *lease);
static json_t *takeout_permissions(const expo_takeout_t *t,
                                   const expo_scan_t *scan,
                                   const expo_lease_t *lease);
static json_t *takeout_open(const expo_takeout_t *t, const expo_lease_t *lease,
                            const char *table, const expo_id_t *row,
                            uint32_t revision, const uint8_t *src, size_t len);
static json_t *takeout_actions(const expo_takeout_t *t);
static json_t *takeout_id(const expo_id_t *id);
static json_t *takeout_day(uint32_t day);
static json_t *takeout_second(uint64_t at);


expo_status_t
expo_takeout(const expo_takeout_t *t, json_t **json,
             expo_takeout_volume_t **volumes, size_t *count)
{
    expo_scan_t *scans = NULL;
    expo_takeout_volume_t *list = NULL;
    expo_status_t *statuses = NULL;
    json_t *out = json_object(), *array = json_array();
    expo_user_t user;
    size_t n = 0, ready = 0;
    expo_status_t st;

    st = expo_store_user(t->store, t->tag, &user);
    if (st == EXPO_OK) {
        st = takeout_user(t, &user, out);
    }
    if (st == EXPO_OK) {
        st = expo_store_scans(t->store, t->tag, t->now, &scans, &n);
    }

    if (st == EXPO_OK) {
        list = calloc(n + 1, sizeof(*list));
        statuses = calloc(n + 1, sizeof(*statuses));
        st = list != NULL && statuses != NULL
                 ? takeout_unlock(t, &user, scans, n, list, statuses)
                 : EXPO_NO_MEMORY;
    }

    for (size_t i = 0; i < n && st == EXPO_OK; i++) {
        const expo_lease_t *lease =
            statuses[i] == EXPO_OK ? &list[i].lease : NULL;

        json_array_append_new(array, takeout_scan(t, &scans[i], lease));

        if (lease != NULL && scans[i].role == EXPO_ROLE_OWNER &&
            scans[i].state == EXPO_SCAN_READY) {
            list[ready++] = list[i];
        }
    }

    if (st == EXPO_OK) {
        json_object_set(out, "scans", array);
        json_object_set_new(out, "actions", takeout_actions(t));
    }

    while (n > 0) {
        expo_store_scan_free(&scans[--n]);
    }
    free(scans);
    free(statuses);
    json_decref(array);
    sodium_memzero(&user, sizeof(user));

    if (st != EXPO_OK) {
        json_decref(out);
        free(list);
        return st;
    }

    *json = out;
    *volumes = list;
    *count = ready;

    return EXPO_OK;
}


static expo_status_t
takeout_user(const expo_takeout_t *t, const expo_user_t *user, json_t *json)
{
    expo_id_t id;

    expo_store_user_id(&id, t->tag);

    json_object_set_new(json, "user", takeout_id(&id));
    json_object_set_new(json, "since", takeout_day(user->created_day));
    json_object_set_new(json, "exported", takeout_second(t->now));
    json_object_set_new(json, "used_bytes",
                        json_integer((json_int_t) user->used_bytes));
    json_object_set_new(json, "quota_bytes",
                        json_integer((json_int_t) user->quota_bytes));

    return json_object_size(json) == 5 ? EXPO_OK : EXPO_NO_MEMORY;
}


static expo_status_t
takeout_unlock(const expo_takeout_t *t, const expo_user_t *user,
               const expo_scan_t *scans, size_t n,
               expo_takeout_volume_t *volumes, expo_status_t *statuses)
{
    const expo_keys_user_t u = {t->token, t->token_bytes, user->salt};
    expo_keys_box_t boxes[EXPO_KEYS_BATCH];
    expo_lease_t leases[EXPO_KEYS_BATCH];
    expo_status_t st = EXPO_OK;
    size_t some;

    for (size_t done = 0; done < n && st == EXPO_OK; done += some) {
        some = n - done < EXPO_KEYS_BATCH ? n - done : EXPO_KEYS_BATCH;

        for (size_t i = 0; i < some; i++) {
            const expo_scan_t *scan = &scans[done + i];

            boxes[i].scan = scan->id;
            boxes[i].epoch = scan->epoch;
            boxes[i].role = scan->role;
            memcpy(boxes[i].sealed, scan->sealed, EXPO_SEALED_KEY);
        }

        st =
            expo_keys_unlock(t->keys, &u, boxes, some, leases, statuses + done);

        for (size_t i = 0; i < some && st == EXPO_OK; i++) {
            volumes[done + i].scan = scans[done + i].id;
            volumes[done + i].lease = leases[i];
        }
    }

    return st;
}


static json_t *
takeout_scan(const expo_takeout_t *t, const expo_scan_t *scan,
             const expo_lease_t *lease)
{
    static const char *const states[] = {"", "importing", "ready", "failed"};
    static const char *const roles[] = {"", "owner", "editor", "viewer"};
    json_t *out = NULL;

    if (lease != NULL) {
        out = takeout_open(t, lease, "scans", &scan->id, scan->revision,
                           scan->meta, scan->meta_bytes);
    }
    if (out == NULL) {
        out = json_pack("{s:b}", "damaged", 1);
    }

    json_object_set_new(out, "id", takeout_id(&scan->id));
    json_object_set_new(out, "state", json_string(states[scan->state]));
    json_object_set_new(out, "role", json_string(roles[scan->role]));
    json_object_set_new(out, "created", takeout_day(scan->created_day));
    json_object_set_new(out, "bytes", json_integer((json_int_t) scan->bytes));

    if (lease != NULL && scan->role == EXPO_ROLE_OWNER) {
        json_object_set_new(out, "configurations",
                            takeout_configurations(t, scan, lease));
        json_object_set_new(out, "permissions",
                            takeout_permissions(t, scan, lease));
    }

    return out;
}


static json_t *
takeout_configurations(const expo_takeout_t *t, const expo_scan_t *scan,
                       const expo_lease_t *lease)
{
    expo_configuration_t *list = NULL;
    json_t *array = json_array(), *one;
    size_t n = 0;

    if (expo_store_configurations(t->store, &scan->id, &list, &n) != EXPO_OK) {
        return array;
    }

    for (size_t i = 0; i < n; i++) {
        one = takeout_open(t, lease, "configurations", &list[i].id,
                           list[i].revision, list[i].enc, list[i].enc_bytes);
        if (one == NULL) {
            one = json_pack("{s:b}", "damaged", 1);
        }

        json_object_set_new(one, "id", takeout_id(&list[i].id));
        json_array_append_new(array, one);
        expo_store_configuration_free(&list[i]);
    }
    free(list);

    return array;
}


static json_t *
takeout_permissions(const expo_takeout_t *t, const expo_scan_t *scan,
                    const expo_lease_t *lease)
{
    expo_permission_t *list = NULL;
    json_t *array = json_array(), *one, *label;
    expo_id_t id;
    size_t n = 0;

    if (expo_store_permissions(t->store, &scan->id, t->now, &list, &n) !=
        EXPO_OK) {
        return array;
    }

    for (size_t i = 0; i < n; i++) {
        const expo_permission_t *p = &list[i];

        expo_store_user_id(&id, p->tag);
        one = json_pack("{s:o, s:s, s:o}", "user", takeout_id(&id), "role",
                        p->role == EXPO_ROLE_EDITOR ? "editor" : "viewer",
                        "since", takeout_day(p->since_day));
        if (p->expires_at > 0) {
            json_object_set_new(one, "expires", takeout_second(p->expires_at));
        }
        if (p->label_bytes > 0) {
            label = takeout_open(t, lease, EXPO_LABEL_TABLE, &p->label_id, 1,
                                 p->label_enc, p->label_bytes);
            json_object_update_missing(one, label);
            json_decref(label);
        }

        json_array_append_new(array, one);
        expo_store_permission_free(&list[i]);
    }
    free(list);

    return array;
}


/* NULL: it does not open. */
static json_t *
takeout_open(const expo_takeout_t *t, const expo_lease_t *lease,
             const char *table, const expo_id_t *row, uint32_t revision,
             const uint8_t *src, size_t len)
{
    expo_keys_meta_t meta = {
        .lease = lease, .table = table, .row = *row, .revision = revision};
    json_t *json = NULL;
    uint8_t *text;
    size_t n;

    if (len < EXPO_META_SALT + EXPO_BLOB_TAG || len > TAKEOUT_TEXT_MAX) {
        return NULL;
    }

    n = len - EXPO_META_SALT - EXPO_BLOB_TAG;
    memcpy(meta.salt, src, sizeof(meta.salt));

    text = malloc(n + 1);
    if (text != NULL && expo_keys_meta(t->keys, &meta, 1) == EXPO_OK &&
        meta.status == EXPO_OK &&
        expo_vault_meta_open(text, meta.key, src, len) == EXPO_OK) {
        json = json_loadb((const char *) text, n, 0, NULL);
    }

    if (text != NULL) {
        sodium_memzero(text, n);
        free(text);
    }
    sodium_memzero(&meta, sizeof(meta));

    if (!json_is_object(json)) {
        json_decref(json);
        return NULL;
    }

    return json;
}


static json_t *
takeout_actions(const expo_takeout_t *t)
{
    static const expo_id_t nothing;
    uint8_t actor[EXPO_AUDIT_ACTOR];
    expo_audit_line_t *lines = NULL;
    json_t *array = json_array(), *one;
    size_t n = 0;

    if (expo_audit_actor(actor, t->names, t->tag) != EXPO_OK ||
        expo_store_audit_of(t->store, NULL, actor, &lines, &n) != EXPO_OK) {
        return array;
    }

    for (size_t i = 0; i < n; i++) {
        const expo_audit_t *r = &lines[i].record;

        one = json_pack("{s:o, s:s, s:s}", "at", takeout_second(r->at),
                        "action", expo_audit_verb_text(r->verb), "outcome",
                        expo_audit_outcome_text(r->outcome));
        if (memcmp(&r->object, &nothing, sizeof(nothing)) != 0) {
            json_object_set_new(one, "object", takeout_id(&r->object));
        }
        json_array_append_new(array, one);
    }
    free(lines);

    return array;
}


static json_t *
takeout_id(const expo_id_t *id)
{
    char text[EXPO_ID_TEXT + 1];

    expo_id_print(text, id);

    return json_string(text);
}


static json_t *
takeout_day(uint32_t day)
{
    time_t t = (time_t) day * 86400;
    char text[16];
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d", &tm);

    return json_string(text);
}


static json_t *
takeout_second(uint64_t at)
{
    time_t t = (time_t) at;
    char text[32];
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);

    return json_string(text);
}
