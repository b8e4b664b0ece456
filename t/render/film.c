/* Young pictures: what the filter keeps, takes away and never makes worse. */

#include "render-worker/render/filter.h"
#include "t/render/scene.h"
#include "t/render/statistics.h"
#include "t/unit/check.h"

#define W 96
#define H 64
#define SIDE 32

static tracer_t *tracer;
static pool_t *pool;
static filter_t *filters[2]; /* for every CPU, and of x86-64-v3 */
static int n_filters = 1;

/* A film of n samples without noise: on the left half a slanted surface with a
 * pattern of colours in light that changes slowly or not, nothing on the
 * right. */
static film_t
wall(pt_pixel_t *pixel, pt_look_t *look, uint32_t n, double slope)
{
    film_t f = {.pixel = pixel,
                .look = look,
                .width = W,
                .height = H,
                .samples = n,
                .marched = 1,
                .filtered = 1,
                .voxel_mm = 1,
                .pixel_mm = 1};
    double light, power;
    int i, c;

    memset(pixel, 0, W * H * sizeof(*pixel));
    memset(look, 0, W * H * sizeof(*look));

    for (i = 0; i < W * H; i++) {
        look[i].depth = PT_FAR;

        if (i % W >= W / 2) {
            continue;
        }

        light = 2 + slope * (i % W);
        look[i].cover = 0.75f;
        look[i].depth = 100 + 0.5f * (float) (i % W);
        look[i].firm = 1;
        look[i].normal = pt_unit(pt_vec(1, 0, -2));
        look[i].color = pt_vec(0.1f + 0.05f * (float) (i % 7), 0.5f,
                               i / W % 2 ? 0.9f : 0.05f);
        pixel[i].radiance[0] = (double) look[i].color.x * light;
        pixel[i].radiance[1] = (double) look[i].color.y * light;
        pixel[i].radiance[2] = (double) look[i].color.z * light;
        pixel[i].cover = pixel[i].tissue = 0.75;

        for (c = 0; c < 3; c++) {
            pixel[i].radiance[c] *= 0.75 * n;
        }

        pixel[i].cover *= n;
        pixel[i].tissue *= n;

        for (power = 1; 2 * power <= n - (n > 1); power *= 2) {
        }

        pixel[i].mark[1] = pt_pixel_luminance(pixel + i) / n * power;
        pixel[i].mark[0] = pixel[i].mark[1] / 2;
    }

    return f;
}

static double
worst(const film_t *f, const float *shaded)
{
    double error = 0, want;
    int i, c;

    for (i = 0; i < W * H; i++) {
        for (c = 0; c < 3; c++) {
            want = f->pixel[i].cover > 0
                       ? f->pixel[i].radiance[c] / f->pixel[i].cover
                       : 0;
            error = fmax(error, fabs((double) shaded[4 * i + c] - want));
        }

        want = f->pixel[i].cover / f->samples;
        error = fmax(error, fabs((double) shaded[4 * i + 3] - want));
    }

    return error;
}

static void
what_has_no_noise_stays_as_it_is(filter_t *filter)
{
    static pt_pixel_t pixel[W * H];
    static pt_look_t look[W * H];
    static float shaded[4 * W * H];
    static const uint32_t samples[] = {1, 2, 3, 5, 8, 100};
    double flat = 0, slanted = 0;
    film_t f;
    int i;

    for (i = 0; i < 6; i++) {
        f = wall(pixel, look, samples[i], 0);
        filter_run(filter, &f, pool, shaded);
        flat = fmax(flat, worst(&f, shaded));

        if (samples[i] > 1) {
            f = wall(pixel, look, samples[i], 0.03);
            filter_run(filter, &f, pool, shaded);
            slanted = fmax(slanted, worst(&f, shaded));
        }
    }

    /* Colours, and the edge to nothing, are not touched. */
    check(flat < 1e-5);
    check(slanted < 1e-4);
}

