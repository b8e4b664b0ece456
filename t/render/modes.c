/* The estimators that production is compared with: right, but for what each is
 * known for. */

#include "render-worker/render/film2012.h"
#include "render-worker/render/kernel/pt_er2012.h"
#include "render-worker/render/tracer.h"
#include "t/render/scene.h"
#include "t/render/statistics.h"
#include "t/unit/check.h"

#define SIDE 24
#define PIXELS (SIDE * SIDE)

static tracer_t *tracer;

/* A lumpy ball, its edge as wide as four voxels. */
static uint16_t *
lumps(const expo_volume_t *v)
{
    uint16_t *voxels = test_voxels(v, 0);
    uint32_t x, y, z;
    double p[3], r;

    for (z = 0; z < v->dims[2]; z++) {
        for (y = 0; y < v->dims[1]; y++) {
            for (x = 0; x < v->dims[0]; x++) {
                p[0] = x - 0.5 * (v->dims[0] - 1.0);
                p[1] = y - 0.5 * (v->dims[1] - 1.0);
                p[2] = z - 0.5 * (v->dims[2] - 1.0);
                r = sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]);
                r = 400 + 250 * (8 - r) + 150 * sin(p[0]) * cos(p[1] + p[2]);
                voxels[(z * v->dims[1] + y) * v->dims[0] + x] =
                    (uint16_t) fmin(fmax(r, 0), 1000);
            }
        }
    }

    return voxels;
}

/* The ball under a sky that is darker below, in the light of two lamps. */
static expo_settings_t
lit(expo_shading_t shading)
{
    expo_settings_t s = test_settings();
    int i, k;

    s.shading.mode = shading;
    s.environment.intensity = 1;
    s.environment.bottom[0] = 0.3f;
    s.n_lights = 2;

    for (i = 0; i < 2; i++) {
        s.lights[i].distance_mm = 60;
        s.lights[i].longitude_deg = i ? -60 : 40;
        s.lights[i].latitude_deg = 30;
        s.lights[i].width_mm = s.lights[i].height_mm = 40;
        s.lights[i].intensity = i ? 2 : 4;

        for (k = 0; k < 3; k++) {
            s.lights[i].color[k] = 1;
            s.transfer.points[i].emission[k] = 0.02f;
        }
    }

    return s;
}

/* Mean of the first picture less the second's, in standard errors of it; *part:
 * of the second's mean. */
static double
apart(const float *a, const float *b, double *part)
{
    double sum = 0, square = 0, mean = 0, d;
    int i;

    for (i = 0; i < PIXELS; i++) {
        d = (double) a[3 * i] - (double) b[3 * i];
        sum += d;
        square += d * d;
        mean += (double) b[3 * i];
    }

    *part = sum / mean;

    return sum / sqrt(square);
}

/* By how much a bound grows where only a share of the paths is taken. */
static double
wider(void)
{
    return sqrt(1e6 / test_count(1000000));
}

static void
woodcock_tracking_gives_the_light_of_unbiased_paths(void)
{
    static const expo_shading_t shadings[] = {
        EXPO_SHADING_PHASE, EXPO_SHADING_BRDF, EXPO_SHADING_HYBRID};
    expo_volume_t v = test_volume(28, 30, 26);
    uint16_t *voxels = lumps(&v);
    float rgb[2][3 * PIXELS];
    double error, part;
    expo_settings_t s;
    int i, k;

    for (i = 0; i < 6; i++) {
        s = lit(shadings[i % 3]);
        s.shading.max_bounces = i < 3 ? 0 : 4;
        s.shading.g = i == 3 ? 0.5f : 0;
        s.transfer.density_scale = i % 2 ? 0.1f : 2;

        for (k = 0; k < 2; k++) {
            test_render_mode(tracer, &v, voxels, &s,
                             k ? TRACER_UNBIASED : TRACER_WOODCOCK, SIDE,
                             test_count(256), rgb[k], &error);
        }

        check(fabs(apart(rgb[0], rgb[1], &part)) < 4);
        check(fabs(part) < 0.02 * wider());
    }

    free(voxels);
}

static void
er2012_at(const expo_volume_t *v, const uint16_t *voxels,
          const expo_settings_t *s, float stride, uint32_t samples, float *rgb)
{
    tracer_view_t *view;

    tracer_open(tracer, v, voxels, &view);
    tracer_stride(view, stride);
    tracer_mode(view, TRACER_ER2012);
    tracer_set(view, s);
    tracer_film(view, SIDE, SIDE, 5);
    tracer_pass(view, samples);
    tracer_read(view, rgb);
    tracer_close(view);
}

/* Matte tissue, as the glossy lobes are not the same. */
static void
er2012_comes_to_the_light_of_unbiased_paths_as_its_steps_shrink(void)
{
    static const expo_shading_t shadings[] = {
        EXPO_SHADING_PHASE, EXPO_SHADING_BRDF, EXPO_SHADING_HYBRID};
    expo_volume_t v = test_volume(28, 30, 26);
    uint16_t *voxels = lumps(&v);
    float wanted[3 * PIXELS], rgb[3 * PIXELS];
    double error, part;
    expo_settings_t s;
    int i;

    for (i = 0; i < 3; i++) {
        s = lit(shadings[i]);
        s.transfer.density_scale = 20;
        test_render_mode(tracer, &v, voxels, &s, TRACER_UNBIASED, SIDE,
                         test_count(512), wanted, &error);

        /* Steps of 3 voxels pass what is thin: too bright. */
        er2012_at(&v, voxels, &s, 1, test_count(256), rgb);
        apart(rgb, wanted, &part);
        check(part > 0.02 || test_shortened());

        er2012_at(&v, voxels, &s, 1.0f / 96, test_count(768), rgb);
        check(fabs(apart(rgb, wanted, &part)) < 4);
        check(fabs(part) < 0.015 * wider());
    }

    free(voxels);
}

