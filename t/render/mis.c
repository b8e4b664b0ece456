/*
 * Group 6 of the renderer's tests: light is the same whichever way it is found:
 * by asking a lamp, by a direction that the surface chose, or by both with the
 * power heuristic; as one lamp or as many.
 */

#include "render-worker/render/kernel/pt_path.h"
#include "t/render/scene.h"
#include "t/render/statistics.h"
#include "t/unit/check.h"

#define SIDE 32
#define PIXELS (SIDE * SIDE)
#define DRAWS 800000

static tracer_t *tracer;

static const tracer_mode_t modes[] = {TRACER_PRODUCTION, TRACER_UNBIASED,
                                      TRACER_WOODCOCK};
static const expo_shading_t shadings[] = {
    EXPO_SHADING_PHASE, EXPO_SHADING_BRDF, EXPO_SHADING_HYBRID};

static pt_lamp_t
square_lamp(float distance, float edge)
{
    pt_lamp_t l;

    memset(&l, 0, sizeof(l));
    l.center = pt_vec(0, 0, distance);
    l.normal = pt_vec(0, 0, -1);
    l.u = pt_vec(0.5f * edge, 0, 0);
    l.v = pt_vec(0, 0.5f * edge, 0);
    l.area = edge * edge;

    return l;
}

/* A lamp over a surface of this roughness, both ways and with their shares. */
static void
three_ways(float roughness, test_mean_t way[3])
{
    pt_lamp_t l = square_lamp(100, 80);
    pt_v3 n = pt_unit(pt_vec(0.1f, 0, 1)), f;
    pt_v3 wo = pt_unit(pt_vec(0.4f, 0.1f, 0.8f));
    uint32_t i, draws = test_count(DRAWS);
    float u, v, lobe, w, pdf, density, t;
    double lit, met, both;
    pt_material_t m;
    pt_random_t r;
    pt_ray_t ray;

    memset(&m, 0, sizeof(m));
    m.color = m.specular = pt_vec(0.5f, 0.5f, 0.5f);
    m.roughness = roughness;
    ray.o = pt_vec(0, 0, 0);

    for (i = 0; i < draws; i++) {
        r = pt_random(5, 1, i);
        pt_random_two(&r, &u, &v);
        ray.d = pt_lamp_sample(&l, u, v);
        t = pt_length(ray.d);
        ray.d = pt_unit(ray.d);
        density = pt_lamp_density(&l, ray.d, t);
        f = pt_brdf(&m, n, wo, ray.d, &pdf);
        lit = (double) (f.x * pt_max(pt_dot(ray.d, n), 0) / density);
        both = lit * (double) pt_power(density, pdf);

        pt_random_two(&r, &u, &v);
        pt_random_two(&r, &w, &lobe);
        ray.d = pt_brdf_sample(&m, n, wo, lobe, u, v);
        f = pt_brdf(&m, n, wo, ray.d, &pdf);
        t = pt_lamp_hit(&l, ray);
        met = 0;

        if (t < PT_FAR && pdf > 0) {
            met = (double) (f.x * pt_dot(ray.d, n) / pdf);
            both += met * (double) pt_power(pdf,
                                            pt_lamp_density(&l, ray.d, t));
        }

        test_add(&way[0], lit);
        test_add(&way[1], met);
        test_add(&way[2], both);
    }
}

static void
both_ways_of_finding_a_lamp_agree(void)
{
    static const float roughness[] = {0.15f, 0.3f, 0.6f, 1};
    test_mean_t way[3];
    int i, k, wrong = 0, wider = 0;
    double apart, error, best;

    for (i = 0; i < 4; i++) {
        memset(way, 0, sizeof(way));
        three_ways(roughness[i], way);

        for (k = 1; k < 3; k++) {
            apart = test_mean_of(&way[k]) - test_mean_of(&way[0]);
            error = hypot(test_error_of(&way[k]), test_error_of(&way[0]));
            wrong += fabs(apart) > 4 * error;
        }

        /* Together they are nearly as sure as the better one, or surer: Veach's
         * bound for two ways. */
        best = fmin(test_error_of(&way[0]), test_error_of(&way[1]));
        wider += test_error_of(&way[2]) > 1.5 * best;
    }

    check(wrong == 0);
    check(wider == 0);
}

/*
 * Six lamps that face the target are the walls of a room. Tissue in it is lit
 * as by a sky of 1, which is found by direction only; glossy tissue finds the
 * walls both ways. By the settings alone all lamps and the sky are the same.
 */
static void
room(expo_settings_t *s)
{
    int i;

    s->environment.intensity = 0;
    s->n_lights = 6;

    for (i = 0; i < 6; i++) {
        s->lights[i] = test_light(150, 300);
        s->lights[i].intensity = 1;
        s->lights[i].visible = true;
        s->lights[i].longitude_deg = i < 4 ? (float) (90 * i) : 0;
        s->lights[i].latitude_deg = i < 4 ? 0 : i == 4 ? 90 : -90;
    }
}