static void
both_builds_repeat_themselves_and_agree(void)
{
    static pt_pixel_t pixel[W * H];
    static pt_look_t look[W * H];
    static float shaded[2][2][4 * W * H];
    film_t f = wall(pixel, look, 9, 0.03);
    double off = 0;
    pool_t *one;
    int i, c;

    for (i = 0; i < W * H; i++) {
        for (c = 0; c < 3; c++) {
            pixel[i].radiance[c] *=
                0.5 + (double) (i * 2654435761u >> 22) / 1e3;
        }
    }

    if (pool_open(1, &one) != EXPO_OK) {
        check(0);
        return;
    }

    for (i = 0; i < n_filters; i++) {
        filter_run(filters[i], &f, one, shaded[i][0]);
        filter_run(filters[i], &f, pool, shaded[i][1]);
        check(memcmp(shaded[i][0], shaded[i][1], sizeof(shaded[i][0])) == 0);
    }

    for (i = 0; n_filters == 2 && i < 4 * W * H; i++) {
        off = fmax(off, fabs((double) shaded[0][0][i] - shaded[1][0][i]));
    }

    check(off < 1e-4);
    check(worst(&f, shaded[0][0]) > 0.1);
    pool_close(one);
}

/* A shell with lumps, open on one side. */
static uint16_t *
shell(const expo_volume_t *v)
{
    uint16_t *voxels = test_voxels(v, 0);
    size_t i, n = (size_t) expo_volume_voxels(v);
    double x, y, z, value;

    for (i = 0; i < n; i++) {
        x = (double) (i % v->dims[0]) - 15.5;
        y = (double) (i / v->dims[0] % v->dims[1]) - 15.5;
        z = (double) (i / v->dims[0] / v->dims[1]) - 15.5;
        value = 700 - 400 * fabs(sqrt(x * x + y * y + z * z) - 9) +
                150 * sin(x) * sin(y + z);
        value = x + y < -6 ? 0 : fmin(fmax(value, 0), 1000);
        voxels[i] = (uint16_t) value;
    }

    return voxels;
}

