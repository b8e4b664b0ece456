/* The render thread's half: whose turn it is, and what a turn does. */

#include <string.h>

#include "render-worker/log.h"
#include "render-worker/serve_private.h"

#define SERVE_NEVER UINT64_MAX
/* Before a moving picture is due, so little is not worth a turn. */
#define SERVE_GAP_US 3000

static void serve_dispose(serve_t *s);
static serve_view_t *serve_choose(serve_t *s, uint64_t now, uint64_t *wake_us);
static turn_kind_t serve_kind(const serve_view_t *v, uint64_t now);
static bool serve_is_moving(const serve_view_t *v, uint64_t now);
static uint64_t serve_due(const serve_view_t *v, uint64_t now);
static void serve_turn(serve_t *s, serve_view_t *v);
static void serve_limit(serve_t *s, const serve_view_t *v, uint64_t now);
static bool serve_is_over(void *data);
static bool serve_others_refine(const serve_t *s, const serve_view_t *v);
static expo_status_t serve_elsewhere(serve_t *s, serve_view_t *v,
                                     expo_status_t st);
static expo_status_t serve_cpu(serve_t *s);
static void serve_move(serve_view_t *v);
static void serve_wish(serve_view_t *v, uint64_t now);
static void serve_count(serve_view_t *v, const picture_result_t *result);


