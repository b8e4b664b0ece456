/* The film: its sums, and the way from them to a picture. */

#include <stdlib.h>
#include <string.h>

#include "render-worker/render/cuda/device_cuda.h"

static film_t film_on_card(const cuda_view_t *v, const film_t *f);
static cudaError_t gather(cuda_view_t *v, const film_t *card, int *recalled);
static cudaError_t shade(cuda_view_t *v, const film_t *card);
static cudaError_t fetch(cuda_view_t *v, const memory_t *from);
static const pt_pixel_t *sums(cuda_view_t *v, expo_status_t *st);


expo_status_t
cuda_film(device_view_t *view, uint32_t width, uint32_t height)
{
    cuda_view_t *v = (cuda_view_t *) view;
    size_t pixels = (size_t) width * height;
    cudaError_t e = cuda_use(view);

    v->width = width;
    v->height = height;

    if (e == cudaSuccess) {
        e = memory_resize(&v->film, pixels * sizeof(pt_pixel_t));
    }

    if (e == cudaSuccess) {
        e = memory_resize(&v->look, pixels * sizeof(pt_look_t));
    }

    if (e == cudaSuccess) {
        e = cudaMemsetAsync(v->look.at, 0, v->look.bytes, v->stream);
    }

    return e == cudaSuccess ? cuda_clear(view) : cuda_status(view, e);
}


expo_status_t
cuda_clear(device_view_t *view)
{
    cuda_view_t *v = (cuda_view_t *) view;
    cudaError_t e = cuda_use(view);

    if (e == cudaSuccess) {
        e = cudaMemsetAsync(v->film.at, 0, v->film.bytes, v->stream);
    }

    if (e == cudaSuccess) {
        e = cudaStreamSynchronize(v->stream);
    }

    return cuda_status(view, e);
}


/* The same as filter_keep. */
expo_status_t
cuda_keep(device_view_t *view, const film_t *f)
{
    cuda_view_t *v = (cuda_view_t *) view;
    size_t pixels = (size_t) f->width * f->height;
    film_t card = film_on_card(v, f);
    cudaError_t e = cuda_use(view);
    int recalled = 0;

    if (e == cudaSuccess) {
        e = gather(v, &card, &recalled);
    }

    /* The past, which may make way for a larger one, is being read. */
    if (e == cudaSuccess) {
        e = cudaStreamSynchronize(v->stream);
    }

    v->has_past = false;

    if (e == cudaSuccess) {
        e = memory_resize(&v->past, PLANES_PAST * pixels * sizeof(float));
    }

    if (e == cudaSuccess) {
        v->filter.past =
            planes_past(v->past.at, f->width, f->height, f->camera);
        e = kernels_keep(&card, &v->filter, recalled, v->stream);
    }

    if (e == cudaSuccess) {
        e = cudaStreamSynchronize(v->stream);
    }

    v->has_past = e == cudaSuccess;

    return cuda_status(view, e);
}


void
cuda_forget(device_view_t *view)
{
    ((cuda_view_t *) view)->has_past = false;
}


double
cuda_noise(device_view_t *view, const film_t *f)
{
    film_t own = *f;
    expo_status_t st;

    own.pixel = sums((cuda_view_t *) view, &st);

    return st == EXPO_OK ? film_noise(&own) : -1;
}


uint64_t
cuda_bad_paths(const device_view_t *view)
{
    cuda_view_t *v = (cuda_view_t *) view;
    size_t i, pixels = (size_t) v->width * v->height;
    uint64_t sum = 0;
    expo_status_t st;
    const pt_pixel_t *pixel = sums(v, &st);

    if (st != EXPO_OK) {
        return UINT64_MAX;
    }

    for (i = 0; i < pixels; i++) {
        sum += pixel[i].bad;
    }

    return sum;
}


expo_status_t
cuda_read(device_view_t *view, const film_t *f, float *rgb)
{
    film_t own = *f;
    expo_status_t st;

    own.pixel = sums((cuda_view_t *) view, &st);

    if (st == EXPO_OK) {
        film_read(&own, rgb);
    }

    return st;
}