static expo_settings_t
lit(void)
{
    expo_settings_t s = test_settings();

    s.environment.intensity = 0.5f;
    s.shading.mode = EXPO_SHADING_HYBRID;
    s.shading.max_bounces = 1;
    s.n_lights = 1;
    s.lights[0].longitude_deg = 40;
    s.lights[0].latitude_deg = 30;
    s.lights[0].distance_mm = 60;
    s.lights[0].width_mm = s.lights[0].height_mm = 20;
    s.lights[0].intensity = 20;
    s.lights[0].color[0] = s.lights[0].color[1] = s.lights[0].color[2] = 1;
    s.transfer.points[1].color[0] = 0.9f;
    s.transfer.points[0].color[2] = 0.2f;

    return s;
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

static void
filtered_is_nearer_to_the_truth_at_any_count(void)
{
    static float truth[3 * SIDE * SIDE], plain[3 * SIDE * SIDE];
    static float filtered[3 * SIDE * SIDE];
    expo_volume_t v = test_volume(32, 32, 32);
    expo_settings_t s = lit();
    uint16_t *voxels = shell(&v);
    double gain, error, worst_gain = 100, young = 100;
    tracer_view_t *view;
    uint32_t n;
    int sky;

    for (sky = 0; sky < 2; sky++) {
        s.background.mode =
            sky ? EXPO_BACKGROUND_ENVIRONMENT : EXPO_BACKGROUND_COLOR;
        test_render(tracer, &v, voxels, &s, SIDE, test_count(1024), truth,
                    &error);
        tracer_open(tracer, &v, voxels, &view);
        tracer_set(view, &s);
        tracer_film(view, SIDE, SIDE, 11);

        for (n = 1; n <= test_count(128); n *= 2) {
            tracer_pass(view, n - tracer_samples(view));
            tracer_read(view, plain);
            tracer_read_filtered(view, filtered);
            gain = apart(plain, truth) / apart(filtered, truth);
            printf("# %u samples: %.2f times less squared error\n", n, gain);
            young = n <= 4 ? fmin(young, gain) : young;
            worst_gain = fmin(worst_gain, gain);
        }

        tracer_close(view);
    }

    check(young > 3);
    check(worst_gain > 1);
    free(voxels);
}

/* Against the grey of a picture with many more samples. */
static void
the_noise_is_what_is_left(void)
{
    static uint8_t truth[4 * SIDE * SIDE], shown[4 * SIDE * SIDE];
    expo_volume_t v = test_volume(32, 32, 32);
    expo_settings_t s = lit();
    uint16_t *voxels = shell(&v);
    double sum, d, noise, off = 0;
    tracer_view_t *view;
    uint32_t samples;
    int i, n;

    s.denoise = false;
    s.film.tone_map = EXPO_TONE_ACES;
    tracer_open(tracer, &v, voxels, &view);
    tracer_set(view, &s);
    tracer_film(view, SIDE, SIDE, 12);
    tracer_pass(view, test_count(1024));
    tracer_read_display(view, SIDE, SIDE, truth);
    tracer_film(view, SIDE, SIDE, 13);
    check(tracer_noise(view) < 0);

    for (samples = 2; samples <= test_count(64); samples *= 2) {
        tracer_pass(view, samples - tracer_samples(view));
        tracer_read_display(view, SIDE, SIDE, shown);
        noise = tracer_noise(view);

        for (i = n = 0, sum = 0; i < SIDE * SIDE; i++) {
            if (truth[4 * i] + truth[4 * i + 1] + truth[4 * i + 2] > 0) {
                d = 0.2126 * (shown[4 * i] - truth[4 * i]) +
                    0.7152 * (shown[4 * i + 1] - truth[4 * i + 1]) +
                    0.0722 * (shown[4 * i + 2] - truth[4 * i + 2]);
                sum += d * d;
                n++;
            }
        }

        printf("# %u samples: noise %.2f, error %.2f\n", samples, noise,
               sqrt(sum / n));

        /* With fewer, black and white cut much of the error off. */
        off = samples < 4 ? 0 : fmax(off, fabs(log(noise / sqrt(sum / n))));
    }

    check(off < log(1.35));
    tracer_close(view);
    free(voxels);
}

static void
the_filter_can_be_switched_off(void)
{
    static float plain[3 * SIDE * SIDE], filtered[3 * SIDE * SIDE];
    expo_volume_t v = test_volume(32, 32, 32);
    expo_settings_t s = lit();
    uint16_t *voxels = shell(&v);
    tracer_view_t *view;
    int i;

    tracer_open(tracer, &v, voxels, &view);

    for (i = 0; i < 2; i++) {
        s.denoise = i == 0;
        tracer_set(view, &s);
        tracer_film(view, SIDE, SIDE, 5);
        tracer_pass(view, 2);
        tracer_read(view, plain);
        tracer_read_filtered(view, filtered);
        check(i == 0 ? apart(plain, filtered) > 1e-4
                     : apart(plain, filtered) < 1e-10);
    }

    tracer_close(view);
    free(voxels);
}

int
main(void)
{
    char error[100];
    int i;

    if (tracer_create("cpu", 0, &tracer, error, sizeof(error)) != EXPO_OK ||
        pool_open(2, &pool) != EXPO_OK ||
        filter_open(false, &filters[0]) != EXPO_OK ||
        filter_open(true, &filters[1]) != EXPO_OK) {
        printf("Bail out! %s\n", error);
        return 1;
    }

#ifdef __x86_64__
    n_filters = __builtin_cpu_supports("x86-64-v3") ? 2 : 1;
#endif

    for (i = 0; i < n_filters; i++) {
        what_has_no_noise_stays_as_it_is(filters[i]);
    }

    both_builds_repeat_themselves_and_agree();
    filtered_is_nearer_to_the_truth_at_any_count();
    the_noise_is_what_is_left();
    the_filter_can_be_switched_off();
    filter_close(filters[0]);
    filter_close(filters[1]);
    pool_close(pool);
    tracer_destroy(tracer);

    return done();
}
