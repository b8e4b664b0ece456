/*
 * Who is disabled or erased by the operator's tool, or has another name now,
 * has sessions that no request told nginx to end. So each nginx worker asks the
 * store, every few seconds, about the sessions that its own clients ask for.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_session.h"


typedef struct {
    ngx_exposure_main_conf_t  *conf;
    size_t                     n;
    expo_session_t             sessions[EXPO_QUEUE_SESSIONS];
    expo_status_t              may[EXPO_QUEUE_SESSIONS];
} ngx_exposure_may_t;


static void ngx_exposure_may_work(void *data);
static void ngx_exposure_may_done(void *data);


static ngx_uint_t  ngx_exposure_may_busy;


void
ngx_exposure_session_ask(void)
{
    ngx_exposure_may_t   *m;
    ngx_exposure_zone_t  *zone;

    if (ngx_exposure_may_busy || ngx_queue_empty(&ngx_exposure_executes)) {
        return;
    }

    m = ngx_calloc(sizeof(ngx_exposure_may_t), ngx_cycle->log);
    if (m == NULL) {
        return;
    }

    m->conf = ngx_exposure_main_conf();
    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    m->n = expo_queue_asked(ngx_exposure_zone_queue(zone),
                            ngx_exposure_zone_owner(), m->sessions);
    ngx_exposure_zone_unlock(zone);

    if (m->n == 0
        || ngx_exposure_task_post(ngx_exposure_may_work,
                                  ngx_exposure_may_done, m)
           != NGX_OK)
    {
        ngx_free(m);
        return;
    }

    ngx_exposure_may_busy = 1;
}


static void
ngx_exposure_may_work(void *data)
{
    ngx_exposure_may_t *m = data;

    size_t     i;
    expo_id_t  user;

    for (i = 0; i < m->n; i++) {
        ngx_memcpy(user.b, m->sessions[i].user, sizeof(user.b));
        m->may[i] = expo_store_may(m->conf->store, &m->sessions[i].scan,
                                   &user);
    }
}


/* A store that cannot say ends nothing: it is asked again soon. */

static void
ngx_exposure_may_done(void *data)
{
    ngx_exposure_may_t *m = data;

    size_t     i;
    expo_id_t  user;

    ngx_exposure_may_busy = 0;

    for (i = 0; i < m->n; i++) {

        if (m->may[i] == EXPO_NOT_FOUND) {
            ngx_exposure_session_delete(&m->sessions[i].scan);

        } else if (m->may[i] == EXPO_DENIED) {
            ngx_memcpy(user.b, m->sessions[i].user, sizeof(user.b));
            ngx_exposure_session_revoke(&m->sessions[i].scan, &user,
                                        EXPO_END_REVOKED);
        }
    }

    ngx_free(m);
}
