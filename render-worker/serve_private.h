/* What the halves of serving share: serve.c is the main thread's,
 * serve_thread.c and serve_pick.c the render thread's. */

#ifndef SERVE_PRIVATE_H
#define SERVE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "render-worker/serve.h"
#include "render-worker/turn.h"

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
    turn_t turn;
    bool failed;
    bool converged;
    bool on_cpu;                           /* the card has no room for it */
    uint32_t shown_revision, shown_stream; /* 0: none yet */
    uint64_t next_us; /* earliest moment for the next moving picture */
    serve_stats_t stats;
    uint64_t render_us, encode_us;

    /* The render thread's own. */
    picture_t picture;
    picture_wish_t wish; /* what it is made of, */
    bool under_way;      /* and is not whole yet */
};

struct serve_s {
    loop_t *loop;
    serve_events_t events;
    unsigned threads;
    tracer_t *card; /* NULL: there is none; these change under the lock */
    tracer_t *cpu;  /* NULL until it is needed */
    tracer_t *lost; /* failed; its name may still be on somebody's lips */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    serve_view_t *views;
    bool stop;
    atomic_bool spoken; /* the main thread wants something */

    turns_t turns;
    bool heeds;        /* the turn ends when that happens, */
    uint64_t until_us; /* or now */
};

typedef struct {
    serve_view_t *view;
    enum { SERVE_FRAME, SERVE_PICKED, SERVE_FAILED, SERVE_GONE } what;
    uint32_t sequence;
    serve_pick_t pick;
} serve_news_t;

/* The render thread; data is the serve_t. */
void *serve_thread(void *data);

/* Who renders it. With the lock held. */
tracer_t *serve_tracer(const serve_view_t *v);

/* To the main thread, in order. */
void serve_tell(const serve_news_t *what);

/* Lets the render thread look again soon. With the lock held. */
void serve_speak(serve_t *s);

/* Answers what was picked, by the pictures that were made last. On the render
 * thread, with the lock held: main waits for as long as some rays take. */
void serve_pick_answer(serve_t *s);

#endif
