/*
 * The render thread with real pictures: who gets the device, and that nobody
 * gets it for nothing. Passes and pictures are counted, not timed.
 */

#include <stdatomic.h>

#include "render-worker/render/tracer.h"

static atomic_uint passes, makes, creates;
static atomic_bool device_fails; /* as a card does, once */

static expo_status_t
counted_pass(tracer_view_t *v, uint32_t samples, bool (*over)(void *ctx),
             void *ctx)
{
    atomic_fetch_add(&passes, 1);

    if (device_fails) {
        return EXPO_IO;
    }

    return tracer_pass_part(v, samples, over, ctx);
}

static tracer_t *card; /* the first that is made passes for one */
static atomic_bool card_is_full;

static expo_status_t
limited_open(tracer_t *t, const expo_volume_t *volume, const uint16_t *voxels,
             tracer_view_t **out)
{
    if (t == card && card_is_full) {
        return EXPO_NO_MEMORY;
    }

    return tracer_open(t, volume, voxels, out);
}

static expo_status_t
counted_create(const char *device, unsigned threads, tracer_t **out,
               char *error, size_t error_bytes)
{
    expo_status_t st = tracer_create(device, threads, out, error, error_bytes);

    if (atomic_fetch_add(&creates, 1) == 0) {
        card = *out;
    }

    return st;
}

static bool
imagined(const tracer_t *t)
{
    return t == card;
}

static const char *
name_of(const tracer_t *t)
{
    return t == card ? "cuda:0 (Imagined)" : tracer_device(t);
}

static const char *
trouble(const tracer_t *t)
{
    (void) t;
    device_fails = false;
    return "cuda:0 failed: it was pulled out";
}

#define tracer_pass_part counted_pass
#define tracer_open limited_open
#include "render-worker/picture.c"
#undef tracer_pass_part
#undef tracer_open

static expo_status_t
counted_make(picture_t *p, tracer_t *tracer, const picture_wish_t *wish,
             bool (*over)(void *ctx), void *ctx, picture_result_t *out)
{
    atomic_fetch_add(&makes, 1);
    return picture_make(p, tracer, wish, over, ctx, out);
}

#define picture_make counted_make
#define tracer_create counted_create
#define tracer_trouble trouble
#define tracer_is_card imagined
#define tracer_device name_of
#include "render-worker/serve.c"
#include "render-worker/serve_pick.c"
#include "render-worker/serve_thread.c"
#undef picture_make
#undef tracer_create
#undef tracer_trouble
#undef tracer_is_card
#undef tracer_device

#include <libavcodec/avcodec.h>
#include <math.h>
#include <unistd.h>

#include "t/lib/mpeg1_reader.h"
#include "t/lib/worker_client.h"
#include "t/render/scene.h"
#include "t/unit/check.h"

#define EDGE 48

/* What a session is to the render thread. */
typedef struct {
    publish_t ring;
    serve_view_t *view;
    unsigned frames;
    uint32_t last; /* sequence */
    uint32_t picked[2 * SERVE_PICKS], n_picked; /* their requests */
    bool met; /* the last one */
    double point_mm[3];
    bool failed, gone;
} watcher_t;

static loop_t *loop;
static serve_t *serve;
static expo_volume_t volume;
static const uint16_t *voxels;
static expo_settings_t look;

static void
on_frame(void *owner, uint32_t sequence)
{
    watcher_t *w = owner;

    w->frames++;
    w->last = sequence;
}

static void
on_picked(void *owner, const serve_pick_t *pick)
{
    watcher_t *w = owner;

    w->picked[w->n_picked++] = pick->request;
    w->met = pick->met;
    memcpy(w->point_mm, pick->point_mm, sizeof(w->point_mm));
}

static void
on_failed(void *owner)
{
    ((watcher_t *) owner)->failed = true;
}

static void
on_gone(void *owner)
{
    ((watcher_t *) owner)->gone = true;
}

static const serve_events_t events = {on_frame, on_picked, on_failed, on_gone};

/* The main thread's turn for so long. */
static void
run(double seconds)
{
    double until = client_now() + seconds;

    do {
        loop_flush(loop);
        usleep(1000);
    } while (client_now() < until);

    loop_flush(loop);
}

