/* Import as a whole: series, and what their volume and report say. */

#include "t/unit/import.h"

#include <math.h>

static const char *
failure(void)
{
    const char *code = json_string_value(
        json_object_get(json_object_get(result.report, "failure"), "code"));

    return code ? code : "";
}

static double
value(size_t k, size_t i)
{
    const uint8_t *v = result.bytes + EXPO_VOLUME_HEADER + 2 * (k * PIXELS + i);

    return result.header.offset + result.header.scale * (v[0] | v[1] << 8);
}

static int
every_value_is(double slope, double intercept)
{
    int right = result.len == EXPO_VOLUME_HEADER + 2 * SLICES * PIXELS;

    for (size_t k = 0; right && k < SLICES; k++) {
        for (size_t i = 0; i < PIXELS; i++) {
            right = right
                    && fabs(value(k, i) - (slope * stored(k, i) + intercept))
                           < 1e-9;
        }
    }

    return right;
}

static void
every_transfer_syntax_gives_the_same_voxels(void)
{
    static const char *const syntax[]
        = {"1.2.840.10008.1.2",      "1.2.840.10008.1.2.1",
           "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2",
           "1.2.840.10008.1.2.5",    "1.2.840.10008.1.2.4.70",
           "1.2.840.10008.1.2.4.80"};

    for (size_t i = 0; i < sizeof syntax / sizeof *syntax; i++) {
        picture_start();
        picture.syntax = syntax[i];
        tar_start();
        series_add_all();
        check(run() == IMPORT_DONE);
        check(every_value_is(1, -1000));
    }
}

static void
the_volume_says_where_it_lies_and_what_it_holds(void)
{
    const double affine[12] = {1.5, 0, 0, -7, 0, 2.5, 0, 0, 0, 0, 3, 0};
    int right = 1;

    picture_start();
    tar_start();
    series_add_all();
    check(run() == IMPORT_DONE);

    for (int i = 0; i < 12; i++) {
        right = right && fabs(result.header.affine[i] - affine[i]) < 1e-9;
    }
    check(right);
    check(result.header.dims[0] == EDGE && result.header.dims[2] == SLICES);
    check(strcmp(result.header.unit, "HU") == 0);
    check(strcmp(result.header.modality, "CT") == 0);
    check(result.header.voxel_min == 0);
    check(value(0, 0) == -1000);
}

static void
nothing_of_a_file_comes_into_the_report(void)
{
    picture_start();
    tar_start();
    series_add_all();
    picture_add(SLICES, 0.7);
    picture.syntax = "1.2.840.10008.1.2.5";
    picture.series_uid = "2.25.99";
    picture_add(0, 1);
    check(run() == IMPORT_DONE);
    check(!says("Planted") && !says("2.25.") && !says("19500101"));
}

static void
a_name_is_no_modality(void)
{
    static const char *const names[] = {"MUELLER", "CT MR", "C", ""};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        picture_start();
        picture.modality = names[i];
        tar_start();
        series_add_all();
        check(run() == IMPORT_DONE);
        check(strcmp(result.header.modality, "") == 0);
        check(names[i][0] == '\0' || i == 2 || !says(names[i]));
    }
}

static void
signed_pixels_keep_their_sign(void)
{
    picture_start();
    picture.is_signed = 1;
    picture.modality = "MR";
    picture.intercept = 0;
    stored_least = -300;
    tar_start();
    series_add_all();
    check(run() == IMPORT_DONE);
    check(value(0, 0) == -300 && value(5, 255) == 455);
    check(every_value_is(1, 0));
    stored_least = 0;
    check(strcmp(result.header.unit, "") == 0);
}

static void
every_slice_has_its_own_rescale(void)
{
    double want;
    int right = 1;

    picture_start();
    picture.modality = "MR";
    tar_start();
    for (size_t k = 0; k < SLICES; k++) {
        picture.slope = 0.25 * (double) (k + 1);
        picture.intercept = 10.0 * (double) k;
        picture_add(k, 1);
    }

    check(run() == IMPORT_DONE);
    check(says("rounded"));
    for (size_t k = 0; k < SLICES; k++) {
        want = 0.25 * (double) (k + 1) * stored(k, 9) + 10.0 * (double) k;
        right = right
                && fabs(value(k, 9) - want) <= 0.5001 * result.header.scale;
    }
    check(right);
}

static void
one_fraction_for_all_is_exact(void)
{
    picture_start();
    picture.modality = "MR";
    picture.slope = 0.375;
    picture.intercept = -1.5;
    tar_start();
    series_add_all();
    check(run() == IMPORT_DONE);
    check(every_value_is(0.375, -1.5));
    check(!says("rounded"));
}

