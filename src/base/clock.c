/*
 * clock.c - clock_gettime, and nothing else.
 */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static uint64_t read_ms(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t); /* cannot fail for these clocks */
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t system_monotonic_ms(void *user)
{
    (void)user;
    return read_ms(CLOCK_MONOTONIC);
}

static uint64_t system_wall_ms(void *user)
{
    (void)user;
    return read_ms(CLOCK_REALTIME);
}

const struct clock clock_system = { system_monotonic_ms, system_wall_ms, NULL };

uint64_t clock_monotonic_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
