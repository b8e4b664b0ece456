#include "lib/series.c"
#include "lib/series_stack.c"
#include "lib/series_times.c"
#include "t/unit/check.h"

enum { MANY = 64 };

static expo_slice_t s[MANY];
static expo_plan_t *plan;

/* n axial slices, 1 mm pixels, at z = 0, step, 2 step, ... */
static void
stack(size_t n, double step)
{
    memset(s, 0, sizeof s);

    for (size_t i = 0; i < n; i++) {
        s[i].series = 11;
        s[i].frame = 22;
        s[i].kind = 33;
        s[i].instance = 100 + i;
        s[i].rows = 20;
        s[i].cols = 10;
        s[i].spacing_mm[0] = 1;
        s[i].spacing_mm[1] = 2;
        s[i].position[0] = -5;
        s[i].position[2] = (double) i * step;
        s[i].along_row[0] = 1;
        s[i].along_column[1] = 1;
        s[i].number = (int32_t) i;
        s[i].flags = EXPO_SLICE_POSITION | EXPO_SLICE_ORIENTATION
                     | EXPO_SLICE_SPACING;
        for (int t = 0; t < EXPO_SERIES_TIMES; t++) {
            s[i].time[t] = NAN;
        }
    }
}

static const expo_group_t *
planned(size_t n)
{
    expo_plan_free(plan);
    plan = NULL;
    check(expo_series_plan(s, n, &plan) == EXPO_OK);
    return plan->chosen == SIZE_MAX ? NULL : &plan->groups[plan->chosen];
}

