/*
 * clock.h - the only place that asks the system for the time.
 *
 * Everybody else gets @now_ms as a value, or a struct clock that the tests can turn by hand.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
    uint64_t (*monotonic_ms)(void *user); /* for deadlines; never goes back */
    uint64_t (*wall_ms)(void *user);      /* milliseconds since 1970 */
    void *user;
};

extern const struct clock clock_system;

uint64_t clock_monotonic_ns(void); /* for measuring only */

#endif
