/* A turntable: pictures once around a scan, as a film. */

#include "tools/exposure-render.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/log.h>

#include "render-worker/encode/film.h"

static void films_open(film_t **films, output_t *outputs, const options_t *o);
static void turn(expo_settings_t *s, double angle);


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
        turn(&now, 2 * M_PI * picture / o->turntable);

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


/* The camera around the target's head-foot axis, towards the patient's left,
 * and level: what is up in the picture is the head's direction. */
static void
turn(expo_settings_t *s, double angle)
{
    double c = cos(angle), k = sin(angle), arm[3], *up = s->camera.up, length;
    int i;

    for (i = 0; i < 3; i++) {
        arm[i] = s->camera.position[i] - s->camera.target[i];
    }

    length = sqrt(arm[0] * arm[0] + arm[1] * arm[1] + arm[2] * arm[2]);

    s->camera.position[0] = s->camera.target[0] + c * arm[0] - k * arm[1];
    s->camera.position[1] = s->camera.target[1] + k * arm[0] + c * arm[1];

    /* Seen along the axis nothing can be level: the picture turns. */
    if (fabs(arm[2]) > 0.999 * length) {
        double x = up[0];

        up[0] = c * x - k * up[1];
        up[1] = k * x + c * up[1];
        return;
    }

    up[0] = up[1] = 0;
    up[2] = 1;
}
