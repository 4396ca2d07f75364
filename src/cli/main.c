/*
 * main.c - which verb?
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <belfry/belfry.h>

#include "bench/bench.h"
#include "cli/args.h"
#include "cli/config_command.h"
#include "cli/serve.h"
#include "config/write.h"

static int help(const struct args *args)
{
    if (args->verb == ARGS_SERVE || args->verb == ARGS_CHECK || args->verb == ARGS_CONFIG)
        config_print_help(stdout);
    else if (args->verb == ARGS_BENCH)
        return bench_main(2, (char *[]){ "bench", "--help", NULL });
    else
        args_print_usage(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    struct args args;
    struct config_error error;
    if (args_parse(&args, argc, argv, &error) != BELFRY_OK) {
        fprintf(stderr, "belfry: %s\n", error.text);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write, not our end */
    if (args.wants_help)
        return help(&args);
    switch (args.verb) {
    case ARGS_SERVE:
        return command_serve(args.argc, args.argv);
    case ARGS_BENCH:
        return bench_main(args.argc, args.argv);
    case ARGS_CONFIG:
        return command_config(args.argc, args.argv);
    case ARGS_CHECK:
        return command_check(args.argc, args.argv);
    case ARGS_VERSION:
        printf("belfry %s\n", belfry_version());
        return 0;
    case ARGS_HELP:
        args_print_usage(stdout);
        return 0;
    }
    return 2;
}
