/*
 * args.h - the first word of the command line: which verb, and whose help.
 *
 *     belfry serve --demo          verb SERVE, argv "serve" "--demo"
 *     belfry help serve            verb SERVE, wants_help
 *     belfry serve --help          the same
 *     belfry, belfry --help        verb HELP
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdio.h>

#include "base/defs.h"
#include "config/config.h"

/*  name     text       what it does */
#define ARGS_VERBS(X)                                                                        \
    X(SERVE, "serve", "run the server")                                                      \
    X(BENCH, "bench", "measure a server: connects/s, messages/s, latency")                   \
    X(CONFIG, "config", "print the effective configuration: config, config env, config doc") \
    X(CHECK, "check", "validate the configuration and explain its risky settings")           \
    X(VERSION, "version", "print the version")                                               \
    X(HELP, "help", "explain a verb: belfry help serve")

enum args_verb {
#define ARGS_ENUM_ROW(name, text, help) ARGS_##name,
    ARGS_VERBS(ARGS_ENUM_ROW)
#undef ARGS_ENUM_ROW
};

struct args {
    enum args_verb verb;
    bool wants_help; /* of that verb; BENCH reads its own --help */
    int argc;        /* the verb and what follows it: argv[0] is the verb */
    char **argv;
};

/* Errors: BELFRY_ERR_CONFIG  no such verb; @error names it. */
BELFRY_NODISCARD belfry_err args_parse(struct args *out, int argc, char **argv,
                                       struct config_error *error);

/* `belfry help`. */
void args_print_usage(FILE *out);

#endif
