/*
 * The CUDA back end without a card: its host code and its kernels run on the
 * CPU against t/render/cuda, a runtime that is strict about memory and late
 * about work. Shows wrong indices, copies and waits; not what a GPU does.
 */

#include "render-worker/render/cuda/device_cuda.h"
#include "render-worker/render/tracer.h"
#include "t/render/scene.h"
#include "t/unit/check.h"

#define WIDTH 37
#define HEIGHT 21
#define PIXELS (WIDTH * HEIGHT)

static expo_volume_t volume;
static uint16_t *voxels;

static void
reset(void)
{
    memset(&fake, 0, sizeof(fake));
    fake.devices = 2;
    fake.driver = CUDART_VERSION;
    fake.memory = (size_t) 1 << 40;
}

/* Something of everything: lumps, a cut, two lamps, gloss, bounces. */
static expo_settings_t
settings(void)
{
    expo_settings_t s = test_settings();
    int i;

    s.shading.mode = EXPO_SHADING_HYBRID;
    s.shading.max_bounces = 2;
    s.environment.intensity = 1;
    s.clip.box_min[0] = -5;
    s.transfer.points[1].specular[0] = 0.3f;
    s.transfer.points[1].roughness = 0.2f;
    s.camera.aperture_mm = 1;
    s.technique.isovalue = 300;
    s.technique.window_center = 300;
    s.technique.window_width = 600;
    s.technique.slice.normal[1] = -1;
    s.technique.slice.up[2] = 1;
    s.technique.slice.width_mm = 20;
    s.technique.slice.thickness_mm = 3;
    s.n_lights = 2;

    for (i = 0; i < 2; i++) {
        s.lights[i] = (expo_light_t){.longitude_deg = 40 - 90.0f * (float) i,
                                     .distance_mm = 60,
                                     .width_mm = 20,
                                     .height_mm = 30,
                                     .color = {1, 0.5f, 1},
                                     .intensity = 4};
    }

    return s;
}

static void
lumps(void)
{
    size_t i, n;

    volume = test_volume(20, 24, 18);
    voxels = test_voxels(&volume, 0);
    n = (size_t) expo_volume_voxels(&volume);

    for (i = 0; i < n; i++) {
        voxels[i] = (uint16_t) ((i * 2654435761u >> 22) % 600);
    }
}

/* The sums that the kernels' own functions give, one pixel after the other. */
static void
by_hand(const expo_settings_t *s, pt_mode_t mode, uint32_t width,
        uint32_t height, uint32_t samples, pt_pixel_t *film)
{
    static scene_t scene;
    body_t body;
    uint32_t x, y;

    body_open(&body, &volume, voxels);
    scene_set(&scene, &body, s);
    scene.pt.width = (int32_t) width;
    scene.pt.height = (int32_t) height;
    scene.pt.seed = 3;
    scene.pt.mode = mode;
    memset(film, 0, (size_t) width * height * sizeof(*film));

    for (y = 0; y < height; y++) {
        for (x = 0; x < width; x++) {
            pt_pixel_trace(&scene.pt, film + y * width + x, (int32_t) x,
                           (int32_t) y, 0, samples, 0);
        }
    }

    body_close(&body);
}

static expo_status_t
open_view(tracer_t **t, tracer_view_t **v, tracer_mode_t mode, uint32_t width,
          uint32_t height)
{
    expo_settings_t s = settings();
    expo_status_t st;
    char error[200];

    *t = NULL;
    *v = NULL;
    st = tracer_create("cuda:1", 1, t, error, sizeof(error));

    if (st == EXPO_OK) {
        st = tracer_open(*t, &volume, voxels, v);
    }

    if (st == EXPO_OK) {
        tracer_mode(*v, mode);
        st = tracer_set(*v, &s);
    }

    return st == EXPO_OK ? tracer_film(*v, width, height, 3) : st;
}

static void
close_view(tracer_t *t, tracer_view_t *v)
{
    tracer_close(v);
    tracer_destroy(t);
}

