/* The film: its sums, and the way from them to a picture. */

#include <stdlib.h>
#include <string.h>

#include "render-worker/render/cuda/device_cuda.h"

/* Planes of floats, as filter.c has them. */
#define GUIDES 6
#define GLOWS 6
#define PLANES (GUIDES + 2 * GLOWS + 4)
#define PAST (GUIDES + GLOWS + 1)

static film_t film_on_card(const cuda_view_t *v, const film_t *f);
static pt_guides_t guides_in(float *planes, size_t pixels);
static pt_glows_t glows_in(float *planes, size_t pixels);
static cudaError_t gather(cuda_view_t *v, const film_t *card, int *recalled);
static cudaError_t shade(cuda_view_t *v, const film_t *card);
static cudaError_t copy(cuda_view_t *v, void *to, const void *from,
                        size_t bytes);
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
    size_t pixels = (size_t) f->width * f->height,
           plane = pixels * sizeof(float);
    film_t card = film_on_card(v, f);
    cudaError_t e = cuda_use(view);
    int recalled = 0;
    char *to;

    if (e == cudaSuccess) {
        e = gather(v, &card, &recalled);
    }

    /* The past, which may make way for a larger one, is being read. */
    if (e == cudaSuccess) {
        e = cudaStreamSynchronize(v->stream);
    }

    if (e == cudaSuccess) {
        e = memory_resize(&v->past, PAST * plane);
    }

    to = v->past.at;

    if (e == cudaSuccess) {
        e = copy(v, to, v->filter.guides.depth, GUIDES * plane);
    }

    if (e == cudaSuccess) {
        e = copy(v, to + GUIDES * plane, v->filter.glows[recalled].r,
                 GLOWS * plane);
    }

    if (e == cudaSuccess) {
        e = copy(v, to + (GUIDES + GLOWS) * plane, v->filter.samples, plane);
    }

    if (e == cudaSuccess) {
        e = cudaStreamSynchronize(v->stream);
    }

    v->has_past = e == cudaSuccess;

    if (v->has_past) {
        v->filter.past.camera = f->camera;
        v->filter.past.width = (int32_t) f->width;
        v->filter.past.height = (int32_t) f->height;
        v->filter.past.guides = guides_in(v->past.at, pixels);
        v->filter.past.glows =
            glows_in((float *) v->past.at + GUIDES * pixels, pixels);
        v->filter.past.samples =
            (float *) v->past.at + (GUIDES + GLOWS) * pixels;
    }

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
    float *planes = v->planes.at;

    if (e != cudaSuccess) {
        return e;
    }

    v->filter.guides = guides_in(planes, pixels);
    v->filter.glows[0] = glows_in(planes + GUIDES * pixels, pixels);
    v->filter.glows[1] = glows_in(planes + (GUIDES + GLOWS) * pixels, pixels);
    planes += (GUIDES + 2 * GLOWS) * pixels;
    v->filter.samples = planes;
    v->filter.tissue = planes + pixels;
    v->filter.error = planes + 2 * pixels;
    v->filter.variance = planes + 3 * pixels;
    *recalled = v->has_past && card->samples < PT_FORGET;

    return kernels_gather(card, &v->filter, *recalled, v->stream);
}


static pt_guides_t
guides_in(float *planes, size_t pixels)
{
    pt_guides_t g = {planes,
                     planes + pixels,
                     planes + 2 * pixels,
                     planes + 3 * pixels,
                     planes + 4 * pixels,
                     planes + 5 * pixels};

    return g;
}


static pt_glows_t
glows_in(float *planes, size_t pixels)
{
    pt_glows_t g = {planes,
                    planes + pixels,
                    planes + 2 * pixels,
                    planes + 3 * pixels,
                    planes + 4 * pixels,
                    planes + 5 * pixels};

    return g;
}


static cudaError_t
copy(cuda_view_t *v, void *to, const void *from, size_t bytes)
{
    return cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice,
                           v->stream);
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
