/*
 * The audit in pool threads: a line is written before what it tells of is done,
 * and what cannot be written down is not done. And what people may read of it:
 * an owner what was done with a scan, everybody their own lines.
 */

#include "ngx_exposure_rest.h"


#define NGX_EXPOSURE_LOOK_AGAIN  3600      /* s: a picture seen is one look */
#define NGX_EXPOSURE_AUDIT_TIME  sizeof("2026-11-23T04:00:00Z")


/* Whom the lines of a scan speak of. */
typedef struct {
    u_char                     actor[EXPO_AUDIT_ACTOR];
    expo_id_t                  user;
    ngx_uint_t                 known;
} ngx_exposure_actor_t;


typedef struct {
    ngx_exposure_main_conf_t  *conf;
    ngx_exposure_actor_t      *actors;
    size_t                     n;
    size_t                     unknown;
} ngx_exposure_actors_t;


typedef struct {
    ngx_exposure_main_conf_t  *conf;
    expo_audit_t               line;
} ngx_exposure_audit_late_t;


static void ngx_exposure_audit_late_work(void *data);
static void ngx_exposure_audit_late_done(void *data);
static ngx_int_t ngx_exposure_audit_answer(ngx_http_request_t *r,
    ngx_exposure_ctx_t *ctx, ngx_exposure_work_pt work);
static void ngx_exposure_audit_scan_work(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_audit_users(ngx_exposure_job_t *job,
    expo_audit_line_t *lines, size_t n, ngx_exposure_actors_t *who);
static int ngx_exposure_audit_see(void *data, const uint8_t tag[EXPO_TAG]);
static ngx_exposure_actor_t *ngx_exposure_audit_find(
    ngx_exposure_actors_t *who, const u_char *actor);
static void ngx_exposure_audit_user_work(ngx_exposure_job_t *job);
static json_t *ngx_exposure_audit_json(expo_audit_t *line, const char *name,
    const expo_id_t *id);


expo_status_t
ngx_exposure_audit(ngx_exposure_main_conf_t *conf, expo_audit_verb_t verb,
    u_char tag[EXPO_TAG], expo_id_t *object, expo_audit_outcome_t outcome)
{
    uint64_t       at;
    expo_audit_t   line;
    expo_status_t  st;

    ngx_memzero(&line, sizeof(line));

    line.at = (uint64_t) time(NULL);
    line.verb = verb;
    line.outcome = outcome;
    line.object = *object;

    st = expo_audit_actor(line.actor, conf->names, tag);
    if (st != EXPO_OK) {
        return st;
    }

    if (verb == EXPO_AUDIT_SCAN_LOOK
        && expo_store_audit_latest(conf->store, &line, &at) == EXPO_OK
        && at <= line.at && line.at - at < NGX_EXPOSURE_LOOK_AGAIN)
    {
        return EXPO_OK;
    }

    return expo_store_audit_append(conf->store, conf->keys, &line);
}


void
ngx_exposure_audit_refused(expo_audit_verb_t verb, expo_id_t *object)
{
    ngx_exposure_audit_late_t  *late;

    late = ngx_calloc(sizeof(ngx_exposure_audit_late_t), ngx_cycle->log);
    if (late == NULL) {
        return;
    }

    late->conf = ngx_exposure_main_conf();
    late->line.at = (uint64_t) time(NULL);
    late->line.verb = verb;
    late->line.outcome = EXPO_AUDIT_REFUSED;
    late->line.object = *object;

    if (ngx_exposure_task_post(ngx_exposure_audit_late_work,
                               ngx_exposure_audit_late_done, late)
        != NGX_OK)
    {
        ngx_free(late);
    }
}


static void
ngx_exposure_audit_late_work(void *data)
{
    ngx_exposure_audit_late_t *late = data;

    (void) expo_store_audit_append(late->conf->store, late->conf->keys,
                                   &late->line);
}


static void
ngx_exposure_audit_late_done(void *data)
{
    ngx_free(data);
}


/* --- what is told of it --- */

ngx_int_t
ngx_exposure_audit_scan(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_audit_answer(r, ctx, ngx_exposure_audit_scan_work);
}


ngx_int_t
ngx_exposure_audit_user(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx)
{
    return ngx_exposure_audit_answer(r, ctx, ngx_exposure_audit_user_work);
}


static ngx_int_t
ngx_exposure_audit_answer(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    ngx_exposure_work_pt work)
{
    ngx_exposure_job_t  *job;

    job = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_job_t), work,
                                  ngx_exposure_job_answer);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_exposure_job_run(r, job);
}