static void
every_pixel_gets_the_sums_that_the_kernels_functions_give(void)
{
    static const uint32_t shapes[][2] = {{WIDTH, HEIGHT}, {16, 16}, {17, 16},
                                         {16, 17},        {31, 33}, {160, 16},
                                         {16, 130}};
    static const expo_technique_t techniques[] = {
        EXPO_PATH,    EXPO_PATH,       EXPO_PATH, EXPO_PATH,
        EXPO_AVERAGE, EXPO_ISOSURFACE, EXPO_SLICE};
    static pt_pixel_t film[16 * 160];
    static float rgb[3 * 16 * 160], own[3 * 16 * 160];
    expo_settings_t s = settings();
    uint32_t width, height, i;
    tracer_view_t *v;
    tracer_t *t;
    int mode, same = 1;
    film_t f;

    for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        width = shapes[i][0];
        height = shapes[i][1];
        mode = i % (PT_ER2012 + 1);
        s.technique.mode = techniques[i];
        reset();
        by_hand(&s, (pt_mode_t) mode, width, height, 5, film);
        f = (film_t){
            .pixel = film, .width = width, .height = height, .samples = 5};
        film_read(&f, own);
        open_view(&t, &v, (tracer_mode_t) mode, width, height);
        same &= tracer_set(v, &s) == EXPO_OK;
        same &= tracer_pass(v, 1) == EXPO_OK && tracer_pass(v, 4) == EXPO_OK;
        same &= tracer_read(v, rgb) == EXPO_OK;
        same &= memcmp(rgb, own, 3 * width * height * sizeof(*rgb)) == 0;
        same &= tracer_bad_paths(v) == 0;
        close_view(t, v);
    }

    check(same);
    check(fake.alive == 0);
}

/* What a launch takes is learnt; a film of many blocks is cut, and few blocks
 * take many samples at once. Whatever the cuts, the bits are the same. */
static void
launches_are_short_and_change_no_bit(void)
{
    static float rgb[2][3 * PIXELS];
    tracer_view_t *v;
    tracer_t *t;
    int i;

    for (i = 0; i < 2; i++) {
        reset();
        /* 9 blocks: one takes longer than a launch should, or almost nothing.
         */
        fake.block_ms = i == 0 ? 1.5f * LAUNCH_MS : 1e-4f;
        open_view(&t, &v, TRACER_PRODUCTION, WIDTH, HEIGHT);
        tracer_pass(v, 1);
        fake.longest_ms = 0;
        fake.launches = 0;
        tracer_pass(v, 3);

        if (i == 0) {
            check(fake.longest_ms < 2 * LAUNCH_MS);
            check(fake.launches == 3 * 9);

        } else {
            check(fake.launches == 1);
        }

        tracer_read(v, rgb[i]);
        close_view(t, v);
    }

    check(memcmp(rgb[0], rgb[1], sizeof(rgb[0])) == 0);
}

static bool
after_launches(void *most)
{
    return fake.launches >= *(const int *) most;
}

/* Each part is some launches, and what they add up to is the whole pass. */
static void
a_pass_may_come_in_parts(void)
{
    static float rgb[3 * PIXELS], whole[3 * PIXELS];
    expo_status_t st;
    tracer_view_t *v;
    int most, parts;
    tracer_t *t;

    for (most = 0; most < 4; most++) {
        reset();
        fake.block_ms = 1.5f * LAUNCH_MS;
        open_view(&t, &v, TRACER_PRODUCTION, WIDTH, HEIGHT);
        check(tracer_pass(v, 1) == EXPO_OK);
        parts = 0;

        do {
            fake.launches = 0;
            st = tracer_pass_part(v, 5, after_launches, &most);
            check(st == EXPO_OK || fake.launches == (most > 1 ? most : 1));
            check(st == EXPO_OK || tracer_read(v, rgb) == EXPO_AGAIN);
            parts++;
        } while (st == EXPO_AGAIN);

        check(st == EXPO_OK && tracer_samples(v) == 6);
        check(parts >= 5 * 9 / (most > 1 ? most : 1));
        tracer_read(v, rgb);

        /* And nothing of what was given up stays in the next film. */
        fake.launches = 0;
        check(tracer_pass_part(v, 5, after_launches, &most) == EXPO_AGAIN);
        tracer_film(v, WIDTH, HEIGHT, 3);
        check(tracer_pass(v, 6) == EXPO_OK);
        tracer_read(v, whole);
        check(memcmp(rgb, whole, sizeof(rgb)) == 0);
        close_view(t, v);
    }
}