static pt_v3
anywhere(pt_random_t *random)
{
    float u, v;

    pt_random_two(random, &u, &v);

    return pt_hg_sample(pt_vec(0, 0, 1), 0, u, v);
}

/* By its own samples and by directions chosen evenly, what leaves a surface
 * and where to is the same; the density is one in all. */
static void
blinn_samples_stand_for_what_it_reflects(void)
{
    static const float roughness[] = {0.3f, 0.5f, 1.0f};
    pt_v3 n = pt_unit(pt_vec(0.2f, -0.4f, 0.8f)), wo, wi, f;
    double sum[3][2], square[3][2], x, error;
    pt_random_t random = pt_random(3, 1, 4);
    float u, v, choose, unused, pdf;
    pt_material_t m;
    int i, k, way, draws = (int) test_count(400000);

    memset(&m, 0, sizeof(m));
    m.color = pt_vec(0.4f, 0.4f, 0.4f);
    m.specular = pt_vec(0.5f, 0.5f, 0.5f);
    wo = pt_unit(pt_vec(0.7f, 0.1f, 0.5f));

    for (k = 0; k < 3; k++) {
        m.roughness = roughness[k];
        memset(sum, 0, sizeof(sum));
        memset(square, 0, sizeof(square));

        for (i = 0; i < draws * 2; i++) {
            way = i % 2;
            pt_random_two(&random, &u, &v);
            pt_random_two(&random, &unused, &choose);
            wi = way ? anywhere(&random)
                     : pt_blinn_sample(&m, n, wo, choose, u, v);
            f = pt_blinn(&m, n, wo, wi, &pdf);
            x = way ? 4 * M_PI * f.x : pdf > 0 ? f.x / pdf : 0;
            sum[0][way] += x;
            square[0][way] += x * x;
            x *= wi.x;
            sum[1][way] += x;
            square[1][way] += x * x;
            /* Samples below the surface have no density. */
            x = way ? 4 * M_PI * pdf : pt_dot(n, wi) > 0;
            sum[2][way] += x;
            square[2][way] += x * x;
        }

        for (i = 0; i < 3; i++) {
            for (way = 0, error = 0; way < 2; way++) {
                sum[i][way] /= draws;
                error += square[i][way] / draws - sum[i][way] * sum[i][way];
            }

            check(fabs(sum[i][0] - sum[i][1]) < 4 * sqrt(error / draws));
        }
    }
}

/* An even picture stays even, edges included; a lonely bright pixel spreads
 * over 9 x 9, later over 3 x 3, and is not lost. */
static void
the_film_of_2012_blurs_less_and_less(void)
{
    static const uint32_t samples[] = {1, 40, 87};
    static const int reach[] = {4, 4, 1};
    float rgb[3 * PIXELS], top = 0;
    double sum, worst = 0;
    uint8_t rgba[4 * PIXELS];
    int i, k, x, y, outside = 0;

    for (k = 0; k < 3; k++) {
        for (i = 0; i < 3 * PIXELS; i++) {
            rgb[i] = 0.7f;
        }

        check(film2012_run(SIDE, SIDE, samples[k], 0.5f, rgb) == EXPO_OK);

        for (i = 0; i < 3 * PIXELS; i++) {
            worst = fmax(worst, fabs((double) rgb[i] - 0.7));
        }

        memset(rgb, 0, sizeof(rgb));
        rgb[3 * (12 * SIDE + 12) + 1] = 1e-3f;
        film2012_run(SIDE, SIDE, samples[k], 0.5f, rgb);

        for (i = 0, sum = 0; i < 3 * PIXELS; i++) {
            x = abs(i / 3 % SIDE - 12);
            y = abs(i / 3 / SIDE - 12);
            outside += rgb[i] != 0 && (x > reach[k] || y > reach[k]);
            sum += (double) rgb[i];
        }

        check(fabs(sum / 1e-3 - 1) < 2e-3);
        check(rgb[3 * (12 * SIDE + 12) + 1] > top);
        top = rgb[3 * (12 * SIDE + 12) + 1];
    }

    check(worst < 1e-5);
    check(outside == 0);

    for (i = 0; i < 3 * PIXELS; i++) {
        rgb[i] = logf(2);
    }

    film2012_show(rgb, SIDE, SIDE, 1, SIDE / 2, SIDE * 2, rgba);
    check(rgba[0] == 188 && rgba[4 * PIXELS - 2] == 188 && rgba[3] == 255);
}

int
main(void)
{
    char error[100];

    if (tracer_create("cpu", 0, &tracer, error, sizeof(error)) != EXPO_OK) {
        printf("Bail out! %s\n", error);
        return 1;
    }

    woodcock_tracking_gives_the_light_of_unbiased_paths();
    er2012_comes_to_the_light_of_unbiased_paths_as_its_steps_shrink();
    blinn_samples_stand_for_what_it_reflects();
    the_film_of_2012_blurs_less_and_less();
    tracer_destroy(tracer);

    return done();
}
