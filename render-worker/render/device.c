#include "render-worker/render/device.h"

#include <stdio.h>
#include <string.h>

static bool cuda_number(const char *name, unsigned *number);


expo_status_t
device_choose(const char *name, unsigned threads, device_t **out, char *error,
              size_t error_bytes)
{
    bool any = strcmp(name, "auto") == 0;
    unsigned number = 0;
    expo_status_t st;

    if (any || cuda_number(name, &number)) {
        st = device_cuda_create(number, out, error, error_bytes);

        if (st == EXPO_OK || !any) {
            return st;
        }

    } else if (strcmp(name, "cpu") != 0) {
        snprintf(error, error_bytes,
                 "a device is cpu, cuda, cuda:N or auto, not \"%s\"", name);
        return EXPO_INVALID;
    }

    st = device_cpu_create(threads, out);

    if (st != EXPO_OK) {
        snprintf(error, error_bytes, "cannot start the renderer's threads");
    }

    return st;
}


/* "cuda" is the first. */
static bool
cuda_number(const char *name, unsigned *number)
{
    const char *digit = name + 5;

    *number = 0;

    if (strcmp(name, "cuda") == 0) {
        return true;
    }

    if (strncmp(name, "cuda:", 5) != 0 || *digit == '\0' || strlen(digit) > 3) {
        return false;
    }

    for (; *digit >= '0' && *digit <= '9'; digit++) {
        *number = *number * 10 + (unsigned) (*digit - '0');
    }

    return *digit == '\0';
}
