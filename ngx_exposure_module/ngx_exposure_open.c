/* A ready scan's volume, opened for a session: its descriptor and its key. */

#include "ngx_exposure_rest.h"


typedef struct {
    ngx_exposure_main_conf_t  *conf;
    ngx_exposure_rule_e        rule;
    expo_audit_verb_t          verb;
    ngx_exposure_who_t         who;
    u_char                     tag[EXPO_TAG];
    expo_id_t                  scan;
    ngx_exposure_scan_open_t   open;
    expo_status_t              st;
    ngx_exposure_scan_open_pt  done;
    void                      *data;
} ngx_exposure_scan_opening_t;


static void ngx_exposure_scan_open_work(void *data);
static void ngx_exposure_scan_open_done(void *data);
static void ngx_exposure_scan_open_free(ngx_exposure_scan_opening_t *o);


ngx_int_t
ngx_exposure_scan_open(ngx_exposure_rule_e rule, expo_audit_verb_t verb,
    ngx_exposure_who_t *who, u_char tag[EXPO_TAG], expo_id_t *scan,
    ngx_exposure_scan_open_pt done, void *data)
{
    ngx_int_t                     rc;
    ngx_exposure_scan_opening_t  *o;

    o = ngx_calloc(sizeof(ngx_exposure_scan_opening_t), ngx_cycle->log);
    if (o == NULL) {
        return NGX_ERROR;
    }

    o->conf = ngx_exposure_main_conf();
    o->rule = rule;
    o->verb = verb;
    ngx_memcpy(o->tag, tag, EXPO_TAG);
    o->scan = *scan;
    o->open.fd = -1;
    o->done = done;
    o->data = data;

    rc = ngx_exposure_who_copy(&o->who, who);

    if (rc == NGX_OK) {
        rc = ngx_exposure_task_post(ngx_exposure_scan_open_work,
                                    ngx_exposure_scan_open_done, o);
    }

    if (rc != NGX_OK) {
        ngx_exposure_scan_open_free(o);
    }

    return rc;
}


static void
ngx_exposure_scan_open_work(void *data)
{
    ngx_exposure_scan_opening_t *o = data;

    uint64_t              bytes;
    expo_lease_t          lease;
    ngx_exposure_found_t  found;

    o->st = ngx_exposure_access(o->conf, o->rule, &o->who, o->tag, &o->scan,
                                &found);

    if (o->st == EXPO_OK && found.scan.state != EXPO_SCAN_READY) {
        o->st = EXPO_NOT_FOUND;
    }

    if (o->st == EXPO_OK) {
        o->st = ngx_exposure_scan_lease(o->conf, &o->who, &found.user,
                                        &found.scan, &lease);
    }

    if (o->st == EXPO_OK && o->verb != EXPO_AUDIT_NONE) {
        o->st = ngx_exposure_audit(o->conf, o->verb, o->tag, &o->scan,
                                   EXPO_AUDIT_PERMITTED);
    }

    if (o->st == EXPO_OK) {
        o->open.role = found.scan.role;
        o->open.access_s = found.scan.expires_at;
        o->st = ngx_exposure_blob_open(o->conf, &o->scan, &lease,
                                       EXPO_BLOB_VOLUME, &o->open.fd, &bytes,
                                       &o->open.blob);
    }

    ngx_explicit_memzero(&lease, sizeof(lease));
    ngx_exposure_found_free(&found);
}


static void
ngx_exposure_scan_open_done(void *data)
{
    ngx_exposure_scan_opening_t *o = data;

    o->done(o->data, o->st, o->st == EXPO_OK ? &o->open : NULL);

    ngx_exposure_scan_open_free(o);
}


static void
ngx_exposure_scan_open_free(ngx_exposure_scan_opening_t *o)
{
    ngx_exposure_who_wipe(&o->who);
    ngx_explicit_memzero(o, sizeof(*o));
    ngx_free(o);
}
