/*
 * The render thread: one device, served to the sessions in turns (turn.h), a
 * picture or part of one at a time. A session without stream viewers, or whose
 * picture has converged, costs nothing.
 *
 * All functions are the main thread's and return at once; what the render
 * thread has to say it says through serve_events_t, on the main thread.
 */

#ifndef SERVE_H
#define SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/id.h"
#include "lib/settings.h"
#include "lib/volume.h"
#include "render-worker/loop.h"
#include "render-worker/picture.h"

#define SERVE_PICKS 8

typedef struct serve_s serve_t;
typedef struct serve_view_s serve_view_t;

/* What was picked and who asks; point_mm once it is answered, if met. */
typedef struct {
    uint64_t peer;
    char by[EXPO_ID_TEXT + 1];
    uint32_t request;
    float x, y; /* 0..1 from the top left */
    bool met;
    double point_mm[3];
} serve_pick_t;

typedef struct {
    void (*frame)(void *owner, uint32_t sequence); /* is in the ring */
    void (*picked)(void *owner, const serve_pick_t *pick);
    void (*failed)(void *owner); /* this view will never show anything again */
    void (*gone)(void *owner);   /* after serve_remove: nothing is borrowed */
} serve_events_t;

/* What was done since the last serve_stats. */
typedef struct {
    uint32_t frames, samples, max_samples;
    uint32_t width, height;      /* film */
    double render_ms, encode_ms; /* mean of a frame */
    uint64_t bytes;
    double noise; /* as picture_result_t */
    bool converged;
    const char *device; /* that renders it now; valid until serve_stop */
} serve_stats_t;

/*
 * Where there is no such device, or it fails later, the CPU renders and the log
 * says why; a session that it has no room for, alone. error: one sentence when
 * the status is not EXPO_OK.
 */
expo_status_t serve_start(loop_t *loop, const char *device, unsigned threads,
                          const serve_events_t *events, serve_t **out,
                          char *error, size_t error_bytes);
/* Every view must have been removed; waits for the thread. */
void serve_stop(serve_t *s);
const char *serve_device(serve_t *s);

/*
 * volume, voxels and ring are borrowed until events->gone. NULL when there is
 * no memory. Nothing is rendered before there are viewers.
 */
serve_view_t *serve_add(serve_t *s, void *owner, const expo_volume_t *volume,
                        const uint16_t *voxels, publish_t *ring,
                        const expo_settings_t *settings, uint32_t revision,
                        const picture_stream_t *stream);
/* Before it has viewers; both are borrowed as voxels are. */
void serve_table(serve_view_t *v, expo_table_t *table, uint16_t *voxels);
void serve_remove(serve_view_t *v);

/* The newest settings are taken up by the next picture; older ones never are.
 */
void serve_set(serve_view_t *v, const expo_settings_t *settings,
               uint32_t revision);
void serve_stream(serve_view_t *v, const picture_stream_t *stream);
void serve_viewers(serve_view_t *v, uint32_t viewers);
void serve_keyframe(serve_view_t *v);
/* Answered between two turns; of more than SERVE_PICKS at once, the oldest as
 * if nothing were there. */
void serve_pick(serve_view_t *v, const serve_pick_t *pick);
void serve_stats(serve_view_t *v, serve_stats_t *out);

#endif
