/*
 * Random numbers as functions of (seed, pixel, sample, dimension): nothing
 * depends on which thread asks, or when.
 *
 * Decisions that stratify well (pixel, lens, lamp, direction) use pairs of the
 * Owen-scrambled Sobol sequence; tracking, whose count of numbers is open, uses
 * a hashed counter.
 */

#ifndef PT_RANDOM_H
#define PT_RANDOM_H

#include "render-worker/render/kernel/pt_math.h"

typedef struct {
    uint64_t key;
    uint64_t count;
    uint32_t pair_key;
    uint32_t sample;
} pt_random_t;

/* Source: Steele et al., SplitMix, 2014; Stafford's variant 13. */
PT_FN uint64_t
pt_hash(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;

    return z ^ (z >> 31);
}

PT_FN pt_random_t
pt_random(uint64_t seed, uint32_t pixel, uint32_t sample)
{
    pt_random_t r;
    uint64_t base = pt_hash(seed + 0x9e3779b97f4a7c15ull * (pixel + 1ull));

    r.pair_key = (uint32_t) (base >> 32);
    r.sample = sample;
    r.key = pt_hash(base ^ (0xd1342543de82ef95ull * (sample + 1ull)));
    r.count = 0;

    return r;
}

/* The same, but a pixel's samples have no more to do with each other than any
 * random numbers: what stratifying is measured against. */
PT_FN pt_random_t
pt_random_plain(uint64_t seed, uint32_t pixel, uint32_t sample)
{
    pt_random_t r = pt_random(seed, pixel, sample);

    r.pair_key = (uint32_t) (r.key >> 32);

    return r;
}

/* u in (0, 1], v in [0, 1). */
PT_FN void
pt_random_two(pt_random_t *r, float *u, float *v)
{
    uint64_t z = pt_hash(r->key + 0x9e3779b97f4a7c15ull * ++r->count);

    *u = (float) (int32_t) ((uint32_t) (z >> 40) + 1u) * 0x1p-24f;
    *v = (float) (int32_t) ((uint32_t) z >> 8) * 0x1p-24f;
}

PT_FN uint32_t
pt_reverse(uint32_t v)
{
    v = ((v >> 1) & 0x55555555u) | ((v & 0x55555555u) << 1);
    v = ((v >> 2) & 0x33333333u) | ((v & 0x33333333u) << 2);
    v = ((v >> 4) & 0x0f0f0f0fu) | ((v & 0x0f0f0f0fu) << 4);
    v = ((v >> 8) & 0x00ff00ffu) | ((v & 0x00ff00ffu) << 8);

    return (v >> 16) | (v << 16);
}

/*
 * Owen scrambling of a bit-reversed number: a bit is changed by lower ones
 * only. Source: Burley, Practical hash-based Owen scrambling, 2020.
 */
PT_FN uint32_t
pt_owen(uint32_t v, uint32_t seed)
{
    v += seed;
    v ^= v * 0x6c50b47cu;
    v ^= v * 0xb82f1e52u;
    v ^= v * 0xc7afe638u;

    return v ^ (v * 0x8d22f6e6u);
}

/*
 * The second Sobol dimension, bit-reversed: its matrix is Pascal's triangle
 * modulo 2, whose entry (j, k) is 1 where the bits of j are among k's (Lucas).
 */
PT_FN uint32_t
pt_pascal(uint32_t v)
{
    v ^= (v >> 1) & 0x55555555u;
    v ^= (v >> 2) & 0x33333333u;
    v ^= (v >> 4) & 0x0f0f0f0fu;
    v ^= (v >> 8) & 0x00ff00ffu;

    return v ^ (v >> 16);
}

/* A pair in [0, 1)^2; each dim is its own shuffled, scrambled sequence. */
PT_FN void
pt_random_pair(const pt_random_t *r, uint32_t dim, float *u, float *v)
{
    uint64_t h = pt_hash(((uint64_t) r->pair_key << 32) | dim);
    uint32_t index = pt_reverse(pt_owen(pt_reverse(r->sample), (uint32_t) h));
    uint32_t a = pt_owen(index, (uint32_t) (h >> 32));
    uint32_t b = pt_owen(pt_pascal(index), (uint32_t) (h >> 16) * 0x9e3779b1u);

    *u = (float) (int32_t) (pt_reverse(a) >> 8) * 0x1p-24f;
    *v = (float) (int32_t) (pt_reverse(b) >> 8) * 0x1p-24f;
}

#endif