static void
the_card_renders_its_own_copy_of_the_volume(void)
{
    static float rgb[2][3 * PIXELS];
    expo_settings_t s = settings();
    uint16_t *mine = voxels;
    size_t bytes = (size_t) expo_volume_voxels(&volume) * sizeof(*voxels);
    tracer_view_t *v;
    tracer_t *t;
    int i;

    for (i = 0; i < 2; i++) {
        reset();
        voxels = malloc(bytes);
        memcpy(voxels, mine, bytes);
        open_view(&t, &v, TRACER_PRODUCTION, WIDTH, HEIGHT);

        if (i == 1) {
            memset(voxels, 0xff, bytes);
        }

        tracer_set(v, &s);
        tracer_pass(v, 2);
        tracer_read(v, rgb[i]);
        close_view(t, v);
        free(voxels);
    }

    voxels = mine;
    check(memcmp(rgb[0], rgb[1], sizeof(rgb[0])) == 0);
}

static void
the_card_hides_a_table_and_shows_it_again(void)
{
    static uint32_t runs[][2] = {{1000, 3000}, {50, 500}};
    static uint16_t air[3500];
    static float shown[3 * PIXELS], hidden[3 * PIXELS], again[3 * PIXELS];
    static pt_pixel_t film[PIXELS];
    static float own[3 * PIXELS];
    expo_table_t table = {runs, 2, air, 3500, 0};
    expo_settings_t s = settings();
    film_t f = {.pixel = film, .width = WIDTH, .height = HEIGHT, .samples = 2};
    tracer_view_t *v;
    tracer_t *t;
    int i;

    reset();
    expo_table_hide(&table, voxels, 1);
    open_view(&t, &v, TRACER_PRODUCTION, WIDTH, HEIGHT);
    tracer_table(v, &table, voxels);
    by_hand(&s, PT_PRODUCTION, WIDTH, HEIGHT, 2, film);
    film_read(&f, own);

    for (i = 0; i < 3; i++) {
        s.clip.hide_table = i != 1;
        tracer_set(v, &s);
        tracer_pass(v, 2);
        tracer_read(v, i == 0 ? hidden : i == 1 ? shown : again);
    }

    check(memcmp(hidden, own, sizeof(own)) == 0);
    check(memcmp(again, own, sizeof(own)) == 0);
    check(memcmp(shown, own, sizeof(own)) != 0);

    expo_table_hide(&table, voxels, 0);
    close_view(t, v);
    check(fake.alive == 0);
}

/* Tables and bounds go to the card when they are new. A set that failed has
 * left none there. */
static void
a_camera_move_uploads_nothing(void)
{
    static float rgb[2][3 * PIXELS];
    expo_settings_t s = settings();
    tracer_view_t *v;
    tracer_t *t;

    reset();
    open_view(&t, &v, TRACER_PRODUCTION, WIDTH, HEIGHT);
    fake.uploads = 0;
    s.camera.position[0] += 3;
    s.lights[0].intensity = 2;
    check(tracer_set(v, &s) == EXPO_OK);
    check(fake.uploads == 0);
    s.transfer.density_scale *= 2;
    check(tracer_set(v, &s) == EXPO_OK);
    check(fake.uploads == 4);
    s.technique.mode = EXPO_ISOSURFACE;
    check(tracer_set(v, &s) == EXPO_OK);
    check(fake.uploads == 6);
    s.technique.mode = EXPO_PATH;
    fake.fail_at = fake.calls + 5;
    fake.fail_with = cudaErrorMemoryAllocation;
    check(tracer_set(v, &s) == EXPO_NO_MEMORY);
    check(tracer_pass(v, 1) == EXPO_INVALID);
    check(tracer_set(v, &s) == EXPO_OK);
    tracer_pass(v, 2);
    tracer_read(v, rgb[0]);
    close_view(t, v);

    open_view(&t, &v, TRACER_PRODUCTION, WIDTH, HEIGHT);
    tracer_set(v, &s);
    tracer_pass(v, 2);
    tracer_read(v, rgb[1]);
    close_view(t, v);
    check(memcmp(rgb[0], rgb[1], sizeof(rgb[0])) == 0);
}

