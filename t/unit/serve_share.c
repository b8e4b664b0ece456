/*
 * Turns of real pictures on the CPU, on a made-up clock: a tile of a film takes
 * 4 ms, whatever the machine does, and all else nothing. The test takes the
 * render thread's turns itself.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "render-worker/loop.h"
#include "render-worker/render/tracer.h"

#define TILE_US 4000
#define THREADS 2

static atomic_uint_fast64_t clock_us;
static atomic_uint_fast64_t *tiles;  /* of the session whose turn it is */
static void (*after)(unsigned tile); /* called within a turn */
static atomic_uint turn_tiles;

static uint64_t
made_up_now(void)
{
    return clock_us;
}

typedef struct {
    bool (*over)(void *ctx);
    void *ctx;
} limit_t;

static bool
tile_done(void *data)
{
    const limit_t *limit = data;

    clock_us += TILE_US;
    *tiles += 1;

    if (after != NULL) {
        after(++turn_tiles);
    }

    return limit->over(limit->ctx);
}

static expo_status_t
counted_part(tracer_view_t *v, uint32_t samples, bool (*over)(void *ctx),
             void *ctx)
{
    limit_t limit = {over, ctx};

    turn_tiles = 0;

    return tracer_pass_part(v, samples, tile_done, &limit);
}

/* Nobody is done before the test is. */
static double
noisy(const tracer_view_t *v)
{
    return v != NULL ? 100 : -1;
}

#define loop_now_us made_up_now
#define tracer_noise noisy
#define tracer_pass_part counted_part
#include "render-worker/picture.c"
#undef tracer_pass_part
#include "render-worker/serve.c"
#include "render-worker/serve_pick.c"
#include "render-worker/serve_thread.c"
#undef loop_now_us
#undef tracer_noise

#include "t/lib/worker_client.h"
#include "t/render/scene.h"
#include "t/unit/check.h"

#define EDGE 48
#define SESSIONS 8

typedef struct {
    publish_t ring;
    serve_view_t *view;
    atomic_uint_fast64_t tiles;
    expo_settings_t settings;
    uint32_t revision;
    unsigned frames, picks;
    uint32_t last; /* sequence */
    bool gone;
} watcher_t;

static serve_t serve;
static expo_volume_t volume;
static const uint16_t *voxels;
static expo_settings_t look;
static watcher_t w[SESSIONS];

static void
on_frame(void *owner, uint32_t sequence)
{
    watcher_t *of = owner;

    of->frames++;
    of->last = sequence;
}

static void
on_picked(void *owner, const serve_pick_t *pick)
{
    (void) pick;
    ((watcher_t *) owner)->picks++;
}

static void
on_failed(void *owner)
{
    (void) owner;
    check(!"a session failed");
}

static void
on_gone(void *owner)
{
    ((watcher_t *) owner)->gone = true;
}

static void
open_serve(void)
{
    char error[200];

    memset(&serve, 0, sizeof(serve));
    clock_us = 1000000;
    serve.events = (serve_events_t){on_frame, on_picked, on_failed, on_gone};
    pthread_mutex_init(&serve.lock, NULL);
    pthread_cond_init(&serve.wake, NULL);

    if (loop_create(&serve.loop) != EXPO_OK ||
        tracer_create("cpu", THREADS, &serve.cpu, error, sizeof(error)) !=
            EXPO_OK) {
        abort();
    }
}

/* A film of width x width while it rests. */
static watcher_t *
watch(int i, uint32_t width, uint32_t bounces)
{
    const picture_stream_t stream = {"mpeg1", width, width, 20, 80000000};
    watcher_t *of = &w[i];

    memset(of, 0, sizeof(*of));
    of->settings = look;
    of->settings.shading.max_bounces = bounces;
    of->settings.quality.max_samples = 1000000;
    of->revision = 1;
    check(publish_open(&of->ring) == EXPO_OK);
    of->view = serve_add(&serve, of, &volume, voxels, &of->ring, &of->settings,
                         1, &stream);
    check(of->view != NULL);
    serve_viewers(of->view, 1);

    return of;
}

/* New settings; the camera turns a little. */
static void
move(watcher_t *of)
{
    of->settings.camera.fov_deg = 90 + (float) (of->revision % 7);
    serve_set(of->view, &of->settings, ++of->revision);
}

/* One turn, or the time until somebody wants one. */
static watcher_t *
take_turn(void)
{
    watcher_t *of = NULL;
    serve_view_t *v;
    uint64_t wake_us;

    pthread_mutex_lock(&serve.lock);
    serve.spoken = false;
    serve_dispose(&serve);
    serve_pick_answer(&serve);
    v = serve_choose(&serve, clock_us, &wake_us);

    if (v != NULL) {
        of = v->owner;
        tiles = &of->tiles;
        serve_turn(&serve, v);

    } else if (wake_us != SERVE_NEVER) {
        clock_us = wake_us;
    }

    pthread_mutex_unlock(&serve.lock);
    loop_flush(serve.loop);

    return of;
}