expo_status_t
cuda_read_filtered(device_view_t *view, const film_t *f, float *rgb)
{
    cuda_view_t *v = (cuda_view_t *) view;
    film_t card = film_on_card(v, f);
    cudaError_t e = cuda_use(view);

    if (e == cudaSuccess) {
        e = shade(v, &card);
    }

    if (e == cudaSuccess) {
        e = fetch(v, &v->shaded);
    }

    if (e == cudaSuccess) {
        film_over(f, v->out.at, rgb);
    }

    return cuda_status(view, e);
}


expo_status_t
cuda_display(device_view_t *view, const film_t *f, uint32_t width,
             uint32_t height, uint8_t *rgba)
{
    cuda_view_t *v = (cuda_view_t *) view;
    size_t pixels = (size_t) f->width * f->height;
    film_t card = film_on_card(v, f);
    cudaError_t e = cuda_use(view);

    if (e == cudaSuccess) {
        e = shade(v, &card);
    }

    if (e == cudaSuccess) {
        e = memory_resize(&v->shown, 4 * pixels * sizeof(float));
    }

    if (e == cudaSuccess) {
        e = memory_resize(&v->rgba, (size_t) width * height * 4);
    }

    if (e == cudaSuccess) {
        e = kernels_display(&card, v->shaded.at, v->shown.at, width, height,
                            v->rgba.at, v->stream);
    }

    if (e == cudaSuccess) {
        e = fetch(v, &v->rgba);
    }

    if (e == cudaSuccess) {
        memcpy(rgba, v->out.at, v->rgba.bytes);
    }

    return cuda_status(view, e);
}


void
cuda_film_free(cuda_view_t *v)
{
    memory_free(&v->film);
    memory_free(&v->look);
    memory_free(&v->planes);
    memory_free(&v->past);
    memory_free(&v->shaded);
    memory_free(&v->shown);
    memory_free(&v->rgba);
    memory_free_host(&v->out);
}


static film_t
film_on_card(const cuda_view_t *v, const film_t *f)
{
    film_t card = *f;

    card.pixel = v->film.at;
    card.look = v->look.at;

    return card;
}


/* What the picture shows of tissue, and how much of each pixel it covers. */
static cudaError_t
shade(cuda_view_t *v, const film_t *card)
{
    size_t pixels = (size_t) card->width * card->height;
    int recalled;
    cudaError_t e = memory_resize(&v->shaded, 4 * pixels * sizeof(float));

    if (e != cudaSuccess) {
        return e;
    }

    if (card->samples == 0 || !card->filtered) {
        return kernels_mean(card, v->shaded.at, v->stream);
    }

    e = gather(v, card, &recalled);

    return e == cudaSuccess ? kernels_filter(card, &v->filter, recalled,
                                             v->shaded.at, v->stream)
                            : e;
}


/* Light and guides of the film, with what the past knows of it if *recalled. */
static cudaError_t
gather(cuda_view_t *v, const film_t *card, int *recalled)
{
    size_t pixels = (size_t) card->width * card->height;
    cudaError_t e = memory_resize(&v->planes, PLANES * pixels * sizeof(float));

    if (e != cudaSuccess) {
        return e;
    }

    v->filter.planes = planes_in(v->planes.at, pixels);
    *recalled = v->has_past && card->samples < PT_FORGET;

    return kernels_gather(card, &v->filter, *recalled, v->stream);
}


/* To v->out, by way of memory that the card writes to itself: three times as
 * fast as to any other. */
static cudaError_t
fetch(cuda_view_t *v, const memory_t *from)
{
    cudaError_t e = memory_resize_host(&v->out, from->bytes);

    if (e == cudaSuccess) {
        e = cudaMemcpyAsync(v->out.at, from->at, from->bytes,
                            cudaMemcpyDeviceToHost, v->stream);
    }

    return e == cudaSuccess ? cudaStreamSynchronize(v->stream) : e;
}


/* The film's, until the next fetch. */
static const pt_pixel_t *
sums(cuda_view_t *v, expo_status_t *st)
{
    cudaError_t e = cuda_use(&v->view);

    if (e == cudaSuccess) {
        e = fetch(v, &v->film);
    }

    *st = cuda_status(&v->view, e);

    return v->out.at;
}
