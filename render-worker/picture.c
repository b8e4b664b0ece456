#include <stdlib.h>
#include <string.h>

#include "render-worker/loop.h"
#include "render-worker/picture.h"

/* Quantisers good enough: moving, refining, converged. */
#define PICTURE_FINEST_MOVING 3
#define PICTURE_FINEST_STILL 2
#define PICTURE_FINEST_LAST 2
/* Samples of each film between moving and the full one. */
#define PICTURE_SETTLED 2
/* What is left of the noise cannot be seen: less than one step of 8 bits; of
 * fewer samples the estimate itself is too noisy. */
#define PICTURE_QUIET 1.0
#define PICTURE_QUIET_SAMPLES 16

static expo_status_t picture_prepare(picture_t *p, tracer_t *tracer,
                                     const picture_wish_t *wish);
static expo_status_t picture_configure(picture_t *p,
                                       const picture_stream_t *stream);
static expo_status_t picture_film(picture_t *p, const picture_wish_t *wish,
                                  bool fresh);
static void picture_phase(picture_t *p, const picture_wish_t *wish, bool fresh);
static void picture_settle(picture_t *p, const picture_wish_t *wish,
                           uint32_t step);
static expo_status_t picture_pass(picture_t *p, const picture_wish_t *wish,
                                  bool (*over)(void *ctx), void *ctx,
                                  picture_result_t *out);
static void picture_plan(picture_t *p, const picture_wish_t *wish);
static bool picture_is_done(const picture_t *p, const picture_wish_t *wish);
static bool picture_is_due(const picture_t *p, const picture_wish_t *wish);
static expo_status_t picture_show(picture_t *p, const picture_wish_t *wish,
                                  picture_result_t *out);
static expo_status_t picture_send(picture_t *p, const picture_wish_t *wish,
                                  picture_result_t *out);
static void picture_wipe(picture_t *p);


void
picture_init(picture_t *p, const expo_volume_t *volume, const uint16_t *voxels,
             publish_t *ring)
{
    memset(p, 0, sizeof(*p));
    p->volume = volume;
    p->voxels = voxels;
    p->ring = ring;
    pace_init(&p->pace);
}


void
picture_table(picture_t *p, expo_table_t *table, uint16_t *voxels)
{
    p->table = table;
    p->table_voxels = voxels;
}


void
picture_close(picture_t *p)
{
    if (p->view != NULL) {
        tracer_close(p->view);
    }

    encode_close(p->encode);
    picture_wipe(p);
}


expo_status_t
picture_make(picture_t *p, tracer_t *tracer, const picture_wish_t *wish,
             bool (*over)(void *ctx), void *ctx, picture_result_t *out)
{
    bool rare = p->view == NULL || p->stream_revision != wish->stream_revision;
    expo_status_t st;
    uint64_t start;
    bool due;

    memset(out, 0, sizeof(*out));
    out->noise = -1;

    st = picture_prepare(p, tracer, wish);
    if (st != EXPO_OK) {
        return st;
    }

    st = picture_pass(p, wish, over, ctx, out);

    /* Who joins does not wait for the whole of it. */
    if (st == EXPO_AGAIN && p->key && p->rgba_revision == wish->revision) {
        st = picture_send(p, wish, out);
        return st == EXPO_OK ? EXPO_AGAIN : st;
    }

    if (st != EXPO_OK) {
        return st;
    }

    start = loop_now_us();

    out->samples = tracer_samples(p->view);
    out->film_width = p->film_width;
    out->film_height = p->film_height;
    due = picture_is_done(p, wish) || picture_is_due(p, wish);

    if (due && p->phase == PICTURE_REFINING) {
        p->noise = tracer_noise(p->view);
    }

    out->noise = p->noise;
    out->converged = picture_is_done(p, wish);

    if (due) {
        st = picture_show(p, wish, out);

        if (wish->moving && !rare) {
            pace_shown(&p->pace, loop_now_us() - start);
        }
    }

    return st;
}


void
picture_lost(picture_t *p)
{
    tracer_close(p->view);
    p->view = NULL;
    p->revision = 0;
    p->pass.samples = 0;
    pace_init(&p->pace);
}


expo_status_t
picture_pick(const picture_t *p, float x, float y, double point_mm[3])
{
    return p->view != NULL ? tracer_pick(p->view, x, y, point_mm)
                           : EXPO_NOT_FOUND;
}


uint32_t
picture_fps(const expo_settings_t *settings, const picture_stream_t *stream)
{
    return settings->quality.target_fps < stream->max_fps
               ? settings->quality.target_fps
               : stream->max_fps;
}