/* And with it what it looks back to; one that there was no room for is none. */
static void
a_film_may_grow_and_may_fail_to(void)
{
    expo_settings_t s = settings();
    static float rgb[3 * PIXELS];
    tracer_view_t *v;
    tracer_t *t;
    uint32_t i;

    reset();
    s.camera.aperture_mm = 0;
    s.denoise = true;
    open_view(&t, &v, TRACER_PRODUCTION, 16, 16);

    for (i = 0; i < 4; i++) {
        s.camera.position[0] += 0.1;
        check(tracer_set(v, &s) == EXPO_OK);
        check(tracer_film(v, WIDTH + i, HEIGHT + i, 3) == EXPO_OK);
        check(tracer_pass(v, 1) == EXPO_OK);
    }

    /* Pictures do without a past that finds no room. */
    check(tracer_film(v, 60, 60, 3) == EXPO_OK);
    check(tracer_pass(v, 1) == EXPO_OK);
    fake.memory = 1;
    s.camera.position[0] += 0.1;
    check(tracer_set(v, &s) == EXPO_OK);
    check(tracer_pass(v, 1) == EXPO_OK);

    check(tracer_film(v, 100, 100, 3) == EXPO_NO_MEMORY);
    check(tracer_pass(v, 1) == EXPO_INVALID);
    check(tracer_read(v, rgb) == EXPO_INVALID);
    check(tracer_set(v, &s) == EXPO_OK);
    check(tracer_bad_paths(v) == 0);
    close_view(t, v);
    check(fake.alive == 0);
}

static void
it_shows_what_the_cpu_shows(void)
{
    static const uint32_t sizes[][2] = {{WIDTH, HEIGHT}, {74, 50}, {20, 11}};
    static uint8_t rgba[4 * 74 * 50], own[4 * 74 * 50];
    /* One alone the CPU leaves half of out. */
    static const uint32_t samples[] = {0, 2, 3, 6, 300};
    static float rgb[3 * PIXELS], filtered[3 * PIXELS];
    expo_settings_t s = settings();
    tracer_view_t *v, *cpu_view;
    tracer_t *t, *cpu;
    char error[100];
    int worst = 0, d;
    size_t i, k, j, far = 0;
    uint32_t n;

    reset();
    s.film.tone_map = EXPO_TONE_ACES;
    s.film.gamma = 1.3f;
    s.background.color[1] = 0.4f;
    tracer_create("cpu", 1, &cpu, error, sizeof(error));
    tracer_open(cpu, &volume, voxels, &cpu_view);
    open_view(&t, &v, TRACER_PRODUCTION, WIDTH, HEIGHT);

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        tracer_set(v, &s);
        tracer_set(cpu_view, &s);
        tracer_film(cpu_view, WIDTH, HEIGHT, 3);
        tracer_film(v, WIDTH, HEIGHT, 3);

        for (n = 0; n < samples[i]; n++) {
            tracer_pass(v, 1);
            tracer_pass(cpu_view, 1);
        }

        for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            tracer_read_display(v, sizes[k][0], sizes[k][1], rgba);
            tracer_read_display(cpu_view, sizes[k][0], sizes[k][1], own);

            for (j = 0; j < 4 * (size_t) sizes[k][0] * sizes[k][1]; j++) {
                d = abs(rgba[j] - own[j]);
                far += d > 1;
                worst = d > worst ? d : worst;
            }
        }

        tracer_read_filtered(v, filtered);
        tracer_read_filtered(cpu_view, rgb);

        for (j = 0; j < 3 * PIXELS; j++) {
            far += fabsf(rgb[j] - filtered[j]) > 0.01f;
        }
    }

    /* The CPU's paths are another build: now and then one turns. */
    check(far < 200);
    printf("# %zu of %d values differ, by up to %d\n", far, 5 * 4 * 4700,
           worst);
    close_view(t, v);
    tracer_close(cpu_view);
    tracer_destroy(cpu);
    check(fake.alive == 0);
}

/* All that is asked of a card, and whether each answer was good. The largest
 * picture first: what fails when memory is given back need not be told. */
