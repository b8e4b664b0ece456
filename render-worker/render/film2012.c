#include "render-worker/render/film2012.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/render/wipe.h"

/* The settings of release 1.1.0. */
#define NEAR 0.72f      /* weight of a neighbour in a frame's blur, 1 its own */
#define RADIUS 3        /* pixels, of the second blur's window of 7 x 7 */
#define UNLIKE 0.05f    /* how much less a pixel counts that looks different */
#define FADING 0.01155f /* of the second blur, with each frame */

#define WHITE 0.99998f

static void blur(uint32_t width, uint32_t height, const float *from, float *to);
static void tone(size_t n, float exposure, float *rgb);
static void linear(size_t n, float exposure, float *rgb);
static void neighbours(uint32_t width, uint32_t height, float own,
                       const float *from, float *to);
static uint32_t clamped(int64_t i, uint32_t n);


expo_status_t
film2012_run(uint32_t width, uint32_t height, uint32_t samples, float exposure,
             float *rgb)
{
    size_t n = (size_t) width * height * 3;
    float own = FADING * (float) (samples > 0 ? samples : 1);
    float *copy = malloc(n * sizeof(*copy));

    if (copy == NULL) {
        return EXPO_NO_MEMORY;
    }

    /* The mean of blurred frames is the blurred mean. */
    blur(width, height, rgb, copy);

    if (own < 1.0f) {
        tone(n, exposure, copy);
        neighbours(width, height, own, copy, rgb);
        linear(n, exposure, rgb);

    } else {
        memcpy(rgb, copy, n * sizeof(*copy));
    }

    wipe_free(copy, n * sizeof(*copy));

    return EXPO_OK;
}


void
film2012_show(const float *rgb, uint32_t width, uint32_t height, float exposure,
              uint32_t shown_width, uint32_t shown_height, uint8_t *rgba)
{
    const float *from;
    uint32_t x, y;
    int c;

    for (y = 0; y < shown_height; y++) {
        for (x = 0; x < shown_width; x++, rgba += 4) {
            from = rgb + 3 * ((size_t) ((uint64_t) y * height / shown_height) *
                                  width +
                              (uint64_t) x * width / shown_width);

            for (c = 0; c < 3; c++) {
                rgba[c] =
                    (uint8_t) (0.5f +
                               255.0f * pt_srgb(pt_tone(from[c] * exposure,
                                                        PT_EXPONENTIAL)));
            }

            rgba[3] = 255;
        }
    }
}


/* 3 x 3. */
static void
blur(uint32_t width, uint32_t height, const float *from, float *to)
{
    float weight, sum[3], all;
    uint32_t x, y;
    const float *p;
    int i, j, c;

    for (y = 0; y < height; y++) {
        for (x = 0; x < width; x++, to += 3) {
            sum[0] = sum[1] = sum[2] = all = 0.0f;

            for (j = -1; j <= 1; j++) {
                for (i = -1; i <= 1; i++) {
                    p = from +
                        3 * ((size_t) clamped((int64_t) y + j, height) * width +
                             clamped((int64_t) x + i, width));
                    weight = (i ? NEAR : 1.0f) * (j ? NEAR : 1.0f);
                    all += weight;

                    for (c = 0; c < 3; c++) {
                        sum[c] += weight * p[c];
                    }
                }
            }

            for (c = 0; c < 3; c++) {
                to[c] = sum[c] / all;
            }
        }
    }
}


static void
tone(size_t n, float exposure, float *rgb)
{
    size_t i;

    for (i = 0; i < n; i++) {
        rgb[i] = pt_tone(rgb[i] * exposure, PT_EXPONENTIAL);
    }
}


static void
linear(size_t n, float exposure, float *rgb)
{
    size_t i;

    for (i = 0; i < n; i++) {
        rgb[i] = -logf(1.0f - fminf(rgb[i], WHITE)) / exposure;
    }
}


/* The mean of a window, weighted by how near and how alike its pixels are, and
 * `own` of the pixel itself. Source: the filter that is called KNN in NVIDIA's
 * examples of image denoising. */
static void
neighbours(uint32_t width, uint32_t height, float own, const float *from,
           float *to)
{
    const float area = (2 * RADIUS + 1) * (2 * RADIUS + 1);
    float weight, sum[3], all, d[3];
    const float *p, *q;
    uint32_t x, y;
    int i, j, c;

    for (y = 0; y < height; y++) {
        for (x = 0; x < width; x++, to += 3) {
            q = from + 3 * ((size_t) y * width + x);
            sum[0] = sum[1] = sum[2] = all = 0.0f;

            for (j = -RADIUS; j <= RADIUS; j++) {
                for (i = -RADIUS; i <= RADIUS; i++) {
                    p = from +
                        3 * ((size_t) clamped((int64_t) y + j, height) * width +
                             clamped((int64_t) x + i, width));

                    for (c = 0; c < 3; c++) {
                        d[c] = p[c] - q[c];
                    }

                    weight = expf(
                        -UNLIKE * (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]) -
                        (float) (i * i + j * j) / area);
                    all += weight;

                    for (c = 0; c < 3; c++) {
                        sum[c] += weight * p[c];
                    }
                }
            }

            for (c = 0; c < 3; c++) {
                to[c] = own * q[c] + (1.0f - own) * sum[c] / all;
            }
        }
    }
}


static uint32_t
clamped(int64_t i, uint32_t n)
{
    return i < 0 ? 0 : i < (int64_t) n ? (uint32_t) i : n - 1;
}