/* Brings view, encoder and film up to the wishes. */
static expo_status_t
picture_prepare(picture_t *p, tracer_t *tracer, const picture_wish_t *wish)
{
    bool fresh = p->revision != wish->revision;
    expo_settings_t settings = wish->settings;
    expo_status_t st;

    p->key |= wish->keyframe;

    /* Video has no alpha. */
    if (settings.background.mode == EXPO_BACKGROUND_TRANSPARENT) {
        settings.background.mode = EXPO_BACKGROUND_COLOR;
    }

    if (p->view == NULL) {
        if (p->table != NULL) {
            expo_table_hide(p->table, p->table_voxels, 1);
        }

        st = tracer_open(tracer, p->volume, p->voxels, &p->view);
        if (st != EXPO_OK) {
            return st;
        }

        tracer_table(p->view, p->table, p->table_voxels);
    }

    if (p->stream_revision != wish->stream_revision) {
        st = picture_configure(p, &wish->stream);
        if (st != EXPO_OK) {
            return st;
        }

        p->stream_revision = wish->stream_revision;
        fresh = true;
    }

    if (p->revision != wish->revision) {
        st = tracer_set(p->view, &settings);
        if (st != EXPO_OK) {
            return st;
        }

        p->revision = wish->revision;
    }

    return picture_film(p, wish, fresh);
}


static expo_status_t
picture_configure(picture_t *p, const picture_stream_t *stream)
{
    size_t bytes = (size_t) stream->width * stream->height * 4;
    uint8_t *rgba = malloc(bytes);
    expo_status_t st;

    if (rgba == NULL) {
        return EXPO_NO_MEMORY;
    }

    picture_wipe(p);
    p->rgba = rgba;
    p->rgba_bytes = bytes;
    p->rgba_revision = 0;

    encode_close(p->encode);
    p->encode = NULL;

    st = encode_open(stream->codec, stream->width, stream->height,
                     PUBLISH_PAYLOAD, &p->encode);
    p->configured = p->key = true;

    return st;
}


/* A new film when the wishes are new, or when movement has come to rest. */
static expo_status_t
picture_film(picture_t *p, const picture_wish_t *wish, bool fresh)
{
    uint32_t width = wish->stream.width, height = wish->stream.height;
    expo_status_t st;

    picture_phase(p, wish, fresh);

    if (p->phase != PICTURE_REFINING) {
        width = p->plan.width;
        height = p->plan.height;
    }

    if (!fresh && width == p->film_width && height == p->film_height) {
        return EXPO_OK;
    }

    /* Another seed each time: noise that stands still looks like dirt. */
    st = tracer_film(p->view, width, height, ++p->seed);
    if (st != EXPO_OK) {
        return st;
    }

    p->film_width = width;
    p->film_height = height;
    p->film_us = loop_now_us();
    p->film_shown = 0;
    p->pass.samples = 0;
    p->noise = -1;

    return EXPO_OK;
}


/* Moving, then settling where that helps, then refining. */
static void
picture_phase(picture_t *p, const picture_wish_t *wish, bool fresh)
{
    if (wish->moving) {
        if (fresh || p->phase != PICTURE_MOVING) {
            pace_moving(&p->pace, wish->stream.width, wish->stream.height,
                        picture_fps(&wish->settings, &wish->stream),
                        wish->sharers, &p->plan);
        }

        p->phase = PICTURE_MOVING;

    } else if (p->phase == PICTURE_MOVING) {
        picture_settle(p, wish, 0);

    } else if (p->phase == PICTURE_SETTLING &&
               tracer_samples(p->view) >= PICTURE_SETTLED) {
        picture_settle(p, wish, p->step + 1);
    }
}


static void
picture_settle(picture_t *p, const picture_wish_t *wish, uint32_t step)
{
    p->step = step;
    p->phase = pace_settling(&p->pace, wish->stream.width, wish->stream.height,
                             step, &p->plan)
                   ? PICTURE_SETTLING
                   : PICTURE_REFINING;
}


static expo_status_t
picture_pass(picture_t *p, const picture_wish_t *wish, bool (*over)(void *ctx),
             void *ctx, picture_result_t *out)
{
    uint32_t have = tracer_samples(p->view);
    uint64_t start;
    expo_status_t st;

    if (picture_is_done(p, wish)) {
        return EXPO_OK;
    }

    if (p->pass.samples == 0) {
        picture_plan(p, wish);
    }

    start = loop_now_us();
    st = tracer_pass_part(p->view, p->pass.samples, over, ctx);
    out->render_us = loop_now_us() - start;
    p->pass_us += out->render_us;

    if (st == EXPO_OK) {
        pace_passed(&p->pace, &p->pass, have, p->pass_us);
        p->pass.samples = 0;
    }

    return st;
}


