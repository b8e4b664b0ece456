/*
 * One session on the render thread: its film, its encoder, and how one picture
 * is made of wishes, in parts. Nothing here waits or locks.
 */

#ifndef PICTURE_H
#define PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/settings.h"
#include "lib/volume.h"
#include "render-worker/encode/encode.h"
#include "render-worker/pace.h"
#include "render-worker/publish.h"
#include "render-worker/render/tracer.h"

/* As stream_settings in messages.schema.json; width and height even. */
typedef struct {
    char codec[16];
    uint32_t width, height;
    uint32_t max_fps;
    uint32_t max_bitrate; /* bit/s */
} picture_stream_t;

typedef struct {
    expo_settings_t settings;
    uint32_t revision; /* of settings; 1 and up */
    picture_stream_t stream;
    uint32_t stream_revision; /* 1 and up */
    uint32_t sharers;         /* sessions that move now, this one too */
    bool keyframe;
    bool moving;
} picture_wish_t;

typedef struct {
    bool shown;        /* a record is in the ring, */
    uint32_t sequence; /* this one */
    bool converged;    /* nothing more comes of these wishes */
    uint32_t samples;  /* 0: none of these wishes yet */
    double noise; /* as tracer_noise, of a still film; negative: not known */
    uint32_t film_width, film_height;
    uint32_t bytes; /* of the record's payload */
    uint64_t render_us, encode_us;
} picture_result_t;

typedef struct {
    const expo_volume_t *volume; /* borrowed, as are voxels and ring */
    const uint16_t *voxels;
    publish_t *ring;
    expo_table_t *table; /* among them, as picture_table says; or NULL */
    uint16_t *table_voxels;

    tracer_view_t *view;
    encode_t *encode;
    uint8_t *rgba; /* of the stream's size: what is shown */
    size_t rgba_bytes;
    uint32_t rgba_revision, rgba_samples; /* of what; 0: nothing */
    uint32_t revision, stream_revision; /* that view and encode have; 0: none */
    pace_t pace;
    enum { PICTURE_MOVING, PICTURE_SETTLING, PICTURE_REFINING } phase;
    uint32_t step;    /* of settling */
    pace_plan_t plan; /* film and pass while moving or settling */
    pace_plan_t pass; /* under way, if its samples are not 0 */
    uint64_t pass_us; /* that its parts took so far */
    uint32_t film_width, film_height;
    uint64_t seed;
    uint64_t film_us;     /* when the film began, or was last shown */
    uint32_t film_shown;  /* samples it had then */
    double noise;         /* as tracer_noise, of this film lately */
    bool key, configured; /* the next record's flags */
} picture_t;

void picture_init(picture_t *p, const expo_volume_t *volume,
                  const uint16_t *voxels, publish_t *ring);
/* Before the first picture; borrowed, as voxels are. */
void picture_table(picture_t *p, expo_table_t *table, uint16_t *voxels);
void picture_close(picture_t *p);

/*
 * Adds one pass to the film of these wishes and shows it if it is time.
 * EXPO_AGAIN: over(ctx) (tracer.h) ended this part of the pass, and the next
 * call goes on, with the same wishes or a new keyframe; wishes of other
 * revisions give the pass up. Any other status but EXPO_OK is for good: this
 * picture will never work on this tracer.
 */
expo_status_t picture_make(picture_t *p, tracer_t *tracer,
                           const picture_wish_t *wish, bool (*over)(void *ctx),
                           void *ctx, picture_result_t *out);

/* Its device is of no more use to it: what is made next begins on another. */
void picture_lost(picture_t *p);

/* As tracer_pick, of the picture that was made last. */
expo_status_t picture_pick(const picture_t *p, float x, float y,
                           double point_mm[3]);

/* Pictures a second that the wishes ask for. */
uint32_t picture_fps(const expo_settings_t *settings,
                     const picture_stream_t *stream);

#endif
