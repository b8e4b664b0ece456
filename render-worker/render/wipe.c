#include "render-worker/render/wipe.h"

#include <stdlib.h>
#include <string.h>


void
wipe_free(void *at, size_t bytes)
{
    if (at != NULL) {
        explicit_bzero(at, bytes);
        free(at);
    }
}
