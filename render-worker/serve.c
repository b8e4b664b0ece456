#include <stdlib.h>
#include <string.h>

#include "render-worker/log.h"
#include "render-worker/serve_private.h"

static void serve_changed(serve_view_t *v);
static void serve_news(void *data);


expo_status_t
serve_start(loop_t *loop, const char *device, unsigned threads,
            const serve_events_t *events, serve_t **out, char *error,
            size_t error_bytes)
{
    serve_t *s = calloc(1, sizeof(*s));
    pthread_condattr_t attr;
    tracer_t *tracer;
    expo_status_t st;

    if (s == NULL) {
        return EXPO_NO_MEMORY;
    }

    s->loop = loop;
    s->events = *events;
    s->threads = threads;

    st = tracer_create(device, threads, &tracer, error, error_bytes);

    if (st == EXPO_UNSUPPORTED) {
        log_line("render: %s; the CPU renders", error);
        st = tracer_create("cpu", threads, &tracer, error, error_bytes);
    }

    if (st != EXPO_OK) {
        free(s);
        return st;
    }

    *(tracer_is_card(tracer) ? &s->card : &s->cpu) = tracer;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attr);
    pthread_condattr_destroy(&attr);

    if (pthread_create(&s->thread, NULL, serve_thread, s) != 0) {
        tracer_destroy(tracer);
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
    serve_speak(s);
    pthread_mutex_unlock(&s->lock);

    pthread_join(s->thread, NULL);
    tracer_destroy(s->card);
    tracer_destroy(s->cpu);
    tracer_destroy(s->lost);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}


tracer_t *
serve_tracer(const serve_view_t *v)
{
    const serve_t *s = v->serve;

    return s->card != NULL && !v->on_cpu ? s->card : s->cpu;
}


const char *
serve_device(serve_t *s)
{
    const char *name;

    pthread_mutex_lock(&s->lock);
    name = tracer_device(s->card != NULL ? s->card : s->cpu);
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
serve_table(serve_view_t *v, expo_table_t *table, uint16_t *voxels)
{
    pthread_mutex_lock(&v->serve->lock);
    picture_table(&v->picture, table, voxels);
    pthread_mutex_unlock(&v->serve->lock);
}


void
serve_remove(serve_view_t *v)
{
    serve_t *s = v->serve;

    pthread_mutex_lock(&s->lock);
    v->removed = true;
    serve_speak(s);
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
    serve_speak(s);
    pthread_mutex_unlock(&s->lock);
}


void
serve_keyframe(serve_view_t *v)
{
    serve_t *s = v->serve;

    pthread_mutex_lock(&s->lock);
    v->keyframe = true;
    serve_speak(s);
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
    out->device = tracer_device(serve_tracer(v));

    if (v->stats.frames > 0) {
        out->render_ms = (double) v->render_us / 1000 / v->stats.frames;
        out->encode_ms = (double) v->encode_us / 1000 / v->stats.frames;
    }

    v->stats.frames = 0;
    v->stats.bytes = 0;
    v->render_us = v->encode_us = 0;
    pthread_mutex_unlock(&s->lock);
}


void
serve_speak(serve_t *s)
{
    atomic_store(&s->spoken, true);
    pthread_cond_signal(&s->wake);
}


void
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


/* With the lock held. */
static void
serve_changed(serve_view_t *v)
{
    v->changed_us = loop_now_us();
    serve_speak(v->serve);
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
