#include "lib/status.h"

const char *
expo_status_name(expo_status_t st)
{
    static const char *const names[] = {
        "ok",       "again",       "invalid",  "too-large", "full",
        "not-found", "denied",     "expired",  "conflict",  "corrupt",
        "unsupported", "no-space", "no-memory", "io"};

    if ((unsigned) st >= sizeof(names) / sizeof(names[0])) {
        return "unknown";
    }

    return names[st];
}