static void
a_room_of_lamps_is_a_sky(void)
{
    static const float roughness[] = {0.2f, 0.7f};
    expo_volume_t v = test_volume(28, 30, 26);
    uint16_t *voxels = test_ball(&v, 9);
    float rgb[3 * PIXELS];
    double by_lamps, by_sky, error[2], apart = 0, wide = 0;
    uint32_t samples = test_count(48);
    expo_settings_t s;
    int i, k;

    for (i = 0; i < 18; i++) {
        s = test_settings();
        s.shading.mode = shadings[i / 3 % 3];
        s.shading.max_bounces = i % 2 ? 4 : 0;
        s.background.mode = EXPO_BACKGROUND_ENVIRONMENT;

        for (k = 0; k < 6; k++) {
            s.transfer.points[k / 3].color[k % 3] = 0.7f;
            s.transfer.points[k / 3].specular[k % 3] = 0.3f;
            s.transfer.points[k / 3].roughness = roughness[i / 9];
        }

        s.environment.intensity = 1;
        by_sky = test_render_mode(tracer, &v, voxels, &s, modes[i % 3], SIDE,
                                  samples, rgb, &error[0]);
        room(&s);
        by_lamps = test_render_mode(tracer, &v, voxels, &s, modes[i % 3], SIDE,
                                    samples, rgb, &error[1]);
        apart = fmax(apart, fabs(by_lamps - by_sky) -
                                4 * hypot(error[0], error[1]));
        wide = fmax(wide, hypot(error[0], error[1]));
    }

    printf("# sky and room: errors up to %.4f\n", wide);
    check(apart < 1e-3);
    check(test_shortened() || wide < 0.05);
    free(voxels);
}

/* One lamp, or 4 quarters of its radiance at its place, or all 32. */
static void
many_lamps_are_one_that_is_as_bright(void)
{
    static const uint32_t counts[] = {1, 4, EXPO_LIGHTS_MAX};
    expo_volume_t v = test_volume(28, 30, 26);
    uint16_t *voxels = test_ball(&v, 9);
    float rgb[3 * PIXELS];
    double mean[3], error[3], apart = 0, wide = 0;
    expo_settings_t s;
    int i, k;
    uint32_t n;

    for (i = 0; i < 9; i++) {
        for (k = 0; k < 3; k++) {
            s = test_settings();
            s.shading.mode = shadings[i / 3];
            s.shading.max_bounces = 1;
            s.environment.intensity = 0.2f;
            s.transfer.points[1].specular[0] = 0.2f;
            s.transfer.points[1].roughness = 0.3f;
            s.n_lights = counts[k];

            for (n = 0; n < counts[k]; n++) {
                s.lights[n] = test_light(80, 50);
                s.lights[n].longitude_deg = 60;
                s.lights[n].intensity /= (float) counts[k];
            }

            mean[k] = test_render_mode(
                tracer, &v, voxels, &s, modes[i % 3], SIDE,
                test_count(modes[i % 3] == TRACER_WOODCOCK ? 64 : 12), rgb,
                &error[k]);
        }

        for (k = 1; k < 3; k++) {
            apart = fmax(apart, (fabs(mean[k] - mean[0]) -
                                 4 * hypot(error[k], error[0])) /
                                    mean[0]);
            wide = fmax(wide, hypot(error[k], error[0]) / mean[0]);
        }
    }

    printf("# many lamps: errors up to %.4f\n", wide);
    check(apart < 1e-3);
    check(test_shortened() || wide < 0.1);
    free(voxels);
}

/* Each lamp's light adds up: the sum of two pictures is that of both. */
static void
light_of_two_lamps_adds_up(void)
{
    expo_volume_t v = test_volume(28, 30, 26);
    uint16_t *voxels = test_ball(&v, 9);
    float rgb[3 * PIXELS];
    double mean[3], error[3], apart = 0, all;
    expo_settings_t s;
    int i, k;

    for (i = 0; i < 9; i++) {
        for (k = 0; k < 3; k++) {
            s = test_settings();
            s.shading.mode = shadings[i / 3];
            s.n_lights = 2;
            s.lights[0] = test_light(80, 50);
            s.lights[1] = test_light(120, 20);
            s.lights[0].longitude_deg = 60;
            s.lights[1].latitude_deg = 50;
            s.lights[1].intensity = 40;

            if (k < 2) {
                s.lights[k].intensity = 0;
            }

            mean[k] = test_render_mode(tracer, &v, voxels, &s, modes[i % 3],
                                       SIDE, test_count(24), rgb, &error[k]);
        }

        all = sqrt(error[0] * error[0] + error[1] * error[1] +
                   error[2] * error[2]);
        apart = fmax(apart, (fabs(mean[0] + mean[1] - mean[2]) - 4 * all) /
                                mean[2]);
    }

    check(apart < 1e-3);
    free(voxels);
}

int
main(void)
{
    tracer = test_tracer();
    both_ways_of_finding_a_lamp_agree();
    a_room_of_lamps_is_a_sky();
    many_lamps_are_one_that_is_as_bright();
    light_of_two_lamps_adds_up();
    tracer_destroy(tracer);

    return done();
}
