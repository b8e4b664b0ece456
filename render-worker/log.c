#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "render-worker/log.h"

#define LOG_BYTES 512


void
log_line(const char *format, ...)
{
    char line[LOG_BYTES];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof(line) - 1, format, args);
    va_end(args);

    if (n < 0) {
        return;
    }

    if (n > LOG_BYTES - 2) {
        n = LOG_BYTES - 2;
    }

    line[n] = '\n';

    /* One write, so that lines of several threads do not mix. */
    if (write(STDERR_FILENO, line, (size_t) n + 1) < 0) {
        return;
    }
}
