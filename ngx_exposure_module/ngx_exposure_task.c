/* Work in the thread pool, safe against clients that leave meanwhile. */

#include "ngx_exposure_rest.h"

#include <sched.h>
#include <sys/resource.h>


#define NGX_EXPOSURE_TASK_SLOW     60000   /* ms */

/* A quarter of a core is left beside a renderer, which never rests. */
#define NGX_EXPOSURE_TASK_NICE     5
#define NGX_EXPOSURE_LOCATION_MAX  128
#define NGX_EXPOSURE_PUT_TRIES     5


typedef struct {
    ngx_thread_task_t    task;
    void               (*work)(void *data);
    void               (*done)(void *data);
    void                *data;
} ngx_exposure_task_t;


typedef struct {
    void               (*work)(void *data);
    void                *data;
} ngx_exposure_task_gentle_t;


static void ngx_exposure_task_thread(void *data, ngx_log_t *log);
static void ngx_exposure_task_aside(void);
static void *ngx_exposure_task_gentle_thread(void *data);
static void ngx_exposure_task_event(ngx_event_t *ev);
static void ngx_exposure_job_work(void *data);
static ngx_uint_t ngx_exposure_job_audited(ngx_exposure_job_t *job);
static expo_status_t ngx_exposure_job_audit(ngx_exposure_job_t *job,
    expo_audit_outcome_t outcome);
static void ngx_exposure_job_find(ngx_exposure_job_t *job);
static void ngx_exposure_job_done(void *data);
static void ngx_exposure_job_gone(void *data);
static void ngx_exposure_job_free(ngx_exposure_job_t *job);
static ngx_int_t ngx_exposure_job_changed(ngx_http_request_t *r);


/* nginx prints the descriptor of an event's connection when it sets a timer. */
static ngx_connection_t  ngx_exposure_task_connection;


ngx_int_t
ngx_exposure_task_post(void (*work)(void *data), void (*done)(void *data),
    void *data)
{
    ngx_exposure_task_t       *t;
    ngx_exposure_main_conf_t  *mcf;

    mcf = ngx_exposure_main_conf();

    if (mcf == NULL || mcf->pool == NULL || mcf->store == NULL) {
        return NGX_BUSY;
    }

    t = ngx_calloc(sizeof(ngx_exposure_task_t), ngx_cycle->log);
    if (t == NULL) {
        return NGX_BUSY;
    }

    ngx_exposure_task_connection.fd = (ngx_socket_t) -1;

    t->work = work;
    t->done = done;
    t->data = data;

    t->task.ctx = t;
    t->task.handler = ngx_exposure_task_thread;
    t->task.event.data = &ngx_exposure_task_connection;
    t->task.event.handler = ngx_exposure_task_event;
    t->task.event.log = ngx_cycle->log;

    if (ngx_thread_task_post(mcf->pool, &t->task) != NGX_OK) {
        ngx_free(t);
        return NGX_BUSY;
    }

    /* keeps a worker that is told to leave until its work is done */
    ngx_add_timer(&t->task.event, NGX_EXPOSURE_TASK_SLOW);

    return NGX_OK;
}


static void
ngx_exposure_task_thread(void *data, ngx_log_t *log)
{
    ngx_exposure_task_t *t = data;

    t->work(t->data);
}