static void
come(watcher_t *w, uint32_t width, uint32_t height, uint32_t max_samples)
{
    const picture_stream_t stream = {"mpeg1", width, height, 60, 8000000};
    expo_settings_t s = look;

    memset(w, 0, sizeof(*w));
    s.quality.max_samples = max_samples;
    s.quality.target_fps = 60;
    check(publish_open(&w->ring) == EXPO_OK);
    w->view =
        serve_add(serve, w, &volume, voxels, &w->ring, &s, 1, &stream);
    check(w->view != NULL);
}

static void
watch(watcher_t *w, uint32_t width, uint32_t height, uint32_t max_samples)
{
    come(w, width, height, max_samples);
    serve_viewers(w->view, 1);
}

static void
leave(watcher_t *w)
{
    double until = client_now() + 10;

    serve_remove(w->view);

    while (!w->gone && client_now() < until) {
        run(0.001);
    }

    check(w->gone && !w->failed);
    publish_close(&w->ring);
}

static bool
converged(watcher_t *w)
{
    serve_stats_t stats;
    double until = client_now() + 60;

    do {
        run(0.01);
        serve_stats(w->view, &stats);
    } while (!stats.converged && client_now() < until);

    /* And its picture has been told of. */
    run(0.05);

    return stats.converged;
}

/* The newest record: its header, and payload behind it. */
static const uint8_t *
record(const watcher_t *w, expo_frame_t *f)
{
    static uint8_t bytes[PUBLISH_SLOT_BYTES];
    size_t n;

    if (expo_ring_copy(&w->ring.ring, w->last, bytes, sizeof(bytes), &n)
            != EXPO_OK
        || expo_frame_read(f, bytes, n) != EXPO_OK) {
        abort();
    }

    return bytes + EXPO_FRAME_HEADER;
}

static void
a_converged_picture_costs_no_pass(void)
{
    watcher_t w;
    unsigned before_passes, before_makes, frames;

    watch(&w, 64, 64, 8);
    check(converged(&w));
    check(w.frames > 0);

    before_passes = passes;
    before_makes = makes;
    frames = w.frames;
    run(1);
    check(passes == before_passes);
    check(makes == before_makes);
    check(w.frames == frames);

    /* One more viewer: shown again, not rendered again. */
    serve_viewers(w.view, 2);
    run(0.5);
    check(passes == before_passes);
    check(makes == before_makes + 1);
    check(w.frames == frames + 1);

    leave(&w);
}

/* Noise falls with the root of the samples; below what can be seen, it ends. */
static void
what_is_left_of_the_noise_ends_the_work(void)
{
    double noisy = 0, until = client_now() + 60;
    uint32_t early = 0;
    serve_stats_t stats;
    expo_frame_t f;
    watcher_t w;

    watch(&w, 64, 64, 65536);

    do {
        run(0.005);
        serve_stats(w.view, &stats);

        if (early == 0 && stats.noise >= 0) {
            early = stats.samples;
            noisy = stats.noise;
        }
    } while (!stats.converged && client_now() < until);

    printf("# noise %.2f at %u samples, %.2f at %u\n", noisy, early,
           stats.noise, stats.samples);
    check(stats.converged && stats.samples < 65536);
    check(stats.samples > early && noisy > 1);
    check(stats.noise >= 0 && stats.noise < 1);
    run(0.05);
    record(&w, &f);
    check(f.flags & EXPO_FRAME_CONVERGED);
    check(f.samples == stats.samples);

    leave(&w);
}

static void
without_viewers_nothing_is_made(void)
{
    watcher_t w;
    unsigned before;
    expo_settings_t s = look;

    watch(&w, 64, 64, 1000000);
    run(0.3);
    check(w.frames > 0);

    serve_viewers(w.view, 0);
    run(0.3);
    before = makes;
    run(0.5);
    check(makes == before);

    /* Not even for new settings; the next viewer gets them. */
    serve_set(w.view, &s, 2);
    run(0.5);
    check(makes == before);
    serve_viewers(w.view, 1);
    run(0.5);
    check(makes > before);

    leave(&w);
}

static void
two_that_move_get_the_same_number_of_pictures(void)
{
    watcher_t a, b;
    expo_settings_t s = look;
    double until;
    uint32_t revision = 1;

    /* One is sixteen times as large. */
    watch(&a, 512, 512, 1000);
    watch(&b, 128, 128, 1000);
    run(0.5);
    a.frames = b.frames = 0;
    until = client_now() + 2;

    while (client_now() < until) {
        s.camera.fov_deg = 30 + (float) (revision % 20);
        revision++;
        serve_set(a.view, &s, revision);
        serve_set(b.view, &s, revision);
        run(0.01);
    }

    printf("# in 2 s: %u and %u pictures\n", a.frames, b.frames);
    check(a.frames + b.frames >= 10);
    check(10 * a.frames >= 4 * (a.frames + b.frames));
    check(10 * b.frames >= 4 * (a.frames + b.frames));

    leave(&a);
    leave(&b);
}

