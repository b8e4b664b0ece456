/*
 * Rays that are marched or tracked together find what each finds alone, and
 * tracked ones let through what Beer and Lambert say. Skipped where the CPU has
 * no AVX2.
 */

#include "t/render/medium.h"
#include "t/unit/check.h"

#ifdef __x86_64__

#pragma GCC target("arch=x86-64-v3")

#include "render-worker/render/lanes_march.h"
#include "render-worker/render/lanes_track.h"

#define ROUNDS 40 /* of TRACK_MAX rays, of both kinds */

static track_t track;
static lanes_t lanes[LANES_TURNS];

static int
is_tracked(pt_ask_t ask)
{
    return ask == PT_TRACK || ask == PT_RATIO;
}

static void
follow(pt_path_t *const *asks, uint32_t n, pt_found_t *found)
{
    if (is_tracked(asks[0]->ask)) {
        lanes_track(&scene.pt, &track, asks, (int32_t) n, found);

    } else {
        lanes_march(&scene.pt, lanes, asks, (int32_t) n, found);
    }
}

/* Rays from in and around the volume, some of them short. */
static void
rays_at_random(uint32_t round, pt_ask_t ask, pt_path_t path[TRACK_MAX])
{
    float u[10];
    uint32_t i;
    int k;

    for (i = 0; i < TRACK_MAX; i++) {
        memset(&path[i], 0, sizeof(path[i]));
        path[i].random = pt_random(round, i, 0);

        for (k = 0; k < 10; k += 2) {
            pt_random_two(&path[i].random, &u[k], &u[k + 1]);
        }

        path[i].ask = ask;
        path[i].u = u[9];
        path[i].r.o = pt_vec(30 * u[0] - 15, 30 * u[1] - 15, 30 * u[2] - 15);
        path[i].r.d = pt_hg_sample(pt_vec(0, 0, 1), 0, u[3], u[4]);
        path[i].limit = u[5] < 0.5f ? 30 * u[6] : PT_FAR;

        if (u[7] < 0.1f) {
            path[i].r.d = pt_vec(0, 0, u[7] < 0.05f ? 1 : -1);
        }
    }
}

/* Opens a medium; free() the voxels, which it borrows, once it is closed. */
static uint16_t *
medium_at_random(expo_settings_t *s, uint32_t nx, uint32_t ny, uint32_t nz)
{
    expo_volume_t v = test_volume(nx, ny, nz);
    uint16_t *voxels = test_voxels(&v, 0);
    uint32_t i;

    for (i = 0; i < expo_volume_voxels(&v); i++) {
        voxels[i] = i / 64 % 3 ? (uint16_t) (i * 2654435761u >> 22) : 0;
    }

    *s = test_settings();
    s->transfer.points[0].value = 300;
    s->clip.box_max[0] = 7;
    medium_open(&v, voxels, s);

    return voxels;
}

/* Rounding turns a ray now and then, or cuts a march into one step more. */
static int
apart(pt_found_t a, pt_found_t b)
{
    return !(fabsf(a.clear - b.clear) < 1e-3f &&
             fabsf(a.weight - b.weight) < 1e-3f) ||
           (a.weight > 0 &&
            !(fabsf(a.t - b.t) < 1e-2f && fabsf(a.value - b.value) < 1));
}

static void
rays_together_find_what_each_finds_alone(uint32_t nx, uint32_t ny, uint32_t nz)
{
    static pt_path_t path[TRACK_MAX], alone[TRACK_MAX];
    static pt_found_t found[TRACK_MAX];
    pt_path_t *asks[TRACK_MAX];
    uint32_t round, i, turned[2] = {0, 0}, met = 0, n = 0;
    expo_settings_t s;
    uint16_t *voxels = medium_at_random(&s, nx, ny, nz);
    pt_ask_t ask;

    for (round = 0; round < ROUNDS; round++) {
        for (ask = PT_FORCE; ask <= PT_RATIO; ask++) {
            rays_at_random(round, ask, path);
            memcpy(alone, path, sizeof(alone));

            for (i = 0; i < TRACK_MAX; i++) {
                asks[i] = &path[i];
            }

            follow(asks, TRACK_MAX, found);

            for (i = 0; i < TRACK_MAX; i++, n++) {
                turned[is_tracked(ask)] +=
                    apart(found[i], pt_path_follow(&scene.pt, &alone[i]));
                met += found[i].clear < 1;
                turned[1] += path[i].random.count != alone[i].random.count;
            }
        }
    }

    check(met > n / 200 && met < n - n / 200);
    check(turned[0] < n / 200);
    check(turned[1] < n / 1000);
    medium_close();
    free(voxels);
}