static void
run(double seconds)
{
    uint64_t until = clock_us + (uint64_t) (seconds * 1e6);

    while (clock_us < until) {
        take_turn();
    }
}

static void
forget(void)
{
    int i;

    for (i = 0; i < SESSIONS; i++) {
        w[i].tiles = 0;
        w[i].frames = 0;
    }
}

static void
close_serve(void)
{
    int i;

    for (i = 0; i < SESSIONS; i++) {
        if (w[i].view != NULL) {
            serve_remove(w[i].view);
        }
    }

    take_turn();

    for (i = 0; i < SESSIONS; i++) {
        if (w[i].view != NULL) {
            check(w[i].gone);
            publish_close(&w[i].ring);
            w[i].view = NULL;
        }
    }

    tracer_destroy(serve.cpu);
    pthread_mutex_destroy(&serve.lock);
    pthread_cond_destroy(&serve.wake);
    loop_flush(serve.loop);
    loop_destroy(serve.loop);
}

static bool
refines(const watcher_t *of)
{
    return of->view->turn.kind == TURN_REFINES &&
           of->view->picture.phase == PICTURE_REFINING;
}

/* All of them rest, whatever they were shown before. */
static void
rest(int sessions)
{
    int i;

    for (i = 0; i < sessions; i++) {
        while (!refines(&w[i])) {
            take_turn();
        }
    }
}

static uint32_t
revision_shown(const watcher_t *of)
{
    static uint8_t bytes[PUBLISH_SLOT_BYTES];
    expo_frame_t f;
    size_t n;

    if (expo_ring_copy(&of->ring.ring, of->last, bytes, sizeof(bytes), &n) !=
            EXPO_OK ||
        expo_frame_read(&f, bytes, n) != EXPO_OK) {
        abort();
    }

    return f.revision;
}

/* From 16 tiles to 1024, from one bounce to eight. */
static void
eight_that_refine_get_equal_shares(void)
{
    static const uint32_t widths[SESSIONS] = {64,  96,  128, 176,
                                              240, 320, 400, 512};
    uint64_t sum = 0;
    int i, apart = 0;

    open_serve();

    for (i = 0; i < SESSIONS; i++) {
        watch(i, widths[i], (uint32_t) i);
    }

    rest(SESSIONS);
    forget();
    run(6);

    for (i = 0; i < SESSIONS; i++) {
        sum += w[i].tiles;
    }

    printf("# tiles:");

    for (i = 0; i < SESSIONS; i++) {
        printf(" %u", (unsigned) w[i].tiles);
        apart += 10 * SESSIONS * w[i].tiles < 9 * sum ||
                 10 * SESSIONS * w[i].tiles > 11 * sum;
    }

    printf("\n");
    check(apart == 0);
    close_serve();
}

/* A film a hundred times as large, of 32 bounces, beside a small one. */
static void
a_runaway_starves_nobody(void)
{
    watcher_t *large, *small;
    uint64_t until;

    open_serve();
    large = watch(0, 640, 32);
    small = watch(1, 64, 0);
    rest(2);
    forget();
    run(2);
    printf("# at rest: %u and %u tiles\n", (unsigned) large->tiles,
           (unsigned) small->tiles);
    check(10 * small->tiles >= 9 * large->tiles);
    check(small->frames > 0);

    /* The large one never rests, and takes what it can get. */
    forget();

    for (until = clock_us + 8000000; clock_us < until;) {
        move(large);
        take_turn();
    }

    printf("# beside one that moves: %u and %u tiles\n",
           (unsigned) large->tiles, (unsigned) small->tiles);
    check(8 * small->tiles >= large->tiles);
    check(large->frames > 0);

    /* Neither rests. */
    forget();

    for (until = clock_us + 4000000; clock_us < until;) {
        move(large);
        move(small);
        take_turn();
    }

    printf("# both move: %u and %u pictures\n", large->frames, small->frames);
    check(small->frames >= 30);
    check(large->frames > 0);
    close_serve();
}

/* What is said within a turn, after its fifth tile. */
static void
say_move(unsigned tile)
{
    if (tile == 5 && tiles == &w[0].tiles) {
        move(&w[1]);
    }
}

static void
say_pick(unsigned tile)
{
    const serve_pick_t pick = {.x = 0.5f, .y = 0.5f};

    if (tile == 5 && w[1].picks == 0) {
        serve_pick(w[1].view, &pick);
    }
}