static int
is(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static void
position_decides_the_order_and_number_does_not(void)
{
    const expo_group_t *g;
    int right = 1;

    stack(8, 2.5);
    for (size_t i = 0; i < 8; i++) {
        s[i].position[2] = 2.5 * (double) ((i * 5) % 8);
        s[i].number = (int32_t) (100 - i);
    }

    g = planned(8);
    check(g->dims[0] == 10 && g->dims[1] == 20 && g->dims[2] == 8);
    check(g->warnings == 0 && g->filled == 0);
    for (size_t k = 0; k < 8; k++) {
        right = right && (g->layers[k].below * 5) % 8 == k
                && g->layers[k].below == g->layers[k].above;
    }
    check(right);
    check(is(g->affine[0], 1) && is(g->affine[5], 2) && is(g->affine[10], 2.5));
    check(is(g->affine[3], -5) && is(g->affine[11], 0));
    check(is(g->spacing_mm[2], 2.5));
}

static void
step_goes_along_row_cross_column(void)
{
    const expo_group_t *g;

    /* Sagittal: rows run to the back, columns to the feet. */
    stack(5, 0);
    for (size_t i = 0; i < 5; i++) {
        memcpy(s[i].along_row, (double[3]) {0, 1, 0}, sizeof s->along_row);
        memcpy(s[i].along_column, (double[3]) {0, 0, -1},
               sizeof s->along_column);
        memcpy(s[i].position, (double[3]) {4.0 * (double) i, 0, 0},
               sizeof s->position);
    }

    g = planned(5);
    check(g->layers[0].below == 4 && g->layers[4].below == 0);
    check(is(g->affine[2], -4) && is(g->affine[3], 16));
    check(is(g->affine[4], 1) && is(g->affine[9], -2));
}

static void
missing_slices_are_filled_between_neighbours(void)
{
    const expo_group_t *g;

    stack(7, 3);
    for (size_t i = 4; i < 7; i++) {
        s[i].position[2] += 6; /* 0 3 6 9 _ _ 18 21 24 */
    }

    g = planned(7);
    check(g->warnings == EXPO_WARN_MISSING);
    check(g->dims[2] == 9 && g->filled == 2 && g->positions == 7);
    check(g->layers[4].below == 3 && g->layers[4].above == 4);
    check(is(g->layers[4].part, 1.0 / 3) && is(g->layers[5].part, 2.0 / 3));
    check(g->layers[6].part == 0 && g->layers[6].below == 4);
    check(is(g->affine[10], 3));
}

static void
uneven_slices_are_resampled_to_the_median(void)
{
    const double z[] = {0, 2, 4, 6, 8, 11, 14, 17};
    const expo_group_t *g;
    double at;
    int right = 1;

    stack(8, 0);
    for (size_t i = 0; i < 8; i++) {
        s[i].position[2] = z[i];
    }

    g = planned(8);
    check(g->warnings == EXPO_WARN_IRREGULAR);
    check(g->dims[2] == 10);
    for (size_t k = 0; k < g->dims[2]; k++) {
        at = z[g->layers[k].below] * (1 - g->layers[k].part)
             + z[g->layers[k].above] * g->layers[k].part;
        right = right && fabs(at - (double) k * g->affine[10]) < 0.03;
    }
    check(right);
    check(is(g->affine[10] * 9, 17));
}

static void
rounding_in_headers_is_no_irregularity(void)
{
    const expo_group_t *g;

    stack(40, 0.7);
    for (size_t i = 0; i < 40; i++) {
        s[i].position[2] += i % 2 ? 0.003 : -0.003;
    }

    g = planned(40);
    check(g->warnings == 0 && g->dims[2] == 40 && g->filled == 0);

    for (size_t i = 0; i < 40; i++) {
        s[i].position[2] = round((double) i * 6.25) / 10;
    }
    g = planned(40);
    check(g->warnings == 0 && g->dims[2] == 40 && g->filled == 0);
}

static void
tilt_stays_in_the_affine(void)
{
    const double t = 15 * M_PI / 180;
    const expo_group_t *g;

    stack(10, 4);
    for (size_t i = 0; i < 10; i++) {
        s[i].along_column[1] = cos(t);
        s[i].along_column[2] = -sin(t);
    }

    g = planned(10);
    check(g->warnings == EXPO_WARN_TILT);
    check(fabs(g->tilt_deg - 15) < 1e-6);
    check(is(g->affine[2], 0) && is(g->affine[6], 0) && is(g->affine[10], 4));
    check(is(g->affine[5], 2 * cos(t)));
}

static void
a_tilt_of_half_a_right_angle_is_no_stack(void)
{
    const double t = 50 * M_PI / 180;

    stack(10, 4);
    for (size_t i = 0; i < 10; i++) {
        s[i].along_column[1] = cos(t);
        s[i].along_column[2] = -sin(t);
    }

    check(planned(10) == NULL);
    check(plan->groups[0].drop == EXPO_DROP_SCATTERED);
}

static void
sideways_shifts_are_told(void)
{
    stack(10, 4);
    s[5].position[0] += 3;
    check(planned(10)->warnings == EXPO_WARN_SHIFTED);
}

static void
a_scout_among_the_slices_does_not_break_them(void)
{
    const expo_group_t *g;

    stack(12, 2);
    s[4].along_column[1] = 0;
    s[4].along_column[2] = -1;
    s[4].instance = 999;
    memcpy(s[4].position, (double[3]) {0, 0, 50}, sizeof s[4].position);

    g = planned(12);
    check(plan->count == 2);
    check(g->positions == 11 && g->warnings == EXPO_WARN_MISSING);
    check(plan->groups[1].drop == EXPO_DROP_ONE_SLICE);
}

static void
localizers_go_and_a_stack_called_one_stays(void)
{
    stack(16, 2);
    for (size_t i = 0; i < 16; i++) {
        s[i].flags |= EXPO_SLICE_LOCALIZER;
    }
    check(planned(16) != NULL);
    check(planned(3) == NULL);
    check(plan->groups[0].drop == EXPO_DROP_LOCALIZER);
}

static void
the_series_with_most_slices_is_chosen_whatever_comes_first(void)
{
    for (int first = 0; first < 2; first++) {
        stack(30, 2);
        for (size_t i = 0; i < 30; i++) {
            s[i].series = (i < 10) != first ? 5 : 6;
            s[i].position[2] = 2.0 * (double) (i < 10 ? i : i - 10);
        }

        check(planned(30)->positions == 20);
        check(plan->count == 2);
        check(plan->groups[0].drop == EXPO_DROP_NONE);
        check(plan->groups[1].drop == EXPO_DROP_NONE);
    }
}

static void
the_same_picture_twice_counts_once(void)
{
    const expo_group_t *g;

    stack(20, 2);
    for (size_t i = 10; i < 20; i++) {
        s[i] = s[i - 10];
    }

    g = planned(20);
    check(g->positions == 10 && g->duplicates == 10);
    check(g->warnings == EXPO_WARN_DUPLICATES);

    s[10].instance = 5; /* another picture at the place of the first */
    g = planned(11);
    check(g->positions == 10 && g->duplicates == 1);
}

static void
one_identifier_at_several_places_loses_no_picture(void)
{
    const expo_group_t *g;

    stack(10, 2);
    for (size_t i = 0; i < 10; i++) {
        s[i].instance = 7;
    }

    g = planned(10);
    check(g->positions == 10 && g->duplicates == 0);
    check(g->warnings == EXPO_WARN_COLLIDING);
}

static void
two_people_never_share_a_volume(void)
{
    stack(20, 2);
    for (size_t i = 0; i < 20; i++) {
        s[i].person = i < 12 ? 1 : 2;
    }
    check(planned(20)->positions == 12 && plan->count == 2);

    /* A different one on every picture is a bad anonymiser. */
    for (size_t i = 0; i < 20; i++) {
        s[i].person = 1 + i;
    }
    check(planned(20)->positions == 20 && plan->count == 1);
}

static void
a_time_that_lacks_slices_is_told_by_its_label(void)
{
    stack(19, 2);
    for (size_t i = 0; i < 19; i++) {
        s[i].position[2] = 2.0 * (double) (i / 2);
        s[i].time[0] = (double) (i % 2);
    }
    s[9] = s[18]; /* the place 4 of time 1 is empty */

    check(planned(18)->times == 2);
    check(plan->groups[0].positions == 10 && plan->groups[0].time == 0);
    check(plan->groups[1].positions == 8 && plan->groups[1].time == 1);
    check(plan->groups[1].filled == 1);
    check(plan->chosen == 0);

    /* Without labels nobody can know: the earliest at each place. */
    for (size_t i = 0; i < 19; i++) {
        s[i].time[0] = NAN;
    }
    check(planned(18)->positions == 10 && plan->count == 1);
    check(plan->groups[0].warnings == EXPO_WARN_DUPLICATES);
}

static void
every_time_is_a_volume_and_the_first_is_chosen(void)
{
    const expo_group_t *g;
    int first = 1;

    stack(20, 2);
    for (size_t i = 0; i < 20; i++) {
        s[i].position[2] = 2.0 * (double) (i / 2);
        s[i].time[1] = i % 2 ? 10 : 30;
        s[i].number = 1;
    }

    g = planned(20);
    check(g->warnings == EXPO_WARN_TIMES && g->times == 2);
    check(g->positions == 10 && g->duplicates == 0);
    for (size_t k = 0; k < 10; k++) {
        first = first && g->layers[k].below % 2 == 1;
    }
    check(first);

    check(plan->count == 2 && plan->chosen == 0);
    g = &plan->groups[1];
    check(g->time == 1 && g->positions == 10 && g->layers[3].below % 2 == 0);
}

static void
every_property_of_a_stack_sets_it_apart(void)
{
    stack(8, 2);
    s[1].series++;
    s[2].kind++;
    s[3].rows++;
    s[4].spacing_mm[0] *= 1.01;
    s[5].flags &= ~(uint32_t) EXPO_SLICE_ORIENTATION;
    s[6].along_row[0] = cos(0.02);
    s[6].along_row[1] = sin(0.02);
    planned(8);
    check(plan->count == 7);
}

static void
frames_of_reference_count_unless_each_has_its_own(void)
{
    stack(12, 2);
    for (size_t i = 0; i < 12; i++) {
        s[i].frame = i < 6 ? 1 : 2;
    }
    planned(12);
    check(plan->count == 2);

    for (size_t i = 0; i < 12; i++) {
        s[i].frame = 1000 + i;
    }
    check(planned(12)->positions == 12);
    check(plan->count == 1);
}

static void
without_positions_the_claimed_distance_serves_with_a_warning(void)
{
    const expo_group_t *g;

    stack(6, 0);
    for (size_t i = 0; i < 6; i++) {
        s[i].flags = EXPO_SLICE_SPACING;
        s[i].step_mm = 5;
        s[i].number = (int32_t) (7 - i);
    }

    g = planned(6);
    check(g->warnings == EXPO_WARN_NO_POSITION);
    check(g->layers[0].below == 5 && is(g->affine[10], 5));

    for (size_t i = 0; i < 6; i++) {
        s[i].step_mm = 0;
    }
    check(planned(6) == NULL);
    check(plan->groups[0].drop == EXPO_DROP_NO_GEOMETRY);
}

static void
geometry_that_cannot_be_is_refused(void)
{
    const double odd[] = {NAN, INFINITY, -INFINITY, 1e300, 0};
    int kept = 0;

    for (int what = 0; what < 5; what++) {
        for (size_t o = 0; o < sizeof odd / sizeof *odd; o++) {
            stack(6, 2);
            for (size_t i = 0; i < 6; i++) {
                double *field[] = {&s[i].spacing_mm[0], &s[i].position[2],
                                   &s[i].along_row[0], &s[i].along_column[1],
                                   &s[i].spacing_mm[1]};
                *field[what] = odd[o];
            }
            expo_plan_free(plan);
            plan = NULL;
            expo_series_plan(s, 6, &plan);
            kept += plan->chosen != SIZE_MAX;
        }
    }
    check(kept == 0);

    stack(6, 2);
    s[5].position[2] = 9e5;
    check(planned(6) == NULL);
    check(plan->groups[0].drop == EXPO_DROP_SCATTERED);
}

static void
one_slice_and_none_are_no_volume(void)
{
    stack(4, 0);
    check(planned(4) == NULL);
    check(plan->groups[0].drop == EXPO_DROP_ONE_SLICE);
    check(planned(0) == NULL);
    check(plan->count == 0);
}

static void
limits_are_kept(void)
{
    static expo_slice_t many[EXPO_SERIES_SLICES_MAX + 1];

    stack(3, 2);
    for (size_t i = 0; i < 3; i++) {
        s[i].rows = 5000;
    }
    check(planned(3) == NULL);
    check(plan->groups[0].drop == EXPO_DROP_TOO_LARGE);

    expo_plan_free(plan);
    plan = NULL;
    check(expo_series_plan(many, EXPO_SERIES_SLICES_MAX + 1, &plan)
          == EXPO_TOO_LARGE);
    check(plan == NULL);
}

/* Any heap of pictures: every layer refers to pictures of its own group. */
static void
whatever_comes_layers_refer_to_members(void)
{
    uint32_t r = 12345;
    int sound = 1;

    for (int round = 0; round < 3000; round++) {
        stack(MANY, 1);
        for (size_t i = 0; i < MANY; i++) {
            r = r * 1664525 + 1013904223;
            s[i].series = r >> 30;
            s[i].instance = r >> 26;
            s[i].position[2] = (double) (r >> 8 & 31) * 0.37;
            s[i].position[0] = (r >> 13 & 63) ? 0 : 40;
            s[i].flags ^= (r >> 19 & 31) ? 0 : EXPO_SLICE_POSITION;
            s[i].step_mm = r >> 24 & 3;
        }

        expo_plan_free(plan);
        plan = NULL;
        expo_series_plan(s, MANY, &plan);

        for (size_t i = 0; i < plan->count; i++) {
            const expo_group_t *g = &plan->groups[i];
            uint64_t series = s[g->members[0]].series;

            for (size_t k = 0; g->drop == EXPO_DROP_NONE && k < g->dims[2];
                 k++) {
                const expo_layer_t *l = &g->layers[k];
                sound = sound && l->below < MANY && l->above < MANY
                        && s[l->below].series == series
                        && s[l->above].series == series && l->part >= 0
                        && l->part < 1;
            }
        }
    }
    check(sound);
}

int
main(void)
{
    position_decides_the_order_and_number_does_not();
    step_goes_along_row_cross_column();
    missing_slices_are_filled_between_neighbours();
    uneven_slices_are_resampled_to_the_median();
    rounding_in_headers_is_no_irregularity();
    tilt_stays_in_the_affine();
    a_tilt_of_half_a_right_angle_is_no_stack();
    sideways_shifts_are_told();
    a_scout_among_the_slices_does_not_break_them();
    localizers_go_and_a_stack_called_one_stays();
    the_series_with_most_slices_is_chosen_whatever_comes_first();
    the_same_picture_twice_counts_once();
    one_identifier_at_several_places_loses_no_picture();
    two_people_never_share_a_volume();
    a_time_that_lacks_slices_is_told_by_its_label();
    every_time_is_a_volume_and_the_first_is_chosen();
    every_property_of_a_stack_sets_it_apart();
    frames_of_reference_count_unless_each_has_its_own();
    without_positions_the_claimed_distance_serves_with_a_warning();
    geometry_that_cannot_be_is_refused();
    one_slice_and_none_are_no_volume();
    limits_are_kept();
    whatever_comes_layers_refer_to_members();
    expo_plan_free(plan);
    return done();
}
