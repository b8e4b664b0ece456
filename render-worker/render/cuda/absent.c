#include <stdio.h>

#include "render-worker/render/device.h"


expo_status_t
device_cuda_create(unsigned number, device_t **out, char *error,
                   size_t error_bytes)
{
    (void) number;
    (void) out;
    snprintf(error, error_bytes, "this program was built without CUDA");

    return EXPO_UNSUPPORTED;
}
