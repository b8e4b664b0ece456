/* Pictures of exposure-render as files. */

#include "tools/exposure-render.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render-worker/encode/still.h"

static void pfm_write(const tracer_view_t *view, const options_t *o,
                      const char *path);
static void png_write(const tracer_view_t *view, const options_t *o,
                      const char *path);


/* out.pfm becomes out_N.pfm; out.png too. */
void
checkpoint_write(const tracer_view_t *view, const options_t *o, uint32_t n)
{
    char path[PATH_MAX];
    int stem = (int) strlen(o->outs[0]) - 4;

    if (snprintf(path, sizeof(path), "%.*s_%u.pfm", stem, o->outs[0], n) >=
        (int) sizeof(path)) {
        fail(EXIT_OUTPUT, "the name of a checkpoint is too long");
    }

    pfm_write(view, o, path);
}


void
picture_write(const tracer_view_t *view, const options_t *o, const char *path)
{
    if (ends_with(path, ".pfm")) {
        pfm_write(view, o, path);

    } else {
        png_write(view, o, path);
    }
}


/* Portable float map: its rows run from the bottom up; -1.0 is little-endian.
 */
static void
pfm_write(const tracer_view_t *view, const options_t *o, const char *path)
{
    size_t row = (size_t) o->width * 3, y;
    float *rgb = need(malloc(row * o->height * sizeof(*rgb)));
    expo_status_t st;
    output_t out;
    FILE *f;
    int ok;

    f = fdopen(output_begin(&out, path), "wb");
    st = o->filter ? tracer_read_filtered(view, rgb) : tracer_read(view, rgb);
    ok = f != NULL && st == EXPO_OK &&
         fprintf(f, "PF\n%u %u\n-1.0\n", o->width, o->height) > 0;

    for (y = o->height; ok && y-- > 0;) {
        ok = fwrite(rgb + y * row, sizeof(*rgb), row, f) == row;
    }

    if (f == NULL || fclose(f) != 0 || !ok) {
        fail(EXIT_OUTPUT, "cannot write %s: %s", path, strerror(errno));
    }

    output_end(&out);
    free(rgb);
}


static void
png_write(const tracer_view_t *view, const options_t *o, const char *path)
{
    uint8_t *rgba = need(malloc((size_t) o->width * o->height * 4)), *png;
    output_t out;
    size_t bytes;
    FILE *f;
    int ok;

    if (tracer_read_display(view, o->width, o->height, rgba) != EXPO_OK ||
        still_png(rgba, o->width, o->height, &png, &bytes) != EXPO_OK) {
        fail(EXIT_OUTPUT, "cannot make a PNG of the picture");
    }

    f = fdopen(output_begin(&out, path), "wb");
    ok = f != NULL && fwrite(png, 1, bytes, f) == bytes;

    if (f == NULL || fclose(f) != 0 || !ok) {
        fail(EXIT_OUTPUT, "cannot write %s: %s", path, strerror(errno));
    }

    output_end(&out);
    free(png);
    free(rgba);
}