/* A keyframe for who joins a resting picture does not wait for a mover. */
static void
a_resting_picture_is_shown_while_another_moves(void)
{
    watcher_t a, b;
    expo_settings_t s = look;
    uint32_t revision = 1;
    unsigned frames;
    double until;

    watch(&a, 64, 64, 4);
    check(converged(&a));
    watch(&b, 512, 512, 1000);
    run(0.3);

    serve_viewers(a.view, 2);
    frames = a.frames;
    until = client_now() + 0.5;

    while (client_now() < until && a.frames == frames) {
        serve_set(b.view, &s, ++revision);
        run(0.01);
    }

    check(a.frames == frames + 1);
    leave(&a);
    leave(&b);
}

/* The last picture against what was rendered, as a viewer decodes it. */
static void
a_resting_picture_is_crisp(void)
{
    static const uint32_t sizes[][2] = {{512, 512}, {332, 516}, {64, 1000}};
    reader_t reader;
    expo_frame_t f;
    watcher_t w;
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        encode_record_t rec = {0};
        double psnr;
        bool readable;

        watch(&w, sizes[i][0], sizes[i][1], 2);
        check(converged(&w));

        rec.data = record(&w, &f);
        rec.bytes = f.bytes;
        check((f.flags & (EXPO_FRAME_KEY | EXPO_FRAME_CONVERGED))
              == (EXPO_FRAME_KEY | EXPO_FRAME_CONVERGED));
        check(f.width == sizes[i][0] && f.height == sizes[i][1]);

        reader_open(&reader);
        readable = reader_feed(&reader, &rec) == 1
                   && reader.frame->width == (int) sizes[i][0]
                   && reader.frame->height == (int) sizes[i][1];
        check(readable);

        /* The render thread rests: its picture may be looked at. */
        psnr = readable ? reader_psnr(&reader, w.view->picture.rgba,
                                      (int) sizes[i][0], (int) sizes[i][1])
                        : 0;
        printf("# %u x %u: %.1f dB in %u bytes\n", sizes[i][0], sizes[i][1],
               psnr, f.bytes);
        check(psnr >= 40);

        reader_close(&reader);
        leave(&w);
    }
}

/* Whether a picture comes within some seconds. */
static bool
shown(const watcher_t *w)
{
    double until = client_now() + 20;
    unsigned frames = w->frames;

    while (w->frames == frames && client_now() < until) {
        run(0.01);
    }

    return w->frames > frames;
}

/* It alone: the others stay on the card, and so does who comes later. */
static void
a_session_that_the_card_has_no_room_for_is_the_cpus(void)
{
    expo_settings_t s = look;
    serve_stats_t stats;
    watcher_t a, b, c;

    watch(&a, 64, 64, 4);
    check(converged(&a));
    card_is_full = true;
    watch(&b, 64, 64, 4);
    check(converged(&b));
    card_is_full = false;
    watch(&c, 64, 64, 4);
    check(converged(&c));

    serve_stats(a.view, &stats);
    check(strcmp(stats.device, "cuda:0 (Imagined)") == 0);
    serve_stats(b.view, &stats);
    check(strncmp(stats.device, "cpu", 3) == 0);
    serve_stats(c.view, &stats);
    check(strcmp(stats.device, "cuda:0 (Imagined)") == 0);
    check(strcmp(serve_device(serve), "cuda:0 (Imagined)") == 0);

    serve_set(b.view, &s, 2);
    check(shown(&b));
    leave(&a);
    leave(&b);
    leave(&c);
}

static void
sessions_outlive_a_device_that_fails(void)
{
    expo_settings_t s = look;
    watcher_t a, b;
    int i;

    watch(&a, 64, 64, 4);
    check(converged(&a));
    watch(&b, 64, 64, 1000000);
    check(shown(&b));
    s.quality.max_samples = 1000000;
    device_fails = true;
    serve_set(b.view, &s, 2);

    /* A picture that was under way may come first. */
    for (i = 0; i < 20 && strncmp(serve_device(serve), "cpu", 3) != 0; i++) {
        check(shown(&b));
    }

    check(!a.failed && !b.failed);
    check(strncmp(serve_device(serve), "cpu", 3) == 0);

    /* Both go on: with what they had, and with new wishes. */
    check(shown(&b));
    serve_set(a.view, &s, 2);
    check(shown(&a));

    leave(&a);
    leave(&b);
}

