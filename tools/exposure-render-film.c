/* A turntable: pictures once around a scan, as a film. */

#include "tools/exposure-render.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/log.h>

#include "lib/turntable.h"
#include "render-worker/encode/film.h"

static void films_open(film_t **films, output_t *outputs, const options_t *o);


expo_status_t
film_make(tracer_view_t *view, const options_t *o,
          const expo_settings_t *settings, spent_t *spent)
{
    uint8_t *rgba = need(malloc((size_t) o->width * o->height * 4));
    output_t outputs[OUTS_MAX];
    film_t *films[OUTS_MAX];
    expo_settings_t now;
    uint32_t picture;
    expo_status_t st;
    unsigned i;

    films_open(films, outputs, o);

    for (picture = 0; picture < o->turntable; picture++) {
        now = *settings;
        expo_turntable(&now, 2 * M_PI * picture / o->turntable);

        st = tracer_set(view, &now);
        if (st == EXPO_OK) {
            st = trace(view, o, spent, picture, o->turntable);
        }
        if (st != EXPO_OK) {
            output_abandon();
            return st;
        }

        if (tracer_read_display(view, o->width, o->height, rgba) != EXPO_OK) {
            fail(EXIT_INPUT, "not enough memory for a picture");
        }

        for (i = 0; i < o->n_outs; i++) {
            if (film_picture(films[i], rgba) != EXPO_OK) {
                fail(EXIT_OUTPUT, "cannot write %s", o->outs[i]);
            }
        }
    }

    for (i = 0; i < o->n_outs; i++) {
        if (film_close(films[i]) != EXPO_OK) {
            fail(EXIT_OUTPUT, "cannot write %s", o->outs[i]);
        }

        output_end(&outputs[i]);
    }

    free(rgba);

    return EXPO_OK;
}


static void
films_open(film_t **films, output_t *outputs, const options_t *o)
{
    expo_status_t st;
    unsigned i;

    if (o->width % 2 != 0 || o->height % 2 != 0) {
        fail(EXIT_USAGE,
             "a film's width and height are even numbers, not "
             "%u and %u",
             o->width, o->height);
    }

    av_log_set_level(AV_LOG_ERROR);

    for (i = 0; i < o->n_outs; i++) {
        close(output_begin(&outputs[i], o->outs[i]));
        st = film_open(outputs[i].temp, film_format(o->outs[i]), o->width,
                       o->height, o->fps, &films[i]);

        if (st == EXPO_UNSUPPORTED) {
            fail(EXIT_USAGE, "no encoder here makes %s of %ux%u at %u a second",
                 o->outs[i], o->width, o->height, o->fps);
        }

        if (st != EXPO_OK) {
            fail(EXIT_OUTPUT, "cannot write %s", o->outs[i]);
        }

        if (strcmp(film_codec(films[i]), "mpeg4") == 0) {
            say("there is no H.264 encoder here: %s becomes MPEG-4 part 2",
                o->outs[i]);
        }
    }
}
