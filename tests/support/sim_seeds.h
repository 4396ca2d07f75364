/*
 * sim_seeds.h - running a scenario under many seeds, and saying which one failed.
 *
 *     BELFRY_SEED=42 build/tests/sim-test_rooms        that one schedule again
 *     BELFRY_SIM_SEEDS=10000 build/tests/sim-test_rooms
 *
 * A failure, also an assertion or a sanitizer's report, prints BELFRY_SEED=... first.
 */
#ifndef SUPPORT_SIM_SEEDS_H
#define SUPPORT_SIM_SEEDS_H

#include "base/defs.h"

/* Runs @run with the @past seeds (those that failed once), then with 1 .. @count. */
void sim_each_seed(const uint64_t *past, size_t past_count, unsigned count,
                   void (*run)(uint64_t seed));

/*
 * Runs @run, which makes the server's allocations from the @first on fail, @count of them, with
 * @runs (BELFRY_SIM_SEEDS: another number) firsts that are spread evenly; BELFRY_SEED is the one
 * first to run. 0, 0: none fails, which says how many there are, and must be true.
 */
void sim_each_failure(unsigned runs, uint64_t count, bool (*run)(uint64_t first, uint64_t count));

/* For scenarios without a loop of seeds: what a failure should print. */
void sim_set_seed(uint64_t seed);

/* Says why and with which seed, and ends the process. */
_Noreturn void sim_fail(const char *file, int line, const char *format, ...) BELFRY_PRINTF(3, 4);

/* SIM_CHECK(condition, "what went wrong: %d", n) */
#define SIM_CHECK(condition, ...) \
    (BELFRY_LIKELY(condition) ? (void)0 : sim_fail(__FILE__, __LINE__, __VA_ARGS__))

#endif
