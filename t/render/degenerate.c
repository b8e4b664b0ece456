/* Group 11 of the renderer's tests: degenerate input gives the right picture
 * or none, never NaN, never a hang. */

#include <unistd.h>

#include "render-worker/render/tracer.h"
#include "t/render/scene.h"
#include "t/unit/check.h"

#define SIDE 16

static tracer_t *tracer;

static int
all_numbers(const float *rgb, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (!isfinite(rgb[i])) {
            return 0;
        }
    }

    return 1;
}

/* No kernel makes one: it comes in by settings that a parse would refuse, in
 * one colour only. */
static void
what_is_no_number_is_counted_and_left_out(void)
{
    static const float broken[] = {NAN, INFINITY, -INFINITY};
    expo_volume_t v = test_volume(30, 6, 30);
    expo_settings_t s = test_settings();
    uint16_t *voxels = test_voxels(&v, 1000);
    float rgb[3 * SIDE * SIDE];
    tracer_view_t *view;
    int i, k;

    for (i = 0; i < 9; i++) {
        s = test_settings();
        s.transfer.density_scale = 100;

        for (k = 0; k < 2; k++) {
            s.transfer.points[k].emission[i % 3] = broken[i / 3];
        }

        tracer_open(tracer, &v, voxels, &view);
        tracer_set(view, &s);
        tracer_film(view, SIDE, SIDE, 1);
        check(tracer_bad_paths(view) == 0);
        tracer_pass(view, 2);
        check(tracer_bad_paths(view) == 2 * SIDE * SIDE);
        tracer_read(view, rgb);
        check(all_numbers(rgb, 3 * SIDE * SIDE));
        s = test_settings();
        tracer_set(view, &s);
        check(tracer_bad_paths(view) == 0);
        tracer_close(view);
    }

    free(voxels);
}

int
main(void)
{
    char error[100];

    alarm(300);

    if (tracer_create("cpu", 0, &tracer, error, sizeof(error)) != EXPO_OK) {
        printf("Bail out! %s\n", error);
        return 1;
    }

    what_is_no_number_is_counted_and_left_out();
    tracer_destroy(tracer);

    return done();
}
