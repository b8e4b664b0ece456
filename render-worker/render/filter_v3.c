/* The same filter for CPUs with AVX2 and FMA; picked when the program runs. */

#ifdef __x86_64__
#pragma GCC target("arch=x86-64-v3")
#endif

#define FILTER_V3
#define filter_run filter_run_v3
#define filter_keep filter_keep_v3
#include "render-worker/render/filter.c"
