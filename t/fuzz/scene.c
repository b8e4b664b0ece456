/*
 * Settings that the schema accepts make a scene whose paths end, and bring
 * numbers. The input is a patch, as a viewer sends it, of the settings that a
 * small scan begins with; its length picks the shape of the scan.
 */

#include <stdlib.h>

#include "render-worker/render/scene.c"
#include "render-worker/render/body.c"
#include "render-worker/render/grid.c"
#include "render-worker/render/wipe.c"
#include "render-worker/render/kernel/pt_look.h"
#include "render-worker/render/kernel/pt_render.h"

#define SIDE 16

static uint16_t voxels[7 * 6 * 5];

static expo_volume_t
scan(size_t len)
{
    static const uint32_t dims[][3] = {{7, 6, 5}, {1, 6, 5}, {7, 1, 1}};
    expo_volume_t v;
    size_t i;

    memset(&v, 0, sizeof(v));
    memcpy(v.dims, dims[len % 3], sizeof(v.dims));
    memcpy(v.modality, "CT", 2);
    v.scale = 1;
    v.offset = -1024;
    v.voxel_max = 4095;

    for (i = 0; i < 3; i++) {
        v.affine[5 * i] = i == 2 ? 2.5 : 0.7;
        v.affine[4 * i + 3] = -1.5;
    }

    for (i = 0; i < sizeof(voxels) / sizeof(voxels[0]); i++) {
        voxels[i] = (uint16_t) (i * 2654435761u >> 20 & 4095);
    }

    return v;
}

static void
expect_number(pt_sample_t s)
{
    if (!isfinite(s.radiance.x + s.radiance.y + s.radiance.z + s.cover)) {
        abort();
    }
}

static void
trace(const expo_volume_t *v, const expo_settings_t *settings)
{
    static scene_t scene;
    int32_t mode, i;
    body_t body;
    pt_ray_t r;

    if (body_open(&body, v, voxels) != EXPO_OK) {
        abort();
    }

    scene_set(&scene, &body, settings);
    scene.pt.width = scene.pt.height = SIDE;

    for (mode = PT_PRODUCTION; mode <= PT_ER2012; mode++) {
        scene.pt.mode = (pt_mode_t) mode;

        for (i = 0; i < 4; i++) {
            expect_number(pt_render(&scene.pt, 5 * i, 15 - 4 * i,
                                    (uint32_t) i));
        }
    }

    r = pt_camera_ray(&scene.pt.camera, SIDE, SIDE, 8, 8, 0.5f, 0.5f);

    if (!isfinite(pt_look(&scene.pt, r).cover)) {
        abort();
    }

    body_close(&body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const double percentiles[] = {-1000, 0, 300, 1500};
    static expo_schema_t *schema;
    expo_settings_t settings;
    expo_volume_t v = scan(len);
    json_t *patch, *before, *after;
    char error[300];

    if (schema == NULL && expo_schema_open("settings", &schema) != EXPO_OK) {
        abort();
    }

    patch = json_loadb((const char *) data, len, 0, NULL);

    if (patch == NULL ||
        expo_settings_default(&v, percentiles, &before) != EXPO_OK) {
        json_decref(patch);
        return 0;
    }

    if (expo_settings_merge(schema, before, patch, &after, error,
                            sizeof(error)) == EXPO_OK) {
        if (expo_settings_parse(schema, after, &settings, error,
                                sizeof(error)) != EXPO_OK) {
            abort();
        }

        trace(&v, &settings);
        json_decref(after);
    }

    json_decref(before);
    json_decref(patch);

    return 0;
}