void *
serve_thread(void *data)
{
    serve_t *s = data;
    serve_view_t *v;
    uint64_t wake_us;
    struct timespec until;

    pthread_mutex_lock(&s->lock);

    for (;;) {
        atomic_store(&s->spoken, false);
        serve_dispose(s);
        serve_pick_answer(s);

        if (s->stop) {
            break;
        }

        v = serve_choose(s, loop_now_us(), &wake_us);

        if (v != NULL) {
            serve_turn(s, v);

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


/* Whose turn it is (turn.h) among those that have something to do; or NULL and
 * when to look again. */
static serve_view_t *
serve_choose(serve_t *s, uint64_t now, uint64_t *wake_us)
{
    serve_view_t *v, *best = NULL;

    *wake_us = SERVE_NEVER;

    for (v = s->views; v != NULL; v = v->next) {
        uint64_t due = serve_due(v, now);

        turn_wants(&s->turns, &v->turn, serve_kind(v, now));

        if (due > now) {
            *wake_us = due < *wake_us ? due : *wake_us;

        } else if (best == NULL ||
                   turn_is_before(&s->turns, &v->turn, &best->turn)) {
            best = v;
        }
    }

    if (best != NULL && best->turn.kind == TURN_REFINES &&
        !turn_is_owed(&s->turns) && *wake_us < now + SERVE_GAP_US) {
        return NULL;
    }

    return best;
}


/* A converged picture that is only shown again holds nobody up. */
static turn_kind_t
serve_kind(const serve_view_t *v, uint64_t now)
{
    if (v->removed || v->failed || v->viewers == 0) {
        return TURN_NONE;
    }

    if (serve_is_moving(v, now)) {
        return TURN_MOVES;
    }

    if (!v->converged) {
        return TURN_REFINES;
    }

    return v->keyframe || v->shown_stream != v->stream_revision ? TURN_MOVES
                                                                : TURN_NONE;
}


static bool
serve_is_moving(const serve_view_t *v, uint64_t now)
{
    return v->shown_revision != v->revision ||
           now - v->changed_us < PACE_STILL_US ||
           (v->under_way && v->wish.moving);
}


/* When this view has something to do; SERVE_NEVER until a wish comes. */
static uint64_t
serve_due(const serve_view_t *v, uint64_t now)
{
    if (serve_kind(v, now) == TURN_NONE) {
        return SERVE_NEVER;
    }

    /* New pictures come at their pace, and of what is under way all that is
     * left. */
    return serve_is_moving(v, now) && !v->under_way ? v->next_us : now;
}


/* Part of a pass, or all of it, and perhaps a picture. Called and returns with
 * the lock held. */
static void
serve_turn(serve_t *s, serve_view_t *v)
{
    uint64_t begun = loop_now_us();
    tracer_t *tracer = serve_tracer(v);
    picture_result_t result;
    expo_status_t st;

    /* A moving picture is shown even if it is late; otherwise nothing is seen
     * of a hand that never rests. */
    if (!v->under_way || !v->wish.moving) {
        serve_wish(v, begun);
    }

    serve_limit(s, v, begun);
    pthread_mutex_unlock(&s->lock);

    st = picture_make(&v->picture, tracer, &v->wish, serve_is_over, s, &result);

    if (result.shown) {
        serve_tell(&(serve_news_t){
            .view = v, .what = SERVE_FRAME, .sequence = result.sequence});
    }

    pthread_mutex_lock(&s->lock);

    turn_had(&s->turns, &v->turn, loop_now_us() - begun,
             serve_others_refine(s, v));
    v->under_way = st == EXPO_AGAIN;
    serve_count(v, &result);

    if (!v->under_way) {
        v->shown_revision = v->wish.revision;
        v->shown_stream = v->wish.stream_revision;
    }

    if (st != EXPO_OK && st != EXPO_AGAIN) {
        st = serve_elsewhere(s, v, st);
        v->failed = st != EXPO_OK;
    }

    if (v->failed) {
        serve_tell(&(serve_news_t){.view = v, .what = SERVE_FAILED});
    }
}


/* Refining makes way for whatever is said, and for a moving picture that is
 * due. */
static void
serve_limit(serve_t *s, const serve_view_t *v, uint64_t now)
{
    const serve_view_t *other;
    uint64_t due;

    s->heeds = !v->wish.moving;
    s->until_us = now + turn_us(v->turn.kind);

    if (v->wish.moving || turn_is_owed(&s->turns)) {
        return;
    }

    for (other = s->views; other != NULL; other = other->next) {
        if (other->turn.kind == TURN_MOVES) {
            due = serve_due(other, now);
            s->until_us = due < s->until_us ? due : s->until_us;
        }
    }
}


static bool
serve_is_over(void *data)
{
    serve_t *s = data;

    return (s->heeds && atomic_load(&s->spoken)) ||
           loop_now_us() >= s->until_us;
}


static bool
serve_others_refine(const serve_t *s, const serve_view_t *v)
{
    const serve_view_t *other;

    for (other = s->views; other != NULL; other = other->next) {
        if (other != v && other->turn.kind == TURN_REFINES) {
            return true;
        }
    }

    return false;
}


/*
 * What a card cannot do, the CPU does from now on, from zero samples: for this
 * session, if the card has no room for it; if the card failed, for all. Called
 * and returns with the lock held.
 */
static expo_status_t
serve_elsewhere(serve_t *s, serve_view_t *v, expo_status_t st)
{
    bool failed = st == EXPO_IO && tracer_trouble(s->card)[0] != '\0';
    serve_view_t *each;

    if (s->card == NULL || v->on_cpu || (!failed && st != EXPO_NO_MEMORY)) {
        return st;
    }

    st = serve_cpu(s);
    if (st != EXPO_OK) {
        return st;
    }

    if (!failed) {
        log_line("render: no room on %s for a session; the CPU renders it",
                 tracer_device(s->card));
        serve_move(v);
        v->on_cpu = true;
        return EXPO_OK;
    }

    log_line("render: %s; the CPU renders", tracer_trouble(s->card));

    for (each = s->views; each != NULL; each = each->next) {
        if (!each->on_cpu) {
            serve_move(each);
        }
    }

    s->lost = s->card;
    s->card = NULL;

    return EXPO_OK;
}


/* Sees to it that there is one. */
static expo_status_t
serve_cpu(serve_t *s)
{
    char error[SERVE_ERROR];
    expo_status_t st;

    if (s->cpu != NULL) {
        return EXPO_OK;
    }

    st = tracer_create("cpu", s->threads, &s->cpu, error, sizeof(error));

    if (st != EXPO_OK) {
        log_line("render: no CPU in place of %s: %s", tracer_device(s->card),
                 error);
    }

    return st;
}


static void
serve_move(serve_view_t *v)
{
    picture_lost(&v->picture);
    v->under_way = false;
    v->converged = false;
}


/* The newest wishes, whatever was wished in between. */
static void
serve_wish(serve_view_t *v, uint64_t now)
{
    picture_wish_t *wish = &v->wish;
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
    v->next_us = now + 1000000u / picture_fps(&v->settings, &v->stream);
}


static void
serve_count(serve_view_t *v, const picture_result_t *result)
{
    v->converged = result->converged;
    v->stats.frames += result->shown;
    v->stats.bytes += result->bytes;
    v->render_us += result->render_us;
    v->encode_us += result->encode_us;

    if (result->samples == 0) {
        /* What was shown before is still the one to tell of. */
        return;
    }

    v->stats.samples = result->samples;
    v->stats.noise = result->noise;
    v->stats.width = result->film_width;
    v->stats.height = result->film_height;
}