static void
monochrome1_is_turned_over(void)
{
    picture_start();
    picture.modality = "MR";
    picture.intercept = 0;
    picture.inverted = 1;
    tar_start();
    series_add_all();
    check(run() == IMPORT_DONE);
    check(says("inverted"));
    check(every_value_is(-1, 65535));
}

static void
hounsfield_units_are_held_in_their_range(void)
{
    picture_start();
    picture.intercept = -1200;
    tar_start();
    series_add_all();
    check(run() == IMPORT_DONE);
    check(value(0, 0) == -1024);
    check(value(5, 255) == 755 - 1200);
}

static void
a_missing_slice_is_the_mean_of_its_neighbours(void)
{
    picture_start();
    tar_start();
    for (size_t k = 0; k < SLICES; k++) {
        if (k != 3) {
            picture_add(k, 1);
        }
    }

    check(run() == IMPORT_DONE);
    check(says("missing_slices") && says("\"filled\": [3]"));
    check(every_value_is(1, -1000));
}

static void
strangers_and_the_cut_are_left_out_and_counted(void)
{
    picture_start();
    tar_start();
    tar_add("I am a text file named .dcm", 27);
    series_add_all();
    picture_add(SLICES, 0.6);
    check(run() == IMPORT_DONE);
    check(result.header.dims[2] == SLICES);
    check(every_value_is(1, -1000));
    check(says("skipped_truncated") && says("not_dicom"));
}

static void
a_slice_whose_pixels_end_early_leaves_a_gap_that_is_filled(void)
{
    picture_start();
    tar_start();
    for (size_t k = 0; k < SLICES; k++) {
        picture_add(k, k == 2 ? 0.9 : 1);
    }

    check(run() == IMPORT_DONE);
    check(says("skipped_truncated") && says("missing_slices"));
    check(every_value_is(1, -1000));
}

static void
the_larger_series_is_taken_and_the_other_on_demand(void)
{
    picture_start();
    tar_start();
    picture.series_uid = "2.25.77";
    picture_add(0, 1);
    picture_add(1, 1);
    picture.series_uid = "2.25.2";
    series_add_all();

    check(run() == IMPORT_DONE);
    check(result.header.dims[2] == SLICES);
    check(says("fewer_slices"));

    check(run_series(0) == IMPORT_DONE);
    check(result.header.dims[2] == 2);
    check(value(1, 5) == 105 - 1000);
}

static void
what_is_no_scan_is_refused_with_a_sentence(void)
{
    tar_start();
    check(run() == IMPORT_NOTHING && strcmp(failure(), "empty") == 0);

    tar_add("hello", 5);
    check(run() == IMPORT_NOTHING && strcmp(failure(), "no_dicom") == 0);

    picture_start();
    tar_start();
    picture_add(0, 1);
    check(run() == IMPORT_NOTHING && strcmp(failure(), "one_slice") == 0);

    tar_start();
    for (size_t k = 0; k < SLICES; k++) {
        picture_add(k, 0.5);
    }
    check(run() == IMPORT_NOTHING && strcmp(failure(), "truncated") == 0);

    tar_start();
    picture.image_type = "ORIGINAL\\PRIMARY\\LOCALIZER";
    picture_add(0, 1);
    picture_add(1, 1);
    check(run() == IMPORT_NOTHING && strcmp(failure(), "localizer") == 0);

    tar_start();
    tar_add("x", 1);
    memset(tar, 'x', tar_len);
    check(run() == IMPORT_MALFORMED &&
          strcmp(failure(), "unknown_file") == 0);
}

static void
an_upload_cut_anywhere_is_answered(void)
{
    size_t whole;
    int sound = 1;

    picture_start();
    tar_start();
    series_add_all();
    whole = tar_len;

    for (tar_len = 0; tar_len < whole; tar_len += 97) {
        sound = sound
                && (run() == IMPORT_DONE
                    || json_object_get(result.report, "failure") != NULL);
    }
    check(sound);
}

int
main(void)
{
    if (!begin()) {
        return 1;
    }

    every_transfer_syntax_gives_the_same_voxels();
    the_volume_says_where_it_lies_and_what_it_holds();
    nothing_of_a_file_comes_into_the_report();
    a_name_is_no_modality();
    signed_pixels_keep_their_sign();
    every_slice_has_its_own_rescale();
    one_fraction_for_all_is_exact();
    monochrome1_is_turned_over();
    hounsfield_units_are_held_in_their_range();
    a_missing_slice_is_the_mean_of_its_neighbours();
    strangers_and_the_cut_are_left_out_and_counted();
    a_slice_whose_pixels_end_early_leaves_a_gap_that_is_filled();
    the_larger_series_is_taken_and_the_other_on_demand();
    what_is_no_scan_is_refused_with_a_sentence();
    an_upload_cut_anywhere_is_answered();

    end();

    return done();
}