static void
ngx_exposure_task_event(ngx_event_t *ev)
{
    ngx_exposure_task_t *t;

    t = (ngx_exposure_task_t *) ((u_char *) ev
                                 - offsetof(ngx_exposure_task_t, task.event));

    if (ev->timedout) {
        ev->timedout = 0;

        if (!ev->complete) {
            ngx_log_error(NGX_LOG_ERR, ev->log, 0,
                          "exposure: a task takes more than %d s",
                          NGX_EXPOSURE_TASK_SLOW / 1000);
            ngx_add_timer(ev, NGX_EXPOSURE_TASK_SLOW);
        }

        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    t->done(t->data);

    ngx_free(t);
}


void
ngx_exposure_task_gently(void (*work)(void *data), void *data)
{
    pthread_t                    thread;
    ngx_exposure_task_gentle_t   g;

    g.work = work;
    g.data = data;

    if (pthread_create(&thread, NULL, ngx_exposure_task_gentle_thread, &g)
        != 0)
    {
        work(data);
        return;
    }

    (void) pthread_join(thread, NULL);
}


/*
 * Leaves half of the CPUs to everybody else: at whatever priority, what runs on
 * all of them makes the others wait.
 */

static void
ngx_exposure_task_aside(void)
{
    int        cpu, left;
    cpu_set_t  set;

    if (sched_getaffinity(0, sizeof(cpu_set_t), &set) == -1) {
        return;
    }

    left = (CPU_COUNT(&set) + 1) / 2;

    for (cpu = 0; CPU_COUNT(&set) > 1 && left > 0 && cpu < CPU_SETSIZE;
         cpu++)
    {
        if (CPU_ISSET(cpu, &set)) {
            CPU_CLR(cpu, &set);
            left--;
        }
    }

    (void) sched_setaffinity(0, sizeof(cpu_set_t), &set);
}


static void *
ngx_exposure_task_gentle_thread(void *data)
{
    ngx_exposure_task_gentle_t *g = data;

    ngx_exposure_task_aside();

    /* in Linux this is one thread's; it could not be taken back */
    (void) setpriority(PRIO_PROCESS, 0, NGX_EXPOSURE_TASK_NICE);

    g->work(g->data);

    return NULL;
}


void *
ngx_exposure_job_create(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    size_t size, ngx_exposure_work_pt work, ngx_exposure_answer_pt answer)
{
    ngx_http_cleanup_t  *cln;
    ngx_exposure_job_t  *job;

    job = ngx_calloc(size, r->connection->log);
    if (job == NULL) {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);

    if (cln == NULL || ngx_exposure_who_copy(&job->who, &ctx->who) != NGX_OK) {
        ngx_free(job);
        return NULL;
    }

    cln->handler = ngx_exposure_job_gone;
    cln->data = job;

    job->r = r;
    job->cleanup = cln;
    job->conf = ngx_http_get_module_main_conf(r, ngx_exposure_module);
    job->work = work;
    job->answer = answer;
    job->id = ctx->id;
    job->rule = ctx->rule;
    job->verb = ctx->verb;
    ngx_memcpy(job->tag, ctx->tag, EXPO_TAG);

    return job;
}


ngx_exposure_job_t *
ngx_exposure_job_body(ngx_http_request_t *r, ngx_exposure_ctx_t *ctx,
    json_t *body, ngx_exposure_work_pt work, ngx_exposure_answer_pt answer)
{
    ngx_exposure_job_t  *job;

    job = ngx_exposure_job_create(r, ctx, sizeof(ngx_exposure_job_t), work,
                                  answer);
    if (job == NULL) {
        json_decref(body);
        return NULL;
    }

    job->body = body;

    return job;
}


ngx_int_t
ngx_exposure_job_run(ngx_http_request_t *r, ngx_exposure_job_t *job)
{
    if (ngx_exposure_task_post(ngx_exposure_job_work, ngx_exposure_job_done,
                               job)
        != NGX_OK)
    {
        ngx_exposure_job_drop(job);

        return ngx_exposure_reply_busy(r, 1);
    }

    r->main->count++;

    return NGX_DONE;
}


void
ngx_exposure_job_drop(ngx_exposure_job_t *job)
{
    job->cleanup->handler = NULL;
    ngx_exposure_job_free(job);
}


static void
ngx_exposure_job_work(void *data)
{
    ngx_exposure_job_t *job = data;

    ngx_exposure_job_find(job);

    if (!ngx_exposure_job_audited(job)) {

        if (job->st == EXPO_OK) {
            job->work(job);
        }

        return;
    }

    if (job->st == EXPO_DENIED) {
        (void) ngx_exposure_job_audit(job, EXPO_AUDIT_REFUSED);
    }

    if (job->st == EXPO_OK) {
        job->st = ngx_exposure_job_audit(job, EXPO_AUDIT_PERMITTED);

        if (job->st != EXPO_OK) {
            return;
        }

        job->work(job);

        if (job->st != EXPO_OK) {
            (void) ngx_exposure_job_audit(job, EXPO_AUDIT_FAILED);
        }
    }
}


/* Else nothing is, or the handler knows better what: lib/audit.h. */

static ngx_uint_t
ngx_exposure_job_audited(ngx_exposure_job_t *job)
{
    return job->verb != EXPO_AUDIT_NONE
           && job->verb != EXPO_AUDIT_SHARE_REDEEM
           && job->rule != NGX_EXPOSURE_PUBLIC;
}


static expo_status_t
ngx_exposure_job_audit(ngx_exposure_job_t *job, expo_audit_outcome_t outcome)
{
    return ngx_exposure_audit(job->conf, job->verb, job->tag,
                              &job->found.scan.id, outcome);
}


static void
ngx_exposure_job_find(ngx_exposure_job_t *job)
{
    ngx_exposure_found_free(&job->found);

    job->st = ngx_exposure_access(job->conf, job->rule, &job->who, job->tag,
                                  &job->id, &job->found);

    if (job->found.why) {
        ngx_cpystrn((u_char *) job->detail, (u_char *) job->found.why,
                    sizeof(job->detail));
    }
}


expo_status_t
ngx_exposure_job_key(ngx_exposure_job_t *job, expo_lease_t *lease)
{
    return ngx_exposure_scan_lease(job->conf, &job->who, &job->found.user,
                                   &job->found.scan, lease);
}


static void
ngx_exposure_job_done(void *data)
{
    ngx_exposure_job_t *job = data;

    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = job->r;

    if (job->settle) {
        job->settle(job);
    }

    if (r == NULL) {
        ngx_exposure_job_free(job);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    job->cleanup->handler = NULL;

    rc = job->answer(r, job);

    ngx_exposure_job_free(job);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


ngx_int_t
ngx_exposure_job_answer(ngx_http_request_t *r, ngx_exposure_job_t *job)
{
    char         id[EXPO_ID_TEXT + 1];
    u_char       text[NGX_EXPOSURE_LOCATION_MAX], *p;
    json_t      *json;
    ngx_uint_t   status;

    if (job->st == EXPO_CONFLICT && job->if_match) {
        return ngx_exposure_job_changed(r);
    }

    if (job->st != EXPO_OK) {
        return ngx_exposure_reply_error(r, job->st, job->detail);
    }

    if (job->json == NULL) {
        return ngx_exposure_reply_empty(r, NGX_HTTP_NO_CONTENT);
    }

    if (job->revision) {
        p = ngx_sprintf(text, "\"%uD\"", job->revision);

        if (ngx_exposure_reply_header(r, "ETag", text, p - text) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    status = NGX_HTTP_OK;

    if (job->location) {
        status = NGX_HTTP_CREATED;

        expo_id_print(id, &job->made);
        p = ngx_snprintf(text, sizeof(text), "%s%s", job->location, id);

        if (ngx_exposure_reply_header(r, "Location", text, p - text)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    json = job->json;
    job->json = NULL;

    return ngx_exposure_reply_json(r, status, json);
}


ngx_int_t
ngx_exposure_job_matching(ngx_http_request_t *r, ngx_exposure_job_t *job)
{
    ngx_int_t   n;
    ngx_str_t  *value;

    if (r->headers_in.if_match) {
        value = &r->headers_in.if_match->value;
        n = NGX_ERROR;

        if (value->len == 1 && value->data[0] == '*') {
            n = 0;

        } else if (value->len >= 3 && value->data[0] == '"'
                   && value->data[value->len - 1] == '"')
        {
            n = ngx_atoi(value->data + 1, value->len - 2);
        }

        if (n < 0 || n > (ngx_int_t) NGX_MAX_UINT32_VALUE) {
            ngx_exposure_job_drop(job);
            return ngx_exposure_job_changed(r);
        }

        job->if_match = (uint32_t) n;
    }

    return ngx_exposure_job_run(r, job);
}


ngx_uint_t
ngx_exposure_job_wants(ngx_exposure_job_t *job, uint32_t revision)
{
    return job->if_match == 0 || job->if_match == revision;
}


void
ngx_exposure_job_put(ngx_exposure_job_t *job, ngx_exposure_put_pt put)
{
    ngx_uint_t  n;

    for (n = 0; n < NGX_EXPOSURE_PUT_TRIES; n++) {

        if (n > 0) {
            ngx_exposure_job_find(job);
        }

        if (job->st == EXPO_OK) {
            job->st = put(job);
        }

        if (job->st != EXPO_CONFLICT || job->if_match) {
            break;
        }
    }
}


static ngx_int_t
ngx_exposure_job_changed(ngx_http_request_t *r)
{
    return ngx_exposure_reply_problem(r, NGX_HTTP_PRECONDITION_FAILED,
                   "changed", "It was changed by somebody else meanwhile.");
}


static void
ngx_exposure_job_gone(void *data)
{
    ngx_exposure_job_t *job = data;

    job->r = NULL;
}


static void
ngx_exposure_job_free(ngx_exposure_job_t *job)
{
    if (job->release) {
        job->release(job);
    }

    json_decref(job->body);
    json_decref(job->json);

    ngx_exposure_found_free(&job->found);
    ngx_exposure_who_wipe(&job->who);
    ngx_explicit_memzero(job->tag, EXPO_TAG);

    ngx_free(job);
}
