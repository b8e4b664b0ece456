/* Paths, how far they are, and what they took, for exposure-render. */

#include "tools/exposure-render.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What the handler of signals touches, and the renderer's threads ask. */
static atomic_int stopped;

static void stop(int signal);
static bool is_stopped(void *ctx);
static expo_status_t pass(tracer_view_t *view, uint32_t samples,
                          spent_t *spent);
static double filter_cost(const tracer_view_t *view, const options_t *o);
static void progress(double fraction);
static double now(clockid_t clock);


void
trace_stops_on_signals(void)
{
    /* A second signal ends the program at once. */
    struct sigaction action = {.sa_handler = stop, .sa_flags = SA_RESETHAND};
    struct sigaction before;

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    /* nohup keeps what it asked for. */
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
        sigaction(SIGHUP, &action, NULL);
    }
}


expo_status_t
trace(tracer_view_t *view, const options_t *o, spent_t *spent, uint32_t picture,
      uint32_t pictures)
{
    double begun = spent->seconds, part;
    uint32_t done = 0, next;
    unsigned mark = 0;
    expo_status_t st;

    do {
        next = done >= 8 ? 8 : done == 0 && o->samples ? 4 : 1;

        if (o->samples && done + next > o->samples) {
            next = o->samples - done;
        }

        if (mark < o->n_checkpoints && done + next > o->checkpoints[mark]) {
            next = o->checkpoints[mark] - done;
        }

        st = pass(view, next, spent);
        if (st != EXPO_OK) {
            return st;
        }

        done += next;

        if (mark < o->n_checkpoints && done == o->checkpoints[mark]) {
            checkpoint_write(view, o, done);
            spent->checkpoint_cpu_s[mark++] = spent->cpu_seconds;
            spent->n_checkpoints = mark;
        }

        part = o->samples ? (double) done / o->samples
                          : (spent->seconds - begun) / o->seconds;
        progress((picture + (part < 1 ? part : 1)) / pictures);
    } while (part < 1);

    if (picture + 1 == pictures) {
        progress(-1);
    }

    return EXPO_OK;
}


static expo_status_t
pass(tracer_view_t *view, uint32_t samples, spent_t *spent)
{
    double start = now(CLOCK_MONOTONIC);
    double start_cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    expo_status_t st = tracer_pass_part(view, samples, is_stopped, NULL);

    if (stopped) {
        progress(-1);
        fail(128 + stopped, "stopped; nothing is written");
    }

    spent->seconds += now(CLOCK_MONOTONIC) - start;
    spent->cpu_seconds += now(CLOCK_PROCESS_CPUTIME_ID) - start_cpu;

    return st;
}


static void
stop(int signal)
{
    stopped = signal;
}


static bool
is_stopped(void *ctx)
{
    (void) ctx;

    return stopped != 0;
}


/* The line of JSON. */
void
report(const tracer_t *tracer, const tracer_view_t *view, const options_t *o,
       const scan_t *scan, const spent_t *spent)
{
    uint32_t pictures = o->turntable > 0 ? o->turntable : 1;
    unsigned i;

    printf("{");

    if (o->turntable > 0) {
        printf("\"pictures\": %u, ", pictures);
    }

    if (scan->factor > 1) {
        printf("\"reduced\": %u, ", scan->factor);
    }

    if (o->filter) {
        printf("\"filter_cpu_seconds\": %.4f, ", filter_cost(view, o));
    }

    printf(
        "\"seconds\": %.4f, \"cpu_seconds\": %.4f, \"samples\": %u, "
        "\"noise\": %.3f, \"bad_paths\": %llu, \"width\": %u, \"height\": %u, "
        "\"device\": \"%s\", \"paths_per_second\": %.0f, \"checkpoints\": [",
        spent->seconds, spent->cpu_seconds, tracer_samples(view),
        tracer_noise(view), (unsigned long long) tracer_bad_paths(view),
        o->width, o->height, tracer_device(tracer),
        (double) tracer_samples(view) * pictures * o->width * o->height /
            spent->seconds);

    for (i = 0; i < spent->n_checkpoints; i++) {
        printf("%s{\"samples\": %u, \"cpu_seconds\": %.4f}", i ? ", " : "",
               o->checkpoints[i], spent->checkpoint_cpu_s[i]);
    }

    printf("]}\n");
}


/* CPU seconds of one filtered picture. */
static double
filter_cost(const tracer_view_t *view, const options_t *o)
{
    float *rgb = need(malloc((size_t) o->width * o->height * 3 * sizeof(*rgb)));
    double start = now(CLOCK_PROCESS_CPUTIME_ID);

    if (tracer_read_filtered(view, rgb) != EXPO_OK) {
        fail(EXIT_INPUT, "not enough memory to filter a picture");
    }

    free(rgb);

    return now(CLOCK_PROCESS_CPUTIME_ID) - start;
}


/* fraction < 0 ends the bar. */
static void
progress(double fraction)
{
    const int width = 50;
    int full;

    if (!isatty(STDERR_FILENO)) {
        return;
    }

    if (fraction < 0) {
        fputs("\r\033[K", stderr);
        return;
    }

    full = (int) (width * (fraction < 1 ? fraction : 1));
    fprintf(stderr, "\r[%.*s%*s] %3.0f %%", full,
            "##################################################", width - full,
            "", 100 * (fraction < 1 ? fraction : 1));
}


static double
now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);

    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}
