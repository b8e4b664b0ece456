/*
 * Whatever the headers say: every picture is in one group, layers refer to
 * pictures of their group, and what is kept is a volume that can be read.
 * The input is 16 bytes a picture, small numbers and a few wild ones.
 */

#include "lib/series.c"
#include "lib/series_stack.c"
#include "lib/series_times.c"
#include "lib/volume.h"

enum { PICTURE = 16, MOST = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *src, size_t len);
static double wild(uint8_t b, double step);
static void fill(expo_slice_t *s, const uint8_t *p);
static void judge(const expo_plan_t *plan, const expo_slice_t *s, size_t n);


int
LLVMFuzzerTestOneInput(const uint8_t *src, size_t len)
{
    static expo_slice_t slices[MOST];
    size_t n = len / PICTURE < MOST ? len / PICTURE : MOST;
    expo_plan_t *plan;

    for (size_t i = 0; i < n; i++) {
        fill(&slices[i], src + i * PICTURE);
    }

    if (expo_series_plan(slices, n, &plan) == EXPO_OK) {
        judge(plan, slices, n);
        expo_plan_free(plan);
    }

    return 0;
}


static double
wild(uint8_t b, double step)
{
    const double odd[] = {NAN, INFINITY, -INFINITY, 1e308, -1e-308, 1e6};

    return b >= 250 ? odd[b - 250] : (b - 100) * step;
}


static void
fill(expo_slice_t *s, const uint8_t *p)
{
    double angle = wild(p[8], 0.01);

    memset(s, 0, sizeof *s);
    s->series = p[0] & 3;
    s->kind = p[0] >> 2 & 1;
    s->frame = p[0] >> 3 & 3;
    s->instance = p[1];
    s->rows = p[2] & 128 ? p[2] * 40u : 8;
    s->cols = p[2] & 64 ? p[2] * 40u : 8;
    s->spacing_mm[0] = wild(p[3], 0.02);
    s->spacing_mm[1] = wild(p[4], 0.02);
    s->position[0] = wild(p[5], 0.5);
    s->position[1] = wild(p[6], 0.5);
    s->position[2] = wild(p[7], 0.3);
    s->along_row[0] = cos(angle);
    s->along_row[1] = sin(angle);
    s->along_column[0] = -sin(angle);
    s->along_column[1] = cos(angle);
    s->along_column[2] = wild(p[9], 0.01) + 1.0;
    s->step_mm = wild(p[10], 0.1);
    s->time[0] = wild(p[11], 1);
    s->time[1] = wild(p[12], 1);
    s->number = p[13] - 128;
    s->flags = p[14] & 15;
}


static void
judge(const expo_plan_t *plan, const expo_slice_t *s, size_t n)
{
    uint8_t header[EXPO_VOLUME_HEADER];
    const expo_group_t *g;
    expo_volume_t v;
    size_t members = 0;

    for (size_t i = 0; i < plan->count; i++) {
        g = &plan->groups[i];
        members += g->count;

        if (g->drop != EXPO_DROP_NONE) {
            continue;
        }

        for (size_t k = 0; k < g->dims[2]; k++) {
            if (g->layers[k].below >= n || g->layers[k].above >= n
                || s[g->layers[k].below].series != s[g->members[0]].series
                || !(g->layers[k].part >= 0 && g->layers[k].part < 1)) {
                abort();
            }
        }

        v = (expo_volume_t) {.scale = 1, .voxel_max = 1};
        memcpy(v.dims, g->dims, sizeof v.dims);
        memcpy(v.affine, g->affine, sizeof v.affine);
        expo_volume_write(header, &v);

        if (expo_volume_read(&v, header,
                             EXPO_VOLUME_HEADER + 2 * expo_volume_voxels(&v))
            != EXPO_OK) {
            abort();
        }
    }

    if (members != n || (plan->chosen != SIZE_MAX
                         && plan->groups[plan->chosen].drop != 0)) {
        abort();
    }
}