static void
picture_plan(picture_t *p, const picture_wish_t *wish)
{
    uint32_t have = tracer_samples(p->view);

    if (p->phase == PICTURE_REFINING) {
        pace_still(&p->pace, p->film_width, p->film_height, have,
                   wish->settings.quality.max_samples - have, &p->pass);

    } else {
        p->pass = (pace_plan_t){p->film_width, p->film_height, p->plan.samples};
    }

    p->pass_us = 0;
}


static bool
picture_is_done(const picture_t *p, const picture_wish_t *wish)
{
    uint32_t samples = tracer_samples(p->view);

    if (p->phase != PICTURE_REFINING) {
        return false;
    }

    return samples >= wish->settings.quality.max_samples ||
           (samples >= PICTURE_QUIET_SAMPLES && p->noise >= 0 &&
            p->noise < PICTURE_QUIET);
}


static bool
picture_is_due(const picture_t *p, const picture_wish_t *wish)
{
    const pace_plan_t next = {p->film_width, p->film_height, 1};
    uint32_t have = tracer_samples(p->view);

    if (p->phase != PICTURE_REFINING || (p->key && p->film_shown > 0)) {
        return true;
    }

    return pace_due(
        have, p->film_shown, picture_fps(&wish->settings, &wish->stream),
        loop_now_us() - p->film_us, pace_pass_us(&p->pace, &next, have));
}


static expo_status_t
picture_show(picture_t *p, const picture_wish_t *wish, picture_result_t *out)
{
    uint64_t start = loop_now_us();
    expo_status_t st;

    st = tracer_read_display(p->view, wish->stream.width, wish->stream.height,
                             p->rgba);
    if (st != EXPO_OK) {
        return st;
    }

    p->rgba_revision = wish->revision;
    p->rgba_samples = out->samples;
    st = picture_send(p, wish, out);

    if (out->shown) {
        p->film_shown = out->samples;
        p->film_us = loop_now_us();
    }

    out->encode_us = loop_now_us() - start;

    return st;
}


/* What is shown, as one more record. */
static expo_status_t
picture_send(picture_t *p, const picture_wish_t *wish, picture_result_t *out)
{
    const picture_stream_t *stream = &wish->stream;
    bool last = out->converged;
    encode_record_t record;
    encode_wish_t encode = {
        /* The last one stays on the screen: free of any drift. */
        .key = p->key || last,
        .target_bytes = last ? PUBLISH_PAYLOAD
                             : pace_bytes(stream->max_bitrate,
                                          picture_fps(&wish->settings, stream),
                                          wish->moving, p->key),
        .finest = last           ? PICTURE_FINEST_LAST
                  : wish->moving ? PICTURE_FINEST_MOVING
                                 : PICTURE_FINEST_STILL};
    expo_frame_t frame = {.revision = wish->revision,
                          .samples = p->rgba_samples,
                          .time_us = loop_now_us(),
                          .width = (uint16_t) stream->width,
                          .height = (uint16_t) stream->height};
    expo_status_t st;

    st = encode_picture(p->encode, p->rgba, &encode, &record);

    if (st == EXPO_TOO_LARGE) {
        /* Not shown; a later one, with less noise, will fit. */
        return EXPO_OK;
    }

    if (st != EXPO_OK) {
        return st;
    }

    frame.codec = encode_number(p->encode);
    frame.bytes = (uint32_t) record.bytes;
    frame.flags = (uint8_t) ((record.key ? EXPO_FRAME_KEY : 0) |
                             (last ? EXPO_FRAME_CONVERGED : 0) |
                             (p->configured ? EXPO_FRAME_CONFIGURATION : 0));

    st = publish_frame(p->ring, &frame, record.data);
    if (st != EXPO_OK) {
        return st;
    }

    p->key = p->configured = false;

    out->shown = true;
    out->sequence = frame.sequence;
    out->bytes = frame.bytes;

    return EXPO_OK;
}


static void
picture_wipe(picture_t *p)
{
    if (p->rgba != NULL) {
        explicit_bzero(p->rgba, p->rgba_bytes);
        free(p->rgba);
        p->rgba = NULL;
    }
}
