#include <stdlib.h>
#include <string.h>

#include "lib/settings.h"
#include "render-worker/encode/still.h"
#include "render-worker/loop.h"
#include "render-worker/render/tracer.h"
#include "render-worker/thumbnail.h"

#define THUMBNAIL_PASS 2
#define THUMBNAIL_ERROR 256

static expo_status_t thumbnail_trace(tracer_view_t *view,
                                     const expo_settings_t *settings,
                                     uint8_t *rgba);


expo_status_t
thumbnail_render(const expo_schema_t *settings, const expo_volume_t *volume,
                 const uint16_t *voxels, const double percentiles[4],
                 uint8_t **png, size_t *bytes)
{
    uint8_t rgba[THUMBNAIL_EDGE * THUMBNAIL_EDGE * 4];
    char error[THUMBNAIL_ERROR];
    expo_settings_t numbers;
    tracer_t *tracer = NULL;
    tracer_view_t *view = NULL;
    json_t *look = NULL;
    expo_status_t st;

    st = expo_settings_default(volume, percentiles, &look);

    if (st == EXPO_OK) {
        st =
            expo_settings_parse(settings, look, &numbers, error, sizeof(error));
    }

    if (st == EXPO_OK) {
        st = tracer_create("cpu", 0, &tracer, error, sizeof(error));
    }

    if (st == EXPO_OK) {
        st = tracer_open(tracer, volume, voxels, &view);
    }

    if (st == EXPO_OK) {
        st = thumbnail_trace(view, &numbers, rgba);
        tracer_close(view);
    }

    if (st == EXPO_OK) {
        st = still_png(rgba, THUMBNAIL_EDGE, THUMBNAIL_EDGE, png, bytes);
    }

    if (tracer != NULL) {
        tracer_destroy(tracer);
    }

    json_decref(look);
    explicit_bzero(rgba, sizeof(rgba));

    return st;
}


static expo_status_t
thumbnail_trace(tracer_view_t *view, const expo_settings_t *settings,
                uint8_t *rgba)
{
    uint64_t start = loop_now_us();
    expo_status_t st = tracer_set(view, settings);

    if (st == EXPO_OK) {
        st = tracer_film(view, THUMBNAIL_EDGE, THUMBNAIL_EDGE, 1);
    }

    while (st == EXPO_OK && tracer_samples(view) < THUMBNAIL_SAMPLES &&
           loop_now_us() - start < THUMBNAIL_US) {
        st = tracer_pass(view, THUMBNAIL_PASS);
    }

    if (st != EXPO_OK) {
        return st;
    }

    return tracer_read_display(view, THUMBNAIL_EDGE, THUMBNAIL_EDGE, rgba);
}
