/*
 * bench.c - options in, report out.
 */
#include "bench/bench.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "bench/modes.h"

bool bench_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("belfry bench: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    return false;
}

static bool measure(const struct target *target, struct report *r)
{
    switch (r->options->mode) {
    case BENCH_ECHO:
        return echo_measure(target, r);
    case BENCH_FANOUT:
        return fanout_measure(target, r);
    case BENCH_CONNECT:
        return connect_measure(target, r);
    case BENCH_IDLE:
        return idle_measure(target, r);
    }
    BELFRY_UNREACHABLE("every mode is measured");
}

static bool run(const struct bench_options *options)
{
    struct target target;
    if (!target_parse(options->url, options->may_leave_loopback, &target))
        return false;
    struct report *r = mem_alloc_zeroed(sizeof *r);
    if (r == NULL)
        return bench_complain("out of memory");
    r->options = options;
    bool is_good = measure(&target, r);
    if (is_good)
        report_print(r);
    mem_free(r);
    return is_good;
}

int bench_main(int argc, char **argv)
{
    struct bench_options options;
    switch (options_parse(argc, argv, &options)) {
    case OPTIONS_WRONG:
        return 2;
    case OPTIONS_HELP:
        options_print_help();
        return 0;
    case OPTIONS_RUN:
        break;
    }
    return run(&options) ? 0 : 1;
}