static void
who_just_moved_is_next_and_waits_for_a_tile(void)
{
    uint64_t before;
    int i;

    open_serve();

    for (i = 0; i < SESSIONS; i++) {
        watch(i, 320, 2);
    }

    rest(SESSIONS);

    while (take_turn() != &w[0] || !w[0].view->under_way) {
    }

    after = say_move;

    for (i = 0; take_turn() != &w[0]; i++) {
        check(i < SESSIONS);
        w[0].tiles = 0;
    }

    after = NULL;
    check(w[0].tiles <= 5 + THREADS);
    before = clock_us;
    check(take_turn() == &w[1]);
    check(clock_us - before <= 100000 + THREADS * TILE_US);
    check(w[1].frames > 0 && revision_shown(&w[1]) == 2);

    /* A pick of one is answered within the turn of another. */
    rest(SESSIONS);
    after = say_pick;

    for (i = 0; w[1].picks == 0 && i < SESSIONS; i++) {
        take_turn();
    }

    after = NULL;
    check(w[1].picks == 1 || (take_turn() != NULL && w[1].picks == 1));
    check(i <= 2);
    close_serve();
}

static void
an_edit_shows_in_the_next_frame(void)
{
    watcher_t *of;
    uint32_t i;
    int older;

    open_serve();
    of = watch(0, 512, 4);
    rest(1);

    /* At rest: nothing of the film under way is shown any more. */
    for (i = 0; i < 5; i++) {
        while (take_turn() == of && !of->view->under_way) {
        }

        of->settings.transfer.points[1].opacity *= 0.9f;
        of->settings.transfer.density_scale *= 1.1f;
        serve_set(of->view, &of->settings, ++of->revision);
        of->frames = 0;

        while (of->frames == 0) {
            take_turn();
        }

        check(revision_shown(of) == of->revision);
        rest(1);
    }

    /* In movement: what was begun is shown, and then it. */
    for (i = 0; i < 20; i++) {
        of->settings.transfer.density_scale *= 1.1f;
        serve_set(of->view, &of->settings, ++of->revision);
        older = -1;

        do {
            of->frames = 0;
            take_turn();
            older += of->frames > 0;
        } while (of->frames == 0 || revision_shown(of) < of->revision);

        check(older <= 1);
    }

    close_serve();
}

/* A pass of thousands of tiles does not keep those waiting who join. */
static void
a_keyframe_does_not_wait_for_the_pass(void)
{
    watcher_t *of;
    uint64_t begun;

    open_serve();
    of = watch(0, 640, 0);
    watch(1, 512, 0);
    rest(2);

    while (take_turn() != of || !of->view->under_way) {
    }

    of->frames = 0;
    begun = clock_us;
    serve_viewers(of->view, 2);

    while (of->frames == 0) {
        take_turn();
    }

    check(clock_us - begun <= 2 * (40000 + THREADS * TILE_US));
    check(of->view->under_way);
    check(revision_shown(of) == of->revision);
    close_serve();
}

static void
parts_add_up(void)
{
    serve_stats_t stats;
    uint32_t samples;
    watcher_t *of;
    double whole;

    open_serve();
    of = watch(0, 512, 0);
    watch(1, 512, 0);
    rest(2);

    while (take_turn() != of || of->view->under_way) {
    }

    samples = tracer_samples(of->view->picture.view);
    serve_stats(of->view, &stats);
    check(stats.samples == samples);
    of->frames = 0;

    /* While a pass is under way, what was shown is what is told of. */
    while (take_turn() != of) {
    }

    check(of->view->under_way);
    serve_stats(of->view, &stats);
    check(stats.samples == samples && stats.frames == of->frames);

    /* 1024 tiles, wherever they were cut. */
    while (tracer_samples(of->view->picture.view) < samples + 8) {
        take_turn();
    }

    whole = of->view->picture.pace.path_us[PACE_LATER] * 512 * 512;
    printf("# a pass of %d ms: %.0f ms\n", 1024 * TILE_US / 1000, whole / 1000);
    check(whole > 0.7 * 1024 * TILE_US && whole < 1.1 * 1024 * TILE_US);
    close_serve();
}

int
main(void)
{
    uint8_t *plain;
    size_t bytes;
    int i;

    plain = client_phantom(EDGE, &bytes);
    voxels = (const uint16_t *) (const void *) (plain + EXPO_VOLUME_HEADER);
    check(expo_volume_read(&volume, plain, bytes) == EXPO_OK);
    look = test_settings();
    look.environment.intensity = 1;
    look.camera.orthographic = false;
    look.camera.fov_deg = 90; /* most tiles are empty: less to wait for */
    look.quality.target_fps = 20;
    look.denoise = false;

    for (i = 0; i < 3; i++) {
        look.camera.position[i] += EDGE / 2;
        look.camera.target[i] = EDGE / 2;
    }

    eight_that_refine_get_equal_shares();
    a_runaway_starves_nobody();
    who_just_moved_is_next_and_waits_for_a_tile();
    an_edit_shows_in_the_next_frame();
    a_keyframe_does_not_wait_for_the_pass();
    parts_add_up();
    free(plain);

    return done();
}
