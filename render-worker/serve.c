#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/log.h"
#include "render-worker/serve.h"

/* A session that changed something, or only wants its converged picture once
 * more, is served as if it had waited so long. */
#define SERVE_BONUS_US 1000000
#define SERVE_NEVER UINT64_MAX
#define SERVE_ERROR 256

struct serve_view_s {
    serve_view_t *next;
    serve_t *serve;
    void *owner;

    /* Wishes: written by the main thread, under the lock. */
    expo_settings_t settings;
    uint32_t revision;
    uint64_t changed_us;
    picture_stream_t stream;
    uint32_t stream_revision;
    uint32_t viewers;
    bool keyframe;
    bool removed;
    serve_pick_t picks[SERVE_PICKS]; /* oldest first */
    uint32_t n_picks;

    /* Written by the render thread, under the lock. */
    bool failed;
    bool converged;
    bool refining; /* a still film is being worked on just now */
    uint32_t shown_revision, shown_stream; /* 0: none yet */
    uint64_t next_us; /* earliest moment for the next moving picture */
    uint64_t served_us;
    serve_stats_t stats;
    uint64_t render_us, encode_us;

    picture_t picture; /* the render thread's own */
};

struct serve_s {
    loop_t *loop;
    serve_events_t events;
    unsigned threads;
    tracer_t *tracer; /* changes under the lock */
    tracer_t *lost;   /* failed; its name may still be on somebody's lips */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    serve_view_t *views;
    bool stop;
};

typedef struct {
    serve_view_t *view;
    enum { SERVE_FRAME, SERVE_PICKED, SERVE_FAILED, SERVE_GONE } what;
    uint32_t sequence;
    serve_pick_t pick;
} serve_news_t;

static void serve_changed(serve_view_t *v);
static void *serve_thread(void *data);
static void serve_dispose(serve_t *s);
static serve_view_t *serve_choose(serve_t *s, uint64_t now, uint64_t *wake_us);
static uint64_t serve_next_moving(const serve_t *s, uint64_t now);
static uint64_t serve_due(const serve_view_t *v, uint64_t now);
static bool serve_is_moving(const serve_view_t *v, uint64_t now);
static void serve_one(serve_t *s, serve_view_t *v);
static expo_status_t serve_fall_back(serve_t *s);
static void serve_wish(serve_view_t *v, uint64_t now, picture_wish_t *wish);
static void serve_count(serve_view_t *v, const picture_result_t *result);
static void serve_answer(serve_t *s);
static void serve_tell(const serve_news_t *what);
static void serve_news(void *data);


expo_status_t
serve_start(loop_t *loop, const char *device, unsigned threads,
            const serve_events_t *events, serve_t **out, char *error,
            size_t error_bytes)
{
    serve_t *s = calloc(1, sizeof(*s));
    pthread_condattr_t attr;
    expo_status_t st;

    if (s == NULL) {
        return EXPO_NO_MEMORY;
    }

    s->loop = loop;
    s->events = *events;
    s->threads = threads;

    st = tracer_create(device, threads, &s->tracer, error, error_bytes);

    if (st == EXPO_UNSUPPORTED) {
        log_line("render: %s; the CPU renders", error);
        st = tracer_create("cpu", threads, &s->tracer, error, error_bytes);
    }

    if (st != EXPO_OK) {
        free(s);
        return st;
    }

    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attr);
    pthread_condattr_destroy(&attr);

    if (pthread_create(&s->thread, NULL, serve_thread, s) != 0) {
        tracer_destroy(s->tracer);
        free(s);
        return EXPO_NO_MEMORY;
    }

    *out = s;
    return EXPO_OK;
}


void
serve_stop(serve_t *s)
{
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);

    pthread_join(s->thread, NULL);
    tracer_destroy(s->tracer);
    tracer_destroy(s->lost);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}


const char *
serve_device(serve_t *s)
{
    const char *name;

    pthread_mutex_lock(&s->lock);
    name = tracer_device(s->tracer);
    pthread_mutex_unlock(&s->lock);

    return name;
}


