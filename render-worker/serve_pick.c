/* Picks: a few a session wait for the render thread. */

#include <string.h>

#include "render-worker/serve_private.h"


void
serve_pick(serve_view_t *v, const serve_pick_t *pick)
{
    serve_t *s = v->serve;

    pthread_mutex_lock(&s->lock);

    if (v->n_picks == SERVE_PICKS) {
        serve_tell(&(serve_news_t){
            .view = v, .what = SERVE_PICKED, .pick = v->picks[0]});
        v->n_picks--;
        memmove(v->picks, v->picks + 1, v->n_picks * sizeof(v->picks[0]));
    }

    v->picks[v->n_picks++] = *pick;
    serve_speak(s);
    pthread_mutex_unlock(&s->lock);
}


void
serve_pick_answer(serve_t *s)
{
    serve_news_t news = {.what = SERVE_PICKED};
    serve_view_t *v;
    uint32_t i;

    for (v = s->views; v != NULL; v = v->next) {
        for (i = 0; i < v->n_picks; i++) {
            news.view = v;
            news.pick = v->picks[i];
            news.pick.met = picture_pick(&v->picture, news.pick.x, news.pick.y,
                                         news.pick.point_mm) == EXPO_OK;
            serve_tell(&news);
        }

        v->n_picks = 0;
    }
}