static int
all_goes_well(int *calls)
{
    static uint8_t rgba[4 * 40 * 30];
    static float rgb[3 * PIXELS];
    tracer_view_t *v;
    tracer_t *t;
    expo_status_t st = open_view(&t, &v, TRACER_PRODUCTION, WIDTH, HEIGHT);

    if (st == EXPO_OK) {
        st = tracer_pass(v, 2);
    }

    if (st == EXPO_OK) {
        st = tracer_read(v, rgb);
    }

    if (st == EXPO_OK) {
        st = tracer_read_filtered(v, rgb);
    }

    if (st == EXPO_OK) {
        st = tracer_read_display(v, 40, 30, rgba);
    }

    if (st == EXPO_OK && tracer_bad_paths(v) != 0) {
        st = EXPO_NO_MEMORY;
    }

    if (st == EXPO_IO && tracer_trouble(t)[0] == '\0') {
        st = EXPO_OK; /* a failure must say what it is */
    }

    *calls = fake.calls;
    close_view(t, v);

    return st == EXPO_OK;
}

static void
any_call_may_fail(void)
{
    static const cudaError_t errors[] = {cudaErrorMemoryAllocation,
                                         cudaErrorIllegalAddress};
    int calls, all, i, dead, good = 0, leaks = 0;

    reset();
    check(all_goes_well(&all));

    for (i = 1; i <= all; i++) {
        for (dead = 0; dead < 2; dead++) {
            reset();
            fake.fail_at = i;
            fake.dead = dead;
            fake.fail_with = errors[dead];
            good += all_goes_well(&calls);
            leaks += fake.alive;
        }
    }

    check(all > 20);
    check(good == 0);
    check(leaks == 0);
}

static int
refuses(const char *device, expo_status_t st, const char *words)
{
    char error[200] = "";
    tracer_t *t;

    return tracer_create(device, 1, &t, error, sizeof(error)) == st &&
           strstr(error, words) != NULL && strchr(error, '\n') == NULL;
}

static void
what_is_missing_is_said(void)
{
    char error[100];
    tracer_t *t;

    reset();
    check(refuses("cuda:2", EXPO_UNSUPPORTED, "the last is cuda:1"));
    check(refuses("cuda:", EXPO_INVALID, "cuda:N"));
    check(refuses("cuda:x", EXPO_INVALID, "cuda:N"));
    check(refuses("cuda:1234", EXPO_INVALID, "cuda:N"));
    check(refuses("gpu", EXPO_INVALID, "cuda:N"));
    fake.no_kernels = 1;
    check(refuses("cuda", EXPO_UNSUPPORTED, "compute capability 9.0"));
    fake.devices = 0;
    check(refuses("cuda", EXPO_UNSUPPORTED, "no CUDA device"));
    fake.driver = 12040;
    check(refuses("cuda", EXPO_UNSUPPORTED, "CUDA up to 12.4"));
    fake.driver = 0;
    check(refuses("cuda", EXPO_UNSUPPORTED, "no NVIDIA driver"));

    check(tracer_create("auto", 1, &t, error, sizeof(error)) == EXPO_OK);
    check(strncmp(tracer_device(t), "cpu", 3) == 0);
    tracer_destroy(t);

    reset();
    check(tracer_create("auto", 1, &t, error, sizeof(error)) == EXPO_OK);
    check(strcmp(tracer_device(t), "cuda:0 (Imagined)") == 0);
    tracer_destroy(t);
    check(fake.alive == 0);
}

static void
a_volume_that_does_not_fit_is_refused(void)
{
    tracer_view_t *v;
    char error[100];
    tracer_t *t;

    reset();
    fake.memory = MEMORY_SPARE;
    tracer_create("cuda", 1, &t, error, sizeof(error));
    check(tracer_open(t, &volume, voxels, &v) == EXPO_NO_MEMORY);
    fake.memory = MEMORY_SPARE + 20 * 24 * 18 * 2 + 5 * 6 * 5 * 8;
    check(tracer_open(t, &volume, voxels, &v) == EXPO_OK);
    tracer_close(v);
    tracer_destroy(t);
    check(fake.alive == 0);
}

int
main(void)
{
    lumps();
    every_pixel_gets_the_sums_that_the_kernels_functions_give();
    launches_are_short_and_change_no_bit();
    a_pass_may_come_in_parts();
    the_card_renders_its_own_copy_of_the_volume();
    the_card_hides_a_table_and_shows_it_again();
    a_camera_move_uploads_nothing();
    a_film_may_grow_and_may_fail_to();
    it_shows_what_the_cpu_shows();
    any_call_may_fail();
    what_is_missing_is_said();
    a_volume_that_does_not_fit_is_refused();
    free(voxels);

    return done();
}