serve_view_t *
serve_add(serve_t *s, void *owner, const expo_volume_t *volume,
          const uint16_t *voxels, publish_t *ring,
          const expo_settings_t *settings, uint32_t revision,
          const picture_stream_t *stream)
{
    serve_view_t *v = calloc(1, sizeof(*v));

    if (v == NULL) {
        return NULL;
    }

    v->serve = s;
    v->owner = owner;
    v->settings = *settings;
    v->revision = revision;
    v->stream = *stream;
    v->stream_revision = 1;
    v->stats.noise = -1;
    picture_init(&v->picture, volume, voxels, ring);

    pthread_mutex_lock(&s->lock);
    v->next = s->views;
    s->views = v;
    pthread_mutex_unlock(&s->lock);

    return v;
}


void
serve_remove(serve_view_t *v)
{
    serve_t *s = v->serve;

    pthread_mutex_lock(&s->lock);
    v->removed = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}


void
serve_set(serve_view_t *v, const expo_settings_t *settings, uint32_t revision)
{
    serve_t *s = v->serve;

    pthread_mutex_lock(&s->lock);
    v->settings = *settings;
    v->revision = revision;
    serve_changed(v);
    pthread_mutex_unlock(&s->lock);
}


void
serve_stream(serve_view_t *v, const picture_stream_t *stream)
{
    serve_t *s = v->serve;

    pthread_mutex_lock(&s->lock);
    v->stream = *stream;
    v->stream_revision++;
    serve_changed(v);
    pthread_mutex_unlock(&s->lock);
}


void
serve_viewers(serve_view_t *v, uint32_t viewers)
{
    serve_t *s = v->serve;

    pthread_mutex_lock(&s->lock);

    if (v->viewers == 0 && viewers > 0 && v->shown_revision == 0) {
        /* The very first picture should come quickly, however coarse. */
        v->changed_us = loop_now_us();
    }

    v->keyframe |= viewers > v->viewers;
    v->viewers = viewers;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}


void
serve_keyframe(serve_view_t *v)
{
    serve_t *s = v->serve;

    pthread_mutex_lock(&s->lock);
    v->keyframe = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}


void
serve_pick(serve_view_t *v, const serve_pick_t *pick)
{
    serve_t *s = v->serve;

    pthread_mutex_lock(&s->lock);

    if (v->n_picks == SERVE_PICKS) {
        serve_tell(&(serve_news_t){
            .view = v, .what = SERVE_PICKED, .pick = v->picks[0]});
        v->n_picks--;
        memmove(v->picks, v->picks + 1, v->n_picks * sizeof(v->picks[0]));
    }

    v->picks[v->n_picks++] = *pick;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}


void
serve_stats(serve_view_t *v, serve_stats_t *out)
{
    serve_t *s = v->serve;

    pthread_mutex_lock(&s->lock);
    *out = v->stats;
    out->converged = v->converged;
    out->max_samples = v->settings.quality.max_samples;

    if (v->stats.frames > 0) {
        out->render_ms = (double) v->render_us / 1000 / v->stats.frames;
        out->encode_ms = (double) v->encode_us / 1000 / v->stats.frames;
    }

    v->stats.frames = 0;
    v->stats.bytes = 0;
    v->render_us = v->encode_us = 0;
    pthread_mutex_unlock(&s->lock);
}


/* With the lock held. */
static void
serve_changed(serve_view_t *v)
{
    v->changed_us = loop_now_us();

    /* A moving picture is shown even if it is late; otherwise nothing is seen
     * of a hand that never rests. */
    if (v->refining) {
        picture_interrupt(&v->picture);
    }

    pthread_cond_signal(&v->serve->wake);
}


