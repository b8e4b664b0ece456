/* First pictures of which every other pixel is filled in. */

#include "render-worker/render/sparse.h"
#include "t/render/scene.h"
#include "t/render/statistics.h"
#include "t/unit/check.h"

#define W 24
#define H 16
#define SIDE 64

static tracer_t *tracer;

/*
 * A sparse film without noise: on the left a surface of 0.75 cover before a sky
 * of 0.5, of a colour a row, in light 2 above and 4 below; the sky alone on the
 * right, which covers. full: with the samples that a sparse one lacks.
 */
static film_t
wall(pt_pixel_t *pixel, pt_look_t *look, bool full)
{
    film_t f = {.pixel = pixel,
                .look = look,
                .width = W,
                .height = H,
                .samples = 1,
                .sparse = !full,
                .voxel_mm = 1,
                .pixel_mm = 1};
    double light, sky, tissue;
    int x, y, c;

    memset(pixel, 0, W * H * sizeof(*pixel));
    memset(look, 0, W * H * sizeof(*look));

    for (y = 0; y < H; y++) {
        for (x = 0; x < W; x++, pixel++, look++) {
            tissue = x < W / 2 ? 0.75 : 0;
            light = y < H / 2 ? 2 : 4;
            sky = 0.5 * (1 - tissue);
            look->cover = (float) tissue;
            look->depth = x < W / 2 ? y < H / 2 ? 100.0f : 200.0f : PT_FAR;
            look->firm = 1;
            look->normal = pt_vec(0, 0, -1);
            look->color = pt_vec(0.1f + 0.05f * (float) y, 0.5f, 0.9f);
            look->behind = pt_vec(0.5f, 0.5f, 0.5f);

            if (!full && pt_pixel_skipped(x, y)) {
                continue;
            }

            pixel->radiance[0] = tissue * light * (double) look->color.x + sky;
            pixel->radiance[1] = tissue * light * (double) look->color.y + sky;
            pixel->radiance[2] = tissue * light * (double) look->color.z + sky;
            pixel->tissue = tissue;
            pixel->cover = 1;
        }
    }

    for (c = 0; c < 3; c++) {
        f.background[c] = 1;
    }

    return f;
}

static void
what_is_filled_in_is_lit_as_its_like(void)
{
    static pt_pixel_t pixel[W * H], whole[W * H];
    static pt_look_t look[W * H];
    double worst = 0, cover = 0;
    film_t full = wall(whole, look, true), f = wall(pixel, look, false);
    pt_pixel_t p;
    int x, y, c, worth = 1;

    for (y = 0; y < H; y++) {
        for (x = 0; x < W; x++) {
            p = sparse_pixel(&f, x, y);
            cover = fmax(cover, fabs(p.cover - 1) +
                                    fabs(p.tissue - whole[y * W + x].tissue));

            for (c = 0; c < 3; c++) {
                worst = fmax(
                    worst, fabs(p.radiance[c] - whole[y * W + x].radiance[c]));
            }

            worth &= sparse_worth(&full, x, y) == 1.0f &&
                     sparse_worth(&f, x, y) ==
                         (pt_pixel_skipped(x, y) ? 0.5f : 1.0f);
        }
    }

    /* One in some 1e-3 / 2 of a neighbour is another surface's. */
    printf("# off by %.1e, cover by %.1e\n", worst, cover);
    check(worst < 4e-3);
    check(cover < 1e-6);
    check(worth);
}

/* A surface that only one skipped pixel sees, and sky that only one does. */
static void
what_has_no_like_is_still_a_number(void)
{
    static pt_pixel_t pixel[W * H];
    static pt_look_t look[W * H];
    film_t f = wall(pixel, look, false);
    const int lonely = 4 * W + 5, gap = 4 * W + W - 3;
    pt_pixel_t p;

    check(pt_pixel_skipped(5, 4) && pt_pixel_skipped(W - 3, 4));
    look[lonely].depth = PT_FAR;
    look[lonely].cover = 0;
    look[gap].depth = 50;
    look[gap].cover = 1;

    p = sparse_pixel(&f, 5, 4);
    check(p.radiance[0] == 0.5 && p.tissue == 0 && fabs(p.cover - 1) < 1e-12);

    p = sparse_pixel(&f, W - 3, 4);
    check(p.radiance[0] == 0.5 && p.tissue == 0 && fabs(p.cover - 1) < 1e-12);
}

/* From the second sample on, nothing is left of it. */
static void
it_goes_on_as_any_other_film(void)
{
    static const uint32_t passes[] = {1, 1, 1, 4};
    static float rgb[2][3 * SIDE * SIDE];
    expo_volume_t v = test_volume(64, 64, 64);
    uint16_t *voxels = test_head(&v);
    expo_settings_t s = test_benchmark();
    tracer_view_t *view[2];
    int i, k;

    for (k = 0; k < 2; k++) {
        s.denoise = k == 0;
        tracer_open(tracer, &v, voxels, &view[k]);
        tracer_set(view[k], &s);
        tracer_film(view[k], SIDE, SIDE, 7);
    }

    for (i = 0; i < 4; i++) {
        for (k = 0; k < 2; k++) {
            tracer_pass(view[k], passes[i]);
            tracer_read(view[k], rgb[k]);
        }

        check((memcmp(rgb[0], rgb[1], sizeof(rgb[0])) == 0) == (i > 0));
    }

    tracer_close(view[0]);
    tracer_close(view[1]);
    free(voxels);
}

static double
apart(const float *a, const float *b)
{
    double sum = 0;
    int i;

    for (i = 0; i < 3 * SIDE * SIDE; i++) {
        sum += pow((double) a[i] - (double) b[i], 2);
    }

    return sum / (3 * SIDE * SIDE);
}

/* Half the paths may cost twice the error, and a little of sharpness. */
static void
it_is_a_good_first_picture(void)
{
    static float truth[3 * SIDE * SIDE], one[3 * SIDE * SIDE];
    static float two[3 * SIDE * SIDE];
    expo_volume_t v = test_volume(64, 64, 64);
    uint16_t *voxels = test_head(&v);
    expo_settings_t s = test_benchmark();
    double error, sparse = 0, whole = 0;
    tracer_view_t *view;
    uint32_t seed;

    test_render(tracer, &v, voxels, &s, SIDE, test_count(1024), truth, &error);
    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);

    for (seed = 1; seed <= 4; seed++) {
        tracer_film(view, SIDE, SIDE, seed);
        tracer_pass(view, 1);
        tracer_read_filtered(view, one);
        tracer_film(view, SIDE, SIDE, seed);
        tracer_pass(view, 2);
        tracer_read_filtered(view, two);
        sparse += apart(one, truth);
        whole += apart(two, truth);
    }

    printf("# squared error of a sparse sample: %.2f times that of two\n",
           sparse / whole);
    check(sparse < 4 * whole);
    tracer_close(view);
    free(voxels);
}

int
main(void)
{
    tracer = test_tracer();

    if (tracer_is_card(tracer)) {
        printf("1..0 # SKIP a card leaves nothing out\n");
        tracer_destroy(tracer);
        return 0;
    }

    what_is_filled_in_is_lit_as_its_like();
    what_has_no_like_is_still_a_number();
    it_goes_on_as_any_other_film();
    it_is_a_good_first_picture();
    tracer_destroy(tracer);

    return done();
}
