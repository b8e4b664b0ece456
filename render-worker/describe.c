#include "render-worker/describe.h"

static json_t *describe_numbers(const double *numbers, size_t n);


json_t *
describe_volume(const expo_volume_t *v, const double percentiles[4],
                uint32_t factor, bool table)
{
    json_t *volume;
    double min[3], max[3], spacing[3];
    int i;

    expo_volume_bounds(v, min, max);

    for (i = 0; i < 3; i++) {
        spacing[i] = expo_volume_spacing(v, i);
    }

    volume = json_pack(
        "{s:[iii], s:o, s:o, s:o, s:s, s:s, s:o}", "dims", (int) v->dims[0],
        (int) v->dims[1], (int) v->dims[2], "spacing_mm",
        describe_numbers(spacing, 3), "bounds_min", describe_numbers(min, 3),
        "bounds_max", describe_numbers(max, 3), "unit", v->unit, "modality",
        v->modality, "percentiles", describe_numbers(percentiles, 4));

    if (factor > 1) {
        json_object_set_new(volume, "reduced", json_integer(factor));
    }

    if (table) {
        json_object_set_new(volume, "table", json_true());
    }

    return volume;
}


json_t *
describe_histogram(const expo_volume_t *v, const uint32_t histogram[256])
{
    json_t *counts = json_array();
    int i;

    for (i = 0; i < 256; i++) {
        json_array_append_new(counts, json_integer(histogram[i]));
    }

    return json_pack("{s:f, s:f, s:o}", "min",
                     v->offset + v->scale * v->voxel_min, "max",
                     v->offset + v->scale * v->voxel_max, "counts", counts);
}


static json_t *
describe_numbers(const double *numbers, size_t n)
{
    json_t *array = json_array();
    size_t i;

    for (i = 0; i < n; i++) {
        json_array_append_new(array, json_real(numbers[i]));
    }

    return array;
}