static void
ngx_exposure_audit_scan_work(ngx_exposure_job_t *job)
{
    size_t                  i, n;
    json_t                 *list;
    expo_audit_line_t      *lines;
    ngx_exposure_actor_t   *actor;
    ngx_exposure_actors_t   who;

    job->st = expo_store_audit_of(job->conf->store, &job->id, NULL, &lines,
                                  &n);
    if (job->st != EXPO_OK) {
        return;
    }

    job->st = ngx_exposure_audit_users(job, lines, n, &who);

    if (job->st == EXPO_OK) {
        list = json_array();

        for (i = 0; i < n; i++) {
            actor = ngx_exposure_audit_find(&who, lines[i].record.actor);
            json_array_append_new(list,
                        ngx_exposure_audit_json(&lines[i].record, "user",
                                                actor->known ? &actor->user
                                                             : NULL));
        }

        job->json = json_pack("{s:o}", "lines", list);
    }

    free(who.actors);
    free(lines);
}


/* By the ids that permissions have. Who was erased stays unknown. */

static expo_status_t
ngx_exposure_audit_users(ngx_exposure_job_t *job, expo_audit_line_t *lines,
    size_t n, ngx_exposure_actors_t *who)
{
    size_t                 i;
    ngx_exposure_actor_t  *actor;

    ngx_memzero(who, sizeof(ngx_exposure_actors_t));

    who->conf = job->conf;
    who->actors = calloc(n + 1, sizeof(ngx_exposure_actor_t));

    if (who->actors == NULL) {
        return EXPO_NO_MEMORY;
    }

    for (i = 0; i < n; i++) {

        if (ngx_exposure_audit_find(who, lines[i].record.actor) == NULL) {
            actor = &who->actors[who->n++];
            ngx_memcpy(actor->actor, lines[i].record.actor, EXPO_AUDIT_ACTOR);
        }
    }

    who->unknown = who->n;

    return expo_store_users_each(job->conf->store, ngx_exposure_audit_see,
                                 who);
}


static int
ngx_exposure_audit_see(void *data, const uint8_t tag[EXPO_TAG])
{
    ngx_exposure_actors_t *who = data;

    u_char                 actor[EXPO_AUDIT_ACTOR];
    ngx_exposure_actor_t  *found;

    if (who->unknown == 0) {
        return 0;
    }

    if (expo_audit_actor(actor, who->conf->names, tag) == EXPO_OK) {
        found = ngx_exposure_audit_find(who, actor);

        if (found) {
            ngx_exposure_user_id((u_char *) tag, &found->user);
            found->known = 1;
            who->unknown--;
        }
    }

    return 1;
}


static ngx_exposure_actor_t *
ngx_exposure_audit_find(ngx_exposure_actors_t *who, const u_char *actor)
{
    size_t  i;

    for (i = 0; i < who->n; i++) {
        if (ngx_memcmp(who->actors[i].actor, actor, EXPO_AUDIT_ACTOR) == 0) {
            return &who->actors[i];
        }
    }

    return NULL;
}


static void
ngx_exposure_audit_user_work(ngx_exposure_job_t *job)
{
    size_t              i, n;
    u_char              actor[EXPO_AUDIT_ACTOR];
    json_t             *list;
    expo_audit_line_t  *lines;

    job->st = expo_audit_actor(actor, job->conf->names, job->tag);

    if (job->st == EXPO_OK) {
        job->st = expo_store_audit_of(job->conf->store, NULL, actor, &lines,
                                      &n);
    }

    if (job->st != EXPO_OK) {
        return;
    }

    list = json_array();

    for (i = 0; i < n; i++) {
        json_array_append_new(list,
                       ngx_exposure_audit_json(&lines[i].record, "object",
                                               &lines[i].record.object));
    }

    free(lines);
    job->json = json_pack("{s:o}", "lines", list);
}


/* id: NULL or zeros: there is none to be named. */

static json_t *
ngx_exposure_audit_json(expo_audit_t *line, const char *name,
    const expo_id_t *id)
{
    char                    at[NGX_EXPOSURE_AUDIT_TIME];
    char                    text[EXPO_ID_TEXT + 1];
    time_t                  seconds;
    struct tm               tm;
    static const expo_id_t  nothing;

    seconds = (time_t) line->at;
    gmtime_r(&seconds, &tm);
    strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);

    if (id && ngx_memcmp(id, &nothing, sizeof(nothing)) != 0) {
        expo_id_print(text, id);

    } else {
        id = NULL;
    }

    return json_pack("{s:s, s:s, s:s, s:s?}", "at", at,
                     "verb", expo_audit_verb_text(line->verb),
                     "outcome", expo_audit_outcome_text(line->outcome),
                     name, id ? text : NULL);
}
