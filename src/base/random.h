/*
 * random.h - the only place that asks for randomness.
 *
 * A struct random_source is the kernel's generator, or, in tests, a seeded one that replays.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random_source {
    void (*fill)(void *user, void *out, size_t size);
    void *user;
};

extern const struct random_source random_system; /* unguessable */

/* A replayable generator (xoshiro256**); for tests, jitter and load, never for secrets. */
struct random_seeded {
    uint64_t state[4];
};

void random_seed(struct random_seeded *r, uint64_t seed);
uint64_t random_next(struct random_seeded *r);
uint64_t random_below(struct random_seeded *r, uint64_t bound); /* 0 when @bound is 0 */
struct random_source random_source_of(struct random_seeded *r);

static inline void random_fill(const struct random_source *source, void *out, size_t size)
{
    source->fill(source->user, out, size);
}

#endif
