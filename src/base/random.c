/*
 * random.c - the kernel's generator behind a small cache, and xoshiro256** for replays.
 */
#include "base/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/defs.h"

#define POOL_SIZE 512
#define LARGEST_FROM_POOL 32

/* Ids need a few bytes at a time. What was given out is erased; a child of fork starts anew. */
struct pool {
    uint8_t bytes[POOL_SIZE];
    size_t left;
    pid_t owner;
};

static void ask_system(void *out, size_t size)
{
    uint8_t *at = out;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        /* Without randomness no id is a secret; going on would be worse than stopping. */
        BELFRY_ASSERT(got > 0);
        at += got;
        size -= (size_t)got;
    }
}

static void system_fill(void *user, void *out, size_t size)
{
    static _Thread_local struct pool pool;
    (void)user;
    if (size > LARGEST_FROM_POOL) {
        ask_system(out, size);
        return;
    }
    if (pool.left < size || pool.owner != getpid()) {
        ask_system(pool.bytes, POOL_SIZE);
        pool.left = POOL_SIZE;
        pool.owner = getpid();
    }
    pool.left -= size;
    memcpy(out, pool.bytes + pool.left, size);
    explicit_bzero(pool.bytes + pool.left, size);
}

const struct random_source random_system = { system_fill, NULL };

static uint64_t rotate_left(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

/* splitmix64 spreads a small seed over the whole state. */
void random_seed(struct random_seeded *r, uint64_t seed)
{
    for (size_t i = 0; i < BELFRY_COUNT(r->state); i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        r->state[i] = z ^ (z >> 31);
    }
}

uint64_t random_next(struct random_seeded *r)
{
    uint64_t *s = r->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t random_below(struct random_seeded *r, uint64_t bound)
{
    return bound == 0 ? 0 : random_next(r) % bound;
}

static void seeded_fill(void *user, void *out, size_t size)
{
    uint8_t *at = out;
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)random_next(user);
}

struct random_source random_source_of(struct random_seeded *r)
{
    return (struct random_source){ seeded_fill, r };
}