static void *
serve_thread(void *data)
{
    serve_t *s = data;
    serve_view_t *v;
    uint64_t wake_us;
    struct timespec until;

    pthread_mutex_lock(&s->lock);

    for (;;) {
        serve_dispose(s);
        serve_answer(s);

        if (s->stop) {
            break;
        }

        v = serve_choose(s, loop_now_us(), &wake_us);

        if (v != NULL) {
            serve_one(s, v);

        } else if (wake_us == SERVE_NEVER) {
            pthread_cond_wait(&s->wake, &s->lock);

        } else {
            until.tv_sec = (time_t) (wake_us / 1000000);
            until.tv_nsec = (long) (wake_us % 1000000) * 1000;
            pthread_cond_timedwait(&s->wake, &s->lock, &until);
        }
    }

    pthread_mutex_unlock(&s->lock);
    return NULL;
}


/* Lets go of what was removed. Called and returns with the lock held. */
static void
serve_dispose(serve_t *s)
{
    serve_view_t **at = &s->views, *v;

    while ((v = *at) != NULL) {
        if (!v->removed) {
            at = &v->next;
            continue;
        }

        *at = v->next;

        picture_close(&v->picture);
        serve_tell(&(serve_news_t){.view = v, .what = SERVE_GONE});
    }
}


/*
 * Who waited longest among those that have something to do; or NULL and when to
 * look again. A refining pass cannot be cut short for somebody else, so it is
 * not begun where it would hold up one who moves, until it has waited long. A
 * converged picture is only shown again, which is no pass.
 */
static serve_view_t *
serve_choose(serve_t *s, uint64_t now, uint64_t *wake_us)
{
    serve_view_t *v, *best = NULL;
    uint64_t due, waited, longest = 0, soon = serve_next_moving(s, now);

    *wake_us = SERVE_NEVER;

    for (v = s->views; v != NULL; v = v->next) {
        due = serve_due(v, now);

        if (due <= now && !serve_is_moving(v, now) && !v->converged &&
            now + picture_pass_us(&v->picture) > soon) {
            due = v->served_us + SERVE_BONUS_US;
        }

        if (due > now) {
            *wake_us = due < *wake_us ? due : *wake_us;
            continue;
        }

        waited = now - v->served_us;

        if (serve_is_moving(v, now) || v->converged) {
            waited += SERVE_BONUS_US;
        }

        if (best == NULL || waited > longest) {
            best = v;
            longest = waited;
        }
    }

    return best;
}


/* When the next picture of one that moves is due; SERVE_NEVER: none moves. */
static uint64_t
serve_next_moving(const serve_t *s, uint64_t now)
{
    const serve_view_t *v;
    uint64_t due, soon = SERVE_NEVER;

    for (v = s->views; v != NULL; v = v->next) {
        if (serve_is_moving(v, now)) {
            due = serve_due(v, now);
            soon = due < soon ? due : soon;
        }
    }

    return soon;
}


/* When this view has something to do; SERVE_NEVER until a wish comes. */
static uint64_t
serve_due(const serve_view_t *v, uint64_t now)
{
    if (v->removed || v->failed || v->viewers == 0) {
        return SERVE_NEVER;
    }

    if (v->converged && !v->keyframe && v->shown_revision == v->revision &&
        v->shown_stream == v->stream_revision) {
        return SERVE_NEVER;
    }

    /* Refining goes on all the time, pictures at their pace. */
    return serve_is_moving(v, now) ? v->next_us : now;
}


static bool
serve_is_moving(const serve_view_t *v, uint64_t now)
{
    return v->shown_revision != v->revision ||
           now - v->changed_us < PACE_STILL_US;
}


/* One pass and perhaps one picture. Called and returns with the lock held. */
static void
serve_one(serve_t *s, serve_view_t *v)
{
    picture_wish_t wish;
    picture_result_t result;
    expo_status_t st;

    serve_wish(v, loop_now_us(), &wish);
    v->refining = !wish.moving;
    pthread_mutex_unlock(&s->lock);

    st = picture_make(&v->picture, s->tracer, &wish, &result);

    if (result.shown) {
        serve_tell(&(serve_news_t){
            .view = v, .what = SERVE_FRAME, .sequence = result.sequence});
    }

    pthread_mutex_lock(&s->lock);

    v->refining = false;
    v->shown_revision = wish.revision;
    v->shown_stream = wish.stream_revision;
    serve_count(v, &result);

    if (st == EXPO_IO && tracer_trouble(s->tracer)[0] != '\0') {
        st = serve_fall_back(s);
    }

    if (st != EXPO_OK) {
        v->failed = true;
        serve_tell(&(serve_news_t){.view = v, .what = SERVE_FAILED});
    }
}


