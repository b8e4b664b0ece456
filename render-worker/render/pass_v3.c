/* The same paths for CPUs with AVX2 and FMA; picked when the program runs. */

#ifdef __x86_64__
#pragma GCC target("arch=x86-64-v3")
#endif

#define PASS_V3
#define pass_tile pass_tile_v3
#include "render-worker/render/pass.c"
