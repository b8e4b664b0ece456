/* Where to render, and what to do when that is not to be had. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/exposure-render.h"


tracer_t *
device_create(const char *name, unsigned threads)
{
    char error[256];
    tracer_t *t;
    expo_status_t st = tracer_create(name, threads, &t, error, sizeof(error));

    if (st == EXPO_UNSUPPORTED) {
        fprintf(stderr, "exposure-render: %s; the CPU renders\n", error);
        st = tracer_create("cpu", threads, &t, error, sizeof(error));
    }

    if (st != EXPO_OK) {
        fail(EXIT_USAGE, "%s", error);
    }

    return t;
}


/* A program whose device failed cannot be sure of that device's driver either:
 * it begins anew, and of two --device the last before -- counts. */
_Noreturn void
device_failed(const tracer_t *t, char **argv)
{
    static char option[] = "--device", cpu[] = "cpu";
    size_t n = 0, options = 0;
    char **again;

    while (argv[n] != NULL) {
        n++;
    }

    while (options < n && strcmp(argv[options], "--") != 0) {
        options++;
    }

    again = need(calloc(n + 3, sizeof(*again)));
    memcpy(again, argv, options * sizeof(*again));
    again[options] = option;
    again[options + 1] = cpu;
    memcpy(again + options + 2, argv + options, (n - options) * sizeof(*again));

    if (tracer_trouble(t)[0] != '\0') {
        fprintf(stderr, "exposure-render: %s; the CPU renders it again\n",
                tracer_trouble(t));
    } else {
        fprintf(stderr, "exposure-render: no room on %s; the CPU renders it\n",
                tracer_device(t));
    }

    execv("/proc/self/exe", again);
    fail(EXIT_INPUT, "cannot start again");
}
