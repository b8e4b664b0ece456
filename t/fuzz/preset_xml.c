/*
 * Whatever the file, it is refused with a sentence, or becomes settings that
 * the schema takes, but for a camera that looks nowhere.
 */

#include "lib/preset_xml.c"
#include "lib/preset_xml_patch.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *src, size_t len);


int
LLVMFuzzerTestOneInput(const uint8_t *src, size_t len)
{
    static const double percentiles[4] = {0, 1, 2, 3};
    static expo_schema_t *schema;
    static expo_preset_xml_t p;
    expo_volume_t v = {.dims = {30, 20, 10},
                       .affine = {1, 0, 0, 5, 0, 2, 0, 6, 0, 0, 3, 7},
                       .scale = 1,
                       .voxel_max = 4000,
                       .modality = "CT"};
    json_t *settings, *patch, *merged;
    char error[256] = "";

    if (schema == NULL && expo_schema_open("settings", &schema) != EXPO_OK) {
        abort();
    }

    memset(&p, 0, sizeof(p));

    if (expo_preset_xml_read(&p, (const char *) src, len, "one", error,
                             sizeof(error)) != EXPO_OK) {
        if (error[0] == '\0') {
            abort();
        }

        return 0;
    }

    p.camera.has_view = 0;

    if (expo_preset_xml_patch(&p, &v, &patch) != EXPO_OK ||
        expo_settings_default(&v, percentiles, &settings) != EXPO_OK ||
        expo_settings_merge(schema, settings, patch, &merged, error,
                            sizeof(error)) != EXPO_OK) {
        abort();
    }

    json_decref(merged);
    json_decref(settings);
    json_decref(patch);

    return 0;
}