/* The device failed: the CPU takes its sessions over, from zero samples. Called
 * and returns with the lock held. */
static expo_status_t
serve_fall_back(serve_t *s)
{
    tracer_t *cpu;
    char error[SERVE_ERROR];
    expo_status_t st =
        tracer_create("cpu", s->threads, &cpu, error, sizeof(error));
    serve_view_t *v;

    log_line("render: %s; %s", tracer_trouble(s->tracer),
             st == EXPO_OK ? "the CPU renders" : error);

    if (st != EXPO_OK) {
        return st;
    }

    for (v = s->views; v != NULL; v = v->next) {
        picture_lost(&v->picture);
    }

    s->lost = s->tracer;
    s->tracer = cpu;

    return EXPO_OK;
}


/* The newest wishes, whatever was wished in between. */
static void
serve_wish(serve_view_t *v, uint64_t now, picture_wish_t *wish)
{
    serve_view_t *other;

    wish->settings = v->settings;
    wish->revision = v->revision;
    wish->stream = v->stream;
    wish->stream_revision = v->stream_revision;
    wish->moving = serve_is_moving(v, now);
    wish->keyframe = v->keyframe;
    wish->sharers = 0;

    for (other = v->serve->views; other != NULL; other = other->next) {
        wish->sharers += other == v || (serve_is_moving(other, now) &&
                                        serve_due(other, now) != SERVE_NEVER);
    }

    v->keyframe = false;
    v->served_us = now;
    v->next_us = now + 1000000u / picture_fps(&v->settings, &v->stream);
}


static void
serve_count(serve_view_t *v, const picture_result_t *result)
{
    v->converged = result->converged;

    if (result->samples == 0) {
        /* Interrupted: the film that was shown is still the one to tell of. */
        return;
    }

    v->stats.samples = result->samples;
    v->stats.noise = result->noise;
    v->stats.width = result->film_width;
    v->stats.height = result->film_height;
    v->stats.frames += result->shown;
    v->stats.bytes += result->bytes;
    v->render_us += result->render_us;
    v->encode_us += result->encode_us;
}


/*
 * What was picked, by the pictures that were made last. Called and returns with
 * the lock held: main waits for as long as some rays take.
 */
static void
serve_answer(serve_t *s)
{
    serve_news_t news = {.what = SERVE_PICKED};
    serve_view_t *v;
    uint32_t i;

    for (v = s->views; v != NULL; v = v->next) {
        for (i = 0; i < v->n_picks; i++) {
            news.view = v;
            news.pick = v->picks[i];
            news.pick.met = picture_pick(&v->picture, news.pick.x, news.pick.y,
                                         news.pick.point_mm) == EXPO_OK;
            serve_tell(&news);
        }

        v->n_picks = 0;
    }
}


static void
serve_tell(const serve_news_t *what)
{
    serve_news_t *news = malloc(sizeof(*news));

    if (news == NULL) {
        /* A session that waits for this would never end. */
        abort();
    }

    *news = *what;
    loop_post(news->view->serve->loop, serve_news, news);
}


/* On the main thread. */
static void
serve_news(void *data)
{
    serve_news_t *news = data;
    serve_view_t *v = news->view;
    const serve_events_t *events = &v->serve->events;

    switch (news->what) {
    case SERVE_FRAME:
        events->frame(v->owner, news->sequence);
        break;
    case SERVE_PICKED:
        events->picked(v->owner, &news->pick);
        break;
    case SERVE_FAILED:
        events->failed(v->owner);
        break;
    case SERVE_GONE:
        events->gone(v->owner);
        free(v);
        break;
    }

    free(news);
}
