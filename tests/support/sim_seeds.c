/*
 * sim_seeds.c - one number stands for a whole schedule.
 */
#include "support/sim_seeds.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/sim_alloc.h"

static uint64_t current_seed;
static bool has_handlers;

/* Called by sanitizers before they end the process, where one is linked in. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static void print_seed(void)
{
    char text[64];
    int size = snprintf(text, sizeof text, "BELFRY_SEED=%llu\n", (unsigned long long)current_seed);
    (void)!write(STDERR_FILENO, text, (size_t)size);
}

static void on_abort(int signal_number)
{
    print_seed();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void sim_set_seed(uint64_t seed)
{
    current_seed = seed;
    if (has_handlers)
        return;
    has_handlers = true;
    signal(SIGABRT, on_abort);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(print_seed);
}

static void run_one(uint64_t seed, void (*run)(uint64_t seed))
{
    sim_set_seed(seed);
    run(seed);
}

void sim_each_seed(const uint64_t *past, size_t past_count, unsigned count,
                   void (*run)(uint64_t seed))
{
    const char *only = getenv("BELFRY_SEED");
    const char *more = getenv("BELFRY_SIM_SEEDS");
    if (only != NULL) {
        run_one(strtoull(only, NULL, 10), run);
        return;
    }
    for (size_t i = 0; i < past_count; i++)
        run_one(past[i], run);
    if (more != NULL)
        count = (unsigned)strtoul(more, NULL, 10);
    for (unsigned seed = 1; seed <= count; seed++)
        run_one(seed, run);
}

void sim_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    print_seed();
    fflush(stdout);
    _exit(1); /* the world stays behind: all that followed would be reports of its leaks */
}

void sim_each_failure(unsigned runs, uint64_t count, bool (*run)(uint64_t first, uint64_t count))
{
    const char *wanted = getenv("BELFRY_SIM_SEEDS");
    const char *only = getenv("BELFRY_SEED"); /* here: which allocation */
    uint64_t before = sim_alloc_count();
    SIM_CHECK(run(0, 0), "it does not work with all the memory it wants");
    uint64_t all = sim_alloc_count() - before;
    uint64_t most = wanted != NULL ? strtoull(wanted, NULL, 10) : runs;
    uint64_t stride = BELFRY_MAX(all / BELFRY_MAX(most, (uint64_t)1), (uint64_t)1);
    if (only != NULL) {
        (void)run(strtoull(only, NULL, 10), count);
        return;
    }
    for (uint64_t first = 1; first <= all; first += stride)
        (void)run(first, count);
}