static void
a_device_that_is_not_there_is_replaced(void)
{
    char error[256];
    serve_t *other;

    check(serve_start(loop, "cuda:999", 1, &events, &other, error,
                      sizeof(error)) == EXPO_OK);
    check(strncmp(serve_device(other), "cpu", 3) == 0);
    serve_stop(other);
    check(serve_start(loop, "gpu", 1, &events, &other, error, sizeof(error)) ==
          EXPO_INVALID);
    check(strstr(error, "gpu") != NULL);
}

/* Also while a picture is at rest; nothing has been seen before there is one. */
static void
picking_is_answered_from_the_last_picture(void)
{
    serve_pick_t pick = {.request = 7, .x = 0.5f, .y = 0.5f};
    double middle = 0.5 * (volume.affine[7] * 2
                           + volume.affine[5] * (volume.dims[1] - 1.0));
    unsigned before_makes;
    watcher_t w;

    come(&w, 64, 64, 4);
    serve_pick(w.view, &pick);
    run(0.2);
    check(w.n_picked == 1 && w.picked[0] == 7 && !w.met);

    serve_viewers(w.view, 1);
    check(converged(&w));
    before_makes = makes;
    pick.request = 8;
    serve_pick(w.view, &pick);
    run(0.2);
    check(w.n_picked == 2 && w.picked[1] == 8 && w.met);
    /* From the front: nearer than the middle. */
    check(w.point_mm[1] < middle);
    check(makes == before_makes);

    pick.x = 0;
    pick.y = 0;
    serve_pick(w.view, &pick);
    run(0.2);
    check(w.n_picked == 3 && !w.met);
    leave(&w);
}

/* What nobody waits for any more is given up, oldest first. */
static void
too_many_picks_are_all_answered(void)
{
    serve_pick_t pick = {.x = 0.5f, .y = 0.5f};
    watcher_t w;
    uint32_t i;

    watch(&w, 64, 64, 4);
    check(converged(&w));
    pthread_mutex_lock(&serve->lock);

    for (i = 0; i < SERVE_PICKS; i++) {
        w.view->picks[w.view->n_picks++] = pick;
    }

    pthread_mutex_unlock(&serve->lock);
    pick.request = 99;
    serve_pick(w.view, &pick);
    run(0.3);
    check(w.n_picked == SERVE_PICKS + 1);
    check(w.picked[SERVE_PICKS] == 99 && w.met);
    leave(&w);
}

/* The whole phantom, an ivory ball under a white sky: what is measured here
 * does not change with the default look. */
static expo_settings_t
warm_ball(void)
{
    expo_settings_t s = test_settings();
    int i;

    for (i = 0; i < 3; i++) {
        s.camera.position[i] += EDGE / 2;
        s.camera.target[i] = EDGE / 2;
    }

    s.camera.fov_deg = 25;
    s.transfer.points[1].color[2] = 0.7f;
    s.environment.intensity = 1;

    return s;
}

int
main(void)
{
    uint8_t *plain;
    size_t bytes;
    char error[256];

    plain = client_phantom(EDGE, &bytes);
    voxels = (const uint16_t *) (const void *) (plain + EXPO_VOLUME_HEADER);
    check(expo_volume_read(&volume, plain, bytes) == EXPO_OK);
    look = warm_ball();
    check(loop_create(&loop) == EXPO_OK);
    check(serve_start(loop, "cpu", 0, &events, &serve, error, sizeof(error))
          == EXPO_OK);

    a_converged_picture_costs_no_pass();
    what_is_left_of_the_noise_ends_the_work();
    without_viewers_nothing_is_made();
    two_that_move_get_the_same_number_of_pictures();
    a_resting_picture_is_shown_while_another_moves();
    a_resting_picture_is_crisp();
    picking_is_answered_from_the_last_picture();
    too_many_picks_are_all_answered();
    a_device_that_is_not_there_is_replaced();
    a_session_that_the_card_has_no_room_for_is_the_cpus();
    sessions_outlive_a_device_that_fails();

    serve_stop(serve);
    loop_destroy(loop);
    free(plain);

    return done();
}