static void
a_ray_depends_on_no_other(void)
{
    static pt_path_t path[TRACK_MAX];
    static pt_found_t all[TRACK_MAX], some[TRACK_MAX];
    pt_path_t *asks[TRACK_MAX];
    uint32_t i, n, other = 0;
    expo_settings_t s;
    uint16_t *voxels = medium_at_random(&s, 22, 27, 19);
    pt_ask_t ask;

    for (ask = PT_FORCE; ask <= PT_RATIO; ask++) {
        rays_at_random(1, ask, path);

        for (i = 0; i < TRACK_MAX; i++) {
            asks[i] = &path[i];
        }

        follow(asks, TRACK_MAX, all);

        for (n = 1; n < TRACK_MAX; n += 1 + n / 4) {
            rays_at_random(1, ask, path);

            for (i = 0; i < n; i++) {
                asks[i] = &path[TRACK_MAX - 1 - i];
            }

            follow(asks, n, some);

            for (i = 0; i < n; i++) {
                other += memcmp(&some[i], &all[TRACK_MAX - 1 - i],
                                sizeof(some[i])) != 0;
            }
        }
    }

    check(other == 0);
    medium_close();
    free(voxels);
}

/* The mean transmittance of rays that are tracked together. */
static double
clear_of(pt_ray_t r, pt_ask_t ask, uint32_t paths)
{
    static pt_path_t path[TRACK_MAX];
    static pt_found_t found[TRACK_MAX];
    pt_path_t *asks[TRACK_MAX];
    uint32_t i, done = 0;
    double sum = 0;

    for (; done < paths; done += TRACK_MAX) {
        for (i = 0; i < TRACK_MAX; i++) {
            path[i].random = pt_random(13, done + i, 0);
            path[i].ask = ask;
            path[i].r = r;
            path[i].limit = PT_FAR;
            asks[i] = &path[i];
        }

        lanes_track(&scene.pt, &track, asks, TRACK_MAX, found);

        for (i = 0; i < TRACK_MAX; i++) {
            sum += (double) found[i].clear;
        }
    }

    return sum / done;
}

/* around: of the voxels beside the rays', as in slab.c: null collisions. */
static void
a_slab_lets_through_what_beer_and_lambert_say(uint16_t around)
{
    static const double depths[] = {0.05, 0.5, 1, 2, 4, 8};
    expo_volume_t v = test_volume(13, 20, 13);
    uint16_t *voxels = test_voxels(&v, around);
    uint32_t x, y, z, paths = test_count(40 * TRACK_MAX);
    double worst = 0, found;
    expo_settings_t s;
    pt_ask_t ask;
    pt_ray_t r;
    size_t i;

    for (z = 5; z < 8; z++) {
        for (y = 0; y < 20; y++) {
            for (x = 5; x < 8; x++) {
                voxels[(z * 20 + y) * 13 + x] = 500;
            }
        }
    }

    for (i = 0; i < sizeof(depths) / sizeof(*depths); i++) {
        s = test_settings();
        s.transfer.density_scale = (float) (depths[i] / 10);
        medium_open(&v, voxels, &s);
        r = medium_ray(0, i % 2 ? 40 : -40, 0, 0, i % 2 ? -1 : 1, 0);

        for (ask = PT_TRACK; ask <= PT_RATIO; ask++) {
            found = clear_of(r, ask, paths);
            worst = fmax(worst, fabs(found - exp(-depths[i])) /
                                    test_bound(exp(-depths[i]), paths));
        }

        medium_close();
    }

    check(worst < 1);
    free(voxels);
}

int
main(void)
{
    if (!__builtin_cpu_supports("x86-64-v3")) {
        printf("# skipped: no AVX2\n");
        return done();
    }

    track_open(&track);
    rays_together_find_what_each_finds_alone(22, 27, 19);
    rays_together_find_what_each_finds_alone(17, 2, 30);
    rays_together_find_what_each_finds_alone(1, 29, 3);
    a_ray_depends_on_no_other();
    a_slab_lets_through_what_beer_and_lambert_say(500);
    a_slab_lets_through_what_beer_and_lambert_say(1000);
    a_slab_lets_through_what_beer_and_lambert_say(0);

    return done();
}

#else

int
main(void)
{
    return done();
}

#endif
